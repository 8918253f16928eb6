"""Bulk messages for measuring: readable, different from one another, and counted rightly."""

from __future__ import annotations

from collections import Counter

import pytest

from suture.simulator.health_system.load import MIX, LoadMessage, generate_load
from suture.wire.hl7v2 import Message, parse

_COUNT = 3_000


@pytest.fixture(scope="module", name="load")
def _load() -> list[LoadMessage]:
    return list(generate_load(1, _COUNT))


def _read(each: LoadMessage) -> Message:
    message = parse(each.raw)
    assert isinstance(message, Message), message
    return message


def test_the_same_seed_gives_the_same_load_and_no_two_messages_are_alike(
    load: list[LoadMessage],
) -> None:
    assert load == list(generate_load(1, _COUNT))
    assert len({each.control_id for each in load}) == len(load) == _COUNT
    assert {each.control_id for each in load}.isdisjoint(
        each.control_id for each in generate_load(2, _COUNT)
    )


def test_every_message_of_the_load_is_readable_and_tidy(load: list[LoadMessage]) -> None:
    kinds = Counter[str]()
    for each in load:
        message = _read(each)
        assert (message.faults, message.notes) == ((), ())
        assert message.control_id == each.control_id
        kinds[f"{message.type}^{message.trigger}"] += 1
    assert {"ADT^A04", "SIU^S12", "DFT^P03"} == set(kinds)


def test_the_mix_decides_how_many_messages_each_door_gets(load: list[LoadMessage]) -> None:
    doors = Counter(each.door for each in load)
    for door, share in MIX.items():
        assert abs(doors[door] * 100 / _COUNT - share) < 5
    only = generate_load(1, 50, {"scheduling": 1})
    assert {each.door for each in only} == {"scheduling"}


def test_charges_are_one_to_three_new_lines_that_add_up(load: list[LoadMessage]) -> None:
    numbers: set[str] = set()
    counts: set[int] = set()
    for each in load:
        lines = _read(each).all("FT1")
        counts.add(len(lines))
        told = {line.value(2) for line in lines}
        assert len(told) == len(lines) == each.charges_count
        assert numbers.isdisjoint(told)
        numbers |= told
        assert each.charges_minor == sum(int(line.value(11).replace(".", "")) for line in lines)
    assert counts == {0, 1, 2, 3}


def test_most_charges_go_to_accounts_that_were_registered_before(load: list[LoadMessage]) -> None:
    registered: set[str] = set()
    waiting = 0
    for each in load:
        account = _read(each).get("PID-18")
        if each.door == "adt":
            registered.add(account)
        elif each.door == "charges":
            waiting += account not in registered
    assert waiting < 20
