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
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from io import StringIO
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from suture.model.fault import Fault, fault

Shape = TypeVar("Shape", bound=msgspec.Struct)
Keys = tuple[str, ...]

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*="
)
_ERROR_LINE = re.compile(r" ?\(at (?:line (\d+), column \d+|end of document)\)")
_EXPECTED = re.compile(
    r"Expected `(?P<kind>[a-z |]+)`"
    r"(?:, got `(?P<got>[a-z]+)`| (?P<is_length>of length )?(?P<bound>[<>]=?) (?P<limit>[-0-9.]+))?"
)
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
"""The types of TOML as people call them."""
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_SHOWN_LENGTH_MAX = 60
_KNOWN_SHOWN_MAX = 8
_SEPARATORS = {";": "semicolons", "\t": "tabs"}
"""What other programs put in the place of commas."""


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


def invalid(document: Document, keys: Keys, reason: str) -> Fault:
    """Return the fault of a value that does not do."""
    return fault("estate.value.invalid", document.where(keys), f"`{'.'.join(keys)}`: {reason}.")


def unknown(document: Document, keys: Keys, name: str, known: Iterable[str]) -> Fault:
    """Return the fault of a value that names nothing, with what was probably meant."""
    explanation = f"`{'.'.join(keys)}`: nothing is named {shown(name)}{suggestion(name, known)}"
    return fault("estate.reference.unknown", document.where(keys), explanation)


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
    """Return the end of a sentence: `; did you mean ...?`, or what there is when that is little."""
    names = sorted(filter(None, known))
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    if 0 < len(names) <= _KNOWN_SHOWN_MAX:
        return f"; there is {', '.join(f'`{each}`' for each in names)}."
    return "."


def parse_toml(path: str, content: bytes) -> Document | Fault:
    """Parse a TOML file. Fault: `estate.file.unreadable`, with the line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return fault("estate.file.unreadable", f"{path}:1", f"Not UTF-8 at byte {error.start}.")
    try:
        return Document(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        where = _ERROR_LINE.search(str(error))
        line = (where and where[1]) or max(1, len(text.splitlines()))
        explanation = f"Not TOML: {_ERROR_LINE.sub('', str(error))}."
        return fault("estate.file.unreadable", f"{path}:{line}", explanation)


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
        reason = _plain_reason(str(error), kind)
        explanation = f"`{'.'.join(keys)}`: {reason}."
        yield fault("estate.value.invalid", document.where(keys), explanation)


def _plain_reason(error: str, kind: Any) -> str:
    """Return what msgspec says of a value in the words of whoever wrote the file."""
    if error.startswith("Invalid enum value"):
        choices = _metadata(kind, lambda each: get_origin(each) is Literal)
        names = [str(choice) for each in choices for choice in get_args(each)]
        return f"it must be one of {', '.join(f'`{name}`' for name in names)}"
    if "matching regex" in error:
        told = [each.description for each in _metadata(kind, _is_described)]
        return f"it must be {told[0] if told else 'of another form'}"
    expected = _EXPECTED.match(error)
    if expected is None:
        return error
    kinds = [_KINDS[each] for each in expected["kind"].split(" | ") if each in _KINDS]
    wanted = " or ".join(kinds) or "of another kind"
    if expected["bound"]:
        plural = "" if expected["limit"] == "1" else "s"
        unit = f" character{plural} long" if expected["is_length"] else ""
        return f"it must be {_BOUNDS[expected['bound']]} {expected['limit']}{unit}"
    return f"it must be {wanted}, and is {_KINDS.get(expected['got'] or '', 'something else')}"


def _metadata(kind: Any, is_wanted: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield what is wanted of a type and of everything it is made of."""
    if is_wanted(kind):
        yield kind
        return
    for each in (*get_args(kind), *getattr(kind, "__metadata__", ())):
        yield from _metadata(each, is_wanted)


def _is_described(part: Any) -> bool:
    return isinstance(part, msgspec.Meta) and part.description is not None


def _is_shape(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def parse_csv(path: str, content: bytes, columns: Sequence[str]) -> tuple[list[Row], list[Fault]]:
    """Parse a CSV file whose header must name exactly `columns`, in any order.

    Blank lines are skipped, and so are blank cells after the last column, which spreadsheets leave
    behind. A row that begins with `#` is a fault: who writes one believes that it is out of force.
    Faults: `estate.file.unreadable`, `estate.row.comment`, `estate.key.unknown`,
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
            if cells[0].startswith("#"):
                faults.append(fault("estate.row.comment", where))
            elif header is None:
                header = _without_blanks(cells)
                if other := _other_separator(header, columns):
                    explanation = f"Its columns are separated by {other}, not by commas."
                    return [], [fault("estate.file.unreadable", where, explanation)]
                faults += _misnamed_columns(where, header, columns)
            elif len(cells := _without_blanks(cells, len(header))) != len(header):
                faults.append(fault("estate.file.unreadable", where, _miscounted(cells, header)))
            else:
                rows.append(Row(where, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        return [], [fault("estate.file.unreadable", where, f"Not CSV: {error}.")]
    if header is None:
        return [], [fault("estate.file.unreadable", f"{path}:1", "The file has no header.")]
    return ([], faults) if faults else (rows, [])


def _without_blanks(cells: list[str], count_min: int = 0) -> list[str]:
    """Return cells without the blank ones at their end, `count_min` of them at least."""
    kept = len(cells)
    while kept > count_min and not cells[kept - 1]:
        kept -= 1
    return cells[:kept]


def _other_separator(header: list[str], columns: Sequence[str]) -> str:
    """Return what separates the columns where it is not commas, in words; else nothing."""
    for separator, name in _SEPARATORS.items():
        if len(header) < len(columns) and separator in header[0]:
            return name
    return ""


def _miscounted(cells: list[str], header: list[str]) -> str:
    likely = (
        "a comma is missing"
        if len(cells) < len(header)
        else "a value that holds a comma needs quotes around it"
    )
    return f"{len(cells)} cells under a header of {len(header)} columns: {likely}."


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
