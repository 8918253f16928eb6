"""The elements of one segment against X12 and its guide (SNIP levels 1 and 2).

Here: required and surplus elements, type and length, code values, and the syntax notes of X12.6
(all or none, at least one ...), each as `(fault code, element, component)`. Not here: what X12 and
the guides say (`dictionary.py`, `guide.py`), where a segment may stand (`matcher.py`), the codes of
a 999 (`acknowledge.py`).

Only elements that a guide's table lists are looked at: those that Suture reads. A value is never
part of a finding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from suture.wire.x12.claim import parse_amount
from suture.wire.x12.dictionary import SyntaxNote, segment_forms
from suture.wire.x12.guide import ElementRule, SegmentRule, qualifier
from suture.wire.x12.segment import Segment, read_date

MISSING = "x12.element.missing"
CONDITION = "x12.element.condition"
TOO_MANY = "x12.element.too_many"
TOO_SHORT = "x12.element.too_short"
TOO_LONG = "x12.element.too_long"
CHARACTER = "x12.element.character"
CODE = "x12.element.code"
DATE = "x12.element.date"
TIME = "x12.element.time"
EXCLUSION = "x12.element.exclusion"

_VALUES_REMEMBERED = 1 << 14
_PATTERNS_REMEMBERED = 1 << 12
_WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E-?[0-9]+)?", re.ASCII)
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9][0-9]{0,2})?", re.ASCII)
_DAY_LENGTHS = {"D8": 8, "D6": 6}
_DAY_LENGTH = 8
_OLD_DAY_LENGTH = 6
_TEXT = frozenset(("", "AN", "ID"))


class ElementFinding(NamedTuple):
    """What is wrong with one element."""

    code: str
    number: int
    component: int
    """0 when it is about the whole element."""
    is_booked: bool
    """True when Suture books from it."""
    reference: str
    """Its data element number; "" where there is none."""


def check_elements(segment: Segment, rule: SegmentRule) -> Sequence[ElementFinding]:
    """Return what is wrong with the elements of a segment that has its place."""
    elements, form = segment.elements, rule.form
    broken = broken_notes(form.id, tuple(map(bool, elements))) if form.notes else ()
    surplus = len(form.elements) + 1
    is_sound = _are_sound(segment, rule)
    if is_sound and not broken and len(elements) <= surplus:
        return ()
    found = [] if is_sound else _check_each(segment, rule)
    found += [_about_note(code, number, rule) for code, number in broken]
    if not form.is_open and any(elements[surplus:]):
        found.append(ElementFinding(TOO_MANY, surplus, 0, rule.is_booked, ""))
    return found


def _are_sound(segment: Segment, rule: SegmentRule) -> bool:
    """Tell in as few steps as can be that all is right: every segment there is comes by here.

    False only sends the segment to `_check_each`, which decides.
    """
    elements = segment.elements
    count = len(elements)
    for each in rule.elements:
        number, component, is_required, codes, kind, shortest, longest, is_money, _, _, _ = each
        value = elements[number] if number < count else ""
        if component and value:
            parts = value.split(segment.separators.component, component)
            value = parts[component - 1] if component <= len(parts) else ""
        if not value:
            if is_required:
                return False
        elif codes:
            if value not in codes:
                return False
        elif kind in _TEXT:
            if not shortest <= len(value) <= longest:
                return False
        elif is_money:
            if parse_amount(value) is None:
                return False
        else:
            form = elements[number - 1] if kind == "DX" else ""
            if judge_typed(value, kind, form, shortest, longest):
                return False
    return True


def _check_each(segment: Segment, rule: SegmentRule) -> list[ElementFinding]:
    """Look at each element, and at each repetition of its value."""
    found = []
    for each in rule.elements:
        value = segment.get(each.number)
        if each.component and value:
            value = qualifier(segment, each.number, each.component)
        elif each.component:
            continue  # It is missing with its element, which has a rule of its own.
        if not value:
            code = MISSING if each.is_required else ""
        else:
            code = _judge_repeated(value, each, segment)
        if code:
            found.append(_finding(code, each))
    return found


def _finding(code: str, rule: ElementRule) -> ElementFinding:
    """Make the finding; a value of another length than X12 allows can be read, and so booked."""
    is_booked = rule.is_booked and code not in (TOO_SHORT, TOO_LONG)
    return ElementFinding(code, rule.number, rule.component, is_booked, rule.reference)


def _judge_repeated(value: str, rule: ElementRule, segment: Segment) -> str:
    """Judge each repetition of a value; the first that is wrong is told."""
    separator = segment.separators.repetition
    if not separator or separator not in value:
        return _judge(value, rule, segment)
    codes = (_judge(each, rule, segment) for each in value.split(separator) if each)
    return next(filter(None, codes), "")


def _judge(value: str, rule: ElementRule, segment: Segment) -> str:
    """Return the fault code of a value that its data element does not allow, or nothing."""
    if rule.codes:
        return "" if value in rule.codes else CODE
    if rule.type in _TEXT:
        return _judge_length(len(value), rule.shortest, rule.longest)
    if rule.is_money:
        return "" if parse_amount(value) is not None else CHARACTER
    form = _format_of(rule, segment) if rule.type == "DX" else ""
    return judge_typed(value, rule.type, form, rule.shortest, rule.longest)


def _format_of(rule: ElementRule, segment: Segment) -> str:
    """Return the format that the element before a date tells (D8, RD8, TM ...)."""
    if rule.component:
        return segment.get(rule.number, rule.component - 1)
    return segment.get(rule.number - 1)


@lru_cache(_VALUES_REMEMBERED)
def judge_typed(value: str, kind: str, form: str, shortest: int, longest: int) -> str:
    """Return the fault code of a number, date or time, or nothing: few, and often the same.

    `kind` is the type of the data element, `form` what tells how a DX is written (D8, RD8, TM).
    """
    match kind:
        case "R":
            if _DECIMAL.fullmatch(value) is None:
                return CHARACTER
            mantissa = value.partition("E")[0]
            length = len(mantissa.replace("-", "").replace(".", ""))
            return _judge_length(length, shortest, longest)
        case "N0" | "N2":
            if _WHOLE_NUMBER.fullmatch(value) is None:
                return CHARACTER
            return _judge_length(len(value.removeprefix("-")), shortest, longest)
        case "DT":
            return "" if _is_day(value, len(value)) else DATE
        case "TM":
            return "" if _CLOCK.fullmatch(value) else TIME
        case _:
            return _judge_formatted(value, form, shortest, longest)


def _judge_formatted(value: str, form: str, shortest: int, longest: int) -> str:
    match form:
        case "D8" | "D6":
            return "" if _is_day(value, _DAY_LENGTHS[form]) else DATE
        case "RD8":
            first, _, last = value.partition("-")
            return "" if _is_day(first, _DAY_LENGTH) and _is_day(last, _DAY_LENGTH) else DATE
        case "DT":
            day, clock = value[:_DAY_LENGTH], value[_DAY_LENGTH:]
            return "" if _is_day(day, _DAY_LENGTH) and _CLOCK.fullmatch(clock) else DATE
        case "TM":
            return "" if _CLOCK.fullmatch(value) else TIME
        case _:
            return _judge_length(len(value), shortest, longest)


def _is_day(text: str, length: int) -> bool:
    """Tell whether it is a day of the calendar, in eight digits or, before 5010, six."""
    if length not in (_DAY_LENGTH, _OLD_DAY_LENGTH) or len(text) != length:
        return False
    return text.isdigit() and read_date(text) is not None


def _judge_length(length: int, shortest: int, longest: int) -> str:
    if length < shortest:
        return TOO_SHORT
    return TOO_LONG if length > longest else ""


def _about_note(code: str, number: int, rule: SegmentRule) -> ElementFinding:
    """Make the finding about a broken relation among elements (X12.6, conditional elements)."""
    is_booked = any(each.is_booked and each.number == number for each in rule.elements)
    return ElementFinding(code, number, 0, is_booked, rule.form.elements[number - 1])


@lru_cache(_PATTERNS_REMEMBERED)
def broken_notes(form_id: str, pattern: tuple[bool, ...]) -> tuple[tuple[str, int], ...]:
    """Return the code and element of each broken note, by which elements are told: few patterns."""
    found = []
    for note in segment_forms()[form_id].notes:
        told = [number for number in note.numbers if number < len(pattern) and pattern[number]]
        empty = [number for number in note.numbers if number not in told]
        if note.kind == "E":
            if len(told) > 1:
                found.append((EXCLUSION, told[1]))
        elif not _is_kept(note, told, empty):
            found.append((CONDITION, empty[0]))
    return tuple(found)


def _is_kept(note: SyntaxNote, told: list[int], empty: list[int]) -> bool:
    match note.kind:
        case "P":
            return not told or not empty
        case "R":
            return bool(told)
        case "C":
            return note.numbers[0] in empty or not empty
        case _:
            return note.numbers[0] in empty or len(told) > 1
