"""XLSX: the bytes of a workbook to the rows of one of its sheets. ECMA-376, Office Open XML.

Here: the archive, judged before anything is unpacked (number, size, ratio and names of its parts:
B63, B64), which part is the sheet, and the tables its cells refer to (shared strings, styles, the
1904 date system). Nothing in it is run, followed or fetched. What a cell says is `sheet.py`, next;
why this is no library is docs/adr/0013.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from posixpath import normpath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from suture.model.fault import Fault, fault
from suture.wire.tabular.row import Row
from suture.wire.tabular.sheet import (
    Book,
    Properties,
    Sheet,
    Strings,
    Styles,
    merged_cells,
    read_cells,
)
from suture.wire.tabular.xml_parts import Relations, UnreadablePartError, parse_part

PARTS_MAX = 2_000
PART_BYTES_MAX = 256 * 1024 * 1024
"""Of one part, unpacked; counted while it is unpacked, whatever it says of itself."""
WORKBOOK_BYTES_MAX = 512 * 1024 * 1024
RATIO_MAX = 200
"""Sheets of real workbooks shrink to a tenth or a thirtieth."""
_RATIO_BYTES_MIN = 1024 * 1024
_PIECE_BYTES = 64 * 1024
_OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How .xls files begin, and workbooks that need a password."""
_ENCRYPTED_FLAG = 1
_MACROS = ("vbaproject.bin", "xl/macrosheets/", "xl/dialogsheets/")
_BROKEN = (
    BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
    OSError,
    RuntimeError,
)
"""What `zipfile` raises for archives that are none."""


def read_workbook(data: bytes, sheet: str = "") -> Iterator[Row | Fault]:
    """Yield the rows of a sheet, blank ones left out; a fault by itself ends the file.

    Without a name the workbook must have exactly one sheet: which of several is meant would be a
    guess. Numbers come as plain decimals of 15 digits, days as `2026-03-31`, and `Row.kinds` says
    which is which. Formulas give what was calculated last.
    """
    if data.startswith(_OLE_MARK):
        yield _unreadable("it is an .xls file, or needs a password; save it as .xlsx without one")
        return
    try:
        with ZipFile(BytesIO(data)) as archive:
            refusal = _refusal(archive, len(data))
            if refusal is not None:
                yield refusal
                return
            yield from _Workbook(archive).rows(sheet)
    except UnreadablePartError as error:
        yield _unreadable(str(error))
    except _BROKEN:
        yield _unreadable("it is no archive, or a damaged one")


def _unreadable(explanation: str) -> Fault:
    return fault("table.workbook.unreadable", "file", explanation)


def _refusal(archive: ZipFile, bytes_count: int) -> Fault | None:
    """Return why an archive is not unpacked at all; None where it may be."""
    parts = archive.infolist()
    if len(parts) > PARTS_MAX:
        explanation = f"it has {len(parts):,} parts, and {PARTS_MAX:,} is the most"
        return fault("table.workbook.too_large", "file", explanation)
    names = [part.filename for part in parts]
    if len({name.lower() for name in names}) < len(names):
        return fault("table.workbook.refused", "file", "two of its parts have one name")
    for part in parts:
        wrong = _wrong_part(part)
        if wrong is not None:
            return wrong
    if sum(part.file_size for part in parts) > WORKBOOK_BYTES_MAX:
        explanation = f"unpacked it has more than {WORKBOOK_BYTES_MAX:,} bytes"
        return fault("table.workbook.too_large", "file", explanation)
    if sum(part.compress_size for part in parts) > bytes_count:
        return fault("table.workbook.refused", "file", "its parts overlap")
    return None


def _wrong_part(part: ZipInfo) -> Fault | None:
    name = part.filename
    if name.startswith("/") or ".." in name.split("/") or "\\" in name or "\0" in name:
        return fault("table.workbook.refused", "file", "a part's name leads out of the archive")
    if any(mark in name.lower() for mark in _MACROS):
        return fault("table.workbook.refused", "file", "it holds macros")
    if part.flag_bits & _ENCRYPTED_FLAG:
        return _unreadable("a part of it needs a password")
    if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return _unreadable("a part of it is packed in a way that no spreadsheet uses")
    is_swollen = part.file_size > max(_RATIO_BYTES_MIN, part.compress_size * RATIO_MAX)
    if is_swollen or part.file_size > PART_BYTES_MAX:
        explanation = f"a part unpacks to {part.file_size:,} bytes"
        return fault("table.workbook.too_large", "file", explanation)
    return None


class _Workbook:
    """An archive that may be unpacked, and its parts."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._names = {name.lower(): name for name in archive.namelist()}

    def rows(self, wanted: str) -> Iterator[Row | Fault]:
        """Yield the rows of the sheet of this name."""
        office = Relations()
        self._parse("_rels/.rels", office)
        book_part = office.only("officeDocument")
        book = Book()
        self._parse(book_part, book)
        relations = Relations()
        self._parse(_relations_of(book_part), relations)
        chosen = _chosen(book.sheets, wanted)
        if isinstance(chosen, Fault):
            yield chosen
            return
        strings, styles = Strings(), Styles()
        for name, reader in (("sharedStrings", strings), ("styles", styles)):
            part = relations.by_type(name)
            if part:
                self._parse(_beside(book_part, part), reader)
        sheet_part = _beside(book_part, relations.by_id(chosen.relation))
        if merged_cells(self._pieces(sheet_part)):
            yield fault("table.workbook.merged", "file")
            return
        properties = Properties(
            strings=tuple(strings.texts), dated=styles.dated, is_1904=book.is_1904
        )
        yield from read_cells(self._pieces(sheet_part), properties)

    def _parse(self, name: str, reader: Relations | Book | Strings | Styles) -> None:
        for _ in parse_part(self._pieces(name), reader):
            pass

    def _pieces(self, name: str) -> Iterator[bytes]:
        """Unpack a part, piece by piece, up to the limit. Raises UnreadablePartError."""
        found = self._names.get(name.lower())
        if found is None:
            raise UnreadablePartError("a part of it is missing")
        taken = 0
        with self._archive.open(found) as stream:
            while piece := stream.read(_PIECE_BYTES):
                taken += len(piece)
                if taken > PART_BYTES_MAX:
                    raise UnreadablePartError("a part is larger than it says")
                yield piece


def _chosen(sheets: list[Sheet], wanted: str) -> Sheet | Fault:
    found = [sheet for sheet in sheets if sheet.name == wanted] if wanted else sheets
    if len(found) != 1:
        explanation = (
            f"it has {len(sheets):,} sheets, and none, or several, of the name in the schema"
            if wanted
            else f"it has {len(sheets):,} sheets, and the schema does not say which"
        )
        return fault("table.workbook.sheet", "file", explanation)
    if not found[0].is_visible:
        return fault("table.workbook.sheet", "file", "the sheet is hidden")
    return found[0]


def _relations_of(part: str) -> str:
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels"


def _beside(part: str, target: str) -> str:
    """Return the name of a part that another one refers to, from the root or from its folder."""
    if target.startswith("/"):
        return target[1:]
    return normpath(f"{part.rpartition('/')[0]}/{target}").lstrip("/")
