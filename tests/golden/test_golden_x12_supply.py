"""Golden supply and enrolment files: each in x12_supply/ with its facts and the reply beside it.

`<name>.told.json` is what the file means (verdicts, facts and their streams), `<name>.reply.txt`
what its sender is answered; nothing is answered where all is well and nobody asked. Together they
are the story of one order, whose documents meet in one stream. `SUTURE_ACCEPT=1 pytest
tests/golden` writes the expectations anew. Not here: where a segment stands (x12_guides).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.specs.riverbend_books import channel

from suture.model.event import decode_fact, encode_fact
from suture.model.translation import Closed, Piece, Reading, Routed
from suture.pipeline import read_file

FOLDER = Path(__file__).parent / "x12_supply"
FILES = sorted(FOLDER.glob("*.edi"))
ORDER_STREAM = "purchase/RIVERBEND:8005550147:PO5501"


def pieces_of(path: Path) -> list[Piece]:
    """Return what a file means, piece by piece."""
    source = msgspec.structs.replace(channel("remits"), facility="")
    return list(read_file((path.read_bytes(),), source))


def told(pieces: list[Piece]) -> list[dict[str, Any]]:
    """Return facts and verdicts as an example shows them: what is empty is left out."""
    shown: list[dict[str, Any]] = []
    for piece in pieces:
        match piece:
            case Routed():
                fact = msgspec.to_builtins(piece.fact)
                shown.append({"stream": piece.stream, "where": piece.where, "fact": fact})
            case Reading(translation=verdict):
                row: dict[str, Any] = {
                    "type": verdict.type,
                    "status": verdict.status,
                    "identities": list(verdict.identities),
                    "faults": [f"{each.code} {each.where}" for each in verdict.faults],
                    "notes": [f"{each.code} {each.where}" for each in verdict.notes],
                }
                shown.append({name: value for name, value in row.items() if value})
            case _:
                pass
    return shown


def replies(pieces: list[Piece]) -> str:
    """Return what the sender is answered, a segment to a line."""
    answered = (each.reply.decode("latin-1") for each in pieces if isinstance(each, Closed))
    return "".join(each.replace("~", "~\n") for each in answered)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_means_and_is_answered_what_stands_beside_it(path: Path) -> None:
    pieces = pieces_of(path)
    for ending, written in (
        (".told.json", json.dumps(told(pieces), indent=2) + "\n"),
        (".reply.txt", replies(pieces)),
    ):
        expected = path.with_suffix(ending)
        if os.environ.get("SUTURE_ACCEPT"):
            expected.write_text(written, encoding="utf-8")
        assert expected.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_facts_come_back_from_the_log_as_they_went_in(path: Path) -> None:
    facts = [each.fact for each in pieces_of(path) if isinstance(each, Routed)]
    assert [decode_fact(encode_fact(each)) for each in facts] == facts


def test_all_documents_of_one_order_meet_in_one_stream() -> None:
    """Its partners are named by assigned codes, by a D-U-N-S number, and not at all."""
    met = [
        path.stem.split("_")[1]
        for path in FILES
        if any(isinstance(each, Routed) and each.stream == ORDER_STREAM for each in pieces_of(path))
    ]
    assert ["850", "855", "860", "856", "810"] == met


def test_the_list_of_examples_is_whole() -> None:
    listed = (FOLDER / "README.md").read_text("utf-8")
    assert [] == [path.stem for path in FILES if f"`{path.stem}`" not in listed]
