"""Reprocess: messages that were not accepted, again from their raw bytes, as they are read today.

Today is the code that runs and the release in force: a type that has been learnt, a character set
that was mended, a map that says where a value stands. What is accepted now books as if it had been
accepted when it came: same id, same time, same stamps, in the order of receipt; identities hold as
at intake, so that nothing is said twice. Here: which messages, in which order, and events that
failed (they are told again as they are). One message is `message_reprocess.py`, those of a file
`file_reprocess.py`. A parked booking is none of this: it books by itself under the next release.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

import msgspec

from suture.connectors.mllp.listener import HELD
from suture.engine.file_reprocess import reprocess_file
from suture.engine.message_reprocess import (
    Desk,
    Reprocessed,
    accepted_already,
    refused,
    reprocess_message,
)
from suture.engine.telemetry import log
from suture.governance.channels import open_channel
from suture.governance.estate import Estate
from suture.model.identity import Tokenizer
from suture.security.keys import KeyFileError
from suture.security.phi import SealBrokenError
from suture.store.database import Database, StoreUnavailableError
from suture.store.reprocess import StoredMessage, find_messages, tell_event_again
from suture.store.worklist import EVENT_FAILED, NamedItem, find_work_items, work_items_of_group

ATTEMPTS_MAX = 5
"""When the database is away, or another writer had to go first (a deadlock)."""
ATTEMPT_SECONDS = 0.3


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What is reprocessed in one transaction: a message, some of one file, or an event."""

    at: datetime
    """When it came: units go in this order."""
    messages: tuple[StoredMessage, ...] = ()
    item: NamedItem | None = None
    """The exception about an event that failed."""

    @property
    def ids(self) -> tuple[str, ...]:
        """What it is about."""
        if self.item is not None:
            return (self.item.event_id,)
        return tuple(message.id for message in self.messages)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: what there is to do, and what cannot be done, with the reason."""

    units: tuple[Unit, ...]
    refused: tuple[Reprocessed, ...]

    @property
    def count(self) -> int:
        """How many messages and events there are to do."""
        return sum(len(unit.ids) for unit in self.units)


async def choose(database: Database, asked: Sequence[str]) -> Choice:
    """Find messages by their ids, and what exceptions are about by theirs."""
    ids = list(dict.fromkeys(asked))
    items = await find_work_items(database, [each for each in ids if each.startswith("exc_")])
    return await _sorted_out(database, ids, items)


async def choose_group(database: Database, group: str) -> Choice:
    """Find everything that a group of exceptions is about.

    A group is named by its key, its fault's code, or one of its exceptions.
    """
    items = {item.id: item for item in await work_items_of_group(database, group)}
    if not items:
        why = "nothing open is of this group; `suture exceptions` lists what is"
        return Choice(units=(), refused=(refused(group, why),))
    if not any(_can_be_reprocessed(item) for item in items.values()):
        first = next(iter(items.values()))
        return Choice(units=(), refused=(refused(group, _why_not(first)),))
    return await _sorted_out(database, list(items), items)


async def _sorted_out(
    database: Database, asked: Iterable[str], items: dict[str, NamedItem]
) -> Choice:
    """Sort ids out into units and refusals."""
    no: list[Reprocessed] = []
    events: list[Unit] = []
    message_ids: dict[str, str] = {}
    """By message: how it was asked for."""
    for each in asked:
        item = items.get(each)
        if each.startswith("msg_"):
            message_ids.setdefault(each, each)
        elif item is None:
            no.append(refused(each, "nothing here is called so; name a message or an exception"))
        elif not _can_be_reprocessed(item):
            no.append(refused(each, _why_not(item)))
        elif item.is_of_message:
            message_ids.setdefault(item.message_id, each)
        else:
            events.append(Unit(at=item.opened_at, item=item))
    found = await find_messages(database, list(message_ids), fragment_codes=HELD)
    unknown = message_ids.keys() - {message.id for message in found}
    no.extend(refused(message_ids[each], "there is no such message") for each in sorted(unknown))
    units = [*events, *_units(found, no)]
    return Choice(units=tuple(sorted(units, key=lambda unit: unit.at)), refused=tuple(no))


def _units(messages: Iterable[StoredMessage], no: list[Reprocessed]) -> list[Unit]:
    """Gather messages that came in one file; add to `no` those that cannot be read again."""
    files: dict[str, list[StoredMessage]] = {}
    for message in messages:
        if message.status == "accepted":
            no.append(accepted_already(message.id))
        elif message.is_fragment:
            why = (
                "only the beginning of it arrived, and nobody may take that for the whole: have "
                "its sender send it again"
            )
            no.append(refused(message.id, why))
        else:
            files.setdefault(message.transmission_id or message.id, []).append(message)
    return [Unit(at=each[0].received_at, messages=tuple(each)) for each in files.values()]


def _can_be_reprocessed(item: NamedItem) -> bool:
    return item.is_of_message or (item.code == EVENT_FAILED and item.resolved_at is None)


def _why_not(item: NamedItem) -> str:
    if item.resolved_at is not None:
        return f"it is closed: {item.resolution}"
    if item.delivery_id is not None:
        return f"it is about a journal: `suture exceptions resend {item.id}` sends that again"
    return (
        "its message was accepted, and what it says waits for the estate: mend what the remedy "
        "names, then `suture apply`; it is decided again by itself"
    )


async def reprocess(
    desk: Desk, estate: Estate, choice: Choice
) -> AsyncIterator[Sequence[Reprocessed]]:
    """Reprocess unit by unit, in the order of receipt; yield what became of each.

    One that fails changes nothing and holds up none of the others. Raises StoreUnavailableError
    when the database stays away, and KeyFileError where the keys do not open what was stored.
    """
    tokenizer = Tokenizer(desk.key_ring.index_key)
    for unit in choice.units:
        yield await _patiently(desk, estate, tokenizer, unit)


async def _patiently(
    desk: Desk, estate: Estate, tokenizer: Tokenizer, unit: Unit
) -> Sequence[Reprocessed]:
    for attempts_left in reversed(range(ATTEMPTS_MAX)):
        try:
            return await _reprocessed(desk, estate, tokenizer, unit)
        except StoreUnavailableError:
            if not attempts_left:
                raise
            await asyncio.sleep(ATTEMPT_SECONDS)
        except KeyFileError:
            raise
        except SealBrokenError as error:
            why = f"its bytes are not what was stored ({error}): restore them from a backup"
            return [refused(each, why) for each in unit.ids]
        except Exception as error:  # noqa: BLE001 - a bug; one poison never blocks the others (F33)
            failure = type(error).__name__
            log.error("reprocess_failed", ids=unit.ids, error=failure)
            why = f"reading it raised {failure}, a defect of Suture to report; nothing has changed"
            return [refused(each, why) for each in unit.ids]
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _reprocessed(
    desk: Desk, estate: Estate, tokenizer: Tokenizer, unit: Unit
) -> Sequence[Reprocessed]:
    if unit.item is not None:
        return [await _tell_again(desk, unit.item)]
    first = unit.messages[0]
    source = estate.sources.get(first.source)
    if source is None:
        why = f"the estate in force has no source {first.source} to read it by"
        return [refused(each, why) for each in unit.ids]
    channel = open_channel(estate, source, tokenizer)
    if first.transmission_id is None:
        return [await reprocess_message(desk, first, channel)]
    return await reprocess_file(desk, unit.messages, channel)


async def _tell_again(desk: Desk, item: NamedItem) -> Reprocessed:
    """Tell an event's fact again; should it fail again, it is set aside again."""
    told = await tell_event_again(
        desk.database, item, resolution=desk.resolution, person=desk.person
    )
    if told is None:
        return refused(item.id, "somebody else reprocessed it a moment ago")
    return Reprocessed(id=told, outcome="accepted", events_count=1)
