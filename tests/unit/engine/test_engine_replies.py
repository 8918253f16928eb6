"""Replies are kept so that they can be given again, and so that they name nobody."""

from __future__ import annotations

import pytest

from suture.engine.replies import kept_reply, told_reply
from suture.model.fault import fault
from suture.security.keys import KEY_BYTES, KeyRing
from suture.security.phi import SealBrokenError
from suture.wire import hl7v2

KEYS = KeyRing({1: b"k" * KEY_BYTES}, b"i" * KEY_BYTES)
HEADER = r"MSH|^~\&|EPICADT|RNH^1.2.3^ISO|SUTURE|RVH|20260105||ADT^A08^ADT_A01|M1|P|2.5.1"


def reply_to(header: str, code: str = "AA") -> bytes:
    message = hl7v2.parse(header.encode(), charset="utf-8")
    assert isinstance(message, hl7v2.Message)
    faults = (fault("hl7.timestamp.invalid", "MSH-7"),) if code == "AR" else ()
    return hl7v2.acknowledge(message, code, control_id="0A1B", at="20260105083000", faults=faults)


def kept(reply: bytes) -> bytes:
    return kept_reply(reply, key_ring=KEYS, message_id="msg_1")


@pytest.mark.parametrize("code", ["AA", "AR", "CA"])
@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.replace("2.5.1", "2.3"),
        HEADER.replace("^ADT_A01", ""),
        HEADER.replace("ADT^A08^ADT_A01", "ADT"),
        HEADER + "||||AL|NE||8859/1",
        HEADER.replace("M1", "0" * 199),
    ],
)
def test_a_reply_of_codes_and_numbers_is_kept_in_clear(header: str, code: str) -> None:
    reply = reply_to(header, code)
    assert reply.startswith(b"MSH")
    assert kept(reply) == reply


def test_no_reply_is_kept_as_none() -> None:
    assert kept(b"") == b""
    assert told_reply(b"", key_ring=KEYS, message_id="msg_1") == b""


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("|M1|", "|JANE DOE|"),
        ("|M1|", "|DOE^JANE|"),
        ("|M1|", "|DOE~JANE|"),
        ("|M1|", "|DOE&JANE|"),
        ("^A08^", "^JANE^"),
        ("EPICADT", "DOE, JANE"),
        ("|RVH|", "|JANE DOE|"),
        ("|P|", "|JANE|"),
        ("2.5.1", "2.5.1 JANE"),
        ("2.5.1", "2.5.1||||||JANE,DOE"),
    ],
)
def test_b92_a_reply_that_repeats_anything_else_is_sealed_and_told_again(
    said: str, says: str
) -> None:
    assert said in HEADER
    reply = reply_to(HEADER.replace(said, says))
    assert b"JANE" in reply
    assert b"JANE" not in kept(reply)
    assert told_reply(kept(reply), key_ring=KEYS, message_id="msg_1") == reply


def test_b92_a_sender_with_separators_of_its_own_is_answered_under_seal() -> None:
    reply = reply_to(HEADER.replace("|", "!").replace("!M1!", "!DOE|JANE!"))
    assert b"JANE" in reply
    assert b"JANE" not in kept(reply)


def test_a_sealed_reply_opens_in_the_place_of_no_other() -> None:
    sealed = kept(reply_to(HEADER.replace("|M1|", "|JANE DOE|")))
    with pytest.raises(SealBrokenError):
        told_reply(sealed, key_ring=KEYS, message_id="msg_2")
