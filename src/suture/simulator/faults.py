"""Faults on demand: what the sandbox ERP does wrong, how often, and for whom.

A plan is drawn with its own seed, so a run that fails can be run again. Only the decision lives
here; `erp.py` acts it out on the wire. The modes answer the faults F13 to F19 and F21 of the
reference: down, throttled, an outcome the sender cannot know, an error behind a success, another
document number, and one journal under two documents.
"""

from __future__ import annotations

import random
from typing import Annotated, Literal

import msgspec

Mode = Literal[
    "none",
    "down",
    "slow",
    "429",
    "500",
    "503",
    "commit_then_timeout",
    "commit_then_500",
    "garbled_reply",
    "lie_document",
    "post_twice",
    "gateway_404",
]
Scope = Literal["sends", "every"]

_EVERY = frozenset({"down", "slow", "429", "503", "gateway_404"})
"""Troubles of the whole ERP; the others are about the outcome of a journal."""


class FaultPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong: `count` limits how often (None: until changed), `probability` how likely.

    `delay_ms` is how long `slow` waits before it does its work, and how long `commit_then_timeout`
    holds the connection before dropping it. `scope` None takes the mode's own: `every` request for
    down, slow, 429, 503 and gateway_404, else only `sends` (`POST /v1/journals`).
    """

    mode: Mode
    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 60_000
    retry_after_seconds: Annotated[int, msgspec.Meta(ge=0)] = 1
    scope: Scope | None = None


class FaultReport(msgspec.Struct, frozen=True):
    """A plan and how many requests it has struck so far."""

    plan: FaultPlan
    struck: int


class Faults:
    """The plans in force, drawn in order: the first that strikes decides the request's fate."""

    def __init__(self) -> None:
        self._drawn: list[_Drawn] = []

    def arrange(self, plans: list[FaultPlan]) -> None:
        """Put these plans in force in place of all earlier ones; their seeds start afresh."""
        self._drawn = [_Drawn(plan) for plan in plans if plan.mode != "none"]

    def strike(self, *, is_send: bool) -> FaultPlan | None:
        """Return the plan that strikes this request, if any, and count it."""
        for drawn in self._drawn:
            if drawn.strikes(is_send=is_send):
                return drawn.plan
        return None

    def report(self) -> list[FaultReport]:
        """Return the plans in force with their counts."""
        return [FaultReport(drawn.plan, drawn.struck) for drawn in self._drawn]


class _Drawn:
    """A plan with its own dice and count."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self.struck = 0
        self._dice = random.Random(plan.seed)
        self._every = plan.scope == "every" or (plan.scope is None and plan.mode in _EVERY)

    def strikes(self, *, is_send: bool) -> bool:
        if not (is_send or self._every) or self.struck == self.plan.count:
            return False
        if self._dice.random() >= self.plan.probability:
            return False
        self.struck += 1
        return True
