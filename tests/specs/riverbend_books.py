"""Riverbend with its books in memory: bytes in, balanced entries and exceptions out.

Drives the real chain (`suture.pipeline`) under the sample estate as the engine does, and holds it
to what the database enforces: ids and revisions are unique, nothing is reversed twice, only what is
open is resolved. Not here: what the messages look like (`riverbend_messages.py`), the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.specs.riverbend_messages import BILLING, DESK

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.ledger.books import Books
from suture.ledger.entry import Entry
from suture.model.account import LineNumbers
from suture.model.event import Event, Reconsidered, make_event
from suture.model.fault import Fault
from suture.model.identity import Tokenizer, derive_id
from suture.model.money import format_amount
from suture.model.translation import Begun, Channel, Closed, Reading, Routed, Translation
from suture.pipeline import (
    Opened,
    Record,
    Step,
    advance,
    decode_record,
    encode_record,
    forwarded,
    initial,
    read_file,
    read_message,
    reverse_entry,
)
from suture.reconcile.controls import (
    Control,
    MoneyFact,
    ParkedBooking,
    control_totals,
    corrections_minor,
)
from suture.store.controls import CONTROL_OF_KIND

FOLDER = Path(__file__).parents[2] / "estates" / "riverbend"
TOKENIZER = Tokenizer(b"a key for tests of the whole chain")
RECEIVED_AT_MS = 1_774_000_000_000

LINE_NUMBERS: dict[str, LineNumbers] = {BILLING: "sender", DESK: "account"}
"""How each application numbers its lines, by MSH-3: what `[hl7v2]` of its source's file says."""
SOURCES = {"ADT": "adt", "DFT": "charges", "SIU": "scheduling"}

Place = tuple[str, str, str, str, str, str]
"""Legal entity, account, accounting month, facility, cost centre, payer class."""


@cache
def estate_files() -> dict[str, bytes]:
    """Return the sample estate's files."""
    return read_folder(FOLDER)


@lru_cache(64)
def _books(files: tuple[tuple[str, bytes], ...]) -> Books:
    estate = load(dict(files), CONNECTORS)
    assert isinstance(estate, Estate), estate
    return estate.books


def books_of(changes: Mapping[str, bytes] | None = None) -> Books:
    """Return the books of the sample estate, with files changed."""
    return _books(tuple(sorted((estate_files() | dict(changes or {})).items())))


def edited(path: str, old: str, new: str) -> dict[str, bytes]:
    """Return a changed file of the estate; `old` must be in it once."""
    content = estate_files()[path].decode()
    assert content.count(old) == 1, f"{path} holds {content.count(old)} of {old!r}"
    return {path: content.replace(old, new).encode()}


def channel(source: str, line_numbers: LineNumbers = "sender") -> Channel:
    """Return a channel of the sample estate."""
    return Channel(
        line_numbers=line_numbers,
        source=source,
        zone=ZoneInfo("America/Chicago"),
        tokenizer=TOKENIZER,
        authority="" if source == "remits" else "riverbend",
        facility="RGH" if source == "remits" else "",
    )


@lru_cache(4096)
def events_of(raw: bytes) -> tuple[Event, ...]:
    """Return the events of a message or file that is accepted whole.

    Ids and stamps follow from the bytes alone, as at intake.
    """
    events, translations = read_bytes(raw)
    problems = [fault for each in translations for fault in each.faults]
    assert not problems, problems
    return events


def translations_of(raw: bytes) -> list[Translation]:
    """Return the verdicts on a message, or on each message of a file."""
    return read_bytes(raw)[1]


