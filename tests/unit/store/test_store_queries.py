"""Every SQL statement of the house is named, says what it is for, and is used.

That PostgreSQL understands them is tested in `tests/integration/test_store_schema.py`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from suture.store.queries import QUERIES, QueryFileError, load_queries

SOURCE = Path(__file__).parents[3] / "src" / "suture"


def texts_in_source() -> set[str]:
    """Return every string constant of the product."""
    return {
        node.value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def names_asked_for() -> set[str]:
    """Return the names that the store asks for: `fetch("name")`, `QUERIES["name"]` and the like."""
    asked: set[str] = set()
    for path in (SOURCE / "store").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Subscript(
                    value=ast.Name(id="QUERIES"), slice=ast.Constant(value=str(name))
                ):
                    asked.add(name)
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Name(id="database" | "append" | "self"),
                        attr="fetch" | "fetchrow" | "execute",
                    ),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    asked.add(name)
                case _:
                    pass
    return asked


def test_every_query_that_is_asked_for_has_a_text() -> None:
    assert names_asked_for() - set(QUERIES) == set()


def test_every_query_is_asked_for_somewhere() -> None:
    assert set(QUERIES) - texts_in_source() == set()


def test_no_query_is_written_anywhere_but_in_a_query_file() -> None:
    """What savepoints and the pool say themselves is no query."""
    verbs = ("select ", "insert ", "update ", "delete ", "with ")
    strays = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        if path.name not in {"embedded.py", "migrate.py", "erp_books.py", "database.py"}
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.lstrip().lower().startswith(verbs)
        and " from " in f" {node.value.lower()} "
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- name: one\nselect 1\n", "needs a line of intent"),
        ("-- name: one\n-- Say one.\nselect 1\n-- name: two\n\nselect 2", "needs a line of intent"),
        ("-- name: one\n-- One.\nselect 1\n-- name: one\n-- Two.\nselect 2", "one is used twice"),
    ],
)
def test_a_query_without_a_name_of_its_own_or_an_intent_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "some.sql").write_text(text)
    (tmp_path / "sql" / "README.md").write_text("no query")
    monkeypatch.setattr("suture.store.queries.resources.files", lambda _: tmp_path)
    with pytest.raises(QueryFileError, match=told):
        load_queries()
