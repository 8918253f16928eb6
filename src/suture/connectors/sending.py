"""What destinations that are posted to say alike in their settings: where, how, at what cost.

Settings only, so that checking an estate loads no client. What comes of a request is `posting.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec

from suture.connectors.limits import HttpLimits
from suture.connectors.tls import ClientTls, FileReference, tls_faults
from suture.governance.connector import (
    DestinationKind,
    DestinationSettings,
    SecretReference,
    url_faults,
)
from suture.governance.reading import Document, Keys
from suture.model.fault import Fault


class HttpsTls(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a connection out over https trusts, and how it proves who we are."""

    authority: FileReference = ""
    """Whose certificate the receiver must show; empty trusts those the system trusts."""
    certificate: FileReference = ""
    """Ours, where the receiver asks for one: its chain, PEM."""
    private_key: SecretReference = ""

    def told(self) -> ClientTls:
        """Return the same in the words of `tls.py`."""
        return ClientTls(is_on=True, **msgspec.structs.asdict(self))


class HttpPosting(DestinationSettings, frozen=True, kw_only=True):
    """Where messages are posted to, and what a request may cost."""

    kind: ClassVar[DestinationKind] = "message"

    url: str
    allow: tuple[str, ...]
    """The only `host:port` it may reach; loopback and link-local only when listed as such."""
    is_plaintext_accepted: bool = False
    """Whether `http:` will do; what is sent then crosses the wire in clear."""
    token: SecretReference = ""
    """A bearer token."""
    messages_at_once_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    tls: HttpsTls = HttpsTls()
    limits: HttpLimits = HttpLimits()

    @property
    def address(self) -> str:
        """The URL."""
        return self.url

    @property
    def attempt_seconds_max(self) -> float:
        """After how long a request has ended in any case."""
        return self.limits.total_seconds_max

    @property
    def at_once_max(self) -> int:
        """How many messages are sent side by side."""
        return self.messages_at_once_max

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with where it leads, or with its certificates."""
        yield from url_faults(
            document,
            keys,
            self.url,
            allow=self.allow,
            is_plaintext_accepted=self.is_plaintext_accepted,
        )
        yield from tls_faults(document, (*keys, "tls"), self.tls.told())
