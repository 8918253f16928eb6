"""Schemas of an estate: `schemas/<name>.toml` becomes what a source's tables look like.

Here: the shape of the files, every column held against the fact its rows make, and every mistake by
file and line. What a schema does is `translate/tabular_rows.py`; how to write one is
docs/reference/schemas.md.

    fact = "deposit"
    layout = "csv"
    key = ["Bank reference"]

    [columns."Deposit date"]
    field = "deposited_on"
    type = "date"
    format = "MM/DD/YYYY"
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from suture.catalogue import ROW_TRANSLATORS
from suture.governance.connections import Source
from suture.governance.reading import Document, Keys, invalid, read_shape, shown, unknown
from suture.model.fault import Fault, fault
from suture.model.schema import Column, ColumnType, Layout, NumberStyle, Schema, Totals
from suture.translate.tabular_common import RowTranslator
from suture.translate.tabular_values import date_pattern

FOLDER = "schemas/"
COLUMNS_MAX = 500
NAME_CHARACTERS_MAX = 80
LINE_CHARACTERS_MAX = 100_000
CHARSETS = ("ascii", "utf-8", "iso8859-1", "iso8859-15", "cp1252")
"""Charsets of one byte or more that leave ASCII as it is, so that a delimiter is a delimiter."""

_MARK = re.compile(r"[\t!-/:-@\[-`{-~]")
"""What may separate columns: a tab, or a mark that is no letter or digit."""
_QUOTES = ('"', "'", "")
_DECIMAL_MARKS = (".", ",")
_THOUSANDS_MARKS = ("", ",", ".", "'", " ", "\u00a0", "\u202f")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
_SUMMED: tuple[ColumnType, ...] = ("money", "integer")

_Place = Annotated[int, msgspec.Meta(ge=0, le=LINE_CHARACTERS_MAX)]


class _ColumnTable(msgspec.Struct, frozen=True, kw_only=True):
    field: str = ""
    type: ColumnType = "text"
    required: bool = False
    format: str = ""
    scale: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    length: Annotated[int, msgspec.Meta(ge=0, le=80)] = 0
    constant: str = ""
    start: _Place = 0
    width: _Place = 0
    implied_cents: bool = False


class _NumbersTable(msgspec.Struct, frozen=True, kw_only=True):
    decimal_mark: str = "."
    thousands_mark: str = ""
    parentheses: bool = False
    trailing_minus: bool = False
    currency_sign: Annotated[str, msgspec.Meta(max_length=4)] = ""


class _TotalsTable(msgspec.Struct, frozen=True, kw_only=True):
    column: str
    marker: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    sums: tuple[str, ...] = ()
    count: str = ""


class _SchemaFile(msgspec.Struct, frozen=True, kw_only=True):
    fact: str
    layout: Layout
    key: tuple[str, ...]
    recorded: str = ""
    delimiter: str = ","
    quote: str = '"'
    sheet: str = ""
    width: _Place = 0
    trimmed: bool = False
    header: bool = True
    numbers: _NumbersTable = _NumbersTable()
    columns: dict[str, _ColumnTable]
    totals: _TotalsTable | None = None


_OF_LAYOUT = {
    "delimiter": "csv",
    "quote": "csv",
    "sheet": "xlsx",
    "width": "fixed",
    "trimmed": "fixed",
    "header": "fixed",
}
"""Keys that only one layout has."""


def read_schema(name: str, document: Document) -> Schema | list[Fault]:
    """Read `schemas/<name>.toml`, or return everything that is wrong with it."""
    content = read_shape(document, _SchemaFile)
    if not isinstance(content, _SchemaFile):
        return content
    if content.fact not in ROW_TRANSLATORS:
        return [unknown(document, ("fact",), content.fact, tuple(ROW_TRANSLATORS))]
    translator = ROW_TRANSLATORS[content.fact]
    faults = [
        *_layout_faults(document, content),
        *_number_faults(document, content.numbers),
        *_column_faults(document, content, translator),
        *_reference_faults(document, content),
    ]
    if content.layout == "fixed":
        faults += _place_faults(document, content)
    return faults or _made(name, content, translator)


def _made(name: str, content: _SchemaFile, translator: RowTranslator) -> Schema:
    needed = {*content.key, content.recorded}
    columns = tuple(
        Column(
            name=each,
            field=table.field,
            type=table.type,
            is_required=table.required or table.field in translator.required or each in needed,
            format=table.format,
            scale=table.scale,
            length=table.length,
            constant=table.constant,
            begins_at=max(0, table.start - 1),
            width=table.width,
            has_implied_cents=table.implied_cents,
        )
        for each, table in content.columns.items()
    )
    numbers, totals = content.numbers, content.totals
    return Schema(
        name=name,
        fact=content.fact,
        layout=content.layout,
        columns=columns,
        key=content.key,
        recorded=content.recorded,
        delimiter=content.delimiter,
        quote=content.quote,
        sheet=content.sheet,
        width=content.width,
        is_trimmed=content.trimmed,
        has_header=content.header,
        numbers=NumberStyle(
            decimal_mark=numbers.decimal_mark,
            thousands_mark=numbers.thousands_mark,
            has_parentheses=numbers.parentheses,
            has_trailing_minus=numbers.trailing_minus,
            currency_sign=numbers.currency_sign,
        ),
        totals=None
        if totals is None
        else Totals(
            column=totals.column, marker=totals.marker, sums=totals.sums, count=totals.count
        ),
    )


def _layout_faults(document: Document, content: _SchemaFile) -> Iterator[Fault]:
    for key, layout in _OF_LAYOUT.items():
        if key in document.content and layout != content.layout:
            yield invalid(document, (key,), f"it belongs to `{layout}`, not `{content.layout}`")
    is_mark = _MARK.fullmatch(content.delimiter) and content.delimiter != content.quote
    if not is_mark:
        reason = "it must be one mark that is no letter, digit, blank or quote"
        yield invalid(document, ("delimiter",), reason)
    if content.quote not in _QUOTES:
        yield invalid(document, ("quote",), "it must be `\"`, `'` or nothing")


def _number_faults(document: Document, numbers: _NumbersTable) -> Iterator[Fault]:
    keys = ("numbers", "decimal_mark")
    if numbers.decimal_mark not in _DECIMAL_MARKS:
        yield invalid(document, keys, "it must be `.` or `,`")
    keys = ("numbers", "thousands_mark")
    if numbers.thousands_mark not in _THOUSANDS_MARKS:
        yield invalid(
            document, keys, "it must be nothing, a comma, a point, an apostrophe, a blank"
        )
    elif numbers.thousands_mark == numbers.decimal_mark:
        yield invalid(document, keys, "it is the decimal mark, too")
    if re.search(r"[-+().,0-9\s]", numbers.currency_sign):
        keys = ("numbers", "currency_sign")
        yield invalid(document, keys, "it holds what is part of a number")


def _column_faults(
    document: Document, content: _SchemaFile, translator: RowTranslator
) -> Iterator[Fault]:
    if not 0 < len(content.columns) <= COLUMNS_MAX:
        yield invalid(document, ("columns",), f"there must be 1 to {COLUMNS_MAX} of them")
    filled: dict[str, str] = {}
    for name, table in content.columns.items():
        keys = ("columns", name)
        if not _NAME.fullmatch(name) or len(name) > NAME_CHARACTERS_MAX:
            reason = f"a header is 1 to {NAME_CHARACTERS_MAX} characters, without blanks around it"
            yield invalid(document, keys, reason)
        if table.field and table.field not in translator.fields:
            yield unknown(document, (*keys, "field"), table.field, tuple(translator.fields))
        elif table.field and table.type not in translator.fields[table.field]:
            wanted = " or ".join(f"`{each}`" for each in translator.fields[table.field])
            yield invalid(document, (*keys, "type"), f"`{table.field}` is filled by {wanted}")
        if table.field and filled.setdefault(table.field, name) != name:
            reason = f"column {shown(filled[table.field])} fills {shown(table.field)} already"
            yield invalid(document, (*keys, "field"), reason)
        yield from _type_faults(document, keys, table)
    for field in translator.required:
        if field not in filled:
            where = document.where(("columns",))
            explanation = f"No column fills `{field}`, which a {content.fact} must tell."
            yield fault("estate.key.missing", where, explanation)


def _type_faults(document: Document, keys: Keys, table: _ColumnTable) -> Iterator[Fault]:
    """Yield what does not go with the type of a column."""
    if table.type == "date" and date_pattern(table.format) is None:
        reason = "it must name year, month and day, such as `YYYY-MM-DD` or `MM/DD/YYYY`"
        yield invalid(document, (*keys, "format"), reason)
    for key, kind, is_told in (
        ("format", "date", table.format),
        ("length", "code", table.length),
        ("implied_cents", "money", table.implied_cents),
    ):
        if is_told and table.type != kind:
            yield invalid(document, (*keys, key), f"it belongs to a `{kind}`")


def _reference_faults(document: Document, content: _SchemaFile) -> Iterator[Fault]:
    """Yield names of columns that are none."""
    names = tuple(content.columns)
    if not content.key:
        yield invalid(document, ("key",), "it names no column, and a row is known by its key")
    for name in content.key:
        if name not in names:
            yield unknown(document, ("key",), name, names)
    if content.recorded and content.recorded not in names:
        yield unknown(document, ("recorded",), content.recorded, names)
    elif content.recorded and content.columns[content.recorded].type != "date":
        yield invalid(document, ("recorded",), "it is no column of type `date`")
    totals = content.totals
    if totals is None:
        return
    for key, name in (
        ("column", totals.column),
        *(("sums", each) for each in totals.sums),
        *(("count", each) for each in (totals.count,) if each),
    ):
        if name not in names:
            yield unknown(document, ("totals", key), name, names)
    for name in totals.sums:
        if name in names and content.columns[name].type not in _SUMMED:
            yield invalid(document, ("totals", "sums"), f"{shown(name)} is no money, nor integer")
    if not totals.sums and not totals.count:
        yield invalid(document, ("totals",), "it sums up nothing and counts nothing")


def _place_faults(document: Document, content: _SchemaFile) -> Iterator[Fault]:
    """Yield columns of fixed width that are nowhere, overlap, or reach beyond their line."""
    if not content.width:
        yield invalid(document, ("width",), "a line of fixed width has one")
    taken = 0
    for name, table in content.columns.items():
        keys = ("columns", name, "start")
        if not table.start or not table.width:
            yield invalid(document, keys, "a column of fixed width has `start` and `width`")
            continue
        if table.start <= taken:
            yield invalid(document, keys, "it begins before the column above it ends")
        taken = table.start + table.width - 1
        if taken > content.width:
            yield invalid(document, keys, "it ends after its line does")


def source_faults(
    documents: Mapping[str, Document], sources: Mapping[str, Source], schemas: Mapping[str, Schema]
) -> Iterator[Fault]:
    """Yield what is wrong between sources and schemas: who reads tables needs to know how."""
    for name, source in sources.items():
        document = documents[name]
        is_tabular = any(each.partition("_")[0] == "tabular" for each in source.translations)
        if not source.schema:
            if is_tabular:
                yield fault("estate.schema.absent", document.where(("translation",)))
            continue
        schema = schemas.get(source.schema)
        if schema is None:
            yield unknown(document, ("schema",), source.schema, tuple(schemas))
            continue
        wanted = f"tabular_{schema.fact}"
        if set(source.translations) - {"tabular", wanted}:
            reason = f"a source with schema {shown(schema.name)} sends {shown(wanted)} alone"
            yield invalid(document, ("translation",), reason)
        if source.settings.kind == "message":
            reason = f"connector {shown(source.connector)} brings messages, not tables"
            yield invalid(document, ("schema",), reason)
        if codecs.lookup(source.charset).name not in CHARSETS:
            reason = f"a table is in one of {', '.join(CHARSETS)}"
            yield invalid(document, ("charset",), reason)
