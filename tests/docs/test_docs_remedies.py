"""A remedy names what exists: commands with their options, files of an estate, settings in them.

Whoever reads one at two in the morning can do what it says. The texts are `fault_codes.csv`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from tests.contracts.door_contract import fields_of

from suture.cli.commands import app
from suture.connectors.registry import CONNECTORS
from suture.governance import connections
from suture.model.fault import catalogue

ESTATE = Path(__file__).parents[2] / "estates" / "riverbend"
REMEDIES = [(each.code, each.remedy) for each in catalogue().values()]

QUOTED = re.compile(r"`([^`]*)`")
ESTATE_FILE = re.compile(r"\b((?:crosswalks|ledger|sources|destinations)/[\w*]+\.\w+|estate\.toml)")
PROMISES = re.compile(
    r"\b(re-?sen[dt]|reprocess\w*|dismiss\w*|raw message|preview)\b", re.IGNORECASE
)
"""What only a command can do: it stands in a remedy as that command or not at all."""
BY_SOMEBODY_ELSE = re.compile(r"\b(?:destination|source)'s settings\b|\bby hand\b", re.IGNORECASE)
"""What names neither the file nor the key, or nobody."""


def quoted(begins: str = "") -> Iterator[tuple[str, str]]:
    """Yield code and text of everything in backticks that begins so."""
    for code, remedy in REMEDIES:
        for text in QUOTED.findall(remedy):
            if text.startswith(begins):
                yield code, text


def problem_of(command_line: str) -> str:
    """Return what is wrong with a command as a remedy writes it; empty when nothing is."""
    _, *words = command_line.split()
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    if command.name == "suture":
        return f"no command is called {words[0] if words else 'nothing'}"
    known = {name: each for each in command.params for name in each.opts}
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            if word not in known:
                return f"{command.name} has no option {word}"
            if not getattr(known[word], "is_flag", False):
                words[:1] = []
        elif not word.isupper():
            return f"{word} is neither an option nor a placeholder"
    return ""


def test_the_search_for_commands_finds_what_is_not_there() -> None:
    assert problem_of("suture exceptions resend ID") == ""
    assert problem_of("suture trace ID --raw --reason TEXT") == ""
    assert problem_of("suture exceptions frobnicate ID")
    assert problem_of("suture frobnicate")
    assert problem_of("suture exceptions resend --fast ID")


@pytest.mark.parametrize(("code", "command"), list(quoted("suture")))
def test_each_command_in_a_remedy_exists(code: str, command: str) -> None:
    assert problem_of(command) == "", code


def test_each_file_in_a_remedy_is_one_of_an_estate() -> None:
    named = [(code, file) for code, remedy in REMEDIES for file in ESTATE_FILE.findall(remedy)]
    assert len(named) > 10
    assert [] == [(code, file) for code, file in named if not list(ESTATE.glob(file))]


def test_each_setting_in_a_remedy_is_read_by_something() -> None:
    settings = [*CONNECTORS.sources.values(), *CONNECTORS.destinations.values()]
    keys = {name for each in settings for keys, _ in fields_of(each) for name in keys}
    keys |= {
        name
        for each in vars(connections).values()
        for name in getattr(each, "__struct_fields__", ())
    }
    named = [(code, text) for code, text in quoted() if not text.startswith("suture")]
    assert len(named) > 5
    assert [] == [(code, text) for code, text in named if text.split(" ")[0] not in keys]


@pytest.mark.parametrize(("code", "remedy"), REMEDIES)
def test_a_remedy_promises_nothing_that_no_command_does(code: str, remedy: str) -> None:
    prose = QUOTED.sub("", remedy)
    assert [] == PROMISES.findall(prose) + BY_SOMEBODY_ELSE.findall(prose), code