def read_bytes(raw: bytes) -> tuple[tuple[Event, ...], list[Translation]]:
    if raw.startswith(b"MSH"):
        header = raw.decode().split("|", 9)
        source = SOURCES[header[8][:3]]
        line_numbers = LINE_NUMBERS.get(header[2], "sender")
        translation = read_message(raw, channel(source, line_numbers))
        begun = Begun(recorded_at_ms=translation.recorded_at_ms, sequence=translation.sequence)
        events = _events(raw, source, begun, translation.routed, 0)
        return events, [translation]
    kept: tuple[Event, ...] = ()
    waiting: list[tuple[Event, ...]] = []
    facts: list[Routed] = []
    begun, verdicts = Begun(recorded_at_ms=0), list[Translation]()
    for piece in read_file((raw,), channel("remits")):
        match piece:
            case Begun():
                facts, begun = [], piece
            case Routed():
                facts.append(piece)
            case Reading():
                verdicts.append(piece.translation)
                if piece.translation.status == "accepted":
                    ordinal = len(verdicts)
                    waiting.append(_events(raw, "remits", begun, facts, ordinal))
            case Closed():
                kept += () if piece.faults else tuple(each for events in waiting for each in events)
                waiting = []
    return kept, verdicts


def _events(
    raw: bytes, source: str, begun: Begun, facts: Iterable[Routed], message: int
) -> tuple[Event, ...]:
    digest = sha256(raw).hexdigest()
    message_id = derive_id("msg", begun.recorded_at_ms, source, digest, str(message))
    return tuple(
        make_event(
            routed.stream,
            routed.fact,
            routed.where,
            ordinal,
            message_id=message_id,
            digest=digest,
            recorded_at_ms=begun.recorded_at_ms,
            sequence=begun.sequence,
            source=source,
            received_at_ms=RECEIVED_AT_MS,
            message_ordinal=message,
        )
        for ordinal, routed in enumerate(facts, 1)
    )


class Riverbend:
    """The sample estate, and everything it has booked and parked."""

    def __init__(self, books: Books | None = None) -> None:
        self.books = books or books_of()
        self.records: dict[str, Record[Any]] = {}
        self.entries: dict[str, Entry] = {}
        self.waiting: dict[str, Opened] = {}
        """Open exceptions by id."""
        self._revisions: set[tuple[str, str, int, bool]] = set()

    def receive(self, *messages: bytes) -> list[Step]:
        """Take messages and files, each accepted whole; return what each event changed."""
        return [step for raw in messages for step in self.tell(*events_of(raw))]

    def tell(self, *events: Event) -> list[Step]:
        """Tell events to their streams, in this order, and what they send on after each."""
        steps: list[Step] = []
        for event in events:
            record = self.records.setdefault(event.stream, initial(event.stream))
            step = advance(record, event, self.books)
            self._book(step)
            self._open(step)
            steps.append(step)
            steps += self.tell(*forwarded(step))
        return steps

    def _book(self, step: Step) -> None:
        for entry in step.entries:
            self._keep(entry)
        for reversal in step.reversals:
            original = self.entries[reversal.reverses]
            self._keep(reverse_entry(reversal, original, step.event, self.books))

    def _keep(self, entry: Entry) -> None:
        revision = (entry.stream, entry.booking_key, entry.revision, bool(entry.reverses))
        assert entry.id not in self.entries, f"{entry.id} is booked twice"
        assert revision not in self._revisions, f"{revision} stands twice"
        self.entries[entry.id] = entry
        self._revisions.add(revision)

    def _open(self, step: Step) -> None:
        for opened in step.opened:
            assert opened.id not in self.waiting, f"{opened.id} is open already"
            self.waiting[opened.id] = opened
        for item in step.resolved:
            del self.waiting[item]

    def store(self) -> None:
        """Write every record and read it back, as between two batches of the runner."""
        self.records = {
            stream: decode_record(stream, encode_record(stream, record))
            for stream, record in self.records.items()
        }

    def promote(self, books: Books) -> list[Step]:
        """Bring a release into force: every stream that waits is asked again."""
        self.books = books
        streams = sorted(stream for stream, record in self.records.items() if record.waiting)
        return self.tell(*(_asked_again(stream, books.release) for stream in streams))

    # What an accountant looks at -----------------------------------------------------------------

    def trial_balance(self) -> dict[Place, int]:
        """Return debits minus credits by everything a line is posted by; zeros left out."""
        sums = Counter[Place]()
        for entry in self.entries.values():
            month = f"{entry.accounting_on:%Y-%m}"
            for line in entry.lines:
                place = (
                    entry.entity,
                    line.account,
                    month,
                    line.facility,
                    line.cost_centre,
                    line.payer_class,
                )
                sums[place] += line.debit_minor - line.credit_minor
        return {place: minor for place, minor in sums.items() if minor}

    def balances(self) -> dict[str, str]:
        """Return what each account holds, debits positive; accounts at zero left out."""
        sums = Counter[str]()
        for (_, account, *_), minor in self.trial_balance().items():
            sums[account] += minor
        return {account: format_amount(minor) for account, minor in sorted(sums.items()) if minor}

    def exceptions(self) -> list[tuple[str, str]]:
        """Return the open exceptions: code and amount."""
        return sorted(
            (item.fault.code, format_amount(item.amount_minor)) for item in self.waiting.values()
        )

    def faults(self) -> list[Fault]:
        """Return the faults behind the open exceptions."""
        return [item.fault for item in self.waiting.values()]

    def standing(self) -> dict[tuple[str, str], tuple[bytes, bool]]:
        """Return what stands in the books by stream and key: its content, and whether booked."""
        return {
            (stream, key): (standing.fingerprint, bool(standing.entry_id))
            for stream, record in self.records.items()
            for key, standing in record.standing.items()
            if standing.fingerprint
        }


