"""`suture trace FILE`: what a file would come to, for machines and for people, touching nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.command_line import (
    CANARIES,
    CHARGE,
    Command,
    charge_message,
    registration_message,
    remittance_file,
)

from suture import memory
from suture.cli.ending import FOUND, WELL
from suture.cli.estates import sample_estate_folder
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.model.identity import Tokenizer
from suture.security.keys import KeyRing

KEYS = {
    "path",
    "format",
    "type",
    "control_id",
    "status",
    "faults",
    "events",
    "entries",
    "notes",
}
CLAIM = ("CLAIM40017", "100.00", "80.00", "20.00")


def _file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _sample() -> Estate:
    estate = load(read_folder(sample_estate_folder()), CONNECTORS)
    assert isinstance(estate, Estate)
    return estate


def _lines(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [
        (line["account"], line["debit_minor"], line["credit_minor"])
        for entry in report["entries"]
        for line in entry["lines"]
    ]


def _keys_shown(suture: Command, path: Path, *options: str) -> set[str]:
    reports = suture("trace", "--json", path, *options).objects
    return {event["key"] for report in reports for event in report["events"]}


def test_b92_surrogates_of_a_stray_file_are_of_that_run_alone(
    suture: Command, elsewhere: Path
) -> None:
    """Nobody can try account numbers against what somebody pasted."""
    path = _file(elsewhere, "c.hl7", charge_message())
    first, second = _keys_shown(suture, path), _keys_shown(suture, path)
    assert any(key.startswith("acc_") for key in first)
    assert not first & second
    assert not (elsewhere / ".suture").exists(), "tracing a file makes nothing"


@pytest.mark.parametrize("home", [".suture", "named"])
def test_surrogates_are_the_installations_where_its_keys_are(
    suture: Command, elsewhere: Path, home: str
) -> None:
    key_ring = KeyRing.create(elsewhere / home / "keys")
    path = _file(elsewhere, "c.hl7", charge_message())
    options = () if home == ".suture" else ("--home", home)
    authority = _sample().sources["charges"].authority
    account = Tokenizer(key_ring.index_key).token("account", authority, "ACC40017")
    assert account in _keys_shown(suture, path, *options)


@pytest.mark.parametrize("damage", ["open to others", "cut short", "no index key"])
def test_keys_that_cannot_be_used_are_no_reason_not_to_trace(
    suture: Command, elsewhere: Path, damage: str
) -> None:
    keys = elsewhere / ".suture" / "keys"
    KeyRing.create(keys)
    match damage:
        case "open to others":
            keys.chmod(0o755)
        case "cut short":
            (keys / "index.key").write_bytes(b"short")
        case _:
            (keys / "index.key").unlink()
    before = sorted(each.name for each in keys.iterdir())
    assert _keys_shown(suture, _file(elsewhere, "c.hl7", charge_message()))
    assert before == sorted(each.name for each in keys.iterdir())


@pytest.mark.parametrize("processing", ["T", "D"])
def test_a_test_message_is_traced_with_a_note_that_its_source_would_hold_it(
    suture: Command, elsewhere: Path, processing: str
) -> None:
    """What it would come to is asked; whether it counts is its source's to say."""
    told = registration_message() + charge_message("C3")
    real = _file(elsewhere, "real.hl7", told)
    test = _file(elsewhere, "test.hl7", told.replace("|P|", f"|{processing}|"))
    expected, found = suture("trace", "--json", real), suture("trace", "--json", test)
    assert (WELL, WELL) == (expected.code, found.code)
    assert [_lines(each) for each in expected.objects] == [_lines(each) for each in found.objects]
    assert any(_lines(each) for each in found.objects)
    for report in found.objects:
        (note,) = (each for each in report["notes"] if each["code"].startswith("intake."))
        assert ("intake.processing.unexpected", "MSH-11") == (note["code"], note["where"])
    assert not any(each["notes"] for each in expected.objects)
    shown = suture("trace", test)
    assert "is for what is production" in " ".join(shown.out.split())


