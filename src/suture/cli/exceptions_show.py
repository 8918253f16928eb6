"""`suture exceptions show ID`: one exception, and what its message says where that is the question.

A control id used twice (B20): where the two messages differ, by path. Bytes that are not in the
character set they are said to be in (B17): which sets they fit. Neither shows a patient's value;
with `--reason` what stands there is shown too, opened at that moment, and who looked is noted
first, as with `suture trace ID --raw` (`reveal.py`).
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from suture.app import Installation, existing_installation, visited_store
from suture.cli.ending import FOUND, WELL
from suture.cli.exceptions_screen import print_item
from suture.cli.person import this_person
from suture.cli.progress import waiting
from suture.cli.reveal import visible
from suture.cli.screen import command_name, count, line, open_console, plain, print_json
from suture.engine.raw import open_message
from suture.model.fault import Fault
from suture.security.keys import KeyFileError
from suture.store.acts import append_acts
from suture.store.database import Database
from suture.store.worklist import NamedItem, find_work_items
from suture.wire import hl7v2

REUSED = "intake.control_id.reused"
MISREAD = "hl7.charset.mismatch"
FIELDS_MAX = 8
"""Shown of a message in each character set."""
CHARSETS_MAX = 4
VALUE_LENGTH_MAX = 200

_MESSAGE_ID = re.compile(r"\bmsg_[0-9a-z]+")


class FieldRead(msgspec.Struct, frozen=True):
    """A field as one character set reads it."""

    path: str
    value: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that are not ASCII, as one character set reads them."""

    charset: str
    fields: list[FieldRead] | None = None
    """None where nobody said why they look."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A place where two messages differ."""

    path: str
    change: str
    earlier: str | None = None
    """What stands there in each; None where nobody said why they look."""
    later: str | None = None


class Look(msgspec.Struct, kw_only=True):
    """What an exception's message says, as far as it is the question."""

    message_ids: list[str] = []
    """The messages opened: the earlier holder of a control id before the one that is held."""
    differences: list[Changed] | None = None
    is_more: bool = False
    previews: list[Preview] | None = None
    unseen: str = ""
    """Why there is nothing more to see."""


def run(item_id: str, *, reason: str, home: Path | None, as_json: bool) -> int:
    """Show one exception; 1 while it is open, or when there is none of that id."""
    found = asyncio.run(_read(item_id, reason.strip(), home))
    if found is None:
        if as_json:
            print_json({"asked": item_id, "found": False})
        else:
            told = f"no exception here is called {plain(item_id)}."
            open_console().print(line(("Nothing shown: ", "bold yellow"), told))
        return FOUND
    item, look = found
    if as_json:
        print_json({"exception": item, **msgspec.structs.asdict(look)})
    else:
        _show(item, look, is_revealed=bool(reason.strip()))
    return WELL if item.resolved_at is not None else FOUND


async def _read(item_id: str, reason: str, home: Path | None) -> tuple[NamedItem, Look] | None:
    installation = existing_installation(home)
    async with waiting("Reading"), visited_store(installation) as database:
        item = (await find_work_items(database, [item_id])).get(item_id)
        if item is None:
            return None
        return item, await _look(database, installation, item, reason)


async def _look(
    database: Database, installation: Installation, item: NamedItem, reason: str
) -> Look:
    """Open what the exception is about, and note who looks before any value is told."""
    holders = _MESSAGE_ID.findall(item.explanation) if item.code == REUSED else []
    if item.code not in {REUSED, MISREAD} or (item.code == REUSED and not holders):
        return Look()
    asked = [*holders[:1], item.message_id]
    try:
        key_ring = await installation.existing_key_ring(database)
        raws = [await open_message(database, key_ring, each) for each in asked]
    except KeyFileError:
        if reason:
            raise
        return Look(unseen="Its messages cannot be opened here: the keys are elsewhere.")
    messages = [hl7v2.parse(raw or b"") for raw in raws]
    read = [each for each in messages if not isinstance(each, Fault)]
    if len(read) < len(messages):
        return Look(unseen="It is about no HL7 v2 message that can be read.")
    if reason:
        await append_acts(database, "revealed", asked, this_person(reason))
    look = Look(message_ids=asked)
    if item.code == REUSED:
        look.differences, look.is_more = _differences(*read, is_revealed=bool(reason))
    else:
        look.previews = _previews(*read, is_revealed=bool(reason))
    return look


