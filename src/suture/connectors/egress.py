"""The one way out over HTTP: every outbound request of every connector passes here, and only here.

An egress belongs to one destination: one origin, one pool (so a slow destination holds up nobody
else), one allow-list. It refuses addresses nobody listed (SSRF, bad inputs B79 to B84), follows no
redirect, decodes nothing, stops at a byte cap and a total deadline (B85), and says of a request
that failed whether any byte of it may have left: the difference between "try again" and "ask
first". It logs nothing. What a status code means is the connector's business.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Mapping
from types import SimpleNamespace

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from suture.model.fault import Fault, fault

REQUEST_BYTES_MAX = 1024 * 1024
SCHEMES = ("https",)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_RFC1918 = tuple(
    ipaddress.IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request may cost. `connect` covers waiting for a free connection, DNS, TCP and TLS."""

    connect_seconds_max: float = 5.0
    total_seconds_max: float = 30.0
    reply_bytes_max: int = 1024 * 1024
    connections_max: int = 8


class Allowed(msgspec.Struct, frozen=True):
    """A host and port an administrator listed for a destination, in lower case.

    A listed name may resolve to public and RFC 1918 addresses (hospital ERPs have those), never to
    loopback, link-local, unique-local and other special ones: those are reached only where the
    address itself, or `localhost`, is what was listed (B79).
    """

    host: str
    port: int


class Reply(msgspec.Struct, frozen=True):
    """A complete reply; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Lost(msgspec.Struct, frozen=True):
    """No usable reply. `may_have_arrived` is False only when no byte of the request was sent."""

    fault: Fault
    may_have_arrived: bool


def parse_allowed(text: str) -> Allowed | Fault:
    """Read one `host:port` of an allow-list; IPv6 addresses stand in brackets."""
    url = _parse_url(f"https://{text}") if text and "/" not in text else None
    if url is None or url.raw_host is None or url.explicit_port is None or url.user is not None:
        return fault("egress.allow.invalid", "allow", f"`{_quoted(text)}` is not host:port.")
    return Allowed(url.raw_host, url.explicit_port)


def check_url(text: str, allowed: tuple[Allowed, ...], schemes: tuple[str, ...]) -> URL | Fault:
    """Return the base URL of a destination when it is well-formed and listed, or why it is not.

    Refused: control characters and spaces (B84), user names, queries and fragments, schemes beyond
    `schemes` (B83), and any host and port that are not in `allowed`, compared as written: a number
    that only resolves to a listed address is not listed (B80).
    """
    url = _parse_url(text)
    if url is None or not url.raw_host or url.raw_query_string or url.raw_fragment:
        return fault("egress.url.invalid", "url")
    if url.user is not None or url.password is not None:
        return fault("egress.url.invalid", "url", "A URL may not carry a user name or password.")
    if url.scheme not in schemes:
        explanation = f"`{url.scheme}` is not among {', '.join(schemes)}."
        return fault("egress.scheme.refused", "url", explanation)
    if Allowed(url.raw_host, url.port or 0) not in allowed:
        where = f"{url.raw_host}:{url.port}"
        return fault("egress.destination.not_allowed", where)
    return url


def _parse_url(text: str) -> URL | None:
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        return URL(text)
    except ValueError:
        return None


def _quoted(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:80])


def is_address_permitted(address: str, listed_host: str) -> bool:
    """Tell whether a resolved address may be connected to for the host that was listed.

    NAT64, 6to4, mapped and compatible forms are unwrapped first: Python calls several of them
    global although they reach loopback (B81).
    """
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if listed_host == str(given):
        return True
    inner = _unwrapped(given)
    if inner is not None and inner.is_loopback:
        return listed_host == "localhost"
    if inner is None or inner.is_multicast or inner.is_reserved:
        return False
    return inner.is_global or any(inner in network for network in _RFC1918)


def _unwrapped(address: _Address) -> _Address | None:
    """Return the address that is really reached, or None when that cannot be told."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64_LOCAL or address.teredo is not None:
        return None
    return address


class _AddressDeniedError(OSError):
    """Every address of a name was denied."""


class _CheckedResolver(AbstractResolver):
    """Resolve a name once, hand out only permitted addresses: what is checked is what is dialled.

    The connection goes to the very address returned here while TLS and Host keep the name, so a
    name that changes its answer between check and use (DNS rebinding, B82) gains nothing.
    """

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        permitted = [result for result in found if is_address_permitted(result["host"], host)]
        if not permitted:
            raise _AddressDeniedError("no permitted address")
        return permitted

    async def close(self) -> None:
        await self._inner.close()