def test_a_test_remittance_is_traced_with_a_note_that_its_source_would_hold_it(
    suture: Command, elsewhere: Path
) -> None:
    content = remittance_file([CLAIM], paid="80.00").replace("*0*P*:", "*0*T*:")
    ended = suture("trace", "--json", _file(elsewhere, "t.835", content))
    (report,) = ended.objects
    assert (WELL, "accepted") == (ended.code, report["status"])
    assert report["entries"]
    assert [("intake.processing.unexpected", "ISA13=000000001/ISA-15")] == [
        (note["code"], note["where"]) for note in report["notes"]
    ]


def test_a_message_is_read_by_the_source_that_is_said_to_send_it(
    suture: Command, elsewhere: Path
) -> None:
    """Whatever the sources are called; where none is, trace says what that source would do."""
    estate = shutil.copytree(sample_estate_folder(), elsewhere / "estate")
    (estate / "sources" / "charges.toml").rename(estate / "sources" / "zzz.toml")
    path = _file(elsewhere, "c.hl7", registration_message() + charge_message("C3"))
    ended = suture("trace", "--json", "--estate", estate, path)
    assert WELL == ended.code
    assert not any(report["notes"] for report in ended.objects)
    (estate / "sources" / "zzz.toml").unlink()
    ended = suture("trace", "--json", "--estate", estate, path)
    assert [[], ["intake.type.unexpected"]] == [
        [note["code"] for note in report["notes"]] for report in ended.objects
    ]
    assert [bool(_lines(report)) for report in ended.objects] == [False, True]


def test_a_balanced_remittance_is_cash_and_claims(suture: Command, elsewhere: Path) -> None:
    path = _file(elsewhere, "r.835", remittance_file([CLAIM], paid="80.00"))
    ended = suture("trace", "--json", path)
    (report,) = ended.objects
    assert WELL == ended.code
    assert set(report) == KEYS
    assert ("x12", "835", "accepted", []) == (
        report["format"],
        report["type"],
        report["status"],
        report["faults"],
    )
    assert str(path) == report["path"]
    assert "000000001/1/0001" == report["control_id"]
    assert ["claim.adjudicated", "remittance.received"] == [
        each["type"] for each in report["events"]
    ]
    assert report["events"][0]["key"].startswith("clm_")
    assert [
        ("1025", 8000, 0),
        ("4110", 2000, 0),
        ("1100", 0, 10000),
        ("1020", 8000, 0),
        ("1025", 0, 8000),
    ] == _lines(report)
    assert "ST02=0001/CLP[1]/CAS[1]-03" == report["entries"][0]["lines"][1]["where"]
    assert {"account", "debit_minor", "credit_minor", "where"} == set(
        report["entries"][0]["lines"][0]
    )
    assert [path] == list(elsewhere.iterdir())


def test_b28_a_remittance_that_does_not_add_up_is_held_with_the_difference(
    suture: Command, elsewhere: Path
) -> None:
    path = _file(elsewhere, "r.835", remittance_file([CLAIM], paid="1284.11"))
    ended = suture("trace", "--json", path)
    (report,) = ended.objects
    assert FOUND == ended.code
    assert ("held", [], []) == (report["status"], report["events"], report["entries"])
    (fault,) = report["faults"]
    assert {"code", "where", "explanation"} == set(fault)
    assert "x12.835.transaction.unbalanced" == fault["code"]
    assert "1,204.11" in fault["explanation"]


def test_a_reversal_of_the_same_file_takes_the_claim_back(suture: Command, elsewhere: Path) -> None:
    reversal = ("CLAIM40017", "-100.00", "-80.00", "-20.00")
    path = _file(elsewhere, "r.835", remittance_file([CLAIM, reversal], paid="0.00"))
    (report,) = suture("trace", "--json", path).objects
    sums: dict[str, int] = {}
    for account, debit, credit in _lines(report):
        sums[account] = sums.get(account, 0) + debit - credit
    assert [] == report["faults"]
    assert 2 == len(report["entries"])
    assert {0} == set(sums.values())


