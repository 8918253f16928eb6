"""The commands that look into a running installation, from its first message to the proof.

One world is set up and asked everything once (`answers`); each test reads one of the answers. The
commands run as processes of their own, as people and scripts run them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.command_line import (
    CANARIES,
    CHARGE,
    PERSON,
    charge_message,
    hl7_message,
    registration_message,
    remittance_file,
)

from suture.cli.ending import CLOSED, FOUND, MISUSED, WELL
from suture.cli.estates import sample_estate, sample_estate_folder
from suture.cli.world import World, open_world
from suture.connectors.mllp.sender import Sender

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

CLAIM = ("CLAIM40017", "100.00", "80.00", "20.00")
UNMAPPED = CHARGE.replace("|T1|", "|T2|").replace("|ED", "|ROBO")
FREE_TEXT = "Order 17 of Monday"
"""A control id (MSH-10) that is a sentence: nobody knows what it may say."""
ANOTHER = CHARGE.replace("|T1|", "|T5|")
REPAIR = b"*,RGH,ROBO,RGH-7210,surgery,,\n"


class Answer(msgspec.Struct, frozen=True):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """What it printed, read as one JSON document."""
        told: dict[str, Any] = json.loads(self.out)
        return told


Answers = Mapping[str, Answer]


async def _ask(*arguments: object, environment: Mapping[str, str] | None = None) -> Answer:
    surroundings = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "suture", *map(str, arguments)),
        env={**surroundings, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Answer(process.returncode, out.decode(), err.decode())


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return what every command answered about one world."""
    folder = tmp_path_factory.mktemp("installation")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    return asyncio.run(_answers(folder))


async def _answers(folder: Path) -> dict[str, Answer]:
    home = folder / "home"
    answers: dict[str, Answer] = {}
    async with open_world(home, sample_estate()) as world:
        await _send_everything(world)
        token = {"SUTURE_ERP_TOKEN": world._token}

        async def ask(name: str, *arguments: object) -> Answer:
            answers[name] = await _ask(*arguments, "--home", home, environment=token)
            return answers[name]

        await ask("status", "status", "--json")
        await ask("status for people", "status")
        await ask("groups", "exceptions", "--json")
        await ask("items", "exceptions", "--all", "--json")
        await ask("exceptions for people", "exceptions")
        await ask("exceptions of a code", "exceptions", "--code", "ledger.department.unmapped")
        await ask("proof with exceptions open", "reconcile", "--json")
        estate = _written(folder / "estate", world.files)
        await ask("applied again", "apply", estate, "--json")
        parked = answers["groups"].told["groups"][0]
        with (estate / "crosswalks" / "department.csv").open("ab") as file:
            file.write(REPAIR)
        await ask("applied", "apply", estate, "--note", "map ROBO", "--json")
        await asyncio.sleep(1.5)  # until every worker has noticed the release
        await world.quiet()
        left = (await ask("groups after the repair", "exceptions", "--json")).told["groups"]
        ids = [each for group in left for each in group["ids"]]
        dismissal = ("exceptions", "dismiss", *ids, "exc_unknown", "--reason", "a test", "--json")
        await ask("dismissed", *dismissal)
        await ask("nothing open", "exceptions")
        await ask("resolved", "exceptions", "--resolved", "--json")
        await ask("proof", "reconcile", "--json")
        await ask("proof for people", "reconcile")
        answers["proof without a token"] = await _ask("reconcile", "--json", "--home", home)
        async with Sender("127.0.0.1", world.ports["charges"]) as sender:
            for amount in ("125.00", "99.00"):  # its control id is used twice
                charge = charge_message("C5", ANOTHER.replace("125.00", amount))
                await sender.send(charge.encode())
        await world.quiet()
        await _trace(ask, answers, ids)
        await _trace_parked(ask, answers, parked["message_id"])
    await ask("status afterwards", "status")
    await ask("groups afterwards", "exceptions", "--json")
    await ask("status after a visit", "status")
    (home / "keys").rename(folder / "lost")
    await ask("serve without its keys", "serve")
    assert not (home / "keys").exists()
    return answers


