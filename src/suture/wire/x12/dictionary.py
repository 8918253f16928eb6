"""What X12 itself says of segments and data elements, whatever the guide: forms, types, lengths.

Here: the segment dictionary (`guides/segments.csv`: the data elements of each segment and composite
in order, and its syntax notes) and the data element dictionary (`guides/data_elements.csv`: type,
shortest, longest). Both hold only what the guides of this room name. Not here: what one guide
requires (`guide.py`), who checks values (`elements.py`).

Lengths are those of 005010, the widest of the versions that Suture reads: an element that is too
long here is too long in each of them.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import msgspec

_COMPOSITE = "C"
_OPEN_END = "*"
_FOLDER = "guides"


class DataElement(msgspec.Struct, frozen=True):
    """One entry of the data element dictionary."""

    number: str
    """Its reference number, as IK402 and AK402 tell it: 782 is a monetary amount."""
    type: str
    """AN text, ID code, N0 and N2 whole numbers, R decimal, DT date, TM time, DX as told before."""
    shortest: int
    longest: int


class SyntaxNote(msgspec.Struct, frozen=True):
    """One relation among the elements of a segment (X12.6): `P0809` is P of 8 and 9."""

    kind: str
    """P all or none; R at least one; E at most one; C, L: the first needs all, one of the rest."""
    numbers: tuple[int, ...]


class SegmentForm(msgspec.Struct, frozen=True):
    """One entry of the segment dictionary."""

    id: str
    elements: tuple[str, ...]
    """Reference number, or composite (C003), of element 01, 02 ..."""
    is_open: bool
    """True when more elements may follow than are listed."""
    notes: tuple[SyntaxNote, ...]


MONETARY_AMOUNT = "782"
"""Number of the data element that is money."""

UNKNOWN_FORM = SegmentForm("", (), is_open=True, notes=())
"""Stands for a segment that the dictionary does not list: anything may be in it."""


@cache
def segment_forms() -> dict[str, SegmentForm]:
    """Return the segments and composites by id, in the order of the file."""
    return {
        row["segment"]: SegmentForm(
            row["segment"],
            tuple(each for each in row["elements"].split() if each != _OPEN_END),
            row["elements"].endswith(_OPEN_END),
            tuple(map(_read_note, row["notes"].split())),
        )
        for row in read_table("segments.csv")
    }


@cache
def data_elements() -> dict[str, DataElement]:
    """Return the data elements by reference number."""
    return {
        row["number"]: DataElement(
            row["number"], row["type"], int(row["shortest"]), int(row["longest"])
        )
        for row in read_table("data_elements.csv")
    }


def data_element(segment_id: str, number: int, component: int = 0) -> DataElement | None:
    """Return what stands in an element or component; None when the dictionary does not say.

    A composite as a whole is no data element.
    """
    reference = _reference(segment_id, number)
    if reference.startswith(_COMPOSITE):
        reference = _reference(reference, component)
    elif component:
        return None
    return data_elements().get(reference)


def _reference(form_id: str, number: int) -> str:
    form = segment_forms().get(form_id)
    if form is None or not 0 < number <= len(form.elements):
        return ""
    return form.elements[number - 1]


def _read_note(text: str) -> SyntaxNote:
    numbers = (int(text[start : start + 2]) for start in range(1, len(text), 2))
    return SyntaxNote(text[0], tuple(numbers))


def read_table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in the folder of the guides."""
    text = resources.files(__package__).joinpath(_FOLDER, name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))
