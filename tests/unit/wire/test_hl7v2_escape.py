"""Escape sequences of HL7 v2, read and written."""

from __future__ import annotations

import pytest

from suture.wire.hl7v2 import DEFAULT, escape, unescape
from suture.wire.hl7v2.escape import escape_problems


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\F\ \S\ \T\ \R\ \E", "| ^ & ~ \\E"),
        (r"\E\F\E\ ".rstrip(), "\\F\\"),
        (r"\E\R\E\ ".rstrip(), "\\R\\"),
        (r"a\H\b\N\c", "abc"),
        (r"one\.br\two\.ce\three", "one\ntwo\nthree"),
        (r"a\.sp\b\.sp3\c", "a\nb\n\n\nc"),
        (r"a\.sk4\b\.in+3\c\.ti-2\d\.fi\e\.nf\f", "a    bcdef"),
        (r"\X0D\\X0a\\X0D0A\ ".rstrip(), "\r\n\r\n"),
        (r"\XC3A9\ ".rstrip(), "é"),
        (r"\Zlocal\ kept", r"\Zlocal\ kept"),
        (r"\C2842\ \M242842\ \M2428\ ", r"\C2842\ \M242842\ \M2428\ "),
        (r"\P\ ", r"\P\ "),
        (r"C:\temp\T\x", r"C:\temp&x"),
        (r"\XZZ\ \X0\ \X\ \.sp999\ \q\ ", r"\XZZ\ \X0\ \X\ \.sp999\ \q\ "),
        (r"\XFF\ ", r"\XFF\ "),
        ("plain", "plain"),
        ("", ""),
        ("\\", "\\"),
        ("\\\\\\", "\\\\\\"),
    ],
)
def test_a_sequence_means_what_the_standard_says_or_stays_text(written: str, meant: str) -> None:
    assert meant == unescape(written, DEFAULT, "utf-8")


def test_hexadecimal_bytes_are_read_in_the_charset_of_the_message() -> None:
    assert "é" == unescape(r"\XE9\ ".strip(), DEFAULT, "latin-1")


def test_a_few_bytes_cannot_ask_for_a_gigabyte_of_blanks() -> None:
    assert 99 == len(unescape(r"\.sk99\ ".strip(), DEFAULT, "utf-8"))
    assert r"\.sk999999999\ ".strip() == unescape(r"\.sk999999999\ ".strip(), DEFAULT, "utf-8")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (r"C:\temp", "an escape sequence is not terminated"),
        (r"\Q\ ".strip(), "an escape sequence is unknown"),
        (r"\C2842\ ".strip(), "a switch of character set is not applied"),
    ],
)
def test_what_stays_text_is_reported(written: str, problem: str) -> None:
    assert problem == escape_problems(written, DEFAULT, "utf-8")[0]


@pytest.mark.parametrize("written", [r"\F\ ", r"\Zlocal\ ", r"\.br\ ", r"\X41\ ", "none"])
def test_what_is_understood_or_local_is_not_reported(written: str) -> None:
    assert [] == escape_problems(written, DEFAULT, "utf-8")


def test_separators_and_control_characters_are_escaped_when_written() -> None:
    assert r"a\F\b\S\c\T\d\R\e\E\f" == escape("a|b^c&d~e\\f")
    assert r"\X0D\\X0A\\X00\\X0B\\X1C\\X7F\ ".strip() == escape("\r\n\0\x0b\x1c\x7f")
    assert "Zoë 10.50" == escape("Zoë 10.50")
