"""`suture demo`: days of a simulated hospital through the real thing, faults and repairs included.

Starts the embedded PostgreSQL, the sandbox ERP, Suture's workers and the senders on loopback,
breaks what breaks in life, repairs it as people would, and ends with the proof. Its JSON keys are a
contract.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from suture.cli.person import this_person
from suture.cli.screen import (
    chip,
    command_name,
    count,
    line,
    money,
    open_console,
    plain_table,
    print_json,
)
from suture.cli.world import World, open_world
from suture.engine.proof import Proof
from suture.model.fault import catalogue
from suture.simulator.health_system.places import UNMAPPED_HEALED_BY
from suture.store.controls import read_counts
from suture.store.database import Database
from suture.store.search import first_journal
from suture.store.worklist import WorkItem, count_work_items, dismiss_work_items, open_work_items

REPAIRED_DEPARTMENT = ",".join((*UNMAPPED_HEALED_BY, "", "")).encode() + b"\n"
"""The crosswalk row a steward adds when the new department's charges park."""
DISMISSALS = {
    "intake.control_id.reused": "the source sent the second message again under a new control id",
    "intake.trace.reused": "the payer withdrew the second remittance under this trace",
}
"""What people close by hand, and why they may."""

ERP_FAULTS: tuple[dict[str, Any], ...] = (
    {"mode": "commit_then_timeout", "count": 2, "delay_ms": 10_000},
    {"mode": "down", "count": 12},
    {"mode": "500", "count": 2},
    {"mode": "429", "count": 2},
)
"""What the ERP does wrong, one after the other and each so often: then it is well by itself.

No journal gets through before all of it has happened, however short the demonstration is.
"""
ERP_FAULTS_SPOKEN = {
    "commit_then_timeout": "the ERP booked and did not answer",
    "down": "the ERP was down",
    "500": "the ERP failed",
    "429": "the ERP was busy",
}

TALLY = "tally.json"
SAME_SEED = (
    "The same seed sends the same messages and ends with the same books. Ids, times, how often a "
    "message had to be sent again, how many entries it took and which of them share a journal "
    "differ from run to run."
)

Tell = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a demonstration ended with; the fields are the keys of `suture demo --json`."""

    messages_received: int
    messages_duplicate: int
    messages_held: int
    events: int
    entries: int
    lines: int
    entries_unbalanced: int
    exceptions_open: int
    exceptions_resolved: int
    journals_posted: int
    journals_posted_twice: int
    conservation_gap: int
    ledger_imbalance_minor: int
    erp_difference_minor: int
    seconds: float


def run(*, days: int, seed: int, as_json: bool, home: Path | None) -> int:
    """Run the demonstration and print it; return the exit code: 0 when everything is proven."""
    import uvloop

    console = open_console(is_error=as_json)
    folder = home or Path(".suture") / "demo"
    return uvloop.run(_run(console, folder, days=days, seed=seed, as_json=as_json))


async def _run(console: Console, folder: Path, *, days: int, seed: int, as_json: bool) -> int:
    from suture.cli.estates import sample_estate

    began = time.monotonic()
    console.print(line(("Suture", "bold"), " starts a database, a sandbox ERP and a hospital ..."))
    async with open_world(folder, sample_estate()) as world:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            task = progress.add_task("Simulated days", total=days, told="")
            await world.break_erp(*ERP_FAULTS)
            for day in range(1, days + 1):
                sent = await _play_day(world, day, days, seed)
                progress.update(task, advance=1, told=f"day {day}: {count(sent, 'message')} so far")
            progress.update(task, told="waiting for the last journals")
            await world.quiet()
        _print_planted(console, world.installation.home / TALLY, await world.erp_faults())
        parked = await open_work_items(await world.database())
        _print_exceptions(console, parked)
        await _heal(world, lambda text: console.print(line(("✓ ", "green"), text)))
        await world.break_erp()
        proof = await world.proof()
        outcome = await read_outcome(
            await world.database(),
            proof,
            await world.erp_summary(),
            sent_count=sent_messages(world.installation.home / TALLY),
            seconds=round(time.monotonic() - began, 1),
        )
        reference = await first_journal(await world.database())
    _print_end(console, outcome, proof, folder, reference)
    if as_json:
        print_json(outcome)
    return 0 if is_proven(outcome, proof) else 1


async def _play_day(world: World, day: int, days: int, seed: int) -> int:
    """Let the health system live one day; return how many messages it sent."""
    process = await world.play(
        [
            *("--days", str(days)),
            *("--seed", str(seed)),
            *("--from-day", str(day), "--to-day", str(day)),
            *("--tally", str(world.installation.home / TALLY)),
        ]
    )
    assert process.stdout is not None
    sent = 0
    async for told in process.stdout:
        sent = int(json.loads(told)["sent"])
    if await process.wait():
        raise RuntimeError(f"the senders failed on day {day}: see senders.log")
    return sent


async def _heal(world: World, tell: Tell) -> None:
    """Repair what waits, as people would: a crosswalk row, then what is closed with a reason."""
    files = dict(world.files)
    files["crosswalks/department.csv"] += REPAIRED_DEPARTMENT
    await world.apply(files, "map department ROBO")
    tell("A steward maps the new department: its charges book themselves.")
    await asyncio.sleep(1.5)
    await world.quiet()
    database = await world.database()
    for code, reason in DISMISSALS.items():
        items = [each.id for each in await open_work_items(database) if each.code == code]
        if items:
            await dismiss_work_items(database, items, this_person(reason))
            tell(f"{len(items)} closed: {reason}.")


async def read_outcome(
    database: Database,
    proof: Proof,
    erp_summary: Mapping[str, Any],
    *,
    sent_count: int,
    seconds: float,
) -> Outcome:
    """Count what the demonstration ended with.

    What the senders say they sent (`sent_count`) and what the ERP counts of itself are judges of
    their own: they know nothing of the proof.
    """
    counts = await read_counts(database)
    work_items = await count_work_items(database)
    return Outcome(
        messages_received=proof.conservation.received,
        messages_duplicate=counts.repeats_count,
        messages_held=counts.held_count + counts.rejected_count,
        events=counts.events_count,
        entries=counts.entries_count,
        lines=counts.lines_count,
        entries_unbalanced=proof.entries_unbalanced,
        exceptions_open=work_items.open_count,
        exceptions_resolved=work_items.resolved_count,
        journals_posted=erp_summary["journal_count"],
        journals_posted_twice=max(erp_summary["posted_twice"], proof.documents_twice),
        conservation_gap=proof.conservation.gap + abs(sent_count - counts.messages_count),
        ledger_imbalance_minor=proof.ledger_imbalance_minor,
        erp_difference_minor=proof.erp_difference_minor,
        seconds=seconds,
    )


def is_proven(outcome: Outcome, proof: Proof) -> bool:
    """Whether every control holds, those of the other judges too."""
    return proof.proven and not (outcome.conservation_gap or outcome.journals_posted_twice)


def sent_messages(tally: Path) -> int:
    """Return how many different messages a tally says were sent."""
    told = json.loads(tally.read_text())
    return int(told["messages_sent"] + told["sets_written"])


def _print_planted(
    console: Console, tally: Path, erp_faults: Sequence[tuple[Mapping[str, Any], int]]
) -> None:
    """Print what went wrong on purpose, and how often: at the senders', then at the ERP."""
    planted: dict[str, int] = json.loads(tally.read_text())["planted"]
    struck = {ERP_FAULTS_SPOKEN[plan["mode"]]: times for plan, times in erp_faults}
    told = [f"{_spoken(name)} ({times})" for name, times in {**planted, **struck}.items() if times]
    console.print()
    console.print(line(("What went wrong on purpose", "bold")))
    console.print(line(", ".join(told), indent=2))


