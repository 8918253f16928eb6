"""Reference data written as MFN, for systems that keep copies of our clinicians, places and items.

Here: the inverse of `hl7v2_mfn.py`: M02, M04, M05, and M16 or, of what is on hand, M15. There is no
patient in any of it, and nothing to withhold. HL7 v2 chapter 8, 8.4 to 8.12, chapter 17, 17.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from suture.model.master_data import (
    ChargeItemRecorded,
    ItemRecorded,
    LocationRecorded,
    MasterFact,
    ProviderRecorded,
)
from suture.model.money import format_amount
from suture.translate.hl7v2_write import Envelope, day, filled, message, trimmed
from suture.wire.hl7v2 import Field

AnyRecord = ProviderRecorded | LocationRecorded | ChargeItemRecorded | ItemRecorded

_FILES = {"M02": "PRA", "M04": "CDM", "M05": "LOC", "M15": "INV", "M16": "INV"}
"""Event -> MFI-1, HL7 table 0175."""
_CODED, _PLACE = "CE", "PL"
_FACILITY = 3
"""Index of the facility in a place: the fourth component of a PL."""


def render_records(facts: Sequence[AnyRecord], envelope: Envelope) -> bytes:
    """Return records of one kind as a master file update that asks for an answer to each (MFK).

    Raises ValueError for no record, and for records that different events tell.
    """
    events = {_event(fact) for fact in facts}
    if len(events) != 1:
        reason = "a master file message is of records of one kind"
        raise ValueError(reason)
    (event,) = events
    segments: list[list[Field]] = [filled("MFI", {1: _FILES[event], 3: "UPD", 6: "AL"})]
    for order, fact in enumerate(facts, start=1):
        segments += [_entry(fact, f"{envelope.control_id}.{order}"), *_segments(fact)]
    return message(envelope, ("MFN", event, f"MFN_{event}"), segments)


def _event(fact: AnyRecord) -> str:
    match fact:
        case ProviderRecorded():
            return "M02"
        case ChargeItemRecorded():
            return "M04"
        case LocationRecorded():
            return "M05"
        case ItemRecorded():
            # What is on hand is told by an inventory record, which has no place for a vendor.
            is_sourced = fact.kind or fact.supplier or fact.supplier_item or fact.manufacturer_item
            return "M15" if fact.quantity and not is_sourced else "M16"
        case _:
            assert_never(fact)


def _entry(fact: AnyRecord, number: str) -> list[Field]:
    is_place = isinstance(fact, LocationRecorded)
    return filled(
        "MFE",
        {
            1: fact.action,
            2: number,
            3: "" if fact.valid_from is None else day(fact.valid_from),
            4: fact.code.split("^") if is_place else fact.code,
            5: _PLACE if is_place else _CODED,
        },
    )


def _segments(fact: AnyRecord) -> list[list[Field]]:
    match fact:
        case ProviderRecorded():
            return _provider(fact)
        case LocationRecorded():
            return _location(fact)
        case ChargeItemRecorded():
            return _charge_item(fact)
        case ItemRecorded():
            return _inventory(fact) if _event(fact) == "M15" else _material(fact)
        case _:
            assert_never(fact)


def _provider(fact: ProviderRecorded) -> list[list[Field]]:
    numbers: Field = (fact.national_id, "NPI") if fact.national_id else ""
    return [
        filled(
            "STF",
            {
                1: fact.code,
                3: fact.name,
                7: _flag(fact.is_active),
                8: fact.department,
                13: _until(fact),
            },
        ),
        filled("PRA", {1: fact.code, 5: fact.specialty, 6: numbers, 9: fact.organization}),
    ]


def _location(fact: LocationRecorded) -> list[list[Field]]:
    key = [*fact.code.split("^"), "", "", "", ""]
    key[_FACILITY] = key[_FACILITY] or fact.facility
    own = trimmed(*key)
    segments = [
        filled("LOC", {1: own, 2: fact.name, 3: fact.kind}),
        filled(
            "LDP",
            {
                1: own,
                2: fact.department,
                6: _flag(fact.is_active),
                8: _until(fact),
                12: fact.cost_centre,
            },
        ),
    ]
    if fact.part_of:
        segments.append(filled("LRL", {1: own, 4: "PAR", 6: fact.part_of.split("^")}))
    return segments


def _charge_item(fact: ChargeItemRecorded) -> list[list[Field]]:
    row = filled("CDM", {1: fact.code, 3: fact.name, 7: fact.procedure, 8: _flag(fact.is_active)})
    price = "" if fact.price_minor is None else format_amount(fact.price_minor)
    if not (price or fact.facility or fact.department or fact.valid_until):
        return [row]
    return [
        row,
        filled(
            "PRC",
            {
                1: fact.code,
                2: fact.facility,
                3: fact.department,
                5: price,
                12: _until(fact),
                16: _flag(fact.is_active),
            },
        ),
    ]


def _inventory(fact: ItemRecorded) -> list[list[Field]]:
    return [
        filled(
            "IIM",
            {
                1: fact.code,
                2: (fact.code, fact.name),
                6: fact.location,
                10: fact.price,
                12: fact.quantity,
                13: fact.unit,
            },
        )
    ]


def _material(fact: ItemRecorded) -> list[list[Field]]:
    segments = [
        filled(
            "ITM",
            {
                1: fact.code,
                2: fact.name,
                3: _flag(fact.is_active),
                4: fact.kind,
                9: fact.manufacturer_item,
                21: fact.price,
            },
        )
    ]
    if fact.supplier or fact.supplier_item:
        vendor: dict[int, Field] = {1: "1", 2: fact.supplier, 4: fact.supplier_item, 5: "Y"}
        segments.append(filled("VND", vendor))
    if fact.unit:
        segments.append(filled("PKG", {1: "1", 2: fact.unit, 3: "Y", 5: fact.price}))
    if fact.location:
        segments.append(filled("IVT", {1: "1", 2: fact.location}))
    return segments


def _until(fact: MasterFact) -> str:
    return "" if fact.valid_until is None else day(fact.valid_until)


def _flag(is_active: bool | None) -> str:  # noqa: FBT001 - the value itself
    """Return HL7 table 0183; "" where it is not known."""
    return "" if is_active is None else "A" if is_active else "I"
