"""What Suture would make of files: read by an estate, in memory, touching nothing.

With `--json`, one object for each message on a line of its own; its keys are a contract. How it
looks to people is `trace_screen.py`; the chain itself is `memory.py`. Surrogates are the
installation's own where its keys are here, else of a key drawn for this run: under a key that
anybody knows, whoever sees what was printed could try account numbers until one fits.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import structs
from rich.console import Console
from typer import BadParameter

from suture.cli.check import print_faults, read_estate_files
from suture.cli.ending import FOUND, WELL
from suture.cli.estates import sample_estate_folder
from suture.cli.progress import watched
from suture.cli.screen import print_json
from suture.config import SETTINGS_FILE, Settings, load_settings
from suture.connectors.ports import read_chunks
from suture.connectors.registry import CONNECTORS
from suture.governance.channels import open_channels
from suture.governance.estate import Estate, load
from suture.governance.reading import shown, suggestion
from suture.ledger.entry import Entry
from suture.memory import Judged, Rehearsal, Told, key_of
from suture.model.fault import Fault, fault
from suture.model.identity import Tokenizer, message_of
from suture.model.translation import UNREADABLE_TYPE, Channel
from suture.security.keys import KEY_BYTES, KEYS_FOLDER, KeyFileError, KeyRing, holds_keys


class FaultLine(msgspec.Struct, frozen=True):
    """A fault as scripts read it."""

    code: str
    where: str
    explanation: str


class EventLine(msgspec.Struct, frozen=True):
    """An event as scripts read it: its type and its business key, a surrogate."""

    type: str
    key: str


class JournalLine(msgspec.Struct, frozen=True):
    """A line of an entry as scripts read it."""

    account: str
    debit_minor: int
    credit_minor: int
    where: str


class EntryLines(msgspec.Struct, frozen=True):
    """An entry as scripts read it."""

    lines: list[JournalLine]


class MessageReport(msgspec.Struct, kw_only=True):
    """One message as scripts read it; the fields are the keys of `suture trace --json`."""

    path: str
    format: str
    type: str
    control_id: str
    status: str
    faults: list[FaultLine]
    events: list[msgspec.Raw] = []
    """Each an `EventLine`, already encoded: a file may hold many."""
    entries: list[msgspec.Raw] = []
    """Each an `EntryLines`."""
    notes: list[FaultLine] = []


class Readers:
    """Reads files by one estate, each as the source it would come from."""

    def __init__(self, estate: Estate, index_key: bytes, *, source: str = "") -> None:
        """Take the estate and the key of surrogates, and make a channel of each of its sources.

        All files are of the `source` named, if one is: a table cannot be told by its bytes.
        """
        self.estate = estate
        self._source = source
        tokenizer = Tokenizer(index_key)
        sources = estate.sources.values()
        self._channels = open_channels(estate, sources, tokenizer, is_rehearsal=True)

    def channel(self, kind: str) -> Channel:
        """Return the channel of a message type (ST01, MSH-9.1, FHIR): the first that may send it.

        One that names the type goes before one that names its format. Where none may send it, the
        first of its format, or any at all: what cannot be booked must be told of somebody. Sources
        of tables are asked by name alone.
        """
        if self._source:
            return self._channels[self._source]
        syntax = "x12" if kind.isdigit() else "hl7v2"
        named = f"{syntax}_{kind.lower()}"
        if kind in {"FHIR", "BANK"}:
            syntax = named = kind.lower()

        def distance(channel: Channel) -> int:
            if named in channel.translations:
                return 0
            if channel.may_send(named):
                return 1
            if any(each.startswith(syntax) for each in channel.translations):
                return 2
            return 3 if channel.schema is None else 4

        channel = min(self._channels.values(), key=distance)
        return channel if channel.schema is None else structs.replace(channel, schema=None)

    def read(self, path: Path, console: Console | None = None) -> Iterator[Judged | Told]:
        """Yield the messages of a file, each followed by what its events change.

        `console` is where the result is printed meanwhile, if that is a terminal: progress then
        stands below it. Raises OSError.
        """
        rehearsal = Rehearsal(self.estate.books, self.channel)
        with _opened(path) as (stream, size):
            bar = partial(watched, bytes_total=size, console=console)
            rehearsal.judge(bar(read_chunks(stream), label="Reading"))
            stream.seek(0)
            yield from rehearsal.tell(bar(read_chunks(stream), label="Deciding"))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open an ordinary file; anything else could wait for ever, or read differently again."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
        yield stream, status.st_size


def index_key_at(home: Path | None, environment: Mapping[str, str]) -> bytes:
    """Return the index key of the installation there, else one drawn for this run.

    A key directory that this user may not read, or that is damaged, is none: nothing is made,
    mended or asked for here.
    """
    file = Path(SETTINGS_FILE)
    try:
        settings = load_settings(file if file.exists() else None, environment)
        told = settings.data_folder if isinstance(settings, Settings) else Settings().data_folder
        directory = (home or Path(told)) / KEYS_FOLDER
        if holds_keys(directory):
            return KeyRing.load(directory).index_key
    except (KeyFileError, OSError):
        pass
    return secrets.token_bytes(KEY_BYTES)


def run_files(
    paths: Iterable[Path],
    folder: Path | None,
    *,
    index_key: bytes,
    events_max: int,
    as_json: bool,
    source: str = "",
) -> int:
    """Show what every file of these paths comes to; 1 when anything of it is not simply booked.

    Files are read as those of `source`, where one is named.
    """
    estate = load(read_estate_files(folder or sample_estate_folder()), CONNECTORS)
    if not isinstance(estate, Estate):
        print_faults(estate)
        return FOUND
    if source and source not in estate.sources:
        explanation = f"no source is named {shown(source)}{suggestion(source, estate.sources)}"
        raise BadParameter(explanation, param_hint="--source")
    readers = Readers(estate, index_key, source=source)
    if not as_json:
        return _show_files(paths, readers, events_max)
    code = WELL
    for path in files_of(paths):
        for report in reports(path, readers):
            print_json(report)
            code = FOUND if report.faults else code
    return code


def _show_files(paths: Iterable[Path], readers: Readers, events_max: int) -> int:
    from suture.cli.trace_screen import Total, show_file, show_total

    total = Total()
    for path in files_of(paths):
        total.include(show_file(path, readers, events_max=events_max))
    if total.files_count > 1:
        show_total(total, readers)
    return FOUND if total.is_anything_found else WELL


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield every file of the paths: a folder means all that is in it, however deep, by name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if not each.is_dir())
        else:
            yield path


def reports(path: Path, readers: Readers) -> list[MessageReport]:
    """Return one report for each message of a file; one alone, rejected, when it cannot be read."""
    try:
        return list(_Reports(path).taken(readers.read(path)))
    except Exception as error:  # noqa: BLE001 - whatever a file does, the next one is read
        return [_unread(path, failure(error))]


def failure(error: Exception) -> Fault:
    """Return the fault of a file that could not be read to its end."""
    if isinstance(error, OSError):
        return fault("file.unreadable", "file", error.strerror or type(error).__name__)
    return fault("engine.file.failed", "file", f"reading it raised {type(error).__name__}")


def _unread(path: Path, found: Fault) -> MessageReport:
    return MessageReport(
        path=_shown(path),
        format="unknown",
        type=UNREADABLE_TYPE,
        control_id="",
        status="rejected",
        faults=[_fault_line(found)],
    )


def _shown(path: Path) -> str:
    """Return a path as text that JSON can hold, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "replace")


