"""The commands that remedies promise: resend, reprocess, dismiss, as people run them.

What each does to the store is `test_reprocess_messages.py`, `test_reprocess_files.py`,
`test_reprocess_events.py` and `test_delivery_outcomes.py`.
"""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.operator_counter import Counter
from tests.integration.operator_desk import (
    AT,
    assert_every_control_holds,
    charge,
    message_ids,
    not_yet_known,
)
from tests.specs.riverbend_books import estate_files
from tests.specs.riverbend_messages import Line, dft

from suture.cli.ending import CLOSED, FOUND, MISUSED, WELL
from suture.engine.batching import Batching
from suture.model.fault import fault
from suture.store.outbox import (
    Settlement,
    lease_deliveries,
    renew_delivery,
    settle_delivery,
)

pytestmark = pytest.mark.integration

UNKNOWN = "hl7.type.unsupported"


# Reprocess -------------------------------------------------------------------------------------


def test_a_group_is_freed_by_one_command_with_its_amount(counter: Counter) -> None:
    counter.hold(*(charge(f"B{number}", 12_345) for number in range(3)))
    ended = counter.suture("exceptions", "reprocess", "--all-of", UNKNOWN, "--reason", "it learnt")
    assert ended.code == WELL, ended
    assert "Accepted: 3 messages, $370.35, 3 events for the runner" in ended.out
    assert "No runner is alive: they are booked when `suture serve` runs." in ended.out
    counter.run(counter.riverbend.settle())
    assert counter.run(counter.riverbend.balances()) == {"1100": 37_035, "4020": -37_035}
    assert counter.suture("exceptions").code == WELL
    (first, *_) = counter.run(message_ids(counter.riverbend, "accepted"))
    assert counter.suture("trace", first).code == WELL


def test_machines_are_told_what_became_of_each(counter: Counter) -> None:
    (held,) = counter.hold(charge("B1"))
    with not_yet_known("DFT"):
        ended = counter.suture("exceptions", "reprocess", held, "msg_0", "--json")
    (told,) = ended.objects
    assert (ended.code, told["held"], told["refused"], told["accepted"]) == (FOUND, 1, 1, 0)
    ended = counter.suture("exceptions", "reprocess", held, "--json")
    (told,) = ended.objects
    results = told.pop("results")
    assert (ended.code, told) == (
        WELL,
        {
            "accepted": 1,
            "amount_minor": 10_000,
            "events": 1,
            "held": 0,
            "held_minor": 0,
            "repeated": 0,
            "refused": 0,
            "running": False,
        },
    )
    assert [(each["id"], each["outcome"]) for each in results] == [(held, "accepted")]


def test_what_is_still_held_says_why_once_and_what_is_refused_says_why(counter: Counter) -> None:
    held = counter.hold(charge("B1"), charge("B2"))
    (accepted,) = counter.run(message_ids(counter.riverbend, "accepted"))
    with not_yet_known("DFT"):
        ended = counter.suture("exceptions", "reprocess", *held, accepted)
    assert ended.code == FOUND
    assert "Still held: 2 messages" in ended.out
    assert ended.out.count(UNKNOWN) == 1
    assert "2, e.g. msg_" in ended.out
    assert f"Not reprocessed: {accepted}: it was accepted already" in " ".join(ended.out.split())


