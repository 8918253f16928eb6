"""The one way in over HTTP: every door that speaks it listens here, and only here.

Requests are read within limits (connections, head, body as sent and unpacked, time), let in by
`access.py`, handed on whole, and answered in the words of their door (`Wording`). Nothing of a
request is logged: what goes wrong is told by code and peer. Bad inputs B44, B45, B55; RFC 9110,
9112. TLS is put before it by `secured.py`.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, cast

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from suture.connectors.access import Guard
from suture.connectors.listening import HttpListening, ServerLimits
from suture.connectors.ports import NotStoredError, Surroundings, Taker
from suture.connectors.secured import HandshakeCodes, SecuredPort
from suture.connectors.tls import Contexts, server_contexts
from suture.model.fault import Fault, fault

RETRY_AFTER_SECONDS = 5
UNPACKED_BYTES_MIN = 64 * 1024
"""A body that unpacks to no more than this may have any ratio: XML of repeats packs well."""
LINGERING_SECONDS = 1.0
"""For the rest of a request that is refused before its end, so that its sender sees why."""

_CODES = HandshakeCodes("http.connections.too_many", "http.tls.handshake")
_TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*(\?[\x21-\x7e]*)?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?", re.ASCII)
_ALIKE = {"gzip", "x-gzip"}
_silent = logging.getLogger(__name__)
_silent.propagate = False
_silent.setLevel(logging.CRITICAL + 1)
"""The library would log what it could not read, and with it what a patient's message says."""

_STATUSES = {
    "http.access.refused": 401,
    "http.origin.refused": 403,
    "http.path.unknown": 404,
    "http.method.refused": 405,
    "http.request.too_large": 413,
    "http.type.unsupported": 415,
    "http.encoding.unsupported": 415,
    "http.expectation.unknown": 417,
    "http.message.not_stored": 503,
    "http.door.busy": 503,
}
"""By the code of a fault; 400 for all others."""


