"""What a sender is owed: the reply code by MSH-15, MSH-16 and the verdict (`receive_message`).

HL7 v2 chapter 2.9: original mode when both fields are empty, else enhanced. What an acknowledgement
looks like is tests/unit/wire/test_hl7v2_acknowledge.py; that it goes out after the commit only is
the engine's.
"""

from __future__ import annotations

import msgspec
import pytest
from tests.specs.riverbend_books import channel

from suture.model.fault import fault
from suture.model.translation import AckPolicy
from suture.pipeline import receive_message
from suture.translate.hl7v2_reply import reply_to_held
from suture.wire import hl7v2

GOOD = "ADT^A04"
UNTRANSLATED = "ORU^R01"


def message(kind: str, accept: str = "", application: str = "", control: str = "M1") -> bytes:
    """Return a registration, or another type of message with the same content."""
    return (
        f"MSH|^~\\&|RIVREG|RGH|SUTURE|RVH|20260310080000||{kind}|{control}|P|2.5.1|||"
        f"{accept}|{application}\rPID|||P1^^^RVH^MR||DOE^JANE|||||||||||||A1\r"
        "PV1||O|ED^^^RGH||||||||||||||||V1|MC\r"
    ).encode()


def reply_to(raw: bytes, ack: AckPolicy = "stored") -> tuple[str, str]:
    """Return the verdict on a message and the code of its reply; "" where none is due."""
    at = msgspec.structs.replace(channel("adt"), ack=ack)
    translation, reply = receive_message(raw, at, control_id="ACK1", at="20260310080001")
    if not reply:
        return translation.status, ""
    answer = hl7v2.parse(reply)
    assert isinstance(answer, hl7v2.Message)
    return translation.status, answer.get("MSA-1")


def test_in_original_mode_an_accepted_message_gets_aa() -> None:
    assert ("accepted", "AA") == reply_to(message(GOOD))


def test_b25_content_nobody_translates_is_held_and_still_acknowledged() -> None:
    """We hold the bytes: the sender has nothing to send again."""
    assert ("held", "AA") == reply_to(message(UNTRANSLATED))
    assert ("held", "CA") == reply_to(message(UNTRANSLATED, accept="AL"))


@pytest.mark.parametrize(
    ("accept", "application", "code"),
    [
        ("AL", "", "CA"),  # the corpus: 1,050 messages ask for the accept acknowledgement alone
        ("AL", "NE", "CA"),
        ("AL", "AL", "CA"),
        ("SU", "", "CA"),
        ("ER", "", ""),
        ("NE", "", ""),
        ("NE", "NE", ""),
        ("NE", "AL", "AA"),
        ("NE", "SU", "AA"),
        ("NE", "ER", ""),
        ("", "AL", "AA"),
        ("", "NE", ""),
        ("ER", "AL", "AA"),
        ("??", "", ""),
    ],
)
def test_in_enhanced_mode_an_accepted_message_gets_what_it_asks_for(
    accept: str, application: str, code: str
) -> None:
    assert ("accepted", code) == reply_to(message(GOOD, accept, application))


@pytest.mark.parametrize(
    ("accept", "application", "code"),
    [
        ("", "", "AR"),
        ("AL", "", "CR"),
        ("ER", "NE", "CR"),
        ("AL", "AL", "CR"),
        ("SU", "", ""),
        ("NE", "NE", ""),
        ("NE", "AL", "AR"),
        ("SU", "ER", "AR"),
        ("NE", "SU", ""),
    ],
)
def test_b13_a_message_without_a_type_is_refused_in_the_mode_its_header_asks_for(
    accept: str, application: str, code: str
) -> None:
    assert ("rejected", code) == reply_to(message("", accept, application))


def test_b13_a_refusal_names_the_message_where_its_header_tells_so_much() -> None:
    _, reply = receive_message(
        message("", control="M77"), channel("adt"), control_id="1", at="2026"
    )
    answer = hl7v2.parse(reply)
    assert isinstance(answer, hl7v2.Message)
    assert ("AR", "M77") == (answer.get("MSA-1"), answer.get("MSA-2"))
    assert "hl7.header.type_absent" == answer.get("ERR-5")