async def _send_everything(world: World) -> None:
    """Send a registration, two charges of which one parks, an unsupported type and a remittance."""
    async with Sender("127.0.0.1", world.ports["adt"]) as sender:
        await sender.send(registration_message().encode())
        await sender.send(hl7_message("ORU^R01", FREE_TEXT, "20260401120300", PERSON).encode())
    async with Sender("127.0.0.1", world.ports["charges"]) as sender:
        await sender.send(charge_message().encode())
        await sender.send(charge_message().encode())
        await sender.send(charge_message("C3", UNMAPPED).encode())
    file = world.inbox / "payer.835"
    partial = file.with_suffix(".part")
    partial.write_text(remittance_file([CLAIM], paid="80.00"))
    partial.rename(file)
    await asyncio.sleep(1.0)
    await world.quiet()


def _written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


async def _trace(ask: Any, answers: dict[str, Answer], item_ids: list[str]) -> None:
    """Follow one charge all the way down, and its journal all the way up."""
    message = (await ask("trace of a control id", "trace", "--json", "C1")).told
    event, entry = message["events"][0], message["entries"][0]
    targets = {
        "trace of a message": message["message"]["id"],
        "trace of an event": event["id"],
        "trace of a stream": event["stream"],
        "trace of an entry": entry["id"],
        "trace of a journal": entry["reference"],
        "trace of a document": entry["document"],
        "trace of an exception": item_ids[0],
        # As people call things:
        "trace of an account number": "acc40017 ",
        "trace of a visit number": "VIS40017",
        "trace of a claim number": "CLAIM40017",
        "trace of an EFT number": "EFT900001",
        "trace of a file's name": "payer.835",
        "trace of an X12 control id": "000000001/1/0001",
        "trace of a release": entry["release"],
        "trace of a control id used twice": "C5",
    }
    await _trace_each(ask, answers, targets)
    names = (message["message"]["id"], entry["reference"].lower(), item_ids[0], "C5")
    file = answers["trace of a file's name"].told["asked"]
    await ask("trace for people", "trace", *names, file, entry["release"])
    await ask("trace of free text", "trace", FREE_TEXT)
    await ask("trace of nothing", "trace", "SUT9999999999999")


async def _trace_parked(ask: Any, answers: dict[str, Answer], message_id: str) -> None:
    """Follow what was parked and is booked since."""
    told = (await ask("trace of what a release booked", "trace", "--json", message_id)).told
    claim = answers["trace of a claim number"].told["asked"]
    stream = told["events"][0]["stream"]
    targets = {"trace of a surrogate": claim.partition("/")[2], "trace of a stream asked": stream}
    await _trace_each(ask, answers, targets)
    await ask("trace of what a release booked for people", "trace", message_id, stream)


async def _trace_each(ask: Any, answers: dict[str, Answer], targets: dict[str, str]) -> None:
    """Trace many things by one command, which answers with a line for each."""
    answer = await ask("traces", "trace", "--json", *targets.values())
    for name, told in zip(targets, answer.out.splitlines(), strict=True):
        answers[name] = Answer(answer.code, told, answer.err)


# What waits ------------------------------------------------------------------------------------


def test_the_status_counts_what_came_and_what_waits(answers: Answers) -> None:
    answer = answers["status"]
    told = answer.told
    assert WELL == answer.code
    assert True is told["running"]
    roles = {each["role"] for each in told["workers"]}
    assert {"intake", "files", "runner", "delivery"} == roles
    assert 1 == told["release"]["number"]
    assert (5, 1) == (told["counts"]["messages_count"], told["counts"]["repeats_count"])
    assert 0 == told["lag_seconds"]
    assert 2 == told["exceptions"]["open"]
    assert [12500] == [each["amount_minor"] for each in told["exceptions"]["at_stake"]]
    for queue in told["queues"].values():
        assert {"items_count": 0, "oldest_seconds": 0.0} == queue
    assert ("at work", True, []) == (told["verdict"], told["well"], told["missing"])


def test_the_status_says_of_each_source_when_it_last_sent_and_of_each_destination_what_waits(
    answers: Answers,
) -> None:
    told = answers["status"].told
    today = {each["source"]: each["today"] for each in told["doors"]}
    assert {"adt": 2, "charges": 3, "remits": 1, "scheduling": 0} == today
    silent = [each["source"] for each in told["doors"] if each["last_at"] is None]
    assert ["scheduling"] == silent
    assert {"open"} == {each["state"] for each in told["doors"]}
    (erp,) = told["destinations"]
    assert ("erp", "idle", 0) == (erp["destination"], erp["state"], erp["queued"])
    assert erp["sent"]


