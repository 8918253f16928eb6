"""How a message is posted, and what is certain when the answer does not say that it arrived.

Beside `egress.py`, which carries the request; what an answer says is its connector's business.
RFC 9110, 15 (statuses), 10.2.3 (Retry-After).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

import msgspec
from yarl import URL

from suture.connectors.egress import (
    SCHEMES,
    Allowed,
    Egress,
    Limits,
    Lost,
    Reply,
    open_egress,
    parse_allowed,
)
from suture.connectors.outcome import Healthy, Refused, Transient, Unknown
from suture.connectors.sending import HttpPosting
from suture.connectors.tls import client_contexts
from suture.model.fault import Fault, fault

RETRY_AFTER_SECONDS_MAX = 86_400
LATER = frozenset({408, 409, 425, 429})
"""Statuses that say: nothing was done, come again."""


class Post:
    """The way to one URL."""

    def __init__(self, egress: Egress, path: str) -> None:
        """Take the way to its origin, and where it leads from there."""
        self._egress = egress
        self._path = path

    @property
    def where(self) -> str:
        """The destination as faults name it."""
        return self._egress.where

    async def send(self, headers: Mapping[str, str], body: bytes) -> Reply | Lost:
        """Post a body once."""
        return await self._egress.request("POST", self._path, headers=headers, body=body)

    async def health(self, headers: Mapping[str, str]) -> Healthy | Transient | Refused:
        """Ask for the head of the URL, which changes nothing there, whatever it answers."""
        reply = await self._egress.request("HEAD", self._path, headers=headers)
        if isinstance(reply, Lost):
            return Refused(reply.fault) if reply.fault.permanent else Transient(reply.fault)
        if reply.status in (401, 403):
            return Transient(fault("webhook.access.refused", self.where))
        if reply.status in (502, 503, 504):
            return Transient(fault("webhook.busy", self.where, f"it answers {reply.status}"))
        return Healthy()

    async def close(self) -> None:
        """Close the connections."""
        await self._egress.close()


def open_post(settings: HttpPosting, home: Path) -> Post | Fault:
    """Return the way to the URL of a destination; connects at the first request."""
    allowed: list[Allowed] = []
    for text in settings.allow:
        entry = parse_allowed(text)
        if isinstance(entry, Fault):
            return entry
        allowed.append(entry)
    context: ssl.SSLContext | None = None
    if settings.tls.authority or settings.tls.certificate:
        told = client_contexts(settings.tls.told(), home).current()
        if isinstance(told, Fault):
            return told
        context = told
    url = URL(settings.url)
    egress = open_egress(
        str(url.origin()) if url.absolute and url.user is None else settings.url,
        tuple(allowed),
        Limits(**msgspec.structs.asdict(settings.limits)),
        schemes=(*SCHEMES, "http") if settings.is_plaintext_accepted else SCHEMES,
        tls=context,
    )
    return egress if isinstance(egress, Fault) else Post(egress, url.raw_path.removeprefix("/"))


def undelivered(lost: Lost) -> Refused | Transient | Unknown:
    """Return what a request without a usable reply comes to."""
    if lost.may_have_arrived:
        return Unknown(lost.fault)
    return Refused(lost.fault) if lost.fault.permanent else Transient(lost.fault)


def failed(reply: Reply, where: str) -> Refused | Transient | Unknown:
    """Return what a reply comes to whose status is no success. Nothing of its text is repeated."""
    said = f"the receiver answered {reply.status}"
    if reply.status in (401, 403):  # all messages fare alike until somebody mends it
        return Transient(fault("webhook.access.refused", where, said))
    if reply.status in LATER or reply.status == 503:
        return Transient(fault("webhook.busy", where, said), retry_after_seconds(reply))
    if reply.status >= 500 and reply.status not in (501, 505):
        return Unknown(fault("webhook.failed", where, said))
    return Refused(fault("webhook.refused", where, said))


def retry_after_seconds(reply: Reply) -> int | None:
    """Return the seconds that a reply asks to wait; a date is not read."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), RETRY_AFTER_SECONDS_MAX)
    return None
