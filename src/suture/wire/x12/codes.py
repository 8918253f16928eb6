"""What each fault code is called in the codes of X12: TA105, AK905, IK502, IK304 and IK403.

Here: the table `acknowledgement_codes.csv`, one row for each fault code that an acknowledgement can
tell. Not here: the acknowledgements themselves (`acknowledge.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from importlib import resources

from suture.model.fault import Fault


def codes_of(column: str, findings: Iterable[Fault]) -> list[str]:
    """Return the codes of that column for these findings, in their order, each once."""
    table = _table()
    codes = (table.get(each.code, {}).get(column, "") for each in findings)
    return list(dict.fromkeys(code for code in codes if code))


def segment_code(fault_code: str) -> str:
    """Return IK304 for a fault code: what is wrong with the segment."""
    return _table()[fault_code]["segment_code"]


def element_code(fault_code: str) -> str:
    """Return IK403 for a fault code: what is wrong with the element."""
    return _table()[fault_code]["element_code"]


@cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files(__package__).joinpath("acknowledgement_codes.csv").read_text("utf-8")
    return {row["code"]: row for row in csv.DictReader(text.splitlines())}
