"""The commands that remedies promise: resend, reprocess, dismiss, and to look at the raw bytes.

Run as people run them, on a store with its keys. What each does is `test_reprocess_messages.py`,
`test_reprocess_files.py`, `test_reprocess_events.py` and `test_delivery_outcomes.py`.
"""

from __future__ import annotations

import asyncio
import base64
import getpass
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.operator_desk import message_ids, not_yet_known
from tests.integration.remit_files import paid, put, remit
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, adt, dft
from tests.unit.cli.command_line import Ended

from suture.cli import main
from suture.cli.ending import CLOSED, FOUND, MISUSED, WELL
from suture.engine.batching import Batching
from suture.model.fault import fault
from suture.security.keys import KEY_BYTES
from suture.store.acts import read_acts
from suture.store.outbox import Settlement, lease_deliveries, settle_delivery

pytestmark = pytest.mark.integration

AT = "20260310120000"
UNKNOWN = "hl7.type.unsupported"
CANARY = "CANARY"


class Counter:
    """Where an operator sits: an installation's folder with its keys, and the command line."""

    def __init__(
        self, riverbend: Riverbend, home: Path, capsys: pytest.CaptureFixture[str], run: Any
    ) -> None:
        self.riverbend = riverbend
        self.home = home
        self.run: Callable[[Any], Any] = run
        self._capsys = capsys

    def suture(self, *arguments: str) -> Ended:
        """Run a command."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--home", str(self.home)])
        printed = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        rows: list[asyncpg.Record] = self.run(self.riverbend.rows(query, *arguments))
        return rows

    def receive(self, *messages: bytes, source: str = "charges") -> None:
        """Take messages."""
        self.run(self.riverbend.receive(*messages, source=source))

    def hold(self, *messages: bytes) -> list[str]:
        """Take messages of a type that is not known yet; return their ids."""
        with not_yet_known("DFT"):
            self.receive(*messages)
        ids: list[str] = self.run(message_ids(self.riverbend))
        return ids

    def acts(self, subject: str) -> list[tuple[str, str, str]]:
        """Return what people did about something."""
        acts = self.run(read_acts(self.riverbend.database, subject))
        return [(act.act, act.os_user, act.reason) for act in acts]


@pytest.fixture
def counter(
    riverbend: Riverbend,
    runner: asyncio.Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Counter:
    """Return an operator's place, with Riverbend in force."""
    home = tmp_path / "home"
    write_keys(home / "keys")
    monkeypatch.setenv("DATABASE_URL", riverbend.dsn)
    monkeypatch.chdir(tmp_path)
    runner.run(riverbend.change({}))
    registered = adt("A01", "A1", at=AT, control="R1", financial_class="MA", payer="MCR")
    runner.run(riverbend.receive(registered, source="adt"))
    return Counter(riverbend, home, capsys, runner.run)


def write_keys(folder: Path) -> None:
    """Write the keys that the Riverbend of the tests seals with."""
    folder.mkdir(parents=True, mode=0o700)
    for name, key in (("kek-1.key", b"k"), ("index.key", b"i")):
        (folder / name).write_bytes(key * KEY_BYTES)
        (folder / name).chmod(0o600)


def charge(control: str, minor: int = 10_000) -> bytes:
    return dft("A1", Line(f"L{control}", "CG", minor), at=AT, control=control)


def named(raw: bytes) -> bytes:
    """Return a message whose patient can be found again wherever she is shown."""
    return raw.replace(b"JANE", CANARY.encode())


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


def refused_journal(counter: Counter) -> tuple[str, str]:
    """Book a charge whose journal the ERP refuses; return the journal and its exception."""
    riverbend = counter.riverbend
    counter.receive(charge("B1"))

    async def refuse() -> None:
        await riverbend.settle()
        await Batching(riverbend.database, "erp", {}).turn(everything=True)
        (leased,) = await lease_deliveries(
            riverbend.database, destination="erp", owner="d", seconds=30, deliveries_max=5
        )
        closed = Settlement(
            status="ERROR", outcome="refused", fault=fault("erp.period.closed", "journal")
        )
        assert await settle_delivery(riverbend.database, leased.id, "d", closed)

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
    listed = counter.suture("exceptions")
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
    assert told == {"dismissed": [], "not_open": [held, "exc_0"], "out_of_reach": [parked]}


