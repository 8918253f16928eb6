"""The plan of the simulated health system: the same by seed, and wrong only where planted.

Codes are held against the sample estate's crosswalks, money is added up again from the bytes. The
remittances in it are test_health_system_remittances.py.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from suture.simulator.health_system import (
    CANARY_MARKER,
    FAULTS,
    HEALED_BY_SENDER,
    TOTALS,
    UNMAPPED_DEPARTMENT,
    UNMAPPED_FACILITY,
    UNMAPPED_HEALED_BY,
    Planned,
    canary_strings,
    generate,
    manifest,
)
from suture.simulator.health_system import planted as faults
from suture.simulator.health_system.places import PAYERS
from suture.wire.hl7v2 import Message, Segment, parse

_DAYS = 5
_ESTATE = Path(__file__).parents[3] / "estates" / "riverbend"
_TYPES = {"CG": "charges", "CD": "credits", "PY": "patient_payments", "CO": "patient_payments"}


@pytest.fixture(scope="module", name="plan")
def _plan() -> list[Planned]:
    return list(generate(1, _DAYS))


def _read(planned: Planned) -> Message:
    message = parse(planned.raw)
    assert isinstance(message, Message), message
    return message


def _messages(plan: list[Planned], message_type: str) -> Iterator[tuple[Planned, Message]]:
    for planned in plan:
        if planned.kind.startswith(message_type):
            yield planned, _read(planned)


def _one(plan: list[Planned], fault: str) -> Planned:
    return next(planned for planned in plan if planned.planted == fault)


def _crosswalk(name: str, *columns: str) -> set[tuple[str, ...]]:
    text = (_ESTATE / "crosswalks" / f"{name}.csv").read_text("utf-8")
    return {tuple(row[column] for column in columns) for row in csv.DictReader(text.splitlines())}


def _cents(text: str) -> int:
    major, _, minor = text.partition(".")
    return int(major) * 100 + int(minor.ljust(2, "0"))


def test_the_same_seed_sends_the_same_bytes_and_another_seed_others(plan: list[Planned]) -> None:
    assert plan == list(generate(1, _DAYS))
    assert [each.raw for each in plan] != [each.raw for each in generate(2, _DAYS)]


def test_messages_go_out_in_the_order_of_their_days_and_times(plan: list[Planned]) -> None:
    assert [each.at for each in plan] == sorted(each.at for each in plan)
    assert [day for day, _ in groupby(plan, key=lambda each: each.day)] == [1, 2, 3, 4, 5]
    assert all((each.at.date() - plan[0].at.date()).days == each.day - 1 for each in plan)


def test_every_message_is_readable_and_only_planted_ones_are_untidy(plan: list[Planned]) -> None:
    for planned in plan:
        if planned.door == "remits":
            continue
        message = _read(planned)
        assert message.faults == ()
        codes = [note.code for note in message.notes]
        expected = ["hl7.lenient.line_ends"] if planned.planted == faults.LINE_FEEDS else []
        assert expected == codes
        assert (planned.name, planned.kind) == (
            message.control_id,
            f"{message.type}^{message.trigger}",
        )


def test_control_ids_are_unique_where_nothing_is_planted(plan: list[Planned]) -> None:
    repeating = {faults.EXACT_DUPLICATE, faults.CONTROL_ID_REUSED, faults.FILE_DUPLICATED}
    names = Counter(each.name for each in plan if each.planted not in repeating)
    assert [name for name, count in names.items() if count > 1] == []


def test_the_first_day_brings_payments_for_visits_of_the_days_before(plan: list[Planned]) -> None:
    first = [each for each in plan if each.door == "remits" and each.day == 1]
    assert {each.key for each in first} == {payer.code for payer in PAYERS}
    began = b"".join(each.raw for each in first).split(b"DTM*232*")[1:]
    assert all(each[:8] < b"20260302" for each in began)


def test_every_kind_of_visit_happens(plan: list[Planned]) -> None:
    wide = Counter(each.kind for each in generate(3, 12))
    registration = "A01 A03 A04 A05 A06 A07 A08 A11 A12 A13 A38 A40"
    scheduling = "S12 S13 S14 S15 S17 S26"
    expected = {f"ADT^{each}" for each in registration.split()}
    expected |= {f"SIU^{each}" for each in scheduling.split()} | {"DFT^P03", "835"}
    assert expected == set(wide)


@pytest.mark.parametrize("days", [1, 2, 3])
@pytest.mark.parametrize("seed", range(1, 13))
def test_every_fault_is_planted_on_the_first_day_and_healed_by_the_last(
    seed: int, days: int
) -> None:
    plantings = manifest(generate(seed, days))
    on_the_first_day = {each.fault for each in plantings if each.day == 1 and not each.is_healing}
    assert set(FAULTS) == on_the_first_day
    assert {each.day for each in plantings} == set(range(1, days + 1))
    planted = Counter(each.fault for each in plantings if not each.is_healing)
    healed = Counter(each.fault for each in plantings if each.is_healing)
    assert {name: planted[name] for name in HEALED_BY_SENDER} == healed


@pytest.mark.parametrize("seed", range(1, 6))
def test_where_there_is_no_next_morning_a_fault_is_healed_after_it_the_same_day(seed: int) -> None:
    sent = [each for each in generate(seed, 1) if each.planted or each.heals]
    for name in HEALED_BY_SENDER:
        told = [bool(each.heals) for each in sent if name in {each.planted, each.heals}]
        assert told == [False, True]


def test_an_exact_duplicate_has_the_same_bytes_under_the_same_control_id(
    plan: list[Planned],
) -> None:
    again = _one(plan, faults.EXACT_DUPLICATE)
    first = next(each for each in plan if each.name == again.name)
    assert first is not again
    assert (first.raw, first.key, True, ()) == (
        again.raw,
        again.key,
        again.is_duplicate,
        again.totals,
    )


def test_b20_a_reused_control_id_is_healed_by_the_same_content_under_a_fresh_one(
    plan: list[Planned],
) -> None:
    reused = _one(plan, faults.CONTROL_ID_REUSED)
    first, second, *_ = (each for each in plan if each.name == reused.name)
    healing = next(each for each in plan if each.heals == faults.CONTROL_ID_REUSED)
    assert second is reused
    assert first.raw != second.raw
    assert first.key == second.key, "the first must hold the id: they share a connection"
    assert [each.text(2) for each in _read(second).all("FT1")] == [
        each.text(2) for each in _read(healing).all("FT1")
    ]
    assert healing.name not in {each.name for each in plan if each is not healing}
    assert healing.day > reused.day
    assert second.totals == ()
    assert healing.totals != ()


def test_a_visit_may_end_before_it_is_said_to_have_begun(plan: list[Planned]) -> None:
    late = _one(plan, faults.DISCHARGE_FIRST)
    visit = _read(late).get("PV1-19")
    told = [
        (message.trigger, message.get("EVN-2"))
        for _, message in _messages(plan, "ADT")
        if message.get("PV1-19") == visit
    ]
    triggers = [trigger for trigger, _ in told]
    assert triggers.index("A03") < triggers.index(_read(late).trigger)
    assert max(told, key=lambda each: each[1])[0] != _read(late).trigger, "recorded before"


def test_charges_may_come_before_the_account_is_registered(plan: list[Planned]) -> None:
    late = _one(plan, faults.CHARGE_FIRST)
    account = _read(late).get("PID-18")
    place = plan.index(late)
    before = [each for each in plan[:place] if account.encode() in each.raw]
    assert any("charges" in {total.name for total in each.totals} for each in before)
    assert [each.kind for each in before if each.door == "adt"] == []


def test_an_appointment_may_be_cancelled_before_it_is_booked(plan: list[Planned]) -> None:
    late = _read(_one(plan, faults.CANCEL_FIRST))
    told = [
        message.trigger
        for _, message in _messages(plan, "SIU")
        if message.get("SCH-2") == late.get("SCH-2")
    ]
    assert told == ["S15", "S12"]


def test_a_repeated_charge_has_the_same_transaction_ids_under_another_message(
    plan: list[Planned],
) -> None:
    again = _one(plan, faults.CHARGE_REPEATED)
    numbers = [segment.text(2) for segment in _read(again).all("FT1")]
    first = next(
        planned
        for planned, message in _messages(plan, "DFT")
        if [segment.text(2) for segment in message.all("FT1")] == numbers
    )
    assert first.name != again.name
    assert again.totals == ()


def test_b25_a_message_carries_a_segment_of_its_sender_own_making(plan: list[Planned]) -> None:
    message = _read(_one(plan, faults.Z_SEGMENT))
    assert message.first("ZPV") is not None


def test_the_new_department_is_in_no_crosswalk_until_its_row_is_added() -> None:
    known = _crosswalk("department", "source", "facility", "department")
    source, facility, department, cost_centre, service_line = UNMAPPED_HEALED_BY
    assert (facility, department) == (UNMAPPED_FACILITY, UNMAPPED_DEPARTMENT)
    assert (source, facility, department) not in known
    assert (cost_centre, service_line) in _crosswalk("department", "cost_centre", "service_line")


def test_every_other_code_is_one_the_sample_estate_knows(plan: list[Planned]) -> None:
    departments = _crosswalk("department", "facility", "department")
    classes, payers = (
        _crosswalk("financial_class", "financial_class"),
        _crosswalk("payer", "payer"),
    )
    for planned, message in _messages(plan, "DFT"):
        place = message.get("PV1-3.4")
        charged = [line.value(13) for line in message.all("FT1") if line.value(13)]
        unknown = [code for code in charged if (place, code) not in departments]
        expected = [UNMAPPED_DEPARTMENT] if planned.planted == faults.DEPARTMENT_UNMAPPED else []
        assert expected == unknown
    for _, message in _messages(plan, "ADT"):
        if message.first("PV1") is not None:
            assert (message.get("PV1-20"),) in classes
        assert all((segment.value(3),) in payers for segment in message.all("IN1"))


def test_totals_are_what_the_lines_add_up_to_each_line_once(plan: list[Planned]) -> None:
    told: dict[tuple[str, str], tuple[str, int]] = {}
    for planned, message in _messages(plan, "DFT"):
        if planned.planted == faults.CONTROL_ID_REUSED:
            continue
        for line in message.all("FT1"):
            identity = line.value(2), line.value(6)
            name = _TYPES.get(line.value(6), "adjustments")
            amount = name, _cents(line.value(11))
            assert told.setdefault(identity, amount) == amount
            assert _is_priced(line)
    counted = Counter[str]()
    for planned in plan:
        for total in planned.totals:
            counted[total.name] += total.amount_minor
    expected = Counter[str]()
    for name, minor in told.values():
        expected[name] += minor
    assert expected == Counter({name: counted[name] for name in expected})
    assert set(TOTALS) == set(counted)


def _is_priced(line: Segment) -> bool:
    """FT1-11 is FT1-10 times FT1-12, for lines that have a price."""
    price = line.value(12)
    return not price or _cents(line.value(11)) == int(line.value(10)) * _cents(price)


def test_a_change_of_financial_class_is_told_of_some_accounts(plan: list[Planned]) -> None:
    classes: dict[str, set[str]] = {}
    for _, message in _messages(plan, "ADT"):
        if message.get("PV1-20"):
            classes.setdefault(message.get("PID-18"), set()).add(message.get("PV1-20"))
    changed = [sorted(each) for each in classes.values() if len(each) > 1]
    assert ["MD", "SP"] in changed
    assert any("SP" not in each for each in changed)


def test_a_merge_names_the_number_that_ends_and_the_one_that_lives_on(
    plan: list[Planned],
) -> None:
    for _, message in _messages(plan, "ADT^A40"):
        numbers = message.get("PID-3.1"), message.get("MRG-1.1")
        accounts = message.get("PID-18.1"), message.get("MRG-3.1")
        assert all(numbers + accounts)
        assert numbers[0] != numbers[1]
        assert accounts[0] != accounts[1]


def test_b92_every_string_of_the_canary_goes_out_and_none_without_it(plan: list[Planned]) -> None:
    sent = b"".join(each.raw for each in generate(1, _DAYS, canary=True))
    strings = canary_strings(1)
    assert [name for name, text in strings.items() if text.encode() not in sent] == []
    assert len(set(strings.values())) == len(strings)
    assert all(text.startswith(CANARY_MARKER) for text in strings.values())
    assert [each for each in plan if CANARY_MARKER.encode() in each.raw] == []


def test_the_canary_is_told_of_through_every_door() -> None:
    marked = [each for each in generate(1, 4, canary=True) if CANARY_MARKER.encode() in each.raw]
    assert {each.door for each in marked} == {"adt", "scheduling", "charges", "remits"}
    assert {each.planted for each in marked if each.door != "remits"} == {""}