def test_a_defect_is_told_in_the_answer_and_nowhere_else(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a script reads is one JSON document, whatever happened."""
    (held,) = counter.hold(charge("B1"))

    def failing(*_: Any, **__: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr("suture.engine.intake.receive_message", failing)
    ended = counter.suture("exceptions", "reprocess", held, "--json")
    assert ended.code == FOUND
    (result,) = ended.objects[0]["results"]
    assert (result["outcome"], result["code"]) == ("held", "engine.message.failed")
    assert ended.err == ""


@pytest.mark.parametrize("command", ["reprocess", "resend"])
def test_a_command_without_anything_to_do_is_wrong_usage(counter: Counter, command: str) -> None:
    assert counter.suture("exceptions", command).code == MISUSED
    both = counter.suture("exceptions", command, "exc_1", "--all-of", UNKNOWN)
    assert both.code == MISUSED


def test_nothing_is_reprocessed_where_the_keys_are_not(counter: Counter, tmp_path: Path) -> None:
    """Fresh keys would make other surrogates of the same people: none are made."""
    (held,) = counter.hold(charge("B1"))
    counter.home = tmp_path / "elsewhere"
    ended = counter.suture("exceptions", "reprocess", held)
    assert ended.code == CLOSED
    assert "keys" in ended.err
    assert not (tmp_path / "elsewhere").exists()
    assert counter.run(message_ids(counter.riverbend)) == [held]


@pytest.mark.crash
def test_f1_a_command_that_is_killed_leaves_each_message_whole_and_the_next_does_the_rest(
    counter: Counter,
) -> None:
    count = 400
    counter.hold(*(charge(f"B{number}", 100) for number in range(count)))
    home = ("--home", str(counter.home))
    command = ("exceptions", "reprocess", "--all-of", UNKNOWN, *home)
    process = subprocess.Popen(
        [sys.executable, "-m", "suture", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 60
    while counter.rows("select count(*) from message where status = 'accepted'")[0][0] < 20:
        assert process.poll() is None, "it is not killed in the middle"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    counter.run(
        counter.riverbend.until(
            "select count(*) = 0 from pg_stat_activity where datname = current_database()"
            " and state like 'idle in transaction%'"
        )
    )
    (halves,) = counter.rows(
        "select count(*) filter (where m.status = 'accepted') as accepted_count,"
        " count(*) filter (where m.status = 'held') as held_count,"
        " count(*) filter (where m.events_count <> (select count(*) from event e where"
        " e.message_id = m.id)) as broken_count,"
        " count(*) filter (where (m.status = 'held') <> exists (select from work_item w where"
        " w.message_id = m.id and w.resolved_at is null)) as unexplained_count from message m"
    )
    assert 20 <= halves["accepted_count"] < count
    assert halves["held_count"] > 0
    assert (halves["broken_count"], halves["unexplained_count"]) == (0, 0)
    ended = counter.suture("exceptions", "reprocess", "--all-of", UNKNOWN, "--json")
    assert (ended.code, ended.objects[0]["accepted"]) == (WELL, halves["held_count"])
    counter.run(counter.riverbend.settle())
    assert counter.run(counter.riverbend.balances()) == {"1100": count * 100, "4020": -count * 100}
    assert counter.run(counter.riverbend.conservation()).gap == 0


# Resend ----------------------------------------------------------------------------------------


def refused_journal(counter: Counter, code: str = "erp.period.closed") -> tuple[str, str]:
    """Book a charge whose journal the ERP refuses; return the journal and its exception."""
    riverbend = counter.riverbend
    counter.receive(charge("B1"))

    async def refuse() -> None:
        await riverbend.settle()
        await Batching(riverbend.database, "erp", {}).turn(everything=True)
        (leased,) = await lease_deliveries(
            riverbend.database, destination="erp", owner="d", seconds=30, deliveries_max=5
        )
        refused = Settlement(status="ERROR", outcome="refused", fault=fault(code, "journal"))
        assert await settle_delivery(riverbend.database, leased.id, "d", refused)

    counter.run(refuse())
    (row,) = counter.rows("select reference from journal")
    (item,) = counter.rows("select id from work_item where resolved_at is null")
    return row["reference"], item["id"]


@pytest.mark.parametrize("name", ["journal", "exception", "group"])
def test_a_refused_journal_is_queued_again_under_its_own_key(counter: Counter, name: str) -> None:
    journal, item = refused_journal(counter)
    (before,) = counter.rows("select idempotency_key, payload from delivery")
    names = {"journal": (journal,), "exception": (item,), "group": ("--all-of", item)}
    ended = counter.suture("exceptions", "resend", *names[name], "--reason", "march is open")
    assert ended.code == WELL, ended
    assert f"Queued again: 1 journal, $100.00 ({journal})" in ended.out
    assert "No sender is alive" in ended.out
    (after,) = counter.rows("select idempotency_key, payload, status, unknown from delivery")
    assert tuple(before) == tuple(after)[:2]
    assert (after["status"], after["unknown"]) == ("QUEUED", True), "the ERP is asked first"
    assert counter.acts(journal) == [("resent", getpass.getuser(), "march is open")]
    assert f"resent by {getpass.getuser()}@" in counter.suture("trace", journal).out
    again = counter.suture("exceptions", "resend", journal, "exc_0", "--json")
    (told,) = again.objects
    assert (again.code, told["resent"], told["amount_minor"]) == (FOUND, [], 0)
    whys = {each["asked"]: each["why"] for each in told["refused"]}
    assert whys == {
        journal: f"{journal} is queued, and is sent by itself.",
        "exc_0": "no journal and no exception is called so.",
    }


def test_a_journal_whose_reference_is_another_document_s_is_queued_to_be_made_anew(
    counter: Counter,
) -> None:
    journal, item = refused_journal(counter, "erp.reference.conflict")
    renew = ("exceptions", "resend", item, "--new-reference")
    assert counter.suture(*renew).code == MISUSED, "a new reference needs a reason"
    ended = counter.suture(*renew, "--reason", "theirs stays")
    assert ended.code == WELL, ended
    assert "Each gets another reference" in ended.out
    (row,) = counter.rows("select idempotency_key, status, unknown, may_renew from delivery")
    assert (journal, "QUEUED", True, True) == tuple(row), "the ERP is asked first"
    assert [("renewed", getpass.getuser(), "theirs stays")] == counter.acts(journal)

    async def renewed() -> str:
        database = counter.riverbend.database
        (leased,) = await lease_deliveries(
            database, destination="erp", owner="d", seconds=30, deliveries_max=5
        )
        other = await renew_delivery(database, leased, "d")
        assert other is not None
        assert await renew_delivery(database, leased, "d") is None, "once"
        return other.idempotency_key

    other = counter.run(renewed())
    assert f"made anew as {other}" in counter.suture("trace", journal).out
    shown = counter.suture("trace", other).out
    assert f"made anew from {journal}" in shown
    assert f"renewed by {getpass.getuser()}@" in shown
    assert counter.run(counter.riverbend.conservation()).gap == 0


def test_a_journal_refused_for_anything_else_keeps_its_reference(counter: Counter) -> None:
    journal, item = refused_journal(counter)
    options = ("--new-reference", "--reason", "please", "--json")
    ended = counter.suture("exceptions", "resend", item, *options)
    (told,) = ended.objects
    assert (FOUND, []) == (ended.code, told["resent"])
    assert f"{journal} was not refused for its reference" in told["refused"][0]["why"]
    assert [] == counter.acts(journal)


def test_what_is_no_refused_journal_is_not_resent(counter: Counter) -> None:
    (held,) = counter.hold(charge("B1"))
    (item,) = counter.rows("select id from work_item")
    ended = counter.suture("exceptions", "resend", item["id"], held, "--json")
    whys = {each["asked"]: each["why"] for each in ended.objects[0]["refused"]}
    assert ended.code == FOUND
    assert "it is about no journal" in whys[item["id"]]
    assert "no journal and no exception" in whys[held]


def test_a_refused_journal_is_neither_dismissed_nor_reprocessed_but_says_how_to_go_on(
    counter: Counter,
) -> None:
    _, item = refused_journal(counter)
    for command, option in (("dismiss", ("--reason", "tired of it")), ("reprocess", ())):
        ended = counter.suture("exceptions", command, item, *option)
        assert ended.code == FOUND
        assert f"suture exceptions resend {item}" in " ".join(ended.out.split())
    listed = counter.suture("exceptions", "--code", "erp.period.closed")
    assert f"`suture exceptions resend {item}`" in " ".join(listed.out.split()), "ready to copy"


# Dismiss ---------------------------------------------------------------------------------------


def test_a_dismissal_says_of_each_why_it_was_not_closed(counter: Counter) -> None:
    line = Line("L1", "CG", 12_500, department="NOWHERE")
    counter.receive(dft("A1", line, at=AT, control="B1"))
    counter.run(counter.riverbend.settle())
    counter.hold(charge("B2"))
    items = {row["code"]: row["id"] for row in counter.rows("select id, code from work_item")}
    held, parked = items[UNKNOWN], items["ledger.department.unmapped"]
    arguments = ("exceptions", "dismiss", held, parked, "exc_0", "--reason", "nothing was meant")
    ended = counter.suture(*arguments)
    assert ended.code == FOUND
    out = " ".join(ended.out.split())
    assert "Dismissed 1 exception." in out
    assert f"{parked}: $125.00 is parked behind it" in out
    assert "exc_0: nothing here is called so." in out
    assert counter.acts(held) == [("dismissed", getpass.getuser(), "nothing was meant")]
    (told,) = counter.suture(*arguments, "--json").objects
    assert told == {
        "dismissed": [],
        "stays": [],
        "not_open": [held, "exc_0"],
        "out_of_reach": [parked],
    }


def correction_that_waits(counter: Counter, minor: int, department: str) -> tuple[str, str]:
    """Charge 100.00 to LAB, close every period, tell it otherwise; return entry and exception."""
    counter.receive(charge("B1"))
    counter.run(counter.riverbend.settle())
    periods = estate_files()["ledger/periods.csv"].replace(b",open", b",closed")
    riverbend = counter.riverbend
    counter.run(riverbend.change({"ledger/periods.csv": periods}))
    counter.run(riverbend.runner.change_books(riverbend.estate.books))
    told = Line("LB1", "CG", minor, department=department)
    counter.receive(dft("A1", told, at="20260311120000", control="B2"))
    counter.run(counter.riverbend.settle())
    (entry,) = counter.rows("select id from entry")
    (item,) = counter.rows("select id, code, path, booking_key from work_item")
    assert ("ledger.period.none_open", "FT1") == (item["code"], item["path"])
    assert item["booking_key"].startswith("correction:charge:")
    return entry["id"], item["id"]


def test_a_correction_that_the_control_totals_count_on_is_not_dismissed(counter: Counter) -> None:
    entry, item = correction_that_waits(counter, 8_000, "LAB")
    ended = counter.suture("exceptions", "dismiss", item, "--reason", "leave it")
    out = " ".join(ended.out.split())
    assert ended.code == FOUND
    assert f"{item}: {entry}, $100.00 of RVH on 2026-03-10 stays in the books, -$20.00 away" in out
    assert "Open a period for it in ledger/periods.csv" in out
    counter.run(assert_every_control_holds(counter.riverbend))


def test_a_dismissed_correction_between_accounts_says_what_stays_in_the_books(
    counter: Counter,
) -> None:
    entry, item = correction_that_waits(counter, 10_000, "RAD")
    before = counter.run(counter.riverbend.balances())
    ended = counter.suture("exceptions", "dismiss", item, "--reason", "the books are filed")
    assert ended.code == WELL, ended
    out = " ".join(ended.out.split())
    assert f"Stays in the books: {entry}, $100.00 of RVH on 2026-03-10, uncorrected." in out
    assert before == counter.run(counter.riverbend.balances())
    counter.run(assert_every_control_holds(counter.riverbend))
