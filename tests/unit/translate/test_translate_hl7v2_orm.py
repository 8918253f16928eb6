"""What care asks for (translate/hl7v2_orm.py, ORM, OMP, OMS, OMN)."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.supply import SupplyCancelled, SupplyRequested
from suture.model.translation import Channel, Routed, Translation
from suture.translate import hl7v2_orm
from suture.wire.hl7v2 import parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="ordering", zone=ZoneInfo("America/Chicago"), tokenizer=TOKENIZER, authority="riverbend"
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def surrogate(kind: str, number: str) -> str:
    """Return what stands in every fact for this number."""
    return TOKENIZER.token(kind, "riverbend", number)


def heard(*segments: str, kind: str = "ORM^O01") -> Translation:
    """Return what a message of these segments means."""
    header = rf"MSH|^~\&|ORDERING|RGH|SUTURE|RVH|20260105083000||{kind}|M1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    assert not isinstance(message, Fault)
    return hl7v2_orm.translate(message, CHANNEL)


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
REQUISITION = {1: "1", 2: "23455^Implant^ITEMS", 5: "2", 6: "EA", 7: "OR7", 9: "DOCK"}


def requested(*segments: str, kind: str = "ORM^O01") -> list[SupplyRequested | SupplyCancelled]:
    """Return what an accepted order asks for, or no longer."""
    translation = heard(PATIENT, VISIT, *segments, kind=kind)
    assert () == translation.faults
    told = []
    for routed in translation.routed:
        assert isinstance(routed.fact, SupplyRequested | SupplyCancelled)
        assert f"supply/{routed.fact.supply}" == routed.stream
        told.append(routed.fact)
    return told


@pytest.mark.parametrize("kind", ["ORM^O01", "OMP^O09", "OMS^O05", "OMN^O07"])
def test_a_requisition_asks_for_an_item(kind: str) -> None:
    translation = heard(
        PATIENT, VISIT, line("ORC", ORDER), line("RQD", REQUISITION), "TQ1|1||||||||S", kind=kind
    )
    fact = SupplyRequested(
        supply=SUPPLY,
        item="23455",
        coding="ITEMS",
        quantity="2",
        unit="EA",
        department="OR7",
        status="NW",
        priority="S",
        occurred_at_ms=1_767_622_500_000,
        occurred_on=date(2026, 1, 5),
        where="RQD",
        **WHOM,
    )
    assert (Routed(f"supply/{SUPPLY}", fact, "RQD"),) == translation.routed


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({2: "", 3: "EXT1", 4: "HOSP1"}, "HOSP1"),
        ({2: "", 3: "EXT1"}, "EXT1"),
        ({2: ""}, "CAT9"),
    ],
)
def test_an_item_goes_by_our_code_before_anybody_else_s(
    item: dict[int, str], expected: str
) -> None:
    details = line("RQ1", {3: "MFR1", 5: "CAT9"})
    (told,) = requested(line("ORC", ORDER), line("RQD", REQUISITION | item), details)
    assert expected == told.item


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({7: "", 9: "DOCK"}, "DOCK"), ({7: "", 9: ""}, "ICU")],
)
def test_who_asks_is_the_cost_centre_else_where_it_is_delivered_else_the_ward(
    fields: dict[int, str], expected: str
) -> None:
    (told,) = requested(line("ORC", ORDER), line("RQD", REQUISITION | fields))
    assert expected == told.department


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ({2: "1", 4: "mg", 11: "6", 12: "TAB"}, ("6", "TAB")),
        ({2: "500", 4: "mg"}, ("500", "mg")),
    ],
)
def test_a_drug_is_asked_for_in_what_is_to_be_dispensed_else_in_what_is_given(
    amounts: dict[int, str], expected: tuple[str, str]
) -> None:
    drug = line("RXO", {1: "00047040230^Ampicillin^NDC"} | amounts)
    (told,) = requested(line("ORC", ORDER | {7: "1^^^^^R"}), drug, kind="OMP^O09")
    assert ("00047040230", "NDC", *expected) == (told.item, told.coding, told.quantity, told.unit)
    assert isinstance(told, SupplyRequested)
    assert "R" == told.priority


@pytest.mark.parametrize("control", ["CA", "OC", "CR", "DC", "OD", "DR", "RP", "RQ", "RU"])
def test_what_is_cancelled_or_replaced_is_no_longer_asked_for(control: str) -> None:
    (told,) = requested(line("ORC", ORDER | {1: control}), line("RQD", REQUISITION))
    assert isinstance(told, SupplyCancelled)
    assert SUPPLY == told.supply


@pytest.mark.parametrize("control", ["OK", "SC", "SN", "NA", "UA", ""])
def test_an_answer_or_a_status_asks_for_nothing(control: str) -> None:
    assert [] == requested(line("ORC", ORDER | {1: control}), line("RQD", REQUISITION))


def test_several_orders_and_several_lines_of_one_are_each_asked_for_by_themselves() -> None:
    second = {1: "RO", 3: "F801"}
    told = requested(
        line("ORC", ORDER),
        line("RQD", REQUISITION),
        line("RQD", REQUISITION | {1: "2"}),
        line("ORC", second),
        line("RQD", REQUISITION),
    )
    numbers = ("O700/1", "O700/2", "F801")
    assert [surrogate("supply", number) for number in numbers] == [each.supply for each in told]


@pytest.mark.parametrize(
    "detail", ["OBR|1|O700||80053^Panel^C4", "ODS|D||REG", ""], ids=["laboratory", "diet", "none"]
)
def test_an_order_that_takes_nothing_from_stock_is_noted_and_is_no_fact(detail: str) -> None:
    translation = heard(PATIENT, VISIT, line("ORC", ORDER), *filter(None, [detail]))
    assert ("accepted", ()) == (translation.status, translation.routed)
    assert ["hl7.order.not_supply"] == [note.code for note in translation.notes]


def test_a_request_without_an_item_code_is_noted_and_left_out() -> None:
    translation = heard(
        PATIENT, line("ORC", ORDER), line("RXO", {1: "^aspirin 81 mg", 11: "1"}), kind="OMP^O09"
    )
    assert ("accepted", ()) == (translation.status, translation.routed)
    assert [("hl7.item.missing", "RXO")] == [(each.code, each.where) for each in translation.notes]


@pytest.mark.parametrize(
    ("order", "item", "expected"),
    [
        ({2: "", 3: ""}, {}, ("hl7.order.missing", "ORC-2")),
        ({}, {5: "two"}, ("hl7.quantity.invalid", "RQD-5")),
        ({9: "20260230"}, {}, ("hl7.timestamp.invalid", "ORC-9.1")),
    ],
)
def test_an_order_that_cannot_be_kept_is_held(
    order: dict[int, str], item: dict[int, str], expected: tuple[str, str]
) -> None:
    (fault,) = heard(line("ORC", ORDER | order), line("RQD", REQUISITION | item)).faults
    assert expected == (fault.code, fault.where)


@pytest.mark.parametrize("kind", ["ORM^O02", "OMP^O10", "OMS^O01"])
def test_b25_an_event_nobody_translates_is_held(kind: str) -> None:
    (fault,) = heard(line("ORC", ORDER), line("RQD", REQUISITION), kind=kind).faults
    assert "hl7.type.unsupported" == fault.code
