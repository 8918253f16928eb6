"""Master files: MFN M02, M04, M05 and M13 to M16 become what one system says of its own codes.

Here: clinicians (STF, PRA), charge master rows (CDM, PRC), places (LOC, LDP, LRL), items of stock
(IIM; ITM, VND, PKG, IVT), each by the segments its record has, whichever event brings it: M13 has
none and tells a key alone, M14 what a site agreed on. Not here: whose record is believed
(`authoritative` in the estate), the answer for each record (MFK: `hl7v2_reply.py`). Next:
`processes/known.py`. HL7 v2 chapter 8, 8.4 to 8.12, chapter 17, 17.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from suture.model.fault import fault
from suture.model.identity import bounded_identity
from suture.model.master_data import (
    ChargeItemRecorded,
    ItemRecorded,
    LocationRecorded,
    ProviderRecorded,
)
from suture.model.money import parse_amount
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import Draft, told, unsupported
from suture.translate.hl7v2_records_common import Record, place_key, records
from suture.wire.hl7v2 import Message, Segment

_EVENTS = frozenset({"M02", "M04", "M05", "M13", "M14", "M15", "M16"})
_ACTIONS = frozenset({"MAD", "MUP", "MDC", "MAC", "MDL"})
_REPLACES = "REP"
_ACTIVE = {"A": True, "Y": True, "I": False, "N": False}
"""HL7 tables 0183 and 0776."""
_ACTIVE_BY_ACTION = {"MAC": True, "MDC": False, "MDL": False}
_DOLLARS = frozenset({"", "USD"})
_NATIONAL, _PARENT = "NPI", "PAR"


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an MFN means: one fact for each record, to the stream of its kind and key.

    A charge master row has one for each of its prices. Held when there is no record, or one has no
    key or no known action (`hl7.record.unclear`), or a price or date is unreadable. A record of a
    file that nobody keeps is noted (`hl7.record.unread`), told to nobody and answered so.
    """
    if message.trigger not in _EVENTS:
        return unsupported(message, channel)
    draft = Draft(message, channel)
    header = message.first("MFI")
    if told(header, 3) == _REPLACES:
        draft.notes.append(fault("hl7.master_file.replaced", "MFI-3"))
    found = records(message)
    if not found:
        draft.blame("hl7.record.unclear", "MFE", "the message holds no record")
    system = "|".join(filter(None, (draft.sending_application, told(header, 1))))
    routed: list[Routed] = []
    for record in found:
        routed += _record(draft, record, system)
    return draft.verdict(routed)


def _record(draft: Draft, record: Record, system: str) -> Iterator[Routed]:
    entry, action = record.entry, told(record.entry, 1)
    if not record.kind:
        draft.notes.append(fault("hl7.record.unread", entry.where()))
        return
    if action not in _ACTIONS:
        draft.blame("hl7.record.unclear", entry.where(1), "MFE-1 is no known action")
    code = record.key
    if not code:
        draft.blame("hl7.record.unclear", entry.where(4), "MFE-4 names no record")
    base: dict[str, Any] = {
        "code": code,
        "system": system,
        "action": action,
        "valid_from": _day(draft, entry, 3) or _day(draft, draft.message.first("MFI"), 5),
        "where": entry.where(),
    }
    stream = f"{record.kind}/{bounded_identity(code)}"
    match record.kind:
        case "provider":
            yield Routed(stream, _provider(draft, record, base), entry.where())
        case "location":
            yield Routed(stream, _location(draft, record, base), entry.where())
        case "charge_item":
            for fact in _charge_items(draft, record, base):
                key = f"{code}:{fact.facility}" if fact.facility else code
                yield Routed(f"charge_item/{bounded_identity(key)}", fact, fact.where)
        case _:
            yield Routed(stream, _item(record, base), entry.where())


def _provider(draft: Draft, record: Record, base: dict[str, Any]) -> ProviderRecorded:
    staff, practitioner = record.first("STF"), record.first("PRA")
    given, family = told(staff, 3, 2), told(staff, 3)
    return ProviderRecorded(
        **base,
        name=f"{given} {family}".strip() or told(record.entry, 4, 2),
        national_id=_of_type(practitioner, 6, 2) or _of_type(staff, 2, 5),
        specialty=told(practitioner, 5),
        department=told(staff, 8),
        valid_until=_day(draft, staff, 13),
        organization=told(practitioner, 9) or told(practitioner, 2),
        is_active=_is_active(base["action"], told(staff, 7)),
    )


