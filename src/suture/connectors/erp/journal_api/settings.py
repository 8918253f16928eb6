"""What `[journal_api]` of a destination may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from suture.connectors.limits import HttpLimits
from suture.governance.connector import DestinationKind, DestinationSettings, url_faults
from suture.governance.reading import Document, Keys
from suture.model.fault import Fault


class JournalApiSettings(DestinationSettings, frozen=True, kw_only=True):
    """Where a journal API is, and what a request may cost."""

    kind: ClassVar[DestinationKind] = "journal"

    url: str
    """The base, to which `/v1/...` is appended."""
    allow: tuple[str, ...]
    """The only `host:port` it may reach; loopback and link-local only when listed as such."""
    is_plaintext_accepted: bool = False
    """Whether `http:` will do; the token then crosses the wire in clear."""
    limits: HttpLimits = HttpLimits()

    @property
    def address(self) -> str:
        """The base."""
        return self.url

    @property
    def attempt_seconds_max(self) -> float:
        """After how long a request has ended in any case."""
        return self.limits.total_seconds_max

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with where it leads."""
        yield from url_faults(
            document,
            keys,
            self.url,
            allow=self.allow,
            is_plaintext_accepted=self.is_plaintext_accepted,
        )
