"""How things look: money, ages, chips and tables, the same in every command.

A status is always a word, never a colour alone. What came from outside is shown without control
characters and is never read as markup (bad input B91). What is piped is for grep and cut: a line is
neither wrapped nor padded, unless COLUMNS asks for a width.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from suture.model.fault import Fault
from suture.model.money import format_amount

if TYPE_CHECKING:
    from suture.store.queues import OpenAmount

WIDTH_ELSEWHERE = 10_000
"""Columns where the output is no terminal: as many as a line needs."""
PLAIN_LENGTH_MAX = 200

_CHIPS = {
    "accepted": "black on green",
    "held": "black on yellow",
    "rejected": "white on red",
    "parked": "black on yellow",
    "sound": "black on green",
    "proven": "black on green",
    "nothing to prove yet": "black on yellow",
    "not proven": "white on red",
}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
_COMMAND = re.compile(r"`suture [^`]*`")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class _Unpadded(io.TextIOBase):
    """Passes text on without the blanks that fill a line up to a width."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        self._stream = stream
        self._blanks = ""

    def write(self, text: str) -> int:
        for part in text.splitlines(keepends=True):
            kept = part.rstrip(" \n")
            if kept:
                self._stream.write(self._blanks + kept)
                self._blanks = ""
            if part.endswith("\n"):
                self._stream.write("\n")
                self._blanks = ""
            else:
                self._blanks += part[len(kept) :]
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def open_console(*, is_error: bool = False) -> Console:
    """Return the console of standard output or standard error."""
    stream = sys.stderr if is_error else sys.stdout
    if stream.isatty():
        return Console(stderr=is_error, highlight=False)
    width, _ = shutil.get_terminal_size((WIDTH_ELSEWHERE, 0))  # what COLUMNS says, if it is set
    return Console(file=cast("IO[str]", _Unpadded(stream)), width=width, highlight=False)


def print_json(content: object) -> None:
    """Print one JSON document on a line of its own."""
    sys.stdout.write(msgspec.json.encode(content).decode() + "\n")


def plain(text: object) -> str:
    """Return a text from outside as it may be shown: printable, on one line, bounded."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in str(text))
    return shown if len(shown) <= PLAIN_LENGTH_MAX else f"{shown[: PLAIN_LENGTH_MAX - 1]}…"


def money(minor: int, currency: str = "USD") -> str:
    """Return minor units as people write them: `$1,204.11`, `-$3.00`."""
    major, _, cents = format_amount(abs(minor)).partition(".")
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    return f"{'-' if minor < 0 else ''}{symbol}{int(major):,}.{cents}"


def age(seconds: float) -> str:
    """Return a duration in its two largest units: `3 d 4 h`, `12 s`."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def count(number: int, noun: str, nouns: str = "") -> str:
    """Return a number with its noun: `1 entry`, `1,200 entries`."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def chip(status: str) -> Text:
    """Return a status as a word on a coloured ground."""
    return Text(f" {status.upper()} ", style=_CHIPS.get(status, "reverse"))


def line(*parts: Text | str | tuple[str, str], indent: int = 0) -> Padding:
    """Join parts (texts, strings, strings with a style) into one line that wraps under itself."""
    return Padding(Text.assemble(*parts), (0, 0, 0, indent), expand=False)


def plain_table(*columns: str, right: Iterable[str] = (), is_headed: bool = True) -> Table:
    """Return a table without a frame; `right` names the columns of figures."""
    table = Table(box=None, show_header=is_headed, header_style="dim", pad_edge=False)
    figures = set(right)
    for column in columns:
        justify = "right" if column in figures else "left"
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def command_name() -> str:
    """Return how this command was called, so that what is printed can be typed as it stands."""
    called = Path(sys.argv[0])
    found = shutil.which("suture")
    if found and Path(found).resolve() == called.resolve():
        return "suture"
    if called.name == "suture":
        path = called.absolute()
        here = Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)
    return f"{sys.executable} -m suture"


def how_to_give(reference: str) -> str:
    """Return what to do so that a secret is found under its reference (`env:`, `file:`)."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        return f"Set {name} where `suture serve` is started, and start it again."
    return f"Write it into {name}; sending resumes by itself."


def told_at_stake(amount: OpenAmount) -> str:
    """Return what is at stake in open exceptions, and of what it is made up."""
    parts = (
        (amount.parked_minor, "parked"),
        (amount.booked_minor, "booked and to be checked"),
        (amount.unread_minor, "in messages not accepted"),
        (amount.refused_minor, "in journals the ERP refused"),
    )
    told = ", ".join(f"{money(minor, amount.currency)} {name}" for minor, name in parts if minor)
    whole = f"{money(amount.amount_minor, amount.currency)} at stake"
    return f"{whole} ({told})" if told else whole


def remedied(remedy: str, item_id: str) -> str:
    """Return what to do next about one exception: its commands with the exception's own id."""
    return _COMMAND.sub(lambda found: found[0].replace(" ID", f" {item_id}"), remedy)


def print_fault(console: Console, fault: Fault, *, indent: int = 2, label: str = "") -> None:
    """Print what is wrong, where, why, and what to do next."""
    head = (f"{label} " if label else "", f"{fault.code}  ")
    console.print(
        line(
            (head[0], "bold yellow"), (head[1], "bold"), (plain(fault.where), "cyan"), indent=indent
        )
    )
    console.print(line(plain(fault.explanation), indent=indent + 2))
    console.print(line(("→ ", "bold"), fault.remedy, indent=indent + 2))