class Head(msgspec.Struct, frozen=True):
    """What a request says before its body."""

    method: str
    query: str
    headers: Mapping[str, str]
    """By lower name; several of one name are joined by commas (RFC 9110, 5.3)."""

    @property
    def content_type(self) -> str:
        """The media type, without its parameters, in lower case; empty where none is said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender is told."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = {}


class Wording(Protocol):
    """What a door says of its own: which requests it takes, and how it answers them."""

    def admit(self, head: Head) -> Answer | Fault | None:
        """Answer a request that needs no body, or say why it is not taken; None where it is."""

    async def answer(self, head: Head, body: bytes, peer: str) -> Answer | Fault:
        """Hand on a body and word what became of it. Raises NotStoredError."""

    def refusal(self, head: Head, status: int, reason: Fault) -> Answer:
        """Word why a request was not taken."""


class Ingress:
    """Listens on one port for one source; fills the port `MessageDoor`."""

    def __init__(
        self,
        settings: HttpListening,
        wording: Wording,
        guard: Guard,
        taker: Taker,
        contexts: Contexts | None,
        *,
        is_basic_asked: bool,
    ) -> None:
        self.limits: ServerLimits = settings.limits
        self.server = web.Server(self._handle)
        self.observe = taker.observe
        self.connections: set[_Connection] = set()
        self.peers: Counter[str] = Counter()
        self.is_draining = False
        self.address = ""
        self._settings = settings
        self._wording = wording
        self._guard = guard
        self._is_basic_asked = is_basic_asked
        self._held_bytes = 0
        """Of all requests: bodies that are read and not answered yet."""
        self._plain: asyncio.Server | None = None
        self._secured = (
            SecuredPort(
                contexts,
                lambda: _Connection(self),
                self.observe,
                self.has_room,
                self.limits.request_seconds_max,
                _CODES,
            )
            if contexts is not None
            else None
        )

    def has_room(self, peer: str, of_peer_count: int = 0, all_count: int = 0) -> bool:
        """Return whether one more connection of a peer may come, beside these not counted yet."""
        limits = self.limits
        return (
            len(self.connections) + all_count < limits.connections_max
            and self.peers[peer] + of_peer_count < limits.connections_per_peer_max
        )

    async def start(self) -> None:
        """Begin to listen. Raises OSError."""
        settings = self._settings
        if self._secured is not None:
            port = await self._secured.start(settings.host, settings.port)
        else:
            self._plain = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self), settings.host, settings.port, backlog=512
            )
            port = int(self._plain.sockets[0].getsockname()[1])
        scheme = "http" if self._secured is None else "https"
        self.address = f"{scheme}://{settings.host}:{port}{settings.path}"

    async def drain(self) -> None:
        self.is_draining = True
        if self._secured is not None:
            await self._secured.drain()
        if self._plain is not None:
            self._plain.close()
        await asyncio.gather(*(each.finish() for each in list(self.connections)))
        await self.server.shutdown(LINGERING_SECONDS)
        if self._plain is not None:
            await self._plain.wait_closed()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every failure of ours is a refusal that asks to send again."""
        connection = cast("_Connection", request.protocol)
        connection.begin()
        head = _head(request)
        try:
            with self._held() as held:
                answer = await self._answer(request, head, connection, held)
        except (ConnectionError, RequestPayloadError):
            # Where its end did not come nobody is left to be told, or blamed.
            if request.transport is not None:
                connection.observe("http.request.malformed")
            answer = self._refused(head, fault("http.request.malformed", "body"))
        except Exception:  # noqa: BLE001 - whatever it was, nobody may think that it is stored
            connection.observe("http.message.not_stored")
            answer = self._refused(head, fault("http.message.not_stored", "body"))
        response = web.Response(
            status=answer.status,
            body=answer.body,
            headers={
                "Server": "suture",
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                **({"Content-Type": answer.content_type} if answer.body else {}),
                **answer.headers,
            },
        )
        if self.is_draining or not request.content.is_eof():
            response.force_close()
        connection.is_answering = True
        connection.disarm()
        return response

    async def _answer(
        self, request: web.BaseRequest, head: Head, connection: _Connection, held: _Held
    ) -> Answer:
        """Return what a request is answered; a refusal is noted where its sender is to blame."""
        told = self._check(request, head)
        if told is None:
            told = await self._taken(request, head, connection, held)
        if isinstance(told, Fault):
            connection.observe(told.code)
            return self._refused(head, told)
        return told

    async def _taken(
        self, request: web.BaseRequest, head: Head, connection: _Connection, held: _Held
    ) -> Answer | Fault:
        """Read a body and have it answered by its door."""
        if request.headers.get("Expect"):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        body = await self._read(request, head, held)
        if isinstance(body, Fault):
            return body
        connection.is_answering = True
        connection.disarm()
        try:
            return await self._wording.answer(head, body, connection.peer)
        except NotStoredError:
            return fault("http.message.not_stored", "body")

    def _check(self, request: web.BaseRequest, head: Head) -> Answer | Fault | None:
        """Return why nothing more is read of a request, or its answer; None where its body is."""
        target = request.raw_path
        if _TARGET.fullmatch(target) is None or "/.." in target.partition("?")[0]:
            return fault("http.request.malformed", "target")
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or _HOST.fullmatch(hosts[0]) is None:
            return fault("http.request.malformed", "Host")
        if target.partition("?")[0] != self._settings.path:
            return fault("http.path.unknown", "target")
        if "origin" in head.headers:
            return fault("http.origin.refused", "Origin")
        wrong = self._guard.knock(head.headers, is_basic_asked=self._is_basic_asked)
        return wrong or self._wording.admit(head) or self._check_body(request, head)

    def _check_body(self, request: web.BaseRequest, head: Head) -> Fault | None:
        if head.headers.get("content-encoding", "identity").lower() not in {"identity", *_ALIKE}:
            return fault("http.encoding.unsupported", "Content-Encoding")
        if head.headers.get("expect", "100-continue").lower() != "100-continue":
            return fault("http.expectation.unknown", "Expect")
        if (request.content_length or 0) > self.limits.body_bytes_max:
            return fault("http.request.too_large", "Content-Length")
        return None

    async def _read(self, request: web.BaseRequest, head: Head, held: _Held) -> bytes | Fault:
        """Read a body, unpacked, once its signature has been looked at."""
        raw = bytearray()
        is_packed = head.headers.get("content-encoding", "identity").lower() in _ALIKE
        unpacking = _Unpacking(self.limits) if is_packed else None
        async for chunk in request.content.iter_any():
            raw += chunk
            held.add(len(chunk))
            if len(raw) > self.limits.body_bytes_max:
                return fault("http.request.too_large", "body")
            if unpacking is not None and (wrong := unpacking.feed(chunk, held)) is not None:
                return wrong
            if self._held_bytes > self.limits.listener_bytes_max:
                return fault("http.door.busy", "body")
        wrong = self._guard.verify(head.headers, bytes(raw), time.time())
        if wrong is not None:
            return wrong
        if unpacking is not None and not unpacking.is_whole:
            return fault("http.request.malformed", "Content-Encoding")
        body = bytes(raw if unpacking is None else unpacking.content)
        return body or fault("http.request.malformed", "body", "it has no body")

    def _refused(self, head: Head, reason: Fault) -> Answer:
        status = _STATUSES.get(reason.code, 400)
        answer = self._wording.refusal(head, status, reason)
        headers = dict(answer.headers)
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="suture"'
        if status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        if status == 405:
            headers["Allow"] = "POST"
        return msgspec.structs.replace(answer, headers=headers)

    @contextmanager
    def _held(self) -> Iterator[_Held]:
        """Count what one request holds in memory, until it is answered."""
        held = _Held(self)
        try:
            yield held
        finally:
            self._held_bytes -= held.bytes_count

    def hold(self, bytes_count: int) -> None:
        """Count bytes that a request holds."""
        self._held_bytes += bytes_count


