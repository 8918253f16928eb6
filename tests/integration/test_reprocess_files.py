"""Messages of files reprocessed: the file is read again, and only what was asked for is judged.

Single messages are `test_reprocess_messages.py`; what a file is taken for at first is
`test_intake_files.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.operator_desk import (
    ADA,
    AT,
    assert_every_control_holds,
    everything,
    message_ids,
    not_yet_known,
    outcomes,
    reprocessed,
    told,
)
from tests.integration.remit_files import paid, put, remit, statuses
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_books import edited
from tests.specs.riverbend_messages import Line, adt, dft, interchange, remittance

from suture.engine.file_facts import EVENTS_PER_FLUSH
from suture.model.fault import fault
from suture.model.translation import Begun, Channel, Closed, Piece, Reading, Translation
from suture.pipeline import read_file
from suture.store.acts import read_acts
from suture.store.reprocess import Reprocessing

pytestmark = pytest.mark.integration

UNKNOWN = "x12.set.unsupported"
FAILED = "engine.file.failed"


async def taken(riverbend: Riverbend, folder: Path, *files: bytes) -> None:
    """Take files one after the other."""
    watching = riverbend.watch(folder)
    for number, raw in enumerate(files):
        put(folder, raw, f"{number}.835")
        assert await watching.turn() == 1


def three_sets() -> bytes:
    return interchange(*(remittance(f"T{each}", paid(f"C{each}")) for each in (1, 2, 3)))


async def test_b25_a_set_that_was_learnt_books_as_if_it_had_been_known_when_it_came(
    riverbend: Riverbend, twin: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more claims than go out in one piece, in a file of many sealed pieces."""
    monkeypatch.setattr("suture.connectors.ports.CHUNK_BYTES", 10_000)
    claims = [paid(f"C{number}", 4_000 + 4 * number) for number in range(EVENTS_PER_FLUSH + 10)]
    raw = remit("T1", *claims)
    await taken(twin, tmp_path / "twin", raw)
    with not_yet_known("835"):
        await taken(riverbend, tmp_path / "here", raw)
    assert await riverbend.exceptions() == [UNKNOWN]
    (held,) = await message_ids(riverbend)
    kept = "select id, sha256, bytes_count, bytes_offset, received_at, transmission_id from message"
    before = await riverbend.rows(kept)
    (ended,) = await reprocessed(riverbend, held)
    cash = sum(claim.paid_minor for claim in claims)
    assert (ended.outcome, ended.amount_minor) == ("accepted", cash)
    assert ended.events_count == len(claims) + 1
    assert before == await riverbend.rows(kept)
    assert await told(riverbend) == await told(twin)
    for there in (riverbend, twin):
        await there.settle()
    assert await riverbend.balances() == await twin.balances()
    assert (await riverbend.balances())["1020"] == cash
    assert await riverbend.exceptions() == []
    assert await riverbend.number("select count(*) from vault") == await twin.number(
        "select count(*) from vault"
    )
    assert [(each.act, each.os_user) for each in await read_acts(riverbend.database, held)] == [
        ("reprocessed", "ada")
    ]
    await assert_every_control_holds(riverbend)


async def test_only_what_was_asked_for_is_told_and_its_neighbours_are_left_alone(
    riverbend: Riverbend, twin: Riverbend, tmp_path: Path
) -> None:
    await taken(twin, tmp_path / "twin", three_sets())
    with not_yet_known("835"):
        await taken(riverbend, tmp_path / "here", three_sets())
    first, second, third = await message_ids(riverbend)
    (ended,) = await reprocessed(riverbend, second)
    assert (ended.id, ended.outcome) == (second, "accepted")
    assert await statuses(riverbend) == [("835", "accepted"), ("835", "held"), ("835", "held")]
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 15_000
    neighbours = await riverbend.rows("select * from event order by id")
    results = await reprocessed(riverbend, third, first, second)
    assert sorted(outcomes(results)) == ["accepted", "accepted", "refused"]
    assert neighbours == await riverbend.rows(
        "select * from event where message_id = $1 order by id", second
    )
    assert await told(riverbend) == await told(twin)
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 45_000
    await assert_every_control_holds(riverbend)


