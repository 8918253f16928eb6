"""`suture exceptions`: what waits for people, what is alike in one group; `dismiss` closes it.

How they look is `exceptions_screen.py`. What else can be done about one is `resend.py` (a refused
journal) and `reprocess.py` (a message that was not accepted). What is parked for the estate is
neither: it books under the next release.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from suture.app import existing_installation, visited_store
from suture.cli.ending import FOUND, WELL, UsageError
from suture.cli.exceptions_screen import group, show_details, show_groups, show_resolved
from suture.cli.person import this_person
from suture.cli.progress import waiting
from suture.cli.screen import count, line, money, open_console, plain, print_json
from suture.store.queues import OpenAmount, read_open_amounts
from suture.store.worklist import (
    EVENT_FAILED,
    LeftStanding,
    NamedItem,
    WorkItem,
    dismiss_work_items,
    entries_left_standing,
    find_work_items,
    open_work_items,
    resolved_work_items,
)

ITEMS_MAX = 10_000
"""Items read at once, the largest amounts first."""
RESOLVED_MAX = 100
"""Resolved ones, the last first."""


def run(*, home: Path | None, is_grouped: bool, code: str, is_resolved: bool, as_json: bool) -> int:
    """List what is open, or what was resolved last; 1 when anything is open."""
    if is_resolved:
        return _run_resolved(home, code, as_json=as_json)
    items, amounts = asyncio.run(_read(home))
    asked = [each for each in items if code in {"", each.code}]
    groups = group(asked)
    if as_json:
        told: dict[str, object] = {"open": sum(each.items_count for each in amounts)}
        print_json(told | ({"groups": groups} if is_grouped else {"exceptions": asked}))
    elif code or not is_grouped:
        show_details(asked, groups, code=code, is_grouped=is_grouped)
    else:
        show_groups(groups, amounts, read_count=len(items))
    return FOUND if items else WELL


def _run_resolved(home: Path | None, code: str, *, as_json: bool) -> int:
    items = asyncio.run(_read_resolved(home, code))
    if as_json:
        print_json({"exceptions": items})
    else:
        show_resolved(items, items_max=RESOLVED_MAX)
    return WELL


def run_dismiss(ids: Sequence[str], *, reason: str, home: Path | None, as_json: bool) -> int:
    """Resolve open exceptions with a reason; 1 when one of them is not open, or out of reach."""
    if not reason.strip():
        raise UsageError("--reason is empty: say why, for whoever asks next year")
    asked = list(dict.fromkeys(ids))
    dismissed, items, left = asyncio.run(_dismiss(asked, reason, home))
    kept = {
        each: _why_kept(items.get(each), left.get(each)) for each in asked if each not in dismissed
    }
    stays = [each for item, each in left.items() if item in dismissed]
    out_of_reach = [each for each in kept if each in items and items[each].resolved_at is None]
    if as_json:
        not_open = [each for each in kept if each not in out_of_reach]
        print_json(
            {
                "dismissed": dismissed,
                "stays": stays,
                "not_open": not_open,
                "out_of_reach": out_of_reach,
            }
        )
    else:
        console = open_console()
        if dismissed:
            console.print(f"Dismissed {count(len(dismissed), 'exception')}.")
        for entry in stays:
            console.print(line(("Stays in the books: ", "bold"), f"{_told(entry)}, uncorrected."))
        for each, why in kept.items():
            console.print(line(("Not dismissed: ", "yellow"), f"{plain(each)}: {why}"))
    return FOUND if kept else WELL


def _told(entry: LeftStanding) -> str:
    """Return what stands, in a few words."""
    amount = money(entry.principal_minor)
    return f"{entry.entry_id}, {amount} of {entry.entity} on {entry.accounting_on}"


def _why_kept(item: NamedItem | None, left: LeftStanding | None) -> str:
    """Return why an exception was not dismissed."""
    if item is None:
        return "nothing here is called so."
    if item.resolved_at is not None:
        return f"it is closed already: {plain(item.resolution)}."
    if item.delivery_id is not None:
        return (
            "its journal is booked here and not in the ERP. Mend the cause, then "
            f"`suture exceptions resend {item.id}`."
        )
    if item.code == EVENT_FAILED:
        return (
            "what its event says was never told. When Suture is mended, "
            f"`suture exceptions reprocess {item.id}`."
        )
    if item.is_correction:
        stays = f"{_told(left)} stays in the books" if left else "what is booked stays"
        return (
            f"{stays}, {money(item.amount_minor, item.currency)} away from what was told, and the "
            "control totals count on its correction. Open a period for it in ledger/periods.csv: "
            "then it is corrected."
        )
    return (
        f"{money(item.amount_minor, item.currency)} is parked behind it, and parked money is never "
        "dismissed: mend the estate, and it books itself."
    )


async def _read(home: Path | None) -> tuple[list[WorkItem], list[OpenAmount]]:
    async with waiting("Reading"), visited_store(existing_installation(home)) as database:
        return (
            await open_work_items(database, items_max=ITEMS_MAX),
            await read_open_amounts(database),
        )


async def _dismiss(
    ids: list[str], reason: str, home: Path | None
) -> tuple[list[str], dict[str, NamedItem], dict[str, LeftStanding]]:
    """Return what was dismissed, the rest as it is, and what corrections of either leave booked."""
    async with visited_store(existing_installation(home)) as database:
        left = await entries_left_standing(database, ids)
        dismissed = await dismiss_work_items(database, ids, this_person(reason))
        kept = [each for each in ids if each not in dismissed]
        return sorted(dismissed), await find_work_items(database, kept), left


async def _read_resolved(home: Path | None, code: str) -> list[NamedItem]:
    async with waiting("Reading"), visited_store(existing_installation(home)) as database:
        return await resolved_work_items(database, code, items_max=RESOLVED_MAX)
