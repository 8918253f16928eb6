"""Facts of a file's messages on their way into the store, in pieces of bounded size.

Shared by whoever reads a file: for the first time (`transmissions.py`) or again
(`file_reprocess.py`). What is added goes out inside their transaction, which may take it back.
"""

from __future__ import annotations

import asyncio

from suture.model.event import Event, make_event
from suture.model.translation import Begun, Routed, Secret
from suture.security.keys import KeyRing
from suture.security.phi import seal
from suture.store.transmission import FileAppend

EVENTS_PER_FLUSH = 500
EVENTS_PER_BREATH = 25
"""After so many, what is on its way to the store gets its turn."""


class Facts:
    """The facts of one message after the other; `begin` each of them."""

    def __init__(
        self, append: FileAppend, key_ring: KeyRing, *, source: str, digest: bytes, at_ms: int
    ) -> None:
        """Take the transaction, the keys to seal with, and what all facts of a file share."""
        self._append = append
        self._key_ring = key_ring
        self._source = source
        self._digest = digest.hex()
        self._at_ms = at_ms
        self._events: list[Event] = []
        self._secrets: dict[str, tuple[str, bytes]] = {}
        self._message_id = ""
        self._message_ordinal = 0
        self._recorded_at_ms = 0
        self._sequence = 0
        self.count = 0
        """Of the message that has begun."""

    def begin(self, message_id: str, begun: Begun, *, message_ordinal: int) -> None:
        """Begin a message: its id, when its sender recorded it, its place in the file."""
        self._message_id = message_id
        self._message_ordinal = message_ordinal
        self._recorded_at_ms = begun.recorded_at_ms
        self._sequence = begun.sequence
        self.count = 0

    async def add(self, routed: Routed) -> None:
        """Add a fact and what it hides."""
        self.count += 1
        event = make_event(
            routed.stream,
            routed.fact,
            routed.where,
            self.count,
            message_id=self._message_id,
            digest=self._digest,
            recorded_at_ms=self._recorded_at_ms,
            sequence=self._sequence,
            source=self._source,
            received_at_ms=self._at_ms,
            message_ordinal=self._message_ordinal,
        )
        self._events.append(event)
        for secret in routed.secrets:
            self.hide(secret)
        if len(self._events) >= EVENTS_PER_FLUSH:
            await self.flush()
        elif not self.count % EVENTS_PER_BREATH:
            await asyncio.sleep(0)

    def hide(self, secret: Secret) -> None:
        """Add an identifier, sealed, behind its surrogate."""
        if secret.token not in self._secrets:
            context = secret.token.encode()
            sealed = seal(secret.value.encode(), key_ring=self._key_ring, context=context)
            self._secrets[secret.token] = (secret.kind, sealed)

    async def flush(self) -> None:
        """Begin to append what has gathered; reading goes on meanwhile."""
        await self._append.facts(self._events, self._secrets)
        self._events.clear()
        self._secrets.clear()
        await asyncio.sleep(0)

    def forget(self) -> None:
        """Drop what has gathered of a message that is not accepted."""
        self._events.clear()
        self._secrets.clear()
        self.count = 0
