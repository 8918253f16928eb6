"""How exceptions look: a line for each group; one by one, or all of a code, with what to do next.

What is alike (one cause, one remedy) is one group. Reading and closing them is `exceptions.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.table import Table

from suture.cli.screen import (
    age,
    command_name,
    count,
    line,
    money,
    open_console,
    plain,
    plain_table,
    remedied,
    told_at_stake,
)
from suture.model.fault import catalogue
from suture.store.queues import OpenAmount
from suture.store.worklist import NamedItem, WorkItem

TITLE_WIDTH_MIN = 24
"""Less of a title says nothing: it is left to `--code`."""

_COLUMNS = ("at stake", "how many", "oldest", "code", "for", "from", "what")
_COLUMNS_ALWAYS = frozenset(_COLUMNS[:4])
_FIGURES = frozenset(_COLUMNS[:2])


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


def show_groups(groups: Sequence[Group], amounts: Sequence[OpenAmount], *, read_count: int) -> None:
    """Print a line for each group, the largest amounts first."""
    console = open_console()
    if not groups:
        console.print(line(("Nothing waits for a person.", "bold green")))
        return
    for each in amounts:
        console.print(
            line(
                (count(each.items_count, "exception"), "bold"),
                f" open, {told_at_stake(each)}",
            )
        )
    open_count = sum(each.items_count for each in amounts)
    if open_count > read_count:
        console.print(f"Of these, the {read_count:,} with the largest amounts:")
    console.print()
    now = datetime.now(UTC)
    console.print(_table([_row(each, now) for each in groups], console.width))
    console.print()
    command = f"{command_name()} exceptions --code {groups[0].code}"
    console.print(line("Why, and what to do next: ", (command, "cyan")))


def _table(rows: Sequence[tuple[str, ...]], width: int) -> Table:
    """Return one line for each group, with as many columns as fit; the title alone is cut short."""
    table = plain_table()
    left = width
    for place, name in enumerate(_COLUMNS):
        needed = max(len(name), *(len(row[place]) for row in rows)) + 2
        if name == "what":
            needed = min(needed, max(left, TITLE_WIDTH_MIN))
        if needed > left + 2 and name not in _COLUMNS_ALWAYS:
            break
        left -= needed
        table.add_column(
            name,
            justify="right" if name in _FIGURES else "left",
            max_width=needed if name == "what" else None,
            no_wrap=True,
            overflow="ellipsis" if name == "what" else "fold",
            style="bold yellow" if name == "code" else "",
        )
    for row in rows:
        table.add_row(*row[: len(table.columns)])
    return table


def _row(each: Group, now: datetime) -> tuple[str, ...]:
    return (
        money(each.amount_minor, each.currency),
        f"{each.count:,}",
        age((now - each.oldest_at).total_seconds()),
        each.code,
        spoken(each.owner),
        plain(each.source),
        each.title,
    )


def show_details(
    items: Sequence[WorkItem], groups: Sequence[Group], *, code: str, is_grouped: bool
) -> None:
    """Print groups, or exceptions one by one, with what is wrong and what to do next."""
    console = open_console()
    if not items:
        of_code = f" of code {plain(code)}" if code else ""
        console.print(line((f"Nothing{of_code} waits for a person.", "bold green")))
        return
    now = datetime.now(UTC)
    by_id = {each.id: each for each in items}
    for ordinal, each_group in enumerate(groups if is_grouped else ()):
        if ordinal:
            console.print()
        _print_group(console, each_group, by_id[each_group.ids[0]], now)
    for ordinal, item in enumerate(() if is_grouped else items):
        if ordinal:
            console.print()
        print_item(console, item, now)


def _print_group(console: Console, each: Group, first: WorkItem, now: datetime) -> None:
    oldest = age((now - each.oldest_at).total_seconds())
    amount = f"{money(each.amount_minor, each.currency)}  "
    title = (each.title, "bold yellow")
    console.print(line((amount, "bold"), title, (f"  {each.code}", "dim")))
    source = f" from {plain(each.source)}" if each.source else ""
    told = f"{each.count:,}{source}, oldest {oldest}, for {spoken(each.owner)}"
    console.print(line(told, indent=2))
    _print_why(console, first, title=each.title)
    about = f" of {each.message_id}" if each.message_id else ""
    console.print(line(("e.g. ", "dim"), f"{each.ids[0]} at {plain(each.where)}{about}", indent=2))


def print_item(console: Console, item: WorkItem, now: datetime) -> None:
    """Print one exception: how much, what, where, since when, and what to do next."""
    amount = f"{money(item.amount_minor, item.currency)}  "
    console.print(line((amount, "bold"), (item.code, "bold yellow"), (f"  {item.id}", "dim")))
    since = age((now - item.opened_at).total_seconds())
    about = item.message_id or item.event_id or f"delivery {item.delivery_id}"
    told = f"{plain(item.source)} {about} at {plain(item.path)}, {since}, for {spoken(item.owner)}"
    console.print(line(told, indent=2))
    _print_why(console, item, title="")


def _print_why(console: Console, item: WorkItem, *, title: str) -> None:
    """Print what is wrong, where the title does not say it, what to do next, and how to dismiss."""
    if item.explanation != title:
        console.print(line(plain(item.explanation), indent=2))
    console.print(line(("→ ", "bold"), remedied(item.remedy, item.id), indent=2))
    if item.is_dismissible and "exceptions dismiss" not in item.remedy:
        command = f"{command_name()} exceptions dismiss {item.id} --reason TEXT"
        console.print(line("  or, where nothing has to be booked: ", (command, "cyan"), indent=2))


def show_resolved(items: Sequence[NamedItem], *, items_max: int) -> None:
    """Print what was resolved last, and how."""
    console = open_console()
    if not items:
        console.print("Nothing was resolved yet.")
        return
    for item in items:
        amount = f"{money(item.amount_minor, item.currency)}  "
        console.print(line((amount, "bold"), item.code, (f"  {item.id}", "dim")))
        console.print(line(f"{item.resolved_at:%Y-%m-%d %H:%M} UTC, {_how(item)}", indent=2))
    if len(items) == items_max:
        console.print(f"The last {items_max:,}; --code CODE narrows them down.")


def _how(item: NamedItem) -> str:
    how = plain(item.resolution)
    return how if how.startswith(("resolved", "dismissed")) else f"resolved: {how}"


def spoken(owner: str) -> str:
    """Return an owner's role as people say it."""
    return owner.replace("_", " ")
