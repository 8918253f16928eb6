"""Values read out of one HL7 v2 message: paths, repetitions, nulls, places; and putting it back."""

from __future__ import annotations

import pytest

from suture.wire.hl7v2 import NULL, Message, Path, parse, read_path, render

ADMISSION = (
    "MSH|^~\\&|EPIC^1.2.3^ISO|NORTH|SUTURE|ERP|20260301101500-0500||ADT^A01^ADT_A01|C-17|P|2.5.1"
    "|||AL|NE||UNICODE UTF-8\r"
    "EVN||20260301101500\r"
    'PID|1||100^^^NORTH&1.2&ISO^MR~200^^^NORTH^AN||TESTER^ANNE^""||""|F\r'
    "PV1|1|I|4W^401||||||||||||||||V-9\r"
    "FT1|1|||20260301||CG|99213||||100.00^UP\r"
    "NTE|1||first\r"
    "FT1|2|||20260301||CG|99214||||250.50^UP~1^TP\r"
    "ZBX|local\r"
    "ZZZ\r"
)


@pytest.fixture
def admission() -> Message:
    message = parse(ADMISSION.encode())
    assert isinstance(message, Message)
    return message


def test_the_header_is_read_by_name(admission: Message) -> None:
    assert ("ADT", "A01", "ADT_A01", "C-17", "2.5.1", "P") == (
        admission.type,
        admission.trigger,
        admission.structure,
        admission.control_id,
        admission.version,
        admission.processing,
    )
    assert ("EPIC", "NORTH", "SUTURE", "ERP") == (
        admission.sending_application,
        admission.sending_facility,
        admission.receiving_application,
        admission.receiving_facility,
    )
    assert ("20260301101500-0500", "AL", "NE") == (
        admission.message_at,
        admission.accept_acknowledgement,
        admission.application_acknowledgement,
    )
    assert ("utf-8", ()) == (admission.charset, admission.faults + admission.notes)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("PID-3", "100"),
        ("PID-3.1", "100"),
        ("PID-3-1", "100"),
        ("PID-3(2).1", "200"),
        ("PID-3(2).5", "AN"),
        ("PID-3(3).1", ""),
        ("PID-3.4", "NORTH"),
        ("PID-3.4.2", "1.2"),
        ("PID-3-4-3", "ISO"),
        ("PID-3.4.4", ""),
        ("PID-3.1.2", ""),
        ("PID-8", "F"),
        ("PID-8.2", ""),
        ("PID-8(2)", ""),
        ("PID-99", ""),
        ("PV1-19.1", "V-9"),
        ("FT1-11.1", "100.00"),
        ("FT1[2]-11.1", "250.50"),
        ("FT1[2]-11(2).2", "TP"),
        ("FT1[3]-1", ""),
        ("AL1-1", ""),
        ("ZBX-1", "local"),
        ("ZZZ-1", ""),
        ("MSH-1", "|"),
        ("MSH-2", "^~\\&"),
        ("MSH-3.2", "1.2.3"),
        ("MSH-18", "UNICODE UTF-8"),
        ("MSH-12.2", ""),
        ("MSH-12.1.2", ""),
        ("MSH-12(2)", ""),
    ],
)
def test_a_path_leads_to_one_decoded_value(admission: Message, path: str, value: str) -> None:
    assert value == admission.get(path)


@pytest.mark.parametrize(
    "text", ["", "PID", "PID-", "PID-0", "PID-3.0", "pid-3", "PID[0]-3", "PID-3.1.1.1", "PID 3"]
)
def test_what_is_no_path_is_told_apart_before_use(admission: Message, text: str) -> None:
    assert read_path(text) is None
    with pytest.raises(ValueError, match="not an HL7 v2 path"):
        admission.get(text)


def test_what_a_path_leaves_out_is_one() -> None:
    assert Path("PID", 1, 3, 1, 1, 1) == read_path("PID-3")
    assert read_path("FT1[2]-11(3).4.5") == read_path("FT1[2]-11(3)-4-5")


def test_the_delete_indicator_stays_apart_from_an_absent_value(admission: Message) -> None:
    patient = admission.first("PID")
    assert patient is not None
    assert (NULL, "", NULL) == (patient.value(7), patient.value(6), patient.value(5, 3))


