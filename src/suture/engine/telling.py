"""Telling: facts of the log to the receivers that want them, once each, in order by stream.

For each receiver one loop: it queues what is new in the log (one statement moves the watermark and
queues, `store/telling.py`), leases messages, writes each once, keeps it sealed, and sends it. The
key comes from the event, so a message that is sent again is the same bytes under the same key. A
receiver that is away is asked with its oldest message until it answers. Identifiers are opened for
a receiver that is granted `phi` and for no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import Iterator

import msgspec

from suture.catalogue import RENDERERS
from suture.connectors.outcome import Outcome, Refused, Transient, Unknown
from suture.connectors.ports import MessageDestination
from suture.engine.clock import elapsed_seconds, now_ms
from suture.engine.delivery import Retry, settlement
from suture.engine.telemetry import log
from suture.governance.receivers import Receiver
from suture.model.disclosure import WITHHELD, Disclosure
from suture.model.envelope import Envelope
from suture.model.event import Event
from suture.model.fault import Fault, fault
from suture.security.keys import KeyRing
from suture.security.phi import open_sealed, seal
from suture.store.database import Database, StoreUnavailableError
from suture.store.outbox import settle_delivery
from suture.store.telling import (
    LeasedMessage,
    begin_telling,
    keep_message,
    lease_messages,
    queue_messages,
    read_told_event,
    read_vault,
)

EVENTS_MAX = 500
"""Of one partition, looked at in one statement."""
IDLE_SECONDS = 0.1
AWAY_SECONDS = 0.2
LEASE_MARGIN_SECONDS = 15.0
CONTROL_NUMBERS = 999_999_999

_SURROGATE = re.compile(r"[a-z]{3}_[0-9a-v]{26}", re.ASCII)


class Telling:
    """What tells one receiver."""

    def __init__(
        self,
        database: Database,
        receiver: Receiver,
        destination: MessageDestination,
        key_ring: KeyRing,
        owner: str,
    ) -> None:
        """Take the store, whom to tell and how, the keys, and this worker's name."""
        self._database = database
        self.receiver = receiver
        """Replaced between turns when a release comes into force."""
        self._destination = destination
        self._key_ring = key_ring
        self._owner = owner
        self._leases_count = 0
        self._failures_count = 0
        """Attempts one after the other that did not reach it."""

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what is new until told to stop; what is under way is finished first."""
        while not stop.is_set():
            try:
                looked_at, sent = await self.turn()
            except StoreUnavailableError:
                await asyncio.sleep(AWAY_SECONDS)
                continue
            rate = self.receiver.per_second_max
            wait = sent / rate if rate else 0.0
            if self._failures_count:
                wait = max(wait, self._retry().seconds(self._failures_count, random.random()))
            elif not looked_at and not sent:
                wait = IDLE_SECONDS
            if wait:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait)

    async def begin(self) -> None:
        """Have a watermark: a receiver that is new is told what is decided from now on."""
        await begin_telling(self._database, self.receiver.name)

    async def turn(self) -> tuple[int, int]:
        """Queue, lease and send; return how many events were looked at, and messages sent."""
        receiver = self.receiver
        looked_at = await queue_messages(
            self._database,
            receiver.name,
            types=receiver.types,
            unheard_sources=receiver.unheard_sources,
            events_max=EVENTS_MAX,
        )
        self._leases_count += 1
        owner = f"{self._owner}#{self._leases_count}"
        leased = await lease_messages(
            self._database,
            receiver=receiver.name,
            owner=owner,
            seconds=receiver.settings.attempt_seconds_max + LEASE_MARGIN_SECONDS,
            messages_max=1 if self._failures_count else receiver.settings.at_once_max,
        )
        await asyncio.gather(*(self._tell(each, owner) for each in leased))
        return looked_at, len(leased)

    def _retry(self) -> Retry:
        return Retry(self.receiver.retry_seconds_min, self.receiver.retry_seconds_max)

    async def _tell(self, leased: LeasedMessage, owner: str) -> None:
        """Send one message and settle how that ended."""
        began = elapsed_seconds()
        try:
            outcome = await self._outcome(leased, owner)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            failure = type(error).__name__
            log.error("telling_failed", key=leased.idempotency_key, error=failure)
            outcome = Refused(
                fault("engine.telling.failed", leased.event_id, f"telling it raised {failure}")
            )
        if outcome is None:
            return
        is_away = isinstance(outcome, Transient | Unknown)
        self._failures_count = self._failures_count + 1 if is_away else 0
        wait = self._retry().seconds(leased.attempts_count, random.random())
        milliseconds = int((elapsed_seconds() - began) * 1000)
        settled = settlement(outcome, wait, milliseconds)
        is_ours = await settle_delivery(self._database, leased.id, owner, settled)
        log.info(
            "message_settled" if is_ours else "message_lease_lost",
            receiver=self.receiver.name,
            key=leased.idempotency_key,
            attempt=leased.attempts_count,
            outcome=settled.outcome,
            code=settled.fault.code if settled.fault else "",
        )

    async def _outcome(self, leased: LeasedMessage, owner: str) -> Outcome | None:
        """Return what sending came to; None where another worker has the message by now."""
        key = leased.idempotency_key
        body = self._kept(leased)
        if body is None:
            written = await self._written(leased)
            if isinstance(written, Fault):
                return Refused(written)
            body = written
            sealed = seal(body, key_ring=self._key_ring, context=_context(key))
            is_disclosed = self.receiver.may_know_who
            if not await keep_message(
                self._database, leased.id, owner, sealed, is_disclosed=is_disclosed
            ):
                return None
        content_type = RENDERERS[self.receiver.format].content_type
        return await self._destination.send(body, key=key, content_type=content_type)

    def _kept(self, leased: LeasedMessage) -> bytes | None:
        """Return a message as it was written, unless it tells what may no longer be told."""
        is_withdrawn = leased.disclosed and not self.receiver.may_know_who
        if leased.payload is None or is_withdrawn:
            return None
        context = _context(leased.idempotency_key)
        return open_sealed(leased.payload, key_ring=self._key_ring, context=context)

    async def _written(self, leased: LeasedMessage) -> bytes | Fault:
        event = await read_told_event(self._database, leased.event_id)
        render = RENDERERS[self.receiver.format].renderers.get(type(event.fact))
        if render is None:
            return fault("telling.format.changed", event.type)
        envelope = self._envelope(leased, event)
        return render(event.fact, await self._disclosure(event), envelope)

    def _envelope(self, leased: LeasedMessage, event: Event) -> Envelope:
        receiver = self.receiver
        return Envelope(
            control_id=leased.idempotency_key,
            control_number=(leased.id - 1) % CONTROL_NUMBERS + 1,
            sent_at_ms=now_ms(),
            recorded_at_ms=event.received_at_ms,
            zone=receiver.zone,
            processing=receiver.processing,
            **msgspec.structs.asdict(receiver.names),
        )

    async def _disclosure(self, event: Event) -> Disclosure:
        """Return what may be told: the values behind this fact's own surrogates, or nothing."""
        if not self.receiver.may_know_who:
            return WITHHELD
        tokens = sorted(set(_surrogates(msgspec.to_builtins(event.fact))))
        sealed = await read_vault(self._database, tokens)
        return Disclosure(
            {
                token: open_sealed(value, key_ring=self._key_ring, context=token.encode()).decode()
                for token, value in sealed.items()
            }
        )


def _context(key: str) -> bytes:
    """Return what a sealed message is bound to."""
    return f"{key}|told".encode()


def _surrogates(told: object) -> Iterator[str]:
    if isinstance(told, str):
        if _SURROGATE.fullmatch(told):
            yield told
    elif isinstance(told, dict):
        for each in told.values():
            yield from _surrogates(each)
    elif isinstance(told, list | tuple):
        for each in told:
            yield from _surrogates(each)
