"""What the third-party messages beside the checkout come to: files, verdicts, first reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Closed, Reading
from suture.pipeline import read_file

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"


class Listed(msgspec.Struct, frozen=True):
    """One line of the corpus's manifest."""

    cat: str
    path: str
    named_invalid: bool
    problems: tuple[Any, ...] = ()
    """What whoever gathered the corpus measured to be wrong with its envelope or syntax."""


class Message(msgspec.Struct, frozen=True):
    """One message of a file."""

    format: str
    type: str
    status: str
    reason: str
    """Code of its first fault; empty where it was accepted."""


class Read(msgspec.Struct, frozen=True):
    """What a file came to."""

    listed: Listed
    messages: tuple[Message, ...]
    codes: frozenset[str]
    """Of every fault and note of it."""


@cache
def manifest() -> tuple[Listed, ...]:
    """Return the manifest; empty where the corpus is absent."""
    path = FOLDER / "manifest.jsonl"
    if not path.is_file():
        return ()
    return tuple(msgspec.json.decode(line, type=Listed) for line in path.read_bytes().splitlines())


@cache
def census() -> tuple[Read, ...]:
    """Read every file of the corpus."""
    return tuple(_read(each) for each in manifest())


def _read(listed: Listed) -> Read:
    channel = Channel(
        source="corpus",
        zone=ZoneInfo("America/Chicago"),
        tokenizer=Tokenizer(b"an index key of the tests, 32 bytes"),
        authority="riverbend",
        facility="RGH",
    )
    messages: list[Message] = []
    codes: set[str] = set()
    since = 0
    for piece in read_file([(FOLDER / listed.path).read_bytes()], channel):
        if isinstance(piece, Reading):
            told = piece.translation
            reason = told.faults[0].code if told.faults else ""
            messages.append(Message(told.format, told.type, told.status, reason))
            codes.update(each.code for each in (*told.faults, *told.notes))
        elif isinstance(piece, Closed):
            codes.update(each.code for each in piece.faults)
            if piece.faults:
                reason = piece.faults[0].code
                messages[since:] = [
                    msgspec.structs.replace(each, status=piece.status, reason=reason)
                    for each in messages[since:]
                ]
            since = len(messages)
    return Read(listed, tuple(messages), frozenset(codes))


def rows() -> Iterator[tuple[str, str, int, Counter[str], Counter[str]]]:
    """Yield each format and type with its number of messages, verdicts and first reasons."""
    kinds: dict[tuple[str, str], tuple[Counter[str], Counter[str]]] = {}
    for read in census():
        for each in read.messages:
            statuses, reasons = kinds.setdefault((each.format, each.type), (Counter(), Counter()))
            statuses[each.status] += 1
            if each.reason:
                reasons[each.reason] += 1
    for (name, kind), (statuses, reasons) in sorted(kinds.items()):
        yield name, kind, statuses.total(), statuses, reasons
