"""How a traced file looks: each message with its verdict, its facts, its entries and its faults.

Streams: whatever the file's size, only running sums are kept. Beyond a number of events a message
is summed up by account. What is shown holds surrogates and codes, never a patient's value.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from suture.cli.screen import (
    chip,
    count,
    line,
    money,
    open_console,
    plain,
    plain_table,
    print_fault,
)
from suture.cli.trace_file import Readers, failure
from suture.ledger.entry import Entry
from suture.memory import Judged, Told, key_of
from suture.model.event import Event, Fact
from suture.model.identity import message_of
from suture.pipeline import Opened

MESSAGES_DETAILED_MAX = 200
"""Of a file; those after it get one line each."""
NOTES_SHOWN_MAX = 5
WIDTH_WIDE = 110
"""Columns from which an entry's cost centre, service line and payer class are shown."""
AMOUNT_WIDTH_MIN = 12
PATH_WIDTH_MIN = 23
NAME_WIDTH_MIN = 16
ROOM_BESIDE_NAMES = 64
"""Columns of a journal's table beside its accounts' names: indent, amounts and a path ..."""
ROOM_BESIDE_NAMES_WIDE = 84
"""... and what a line is for."""
ROOM_BESIDE_NAMES_SUMMED = 36
"""Those of a table of sums: no path, and nothing a line is for."""

_FIELDS_SHOWN_ELSEWHERE = frozenset({"where", "remittance", "adjudication"})
_FORMATS = {
    "hl7v2": "HL7 v2",
    "x12": "X12",
    "fhir": "FHIR",
    "tabular": "table",
    "bank": "bank file",
    "unknown": "unknown format",
}

Sides = dict[tuple[str, str], tuple[int, int]]
"""Debits and credits by account and currency."""


