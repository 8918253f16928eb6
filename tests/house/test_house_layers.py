"""The layers of the house hold: the contracts of pyproject.toml, `[tool.importlinter]`.

The floors and their reasons are drawn in ARCHITECTURE.md; this only runs the check where the tests
run, so that `make test` alone finds an import that points up.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_imports_only_point_down_and_pure_rooms_stay_pure(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken contract fails with the import, its file's module and its line."""
    monkeypatch.chdir(root)
    status = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out
