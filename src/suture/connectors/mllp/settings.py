"""What `[mllp]` of a source or destination may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

import msgspec

from suture.connectors.tls import ClientTls, ServerTls, tls_faults
from suture.governance.connector import (
    Count,
    DestinationKind,
    DestinationSettings,
    Port,
    Seconds,
    SourceKind,
    SourceSettings,
)
from suture.governance.reading import Document, Keys
from suture.model.envelope import ContentType
from suture.model.fault import Fault

PositiveSeconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one listener; README.md says what each protects from."""

    frame_bytes_max: Count = 16 * 1024 * 1024
    frame_seconds_max: Seconds = 30.0
    idle_seconds_max: Seconds = 0.0
    reply_seconds_max: Seconds = 10.0
    connections_max: Count = 512
    connections_per_peer_max: Count = 16
    pipeline_messages_max: Count = 64
    pipeline_bytes_max: Count = 4 * 1024 * 1024
    listener_bytes_max: Count = 128 * 1024 * 1024


class MllpSettings(SourceSettings, frozen=True, kw_only=True):
    """Where an MLLP source listens; port 0 takes any that is free."""

    kind: ClassVar[SourceKind] = "message"
    is_acknowledging: ClassVar[bool] = True

    host: str = "127.0.0.1"
    port: Port
    lenient_end: bool = False
    """Take frames that end in 0x1C alone: a sender that never sends 0x0D (B5)."""
    is_release_2: bool = False
    """Each message is answered by a commit acknowledgement first (MLLP release 2)."""
    tls: ServerTls = ServerTls()
    limits: Limits = Limits()

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - of all connectors
        """Return the address and port."""
        return f"{self.host}:{self.port or 'any free port'}"

    def claims(self) -> tuple[str, ...]:
        """Return the port, which one program at a time can listen on."""
        return (f"Port {self.port}",) if self.port else ()

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with its certificates."""
        yield from tls_faults(document, (*keys, "tls"), self.tls)


class MllpDestinationSettings(DestinationSettings, frozen=True, kw_only=True):
    """Where an MLLP receiver listens, and what its acknowledgements mean."""

    kind: ClassVar[DestinationKind] = "message"
    content_types: ClassVar[frozenset[ContentType]] = frozenset({"application/hl7-v2+er7"})

    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    awaits: Literal["any", "application"] = "any"
    """Which acknowledgement says that a message has arrived: the first, or AA, AE, AR alone."""
    error_means: Literal["refused", "transient"] = "refused"
    """What AE and CE come to: a person is asked, or it is sent again by itself."""
    is_release_2: bool = False
    connections_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    connect_seconds_max: PositiveSeconds = 10.0
    """For the TCP connection and TLS together."""
    reply_seconds_max: PositiveSeconds = 30.0
    tls: ClientTls = ClientTls()

    @property
    def address(self) -> str:
        """Return the address and port."""
        return f"{self.host}:{self.port}"

    @property
    def attempt_seconds_max(self) -> float:
        """Return how long connecting and waiting for the reply may take."""
        return self.connect_seconds_max + self.reply_seconds_max

    @property
    def at_once_max(self) -> int:
        """Return the number of connections: each carries one message at a time."""
        return self.connections_max

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with its certificates."""
        yield from tls_faults(document, (*keys, "tls"), self.tls)
