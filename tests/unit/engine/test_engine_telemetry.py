"""Log lines are for machines where they are piped, and for whoever reads along at a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from suture.engine import telemetry


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    monkeypatch.setattr("sys.stderr", stream)
    telemetry.configure()
    telemetry.log.info("listening", source="adt", port=2575)
    return stream.getvalue()


def test_a_log_that_is_piped_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(logged(monkeypatch, io.StringIO()))
    assert ("listening", "adt", 2575) == (told["event"], told["source"], told["port"])
    assert told["timestamp"].endswith("Z")


def test_a_log_at_a_terminal_is_read_by_people(monkeypatch: pytest.MonkeyPatch) -> None:
    row = logged(monkeypatch, Terminal())
    assert "listening" in row
    assert "{" not in row
    assert 1 == row.count("\n")
