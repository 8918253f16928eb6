"""What the sender of an X12 file finds in `replies/`: TA1 and 999, whole, once, the same again.

Which code answers which finding is tested in `tests/unit/wire/test_x12_acknowledge.py`; here is
that an interchange gets the replies it is owed, and none it is not (B24, B27, B28, B30).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Claim, interchange, remittance

from suture.model.translation import X12Replies
from suture.wire.x12 import EnvelopeFault, InterchangeEnd, Junk, read

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parents[1] / "golden"
CLAIM = Claim("C1", 20_000, (("CO", "45", 5_000),))
GOOD = remittance("T1", CLAIM)
BAD = remittance("T2", CLAIM, misprint_minor=1)
SOUND = ["AK1*HP*1*005010X221A1", "AK2*835*0001", "IK5*A", "AK9*A*1*1*1"]


async def replied(riverbend: Riverbend, folder: Path, raw: bytes) -> list[str]:
    """Drop a file and return the segments replied to it that carry a verdict."""
    (folder / "a.835").write_bytes(raw)
    before = set((folder / "replies").glob("*")) if (folder / "replies").exists() else set()
    assert await riverbend.watch(folder).turn() == 1
    new = sorted(set((folder / "replies").glob("*")) - before)
    if not new:
        return []
    (reply,) = new
    assert reply.name.endswith("-999.x12")
    rows = await riverbend.rows("select id from transmission order by received_at desc limit 1")
    if not before:
        assert reply.name == f"{rows[0]['id']}-999.x12"
    content = reply.read_bytes()
    for item in read([content]):
        assert not isinstance(item, EnvelopeFault | Junk), item
        if isinstance(item, InterchangeEnd):
            assert item.faults == ()
            assert (item.interchange.sender_id, item.interchange.receiver_id) == (
                "RIVERBEND",
                "PAYER",
            )
    told = ("TA1", "AK1", "AK2", "IK5", "AK9")
    return [each for each in content.decode().split("~") if each.startswith(told)]


async def test_each_group_of_a_sound_interchange_is_acknowledged(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    assert await replied(riverbend, tmp_path, interchange(GOOD)) == SOUND


async def test_b28_a_rejected_set_is_told_apart_from_the_accepted_ones(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    assert await replied(riverbend, tmp_path, interchange(GOOD, BAD, number=7)) == [
        "AK1*HP*7*005010X221A1",
        "AK2*835*0001",
        "IK5*A",
        "AK2*835*0002",
        "IK5*R*I5",
        "AK9*P*2*2*1",
    ]


async def test_a_ta1_is_sent_where_it_was_asked_for(riverbend: Riverbend, tmp_path: Path) -> None:
    raw = interchange(GOOD, number=7).replace(b"*0*P*:", b"*1*P*:")
    assert await replied(riverbend, tmp_path, raw) == [
        "TA1*000000007*260320*0600*A*000",
        "AK1*HP*7*005010X221A1",
        *SOUND[1:],
    ]


async def test_b27_an_interchange_at_fault_is_refused_by_ta1_alone(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(GOOD, BAD).replace(b"~IEA*1*", b"~IEA*3*")
    assert await replied(riverbend, tmp_path, raw) == ["TA1*000000001*260320*0600*R*021"]


async def test_b27_a_group_at_fault_is_refused_with_every_set_in_it(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(GOOD, remittance("T2", CLAIM)).replace(b"~GE*2*", b"~GE*5*")
    assert await replied(riverbend, tmp_path, raw) == [
        "AK1*HP*1*005010X221A1",
        "AK2*835*0001",
        "IK5*R*5",
        "AK2*835*0002",
        "IK5*R*5",
        "AK9*R*5*2*0*5",
    ]
    assert await riverbend.number("select count(*) from message where status = 'rejected'") == 2


async def test_b27_a_set_whose_count_is_wrong_is_refused_alone(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(GOOD, remittance("T2", CLAIM)).replace(b"~SE*", b"~SE*9", 1)
    verdicts = await replied(riverbend, tmp_path, raw)
    assert ["IK5*R*4", "IK5*A"] == [each for each in verdicts if each.startswith("IK5")]


async def test_a_set_that_nobody_translates_is_held_and_not_refused(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(GOOD).replace(b"ST*835*", b"ST*824*")
    told = await replied(riverbend, tmp_path, raw)
    assert told == [each.replace("835", "824") for each in SOUND]
    assert await riverbend.exceptions() == ["x12.set.unsupported"]


async def test_every_interchange_of_a_file_is_answered_in_the_one_reply(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = b"\r\n".join(interchange(BAD, number=number) for number in (1, 2, 3))
    verdicts = await replied(riverbend, tmp_path, raw)
    assert [f"AK1*HP*{number}*005010X221A1" for number in (1, 2, 3)] == verdicts[::4]


async def test_b30_the_same_file_again_gets_the_same_reply(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(GOOD, BAD)
    first = await replied(riverbend, tmp_path, raw)
    assert first == await replied(riverbend, tmp_path, raw) != []
    contents = {path.read_bytes() for path in (tmp_path / "replies").iterdir()}
    assert len(contents) == 1
    assert (2, 2) == await riverbend.counts()


async def test_b92_a_group_that_is_numbered_by_a_sentence_is_answered_without_it(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    raw = interchange(GOOD, BAD).replace(b"*1*X*", b"*DOE JANE*X*")
    assert await replied(riverbend, tmp_path, raw.replace(b"GE*2*1~", b"GE*2*DOE JANE~")) == [
        "AK1*HP*0000*005010X221A1",
        "AK2*835*0001",
        "IK5*A",
        "AK2*835*0002",
        "IK5*R*I5",
        "AK9*P*2*2*1",
    ]


async def test_ids_that_cannot_be_written_back_leave_the_file_unanswered_and_taken(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """Its separators are not ours: a sender's id that holds one of ours cannot be repeated."""
    raw = interchange(GOOD, BAD).replace(b"*", b"|").replace(b"|PAYER   ", b"|PAY*ER  ")
    assert await replied(riverbend, tmp_path, raw) == []
    assert await riverbend.number("select count(*) from message where status = 'accepted'") == 1


async def test_b92_a_claim_acknowledgement_that_names_patients_is_kept_sealed(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    """A 277CA says of whom each claim was: to its sender, and to nobody who reads the database."""
    answered = X12Replies(tells_claims=True, acknowledges_claims=True)
    raw = (GOLDEN / "x12_guides" / "01_837p_claims.edi").read_bytes()
    for name in ("a.837", "b.837"):
        intake = riverbend.watch(tmp_path, source="remits")
        intake.channel = msgspec.structs.replace(
            intake.channel, x12=answered, translations=frozenset(), processing=""
        )
        (tmp_path / name).write_bytes(raw)
        assert await intake.turn() == 1
    first, second = [path.read_bytes() for path in (tmp_path / "replies").iterdir()]
    assert first == second
    assert b"NM1*QC*" in first
    (row,) = await riverbend.rows("select reply from transmission")
    assert len(row["reply"]) > len(first)
    assert not any(each in row["reply"] for each in (b"ISA", b"NM1", b"EXAMPLE"))