async def test_b28_a_remittance_that_does_not_balance_stays_held_and_changes_nothing(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await taken(riverbend, tmp_path, remit("T1", misprint_minor=1))
    before = await everything(riverbend)
    (ended,) = await reprocessed(riverbend, *await message_ids(riverbend))
    assert (ended.outcome, ended.code) == ("held", "x12.835.transaction.unbalanced")
    assert before == await everything(riverbend)


async def test_b27_what_its_interchange_brought_down_stays_down(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """Each set is sound by itself; read again, the interchange still counts otherwise."""
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, three_sets().replace(b"~IEA*1*", b"~IEA*2*"))
    results = await reprocessed(riverbend, *await message_ids(riverbend, "rejected"))
    assert outcomes(results) == ["held"] * 3
    assert {each.code for each in results} == {"x12.interchange.group_count"}
    assert await riverbend.number("select count(*) from event") == 0
    assert (await riverbend.conservation()).gap == 0


async def test_b76_a_trace_that_no_index_can_hold_is_freed_like_any_other(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = remit("T" * 9_000)
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, raw, remit("T" * 9_000, paid("C2"), number=2))
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert outcomes(results) == ["accepted", "held"], "and it is known again"
    assert await riverbend.exceptions() == ["intake.trace.reused"]


async def test_b30_of_two_held_that_say_the_same_one_is_booked_and_the_other_waits_for_nobody(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, remit("T1"), remit("T1", number=2))
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert outcomes(results) == ["accepted", "repeated"]
    assert await riverbend.exceptions() == []
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 15_000
    await assert_every_control_holds(riverbend)


# Identity --------------------------------------------------------------------------------------


async def test_b31_of_two_held_under_one_trace_the_first_is_booked_and_the_other_waits(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    files = [remit("T1", paid("C1")), remit("T1", paid("C2", 8_000), number=2)]
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, *files)
    first, second = await message_ids(riverbend)
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert [(each.id, each.outcome) for each in results] == [(first, "accepted"), (second, "held")]
    assert await riverbend.exceptions() == ["intake.trace.reused"], "a person looks at it"
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 15_000
    before = await everything(riverbend)
    assert outcomes(await reprocessed(riverbend, second)) == ["held"]
    assert before == await everything(riverbend)
    await assert_every_control_holds(riverbend)


async def test_b28_a_corrected_remittance_that_is_freed_closes_the_one_it_corrects(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await taken(riverbend, tmp_path, remit("T1", misprint_minor=1))
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, remit("T1", number=2))
    (freed,) = await reprocessed(riverbend, all_of=UNKNOWN)
    assert freed.outcome == "accepted"
    assert await riverbend.exceptions() == []
    assert f"superseded by {freed.id}" in await riverbend.resolutions()
    assert (await riverbend.conservation()).gap == 0


async def test_b28_a_later_remittance_is_never_closed_by_an_earlier_one_that_is_freed(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, remit("T1"))
    await taken(riverbend, tmp_path, remit("T1", number=2, misprint_minor=1))
    assert outcomes(await reprocessed(riverbend, all_of=UNKNOWN)) == ["accepted"]
    assert await riverbend.exceptions() == ["x12.835.transaction.unbalanced"]


async def test_b31_what_was_superseded_stays_so_when_it_is_reprocessed(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, remit("T1"))
    (held,) = await message_ids(riverbend)
    await riverbend.rows("update work_item set resolved_at = now(), resolution = 'superseded'")
    await taken(riverbend, tmp_path, remit("T1", paid("C2"), number=2))
    before = await everything(riverbend)
    (ended,) = await reprocessed(riverbend, held)
    assert (ended.outcome, ended.code) == ("held", "intake.trace.reused")
    assert before == await everything(riverbend)


# What could not be read at all -----------------------------------------------------------------


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let reading any file fail, as a defect of ours would, until it is undone."""

    def read(*_: Any) -> Iterator[Piece]:
        raise RecursionError

    monkeypatch.setattr("suture.engine.transmissions.read_file", read)
    return monkeypatch


async def test_f33_a_file_that_killed_its_reader_is_read_when_that_is_mended(
    riverbend: Riverbend, twin: Riverbend, tmp_path: Path, unreadable: pytest.MonkeyPatch
) -> None:
    """One message stood for all of it; each set in it becomes a message of its own."""
    await taken(riverbend, tmp_path / "here", three_sets())
    unreadable.undo()
    await taken(twin, tmp_path / "twin", three_sets())
    (whole,) = await message_ids(riverbend, "rejected")
    results = await reprocessed(riverbend, all_of=FAILED)
    assert outcomes(results) == ["accepted"] * 4
    assert [(each.id, each.messages_count) for each in results if each.messages_count] == [
        (whole, 3)
    ]
    assert await riverbend.exceptions() == []
    for there in (riverbend, twin):
        await there.settle()
    assert await riverbend.balances() == await twin.balances()
    assert (await riverbend.balances())["1020"] == 45_000
    conservation = await riverbend.conservation()
    assert (conservation.received, conservation.posted, conservation.explained) == (4, 3, 1)
    await assert_every_control_holds(riverbend)
    (again,) = await reprocessed(riverbend, whole)
    assert again.outcome == "refused"


async def test_f33_the_first_message_of_such_a_file_takes_the_place_that_stood_for_it(
    riverbend: Riverbend, tmp_path: Path, unreadable: pytest.MonkeyPatch
) -> None:
    """Of HL7 v2 the first message begins where the file does."""
    sends_both = edited("sources/remits.toml", '"x12_835"', '["x12_835", "hl7v2"]')
    await riverbend.change(sends_both)
    messages = [
        adt("A01", "A1", at=AT, control="R1", financial_class="MA", payer="MCR"),
        dft("A1", Line("L1", "CG", 10_000), at=AT, control="B1"),
        dft("A1", Line("L2", "CG", 1_000), at=AT, control="B2").replace(b"|10.00|", b"|1O.OO|"),
    ]
    await taken(riverbend, tmp_path, b"".join(messages))
    unreadable.undo()
    (whole,) = await message_ids(riverbend, "rejected")
    results = await reprocessed(riverbend, whole)
    assert sorted(outcomes(results)) == ["accepted", "accepted", "held"]
    (first,) = [each for each in results if each.id == whole]
    assert (first.outcome, first.messages_count) == ("accepted", 2)
    assert await riverbend.message_bytes(whole) == messages[0]
    assert await statuses(riverbend) == [
        ("ADT^A01", "accepted"),
        ("DFT^P03", "accepted"),
        ("DFT^P03", "held"),
    ]
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    assert await riverbend.exceptions() == ["hl7.amount.invalid"]
    await assert_every_control_holds(riverbend)


async def test_a_file_of_a_format_that_was_learnt_is_read(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.pipeline.detect_format", lambda _: "unknown")
    await taken(riverbend, tmp_path, three_sets())
    assert await riverbend.exceptions() == ["file.format.unknown"]
    assert outcomes(await reprocessed(riverbend, all_of="file.format.unknown")) == ["held"]
    monkeypatch.undo()
    results = await reprocessed(riverbend, all_of="file.format.unknown")
    assert outcomes(results) == ["accepted"] * 4
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 45_000
    await assert_every_control_holds(riverbend)


async def test_what_is_found_belongs_to_the_interchange_that_was_asked_for(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two interchanges, neither of which could be read: each is freed by itself."""
    parts = [remit("T1", paid("C1")), remit("T2", paid("C2"), number=2)]

    def unread(chunks: Any, channel: Channel) -> Iterator[Piece]:
        told_by = fault("x12.interchange.unreadable", "ISA")
        for offset in (0, len(parts[0])):
            unreadable = Translation(
                format="x12",
                type="interchange",
                control_id="",
                status="rejected",
                faults=(told_by,),
            )
            yield Begun(recorded_at_ms=0)
            yield Reading(translation=unreadable, offset=offset, bytes_count=0)
            yield Closed()
        for _ in chunks:
            pass

    monkeypatch.setattr("suture.engine.transmissions.read_file", unread)
    await taken(riverbend, tmp_path, b"".join(parts))
    monkeypatch.undo()
    first, second = await message_ids(riverbend, "rejected")
    for whole, cash in ((second, 15_000), (first, 30_000)):
        assert outcomes(await reprocessed(riverbend, whole)) == ["accepted", "accepted"]
        await riverbend.settle()
        assert (await riverbend.balances())["1020"] == cash
    await assert_every_control_holds(riverbend)


async def test_a_place_where_nothing_is_found_any_more_is_refused(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, three_sets())
    before = await everything(riverbend)

    def elsewhere(chunks: Any, channel: Channel) -> Iterator[Piece]:
        for piece in read_file(chunks, channel):
            if isinstance(piece, Reading):
                yield Reading(translation=piece.translation, offset=piece.offset + 1, bytes_count=1)
            else:
                yield piece

    monkeypatch.setattr("suture.engine.file_reprocess.read_file", elsewhere)
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert {(each.outcome, each.explanation) for each in results} == {
        ("refused", "no message is found at its place in the file")
    }
    assert before == await everything(riverbend)


# When something goes wrong ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", ["lock_file", "claim", "facts", "rejudge", "message", "supersede_earlier"]
)
async def test_f1_a_crash_in_the_middle_of_a_file_leaves_nothing_half_done(
    riverbend: Riverbend,
    tmp_path: Path,
    unreadable: pytest.MonkeyPatch,
    step: str,
) -> None:
    """At the second call of each: something of the file is in the transaction already."""
    await taken(riverbend, tmp_path, three_sets())
    unreadable.undo()
    before = await everything(riverbend)
    original, calls = getattr(Reprocessing, step), iter(range(100))

    async def crashing(self: Any, *arguments: Any, **named: Any) -> Any:
        answer = await original(self, *arguments, **named)
        if next(calls) or step in {"lock_file", "rejudge"}:
            raise KeyboardInterrupt
        return answer

    unreadable.setattr(Reprocessing, step, crashing)
    with pytest.raises(KeyboardInterrupt):
        await reprocessed(riverbend, all_of=FAILED)
    unreadable.undo()
    assert before == await everything(riverbend)
    assert outcomes(await reprocessed(riverbend, all_of=FAILED)) == ["accepted"] * 4
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 45_000


