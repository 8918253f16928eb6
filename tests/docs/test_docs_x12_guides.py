"""The page of the X12 guides says what the tables say.

`SUTURE_ACCEPT=1 pytest tests/docs` writes docs/reference/x12_guides.md anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from suture.wire.x12.dictionary import read_table

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "x12_guides.md"

OPENING = """\
# X12 guides

The transaction sets whose structure Suture knows, and what it reads of them. Generated from the
tables in `src/suture/wire/x12/guides`; a table is a file of rows that can be read and corrected
without touching code.

How a set is checked (SNIP levels 1 to 3): its envelope and counts; each segment against its place
in the guide; the elements below, by type, length and code, and the relations X12 sets between the
elements of a segment; what must add up. What Suture books from is marked **b**: there a finding is
a fault and rejects the set, elsewhere it is a note and the set is accepted with errors. A set in
another version than those below is read by the nearest guide, and what differs is only noted.

Paths in faults are the paths of these tables: `2000A[1]/2000B[2]/2300[1]/CLM-05-3` is component 3
of element 5 of the first claim of the second subscriber.
"""

ADDS_UP = [
    (
        "835",
        "SVC02 less its CAS is SVC03; CLP03 less all its CAS is CLP04; CLP04 less PLB is BPR02",
    ),
    ("837", "CLM02 is the sum of SV102, SV203 or SV302 of its lines"),
    ("820", "BPR02 is the sum of RMR04 and of ADX01 outside any remittance"),
    (
        "810",
        "TDS01 is the lines (IT102 x IT104) less allowances plus charges (SAC) and taxes (TXI)",
    ),
    ("850, 855, 860, 856, 810, 832", "CTT01 counts the lines; CTT02 adds their quantities (noted)"),
]

READING = """\
In the tables below *told by* is what distinguishes a segment from others of its id. Elements marked
`?` may be empty. TA1, which stands in no set, has its own table.
"""


def chosen() -> Iterator[str]:
    """Yield a row for each kind of set: what it is, its versions, its units."""
    yield "| set | what | versions | read on assumption | group (GS01) | one unit | table |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    by_guide: dict[str, list[dict[str, str]]] = {}
    for row in read_table("guides.csv"):
        by_guide.setdefault(row["guide"], []).append(row)
    for name, rows in by_guide.items():
        first = rows[0]
        exact = ", ".join(row["version"] or "any" for row in rows if row["assumed"] != "yes")
        assumed = ", ".join(row["version"] or "others" for row in rows if row["assumed"] == "yes")
        yield (
            f"| {first['set']} | {first['name']} | {exact} | {assumed or '-'} "
            f"| {first['functional_group']} | {first['units']} | [`{name}`](#{name.lower()}) |"
        )


def guide_lines(name: str) -> Iterator[str]:
    """Yield the section of one guide: a line for each segment, with the elements below it."""
    yield f"## {name}"
    yield ""
    yield "| loop | segment | told by | use | repeat | | what | elements read |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    segment: dict[str, str] = {}
    elements: list[str] = []
    for row in read_table(f"{name}.csv"):
        if row["segment"]:
            yield from _lines(segment, elements)
            segment, elements = row, []
        else:
            optional = "" if row["usage"] == "R" else "?"
            elements.append(row["element"] + optional + (" **b**" if row["books"] else ""))
    yield from _lines(segment, elements)
    yield ""


def _lines(row: dict[str, str], elements: list[str]) -> Iterator[str]:
    if not row:
        return
    if row["segment"].startswith("="):
        yield f"| `{row['loop']}` | | as `{row['segment'][1:]}` | | | | | |"
        return
    told_by = " and ".join(row["segment"] + each for each in filter(None, row["when"].split("&")))
    usage = "required" if row["usage"] == "R" else "situational"
    if row["required_when"]:
        usage += f", required when {row['required_when']} of the loop's first"
    yield (
        f"| {'`' + row['loop'] + '`' if row['loop_repeat'] else ''} | {row['segment']} "
        f"| {told_by.replace('|', ' ')} | {usage.replace('|', ' ')} "
        f"| {(row['loop_repeat'] or row['repeat']).replace('>1', 'any')} "
        f"| {'**b**' if row['books'] else ''} | {row['name']} | {', '.join(elements)} |"
    )


def page() -> str:
    """Return the whole page."""
    names = list(dict.fromkeys(row["guide"] for row in read_table("guides.csv")))
    lines = [OPENING, *chosen(), "", "What must add up:", "", "| set | rule |", "| --- | --- |"]
    lines += [f"| {sets} | {rule} |" for sets, rule in ADDS_UP]
    lines += ["", READING]
    for name in [*names, "TA1"]:
        lines += guide_lines(name)
    return "\n".join(lines)


def test_the_page_of_the_guides_says_what_the_tables_say() -> None:
    written = page()
    if os.environ.get("SUTURE_ACCEPT"):
        PAGE.write_text(written, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written, "run SUTURE_ACCEPT=1 pytest tests/docs"
