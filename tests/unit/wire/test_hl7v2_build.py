"""Writing HL7 v2: what is built, and the acknowledgements that answer what came in."""

from __future__ import annotations

import pytest

from suture.model.fault import Fault, fault
from suture.wire.hl7v2 import (
    NULL,
    Message,
    Raw,
    Repeated,
    acknowledge,
    build,
    is_due,
    is_enhanced,
    may_acknowledge,
    parse,
    segment,
    split,
)
from suture.wire.hl7v2.acknowledge import ERRORS_MAX
from suture.wire.hl7v2.separators import Separators, read_separators

AT = "20260301101600"


def read(raw: bytes) -> Message:
    message = parse(raw)
    assert isinstance(message, Message)
    return message


def received(version: str = "2.5.1", **fields: str) -> Message:
    """Return an ADT of one segment, with the given header fields (`f15="AL"`) on top."""
    header = {
        3: "EPIC",
        4: "NORTH",
        5: "SUTURE",
        6: "ERP",
        7: "20260301101500",
        9: "ADT^A01^ADT_A01",
        10: "C-17",
        11: "P",
        12: version,
    } | {int(name[1:]): text for name, text in fields.items()}
    return read(build([segment("MSH", {number: Raw(text) for number, text in header.items()})]))


def test_a_segment_is_written_by_field_number_and_ends_with_cr() -> None:
    raw = build([segment("PV1", {2: "I", 3: ("4W", "401"), 19: "V-9"}), ("ZZZ",), ["NTE", "1"]])
    assert b"PV1||I|4W^401||||||||||||||||V-9\rZZZ\rNTE|1\r" == raw


def test_a_header_writes_its_own_separators() -> None:
    assert b"MSH|^~\\&|EPIC\rBTS|2\r" == build([["MSH", "", "", "EPIC"], ["BTS", "2"]])
    assert b"FHS|^~\\&\r" == build([["FHS"]])


def test_components_subcomponents_and_repetitions_are_nested() -> None:
    field = Repeated(["1", ("2", "", ("a", "b")), ("3",)])
    assert b"PID|1~2^^a&b~3\r" == build([["PID", field]])


def test_values_are_escaped_and_wire_text_is_not() -> None:
    fields = ["NTE", "a|b^c", Raw("a^b"), NULL, ("x&y", "z~")]
    assert b'NTE|a\\F\\b\\S\\c|a^b|""|x\\T\\y^z\\R\\\r' == build([fields])


def test_other_separators_and_charsets_are_written() -> None:
    separators = read_separators("#", "!@%*")
    assert isinstance(separators, Separators)
    raw = build([["MSH"], ["PID", ("é|", "#")]], separators=separators, charset="latin-1")
    assert b"MSH#!@%*\rPID#\xe9|!%F%\r" == raw


def test_a_built_batch_counts_right() -> None:
    message = received().raw
    raw = build([["FHS"], ["BHS"]]) + message * 2 + build([["BTS", "2"], ["FTS", "1"]])
    assert (2, ()) == (len(split(raw).messages), split(raw).faults)


def test_an_acknowledgement_goes_back_to_the_sender_and_names_the_message() -> None:
    answer = read(acknowledge(received(), "AA", control_id="S-1", at=AT))
    assert answer.raw.startswith(b"MSH|^~\\&|SUTURE|ERP|EPIC|NORTH|")
    values = [answer.get(path) for path in ("MSH-7", "MSH-9", "MSH-9.2", "MSH-9.3", "MSH-10")]
    assert [AT, "ACK", "A01", "ACK", "S-1"] == values
    assert ["P", "2.5.1", "AA", "C-17"] == [
        answer.get(path) for path in ("MSH-11", "MSH-12", "MSA-1", "MSA-2")
    ]
    assert ["MSH", "MSA"] == [each.name for each in answer.segments]


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_from_2_5_on_faults_are_told_in_err_segments(code: str) -> None:
    faults = [
        fault("hl7.character.nul", "NTE[2]-3"),
        fault("hl7.segment.name", "line[3]"),
        fault("hl7.fields.too_many", "ZZZ"),
        fault("hl7.lenient.escape", "PID-3(2).4"),
    ]
    answer = read(acknowledge(received(), code, control_id="S-1", at=AT, faults=faults))
    assert code == answer.get("MSA-1")
    assert "" == answer.get("MSA-3")
    assert ["NTE^2^3^1", "", "ZZZ^1", "PID^1^3^2^4^1"] == [
        error.text(2) for error in answer.all("ERR")
    ]
    assert ["102", "100", "104", "207"] == [error.value(3) for error in answer.all("ERR")]
    (first, *_) = answer.all("ERR")
    assert ("HL70357", "E", "hl7.character.nul", faults[0].remedy) == (
        first.value(3, 3),
        first.value(4),
        first.value(5),
        first.value(8),
    )


