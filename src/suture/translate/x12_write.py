"""Canonical facts into X12: what every renderer of sets shares. Pure.

A `SetDraft` takes the segments of one set and notes what is missing for them; `written` makes the
interchange, ISA to IEA, and reads it back by its own guide before anybody gets it: what Suture
would refuse to take it does not send. Values of free text are put into what X12 can hold
(`shown`); an identifier that cannot be written is a fault, for X12 has no escape and a changed
number names somebody else. Not here: what a set says (`x12_837_write.py` and its siblings), the
bytes themselves (`wire/x12/build.py`), acknowledgements (`wire/x12/acknowledge.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TypeVar

import msgspec

from suture.model.fault import Fault, fault
from suture.model.money import format_amount
from suture.model.person import Address as PostalAddress
from suture.model.person import Person
from suture.wire.x12.build import Address, GroupContent, SetContent, build_interchange
from suture.wire.x12.envelope import InterchangeEnd, SetEnd, SetStart, TransactionSet
from suture.wire.x12.guide import choose
from suture.wire.x12.reader import read
from suture.wire.x12.segment import Segment
from suture.wire.x12.separators import DEFAULT
from suture.wire.x12.units import UnitsEnd, read_units

T = TypeVar("T")

_PERSON, _ORGANISATION = "1", "2"
_MEMBER = "MI"
_SEPARATORS = (DEFAULT.element, DEFAULT.component, DEFAULT.repetition, DEFAULT.segment)
_REPLACED = str.maketrans(dict.fromkeys(_SEPARATORS, " "))
_MISSING_TOLD_MAX = 5


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around the sets: who sends to whom, under which numbers, when."""

    address: Address
    control_number: int
    """ISA13 and GS06."""
    made_at: datetime
    """Written as it is, in the sender's local time."""
    usage: str = "P"
    """ISA15: P production, T test."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation or a clinician as sets name them: what master data knows of one id."""

    id: str
    id_kind: str = "XX"
    """NM108: XX national provider id, PI payer id, 46 electronic transmitter id, 24 tax number."""
    name: str = ""
    """Of an organisation; a clinician has a `person` instead."""
    person: Person | None = None
    address: PostalAddress = PostalAddress()
    tax_id: str = ""
    """Employer's number (EI)."""
    specialty: str = ""
    """Taxonomy code (PRV03)."""
    contact: str = ""
    telephone: str = ""


class SetDraft:
    """One transaction set in the making: its segments, and what they lack."""

    def __init__(self, set_id: str, version: str, functional_id: str) -> None:
        """Begin a set of this ST01, ST03 (and GS08) and GS01."""
        self.set_id = set_id
        self.version = version
        self.functional_id = functional_id
        self.segments: list[Sequence[str]] = []
        self.missing: list[str] = []
        """Places of what the guide requires and nobody told: `2010AA/NM1-09`."""
        self.refused: list[str] = []
        """Places of identifiers that X12 cannot hold."""
        self._levels_count = 0

    def add(self, *elements: str) -> None:
        """Add a segment, id first; elements that are empty at its end are not written."""
        self.segments.append(elements)

    def need(self, value: str, where: str) -> str:
        """Return a value that the guide requires; an empty one is noted as missing."""
        if not value:
            self.missing.append(where)
        return value

    def identifier(self, value: str, where: str, *, is_required: bool = True) -> str:
        """Return an identifier as it is written: whole, for a changed one is somebody else's."""
        told = value.strip()
        if is_required:
            self.need(told, where)
        if not told.isprintable() or any(each in told for each in _SEPARATORS):
            self.refused.append(where)
        return _encoded(told)

    def level(self, kind: str, parent: int = 0, *, has_children: bool | None = True) -> int:
        """Open a hierarchical level (HL03) under another, and return its number.

        HL04 is left out where `has_children` is None.
        """
        self._levels_count += 1
        number = str(self._levels_count)
        children = "" if has_children is None else str(int(has_children))
        self.add("HL", number, str(parent or ""), kind, children)
        return self._levels_count

    def party(self, role: str, party: Party, where: str) -> None:
        """Add the NM1 of an organisation or clinician, with its identifier."""
        identifier = self.identifier(party.id, f"{where}/NM1-09")
        if party.person is not None:
            names = _names(party.person)
            self.need(names[0], f"{where}/NM1-03")
            self.add("NM1", role, _PERSON, *names, party.id_kind, identifier)
            return
        name = self.need(shown(party.name), f"{where}/NM1-03")
        self.add("NM1", role, _ORGANISATION, name, "", "", "", "", party.id_kind, identifier)

    def person(self, role: str, person: Person, where: str, member: str = "") -> None:
        """Add the NM1 of a patient or subscriber, with a member number where there is one."""
        names = _names(person)
        self.need(names[0], f"{where}/NM1-03")
        number = self.identifier(member, f"{where}/NM1-09", is_required=False)
        self.add("NM1", role, _PERSON, *names, _MEMBER if number else "", number)

    def address(self, address: PostalAddress, where: str) -> None:
        """Add N3 and N4."""
        lines = [shown(each) for each in address.lines[:2]] or [""]
        self.need(lines[0], f"{where}/N3-01")
        self.add("N3", *lines)
        self.need(address.city, f"{where}/N4-01")
        country = "" if address.country in {"", "US", "USA"} else shown(address.country)
        postcode = address.postcode.replace("-", "")
        self.add("N4", shown(address.city), shown(address.state), shown(postcode), country)

    def demographics(self, person: Person, where: str) -> None:
        """Add DMG: birth date and sex."""
        self.need("" if person.born_on is None else "told", f"{where}/DMG-02")
        self.add("DMG", "D8", day(person.born_on), person.sex or "U")

    def date(self, qualifier: str, first: date | None, last: date | None = None) -> None:
        """Add a DTP of a day, or of a period where `last` is another; none where none is told."""
        if first is None:
            return
        if last is None or last == first:
            self.add("DTP", qualifier, "D8", day(first))
        else:
            self.add("DTP", qualifier, "RD8", f"{day(first)}-{day(last)}")


