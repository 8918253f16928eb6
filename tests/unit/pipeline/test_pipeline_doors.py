"""What a source may send through its door: its own types, and messages of its own processing id.

Everything else is held with a fault of its own, and nothing of it is read: HL7 v2 (MSH-9, MSH-11)
and X12 (ST01, ISA15). A rehearsal (`suture trace`) notes it, and reads on. What a sender is told is
`test_pipeline_replies.py`; what the store keeps, `tests/integration/test_intake_doors.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.specs.riverbend_books import channel
from tests.specs.riverbend_messages import Claim, interchange, remittance

from suture.catalogue import TRANSLATIONS
from suture.model.translation import Channel, Closed, Reading, Translation
from suture.pipeline import read_file, read_message

REGISTRATION = (
    b"MSH|^~\\&|RIVREG|RGH|SUTURE|RVH|20260310080000||ADT^A04|M1|P|2.5.1\r"
    b"PID|||P1^^^RVH^MR||DOE^JANE|||||||||||||A1\rPV1||O|ED^^^RGH||||||||||||||||V1|MC\r"
)
REMITTANCE = interchange(remittance("EFT1", Claim("C1", 5_000)))
UNBALANCED = interchange(remittance("EFT1", Claim("C1", 5_000), misprint_minor=1))


def door(source: str, *translations: str, **told: Any) -> Channel:
    """Return the channel of a source that may send these."""
    named = frozenset(translations)
    return msgspec.structs.replace(channel(source), translations=named, **told)


def said(raw: bytes, processing: str) -> bytes:
    """Return a message, or an interchange, that says this of itself."""
    before, after = (b"|", b"|2.5.1") if raw.startswith(b"MSH") else (b"*", b"*:~")
    old = before + b"P" + after
    assert raw.count(old) == 1
    return raw.replace(old, before + processing.encode() + after)


def verdict(raw: bytes, at: Channel) -> Translation:
    """Return the verdict on the one message of these bytes."""
    if raw.startswith(b"MSH"):
        return read_message(raw, at)
    (reading,) = (each for each in read_file((raw,), at) if isinstance(each, Reading))
    return reading.translation


def judged(raw: bytes, at: Channel) -> tuple[str, list[tuple[str, str]]]:
    """Return status and faults of the one message of these bytes."""
    found = verdict(raw, at)
    return found.status, [(fault.code, fault.where) for fault in found.faults]


@pytest.mark.parametrize(
    ("raw", "may_send"),
    [
        (REGISTRATION, ("hl7v2_adt",)),
        (REGISTRATION, ("hl7v2_dft", "hl7v2_adt")),
        (REGISTRATION, ("hl7v2",)),
        (REGISTRATION, ()),
        (REMITTANCE, ("x12_835",)),
        (REMITTANCE, ("x12",)),
        (REMITTANCE, ()),
    ],
)
def test_what_a_source_is_said_to_send_is_taken(raw: bytes, may_send: tuple[str, ...]) -> None:
    assert ("accepted", []) == judged(raw, door("adt", *may_send))


@pytest.mark.parametrize(
    ("raw", "may_send", "where"),
    [
        (REGISTRATION, ("hl7v2_dft",), "MSH-9"),
        (REGISTRATION, ("x12",), "MSH-9"),
        (REMITTANCE, ("hl7v2", "x12_837"), "ST02=0001/ST-01"),
    ],
)
def test_what_a_source_is_not_said_to_send_is_held_unread(
    raw: bytes, may_send: tuple[str, ...], where: str
) -> None:
    at = door("charges", *may_send)
    assert ("held", [("intake.type.unexpected", where)]) == judged(raw, at)
    found = verdict(raw, at)
    assert ((), (), ()) == (found.routed, found.totals, found.secrets)
    if not raw.startswith(b"MSH"):
        kinds = [type(piece).__name__ for piece in read_file((raw,), at)]
        assert ["Begun", "Reading", "Closed"] == kinds, "no fact leaves ahead of the verdict"


def test_a_type_nobody_translates_is_told_as_that_at_any_door() -> None:
    raw = REGISTRATION.replace(b"ADT^A04", b"ORU^R01")
    assert ("held", [("hl7.type.unsupported", "MSH-9")]) == judged(raw, door("adt", "hl7v2_adt"))


@pytest.mark.parametrize("raw", [REGISTRATION, REMITTANCE], ids=["hl7v2", "x12"])
@pytest.mark.parametrize(
    ("meant", "processing", "is_taken"),
    [
        ("P", "P", True),
        ("P", "T", False),
        ("P", "D", False),
        ("P", "X", False),
        ("P", "", True),
        ("T", "T", True),
        ("T", "D", True),
        ("T", "P", False),
        ("T", "", True),
        ("", "P", True),
        ("", "T", True),
    ],
)
def test_a_test_is_not_booked_as_production_nor_production_as_a_test(
    raw: bytes, meant: str, processing: str, *, is_taken: bool
) -> None:
    where = "MSH-11" if raw is REGISTRATION else "ISA13=000000001/ISA-15"
    held = ("held", [("intake.processing.unexpected", where)])
    expected = ("accepted", list[tuple[str, str]]()) if is_taken else held
    assert expected == judged(said(raw, processing), door("remits", processing=meant))


def test_a_mode_beside_the_processing_id_does_not_matter() -> None:
    """MSH-11.2: the corpus has `P^T`, which is production, from an archive or by a transfer."""
    assert ("accepted", []) == judged(said(REGISTRATION, "P^T"), door("adt", processing="P"))
    assert "held" == judged(said(REGISTRATION, "T^P"), door("adt", processing="P"))[0]


def test_what_a_header_says_is_not_repeated_but_by_its_kind() -> None:
    """A field too few before it, and a name stands in its place."""
    (told,) = verdict(said(REGISTRATION, "DOE"), door("adt", processing="P")).faults
    assert "DOE" not in repr(told)
    assert "it says it is of no known kind" in told.explanation


def test_a_held_test_does_not_take_the_control_id_of_production() -> None:
    """Test systems are copies: their numbers come again, and those of production must not wait."""
    at = door("adt", processing="P")
    assert ("M1", ()) == (
        verdict(said(REGISTRATION, "T"), at).control_id,
        verdict(said(REGISTRATION, "T"), at).identities,
    )
    assert () == verdict(said(REMITTANCE, "T"), at).identities, "nor the trace of a payment"


def test_its_door_is_told_before_what_else_is_wrong_with_a_message() -> None:
    raw = said(REGISTRATION.replace(b"20260310080000", b"20260230080000"), "T")
    faults = judged(raw, door("adt", processing="P"))[1]
    assert ["intake.processing.unexpected", "hl7.timestamp.invalid"] == [faults[0][0], faults[1][0]]


def test_a_set_held_at_the_door_is_no_worse_for_it() -> None:
    """The sender is owed nothing: a 999 would have it mend what is sound."""
    for at in (door("remits", "hl7v2"), door("remits", processing="T")):
        (closed,) = (each for each in read_file((REMITTANCE,), at) if isinstance(each, Closed))
        assert ((), b"") == (closed.faults, closed.reply)


@pytest.mark.parametrize("raw", [REGISTRATION, REMITTANCE, UNBALANCED])
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"processing": "T"}, "intake.processing.unexpected"),
        ({"translations": frozenset({"hl7v2_siu"})}, "intake.type.unexpected"),
    ],
)
def test_a_rehearsal_notes_what_the_door_would_hold_and_reads_on(
    raw: bytes, told: dict[str, Any], code: str
) -> None:
    plain = msgspec.structs.replace(channel("remits"), is_rehearsal=True)
    read = verdict(raw, plain)
    noted = verdict(raw, msgspec.structs.replace(plain, **told))
    assert [code, *(note.code for note in read.notes)] == [note.code for note in noted.notes]
    assert read == msgspec.structs.replace(noted, notes=read.notes)


def test_every_translation_has_a_name_that_an_estate_can_use() -> None:
    assert {"hl7v2", "hl7v2_adt", "hl7v2_dft", "hl7v2_siu", "x12", "x12_835"} <= {*TRANSLATIONS}