def _of_type(segment: Segment | None, field: int, type_component: int) -> str:
    """Return the NPI of a list of numbers."""
    if segment is None:
        return ""
    for repetition in range(1, segment.repetitions(field) + 1):
        if segment.value(field, type_component, repetition=repetition).strip() == _NATIONAL:
            return segment.value(field, repetition=repetition).strip()
    return ""


def _location(draft: Draft, record: Record, base: dict[str, Any]) -> LocationRecorded:
    place, department = record.first("LOC"), record.first("LDP")
    parent = next((each for each in record.all("LRL") if told(each, 4) == _PARENT), None)
    facility = told(record.entry, 4, 4) or told(place, 1, 4) or draft.facility
    told_of_it = base | {"valid_from": _day(draft, department, 7) or base["valid_from"]}
    return LocationRecorded(
        **told_of_it,
        name=told(place, 2),
        valid_until=_day(draft, department, 8),
        facility=facility,
        department=told(department, 2),
        kind=told(place, 3),
        part_of=place_key(parent, 6),
        cost_centre=told(department, 12),
        is_active=_is_active(base["action"], told(department, 6)),
    )


def _charge_items(
    draft: Draft, record: Record, base: dict[str, Any]
) -> Iterator[ChargeItemRecorded]:
    """Return a charge master row for each of its prices (PRC): they differ by facility."""
    row = record.first("CDM")
    common: dict[str, Any] = {
        "name": told(row, 3) or told(row, 4) or told(record.entry, 4, 2),
        "procedure": told(row, 7),
    }
    prices = list(record.all("PRC"))
    if not prices:
        is_active = _is_active(base["action"], told(row, 8))
        yield ChargeItemRecorded(**base, **common, is_active=is_active)
    for price in prices:
        told_of_it = base | {
            "valid_from": _day(draft, price, 11) or base["valid_from"],
            "where": price.where(),
        }
        yield ChargeItemRecorded(
            **told_of_it,
            **common,
            valid_until=_day(draft, price, 12),
            price_minor=_price_minor(draft, price),
            facility=told(price, 2),
            department=told(price, 3),
            is_active=_is_active(base["action"], told(price, 16) or told(row, 8)),
        )


def _price_minor(draft: Draft, price: Segment) -> int | None:
    text = told(price, 5)
    if not text:
        return None
    if price.value(5, 1, 2) not in _DOLLARS:
        draft.blame("hl7.currency.unsupported", price.where(5, 1))
        return None
    amount_minor = parse_amount(text)
    if amount_minor is None:
        draft.blame("hl7.amount.invalid", price.where(5, 1))
    return amount_minor


def _item(record: Record, base: dict[str, Any]) -> ItemRecorded:
    material, stock = record.first("ITM"), record.first("IIM")
    if material is None:
        return ItemRecorded(
            **base,
            name=told(stock, 2, 2) or told(record.entry, 4, 2),
            unit=told(stock, 13) or told(stock, 9),
            price=told(stock, 10),
            location=told(stock, 6),
            quantity=told(stock, 12),
            is_active=_is_active(base["action"], ""),
        )
    vendor = _preferred(record, "VND", 5)
    package = _preferred(record, "PKG", 3)
    return ItemRecorded(
        **base,
        name=told(material, 2) or told(record.entry, 4, 2),
        kind=told(material, 4),
        supplier=told(vendor, 2),
        supplier_item=told(vendor, 4),
        manufacturer_item=told(material, 9),
        unit=told(package, 2),
        price=told(package, 5) or told(material, 21),
        location=told(record.first("IVT"), 2),
        is_active=_is_active(base["action"], told(material, 3)),
    )


def _preferred(record: Record, name: str, flag: int) -> Segment | None:
    """Return the segment that is flagged as the usual one (VND-5, PKG-3), else the first."""
    segments = list(record.all(name))
    usual = (segment for segment in segments if told(segment, flag) == "Y")
    return next(usual, segments[0] if segments else None)


def _is_active(action: str, flag: str) -> bool | None:
    """Return whether a record is in use: by what becomes of it, else by its own flag."""
    return _ACTIVE_BY_ACTION.get(action, _ACTIVE.get(flag))


def _day(draft: Draft, segment: Segment | None, field: int) -> date | None:
    timestamp = draft.time(segment, field)
    return None if timestamp is None else timestamp.on
