"""What `suture check` says of `schemas/*.toml`: each mistake by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, check, load
from suture.governance.reading import Document, parse_toml
from suture.governance.schemas import read_schema
from suture.model.fault import Fault
from suture.model.schema import Schema

FILES = read_folder(Path(__file__).parents[3] / "estates" / "riverbend")
SCHEMA = """\
fact = "charge"
layout = "csv"
key = ["Number"]
recorded = "Changed"

[columns.Account]
field = "account"
type = "code"
length = 6

[columns.Number]
field = "number"
type = "code"

[columns."Service day"]
field = "service_on"
type = "date"
format = "MM/DD/YYYY"

[columns.Changed]
type = "date"
format = "YYYY-MM-DD"

[columns.Amount]
field = "amount"
type = "money"

[totals]
column = "Account"
marker = "TOTAL"
sums = ["Amount"]
"""
SOURCE = """\
connector = "files"
translation = "tabular_charge"
schema = "spa"
zone = "America/Chicago"

[files]
folder = "inbox/spa"
"""
FIXED = """\
fact = "item"
layout = "fixed"
width = 20
key = ["Code"]

[columns.Code]
field = "code"
type = "code"
start = 1
width = 8

[columns.Name]
field = "name"
start = 9
width = 12
"""


def faults(written: str = SCHEMA, source: str = SOURCE) -> tuple[Fault, ...]:
    return check(
        FILES | {"schemas/spa.toml": written.encode(), "sources/spa.toml": source.encode()},
        CONNECTORS,
    )


def only(written: str = SCHEMA, source: str = SOURCE) -> Fault:
    (fault,) = faults(written, source)
    return fault


def test_a_schema_is_read_for_the_source_that_names_it() -> None:
    files = {"schemas/spa.toml": SCHEMA.encode(), "sources/spa.toml": SOURCE.encode()}
    estate = load(FILES | files, CONNECTORS)
    assert isinstance(estate, Estate), estate
    schema = estate.schemas[estate.sources["spa"].schema]
    assert ("spa", "charge", "csv", ("Number",), "Changed") == (
        schema.name,
        schema.fact,
        schema.layout,
        schema.key,
        schema.recorded,
    )
    assert ["Account", "Number", "Service day", "Changed", "Amount"] == [
        each.name for each in schema.columns
    ]
    assert all(each.is_required for each in schema.columns), "by the fact, the key, or `recorded`"


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "words"),
    [
        ('"charge"', '"charges"', "estate.reference.unknown", 1, "did you mean `charge`?"),
        ('"csv"', '"tsv"', "estate.value.invalid", 2, "must be one of `csv`, `fixed`, `xlsx`"),
        ("key = [", 'sheet = "A"\nkey = [', "estate.value.invalid", 3, "belongs to `xlsx`"),
        ('["Number"]', "[]", "estate.value.invalid", 3, "a row is known by its key"),
        ('["Number"]', '["Numbers"]', "estate.reference.unknown", 3, "did you mean `Number`?"),
        ('recorded = "Changed"', 'recorded = "Amount"', "estate.value.invalid", 4, "no column of"),
        ('recorded = "Changed"', 'recorded = "When"', "estate.reference.unknown", 4, "`When`"),
        ('"account"', '"acount"', "estate.reference.unknown", 7, "did you mean `account`?"),
        ("length = 6", "lenght = 6", "estate.key.unknown", 9, "did you mean `length`?"),
        ('field = "number"', 'field = "account"', "estate.value.invalid", 12, "fills `account`"),
        ('"MM/DD/YYYY"', '"MM/DD/YY"', "estate.value.invalid", 18, "year, month and day"),
        ('format = "MM/DD/YYYY"', "", "estate.value.invalid", 15, "year, month and day"),
        ('type = "money"', 'type = "code"', "estate.value.invalid", 26, "is filled by `money`"),
        ('type = "money"', 'type = "money"\nscale = 99', "estate.value.invalid", 27, "at most 10"),
        ('type = "money"', 'type = "money"\nlength = 3', "estate.value.invalid", 27, "to a `code`"),
        ('"TOTAL"', '""', "estate.value.invalid", 30, "at least 1 character"),
        ('sums = ["Amount"]', 'sums = ["Number"]', "estate.value.invalid", 31, "is no money"),
        ('sums = ["Amount"]', "", "estate.value.invalid", 28, "it sums up nothing"),
        ('sums = ["Amount"]', 'count = "Rows"', "estate.reference.unknown", 31, "`Rows`"),
        ('column = "Account"', 'column = "A"', "estate.reference.unknown", 29, "`A`"),
    ],
)
def test_a_mistake_in_a_schema_is_found_at_its_line(
    old: str, new: str, code: str, line: int, words: str
) -> None:
    found = [each for each in faults(SCHEMA.replace(old, new, 1)) if words in each.explanation]
    assert [(code, f"schemas/spa.toml:{line}")] == [(each.code, each.where) for each in found]


def test_what_a_fact_must_tell_is_missed() -> None:
    written = SCHEMA.replace('field = "amount"\n', "")
    assert ("estate.key.missing", "No column fills `amount`, which a charge must tell.") == (
        only(written).code,
        only(written).explanation,
    )


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ('decimal_mark = ";"', "`.` or `,`"),
        ('thousands_mark = "."', "it is the decimal mark, too"),
        ('thousands_mark = "x"', "it must be nothing"),
        ('currency_sign = "-"', "part of a number"),
    ],
)
def test_marks_of_numbers_are_marks(numbers: str, words: str) -> None:
    assert (
        words in only(SCHEMA.replace("[totals]", f"[numbers]\n{numbers}\n\n[totals]")).explanation
    )


@pytest.mark.parametrize("delimiter", ['"a"', '"::"', "'\"'", '" "', '""', '"\\n"'])
def test_a_delimiter_is_one_mark(delimiter: str) -> None:
    written = SCHEMA.replace("key = [", f"delimiter = {delimiter}\nkey = [")
    assert "one mark that is no letter" in only(written).explanation


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("width = 20\n", "", "a line of fixed width has one"),
        ("start = 9", "start = 8", "before the column above it ends"),
        ("width = 12", "width = 13", "ends after its line does"),
        ("start = 9\nwidth = 12\n", "", "has `start` and `width`"),
    ],
)
def test_columns_of_fixed_width_stand_in_their_line(old: str, new: str, words: str) -> None:
    source = SOURCE.replace("tabular_charge", "tabular")
    assert () == faults(FIXED, source)
    told = " ".join(each.explanation for each in faults(FIXED.replace(old, new), source))
    assert words in told


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "words"),
    [
        ('schema = "spa"\n', "", "estate.schema.absent", 2, "names no schema"),
        ('schema = "spa"', 'schema = "spar"', "estate.reference.unknown", 3, "mean `spa`?"),
        ("tabular_charge", "tabular_item", "estate.value.invalid", 2, "sends `tabular_charge`"),
        ("tabular_charge", "x12_835", "estate.value.invalid", 2, "sends `tabular_charge` alone"),
        ("zone =", 'charset = "utf-16"\nzone =', "estate.value.invalid", 4, "a table is in one of"),
    ],
)
def test_a_source_of_tables_and_its_schema_belong_together(
    old: str, new: str, code: str, line: int, words: str
) -> None:
    found = only(source=SOURCE.replace(old, new))
    assert (code, f"sources/spa.toml:{line}") == (found.code, found.where)
    assert words in found.explanation


def test_a_table_does_not_come_over_mllp() -> None:
    source = SOURCE.replace('"files"', '"mllp"').partition("[files]")[0] + "[mllp]\nport = 1\n"
    assert "connector `mllp` brings messages, not tables" in only(source=source).explanation


def test_the_schema_of_a_file_is_read_as_itself() -> None:
    document = parse_toml("schemas/x.toml", FIXED.encode())
    assert isinstance(document, Document)
    schema = read_schema("x", document)
    assert isinstance(schema, Schema)
    assert [(0, 8), (8, 12)] == [(each.begins_at, each.width) for each in schema.columns]
