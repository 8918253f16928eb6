"""Survivors: whom a merged patient account lives on in, and whose word holds (ADT A40, MRG-3).

Here: what a retired account knows of those it was merged into, and in which order it asks them for
one of its bookings. Not here: the bookings (`patient_account.py`, which asks), merges of patients
(`patient.py`).

A retired account keeps its bookings: posted lines never move (F34). What it lacks, or what is told
to it after the merge, follows the survivor, through a chain of merges to its end. Each account
tells those it absorbed what it was told itself and what its own survivors told it. What is known so
only grows, of finitely many accounts, so the telling ends even in a loop (A into B, B into A: B21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from suture.model.account import AccountRegister, AccountSurvivor

Link = tuple[str, str]
"""(stamp of the merge, account merged into); two empty texts where there was none."""
NO_LINK: Link = ("", "")


class Survivor(msgspec.Struct, frozen=True, array_like=True):
    """What one account told those it absorbed."""

    registered: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """Field of AccountRegistered -> (stamp, value) in force."""
    link: Link = NO_LINK


Survivors = Mapping[str, Survivor]
"""By account."""


def joined(known: Survivors, told: Iterable[AccountSurvivor], own: str) -> Survivors:
    """Return what is known after this was told too; the same object where it told nothing new.

    The later stamp wins, per account and field, as everywhere. Nobody needs telling of itself.
    """
    found: dict[str, Survivor] = {}
    for each in told:
        if each.account == own:
            continue
        before = known.get(each.account, Survivor())
        registered = dict(before.registered)
        for register in each.registered:
            told_value = (register.stamp, register.value)
            registered[register.field] = max(told_value, registered.get(register.field, ("", "")))
        after = Survivor(registered, max(before.link, (each.merged_stamp, each.survivor)))
        if after != before or each.account not in known:
            found[each.account] = after
    return {**known, **found} if found else known


def told_by(account: str, own: Survivor, known: Survivors) -> tuple[AccountSurvivor, ...]:
    """Return all that an account tells those it absorbed: of itself and of its own survivors."""
    return tuple(
        AccountSurvivor(
            account=name,
            registered=tuple(
                AccountRegister(field=field, stamp=stamp, value=value)
                for field, (stamp, value) in sorted(each.registered.items())
            ),
            survivor=each.link[1],
            merged_stamp=each.link[0],
        )
        for name, each in sorted({**known, account: own}.items())
    )


def asked_in_order(account: str, link: Link, known: Survivors, stamp: str) -> list[str]:
    """Return the accounts whose registration a booking recorded at `stamp` goes by, first first.

    The account that was alive when it was recorded, then those it lives on in, then, should none of
    them have been told a thing, those merged away before.
    """
    path = _path(account, link, known)
    links = [link, *(known[name].link if name in known else NO_LINK for name in path[1:])]
    alive = 0
    while alive + 1 < len(path) and stamp > links[alive][0]:
        alive += 1
    return path[alive:] + path[:alive][::-1]


def is_looped(account: str, link: Link, known: Survivors) -> bool:
    """Tell whether the way from an account over its survivors leads back to it (B21)."""
    last = _path(account, link, known)[-1]
    after = link if last == account else known.get(last, Survivor()).link
    return after[1] == account


def _path(account: str, link: Link, known: Survivors) -> list[str]:
    """Return an account and those it lives on in, as far as they are known, each once."""
    path, after = [account], link[1]
    while after and after not in path:
        path.append(after)
        after = known[after].link[1] if after in known else ""
    return path
