"""The page of maps names every function and states the bounds that the code has."""

from __future__ import annotations

from pathlib import Path

from suture.translate.expression import CHARACTERS_MAX, FUNCTIONS, PARTS_MAX

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "maps.md").read_text("utf-8")


def test_every_function_is_on_the_page() -> None:
    assert [] == [name for name in FUNCTIONS if f"`{name}(" not in PAGE]


def test_the_bounds_on_the_page_are_those_of_the_code() -> None:
    assert f"at most {PARTS_MAX} parts" in PAGE
    assert f"cut at {CHARACTERS_MAX:,}" in PAGE
