"""What `[mllp]` of a source may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

from pathlib import PurePath
from typing import ClassVar

import msgspec

from suture.governance.connector import Count, Port, Seconds, SourceKind, SourceSettings


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
    limits: Limits = Limits()

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - of all connectors
        """Return the address and port."""
        return f"{self.host}:{self.port or 'any free port'}"

    def claims(self) -> tuple[str, ...]:
        """Return the port, which one program at a time can listen on."""
        return (f"Port {self.port}",) if self.port else ()
