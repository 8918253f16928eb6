"""Which bytes are a message, which are refused, what is reported about untidy ones (B13 to B18)."""

from __future__ import annotations

import pytest

from suture.model.fault import Fault
from suture.wire.hl7v2 import FIELDS_MAX, SEGMENTS_MAX, Message, parse, parse_header, render
from suture.wire.hl7v2.escape import ESCAPES_MAX

HEADER = b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|17|P|2.5.1"


def read(raw: bytes, charset: str = "utf-8") -> Message:
    message = parse(raw, charset=charset)
    assert isinstance(message, Message)
    return message


def codes(found: tuple[Fault, ...]) -> list[str]:
    return [each.code for each in found]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "hl7.header.absent"),
        (b"\r\n \x0b", "hl7.header.absent"),
        (b"PID|1||100\r", "hl7.header.absent"),
        (b"MSH", "hl7.header.short"),
        (b"MSH\r", "hl7.header.short"),
        (b"MSH\rPID|1", "hl7.header.short"),
        (b"MSH|^~", "hl7.header.short"),
        (b"MSH||||||||ADT^A01|17|P|2.5.1\r", "hl7.header.separators"),
        (b"MSHello world, this is no header", "hl7.header.separators"),
        (b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|17|P\r", "hl7.header.short"),
        (b"MSH|^~\\&|A|B|C|D|20260301|||17|P|2.5.1\r", "hl7.header.type_absent"),
        (b"MSH|^~\\&|A|B|C|D|20260301||^A01|17|P|2.5.1\r", "hl7.header.type_absent"),
        (b'MSH|^~\\&|A|B|C|D|20260301||""|17|P|2.5.1\r', "hl7.header.type_absent"),
        (b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01||P|2.5.1\r", "hl7.header.control_id_absent"),
        (b'MSH|^~\\&|A|B|C|D|20260301||ADT^A01|""|P|2.5.1\r', "hl7.header.control_id_absent"),
    ],
)
def test_b13_what_has_no_usable_header_is_refused(raw: bytes, code: str) -> None:
    refusal = parse(raw)
    assert isinstance(refusal, Fault)
    assert code == refusal.code


@pytest.mark.parametrize(
    "encoding_characters",
    ["^^\\&", "^~\\^", "!!%*", "^~", "ABCD", "^~ &", "^~\\&#!", '^~"&', "^~\t&", "~~~~~~~~~~"],
)
def test_b14_separators_that_cannot_be_told_apart_are_refused(encoding_characters: str) -> None:
    refusal = parse(HEADER.replace(b"^~\\&", encoding_characters.encode(), 1))
    assert isinstance(refusal, Fault)
    assert ("hl7.header.separators", "MSH-2") == (refusal.code, refusal.where)


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        (b"ISA*00*", "X12"),
        (b"\xff\xfeM\0S\0H\0", "UTF-16"),
        (b"M\0S\0H\0|\0", "UTF-16"),
        (b"<ClinicalDocument/>", "XML"),
        (b'{"resourceType":', "JSON"),
        (b"FHS|^~\\&|\rMSH|", "batch"),
        (b"\r\n", "nothing but blanks"),
    ],
)
def test_a_refusal_says_what_the_bytes_look_like(raw: bytes, hint: str) -> None:
    refusal = parse(raw)
    assert isinstance(refusal, Fault)
    assert hint in refusal.explanation


def test_a_refused_message_can_still_be_named_in_its_refusal() -> None:
    raw = b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|17"
    assert isinstance(parse(raw), Fault)
    header = parse_header(raw)
    assert header is not None
    assert ("17", "A01") == (header.control_id, header.trigger)
    assert parse_header(b"GET / HTTP/1.1") is None


def test_b15_more_fields_than_the_cap_hold_the_message() -> None:
    message = read(HEADER + b"\rZZZ|" + b"x|" * (FIELDS_MAX + 5) + b"\r")
    (found,) = message.faults
    assert ("hl7.fields.too_many", "ZZZ") == (found.code, found.where)
    segment = message.first("ZZZ")
    assert segment is not None
    assert FIELDS_MAX + 1 == len(segment.fields)
    assert message.raw == render(message)


@pytest.mark.parametrize("separator", [b"~", b"^", b"&"])
def test_b15_more_repetitions_or_components_than_the_cap_hold_the_message(separator: bytes) -> None:
    message = read(HEADER + b"\rPID|1||" + separator * (FIELDS_MAX + 1))
    assert ["hl7.fields.too_many"] == codes(message.faults)


def test_b15_more_escapes_than_the_cap_hold_the_message_and_stay_text() -> None:
    text = "\\" * (ESCAPES_MAX + 1)
    message = read(HEADER + b"\rNTE|1||" + text.encode())
    assert ["hl7.fields.too_many"] == codes(message.faults)
    assert text == message.get("NTE-3")


def test_b15_as_many_fields_as_the_cap_are_read() -> None:
    message = read(HEADER + b"\rZZZ" + b"|x" * FIELDS_MAX)
    assert () == message.faults
    assert "x" == message.get(f"ZZZ-{FIELDS_MAX - 1}")