def test_a_field_is_also_there_as_received(admission: Message) -> None:
    patient = admission.first("PID")
    assert patient is not None
    assert "100^^^NORTH&1.2&ISO^MR~200^^^NORTH^AN" == patient.text(3)
    assert (2, 1, 0, 0) == tuple(patient.repetitions(field) for field in (3, 5, 2, 99))
    assert ("", "") == (patient.text(99), patient.value(3, 0))
    assert 1 == admission.header.repetitions(2)


def test_segments_of_a_name_are_numbered_and_placed(admission: Message) -> None:
    names = [segment.name for segment in admission.segments]
    assert ["MSH", "EVN", "PID", "PV1", "FT1", "NTE", "FT1", "ZBX", "ZZZ"] == names
    assert list(range(9)) == [segment.position for segment in admission.segments]
    charges = admission.all("FT1")
    assert [(1, 4), (2, 6)] == [(charge.ordinal, charge.position) for charge in charges]
    assert () == admission.all("AL1")


def test_the_same_segment_is_the_same_object_however_it_is_asked_for(admission: Message) -> None:
    assert admission.first("FT1") is admission.segments[4]
    assert admission.first("FT1") is admission.all("FT1")[0]
    assert admission.first("ZZZ") is admission.segments[8]
    assert admission.header is admission.first("MSH")


def test_a_place_reads_back_as_a_path_and_holds_no_value(admission: Message) -> None:
    charge = admission.all("FT1")[1]
    assert ("FT1[2]", "FT1[2]-11", "FT1[2]-11.1") == (
        charge.where(),
        charge.where(11),
        charge.where(11, 1),
    )
    patient = admission.first("PID")
    assert patient is not None
    assert "PID-5.1" == patient.where(5, 1)
    assert "250.50" == admission.get(charge.where(11, 1))


def test_nothing_of_a_patient_shows_when_a_message_is_printed(admission: Message) -> None:
    patient = admission.first("PID")
    printed = f"{admission!r} {patient!r} {admission.segments!r}"
    assert "TESTER" not in printed
    assert "ADT^A01" in printed


def test_an_unchanged_message_is_put_back_byte_for_byte(admission: Message) -> None:
    assert ADMISSION.encode() == render(admission)


def test_what_is_put_back_comes_from_the_fields(admission: Message) -> None:
    admission.segments[3].fields[2] = "O"
    assert ADMISSION.replace("PV1|1|I|", "PV1|1|O|").encode() == render(admission)


def test_fields_are_right_in_whatever_order_they_are_asked_for() -> None:
    fields = [f"v{number}" for number in range(1, 60)]
    raw = ("MSH|^~\\&|||||||ADT^A01|1|P|2.3\rZAA|" + "|".join(fields)).encode()
    for order in ([59, 1, 30], [3, 5, 19, 45], [12, 11, 13, 59], list(range(59, 0, -1))):
        message = parse(raw)
        assert isinstance(message, Message)
        segment = message.first("ZAA")
        assert segment is not None
        assert [f"v{number}" for number in order] == [segment.value(field) for field in order]
        assert ["ZAA", *fields] == segment.fields


def test_b14_other_separators_are_taken_from_the_message_itself() -> None:
    message = parse(b"MSH#!@%*#A###B###ADT!A01#7#P#2.4\rPID#1##1!!!X*Y@2##A%S%B|C^D\r")
    assert isinstance(message, Message)
    values = [message.get(path) for path in ("MSH-9.2", "PID-3.4.2", "PID-3(2)", "PID-5", "MSH-2")]
    assert ["A01", "Y", "2", "A!B|C^D", "!@%*"] == values
    assert () == message.notes


@pytest.mark.parametrize(
    ("encoding_characters", "is_unusual"),
    [
        ("^~\\&", False),
        ("^~\\&#", False),
        ("^~\\", False),
        ("^~&", True),
        ("^&~\\", True),
        ("^\\~\\&", True),
        ("^~\\\\&", True),
        ("^\\&", True),
    ],
)
def test_an_odd_msh_2_keeps_the_usual_roles_and_is_flagged(
    encoding_characters: str, *, is_unusual: bool
) -> None:
    message = parse(f"MSH|{encoding_characters}|||||||ADT^A01|1|P|2.3\rPID|||A^B\r".encode())
    assert isinstance(message, Message)
    assert "B" == message.get("PID-3.2")
    codes = [note.code for note in message.notes]
    assert is_unusual == ("hl7.lenient.separators" in codes)


def test_b25_an_unknown_segment_is_kept_where_it_stood(admission: Message) -> None:
    (local,) = admission.all("ZBX")
    assert (7, "ZBX") == (local.position, local.name)
    assert () == admission.faults
