"""Single messages reprocessed: what was held books once, as if it had been accepted when it came.

Over the intake's own front door, then again from the raw bytes. Files are
`test_reprocess_files.py`, the commands `test_cli_operator.py`.
"""

from __future__ import annotations

import pytest
from tests.integration.operator_desk import (
    ADA,
    AT,
    RELEASE,
    assert_every_control_holds,
    charge,
    ended_as,
    everything,
    message_ids,
    not_yet_known,
    outcomes,
    registered,
    reprocessed,
    told,
)
from tests.integration.riverbend_store import Riverbend, estate_files
from tests.specs.riverbend_messages import Line, dft

from suture.model.fault import fault
from suture.store.lineage import trace
from suture.store.worklist import dismiss_work_items

pytestmark = pytest.mark.integration

UNKNOWN = "hl7.type.unsupported"


def in_latin_1(raw: bytes) -> bytes:
    """Return a message whose patient has an accent that UTF-8 would write otherwise."""
    assert b"JANE" in raw
    return raw.replace(b"JANE", b"RENE\xc9")


async def test_b17_a_character_set_that_was_mended_frees_what_did_not_fit_it(
    riverbend: Riverbend,
) -> None:
    await registered(riverbend)
    await riverbend.receive(in_latin_1(charge("B1")))
    assert await riverbend.exceptions() == ["hl7.charset.mismatch"]
    (held,) = await message_ids(riverbend)
    assert outcomes(await reprocessed(riverbend, held)) == ["held"], "nothing was mended yet"
    files = {
        "sources/charges.toml": b'charset = "cp1252"\n' + estate_files()["sources/charges.toml"]
    }
    await riverbend.change(files)
    (ended,) = await reprocessed(riverbend, held)
    assert ended_as(ended) == {
        "id": held,
        "outcome": "accepted",
        "amount_minor": 10_000,
        "events_count": 1,
    }
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    assert await riverbend.exceptions() == []
    assert await riverbend.resolutions() == [
        f"reprocessed by ada@billing-1 under release {RELEASE}"
    ]
    await assert_every_control_holds(riverbend)
    conservation = await riverbend.conservation()
    assert (conservation.posted, conservation.held) == (1, 0)


async def test_a_map_that_says_where_a_value_stands_frees_what_was_held_for_the_lack_of_it(
    riverbend: Riverbend,
) -> None:
    """An estate change is enough: the account stands in a Z segment, which nobody read before."""
    lines = charge("B1").decode().split("\r")
    lines[1] = "|".join([*lines[1].split("|")[:18], ""])
    await registered(riverbend)
    await riverbend.receive("\r".join([*lines[:-1], "ZAC|A1", ""]).encode())
    assert await riverbend.exceptions() == ["hl7.account.missing"]
    rule = """[[set]]\nmessage = "DFT"\ntarget = "PID-18"\nvalue = 'first(PID-18, ZAC-1)'\n"""
    await riverbend.change({"maps/charges.toml": rule.encode()})
    assert outcomes(await reprocessed(riverbend, all_of="hl7.account.missing")) == ["accepted"]
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    await assert_every_control_holds(riverbend)


async def test_what_is_reprocessed_is_told_as_if_it_had_been_accepted_when_it_came(
    riverbend: Riverbend, twin: Riverbend
) -> None:
    """The same streams, facts, paths and stamps: so the books cannot differ, whatever came since.

    The charge of B3 is corrected by that of B9 while B3 itself is held.
    """
    early = [charge(f"B{number}", 1_000 * number, number="L1") for number in range(1, 4)]
    correction = dft("A1", Line("L1", "CG", 500), at="20260311120000", control="B9")
    for there in (riverbend, twin):
        await registered(there)
    with not_yet_known("DFT"):
        await riverbend.receive(*early)
    await twin.receive(*early)
    for there in (riverbend, twin):
        await there.receive(correction)
        await there.settle()
    assert outcomes(await reprocessed(riverbend, all_of=UNKNOWN)) == ["accepted"] * 3
    await riverbend.settle()
    assert await told(riverbend) == await told(twin)
    assert await riverbend.balances() == await twin.balances() == {"1100": 500, "4020": -500}
    await assert_every_control_holds(riverbend)