def test_a_charge_without_a_payer_waits_and_stays_accepted(
    suture: Command, elsewhere: Path
) -> None:
    path = _file(elsewhere, "c.hl7", charge_message())
    ended = suture("trace", "--json", path)
    (report,) = ended.objects
    assert FOUND == ended.code
    assert ("accepted", []) == (report["status"], report["entries"])
    assert ["account.payer_class_unknown"] == [each["code"] for each in report["faults"]]


def test_what_a_later_message_lets_stand_belongs_to_the_message_that_told_it(
    suture: Command, elsewhere: Path
) -> None:
    path = _file(elsewhere, "c.hl7", charge_message() + registration_message())
    ended = suture("trace", "--json", path)
    charge, registration = ended.objects
    assert WELL == ended.code
    assert [] == charge["faults"]
    assert [("1100", 12500, 0), ("4020", 0, 12500)] == _lines(charge)
    assert ["encounter.registered", "account.registered"] == [
        each["type"] for each in registration["events"]
    ]
    assert [] == registration["entries"]


def test_each_message_of_a_mixed_file_is_read_as_its_own_source(
    suture: Command, elsewhere: Path
) -> None:
    both = charge_message() + registration_message()
    ended = suture("trace", _file(elsewhere, "c.hl7", both))
    assert "read as charges" in ended.out
    assert "read as adt" in ended.out
    assert "told by message #1" in ended.out


def test_b19_a_message_twice_in_a_file_is_told_once_with_a_note(
    suture: Command, elsewhere: Path
) -> None:
    told = registration_message() + charge_message()
    path = _file(elsewhere, "c.hl7", told + charge_message().replace("\r", "\n"))
    ended = suture("trace", "--json", path)
    _, charged, again = ended.objects
    assert (WELL, "accepted", "accepted") == (ended.code, charged["status"], again["status"])
    assert charged["entries"]
    assert ([], [], []) == (again["faults"], again["events"], again["entries"])
    assert "intake.message.repeated" in [each["code"] for each in again["notes"]]
    assert "message 2 of this file says the same" in " ".join(suture("trace", path).out.split())


def test_b20_a_control_id_used_twice_in_a_file_is_held(suture: Command, elsewhere: Path) -> None:
    again = charge_message(segment=CHARGE.replace("125.00", "99.00"))
    first, second = suture(
        "trace", "--json", _file(elsewhere, "c.hl7", charge_message() + again)
    ).objects
    assert ("accepted", "held") == (first["status"], second["status"])
    assert ["intake.control_id.reused"] == [each["code"] for each in second["faults"]]
    assert [] == second["events"]


def test_b25_a_set_nobody_translates_is_held_and_named(suture: Command, elsewhere: Path) -> None:
    told = remittance_file([CLAIM], paid="80.00").replace("ST*835*", "ST*824*")
    (report,) = suture("trace", "--json", _file(elsewhere, "c.824", told)).objects
    assert ("824", "held", ["x12.set.unsupported"]) == (
        report["type"],
        report["status"],
        [each["code"] for each in report["faults"]],
    )


def test_no_part_of_a_patient_is_ever_printed(suture: Command, elsewhere: Path) -> None:
    _file(elsewhere, "1.hl7", charge_message() + registration_message())
    _file(elsewhere, "2.hl7", charge_message(segment=CHARGE.replace("125.00", "CANARY")))
    _file(elsewhere, "3.835", remittance_file([CLAIM], paid="80.00"))
    _file(elsewhere, "4.835", remittance_file([CLAIM], paid="CANARY"))
    _file(elsewhere, "5.hl7", charge_message().replace("MSH|", "MSH|WREN", 1))
    _file(elsewhere, "6.txt", "CANARY^WREN")
    for options in ([], ["--json"]):
        ended = suture("trace", elsewhere, *options)
        assert [] == [each for each in CANARIES if each in ended.out + ended.err]


