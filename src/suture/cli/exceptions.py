"""`suture exceptions`: what waits for people, what is alike in one group; `dismiss` closes it.

What else can be done about one is `resend.py` (a refused journal) and `reprocess.py` (a message
that was not accepted). What is parked for the estate is neither: it books under the next release.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from suture.app import existing_installation, visited_store
from suture.cli.ending import FOUND, WELL, UsageError
from suture.cli.person import this_person
from suture.cli.progress import waiting
from suture.cli.screen import age, count, line, money, open_console, plain, print_json, remedied
from suture.model.fault import catalogue
from suture.store.queues import OpenAmount, read_open_amounts
from suture.store.worklist import (
    EVENT_FAILED,
    NamedItem,
    WorkItem,
    dismiss_work_items,
    find_work_items,
    open_work_items,
)

ITEMS_MAX = 10_000
"""Items read at once, the largest amounts first."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Exceptions that are alike: one cause, one remedy."""

    group: str
    """Its key, by which `--all-of` names it."""
    code: str
    title: str
    source: str
    owner: str
    count: int
    amount_minor: int
    currency: str
    oldest_at: datetime
    newest_at: datetime
    explanation: str
    remedy: str
    where: str
    """Path in the first of them."""
    message_id: str
    """Message of the first of them."""
    ids: list[str]


def run(*, home: Path | None, is_grouped: bool, as_json: bool) -> int:
    """List what is open; 1 when anything is."""
    items, amounts = asyncio.run(_read(home))
    groups = group(items)
    if as_json:
        told: dict[str, object] = {"open": sum(each.items_count for each in amounts)}
        print_json(told | ({"groups": groups} if is_grouped else {"exceptions": items}))
    else:
        _print(items, groups, amounts, is_grouped=is_grouped)
    return FOUND if items else WELL


def run_dismiss(ids: Sequence[str], *, reason: str, home: Path | None, as_json: bool) -> int:
    """Resolve open exceptions with a reason; 1 when one of them is not open, or out of reach."""
    if not reason.strip():
        raise UsageError("--reason is empty: say why, for whoever asks next year")
    asked = list(dict.fromkeys(ids))
    dismissed, items = asyncio.run(_dismiss(asked, reason, home))
    kept = {each: _why_kept(items.get(each)) for each in asked if each not in dismissed}
    out_of_reach = [each for each in kept if each in items and items[each].resolved_at is None]
    if as_json:
        not_open = [each for each in kept if each not in out_of_reach]
        print_json({"dismissed": dismissed, "not_open": not_open, "out_of_reach": out_of_reach})
    else:
        console = open_console()
        if dismissed:
            console.print(f"Dismissed {count(len(dismissed), 'exception')}.")
        for each, why in kept.items():
            console.print(line(("Not dismissed: ", "yellow"), f"{plain(each)}: {why}"))
    return FOUND if kept else WELL


def _why_kept(item: NamedItem | None) -> str:
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
) -> tuple[list[str], dict[str, NamedItem]]:
    """Return what was dismissed, and the rest as it is."""
    async with visited_store(existing_installation(home)) as database:
        dismissed = await dismiss_work_items(database, ids, this_person(reason))
        kept = [each for each in ids if each not in dismissed]
        return sorted(dismissed), await find_work_items(database, kept)


def group(items: Sequence[WorkItem]) -> list[Group]:
    """Return exceptions that are alike as groups, the largest amounts first."""
    alike: dict[tuple[str, str], list[WorkItem]] = {}
    for item in items:
        alike.setdefault((item.group_key, item.currency), []).append(item)
    groups = [_group(each) for each in alike.values()]
    return sorted(groups, key=lambda each: (-each.amount_minor, each.oldest_at))


def _group(items: list[WorkItem]) -> Group:
    first = min(items, key=lambda item: (item.opened_at, item.id))
    return Group(
        group=first.group_key,
        code=first.code,
        title=catalogue()[first.code].title if first.code in catalogue() else first.code,
        source=first.source,
        owner=first.owner,
        count=len(items),
        amount_minor=sum(abs(item.amount_minor) for item in items),
        currency=first.currency,
        oldest_at=first.opened_at,
        newest_at=max(item.opened_at for item in items),
        explanation=first.explanation,
        remedy=first.remedy,
        where=first.path,
        message_id=first.message_id,
        ids=sorted(item.id for item in items),
    )


def _print(
    items: list[WorkItem], groups: list[Group], amounts: list[OpenAmount], *, is_grouped: bool
) -> None:
    console = open_console()
    if not items:
        console.print(line(("Nothing waits for a person.", "bold green")))
        return
    for each in amounts:
        console.print(
            line(
                (count(each.items_count, "exception"), "bold"),
                " open, ",
                (money(each.amount_minor, each.currency), "bold"),
                " at stake",
            )
        )
    open_count = sum(each.items_count for each in amounts)
    if open_count > len(items):
        console.print(f"Of these, the {len(items):,} with the largest amounts:")
    now = datetime.now(UTC)
    for each_group in groups if is_grouped else ():
        _print_group(console, each_group, now)
    for item in () if is_grouped else items:
        _print_item(console, item, now)


def _print_group(console: Console, each: Group, now: datetime) -> None:
    oldest = age((now - each.oldest_at).total_seconds())
    console.print()
    console.print(
        line(
            (f"{money(each.amount_minor, each.currency)}  ", "bold"),
            (each.title, "bold yellow"),
            (f"  {each.code}", "dim"),
        )
    )
    source = f" from {plain(each.source)}" if each.source else ""
    console.print(line(f"{each.count:,}{source}, oldest {oldest}, for {each.owner}", indent=2))
    console.print(line(plain(each.explanation), indent=2))
    console.print(line(("→ ", "bold"), remedied(each.remedy, each.ids[0]), indent=2))
    about = f" of {each.message_id}" if each.message_id else ""
    console.print(line(("e.g. ", "dim"), f"{each.ids[0]} at {plain(each.where)}{about}", indent=2))


def _print_item(console: Console, item: WorkItem, now: datetime) -> None:
    console.print()
    console.print(
        line(
            (f"{money(item.amount_minor, item.currency)}  ", "bold"),
            (item.code, "bold yellow"),
            (f"  {item.id}", "dim"),
        )
    )
    since = age((now - item.opened_at).total_seconds())
    about = item.message_id or item.event_id or f"delivery {item.delivery_id}"
    console.print(line(f"{plain(item.source)} {about} at {plain(item.path)}, {since}", indent=2))
    console.print(line(plain(item.explanation), indent=2))
    remedy = remedied(item.remedy, item.id)
    console.print(line(("→ ", "bold"), f"{remedy} ({item.owner})", indent=2))
