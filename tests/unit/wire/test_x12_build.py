"""Interchanges written: counts and numbers right, no value cut in two, and read back unchanged."""

from __future__ import annotations

from datetime import datetime

import pytest

from suture.wire.x12 import Address, GroupContent, SetContent, build_interchange, read, render
from suture.wire.x12.separators import Separators

MADE_AT = datetime(2025, 1, 17, 8, 5)  # noqa: DTZ001 - an envelope names local time, without a zone
ADDRESS = Address(sender_id="PAYER", receiver_id="PROVIDER")


def group(*segments: tuple[str, ...]) -> GroupContent:
    content = SetContent(set_id="835", control_number="0001", segments=segments)
    return GroupContent(
        functional_id="HP", control_number=7, version="005010X221A1", sets=[content]
    )


def test_an_interchange_is_built_around_its_sets() -> None:
    assert (
        b"ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
        b"*250117*0805*^*00501*000000905*0*P*:~\n"
        b"GS*HP*PAYER*PROVIDER*20250117*0805*7*X*005010X221A1~\n"
        b"ST*835*0001~\nBPR*I**C~\nSE*3*0001~\nGE*1*7~\nIEA*1*000000905~\n"
    ) == build_interchange(
        ADDRESS,
        [group(("BPR", "I", "", "C", "", ""))],
        control_number=905,
        made_at=MADE_AT,
        line_end="\n",
    )


def test_a_4010_interchange_has_no_repetition_separator() -> None:
    content = GroupContent(functional_id="HP", control_number=1, version="004010X091A1", sets=[])
    separators = Separators("|", ">", "^", "\n")
    data = build_interchange(
        ADDRESS, [content], control_number=1, made_at=MADE_AT, separators=separators
    )
    assert b"|250117|0805|U|00401|000000001|0|P|>\n" in data


@pytest.mark.parametrize("value", ["A*B", "A~B", "A\nB", "A\rB", "A\0B"])
def test_a_value_that_would_cut_the_interchange_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a value of a N1 segment cannot be written"):
        build_interchange(ADDRESS, [group(("N1", "PR", value))], control_number=1, made_at=MADE_AT)


def test_an_address_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="ISA06 must be 15 characters long"):
        build_interchange(
            Address(sender_id="A" * 16, receiver_id="B"), [], control_number=1, made_at=MADE_AT
        )


@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
def test_what_was_read_is_written_unchanged(line_end: str) -> None:
    data = build_interchange(
        ADDRESS,
        [group(("N1", "PR", "M\xdcLLER"), ("CAS", "CO", "45", "1"))],
        control_number=905,
        made_at=MADE_AT,
        line_end=line_end,
        answers=[("TA1", "000000001", "250117", "0805", "A", "000")],
    )
    assert data * 2 == render(read([data, data]))


def test_what_belongs_to_no_interchange_is_not_written() -> None:
    data = build_interchange(ADDRESS, [group()], control_number=1, made_at=MADE_AT)
    assert data == render(read([b"Dear all,\n" + data + b"Kind regards"]))