def _print_exceptions(console: Console, items: list[WorkItem]) -> None:
    """Print what waits, one group for each kind: how many, how much, whose, and what is next."""
    groups: dict[str, list[WorkItem]] = {}
    for item in items:
        groups.setdefault(item.code, []).append(item)
    console.print()
    console.print(line(("What the planted faults left for people", "bold")))
    for code, group in sorted(groups.items()):
        at_stake = money(sum(abs(each.amount_minor) for each in group))
        head = f"{len(group)} x {catalogue()[code].title}"
        console.print(
            line((head, "yellow"), f"  {at_stake}, for the {_spoken(group[0].owner)}", indent=2)
        )
        console.print(line(("→ ", "bold"), group[0].remedy, indent=4))
    console.print()


def _spoken(owner: str) -> str:
    return owner.replace("_", " ")


def _print_end(
    console: Console, outcome: Outcome, proof: Proof, folder: Path, reference: str
) -> None:
    law = proof.conservation
    table = plain_table("", "figure", right=["figure"], is_headed=False)
    for name, figure in (
        ("messages received", f"{law.received:,}"),
        ("  posted", f"{law.posted:,}"),
        ("  explained: duplicates, no financial effect, dismissed", f"{law.explained:,}"),
        ("  waiting for a person: an exception is open", f"{law.held:,}"),
        ("  in flight", f"{law.in_flight:,}"),
        ("conservation gap", f"{outcome.conservation_gap:,}"),
        ("entries, with lines", f"{outcome.entries:,}, {outcome.lines:,}"),
        ("entries out of balance", f"{outcome.entries_unbalanced:,}"),
        ("exceptions open, resolved", f"{outcome.exceptions_open}, {outcome.exceptions_resolved}"),
        ("journals in the ERP", f"{outcome.journals_posted:,}"),
        ("journals posted twice", f"{outcome.journals_posted_twice:,}"),
        ("ledger imbalance", money(outcome.ledger_imbalance_minor)),
        ("difference between subledger and ERP", money(outcome.erp_difference_minor)),
    ):
        table.add_row(name, figure)
    console.print()
    console.print(line(("The proof", "bold")))
    console.print(Padding(table, (0, 0, 0, 2)))
    console.print()
    verdict = chip("proven" if is_proven(outcome, proof) else "not proven")
    console.print(line(verdict, f"  in {outcome.seconds} s. Look further:"))
    for command in (f"trace {reference}", "exceptions --resolved", "status"):
        console.print(line((f"{command_name()} {command} --home {folder}", "cyan"), indent=2))
    console.print(line((SAME_SEED, "dim")))