@pytest.mark.parametrize("raw", [b"", b"MSH", b"\x00\xff", b"GET / HTTP/1.1\r\n\r\n", b"MSH||||"])
def test_b13_bytes_without_a_header_are_refused_in_original_mode(raw: bytes) -> None:
    assert ("rejected", "AR") == reply_to(raw)


def test_b13_refused_bytes_are_known_by_their_content_alone() -> None:
    """The same rubbish again is the same message, from this source."""
    told = [
        receive_message(raw, channel(source), control_id="1", at="2026")[0].identities
        for raw, source in ((b"rubbish", "adt"), (b"rubbish", "adt"), (b"rubbish", "charges"))
    ]
    assert told[0] == told[1] != told[2]


def test_a_source_may_ask_to_be_told_of_what_is_held() -> None:
    """AE: do not send it again unchanged. We hold it all the same."""
    assert ("held", "AE") == reply_to(message(UNTRANSLATED), "understood")
    assert ("accepted", "AA") == reply_to(message(GOOD), "understood")
    assert ("rejected", "AR") == reply_to(message(""), "understood")


def test_what_is_held_is_told_by_place_code_and_remedy_and_by_no_value() -> None:
    raw = message(GOOD).replace(b"|20260310080000|", b"|20260230080000|")
    at = msgspec.structs.replace(channel("adt"), ack="understood")
    _, reply = receive_message(raw, at, control_id="ACK1", at="20260310080001")
    answer = hl7v2.parse(reply)
    assert isinstance(answer, hl7v2.Message)
    assert ("AE", "M1") == (answer.get("MSA-1"), answer.get("MSA-2"))
    assert ("MSH", "7", "102", "E", "hl7.timestamp.invalid") == (
        answer.get("ERR-2.1"),
        answer.get("ERR-2.3"),
        answer.get("ERR-3"),
        answer.get("ERR-4"),
        answer.get("ERR-5"),
    )
    assert answer.get("ERR-8")
    assert b"20260230" not in reply


@pytest.mark.parametrize(
    ("accept", "application", "stored", "understood"),
    [
        ("AL", "", "CA", "CA"),
        ("AL", "AL", "CA", "CA"),
        ("ER", "", "", ""),
        ("NE", "AL", "AA", "AE"),
        ("NE", "ER", "", "AE"),
        ("NE", "SU", "AA", ""),
        ("NE", "NE", "", ""),
    ],
)
def test_in_enhanced_mode_the_accept_acknowledgement_says_that_the_bytes_are_safe(
    accept: str, application: str, stored: str, understood: str
) -> None:
    """Whatever the policy: what is in them concerns the application acknowledgement alone."""
    raw = message(UNTRANSLATED, accept, application)
    assert ("held", stored) == reply_to(raw, "stored")
    assert ("held", understood) == reply_to(raw, "understood")


@pytest.mark.parametrize(
    ("ack", "accept", "application", "code"),
    [
        ("stored", "", "", "AA"),
        ("understood", "", "", "AE"),
        ("stored", "AL", "", "CA"),
        ("understood", "AL", "", "CA"),
        ("stored", "NE", "ER", ""),
        ("understood", "NE", "ER", "AE"),
    ],
)
def test_what_intake_alone_finds_is_answered_by_the_same_policy(
    ack: AckPolicy, accept: str, application: str, code: str
) -> None:
    at = msgspec.structs.replace(channel("adt"), ack=ack)
    reused = fault("intake.control_id.reused", "MSH-10")
    told = {"control_id": "1", "at": "2026"}
    reply = reply_to_held(message(GOOD, accept, application), at, reused, **told)
    answer = hl7v2.parse(reply) if reply else None
    assert code == (answer.get("MSA-1") if isinstance(answer, hl7v2.Message) else "")
    assert b"" == reply_to_held(b"no message", at, reused, **told)


