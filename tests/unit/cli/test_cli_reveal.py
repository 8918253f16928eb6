"""How raw bytes are shown: every byte to be seen, none that does something to who looks (B91)."""

from __future__ import annotations

import pytest

from suture.cli.reveal import LINE_BYTES_MAX, lines_of, visible

X12_SET = b"ST*835*0001~BPR*I*1~TRN*1*T1~SE*4*0001"


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (b"", []),
        (b"MSH|1\rPID|2\r", [b"MSH|1\r", b"PID|2\r"]),
        (b"MSH|1\r\nPID|2\nPV1", [b"MSH|1\r\n", b"PID|2\n", b"PV1"]),
        (X12_SET, [b"ST*835*0001~", b"BPR*I*1~", b"TRN*1*T1~", b"SE*4*0001"]),
        (X12_SET.replace(b"~", b"~\r\n"), [b"ST*835*0001~\r\n", b"BPR*I*1~\r\n"]),
        (X12_SET.replace(b"~", b"\n"), [b"ST*835*0001\n", b"BPR*I*1\n"]),
        (X12_SET.replace(b"~", b"|"), [b"ST*835*0001|", b"BPR*I*1|"]),
        (b"ISA*" + b"x" * 101 + b"'GS*1'ST*2'", [b"ISA*" + b"x" * 101 + b"'", b"GS*1'", b"ST*2'"]),
        (b"ST", [b"ST"]),
        (b"STREET|no set at all", [b"STREET|no set at all"]),
    ],
)
def test_a_segment_is_a_line_with_its_end(raw: bytes, lines: list[bytes]) -> None:
    cut = list(lines_of(raw))
    assert lines == cut[: len(lines)]
    assert raw == b"".join(cut), "nothing is lost"


def test_what_never_ends_is_cut_all_the_same() -> None:
    cut = list(lines_of(b"x" * (2 * LINE_BYTES_MAX + 1)))
    assert [LINE_BYTES_MAX, LINE_BYTES_MAX, 1] == [len(each) for each in cut]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\x00b\x1b[31m\r\n\t\x7f", "a␀b␛[31m␍␊␉␡"),
        ("\u202e\u200b\x85".encode(), "\\u202e\\u200b\\u0085"),
        ("RENÉE".encode(), "RENÉE"),
        (b"REN\xc9E", "REN\\xc9E"),
        (b"[bold]no markup[/]", "[bold]no markup[/]"),
    ],
)
def test_b91_control_characters_are_shown_as_their_pictures(raw: bytes, text: str) -> None:
    assert text == visible(raw, "utf-8")
    assert visible(raw, "utf-8").isprintable()


def test_bytes_are_read_in_the_character_set_that_is_tried() -> None:
    assert "RENÉE" == visible(b"REN\xc9E", "cp1252")