def _differences(
    earlier: hl7v2.Message, later: hl7v2.Message, *, is_revealed: bool
) -> tuple[list[Changed], bool]:
    found, is_more = hl7v2.differences(earlier, later)

    def told(each: hl7v2.Difference, message: hl7v2.Message) -> str | None:
        return _shown(each.value_in(message)) if is_revealed else None

    return [
        Changed(
            path=each.path,
            change=each.change,
            earlier=told(each, earlier),
            later=told(each, later),
        )
        for each in found
    ], is_more


def _previews(message: hl7v2.Message, *, is_revealed: bool) -> list[Preview]:
    """Return the fields that are not ASCII, under each character set the message fits."""
    fields = [
        (segment.where(field), text.encode(message.charset))
        for segment in message.segments
        for field, text in enumerate(segment.fields)
        if not text.isascii()
    ]
    return [
        Preview(
            charset=charset,
            fields=[FieldRead(path, _shown(raw, charset)) for path, raw in fields[:FIELDS_MAX]]
            if is_revealed
            else None,
        )
        for charset in hl7v2.likely_charsets(message.raw)[:CHARSETS_MAX]
    ]


def _shown(value: str | bytes, charset: str = "utf-8") -> str:
    raw = value if isinstance(value, bytes) else value.encode()
    text = visible(raw, charset)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}…"


def _show(item: NamedItem, look: Look, *, is_revealed: bool) -> None:
    console = open_console()
    print_item(console, item, datetime.now(UTC))
    if item.resolved_at is not None:
        how = f"It is closed: {plain(item.resolution)}."
        console.print(line(how, indent=2))
    if look.differences is not None:
        _show_differences(console, look, look.differences)
    if look.previews is not None:
        _show_previews(console, look.previews)
    if look.unseen:
        console.print(line(plain(look.unseen), indent=2))
    if look.message_ids and not is_revealed:
        command = f"{command_name()} exceptions show {item.id} --reason TEXT"
        console.print(line("What stands there (it is noted who looks, and why): ", indent=2))
        console.print(line((command, "cyan"), indent=4))
    elif item.message_id and not look.message_ids:
        command = f"{command_name()} trace {item.message_id} --raw --reason TEXT"
        console.print(line("Its bytes: ", (command, "cyan"), indent=2))


def _show_differences(console: Console, look: Look, found: list[Changed]) -> None:
    earlier, later = look.message_ids
    places = count(len(found), "place") if not look.is_more else f"more than {len(found)} places"
    head = f"{later} differs from {earlier} in {places}:" if found else "No field differs."
    console.print(line(head, indent=2))
    for each in found:
        console.print(line((f"{plain(each.path):<14}", "cyan"), each.change, indent=4))
        for label, value in (("was", each.earlier), ("is", each.later)):
            if value:
                console.print(line((f"{label:<4}", "dim"), value, indent=6))


def _show_previews(console: Console, previews: list[Preview]) -> None:
    if not previews:
        console.print(line("It fits none of the character sets that are likely.", indent=2))
        return
    fits = ", ".join(each.charset for each in previews)
    console.print(line(f"It fits: {fits}", indent=2))
    for each in previews:
        if each.fields is None:
            continue
        console.print(line((f"as {each.charset}", "bold"), indent=4))
        for field in each.fields:
            console.print(line((f"{plain(field.path):<14}", "cyan"), field.value, indent=6))
