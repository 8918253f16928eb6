"""What every rule of the house is checked against: the files of the checkout, parsed once.

The rules themselves are the tests beside this file; what a ready-made tool can state (style,
types, layers) is in pyproject.toml. Nothing here reads a fixed list of files: a rule holds for
whatever exists.
"""

from __future__ import annotations

import ast
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def _parsed(folder: str) -> dict[str, ast.Module]:
    paths = sorted((_ROOT / folder).rglob("*.py"))
    names = {path.relative_to(_ROOT).as_posix(): path for path in paths}
    return {name: ast.parse(path.read_text("utf-8"), name) for name, path in names.items()}


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the checkout."""
    return _ROOT


@pytest.fixture(scope="session")
def source_trees() -> dict[str, ast.Module]:
    """Return the syntax tree of every file under src, by its path from the root."""
    return _parsed("src")


@pytest.fixture(scope="session")
def test_trees() -> dict[str, ast.Module]:
    """Return the syntax tree of every file under tests, by its path from the root."""
    return _parsed("tests")


@pytest.fixture(scope="session")
def project_files() -> list[Path]:
    """Return what is, or is about to be, under version control: no caches, no environment.

    Where git cannot tell (an unpacked archive, a checkout of another owner), the folders that tools
    make are left out by their leading dot.
    """
    git = shutil.which("git")
    listing = git and subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=_ROOT,
        check=False,
        capture_output=True,
    )
    if listing and listing.returncode == 0:
        paths = [_ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [
            path
            for path in _ROOT.rglob("*")
            if not any(
                part.startswith(".") or part == "__pycache__"
                for part in path.relative_to(_ROOT).parts[:-1]
            )
        ]
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report the sizes that no limit expresses: medians, and tests per line of source."""
    line_counts: dict[str, list[int]] = {"src": [], "tests": []}
    for folder, counts in line_counts.items():
        for path in (_ROOT / folder).rglob("*.py"):
            counts.append(len(path.read_text("utf-8").splitlines()))
    if not line_counts["src"]:
        return
    source, tests = sum(line_counts["src"]), sum(line_counts["tests"])
    terminalreporter.write_line(
        f"house: {len(line_counts['src'])} source files, {source} lines, "
        f"median {statistics.median(line_counts['src']):.0f}; tests {tests} lines, "
        f"{tests / source:.2f} per line of source"
    )
