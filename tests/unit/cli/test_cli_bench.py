"""`suture bench`: what its figures say, and of how many things they are said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from suture.cli import bench, bench_world
from suture.cli.bench_world import Figures
from suture.cli.ending import UsageError
from suture.wire import hl7v2

MESSAGES = 40


def measured(stage: str, capsys: pytest.CaptureFixture[str]) -> Figures:
    """Run one stage on little traffic and return its figures."""
    assert bench.run(stage=stage, messages=MESSAGES, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"cores", "processor", "python", "system", "load_average"} == told["machine"].keys()
    figures: Figures = told[stage]
    return figures


@pytest.mark.parametrize("stage", ["fields", "parse"])
def test_a_reader_is_measured_beside_a_plain_split(
    stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = measured(stage, capsys)
    assert figures["messages_per_second"] > 0
    assert figures["microseconds_per_message"] > 0
    assert figures["time_beside_plain_split"] > 0


def test_fields_are_read_of_messages_as_long_as_real_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 2_000 < measured("fields", capsys)["bytes_per_message"] < 3_000
    for raw in bench._long_messages(MESSAGES):
        message = hl7v2.parse(raw)
        assert isinstance(message, hl7v2.Message)
        assert message.faults == ()
        found = message.values(hl7v2.select(*bench.FIELDS))
        assert [message.get(path) for path in bench.FIELDS] == found
        assert all(found[:4])


def test_decisions_are_measured_by_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert measured("run", capsys)["events_per_second"] > 0


def test_a_stage_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=", ".join(bench.STAGES)):
        bench.run(stage="warp", messages=1, as_json=True)


def test_rates_are_told_both_ways() -> None:
    assert bench_world.rates(2.0, 1_000, "claims") == {
        "claims_per_second": 500,
        "microseconds_per_claim": 2_000.0,
    }


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell")
def test_processor_time_is_told_by_process() -> None:
    parent, seconds = bench_world._stat(Path("/proc/self"))
    assert parent == str(os.getppid())
    assert 0.0 < seconds < 10_000.0
    assert bench_world._stat(Path("/proc/nobody")) == ("", 0.0)
    used = bench_world._since({"intake": 1.0}, {"intake": 3.0, "postgres": 2.0})
    assert bench_world._processor_figures(used, 1_000_000, "message") == {
        "processor_microseconds_per_message": 4.0,
        "processor_microseconds_by_process": {"intake": 2.0, "postgres": 2.0},
    }
