"""Sets for the tests of X12 translations: what stands between ST and SE, read as a file."""

from __future__ import annotations

from typing import Any

from tests.specs.riverbend_books import channel

from suture.model.translation import Reading, Routed, Translation
from suture.pipeline import read_file

_GUIDES = {
    "270": ("HS", "005010X279A1"),
    "271": ("HB", "005010X279A1"),
    "278": ("HI", "005010X217"),
}


def interchange(set_id: str, *segments: str) -> bytes:
    """Return an interchange with one set of these segments."""
    group, version = _GUIDES[set_id]
    body = "~".join(segments)
    return (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'P':15}*ZZ*{'R':15}*261102*0930*^*00501*000000007*0*P*:~"
        f"GS*{group}*P*R*20261102*0930*7*X*{version}~ST*{set_id}*0001*{version}~{body}~"
        f"SE*{len(segments) + 2}*0001~GE*1*7~IEA*1*000000007~"
    ).encode("latin-1")


def read(set_id: str, *segments: str) -> tuple[list[Routed], Translation]:
    """Return the facts and the verdict of one set."""
    return read_bytes(interchange(set_id, *segments))


def read_bytes(data: bytes) -> tuple[list[Routed], Translation]:
    """Return the facts of a file and the verdict on its last set."""
    pieces = list(read_file((data,), channel("payers")))
    *_, reading = (piece for piece in pieces if isinstance(piece, Reading))
    return [piece for piece in pieces if isinstance(piece, Routed)], reading.translation


def only(routed: list[Routed], kind: type[Any]) -> Any:
    """Return the one fact of a kind."""
    (found,) = {
        each.fact.where: each.fact for each in routed if isinstance(each.fact, kind)
    }.values()
    return found


def changed(segments: tuple[str, ...], start: str, *others: str) -> tuple[str, ...]:
    """Return segments with those that begin so replaced by others, in their place."""
    at = next(number for number, each in enumerate(segments) if each.startswith(start))
    rest = [each for each in segments[at:] if not each.startswith(start)]
    return (*segments[:at], *others, *rest)
