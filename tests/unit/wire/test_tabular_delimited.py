"""CSV and fixed width to rows (wire/tabular): dialects, line ends, quotes, charsets, and limits.

Bad inputs B18 (byte order mark, line ends), B17 (charset), B68 (an unclosed quote), B66, B76.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from suture.model.fault import Fault
from suture.wire.tabular import Dialect, Layout, Row, read_delimited, read_fixed
from suture.wire.tabular.row import CELL_CHARACTERS_MAX, CELLS_MAX, RECORD_BYTES_MAX


def cells(data: bytes, **dialect: str) -> list[tuple[str, ...] | str]:
    """Return the cells of each row; of one that cannot be read, its code."""
    return [told(each) for each in read_delimited([data], Dialect(**dialect))]


def told(each: Row | Fault) -> tuple[str, ...] | str:
    if isinstance(each, Fault):
        return each.code
    return each.fault.code if each.fault else each.cells


def test_b18_a_byte_order_mark_and_every_line_end_are_read() -> None:
    data = b"\xef\xbb\xbfa,b\r\n1,2\n3,4\r5,6\r\n\r\n"
    assert [("a", "b"), ("1", "2"), ("3", "4"), ("5", "6")] == cells(data)


def test_a_quoted_cell_holds_delimiters_line_ends_and_quotes() -> None:
    data = b'"x, ""y""\r\nz",2\r\n"",3\n'
    assert [('x, "y"\r\nz', "2"), ("", "3")] == cells(data)


def test_a_quote_inside_an_unquoted_cell_is_a_character() -> None:
    assert [('5" drape', "1"), ("next", "2")] == cells(b'5" drape,1\nnext,2\n')


def test_text_after_a_closing_quote_spoils_its_row_alone() -> None:
    assert [("1",), "table.row.unreadable", ("2",)] == cells(b'1\n"a"b,"c\n2\n')


def test_other_delimiters_and_quotes_are_as_declared() -> None:
    assert [("1,5", "a;b")] == cells(b"1,5;'a;b'\n", delimiter=";", quote="'")
    assert [('"1', '2"')] == cells(b'"1\t2"\n', delimiter="\t", quote="")


def test_b17_bytes_that_are_not_of_the_charset_spoil_their_row_alone() -> None:
    data = "naïve,1\n".encode("cp1252") + b"plain,2\n"
    assert ["table.row.unreadable", ("plain", "2")] == cells(data)
    assert [("naïve", "1"), ("plain", "2")] == cells(data, charset="cp1252")


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_b17_utf_16_is_refused_and_never_guessed_at(mark: bytes) -> None:
    assert ["table.file.unreadable"] == cells(mark + b"a\x00,\x00b\x00\n\x00")


def test_b68_a_quote_that_nobody_closes_ends_the_file_and_keeps_the_rows_before_it() -> None:
    assert [("a", "b"), "table.file.unreadable"] == cells(b'a,b\n"1,2\n3,4\n')


def test_b68_an_open_quote_is_given_up_at_a_limit_however_long_the_file_is() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b'a,b\n"'
        while True:
            taken += 65_536
            yield b"x" * 65_536

    reader = read_delimited(endless(), Dialect())
    assert [("a", "b"), "table.file.unreadable"] == [told(next(reader)), told(next(reader))]
    assert taken <= 2 * RECORD_BYTES_MAX


def test_b68_cells_and_rows_have_a_size() -> None:
    long = b"x" * (CELL_CHARACTERS_MAX + 1)
    wide = b"," * CELLS_MAX + b"1"
    data = long + b"\n" + wide + b"\n1\n"
    assert ["table.row.unreadable", "table.row.unreadable", ("1",)] == cells(data)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b",,\n"])
def test_b66_nothing_is_no_row(data: bytes) -> None:
    assert [] == cells(data)


def test_any_cut_of_the_bytes_gives_the_same_rows() -> None:
    data = b'\xef\xbb\xbfa,"b\r\n""c"\r\n\r1,"2"x\n"",\r\n9,\xc3\xa4'
    whole = list(read_delimited([data], Dialect()))
    for size in (1, 2, 3, 5):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert whole == list(read_delimited(pieces, Dialect()))


def test_a_row_knows_its_line_and_its_bytes() -> None:
    data = b'a,b\n"1\n2",x\n3,4\n'
    rows = [each for each in read_delimited([data], Dialect()) if isinstance(each, Row)]
    assert [1, 2, 4] == [row.number for row in rows]
    assert [b"a,b\n", b'"1\n2",x\n', b"3,4\n"] == [
        data[row.offset : row.offset + row.bytes_count] for row in rows
    ]


def test_memory_is_flat_however_many_rows_there_are() -> None:
    block = b"".join(b'%d,2026-03-01,"Smith, Jones",12.50\n' % each for each in range(1_000))

    def peak(blocks: int) -> int:
        tracemalloc.start()
        count = sum(1 for _ in read_delimited((block for _ in range(blocks)), Dialect()))
        assert blocks * 1_000 == count
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    assert peak(40) < peak(2) + 256 * 1024


LAYOUT = Layout(slices=((0, 4), (4, 10)), width=10)


def test_a_line_of_fixed_width_is_cut_at_its_columns() -> None:
    rows = read_fixed([b"AB  001250\r\nCD  000099\r\n\x1a"], LAYOUT)
    assert [("AB  ", "001250"), ("CD  ", "000099")] == [told(each) for each in rows]


def test_b69_a_line_of_another_length_is_held_and_never_shifted() -> None:
    rows = read_fixed([b"AB  001250\nAB 001250\nAB  0012500\nEF  000001\n"], LAYOUT)
    assert [("AB  ", "001250"), "table.row.ragged", "table.row.ragged", ("EF  ", "000001")] == [
        told(each) for each in rows
    ]


def test_a_line_may_lack_its_last_blanks_where_that_is_declared() -> None:
    layout = Layout(slices=((0, 4), (4, 10)), width=10, is_trimmed=True)
    assert [("AB  ", "12")] == [told(each) for each in read_fixed([b"AB  12\n"], layout)]
