"""Files: stored whole and sealed, judged set by set, booked once (B24, B27 to B33, B61 to B70).

Which files a folder hands on is tested in `tests/unit/connectors/test_files_folder.py`, remittances
that correct others and traces used twice in `test_intake_traces.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.integration.remit_files import filed, paid, put, remit, statuses
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, adt, dft, interchange, remittance

from suture.connectors.files.folder import ARCHIVE, ERROR
from suture.engine.file_facts import EVENTS_PER_FLUSH
from suture.security.phi import SealBrokenError, open_sealed

pytestmark = pytest.mark.integration

CLAIMS_COUNT = EVENTS_PER_FLUSH + 10
"""More than go out in one piece."""
TRAILERS = b"GE*1*1~IEA*1*000000001~"


async def test_an_835_is_booked_to_the_cent_and_its_bytes_are_kept(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    claims = [paid(f"C{number}", 10_000 + number * 4) for number in range(CLAIMS_COUNT)]
    raw = remit("T1", *claims)
    put(tmp_path, raw)
    assert await riverbend.watch(tmp_path).turn() == 1
    await riverbend.settle()
    cash = sum(claim.paid_minor for claim in claims)
    allowed = sum(claim.charge_minor for claim in claims) - cash
    assert await riverbend.balances() == {
        "1020": cash,
        "1100": -sum(claim.charge_minor for claim in claims),
        "4110": allowed,
    }
    assert await riverbend.number("select count(*) from entry") == CLAIMS_COUNT + 1
    row = (await riverbend.rows("select id, transmission_id, events_count from message"))[0]
    assert row["events_count"] == CLAIMS_COUNT + 1
    assert await riverbend.file_bytes(row["transmission_id"]) == raw
    assert (await riverbend.message_bytes(row["id"])).startswith(b"ST*835*0001~BPR")
    assert (await riverbend.conservation()).posted == 1
    assert filed(tmp_path, ARCHIVE) == ["a.835"]


async def test_b29_a_file_of_many_pieces_is_read_back_byte_for_byte(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.connectors.ports.CHUNK_BYTES", 1000)
    raw = remit("T1", *(paid(f"C{number}") for number in range(200)))
    put(tmp_path, raw)
    await riverbend.watch(tmp_path).turn()
    (transmission,) = await riverbend.rows("select id, bytes_count from transmission")
    assert transmission["bytes_count"] == len(raw)
    assert await riverbend.number("select count(*) from transmission_chunk") == len(raw) // 1000 + 2
    assert await riverbend.file_bytes(transmission["id"]) == raw
    (message,) = await riverbend.rows("select id from message")
    assert (
        await riverbend.message_bytes(message["id"]) == raw[raw.index(b"ST*") : -len(TRAILERS) - 1]
    )
    await riverbend.rows("delete from transmission_chunk where ordinal = 7")
    with pytest.raises(SealBrokenError):
        await riverbend.message_bytes(message["id"])
    with pytest.raises(SealBrokenError):
        await riverbend.file_bytes(transmission["id"])


async def test_b28_a_held_remittance_books_nothing_and_keeps_every_byte(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """Its facts were in the store already when its verdict came: they are taken back."""
    claims = [paid(f"C{number}") for number in range(CLAIMS_COUNT)]
    raw = remit("T1", *claims, misprint_minor=1)
    put(tmp_path, raw)
    await riverbend.watch(tmp_path).turn()
    assert await statuses(riverbend) == [("835", "held")]
    assert await riverbend.exceptions() == ["x12.835.transaction.unbalanced"]
    for table in ("event", "inbox", "vault", "message_identity"):
        assert await riverbend.number(f"select count(*) from {table}") == 0  # noqa: S608 - ours
    (item,) = await riverbend.rows("select amount_minor from work_item")
    assert item["amount_minor"] == sum(claim.paid_minor for claim in claims) + 1, "and not twice"
    (transmission,) = await riverbend.rows("select id from transmission")
    assert await riverbend.file_bytes(transmission["id"]) == raw
    assert (await riverbend.conservation()).held == 1


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"~SE*", b"~SE*9", "x12.set.segment_count"),
        (b"~GE*3*", b"~GE*2*", "x12.group.set_count"),
        (b"~IEA*1*", b"~IEA*2*", "x12.interchange.group_count"),
        (b"~IEA*1*000000001", b"~IEA*1*000000002", "x12.interchange.control_number"),
    ],
)
async def test_b27_a_wrong_count_rejects_what_it_counts_and_keeps_the_bytes(
    riverbend: Riverbend, tmp_path: Path, old: bytes, new: bytes, code: str
) -> None:
    sets = [remittance(f"T{number}", paid(f"C{number}")) for number in (1, 2, 3)]
    raw = interchange(*sets).replace(old, new, 1)
    put(tmp_path, raw)
    await riverbend.watch(tmp_path).turn()
    await riverbend.settle()
    rejected = 1 if "set.segment" in code else 3
    verdicts = [("835", "accepted")] * (3 - rejected) + [("835", "rejected")] * rejected
    assert verdicts == await statuses(riverbend)
    assert await riverbend.exceptions() == [code] * rejected
    assert await riverbend.number("select count(*) from log") == 2 * (3 - rejected)
    (transmission,) = await riverbend.rows("select id from transmission")
    assert await riverbend.file_bytes(transmission["id"]) == raw
    assert filed(tmp_path, ARCHIVE) == ["a.835"]
    assert (await riverbend.conservation()).gap == 0


async def test_one_bad_set_among_several_holds_up_none_of_the_others(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    sets = [
        remittance(f"T{number}", paid(f"C{number}"), misprint_minor=5 if number == 2 else 0)
        for number in (1, 2, 3)
    ]
    put(tmp_path, interchange(*sets) + interchange(remittance("T4", paid("C4")), number=2))
    await riverbend.watch(tmp_path).turn()
    await riverbend.settle()
    assert [("835", "accepted")] * 3 + [("835", "held")] == await statuses(riverbend)
    assert (await riverbend.balances())["1020"] == 3 * 15_000
    rows = await riverbend.rows("select id from message where status = 'held'")
    assert b"TRN*1*T2*" in await riverbend.message_bytes(rows[0]["id"])
    assert (await riverbend.conservation()).posted == 3


async def test_b70_the_same_bytes_under_another_name_are_a_duplicate(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    watching = riverbend.watch(tmp_path)
    for name in ("a.835", "b.835", "a.835"):
        put(tmp_path, remit(), name)
        await watching.turn()
    await riverbend.settle()
    assert (1, 2) == await riverbend.counts()
    assert (await riverbend.balances())["1020"] == 15_000
    assert filed(tmp_path, ARCHIVE) == ["a.835", "a.835", "b.835"]
    assert (await riverbend.conservation()).gap == 0


async def test_b70_the_same_bytes_from_another_source_are_their_own(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """Each keeps its file; what both say is one remittance, and came again."""
    put(tmp_path, remit())
    watching = riverbend.watch(tmp_path)
    await watching.turn()
    watching.channel = riverbend.channel("remits", source="lockbox")
    put(tmp_path, remit())
    await watching.turn()
    assert await riverbend.number("select count(*) from transmission") == 2
    assert (1, 1) == await riverbend.counts()
    assert await riverbend.exceptions() == []


async def test_b24_a_batch_whose_count_is_wrong_is_held_as_a_whole(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    at = "20260310120000"
    batched = [
        adt("A01", "A1", at=at, control="R1", financial_class="MA", payer="MCR"),
        dft("A1", Line("L1", "CG", 10_000), at=at, control="B1"),
    ]
    raw = b"".join([b"BHS|^~\\&|A|B\r", *batched, b"BTS|%d\r"])
    watching = riverbend.watch(tmp_path)
    watching.channel = riverbend.channel("remits", translations=frozenset({"hl7v2"}))
    put(tmp_path, raw % 3, "a.hl7")
    await watching.turn()
    assert [("ADT^A01", "held"), ("DFT^P03", "held")] == await statuses(riverbend)
    assert await riverbend.number("select count(*) from event") == 0
    put(tmp_path, raw % 2, "b.hl7")
    await watching.turn()
    await riverbend.settle()
    assert await riverbend.number("select count(*) from message where status = 'accepted'") == 2
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    rows = await riverbend.rows("select id from message where status = 'accepted' order by id")
    found = sorted([await riverbend.message_bytes(row["id"]) for row in rows])
    assert [raw.rstrip() for raw in sorted(batched)] == [raw.rstrip() for raw in found]
    assert await riverbend.number("select count(*) from vault") > 0
    assert (await riverbend.conservation()).gap == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file.empty"),
        (b"\xef\xbb\xbf", "file.format.unknown"),
        (b"name,amount\nDOE,1\n", "file.format.unknown"),
        (b"\x00" * 5000, "file.format.unknown"),
        (remit()[:106], "x12.interchange.truncated"),
        (remit()[:300], "x12.set.truncated"),
    ],
)
async def test_b66_what_cannot_be_read_is_kept_and_told(
    riverbend: Riverbend, tmp_path: Path, content: bytes, code: str
) -> None:
    put(tmp_path, content)
    await riverbend.watch(tmp_path).turn()
    assert code in await riverbend.exceptions()
    assert await riverbend.number("select count(*) from event") == 0
    (transmission,) = await riverbend.rows("select id from transmission")
    assert await riverbend.file_bytes(transmission["id"]) == content
    assert filed(tmp_path, ARCHIVE) == ["a.835"], "stored like any other"
    assert (await riverbend.conservation()).held == 1


async def test_b33_a_file_cut_in_its_last_set_books_the_sets_that_are_whole(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(*(remittance(f"T{number}", paid(f"C{number}")) for number in (1, 2)))
    put(tmp_path, raw[: raw.rindex(b"CLP*")])
    await riverbend.watch(tmp_path).turn()
    await riverbend.settle()
    assert ("835", "accepted") in await statuses(riverbend)
    assert (await riverbend.balances())["1020"] == 15_000
    assert (await riverbend.conservation()).gap == 0


async def test_b62_a_link_is_put_aside_unread(riverbend: Riverbend, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "elsewhere", remit())
    inbox = tmp_path / "inbox"
    watching = riverbend.watch(inbox)
    (inbox / "a.835").symlink_to(tmp_path / "elsewhere" / "a.835")
    os.mkfifo(inbox / "b.835")
    assert await watching.turn() == 2
    assert (0, 0) == await riverbend.counts()
    aside = [path.name for path in (inbox / ERROR).iterdir()]
    assert [True, True] == [bool(re.fullmatch("trn_[0-9a-v]{26}", name)) for name in aside]


async def test_b61_a_misleading_name_is_stored_without_what_misleads(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    name = "a\u202e\n" + "\u6c34" * 70 + ".835"
    put(tmp_path, remit(), name)
    assert await riverbend.watch(tmp_path).turn() == 1
    (transmission,) = await riverbend.rows("select id, sealed_name from transmission")
    context = f"{transmission['id']}|name".encode()
    shown = open_sealed(transmission["sealed_name"], key_ring=riverbend.keys, context=context)
    assert "\u202e" not in shown.decode()
    assert "\n" not in shown.decode()
    assert shown.endswith(b".835")


async def test_of_two_charges_of_one_second_the_later_in_the_file_stands(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """As `suture trace` has it: tests/unit/test_memory.py."""
    at = "20260310080000"
    registered = adt("A04", "A1", at=at, control="R", payer="MCR")
    dear = dft("A1", Line("T1", "CG", 12_500, department="LAB"), at=at, control="X")
    cheap = dft("A1", Line("T1", "CG", 10_000, department="LAB"), at=at, control="Y")
    watch = riverbend.watch(tmp_path)
    watch.channel = riverbend.channel("remits", translations=frozenset({"hl7v2"}))
    put(tmp_path, registered + dear + cheap)
    await watch.turn()
    await riverbend.settle()
    assert (await riverbend.balances())["1100"] == 10_000