async def test_a_message_keeps_its_id_its_bytes_its_time_and_its_lineage(
    riverbend: Riverbend,
) -> None:
    raw = charge("B1")
    with not_yet_known("DFT"):
        await riverbend.receive(raw)
    columns = "id, control_id, sha256, bytes_count, received_at, sealed, reply"
    (before,) = await riverbend.rows(f"select {columns} from message")  # noqa: S608 - ours
    await registered(riverbend)
    await reprocessed(riverbend, before["id"])
    await riverbend.settle()
    (after,) = await riverbend.rows(
        f"select {columns} from message where control_id = 'B1'"  # noqa: S608 - ours
    )
    assert before == after
    assert await riverbend.message_bytes(after["id"]) == raw
    lineage = await trace(riverbend.database, after["id"])
    assert lineage is not None
    assert (lineage["message"]["status"], lineage["message"]["type"]) == ("accepted", "DFT^P03")
    assert [each["id"] for each in lineage["events"]] == [f"evt_{after['id'][4:]}.0001"]
    assert [each["entity"] for each in lineage["entries"]] == ["RVH"]
    assert [(each.act, each.os_user, each.reason) for each in lineage["acts"]] == [
        ("reprocessed", "ada", ADA.reason)
    ]


async def test_b92_the_reply_of_a_second_reading_is_kept_sealed_like_that_of_the_first(
    riverbend: Riverbend,
) -> None:
    """A sender who was refused sends again, and gets the new reply under its own control id."""
    await registered(riverbend)
    with not_yet_known("DFT"):
        await riverbend.receive(charge("DOE JANE 1"))
    await riverbend.rows("update message set status = 'rejected', reply = '' where status = 'held'")
    assert outcomes(await reprocessed(riverbend, all_of=UNKNOWN)) == ["accepted"]
    assert "JANE" not in repr(await riverbend.rows("select control_id, reply from message"))
    (reply,) = await riverbend.receive(charge("DOE JANE 1"))
    assert b"MSA|AA|DOE JANE 1" in reply


async def test_an_accepted_message_is_refused_and_nothing_of_it_is_told_twice(
    riverbend: Riverbend,
) -> None:
    await registered(riverbend)
    await riverbend.receive(charge("B1"))
    await riverbend.settle()
    before = await everything(riverbend)
    for accepted in await message_ids(riverbend, "accepted"):
        (ended,) = await reprocessed(riverbend, accepted)
        assert ended.outcome == "refused"
        assert "accepted already" in ended.explanation
        assert f"suture trace {accepted}" in ended.explanation
    assert before == await everything(riverbend)


async def test_what_means_the_same_as_before_changes_nothing(riverbend: Riverbend) -> None:
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"))
        await riverbend.receive(b"no message at all")
        before = await everything(riverbend)
        held = await message_ids(riverbend) + await message_ids(riverbend, "rejected")
        results = await reprocessed(riverbend, *held)
    assert [(each.outcome, each.code) for each in results] == [
        ("held", UNKNOWN),
        ("held", "hl7.header.absent"),
    ]
    assert before == await everything(riverbend)


async def test_what_is_held_for_another_reason_now_says_so_in_a_new_exception(
    riverbend: Riverbend,
) -> None:
    raw = charge("B1").replace(b"|100.00|", b"|1OO.OO|")
    assert raw != charge("B1")
    with not_yet_known("DFT"):
        await riverbend.receive(raw)
    (held,) = await message_ids(riverbend)
    (ended,) = await reprocessed(riverbend, held)
    assert (ended.outcome, ended.code) == ("held", "hl7.amount.invalid")
    assert await riverbend.exceptions() == ["hl7.amount.invalid"]
    rows = await riverbend.rows("select id, resolved_at is null as open from work_item order by id")
    assert [(row["id"], row["open"]) for row in rows] == [
        (f"exc_{held[4:]}.01", False),
        (f"exc_{held[4:]}.02", True),
    ]
    before = await everything(riverbend)
    assert outcomes(await reprocessed(riverbend, held)) == ["held"]
    assert before == await everything(riverbend)
    assert (await riverbend.conservation()).gap == 0


