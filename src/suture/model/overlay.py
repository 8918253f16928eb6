"""Overlays: what one source's messages are to be read as, where it fills them in ways of its own.

The shapes only, so that a `Channel` can carry one. The language its values are written in is
`translate/expression.py`; what a place means and how rules are applied, `translate/overlay.py`; the
file they come from, `governance/maps.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Protocol, TypeAlias

import msgspec


class Reader(Protocol):
    """What an expression is evaluated against: one message, or one row or segment of it."""

    source: str
    """The source it came from: its look-up rows win."""
    on: date
    """The day whose look-up rows are in force."""

    def read(self, place: str) -> str:
        """Return the decoded value at a place; "" where there is none."""
        ...


class LookUp(Protocol):
    """A table of codes as sent and what they mean (`masterdata/crosswalk.py`)."""

    def resolve(self, source: str, key: tuple[str, ...], on: date) -> tuple[str, ...] | None:
        """Return what a code from a source means on a day; None when no row in force says it."""
        ...


Text: TypeAlias = Callable[[Reader], str]
"""An expression that gives a text."""
Condition: TypeAlias = Callable[[Reader], bool]
"""An expression that is true or not."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an overlay: put a value at a place, in some messages."""

    message: str
    """`DFT`, `DFT^P03`, `835`; empty for every message of the source."""
    target: str
    value: Text
    when: Condition | None = None
    is_clearing: bool = False
    """Empty the place where the value is empty; else what the sender put stays."""
    where: str = ""
    """The rule's place in the estate, `maps/adt.toml:12`."""


class Overlay(msgspec.Struct, frozen=True):
    """The rules of one source, in order: each sees what those before it have put."""

    source: str
    rules: tuple[Rule, ...]
