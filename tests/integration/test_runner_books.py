"""What stands in the books: corrections, parked work, releases, merges; and what cannot be undone.

The rules are specs of the pure chain (`tests/specs`); here is that the store keeps to them.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.integration.riverbend_store import PARTITIONS_COUNT, Riverbend, changed
from tests.specs.riverbend_messages import Line, adt, dft, merge

from suture.engine.duties import RunnerDuty
from suture.store.controls import read_control_totals
from suture.store.state import commit_step

pytestmark = pytest.mark.integration

AT, LATER = "20260310120000", "20260311120000"
NEW_DEPARTMENT = "*,RGH,NEWLAB,RGH-7500,laboratory,,"


def admission(account: str, at: str = AT, financial_class: str = "MA", payer: str = "MCR") -> bytes:
    told = {"financial_class": financial_class, "payer": payer}
    return adt("A01", account, at=at, control=f"R{account}{at}{financial_class}", **told)


def charge(account: str, minor: int, at: str = AT, department: str = "LAB") -> bytes:
    line = Line(f"L{account}", "CG", minor, department=department)
    return dft(account, line, at=at, control=f"B{account}{at}{minor}{department}")


async def parked(riverbend: Riverbend) -> None:
    """Park a charge of a department that no crosswalk knows."""
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.receive(charge("A1", 10_000, department="NEWLAB"))
    await riverbend.settle()
    assert await riverbend.exceptions() == ["ledger.department.unmapped"]
    assert await riverbend.balances() == {}


def duty_of(riverbend: Riverbend) -> RunnerDuty:
    """Return the duty that would drive our runner, without its loop."""
    duty = RunnerDuty(riverbend.database, "runner-1", PARTITIONS_COUNT)
    duty._runner = riverbend.runner
    return duty


async def test_a_correction_across_batches_reverses_what_stood(riverbend: Riverbend) -> None:
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.receive(charge("A1", 10_000))
    await riverbend.settle()
    await riverbend.receive(charge("A1", 12_500, LATER))
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 12_500, "4020": -12_500}
    rows = await riverbend.rows("select id, revision, reverses from entry order by revision, id")
    first, reversal, second = sorted(rows, key=lambda row: (row["revision"], bool(row["reverses"])))
    assert (first["reverses"], second["reverses"]) == ("", "")
    assert (reversal["reverses"], reversal["revision"]) == (first["id"], first["revision"])


async def test_a_correction_in_the_same_batch_reverses_what_never_was_stored_before(
    riverbend: Riverbend,
) -> None:
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.receive(charge("A1", 10_000), charge("A1", 12_500, LATER))
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 12_500, "4020": -12_500}
    assert await riverbend.number("select count(*) from entry where reverses <> ''") == 1
    assert await riverbend.number("select count(*) from entry") == 3


async def test_a_late_original_behind_its_correction_changes_nothing(riverbend: Riverbend) -> None:
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.receive(charge("A1", 12_500, LATER))
    await riverbend.settle()
    await riverbend.receive(charge("A1", 10_000))
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 12_500, "4020": -12_500}
    assert await riverbend.number("select count(*) from entry") == 1


async def test_f24_a_charge_before_its_registration_waits_and_books_by_itself(
    riverbend: Riverbend,
) -> None:
    await riverbend.receive(charge("A1", 10_000))
    await riverbend.settle()
    assert await riverbend.exceptions() == ["account.payer_class_unknown"]
    assert (await riverbend.conservation()).held == 1
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.settle()
    assert await riverbend.exceptions() == []
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    assert await riverbend.resolutions() == ["resolved by a later event"]
    found = await riverbend.conservation()
    assert (found.posted, found.explained) == (1, 1)


async def test_f24_opened_and_resolved_within_one_batch_leaves_a_closed_exception(
    riverbend: Riverbend,
) -> None:
    await riverbend.receive(charge("A1", 10_000))
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.settle()
    assert await riverbend.exceptions() == []
    assert await riverbend.resolutions() == ["resolved by a later event"]
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}


async def test_a_row_added_to_a_crosswalk_books_what_was_parked(riverbend: Riverbend) -> None:
    await parked(riverbend)
    release = await riverbend.change(changed("crosswalks/department.csv", NEW_DEPARTMENT))
    duty = duty_of(riverbend)
    await duty.change(riverbend.estate, release)
    await riverbend.settle()
    assert await riverbend.exceptions() == []
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    (entry,) = await riverbend.rows("select release from entry")
    assert entry["release"] == release.id
    assert (await riverbend.conservation()).posted == 1
    await duty.change(riverbend.estate, release)
    await riverbend.settle()
    assert await riverbend.number("select count(*) from entry") == 1


async def test_a_release_that_mends_nothing_leaves_the_same_exception_open(
    riverbend: Riverbend,
) -> None:
    await parked(riverbend)
    (before,) = await riverbend.rows("select id, opened_at from work_item")
    release = await riverbend.change(
        changed("crosswalks/department.csv", "*,RGH,X,RGH-7500,laboratory,,")
    )
    await duty_of(riverbend).change(riverbend.estate, release)
    await riverbend.settle()
    (after,) = await riverbend.rows("select id, opened_at from work_item where resolved_at is null")
    assert before == after


async def test_f30_a_batch_under_the_old_books_is_asked_again_when_the_new_ones_come(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is parking under the old release while the new one comes into force."""
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.settle()
    await riverbend.receive(charge("A1", 10_000, department="NEWLAB"))
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any, **named: Any) -> None:
        reached.set()
        await go_on.wait()
        await commit_step(*arguments, **named)

    monkeypatch.setattr("suture.engine.runner.commit_step", slow)
    turn = asyncio.create_task(riverbend.runner.turn())
    await reached.wait()
    release = await riverbend.change(changed("crosswalks/department.csv", NEW_DEPARTMENT))
    change = asyncio.create_task(duty_of(riverbend).change(riverbend.estate, release))
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.gather(turn, change)
    await riverbend.settle()
    assert await riverbend.exceptions() == []
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}


