"""Golden claims: what the examples of the guides mean, and what their senders are told back.

The files are those of x12_guides; for each, in x12_claims, `<name>.facts.json` holds verdicts and
facts, `<name>.reply.txt` the replies of a source that asks for all there are (999 or 997 for each
group with the claims named, and a 277CA). `SUTURE_ACCEPT=1 pytest tests/golden` writes them anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.translate.x12_files import EXAMPLES, read_text

from suture.model.translation import X12Replies

FOLDER = Path(__file__).parent / "x12_claims"
NAMES = sorted(
    each.stem
    for each in EXAMPLES.glob("*.edi")
    if each.stem[:2] in {"01", "02", "03", "06", "07", "08", "13", "27", "30", "31", "33"}
)
EVERYTHING = X12Replies(tells_claims=True, acknowledges_claims=True)


def meaning(name: str) -> dict[str, Any]:
    """Return what a file means; what is empty is left out."""
    told = read_text((EXAMPLES / f"{name}.edi").read_bytes())
    verdicts = [each.translation for each in told.verdicts]
    return {
        "verdicts": [
            {
                "type": each.type,
                "control_id": each.control_id,
                "status": each.status,
                "identities": list(each.identities),
                "control_totals": msgspec.to_builtins(each.totals),
                "faults": [f"{one.code} at {one.where}" for one in each.faults],
                "notes": [f"{one.code} at {one.where}" for one in each.notes],
            }
            for each in verdicts
        ],
        "facts": [
            {"stream": each.stream, "fact": msgspec.to_builtins(each.fact)} for each in told.routed
        ],
    }


def accepted(path: Path, shown: str) -> str:
    """Return what is expected; with SUTURE_ACCEPT=1 that is what is shown."""
    if os.environ.get("SUTURE_ACCEPT") == "1":
        path.write_text(shown, "utf-8")
    return path.read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_each_example_means_what_stands_beside_it(name: str) -> None:
    shown = json.dumps(meaning(name), indent=2) + "\n"
    assert accepted(FOLDER / f"{name}.facts.json", shown) == shown


@pytest.mark.parametrize("name", NAMES)
def test_each_example_is_answered_as_its_source_asks(name: str) -> None:
    told = read_text((EXAMPLES / f"{name}.edi").read_bytes(), replies=EVERYTHING).reply
    shown = "".join(f"{each}~\n" for each in told) or "no reply is owed\n"
    assert accepted(FOLDER / f"{name}.reply.txt", shown) == shown


def test_a_reply_is_sound_to_whoever_reads_it() -> None:
    """But for the day of service of a claim that is returned for having none (30)."""
    found: dict[str, list[str]] = {}
    for name in NAMES:
        told = read_text((EXAMPLES / f"{name}.edi").read_bytes(), replies=EVERYTHING).reply
        for each in read_text("".join(f"{each}~" for each in told)).verdicts if told else ():
            verdict = each.translation
            assert "accepted" == verdict.status, name
            found.setdefault(name[:2], []).extend(
                one.where.rsplit("/")[-1] for one in verdict.notes
            )
    assert {"30": ["DTP"]} == {name: places for name, places in found.items() if places}