def test_a_folder_is_every_file_in_it_by_name(suture: Command, elsewhere: Path) -> None:
    (elsewhere / "deep").mkdir()
    _file(elsewhere, "b.835", remittance_file([CLAIM], paid="80.00"))
    _file(elsewhere, "a.hl7", charge_message())
    _file(elsewhere / "deep", "c.hl7", registration_message())
    ended = suture("trace", "--json", elsewhere)
    names = [Path(each["path"]).name for each in ended.objects]
    assert ["a.hl7", "b.835", "c.hl7"] == names


def test_several_files_end_with_what_they_come_to_together(
    suture: Command, elsewhere: Path
) -> None:
    second = ("CLAIM40018", "50.00", "40.00", "10.00")
    _file(elsewhere, "a.835", remittance_file([CLAIM], paid="80.00"))
    _file(elsewhere, "b.835", remittance_file([second], paid="40.00", trace="EFT900002"))
    ended = suture("trace", elsewhere)
    _, of_each, of_all = ended.out.partition("All 2 files, each read by itself\n")
    assert WELL == ended.code
    assert of_each
    assert "2 messages: 2 accepted; 4 events, 4 entries" in of_all
    assert "1020 Remittance cash clearing (EFT and lockbox)" in of_all
    assert "$120.00" in of_all
    assert "All" not in suture("trace", elsewhere / "a.835").out


def test_a_file_that_cannot_be_read_is_counted_in_the_total(
    suture: Command, elsewhere: Path
) -> None:
    path = _file(elsewhere, "a.835", remittance_file([CLAIM], paid="80.00"))
    ended = suture("trace", path, elsewhere / "gone.835")
    assert FOUND == ended.code
    assert (
        "1 file could not be read to the end"
        in ended.out.partition("All 2 files, each read by itself\n")[2]
    )


@pytest.mark.parametrize("columns", ["80", "120"])
def test_names_of_accounts_are_never_cut(
    suture: Command, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    path = _file(elsewhere, "a.835", remittance_file([CLAIM], paid="80.00"))
    monkeypatch.setenv("COLUMNS", columns)
    out = suture("trace", path).out
    assert max(map(len, out.splitlines())) <= int(columns)
    assert "…" not in out
    assert "lockbox)" in out


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.835", b"", "file.empty"),
        ("binary.dat", bytes(range(256)) * 64, "file.format.unknown"),
        ("text.txt", b"ISABELLA went to MSHWAY", "file.format.unknown"),
        ("batch.hl7", b"FHS|^~\\&|A\rFTS|0\r", "file.no_message"),
        ("torn.835", b"ISA*00*", "x12.interchange.unreadable"),
    ],
)
def test_b30_a_file_without_a_message_is_rejected_by_name(
    suture: Command, elsewhere: Path, name: str, content: bytes, code: str
) -> None:
    ended = suture("trace", "--json", _file(elsewhere, name, content))
    (report,) = ended.objects
    assert (FOUND, "rejected") == (ended.code, report["status"])
    assert code in {each["code"] for each in report["faults"]}


def test_b62_what_is_no_ordinary_file_is_rejected_and_never_waited_for(
    suture: Command, elsewhere: Path
) -> None:
    os.mkfifo(elsewhere / "pipe")
    (elsewhere / "dangling").symlink_to(elsewhere / "nowhere")
    ended = suture("trace", "--json", elsewhere, elsewhere / "absent.835")
    assert FOUND == ended.code
    assert 3 == len(ended.objects)
    for report in ended.objects:
        assert ("rejected", ["file.unreadable"]) == (
            report["status"],
            [each["code"] for each in report["faults"]],
        )


