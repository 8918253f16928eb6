"""The same content in other bytes is a repeat: nobody is asked about what is booked (B18, B30).

Other line ends, another file, another envelope, the rest of a file that was cut. Other content
under the same name is `test_intake_duplicates.py` (B20) and `test_intake_traces.py` (B31).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.remit_files import paid, put, remit
from tests.integration.riverbend_store import Riverbend, code_of, control_id_of
from tests.specs.riverbend_messages import Line, adt, dft, interchange, remittance

from suture.engine.file_intake import FileIntake
from suture.store.database import Database, StoreUnavailableError
from suture.store.transmission import FileAppend

pytestmark = pytest.mark.integration

AT = "20260310120000"
REPLY_SECONDS_MAX = 2.0
PAID = 15_000


def charge(control: str = "B1", minor: int = 10_000) -> bytes:
    """Return a DFT of one charge."""
    return dft("A1", Line("L1", "CG", minor), at=AT, control=control)


def admission(control: str) -> bytes:
    """Return an ADT^A01 of the patient everything here is about."""
    return adt("A01", "A1", at=AT, control=control, financial_class="MA", payer="MCR")


def three_sets(number: int = 1) -> bytes:
    """Return an interchange of three remittances."""
    sets = [remittance(f"T{each}", paid(f"C{each}")) for each in (1, 2, 3)]
    return interchange(*sets, number=number)


async def drop(watching: FileIntake, folder: Path, *files: bytes) -> None:
    """Take files one after the other."""
    for number, raw in enumerate(files):
        put(folder, raw, f"{number}.in")
        assert await watching.turn() == 1


def watch(riverbend: Riverbend, folder: Path, source: str) -> FileIntake:
    """Watch a folder for the messages of another source than the remittances."""
    watching = riverbend.watch(folder)
    watching.channel = riverbend.channel(source, translations=frozenset({"hl7v2"}))
    return watching


async def assert_all_is_told_once(riverbend: Riverbend) -> None:
    """Nobody is asked, and every message is where it belongs."""
    assert await riverbend.exceptions() == []
    assert (await riverbend.conservation()).gap == 0


# Over a connection -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda raw: raw.rstrip(b"\r"),
        lambda raw: raw + b"\r",
        lambda raw: raw.replace(b"\r", b"\n"),
        lambda raw: raw.replace(b"\r", b"\r\n"),
        lambda raw: raw.replace(b"\r", b"\r\r"),
    ],
)
async def test_b18_the_same_message_with_other_line_ends_is_a_repeat(
    riverbend: Riverbend, rewritten: Callable[[bytes], bytes]
) -> None:
    again = rewritten(charge())
    assert again != charge()
    first = await riverbend.receive(charge())
    assert first == await riverbend.receive(again)
    assert (1, 1) == await riverbend.counts()
    await assert_all_is_told_once(riverbend)


async def test_b20_a_held_reuse_with_other_line_ends_is_a_repeat_of_itself(
    riverbend: Riverbend,
) -> None:
    await riverbend.receive(charge(), charge(minor=20_000))
    await riverbend.receive(charge(minor=20_000).replace(b"\r", b"\n"))
    assert (2, 1) == await riverbend.counts()
    assert await riverbend.exceptions() == ["intake.control_id.reused"]


async def test_b20_a_line_break_inside_a_value_is_content(riverbend: Riverbend) -> None:
    """In a message of CR, a lone LF belongs to its value: without it the value is another."""
    noted = charge() + b"NTE|1||seen\ntwice\r"
    await riverbend.receive(noted, noted.replace(b"seen\ntwice", b"seen\rtwice"))
    assert await riverbend.exceptions() == ["intake.control_id.reused"]


async def test_b19_what_was_stored_before_contents_were_compared_is_still_known(
    riverbend: Riverbend,
) -> None:
    """A store of an earlier schema holds the digest of the bytes."""
    await riverbend.receive(charge())
    await riverbend.rows(
        "update message_identity i set sha256 = m.sha256 from message m where m.id = i.message_id"
    )
    await riverbend.receive(charge())
    assert (1, 1) == await riverbend.counts()
    await assert_all_is_told_once(riverbend)


async def test_b19_a_message_first_known_from_a_file_is_acknowledged_on_the_connection(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """No reply was owed to the file; without one now, its sender would send it for ever."""
    await drop(watch(riverbend, tmp_path, "charges"), tmp_path, charge())
    (reply,) = await riverbend.receive(charge())
    assert ("AA", "B1") == (code_of(reply), control_id_of(reply))
    assert (1, 1) == await riverbend.counts()
    await assert_all_is_told_once(riverbend)


async def test_b24_a_batch_on_a_connection_is_refused_and_kept(riverbend: Riverbend) -> None:
    raw = b"BHS|^~\\&|A|B\r" + charge() + b"BTS|1\r"
    (reply,) = await riverbend.receive(raw)
    assert code_of(reply) == "AR"
    (message,) = await riverbend.rows("select id from message")
    assert await riverbend.message_bytes(message["id"]) == raw


async def test_f44_a_file_under_way_keeps_no_message_of_its_patients_waiting(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's facts are in its transaction, which stays open until the message is answered."""
    told, answered = asyncio.Event(), asyncio.Event()
    append = FileAppend.message

    async def held_open(self: FileAppend, row: Any) -> None:
        await append(self, row)
        told.set()
        await answered.wait()

    monkeypatch.setattr(FileAppend, "message", held_open)
    put(tmp_path, admission("F1"), "a.hl7")
    taking = asyncio.create_task(watch(riverbend, tmp_path, "adt").turn())
    try:
        await told.wait()
        receiving = riverbend.receive(admission("M1"), source="adt")
        (reply,) = await asyncio.wait_for(receiving, REPLY_SECONDS_MAX)
    finally:
        answered.set()
        await taking
    assert code_of(reply) == "AA"
    assert (2, 0) == await riverbend.counts()
    query = "select count(*) from message_identity where identity like 'hl7v2:adt:%'"
    assert await riverbend.number(query) == 2
    assert await riverbend.number("select count(*) from vault where kind = 'account'") == 1


