"""Remittances that come again under their trace, and those that put a held one right (B28, B31).

A trace has one holder for ever; a message that was held or rejected never held it, so its corrected
successor is accepted and closes what was open about it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import COMMERCIAL, Claim, interchange, remittance

pytestmark = pytest.mark.integration

CLAIM = Claim("C1", 20_000, (("CO", "45", 5_000),))
OTHER = Claim("C2", 8_000, (("CO", "45", 2_000),))
THIRD = Claim("C3", 4_000, (("CO", "45", 1_000),))
UNBALANCED = "x12.835.transaction.unbalanced"


async def drop(riverbend: Riverbend, folder: Path, *files: bytes) -> None:
    """Take files one after the other, and book what they say."""
    watching = riverbend.watch(folder)
    for number, raw in enumerate(files):
        (folder / f"{number}.835").write_bytes(raw)
        assert await watching.turn() == 1
    await riverbend.settle()


async def messages(riverbend: Riverbend, status: str) -> list[str]:
    rows = await riverbend.rows("select id from message where status = $1 order by id", status)
    return [row["id"] for row in rows]


async def test_b31_a_trace_used_again_is_held_and_names_the_message_that_has_it(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    first = interchange(remittance("T1", CLAIM))
    again = interchange(remittance("T1", OTHER), number=2)
    await drop(riverbend, tmp_path, first, again)
    assert (await riverbend.balances())["1020"] == 15_000, "cash once"
    assert await riverbend.exceptions() == ["intake.trace.reused"]
    (item,) = await riverbend.rows("select explanation, amount_minor from work_item")
    assert item["amount_minor"] == 6_000, "BPR02 of the second is at stake"
    assert (await messages(riverbend, "accepted"))[0] in item["explanation"]
    assert (await riverbend.conservation()).gap == 0


async def test_b31_a_trace_used_again_by_another_payer_is_another_remittance(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await drop(
        riverbend,
        tmp_path,
        interchange(remittance("T1", CLAIM)),
        interchange(remittance("T1", OTHER, payer=COMMERCIAL), number=2),
    )
    assert await riverbend.exceptions() == []
    assert (await riverbend.balances())["1020"] == 21_000


async def test_b31_a_trace_twice_in_one_file_books_once(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await drop(riverbend, tmp_path, interchange(remittance("T1", CLAIM), remittance("T1", OTHER)))
    assert await riverbend.exceptions() == ["intake.trace.reused"]
    assert (await riverbend.balances())["1020"] == 15_000


async def test_b28_the_corrected_file_is_booked_and_closes_what_was_held(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    held = interchange(remittance("T1", CLAIM, misprint_minor=1))
    await drop(riverbend, tmp_path, held, interchange(remittance("T1", CLAIM), number=2))
    assert (await riverbend.balances())["1020"] == 15_000
    assert await riverbend.exceptions() == []
    (successor,) = await messages(riverbend, "accepted")
    assert await riverbend.resolutions() == [f"superseded by {successor}"]
    conservation = await riverbend.conservation()
    assert (conservation.posted, conservation.explained, conservation.gap) == (1, 1, 0)


async def test_b27_a_rejected_interchange_sent_again_whole_closes_what_was_open(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    whole = interchange(remittance("T1", CLAIM), remittance("T2", OTHER))
    await drop(riverbend, tmp_path, whole.replace(b"~IEA*1*", b"~IEA*9*"), whole)
    assert await riverbend.exceptions() == []
    assert [
        f"superseded by {successor}" for successor in await messages(riverbend, "accepted")
    ] == sorted(await riverbend.resolutions())


async def test_b28_every_held_version_is_closed_and_those_of_other_traces_stay(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await drop(
        riverbend,
        tmp_path,
        interchange(remittance("T1", CLAIM, misprint_minor=1)),
        interchange(remittance("T1", CLAIM, misprint_minor=2), number=2),
        interchange(remittance("T2", OTHER, misprint_minor=3), number=3),
        interchange(remittance("T1", CLAIM), number=4),
    )
    assert await riverbend.exceptions() == [UNBALANCED]
    (left,) = await riverbend.rows("select amount_minor from work_item where resolved_at is null")
    assert left["amount_minor"] == 6_003
    assert len(await riverbend.resolutions()) == 2


async def test_b28_a_held_set_is_closed_by_its_correction_in_the_same_file(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(remittance("T1", CLAIM, misprint_minor=1), remittance("T1", CLAIM))
    await drop(riverbend, tmp_path, raw)
    assert await riverbend.exceptions() == []
    assert (await riverbend.balances())["1020"] == 15_000


async def test_b28_only_the_source_that_was_held_can_put_itself_right(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    watching = riverbend.watch(tmp_path)
    (tmp_path / "a.835").write_bytes(interchange(remittance("T1", CLAIM, misprint_minor=1)))
    await watching.turn()
    watching.channel = riverbend.channel("remits", source="lockbox")
    (tmp_path / "b.835").write_bytes(interchange(remittance("T1", CLAIM), number=2))
    await watching.turn()
    assert await riverbend.exceptions() == [UNBALANCED]


async def test_b31_a_reused_trace_stays_open_whatever_comes_after_it(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await drop(
        riverbend,
        tmp_path,
        *(
            interchange(remittance("T1", claim), number=number)
            for number, claim in enumerate((CLAIM, OTHER, THIRD, CLAIM), 1)
        ),
    )
    assert await riverbend.exceptions() == ["intake.trace.reused"] * 2
