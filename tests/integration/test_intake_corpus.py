"""A folder of real remittances, as payers and vendors wrote them, booked end to end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec import structs
from tests.integration.riverbend_store import Riverbend

from suture.store.controls import read_control_totals, read_unbalanced_entries

_CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "x12_health"
_REMITTANCE = b"ST*835"

pytestmark = pytest.mark.skipif(not _CORPUS.is_dir(), reason="corpus absent")


async def test_a_folder_of_real_835_files_is_booked_and_every_cent_is_placed(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    files = [each for each in sorted(_CORPUS.rglob("*")) if each.is_file()]
    remittances = [each for each in files if _REMITTANCE in each.read_bytes()]
    for ordinal, file in enumerate(remittances):
        shutil.copyfile(file, tmp_path / f"{ordinal:03d}.835")
    watching = riverbend.watch(tmp_path)
    # Most of them are samples, and say so (ISA15): a source of production would hold those.
    watching.channel = structs.replace(watching.channel, processing="")
    taken = await watching.turn()
    await riverbend.settle()
    assert taken == len(remittances) > 10
    assert (await riverbend.conservation()).gap == 0
    assert await read_unbalanced_entries(riverbend.database) == 0
    totals = await read_control_totals(riverbend.database)
    cash = next(each for each in totals if each.name == "remittance_cash")
    assert cash.told_minor == cash.facts_minor > 0
    assert [] == [each for each in totals if each.difference_minor]
