"""Golden X12 sets: each in x12_guides/ with its places in the guide and the reply to it beside it.

`<name>.places.txt` has every segment with its path, the units and the findings, `<name>.reply.txt`
the 999 or 997. The files are published as examples (x12_guides/README.md). When a guide's table
changes on purpose, `SUTURE_ACCEPT=1 pytest tests/golden` writes the new expectations; the
difference is read in review. Not here: what sets mean and book (`test_golden_x12.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from suture.model.fault import Fault
from suture.wire.x12 import (
    GroupEnd,
    Located,
    Segment,
    SetEnd,
    SetReply,
    SetStart,
    SetVerdict,
    TransactionSet,
    Unit,
    acknowledge_group,
    choose,
    locate_segments,
    read,
    read_units,
    render,
    reply,
)
from suture.wire.x12.guide import guide_names

FOLDER = Path(__file__).parent / "x12_guides"
FILES = sorted(FOLDER.glob("*.edi"))
MADE_AT = datetime(2026, 11, 3, 8, 0)  # noqa: DTZ001 - an envelope names local time, without a zone


def sets_of(raw: bytes) -> Iterator[tuple[TransactionSet, list[Segment], SetEnd]]:
    """Yield each transaction set with its segments and its end."""
    transaction_set, segments = None, list[Segment]()
    for item in read([raw]):
        match item:
            case SetStart():
                transaction_set, segments = item.transaction_set, []
            case Segment():
                segments.append(item)
            case SetEnd():
                assert transaction_set is not None
                yield transaction_set, segments, item
            case _:
                pass


def places(raw: bytes) -> str:
    """Return where each segment stands, the units, and what is wrong."""
    lines = []
    for transaction_set, segments, _ in sets_of(raw):
        choice = choose(transaction_set.set_id, transaction_set.version)
        assert choice is not None
        lines.append(f"{transaction_set.where} by {choice.guide.name}")
        for item in locate_segments(segments, transaction_set, choice):
            if isinstance(item, Located):
                text = "*".join(item.segment.elements)
                lines.append(f"{item.segment.ordinal:4} {item.where:<56} {text}")
            else:
                units = read_units(segments, transaction_set, choice)
                lines += _unit_lines(each for each in units if isinstance(each, Unit))
                lines += _finding_lines(item)
        lines.append("")
    return "\n".join(lines)


def _unit_lines(units: Iterator[Unit]) -> Iterator[str]:
    for unit in units:
        around = " in ".join(each.id for each in reversed(unit.around) if each.id)
        count = f"{len(unit.loop.segments)} segments, {len(unit.loop.loops)} loops"
        yield f"unit {unit.ordinal}: {unit.loop.where}, {count}" + (around and f"; in {around}")


def _finding_lines(verdict: SetVerdict) -> Iterator[str]:
    for kind, findings in (("fault", verdict.faults), ("note", verdict.notes)):
        for each in findings:
            assert isinstance(each, Fault)
            yield f"{kind} {each.code} {each.where}: {each.explanation}"


def replies(raw: bytes) -> str:
    """Return what the sender is answered, a segment to a line."""
    answers: list[SetReply] = []
    for transaction_set, segments, end in sets_of(raw):
        choice = choose(transaction_set.set_id, transaction_set.version)
        assert choice is not None
        *_, verdict = locate_segments(segments, transaction_set, choice)
        assert isinstance(verdict, SetVerdict)
        answers.append(reply(end, verdict))
    group = next(item for item in read([raw]) if isinstance(item, GroupEnd))
    answer = acknowledge_group(group, answers, control_number=18, made_at=MADE_AT, tells_units=True)
    return answer.decode("latin-1").replace("~", "~\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_set_finds_its_places_and_is_answered_as_its_example_says(path: Path) -> None:
    raw = path.read_bytes()
    for ending, written in ((".places.txt", places(raw)), (".reply.txt", replies(raw))):
        expected = path.with_suffix(ending)
        if os.environ.get("SUTURE_ACCEPT"):
            expected.write_text(written, encoding="utf-8")
        assert expected.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_written_as_it_was_read(path: Path) -> None:
    raw = path.read_bytes()
    assert raw == render(read([raw], strict=True))


def test_each_guide_has_its_example() -> None:
    shown = {
        choice.guide.name
        for path in FILES
        for transaction_set, _, _ in sets_of(path.read_bytes())
        if (choice := choose(transaction_set.set_id, transaction_set.version))
    }
    assert shown == set(guide_names())
