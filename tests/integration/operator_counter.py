"""Where an operator sits: a command line over Riverbend's store, with the keys at hand.

The fixture `counter` (`conftest.py`) opens one. What is typed there is `test_cli_operator.py` and
`test_cli_raw.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.operator_desk import message_ids, not_yet_known
from tests.integration.riverbend_store import Riverbend
from tests.unit.cli.command_line import Ended

from suture.cli import main
from suture.security.keys import KEY_BYTES
from suture.store.acts import read_acts

CANARY = "CANARY"


class Counter:
    """Where an operator sits: an installation's folder with its keys, and the command line."""

    def __init__(
        self, riverbend: Riverbend, home: Path, capsys: pytest.CaptureFixture[str], run: Any
    ) -> None:
        self.riverbend = riverbend
        self.home = home
        self.run: Callable[[Any], Any] = run
        self._capsys = capsys

    def suture(self, *arguments: str) -> Ended:
        """Run a command."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--home", str(self.home)])
        printed = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        rows: list[asyncpg.Record] = self.run(self.riverbend.rows(query, *arguments))
        return rows

    def receive(self, *messages: bytes, source: str = "charges") -> None:
        """Take messages."""
        self.run(self.riverbend.receive(*messages, source=source))

    def hold(self, *messages: bytes) -> list[str]:
        """Take messages of a type that is not known yet; return their ids."""
        with not_yet_known("DFT"):
            self.receive(*messages)
        ids: list[str] = self.run(message_ids(self.riverbend))
        return ids

    def acts(self, subject: str) -> list[tuple[str, str, str]]:
        """Return what people did about something."""
        acts = self.run(read_acts(self.riverbend.database, subject))
        return [(act.act, act.os_user, act.reason) for act in acts]


def write_keys(folder: Path) -> None:
    """Write the keys that the Riverbend of the tests seals with."""
    folder.mkdir(parents=True, mode=0o700)
    for name, key in (("kek-1.key", b"k"), ("index.key", b"i")):
        (folder / name).write_bytes(key * KEY_BYTES)
        (folder / name).chmod(0o600)


def named(raw: bytes) -> bytes:
    """Return a message whose patient can be found again wherever she is shown."""
    return raw.replace(b"JANE", CANARY.encode())