class Egress:
    """The way out to one destination. Make it with `open_egress`; close it when done."""

    def __init__(
        self,
        base: URL,
        limits: Limits,
        tls: ssl.SSLContext | None,
        resolver: AbstractResolver | None,
    ) -> None:
        self._base = base
        self._limits = limits
        self._tls = tls
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    @property
    def where(self) -> str:
        """The destination as faults name it: `host:port`."""
        return f"{self._base.raw_host}:{self._base.port}"

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply | Lost:
        """Send one request and return its whole reply, or what became of it.

        `path` is appended to the base URL; it and the header values come from code and settings,
        not from messages. Never retries, except that aiohttp repeats a GET once when the kept
        connection it chose turns out to be closed. Raises nothing but cancellation.
        """
        if body is not None and len(body) > REQUEST_BYTES_MAX:
            return self._lost("egress.request.too_large", may_have_arrived=False)
        attempt = SimpleNamespace(may_have_arrived=False)
        try:
            async with self._open_session().request(
                method,
                (self._base / path).with_query(query or {}),
                headers=headers,
                data=body,
                allow_redirects=False,
                trace_request_ctx=attempt,
            ) as response:
                return await self._read(response)
        except TimeoutError:
            code = (
                "egress.deadline.total" if attempt.may_have_arrived else "egress.deadline.connect"
            )
            return self._lost(code, may_have_arrived=attempt.may_have_arrived)
        except (aiohttp.ClientError, OSError) as error:
            code = _code(error, may_have_arrived=attempt.may_have_arrived)
            return self._lost(code, may_have_arrived=attempt.may_have_arrived)

    async def _read(self, response: aiohttp.ClientResponse) -> Reply | Lost:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            return self._lost("egress.reply.encoded", may_have_arrived=True)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limits.reply_bytes_max:
                response.close()
                return self._lost("egress.reply.too_large", may_have_arrived=True)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, bytes(body))

    def _lost(self, code: str, *, may_have_arrived: bool) -> Lost:
        return Lost(fault(code, self.where), may_have_arrived)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _make_session(self._limits, self._tls, self._resolver)
        return self._session

    async def close(self) -> None:
        """Close the pool of connections."""
        if self._session is not None:
            await self._session.close()


def open_egress(
    url: str,
    allowed: tuple[Allowed, ...],
    limits: Limits,
    *,
    schemes: tuple[str, ...] = SCHEMES,
    tls: ssl.SSLContext | None = None,
    resolver: AbstractResolver | None = None,
) -> Egress | Fault:
    """Check a destination's base URL and return the way to it; connects at the first request.

    `tls` None verifies against the system's authorities; pass a context for a private authority or
    a client certificate. `resolver` None asks the operating system.
    """
    base = check_url(url, allowed, schemes)
    if isinstance(base, Fault):
        return base
    return Egress(base, limits, tls, resolver)


def _code(error: Exception, *, may_have_arrived: bool) -> str:
    if may_have_arrived:
        return "egress.connection.lost"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        denied = isinstance(error.os_error, _AddressDeniedError)
        return "egress.address.denied" if denied else "egress.name.unresolved"
    if isinstance(error, aiohttp.ClientSSLError):
        return "egress.tls.failed"
    return "egress.connection.failed"


def _make_session(
    limits: Limits, tls: ssl.SSLContext | None, resolver: AbstractResolver | None
) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=limits.connections_max,
        resolver=_CheckedResolver(resolver or aiohttp.ThreadedResolver()),
        ssl=True if tls is None else tls,
    )
    timeout = aiohttp.ClientTimeout(
        total=limits.total_seconds_max, connect=limits.connect_seconds_max, ceil_threshold=3600
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "suture"},
        auto_decompress=False,
        trace_configs=[_sending_watch()],
    )


def _sending_watch() -> aiohttp.TraceConfig:
    """Mark an attempt from the moment it holds a connection: bytes may leave from then on."""

    async def connected(
        _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object
    ) -> None:
        context.trace_request_ctx.may_have_arrived = True

    watch = aiohttp.TraceConfig()
    watch.on_connection_create_end.append(connected)
    watch.on_connection_reuseconn.append(connected)
    return watch
