"""`trace ID --raw`, `exceptions show ID`: a patient's data for whoever may see them, and noted.

How bytes are made visible is `tests/unit/cli/test_cli_reveal.py`.
"""

from __future__ import annotations

import base64
import getpass
from pathlib import Path

import asyncpg
import pytest
from tests.integration.operator_counter import CANARY, Counter, named
from tests.integration.operator_desk import charge, message_ids
from tests.integration.remit_files import paid, put, remit

from suture.cli.ending import CLOSED, FOUND, MISUSED, WELL
from suture.security.keys import KEY_BYTES

pytestmark = pytest.mark.integration

UNKNOWN = "hl7.type.unsupported"


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
    counter.receive(charge("RA1"))
    several = counter.suture("trace", "RA1", "--raw", "--reason", "curious")
    assert several.code == FOUND
    assert "RA1 leads to 2 messages: name one of them" in several.out
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


def item_of(counter: Counter) -> str:
    (row,) = counter.rows("select id from work_item where resolved_at is null")
    return str(row["id"])


def test_b20_an_exception_tells_where_two_contents_of_a_control_id_differ(
    counter: Counter,
) -> None:
    counter.receive(named(charge("B1", 10_000)), named(charge("B1", 20_000)))
    item = item_of(counter)
    told = counter.suture("exceptions", "show", item)
    assert told.code == FOUND
    assert CANARY not in told.out
    assert "differs from msg_" in told.out
    assert "FT1-11" in told.out
    assert "was" not in {each.strip().partition(" ")[0] for each in told.out.splitlines()}
    assert f"exceptions show {item} --reason TEXT" in told.out
    (found,) = counter.suture("exceptions", "show", item, "--json").objects
    paths = [(each["path"], each["earlier"], each["later"]) for each in found["differences"]]
    assert paths == [("FT1-11", None, None)]
    assert counter.rows("select count(*) from operator_act")[0][0] == 0, "nobody saw a patient"


def test_b20_what_two_contents_say_is_shown_to_whoever_says_why_and_is_noted(
    counter: Counter,
) -> None:
    counter.receive(named(charge("B1", 10_000)), named(charge("B1", 20_000)))
    item = item_of(counter)
    told = counter.suture("exceptions", "show", item, "--reason", "which holds")
    lines = [" ".join(each.split()) for each in told.out.splitlines()]
    assert "was 100.00" in lines
    assert "is 200.00" in lines
    looked = [("revealed", getpass.getuser(), "which holds")]
    query = "select subject from operator_act order by subject"
    subjects = [row["subject"] for row in counter.rows(query)]
    assert len(subjects) == 2
    assert [counter.acts(each) for each in subjects] == [looked, looked]
    found = counter.suture("exceptions", "show", item, "--reason", "again", "--json").objects[0]
    (difference,) = found["differences"]
    assert ("100.00", "200.00") == (difference["earlier"], difference["later"])


def test_b20_without_the_keys_an_exception_is_told_and_nothing_of_its_messages(
    counter: Counter,
) -> None:
    counter.receive(charge("B1", 10_000), charge("B1", 20_000))
    item = item_of(counter)
    for name in ("kek-1.key", "index.key"):
        (counter.home / "keys" / name).unlink()
    told = counter.suture("exceptions", "show", item)
    assert told.code == FOUND
    assert "Its messages cannot be opened here" in " ".join(told.out.split())
    assert "FT1" not in told.out
    asked = counter.suture("exceptions", "show", item, "--reason", "curious")
    assert (asked.code, asked.out) == (CLOSED, "")
    assert counter.rows("select count(*) from operator_act")[0][0] == 0


def test_b17_an_exception_shows_its_bytes_in_the_character_sets_they_may_be_in(
    counter: Counter,
) -> None:
    counter.receive(charge("B1").replace(b"JANE", b"REN\xc9E"))
    item = item_of(counter)
    told = counter.suture("exceptions", "show", item)
    assert "It fits: cp1252, iso8859-5, iso8859-7" in told.out
    assert "REN" not in told.out
    assert counter.rows("select count(*) from operator_act")[0][0] == 0
    shown = counter.suture("exceptions", "show", item, "--reason", "accents")
    assert "RENÉE" in shown.out
    assert "RENЩE" in shown.out
    (found,) = counter.suture("exceptions", "show", item, "--reason", "a", "--json").objects
    first = found["previews"][0]
    assert ("cp1252", "PID-5") == (first["charset"], first["fields"][0]["path"])
    assert "RENÉE" in first["fields"][0]["value"]
    assert len(counter.acts(found["message_ids"][0])) == 2


def test_an_exception_with_no_such_question_names_where_its_bytes_are(counter: Counter) -> None:
    (held,) = counter.hold(named(charge("B1")))
    item = item_of(counter)
    told = counter.suture("exceptions", "show", item)
    assert f"trace {held} --raw --reason TEXT" in told.out
    assert CANARY not in told.out
    none = counter.suture("exceptions", "show", "exc_0")
    assert (none.code, "no exception here is called exc_0" in none.out) == (FOUND, True)
    (found,) = counter.suture("exceptions", "show", "exc_0", "--json").objects
    assert found == {"asked": "exc_0", "found": False}
