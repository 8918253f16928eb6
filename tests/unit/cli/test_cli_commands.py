"""The command line as a whole: it starts quickly, knows its commands, and ends with known codes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.cli.command_line import Command

from suture.app import EstateRefusedError
from suture.cli.ending import BROKEN, CLOSED, FOUND, MISUSED, UsageError, explain
from suture.cli.estates import sample_estate_folder
from suture.model.fault import fault

COMMANDS = (
    "apply",
    "bench",
    "check",
    "demo",
    "exceptions",
    "reconcile",
    "sandbox",
    "send",
    "serve",
    "status",
    "trace",
)
_HEAVY = ("aiohttp", "asyncpg", "asyncio", "msgspec", "rich", "suture.app", "suture.pipeline")


def test_help_names_every_command_and_no_worker(suture: Command) -> None:
    ended = suture("--help")
    assert 0 == ended.code
    listed = {row.split()[0] for row in ended.out.splitlines() if row.startswith("  ")}
    assert set(COMMANDS) <= listed
    assert "worker" not in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(suture: Command, command: str) -> None:
    ended = suture(command, "--help")
    assert 0 == ended.code
    assert f"Usage: suture {command}" in " ".join(ended.out.split())


def test_help_is_quick_because_it_imports_nothing_that_commands_need() -> None:
    script = (
        "import sys\n"
        "from suture.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        f"print('loaded', *[name for name in {_HEAVY!r} if name in sys.modules])\n"
    )
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert "loaded" == ended.stdout.splitlines()[-1].strip()
    assert time.monotonic() - began < 2.0  # ten times what it takes on an idle machine


def test_the_version_is_told(suture: Command) -> None:
    ended = suture("--version")
    assert (0, "suture") == (ended.code, ended.out.split()[0])


def test_a_command_nobody_knows_is_wrong_usage(suture: Command) -> None:
    ended = suture("frobnicate")
    assert MISUSED == ended.code
    assert "frobnicate" in ended.err


def test_a_role_nobody_knows_is_wrong_usage(suture: Command, elsewhere: Path) -> None:
    ended = suture("serve", "--role", "janitor")
    assert MISUSED == ended.code
    assert "intake, files, runner, delivery" in ended.err
    assert [] == list(elsewhere.iterdir())


def test_nothing_is_made_where_no_installation_is(suture: Command, elsewhere: Path) -> None:
    for arguments in (
        ["status"],
        ["reconcile"],
        ["exceptions"],
        ["exceptions", "dismiss", "exc_1", "--reason", "none"],
        ["exceptions", "show", "exc_1"],
        ["exceptions", "resend", "SUT0000000000001"],
        ["exceptions", "reprocess", "msg_0"],
        ["trace", "msg_0", "--raw", "--reason", "none"],
        ["trace", "msg_0"],
    ):
        ended = suture(*arguments, "--home", elsewhere / "home")
        assert CLOSED == ended.code, arguments
        assert "suture serve ESTATE" in ended.err, arguments
    assert [] == list(elsewhere.iterdir())


def test_a_machine_asking_for_the_status_is_told_that_nothing_runs(
    suture: Command, elsewhere: Path
) -> None:
    ended = suture("status", "--json", "--home", elsewhere / "home")
    assert CLOSED == ended.code
    assert ended.objects[0]["running"] is False


def test_a_dismissal_needs_a_reason(suture: Command, elsewhere: Path) -> None:
    assert MISUSED == suture("exceptions", "dismiss", "exc_1").code
    assert MISUSED == suture("exceptions", "dismiss", "exc_1", "--reason", "  ").code


def test_an_error_ends_with_a_sentence_and_its_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert MISUSED == explain(UsageError("name a folder"))
    assert CLOSED == explain(PermissionError(13, "Permission denied", "/keys"))
    printed = capsys.readouterr()
    assert "name a folder" in printed.err
    assert "/keys: Permission denied" in printed.err
    assert printed.out == ""


def test_a_script_gets_a_refusal_as_one_object_too(suture: Command, elsewhere: Path) -> None:
    home = ("--home", str(elsewhere / "home"))
    for arguments, code, exit_code in (
        (("reconcile", *home), "installation.closed", CLOSED),
        (("exceptions", *home), "installation.closed", CLOSED),
        (("status", *home), "installation.closed", CLOSED),
        (("trace", "msg_0", *home), "installation.closed", CLOSED),
        (("check", "nowhere"), "command.misused", MISUSED),
        (("check", "nowhere", "--frob"), "command.misused", MISUSED),
        (("check",), "command.misused", MISUSED),
        (("apply", "nowhere"), "installation.closed", CLOSED),
    ):
        ended = suture(*arguments, "--json")
        (told,) = ended.objects
        assert (exit_code, code, "") == (ended.code, told["fault"]["code"], ended.err), arguments
        assert told["fault"]["explanation"], arguments
        assert told["fault"]["remedy"], arguments


def test_a_script_gets_every_fault_of_a_refused_estate(suture: Command, elsewhere: Path) -> None:
    estate = elsewhere / "estate"
    estate.mkdir()
    ended = suture("apply", estate, "--json")
    (told,) = ended.objects
    assert (FOUND, "") == (ended.code, ended.err)
    assert told["faults"][0] == told["fault"]
    assert {"estate.file.missing"} == {each["code"] for each in told["faults"]}


def test_a_script_gets_a_bug_by_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError) as raised:
        dict[str, int]()["CANARY^WREN"]
    assert BROKEN == explain(raised.value, as_json=True)
    printed = capsys.readouterr()
    assert "command.failed" in printed.out
    assert ("", False) == (printed.err, "CANARY" in printed.out)


def test_a_home_that_cannot_be_one_names_the_option(suture: Command, elsewhere: Path) -> None:
    (elsewhere / "file").touch()
    ended = suture("serve", sample_estate_folder().resolve(), "--home", elsewhere / "file" / "home")
    assert CLOSED == ended.code
    assert "file/home" in ended.err
    assert "--home" in ended.err


def test_a_measurement_says_on_the_side_what_it_is_doing(suture: Command) -> None:
    ended = suture("bench", "parse", "--messages", "20", "--json")
    assert "parse" in json.loads(ended.out)
    told = ended.err.splitlines()
    assert "parse: measuring ..." == told[0]
    assert told[1].startswith("parse: measured in ")


def test_fewer_messages_make_every_stage_shorter(
    suture: Command, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims: list[int] = []

    def write(path: Path, count: int, seed: int) -> None:
        claims.append(count)
        path.touch()

    monkeypatch.setattr("suture.cli.bench_world.write_835", write)
    suture("bench", "translate", "--messages", "7", "--json")
    assert [7] == claims
    assert MISUSED == suture("bench", "frobnicate").code


def test_a_refused_estate_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    refused = EstateRefusedError((fault("estate.file.missing", "ledger/accounts.csv"),))
    assert FOUND == explain(refused)
    assert "ledger/accounts.csv" in capsys.readouterr().out


def test_a_bug_is_told_by_its_place_and_never_by_its_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyError) as raised:
        dict[str, int]()["CANARY^WREN"]
    assert BROKEN == explain(raised.value)
    printed = capsys.readouterr().err
    assert "KeyError" in printed
    assert "CANARY" not in printed
    assert "Traceback" not in printed
