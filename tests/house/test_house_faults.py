"""The catalogue of faults holds: every code is listed once, is raised somewhere, and has its test.

`src/suture/model/fault_codes.csv` is the list that users see (docs/reference/faults.md). A code in
use but not listed raises KeyError in production, on the one message that meets it; a code listed
but never used promises a remedy for what cannot happen.
"""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

import pytest

_CATALOGUE = "src/suture/model/fault_codes.csv"
_OWNERS = {"operator", "steward", "finance", "revenue_cycle"}


@pytest.fixture(scope="module")
def rows(root: Path) -> list[dict[str, str]]:
    """Return the rows of the catalogue as they stand in the file."""
    with (root / _CATALOGUE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _codes_made(tree: ast.Module) -> list[tuple[str, int]]:
    """Return the literal codes of `fault("code", ...)` and `Fault("code", ...)`, with lines."""
    made = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        codes = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "code")]
        if called in {"fault", "Fault"}:
            made += [
                (code.value, node.lineno)
                for code in codes
                if isinstance(code, ast.Constant) and isinstance(code.value, str)
            ]
    return made


def _words(root: Path, folder: str) -> set[str]:
    """Return every word of every text file under a folder, the catalogue itself left out.

    A code may be named by a table (TOML, CSV, SQL) as well as by Python.
    """
    words: set[str] = set()
    for path in (root / folder).rglob("*"):
        if path.is_file() and path != root / _CATALOGUE and "__pycache__" not in path.parts:
            words.update(re.findall(r"[A-Za-z0-9_.-]+", path.read_text("utf-8", "replace")))
    return {word.strip(".-") for word in words}


def test_each_code_is_listed_once_and_completely(rows: list[dict[str, str]]) -> None:
    """A row gives its reader a title, a remedy, an owner and whether trying again can help."""
    codes = [row["code"] for row in rows]
    repeated = sorted({code for code in codes if codes.count(code) > 1})
    incomplete = [
        row["code"]
        for row in rows
        if None in row
        or None in row.values()
        or not row["title"].strip()
        or not row["remedy"].strip()
        or row["owner"] not in _OWNERS
        or row["permanent"] not in {"yes", "no"}
    ]
    assert ([], []) == (repeated, incomplete)


def test_each_code_in_use_is_listed(
    source_trees: dict[str, ast.Module], rows: list[dict[str, str]]
) -> None:
    """A fault that the catalogue does not know would be a crash in the place of a work item."""
    listed = {row["code"] for row in rows}
    unknown = [
        f"{path}:{line} {code}"
        for path, tree in source_trees.items()
        for code, line in _codes_made(tree)
        if code not in listed
    ]
    assert unknown == [], "\n".join(unknown)


def test_each_listed_code_is_in_use(root: Path, rows: list[dict[str, str]]) -> None:
    """A code that nothing raises is a promise nobody keeps: use it or take its row away."""
    words = _words(root, "src")
    unused = [row["code"] for row in rows if row["code"] not in words]
    assert unused == [], "\n".join(unused)


def test_each_listed_code_has_a_test(root: Path, rows: list[dict[str, str]]) -> None:
    """Each fault has a test that reproduces it, and that names it."""
    words = _words(root, "tests")
    untested = [row["code"] for row in rows if row["code"] not in words]
    assert untested == [], "\n".join(untested)
