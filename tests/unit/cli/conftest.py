"""Runs a command line in this process, and stands where nothing of a checkout is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.command_line import Command, Ended

from suture.cli import main


@pytest.fixture
def suture(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        printed = capsys.readouterr()
        return Ended(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, as someone who has only installed Suture."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for variable in ("DATABASE_URL", "SUTURE_DATA_FOLDER"):
        monkeypatch.delenv(variable, raising=False)
    return folder
