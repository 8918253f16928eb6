"""A port that another program has closes one source's door and no other, and everybody is told.

With a real intake, real sockets and the store: what `suture status` says is read from there. How
doors are tried again and moved is `tests/unit/engine/test_engine_doors.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.mllp_peer import peer_at
from tests.integration.riverbend_store import Riverbend, code_of, estate_files
from tests.integration.riverbend_store import port_of as port_at
from tests.specs.riverbend_messages import Line, adt, dft

from suture.app import Installation
from suture.cli import status as status_command
from suture.cli.status import read_status
from suture.cli.status_screen import show
from suture.config import Settings
from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.engine.doors import Doors
from suture.engine.duties import FilesDuty, IntakeDuty
from suture.engine.worker import Setting, load_estate, run_worker
from suture.governance.release import pack, release_id
from suture.store.database import connect
from suture.store.releases import append_release

pytestmark = pytest.mark.integration

AT = "20260310120000"
INSTALLATION = Installation(Path("/nowhere"), Settings())


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """Return a socket of another program that listens on a port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other


def port_of(other: socket.socket) -> int:
    return int(other.getsockname()[1])


def estate_at(port: int) -> dict[str, bytes]:
    """Return Riverbend's estate, its registrations at this port, the others at any that is free."""
    files = dict(estate_files())
    for name in [name for name in files if name.startswith("sources/")]:
        at = port if name == "sources/adt.toml" else 0
        files[name] = re.sub(rb"(?m)^port = \d+$", b"port = %d" % at, files[name])
    return files


async def in_force(riverbend: Riverbend, port: int) -> Any:
    files = estate_at(port)
    await append_release(riverbend.database, release_id(files), pack(files), "in a test")
    return await load_estate(riverbend.database)


async def doors_told(riverbend: Riverbend) -> dict[str, Any]:
    """Return what `suture status --json` says of each source."""
    told = status_command.told(await read_status(riverbend.database, INSTALLATION))
    return {each["source"]: each for each in json.loads(json.dumps(told["doors"], default=str))}


async def until_open(riverbend: Riverbend, source: str) -> dict[str, Any]:
    for _ in range(200):
        found: dict[str, Any] = (await doors_told(riverbend))[source]
        if found["state"] == "open":
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{source} never opens")


