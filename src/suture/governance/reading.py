"""Reading configuration: TOML and CSV whose every fault names its file and line.

Unknown names are errors with a suggestion, never ignored: a misspelt setting that silently keeps
its default is the costliest kind. Shared by the estate (`connections.py`, `tables.py`,
`estate.py`) and by the product's own settings (`suture/config.py`). Values are not judged here
beyond their type.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from io import StringIO
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from suture.model.fault import Fault, fault

Shape = TypeVar("Shape", bound=msgspec.Struct)
Keys = tuple[str, ...]

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*="
)
_ERROR_LINE = re.compile(r"\(at line (\d+)")
_SHOWN_LENGTH_MAX = 60


class Document(msgspec.Struct, frozen=True):
    """A TOML file: its content and what is needed to say where in it something stands."""

    path: str
    text: str
    content: dict[str, Any]

    def where(self, keys: Keys) -> str:
        """Return the place of a key, `sources/adt.toml:12`, or of its nearest table."""
        found: dict[Keys, int] = {}
        table: Keys = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = _parts(header[1])
                found.setdefault(table, number)
            elif assignment := _ASSIGNMENT.match(line):
                found.setdefault((*table, *_parts(assignment[1])), number)
        for length in range(len(keys), 0, -1):
            if keys[:length] in found:
                return f"{self.path}:{found[keys[:length]]}"
        return f"{self.path}:1"


class Row(msgspec.Struct, frozen=True):
    """One row of a CSV file, its cells by column with the spaces around them taken off."""

    where: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def _parts(dotted: str) -> Keys:
    return tuple(part.strip().strip('"') for part in dotted.split("."))


def shown(value: object) -> str:
    """Return a value fit for an explanation: short, and quoted."""
    return f"`{str(value)[:_SHOWN_LENGTH_MAX]}`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` when a known word is close, else nothing."""
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def parse_toml(path: str, content: bytes) -> Document | Fault:
    """Parse a TOML file. Fault: `estate.file.unreadable`, with the line."""
    try:
        text = content.decode("utf-8-sig")
        return Document(path, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        return fault("estate.file.unreadable", f"{path}:1", f"Not UTF-8 at byte {error.start}.")
    except tomllib.TOMLDecodeError as error:
        line = _ERROR_LINE.search(str(error))
        return fault("estate.file.unreadable", f"{path}:{line[1] if line else 1}", f"{error}.")


def read_shape(document: Document, shape: type[Shape]) -> Shape | list[Fault]:
    """Read a TOML file as `shape`; nested tables are structs or dictionaries of structs.

    Faults, all of them at once: `estate.key.unknown`, `estate.key.missing`, `estate.value.invalid`.
    """
    faults = list(_misread(document, document.content, shape, ()))
    return faults or msgspec.convert(document.content, shape)


def _misread(
    document: Document, content: dict[str, Any], shape: type[msgspec.Struct], keys: Keys
) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name in content:
        if name not in fields:
            where = document.where((*keys, name))
            hint = suggestion(name, fields)
            yield fault("estate.key.unknown", where, f"Nothing reads {shown(name)}{hint}")
    for name, field in fields.items():
        if name in content:
            yield from _misread_value(document, content[name], field.type, (*keys, name))
        elif field.required:
            where = document.where(keys)
            yield fault("estate.key.missing", where, f"`{'.'.join((*keys, name))}` is required.")


def _misread_value(document: Document, value: Any, kind: Any, keys: Keys) -> Iterator[Fault]:
    """Yield what is wrong under one key: a table with a shape, tables by name, or a plain value."""
    inner = next((each for each in (kind, *get_args(kind)) if _is_shape(each)), None)
    if inner is not None and isinstance(value, dict):
        if get_origin(kind) is not dict:
            yield from _misread(document, value, inner, keys)
            return
        for name, below in value.items():
            yield from _misread_value(document, below, inner, (*keys, name))
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        name = ".".join(keys)
        yield fault("estate.value.invalid", document.where(keys), f"`{name}`: {error}.")


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def parse_csv(path: str, content: bytes, columns: Sequence[str]) -> tuple[list[Row], list[Fault]]:
    """Parse a CSV file whose header must name exactly `columns`, in any order.

    Blank lines are skipped. Faults: `estate.file.unreadable`, `estate.key.unknown`,
    `estate.key.missing`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        explanation = f"Not UTF-8 at byte {error.start}."
        return [], [fault("estate.file.unreadable", f"{path}:{line}", explanation)]
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    faults: list[Fault] = []
    header: list[str] | None = None
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            where = f"{path}:{reader.line_num}"
            if not any(cells):
                continue
            if header is None:
                header = cells
                faults += _misnamed_columns(where, header, columns)
            elif len(cells) != len(header):
                explanation = f"{len(cells)} cells under a header of {len(header)} columns."
                faults.append(fault("estate.file.unreadable", where, explanation))
            else:
                rows.append(Row(where, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        return [], [fault("estate.file.unreadable", where, f"{error}.")]
    if header is None:
        return [], [fault("estate.file.unreadable", f"{path}:1", "The file has no header.")]
    return ([], faults) if faults else (rows, [])


def _misnamed_columns(where: str, header: list[str], columns: Sequence[str]) -> list[Fault]:
    unknown = [
        fault(
            "estate.key.unknown",
            where,
            f"Nothing reads column {shown(name)}{suggestion(name, columns)}",
        )
        for name in header
        if name not in columns
    ]
    missing = [
        fault("estate.key.missing", where, f"Column `{name}` is required.")
        for name in columns
        if header.count(name) == 0
    ]
    repeated = [
        fault("estate.file.unreadable", where, f"Column `{name}` stands twice.")
        for name in columns
        if header.count(name) > 1
    ]
    return unknown + missing + repeated
