"""How things look: amounts and ages as people write them, and nothing hostile on a terminal."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from suture.cli.progress import PATIENCE_SECONDS, watched
from suture.cli.screen import (
    age,
    command_name,
    count,
    line,
    money,
    open_console,
    plain,
    plain_table,
)


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (0, "USD", "$0.00"),
        (5, "USD", "$0.05"),
        (-300, "USD", "-$3.00"),
        (120411, "USD", "$1,204.11"),
        (10**17 - 1, "USD", "$999,999,999,999,999.99"),
        (100, "CHF", "CHF 1.00"),
    ],
)
def test_an_amount_is_shown_as_people_write_it(minor: int, currency: str, shown: str) -> None:
    assert shown == money(minor, currency)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3_600, "1 h 0 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_an_age_is_told_in_its_two_largest_units(seconds: float, shown: str) -> None:
    assert shown == age(seconds)


def test_a_number_agrees_with_its_noun() -> None:
    assert ("1 entry", "1,200 entries", "0 events") == (
        count(1, "entry", "entries"),
        count(1200, "entry", "entries"),
        count(0, "event"),
    )


def test_b91_text_from_outside_can_neither_colour_nor_flood_a_terminal() -> None:
    shown = plain("a\x1b[31m\u202eb\r\n" + "x" * 1000)
    assert shown.startswith("a�[31m�b��")
    assert 200 == len(shown)


def _print_wide(text: str) -> None:
    console = open_console()
    console.print(line(text, indent=2))
    table = plain_table("name", "figure")
    table.add_row("a longer name", "1")
    console.print(table)


def test_what_is_piped_is_neither_wrapped_nor_padded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    text = "word " * 200 + "end"
    _print_wide(text)
    rows = capsys.readouterr().out.splitlines()
    assert [f"  {text}", "name           figure", "a longer name  1"] == rows


def test_columns_sets_the_width_of_what_is_piped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    _print_wide("word " * 20 + "end")
    rows = capsys.readouterr().out.splitlines()
    assert 40 >= max(map(len, rows)) > 30
    assert [row.rstrip() for row in rows] == rows


def test_progress_passes_every_chunk_on_and_is_silent_elsewhere_than_at_a_terminal() -> None:
    output = io.StringIO()
    console = Console(file=output)
    assert [b"1", b"2"] == list(
        watched([b"1", b"2"], label="Reading", bytes_total=2, console=console)
    )
    assert "" == output.getvalue()


def test_progress_is_shown_at_a_terminal_once_it_takes_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    moments = iter([0.0, *(PATIENCE_SECONDS + step for step in range(10))])
    monkeypatch.setattr("suture.cli.progress.time.monotonic", lambda: next(moments, 99.0))
    assert 3 == len(
        list(watched([b"1", b"2", b"3"], label="Reading", bytes_total=3, console=console))
    )
    assert "Reading" in output.getvalue()


@pytest.mark.parametrize(
    ("called", "found", "shown"),
    [
        ("bin/suture", None, "bin/suture"),
        ("bin/suture", "bin/suture", "suture"),
        ("bin/suture", "elsewhere/suture", "bin/suture"),
        ("lib/suture/__main__.py", None, f"{sys.executable} -m suture"),
    ],
)
def test_a_command_that_is_printed_can_be_typed_as_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, called: str, found: str | None, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(tmp_path / called)])
    monkeypatch.setattr(
        "suture.cli.screen.shutil.which", lambda _: str(tmp_path / found) if found else None
    )
    assert shown == command_name()
