r"""Escape sequences: separators, control characters, layout in a value (`\F\`, `\X0D\`, `\.br\`).

Here: decoding a value that has been cut out already, and encoding one before it is put in. A
decoded value never goes back through the cutting, so `\X0D\` cannot split a segment (B16). Not
here: the separators (`separators.py`); finding every escape in a message (`audit.py`, next). HL7 v2
chapter 2, 2.7 "Use of escape sequences in text fields".
"""

from __future__ import annotations

import re
from functools import lru_cache

from suture.wire.hl7v2.separators import ABSENT, DEFAULT, Separators

NULL = '""'
"""The HL7 delete indicator: "remove what you hold", kept apart from "" (absent: no change)."""

ESCAPES_MAX = 100_000
"""Escape characters in one segment; a value with more is left as text and its message is held."""

_LAYOUT = re.compile(r"\.(sp|sk|in|ti)([+-]?[0-9]{0,2})", re.ASCII)
_CHARSET_SWITCH = re.compile(r"C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?", re.ASCII)
_PLAIN = {
    "H": "",
    "N": "",
    ".br": "\n",
    ".ce": "\n",
    ".fi": "",
    ".nf": "",
}
_ROLES = {
    "F": "field",
    "S": "component",
    "T": "subcomponent",
    "R": "repetition",
    "E": "escape",
    "P": "truncation",
}


def unescape(text: str, separators: Separators, charset: str) -> str:
    r"""Decode the escape sequences of one value.

    `\Xhh..\` is read in the message's own charset. Highlighting (`\H\`, `\N\`) and indents are
    dropped, line commands become line feeds. What is unknown, unterminated, local (`\Z..\`) or
    switches the character set (`\Cxxyy\`, `\Mxxyyzz\`) stays as the text it is: nothing is lost.
    """
    return _decode(text, separators, charset, [])


def escape_problems(text: str, separators: Separators, charset: str) -> list[str]:
    """Return one sentence for each escape sequence of a value that `unescape` leaves as text."""
    problems: list[str] = []
    _decode(text, separators, charset, problems)
    return problems


def _decode(text: str, separators: Separators, charset: str, problems: list[str]) -> str:
    escape_character = separators.escape
    if text.count(escape_character) > ESCAPES_MAX:
        return text
    pieces: list[str] = []
    at = 0
    start = text.find(escape_character)
    while start >= 0:
        end = text.find(escape_character, start + 1)
        if end < 0:
            problems.append("an escape sequence is not terminated")
            break
        body = text[start + 1 : end]
        decoded = _meaning(body, separators, charset)
        if decoded is not None:
            pieces += (text[at:start], decoded)
            at = end + 1
            start = text.find(escape_character, at)
        elif body.startswith("Z"):
            start = text.find(escape_character, end + 1)
        elif _CHARSET_SWITCH.fullmatch(body):
            problems.append("a switch of character set is not applied")
            start = text.find(escape_character, end + 1)
        else:
            # A stray escape character is likelier than an unknown sequence: its partner may open a
            # real one.
            problems.append("an escape sequence is unknown")
            start = end
    pieces.append(text[at:])
    return "".join(pieces)


def _meaning(body: str, separators: Separators, charset: str) -> str | None:
    decoded = _meanings(separators).get(body)
    if decoded is not None:
        return decoded
    if body.startswith("X"):
        return _hexadecimal(body[1:], charset)
    match = _LAYOUT.fullmatch(body)
    if match is None:
        return None
    command, number = match.groups()
    # `.in` and `.ti` only indent; `.sk` skips columns, `.sp` lines. The count has two digits at
    # most, so that a few bytes cannot ask for a gigabyte of blanks.
    if command in ("in", "ti"):
        return ""
    count = abs(int(number)) if number.strip("+-") else 1
    return (" " if command == "sk" else "\n") * count


def _hexadecimal(digits: str, charset: str) -> str | None:
    # `fromhex` skips blanks, which the standard does not allow.
    if not digits.isalnum():
        return None
    try:
        return bytes.fromhex(digits).decode(charset)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _meanings(separators: Separators) -> dict[str, str]:
    meanings = dict(_PLAIN)
    for letter, role in _ROLES.items():
        character = getattr(separators, role)
        if character == ABSENT:
            character = getattr(DEFAULT, role)
        if character != ABSENT:
            meanings[letter] = character
    return meanings


def escape(text: str, separators: Separators = DEFAULT) -> str:
    r"""Encode one value: separators become `\F\` and its kin, control characters `\Xhh\`."""
    # Most values have nothing to encode, and it is told at once by the whole of them.
    if text.isalnum() or (
        text.isprintable()
        and not (
            separators.field in text
            or separators.component in text
            or separators.repetition in text
            or separators.escape in text
            or separators.subcomponent in text
            or separators.truncation in text
        )
    ):
        return text
    return text.translate(_encoding(separators))


@lru_cache(maxsize=256)
def _encoding(separators: Separators) -> dict[int, str]:
    mark = separators.escape
    table = {code: f"{mark}X{code:02X}{mark}" for code in (*range(0x20), 0x7F)}
    for letter, role in _ROLES.items():
        character = getattr(separators, role)
        if character != ABSENT:
            table[ord(character)] = f"{mark}{letter}{mark}"
    return table
