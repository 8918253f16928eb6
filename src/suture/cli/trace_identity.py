"""Where an id leads: from a message to the ERP's document and back, read from the store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text
from rich.tree import Tree

from suture.app import existing_installation, visited_store
from suture.cli.ending import FOUND, WELL
from suture.cli.progress import waiting
from suture.cli.screen import count, line, money, open_console, plain, print_json, remedied
from suture.cli.trace_file import index_key_at
from suture.ledger.entry import Line
from suture.model.identity import Tokenizer
from suture.store.acts import Act
from suture.store.database import Database
from suture.store.lineage import Lineage, trace
from suture.translate.hl7v2_common import shown_control_id

LINES_SHOWN_MAX = 40
IDS_SHOWN_MAX = 20


def run_identities(identities: Sequence[str], *, home: Path | None, as_json: bool) -> int:
    """Show what is above and below each id; 1 when one of them is unknown."""
    lineages = asyncio.run(_read(identities, home))
    console = open_console()
    for identity, lineage in zip(identities, lineages, strict=True):
        if as_json:
            print_json(lineage if lineage is not None else {"asked": identity, "found": False})
        elif lineage is None:
            console.print(
                line(
                    ("Unknown: ", "bold yellow"),
                    f"nothing here is called {plain(identity)}. A file is traced by its path.",
                )
            )
        else:
            console.print(_tree(lineage))
    return WELL if all(each is not None for each in lineages) else FOUND


async def _read(identities: Sequence[str], home: Path | None) -> list[Lineage | None]:
    async with waiting("Looking"), visited_store(existing_installation(home)) as database:
        return [await _lineage(database, each, home) for each in identities]


async def _lineage(database: Database, asked: str, home: Path | None) -> Lineage | None:
    """Return what an id leads to; a control id of free text (MSH-10) is stored as its surrogate."""
    lineage = await trace(database, asked)
    if lineage is None:
        named = shown_control_id(asked, Tokenizer(index_key_at(home, os.environ)))
        lineage = await trace(database, named) if named != asked else None
    return lineage


def _tree(lineage: Lineage) -> Tree:
    root = Tree(Text(plain(lineage["asked"]), style="bold"), guide_style="dim")
    if item := lineage.get("work_item"):
        _add_work_item(root, item)
    branch = root
    if message := lineage.get("message"):
        branch = root.add(_message_line(message))
    entries = list(lineage.get("entries", ()))
    for event in lineage.get("events", ()):
        node = branch.add(_event_line(event))
        for entry in [each for each in entries if each["event_id"] == event["id"]]:
            _add_entry(node, entry)
            entries.remove(entry)
    for entry in entries:  # told by an event that is not shown
        _add_entry(branch, entry)
    if reversed_by := lineage.get("reversed_by"):
        root.add(Text(f"taken back by {', '.join(reversed_by)}", style="yellow"))
    for each in lineage.get("work_items", ()):
        _add_work_item(branch, each)
    if journal := lineage.get("journal"):
        _add_journal(root, journal)
    for act in lineage.get("acts", ()):
        _add_act(root, act)
    _add_ids(root, "entry", "entries", lineage.get("entry_ids", ()))
    _add_ids(root, "message", "messages", lineage.get("message_ids", ()))
    return root


def _message_line(message: Mapping[str, Any]) -> Text:
    return Text.assemble(
        (message["id"], "bold"),
        f"  {plain(message['type'])} {plain(message['control_id'])} from {message['source']}, ",
        (message["status"], "green" if message["status"] == "accepted" else "bold yellow"),
        f", {message['bytes_count']:,} bytes, {message['received_at']:%Y-%m-%d %H:%M:%S} UTC",
    )


def _event_line(event: Mapping[str, Any]) -> Text:
    place = (
        f"partition {event['partition']} position {event['position']}"
        if event["position"] is not None
        else "waits for its runner"
    )
    return Text.assemble(
        (event["id"], "bold"),
        f"  {event['type']}  {plain(event['stream'])}  ",
        (plain(event["path"]), "cyan"),
        f"  {event['outcome'] or 'not decided yet'}, {place}",
    )


def _add_entry(node: Tree, entry: Mapping[str, Any]) -> None:
    journal = (
        f"journal {entry['reference']} {entry['delivery_status'].lower()}"
        if entry["reference"]
        else "no journal yet"
    )
    document = f", document {plain(entry['document'])}" if entry["document"] else ""
    reverses = f", takes back {entry['reverses']}" if entry["reverses"] else ""
    branch = node.add(
        Text.assemble(
            (entry["id"], "bold green"),
            f"  {entry['kind']} of {entry['entity']}, books {entry['accounting_on']}{reverses}, ",
            (f"{journal}{document}", "bold"),
        )
    )
    lines: list[Line] = entry["lines"]
    for each in lines[:LINES_SHOWN_MAX]:
        branch.add(_journal_line(msgspec.structs.asdict(each), entry["currency"], each.where))
    if len(lines) > LINES_SHOWN_MAX:
        branch.add(f"and {count(len(lines) - LINES_SHOWN_MAX, 'more line')}")


def _journal_line(each: Mapping[str, Any], currency: str, where: str) -> Text:
    debit, credit = (
        money(each[side], currency) if each[side] else ""
        for side in ("debit_minor", "credit_minor")
    )
    places = (each["facility"], each["cost_centre"], each["service_line"], each["payer_class"])
    return Text.assemble(
        (f"{each['account']:<6}", "bold"),
        f"{debit:>16}{credit:>16}  {' '.join(filter(None, places))}  ",
        (plain(where), "cyan"),
    )


def _add_work_item(node: Tree, item: Mapping[str, Any]) -> None:
    state = f"resolved: {plain(item['resolution'])}" if item["resolved_at"] else "open"
    branch = node.add(
        Text.assemble(
            (item["id"], "bold yellow"),
            f"  {item['code']}  {money(item['amount_minor'])}  {state}  ",
            (plain(item["path"]), "cyan"),
        )
    )
    branch.add(Text(plain(item["explanation"])))
    if not item["resolved_at"]:
        branch.add(Text(f"→ {remedied(item['remedy'], item['id'])}"))


def _add_act(root: Tree, act: Act) -> None:
    reason = f": {plain(act.reason)}" if act.reason else ""
    root.add(
        Text.assemble(
            (act.act, "bold"),
            f" by {plain(act.os_user)}@{plain(act.host)}, {act.at:%Y-%m-%d %H:%M:%S} UTC{reason}",
        )
    )


def _add_journal(root: Tree, journal: Mapping[str, Any]) -> None:
    document = f", document {plain(journal['document'])}" if journal["document"] else ""
    entries = count(journal["entries_count"], "entry", "entries")
    branch = root.add(
        Text.assemble(
            (journal["reference"], "bold green"),
            f"  {journal['policy']} journal of {journal['entity']} for {journal['destination']}, "
            f"books {journal['accounting_on']}, {entries}, ",
            (f"{journal['status'].lower()}{document}", "bold"),
        )
    )
    for each in journal["lines"][:LINES_SHOWN_MAX]:
        branch.add(_journal_line(each, journal["currency"], ""))
    if len(journal["lines"]) > LINES_SHOWN_MAX:
        branch.add(f"and {count(len(journal['lines']) - LINES_SHOWN_MAX, 'more line')}")
    for attempt in journal["attempts"]:
        why = f"  {attempt['code']} {plain(attempt['explanation'])}" if attempt["code"] else ""
        branch.add(
            f"attempt {attempt['ordinal']} at {attempt['at']:%Y-%m-%d %H:%M:%S}: "
            f"{attempt['outcome']} in {attempt['milliseconds']:,} ms{why}"
        )


def _add_ids(root: Tree, noun: str, nouns: str, ids: Sequence[str]) -> None:
    if not ids:
        return
    branch = root.add(count(len(ids), noun, nouns))
    for each in ids[:IDS_SHOWN_MAX]:
        branch.add(Text(each))
    if len(ids) > IDS_SHOWN_MAX:
        branch.add(f"and {len(ids) - IDS_SHOWN_MAX:,} more")
