"""How a fact is told to a process in its tests: as an event of one stream, recorded at a minute."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from suture.model.event import Event, Fact, make_stamp
from suture.processes.process import Process

S = TypeVar("S", bound=msgspec.Struct)


def told_to(
    stream: str, fact: Fact, minute: int, *, source: str = "adt", where: str = "", digest: str = ""
) -> Event:
    """Return the fact as an event; minutes tell events apart, unless a digest of its own does."""
    return Event(
        id=f"evt_{minute}",
        stream=stream,
        fact=fact,
        source=source,
        message_id=f"msg_{minute}",
        where=where,
        stamp=make_stamp(minute * 60_000, digest or f"{minute:012x}", 0),
        received_at_ms=0,
    )


def state_after(process: Process[S], key: str, *events: Event) -> S:
    """Return the state of a stream once these events were told in this order."""
    state = process.initial(key)
    for event in events:
        state = process.evolve(state, event)
    return state
