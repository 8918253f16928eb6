"""One FHIR server: asked for a page of resources, with a token, and as often as it wants to be.

FHIR R4, "RESTful API": search, paging by links, OperationOutcome. Here: what a status means, how
long to wait, links that may be followed (B83), pages. Not here: what is asked for (`door.py`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

import msgspec
from yarl import URL

from suture.connectors.egress import Egress, Limits, Lost, Reply, open_egress, parse_allowed
from suture.connectors.fhir_rest.settings import FhirRestSettings
from suture.connectors.fhir_rest.smart import Tokens
from suture.model.fault import Fault, fault

WAIT_SECONDS_DEFAULT, WAIT_SECONDS_MAX = 30.0, 3600.0
"""After a reply that asks us to wait."""
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_ISSUE_CODE = re.compile(r"[a-z][a-z-]{1,30}", re.ASCII)
_ISSUES_SHOWN_MAX = 3


class Gone(msgspec.Struct, frozen=True):
    """What a link led to is not kept any more."""


class Found(msgspec.Struct, frozen=True):
    """A resource as the server sent it."""

    raw: bytes
    changed_at: datetime | None
    """`meta.lastUpdated`; None where it has none that can be read."""


class Page(msgspec.Struct, frozen=True):
    """What one search, or one link to more of it, brought."""

    found: tuple[Found, ...]
    next: str
    """The address of the page after it; empty where this is the last."""


class _Search(msgspec.Struct, frozen=True):
    mode: str = "match"


class _Entry(msgspec.Struct, frozen=True):
    resource: msgspec.Raw = msgspec.Raw(b"")
    search: _Search = _Search()


class _Link(msgspec.Struct, frozen=True):
    relation: str = ""
    url: str = ""


class _Bundle(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: Literal["Bundle"]
    entry: tuple[_Entry, ...] = ()
    link: tuple[_Link, ...] = ()


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    last_updated: str = ""


class _Resource(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str
    meta: _Meta = _Meta()


class _Issue(msgspec.Struct, frozen=True):
    code: str = ""


class _Outcome(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: Literal["OperationOutcome"]
    issue: tuple[_Issue, ...] = ()


class Server:
    """A server as one source knows it. Asks one thing at a time."""

    def __init__(
        self, settings: FhirRestSettings, secret: Callable[[str], str], egresses: Egresses
    ) -> None:
        """Take where it is, how secrets are read, and the ways out."""
        self._settings = settings
        self._secret = secret
        self._egresses = egresses
        self._base = URL(settings.url)
        self._tokens = Tokens(settings.smart, secret, self._base, egresses.to)
        self._waits_until = 0.0
        self._wait = ""

    async def search(self, kind: str, query: Mapping[str, str]) -> Page | Gone | Fault:
        """Return the first page of a search of a resource type."""
        path = f"{self._base.path.strip('/')}/{kind}".lstrip("/")
        return await self._page(kind, path, query)

    async def follow(self, kind: str, link: str) -> Page | Gone | Fault:
        """Return the page that a link leads to; only on this server (B83)."""
        url = self._own(link)
        if url is None:
            return fault("fhir_rest.link.foreign", kind)
        return await self._page(kind, url.path.lstrip("/"), url.query)

    def _own(self, link: str) -> URL | None:
        try:
            url = self._base.join(URL(link))
            is_own = url.origin() == self._base.origin() and url.user is None
        except ValueError:
            return None
        return url if is_own else None

    async def _page(self, kind: str, path: str, query: Mapping[str, str]) -> Page | Gone | Fault:
        reply = await self._ask("GET", path, query=query)
        if isinstance(reply, Fault):
            return reply
        if reply.status in _GONE:
            return Gone()
        if reply.status != HTTPStatus.OK:
            explanation = f"HTTP {reply.status}{issues_of(reply.body)}"
            return fault("fhir_rest.request.refused", kind, explanation)
        return read_page(reply.body, kind)

    async def ask(self, method: str, path: str, *, body: bytes | None = None) -> Reply | Fault:
        """Ask for anything below the base; a status that refuses it is the caller's to read."""
        whole = f"{self._base.path.strip('/')}/{path}".lstrip("/")
        return await self._ask(method, whole, body=body)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply | Fault:
        """Ask, with a token, and once more with a new one where that is not taken any more."""
        egress = self._egresses.to(self._settings.url)
        if isinstance(egress, Fault):
            return egress
        if time.monotonic() < self._waits_until:
            return fault("fhir_rest.busy", egress.where, self._wait)
        for is_last in (False, True):
            headers = await self._headers()
            if isinstance(headers, Fault):
                return headers
            if body is not None:
                headers["Content-Type"] = "application/fhir+json"
            reply = await egress.request(method, path, headers=headers, query=query, body=body)
            if isinstance(reply, Lost):
                return reply.fault
            if reply.status in _BUSY:
                return self._wait_as_told(egress, reply)
            if reply.status not in _REFUSED:
                return reply
            self._tokens.forget()
            if is_last or not self._settings.smart.client_id:
                explanation = f"HTTP {reply.status}{issues_of(reply.body)}"
                return fault("fhir_rest.access.refused", egress.where, explanation)
        raise AssertionError("the second answer is the last")

    async def _headers(self) -> dict[str, str] | Fault:
        headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache"}
        bearer: str | Fault = ""
        if self._settings.smart.client_id:
            bearer = await self._tokens.bearer()
        elif self._settings.token:
            bearer = self._secret(self._settings.token)
            if not bearer:
                return fault("estate.secret.absent", self._settings.token)
        if isinstance(bearer, Fault):
            return bearer
        return headers | ({"Authorization": f"Bearer {bearer}"} if bearer else {})

    def _wait_as_told(self, egress: Egress, reply: Reply) -> Fault:
        seconds = seconds_to_wait(reply.headers.get("retry-after", ""), time.time())
        self._waits_until = time.monotonic() + seconds
        self._wait = f"HTTP {reply.status}; it is asked again after {seconds:.0f} s"
        return fault("fhir_rest.busy", egress.where, self._wait)


