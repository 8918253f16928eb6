"""What every HL7 v2 message that Suture writes shares: the envelope, the patient, moments, places.

Here: MSH and EVN, PID with what may be told (`model/disclosure.py`), values in the forms that the
readers of this package take them back from. Not here: which fact becomes which message
(`hl7v2_write_siu.py`, `_adt.py`, `_dft.py`, `_mfn.py`, next), escaping (`wire/hl7v2/build.py`). All
of it is pure: control id and time come from whoever sends.

Facts hold surrogates. Without a disclosure those are told in the place of numbers, under which the
receiver may still file what it gets, and persons are not told at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

import msgspec

from suture.model.disclosure import Disclosure
from suture.wire.hl7v2 import Field, build, segment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS_PER_SECOND = 1_000
_CHARSET = "UNICODE UTF-8"
_RECORD_NUMBER = "MR"
"""HL7 table 0203, medical record number: what the readers look for first."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of itself, which no fact knows."""

    control_id: str
    """MSH-10."""
    sent_at_ms: int
    """MSH-7."""
    recorded_at_ms: int
    """EVN-2: when the fact was recorded, by which the receiver orders what it hears."""
    zone: tzinfo
    """Of the facility: moments are written on its clock, with their offset."""
    sending_application: str = "SUTURE"
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    processing: str = "P"
    """MSH-11."""
    version: str = "2.5.1"
    """MSH-12."""


def message(
    envelope: Envelope, kind: tuple[str, str, str], segments: Sequence[Sequence[Field]]
) -> bytes:
    """Return a message: MSH of this type, event and structure (MSH-9), then the segments."""
    header = segment(
        "MSH",
        {
            3: envelope.sending_application,
            4: envelope.sending_facility,
            5: envelope.receiving_application,
            6: envelope.receiving_facility,
            7: instant(envelope.sent_at_ms, envelope.zone),
            9: kind,
            10: envelope.control_id,
            11: envelope.processing,
            12: envelope.version,
            18: _CHARSET,
        },
    )
    return build([header, *segments])


def event(envelope: Envelope, trigger: str, occurred: str = "") -> list[Field]:
    """Return EVN: recorded when the fact was, and when it happened, where that is known."""
    recorded = instant(envelope.recorded_at_ms, envelope.zone)
    return filled("EVN", {1: trigger, 2: recorded, 6: occurred})


def patient(
    disclosure: Disclosure, *, patient: str = "", account: str = "", person: str = ""
) -> list[Field]:
    """Return PID: numbers as far as they may be told, and the person behind a surrogate."""
    details = disclosure.person(person)
    address = details.address
    first, second = (*address.lines, "", "")[:2]
    born = "" if details.born_on is None else day(details.born_on)
    return filled(
        "PID",
        {
            1: "1",
            3: number(disclosure.told(patient)),
            5: trimmed(details.family, details.given, details.middle, details.suffix),
            7: born,
            8: details.sex,
            11: trimmed(
                first, second, address.city, address.state, address.postcode, address.country
            ),
            13: details.telephone,
            18: disclosure.told(account),
        },
    )


def number(text: str) -> Field:
    """Return a patient's number with its type (CX); "" for none."""
    return (text, "", "", "", _RECORD_NUMBER) if text else ""


def place(department: str, facility: str) -> Field:
    """Return point of care and facility as a place (PL)."""
    return trimmed(department, "", "", facility)


def trimmed(*components: str) -> Field:
    """Return components without those at the end that are empty."""
    kept = list(components)
    while kept and not kept[-1]:
        kept.pop()
    return kept or ""


def filled(name: str, fields: Mapping[int, Field]) -> list[Field]:
    """Return a segment without the fields at its end that are empty."""
    return segment(name, {number: field for number, field in fields.items() if field})


def moment(at_ms: int, on: date | None, zone: tzinfo) -> str:
    """Return a moment that a fact tells, the day alone where it tells no time; "" for neither."""
    if at_ms:
        return instant(at_ms, zone)
    return "" if on is None else day(on)


def instant(at_ms: int, zone: tzinfo) -> str:
    """Return milliseconds since the epoch on a zone's clock: `20260105081500-0600`."""
    at = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    milliseconds = at_ms % _MILLISECONDS_PER_SECOND
    fraction = f".{milliseconds:03d}" if milliseconds else ""
    return f"{at:%Y%m%d%H%M%S}{fraction}{at:%z}"


def day(on: date) -> str:
    """Return a date: `20260105`."""
    return f"{on:%Y%m%d}"