def test_b15_more_segments_than_the_cap_hold_the_message_and_are_not_cut() -> None:
    message = read(HEADER + b"\rOBX|1" * SEGMENTS_MAX + b"\r")
    assert ["hl7.segments.too_many"] == codes(message.faults)
    assert SEGMENTS_MAX == len(message.segments)
    assert message.raw == render(message)
    mixed = read(HEADER + b"\r\nOBX|1\rOBX|1" * SEGMENTS_MAX + b"\r")
    assert ["hl7.segments.too_many"] == codes(mixed.faults)
    assert mixed.raw == render(mixed)


def test_b15_as_many_segments_as_the_cap_are_read() -> None:
    message = read(HEADER + b"\rOBX|1" * (SEGMENTS_MAX - 1) + b"\r")
    assert (SEGMENTS_MAX, ()) == (len(message.segments), message.faults)


def test_b16_an_escaped_segment_end_stays_in_the_value() -> None:
    message = read(HEADER + b"\rNTE|1||first\\X0D\\PID|second\r")
    assert "first\rPID" == message.get("NTE-3")
    assert ["MSH", "NTE"] == [segment.name for segment in message.segments]
    assert () == message.faults


@pytest.mark.parametrize("text", [b"a\x00b", b"a\\X00\\b", b"a\\X4100\\b"])
def test_b16_a_nul_holds_the_message_with_its_place(text: bytes) -> None:
    message = read(HEADER + b"\rPID|1\rNTE|1||" + text + b"\r")
    (found,) = message.faults
    assert "hl7.character.nul" == found.code
    assert found.where.startswith("NTE")
    assert "\0" in message.get("NTE-3")


def test_b17_bytes_that_are_not_the_declared_charset_hold_the_message() -> None:
    raw = HEADER + b"||||||UNICODE UTF-8\rPID|1||100||M\xfcller\r"
    message = read(raw)
    (found,) = message.faults
    assert ("hl7.charset.mismatch", "MSH-18") == (found.code, found.where)
    assert "treat as cp1252" in found.explanation
    assert ("M\xfcller", "100") == (message.get("PID-5"), message.get("PID-3"))
    assert raw == render(message)


def test_b17_nothing_is_ever_replaced_by_a_question_mark() -> None:
    message = read(HEADER + b"\rPID|1||100||\xe9\xff\x93\r")
    assert "\ufffd" not in message.get("PID-5")
    assert 3 == len(message.get("PID-5"))


def test_b17_utf_8_is_suggested_before_cp1252() -> None:
    message = read(HEADER + b"||||||ASCII\rPID|1||100||M\xc3\xbcller\r")
    (found,) = message.faults
    assert "treat as utf-8" in found.explanation


def test_b17_a_charset_nothing_fits_is_still_only_held() -> None:
    message = read(HEADER + b"||||||ASCII\rPID|1||100||\x81\xff\r")
    (found,) = message.faults
    assert ("hl7.charset.mismatch", "the bytes are not ascii") == (found.code, found.explanation)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("UTF-8", "utf-8"),
        ("UTF-8~UNICODE", "utf-8"),
        ("UNICODE", "utf-8"),
        ("utf8", "utf-8"),
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859-15"),
        ("WINDOWS-1252", "cp1252"),
        ("", "cp1252"),
    ],
)
def test_names_read_right_in_the_charset_msh_18_declares(name: str, written: str) -> None:
    text = "Žežel" if written == "iso8859-15" else "Müller"
    raw = HEADER + f"||||||{name}\rPID|1||100||{text}\r".encode(written)
    message = read(raw, charset="cp1252")
    assert (text, ()) == (message.get("PID-5"), message.faults)
    assert raw == render(message)


@pytest.mark.parametrize("name", ["ISO IR 999", "x" * 500, "~"])
def test_an_unknown_charset_falls_back_to_the_source_and_is_flagged(name: str) -> None:
    message = read(HEADER + f"||||||{name}\rPID|1||100||M\xfcller\r".encode("cp1252"), "cp1252")
    assert "Müller" == message.get("PID-5")
    assert (["hl7.lenient.charset"], []) == (codes(message.notes), codes(message.faults))


def test_windows_quotes_under_8859_1_are_flagged() -> None:
    message = read(HEADER + b"||||||8859/1\rNTE|1||\x93quoted\x94\r")
    (note,) = message.notes
    assert ("hl7.lenient.charset", "NTE") == (note.code, note.where)


def test_a_source_with_an_unknown_charset_is_a_mistake_in_its_settings() -> None:
    with pytest.raises(ValueError, match="unknown character set"):
        parse(HEADER, charset="utf-9")