class Egresses:
    """The ways out of one source: to its FHIR server, and to where its tokens are given."""

    def __init__(self, settings: FhirRestSettings) -> None:
        """Take what may be reached."""
        self._settings = settings
        self._opened: dict[str, Egress] = {}

    def to(self, address: str) -> Egress | Fault:
        """Return the way to the server of an address, if it may be reached."""
        settings = self._settings
        try:
            origin = str(URL(address).origin())
        except ValueError:
            return fault("egress.url.invalid", "url")
        if origin not in self._opened:
            allowed = []
            for each in settings.allow:
                parsed = parse_allowed(each)
                if isinstance(parsed, Fault):
                    return parsed
                allowed.append(parsed)
            opened = open_egress(
                origin,
                tuple(allowed),
                Limits(**msgspec.structs.asdict(settings.limits)),
                schemes=("https", "http") if settings.is_plaintext_accepted else ("https",),
            )
            if isinstance(opened, Fault):
                return opened
            self._opened[origin] = opened
        return self._opened[origin]

    async def close(self) -> None:
        """Close every connection."""
        for each in self._opened.values():
            await each.close()


def read_page(body: bytes, kind: str) -> Page | Fault:
    """Read a searchset: the resources that were searched for, each as it was sent."""
    try:
        bundle = msgspec.json.decode(body, type=_Bundle)
        found = []
        for entry in bundle.entry:
            raw = bytes(entry.resource)
            if entry.search.mode != "match" or not raw:
                continue
            resource = msgspec.json.decode(raw, type=_Resource)
            if resource.resource_type == kind:
                found.append(Found(raw, _instant(resource.meta.last_updated)))
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return fault("fhir_rest.answer.unreadable", kind, type(error).__name__)
    following = next((each.url for each in bundle.link if each.relation == "next"), "")
    return Page(tuple(found), following)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def issues_of(body: bytes) -> str:
    """Return the codes of an OperationOutcome; its sentences may name a patient (B93)."""
    try:
        outcome = msgspec.json.decode(body, type=_Outcome)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    codes = [each.code for each in outcome.issue if _ISSUE_CODE.fullmatch(each.code)]
    return f": {', '.join(codes[:_ISSUES_SHOWN_MAX])}" if codes else ""


def seconds_to_wait(told: str, now_seconds: float) -> float:
    """Return what Retry-After says (RFC 9110, 10.2.3: seconds, or a date), within reason."""
    if told.isascii() and told.isdigit():
        seconds = float(told[:9])
    else:
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return WAIT_SECONDS_DEFAULT
        seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now_seconds
    return min(max(seconds, 1.0), WAIT_SECONDS_MAX)
