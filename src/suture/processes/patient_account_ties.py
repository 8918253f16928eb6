"""Ties: one thing told in two ways at the same instant, where the sender's own order is not told.

Here: what else was told of an FT1, or of a registered field, at the instant of what is in force.
Not here: what is in force (`patient_account.py`): of a tie the bytes decide, the same in any order,
and a concern (`account.told_twice_at_once`) asks a person which of them holds.

An instant is EVN-2 or MSH-7 with MSH-13 or MSH-10 (`model/event.make_stamp`). Messages of one file
are ordered by their place in it, so only what came in different bytes can tie.
"""

from __future__ import annotations

from collections.abc import Iterable

from suture.model.event import told_at, told_in

Telling = tuple[str, bytes]
"""(stamp, mark of what was told)."""
Register = tuple[tuple[str, str], ...]
"""(stamp, value) of the latest tellings of a registered field, latest first."""


def rivals_of(winner: Telling, told: Iterable[Telling]) -> tuple[Telling, ...]:
    """Return the last that each other message or file told at the winner's instant."""
    instant = told_at(winner[0])
    latest: dict[str, Telling] = {}
    for each in told:
        if told_at(each[0]) == instant:
            latest[told_in(each[0])] = max(each, latest.get(told_in(each[0]), each))
    latest.pop(told_in(winner[0]), None)
    return tuple(sorted(latest.values()))


def is_tied(mark: bytes, rivals: Iterable[Telling]) -> bool:
    """Tell whether another told something else at the instant of what is in force."""
    return any(other != mark for _, other in rivals)


def is_register_tied(register: Register) -> bool:
    """Tell whether a registered field was told another value at the instant of that in force."""
    (stamp, value), *before = register
    return any(
        told_at(other) == told_at(stamp) and told_in(other) != told_in(stamp) and told != value
        for other, told in before
    )