def test_an_acknowledgement_is_never_acknowledged() -> None:
    """Or two systems answer each other for ever."""
    assert "" == reply_to(message("ACK^A04"))[1]
    assert "" == reply_to(message("ACK^A04", accept="AL"))[1]


def master_file(level: str = "AL", accept: str = "", application: str = "", day: str = "") -> bytes:
    """Return a clinician, and a record of a file that nobody keeps."""
    return (
        f"MSH|^~\\&|HRIS|RGH|SUTURE|RVH|20260310080000||MFN^M02|M9|P|2.5.1|||{accept}|{application}\r"
        f"MFI|PRAX^Staff||UPD|||{level}\r"
        f"MFE|MAD|R1|{day}|D77^Fern^L|CE\rSTF|D77\rMFE|MUP|R2||OBS1|CE\r"
    ).encode()


def answer_to(raw: bytes, ack: AckPolicy = "stored") -> hl7v2.Message:
    """Return the reply to a message."""
    at = msgspec.structs.replace(channel("adt"), ack=ack)
    _, reply = receive_message(raw, at, control_id="ACK1", at="20260310080001")
    answer = hl7v2.parse(reply)
    assert isinstance(answer, hl7v2.Message)
    return answer


def answers(answer: hl7v2.Message) -> list[tuple[str, str]]:
    """Return key and outcome of each record that is answered for."""
    return [(each.value(5), each.value(4)) for each in answer.all("MFA")]


def test_a_master_file_is_answered_record_by_record() -> None:
    answer = answer_to(master_file())
    assert ["MSH", "MSA", "MFI", "MFA", "MFA"] == [each.name for each in answer.segments]
    assert ("MFK", "M02", "MFK_M01") == tuple(answer.get(f"MSH-9.{part}") for part in (1, 2, 3))
    assert ("AA", "M9", "PRAX") == tuple(answer.get(path) for path in ("MSA-1", "MSA-2", "MFI-1"))
    assert [("D77", "S"), ("OBS1", "U")] == answers(answer)
    assert "MFA|MAD|R1|20260310080001|S^^HL70181|D77^Fern^L|CE" == answer.all("MFA")[0].render()
    assert "MFA|MUP|R2||U^^HL70181|OBS1|CE" == answer.all("MFA")[1].render()


@pytest.mark.parametrize(
    ("level", "answered"),
    [
        ("AL", ["D77", "OBS1"]),
        ("", ["D77", "OBS1"]),
        ("SU", ["D77"]),
        ("ER", ["OBS1"]),
        ("NE", []),
    ],
)
def test_records_are_answered_for_as_the_file_asks(level: str, answered: list[str]) -> None:
    assert answered == [key for key, _ in answers(answer_to(master_file(level)))]


@pytest.mark.parametrize(("ack", "code"), [("stored", "AA"), ("understood", "AE")])
def test_of_a_master_file_that_is_held_no_record_is_kept(ack: AckPolicy, code: str) -> None:
    answer = answer_to(master_file(day="20260230"), ack)
    assert code == answer.get("MSA-1")
    assert [("D77", "U"), ("OBS1", "U")] == answers(answer)


def test_what_is_wrong_with_a_master_file_stands_before_its_records() -> None:
    answer = answer_to(master_file(day="20260230"), "understood")
    assert ["MSH", "MSA", "ERR", "MFI", "MFA", "MFA"] == [each.name for each in answer.segments]


def test_an_accept_acknowledgement_of_a_master_file_is_an_ack() -> None:
    answer = answer_to(master_file(accept="AL"))
    assert ("ACK", "CA", ()) == (answer.type, answer.get("MSA-1"), answer.all("MFA"))


def test_b20_a_master_file_held_for_its_control_id_keeps_no_record() -> None:
    reason = fault("intake.control_id.reused", "MSH-10")
    raw = reply_to_held(master_file(), channel("adt"), reason, control_id="A", at="20260310080001")
    answer = hl7v2.parse(raw)
    assert isinstance(answer, hl7v2.Message)
    assert [("D77", "U"), ("OBS1", "U")] == answers(answer)