class Total:
    """What one file comes to, or several together: running sums, whatever their size."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.files_count = self.files_unread = 0
        self.statuses = {"accepted": 0, "held": 0, "rejected": 0}
        self.events_count = self.entries_count = 0
        self.parked_count = self.parked_minor = 0
        self.sides: Sides = {}

    @property
    def is_anything_found(self) -> bool:
        """Whether anything was not simply booked."""
        unbooked = self.statuses["held"] or self.statuses["rejected"] or self.parked_count
        return bool(unbooked or self.files_unread)

    def tell(self, told: Told) -> None:
        """Count what one event changes."""
        self.events_count += 1
        self.entries_count += len(told.entries)
        for entry in told.entries:
            _add(self.sides, entry)
        for sign, items in ((1, told.opened), (-1, told.resolved)):
            self.parked_count += sign * len(items)
            self.parked_minor += sign * sum(abs(item.amount_minor) for item in items)

    def include(self, other: Total) -> None:
        """Count all that another total counts."""
        self.files_count += other.files_count
        self.files_unread += other.files_unread
        for status, number in other.statuses.items():
            self.statuses[status] += number
        self.events_count += other.events_count
        self.entries_count += other.entries_count
        self.parked_count += other.parked_count
        self.parked_minor += other.parked_minor
        for key, (debit, credit) in other.sides.items():
            known = self.sides.get(key, (0, 0))
            self.sides[key] = (known[0] + debit, known[1] + credit)


def show_file(path: Path, readers: Readers, *, events_max: int) -> Total:
    """Print what a file comes to, and return it."""
    console = open_console()
    screen = FileScreen(console, readers, events_max)
    screen.total.files_count = 1
    title = Text(plain(path), style="bold")
    console.print(Rule(title, align="left", style="dim") if console.is_terminal else title)
    try:
        for item in readers.read(path, console if console.is_terminal else None):
            screen.take(item)
    except Exception as error:  # noqa: BLE001 - whatever a file does, the next one is read
        screen.end_message()
        console.print(line(chip("rejected")))
        print_fault(console, failure(error))
        screen.total.files_unread = 1
        return screen.total
    screen.end()
    return screen.total


def show_total(total: Total, readers: Readers) -> None:
    """Print what several files come to together."""
    console = open_console()
    told = f"All {count(total.files_count, 'file')}, each read by itself"
    title = Text(told, style="bold")
    console.print(Rule(title, align="left", style="dim") if console.is_terminal else title)
    if total.files_unread:
        unread = f"{count(total.files_unread, 'file')} could not be read to the end"
        console.print(line((unread, "yellow")))
    screen = FileScreen(console, readers, events_max=0)
    screen.total.include(total)
    screen.end()


class FileScreen:
    """Prints one file as it is told."""

    def __init__(self, console: Console, readers: Readers, events_max: int) -> None:
        """Take where to print, the estate whose accounts have names, and how much to show."""
        self._console = console
        self._accounts = readers.estate.books.accounts
        self._events_max = events_max
        self._is_wide = console.width >= WIDTH_WIDE
        self._name_width_max = max(
            (len(f"{each.number} {each.name}") for each in self._accounts.values()), default=0
        )
        self.total = Total()
        self._ordinals: dict[str, int] = {}
        self._message: _Message | None = None

    def take(self, item: Judged | Told) -> None:
        """Print a message's head, or what one of its events changed."""
        match item:
            case Judged():
                self.end_message()
                self._begin(item)
            case Told():
                self._tell(item)

    def _begin(self, judged: Judged) -> None:
        translation = judged.translation
        self.total.statuses[translation.status] += 1
        read_as = "" if translation.format == "unknown" else f", read as {judged.source}"
        self._message = _Message(judged, judged.ordinal <= MESSAGES_DETAILED_MAX)
        self._console.print(
            line(
                (f"#{judged.ordinal:<4} ", "dim"),
                chip(translation.status),
                (f"  {plain(translation.type)}", "bold"),
                f"  {plain(translation.control_id)}",
                (f"  {_FORMATS[translation.format]}{read_as}", "dim"),
                (f"  {count(judged.events_count, 'event')}" if judged.events_count else "", "dim"),
            )
        )
        if self._message.is_detailed and len(self._ordinals) < MESSAGES_DETAILED_MAX:
            self._ordinals[judged.id] = judged.ordinal
        for each in translation.faults:
            print_fault(self._console, each, indent=6)
        if self._message.is_detailed:
            for each in translation.notes[:NOTES_SHOWN_MAX]:
                note = f"{each.explanation} at {each.where}"
                self._console.print(line(("note ", "dim"), (plain(note), "dim"), indent=6))
            unshown = len(translation.notes) - NOTES_SHOWN_MAX
            if unshown > 0:
                self._console.print(line((f"and {count(unshown, 'more note')}", "dim"), indent=6))

    def _tell(self, told: Told) -> None:
        message = self._message
        assert message is not None  # events follow their message
        self.total.tell(told)
        if message.is_detailed and message.shown_count < self._events_max:
            message.shown_count += 1
            self._show(told)
        else:
            message.hide(told)

    def _show(self, told: Told) -> None:
        self._show_event(told.event)
        for entry in told.entries:
            self._show_entry(entry, told.event)
        for opened in told.opened:
            self._show_opened(opened)
        if told.resolved:
            resolved = count(len(told.resolved), "exception")
            self._console.print(line((f"{resolved} resolved", "green"), indent=8))

    def _show_event(self, event: Event) -> None:
        self._console.print(
            line(
                ("● ", "green"),
                (event.type, "bold"),
                f"  {plain(event.stream)}  ",
                (plain(event.where), "cyan"),
                indent=6,
            )
        )
        told = ", ".join(_fields(event.fact, event.stream))
        if told:
            self._console.print(line((told, "dim"), indent=8))

    def _show_entry(self, entry: Entry, event: Event) -> None:
        facilities = sorted({each.facility for each in entry.lines})
        words = [
            f"{entry.kind} of {entry.entity} at {' '.join(facilities)}, books {entry.accounting_on}"
        ]
        if entry.accounting_on != entry.effective_on:
            words.append(f"effective {entry.effective_on}")
        if entry.revision > 1:
            words.append(f"revision {entry.revision}")
        if entry.reverses:
            words.append("takes back an earlier entry")
        told_by = message_of(entry.event_id)
        if told_by != event.message_id:
            ordinal = self._ordinals.get(told_by)
            words.append(f"told by message #{ordinal}" if ordinal else "told by an earlier message")
        title = "Reversal " if entry.reverses else "Entry "
        self._console.print(line((title, "bold"), ", ".join(words), indent=8))
        table = self._journal_table("where", *(("for",) if self._is_wide else ()))
        outer = event.where.partition("/")[0] + "/"
        for each in entry.lines:
            dimensions = (each.cost_centre, each.service_line, each.payer_class)
            table.add_row(
                self._account(each.account),
                money(each.debit_minor, entry.currency) if each.debit_minor else "",
                money(each.credit_minor, entry.currency) if each.credit_minor else "",
                f"[cyan]{_unmarked(each.where.removeprefix(outer))}[/]",
                *((_unmarked(" ".join(filter(None, dimensions))),) if self._is_wide else ()),
            )
        self._console.print(Padding(table, (0, 0, 0, 10), expand=False))

    def _show_opened(self, opened: Opened) -> None:
        label = "TO CHECK" if opened.booking_key.startswith("concern:") else "PARKED"
        amount = f" {money(opened.amount_minor)}" if opened.amount_minor else ""
        print_fault(self._console, opened.fault, indent=8, label=f"{label}{amount}")

    def _journal_table(self, *columns: str) -> Table:
        """Return a table whose figures stand below those of every other of its kind in the file.

        Amounts stay on one line, names go on below; the last column takes what is left.
        """
        beside = ROOM_BESIDE_NAMES_WIDE if self._is_wide else ROOM_BESIDE_NAMES
        room = self._console.width - (beside if columns else ROOM_BESIDE_NAMES_SUMMED)
        figures = ("debit", "credit")
        table = plain_table("account", *figures, *columns, right=figures)
        name, *amounts = table.columns[:3]
        name.width = max(NAME_WIDTH_MIN, min(self._name_width_max, room))
        for column in table.columns[1 : 4 if self._is_wide else 3]:
            column.no_wrap = True
        for column in amounts:
            column.min_width = AMOUNT_WIDTH_MIN
        for column in table.columns[3:4] if self._is_wide else ():
            column.min_width = PATH_WIDTH_MIN
        return table

    def _account(self, number: str) -> str:
        account = self._accounts.get(number)
        return f"[bold]{_unmarked(number)}[/] {_unmarked(account.name) if account else ''}"

    def end_message(self) -> None:
        """Sum up what was not shown of the message that ends."""
        message, self._message = self._message, None
        if message is None or not message.hidden_count:
            return
        if message.is_detailed and message.shown_count:
            unshown = f"and {count(message.hidden_count, 'more event')}"
        else:
            unshown = count(message.hidden_count, "event")
        entries = count(message.hidden_entries, "entry", "entries")
        parked = f", {message.hidden_parked:,} parked" if message.hidden_parked else ""
        self._console.print(line((f"{unshown}: {entries}{parked}", "bold"), indent=6))
        if message.is_detailed:
            self._console.print(Padding(self._sums(message.sides), (0, 0, 0, 8), expand=False))

    def end(self) -> None:
        """Print what the file comes to as a whole."""
        self.end_message()
        total = self.total
        messages = sum(total.statuses.values())
        told = ", ".join(f"{number:,} {name}" for name, number in total.statuses.items() if number)
        entries = count(total.entries_count, "entry", "entries")
        self._console.print()
        self._console.print(
            line(
                (count(messages, "message"), "bold"),
                f"{': ' if told else ''}{told}; {count(total.events_count, 'event')}, {entries}",
                (_told_of_parked(total), "yellow"),
            )
        )
        if total.entries_count > 1:
            self._console.print(Padding(self._sums(total.sides), (0, 0, 0, 2), expand=False))
        self._console.print()

    def _sums(self, sides: Sides) -> Table:
        table = self._journal_table()
        currencies = {currency for _, currency in sides}
        for (number, currency), (debit, credit) in sorted(sides.items()):
            table.add_row(self._account(number), money(debit, currency), money(credit, currency))
        for currency in sorted(currencies):
            totals = [
                sum(side[index] for (_, each), side in sides.items() if each == currency)
                for index in (0, 1)
            ]
            table.add_row("[dim]total[/]", *(money(total, currency) for total in totals))
        return table


