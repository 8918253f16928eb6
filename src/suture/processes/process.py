"""The shape of every process module, for type checking and the pipeline's table of processes.

`told_later` is what the processes without money share: of each field the latest telling counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

import msgspec

from suture.model.decision import Decision
from suture.model.event import Event

S = TypeVar("S", bound=msgspec.Struct)


class Process(Protocol[S]):
    """A process module: `processes/claim.py` and its siblings satisfy it structurally."""

    State: type[S]

    def initial(self, key: str) -> S:
        """Return the state of a stream nothing has been told to."""
        ...

    def evolve(self, state: S, event: Event) -> S:
        """Fold the event in; the same object means it told nothing new."""
        ...

    def decide(self, state: S, event: Event) -> Iterable[Decision]:
        """Return what should stand under each booking key the event may have touched.

        For `Reconsidered` that is every key of the stream.
        """
        ...


def told_later(
    told: Mapping[str, tuple[str, str]], stamp: str, values: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return which of these values, by field, are told later than those known, with their stamp.

    A tie goes to the greater text, so that messages of one second end alike in any order.
    """
    return {
        name: register
        for name, value in values.items()
        if (register := (stamp, value)) > told.get(name, ("", ""))
    }
