"""XLSX to rows (wire/tabular): what cells say, and the workbooks that are not opened.

Bad inputs B35 to B41 (XML), B63 and B64 (archives), B66; `openpyxl` writes what a spreadsheet does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZIP_LZMA, ZipFile

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.utils.datetime import CALENDAR_MAC_1904  # type: ignore[import-untyped]
from tests.unit.wire.workbooks import pack, parts, sheet

from suture.model.fault import Fault
from suture.wire.tabular import Row, read_workbook
from suture.wire.tabular.sheet import day_of_serial
from suture.wire.tabular.xml_parts import ATTRIBUTES_MAX, DEPTH_MAX

NUMBER = '<row r="1"><c r="A1"><v>1</v></c></row>'


def read(data: bytes, name: str = "") -> list[tuple[tuple[str, ...], str] | str]:
    """Return cells and kinds of each row; of what cannot be read, its code."""
    return [told(each) for each in read_workbook(data, name)]


def told(each: Row | Fault) -> tuple[tuple[str, ...], str] | str:
    if isinstance(each, Fault):
        return each.code
    return each.fault.code if each.fault else (each.cells, each.kinds)


def cell(content: str, attributes: str = "") -> list[tuple[tuple[str, ...], str] | str]:
    """Read a workbook whose only cell is this."""
    row = f'<row r="1"><c r="A1" {attributes}>{content}</c></row>'
    return read(pack(parts(row, strings="<si><t>007</t></si>", formats="0 14 164")))


def saved(fill: Callable[[Any], None], **workbook: Any) -> bytes:
    """Return a workbook as openpyxl saves it, an independent writer."""
    book = Workbook()
    for name, value in workbook.items():
        setattr(book, name, value)
    fill(book)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_texts_numbers_days_and_blanks_are_as_a_spreadsheet_saves_them() -> None:
    def fill(book: Any) -> None:
        book.active.append(["Account", "Amount", "Day", "Paid"])
        book.active.append(["00123", 0.1 + 0.2, date(2026, 3, 31), True])
        book.active.append([None, -1234.5, None, "x"])
        book.active.append([])
        book.active.append([12, 1e21, 1e-3])

    assert [
        (("Account", "Amount", "Day", "Paid"), "tttt"),
        (("00123", "0.3", "2026-03-31", "TRUE"), "tndt"),
        (("", "-1234.5", "", "x"), "tntt"),
        (("12", "", "0.001"), "nen"),
    ] == read(saved(fill))


def test_rows_keep_the_numbers_people_see() -> None:
    def fill(book: Any) -> None:
        book.active["B3"] = "x"

    (row,) = read_workbook(saved(fill))
    assert isinstance(row, Row)
    assert (3, ("", "x")) == (row.number, row.cells)


def test_a_day_counts_from_the_system_its_workbook_is_in() -> None:
    def fill(book: Any) -> None:
        book.active.append([date(2026, 3, 31)])

    assert [(("2026-03-31",), "d")] == read(saved(fill, epoch=CALENDAR_MAC_1904))


@pytest.mark.parametrize(
    ("serial", "is_1904", "day"),
    [
        ("1", False, date(1900, 1, 1)),
        ("59", False, date(1900, 2, 28)),
        ("60", False, None),
        ("61", False, date(1900, 3, 1)),
        ("46112.75", False, date(2026, 3, 31)),
        ("0", False, None),
        ("-1", False, None),
        ("2958466", False, None),
        ("0", True, date(1904, 1, 1)),
        ("44650", True, date(2026, 3, 31)),
        ("2958465", True, None),
    ],
)
def test_a_serial_is_a_day_of_its_system(serial: str, is_1904: bool, day: date | None) -> None:  # noqa: FBT001 - a row of the table
    assert day == day_of_serial(Decimal(serial), is_1904=is_1904)


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        ("<v>0</v>", 't="s"', (("007",), "t")),
        ("<is><r><t>a</t></r><r><t>b</t></r></is>", 't="inlineStr"', (("ab",), "t")),
        ("<f>A2</f><v>5</v>", "", (("5",), "n")),
        ("<f>A2</f>", "", (("",), "e")),
        ("<v>#REF!</v>", 't="e"', (("",), "e")),
        ("<v>1E+400</v>", "", (("",), "e")),
        ("<v>NaN</v>", "", (("",), "e")),
        ("<v>1234567890123456789</v>", "", (("1234567890123460000",), "n")),
        ("<v>-0.0</v>", "", (("0",), "n")),
        ("<v>46112</v>", 's="1"', (("2026-03-31",), "d")),
        ("<v>2026-03-31T00:00:00</v>", 't="d"', (("2026-03-31",), "d")),
        ("<v>60</v>", 's="1"', (("",), "e")),
    ],
)
def test_a_cell_says_what_is_stored_or_nothing(
    content: str, attributes: str, expected: tuple[tuple[str, ...], str]
) -> None:
    assert [expected] == cell(content, attributes)


def test_the_sheet_is_the_one_that_is_named_and_seen() -> None:
    def fill(book: Any) -> None:
        book.active.title = "Cover"
        book.create_sheet("Table").append(["x"])
        hidden = book.create_sheet("Old")
        hidden.append(["y"])
        hidden.sheet_state = "hidden"

    data = saved(fill)
    assert [(("x",), "t")] == read(data, "Table")
    assert ["table.workbook.sheet"] == read(data)
    assert ["table.workbook.sheet"] == read(data, "Old")
    assert ["table.workbook.sheet"] == read(data, "Missing")
    assert ["table.workbook.sheet"] == read(pack(parts(NUMBER, state='state="veryHidden"')))


def test_merged_cells_hold_the_sheet() -> None:
    def fill(book: Any) -> None:
        book.active.append(["a", "b"])
        book.active.merge_cells("A1:B1")

    assert ["table.workbook.merged"] == read(saved(fill))


def test_a_part_packed_otherwise_than_spreadsheets_do_is_refused() -> None:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_LZMA) as archive:
        for name, content in parts(NUMBER).items():
            archive.writestr(name, content)
    assert ["table.workbook.unreadable"] == read(stream.getvalue())


def test_macros_are_refused_unopened() -> None:
    assert ["table.workbook.refused"] == read(pack(parts(NUMBER) | {"xl/vbaProject.bin": b"x"}))


def test_b37_what_lies_outside_of_a_workbook_is_never_followed() -> None:
    told_parts = parts(NUMBER)
    relations = told_parts["xl/_rels/workbook.xml.rels"]
    outside = relations.replace(
        'Target="worksheets/sheet1.xml"',
        'Target="http://169.254.169.254/sheet.xml" TargetMode="External"',
    )
    told_parts["xl/_rels/workbook.xml.rels"] = outside
    assert ["table.workbook.unreadable"] == read(pack(told_parts))


@pytest.mark.parametrize(
    "data",
    [b"", b"a,b\n1,2\n", b"PK\x03\x04" + b"x" * 100, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"],
)
def test_b66_what_is_no_workbook_is_refused(data: bytes) -> None:
    assert ["table.workbook.unreadable"] == read(data)


def test_a_workbook_cut_or_changed_anywhere_never_raises() -> None:
    data = pack(parts(NUMBER, strings="<si><t>x</t></si>"))
    for at in range(0, len(data), 7):
        read(data[:at])
        read(data[:at] + b"\xff" + data[at + 1 :])


def test_b63_a_part_that_leads_out_of_the_archive_refuses_it() -> None:
    for name in ("../../evil", "/etc/evil", "xl/../../evil"):
        assert ["table.workbook.refused"] == read(pack(parts(NUMBER) | {name: b"x"}))


def test_b64_a_part_that_swells_beyond_measure_refuses_the_workbook() -> None:
    bomb = parts("<row/>" * 600_000)
    assert ["table.workbook.too_large"] == read(pack(bomb))


def test_b64_a_part_that_says_it_is_small_is_cut_off_where_it_is_not() -> None:
    data = pack(parts(NUMBER + " " * 3_000_000))
    size = (len(sheet(NUMBER + " " * 3_000_000))).to_bytes(4, "little")
    assert ["table.workbook.unreadable"] == read(data.replace(size, (400).to_bytes(4, "little")))


def test_b64_too_many_parts_refuse_the_workbook() -> None:
    many = {f"xl/media/{each}": "" for each in range(2_001)}
    assert ["table.workbook.too_large"] == read(pack(parts(NUMBER) | many))


def test_b64_parts_that_overlap_refuse_the_workbook() -> None:
    contents = parts(NUMBER) | {"a": "x" * 90}
    data = bytearray(pack(contents))
    at = data.rindex(b"PK\x01\x02")
    data[at + 20 : at + 24] = (1_000_000).to_bytes(4, "little")
    assert read(bytes(data))[0] in {"table.workbook.refused", "table.workbook.unreadable"}


ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "head",
    [
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{ENTITIES}]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://internal/x.dtd"> %a;]>',
        '<!DOCTYPE x SYSTEM "http://internal/x.dtd">',
    ],
)
def test_b35_b36_b37_a_document_type_is_refused_where_it_begins(head: str) -> None:
    contents = parts(NUMBER)
    for name in ("xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"):
        assert ["table.workbook.unreadable"] == read(pack(contents | {name: head + contents[name]}))


def test_b38_an_inclusion_is_an_element_like_any_other() -> None:
    include = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
    assert [(("1",), "n")] == read(pack(parts(NUMBER, after=include)))


@pytest.mark.parametrize(
    "after",
    [
        "<x>" * DEPTH_MAX + "</x>" * DEPTH_MAX,
        "<x>" + " ".join(map(str, range(800_000))) + "</x>",
        "<x " + " ".join(f"a{n}='1'" for n in range(ATTRIBUTES_MAX + 1)) + "/>",
    ],
    ids=["b39-depth", "b39-text", "b40-attributes"],
)
def test_b39_b40_nesting_text_and_attributes_have_limits(after: str) -> None:
    contents = parts(NUMBER, after=after)
    assert ["table.workbook.unreadable"] == read(pack(contents))


@pytest.mark.parametrize("encoding", ["UTF-7", "ISO-8859-1", "cp037"])
def test_b41_other_encodings_than_utf_8_are_refused(encoding: str) -> None:
    contents = parts(NUMBER)
    name = "xl/worksheets/sheet1.xml"
    declared = f'<?xml version="1.0" encoding="{encoding}"?>' + contents[name]
    assert ["table.workbook.unreadable"] == read(pack(contents | {name: declared}))
    wide = contents[name].encode("utf-16")
    assert ["table.workbook.unreadable"] == read(pack(contents | {name: wide}))
