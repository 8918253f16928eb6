"""Third-party HL7 v2 messages translated (translate/hl7v2_*.py): none surprises, none leaks a name.

Skipped where the corpus is absent. Reading the bytes is tested in test_hl7v2_corpus.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from suture.model.event import decode_fact, encode_fact
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Translation
from suture.pipeline import read_message
from suture.wire.hl7v2 import Message, parse, split

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "hl7v2"
CHANNEL = Channel(
    source="corpus",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=Tokenizer(b"a key for tests, of 32 bytes...."),
    authority="corpus",
)
ACCEPTED = {
    "ADT^A01": 414,
    "ADT^A02": 3,
    "ADT^A03": 4,
    "ADT^A04": 8,
    "ADT^A05": 2,
    "ADT^A06": 3,
    "ADT^A07": 3,
    "ADT^A08": 6,
    "ADT^A09": 2,
    "ADT^A10": 2,
    "ADT^A11": 2,
    "ADT^A13": 3,
    "ADT^A28": 3,
    "ADT^A31": 3,
    "ADT^A34": 2,
    "ADT^A40": 2,
    "ADT^A41": 1,
    "BAR^P01": 2,
    "BAR^P02": 2,
    "BAR^P12": 2,
    "DFT^P03": 2,
    "DFT^P11": 2,
    "MFN^M02": 1,
    "ORM^O01": 18,
    "RDS^O13": 2,
    "SIU^S12": 5,
    "SIU^S13": 2,
    "SIU^S14": 2,
    "SIU^S15": 2,
    "SIU^S16": 2,
    "SIU^S17": 2,
    "SIU^S26": 2,
}
WITHOUT_FACTS = {"ORM^O01": 16}
"""Orders of laboratory, imaging and diets: nothing is taken from stock."""
HELD = {
    ("ADT^A01", "hl7.segment.name"): 2,
    ("ADT^A01", "hl7.visit.missing"): 14,
    ("ADT^A08", "hl7.visit.missing"): 1,
    ("ADT^A41", "hl7.merge.unclear"): 2,
    ("DFT^P03", "hl7.account.missing"): 3,
    ("DFT^P03", "hl7.ft1.amount_missing"): 3,
    ("ORM^O01", "hl7.timestamp.invalid"): 2,
}
"""Faults of the same types: messages that name neither visit nor account, no price or no time."""
NAME_LENGTH_MIN = 5
"""Shorter names occur inside codes and places by accident."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="corpus absent")


@pytest.fixture(scope="module")
def translations() -> list[tuple[Message, Translation]]:
    """Return every message that can be read at all, with what it means."""
    raws = (
        raw
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file()
        for raw in split(path.read_bytes()).messages
    )
    read = [(parse(raw), read_message(raw, CHANNEL)) for raw in raws]
    return [(message, each) for message, each in read if not isinstance(message, Fault)]


def test_every_message_is_accepted_or_held_with_its_reasons(
    translations: list[tuple[Message, Translation]],
) -> None:
    assert len(translations) > 1_000
    for message, translation in translations:
        assert translation.status == ("held" if translation.faults else "accepted")
        if translation.type not in WITHOUT_FACTS:
            assert bool(translation.routed) == (translation.status == "accepted")
        assert read_message(message.raw, CHANNEL) == translation


def test_as_many_are_accepted_as_name_what_they_are_about(
    translations: list[tuple[Message, Translation]],
) -> None:
    told = [each for _, each in translations]
    held = Counter((each.type, fault.code) for each in told for fault in each.faults)
    assert Counter(each.type for each in told if each.status == "accepted") == ACCEPTED
    assert {kind: count for kind, count in held.items() if kind[0] in ACCEPTED} == HELD
    silent = [each.type for each in told if each.status == "accepted" and not each.routed]
    assert WITHOUT_FACTS == Counter(silent)


def test_each_fact_survives_the_log_and_goes_to_a_stream_of_its_own_process(
    translations: list[tuple[Message, Translation]],
) -> None:
    for _, translation in translations:
        surrogates = {secret.token for secret in translation.secrets}
        for routed in translation.routed:
            assert decode_fact(encode_fact(routed.fact)) == routed.fact
            process, _, key = routed.stream.partition("/")
            if translation.type.startswith("MFN"):
                assert ("provider", True) == (process, bool(key))
                continue
            assert process in {"appointment", "encounter", "patient", "patient_account", "supply"}
            assert key in surrogates


def test_no_name_social_security_number_or_street_enters_a_fact(
    translations: list[tuple[Message, Translation]],
) -> None:
    looked_for = 0
    for message, translation in translations:
        values = {message.get(path) for path in ("PID-5.1", "PID-6.1", "PID-11.1", "PID-19")}
        hidden = {value.encode() for value in values if len(value) >= NAME_LENGTH_MIN}
        looked_for += len(hidden)
        for routed in translation.routed:
            payload = encode_fact(routed.fact)
            assert [value for value in hidden if value in payload] == []
    assert looked_for > len(translations)