# Reveal ----------------------------------------------------------------------------------------


def test_the_raw_message_is_shown_one_segment_a_line_and_who_looked_is_noted(
    counter: Counter,
) -> None:
    raw = named(charge("B1")).replace(b"80053", b"8\x1b[31m\x0053")
    (held,) = counter.hold(raw)
    item = counter.rows("select id from work_item")[0]
    for number, name in enumerate((held, item["id"], "B1"), 1):
        ended = counter.suture("trace", name, "--raw", "--reason", "a stray code in FT1-7")
        assert ended.code == WELL, ended
        lines = ended.out.splitlines()
        assert [each[:3] for each in lines] == ["MSH", "PID", "PV1", "FT1"]
        assert all(each.endswith("␍") for each in lines)
        assert "|8␛[31m␀53|" in lines[3]
        assert CANARY in ended.out
        looked = [("revealed", getpass.getuser(), "a stray code in FT1-7")]
        assert counter.acts(held) == looked * number


def test_machines_get_every_byte(counter: Counter) -> None:
    raw = named(charge("B1"))
    (held,) = counter.hold(raw)
    (told,) = counter.suture("trace", held, "--raw", "--reason", "an export", "--json").objects
    assert (told["message_id"], base64.b64decode(told["raw_base64"])) == (held, raw)


def test_nothing_is_shown_without_a_reason(counter: Counter) -> None:
    (held,) = counter.hold(named(charge("B1")))
    for arguments in (("--raw",), ("--raw", "--reason", "  "), ("--reason", "no --raw")):
        ended = counter.suture("trace", held, *arguments)
        assert ended.code == MISUSED
        assert "--reason" in ended.err
        assert CANARY not in ended.out + ended.err
    assert counter.suture("trace", held, held, "--raw", "--reason", "two").code == MISUSED
    unknown = counter.suture("trace", held, "--raw", "--reason", "x", "--charset", "klingon")
    assert unknown.code == MISUSED
    assert counter.acts(held) == []


def test_nothing_is_shown_nor_noted_where_the_key_is_not(counter: Counter) -> None:
    (held,) = counter.hold(named(charge("B1")))
    for name in ("kek-1.key", "index.key"):
        (counter.home / "keys" / name).unlink()
    ended = counter.suture("trace", held, "--raw", "--reason", "curious")
    assert (ended.code, ended.out) == (CLOSED, "")
    assert list((counter.home / "keys").iterdir()) == [], "none are made"
    for number in (1, 2):
        (counter.home / "keys" / f"kek-{number}.key").write_bytes(b"o" * KEY_BYTES)
        (counter.home / "keys" / f"kek-{number}.key").chmod(0o600)
    (counter.home / "keys" / "index.key").write_bytes(b"i" * KEY_BYTES)
    (counter.home / "keys" / "index.key").chmod(0o600)
    ended = counter.suture("trace", held, "--raw", "--reason", "with another key")
    assert (ended.code, ended.out) == (CLOSED, "")
    (counter.home / "keys" / "kek-1.key").unlink()
    ended = counter.suture("trace", held, "--raw", "--reason", "without the one")
    assert (ended.code, ended.out) == (CLOSED, "")
    assert "kek-1.key" in ended.err
    assert counter.acts(held) == []