def test_people_see_the_same_status(answers: Answers) -> None:
    out = answers["status for people"].out
    assert "At work" in out
    assert "5 messages (1 came again, 1 held, 0 rejected)" in out
    assert "2 exceptions, $125.00 at stake" in out


def test_exceptions_come_in_groups_with_owner_amount_and_remedy(answers: Answers) -> None:
    answer = answers["groups"]
    assert FOUND == answer.code
    parked, held = answer.told["groups"]
    assert ("ledger.department.unmapped", 12500, "charges", "steward") == (
        parked["code"],
        parked["amount_minor"],
        parked["source"],
        parked["owner"],
    )
    assert "hl7.type.unsupported" == held["code"]
    for group in (parked, held):
        assert group["count"] == len(group["ids"]) == 1
        assert group["remedy"]
        assert group["where"]
        assert group["oldest_at"]


def test_exceptions_come_one_by_one_too(answers: Answers) -> None:
    items = answers["items"].told["exceptions"]
    assert 2 == len(items)
    assert {"exc"} == {each["id"].partition("_")[0] for each in items}


def test_people_see_what_is_at_stake_and_what_is_next(answers: Answers) -> None:
    out = answers["exceptions for people"].out
    assert "2 exceptions open, $125.00 at stake ($125.00 parked)" in out
    assert "steward" in out
    assert "exceptions --code ledger.department.unmapped" in out
    assert "→ " in answers["exceptions of a code"].out
    assert "hl7.type.unsupported" not in answers["exceptions of a code"].out


def test_what_was_resolved_can_be_looked_up(answers: Answers) -> None:
    answer = answers["resolved"]
    how = {each["code"]: each["resolution"] for each in answer.told["exceptions"]}
    assert WELL == answer.code
    assert "resolved by release 2" == how["ledger.department.unmapped"]
    assert "dismissed: a test" == how["hl7.type.unsupported"]


def test_a_dismissal_names_what_was_not_open(answers: Answers) -> None:
    answer = answers["dismissed"]
    assert FOUND == answer.code
    assert 1 == len(answer.told["dismissed"])
    assert ["exc_unknown"] == answer.told["not_open"]
    assert WELL == answers["nothing open"].code


# What is in force ------------------------------------------------------------------------------


def test_the_same_estate_again_is_no_new_release(answers: Answers) -> None:
    answer = answers["applied again"]
    assert (WELL, False, 1) == (answer.code, answer.told["applied"], answer.told["number"])


def test_a_mended_estate_books_what_was_parked(answers: Answers) -> None:
    told = answers["applied"].told
    assert (True, 2, 1, True) == (
        told["applied"],
        told["number"],
        told["waiting_streams"],
        told["running"],
    )
    left = answers["groups after the repair"].told["groups"]
    assert ["hl7.type.unsupported"] == [each["code"] for each in left]


# The proof -------------------------------------------------------------------------------------


def test_the_proof_holds_while_exceptions_are_open(answers: Answers) -> None:
    answer = answers["proof with exceptions open"]
    told = answer.told
    assert (WELL, True) == (answer.code, told["proven"]), told
    assert {"received", "posted", "explained", "held", "in_flight", "gap"} == set(
        told["conservation"]
    )
    assert (6, 0, 2) == (
        told["conservation"]["received"],
        told["conservation"]["gap"],
        told["conservation"]["held"],
    )
    charges = next(each for each in told["controls"] if each["name"] == "charges")
    assert (25000, 12500, 12500, 0) == (
        charges["told_minor"],
        charges["parked_minor"],
        charges["standing_minor"],
        charges["difference_minor"],
    )


def test_the_erp_agrees_to_the_cent_in_the_end(answers: Answers) -> None:
    answer = answers["proof"]
    told = answer.told
    assert (WELL, True) == (answer.code, told["proven"]), told
    assert [0, 0, 0, 0] == [
        told["entries_unbalanced"],
        told["ledger_imbalance_minor"],
        told["erp_difference_minor"],
        told["documents_twice"],
    ]
    assert [] == told["differences"]
    assert "PROVEN" in answers["proof for people"].out


def test_without_the_token_nothing_is_proven_and_the_reason_is_told(answers: Answers) -> None:
    answer = answers["proof without a token"]
    assert (FOUND, False) == (answer.code, answer.told["proven"])
    assert answer.told["erp_unread"]
    assert "SUTURE_ERP_TOKEN" in answer.told["erp_unread_reason"]


