r"""The characters a message is cut with (`MSH-1`, `MSH-2`), read from each message's own header.

Here: which character plays which role, the odd `MSH-2` values of real systems, and the refusal of
sets that cannot be told apart. Not here: cutting the message (`layout.py`, `segment.py`) or the
escape sequences that stand for these characters (`escape.py`, next).
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from suture.model.fault import Fault, fault

ABSENT = "\ud800"
"""Stands for a role the header does not name: a lone surrogate, which no message can contain."""

ENCODING_CHARACTERS_MAX = 6
"""The longest `MSH-2` worth reading: `^~\\&#` with its backslash doubled by a careless exporter."""

_ENCODING_CHARACTERS_MIN = 3
_ORDER = "^~\\&#"
_CONVENTIONAL = frozenset(_ORDER)


class Separators(msgspec.Struct, frozen=True):
    """The separators of one message, by role; a role the header leaves out is `ABSENT`."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str
    encoding_characters: str
    """`MSH-2` exactly as received."""
    is_unusual: bool = False
    """True when the roles are those of convention: `MSH-2` is out of order or incomplete."""


DEFAULT = Separators("|", "^", "~", "\\", "&", ABSENT, "^~\\&")
"""The separators HL7 recommends (chapter 2, 2.5.4) and Suture writes."""


@lru_cache(maxsize=256)
def read_separators(field: str, encoding_characters: str) -> Separators | Fault:
    r"""Assign a role to each character of `MSH-1` and `MSH-2`, or return why not (B13, B14).

    The standard's order is component, repetition, escape, subcomponent and, from 2.7, truncation.
    An `MSH-2` made only of the conventional characters but in another order, with one missing or
    with the backslash doubled (`^&~\`, `^\~\&`, `^~&`) is a slip in a hand-written header while the
    body uses the characters as everybody does: the conventional roles hold and the set is marked
    unusual.
    """
    if not _ENCODING_CHARACTERS_MIN <= len(encoding_characters) <= ENCODING_CHARACTERS_MAX:
        explanation = (
            f"MSH-2 has {len(encoding_characters)} characters; 4 are usual, 3 to 5 readable"
        )
        return fault("hl7.header.separators", "MSH-2", explanation)
    if any(_is_unusable(character) for character in field + encoding_characters):
        explanation = "a letter, digit, blank, quote or control character cannot be a separator"
        return fault("hl7.header.separators", "MSH-2", explanation)
    is_conventional = _CONVENTIONAL.issuperset(encoding_characters) and "^" in encoding_characters
    roles = _conventional(encoding_characters) if is_conventional else encoding_characters
    if len(set(field + roles)) < 1 + len(roles) or len(roles) > len(_ORDER):
        explanation = "two separators are the same character, or there are more than five"
        return fault("hl7.header.separators", "MSH-2", explanation)
    if is_conventional:
        named = [role if role in roles else ABSENT for role in _ORDER]
    else:
        named = list(roles.ljust(len(_ORDER), ABSENT))
    component, repetition, escape, subcomponent, truncation = named
    return Separators(
        field=field,
        component=component,
        repetition=repetition,
        escape=escape,
        subcomponent=subcomponent,
        truncation=truncation,
        encoding_characters=encoding_characters,
        is_unusual=not "".join(named).startswith(encoding_characters),
    )


def _is_unusable(character: str) -> bool:
    return (
        character.isalnum()
        or character in '" '
        or not character.isascii()
        or not character.isprintable()
    )


def _conventional(encoding_characters: str) -> str:
    """Drop repeats of the backslash, which exporters double; any other repeat is refused."""
    first, backslash, rest = encoding_characters.partition("\\")
    return first + backslash + rest.replace("\\", "")