def _told_of_parked(total: Total) -> str:
    if not total.parked_count:
        return ""
    opened = count(total.parked_count, "exception")
    return f"; {opened} would open, {money(total.parked_minor)} at stake"


class _Message:
    """The message being told: how much of it was shown, and the sums of what was not."""

    def __init__(self, judged: Judged, is_detailed: bool) -> None:  # noqa: FBT001 - two facts
        self.judged = judged
        self.is_detailed = is_detailed
        self.shown_count = self.hidden_count = self.hidden_entries = self.hidden_parked = 0
        self.sides: Sides = {}

    def hide(self, told: Told) -> None:
        """Count what is not shown."""
        self.hidden_count += 1
        self.hidden_entries += len(told.entries)
        self.hidden_parked += len(told.opened)
        for entry in told.entries:
            _add(self.sides, entry)


def _add(sides: Sides, entry: Entry) -> None:
    for each in entry.lines:
        key = (each.account, entry.currency)
        debit, credit = sides.get(key, (0, 0))
        sides[key] = (debit + each.debit_minor, credit + each.credit_minor)


_ONE_OF = {"diagnoses": "diagnosis"}


def _unmarked(text: str) -> str:
    """Return a text for a table's cell, in which brackets are no markup."""
    return plain(text).replace("[", "\\[")


def _fields(fact: Fact, stream: str) -> list[str]:
    """Return what a fact says, one field at a time, as people write it."""
    told = []
    key = key_of(stream)
    keys = {key, *key.split(":")}
    for name, value in msgspec.structs.asdict(fact).items():
        if not value or name in _FIELDS_SHOWN_ELSEWHERE or value in keys:
            continue
        label = name.replace("_", " ")
        if name.endswith("_minor"):
            told.append(f"{label.removesuffix(' minor')} {money(value)}")
        elif name.endswith("_ms"):
            continue  # the same moment is told as a date
        elif isinstance(value, date):
            told.append(f"{label} {value}")
        elif isinstance(value, tuple):
            told.append(count(len(value), _ONE_OF.get(label, label.removesuffix("s")), label))
        else:
            told.append(f"{label} {plain(value)}")
    return told
