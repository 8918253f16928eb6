"""Tables and bank files of any content: no reader raises, and what was written is read back."""

from __future__ import annotations

import csv
from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.wire.bank_files import addenda, bai2, batch, entry, nacha
from tests.unit.wire.workbooks import pack, parts

from suture.model.fault import Fault
from suture.wire.bank import read_bai2, read_nacha
from suture.wire.tabular import Dialect, Layout, Row, read_delimited, read_fixed, read_workbook

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
MARKS = st.sampled_from(
    ["a", "1", ",", ";", '"', "'", "\r", "\n", "\t", "\ufeff", "é", "\x1f", "\0"]
)


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=6), st.data())
def test_what_the_standard_library_writes_is_read_back(
    rows: list[list[str]], data: st.DataObject
) -> None:
    stream = StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    written = stream.getvalue().encode()
    at = data.draw(st.integers(0, len(written)))
    read = list(read_delimited([written[:at], written[at:]], Dialect()))
    expected = [tuple(row) for row in rows if any(row)]
    assert expected == [each.cells if isinstance(each, Row) else each for each in read]


@given(st.lists(MARKS).map("".join), st.integers(1, 7), st.sampled_from([",", ";", "\t"]))
def test_marks_in_any_order_never_raise_and_any_cut_reads_alike(
    text: str, size: int, delimiter: str
) -> None:
    data = text.encode()
    dialect = Dialect(delimiter=delimiter)
    whole = list(read_delimited([data], dialect))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert whole == list(read_delimited(pieces, dialect))
    spans = [each for each in whole if isinstance(each, Row)]
    assert all(each.offset + each.bytes_count <= len(data) for each in spans)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_never_raise(data: bytes) -> None:
    layout = Layout(slices=((0, 3), (3, 8)), width=8)
    for each in (
        *read_delimited([data], Dialect()),
        *read_fixed([data], layout),
        *read_workbook(data),
    ):
        assert isinstance(each, Row | Fault)
    read_nacha(data)
    read_bai2(data)


NACHA = nacha(batch([entry(addenda=1), addenda("TRN*1*T1*1512345678~"), entry(5, "27")]))
BAI2 = bai2("16,142,100,V,260301,,B-1,C-1,TEXT", "88,TRN*1*T1*1512345678", "16,115,5,D,1,0,5,B,C,/")
RECORDS = st.sampled_from([*NACHA.splitlines(), *BAI2.splitlines(), b"", b"16,", b"88,", b"03,,,"])


@settings(max_examples=300)
@given(st.lists(RECORDS, max_size=15), st.sampled_from([b"\n", b"\r\n", b""]))
def test_bank_records_in_any_order_never_raise(records: list[bytes], end: bytes) -> None:
    for data in (end.join(records), NACHA[:95] + end.join(records), BAI2[:43] + end.join(records)):
        read_nacha(data)
        read_bai2(data)


@given(st.integers(0, len(NACHA) - 1), st.sampled_from(b"0123456789 A,/\xff\n"))
def test_one_changed_byte_of_a_bank_file_never_raises(at: int, byte: int) -> None:
    read_nacha(NACHA[:at] + bytes([byte]) + NACHA[at + 1 :])
    at %= len(BAI2)
    read_bai2(BAI2[:at] + bytes([byte]) + BAI2[at + 1 :])


TAGS = st.sampled_from(
    [
        '<row r="1">',
        "<row>",
        "</row>",
        '<c r="A1">',
        '<c r="ZZZ9" t="s">',
        '<c t="d" s="9">',
        "</c>",
        "<v>1</v>",
        "<v>-1e309</v>",
        "<v>x</v>",
        "<f/>",
        "<is><t>y</t></is>",
        "<rPh>",
        "</rPh>",
        "&amp;",
        "&x;",
        "<![CDATA[<]]>",
    ]
)


@given(st.lists(TAGS, max_size=12).map("".join))
def test_a_sheet_of_any_elements_never_raises(rows: str) -> None:
    for each in read_workbook(pack(parts(rows, strings="<si><t>x</t></si>", formats="14"))):
        assert isinstance(each, Row | Fault)
