"""`suture trace ID --raw`: a patient's data for whoever may see them, and never unnoticed.

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
