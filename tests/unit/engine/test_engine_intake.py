"""What intake answers when the store refuses, is away, or is taken by another at that moment.

The store is a function here; with a real one: `tests/integration/test_intake_*.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.specs.riverbend_books import channel
from tests.specs.riverbend_messages import Line, dft

from suture.connectors.ports import NotStoredError
from suture.engine import intake as engine_intake
from suture.engine.intake import Intake
from suture.security.keys import KEY_BYTES, KeyRing
from suture.store.database import StoreUnavailableError
from suture.store.event_log import Arrival

KEYS = KeyRing({1: b"k" * KEY_BYTES}, b"i" * KEY_BYTES)
NOTHING: Any = None
NONE_TAKEN: frozenset[str] = frozenset()


class Store:
    """Takes all messages, but for these answers first: an error to raise, or what it takes."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *answers: Exception | frozenset[str]
    ) -> None:
        self._answers = list(answers)
        self.offered: list[list[Arrival]] = []
        monkeypatch.setattr(engine_intake, "append_messages", self._append)
        monkeypatch.setattr(engine_intake, "find_identities", self._find)
        monkeypatch.setattr(engine_intake, "append_repeats", self._repeat)

    async def _append(self, _database: object, arrivals: Sequence[Arrival], _: int) -> set[str]:
        self.offered.append(list(arrivals))
        if not self._answers:
            return {each.id for each in arrivals}
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return set(answer)

    async def _find(self, _database: object, identities: Sequence[str]) -> dict[str, object]:
        return {}

    async def _repeat(self, *_: object) -> None:
        """Nothing repeats here."""


async def receive(*messages: bytes) -> list[bytes | BaseException]:
    intake = Intake(NOTHING, KEYS, 4)
    intake.start()
    sent = (intake.receive(raw, channel("charges")) for raw in messages)
    answers = await asyncio.gather(*sent, return_exceptions=True)
    await intake.drain()
    return answers


def charge(number: int) -> bytes:
    line = Line(f"L{number}", "CG", 100)
    return dft(f"A{number}", line, at="20260310120000", control=f"B{number}")


async def test_f33_a_message_that_cannot_be_stored_in_any_form_is_never_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bug = ValueError("no column takes it")
    store = Store(monkeypatch, bug, bug, bug)
    refused, taken = await receive(charge(1), charge(2))
    assert isinstance(refused, NotStoredError)
    assert isinstance(taken, bytes)
    together, alone, unread, other = store.offered
    assert [len(each) for each in store.offered] == [2, 1, 1, 1]
    assert (alone[0], other[0]) == (together[0], together[1])
    assert (unread[0].status, unread[0].events, unread[0].sealed) == ("held", (), alone[0].sealed)


async def test_f20_a_message_tried_alone_while_the_store_is_away_is_never_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_intake, "COMMIT_PATIENCE_SECONDS", 0.0)
    Store(monkeypatch, ValueError("a bug"), StoreUnavailableError("away"))
    (answer,) = await receive(charge(1))
    assert isinstance(answer, NotStoredError)


async def test_an_identity_that_another_is_committing_at_this_moment_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(monkeypatch, NONE_TAKEN)
    (answer,) = await receive(charge(1))
    assert isinstance(answer, bytes)
    assert b"MSA|AA|B1" in answer
    assert len(store.offered) == 2


async def test_a_surrogate_forgotten_for_want_of_room_goes_into_the_vault_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(monkeypatch)
    intake = Intake(NOTHING, KEYS, 4)
    intake.start()
    for number in (1, 1, 2, 1):
        monkeypatch.setattr(engine_intake, "KNOWN_TOKENS_MAX", 100 if number == 1 else 1)
        await intake.receive(charge(number), channel("charges"))
    await intake.drain()
    first, again, _, forgotten = ({token for token, _, _ in a.secrets} for (a,) in store.offered)
    assert first
    assert again == set()
    assert forgotten == first
