"""Supply documents that are long, broken or strange: each gets its verdict, and none raises."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.specs.riverbend_books import channel
from tests.unit.translate.x12_documents import an_interchange, meaning

from suture.model.translation import Reading
from suture.pipeline import read_file

EXAMPLES = sorted((Path(__file__).parents[1] / "golden" / "x12_supply").glob("*.edi"))
LONG = 50_001
"""One segment more around units than a guide's reader keeps."""


@pytest.mark.parametrize(
    ("kind", "before", "after", "version"),
    [
        ("850", ("BEG*00*SA*P1**20261102",), ("N1*ST**91*XX", "PO1*1*1*EA*5*PE*VC*A"), "004010"),
        (
            "810",
            ("BIG*20261102*I1",),
            ("N1*ST**91*XX", "IT1*1*1*EA*5*PE*VC*A", "TDS*500"),
            "004010",
        ),
        (
            "820",
            ("BPR*I*5*C*ACH************20261210", "TRN*1*1"),
            ("ENT*1", "NM1*IL*1*X", "ADX*1*01", "RMR*IV*1**5", "ENT*2", "ADX*-1*01"),
            "004010",
        ),
        (
            "834",
            ("BGN*00*E1*20261102*0930****4",),
            ("N1*P5**FI*3", "N1*IN**FI*3", "INS*Y*18*021*20*A", "REF*0F*1", "NM1*IL*1*A*B"),
            "005010X220A1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) == 3 else "",
)
def test_b15_a_header_of_any_length_holds_its_set(
    kind: str, before: tuple[str, ...], after: tuple[str, ...], version: str
) -> None:
    raw = an_interchange(kind, *before, *["REF*38*P"] * LONG, *after, version=version)
    _, verdict = meaning(raw)
    assert "held" == verdict.status
    assert "x12.loop.too_long" in {each.code for each in verdict.faults}


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw an example with segments left out, doubled, moved or made of others' elements."""
    lines = draw(st.sampled_from(EXAMPLES)).read_text("latin-1").split("~\n")[:-1]
    head, body, tail = lines[:3], lines[3:-3], lines[-3:]
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(body) - 1))
        match draw(st.sampled_from(("drop", "double", "move", "cut", "swap", "older"))):
            case "drop" if len(body) > 1:
                del body[place]
            case "double":
                body.insert(place, body[place])
            case "move":
                body.insert(draw(st.integers(0, len(body) - 1)), body.pop(place))
            case "cut":
                body[place] = "*".join(body[place].split("*")[: draw(st.integers(1, 4))])
            case "swap":
                other = body[draw(st.integers(0, len(body) - 1))].split("*")
                body[place] = "*".join([body[place].split("*")[0], *other[1:]])
            case _:
                head[1] = head[1].replace("004010", "003010")
    return "".join(f"{each}~" for each in (*head, *body, *tail)).encode("latin-1")


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_whatever_is_damaged_in_a_document_its_verdict_comes(raw: bytes) -> None:
    source = msgspec.structs.replace(channel("remits"), facility="")
    assert [piece for piece in read_file((raw,), source) if isinstance(piece, Reading)]
