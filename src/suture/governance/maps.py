"""Overlays of an estate: `maps/<source>.toml` and the look-up tables beside them become rules.

Here: the shape of the files, every expression compiled against what may be read and looked up, and
every mistake by file, line and column. What the rules do is `translate/overlay.py`.

    [lookups]
    ward = "maps/ward.csv"      # columns source, code, value, valid_from, valid_to

    [[set]]
    message = "ADT"             # every message of the source where left out
    target = "PV1-3.1"
    value = 'lookup(ward, PV1-3.4, PV1-3.1)'
    when = 'PV1-2 = "I"'
    clears = false
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeVar

import msgspec

from suture.governance.reading import Document, Row, parse_csv, read_shape, shown, suggestion
from suture.masterdata.crosswalk import ANY_SOURCE, Crosswalk, CrosswalkRow, overlaps
from suture.model.fault import Fault, fault
from suture.model.overlay import Overlay, Rule
from suture.translate.expression import Mistake, compile_condition, compile_text
from suture.translate.overlay import wrong_message, wrong_place, wrong_target

FOLDER = "maps/"
RULES_MAX = 500
COLUMNS = ("source", "code", "value", "valid_from", "valid_to")

_TABLE_NAME = re.compile(r"[a-z_]{1,40}")
_SET_HEADER = re.compile(r"\s*\[\[\s*set\s*\]\]")
_ANY_HEADER = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*([a-z]+)\s*=")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Compiled = TypeVar("Compiled")


class _Set(msgspec.Struct, frozen=True, kw_only=True):
    target: str
    value: str
    message: str = ""
    when: str = ""
    clears: bool = False


class _MapFile(msgspec.Struct, frozen=True, kw_only=True):
    lookups: dict[str, str] = {}
    set: tuple[_Set, ...] = ()


def read_map(source: str, document: Document, files: Mapping[str, bytes]) -> Overlay | list[Fault]:
    """Read `maps/<source>.toml` with the tables it names, or return all that is wrong with it."""
    content = read_shape(document, _MapFile)
    if not isinstance(content, _MapFile):
        return content
    if len(content.set) > RULES_MAX:
        explanation = f"an overlay has at most {RULES_MAX} rules"
        return [fault("estate.value.invalid", document.where(("set",)), explanation)]
    lookups, faults = _lookups(document, content.lookups, files)
    rules = list(_rules(document, content.set, lookups)) if content.set and not faults else []
    faults += [each for each in rules if isinstance(each, Fault)]
    if faults:
        return faults
    return Overlay(source, tuple(each for each in rules if isinstance(each, Rule)))


def _lookups(
    document: Document, named: Mapping[str, str], files: Mapping[str, bytes]
) -> tuple[dict[str, Crosswalk], list[Fault]]:
    tables: dict[str, Crosswalk] = {}
    faults: list[Fault] = []
    for name, path in named.items():
        where = document.where(("lookups", name))
        if not _TABLE_NAME.fullmatch(name):
            explanation = f"{shown(name)}: a look-up's name is small letters and underscores"
            faults.append(fault("estate.value.invalid", where, explanation))
        elif not path.startswith(FOLDER) or path not in files:
            explanation = f"{shown(path)} is no file of the folder {FOLDER}"
            faults.append(fault("estate.reference.unknown", where, explanation))
        else:
            rows, wrong = parse_csv(path, files[path], COLUMNS)
            read = [_lookup_row(row) for row in rows]
            faults += wrong + [each for each in read if isinstance(each, Fault)]
            kept = [each for each in read if isinstance(each, CrosswalkRow)]
            for first, second in overlaps(kept):
                explanation = f"It answers the same code on the same day as {first.where}."
                faults.append(fault("estate.row.duplicate", second.where, explanation))
            tables[name] = Crosswalk(name, kept)
    return tables, faults


def _lookup_row(row: Row) -> CrosswalkRow | Fault:
    days = {"valid_from": date.min, "valid_to": date.max}
    for column in days:
        if not row[column]:
            continue
        try:
            day = date.fromisoformat(row[column]) if _DAY.fullmatch(row[column]) else None
        except ValueError:
            day = None
        if day is None:
            explanation = f"`{column}`: {shown(row[column])} is no day; write 2026-03-31."
            return fault("estate.value.invalid", row.where, explanation)
        days[column] = day
    return CrosswalkRow(
        source=row["source"] or ANY_SOURCE,
        key=(row["code"],),
        value=(row["value"],),
        where=row.where,
        **days,
    )


def _rules(
    document: Document, written: tuple[_Set, ...], lookups: Mapping[str, Crosswalk]
) -> Iterator[Rule | Fault]:
    lines = _lines(document.text)
    if len(lines) != len(written):
        lines = [{"": 1}] * len(written)  # not written as [[set]] tables: no line can be told
    for place, told, each in zip(lines, document.content["set"], written, strict=True):
        where = {key: f"{document.path}:{line}" for key, line in place.items()}
        for key in told:
            if key not in _Set.__struct_fields__:
                explanation = f"Nothing reads {shown(key)}{suggestion(key, _Set.__struct_fields__)}"
                yield fault("estate.key.unknown", where.get(key, where[""]), explanation)
        for key, wrong in (
            ("message", wrong_message(each.message)),
            ("target", wrong_target(each.target)),
        ):
            if wrong:
                explanation = f"`{key}`: {shown(getattr(each, key))}: {wrong}."
                yield fault("estate.value.invalid", where.get(key, where[""]), explanation)
        value = compile_text(each.value, lookups, wrong_place)
        if isinstance(value, Mistake):
            yield _mistaken(value, "value", where)
            continue
        when = compile_condition(each.when, lookups, wrong_place) if each.when else None
        if isinstance(when, Mistake):
            yield _mistaken(when, "when", where)
            continue
        yield Rule(
            message=each.message,
            target=each.target,
            value=value,
            when=when,
            is_clearing=each.clears,
            where=where[""],
        )


def _mistaken(mistake: Mistake, key: str, where: Mapping[str, str]) -> Fault:
    told = f"`{key}`, character {mistake.column}: {mistake.explanation}."
    return fault("estate.expression.invalid", where.get(key, where[""]), told)


def _lines(text: str) -> list[dict[str, int]]:
    """Return, for each `[[set]]` of a file, the lines of its keys; under "" its own."""
    found: list[dict[str, int]] = []
    is_inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if _SET_HEADER.match(line):
            found.append({"": number})
            is_inside = True
        elif _ANY_HEADER.match(line):
            is_inside = False
        elif is_inside and (key := _KEY.match(line)):
            found[-1].setdefault(key[1], number)
    return found
