"""`suture exceptions resend ID|JOURNAL...`: refused journals again, each under the same key.

The stored command goes out once more as it is; the ERP is asked first whether it holds it after
all. Its exception closes when the journal is delivered. With `--new-reference`, a journal whose
reference is another document's in the ERP is made anew under another one (`engine/delivery.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from suture.app import WORKER_SEEN_SECONDS, existing_installation, visited_store
from suture.cli.ending import FOUND, WELL, UsageError, require_choice
from suture.cli.person import this_person
from suture.cli.screen import count, line, money, open_console, plain, print_json
from suture.store.acts import Person
from suture.store.database import Database
from suture.store.outbox import (
    CONFLICT,
    NamedDelivery,
    ask_new_references,
    find_deliveries,
    resend_deliveries,
)
from suture.store.releases import live_workers
from suture.store.worklist import find_work_items, work_items_of_group


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What was not resent, and why."""

    asked: str
    why: str


class Resent(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the fields are the keys of `suture exceptions resend --json`."""

    resent: list[str]
    """References of the journals that are queued again."""
    amount_minor: int
    new_reference: bool
    """Whether each gets another reference, should the ERP still hold a stranger under this one."""
    refused: list[Kept]
    running: bool


def run(
    asked: Sequence[str],
    *,
    all_of: str,
    is_renewed: bool,
    reason: str,
    home: Path | None,
    as_json: bool,
) -> int:
    """Queue refused journals again; 1 when one of them cannot be."""
    if is_renewed and not reason.strip():
        raise UsageError("--new-reference needs --reason: say why, for whoever asks next year")
    require_choice(asked, all_of, things="journals")
    resend = _resend(list(asked), all_of, this_person(reason), home, is_renewed=is_renewed)
    resent = asyncio.run(resend)
    if as_json:
        print_json(resent)
    else:
        _print(resent)
    return FOUND if resent.refused else WELL


async def _resend(
    asked: list[str], all_of: str, person: Person, home: Path | None, *, is_renewed: bool
) -> Resent:
    async with visited_store(existing_installation(home)) as database:
        if all_of:
            asked = [item.id for item in await work_items_of_group(database, all_of)] or [all_of]
        ids = list(dict.fromkeys(asked))
        found = await find_deliveries(
            database,
            item_ids=[each for each in ids if each.startswith("exc_")],
            references=[each for each in ids if not each.startswith("exc_")],
        )
        queue = ask_new_references if is_renewed else resend_deliveries
        queued = set(await queue(database, [each.id for each in found], person))
        by_asked = {each.asked: each for each in found}
        items = await find_work_items(database, [each for each in ids if each not in by_asked])
        kept = [
            Kept(asked=each, why=_why_kept(by_asked.get(each), is_known=each in items))
            for each in ids
            if each not in by_asked or by_asked[each].id not in queued
        ]
        journals = {each.reference: each.amount_minor for each in found if each.id in queued}
        return Resent(
            resent=sorted(journals),
            amount_minor=sum(journals.values()),
            new_reference=is_renewed,
            refused=kept,
            running=await _is_running(database),
        )


async def _is_running(database: Database) -> bool:
    workers = await live_workers(database, seconds=WORKER_SEEN_SECONDS)
    return any(worker.role == "delivery" for worker in workers)


def _why_kept(delivery: NamedDelivery | None, *, is_known: bool) -> str:
    if delivery is None:
        if is_known:
            return "it is about no journal; `suture exceptions` says what its remedy is."
        return "no journal and no exception is called so."
    if delivery.status == "SENT":
        return f"{delivery.reference} was delivered, as document {plain(delivery.document)}."
    if delivery.status == "ERROR":
        return (
            f"{delivery.reference} was not refused for its reference ({CONFLICT}); "
            "resend it without --new-reference."
        )
    return f"{delivery.reference} is queued, and is sent by itself."


def _print(resent: Resent) -> None:
    console = open_console()
    if resent.resent:
        console.print(
            line(
                ("Queued again: ", "bold green"),
                f"{count(len(resent.resent), 'journal')}, ",
                (money(resent.amount_minor), "bold"),
                f" ({', '.join(resent.resent[:3])}{' ...' if len(resent.resent) > 3 else ''})",
            )
        )
        if resent.new_reference:
            console.print(
                "Each gets another reference, should the ERP still hold another document under "
                "this one; `suture trace` shows it under both."
            )
        console.print("Each exception closes when the ERP has its journal.")
    for each in resent.refused:
        console.print(line(("Not resent: ", "yellow"), f"{plain(each.asked)}: {each.why}"))
    if resent.resent and not resent.running:
        console.print("No sender is alive: they go out when `suture serve` runs.")
