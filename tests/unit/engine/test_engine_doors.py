"""Doors are opened each by itself, tried again until they can be, and moved by a release.

What opens a port or a folder in earnest is `tests/integration/test_duties_work.py`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from suture.connectors.files.door import FolderDoor
from suture.connectors.files.folder import Folder, FolderSettings, FoundFile, unusable
from suture.connectors.mllp.listener import Listener, unopened
from suture.connectors.mllp.settings import Limits, MllpSettings
from suture.engine.doors import Doors, Opened
from suture.engine.file_intake import FileIntake
from suture.governance.connections import Source
from suture.model.fault import Fault, fault

QUICK = 0.02


def source(name: str, port: int, facility: str = "") -> Source:
    """Return a source that listens on a port."""
    return Source(
        name=name,
        connector="mllp",
        translations=("hl7v2_adt",),
        processing="P",
        zone=ZoneInfo("America/Chicago"),
        authority="riverbend",
        charset="utf-8",
        facility=facility,
        ack="stored",
        settings=MllpSettings(port=port),
    )


class House:
    """Ports that can be taken by others; remembers what was tried, opened and closed."""

    def __init__(self) -> None:
        self.taken: set[int] = set()
        self.tried: list[str] = []
        self.open: list[int] = []
        self.used: list[str] = []

    async def opener(self, wanted: Source) -> Opened | Fault:
        assert isinstance(wanted.settings, MllpSettings)
        port = wanted.settings.port
        self.tried.append(f"{wanted.name} {port}")
        if port in self.taken:
            return unopened(OSError(errno.EADDRINUSE, "in use"), "127.0.0.1", port)
        self.open.append(port)
        self.used.append(wanted.facility)

        async def close() -> None:
            self.open.remove(port)

        return Opened(f"127.0.0.1:{port}", close)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - the house has no event to wait for
                await asyncio.sleep(0.005)


def doors_of(house: House) -> Doors:
    return Doors(house.opener, retry_seconds_min=QUICK, retry_seconds_max=4 * QUICK)


def codes(doors: Doors) -> dict[str, str]:
    return {door.source: door.code for door in doors.told()}


async def test_one_door_that_cannot_be_opened_keeps_no_other_closed() -> None:
    house, wanted = House(), [source("adt", 1), source("charges", 2), source("scheduling", 3)]
    house.taken = {1}
    doors = doors_of(house)
    await doors.settle(wanted)
    assert [2, 3] == house.open
    assert {"adt": "mllp.port.taken", "charges": "", "scheduling": ""} == codes(doors)
    house.taken = set()
    await house.until(lambda: 1 in house.open)
    assert {"adt": "", "charges": "", "scheduling": ""} == codes(doors)
    await doors.drain()
    assert ([], ()) == (house.open, doors.told())


async def test_a_door_is_tried_less_and_less_often_and_its_trouble_logged_once() -> None:
    house = House()
    house.taken = {1}
    doors = doors_of(house)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with capture_logs() as logged:
        await doors.settle([source("adt", 1)])
        await house.until(lambda: len(house.tried) == 5)
    assert loop.time() - began >= (1 + 2 + 4 + 4) * QUICK
    (line,) = (each for each in logged if each["event"] == "door_not_open")
    assert ("error", "adt", "mllp.port.taken") == (line["log_level"], line["source"], line["code"])
    assert "change `port` in sources" in line["remedy"], "the line says what to do"
    await doors.drain()
    tried_count = len(house.tried)
    await asyncio.sleep(5 * QUICK)
    assert tried_count == len(house.tried), "nobody tries any more"


async def test_a_release_moves_doors_without_touching_the_others() -> None:
    house = House()
    doors = doors_of(house)
    await doors.settle([source("adt", 1), source("charges", 2), source("old", 3)])
    await doors.settle([source("adt", 1), source("charges", 4), source("new", 5)])
    assert [1, 4, 5] == sorted(house.open)
    assert 1 == house.tried.count("adt 1")
    await doors.drain()


async def test_a_door_that_waits_is_opened_where_the_next_release_puts_it() -> None:
    """The remedy that the log names: another port, and the estate brought into force."""
    house = House()
    house.taken = {1, 2}
    doors = doors_of(house)
    await doors.settle([source("adt", 1), source("charges", 2)])
    await doors.settle([source("adt", 3), source("charges", 2, facility="RNH")])
    assert [3] == house.open
    house.taken = set()
    await house.until(lambda: 2 in house.open)
    assert ["", "RNH"] == house.used, "by the release in force"
    assert 1 not in house.open
    await doors.drain()


async def test_a_door_opened_just_as_it_is_given_up_is_closed_again() -> None:
    house = House()
    house.taken = {1}
    doors = doors_of(house)
    plain, opening = house.opener, asyncio.Event()

    async def slowly(wanted: Source) -> Opened | Fault:
        opening.set()
        await asyncio.sleep(5 * QUICK)
        return await plain(wanted)

    await doors.settle([source("adt", 1)])
    doors._opener = slowly
    house.taken = set()
    await opening.wait()
    await doors.drain()
    assert ([], 2) == (house.open, len(house.tried))


async def test_an_open_door_whose_other_side_does_not_answer_says_so_until_it_does() -> None:
    troubles: list[Fault | None] = [None, fault("egress.connection.failed", "there"), None]

    async def close() -> None:
        """Do nothing."""

    async def opener(_: Source) -> Opened | Fault:
        return Opened("there", close, lambda: troubles[0])

    doors = Doors(opener)
    await doors.settle([source("adt", 1)])
    told = []
    while troubles:
        told.append((codes(doors)["adt"], doors.told()[0].address))
        troubles.pop(0)
    assert [("", "there"), ("egress.connection.failed", "there"), ("", "there")] == told
    troubles.append(None)
    await doors.drain()


async def test_f13_a_door_of_files_that_is_away_is_looked_at_again_and_logged_once() -> None:
    away = fault("files.folder.unusable", "inbox")
    answers: list[list[FoundFile] | Fault] = [away, away, [], away]

    class Door(FolderDoor):
        def __init__(self) -> None:
            """Hold nothing."""

        async def find(self, at_seconds: float) -> list[FoundFile] | Fault:
            assert at_seconds > 0
            return answers.pop(0)

    nothing: Any = None
    intake = FileIntake(nothing, Door(), SimpleNamespace(source="remits"))  # type: ignore[arg-type]
    with capture_logs() as logged:
        told = []
        while answers:
            assert 0 == await intake.turn()
            told.append(intake.trouble)
    assert [away, away, None, away] == told
    assert ["door_does_not_answer", "door_does_not_answer"] == [each["event"] for each in logged]


def test_f33_an_attempt_that_raises_ends_the_worker() -> None:
    """A bug is not a door that is closed: the supervisor starts the worker again."""
    house = House()
    house.taken = {1}

    async def broken(wanted: Source) -> Opened | Fault:
        raise RuntimeError("a bug")

    async def work() -> None:
        doors = doors_of(house)
        await doors.settle([source("adt", 1)])
        doors._opener = broken
        await asyncio.sleep(5)

    with pytest.raises(SystemExit):
        asyncio.run(work())


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize(
    ("host", "code"), [("127.0.0.1", "mllp.port.taken"), ("203.0.113.7", "mllp.address.unusable")]
)
async def test_a_listener_that_cannot_listen_says_why(taken: int, host: str, code: str) -> None:
    async def nothing(raw: bytes) -> bytes:
        return raw

    listener = Listener(nothing, Limits(), lambda _, __: None)
    with pytest.raises(OSError, match=r".") as raised:
        await listener.start(host, taken)
    told = unopened(raised.value, host, taken)
    assert (code, f"{host}:{taken}", False) == (told.code, told.where, told.permanent)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionError(errno.EACCES, "no"), "mllp.port.refused"),
        (socket.gaierror(-2, "no such name"), "mllp.address.unusable"),
        (OSError(errno.ENETDOWN, "down"), "mllp.address.unusable"),
    ],
)
def test_what_the_system_refuses_is_told_by_what_to_do_about_it(error: OSError, code: str) -> None:
    assert code == unopened(error, "adt.example", 80).code


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file where the folder should be")
    with pytest.raises(OSError, match=r".") as raised:
        Folder(FolderSettings(folder=tmp_path / "inbox" / "remits"))
    told = unusable(raised.value, tmp_path)
    assert "files.folder.unusable" == told.code
    assert str(tmp_path) in told.explanation
