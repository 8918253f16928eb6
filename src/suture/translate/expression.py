"""Expressions: the small total language in which a site says where a value is (overlays, tables).

    first(FT1-16.1, PV1-3.1, "UNKNOWN")
    lookup(ward, upper(trim({Nursing Unit})), "")
    FT1-6 = "CG" and not present(FT1-13)

A *text* is a literal, a place in the message or a function of texts; a *condition* compares texts.
There are no loops, no names to bind, no numbers but literal counts and nothing of Python's: what
can be written always ends, in a number of steps that its length bounds (B87, B89). What a place
(`PID-3.1`, `CLP04`, `{Column}`) means is the reader's of each format; here it is only a name. Who
uses it: `overlay.py`, `tabular.py`. Read from `maps/*.toml` by `governance/maps.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeAlias, TypeVar

import msgspec

from suture.model.money import format_amount, parse_amount
from suture.model.overlay import Condition, LookUp, Reader, Text

PARTS_MAX = 200
"""Parts of one expression: literals, places and calls."""
DEPTH_MAX = 20
CHARACTERS_MAX = 4_096
"""A value is cut here: no chain of `concat` can grow without bound."""
PAD_WIDTH_MAX = 64


Value = TypeVar("Value")
PlaceCheck: TypeAlias = Callable[[str], str]
"""Says what is wrong with a place ("it is no HL7 path"); "" where nothing is."""


class Mistake(msgspec.Struct, frozen=True):
    """Why a text is no expression, and at which character of it (1-based)."""

    column: int
    explanation: str


class _MistakeError(Exception):
    def __init__(self, column: int, explanation: str) -> None:
        super().__init__(explanation)
        self.mistake = Mistake(column, explanation)


def compile_text(
    written: str, lookups: Mapping[str, LookUp], check_place: PlaceCheck
) -> Text | Mistake:
    """Compile an expression that gives a text."""
    return _compiled(written, lookups, check_place, _Parser.text)


def compile_condition(
    written: str, lookups: Mapping[str, LookUp], check_place: PlaceCheck
) -> Condition | Mistake:
    """Compile an expression that is true or not."""
    return _compiled(written, lookups, check_place, _Parser.condition)


def _compiled(
    written: str,
    lookups: Mapping[str, LookUp],
    check_place: PlaceCheck,
    parse: Callable[[_Parser], Callable[[Reader], Value]],
) -> Callable[[Reader], Value] | Mistake:
    parser = _Parser(written, lookups, check_place)
    try:
        parser.begin()
        compiled = parse(parser)
        parser.end()
    except _MistakeError as error:
        return error.mistake
    return compiled


# Words ---------------------------------------------------------------------------------------

_WORD = re.compile(
    r"""\s*(?:
      (?P<literal>"(?:[^"\\]|\\.)*" | '[^']*')
    | (?P<column>\{[^{}]+\})
    | (?P<place>[A-Z][A-Z0-9]{1,2}(?:\[[A-Za-z0-9]{1,5}\])?-?[0-9]{1,4}
        (?:\([0-9]{1,4}\))?(?:[.-][0-9]{1,3}){0,2}(?![\w]))
    | (?P<number>[0-9]{1,4}(?![\w.]))
    | (?P<name>[a-z_]+)
    | (?P<mark>!=|[=(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_ESCAPED = re.compile(r'\\(["\\])')
_KEYWORDS = frozenset({"and", "or", "not", "in", "like", "present"})


class _Word(msgspec.Struct, frozen=True):
    kind: str
    """literal, column, place, number, name, mark, or end."""
    text: str
    column: int


def _words(written: str) -> list[_Word]:
    words: list[_Word] = []
    at = 0
    while written[at:].strip():
        match = _WORD.match(written, at)
        if match is None:
            start = at + len(written[at:]) - len(written[at:].lstrip())
            raise _MistakeError(start + 1, f"nothing can begin with `{written[start]}` here")
        kind = match.lastgroup or "mark"
        words.append(_Word(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    words.append(_Word("end", "", len(written) + 1))
    return words


def _unquoted(word: _Word) -> str:
    inner = word.text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if word.text[0] == '"' else inner


# Parsing -------------------------------------------------------------------------------------


class _Parser:
    """Recursive descent over the words of one expression."""

    def __init__(
        self, written: str, lookups: Mapping[str, LookUp], check_place: PlaceCheck
    ) -> None:
        self._written = written
        self._words: list[_Word] = []
        self._at = 0
        self._depth = 0
        self._parts = 0
        self.lookups = lookups
        self._check_place = check_place

    def begin(self) -> None:
        self._words = _words(self._written)

    def end(self) -> None:
        if self.word.kind != "end":
            raise self.mistake(f"`{self.word.text}` follows a whole expression")

    @property
    def word(self) -> _Word:
        return self._words[self._at]

    def mistake(self, explanation: str) -> _MistakeError:
        return _MistakeError(self.word.column, explanation)

    def _take(self, *texts: str) -> bool:
        """Step over the next word when it is one of these, a mark or a keyword."""
        if self.word.kind in {"mark", "name"} and self.word.text in texts:
            self._at += 1
            return True
        return False

    def need(self, mark: str) -> None:
        if not self._take(mark):
            found = f"`{self.word.text}`" if self.word.text else "the end"
            raise self.mistake(f"`{mark}` is expected, not {found}")

    def _count(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise self.mistake(f"an expression has at most {PARTS_MAX} parts")

    # Texts

    def text(self) -> Text:
        self._count()
        word = self.word
        match word.kind:
            case "literal":
                self._at += 1
                return _literal(_unquoted(word))
            case "place" | "column":
                return self._place(word)
            case "name" if word.text not in _KEYWORDS:
                self._at += 1
                return self._call(word)
        found = f"`{word.text}`" if word.text else "the end"
        raise self.mistake(f"a value is expected, not {found}")

    def _place(self, word: _Word) -> Text:
        name = word.text[1:-1].strip() if word.kind == "column" else word.text
        wrong = self._check_place(name)
        if wrong:
            raise self.mistake(f"`{name}`: {wrong}")
        self._at += 1
        return lambda reader: reader.read(name)

    def _call(self, word: _Word) -> Text:
        build = _FUNCTIONS.get(word.text)
        if build is None:
            known = ", ".join(sorted(_FUNCTIONS))
            raise _MistakeError(word.column, f"no function is named `{word.text}`: {known}")
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise _MistakeError(word.column, f"functions are nested at most {DEPTH_MAX} deep")
        self.need("(")
        called = build(self)
        self.need(")")
        self._depth -= 1
        return called

    def texts(self) -> list[Text]:
        """Parse one text or more, separated by commas."""
        found = [self.text()]
        while self._take(","):
            found.append(self.text())
        return found

    def literal(self, what: str) -> str:
        """Parse a text that must be written out."""
        self._count()
        if self.word.kind != "literal":
            raise self.mistake(f"{what} is a text in quotes")
        self._at += 1
        return _unquoted(self._words[self._at - 1])

    def number(self, what: str, least: int, most: int) -> int:
        """Parse a whole number that must be written out."""
        self._count()
        if self.word.kind != "number" or not least <= int(self.word.text) <= most:
            raise self.mistake(f"{what} is a whole number from {least} to {most}")
        self._at += 1
        return int(self._words[self._at - 1].text)

    def lookup(self) -> LookUp:
        """Parse the name of a look-up table of the estate."""
        self._count()
        word = self.word
        if word.kind != "name" or word.text not in self.lookups:
            known = ", ".join(sorted(self.lookups)) or "there is none"
            raise self.mistake(f"no look-up is named `{word.text}`: {known}")
        self._at += 1
        return self.lookups[word.text]

    def comma(self) -> None:
        self.need(",")

    def has_more(self) -> bool:
        return self._take(",")

    # Conditions

    def condition(self) -> Condition:
        """Parse alternatives: `or` binds least, then `and`, then `not`."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self.mistake(f"conditions are nested at most {DEPTH_MAX} deep")
        alternatives = [self._all()]
        while self._take("or"):
            alternatives.append(self._all())
        self._depth -= 1
        return _any_of(alternatives) if len(alternatives) > 1 else alternatives[0]

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return _all_of(parts) if len(parts) > 1 else parts[0]

    def _not(self) -> Condition:
        if self._take("not"):
            self._count()
            return _negated(self._not())
        return self._comparison()

    def _comparison(self) -> Condition:
        self._count()
        if self._take("("):
            inner = self.condition()
            self.need(")")
            return inner
        if self._take("present"):
            self.need("(")
            named = self.text()
            self.need(")")
            return lambda reader: bool(named(reader))
        left = self.text()
        if self._take("="):
            right = self.text()
            return lambda reader: left(reader) == right(reader)
        if self._take("!="):
            other = self.text()
            return lambda reader: left(reader) != other(reader)
        if self._take("like"):
            pattern = _pattern(self.literal("a pattern"))
            return lambda reader: pattern(left(reader))
        if self._take("in"):
            self.need("(")
            listed = {self.literal("each of a list")}
            while self._take(","):
                listed.add(self.literal("each of a list"))
            self.need(")")
            return lambda reader: left(reader) in listed
        raise self.mistake("`=`, `!=`, `in` or `like` is expected")


def _literal(value: str) -> Text:

    def written(reader: Reader) -> str:  # noqa: ARG001 - the shape of every expression
        return value

    return written


def _any_of(alternatives: list[Condition]) -> Condition:
    return lambda reader: any(each(reader) for each in alternatives)


def _all_of(parts: list[Condition]) -> Condition:
    return lambda reader: all(each(reader) for each in parts)


def _negated(inner: Condition) -> Condition:
    return lambda reader: not inner(reader)


def _pattern(written: str) -> Callable[[str], bool]:
    """Return what matches a pattern: `*` is any characters, `?` any one.

    Piece by piece between the stars, each at the first place it fits: no pattern, however many
    stars it has, can be slow (B88).
    """
    pieces = [_piece(each) for each in written.split("*")]
    head, tail = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return lambda text: head.fullmatch(text) is not None
    ends_with = re.compile(f"(?:{tail.pattern})\\Z", re.DOTALL)
    tail_length = len(written.rpartition("*")[2])

    def is_match(text: str) -> bool:
        begun = head.match(text)
        if begun is None:
            return False
        at = begun.end()
        for piece in pieces[1:-1]:
            found = piece.search(text, at)
            if found is None:
                return False
            at = found.end()
        last = len(text) - tail_length
        return last >= at and ends_with.match(text, last) is not None

    return is_match


def _piece(written: str) -> re.Pattern[str]:
    """Return the pattern of a piece without stars: plain characters, and `?` for any one."""
    characters = ("." if each == "?" else re.escape(each) for each in written)
    return re.compile("".join(characters), re.DOTALL)


# Functions -----------------------------------------------------------------------------------


def _first(parser: _Parser) -> Text:
    texts = parser.texts()
    return lambda reader: next(filter(None, (each(reader) for each in texts)), "")


def _concat(parser: _Parser) -> Text:
    texts = parser.texts()
    return lambda reader: "".join([each(reader) for each in texts])[:CHARACTERS_MAX]


def _choose(parser: _Parser) -> Text:
    when = parser.condition()
    parser.comma()
    then = parser.text()
    parser.comma()
    otherwise = parser.text()
    return lambda reader: then(reader) if when(reader) else otherwise(reader)


def _plain(change: Callable[[str], str]) -> Callable[[_Parser], Text]:
    """Make a function of one text."""

    def build(parser: _Parser) -> Text:
        text = parser.text()
        return lambda reader: change(text(reader))

    return build


def _left(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    length = parser.number("a length", 0, CHARACTERS_MAX)
    return lambda reader: text(reader)[:length]


def _right(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    length = parser.number("a length", 1, CHARACTERS_MAX)
    return lambda reader: text(reader)[-length:]


def _part(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    start = parser.number("a start", 1, CHARACTERS_MAX) - 1
    parser.comma()
    length = parser.number("a length", 0, CHARACTERS_MAX)
    return lambda reader: text(reader)[start : start + length]


def _before(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    mark = parser.literal("a mark") or " "
    return lambda reader: text(reader).partition(mark)[0]


def _after(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    mark = parser.literal("a mark") or " "
    return lambda reader: text(reader).partition(mark)[2]


def _replace(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    old = parser.literal("what is replaced")
    if not old:
        raise parser.mistake("what is replaced cannot be empty")
    parser.comma()
    new = parser.literal("what takes its place")
    return lambda reader: text(reader).replace(old, new)[:CHARACTERS_MAX]


def _pad(parser: _Parser) -> Text:
    text = parser.text()
    parser.comma()
    width = parser.number("a width", 1, PAD_WIDTH_MAX)
    parser.comma()
    fill = parser.literal("a filling")
    if len(fill) != 1:
        raise parser.mistake("a filling is one character")
    return lambda reader: text(reader).rjust(width, fill)


def _lookup(parser: _Parser) -> Text:
    """`lookup(table, code)`: "" where no row is in force; `lookup(table, code, otherwise)`."""
    table = parser.lookup()
    parser.comma()
    code = parser.text()
    otherwise = parser.text() if parser.has_more() else _literal("")

    def look_up(reader: Reader) -> str:
        found = table.resolve(reader.source, (code(reader),), reader.on)
        return otherwise(reader) if found is None else found[0]

    return look_up


_DATE_PARTS = {"YYYY": r"(?P<year>\d{4})", "YY": r"(?P<short>\d{2})"}
_DATE_PARTS |= {"MM": r"(?P<month>\d{1,2})", "DD": r"(?P<day>\d{1,2})"}
_DATE_PART = re.compile("YYYY|YY|MM|DD")
_CENTURY_PIVOT = 50


def _date(parser: _Parser) -> Text:
    """`date(text, "MM/DD/YYYY")`: the day as YYYYMMDD; "" where it is none that exists."""
    text = parser.text()
    parser.comma()
    layout = parser.literal("a layout of a date")
    names = _DATE_PART.findall(layout)
    if sorted(name[0] for name in names) != ["D", "M", "Y"]:
        raise parser.mistake("a layout of a date has YYYY (or YY), MM and DD, once each")
    plain = [re.escape(each) for each in _DATE_PART.split(layout)]
    wanted = "".join(
        part + (_DATE_PARTS[names[at]] if at < len(names) else "") for at, part in enumerate(plain)
    )
    pattern = re.compile(wanted, re.ASCII)
    return lambda reader: _day(pattern.fullmatch(text(reader).strip()))


def _day(match: re.Match[str] | None) -> str:
    if match is None:
        return ""
    found = match.groupdict()
    year = int(found.get("year") or found["short"])
    if "short" in found:
        year += 2000 if year < _CENTURY_PIVOT else 1900
    try:
        return f"{date(year, int(found['month']), int(found['day'])):%Y%m%d}"
    except ValueError:
        return ""


_NOT_DIGITS = re.compile("[^0-9]", re.ASCII)
_CENTS = re.compile(r"-?[0-9]{1,17}", re.ASCII)


def _cents(text: str) -> str:
    """Read an amount in cents: `12345` is 123.45; other text is left as it is, to be refused."""
    return format_amount(int(text)) if _CENTS.fullmatch(text) else text


def _negate(text: str) -> str:
    amount = parse_amount(text)
    return text if amount is None else format_amount(-amount)


_FUNCTIONS: dict[str, Callable[[_Parser], Text]] = {
    "after": _after,
    "before": _before,
    "cents": _plain(_cents),
    "choose": _choose,
    "concat": _concat,
    "date": _date,
    "digits": _plain(lambda text: _NOT_DIGITS.sub("", text)),
    "first": _first,
    "left": _left,
    "lookup": _lookup,
    "lower": _plain(str.lower),
    "negate": _plain(_negate),
    "pad": _pad,
    "part": _part,
    "replace": _replace,
    "right": _right,
    "strip_zeros": _plain(lambda text: text.lstrip("0") or text[-1:]),
    "trim": _plain(str.strip),
    "upper": _plain(str.upper),
}
FUNCTIONS = tuple(_FUNCTIONS)
"""The names of the functions, for the reference page."""