async def test_f33_a_file_that_kills_the_reader_again_changes_nothing_and_holds_up_nobody(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, remit("POISON"), remit("T2", number=2))

    def failing(chunks: Any, channel: Channel) -> Iterator[Piece]:
        for chunk in chunks:
            if b"POISON" in chunk:
                raise RecursionError("with the text of a claim")
            yield from read_file((chunk,), channel)

    monkeypatch.setattr("suture.engine.file_reprocess.read_file", failing)
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert outcomes(results) == ["refused", "accepted"]
    assert "RecursionError" in results[0].explanation
    assert "claim" not in results[0].explanation
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 15_000


async def test_a_file_with_a_piece_missing_is_refused_whole(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.connectors.ports.CHUNK_BYTES", 300)
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, three_sets())
    await riverbend.rows("delete from transmission_chunk where ordinal = 3")
    before = await everything(riverbend)
    results = await reprocessed(riverbend, all_of=UNKNOWN)
    assert outcomes(results) == ["refused"] * 3
    assert before == await everything(riverbend)


async def test_a_reason_is_kept_with_whoever_asked(riverbend: Riverbend, tmp_path: Path) -> None:
    with not_yet_known("835"):
        await taken(riverbend, tmp_path, remit())
    (ended,) = await reprocessed(riverbend, all_of=UNKNOWN)
    (act,) = await read_acts(riverbend.database, ended.id)
    assert (act.act, act.os_user, act.host, act.reason) == (
        "reprocessed",
        ADA.os_user,
        ADA.host,
        ADA.reason,
    )