def test_b91_a_hostile_file_name_reaches_no_terminal(suture: Command, elsewhere: Path) -> None:
    name = os.fsdecode(b"\x1b[31m[bold]\xff.hl7")
    (elsewhere / name).write_bytes(b"")
    for options in ([], ["--json"]):
        ended = suture("trace", elsewhere, *options)
        assert "\x1b" not in ended.out
        assert FOUND == ended.code


def test_people_see_dollars_paths_and_what_to_do_next(suture: Command, elsewhere: Path) -> None:
    charge = _file(elsewhere, "c.hl7", charge_message())
    remittance = _file(elsewhere, "r.835", remittance_file([CLAIM], paid="80.00"))
    ended = suture("trace", charge, remittance)
    assert "PARKED $125.00 account.payer_class_unknown" in ended.out
    assert "→ Nothing to do if a registration" in ended.out
    assert "1 exception would open, $125.00 at stake" in ended.out
    assert "CLP[1]/CAS[1]-03" in ended.out
    assert "$80.00" in ended.out
    assert "ACCEPTED" in ended.out


def test_b32_an_adjustment_in_suspense_is_booked_and_to_be_checked(
    suture: Command, elsewhere: Path
) -> None:
    told = remittance_file([CLAIM], paid="80.00", adjustment="CAS*CO*9999*{}")
    path = _file(elsewhere, "r.835", told)
    (report,) = suture("trace", "--json", path).objects
    assert ["ledger.adjustment.unmapped"] == [each["code"] for each in report["faults"]]
    assert 2 == len(report["entries"])
    assert "TO CHECK" in suture("trace", path).out


def test_many_events_are_summed_up_by_account(suture: Command, elsewhere: Path) -> None:
    claims = [(f"N{number}", "10", "8", "2") for number in range(30)]
    path = _file(elsewhere, "r.835", remittance_file(claims, paid="240"))
    ended = suture("trace", "--events-max", "5", path)
    assert 5 == ended.out.count("● ")
    assert "and 26 more events: 26 entries" in ended.out
    assert "1 message: 1 accepted; 31 events, 31 entries" in ended.out
    assert 31 == len(suture("trace", "--json", "--events-max", "5", path).objects[0]["events"])


def test_another_estate_reads_a_file_its_own_way(
    suture: Command, elsewhere: Path, tmp_path: Path
) -> None:
    estate = shutil.copytree(sample_estate_folder(), tmp_path / "estate")
    path = _file(elsewhere, "c.hl7", charge_message() + registration_message())
    crosswalk = estate / "crosswalks" / "department.csv"
    crosswalk.write_text(crosswalk.read_text().replace("*,RGH,ED,", "*,RGH,XX,"))
    charge, _ = suture("trace", "--json", path, "--estate", estate).objects
    assert ["ledger.department.unmapped"] == [each["code"] for each in charge["faults"]]
    (estate / "ledger" / "accounts.csv").unlink()
    ended = suture("trace", path, "--estate", estate)
    assert FOUND == ended.code
    assert "ledger/accounts.csv" in ended.out


def test_a_failure_of_ours_costs_one_file_and_not_the_next(
    suture: Command, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _file(elsewhere, "a.hl7", charge_message())
    _file(elsewhere, "b.835", remittance_file([CLAIM], paid="80.00"))

    def fail(*_: object) -> None:
        raise KeyError("CANARY")

    monkeypatch.setattr(memory, "_first_type", fail)
    first, second = suture("trace", "--json", elsewhere).objects
    assert ("rejected", "engine.file.failed") == (first["status"], first["faults"][0]["code"])
    assert "CANARY" not in str(first)
    assert "accepted" == second["status"]


def test_control_c_ends_a_long_trace_quietly(elsewhere: Path) -> None:
    claims = [(f"N{number}", "10", "8", "2") for number in range(40_000)]
    path = _file(elsewhere, "r.835", remittance_file(claims, paid="320000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "suture", "trace", "--json", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (130, b"", b"") == (process.returncode, out, err)
