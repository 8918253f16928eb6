"""The shape of every process module, for type checking and the pipeline's table of processes."""

from __future__ import annotations

from collections.abc import Iterable
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