def day(on: date | None) -> str:
    """Return a date as CCYYMMDD."""
    return "" if on is None else on.strftime("%Y%m%d")


def amount(minor: int) -> str:
    """Return an amount as an R element: no zeros that say nothing (`250`, `40.5`)."""
    return format_amount(minor).rstrip("0").rstrip(".")


def shown(text: str) -> str:
    """Return free text as X12 can hold it: separators and control characters become spaces.

    What is beyond ASCII is written as UTF-8, which `Segment.text` reads.
    """
    plain = "".join(each if each.isprintable() else " " for each in text.translate(_REPLACED))
    return _encoded(" ".join(plain.split()))


def composite(*components: str) -> str:
    """Join components into one element, those that are empty at its end left out."""
    return DEFAULT.component.join(components).rstrip(DEFAULT.component)


def cut(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in runs of so many at most."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def written(sending: Sending, drafts: Sequence[SetDraft]) -> bytes | Fault:
    """Return the interchange that holds these sets, of one kind, or why it cannot be sent."""
    first = drafts[0]
    refused = next((place for draft in drafts for place in draft.refused), "")
    if refused:
        return fault("x12.write.unwritable", refused)
    missing = list(dict.fromkeys(place for draft in drafts for place in draft.missing))
    if missing:
        told = ", ".join(missing[:_MISSING_TOLD_MAX])
        return fault("x12.write.incomplete", missing[0], f"{first.set_id} lacks {told}")
    group = GroupContent(
        functional_id=first.functional_id,
        control_number=sending.control_number,
        version=first.version,
        sets=[
            SetContent(
                set_id=draft.set_id,
                control_number=f"{number:04d}",
                segments=draft.segments,
                version=draft.version if "X" in draft.version else "",
            )
            for number, draft in enumerate(drafts, 1)
        ],
    )
    try:
        data = build_interchange(
            sending.address,
            [group],
            control_number=sending.control_number,
            made_at=sending.made_at,
            usage=sending.usage,
        )
    except ValueError:
        return fault("x12.write.unwritable", first.set_id)
    found = next(_findings(data), None)
    if found is None:
        return data
    explanation = f"{first.set_id} would be refused: {found.code}"
    return fault("x12.write.incomplete", found.where, explanation)


def _findings(data: bytes) -> Iterator[Fault]:
    """Yield every fault of an interchange by its envelope and its guides."""
    opened: TransactionSet | None = None
    segments: list[Segment] = []
    for item in read([data]):
        match item:
            case SetStart():
                opened, segments = item.transaction_set, []
            case Segment():
                segments.append(item)
            case SetEnd():
                yield from item.faults
                assert opened is not None, "a set ends after it began"
                choice = choose(opened.set_id, opened.version)
                if choice is None:
                    continue
                for each in read_units(segments, opened, choice):
                    if isinstance(each, UnitsEnd):
                        yield from each.verdict.faults
            case InterchangeEnd():
                yield from item.faults
            case _:
                pass


def _encoded(text: str) -> str:
    return text.encode("utf-8", "replace").decode("latin-1")


def _names(person: Person) -> tuple[str, str, str, str, str]:
    """Return NM103 to NM107."""
    parts = (person.family, person.given, person.middle, "", person.suffix)
    family, given, middle, prefix, suffix = (shown(each) for each in parts)
    return family, given, middle, prefix, suffix
