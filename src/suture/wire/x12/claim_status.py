"""Why a claim is returned, in the codes of a 277CA: what its guide found, as category and status.

    A2:20   accepted for processing
    A6      missing: an element, a segment
    A7      invalid: anything else; A7:400 a claim that does not add up
    A3:481  the claim itself is sound, the set it came in was not taken

Here: X12 code sources 507 and 508 for findings (`conformance.py`); which status tells which place
is `claim_status_codes.csv`. Not here: the 277CA (`translate/x12_277ca_write.py`).
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources
from typing import NamedTuple

from suture.model.fault import Fault

_MISSING = frozenset(("x12.element.missing", "x12.element.condition", "x12.segment.missing"))
_UNBALANCED = "x12.837.claim.unbalanced"
_NUMBERING = re.compile(r"\[[0-9]+\]")


class ClaimStatus(NamedTuple):
    """One STC01: category, status, whom it is about."""

    category: str
    status: str
    entity: str = ""


ACCEPTED = ClaimStatus("A2", "20")
SET_REFUSED = ClaimStatus("A3", "481")
"""Returned as unprocessable: claim or submission format is invalid."""
_MISSING_INFORMATION = ClaimStatus("A6", "21")
_INVALID_INFORMATION = ClaimStatus("A7", "21")


def claim_status(finding: Fault) -> ClaimStatus:
    """Return the status that tells what a guide found in a claim."""
    if finding.code == _UNBALANCED:
        return ClaimStatus("A7", "400")
    general = _MISSING_INFORMATION if finding.code in _MISSING else _INVALID_INFORMATION
    *_, loop, place = ("", *_NUMBERING.sub("", finding.where).split("/"))
    while place:
        found = _table().get((loop, place))
        if found is not None:
            return ClaimStatus(general.category, *found)
        place = place.rpartition("-")[0]
    return general


@cache
def _table() -> dict[tuple[str, str], tuple[str, str]]:
    text = resources.files(__package__).joinpath("claim_status_codes.csv").read_text("utf-8")
    return {
        (row["loop"], row["place"]): (row["status"], row["entity"])
        for row in csv.DictReader(text.splitlines())
    }