async def test_a_charge_to_a_merged_account_books_by_what_its_survivor_tells_it(
    riverbend: Riverbend,
) -> None:
    """Across batches: the charge waits, is merged, and hears of the payer of an account beyond."""
    await riverbend.receive(charge("OLD", 10_000))
    await riverbend.receive(merge("MID", "OLD", at=AT, control="M1"), source="adt")
    await riverbend.receive(merge("NEW", "MID", at=LATER, control="M2"), source="adt")
    await riverbend.settle()
    assert await riverbend.exceptions() == ["account.payer_class_unknown"]
    await riverbend.receive(admission("NEW"), source="adt")
    await riverbend.settle()
    assert await riverbend.exceptions() == []
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    found = await riverbend.conservation()
    assert (found.held, found.gap) == (0, 0)
    controls = await read_control_totals(riverbend.database)
    assert [0] == [control.difference_minor for control in controls]


async def test_b21_merges_in_a_loop_end_with_a_steward(riverbend: Riverbend) -> None:
    def merged(into: str, retired: str, control: str) -> bytes:
        header = rf"MSH|^~\&|RIVREG|RGH|||{AT}||ADT^A40|{control}|P|2.5.1"
        survivor = f"PID|1||{into}^^^RVH^MR"
        return "\r".join((header, f"EVN|A40|{AT}", survivor, f"MRG|{retired}^^^RVH^MR")).encode()

    await riverbend.receive(
        merged("P1", "P2", "M1"), merged("P2", "P3", "M2"), merged("P3", "P1", "M3"), source="adt"
    )
    await riverbend.settle()
    assert set(await riverbend.exceptions()) == {"patient.merge_loop"}
    forwarded = await riverbend.number("select count(*) from event where type = 'patient.absorbed'")
    assert 3 <= forwarded <= 20, "it ends"
    assert await riverbend.number("select count(*) from log") == 6 + forwarded
    assert (await riverbend.conservation()).gap == 0