class _Held:
    """The bytes that one request holds in memory."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self.bytes_count = 0

    def add(self, bytes_count: int) -> None:
        self.bytes_count += bytes_count
        self._ingress.hold(bytes_count)


class _Unpacking:
    """One gzip member unpacked as it comes, up to a size and a ratio (B45, RFC 1952)."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._packed_bytes = 0
        self.content = bytearray()

    @property
    def is_whole(self) -> bool:
        """Whether it ended where it should, with nothing after it."""
        return self._zlib.eof and not self._zlib.unused_data

    def feed(self, chunk: bytes, held: _Held) -> Fault | None:
        """Unpack more; return why no more may be unpacked."""
        self._packed_bytes += len(chunk)
        room = self._limits.body_bytes_max + 1 - len(self.content)
        try:
            unpacked = self._zlib.decompress(chunk, room)
        except zlib.error:
            return fault("http.request.malformed", "Content-Encoding")
        self.content += unpacked
        held.add(len(unpacked))
        is_bomb = len(self.content) > max(
            UNPACKED_BYTES_MIN, self._limits.ratio_max * self._packed_bytes
        )
        if is_bomb or len(self.content) > self._limits.body_bytes_max:
            return fault("http.request.too_large", "Content-Encoding")
        return None


class _Connection(RequestHandler):
    """One peer: counted, and held to its time; aiohttp reads its requests."""

    def __init__(self, ingress: Ingress) -> None:
        limits = ingress.limits
        super().__init__(
            ingress.server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle_seconds_max,
            logger=_silent,
            access_log=_silent,
            max_line_size=limits.header_bytes_max,
            max_field_size=limits.header_bytes_max,
            max_headers=limits.headers_max,
            lingering_time=LINGERING_SECONDS,
            auto_decompress=False,
        )
        self._ingress = ingress
        self.peer = ""
        self.is_answering = False
        """A whole request is with us: its peer's time stands still."""
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None
        self._lost = asyncio.Event()

    def observe(self, code: str) -> None:
        """Tell of what went wrong here."""
        self._ingress.observe(code, self.peer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast("asyncio.Transport", transport)
        self.peer = str((transport.get_extra_info("peername") or ("?",))[0])
        ingress = self._ingress
        if ingress.is_draining or not ingress.has_room(self.peer):
            self.observe(_CODES.too_many)
            self._wire.abort()
            return
        ingress.connections.add(self)
        ingress.peers[self.peer] += 1
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.disarm()
        self._lost.set()
        if self._unread is not None:
            self._unread.cancel()
        ingress = self._ingress
        if self in ingress.connections:
            ingress.connections.discard(self)
            ingress.peers[self.peer] -= 1
            if not ingress.peers[self.peer]:
                del ingress.peers[self.peer]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.is_answering:
            self._arm()
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - the library's signature
        status: int = 500,  # noqa: ARG002
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or too much of it, without a word of it (B44)."""
        self.observe("http.request.malformed")
        response = web.Response(status=431 if isinstance(exc, LineTooLong) else 400)
        response.headers["Server"] = "suture"
        response.force_close()
        self.is_answering = True
        self.disarm()
        return response

    def begin(self) -> None:
        """Note that a request has begun: its end must come in time."""
        self.is_answering = False
        self._arm()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Give an answer, which must be read in time (B9)."""
        if self._unread is not None:
            self._unread.cancel()
        seconds = self._ingress.limits.reply_seconds_max
        self._unread = asyncio.get_running_loop().call_later(seconds, self._expire_unread)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self.is_answering = False

    async def finish(self) -> None:
        """Answer what is whole, then close; what is half there is its sender's to send again."""
        if self.is_answering:
            self.close()
            await self._lost.wait()
            return
        self.force_close()
        try:
            await asyncio.wait_for(self._lost.wait(), self._ingress.limits.reply_seconds_max)
        except TimeoutError:
            self._cut()

    def _arm(self) -> None:
        if self._deadline is None:
            seconds = self._ingress.limits.request_seconds_max
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._expire)

    def disarm(self) -> None:
        """Let no time run."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        self.observe("http.request.overdue")
        self._cut()

    def _expire_unread(self) -> None:
        if self._wire is not None and self._wire.get_write_buffer_size():
            self.observe("http.reply.unread")
            self._cut()

    def _cut(self) -> None:
        if self._wire is not None:
            self._wire.abort()


async def open_ingress(
    settings: HttpListening,
    wording: Wording,
    taker: Taker,
    surroundings: Surroundings,
    *,
    is_basic_asked: bool = True,
) -> Ingress | Fault:
    """Begin to listen, or say why not.

    Where `is_basic_asked` is off, `wording` asks for the password by itself.
    """
    guard = Guard(settings.access, surroundings.secret)
    if missing := guard.missing():
        return fault("http.secret.absent", missing)
    contexts = server_contexts(settings.tls, surroundings.home) if settings.tls.is_on else None
    if contexts is not None and isinstance(unusable := contexts.current(), Fault):
        return unusable
    ingress = Ingress(settings, wording, guard, taker, contexts, is_basic_asked=is_basic_asked)
    try:
        await ingress.start()
    except OSError as error:
        return _unopened(error, settings.host, settings.port)
    return ingress


def _unopened(error: OSError, host: str, port: int) -> Fault:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return fault("http.port.taken", where, f"another program listens on {where}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return fault("http.port.refused", where, f"the system does not let us listen on {where}")
    is_elsewhere = error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror)
    reason = "no address of this machine" if is_elsewhere else f"unusable ({error.errno})"
    return fault("http.address.unusable", where, f"{where} is {reason}")


def _head(request: web.BaseRequest) -> Head:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Head(request.method, request.raw_path.partition("?")[2], headers)