def test_before_2_5_the_first_fault_is_told_in_msa_3() -> None:
    found = fault("hl7.charset.mismatch", "MSH-18", "the bytes are not utf-8 | " + "x" * 200)
    answer = read(acknowledge(received("2.3"), "AE", control_id="S-1", at=AT, faults=[found]))
    assert found.explanation[:80] == answer.get("MSA-3")
    assert () == answer.all("ERR")


def test_a_positive_answer_tells_no_faults() -> None:
    found = [fault("hl7.character.nul", "NTE-3")]
    for version in ("2.3", "2.5.1"):
        answer = read(acknowledge(received(version), "CA", control_id="1", at=AT, faults=found))
        assert ((), "") == (answer.all("ERR"), answer.get("MSA-3"))


def test_a_refusal_without_a_stated_fault_still_has_an_err_segment() -> None:
    answer = read(acknowledge(received(), "AR", control_id="S-1", at=AT))
    assert ("207", "E") == (answer.get("ERR-3"), answer.get("ERR-4"))


def test_an_answer_holds_a_bounded_number_of_errors() -> None:
    found = [fault("hl7.character.nul", "NTE-3")] * 1000
    answer = read(acknowledge(received(), "AE", control_id="S-1", at=AT, faults=found))
    assert ERRORS_MAX == len(answer.all("ERR"))


def test_an_answer_to_no_message_names_none() -> None:
    answer = read(
        acknowledge(None, "AR", control_id="S-1", at=AT, faults=[fault("hl7.header.absent", "MSH")])
    )
    assert ("ACK", "AR", "") == (answer.get("MSH-9"), answer.get("MSA-1"), answer.get("MSA-2"))
    assert ("MSH", "100") == (answer.get("ERR-2"), answer.get("ERR-3"))


def test_an_answer_is_written_in_the_separators_and_charset_of_the_sender() -> None:
    message = read(b"MSH#!@%*#K\xfch!1.2#N###2026##ADT!A01#7%F%8#P#2.4######8859/1\rPID#1\r")
    answer = acknowledge(
        message, "AE", control_id="S|1", at=AT, faults=[fault("hl7.segment.name", "line[2]", "a#b")]
    )
    assert answer.startswith(
        b"MSH#!@%*###K\xfch!1.2#N#20260301101600##ACK!A01!ACK#S|1#P#2.4######8859/1\r"
    )
    assert b"\rMSA#AE#7%F%8#a%F%b\r" in answer


def test_a_sender_without_an_escape_character_is_answered_in_the_usual_separators() -> None:
    message = read(b"MSH|^~&|A|B|C|D|2026||ADT^A01|17|P|2.3\r")
    answer = read(acknowledge(message, "AA", control_id="S|1", at=AT))
    assert ("^~\\&", "S|1", "17") == (answer.get("MSH-2"), answer.control_id, answer.get("MSA-2"))


def test_words_beyond_ascii_in_a_fault_never_spoil_an_answer() -> None:
    found = Fault("hl7.segment.name", "line[2]", "a ≠ b", "ask", permanent=True)
    answer = read(acknowledge(received(), "AE", control_id="S-1", at=AT, faults=[found]))
    assert "a ? b" == answer.get("ERR-7")


@pytest.mark.parametrize("kind", ["ACK", "ACK^A01^ACK", "MCF"])
def test_an_acknowledgement_is_never_acknowledged(kind: str) -> None:
    message = received(f9=kind, f15="AL")
    assert not may_acknowledge(message)
    assert b"" == acknowledge(message, "AA", control_id="S-1", at=AT)


def test_a_response_is_answered_only_where_its_sender_asks() -> None:
    for condition, expected in (("", False), ("NE", False), ("AL", True)):
        raw = received(f9="RSP^K11", f15=condition).raw + b"MSA|AA|1\r"
        assert expected == may_acknowledge(read(raw))


def test_an_unknown_code_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="not an acknowledgement code"):
        acknowledge(received(), "OK", control_id="S-1", at=AT)


@pytest.mark.parametrize(
    ("condition", "after_success", "after_failure"),
    [
        ("AL", True, True),
        ("SU", True, False),
        ("ER", False, True),
        ("NE", False, False),
        ("", False, False),
        ("??", False, False),
    ],
)
def test_the_sender_says_when_it_wants_an_answer(
    condition: str, *, after_success: bool, after_failure: bool
) -> None:
    assert (after_success, after_failure) == (
        is_due(condition, is_success=True),
        is_due(condition, is_success=False),
    )


def test_either_condition_makes_the_mode_enhanced() -> None:
    assert [False, True, True] == [
        is_enhanced(received()),
        is_enhanced(received(f15="AL")),
        is_enhanced(received(f16="NE")),
    ]
