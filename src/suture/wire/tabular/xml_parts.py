"""XML parts of a workbook, read as they come: no document type, no entity, nothing fetched.

Here: the parser with its limits, elements as calls on a reader, and relationship parts. What the
elements mean is `sheet.py` and `workbook.py`. A document type is refused where it begins, before
anything could be declared in it (B35 to B37); XInclude is an element like any other (B38); nesting,
attributes and encodings have limits (B39 to B41).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol
from xml.parsers import expat

DEPTH_MAX = 64
ATTRIBUTES_MAX = 200
TEXT_CHARACTERS_MAX = 4 * 1024 * 1024
"""Of one element."""
_HEAD_BYTES = 200
_ENCODINGS = frozenset({"", "utf-8", "us-ascii"})


class UnreadablePartError(Exception):
    """A part cannot be read; its text says why, in words fit for an explanation.

    Raised inside `wire/tabular` only: `read_workbook` makes it a fault.
    """


class Part(Protocol):
    """What takes the elements of a part: names without their namespace."""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        ...

    def closed(self, name: str, text: str) -> None:
        """Take the end of an element, with the text right before it."""
        ...


def parse_part(pieces: Iterable[bytes], part: Part) -> Iterator[None]:
    """Hand the elements of a part to its reader; yield after every piece of it.

    Raises UnreadablePartError.
    """
    parsing = _Parsing(part)
    for piece in pieces:
        parsing.feed(piece, is_last=False)
        yield
    parsing.feed(b"", is_last=True)
    yield


class _Parsing:
    """One part being parsed."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._depth = 0
        self._texts: list[str] = []
        self._length = 0
        self._head = b""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._document_type
        parser.StartElementHandler = self._opened
        parser.EndElementHandler = self._closed
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def feed(self, piece: bytes, *, is_last: bool) -> None:
        """Parse a piece. Raises UnreadablePartError."""
        if len(self._head) < _HEAD_BYTES:
            self._head += piece[:_HEAD_BYTES]
            if self._head.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise UnreadablePartError("a part of it is not in UTF-8")
        try:
            self._parser.Parse(piece, is_last)
        except expat.ExpatError:
            raise UnreadablePartError("a part of it is no XML") from None

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "").lower() not in _ENCODINGS:
            raise UnreadablePartError("a part of it is not in UTF-8")

    def _document_type(self, *_told: object) -> None:
        raise UnreadablePartError("a part of it declares a document type")

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX or len(attributes) > ATTRIBUTES_MAX:
            raise UnreadablePartError("a part of it is nested too deep, or has too many attributes")
        self._texts.clear()
        self._length = 0
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        self._part.opened(name.rpartition(" ")[2], plain)

    def _closed(self, name: str) -> None:
        self._depth -= 1
        text = "".join(self._texts)
        self._texts.clear()
        self._length = 0
        self._part.closed(name.rpartition(" ")[2], text)

    def _text(self, text: str) -> None:
        self._length += len(text)
        if self._length > TEXT_CHARACTERS_MAX:
            raise UnreadablePartError("an element of it holds too much text")
        self._texts.append(text)


class Relations:
    """A relationship part: what one part refers to, by id and by type."""

    def __init__(self) -> None:
        self._by_id: dict[str, str] = {}
        self._by_type: dict[str, str] = {}

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return  # what is outside of the workbook is never followed
        target = attributes.get("Target", "")
        self._by_id[attributes.get("Id", "")] = target
        kind = attributes.get("Type", "").rpartition("/")[2]
        self._by_type.setdefault(kind, target)

    def closed(self, name: str, text: str) -> None:
        pass

    def by_id(self, relation: str) -> str:
        """Return what an id stands for. Raises UnreadablePartError."""
        if relation not in self._by_id:
            raise UnreadablePartError("its sheet is nowhere in it")
        return self._by_id[relation]

    def by_type(self, kind: str) -> str:
        """Return the part of a type; "" where there is none."""
        return self._by_type.get(kind, "")

    def only(self, kind: str) -> str:
        """Return the part of a type, from the root. Raises UnreadablePartError."""
        target = self.by_type(kind).lstrip("/")
        if not target:
            raise UnreadablePartError("it is no workbook")
        return target
