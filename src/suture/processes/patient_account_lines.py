"""Lines: which of the accounts merged into one holds an FT1 told under several numbers (ADT A40).

Here: what merged accounts tell each other of the FT1 they hold, and whose telling stands. Not here:
the bookings (`patient_account.py`, which asks), who pays for them (`patient_account_survivors.py`).

A charge told once under the retired number and again under the survivor's is one charge; its line
(sending application, FT1-2, FT1-6) says so, unless its source numbers its lines in each account
(`[hl7v2] line_numbers`): then both stand. Each account tells all it was ever merged with, either
way, what it was told itself last and what it heard from others, so every account of a group hears
of every line. What is known only grows, of finitely many lines and tellings, and is sent on only
where it was news, so the telling ends even in a loop.

What stands follows from the last telling under each number alone, whose numbers it says they are
included: were that a part of the line's name, a line told both ways would be two that know nothing
of each other, and the order of arrival would show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from suture.model.account import AccountLine


class HeldLine(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The last telling of an FT1 under one account's number; the greater is the later."""

    stamp: str
    amount_minor: int
    effective_on: date
    code: str
    is_of_account: bool = False
    """Whether its number is of its account alone."""

    def is_like(self, other: HeldLine) -> bool:
        """Tell whether two tellings look like one charge: the same amount, day and code."""
        return (self.amount_minor, self.effective_on, self.code) == (
            other.amount_minor,
            other.effective_on,
            other.code,
        )


Lines = Mapping[str, Mapping[str, HeldLine]]
"""Line -> account -> what that account was told last."""


def heard(known: Lines, told: Iterable[AccountLine], own: str) -> Lines:
    """Return what is known after this was told too; the same object where it told nothing new.

    The later telling wins, as everywhere. Nobody needs telling of itself.
    """
    found: dict[str, dict[str, HeldLine]] = {}
    for each in told:
        if each.account == own:
            continue
        held = _held(each)
        before = found.get(each.line, known.get(each.line, {}))
        if each.account not in before or held > before[each.account]:
            found[each.line] = {**before, each.account: held}
    return {**known, **found} if found else known


def told_of(account: str, line: str, held: HeldLine) -> AccountLine:
    """Return what an account tells those it was merged with of one FT1."""
    return AccountLine(
        account=account,
        line=line,
        stamp=held.stamp,
        amount_minor=held.amount_minor,
        effective_on=held.effective_on,
        code=held.code,
        line_numbers="account" if held.is_of_account else "sender",
    )


def all_told(own: str, own_lines: Mapping[str, HeldLine], known: Lines) -> tuple[AccountLine, ...]:
    """Return all an account tells one it was just merged with; `own_lines` by line."""
    said = [told_of(own, line, held) for line, held in own_lines.items()]
    said += [
        told_of(account, line, held)
        for line, accounts in known.items()
        for account, held in accounts.items()
    ]
    return tuple(sorted(said, key=lambda each: (each.line, each.account)))


def standing_elsewhere(known: Lines, line: str, own: HeldLine, account: str) -> HeldLine | None:
    """Return the telling by which another account of the group holds a line; None if it is ours.

    The later stamp wins. A tie goes by account: two accounts cannot be told in one segment, so
    there is none to speak of. A line numbered in its own account is nobody else's.
    """
    if own.is_of_account:
        return None
    stands, holder = own, account
    for other, held in known.get(line, {}).items():
        if not held.is_of_account and (held.stamp, other) > (stands.stamp, holder):
            stands, holder = held, other
    return None if holder == account else stands


def _held(told: AccountLine) -> HeldLine:
    is_of_account = told.line_numbers == "account"
    return HeldLine(told.stamp, told.amount_minor, told.effective_on, told.code, is_of_account)