@pytest.mark.parametrize("name", ["code", "key", "exception"])
async def test_one_cause_mended_frees_everything_it_held(riverbend: Riverbend, name: str) -> None:
    """A group is named by its fault's code, by its key, or by one of its own exceptions."""
    count = 60
    await registered(riverbend)
    with not_yet_known("DFT"):
        await riverbend.receive(*(charge(f"B{number}", 100) for number in range(count)))
        await riverbend.receive(b"no message at all")
    (item,) = await riverbend.rows("select * from work_item where code = $1 limit 1", UNKNOWN)
    names = {"code": UNKNOWN, "key": item["group_key"], "exception": item["id"]}
    results = await reprocessed(riverbend, all_of=names[name])
    assert outcomes(results) == ["accepted"] * count
    assert sum(each.amount_minor for each in results) == count * 100
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": count * 100, "4020": -count * 100}
    assert await riverbend.exceptions() == ["hl7.header.absent"], "of another group"
    await assert_every_control_holds(riverbend)
    (none,) = await reprocessed(riverbend, all_of=names[name])
    assert none.outcome == "refused"


async def test_messages_are_reprocessed_in_the_order_they_came(riverbend: Riverbend) -> None:
    with not_yet_known("DFT"):
        for number in range(5):
            await riverbend.receive(charge(f"B{number}"))
    held = await message_ids(riverbend)
    results = await reprocessed(riverbend, *reversed(held))
    assert held == [each.id for each in results]


# What is never reprocessed ---------------------------------------------------------------------


@pytest.mark.parametrize("code", ["mllp.frame.nested", "mllp.frame.too_large"])
async def test_b7_what_is_left_of_a_message_that_broke_off_is_never_taken_for_the_whole(
    riverbend: Riverbend, code: str
) -> None:
    """Cut between two segments it reads like a smaller charge, and nothing in it says otherwise."""
    whole = dft("A1", Line("L1", "CG", 100), Line("L2", "CG", 900), at=AT, control="B1")
    remains = whole[: whole.index(b"FT1|2")]
    await riverbend.intake.refuse(remains, fault(code, "frame[1]"), riverbend.channel("charges"))
    (rejected,) = await message_ids(riverbend, "rejected")
    before = await everything(riverbend)
    (item,) = await riverbend.rows("select id from work_item")
    for name in (rejected, item["id"]):
        (ended,) = await reprocessed(riverbend, name)
        assert ended.outcome == "refused"
        assert "only the beginning of it arrived" in ended.explanation
    assert before == await everything(riverbend)


async def test_what_cannot_be_reprocessed_is_refused_with_what_to_do_instead(
    riverbend: Riverbend,
) -> None:
    await registered(riverbend)
    line = Line("L1", "CG", 10_000, department="NOWHERE")
    await riverbend.receive(dft("A1", line, at=AT, control="B1"))
    await riverbend.settle()
    (parked,) = await riverbend.rows("select id, code from work_item")
    answers = {
        each.id: each.explanation
        for each in await reprocessed(riverbend, parked["id"], "msg_0", "exc_0", "SUT0000000000001")
    }
    assert "suture apply" in answers[parked["id"]]
    assert "no such message" in answers["msg_0"]
    assert "nothing here is called so" in answers["exc_0"]
    assert "nothing here is called so" in answers["SUT0000000000001"]
    (group,) = await reprocessed(riverbend, all_of=parked["code"])
    assert (group.outcome, group.id) == ("refused", parked["code"])
    assert "suture apply" in group.explanation


async def test_a_source_that_the_estate_no_longer_has_cannot_be_read(riverbend: Riverbend) -> None:
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"))
    riverbend.estate.sources.pop("charges")
    (ended,) = await reprocessed(riverbend, *await message_ids(riverbend))
    assert ended.outcome == "refused"
    assert "no source charges" in ended.explanation


async def test_damaged_bytes_are_refused_and_hold_up_nobody(riverbend: Riverbend) -> None:
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"), charge("B2"))
    await riverbend.rows(
        "update message set sealed = (select sealed from message where control_id = 'B2')"
        " where control_id = 'B1'"
    )
    first, second = await reprocessed(riverbend, all_of=UNKNOWN)
    assert (first.outcome, second.outcome) == ("refused", "accepted")
    assert "not what was stored" in first.explanation


async def test_a_dismissal_stands_until_the_message_is_accepted(riverbend: Riverbend) -> None:
    with not_yet_known("DFT"):
        await riverbend.receive(charge("B1"))
        (item,) = await riverbend.rows("select id, message_id from work_item")
        await dismiss_work_items(riverbend.database, [item["id"]], ADA)
        before = await everything(riverbend)
        assert outcomes(await reprocessed(riverbend, item["id"])) == ["held"]
        assert before == await everything(riverbend)
    assert outcomes(await reprocessed(riverbend, item["id"])) == ["accepted"]
    assert await riverbend.resolutions() == [f"dismissed: {ADA.reason}"]
