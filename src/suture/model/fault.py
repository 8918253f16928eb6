"""Faults: expected failures as values, never exceptions.

A `Fault` says what is wrong, where (a path such as `ST02=0001/CLP[3]/CAS[1]` or `FT1[2]-11.1`,
never a patient's value), why, and what to do next. The meaning of each code, its remedy, its owner
and whether it is permanent are rows of `fault_codes.csv`; a code that is not listed there is a bug
and raises. Faults become work items in `store/worklist.py`; what each bad input gets is in
docs/reference/faults.md.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import msgspec


class FaultCode(msgspec.Struct, frozen=True):
    """One row of the catalogue: what a code means and who acts on it."""

    code: str
    title: str
    """One short sentence in the words of the person who will work the exception."""
    remedy: str
    """What to do next."""
    owner: str
    """The role whose queue it lands in: operator, steward, finance or revenue_cycle."""
    permanent: bool
    """True when the same bytes can never succeed under the same release."""


class Fault(msgspec.Struct, frozen=True):
    """An expected failure: what, where, why, and what to do next. Holds no patient value."""

    code: str
    where: str
    explanation: str
    remedy: str
    permanent: bool


@cache
def catalogue() -> dict[str, FaultCode]:
    """Return every known fault code, in the order of the catalogue file."""
    text = resources.files(__package__).joinpath("fault_codes.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["code"]: FaultCode(
            code=row["code"],
            title=row["title"],
            remedy=row["remedy"],
            owner=row["owner"],
            permanent=row["permanent"] == "yes",
        )
        for row in rows
    }


def fault(code: str, where: str, explanation: str = "") -> Fault:
    """Make the fault `code` at `where`; the explanation defaults to the catalogue's title.

    Raises KeyError for a code that the catalogue does not list.
    """
    entry = catalogue()[code]
    return Fault(code, where, explanation or entry.title, entry.remedy, entry.permanent)
