"""Many values read at once of a message nobody lays out: what it is routed and found by."""

from __future__ import annotations

import pytest

from suture.wire.hl7v2 import SEGMENTS_MAX, Message, parse, select

HEADER = "MSH|^~\\&|EPIC|NORTH|SUTURE|ERP|20260301||ADT^A01|C-17|P|2.5.1"
FOUND_BY = ("MSH-9", "MSH-10", "PID-3.1", "PID-5.1", "PV1-19.1")


def read(*lines: str, end: str = "\r") -> Message:
    message = parse(end.join(lines).encode())
    assert isinstance(message, Message)
    return message


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\n\r\n", "\r\n\r"])
def test_what_a_message_is_found_by_is_read_whatever_ends_its_segments(end: str) -> None:
    message = read(
        HEADER,
        "PID|||100^^^MR||TESTER^ANNE",
        "NTE|1||PV1|x",
        "PV1||I|4W" + "|" * 16 + "V-9",
        end=end,
    )
    assert ["ADT", "C-17", "100", "TESTER", "V-9"] == message.values(select(*FOUND_BY))


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        ([], ["", ""]),
        (["PID"], ["", ""]),
        (["PIDX|||9", "PID|||100||T"], ["100", "T"]),
        (["PID", "PID|||100||T"], ["", ""]),
        (["ZPI|||PID|9", "PID|||100||T"], ["100", "T"]),
        (["PID|||100~200||T&U^V"], ["100", "T"]),
        (["PID|||1\\T\\2||O\\X27\\NEIL"], ["1&2", "O'NEIL"]),
        (['PID|||""||""'], ['""', '""']),
        (["PID|||100"], ["100", ""]),
        (["", "PID|||100||T"], ["100", "T"]),
    ],
)
def test_each_value_is_what_its_path_leads_to(lines: list[str], values: list[str]) -> None:
    paths = ("PID-3", "PID-5")
    assert values == read(HEADER, *lines).values(select(*paths))
    assert values == [read(HEADER, *lines).get(path) for path in paths]


def test_paths_to_anything_but_first_values_are_followed_too() -> None:
    message = read(HEADER, "PID|||100^^^MR~200", "FT1|1", "FT1|2")
    paths = ("MSH-2", "PID-3(2)", "PID-3.4", "FT1[2]-1", "MSH-9.2")
    assert ["^~\\&", "200", "MR", "2", "A01"] == message.values(select(*paths))


def test_separators_of_its_own_cut_it() -> None:
    message = read("MSH#!@%*#A#B###20260301##ADT!A01#7#P#2.4", "PID###1!x@2##T*U")
    assert ["ADT", "7", "1", "T", ""] == message.values(select(*FOUND_BY))


def test_b15_what_lies_beyond_the_most_segments_read_is_not_found() -> None:
    lines = [HEADER, *["NTE|1"] * SEGMENTS_MAX, "PID|||100"]
    assert [""] == read(*lines).values(select("PID-3"))
    assert [""] == [read(*lines).get("PID-3")]


def test_what_is_no_path_is_refused_before_use() -> None:
    with pytest.raises(ValueError, match="not an HL7 v2 path"):
        select("MSH-9", "PID")
