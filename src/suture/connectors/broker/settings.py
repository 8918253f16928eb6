"""What `[broker]` of a source or destination may say; README.md tells it to who fills it in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, ClassVar, Literal

import msgspec

from suture.governance.connector import (
    Count,
    DestinationKind,
    DestinationSettings,
    SecretReference,
    SourceKind,
    SourceSettings,
)
from suture.governance.reading import Document, Keys, invalid
from suture.model.fault import Fault
from suture.wire.cloudevents import CloudEvent, fault_of

Server = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}\Z",
        max_length=300,
        description="`host:port`",
    ),
]
Topic = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9._-]{1,249}\Z", description="letters, digits, dots, `_` and `-`"
    ),
]
Waiting = Annotated[float, msgspec.Meta(gt=0, le=600)]
"""Seconds after which we give up: never 0."""
RecordBytes = Annotated[int, msgspec.Meta(ge=1000, le=256 * 1024 * 1024)]
"""As many as the client's own limits can be told."""


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """A topic, where its broker is, and as whom we come: what both tables share."""

    servers: tuple[Server, ...]
    """Some of the broker's servers; they name the others."""
    topic: Topic
    is_plaintext: bool = False
    """Whether it speaks without TLS: messages, and the password, cross the wire in clear."""
    authority: SecretReference = ""
    """Whose certificate the servers must show, PEM; empty trusts those the system trusts."""
    certificate: SecretReference = ""
    """Ours, where the broker asks for one: its chain, PEM."""
    private_key: SecretReference = ""
    mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    """How SASL proves who we are; empty where nothing or a certificate does."""
    user: str = ""
    password: SecretReference = ""
    answer_seconds_max: Waiting = 15.0
    """Until the broker has answered one question, connecting included."""

    @property
    def place(self) -> str:
        """The broker and the topic, for people."""
        return f"kafka://{','.join(self.servers)}/{self.topic}"

    def access_faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with where it is, and with how we prove who we are."""
        if not self.servers:
            yield invalid(document, (*keys, "servers"), "it names no server")
        if self.is_plaintext and (self.authority or self.certificate):
            reason = "without TLS nobody shows a certificate"
            yield invalid(document, (*keys, "is_plaintext"), reason)
        if bool(self.certificate) != bool(self.private_key):
            missing, other = (
                ("private_key", "certificate")
                if self.certificate
                else ("certificate", "private_key")
            )
            yield invalid(document, (*keys, missing), f"`{other}` is of no use without it")
        if self.mechanism and not (self.user and self.password):
            reason = "it needs both `user` and `password`"
            yield invalid(document, (*keys, "mechanism"), reason)
        if not self.mechanism and (self.user or self.password):
            reason = "it is empty, so `user` and `password` are never shown to anybody"
            yield invalid(document, (*keys, "mechanism"), reason)


class BrokerSettings(Topics, SourceSettings, frozen=True, kw_only=True):
    """A topic to read, from its first record on."""

    kind: ClassVar[SourceKind] = "pull"

    envelope: Literal["headers", "cloudevents", "none"] = "headers"
    """Which records are CloudEvents: as their headers say, all of them, or none."""
    group: Annotated[str, msgspec.Meta(max_length=249)] = ""
    """Under which the broker shows how far behind we are; empty: `suture-` and the source."""
    is_gap_accepted: bool = False
    """Whether to go on where records were deleted before they were read."""
    record_bytes_max: RecordBytes = 16 * 1024 * 1024
    """A record that is larger is held unread."""
    batch_bytes_max: RecordBytes = 16 * 1024 * 1024
    """About as much is kept in memory, and in one transaction, before it is stored."""
    interval_seconds: Waiting = 0.5
    """Between two looks at a topic that holds nothing more."""
    partitions_seconds: Waiting = 30.0
    """Between two looks for new partitions of a topic that is never empty."""

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - it is not on this machine
        """Return the broker and the topic."""
        return self.place

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with how it is reached."""
        yield from self.access_faults(document, keys)


class BrokerDestinationSettings(Topics, DestinationSettings, frozen=True, kw_only=True):
    """A topic to write CloudEvents to."""

    kind: ClassVar[DestinationKind] = "message"

    mode: Literal["structured", "binary"] = "structured"
    """One JSON object for each event, or its data as they are with the rest in headers."""
    event_source: str = "urn:suture"
    """`source` of events that wrap a message: with its `id`, what alone names it."""
    event_type: str = "suture.message"
    """`type` of the same."""
    record_bytes_max: RecordBytes = 1_000_000
    """Of one record with its headers; the broker has such a limit, too."""
    send_seconds_max: Waiting = 30.0
    """Until the broker has confirmed one record."""
    messages_at_once_max: Count = 1

    @property
    def address(self) -> str:
        """The broker and the topic."""
        return self.place

    @property
    def attempt_seconds_max(self) -> float:
        """After how long one attempt has ended in any case."""
        return self.answer_seconds_max + 2 * self.send_seconds_max

    @property
    def at_once_max(self) -> int:
        """How many messages are sent side by side."""
        return self.messages_at_once_max

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with how it is reached, and with how events are named."""
        yield from self.access_faults(document, keys)
        event = CloudEvent(id="1", source=self.event_source, type=self.event_type)
        if (wrong := fault_of(event)) is not None:
            yield invalid(document, (*keys, f"event_{wrong.where}"), wrong.explanation)