async def test_other_sources_listen_while_one_port_is_taken_and_it_follows_when_it_is_free(
    riverbend: Riverbend, taken: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    await in_force(riverbend, port_of(taken))
    duty = IntakeDuty(riverbend.keeping())
    setting = Setting(role="intake", dsn=riverbend.dsn, home=Path("/nowhere"), name="intake-1")
    working = asyncio.create_task(run_worker(setting, duty, await connect(riverbend.dsn)))
    await until_open(riverbend, "charges")
    async with Sender("127.0.0.1", port_at(duty, "charges")) as billing:
        sent = dft("A1", Line("L1", "CG", 100), at=AT, control="M1")
        assert code_of(await billing.send(sent)) == "AA"
    waiting = (await doors_told(riverbend))["adt"]
    assert ("waiting", "mllp.port.taken") == (waiting["state"], waiting["code"])
    assert f"another program listens on 127.0.0.1:{port_of(taken)}" == waiting["explanation"]
    assert "change `port` in sources" in waiting["remedy"]
    show(await read_status(riverbend.database, INSTALLATION))
    shown = " ".join(capsys.readouterr().out.split())
    assert "adt is not open another program listens on" in shown
    assert "→ Nothing of this source arrives" in shown
    port = port_of(taken)
    taken.close()
    found = await until_open(riverbend, "adt")
    assert f"127.0.0.1:{port}" == found["address"]
    async with Sender("127.0.0.1", port) as registration:
        registered = adt("A04", "A1", at=AT, control="M2", financial_class="MC")
        assert code_of(await registration.send(registered)) == "AA"
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(working, 20)
    assert "closed" == (await doors_told(riverbend))["adt"]["state"]


async def test_b1_b5_a_source_is_lenient_where_it_says_so_and_status_counts_what_was_met(
    riverbend: Riverbend,
) -> None:
    files = estate_at(0)
    files["sources/charges.toml"] += b"lenient_end = true\n"  # its last table is [mllp]
    await append_release(riverbend.database, release_id(files), pack(files), "in a test")
    duty = IntakeDuty(riverbend.keeping())
    setting = Setting(role="intake", dsn=riverbend.dsn, home=Path("/nowhere"), name="intake-1")
    working = asyncio.create_task(run_worker(setting, duty, await connect(riverbend.dsn)))
    await until_open(riverbend, "charges")
    sent = dft("A1", Line("L1", "CG", 100), at=AT, control="M1")
    async with peer_at(port_at(duty, "charges")) as peer:
        await peer.say(b"\r\n\r\n\x0b" + sent + b"\x1c")
        assert code_of((await peer.replies(1))[0]) == "AA"
    async with peer_at(port_at(duty, "adt")) as peer:
        await peer.say(b"\x0b" + sent + b"\x1c\n")
        assert await peer.rest() == []
    told: dict[str, Any] = {}
    for _ in range(200):
        told = await doors_told(riverbend)
        if told["charges"]["faults"] and told["adt"]["faults"]:
            break
        await asyncio.sleep(0.1)
    assert ({"mllp.frame.lenient_end": 1}, 4) == (
        told["charges"]["faults"],
        told["charges"]["unframed_bytes"],
    )
    assert ({"mllp.frame.end": 1}, 0) == (told["adt"]["faults"], told["adt"]["unframed_bytes"])
    assert {} == told["scheduling"]["faults"]
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(working, 20)


async def test_a_release_gives_a_waiting_source_another_port_and_takes_one_away(
    riverbend: Riverbend, taken: socket.socket
) -> None:
    estate, release = await in_force(riverbend, port_of(taken))
    duty = IntakeDuty(riverbend.keeping())
    await duty.start(estate, release)
    assert ["mllp.port.taken", "", ""] == [door.code for door in duty.doors()]
    old = [port_at(duty, name) for name in ("charges", "scheduling")]
    files = estate_at(0)
    moved = files["sources/charges.toml"] + b"\n[mllp.limits]\nconnections_max = 7\n"
    files |= {"sources/charges.toml": moved}
    del files["sources/scheduling.toml"]
    await append_release(riverbend.database, release_id(files), pack(files), "in a test")
    await duty.change(*await load_estate(riverbend.database))
    assert [("adt", ""), ("charges", "")] == [(door.source, door.code) for door in duty.doors()]
    async with Sender("127.0.0.1", port_at(duty, "adt")) as registration:
        registered = adt("A04", "A1", at=AT, control="M1", financial_class="MC")
        assert code_of(await registration.send(registered)) == "AA"
    for gone in old:
        with pytest.raises(ConnectionLostError):
            await Sender("127.0.0.1", gone).connect()
    await duty.drain()


async def test_a_folder_that_cannot_be_watched_is_told_and_watched_when_it_can(
    riverbend: Riverbend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"retry_seconds_min": 0.05, "retry_seconds_max": 0.05}
    monkeypatch.setattr("suture.engine.duties.Doors", lambda opener: Doors(opener, **quick))
    in_the_way = tmp_path / "inbox"
    in_the_way.write_text("a file where a folder should be")
    estate, release = await in_force(riverbend, 0)
    duty = FilesDuty(riverbend.keeping(tmp_path))
    await duty.start(estate, release)
    assert ["files.folder.unusable"] == [door.code for door in duty.doors()]
    in_the_way.unlink()
    for _ in range(500):
        if not duty.doors()[0].code:
            break
        await asyncio.sleep(0.02)
    assert [""] == [door.code for door in duty.doors()]
    assert (tmp_path / "inbox" / "remits").is_dir()
    await duty.drain()
