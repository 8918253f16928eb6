"""Golden HL7 v2 messages: each `.hl7` in hl7v2/ with what Suture makes of it as `.json` beside it.

The files are published as examples (hl7v2/README.md), so they are small and tell a story. When a
translation changes on purpose, `SUTURE_ACCEPT=1 pytest tests/golden` writes the new expectations;
the difference is read in review. Not here: odd and broken input (tests/unit/translate).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from suture.model.event import decode_fact, encode_fact
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Translation
from suture.pipeline import read_message

FOLDER = Path(__file__).parent / "hl7v2"
MESSAGES = sorted(FOLDER.glob("*.hl7"))
SOURCES = {
    "siu": "scheduling",
    "adt": "adt",
    "bar": "coding",
    "dft": "charges",
    "mfn": "chargemaster",
    "orm": "orders",
    "oru": "adt",
    "rds": "pharmacy",
}
TOKENIZER = Tokenizer(b"golden examples are not a secret")


def read(path: Path) -> Translation:
    """Return what the message in a file means. The file ends its lines with LF, for people."""
    source = SOURCES[path.name.split("_")[1]]
    zone = ZoneInfo("America/Chicago")
    channel = Channel(source=source, zone=zone, tokenizer=TOKENIZER, authority="riverbend")
    return read_message(path.read_bytes().replace(b"\n", b"\r"), channel)


def told(translation: Translation) -> dict[str, Any]:
    """Return a translation as an example shows it: what is empty is left out."""
    shown = {
        "type": translation.type,
        "status": translation.status,
        "identities": list(translation.identities),
        "recorded_at_ms": translation.recorded_at_ms,
        "events": [
            {"stream": each.stream, "where": each.where, "fact": msgspec.to_builtins(each.fact)}
            for each in translation.routed
        ],
        "control_totals": msgspec.to_builtins(translation.totals),
        "vault": msgspec.to_builtins(translation.secrets),
        "faults": [
            {"code": fault.code, "where": fault.where, "explanation": fault.explanation}
            for fault in (*translation.faults, *translation.notes)
        ],
    }
    return {name: value for name, value in shown.items() if value or name == "events"}


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_each_example_means_what_stands_beside_it(path: Path) -> None:
    shown = json.dumps(told(read(path)), indent=2) + "\n"
    expected = path.with_suffix(".json")
    if os.environ.get("SUTURE_ACCEPT") == "1":
        expected.write_text(shown, "utf-8")
    assert expected.read_text("utf-8") == shown


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_each_example_s_facts_survive_the_log(path: Path) -> None:
    facts = [routed.fact for routed in read(path).routed]
    assert [decode_fact(encode_fact(fact)) for fact in facts] == facts


def test_each_example_is_a_pair_and_stands_in_the_list() -> None:
    listed = (FOLDER / "README.md").read_text("utf-8")
    stems = {path.stem for path in MESSAGES}
    assert {path.stem for path in FOLDER.glob("*.json")} == stems
    assert [stem for stem in sorted(stems) if f"`{stem}`" not in listed] == []
