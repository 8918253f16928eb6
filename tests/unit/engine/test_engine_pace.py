"""How long the engine waits: before it tries again, and before it gathers a journal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from suture.engine import delivery as delivery_module
from suture.engine.batching import IMMEDIATE, Policy
from suture.engine.delivery import DELIVERIES_MAX, Delivery, Retry
from suture.store.outbox import QueueAge


def test_the_wait_doubles_with_each_attempt_up_to_its_ceiling() -> None:
    retry = Retry(seconds_min=1.0, seconds_max=20.0)
    longest = [round(retry.seconds(attempts, 0.999999), 3) for attempts in range(1, 8)]
    assert longest == [2.0, 4.0, 8.0, 16.0, 20.0, 20.0, 20.0]


@pytest.mark.parametrize("attempts", [0, 1, 5, 20, 10**9])
def test_f14_chance_spreads_the_senders_over_the_whole_wait(attempts: int) -> None:
    retry = Retry(seconds_min=0.2, seconds_max=60.0)
    waits = [retry.seconds(attempts, chance / 100) for chance in range(100)]
    assert waits == sorted(waits)
    assert waits[0] == 0.2
    assert max(waits) <= 60.0
    assert attempts == 0 or max(waits) - min(waits) > 0.1


def test_a_journal_is_due_when_its_oldest_entry_is_old_or_enough_have_gathered() -> None:
    policy = Policy(seconds_max=60.0, entries_max=100)
    assert not policy.is_due(QueueAge(99, 59.9))
    assert policy.is_due(QueueAge(1, 60.0))
    assert policy.is_due(QueueAge(100, 0.0))
    assert IMMEDIATE.is_due(QueueAge(1, 0.0))


@pytest.mark.parametrize(
    ("per_second_max", "at_once"), [(20.0, DELIVERIES_MAX), (4.0, 4), (0.5, 1), (0.0, None)]
)
async def test_a_destination_is_sent_no_more_in_a_second_than_it_may(
    monkeypatch: pytest.MonkeyPatch, per_second_max: float, at_once: int | None
) -> None:
    """However much waits: a turn takes no more than a second's worth, and its time passes."""
    asked: list[int] = []

    async def endless(*_: Any, deliveries_max: int, **__: Any) -> list[Any]:
        asked.append(deliveries_max)
        return [object()] * deliveries_max

    async def sent(*_: Any) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(delivery_module, "lease_deliveries", endless)
    monkeypatch.setattr(Delivery, "_deliver", sent)
    nothing: Any = None
    sender = Delivery(nothing, "erp", nothing, "delivery-1", Retry(), per_second_max=per_second_max)
    stop = asyncio.Event()
    running = asyncio.create_task(sender.run(stop))
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.wait_for(running, 1)  # told to stop, it does not sit its time out
    if at_once is None:
        assert sum(asked) > 10 * DELIVERIES_MAX
    else:
        assert [at_once] == asked