def _fault_line(found: Fault) -> FaultLine:
    return FaultLine(found.code, found.where, found.explanation)


class _Reports:
    """The reports of one file, complete when all of it has been told.

    What an event changes belongs to the message that told it, though another may have let it: a
    charge that waited for its account is booked by a later message, and listed with the charge.
    """

    def __init__(self, path: Path) -> None:
        self._path = _shown(path)
        self._reports: dict[str, MessageReport] = {}
        self._parked: dict[str, tuple[str, Fault]] = {}
        """By exception: the message it belongs to, and why."""
        self._parked_first: dict[tuple[str, str], str] = {}

    def taken(self, items: Iterable[Judged | Told]) -> Iterator[MessageReport]:
        """Yield the reports of everything a file holds."""
        for item in items:
            match item:
                case Judged():
                    self._judged(item)
                case Told():
                    self._told(item)
        for message_id, found in self._parked.values():
            self._reports[message_id].faults.append(_fault_line(found))
        yield from self._reports.values()

    def _judged(self, judged: Judged) -> None:
        translation = judged.translation
        self._reports[judged.id] = MessageReport(
            path=self._path,
            format=translation.format,
            type=translation.type,
            control_id=translation.control_id,
            status=translation.status,
            faults=[_fault_line(each) for each in translation.faults],
            events=[],
            entries=[],
            notes=[_fault_line(each) for each in translation.notes],
        )

    def _told(self, told: Told) -> None:
        event = told.event
        line = EventLine(event.type, key_of(event.stream))
        self._reports[event.message_id].events.append(_raw(line))
        for entry in told.entries:
            self._reports[message_of(entry.event_id)].entries.append(_raw(_entry_lines(entry)))
        for opened in told.opened:
            key = (event.stream, opened.booking_key)
            message_id = self._parked_first.setdefault(key, event.message_id)
            self._parked[opened.id] = (message_id, opened.fault)
        for resolved in told.resolved:
            self._parked.pop(resolved.id, None)


def _raw(line: EventLine | EntryLines) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(line))


def _entry_lines(entry: Entry) -> EntryLines:
    return EntryLines(
        [
            JournalLine(line.account, line.debit_minor, line.credit_minor, line.where)
            for line in entry.lines
        ]
    )
