"""What a system says of its own codes (translate/hl7v2_mfn.py, MFN)."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suture.model.event import Fact
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.master_data import (
    ChargeItemRecorded,
    ItemRecorded,
    LocationRecorded,
    ProviderRecorded,
)
from suture.model.translation import Channel, Routed, Translation
from suture.translate import hl7v2_mfn
from suture.wire.hl7v2 import parse

CHANNEL = Channel(
    source="master",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=Tokenizer(b"a key for tests, of 32 bytes...."),
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def heard(*segments: str, event: str = "M02") -> Translation:
    """Return what an MFN of these segments means."""
    header = rf"MSH|^~\&|HRIS|RGH|SUTURE|RVH|20260105083000||MFN^{event}|M1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    assert not isinstance(message, Fault)
    return hl7v2_mfn.translate(message, CHANNEL)


def told(*segments: str, event: str = "M02") -> Fact:
    """Return the one fact of an accepted MFN."""
    translation = heard(*segments, event=event)
    assert () == translation.faults
    (routed,) = translation.routed
    return routed.fact


def entry(key: str, action: str = "MUP", effective: str = "20260201") -> str:
    """Return the MFE of a record."""
    return line("MFE", {1: action, 2: "R1", 3: effective, 4: key, 5: "CE"})


STAFF = "MFI|PRA^Practitioner^HL70175||UPD|||AL"
CHARGES = "MFI|CDM||UPD|||AL"
PLACES = "MFI|LOC||UPD|||AL"
ITEMS = "MFI|INV||UPD|||AL"
FROM = date(2026, 2, 1)


def test_a_clinician_is_told_with_national_number_specialty_and_department() -> None:
    staff = line("STF", {1: "D77", 2: "D77^^^RGH^EI", 3: "FERN^ADA", 7: "A", 8: "CARD^Heart"})
    practitioner = line(
        "PRA", {1: "D77", 2: "HEARTS", 5: "207RC0000X^II", 6: "U1^UPIN~1234567893^NPI"}
    )
    assert ProviderRecorded(
        code="D77",
        system="HRIS|PRA",
        name="ADA FERN",
        valid_from=FROM,
        where="MFE",
        national_id="1234567893",
        specialty="207RC0000X",
        department="CARD",
        organization="HEARTS",
        is_active=True,
    ) == told(STAFF, entry("D77"), staff, practitioner)


def test_a_national_number_may_stand_among_the_staff_numbers() -> None:
    fact = told(STAFF, entry("D77"), line("STF", {2: "D77~1234567893^^^CMS^NPI"}))
    assert isinstance(fact, ProviderRecorded)
    assert "1234567893" == fact.national_id


@pytest.mark.parametrize(
    ("action", "flag", "expected"),
    [
        ("MDC", "A", False),
        ("MDL", "A", False),
        ("MAC", "I", True),
        ("MUP", "I", False),
        ("MAD", "", None),
    ],
)
def test_whether_a_record_is_in_use_follows_from_what_becomes_of_it_else_its_flag(
    action: str, flag: str, *, expected: bool | None
) -> None:
    fact = told(STAFF, entry("D77", action), line("STF", {1: "D77", 7: flag}))
    assert isinstance(fact, ProviderRecorded)
    assert (action, expected) == (fact.action, fact.is_active)


ROW = line("CDM", {1: "80053", 3: "Metabolic panel", 7: "80053^Panel^C4", 8: "A"})


def test_a_charge_master_row_has_a_stream_for_each_facility_s_price() -> None:
    general = line("PRC", {2: "RGH", 3: "LAB", 5: "125.50&USD^UP", 11: "20260301", 12: "20261231"})
    clinic = line("PRC", {2: "DTC", 5: "90", 16: "I"})
    translation = heard(CHARGES, entry("80053"), ROW, general, clinic, event="M04")
    row: dict[str, Any] = {
        "code": "80053",
        "system": "HRIS|CDM",
        "name": "Metabolic panel",
        "procedure": "80053",
    }
    first = ChargeItemRecorded(
        **row,
        valid_from=date(2026, 3, 1),
        valid_until=date(2026, 12, 31),
        where="PRC",
        price_minor=12_550,
        facility="RGH",
        department="LAB",
        is_active=True,
    )
    second = ChargeItemRecorded(
        **row, valid_from=FROM, where="PRC[2]", price_minor=9_000, facility="DTC", is_active=False
    )
    assert translation.routed == (
        Routed("charge_item/80053:RGH", first, "PRC"),
        Routed("charge_item/80053:DTC", second, "PRC[2]"),
    )


def test_a_charge_master_row_without_a_price_is_told_all_the_same() -> None:
    translation = heard(CHARGES, entry("80053", "MDC"), ROW, event="M04")
    (routed,) = translation.routed
    assert "charge_item/80053" == routed.stream
    assert isinstance(routed.fact, ChargeItemRecorded)
    assert (None, False) == (routed.fact.price_minor, routed.fact.is_active)


def test_a_place_is_told_with_what_it_is_part_of_and_who_bears_its_cost() -> None:
    place = line("LOC", {1: "ICU^12^A^RGH", 2: "Intensive care", 3: "B"})
    department = line("LDP", {2: "ICU^Unit", 6: "A", 7: "20260115", 8: "20270101", 12: "CC500"})
    others = line("LRL", {4: "RX", 6: "PHARM"}), line("LRL", {4: "PAR^Parent", 6: "ICU^12^^RGH"})
    translation = heard(PLACES, entry("ICU^12^A^RGH"), place, department, *others, event="M05")
    expected = LocationRecorded(
        code="ICU^12^A^RGH",
        system="HRIS|LOC",
        name="Intensive care",
        valid_from=date(2026, 1, 15),
        valid_until=date(2027, 1, 1),
        where="MFE",
        facility="RGH",
        department="ICU",
        kind="B",
        part_of="ICU^12^^RGH",
        cost_centre="CC500",
        is_active=True,
    )
    assert (Routed("location/ICU^12^A^RGH", expected, "MFE"),) == translation.routed


def test_an_inventory_item_is_told_with_price_place_and_quantity_on_hand() -> None:
    stock = line(
        "IIM",
        {1: "IMP7", 2: "IMP7^Hip stem", 6: "STORE1", 8: "5", 9: "BX", 10: "812.3456", 12: "3",
         13: "EA"},
    )  # fmt: skip
    assert ItemRecorded(
        code="IMP7",
        system="HRIS|INV",
        name="Hip stem",
        valid_from=FROM,
        where="MFE",
        unit="EA",
        price="812.3456",
        location="STORE1",
        quantity="3",
    ) == told(ITEMS, entry("IMP7^Hip stem"), stock, event="M15")


def test_a_material_is_told_with_its_usual_vendor_and_package() -> None:
    material = line("ITM", {1: "IMP7", 2: "Hip stem", 3: "A", 4: "IMP", 9: "M-77", 21: "800.00"})
    vendors = line("VND", {2: "V1", 4: "C1"}), line("VND", {2: "V2", 4: "C2", 5: "Y"})
    packages = line("PKG", {2: "BX", 4: "10"}), line("PKG", {2: "EA", 3: "Y", 5: "812.3456"})
    segments = material, *vendors, *packages, line("IVT", {2: "STORE1"})
    assert ItemRecorded(
        code="IMP7",
        system="HRIS|INV",
        name="Hip stem",
        valid_from=FROM,
        where="MFE",
        kind="IMP",
        supplier="V2",
        supplier_item="C2",
        manufacturer_item="M-77",
        unit="EA",
        price="812.3456",
        location="STORE1",
        is_active=True,
    ) == told(ITEMS, entry("IMP7"), *segments, event="M16")


def test_a_material_without_a_package_costs_what_its_own_price_says() -> None:
    fact = told(ITEMS, entry("IMP7"), line("ITM", {1: "IMP7", 21: "800.00"}), event="M16")
    assert isinstance(fact, ItemRecorded)
    assert "800.00" == fact.price


@pytest.mark.parametrize(
    ("file", "stream"),
    [("PRA", "provider"), ("LOC", "location"), ("CDM", "charge_item"), ("INV", "item")],
)
def test_a_record_of_a_key_alone_is_of_what_its_file_is_of(file: str, stream: str) -> None:
    translation = heard(f"MFI|{file}||UPD", entry("K1", "MDC"), event="M13")
    assert [f"{stream}/K1"] == [routed.stream for routed in translation.routed]


def test_a_record_a_site_defined_is_read_by_the_segments_it_has() -> None:
    staff = line("STF", {1: "D77", 3: "FERN^ADA"})
    fact = told("MFI|ZSTAFF||UPD", entry("D77"), "ZST|1", staff, event="M14")
    assert isinstance(fact, ProviderRecorded)
    assert "ADA FERN" == fact.name


def test_a_record_of_a_file_nobody_keeps_is_noted_and_its_neighbour_told() -> None:
    segments = entry("OBS1"), "OM1|1|OBS1", entry("D77"), line("STF", {1: "D77"})
    translation = heard("MFI|OMA||UPD", *segments)
    assert [("hl7.record.unread", "MFE")] == [(each.code, each.where) for each in translation.notes]
    assert ["provider/D77"] == [routed.stream for routed in translation.routed]


def test_a_file_that_replaces_another_is_noted() -> None:
    translation = heard("MFI|PRA||REP", entry("D77"), line("STF", {1: "D77"}))
    assert ["hl7.master_file.replaced"] == [note.code for note in translation.notes]


def test_a_record_without_a_day_holds_from_the_day_of_its_file() -> None:
    fact = told("MFI|PRA||UPD||20260110", entry("D77", effective=""), line("STF", {1: "D77"}))
    assert isinstance(fact, ProviderRecorded)
    assert date(2026, 1, 10) == fact.valid_from


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((STAFF,), ("hl7.record.unclear", "MFE")),
        ((STAFF, entry("", "MUP"), "STF|"), ("hl7.record.unclear", "MFE-4")),
        ((STAFF, entry("D77", "NEW"), "STF|D77"), ("hl7.record.unclear", "MFE-1")),
        ((STAFF, entry("D77", effective="20260230"), "STF|D77"),
         ("hl7.timestamp.invalid", "MFE-3.1")),
        ((CHARGES, entry("1"), line("PRC", {5: "1,250"})), ("hl7.amount.invalid", "PRC-5.1")),
        ((CHARGES, entry("1"), line("PRC", {5: "12&EUR"})),
         ("hl7.currency.unsupported", "PRC-5.1")),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_kept_holds_the_message(
    segments: tuple[str, ...], expected: tuple[str, str]
) -> None:
    (fault,) = heard(*segments, event="M04").faults
    assert expected == (fault.code, fault.where)


def test_b76_a_key_of_any_length_is_told_whole_to_a_stream_of_bounded_name() -> None:
    translation = heard(ITEMS, entry("K" * 5_000), event="M13")
    (routed,) = translation.routed
    assert isinstance(routed.fact, ItemRecorded)
    assert ("K" * 5_000, True) == (routed.fact.code, len(routed.stream) < 250)


def test_b25_an_event_nobody_translates_is_held() -> None:
    (fault,) = heard(STAFF, entry("D77"), event="M08").faults
    assert "hl7.type.unsupported" == fault.code
