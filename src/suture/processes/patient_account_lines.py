"""Lines: which of the accounts merged into one holds an FT1 told under several numbers (ADT A40).

Here: what merged accounts tell each other of the FT1 they hold, and whose telling stands. Not here:
the bookings (`patient_account.py`, which asks), who pays for them (`patient_account_survivors.py`).

A charge told once under the retired number and again under the survivor's is one charge; its line
(sending application, FT1-2, FT1-6) says so. Each account tells all it was ever merged with, either
way, what it was told itself and what it heard from others, so every account of a group hears of
every line. What is known only grows, of finitely many lines and stamps, and is sent on only where
it was news, so the telling ends even in a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from suture.model.account import AccountLine

Lines = Mapping[str, Mapping[str, str]]
"""Line -> account -> stamp of what that account was told last."""


def heard(known: Lines, told: Iterable[AccountLine], own: str) -> Lines:
    """Return what is known after this was told too; the same object where it told nothing new.

    The later stamp wins, as everywhere. Nobody needs telling of itself.
    """
    found: dict[str, Mapping[str, str]] = {}
    for each in told:
        before = found.get(each.line, known.get(each.line, {}))
        if each.account != own and each.stamp > before.get(each.account, ""):
            found[each.line] = {**before, each.account: each.stamp}
    return {**known, **found} if found else known


def all_told(own: str, own_lines: Mapping[str, str], known: Lines) -> tuple[AccountLine, ...]:
    """Return all an account tells one it was just merged with; `own_lines` by line, its stamp."""
    said = [AccountLine(account=own, line=line, stamp=stamp) for line, stamp in own_lines.items()]
    said += [
        AccountLine(account=account, line=line, stamp=stamp)
        for line, accounts in known.items()
        for account, stamp in accounts.items()
    ]
    return tuple(sorted(said, key=lambda each: (each.line, each.account)))


def is_told_later_elsewhere(known: Lines, line: str, stamp: str, own: str) -> bool:
    """Tell whether another account of the group holds a line by a later telling.

    A tie goes by account: two accounts cannot be told in one segment, so there is none to speak of.
    """
    return any((other, account) > (stamp, own) for account, other in known.get(line, {}).items())