def test_nothing_is_shown_when_it_cannot_be_noted(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = counter.hold(named(charge("B1")))
    counter.rows("alter table operator_act add check (act <> 'revealed')")
    ended = counter.suture("trace", held, "--raw", "--reason", "curious")
    assert ended.code == CLOSED
    assert CANARY not in ended.out + ended.err


def test_what_people_did_is_never_changed_or_deleted(counter: Counter) -> None:
    (held,) = counter.hold(charge("B1"))
    counter.suture("trace", held, "--raw", "--reason", "curious")
    for statement in (
        "update operator_act set os_user = 'somebody else'",
        "delete from operator_act",
        "truncate operator_act",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
            counter.rows(statement)
    assert len(counter.acts(held)) == 1


def test_a_trace_shows_no_patient_but_who_looked_at_her(counter: Counter) -> None:
    (held,) = counter.hold(named(charge("B1")))
    counter.suture("trace", held, "--raw", "--reason", "a stray code")
    for arguments in (("trace", held), ("trace", held, "--json"), ("exceptions", "--all")):
        assert CANARY not in counter.suture(*arguments).out
    out = counter.suture("trace", held).out
    assert f"revealed by {getpass.getuser()}@" in out
    assert "a stray code" in out


def test_the_one_who_looks_is_whom_the_system_knows_not_whom_the_environment_names(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = counter.hold(charge("B1"))
    who = getpass.getuser()
    for variable in ("USER", "LOGNAME", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, "somebody-else")
    counter.suture("trace", held, "--raw", "--reason", "curious")
    assert [user for _, user, _ in counter.acts(held)] == [who]


def test_b17_a_character_set_can_be_tried_before_it_is_set(counter: Counter) -> None:
    raw = charge("B1").replace(b"JANE", b"REN\xc9E")
    counter.receive(raw)
    (held,) = counter.run(message_ids(counter.riverbend))
    as_it_is = counter.suture("trace", held, "--raw", "--reason", "accents")
    assert "REN\\xc9E" in as_it_is.out
    for name in ("cp1252", "8859/1"):
        tried = counter.suture("trace", held, "--raw", "--reason", "accents", "--charset", name)
        assert "RENÉE" in tried.out, name


def test_what_names_several_messages_or_none_shows_none(counter: Counter) -> None:
    counter.receive(charge("R1"))
    several = counter.suture("trace", "R1", "--raw", "--reason", "curious")
    assert several.code == FOUND
    assert "R1 leads to 2 messages: name one of them" in several.out
    none = counter.suture("trace", "msg_0", "--raw", "--reason", "curious", "--json")
    assert (none.code, none.objects[0]["found"]) == (FOUND, False)
    assert "MSH" not in several.out + none.out
    assert counter.rows("select count(*) from operator_act")[0][0] == 0


def test_a_transaction_set_is_shown_one_segment_a_line(counter: Counter, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    watching = counter.riverbend.watch(inbox)
    put(inbox, remit("T1", paid("C1"), misprint_minor=1))
    counter.run(watching.turn())
    (held,) = counter.run(message_ids(counter.riverbend))
    ended = counter.suture("trace", held, "--raw", "--reason", "it does not balance")
    lines = ended.out.splitlines()
    assert lines[0] == "ST*835*0001~"
    assert "NM1*QC*1*DOE*JANE~" in lines
    assert lines[-1].startswith("SE*")


def test_an_interchange_that_broke_off_shows_how_it_begins(
    counter: Counter, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    watching = counter.riverbend.watch(inbox)
    whole = remit("T1", *(paid(f"C{number}") for number in range(40)))
    raw = whole[: whole.index(b"~GE*")]
    put(inbox, raw)
    counter.run(watching.turn())
    (rejected,) = counter.run(message_ids(counter.riverbend, "rejected"))
    ended = counter.suture("trace", rejected, "--raw", "--reason", "its ISA")
    assert ended.out.startswith("ISA*00*")
    assert len(ended.out) < 1_000 < len(raw)


def test_only_the_beginning_of_what_is_very_long_is_shown(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.cli.reveal.BYTES_SHOWN_MAX", 30)
    (held,) = counter.hold(charge("B1"))
    ended = counter.suture("trace", held, "--raw", "--reason", "curious")
    first, *_, last = ended.out.splitlines()
    assert len(first) == 30
    assert "--json gives the whole" in last
