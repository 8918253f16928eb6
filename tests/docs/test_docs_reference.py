"""The generated parts of docs/reference say what the code says.

`SUTURE_ACCEPT=1 pytest tests/docs` writes them anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from suture.model.fault import catalogue

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
TEST_NAME = re.compile(r"def (test_((?:[bf][0-9]+_)+)\w+)\(")


def faults_page() -> str:
    rows = [
        f"| `{each.code}` | {each.title} | {each.remedy} "
        f"| {each.owner} | {'yes' if each.permanent else 'no'} |"
        for each in sorted(catalogue().values(), key=lambda each: each.code)
    ]
    return "\n".join(
        [
            "# Faults",
            "",
            (
                "Every expected failure, what to do about it, and whose queue it lands in. "
                "Generated from"
            ),
            (
                "`src/suture/model/fault_codes.csv`. *Permanent*: the same bytes can never "
                "succeed under the same release."
            ),
            "",
            "| code | what | what to do next | owner | permanent |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def bad_input_page() -> str:
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, numbers in TEST_NAME.findall(file.read_text(encoding="utf-8")):
            for number in numbers.strip("_").split("_"):
                found.setdefault(number.upper(), []).append(
                    f"`{file.relative_to(ROOT / 'tests')}::{name}`"
                )
    ordered = sorted(found, key=lambda number: (number[0], int(number[1:])))
    rows = [f"| {number} | {'<br>'.join(sorted(set(found[number])))} |" for number in ordered]
    return "\n".join(
        [
            "# Bad input and faults, and the tests that hold Suture to them",
            "",
            (
                "B numbers are bad inputs, F numbers are faults to survive; each test's name says "
                "what is expected."
            ),
            "Generated from the names of the tests.",
            "",
            "| number | tests |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


@pytest.mark.parametrize(
    ("name", "page"), [("faults.md", faults_page), ("bad_input.md", bad_input_page)]
)
def test_a_generated_page_says_what_the_code_says(name: str, page: object) -> None:
    assert callable(page)
    written, path = page(), REFERENCE / name
    if os.environ.get("SUTURE_ACCEPT"):
        path.write_text(written, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == written, "run SUTURE_ACCEPT=1 pytest tests/docs"