async def test_what_an_event_sends_on_names_its_cause(riverbend: Riverbend) -> None:
    header = rf"MSH|^~\&|RIVREG|RGH|||{AT}||ADT^A40|M1|P|2.5.1"
    raw = "\r".join((header, f"EVN|A40|{AT}", "PID|1||P1^^^RVH^MR", "MRG|P2^^^RVH^MR")).encode()
    await riverbend.receive(raw, source="adt")
    await riverbend.settle()
    (sent,) = await riverbend.rows("select id, message_id from event where id like '%.%.%'")
    (message,) = await riverbend.rows("select id from message")
    assert sent["message_id"] == message["id"]
    assert sent["id"].startswith(f"evt_{message['id'][4:]}.")
    assert await riverbend.number("select count(*) from log") == 3


# What the database itself refuses -----------------------------------------------------------------


@pytest.mark.parametrize("table", ["event", "log", "entry", "entry_line"])
@pytest.mark.parametrize("verb", ["update", "delete", "truncate"])
async def test_what_was_booked_is_never_changed(
    riverbend: Riverbend, table: str, verb: str
) -> None:
    await riverbend.receive(admission("A1"), source="adt")
    await riverbend.receive(charge("A1", 10_000))
    await riverbend.settle()
    column = {"log": "outcome", "entry_line": "account"}.get(table, "source")
    column = "kind" if table == "entry" else column
    statement = {
        "update": f"update {table} set {column} = {column}",  # noqa: S608 - ours
        "delete": f"delete from {table}",  # noqa: S608 - ours
        "truncate": f"truncate {table}",
    }[verb]
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
        await riverbend.rows(statement)


LINE = "('ent_1', {}, '1100', {}, {}, 'RGH', '', '', '', 'rule', 'where')"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([(1, 100, 0), (2, 0, 99)], "does not balance"),
        ([(1, 100, 0)], "does not balance"),
        ([(1, 100, 100)], "check constraint"),
        ([(1, 0, 0), (2, 0, 0)], "check constraint"),
        ([(1, -100, 0), (2, 100, 0)], "check constraint"),
    ],
)
async def test_the_database_refuses_lines_that_do_not_balance(
    riverbend: Riverbend, lines: list[tuple[int, int, int]], told: str
) -> None:
    values = ", ".join(LINE.format(*line) for line in lines)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=told):
        await riverbend.rows(f"insert into entry_line values {values}")  # noqa: S608 - ours
    assert await riverbend.number("select count(*) from entry_line") == 0


async def test_one_unbalanced_entry_among_many_takes_all_of_the_statement_back(
    riverbend: Riverbend,
) -> None:
    good = "('ent_2', 1, '1100', 5, 0, '', '', '', '', '', ''), "
    good += "('ent_2', 2, '4020', 0, 5, '', '', '', '', '', '')"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="ent_1 does not balance"):
        await riverbend.rows(f"insert into entry_line values {good}, {LINE.format(1, 7, 0)}")  # noqa: S608
    assert await riverbend.number("select count(*) from entry_line") == 0


async def test_an_event_has_one_place_in_the_log(riverbend: Riverbend) -> None:
    place = "insert into log values (0, $1, 'evt_1', 'no_effect', 'rel')"
    await riverbend.rows(place, 1)
    with pytest.raises(asyncpg.UniqueViolationError, match="log_event_id_key"):
        await riverbend.rows(place, 2)


async def test_one_revision_of_a_booking_stands_once(riverbend: Riverbend) -> None:
    """Whatever a worker believes: the same key and revision cannot be booked twice."""
    book = (
        "insert into entry (id, stream, booking_key, revision, event_id, kind, policy, entity,"
        " currency, effective_on, accounting_on, received_at_ms, release, reverses,"
        " principal_minor)"
        " values ($1, 's', 'k', 1, 'e', '', '', '', '', now(), now(), 0, '', $2, 0)"
    )
    await riverbend.rows(book, "ent_1", "")
    await riverbend.rows(book, "ent_2", "ent_1")
    for reverses in ("", "ent_1"):
        with pytest.raises(asyncpg.UniqueViolationError, match="entry_once"):
            await riverbend.rows(book, "ent_3", reverses)
