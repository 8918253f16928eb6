"""The first five minutes of README.md: sandbox, serve, send, status, reconcile."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from suture.cli.ending import CLOSED, FOUND, MISUSED, WELL
from suture.cli.estates import sample_estate
from suture.config import read_folder
from suture.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

MESSAGES = Path(__file__).parents[2] / "docs" / "tutorials" / "first-messages"
Process = asyncio.subprocess.Process
TOKEN = {"SUTURE_ERP_TOKEN": "any-word"}


def free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


def estate_on(folder: Path, ports: Mapping[str, int]) -> Path:
    """Write the sample estate with its doors and its ERP at ports of this test."""
    files = dict(sample_estate())
    for source in ("adt", "charges", "scheduling"):
        name = f"sources/{source}.toml"
        files[name] = re.sub(rb"(?m)^port = .*$", b"port = %d" % ports[source], files[name])
    erp = files["destinations/erp.toml"].replace(b":8070", b":%d" % ports["erp"])
    files["destinations/erp.toml"] = erp.replace(b"seconds_max = 60", b"seconds_max = 1")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert read_folder(folder) == files
    return folder


async def started(*arguments: object, environment: Mapping[str, str] = TOKEN) -> Process:
    surroundings = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "suture", *map(str, arguments)),
        env={**surroundings, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def answered(
    *arguments: object, environment: Mapping[str, str] = TOKEN
) -> tuple[int, str, str]:
    process = await started(*arguments, environment=environment)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def running(until: str, *arguments: object) -> AsyncIterator[str]:
    """Run a command until it has said something, then tell it to end. Yields what it said.

    Not by Control-C: whoever runs the tests in the background ignores that, and so would it.
    """
    process = await started(*arguments)
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(240):
            while until not in said:
                row = await process.stdout.readline()
                assert row, said
                said += row.decode()
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


def test_a_newcomer_gets_from_the_sandbox_to_the_proof(tmp_path: Path) -> None:
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    ports = {name: free_port() for name in ("adt", "charges", "scheduling", "erp")}
    asyncio.run(_five_minutes(estate_on(tmp_path / "estate", ports), tmp_path / "home", ports))


async def _five_minutes(estate: Path, home: Path, ports: Mapping[str, int]) -> None:
    at_home = ("--home", home)
    async with running("Stop with", "sandbox", estate, *at_home) as sandbox:
        assert f"http://127.0.0.1:{ports['erp']}: 2 legal entities" in sandbox
        log = ("--log-file", home.with_name("workers.log"))
        async with running("At work", "serve", estate, *at_home, *log):
            code, out, _ = await answered("reconcile", *at_home)
            assert (WELL, True) == (code, "NOTHING TO PROVE YET" in out)
            code, out, _ = await answered(
                *("send", MESSAGES / "registration.hl7", "--port", ports["adt"])
            )
            assert (WELL, "AA  REG-0001  accepted: it is stored\n") == (code, out)
            code, out, _ = await answered(
                *("send", MESSAGES / "charge.hl7", "--port", ports["charges"], "--json")
            )
            assert ["AA"] == [each["code"] for each in json.loads(out)["replies"]]
            shutil.copy(MESSAGES / "remittance.835", home / "inbox" / "remits")
            await _until_in_the_erp(home, journals=2)
            code, out, _ = await answered("reconcile", *at_home)
            assert (WELL, True) == (code, "PROVEN" in out)
            await _move_a_door(estate, home, ports)


async def _move_a_door(estate: Path, home: Path, ports: Mapping[str, int]) -> None:
    """Give a source another port, then one that is taken, while everything runs."""
    file = estate / "sources" / "charges.toml"
    moved = free_port()
    file.write_text(file.read_text().replace(str(ports["charges"]), str(moved)))
    code, out, _ = await answered("apply", estate, "--home", home)
    assert (WELL, True) == (code, f"charges moves to mllp 127.0.0.1:{moved}" in out)
    assert "Not open" not in out
    code, out, _ = await answered("send", MESSAGES / "charge.hl7", "--port", moved)
    assert (WELL, "AA  CHG-0001  accepted: it is stored\n") == (code, out)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        file.write_text(file.read_text().replace(str(moved), str(taken)))
        code, out, _ = await answered("apply", estate, "--home", home, "--json")
        assert (WELL, ["charges"]) == (code, json.loads(out)["not_open"])
        code, out, _ = await answered("status", "--home", home)
        assert (FOUND, True) == (code, "charges is not open  another program listens" in out)
    remits = estate / "sources" / "remits.toml"
    remits.write_text(remits.read_text().replace("inbox/remits", "serve.lock/remits"))
    code, out, _ = await answered("apply", estate, "--home", home)
    assert (FOUND, True) == (code, "serve.lock is no folder" in out)


async def _until_in_the_erp(home: Path, *, journals: int) -> None:
    async with asyncio.timeout(240):
        while True:
            _, out, _ = await answered("status", "--json", "--home", home)
            if json.loads(out)["deliveries"]["sent"] >= journals:
                return
            await asyncio.sleep(0.5)


def test_a_sandbox_asks_for_the_token_that_the_estate_names(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("adt", "charges", "scheduling", "erp")}
    estate = estate_on(tmp_path / "estate", ports)
    empty = {"SUTURE_ERP_TOKEN": ""}
    code, _, err = asyncio.run(
        answered("sandbox", estate, "--home", tmp_path / "home", environment=empty)
    )
    assert MISUSED == code
    assert "export SUTURE_ERP_TOKEN=" in err


def test_a_sandbox_stands_in_on_this_machine_only(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("adt", "charges", "scheduling", "erp")}
    estate = estate_on(tmp_path / "estate", ports)
    file = estate / "destinations" / "erp.toml"
    file.write_text(file.read_text().replace("127.0.0.1", "erp.example.org"))
    code, _, err = asyncio.run(answered("sandbox", estate, "--home", tmp_path / "home"))
    assert (MISUSED, True) == (code, "on this machine only" in err)


def test_a_sandbox_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = {name: free_port() for name in ("adt", "charges", "scheduling")}
        estate = estate_on(tmp_path / "estate", {**ports, "erp": other.getsockname()[1]})
        code, _, err = asyncio.run(answered("sandbox", estate, "--home", tmp_path / "home"))
    assert (CLOSED, True) == (code, "is taken" in err)


def test_sending_to_nobody_says_that_nothing_was_sent() -> None:
    code, _, err = asyncio.run(
        answered("send", MESSAGES / "charge.hl7", "--port", str(free_port()))
    )
    assert (CLOSED, True) == (code, "nothing was sent" in err)


def test_a_file_of_another_kind_is_not_sent() -> None:
    code, _, err = asyncio.run(answered("send", MESSAGES / "remittance.835", "--port", "1"))
    assert (MISUSED, True) == (code, "holds no HL7 v2 message" in err)


def test_a_message_that_is_not_accepted_is_a_finding(tmp_path: Path) -> None:
    reply = b"MSH|^~\\&|X|Y|||20260401||ACK|1|P|2.5.1\rMSA|AR|CHG-0001|not here\r"
    code, out, _ = asyncio.run(_sent_to(reply, MESSAGES / "charge.hl7"))
    assert (FOUND, "AR  CHG-0001  rejected (not here)\n") == (code, out)


async def _sent_to(reply: bytes, file: Path) -> tuple[int, str, str]:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\x1c\r")
        writer.write(b"\x0b" + reply + b"\x1c\r")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await answered("send", file, "--port", port)


def test_the_status_is_no_longer_well_when_something_stands_still(tmp_path: Path) -> None:
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    ports = {name: free_port() for name in ("adt", "charges", "scheduling", "erp")}
    asyncio.run(_standing_still(estate_on(tmp_path / "estate", ports), tmp_path / "home", ports))


async def _standing_still(estate: Path, home: Path, ports: Mapping[str, int]) -> None:
    """Serve without the ERP's token, drop a file nobody takes, then kill the supervisor."""
    serve = await started("serve", estate, "--home", home, environment={"SUTURE_ERP_TOKEN": ""})
    assert serve.stdout is not None
    said = ""
    async with asyncio.timeout(240):
        while "At work" not in said:
            said += (await serve.stdout.readline()).decode()
    assert "erp cannot send  env:SUTURE_ERP_TOKEN is empty: journals wait." in said
    shutil.copy(MESSAGES / "remittance.835", home / "inbox" / "remits")
    shutil.copy(MESSAGES / "charge.hl7", home / "inbox" / "remits")
    told = await _status_until(home, lambda told: bool(told["destinations"][0]["code"]))
    assert ("at work", False) == (told["verdict"], told["well"])
    (erp,) = told["destinations"]
    assert ("waiting", "erp.credentials.invalid") == (erp["state"], erp["code"])
    # Cash and claims are booked by two streams: one journal where both were ready, or two.
    assert erp["queued"] in {1, 2}
    assert "The token is empty (env:SUTURE_ERP_TOKEN)" == erp["explanation"]
    assert "SUTURE_ERP_TOKEN" in erp["remedy"]
    unmatched = {each["source"]: each["unmatched_files"] for each in told["doors"]}
    assert {"adt": 0, "charges": 0, "remits": 1, "scheduling": 0} == unmatched
    _, out, _ = await answered("status", "--home", home)
    assert "1 file in inbox/remits that *.835 does not match: nobody takes it" in out
    waits = r"erp waits  The token is empty \(env:SUTURE_ERP_TOKEN\); \d journals? wait"
    assert re.search(waits, out)
    serve.kill()
    await serve.communicate()
    told = await _status_until(home, lambda told: not told["workers"])
    assert ("not at work", False, False) == (told["verdict"], told["running"], told["well"])
    await EmbeddedPostgres(home / "postgres").stop()
    code, out, _ = await answered("status", "--home", home)
    assert (FOUND, True) == (code, out.startswith("Stopped"))


async def _status_until(home: Path, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask for the status, which is a finding each time, until it is as wanted."""
    async with asyncio.timeout(240):
        while True:
            code, out, _ = await answered("status", "--json", "--home", home)
            told: dict[str, Any] = json.loads(out)
            if is_wanted(told):
                assert FOUND == code
                return told
            await asyncio.sleep(0.5)