def controls_of(riverbend: Riverbend, messages: Iterable[bytes]) -> list[Control]:
    """Return the control totals, from what the messages themselves say to what stands."""
    messages = tuple(messages)
    told, standing = Counter[str](), Counter[str]()
    for raw in messages:
        for total in (each for verdict in translations_of(raw) for each in verdict.totals):
            told[total.name] += total.amount_minor
    for entry in riverbend.entries.values():
        standing[CONTROL_OF_KIND.get(entry.kind, "")] += entry.principal_minor
    return control_totals(
        [
            MoneyFact(event.stream, event.stamp, event.fact)
            for raw in messages
            for event in events_of(raw)
        ],
        told_minor=told,
        standing_minor=standing,
        parked={
            ParkedBooking(stream, key)
            for stream, record in riverbend.records.items()
            for key in record.waiting
        },
        parked_minor=corrections_minor(
            (key, waiting.amount_minor)
            for record in riverbend.records.values()
            for key, waiting in record.waiting.items()
        ),
    )


def books_after(*messages: bytes, books: Books | None = None) -> Riverbend:
    """Return Riverbend after these messages, whatever order they come in and however often.

    Holds every order, and one that tells each of them twice, to the same books and exceptions, and
    to control totals without a difference after each message.
    """
    ends = []
    for order in permutations(messages):
        riverbend = Riverbend(books)
        for count, raw in enumerate(order, 1):
            riverbend.receive(raw)
            assert_controls_hold(riverbend, order[:count])
        ends.append(riverbend)
    twice = Riverbend(books)
    twice.receive(*messages[::-1], *messages)
    assert_controls_hold(twice, messages)
    for each in (*ends, twice):
        assert ends[0].trial_balance() == each.trial_balance()
        assert ends[0].exceptions() == each.exceptions()
    return ends[0]


def assert_controls_hold(riverbend: Riverbend, messages: Iterable[bytes]) -> None:
    controls = controls_of(riverbend, messages)
    assert [] == [control for control in controls if control.difference_minor]


def _asked_again(stream: str, release: str) -> Event:
    identity = derive_id("evt", 0, release, stream)
    return Event(
        id=identity,
        stream=stream,
        fact=Reconsidered(release=release),
        source="release",
        message_id=release,
        where="",
        stamp=identity,
        received_at_ms=RECEIVED_AT_MS,
    )
