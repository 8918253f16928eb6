"""What `[fhir_rest]` of a source may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath
from typing import Annotated, ClassVar

import msgspec

from suture.connectors.limits import HttpLimits
from suture.connectors.ports import PULLED_MESSAGES_MAX
from suture.governance.connector import (
    Count,
    Seconds,
    SecretReference,
    SourceKind,
    SourceSettings,
    url_faults,
)
from suture.governance.reading import Document, Keys, invalid, shown
from suture.model.fault import Fault

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}", re.ASCII)
_ENDPOINT = re.compile(r"https://[^/?#@\s]+(?:/[^?#@\s]*)?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, 3.3: scope-token."""


class PageLimits(HttpLimits, frozen=True, kw_only=True):
    """What one request may cost; a page of resources is larger than other replies."""

    reply_bytes_max: Count = 16 * 1024 * 1024


class SmartSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How Suture is known to the server's authorization (SMART Backend Services)."""

    client_id: str = ""
    private_key: SecretReference = ""
    """PEM: RSA of 2048 bits or more (RS384), or the curve P-384 (ES384)."""
    key_id: str = ""
    """`kid` of the public key that is registered there."""
    scopes: tuple[str, ...] = ("system/*.read",)
    token_url: str = ""
    """Where tokens are given; empty: asked of the server (.well-known/smart-configuration)."""


class SubscriptionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server sends what changes, besides being asked."""

    endpoint: str = ""
    """The public address of a source that takes HTTP; empty: nothing is sent."""
    token: SecretReference = ""
    """The server sends it along as a bearer token, so that the source knows the sender."""
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    """For so long it is asked for; renewed when half of them are over."""


class FhirRestSettings(SourceSettings, frozen=True, kw_only=True):
    """Which server is asked for which resources, and how it lets Suture in."""

    kind: ClassVar[SourceKind] = "pull"

    url: str
    """The base, to which `/Encounter` and the like are appended."""
    allow: tuple[str, ...]
    """The only `host:port` it may reach, that of the token server included."""
    is_plaintext_accepted: bool = False
    """Whether `http:` will do; tokens and patients' data then cross the wire in clear."""
    resources: tuple[str, ...]
    token: SecretReference = ""
    """A bearer token that does not change; instead of `smart`."""
    smart: SmartSettings = SmartSettings()
    subscription: SubscriptionSettings = SubscriptionSettings()
    begin: str = "1970-01-01T00:00:00Z"
    """Resources that did not change since then are not asked for."""
    overlap_seconds: Seconds = 60.0
    """How far behind the newest one that was read resources are looked for again."""
    is_sorted: bool = True
    """Whether the server sorts by `_lastUpdated` as it is asked to."""
    page_count: Annotated[int, msgspec.Meta(ge=1, le=PULLED_MESSAGES_MAX)] = 100
    interval_seconds: Annotated[float, msgspec.Meta(ge=0.1, le=24 * 60 * 60)] = 30.0
    limits: PageLimits = PageLimits()

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - of all connectors
        """Return the base."""
        return self.url

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with where it leads, what it asks for, and how it is let in."""
        yield from url_faults(
            document,
            keys,
            self.url,
            allow=self.allow,
            is_plaintext_accepted=self.is_plaintext_accepted,
        )
        if not self.resources or len(set(self.resources)) < len(self.resources):
            yield invalid(document, (*keys, "resources"), "it must name each type once")
        for each in self.resources:
            if not _TYPE.fullmatch(each):
                yield invalid(document, (*keys, "resources"), f"{shown(each)} is no resource type")
        if not is_instant(self.begin):
            reason = "it must be a time with its zone, such as 2026-01-01T00:00:00Z"
            yield invalid(document, (*keys, "begin"), reason)
        yield from self._smart_faults(document, (*keys, "smart"))
        yield from self._subscription_faults(document, (*keys, "subscription"))

    def _subscription_faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        told = self.subscription
        if told.endpoint and not told.token:
            yield invalid(document, (*keys, "token"), "without one anybody could send messages")
        if told.endpoint and not _ENDPOINT.fullmatch(told.endpoint):
            reason = "it is no https: address, or holds a user name or password"
            yield invalid(document, (*keys, "endpoint"), reason)

    def _smart_faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        smart = self.smart
        told = {"client_id": smart.client_id, "private_key": smart.private_key}
        if any(told.values()) and self.token:
            yield invalid(document, keys, "a source has a `token` or `smart`, not both")
        for name, value in told.items():
            if any(told.values()) and not value:
                yield invalid(document, (*keys, name), "SMART Backend Services needs it")
        if not all(_SCOPE.fullmatch(each) for each in smart.scopes) or not smart.scopes:
            reason = "they must be words such as `system/Encounter.read`"
            yield invalid(document, (*keys, "scopes"), reason)


def is_instant(text: str) -> bool:
    """Return whether this is a time with its zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