# Lineage ---------------------------------------------------------------------------------------


def test_a_charge_is_followed_from_its_message_to_the_document_and_back(
    answers: Answers,
) -> None:
    message = answers["trace of a control id"].told
    assert message["message"] == answers["trace of a message"].told["message"]
    (entry,) = message["entries"]
    assert "sent" == entry["delivery_status"].lower()
    assert ["1100", "4020"] == [line["account"] for line in entry["lines"]]
    for name in ("trace of a journal", "trace of a document"):
        journal = answers[name].told
        assert entry["id"] in journal["entry_ids"]
        assert message["message"]["id"] in journal["message_ids"]
        assert entry["document"] == journal["journal"]["document"]
    assert entry["id"] in answers["trace of a stream"].told["entry_ids"]
    for name in ("trace of an event", "trace of an entry"):
        assert message["message"] == answers[name].told["message"]


def test_an_exception_leads_to_its_message(answers: Answers) -> None:
    told = answers["trace of an exception"].told
    assert "hl7.type.unsupported" == told["work_item"]["code"]
    assert "dismissed: a test" == told["work_item"]["resolution"]
    assert told["message"]["control_id"].startswith("ctl_"), "it is free text"


def test_people_see_the_lineage_as_a_tree(answers: Answers) -> None:
    answer = answers["trace for people"]
    assert WELL == answer.code
    for part in ("evt_", "ent_", "JE-", "$125.00", "dismissed: a test", "delivered"):
        assert part in answer.out, part


def test_an_id_nobody_knows_is_told_as_such_with_what_ids_look_like(answers: Answers) -> None:
    answer = answers["trace of nothing"]
    assert FOUND == answer.code
    assert "Unknown: nothing here is called SUT9999999999999." in answer.out
    for part in ("trn_", "rel_", "TRN02", "MSH-10", "account, visit, claim"):
        assert part in answer.out


def test_numbers_that_people_hold_lead_to_what_is_kept_under_surrogates(answers: Answers) -> None:
    for number, stream in (
        ("an account number", "patient_account/acc_"),
        ("a visit number", "encounter/vis_"),
        ("a claim number", "claim/clm_"),
    ):
        told = answers[f"trace of {number}"].told
        assert told["asked"].startswith(stream), number
        assert told["message_ids"], number
    assert answers["trace of a claim number"].told == answers["trace of a surrogate"].told


def test_a_payment_is_found_by_its_number_and_its_file_by_name(answers: Answers) -> None:
    payment = answers["trace of an EFT number"].told
    file = answers["trace of a file's name"].told
    assert "835" == payment["message"]["type"]
    assert file["asked"] == payment["message"]["transmission_id"]
    assert [payment["message"]["id"]] == [each["id"] for each in file["messages"]]
    assert payment["message"] == answers["trace of an X12 control id"].told["message"]
    assert "file from remits, 1 message" in answers["trace for people"].out


def test_a_journal_is_found_in_small_letters_too(answers: Answers) -> None:
    assert WELL == answers["trace for people"].code
    assert "journal of" in answers["trace for people"].out


def test_a_release_says_when_it_was_in_force_and_what_was_booked_under_it(
    answers: Answers,
) -> None:
    (release,) = answers["trace of a release"].told["releases"]
    assert (1, False) == (release["number"], release["in_force"])
    assert release["entries_count"]
    assert "release 1" in answers["trace for people"].out


def test_what_a_release_booked_says_so(answers: Answers) -> None:
    told = answers["trace of what a release booked"].told
    (item,) = [each for each in told["work_items"] if each["code"].startswith("ledger.")]
    assert "resolved by release 2" == item["resolution"]
    out = answers["trace of what a release booked for people"].out
    assert "parked at first, resolved by release 2" in out
    assert "resolved: resolved" not in out


def test_a_stream_names_its_messages_and_not_the_releases_that_asked_it_again(
    answers: Answers,
) -> None:
    told = answers["trace of a stream asked"].told
    assert {"msg"} == {each.partition("_")[0] for each in told["message_ids"]}
    assert {"rel"} == {each.partition("_")[0] for each in told["release_ids"]}
    assert "asked to decide again under " in (
        answers["trace of what a release booked for people"].out
    )


