"""`suture reconcile`: the proof, line by line. 0 only when every control holds.

The controls are `reconcile/controls.py`, read by `engine/proof.py`; here they are only shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Console

from suture.app import existing_installation, opened_ledger, visited_store
from suture.cli.ending import FOUND, WELL
from suture.cli.progress import waiting
from suture.cli.screen import chip, count, line, money, open_console, plain, plain_table, print_json
from suture.connectors.erp import ErpDestination
from suture.connectors.outcome import (
    AccountBalance,
    Balances,
    Journals,
    Refused,
    Transient,
)
from suture.engine.proof import Proof, read_proof
from suture.engine.worker import load_estate
from suture.governance.connections import Destination
from suture.model.fault import Fault
from suture.reconcile.controls import Conservation, Control, Difference
from suture.store.controls import read_delivery_counts, read_journal_holders
from suture.store.database import Database
from suture.store.telling import ToldCounts

READINGS_MAX = 5
READING_PAUSE_SECONDS = 0.5
"""While journals are on their way the two sides are read at different moments: read again."""

Told = TypeVar("Told", Balances, Journals)


class Side(msgspec.Struct, frozen=True):
    """One ERP, or why it could not be opened, and the legal entities it is asked about."""

    ledger: ErpDestination | Fault
    may_hold: Callable[[str], bool] = bool


class Ledgers:
    """What all ERPs of an estate hold together; remembers why one of them was not read."""

    def __init__(self, sides: Iterable[Side]) -> None:
        """Take the ERPs: one that does not know an entity is not asked about it."""
        self._sides = list(sides)
        self.unread: Fault | None = None

    async def balances(self, entity: str, period: str) -> Balances | Transient | Refused:
        """Return both sides of every account of an entity in a period, over all ERPs."""
        held = await self._ask(entity, lambda ledger: ledger.balances(entity, period))
        return _added(entity, period, held) if isinstance(held, list) else held

    async def journals(self, entity: str, period: str) -> Journals | Transient | Refused:
        """Return every document of an entity in a period, over all ERPs."""
        held = await self._ask(entity, lambda ledger: ledger.journals(entity, period))
        if not isinstance(held, list):
            return held
        return Journals(entity, period, tuple(each for one in held for each in one.journals))

    async def _ask(
        self,
        entity: str,
        question: Callable[[ErpDestination], Awaitable[Told | Transient | Refused]],
    ) -> list[Told] | Transient | Refused:
        """Ask every ERP that may hold an entity; the first that does not tell leaves it unread."""
        told: list[Told] = []
        for ledger in (side.ledger for side in self._sides if side.may_hold(entity)):
            answer = Refused(ledger) if isinstance(ledger, Fault) else await question(ledger)
            if isinstance(answer, Transient | Refused):
                self.unread = answer.fault
                return answer
            told.append(answer)
        return told


def _added(entity: str, period: str, held: list[Balances]) -> Balances:
    sides: dict[str, AccountBalance] = {}
    for balances in held:
        for each in balances.accounts:
            known = sides.get(each.account, AccountBalance(each.account, 0, 0, 0))
            sides[each.account] = AccountBalance(
                each.account,
                known.debit_minor + each.debit_minor,
                known.credit_minor + each.credit_minor,
                known.line_count + each.line_count,
            )
    return Balances(
        entity=entity,
        period=period,
        currency=held[0].currency if held else "",
        journal_count=sum(balances.journal_count for balances in held),
        accounts=tuple(sides.values()),
    )


def run(*, home: Path | None, as_json: bool) -> int:
    """Read every control and print it."""
    proof, unread = asyncio.run(_read(home))
    if as_json:
        print_json(_told(proof, unread))
    else:
        _print(proof, unread)
    return WELL if proof.proven else FOUND


async def _read(home: Path | None) -> tuple[Proof, Fault | None]:
    async with (
        waiting("Counting both sides"),
        visited_store(existing_installation(home)) as database,
    ):
        estate, _ = await load_estate(database)
        holders = await read_journal_holders(database)
        async with _opened(estate.destinations.values(), holders) as ledgers:
            return await _settled(database, ledgers), ledgers.unread


async def _settled(database: Database, ledgers: Ledgers) -> Proof:
    """Read the proof, again while a difference may only be a journal that arrives meanwhile."""
    readings_count = 0
    while True:
        before = await read_delivery_counts(database)
        proof = await read_proof(database, ledgers)
        readings_count += 1
        is_moving = before.queued or before != await read_delivery_counts(database)
        if proof.proven or not is_moving or readings_count == READINGS_MAX:
            return proof
        await asyncio.sleep(READING_PAUSE_SECONDS)


@asynccontextmanager
async def _opened(
    destinations: Iterable[Destination], holders: AbstractSet[tuple[str, str]]
) -> AsyncIterator[Ledgers]:
    """Open every destination, to be asked about what it takes now or was sent before."""
    async with AsyncExitStack() as stack:
        yield Ledgers(
            [
                Side(await stack.enter_async_context(opened_ledger(each)), _holder(each, holders))
                for each in destinations
            ]
        )


def _holder(
    destination: Destination, holders: AbstractSet[tuple[str, str]]
) -> Callable[[str], bool]:
    def may_hold(entity: str) -> bool:
        return destination.may_take(entity) or (destination.name, entity) in holders

    return may_hold


def _told(proof: Proof, unread: Fault | None) -> dict[str, object]:
    """Return the proof by the keys of `suture reconcile --json`."""
    return {
        "proven": proof.proven,
        "empty": is_empty(proof),
        "conservation": proof.conservation,
        "controls": proof.controls,
        "entries_unbalanced": proof.entries_unbalanced,
        "ledger_imbalance_minor": proof.ledger_imbalance_minor,
        "erp_difference_minor": proof.erp_difference_minor,
        "differences": [_difference(each) for each in proof.differences],
        "documents_twice": proof.documents_twice,
        "repeated": proof.repeated,
        "journals_refused": proof.refused.count,
        "journals_refused_minor": proof.refused.amount_minor,
        "told": [{**msgspec.structs.asdict(each), "gap": each.gap} for each in proof.told],
        "erp_unread": proof.erp_unread,
        "erp_unread_reason": "" if unread is None else f"{unread.code}: {unread.explanation}",
    }


def _difference(each: Difference) -> dict[str, object]:
    told = msgspec.structs.asdict(each)
    at = told.pop("at")
    return {**msgspec.structs.asdict(at), **told, "difference_minor": each.amount_minor}


def _print(proof: Proof, unread: Fault | None) -> None:
    console = open_console()
    _print_conservation(console, proof.conservation)
    _print_controls(console, proof.controls)
    _print_told(console, proof.told)
    table = plain_table("the subledger and the ERP", "", right=[""])
    table.add_row("entries out of balance", f"{proof.entries_unbalanced:,}")
    table.add_row("debits less credits", money(proof.ledger_imbalance_minor))
    is_read = not proof.erp_unread
    twice = f"{proof.documents_twice:,}" if is_read else "not known"
    table.add_row("documents that book something twice", twice)
    if proof.refused.count:
        refused = f"{money(proof.refused.amount_minor)} in {count(proof.refused.count, 'journal')}"
        table.add_row("refused by the ERP", f"[bold red]{refused}[/]")
    difference = money(proof.erp_difference_minor) if is_read else "not known"
    table.add_row("subledger less on its way less ERP", difference)
    console.print(table)
    if proof.differences and is_read:
        _print_differences(console, proof.differences)
    for each in proof.repeated:
        told = f" books again what is booked already (reference {plain(each.reference)})"
        console.print(line((plain(each.document), "bold red"), told))
    if not is_read:
        reason = f": {unread.explanation} → {unread.remedy}" if unread else ""
        console.print(
            line(
                ("The ERP was not read ", "bold red"), f"for {', '.join(proof.erp_unread)}{reason}"
            )
        )
    console.print()
    if is_empty(proof) and proof.proven:
        console.print(line(chip("nothing to prove yet"), "  no message has come in"))
    else:
        console.print(chip("proven" if proof.proven else "not proven"))


def is_empty(proof: Proof) -> bool:
    """Whether nothing came in yet: then every control holds, and none says anything."""
    return not proof.conservation.received


def _print_conservation(console: Console, law: Conservation) -> None:
    console.print(
        line(
            (count(law.received, "message"), "bold"),
            f" received = {law.posted:,} posted + {law.explained:,} explained "
            f"+ {law.held:,} waiting for a person + {law.in_flight:,} in flight",
            (f", a gap of {law.gap:,}", "bold red" if law.gap else "green"),
        )
    )
    console.print()


def _print_controls(console: Console, controls: list[Control]) -> None:
    if not controls:
        return
    figures = ("told", "as facts", "repeated", "parked", "standing", "difference")
    table = plain_table("control total", *figures, right=figures)
    for each in controls:
        style = "bold red" if each.difference_minor else "green"
        table.add_row(
            each.name.replace("_", " "),
            money(each.told_minor),
            money(each.facts_minor),
            money(each.repeated_minor),
            money(each.parked_minor),
            money(each.standing_minor),
            f"[{style}]{money(each.difference_minor)}[/]",
        )
    console.print(table)
    console.print()


def _print_told(console: Console, told: list[ToldCounts]) -> None:
    for each in told:
        console.print(
            line(
                (count(each.told_count, "message"), "bold"),
                f" for {each.receiver} = {each.delivered_count:,} delivered + "
                f"{each.queued_count:,} queued + {each.refused_count:,} refused",
                (f", a gap of {each.gap:,}", "bold red" if each.gap else "green"),
            )
        )
    if told:
        console.print()


def _print_differences(console: Console, differences: list[Difference]) -> None:
    figures = ("ours debit", "ours credit", "ERP debit", "ERP credit", "difference")
    table = plain_table("entity", "period", "account", *figures, right=figures)
    for each in differences:
        table.add_row(
            plain(each.at.entity),
            plain(each.at.period),
            plain(each.at.account),
            money(each.subledger_debit_minor),
            money(each.subledger_credit_minor),
            money(each.erp_debit_minor),
            money(each.erp_credit_minor),
            f"[bold red]{money(each.amount_minor)}[/]",
        )
    console.print()
    console.print(table)
