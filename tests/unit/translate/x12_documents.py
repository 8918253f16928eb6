"""Sets of one kind in an interchange, and what they mean: for tests of X12 translations."""

from __future__ import annotations

import msgspec
from tests.specs.riverbend_books import channel

from suture.model.event import Fact
from suture.model.translation import Reading, Routed, Translation
from suture.pipeline import read_file

BUYER, SUPPLIER = "RIVERBEND", "SURGIPARTS"
_GROUPS = {
    "810": "IN",
    "820": "RA",
    "832": "SC",
    "834": "BE",
    "850": "PO",
    "855": "PR",
    "856": "SH",
    "860": "PC",
}
_BY_SUPPLIER = frozenset({"810", "832", "855", "856"})


def an_interchange(
    kind: str, *segments: str, version: str = "004010", sides: tuple[str, str] = (BUYER, SUPPLIER)
) -> bytes:
    """Return an interchange with one set of these segments, from who sends such sets."""
    sender, receiver = reversed(sides) if kind in _BY_SUPPLIER else sides
    body = "~".join(segments)
    return (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{sender:15}*ZZ*{receiver:15}*261102*0930*^*00501*000000417*0"
        f"*P*:~GS*{_GROUPS[kind]}*{sender}*{receiver}*20261102*0930*417*X*{version}~"
        f"ST*{kind}*0001~{body}~SE*{len(segments) + 2}*0001~GE*1*417~IEA*1*000000417~"
    ).encode("latin-1")


def meaning(raw: bytes, authority: str = "") -> tuple[list[Routed], Translation]:
    """Return the facts and the verdict of an interchange with one set."""
    source = msgspec.structs.replace(channel("remits"), facility="", authority=authority)
    pieces = list(read_file((raw,), source))
    (reading,) = (piece for piece in pieces if isinstance(piece, Reading))
    return [piece for piece in pieces if isinstance(piece, Routed)], reading.translation


def facts_of(kind: str, *segments: str, version: str = "004010") -> list[Fact]:
    """Return the facts of a set that is accepted."""
    routed, verdict = meaning(an_interchange(kind, *segments, version=version))
    assert ("accepted", ()) == (verdict.status, verdict.faults)
    return [each.fact for each in routed]


def codes_of(kind: str, *segments: str, version: str = "004010") -> list[tuple[str, str]]:
    """Return the faults of a set that is held, with their places."""
    _, verdict = meaning(an_interchange(kind, *segments, version=version))
    assert "held" == verdict.status
    return [(each.code, each.where.partition("/")[2]) for each in verdict.faults]
