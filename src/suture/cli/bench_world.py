"""The stages of `suture bench` that need a whole running Suture: its database, workers and an ERP.

Traffic goes in through real sockets and files; the clock stops when nothing waits any more: every
event is decided and every entry is in a journal that is queued for delivery. Beside the clock
stands the processor time each process used, which a busy machine distorts less. What a stage is
called and how figures are shown is `bench.py`.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from suture.cli.estates import sample_estate
from suture.cli.world import World, clear, open_world
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Routed
from suture.pipeline import read_file
from suture.simulator.health_system.load import LoadMessage, generate_load, write_835
from suture.store.controls import read_counts
from suture.store.queues import read_under_way
from suture.wire.mllp import frame

CONNECTIONS = 50
CLAIMS_COUNT = 20_000
LARGE_CLAIMS_COUNT = 400_000
"""About 200 MB of 835."""

_END_OF_FRAME = b"\x1c\r"
_POLL_SECONDS = 0.02
_PROCESSES = Path("/proc")

Figures = dict[str, Any]


def end_to_end(messages: int) -> Figures:
    """Measure HL7 v2 over MLLP to entries and to journals queued for delivery."""
    import uvloop

    return uvloop.run(_measure_end_to_end(messages))


async def _measure_end_to_end(messages: int) -> Figures:
    traffic = list(generate_load(1, messages))
    warming = messages // 20
    folder = Path(".suture") / "bench"
    async with open_world(folder, sample_estate()) as world:
        await _send_all(world, traffic[:warming], [])
        await world.quiet()
        before = await read_counts(await world.database())
        used = _processor_seconds(world)
        latencies: list[float] = []
        began = time.perf_counter()
        await _send_all(world, traffic[warming:], latencies)
        acknowledged = time.perf_counter() - began
        booked, queued = await _handled(world, began)
        used = _since(used, _processor_seconds(world))
        counts = await read_counts(await world.database())
        wait = _journal_wait_seconds(world)
    await clear(folder)
    sent = messages - warming
    latencies.sort()
    return {
        **rates(queued, sent, "messages"),
        "until": "every journal is queued for delivery",
        "journal_wait_seconds_max": wait,
        "booked_per_second": round(sent / booked),
        "acknowledged_per_second": round(sent / acknowledged),
        "ack_milliseconds_p50": round(statistics.median(latencies) * 1000, 1),
        "ack_milliseconds_p99": round(latencies[int(len(latencies) * 0.99)] * 1000, 1),
        "connections": CONNECTIONS,
        "events": counts.events_count - before.events_count,
        "entries": counts.entries_count - before.entries_count,
        **_processor_figures(used, sent, "message"),
    }


class _Caller(asyncio.Protocol):
    """One connection with one message in flight.

    As lean as can be, for it shares the machine with what it measures.
    """

    def __init__(self, traffic: Iterator[bytes], latencies: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._traffic = traffic
        self._latencies = latencies
        self._transport: asyncio.Transport | None = None
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        if data.endswith(_END_OF_FRAME):
            self._latencies.append(time.perf_counter() - self._began)
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the listener hung up"))

    def _next(self) -> None:
        assert self._transport is not None  # connected
        raw = next(self._traffic, None)
        if raw is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(raw)


async def _send_all(world: World, traffic: list[LoadMessage], latencies: list[float]) -> None:
    """Send over many connections, shared out among the doors as the traffic is.

    One message is in flight on each.
    """
    loop = asyncio.get_running_loop()
    callers: list[_Caller] = []
    for door, port in world.ports.items():
        frames = [frame(each.raw) for each in traffic if each.door == door]
        queue = iter(frames)
        for _ in range(max(1, round(CONNECTIONS * len(frames) / len(traffic)))):
            factory = partial(_Caller, queue, latencies)
            _, caller = await loop.create_connection(factory, "127.0.0.1", port)
            callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))


async def _handled(world: World, began: float) -> tuple[float, float]:
    """Wait until every event is booked, then until every entry's journal is queued for delivery.

    Return the seconds each took from the beginning.
    """
    database = await world.database()
    booked = 0.0
    while True:
        under_way = await read_under_way(database)
        now = time.perf_counter() - began
        if not under_way.events:
            booked = booked or now
            if not under_way.entries:
                return booked, now
        await asyncio.sleep(_POLL_SECONDS)


def _journal_wait_seconds(world: World) -> float:
    """Return how long policy lets an entry wait for others before its journal is made."""
    estate = load(world.files, CONNECTORS)
    assert isinstance(estate, Estate)  # it is in force
    return max(
        policy.seconds_max
        for destination in estate.destinations.values()
        for policy in destination.policies.values()
    )


def remittance(messages: int) -> Figures:
    """Measure an 835 file to entries and to journals queued, and the memory a large one takes.

    Both are shorter where fewer messages were asked for, and say then less.
    """
    import uvloop

    return uvloop.run(_measure_remittance(min(messages, CLAIMS_COUNT)))


async def _measure_remittance(claims: int) -> Figures:
    folder = Path(".suture") / "bench"
    file = bench_file(claims)
    async with open_world(folder, sample_estate()) as world:
        database = await world.database()
        used = _processor_seconds(world)
        began = time.perf_counter()
        file.rename(world.inbox / "bench.835")
        while not (await read_counts(database)).messages_count:  # noqa: ASYNC110 - the workers' database
            await asyncio.sleep(_POLL_SECONDS)
        taken = time.perf_counter() - began
        booked, queued = await _handled(world, began)
        used = _since(used, _processor_seconds(world))
    await clear(folder)
    return {
        **rates(booked, claims, "claims"),
        "until": "every claim is booked",
        "seconds_until_taken": round(taken, 2),
        "seconds_until_booked": round(booked, 2),
        "seconds_until_journals_queued": round(queued, 2),
        **_processor_figures(used, claims, "claim"),
        **_large_file(claims * LARGE_CLAIMS_COUNT // CLAIMS_COUNT),
    }


def _large_file(claims: int) -> Figures:
    """Read a file of about 200 MB and report how much memory that took beyond the start."""
    file = bench_file(claims)
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        facts = sum(
            isinstance(piece, Routed)
            for piece in read_file(file_chunks(file), bench_channel("remits"))
        )
        seconds = time.perf_counter() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        return {
            "large_file_megabytes": round(file.stat().st_size / 1e6),
            "large_file_facts": facts,
            "large_file_seconds": round(seconds, 1),
            "large_file_memory_grown_megabytes": round(grown / 1024, 1),
            "memory_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
    finally:
        file.unlink()


def _processor_seconds(world: World) -> dict[str, float]:
    """Return how much processor time each process of the world has used.

    Every worker by its role, PostgreSQL with all its sessions, the ERP, and whoever sends. Empty
    where the system does not tell.
    """
    if not (_PROCESSES / "self" / "stat").exists():
        return {}
    parents = {path.name: _stat(path) for path in _PROCESSES.iterdir() if path.name.isdigit()}
    owners = {str(pid): name for name, pid in world.process_ids().items()}
    owners[str(os.getpid())] = "senders"
    used: dict[str, float] = {}
    for pid, (parent, seconds) in parents.items():
        name = owners.get(pid) or ("postgres" if owners.get(parent) == "postgres" else "")
        if name:
            used[name] = used.get(name, 0.0) + seconds
    return used


def _stat(process: Path) -> tuple[str, float]:
    """Return a process's parent and the processor seconds it used; nothing of one that is gone."""
    try:
        words = (process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return "", 0.0
    ticks = int(words[11]) + int(words[12]) + int(words[13]) + int(words[14])
    return words[1], ticks / os.sysconf("SC_CLK_TCK")


def _since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def _processor_figures(used: Mapping[str, float], count: int, name: str) -> Figures:
    """Return processor microseconds for each message or claim: together, and by process."""
    if not used:
        return {}
    shares = {each: round(seconds / count * 1e6, 1) for each, seconds in sorted(used.items())}
    return {
        f"processor_microseconds_per_{name}": round(sum(used.values()) / count * 1e6, 1),
        "processor_microseconds_by_process": shares,
    }


def rates(seconds: float, count: int, name: str) -> Figures:
    """Return a rate both ways: per second, and microseconds for each."""
    return {
        f"{name}_per_second": round(count / seconds),
        f"microseconds_per_{name.removesuffix('s')}": round(seconds / count * 1e6, 1),
    }


def bench_channel(source: str) -> Channel:
    """Return a channel to translate generated traffic by."""
    return Channel(
        source=source,
        zone=ZoneInfo("America/Chicago"),
        tokenizer=Tokenizer(bytes(32)),
        authority="riverbend",
    )


def bench_file(claims_count: int) -> Path:
    """Write an 835 of so many claims."""
    folder = Path(".suture")
    folder.mkdir(exist_ok=True)
    path = folder / f"bench-{claims_count}.835"
    write_835(path, claims_count, 1)
    return path


def file_chunks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, a megabyte at a time."""
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk
