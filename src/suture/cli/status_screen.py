"""How `suture status` looks: the verdict, a line for each source and destination, what waits."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console

from suture.cli import doors
from suture.cli.screen import (
    age,
    command_name,
    count,
    line,
    open_console,
    plain,
    plain_table,
    told_at_stake,
)
from suture.cli.status import DestinationStatus, SourceStatus, Status, remedy_of, why_waiting
from suture.connectors.files.settings import FilesSettings
from suture.engine.duties import SOURCE_ROLES
from suture.governance.receivers import Receiver
from suture.store.queues import Queue

_STANDS_STILL = {"runner": "nothing is booked", "delivery": "nothing is sent"}


def show(status: Status) -> None:
    """Print everything, what a person must do something about in its place."""
    console = open_console()
    _print_verdict(console, status)
    _print_release(console, status)
    _print_warnings(console, status)
    console.print()
    _print_sources(console, status)
    _print_destinations(console, status)
    _print_waiting(console, status)
    _print_people(console, status)


def _print_verdict(console: Console, status: Status) -> None:
    serve = (f"{command_name()} serve --home {status.home}", "bold")
    roles = sorted({each.role for each in status.workers})
    match status.verdict:
        case "at work":
            began = min(each.started_at for each in status.workers)
            up = age((status.at - began).total_seconds())
            console.print(line(("At work  ", "bold green"), f"{', '.join(roles)}; for {up}"))
        case "not whole":
            told = "; ".join(f"{role}: {_standing_still(status, role)}" for role in status.missing)
            console.print(line(("Not whole  ", "bold red"), f"no worker is alive for {told}"))
            console.print(line(("→ ", "bold"), "See the log of ", serve, ".", indent=2))
        case "left alone":
            told = "its `suture serve` is gone, and the workers left are ending. Start it: "
            console.print(line(("Left alone  ", "bold red"), told, serve))
        case "not at work":
            told = "no worker is alive; messages wait at their senders. Start with "
            console.print(line(("Not at work  ", "bold red"), told, serve))
        case "stopped":
            told = "messages wait at their senders. Start with "
            console.print(line(("Stopped  ", "bold yellow"), told, serve))


def _standing_still(status: Status, role: str) -> str:
    """Return what does not happen while nobody fills a role."""
    if role in _STANDS_STILL:
        return _STANDS_STILL[role]
    silent = [
        each.source.name
        for each in status.sources
        if SOURCE_ROLES[each.source.settings.kind] == role
    ]
    return f"nobody hears {', '.join(silent)}"


def _print_release(console: Console, status: Status) -> None:
    release = status.release
    told = (
        f"release {release.number} ({release.id}) since {release.activated_at:%Y-%m-%d %H:%M} UTC"
        f"{'  ' + plain(release.note) if release.note else ''}"
        if release
        else "no estate yet: suture serve ESTATE"
    )
    console.print(line(("In force  ", "bold"), told))


def _print_warnings(console: Console, status: Status) -> None:
    for each in status.warnings:
        console.print(line(("Not durable  ", "bold yellow"), each.explanation))
        console.print(line(("→ ", "bold"), each.remedy, indent=2))


def _print_sources(console: Console, status: Status) -> None:
    if not status.sources:
        return
    table = plain_table("source", "where", "last message", "today", right=["today"])
    for each in status.sources:
        table.add_row(
            f"[bold]{each.source.name}[/]",
            _place(each),
            _ago(each.traffic.last_at, status.at),
            f"{each.traffic.today_count:,}",
        )
    console.print(table)
    sources = [each.source for each in status.sources]
    doors.print_waiting(console, sources, status.workers, status.at)
    doors.print_faults(console, sources, status.workers, status.at)
    for each in status.sources:
        if each.unmatched_count:
            _print_unmatched(console, each)
    console.print()


def _place(each: SourceStatus) -> str:
    """Return where a source's door is; the port that it got, where the estate leaves it open."""
    if "address" in each.door:
        return f"{each.source.connector} {each.door['address']}"
    return plain(doors.address(each.source)).replace("[", "\\[")


def _print_unmatched(console: Console, each: SourceStatus) -> None:
    files = each.source.settings
    assert isinstance(files, FilesSettings), "only folders are looked into"
    them = "it" if each.unmatched_count == 1 else "them"
    told = (
        f"{count(each.unmatched_count, 'file')} in {files.folder} that {files.pattern} does not "
        f"match: nobody takes {them}"
    )
    console.print(line((f"{each.source.name}  ", "bold yellow"), told))


def _print_destinations(console: Console, status: Status) -> None:
    if not status.destinations:
        return
    table = plain_table("destination", "where", "last sent", "sent", right=["sent"])
    for each in status.destinations:
        table.add_row(
            f"[bold]{each.destination.name}[/]",
            plain(each.destination.settings.address).replace("[", "\\["),
            _ago(each.traffic.sent_at, status.at),
            f"{each.traffic.sent_count:,}",
        )
    console.print(table)
    for each in status.destinations:
        _print_queue(console, each)
    console.print()


def _print_queue(console: Console, each: DestinationStatus) -> None:
    traffic = each.traffic
    name = each.destination.name
    if each.state == "waiting":
        style = "bold red" if each.needs_somebody else "bold yellow"
        waits = count(traffic.queued_count, _noun(each))
        verb = "waits" if traffic.queued_count == 1 else "wait"
        told = f"{plain(why_waiting(each))}; {waits} {verb}"
        console.print(line((f"{name} waits  ", style), told))
        console.print(line(("→ ", "bold"), remedy_of(each), indent=6))
    if traffic.refused_count:
        refused = f"{count(traffic.refused_count, _noun(each))}: see suture exceptions"
        console.print(line((f"{name} refused  ", "bold red"), refused))


def _noun(each: DestinationStatus) -> str:
    """Return what goes to a destination."""
    return "message" if isinstance(each.destination, Receiver) else "journal"


def _print_waiting(console: Console, status: Status) -> None:
    counts = status.counts
    console.print(
        line(
            ("So far  ", "bold"),
            f"{count(counts.messages_count, 'message')} "
            f"({counts.repeats_count:,} came again, {counts.held_count:,} held, "
            f"{counts.rejected_count:,} rejected), {count(counts.events_count, 'event')}, "
            f"{count(counts.entries_count, 'entry', 'entries')}, "
            f"{count(status.deliveries.sent, 'journal')} in the ERP",
        )
    )
    table = plain_table("what waits", "how many", "oldest", right=["how many", "oldest"])
    queues = status.queues
    for name, queue in (
        ("events for a runner", queues.inbox),
        ("entries for a journal", queues.unbatched),
        ("journals for the ERP", queues.deliveries),
    ):
        table.add_row(name, f"{queue.items_count:,}", _oldest(queue))
    console.print(table)


def _print_people(console: Console, status: Status) -> None:
    """Print what waits for people: open exceptions."""
    for each in status.open_amounts:
        since = age((status.at - each.oldest_at).total_seconds())
        console.print(
            line(
                ("Waits for a person  ", "bold yellow"),
                f"{count(each.items_count, 'exception')}, {told_at_stake(each)}, "
                f"the oldest {since}: see suture exceptions",
            )
        )
    if not status.open_amounts:
        console.print(line(("No exception is open.", "green")))


def _ago(moment: datetime | None, now: datetime) -> str:
    return "never" if moment is None else f"{age((now - moment).total_seconds())} ago"


def _oldest(queue: Queue) -> str:
    return age(queue.oldest_seconds) if queue.items_count else "-"
