"""`suture demo`: days of a simulated health system through the real thing, with planted faults, healed, and proven.

Starts the embedded PostgreSQL, the sandbox ERP, Suture's workers and the senders on loopback, breaks what breaks in life, repairs it as
people would, and ends with the proof. Its JSON keys are a contract.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from suture.cli.world import World, open_world
from suture.engine.proof import Proof
from suture.model.money import format_amount
from suture.simulator.health_system.places import UNMAPPED_HEALED_BY
from suture.store.controls import Counts, read_counts
from suture.store.worklist import WorkItem, count_work_items, open_work_items, resolve_work_items

REPAIRED_DEPARTMENT = ",".join((*UNMAPPED_HEALED_BY, "", "")).encode() + b"\n"
"""The crosswalk row a steward adds when the new department's charges park."""
DISMISSALS = {
    "intake.control_id.reused": "the source sent the second message again under a new control id",
    "intake.trace.reused": "the payer confirmed that this is a second copy of a booked remittance",
}
"""What people close by hand, and why they may."""

FAULTS_BY_DAY: dict[int, list[dict[str, Any]]] = {
    1: [{"mode": "commit_then_timeout", "count": 2, "delay_ms": 10_000}],
    2: [{"mode": "down", "count": 12}, {"mode": "500", "count": 2}, {"mode": "429", "count": 2}],
}

TALLY = "tally.json"

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

    console = Console(stderr=as_json)
    folder = home or Path(".suture") / "demo"
    return uvloop.run(_run(console, folder, days=days, seed=seed, as_json=as_json))


async def _run(console: Console, folder: Path, *, days: int, seed: int, as_json: bool) -> int:
    from suture.cli.estates import sample_estate

    began = time.monotonic()
    console.print("[bold]Suture[/] starts its database, a sandbox ERP and a simulated health system ...")
    async with open_world(folder, sample_estate()) as world:
        with Progress(
            TextColumn("[progress.description]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            task = progress.add_task("Simulated days", total=days, told="")
            for day in range(1, days + 1):
                await world.break_erp(*FAULTS_BY_DAY.get(day, []))
                sent = await _play_day(world, day, days, seed)
                progress.update(task, advance=1, told=f"{sent} messages on day {day}")
            progress.update(task, told="waiting for the last journals")
            await world.break_erp()
            await world.quiet()
        parked = await open_work_items(await world.database())
        console.print(_exceptions_table(parked))
        await _heal(world, console.print)
        outcome, proof = await _outcome(world, began)
    _print_end(console, outcome, proof, folder)
    if as_json:
        print(json.dumps(msgspec.to_builtins(outcome)))  # noqa: T201 - the command's output
    return 0 if proof.proven and not outcome.conservation_gap else 1


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
    assert process.stdout is not None  # noqa: S101 - a pipe
    sent = 0
    async for line in process.stdout:
        sent = int(json.loads(line)["sent"])
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
            await resolve_work_items(database, items, reason)
            tell(f"{len(items)} closed: {reason}.")


async def _outcome(world: World, began: float) -> tuple[Outcome, Proof]:
    database = await world.database()
    counts = await read_counts(database)
    proof = await world.proof()
    work_items = await count_work_items(database)
    summary = await world.erp_summary()
    outcome = Outcome(
        messages_received=proof.conservation.received,
        messages_duplicate=counts.repeats_count,
        messages_held=counts.held_count + counts.rejected_count,
        events=counts.events_count,
        entries=counts.entries_count,
        lines=counts.lines_count,
        entries_unbalanced=proof.entries_unbalanced,
        exceptions_open=work_items.open_count,
        exceptions_resolved=work_items.resolved_count,
        journals_posted=summary["journal_count"],
        journals_posted_twice=summary["posted_twice"] + proof.documents_twice,
        conservation_gap=proof.conservation.gap + _untold(world, counts),
        ledger_imbalance_minor=proof.ledger_imbalance_minor,
        erp_difference_minor=proof.erp_difference_minor,
        seconds=round(time.monotonic() - began, 1),
    )
    return outcome, proof


def _untold(world: World, counts: Counts) -> int:
    """Return how far what the senders say they sent is from what was stored: the source's side of the law."""
    return abs(sent_messages(world.installation.home / TALLY) - counts.messages_count)


def sent_messages(tally: Path) -> int:
    """Return how many different messages a tally says were sent."""
    told = json.loads(tally.read_text())
    return int(told["messages_sent"] + told["sets_written"])


def _exceptions_table(items: list[WorkItem]) -> Table:
    table = Table(title="Exceptions the planted faults left open", title_justify="left")
    for heading in ("what", "messages", "at stake", "owner", "what to do next"):
        table.add_column(heading, justify="right" if heading in {"messages", "at stake"} else "left")
    groups: dict[str, list[WorkItem]] = {}
    for item in items:
        groups.setdefault(item.code, []).append(item)
    for code, group in sorted(groups.items()):
        table.add_row(
            code,
            str(len(group)),
            f"${format_amount(sum(abs(each.amount_minor) for each in group))}",
            group[0].owner,
            group[0].remedy,
        )
    return table


def _print_end(console: Console, outcome: Outcome, proof: Proof, folder: Path) -> None:
    law = proof.conservation
    table = Table(title="The proof", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("messages received", f"{law.received:,}")
    table.add_row("  posted", f"{law.posted:,}")
    table.add_row("  explained (duplicates, no financial effect, dismissed)", f"{law.explained:,}")
    table.add_row("  held with an open exception", f"{law.held:,}")
    table.add_row("  in flight", f"{law.in_flight:,}")
    table.add_row("[bold]conservation gap[/]", f"[bold]{outcome.conservation_gap}[/]")
    table.add_row("entries, lines", f"{outcome.entries:,}, {outcome.lines:,}")
    table.add_row("entries out of balance", str(outcome.entries_unbalanced))
    table.add_row("journals in the ERP", f"{outcome.journals_posted:,}")
    table.add_row("[bold]journals posted twice[/]", f"[bold]{outcome.journals_posted_twice}[/]")
    table.add_row("[bold]ledger imbalance[/]", f"[bold]${format_amount(outcome.ledger_imbalance_minor)}[/]")
    table.add_row(
        "[bold]difference subledger to ERP[/]",
        f"[bold]${format_amount(outcome.erp_difference_minor)}[/]",
    )
    console.print(table)
    verdict = "[green]Proven.[/]" if proof.proven and not outcome.conservation_gap else "[red]NOT proven.[/]"
    console.print(f"{verdict} {outcome.seconds} s. Kept in {folder}; look further with:")
    console.print(f"  suture trace SUT0000000000001 --home {folder}")
    console.print(f"  suture exceptions --all --home {folder}")
