"""Golden 835 files: each in x12/ with its events and the journal it comes to beside it.

`<name>.events.json` is what the file means (verdicts and facts), `<name>.journal.txt` what those
facts book under the sample estate, alone and in order, and what waits. The files are published as
examples (x12/README.md), so they are small and tell a story. When a translation, a process or a
rule changes on purpose, `SUTURE_ACCEPT=1 pytest tests/golden` writes the new expectations; the
difference is read in review. Not here: odd and broken input (tests/unit/wire and translate).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, channel, read_bytes

from suture.ledger.entry import Entry
from suture.model.event import decode_fact, encode_fact
from suture.model.fault import Fault
from suture.model.money import format_amount
from suture.model.translation import Closed, Reading
from suture.pipeline import read_file

FOLDER = Path(__file__).parent / "x12"
FILES = sorted(FOLDER.glob("*.835"))


def told(raw: bytes) -> dict[str, Any]:
    """Return what a file means, as an example shows it: what is empty is left out."""
    events, _ = read_bytes(raw)
    return {
        "verdicts": [
            shown for piece in read_file((raw,), channel("remits")) if (shown := _shown(piece))
        ],
        "events": [
            {"stream": each.stream, "where": each.where, "fact": msgspec.to_builtins(each.fact)}
            for each in events
        ],
    }


def _shown(piece: object) -> dict[str, Any]:
    match piece:
        case Reading():
            verdict = piece.translation
            shown = {
                "type": verdict.type,
                "control_id": verdict.control_id,
                "status": verdict.status,
                "bytes": [piece.offset, piece.offset + piece.bytes_count],
                "identities": list(verdict.identities),
                "recorded_at_ms": verdict.recorded_at_ms,
                "control_totals": msgspec.to_builtins(verdict.totals),
                "faults": _told_faults(verdict.faults),
                "notes": _told_faults(verdict.notes),
            }
            return {name: value for name, value in shown.items() if value}
        case Closed(faults=faults) if faults:
            return {"interchange": piece.status, "faults": _told_faults(faults)}
        case _:
            return {}


def _told_faults(faults: tuple[Fault, ...]) -> list[dict[str, str]]:
    return [
        {"code": each.code, "where": each.where, "explanation": each.explanation} for each in faults
    ]


def journal(raw: bytes) -> str:
    """Return the journal a file comes to by itself, as an accountant reads it."""
    riverbend = Riverbend()
    riverbend.tell(*read_bytes(raw)[0])
    lines = [line for entry in riverbend.entries.values() for line in _entry_lines(entry)]
    if riverbend.waiting:
        lines.append("waiting")
    for item in riverbend.waiting.values():
        amount = format_amount(item.amount_minor)
        lines.append(f"    {item.fault.code} {amount} at {item.fault.where}")
        lines.append(f"        {item.fault.explanation}")
    balances = riverbend.balances()
    if balances:
        lines.append("balances")
    lines += [f"    {account:>4} {amount:>12}" for account, amount in balances.items()]
    return "\n".join(lines or ["nothing is booked"]) + "\n"


def _entry_lines(entry: Entry) -> Iterator[str]:
    reversal = " reversal" if entry.reverses else ""
    yield f"{entry.accounting_on} {entry.entity} {entry.kind}{reversal} ({entry.policy})"
    for line in entry.lines:
        side = "Dr" if line.debit_minor else "Cr"
        amount = format_amount(line.debit_minor or line.credit_minor)
        dimensions = " ".join(
            each or "-" for each in (line.facility, line.cost_centre, line.payer_class)
        )
        place = f"{dimensions:<24} {line.rule:<22} {line.where}"
        yield f"    {side} {line.account} {amount:>10}  {place}"


def accepted(path: Path, shown: str) -> str:
    """Return what is expected; with SUTURE_ACCEPT=1 that is what is shown."""
    if os.environ.get("SUTURE_ACCEPT") == "1":
        path.write_text(shown, "utf-8")
    return path.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_example_means_what_stands_beside_it(path: Path) -> None:
    shown = json.dumps(told(path.read_bytes()), indent=2) + "\n"
    assert accepted(path.with_suffix(".events.json"), shown) == shown


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_example_books_the_journal_beside_it(path: Path) -> None:
    shown = journal(path.read_bytes())
    assert accepted(path.with_suffix(".journal.txt"), shown) == shown


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_example_s_facts_survive_the_log(path: Path) -> None:
    facts = [event.fact for event in read_bytes(path.read_bytes())[0]]
    assert [decode_fact(encode_fact(fact)) for fact in facts] == facts


def test_each_example_is_whole_and_stands_in_the_list() -> None:
    listed = (FOLDER / "README.md").read_text("utf-8")
    stems = {path.stem for path in FILES}
    for suffix in (".events.json", ".journal.txt"):
        assert {path.name.removesuffix(suffix) for path in FOLDER.glob(f"*{suffix}")} == stems
    assert [stem for stem in sorted(stems) if f"`{stem}`" not in listed] == []
