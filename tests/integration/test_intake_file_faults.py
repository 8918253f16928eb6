"""Files when something goes wrong: changed while read, read twice, killed in the middle.

Whatever happens, a file is stored whole or not at all, and never twice. What is in a file that is
well is `test_intake_files.py`.
"""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.remit_files import filed, paid, put, remit, statuses
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, dft, interchange, remittance

from suture.connectors.files.folder import ARCHIVE, ERROR, Folder
from suture.engine.clock import instant
from suture.engine.file_intake import FileIntake
from suture.model.event import Reconsidered, make_event
from suture.pipeline import read_file
from suture.security.phi import SealBrokenError
from suture.store.database import Deadlines, StoreUnavailableError, connect
from suture.store.transmission import FileAppend
from suture.translate.hl7v2_common import shown_control_id

CONNECTIONS_MAX = 8

pytestmark = pytest.mark.integration

AT = "20260310120000"


async def test_a_piece_put_in_the_place_of_another_does_not_open(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.connectors.ports.CHUNK_BYTES", 1000)
    put(tmp_path, remit("T1", *(paid(f"C{number}") for number in range(50))))
    await riverbend.watch(tmp_path).turn()
    await riverbend.rows(
        "update transmission_chunk c set sealed = o.sealed from transmission_chunk o"
        " where c.ordinal = 2 and o.ordinal = 3"
    )
    (message,) = await riverbend.rows("select id from message")
    with pytest.raises(SealBrokenError, match="stands where"):
        await riverbend.message_bytes(message["id"])


async def test_b65_a_file_that_changes_while_it_is_read_is_left_for_later(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the digest and the reading its sender writes on: nothing of it may count."""
    path = put(tmp_path, remit())
    begin = FileAppend.begin

    async def grown(self: FileAppend, *arguments: Any) -> bool:
        path.write_bytes(remit("T1", paid("C1"), paid("C2")))
        return await begin(self, *arguments)

    monkeypatch.setattr(FileAppend, "begin", grown)
    watching = riverbend.watch(tmp_path)
    assert await watching.turn() == 0
    assert await riverbend.number("select count(*) from transmission") == 0
    monkeypatch.undo()
    assert await watching.turn() == 1
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 30_000


async def test_b29_reading_long_between_two_statements_does_not_end_the_transaction(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers end transactions that idle; a set of gigabytes may hold nothing to store."""
    impatient = await connect(riverbend.dsn, deadlines=Deadlines(idle_seconds=0.05))
    monkeypatch.setattr(riverbend, "database", impatient)

    def slowly(chunks: Any, channel: Any) -> Any:
        for piece in read_file(chunks, channel):
            time.sleep(0.06)
            yield piece

    monkeypatch.setattr("suture.engine.transmissions.read_file", slowly)
    put(tmp_path, remit())
    assert await riverbend.watch(tmp_path).turn() == 1
    assert await statuses(riverbend) == [("835", "accepted")]
    await impatient.close()


async def test_f1_a_file_whose_commit_fails_is_taken_again_as_if_for_the_first_time(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, remit())

    async def lost(*_: Any) -> None:
        raise StoreUnavailableError("in the middle of the file")

    monkeypatch.setattr(FileAppend, "message", lost)
    watching = riverbend.watch(tmp_path)
    with pytest.raises(StoreUnavailableError):
        await watching.turn()
    assert path.exists()
    assert await riverbend.number("select count(*) from transmission_chunk") == 0
    monkeypatch.undo()
    assert await watching.turn() == 1
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 15_000


async def test_f2_a_file_stored_but_not_yet_filed_away_is_known_again(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died between the commit and the move to the archive."""
    put(tmp_path, remit())

    def died(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "settle", died)
    with pytest.raises(KeyboardInterrupt):
        await riverbend.watch(tmp_path).turn()
    monkeypatch.undo()
    assert await riverbend.watch(tmp_path).turn() == 1
    await riverbend.settle()
    assert (1, 1) == await riverbend.counts()
    assert (await riverbend.balances())["1020"] == 15_000
    assert filed(tmp_path, ARCHIVE) == ["a.835"]


async def test_f33_a_file_that_kills_the_reader_is_kept_unread_and_the_next_is_taken(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def failing(chunks: Any, channel: Any) -> Any:
        for chunk in chunks:
            if b"POISON" in chunk:
                raise RecursionError("with the text of a claim")
            yield from read_file((chunk,), channel)

    monkeypatch.setattr("suture.engine.transmissions.read_file", failing)
    put(tmp_path, remit("POISON"), "a.835")
    put(tmp_path, remit("T2"), "b.835")
    assert await riverbend.watch(tmp_path).turn() == 2
    await riverbend.settle()
    (item,) = await riverbend.rows("select code, explanation, message_id from work_item")
    assert ("engine.file.failed", "reading it raised RecursionError") == tuple(item)[:2]
    assert await riverbend.message_bytes(item["message_id"]) == remit("POISON")
    assert filed(tmp_path, ARCHIVE) == ["a.835", "b.835"]
    assert [] == list((tmp_path / ERROR).iterdir()), "both are stored"
    assert (await riverbend.balances())["1020"] == 15_000
    assert (await riverbend.conservation()).gap == 0


async def test_f33_a_file_that_cannot_be_opened_stays_and_the_next_is_taken(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Folder.open

    def refused(self: Folder, file: Any) -> Any:
        if file.name == "a.835":
            raise PermissionError
        return opening(self, file)

    monkeypatch.setattr(Folder, "open", refused)
    put(tmp_path, remit("T1"), "a.835")
    put(tmp_path, remit("T2"), "b.835")
    watching: FileIntake = riverbend.watch(tmp_path)
    assert await watching.turn() == 1
    assert await watching.turn() == 0
    assert (tmp_path / "a.835").exists()
    monkeypatch.undo()
    assert await watching.turn() == 1


async def test_a_file_of_many_messages_is_no_deeper_than_its_savepoints(
    riverbend: Riverbend,
) -> None:
    """A savepoint set again takes the place of the old one, which PostgreSQL alone would keep."""

    async def marked_again_and_again() -> None:
        async with FileAppend(riverbend.database, 4) as append:
            for _ in range(3):
                await append.mark("interchange")
                for _ in range(3):
                    await append.mark("message")
                    await append.back_to("message")
                await append.back_to("interchange")
            await append._say("release savepoint interchange")
            await append._say("release savepoint interchange")

    with pytest.raises(asyncpg.InvalidSavepointSpecificationError):
        await marked_again_and_again()


@pytest.mark.parametrize("is_more_to_come", [False, True])
async def test_f33_facts_that_cannot_be_appended_fail_their_file_and_no_later_one(
    riverbend: Riverbend, *, is_more_to_come: bool
) -> None:
    """They are on their way while the file is read on: it is told at the next step, or the last."""
    harmful = make_event(
        "claim/clm_1",
        Reconsidered(release="r"),
        "a path\0 no column holds",
        1,
        message_id="msg_1",
        digest="00" * 32,
        recorded_at_ms=0,
        sequence=0,
        source="remits",
        received_at_ms=0,
    )

    async def appended() -> None:
        async with FileAppend(riverbend.database, 4) as append:
            await append.begin("trn_1", "remits", b"", b"digest", 1, instant(0))
            await append.facts([harmful], {})
            if is_more_to_come:
                await append.mark("message")

    for _ in range(2 * CONNECTIONS_MAX):
        with pytest.raises(asyncpg.DataError):
            await appended()
    assert await riverbend.number("select count(*) from transmission") == 0


LONG = bytes(65 + sha256(b"%d" % place).digest()[0] % 26 for place in range(6_000))
"""A text that no index entry holds, however well it is compressed."""


TRACE, SET_ID, SET_NUMBER = b"TRN*1*T1*", b"ST*835*0001", b"*0001~"
PAID = paid("C1").paid_minor


@pytest.mark.parametrize(
    ("field", "value", "booked_minor"),
    [
        pytest.param(TRACE, b"TRN*1*T\0001*", PAID, id="TRN02 with NUL"),
        pytest.param(TRACE, b"TRN*1*" + LONG + b"*", 2 * PAID, id="TRN02 too long"),
        pytest.param(TRACE, TRACE + LONG, 2 * PAID, id="TRN03 too long"),
        pytest.param(SET_ID, b"ST*8\00035*0001", 0, id="ST01 with NUL breaks the envelope"),
        pytest.param(SET_ID, b"ST*" + LONG + b"*0001", PAID, id="ST01 too long"),
        pytest.param(SET_NUMBER, b"*00\00001~", 0, id="ST02 with NUL breaks the envelope"),
        pytest.param(SET_NUMBER, b"*" + LONG + b"~", PAID, id="ST02 too long is no number"),
    ],
)
async def test_b76_what_no_column_can_hold_spoils_no_file(
    riverbend: Riverbend, tmp_path: Path, field: bytes, value: bytes, booked_minor: int
) -> None:
    """What is wrong by X12 rejects its set or interchange; what is only long is booked."""
    content = interchange(*(remittance(trace, paid(trace)) for trace in ("T1", "T2")))
    put(tmp_path, content.replace(field, value))
    await riverbend.watch(tmp_path).turn()
    await riverbend.settle()
    assert await riverbend.number("select count(*) from message") == 2
    assert "engine.file.failed" not in await riverbend.exceptions()
    assert (await riverbend.balances()).get("1020", 0) == booked_minor
    assert (await riverbend.conservation()).gap == 0


async def test_b76_a_trace_too_long_for_an_index_is_booked_and_known_when_it_comes_again(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    for number, trace in enumerate((LONG, LONG, LONG + b"X"), 1):
        put(tmp_path, remit(trace.decode(), paid(f"C{number}"), number=number), f"{number}.835")
    await riverbend.watch(tmp_path).turn()
    await riverbend.settle()
    assert await riverbend.exceptions() == ["intake.trace.reused"]
    assert (await riverbend.balances())["1020"] == 2 * PAID


async def test_b76_a_control_id_too_long_for_an_index_spoils_no_other_message_of_its_file(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    told = (("L1", "B1"), ("L2", LONG.decode()))
    messages = [dft("A1", Line(line, "CG", 100), at=AT, control=control) for line, control in told]
    put(tmp_path, b"".join(messages), "charges.hl7")
    watching = riverbend.watch(tmp_path)
    watching.channel = riverbend.channel("remits", translations=frozenset({"hl7v2"}))
    await watching.turn()
    assert await statuses(riverbend) == [("DFT^P03", "accepted")] * 2
    rows = await riverbend.rows("select control_id from message order by length(control_id)")
    shown = shown_control_id(LONG.decode(), riverbend.tokenizer)
    assert [row["control_id"] for row in rows] == ["B1", shown]
