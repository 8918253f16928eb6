"""`suture bench`: throughput and latency on generated traffic, stage by stage and end to end.

    parse       HL7 v2 and X12 syntax alone, beside a plain split of the same bytes
    translate   messages to facts; remittances to facts
    run         facts to entries, in memory
    end-to-end  MLLP to entry and queued delivery, durable commits on, 50 connections
    remittance  an 835 file to entries in the database

Figures are per second and microseconds for each message or claim, beside the machine's facts.
Machines are noisy: compare ratios of one run.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from rich.console import Console

from suture.cli.ending import UsageError
from suture.cli.estates import sample_estate
from suture.cli.screen import open_console, plain_table
from suture.cli.world import World, clear, open_world
from suture.governance.estate import Estate, load
from suture.model.event import Event, make_event
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Routed
from suture.pipeline import Record, advance, initial, read_file, read_message
from suture.simulator.health_system.load import LoadMessage, generate_load, write_835
from suture.store.controls import read_counts
from suture.wire import hl7v2
from suture.wire.mllp import frame

STAGES = ("parse", "translate", "run", "end-to-end", "remittance")
ROUNDS = 3
END_OF_FRAME = b"\x1c\r"
CONNECTIONS = 50
CLAIMS_COUNT = 20_000
LARGE_CLAIMS_COUNT = 400_000
"""About 200 MB of 835."""

Figures = dict[str, Any]


def run(*, stage: str | None, messages: int, as_json: bool) -> int:
    """Run one stage or all of them and print the figures."""
    if stage is not None and stage not in STAGES:
        raise UsageError(f"no stage is named {stage}: {', '.join(STAGES)}")
    figures: Figures = {"machine": _machine()}
    console = open_console(is_error=True)  # where figures do not go: they may be piped
    for name in (stage,) if stage else STAGES:
        began = time.perf_counter()
        with _underway(console, name):
            figures[name] = _STAGES[name](messages)
        console.print(f"{name}: measured in {time.perf_counter() - began:.1f} s")
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        _print(figures)
    return 0


@contextmanager
def _underway(console: Console, stage: str) -> Iterator[None]:
    """Say which stage is being measured: what moves at a terminal, a line where it is piped."""
    told = f"{stage}: measuring ..."
    if console.is_terminal:
        with console.status(told):
            yield
    else:
        console.print(told)
        yield


def _machine() -> Figures:
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _parse(messages: int) -> Figures:
    traffic = [each.raw for each in generate_load(1, messages)]

    def plain() -> None:
        for raw in traffic:
            for line in raw.decode().split("\r"):
                line.split("|")

    def route_fields() -> None:
        for raw in traffic:
            message = hl7v2.parse(raw)
            assert isinstance(message, hl7v2.Message)  # generated traffic parses
            for path in ("MSH-9", "MSH-10", "PID-3.1", "PID-5.1", "PV1-19.1"):
                message.get(path)

    baseline, measured = _timed(plain), _timed(route_fields)
    return {
        **_rates(measured, messages, "messages"),
        "time_beside_plain_split": round(measured / baseline, 2),
    }


def _translate(messages: int) -> Figures:
    traffic = [each.raw for each in generate_load(1, messages)]
    channel = _channel("charges")

    def hl7() -> None:
        for raw in traffic:
            read_message(raw, channel)

    claims = min(messages, CLAIMS_COUNT)
    file = _file(claims)
    try:

        def x12() -> None:
            for _ in read_file(_chunks(file), _channel("remits")):
                pass

        return {
            **_rates(_timed(hl7), messages, "messages"),
            **_rates(_timed(x12), claims, "claims"),
        }
    finally:
        file.unlink()


def _run(messages: int) -> Figures:
    estate = _estate()
    channel = _channel("charges")
    events = _events(
        (read_message(each.raw, channel) for each in generate_load(1, messages)), "charges"
    )

    def decide() -> None:
        records: dict[str, Record[Any]] = {}
        for event in events:
            record = records.get(event.stream)
            if record is None:
                record = records[event.stream] = initial(event.stream)
            advance(record, event, estate.books)

    return _rates(_timed(decide), len(events), "events")


def _events(translations: Iterable[Any], source: str) -> list[Event]:
    return [
        make_event(
            routed.stream,
            routed.fact,
            routed.where,
            ordinal,
            message_id=f"msg_{number:026d}",
            digest=f"{number:012d}",
            recorded_at_ms=translation.recorded_at_ms,
            sequence=translation.sequence,
            source=source,
            received_at_ms=0,
        )
        for number, translation in enumerate(translations)
        for ordinal, routed in enumerate(translation.routed, 1)
    ]


def _end_to_end(messages: int) -> Figures:
    import uvloop

    return uvloop.run(_measure_end_to_end(messages))


async def _measure_end_to_end(messages: int) -> Figures:
    traffic = list(generate_load(1, messages))
    folder = Path(".suture") / "bench"
    async with open_world(folder, sample_estate()) as world:
        await _send_all(world, traffic[: messages // 20], [])
        await world.quiet()
        latencies: list[float] = []
        began = time.perf_counter()
        await _send_all(world, traffic[messages // 20 :], latencies)
        acknowledged = time.perf_counter() - began
        await _handled(world)
        handled = time.perf_counter() - began
        counts = await read_counts(await world.database())
    await clear(folder)
    sent = messages - messages // 20
    latencies.sort()
    return {
        **_rates(handled, sent, "messages"),
        "acknowledged_per_second": round(sent / acknowledged),
        "ack_milliseconds_p50": round(statistics.median(latencies) * 1000, 1),
        "ack_milliseconds_p99": round(latencies[int(len(latencies) * 0.99)] * 1000, 1),
        "connections": CONNECTIONS,
        "events": counts.events_count,
        "entries": counts.entries_count,
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
        if data.endswith(END_OF_FRAME):
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


async def _handled(world: World) -> None:
    """Wait until every event is decided: entries booked and queued for delivery."""
    database = await world.database()
    while (await read_counts(database)).inbox_count:  # noqa: ASYNC110 - the workers' database
        await asyncio.sleep(0.02)


def _remittance(messages: int) -> Figures:
    import uvloop

    return uvloop.run(_measure_remittance(min(messages, CLAIMS_COUNT)))


async def _measure_remittance(claims: int) -> Figures:
    folder = Path(".suture") / "bench"
    file = _file(claims)
    async with open_world(folder, sample_estate()) as world:
        database = await world.database()
        began = time.perf_counter()
        file.rename(world.inbox / "bench.835")
        while (await read_counts(database)).events_count < claims:  # noqa: ASYNC110 - the workers' database
            await asyncio.sleep(0.02)
        await _handled(world)
        seconds = time.perf_counter() - began
    await clear(folder)
    large = min(claims * LARGE_CLAIMS_COUNT // CLAIMS_COUNT, LARGE_CLAIMS_COUNT)
    return {**_rates(seconds, claims, "claims"), **_large_file(large)}


def _large_file(claims: int) -> Figures:
    """Read a file of about 200 MB and report how much memory that took beyond the start.

    It is shorter where fewer messages were asked for, and says then less about memory.
    """
    file = _file(claims)
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        facts = sum(
            isinstance(piece, Routed) for piece in read_file(_chunks(file), _channel("remits"))
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


_STAGES: dict[str, Callable[[int], Figures]] = {
    "parse": _parse,
    "translate": _translate,
    "run": _run,
    "end-to-end": _end_to_end,
    "remittance": _remittance,
}


def _timed(work: Callable[[], None]) -> float:
    """Return the shortest of a few rounds, in seconds."""
    durations = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return min(durations)


def _rates(seconds: float, count: int, name: str) -> Figures:
    return {
        f"{name}_per_second": round(count / seconds),
        f"microseconds_per_{name.removesuffix('s')}": round(seconds / count * 1e6, 1),
    }


def _channel(source: str) -> Channel:
    return Channel(
        source=source,
        zone=ZoneInfo("America/Chicago"),
        tokenizer=Tokenizer(bytes(32)),
        authority="riverbend",
    )


def _estate() -> Estate:
    estate = load(sample_estate())
    assert isinstance(estate, Estate)  # the sample estate is sound: tests check it
    return estate


def _file(claims_count: int) -> Path:
    folder = Path(".suture")
    folder.mkdir(exist_ok=True)
    path = folder / f"bench-{claims_count}.835"
    write_835(path, claims_count, 1)
    return path


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk


def _print(figures: Figures) -> None:
    table = plain_table("stage", "figure", "value", right=["value"])
    for stage, values in figures.items():
        for name, value in values.items():
            table.add_row(
                stage,
                name.replace("_", " "),
                f"{value:,}" if isinstance(value, int) else str(value),
            )
    open_console().print(table)