def test_both_holders_of_a_control_id_are_shown_the_booked_one_first(answers: Answers) -> None:
    told = answers["trace of a control id used twice"].told
    assert ("accepted", "C5") == (told["message"]["status"], told["message"]["control_id"])
    assert told["entries"]
    (other,) = told["also"]
    assert ("held", "C5", []) == (
        other["message"]["status"],
        other["message"]["control_id"],
        other["entries"],
    )
    both = answers["trace for people"].out.partition("2 things are called so")[2]
    assert 0 < both.index("accepted") < both.index("held")


def test_no_command_prints_any_part_of_a_patient(answers: Answers) -> None:
    for name, answer in answers.items():
        printed = answer.out + answer.err
        assert [] == [each for each in CANARIES if each in printed], name


# When nothing runs -----------------------------------------------------------------------------


def test_a_stopped_installation_says_how_to_start_it(answers: Answers) -> None:
    for name in ("status afterwards", "status after a visit"):
        assert FOUND == answers[name].code
        assert answers[name].out.startswith("Stopped  messages wait at their senders.")
        assert "serve --home" in answers[name].out
        assert "7 messages" in answers[name].out


def test_a_stopped_installation_can_be_read_and_is_stopped_again(answers: Answers) -> None:
    answer = answers["groups afterwards"]
    assert (FOUND, ["intake.control_id.reused"]) == (
        answer.code,
        [each["code"] for each in answer.told["groups"]],
    )


# Serving ---------------------------------------------------------------------------------------


def test_an_installation_without_an_estate_says_what_is_missing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer = asyncio.run(_ask("serve", "--home", home))
    assert CLOSED == answer.code
    assert "suture serve ESTATE" in answer.err
    assert [home / "serve.lock"] == list(home.iterdir())


def test_a_first_start_that_fails_names_the_database_and_leaves_no_keys(tmp_path: Path) -> None:
    home = tmp_path / "home"
    address = "postgresql://suture:wren-finch@127.0.0.1:1/books"
    answer = asyncio.run(
        _ask(
            *("serve", sample_estate_folder(), "--home", home),
            environment={"DATABASE_URL": address},
        )
    )
    assert CLOSED == answer.code
    assert "Database `books` of PostgreSQL at 127.0.0.1:1 as user `suture`" in answer.err
    assert "wren-finch" not in answer.err
    assert not (home / "keys").exists()


def test_a_worker_of_no_known_role_is_wrong_usage(tmp_path: Path) -> None:
    assert MISUSED == asyncio.run(_ask("worker", "janitor", "--home", tmp_path)).code


def test_serving_says_where_it_listens_and_ends_in_good_order(tmp_path: Path) -> None:
    files = dict(sample_estate())
    for name in ("adt", "charges", "scheduling"):
        path = f"sources/{name}.toml"
        files[path] = b"".join(
            b"port = 0\n" if row.startswith(b"port") else row + b"\n"
            for row in files[path].splitlines()
        )
    asyncio.run(_serve_and_stop(_written(tmp_path / "estate", files), tmp_path / "home"))


async def _serve_and_stop(estate: Path, home: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "suture", "serve", str(estate), "--home", str(home)),
        *("--log-file", str(home.with_name("workers.log"))),
        env={name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(240):
        while "At work" not in said:
            line = await process.stdout.readline()
            assert line, (said, await process.communicate())
            said += line.decode()
    assert "Riverbend" in said
    assert "mllp 127.0.0.1" in said
    process.send_signal(signal.SIGTERM)
    out, err = await process.communicate()
    assert (0, b"") == (process.returncode, err)
    assert b"Suture has stopped" in out


def test_a_control_id_of_free_text_is_found_by_it_and_printed_by_nobody_else(
    answers: Answers,
) -> None:
    found = answers["trace of free text"]
    assert WELL == found.code
    assert "ORU^R01 ctl_" in found.out
    others = [text for name, text in answers.items() if name != "trace of free text"]
    assert [] == [answer for answer in others if FREE_TEXT in answer.out + answer.err]


def test_an_installation_that_lost_its_keys_does_not_start_and_makes_no_others(
    answers: Answers,
) -> None:
    answer = answers["serve without its keys"]
    assert CLOSED == answer.code
    assert "holds no keys, but the database was filled" in answer.err
    assert "docs/operating/keys.md" in answer.err
