"""Known: streams that are told things and decide nothing, yet (278, 850, 270/271, MFN and others).

Here: which fact of each kind was told last, by its stamp, so that the same fact again is known for
what it is. Not here: any booking. A noun gets a process of its own, and leaves `STREAMS`, on the
day something follows from what it is told.
"""

from __future__ import annotations

import msgspec

from suture.model.decision import Decision
from suture.model.event import Event, Reconsidered, encode_fact, fact_type

STREAMS = (
    "authorization",
    "charge_item",
    "coverage",
    "deposit",
    "group",
    "inquiry",
    "interchange",
    "item",
    "location",
    "organization",
    "payment",
    "provider",
    "purchase",
    "schedule",
    "supply",
)
"""The first word of each stream that this process serves."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was told last, by kind of fact."""

    latest: dict[str, tuple[str, bytes]] = msgspec.field(default_factory=dict)
    """Type of the fact -> its stamp, and the fact itself as the log holds it."""


def initial(key: str) -> State:  # noqa: ARG001 - the shape of every process
    """Return the state of a stream nothing has been told to."""
    return State()


def evolve(state: State, event: Event) -> State:
    """Keep the fact where none of its kind has a later stamp; a tie is settled by content."""
    if isinstance(event.fact, Reconsidered):
        return state
    kind, told = fact_type(event.fact), (event.stamp, encode_fact(event.fact))
    if told <= state.latest.get(kind, ("", b"")):
        return state
    return State({**state.latest, kind: told})


def decide(state: State, event: Event) -> tuple[Decision, ...]:  # noqa: ARG001 - as `initial`
    """Return nothing: no booking follows from what these streams are told."""
    return ()