@pytest.mark.parametrize(
    ("end", "found"),
    [(b"\n", "with LF;"), (b"\r\n", "with CRLF;"), (b"\r\n\n", "a mix of ends")],
)
def test_b18_line_ends_are_normalised_and_flagged(end: bytes, found: str) -> None:
    raw = HEADER + end + b"PID|1||100" + end + b"PV1|1|I" + end
    message = read(raw)
    assert ("100", "I") == (message.get("PID-3"), message.get("PV1-2"))
    (note,) = message.notes
    assert "hl7.lenient.line_ends" == note.code
    assert found in note.explanation
    assert ((), raw) == (message.faults, render(message))


def test_b18_bom_and_lf_line_ends_are_normalised_and_flagged() -> None:
    raw = b"\xef\xbb\xbf" + HEADER + b"\nPID|1||100||M\xc3\xbcller\n"
    message = read(raw, charset="cp1252")
    assert ["hl7.lenient.line_ends", "hl7.lenient.byte_order_mark"] == codes(message.notes)
    assert ("Müller", (), raw) == (message.get("PID-5"), message.faults, render(message))


def test_b18_a_bom_outranks_no_declared_charset_silently() -> None:
    raw = b"\xef\xbb\xbf" + HEADER + b"||||||8859/1\rPID|1||100||M\xc3\xbcller\r"
    message = read(raw)
    assert (["hl7.charset.mismatch"], "Müller") == (codes(message.faults), message.get("PID-5"))
    assert raw == render(message)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\x0b", b"\x1c\r"),
        (b"", b"\r\x1c\r\n"),
        (b"", b"\r\x1a"),
        (b"", b"\r\x00\x00\x00"),
        (b"", b"\r\x0b\r\r\n"),
        (b"\r\n\x0b", b"\r"),
    ],
)
def test_b18_what_a_socket_or_a_disk_left_around_a_message_is_flagged(
    before: bytes, after: bytes
) -> None:
    raw = before + HEADER + b"\rPV1|1|I" + after
    message = read(raw)
    assert "I" == message.get("PV1-2")
    assert 2 == len(message.segments)
    assert "hl7.lenient.wrapping" in codes(message.notes)
    assert ((), raw) == (message.faults, render(message))


def test_b18_blank_lines_are_no_segments() -> None:
    raw = HEADER + b"\r\rPID|1||100\r\r\r  \rPV1|1|I\r\r"
    message = read(raw)
    assert [0, 1, 2] == [segment.position for segment in message.segments]
    assert ("I", raw) == (message.get("PV1-2"), render(message))


def test_b18_a_line_feed_inside_a_value_does_not_cut_a_segment_that_ends_with_cr() -> None:
    raw = HEADER + b"\rNTE|1||first\nsecond|L\rPV1|1|I\r\n"
    message = read(raw)
    assert ("first\nsecond", "L") == (message.get("NTE-3"), message.get("NTE-4"))
    assert ["hl7.lenient.line_ends"] * 2 == codes(message.notes)
    assert raw == render(message)


@pytest.mark.parametrize("line", [HEADER, b"MSH", b"BHS|^~\\&|", b"FTS|1"])
def test_two_messages_read_as_one_are_held(line: bytes) -> None:
    raw = HEADER + b"\rPID|1||100\r" + line + b"\rPID|1||200\r"
    message = read(raw)
    assert (["hl7.header.repeated"], raw) == (codes(message.faults), render(message))


def test_a_second_header_is_numbered_like_the_first() -> None:
    message = read(HEADER + b"\r" + HEADER.replace(b"|17|", b"|18|"))
    assert ("18", "^~\\&") == (message.get("MSH[2]-10"), message.get("MSH[2]-2"))


@pytest.mark.parametrize(
    "line", [b"PIDX|1||100", b"PV|1|I", b"pid|1||100", b"TESTER ANNE", b"5.1|"]
)
def test_a_line_that_is_no_segment_holds_the_message_without_naming_its_text(line: bytes) -> None:
    raw = HEADER + b"\rEVN|A01\r" + line + b"\rPV1|1|I\r"
    message = read(raw)
    (found,) = message.faults
    assert ("hl7.segment.name", "line[3]") == (found.code, found.where)
    assert b"TESTER" not in repr((message.faults, message.segments)).encode()
    assert (None, "I", raw) == (message.first("PID"), message.get("PV1-2"), render(message))


@pytest.mark.parametrize(
    "text", [b"C:\\temp", b"a\\Q\\b", b"a\\b\\", b"\\C2842\\x", b"\\X0\\", b"\\\\"]
)
def test_an_escape_that_is_none_stays_text_and_is_flagged_with_its_place(text: bytes) -> None:
    message = read(HEADER + b"\rNTE|1||" + text + b"\r")
    assert text.decode() == message.get("NTE-3")
    assert [("hl7.lenient.escape", "NTE-3")] == [(note.code, note.where) for note in message.notes]


def test_a_message_of_nothing_but_mistakes_reports_a_bounded_number_of_them() -> None:
    message = read(HEADER + b"\rnonsense" * 5000 + b"\rNTE|" + b"\\|" * 5000)
    assert (100, 100) == (len(message.faults), len(message.notes))
