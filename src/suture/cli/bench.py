"""`suture bench`: throughput and latency on generated traffic, stage by stage and end to end.

    fields      the five fields an HL7 v2 message is routed and found by, of messages as long as
                real ones are, beside a plain split of the same bytes
    parse       HL7 v2 syntax as a translation needs it, beside a plain split of the same bytes
    translate   messages to facts; remittances to facts
    run         facts to entries, in memory
    end-to-end  MLLP to entry and to journals queued for delivery, durable commits on
    remittance  an 835 file to entries and to journals queued, durable commits on; memory of a
                large one

Figures are per second and microseconds for each message or claim, beside the machine's facts.
Machines are noisy: compare ratios of one run. The last two stages are `bench_world.py`.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from suture.cli.bench_world import (
    CLAIMS_COUNT,
    Figures,
    bench_channel,
    bench_file,
    end_to_end,
    file_chunks,
    rates,
    remittance,
)
from suture.cli.ending import UsageError
from suture.cli.estates import sample_estate
from suture.cli.screen import open_console, plain_table
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.model.event import Event, make_event
from suture.pipeline import Record, advance, initial, read_file, read_message
from suture.simulator.health_system.load import generate_load
from suture.wire import hl7v2

ROUNDS = 3
FIELDS = ("MSH-9", "MSH-10", "PID-3.1", "PID-5.1", "PV1-19.1")
"""What a message is routed and found by."""


def run(*, stage: str | None, messages: int, as_json: bool) -> int:
    """Run one stage or all of them and print the figures."""
    if stage is not None and stage not in STAGES:
        raise UsageError(f"no stage is named {stage}: {', '.join(STAGES)}")
    figures: Figures = {"machine": _machine()}
    console = open_console(is_error=True)  # where figures do not go: they may be piped
    for name in (stage,) if stage else STAGES:
        began = time.perf_counter()
        with _underway(console, name):
            figures[name] = STAGES[name](messages)
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
        "load_average": round(os.getloadavg()[0], 1),
    }


def _fields(messages: int) -> Figures:
    traffic = _long_messages(messages)
    selection = hl7v2.select(*FIELDS)

    def route() -> None:
        for raw in traffic:
            message = hl7v2.parse(raw)
            assert isinstance(message, hl7v2.Message)  # generated traffic parses
            message.values(selection)

    return _beside_plain_split(route, traffic)


def _parse(messages: int) -> Figures:
    traffic = [each.raw for each in generate_load(1, messages)]

    def read() -> None:
        for raw in traffic:
            message = hl7v2.parse(raw)
            assert isinstance(message, hl7v2.Message)  # as above
            assert not message.faults  # as above
            assert message.segments

    return _beside_plain_split(read, traffic)


def _beside_plain_split(work: Callable[[], None], traffic: list[bytes]) -> Figures:
    """Time a reader and, in the same breath, what no reader can do without: cutting every line."""

    def plain() -> None:
        for raw in traffic:
            for line in raw.decode().split("\r"):
                line.split("|")

    pairs = [(_seconds(work), _seconds(plain)) for _ in range(ROUNDS)]
    return {
        **rates(min(pairs)[0], len(traffic), "messages"),
        "bytes_per_message": sum(map(len, traffic)) // len(traffic),
        "time_beside_plain_split": round(min(mine / plain for mine, plain in pairs), 2),
    }


def _long_messages(count: int) -> list[bytes]:
    """Return messages of about 2.6 KB, the mean of the real ones that were measured.

    The load's own are short, so that generating them costs little: these get what an admission
    carries beside them.
    """
    segment = hl7v2.segment
    address = ("12 River Road", "Flat 3", "Riverbend", "IL", "60990", "USA", "H")
    phone = ("(555)555-0100", "PRN", "PH", "", "1", "555", "5550100")
    carried: list[list[hl7v2.Field]] = []
    for number in ("1", "2"):
        carried += [
            segment("NK1", {1: number, 2: ("Kin", "Next"), 3: "SPO", 4: address, 5: phone}),
            segment("DG1", {1: number, 3: ("I10", "Essential hypertension", "ICD-10"), 6: "A"}),
            segment("AL1", {1: number, 2: "DA", 3: ("70618", "Penicillin", "RXNORM"), 4: "SV"}),
            segment(
                "IN1",
                {1: number, 2: "PLAN-A", 3: "PAYER-1", 4: "A Payer", 5: address, 8: "GROUP-7",
                 16: ("Holder", "Policy"), 17: "SELF", 18: "19700101", 19: address, 36: "POL-1"},
            ),
        ]  # fmt: skip
    observed = ("8480-6", "Systolic blood pressure", "LN")
    for ordinal in range(1, 19):
        result = {5: "120", 6: "mm[Hg]", 7: "90-140", 8: "N", 11: "F", 14: "20260301101500"}
        carried.append(segment("OBX", {1: str(ordinal), 2: "NM", 3: observed, **result}))
    tail = hl7v2.build(carried)
    return [each.raw + tail for each in generate_load(1, count)]


def _translate(messages: int) -> Figures:
    traffic = [each.raw for each in generate_load(1, messages)]
    channel = bench_channel("charges")

    def hl7() -> None:
        for raw in traffic:
            read_message(raw, channel)

    claims = min(messages, CLAIMS_COUNT)
    file = bench_file(claims)
    try:

        def x12() -> None:
            for _ in read_file(file_chunks(file), bench_channel("remits")):
                pass

        return {
            **rates(_timed(hl7), messages, "messages"),
            **rates(_timed(x12), claims, "claims"),
        }
    finally:
        file.unlink()


def _run(messages: int) -> Figures:
    estate = _estate()
    channel = bench_channel("charges")
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

    return rates(_timed(decide), len(events), "events")


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


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _timed(work: Callable[[], None]) -> float:
    """Return the shortest of a few rounds, in seconds."""
    return min(_seconds(work) for _ in range(ROUNDS))


def _estate() -> Estate:
    estate = load(sample_estate(), CONNECTORS)
    assert isinstance(estate, Estate)  # the sample estate is sound: tests check it
    return estate


STAGES: dict[str, Callable[[int], Figures]] = {
    "fields": _fields,
    "parse": _parse,
    "translate": _translate,
    "run": _run,
    "end-to-end": end_to_end,
    "remittance": remittance,
}


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
