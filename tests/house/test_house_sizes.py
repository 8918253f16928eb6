"""Sizes hold: files and functions stay small enough to read in one sitting, and say what they are.

The limits are those of CONTRIBUTING.md. Medians are printed at the end of every run (conftest.py):
a median has no culprit to name, the outermost few have.
"""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

_FILE_LINES_MAX = 600
_FUNCTION_LINES_MAX = 70
_FUNCTION_LINES_P95_MAX = 45
_PARTS = 20
"""A twentieth is five per cent: the last cut of twenty parts is the 95th percentile."""


def _functions(tree: ast.Module) -> list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Return each function with its length in lines, decorators aside, docstring included."""
    return [
        (node, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_no_file_is_longer_than_the_limit(
    root: Path, source_trees: dict[str, ast.Module], test_trees: dict[str, ast.Module]
) -> None:
    """A file beyond the limit holds two ideas: split it by the nouns."""
    lengths = {
        path: len((root / path).read_text("utf-8").splitlines())
        for path in [*source_trees, *test_trees]
    }
    too_long = {path: lines for path, lines in lengths.items() if lines > _FILE_LINES_MAX}
    assert too_long == {}


def test_no_function_is_longer_than_the_limit(
    source_trees: dict[str, ast.Module], test_trees: dict[str, ast.Module]
) -> None:
    """A function beyond the limit is a chapter: name its paragraphs."""
    too_long = [
        f"{path}:{function.lineno} {function.name} is {lines} lines"
        for path, tree in (source_trees | test_trees).items()
        for function, lines in _functions(tree)
        if lines > _FUNCTION_LINES_MAX
    ]
    assert too_long == [], "\n".join(too_long)


def test_nineteen_functions_in_twenty_are_shorter_than_the_norm(
    source_trees: dict[str, ast.Module],
) -> None:
    """The limit is for the few; this is what keeps it so. Fails with the longest ten."""
    functions = [
        (lines, f"{path}:{function.lineno} {function.name}")
        for path, tree in source_trees.items()
        for function, lines in _functions(tree)
    ]
    percentile_95 = statistics.quantiles([lines for lines, _ in functions], n=_PARTS)[-1]
    assert percentile_95 <= _FUNCTION_LINES_P95_MAX, sorted(functions, reverse=True)[:10]


def test_every_file_says_what_lives_there(
    source_trees: dict[str, ast.Module], test_trees: dict[str, ast.Module]
) -> None:
    """The first lines of a file say what lives there, what does not, and where to look next."""
    silent = [
        path for path, tree in (source_trees | test_trees).items() if not ast.get_docstring(tree)
    ]
    assert silent == [], "\n".join(silent)
