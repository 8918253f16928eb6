"""Delivery: queued journals to their destination, exactly once as far as the books can tell.

Each leased delivery ends in one of four outcomes (`connectors/outcome.py`): delivered; refused for
good (a work item); transient (again later, with back-off and jitter); unknown. After an unknown
outcome, or a crash while sending, the destination is asked by our idempotency key before anything
is sent again. No transaction is open while the network is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Protocol, assert_never

import msgspec

from suture.connectors.outcome import (
    Delivered,
    Finding,
    NotFound,
    Outcome,
    Refused,
    Transient,
    Unknown,
)
from suture.engine.clock import elapsed_seconds
from suture.engine.telemetry import log
from suture.model.fault import fault
from suture.store.database import Database, StoreUnavailableError
from suture.store.outbox import (
    CONFLICT,
    LeasedDelivery,
    Settlement,
    lease_deliveries,
    renew_delivery,
    settle_delivery,
)

LEASE_SECONDS = 90.0
"""Longer than asking and sending may take together, so that no two senders hold one delivery."""
DELIVERIES_MAX = 16
BACKOFF_SECONDS_MIN = 0.2
BACKOFF_SECONDS_MAX = 60.0
IDLE_SECONDS = 0.05


class Destination(Protocol):
    """What delivery needs of a connector; `connectors/erp/` implements it."""

    async def send(self, command: bytes, *, key: str) -> Outcome:
        """Send the command under our idempotency key."""
        ...

    async def find(self, key: str, *, command: bytes) -> Finding:
        """Ask whether the destination holds this command under our key."""
        ...


class Retry(msgspec.Struct, frozen=True):
    """How long to wait before attempt n + 1: exponential, capped, with full jitter."""

    seconds_min: float = BACKOFF_SECONDS_MIN
    seconds_max: float = BACKOFF_SECONDS_MAX

    def seconds(self, attempts_count: int, chance: float) -> float:
        """Return the wait after `attempts_count` attempts; `chance` is in [0, 1)."""
        ceiling = min(self.seconds_max, self.seconds_min * float(2 ** min(attempts_count, 20)))
        return self.seconds_min + chance * (ceiling - self.seconds_min)


class Delivery:
    """The sender of one destination: its own loop, so that a slow one holds up nobody else."""

    def __init__(
        self,
        database: Database,
        name: str,
        destination: Destination,
        owner: str,
        retry: Retry,
        *,
        lease_seconds: float = LEASE_SECONDS,
        per_second_max: float = 0.0,
    ) -> None:
        """Take the store, the destination and its name, and this worker's name.

        `per_second_max` deliveries are sent in a second by this worker, 0 for any number.
        """
        self._lease_seconds = lease_seconds
        self._per_second_max = per_second_max
        self._database = database
        self._name = name
        self._destination = destination
        self._owner = owner
        self._retry = retry

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until told to stop; what is under way is finished first."""
        while not stop.is_set():
            try:
                sent = await self.turn()
            except StoreUnavailableError:
                await asyncio.sleep(0.2)
                continue
            if not sent:
                await asyncio.sleep(IDLE_SECONDS)
            elif self._per_second_max:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), sent / self._per_second_max)

    async def turn(self) -> int:
        """Lease what is due, send it side by side, settle each; return how many there were."""
        leased = await lease_deliveries(
            self._database,
            destination=self._name,
            owner=self._owner,
            seconds=self._lease_seconds,
            deliveries_max=self._at_once_max(),
        )
        await asyncio.gather(*(self._deliver(delivery) for delivery in leased))
        return len(leased)

    def _at_once_max(self) -> int:
        """Return how many to lease: no more than are allowed in a second."""
        allowed = int(self._per_second_max) or 1
        return min(DELIVERIES_MAX, allowed) if self._per_second_max else DELIVERIES_MAX

    async def _deliver(self, delivery: LeasedDelivery) -> None:
        began = elapsed_seconds()
        try:
            outcome = await self._outcome(delivery)
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            failure = type(error).__name__
            log.error("delivery_failed", key=delivery.idempotency_key, error=failure)
            failed = f"sending it raised {failure}"
            outcome = Unknown(
                fault("engine.delivery.failed", f"journal={delivery.idempotency_key}", failed)
            )
        wait = self._retry.seconds(delivery.attempts_count, random.random())
        settled = settlement(outcome, wait, int((elapsed_seconds() - began) * 1000))
        if not await settle_delivery(self._database, delivery.id, self._owner, settled):
            log.warning("delivery_lease_lost", delivery=delivery.id, key=delivery.idempotency_key)
            return
        log.info(
            "delivery_settled",
            destination=self._name,
            key=delivery.idempotency_key,
            attempt=delivery.attempts_count,
            outcome=settled.outcome,
            code=settled.fault.code if settled.fault else "",
        )

    async def _outcome(self, delivery: LeasedDelivery) -> Outcome:
        """Send, after asking where an earlier attempt may have arrived.

        Where somebody else's document holds our reference and a person asked for a new one, it is
        given now: the ERP has just said that ours is not there under the old one, and is asked for
        it under the new one too.
        """
        if delivery.ask_first:
            finding = await self._find(delivery)
            if delivery.may_renew and isinstance(finding, Refused) and _is_conflict(finding):
                renewed = await renew_delivery(self._database, delivery, self._owner)
                if renewed is None:
                    return Unknown(finding.fault)  # another sender has it: this settles nothing
                log.info(
                    "journal_renewed",
                    key=delivery.idempotency_key,
                    renewed_as=renewed.idempotency_key,
                )
                delivery, finding = renewed, await self._find(renewed)
            if isinstance(finding, Transient):
                # The answer to "do you hold it?" is itself missing: what was unknown stays unknown.
                return Unknown(finding.fault)
            if not isinstance(finding, NotFound):
                return finding
        return await self._destination.send(delivery.payload, key=delivery.idempotency_key)

    async def _find(self, delivery: LeasedDelivery) -> Finding:
        key = delivery.idempotency_key
        return await self._destination.find(key, command=delivery.payload)


def _is_conflict(refused: Refused) -> bool:
    return refused.fault.code == CONFLICT


def settlement(outcome: Outcome, retry_seconds: float, milliseconds: int) -> Settlement:
    """Return how an attempt that came to this is settled; it is tried again after a wait."""
    match outcome:
        case Delivered(document=document, detail=detail):
            return Settlement(
                status="SENT",
                outcome="found" if detail == "found" else "delivered",
                document=document,
                milliseconds=milliseconds,
            )
        case Refused(fault=told):
            return Settlement(
                status="ERROR",
                outcome="refused",
                fault=told,
                milliseconds=milliseconds,
            )
        case Transient(fault=told, retry_after_seconds=seconds):
            return Settlement(
                status="QUEUED",
                outcome="transient",
                retry_seconds=max(retry_seconds, float(seconds or 0)),
                fault=told,
                milliseconds=milliseconds,
            )
        case Unknown(fault=told):
            return Settlement(
                status="QUEUED",
                outcome="unknown",
                is_unknown=True,
                retry_seconds=retry_seconds,
                fault=told,
                milliseconds=milliseconds,
            )
        case _:
            assert_never(outcome)