async def test_the_identifiers_of_a_file_are_in_the_vault_when_its_facts_are(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.store.transmission.SECRETS_AT_ONCE", 2)
    await drop(riverbend.watch(tmp_path), tmp_path, three_sets(), remit("T4", paid("C4"), number=2))
    streams = await riverbend.rows("select distinct stream from event where stream like 'claim/%'")
    assert len(streams) == 4
    rows = await riverbend.rows("select token from vault where kind = 'claim'")
    assert {row["stream"].partition("/")[2] for row in streams} == {row["token"] for row in rows}


async def test_f1_a_file_whose_identifiers_cannot_be_kept_is_taken_again_as_for_the_first_time(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept at the very end, when all else of the file is in its transaction."""
    execute = Database.execute

    async def lost(self: Database, query: str, *arguments: Any) -> None:
        if query == "keep_secrets":
            raise StoreUnavailableError("at the end of the file")
        await execute(self, query, *arguments)

    watching = riverbend.watch(tmp_path)
    put(tmp_path, remit())
    monkeypatch.setattr(Database, "execute", lost)
    for _ in range(10):  # more often than the pool has connections
        with pytest.raises(StoreUnavailableError):
            await watching.turn()
    monkeypatch.undo()
    assert (0, 0) == await riverbend.counts()
    assert await watching.turn() == 1
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == PAID
    assert await riverbend.number("select count(*) from vault where kind = 'claim'") == 1


# In files --------------------------------------------------------------------------------------


async def test_b19_the_same_messages_in_two_files_are_repeats(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    both = [admission("R1"), charge()]
    batch = b"".join([b"BHS|^~\\&|A|B\r", *both, b"BTS|2\r"]).replace(b"\r", b"\r\n")
    await drop(watch(riverbend, tmp_path, "charges"), tmp_path, b"".join(both), batch)
    await riverbend.settle()
    assert (2, 2) == await riverbend.counts()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    await assert_all_is_told_once(riverbend)


async def test_b19_a_file_repeats_what_came_over_a_connection(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    await riverbend.receive(charge())
    await drop(watch(riverbend, tmp_path, "charges"), tmp_path, charge() + charge("B2", 500))
    assert (2, 1) == await riverbend.counts()
    await assert_all_is_told_once(riverbend)


@pytest.mark.parametrize(
    "again",
    [
        remit() + b"\n",
        remit().replace(b"~", b"~\r\n"),
        remit(number=2),
        remit().replace(b"ST*835*0001", b"ST*835*0742").replace(b"*0001~", b"*0742~"),
        remit().replace(b"*", b"|"),
    ],
)
async def test_b30_the_same_remittance_in_other_bytes_is_a_repeat(
    riverbend: Riverbend, tmp_path: Path, again: bytes
) -> None:
    """A newline more, lines for people, another ISA13 and GS06, another ST02, other separators."""
    assert again != remit()
    await drop(riverbend.watch(tmp_path), tmp_path, remit(), again)
    await riverbend.settle()
    assert (1, 1) == await riverbend.counts()
    assert (await riverbend.balances())["1020"] == PAID
    await assert_all_is_told_once(riverbend)


async def test_b33_the_whole_file_after_a_cut_one_books_the_rest_and_asks_nobody(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    whole = three_sets()
    cut = whole[: whole.rindex(b"CLP*") + 20]
    await drop(riverbend.watch(tmp_path), tmp_path, cut, whole)
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 3 * PAID
    assert (4, 2) == await riverbend.counts(), "the set that was cut, three whole ones, two again"
    await assert_all_is_told_once(riverbend)


async def test_b30_a_file_of_repeats_that_comes_again_repeats_them_again(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    files = [three_sets(), three_sets(number=2), three_sets(number=2)]
    await drop(riverbend.watch(tmp_path), tmp_path, *files)
    assert (3, 6) == await riverbend.counts()
    rows = await riverbend.rows(
        "select bytes_offset from message_repeat where transmission_id is not null order by 1"
    )
    raw = three_sets(number=2)
    assert all(raw[row["bytes_offset"] :].startswith(b"ST*835*") for row in rows)
    assert len(rows) == 3, "each knows its place in the file"
    await assert_all_is_told_once(riverbend)


async def test_b30_a_remittance_said_twice_in_one_file_is_booked_once(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(remittance("T1", paid("C1")), remittance("T1", paid("C1")))
    await drop(riverbend.watch(tmp_path), tmp_path, raw)
    await riverbend.settle()
    assert (1, 1) == await riverbend.counts()
    assert (await riverbend.balances())["1020"] == PAID
    await assert_all_is_told_once(riverbend)


async def test_b27_a_rejected_interchange_asks_about_what_is_new_in_it_only(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """What it repeats is booked; what it says twice, and for the first time, counts for nothing."""
    new = remittance("T2", paid("C2"))
    raw = interchange(remittance("T1", paid("C1")), new, new, number=2)
    wrong = raw.replace(b"~IEA*1*", b"~IEA*9*")
    await drop(riverbend.watch(tmp_path), tmp_path, remit(), wrong)
    assert await riverbend.exceptions() == ["x12.interchange.group_count"] * 2
    assert (3, 1) == await riverbend.counts()
    assert (await riverbend.conservation()).gap == 0
