"""Where an id leads: from a message to the ERP's document and back, read from the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text
from rich.tree import Tree

from suture.app import existing_installation, keys_at_hand, visited_store
from suture.cli.ending import FOUND, WELL
from suture.cli.progress import waiting
from suture.cli.screen import count, line, money, open_console, plain, print_json, remedied
from suture.engine.search import WHAT_IDS_LOOK_LIKE, find
from suture.engine.worker import NoReleaseError, load_estate
from suture.ledger.entry import Line
from suture.model.fault import fault
from suture.store.acts import Act
from suture.store.lineage import Lineage

LINES_SHOWN_MAX = 40
IDS_SHOWN_MAX = 20


def run_identities(identities: Sequence[str], *, home: Path | None, as_json: bool) -> int:
    """Show what is above and below each id; 1 when one of them is unknown."""
    found = asyncio.run(_read(identities, home))
    for identity, lineages in zip(identities, found, strict=True):
        if as_json:
            print_json(_told(identity, lineages))
        else:
            _print(identity, lineages)
    return WELL if all(found) else FOUND


async def _read(identities: Sequence[str], home: Path | None) -> list[list[Lineage]]:
    """Return what is called so, the others of a shared control id included."""
    installation = existing_installation(home)
    key_ring = keys_at_hand(installation)
    async with waiting("Looking"), visited_store(installation) as database:
        estate = None
        with contextlib.suppress(NoReleaseError):  # then nothing was ever received
            estate, _ = await load_estate(database)
        return [await find(database, each, estate=estate, key_ring=key_ring) for each in identities]


def _told(identity: str, lineages: Sequence[Lineage]) -> Lineage:
    """Return what was found as one object; `also` holds what else is called so."""
    if not lineages:
        unknown = fault("command.identity.unknown", "", WHAT_IDS_LOOK_LIKE)
        return {"asked": identity, "found": False, "fault": unknown}
    first, *others = lineages
    also = [*first.get("also", ()), *others]
    return {**first, **({"also": also} if also else {})}


def _print(identity: str, lineages: Sequence[Lineage]) -> None:
    console = open_console()
    if not lineages:
        unknown = f"nothing here is called {plain(identity)}."
        console.print(line(("Unknown: ", "bold yellow"), unknown))
        console.print(line(WHAT_IDS_LOOK_LIKE, indent=2))
        return
    every = [each for first in lineages for each in (first, *first.get("also", ()))]
    if every[1:]:
        called = f"{len(every)} things are called so, what is booked first:"
        console.print(line((called, "bold yellow")))
    for each in every:
        console.print(_tree(each))


def _tree(lineage: Lineage) -> Tree:
    root = Tree(Text(plain(lineage["asked"]), style="bold"), guide_style="dim")
    if item := lineage.get("work_item"):
        _add_work_item(root, item)
    _add_told(root, lineage)
    if file := lineage.get("transmission"):
        _add_transmission(root, file, lineage["messages"])
    for release in lineage.get("releases", ()):
        root.add(_release_line(release))
    if journal := lineage.get("journal"):
        _add_journal(root, journal)
    for act in lineage.get("acts", ()):
        _add_act(root, act)
    _add_ids(root, "entry", "entries", lineage.get("entry_ids", ()))
    _add_ids(root, "message", "messages", lineage.get("message_ids", ()))
    if releases := lineage.get("release_ids"):
        again = f"asked to decide again under {count(len(releases), 'release')}"
        root.add(Text(f"{again}: {', '.join(releases)}"))
    return root


def _add_told(root: Tree, lineage: Lineage) -> None:
    """Add a message with its events, what they booked and what is open about them."""
    branch = root
    if message := lineage.get("message"):
        branch = root.add(_message_line(message))
    entries = list(lineage.get("entries", ()))
    items = list(lineage.get("work_items", ()))
    for event in lineage.get("events", ()):
        of_event = [each for each in items if each["event_id"] == event["id"]]
        node = branch.add(_event_line(event, of_event))
        for each in [each for each in lineage.get("told", ()) if each["event_id"] == event["id"]]:
            node.add(_told_line(each))
        for entry in [each for each in entries if each["event_id"] == event["id"]]:
            _add_entry(node, entry)
            entries.remove(entry)
    for entry in entries:  # told by an event that is not shown
        _add_entry(branch, entry)
    if reversed_by := lineage.get("reversed_by"):
        root.add(Text(f"taken back by {', '.join(reversed_by)}", style="yellow"))
    for each in items:
        _add_work_item(branch, each)


def _message_line(message: Mapping[str, Any]) -> Text:
    return Text.assemble(
        (message["id"], "bold"),
        f"  {plain(message['type'])} {plain(message['control_id'])} from {message['source']}, ",
        (message["status"], "green" if message["status"] == "accepted" else "bold yellow"),
        f", {message['bytes_count']:,} bytes, {message['received_at']:%Y-%m-%d %H:%M:%S} UTC",
    )


def _event_line(event: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Text:
    place = (
        f"partition {event['partition']} position {event['position']}"
        if event["position"] is not None
        else "waits for its runner"
    )
    return Text.assemble(
        (event["id"], "bold"),
        f"  {event['type']}  {plain(event['stream'])}  ",
        (plain(event["path"]), "cyan"),
        f"  {_outcome(event, items)}, {place}",
    )


def _told_line(told: Mapping[str, Any]) -> Text:
    """Return whom a fact was told to, under which key, and what became of it."""
    document = f", document {plain(told['document'])}" if told["document"] else ""
    attempts = count(told["attempts_count"], "attempt")
    return Text.assemble(
        (told["key"], "bold green"),
        f"  told to {told['destination']}, {attempts}, ",
        (f"{told['status'].lower()}{document}", "bold"),
        "" if told["disclosed"] else ", without identifiers",
    )


def _outcome(event: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str:
    """Return what became of an event: what the log says, and what has happened to it since."""
    outcome = str(event["outcome"] or "not decided yet").replace("_", " ")
    if outcome != "parked" or not items or any(each["resolved_at"] is None for each in items):
        return outcome
    last = max(items, key=lambda each: each["resolved_at"])
    return f"parked at first, {plain(last['resolution'])}"


def _add_transmission(
    root: Tree, file: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]
) -> None:
    held = count(file["messages_count"], "message")
    branch = root.add(
        Text.assemble(
            ("file", "bold"),
            f" from {file['source']}, {held}, {file['bytes_count']:,} bytes, "
            f"{file['received_at']:%Y-%m-%d %H:%M:%S} UTC",
        )
    )
    for each in messages[:IDS_SHOWN_MAX]:
        events = count(each["events_count"], "event")
        branch.add(
            f"{each['id']}  {plain(each['type'])} {plain(each['control_id'])}, {each['status']}, "
            f"{events}"
        )
    if file["messages_count"] > IDS_SHOWN_MAX:
        branch.add(f"and {file['messages_count'] - IDS_SHOWN_MAX:,} more")


def _release_line(release: Mapping[str, Any]) -> Text:
    note = f", {plain(release['note'])}" if release["note"] else ""
    events = count(release["events_count"], "event")
    entries = count(release["entries_count"], "entry", "entries")
    return Text.assemble(
        (f"release {release['number']}", "bold green" if release["in_force"] else "bold"),
        f"  since {release['activated_at']:%Y-%m-%d %H:%M:%S} UTC{note}; "
        f"{events} decided and {entries} booked under it",
        ", in force now" if release["in_force"] else "",
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
    how = plain(item["resolution"])
    closed = how if how.startswith("resolved") else f"resolved: {how}"
    state = closed if item["resolved_at"] else "open"
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
    if journal["renewed_as"]:
        branch.add(Text.assemble(("made anew as ", "yellow"), journal["renewed_as"]))
    if journal["renews"]:
        branch.add(Text.assemble(("made anew from ", "yellow"), journal["renews"]))
    for each in journal["lines"][:LINES_SHOWN_MAX]:
        branch.add(_journal_line(each, journal["currency"], ""))
    if len(journal["lines"]) > LINES_SHOWN_MAX:
        branch.add(f"and {count(len(journal['lines']) - LINES_SHOWN_MAX, 'more line')}")
    for alike in _alike(journal["attempts"]):
        branch.add(_attempts_line(alike))


def _alike(attempts: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return attempts in their order, those that ended alike one after the other as one group."""

    def ending(attempt: Mapping[str, Any]) -> tuple[Any, ...]:
        return (attempt["outcome"], attempt["code"], attempt["explanation"])

    return [list(group) for _, group in groupby(attempts, key=ending)]


def _attempts_line(alike: Sequence[Mapping[str, Any]]) -> str:
    first, last = alike[0], alike[-1]
    why = f"  {first['code']} {plain(first['explanation'])}" if first["code"] else ""
    if len(alike) == 1:
        return (
            f"attempt {first['ordinal']} at {first['at']:%Y-%m-%d %H:%M:%S}: {first['outcome']} "
            f"in {first['milliseconds']:,} ms{why}"
        )
    return (
        f"attempts {first['ordinal']} to {last['ordinal']}, {first['at']:%Y-%m-%d %H:%M:%S} to "
        f"{last['at']:%Y-%m-%d %H:%M:%S}: {first['outcome']} {len(alike):,} times{why}"
    )


def _add_ids(root: Tree, noun: str, nouns: str, ids: Sequence[str]) -> None:
    if not ids:
        return
    branch = root.add(count(len(ids), noun, nouns))
    for each in ids[:IDS_SHOWN_MAX]:
        branch.add(Text(each))
    if len(ids) > IDS_SHOWN_MAX:
        branch.add(f"and {len(ids) - IDS_SHOWN_MAX:,} more")
