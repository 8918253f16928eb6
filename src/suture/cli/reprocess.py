"""`suture exceptions reprocess`: messages again from their raw bytes, one by one or a whole group.

What that means, and what it never does, is `engine/reprocess.py`; here is what people see of it: a
bar while it runs, then what came of it, with amounts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from suture.app import WORKER_SEEN_SECONDS, existing_installation, visited_store
from suture.cli.ending import FOUND, WELL, require_choice
from suture.cli.person import this_person
from suture.cli.progress import counted
from suture.cli.screen import count, line, money, open_console, plain, print_json
from suture.engine.message_reprocess import Desk, Outcome, Reprocessed
from suture.engine.reprocess import choose, choose_group, reprocess
from suture.engine.telemetry import silenced
from suture.engine.worker import PARTITIONS_COUNT, load_estate
from suture.store.acts import Person
from suture.store.releases import live_workers, make_partitions

LINES_SHOWN_MAX = 20


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the fields are the keys of `suture exceptions reprocess --json`."""

    accepted: int
    """Messages, and events that had failed."""
    amount_minor: int
    """What the accepted ones say they are worth."""
    events: int
    """Events queued for their runner."""
    held: int
    held_minor: int
    repeated: int
    """Said by another message already, byte for byte."""
    refused: int
    running: bool
    results: list[Reprocessed]


def run(asked: Sequence[str], *, all_of: str, reason: str, home: Path | None, as_json: bool) -> int:
    """Reprocess messages; 1 when one of them is not accepted."""
    require_choice(asked, all_of, things="messages")
    with silenced():
        ended = asyncio.run(_reprocess(list(asked), all_of, this_person(reason), home))
    if as_json:
        print_json(ended)
    else:
        _print(ended)
    return FOUND if ended.held or ended.refused else WELL


async def _reprocess(asked: list[str], all_of: str, person: Person, home: Path | None) -> Ended:
    installation = existing_installation(home)
    async with visited_store(installation) as database:
        key_ring = await installation.existing_key_ring(database)
        estate, release = await load_estate(database)
        choice = await (choose_group(database, all_of) if all_of else choose(database, asked))
        partitions_count = await make_partitions(database, PARTITIONS_COUNT)
        desk = Desk(database, key_ring, partitions_count, person=person, release=release.id)
        results = list(choice.refused)
        with counted("Reprocessing", total=choice.count) as advance:
            async for ended in reprocess(desk, estate, choice):
                results.extend(ended)
                advance(len(ended))
        workers = await live_workers(database, seconds=WORKER_SEEN_SECONDS)
        return summed(results, is_running=any(each.role == "runner" for each in workers))


def summed(results: Sequence[Reprocessed], *, is_running: bool) -> Ended:
    """Return what came of everything, counted and added up."""

    def of(outcome: Outcome) -> list[Reprocessed]:
        return [each for each in results if each.outcome == outcome]

    return Ended(
        accepted=len(of("accepted")),
        amount_minor=sum(each.amount_minor for each in of("accepted")),
        events=sum(each.events_count for each in of("accepted")),
        held=len(of("held")),
        held_minor=sum(each.amount_minor for each in of("held")),
        repeated=len(of("repeated")),
        refused=len(of("refused")),
        running=is_running,
        results=list(results),
    )


def _print(ended: Ended) -> None:
    console = open_console()
    if ended.accepted:
        events = count(ended.events, "event")
        console.print(
            line(
                ("Accepted: ", "bold green"),
                f"{count(ended.accepted, 'message')}, ",
                (money(ended.amount_minor), "bold"),
                f", {events} for the runner",
            )
        )
    for each in [each for each in ended.results if each.messages_count]:
        found = count(each.messages_count, "message")
        console.print(line(f"{found} found in {each.id}, each its own now", indent=2))
    if ended.repeated:
        said = count(ended.repeated, "message")
        console.print(line(("Closed: ", "bold"), f"{said} said by another one, byte for byte"))
    if ended.held:
        console.print(
            line(
                ("Still held: ", "bold yellow"),
                f"{count(ended.held, 'message')}, ",
                (money(ended.held_minor), "bold"),
            )
        )
        _print_reasons(console, [each for each in ended.results if each.outcome == "held"])
    no = [each for each in ended.results if each.outcome == "refused"]
    for each in no[:LINES_SHOWN_MAX]:
        console.print(
            line(("Not reprocessed: ", "yellow"), f"{plain(each.id)}: {each.explanation}.")
        )
    if len(no) > LINES_SHOWN_MAX:
        console.print(f"and {len(no) - LINES_SHOWN_MAX:,} more; --json lists them all")
    if ended.accepted and not ended.running:
        console.print("No runner is alive: they are booked when `suture serve` runs.")


def _print_reasons(console: Console, held: list[Reprocessed]) -> None:
    """Print why messages are held, each reason once."""
    alike: dict[tuple[str, str], list[Reprocessed]] = {}
    for each in held:
        alike.setdefault((each.code, each.explanation), []).append(each)
    for (code, explanation), those in list(alike.items())[:LINES_SHOWN_MAX]:
        console.print(line((f"{code}  ", "bold"), plain(explanation), indent=2))
        console.print(line(f"{len(those):,}, ", ("e.g. ", "dim"), those[0].id, indent=2))
