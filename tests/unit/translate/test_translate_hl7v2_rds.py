"""Drugs handed out and given (translate/hl7v2_rds.py, RDS, RAS)."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.supply import SupplyAdministered, SupplyCancelled, SupplyDispensed
from suture.model.translation import Channel, Routed, Translation
from suture.translate import hl7v2_rds
from suture.wire.hl7v2 import parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="pharmacy", zone=ZoneInfo("America/Chicago"), tokenizer=TOKENIZER, authority="riverbend"
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def surrogate(kind: str, number: str) -> str:
    """Return what stands in every fact for this number."""
    return TOKENIZER.token(kind, "riverbend", number)


def heard(*segments: str, kind: str = "RDS^O13") -> Translation:
    """Return what a message of these segments means."""
    header = rf"MSH|^~\&|PHARMACY|RGH|SUTURE|RVH|20260105083000||{kind}|M1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    assert not isinstance(message, Fault)
    return hl7v2_rds.translate(message, CHANNEL)


PATIENT = line("PID", {3: "600123^^^RVH^MR", 18: "A5001"})
VISIT = line("PV1", {2: "I", 3: "ICU^12^A^RGH", 19: "V900"})
WHOM: dict[str, Any] = {
    "patient": surrogate("patient", "600123"),
    "account": surrogate("account", "A5001"),
    "visit": surrogate("visit", "V900"),
    "facility": "RGH",
}
ORDER = {1: "NW", 2: "O700^OR", 3: "F800", 9: "20260105081500"}
SUPPLY = surrogate("supply", "O700")
DISPENSE = {
    1: "1",
    2: "00047040230^Ampicillin 250 mg^NDC",
    3: "20260105090000",
    4: "10",
    5: "CAP",
    7: "RX55",
    18: "LOT9",
}
DOSE = {
    1: "1",
    2: "3",
    3: "202601051000",
    5: "00047040230^Ampicillin^NDC",
    6: "1.5",
    7: "mL",
    11: "ICU2^4",
    15: "LOT9",
    20: "CP",
    21: "A",
}


def dispensed(*segments: str) -> list[SupplyDispensed]:
    """Return what an accepted RDS says was handed out."""
    translation = heard(PATIENT, VISIT, *segments)
    assert () == translation.faults
    facts = [routed.fact for routed in translation.routed]
    told = [fact for fact in facts if isinstance(fact, SupplyDispensed)]
    assert len(facts) == len(told)
    return told


def test_a_drug_handed_out_tells_what_how_much_and_of_which_lot() -> None:
    translation = heard(PATIENT, VISIT, line("ORC", ORDER | {1: "RE"}), line("RXD", DISPENSE))
    (routed,) = translation.routed
    assert isinstance(routed.fact, SupplyDispensed)
    expected = SupplyDispensed(
        supply=SUPPLY,
        dispense=routed.fact.dispense,
        item="00047040230",
        coding="NDC",
        quantity="10",
        unit="CAP",
        department="ICU",
        occurred_at_ms=1_767_625_200_000,
        occurred_on=date(2026, 1, 5),
        lot="LOT9",
        where="RXD",
        **WHOM,
    )
    assert Routed(f"supply/{SUPPLY}", expected, "RXD") == routed


def test_the_same_dispense_told_again_is_known_and_the_next_one_is_another() -> None:
    order = line("ORC", ORDER)
    first, again, other = (
        dispensed(order, line("RXD", DISPENSE | changed))[0].dispense
        for changed in ({}, {4: "12"}, {1: "2"})
    )
    assert first == again
    assert first != other


def test_a_sender_that_counts_nothing_is_known_by_message_and_place() -> None:
    uncounted = line("RXD", DISPENSE | {1: "", 7: ""})
    first, second = dispensed(line("ORC", ORDER), uncounted, uncounted)
    assert first.dispense != second.dispense
    (again, _) = dispensed(line("ORC", ORDER), uncounted, uncounted)
    assert first.dispense == again.dispense


@pytest.mark.parametrize(
    ("lines", "cost_minor"),
    [
        pytest.param((line("FT1", {10: "10", 22: "1.25"}),), 1_250, id="for each"),
        pytest.param((line("FT1", {22: "1.25&USD^UP"}),), 125, id="one"),
        pytest.param((line("FT1", {6: "CG", 11: "20.00"}),), None, id="a price is no cost"),
        pytest.param((line("FT1", {22: "1"}), line("FT1", {22: "2"})), None, id="whose"),
        pytest.param((), None, id="silent"),
    ],
)
def test_what_a_drug_cost_us_is_told_where_it_is_clear(
    lines: tuple[str, ...], cost_minor: int | None
) -> None:
    (told,) = dispensed(line("ORC", ORDER), line("RXD", DISPENSE), *lines)
    assert cost_minor == told.cost_minor


@pytest.mark.parametrize("unread", [{22: "1.255"}, {22: "1.25&EUR"}, {10: "2.5", 22: "1.25"}])
def test_a_cost_that_gives_no_whole_cents_is_noted_and_left_out(unread: dict[int, str]) -> None:
    translation = heard(line("ORC", ORDER), line("RXD", DISPENSE), line("FT1", unread))
    assert [("hl7.cost.unread", "FT1-22")] == [
        (each.code, each.where) for each in translation.notes
    ]


def test_a_dispense_taken_back_is_no_consumption() -> None:
    translation = heard(PATIENT, VISIT, line("ORC", ORDER | {1: "OC"}), line("RXD", DISPENSE))
    assert [SupplyCancelled(supply=SUPPLY, where="RXD", **WHOM)] == [
        routed.fact for routed in translation.routed
    ]


def test_a_dose_tells_what_was_given_where_and_how_it_ended() -> None:
    translation = heard(PATIENT, VISIT, line("ORC", ORDER), line("RXA", DOSE), kind="RAS^O17")
    (routed,) = translation.routed
    assert isinstance(routed.fact, SupplyAdministered)
    expected = SupplyAdministered(
        supply=SUPPLY,
        administration=routed.fact.administration,
        item="00047040230",
        coding="NDC",
        quantity="1.5",
        unit="mL",
        department="ICU2",
        occurred_at_ms=1_767_628_800_000,
        occurred_on=date(2026, 1, 5),
        action="A",
        completion="CP",
        lot="LOT9",
        where="RXA",
        **WHOM,
    )
    assert Routed(f"supply/{SUPPLY}", expected, "RXA") == routed


def test_a_dose_refused_needs_no_quantity() -> None:
    refused = line("RXA", DOSE | {6: "", 20: "RE"})
    translation = heard(line("ORC", ORDER), refused, kind="RAS^O17")
    assert "accepted" == translation.status


def test_each_dose_of_an_order_has_its_own_identity() -> None:
    translation = heard(
        line("ORC", ORDER), line("RXA", DOSE), line("RXA", DOSE | {2: "4"}), kind="RAS^O17"
    )
    identities = {
        routed.fact.administration
        for routed in translation.routed
        if isinstance(routed.fact, SupplyAdministered)
    }
    assert 2 == len(identities)


@pytest.mark.parametrize("kind", ["RDS^O01", "RAS^O01"])
def test_what_senders_before_2_4_write_is_read(kind: str) -> None:
    segment = line("RXD", DISPENSE) if kind.startswith("RDS") else line("RXA", DOSE)
    assert "accepted" == heard(line("ORC", ORDER), segment, kind=kind).status


@pytest.mark.parametrize(
    ("kind", "segments", "expected"),
    [
        ("RDS^O13", (line("ORC", ORDER),), ("hl7.item.missing", "RXD")),
        ("RDS^O13", (line("RXD", DISPENSE),), ("hl7.order.missing", "RXD")),
        (
            "RDS^O13",
            (line("ORC", ORDER), line("RXD", DISPENSE | {2: "^by name"})),
            ("hl7.item.missing", "RXD-2"),
        ),
        (
            "RDS^O13",
            (line("ORC", ORDER), line("RXD", DISPENSE | {4: ""})),
            ("hl7.quantity.invalid", "RXD-4"),
        ),
        (
            "RAS^O17",
            (line("ORC", ORDER), line("RXA", DOSE | {6: "1,5"})),
            ("hl7.quantity.invalid", "RXA-6"),
        ),
        ("RDS^O14", (line("ORC", ORDER),), ("hl7.type.unsupported", "MSH-9")),
    ],
)
def test_what_was_taken_from_stock_is_held_until_it_can_be_counted(
    kind: str, segments: tuple[str, ...], expected: tuple[str, str]
) -> None:
    (fault,) = heard(*segments, kind=kind).faults
    assert expected == (fault.code, fault.where)
