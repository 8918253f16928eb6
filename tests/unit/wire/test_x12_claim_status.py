"""Findings of a guide in the codes of a 277CA: a category, and a status that tells the place."""

from __future__ import annotations

import pytest

from suture.model.fault import fault
from suture.wire.x12.claim_status import ClaimStatus, claim_status

CLAIM = "2000A[1]/2000B[2]/2300[1]"


@pytest.mark.parametrize(
    ("code", "place", "status"),
    [
        ("x12.837.claim.unbalanced", "CLM-02", ClaimStatus("A7", "400")),
        ("x12.element.missing", "CLM-05-3", ClaimStatus("A6", "535")),
        ("x12.element.character", "CLM-02", ClaimStatus("A7", "178")),
        ("x12.segment.missing", "HI", ClaimStatus("A6", "254")),
        ("x12.element.missing", "HI[1]-01-2", ClaimStatus("A6", "254")),
        ("x12.element.date", "DTP[1]-03", ClaimStatus("A7", "188")),
        ("x12.element.code", "2400[3]/SV1-01-1", ClaimStatus("A7", "454")),
        ("x12.element.missing", "2310B/NM1-09", ClaimStatus("A6", "562", "82")),
        ("x12.segment.missing", "2320[1]/OI", ClaimStatus("A6", "21")),
        ("x12.loop.too_many", "2400[51]", ClaimStatus("A7", "21")),
    ],
)
def test_a_finding_is_told_by_its_place(code: str, place: str, status: ClaimStatus) -> None:
    assert status == claim_status(fault(code, f"{CLAIM}/{place}"))
