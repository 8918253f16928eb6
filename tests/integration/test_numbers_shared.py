"""One number, two things: what must not close or move the one for the sake of the other.

Each test here is what should be and is not yet: it is expected to fail, and fails the run on the
day it passes, so that the mark goes with the defect.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.remit_files import paid, put, remit
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import (
    CLINIC,
    COMMERCIAL,
    GENERAL,
    MEDICARE,
    Claim,
    Line,
    dft,
    interchange,
    remittance,
)

pytestmark = pytest.mark.integration


@pytest.mark.xfail(strict=True, reason="it closes with any accepted one of its trace")
async def test_a_held_remittance_is_not_closed_by_another_payment_of_its_trace(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    watching = riverbend.watch(tmp_path)
    put(tmp_path, remit("T1", paid("C1", 2_000_000), misprint_minor=1))
    await watching.turn()
    await riverbend.settle()
    held = await riverbend.exceptions()
    put(tmp_path, remit("T1", paid("X7", 1_000), number=2), "b.835")
    await watching.turn()
    await riverbend.settle()
    assert [] != held == await riverbend.exceptions()


@pytest.mark.xfail(strict=True, reason="a held charge in a file claims no control id")
async def test_a_held_charge_in_a_file_is_not_closed_by_another_of_its_control_id(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    unread = dft("A1", Line("1", "CG", 500_000), at="20260310120000", control="C1")
    put(tmp_path, unread.replace(b"5000.00", b"5,000.00"), "a.hl7")
    watching = riverbend.watch(tmp_path, source="charges")
    await watching.turn()
    other = dft("B2", Line("9", "PY", 100), at="20260311120000", control="C1")
    put(tmp_path, other, "b.hl7")
    await watching.turn()
    await riverbend.settle()
    assert len(await riverbend.exceptions()) >= 1


async def _at_two_entities(riverbend: Riverbend, folder: Path, first: bytes, second: bytes) -> None:
    watching = riverbend.watch(folder)
    for name, raw in (("a.835", first), ("b.835", second)):
        put(folder, raw, name)
        await watching.turn()
        await riverbend.settle()


@pytest.mark.xfail(strict=True, reason="claims of two legal entities are one where CLP01 is equal")
async def test_a_denial_stands_whatever_another_entity_is_paid_for_a_claim_of_its_number(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    denied = Claim("1001", 20_000, (("CO", "50", 20_000),), status="4", payer_number="A1")
    other = Claim("1001", 20_000, (("CO", "45", 5_000),), payer_number="B1", filing="CI")
    await _at_two_entities(
        riverbend,
        tmp_path,
        interchange(remittance("T1", denied, payer=MEDICARE, payee=GENERAL)),
        interchange(
            remittance("T2", other, payer=COMMERCIAL, payee=CLINIC, paid_on="20260325"), number=2
        ),
    )
    reversed_count = await riverbend.number("select count(*) from entry where reverses <> ''")
    assert 0 == reversed_count


@pytest.mark.xfail(strict=True, reason="a reversal pairs across legal entities and CLP07")
async def test_a_reversal_pairs_with_no_claim_of_another_entity_and_payer_number(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    original = Claim("1001", 20_000, (("CO", "45", 5_000),), payer_number="A1")
    other = Claim("1001", 20_000, (("CO", "45", 5_000),), payer_number="B1").reversed()
    taken_back = remittance("T2", other, payee=CLINIC, paid_on="20260325", plb=(("FB", -15_000),))
    await _at_two_entities(
        riverbend,
        tmp_path,
        interchange(remittance("T1", original, payee=GENERAL)),
        interchange(taken_back, number=2),
    )
    assert "claim.reversal_without_original" in await riverbend.exceptions()
