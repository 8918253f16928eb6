"""The player against a listener that drops connections, refuses and dies: nothing lost or skipped.

The listener is made of `suture.wire` alone; what it received is held against the player's tally.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from suture.simulator.health_system import TOTALS, Planned, generate
from suture.simulator.health_system.player import (
    Address,
    GaveUpError,
    Player,
    Route,
    reply_code,
)
from suture.simulator.health_system.tally import Tally, read_tally
from suture.wire.hl7v2 import Message, acknowledge, parse
from suture.wire.mllp import Frame, FrameReader, frame

_SEED, _DAYS, _PATIENTS = 4, 3, 12
_Result = TypeVar("_Result")


def _run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    return asyncio.run(asyncio.wait_for(coroutine, 60))


class _Listener:
    """An MLLP listener that keeps what it acknowledged, in order, and misbehaves by its dice."""

    def __init__(self, *, misbehaves: float = 0.0) -> None:
        self._dice = random.Random(9)
        self._misbehaves = misbehaves
        self._server: asyncio.Server | None = None
        self.port = 0
        self.received: list[bytes] = []
        """Every frame, whatever became of it."""
        self.kept: list[bytes] = []
        """The first arrival of every message."""
        self._known: set[bytes] = set()
        self.codes: list[str] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader()
        while data := await reader.read(65536):
            for item in frames.receive(data):
                assert isinstance(item, Frame)
                if not self._answer(item.payload, writer):
                    writer.close()
                    return
        writer.close()

    def _answer(self, raw: bytes, writer: asyncio.StreamWriter) -> bool:
        """Keep and answer a message; return False where the connection breaks instead."""
        self.received.append(raw)
        fate = self._dice.random() / self._misbehaves if self._misbehaves else 1.0
        if fate < 0.35:
            return False  # Lost before it was kept.
        message = parse(raw)
        assert isinstance(message, Message)
        code = "CA" if message.accept_acknowledgement else "AA"
        if fate < 0.6:
            code = "CR" if code == "CA" else "AE"
        else:
            if raw not in self._known:
                self.kept.append(raw)
            self._known.add(raw)
            if fate < 0.9:
                return False  # Kept, but the reply is lost.
        self.codes.append(code)
        reply = acknowledge(message, code, control_id="1", at="20260302")
        writer.write(frame(reply))
        return True


def _plan() -> list[Planned]:
    return list(generate(_SEED, _DAYS, patients_per_day=_PATIENTS))


async def _play(
    plan: list[Planned], remits: Path, *, misbehaves: float = 0.0, connections: int = 3
) -> tuple[Tally, dict[str, _Listener]]:
    listeners = {
        "adt": _Listener(misbehaves=misbehaves),
        "scheduling": _Listener(misbehaves=misbehaves),
        "charges": _Listener(misbehaves=misbehaves),
    }
    for listener in listeners.values():
        await listener.start()
    tally = Tally(seed=_SEED)
    route = Route(
        doors={
            "adt": Address("127.0.0.1", listeners["adt"].port),
            "scheduling": Address("127.0.0.1", listeners["scheduling"].port),
            "charges": Address("127.0.0.1", listeners["charges"].port),
        },
        remits=remits,
        connections=connections,
        deadline_seconds=50,
    )
    await Player(route, tally).play(plan)
    for listener in listeners.values():
        await listener.stop()
    return tally, listeners


def _expected_totals(plan: list[Planned]) -> dict[str, tuple[int, int]]:
    sums = dict.fromkeys(TOTALS, (0, 0))
    for planned in plan:
        for total in planned.totals:
            count, minor = sums[total.name]
            sums[total.name] = (count + total.count, minor + total.amount_minor)
    return sums


def _assert_tallied(plan: list[Planned], tally: Tally, listeners: dict[str, _Listener]) -> None:
    """Hold the tally against the plan and against what the listeners got."""
    messages = [each for each in plan if each.door != "remits"]
    frames = [raw for listener in listeners.values() for raw in listener.received]
    codes = [code for listener in listeners.values() for code in listener.codes]
    duplicates = sum(each.is_duplicate for each in messages)
    assert (tally.messages_sent, tally.duplicates_sent) == (len(messages) - duplicates, duplicates)
    assert {each.raw for each in messages} == set(frames)
    assert len(frames) == tally.frames_sent == len(messages) + tally.resends
    assert tally.acknowledged == {code: codes.count(code) for code in set(codes)}
    assert tally.acknowledged["AA"] + tally.acknowledged["CA"] == len(messages)
    assert _expected_totals(plan) == {
        name: (total.count, total.amount_minor) for name, total in tally.totals.items()
    }
    assert sum(tally.planted.values()) == sum(bool(each.planted) for each in plan)
    assert sum(tally.healed.values()) == sum(bool(each.heals) for each in plan)


def test_everything_of_the_plan_arrives_at_its_door_and_is_tallied(tmp_path: Path) -> None:
    plan = _plan()
    tally, listeners = _run(_play(plan, tmp_path))
    _assert_tallied(plan, tally, listeners)
    assert (tally.resends, tally.connections_lost, tally.day) == (0, 0, _DAYS)
    for door, listener in listeners.items():
        sent = {each.raw for each in plan if each.door == door}
        assert sent == set(listener.kept)


def test_a_listener_that_drops_refuses_and_forgets_to_reply_still_gets_everything_in_order(
    tmp_path: Path,
) -> None:
    plan = _plan()
    tally, listeners = _run(_play(plan, tmp_path, misbehaves=0.08))
    _assert_tallied(plan, tally, listeners)
    assert tally.resends >= tally.connections_lost > 0
    assert tally.acknowledged["AE"] + tally.acknowledged["CR"] > 0
    kept = [raw for listener in listeners.values() for raw in listener.kept]
    place = {raw: number for number, raw in enumerate(kept)}
    keys = {(each.door, each.key) for each in plan if each.door != "remits"}
    for key in keys:
        places = [
            place[each.raw]
            for each in plan
            if (each.door, each.key) == key and not each.is_duplicate
        ]
        assert places == sorted(places)


def test_files_are_written_whole_under_their_names(tmp_path: Path) -> None:
    plan = [each for each in _plan() if each.door == "remits"]
    tally, _ = _run(_play(plan, tmp_path))
    assert {each.name: each.raw for each in plan} == {
        path.name: path.read_bytes() for path in tmp_path.iterdir()
    }
    assert (tally.files_written, tally.sets_written) == (
        len(plan),
        sum(each.sets_count for each in plan if not each.is_duplicate),
    )


def test_the_player_waits_for_a_listener_that_comes_back(tmp_path: Path) -> None:
    async def scenario() -> tuple[Tally, _Listener]:
        listener = _Listener()
        await listener.start()
        await listener.stop()
        plan = [each for each in _plan() if each.door == "scheduling"]
        route = Route(
            doors={"scheduling": Address("127.0.0.1", listener.port)},
            remits=tmp_path,
            deadline_seconds=30,
        )
        tally = Tally(seed=_SEED)
        playing = asyncio.create_task(Player(route, tally).play(plan))
        await asyncio.sleep(0.3)
        assert (tally.frames_sent, tally.sent) == (0, 0)
        await listener.start()
        await playing
        await listener.stop()
        assert {each.raw for each in plan} == set(listener.kept)
        return tally, listener

    tally, listener = _run(scenario())
    assert tally.frames_sent == len(listener.received)
    assert tally.resends == 0, "nothing was sent before it could connect"


def test_with_nobody_listening_the_player_gives_up_at_its_deadline(tmp_path: Path) -> None:
    async def scenario() -> Tally:
        listener = _Listener()
        await listener.start()
        await listener.stop()
        route = Route(
            doors={"adt": Address("127.0.0.1", listener.port)},
            remits=tmp_path,
            deadline_seconds=0.2,
        )
        tally = Tally(seed=_SEED)
        plan = [each for each in _plan() if each.door == "adt"]
        with pytest.raises(GaveUpError):
            await Player(route, tally).play(plan)
        return tally

    tally = _run(scenario())
    assert (tally.sent, tally.day, tally.is_complete) == (0, 0, False)


def test_a_rate_spaces_what_is_sent(tmp_path: Path) -> None:
    plan = [each for each in _plan() if each.door == "remits"][:5]

    async def scenario() -> float:
        started_at = asyncio.get_running_loop().time()
        route = Route(doors={}, remits=tmp_path, rate_max=50)
        await Player(route, Tally(seed=_SEED)).play(plan)
        return asyncio.get_running_loop().time() - started_at

    assert _run(scenario()) >= (len(plan) - 1) / 50


def test_only_an_acknowledgement_of_this_very_message_counts() -> None:
    message = parse(_plan()[0].raw)
    assert isinstance(message, Message)
    reply = acknowledge(message, "AA", control_id="1", at="20260302")
    assert reply_code(reply, message.control_id) == "AA"
    assert reply_code(reply, "another") == ""
    assert reply_code(b"HTTP/1.1 200 OK", message.control_id) == ""
    assert reply_code(message.raw, message.control_id) == ""


def test_the_command_line_plays_days_one_after_another_and_continues_its_tally(
    tmp_path: Path,
) -> None:
    async def scenario() -> list[str]:
        listener = _Listener()
        await listener.start()
        printed: list[str] = []
        for days in (("1", "2"), ("3", "3")):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "suture.simulator.health_system"),
                *("--days", str(_DAYS), "--seed", str(_SEED)),
                *("--patients-per-day", str(_PATIENTS)),
                *(f"--adt=127.0.0.1:{listener.port}", f"--charges=127.0.0.1:{listener.port}"),
                *(f"--scheduling=127.0.0.1:{listener.port}", f"--remits={tmp_path / 'inbox'}"),
                *("--tally", str(tmp_path / "tally.json"), "--deadline-seconds", "30"),
                *("--from-day", days[0], "--to-day", days[1]),
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            assert process.returncode == 0
            printed += output.decode().splitlines()
        await listener.stop()
        assert {each.raw for each in _plan() if each.door != "remits"} == set(listener.kept)
        return printed

    lines = [msgspec.json.decode(line) for line in _run(scenario())]
    plan = _plan()
    tally = read_tally(tmp_path / "tally.json")
    assert [line["day"] for line in lines] == [1, 2, 3]
    assert lines[-1]["sent"] == tally.sent == len(plan)
    assert tally.is_complete
    assert _expected_totals(plan) == {
        name: (total.count, total.amount_minor) for name, total in tally.totals.items()
    }
    assert {path.name for path in (tmp_path / "inbox").iterdir()} == {
        each.name for each in plan if each.door == "remits"
    }
