"""Who, where, when and the verdict, whatever the message says (translate/hl7v2_common.py)."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from suture.model.event import encode_fact
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Secret, Translation
from suture.translate import hl7v2_adt, hl7v2_dft, hl7v2_siu
from suture.translate.hl7v2_common import unsupported
from suture.wire.hl7v2 import Message, parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="adt",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=TOKENIZER,
    authority="riverbend",
    facility="RGH",
)
TRANSLATORS = {
    "SIU": hl7v2_siu.translate,
    "ADT": hl7v2_adt.translate,
    "DFT": hl7v2_dft.translate,
}
HEADER = r"MSH|^~\&|EPICADT|RNH|SUTURE|RVH|20260105083000||ADT^A08^ADT_A01|M1|P|2.5.1"


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


PATIENT = line("PID", {3: "600123^^^RVH^MR", 18: "A5001"})
VISIT = line("PV1", {2: "I", 3: "MEDSURG^12^A^RGH", 19: "V900"})


def parsed(*segments: str) -> Message:
    """Return the message of these segments."""
    message = parse("\r".join(segments).encode())
    assert not isinstance(message, Fault)
    return message


def heard(*segments: str, channel: Channel = CHANNEL) -> Translation:
    """Return what an ADT message of these segments means."""
    return hl7v2_adt.translate(parsed(*segments), channel)


def faults(translation: Translation) -> list[tuple[str, str]]:
    """Return the code and place of each fault; a held message tells nothing to any stream."""
    assert bool(translation.faults) == (translation.status == "held")
    assert not (translation.faults and (translation.routed or translation.secrets))
    return [(fault.code, fault.where) for fault in translation.faults]


def test_a_message_claims_its_control_id_within_its_source_and_sender() -> None:
    translation = heard(HEADER, PATIENT, VISIT)
    assert translation.identities == ("hl7v2:adt:EPICADT|RNH:M1",)
    assert (translation.type, translation.control_id) == ("ADT^A08", "M1")


@pytest.mark.parametrize(
    "sent",
    ["M1", "20260105083000.123", "Q-77/3:RNH_9", "0" * 199, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
)
def test_a_control_id_that_a_generator_wrote_is_shown_as_it_is(sent: str) -> None:
    assert heard(HEADER.replace("|M1|", f"|{sent}|"), PATIENT, VISIT).control_id == sent


@pytest.mark.parametrize(
    "sent", ["JANE DOE 1", "DOE^JANE", "DOE,JANE", "M\xc9", "M 1", "0" * 200, "{M1}", "M\t1"]
)
def test_b92_a_control_id_of_free_text_is_known_by_a_surrogate_and_the_message_is_as_good(
    sent: str,
) -> None:
    translation = heard(HEADER.replace("|M1|", f"|{sent}|"), PATIENT, VISIT)
    assert (translation.status, translation.routed != ()) == ("accepted", True)
    assert re.fullmatch("ctl_[0-9a-v]{26}", translation.control_id)
    assert translation.identities == (f"hl7v2:adt:EPICADT|RNH:{translation.control_id}",)


def test_b20_control_ids_of_free_text_are_told_apart_by_every_character() -> None:
    sent = ("M 1", "m 1", "M  1", "M 1^", "M 2")
    named = {heard(HEADER.replace("|M1|", f"|{each}|"), PATIENT).control_id for each in sent}
    assert len(named) == len(sent)
    again = heard(HEADER.replace("|M1|", "|M 1|"), PATIENT, VISIT).control_id
    assert again in named


@pytest.mark.parametrize("sent", ["Jane Roe^x", "DOE^JANE ROE", "ADT^A08^x", "JANE^A01", "adt^a08"])
def test_b92_what_is_no_message_type_is_shown_as_unreadable(sent: str) -> None:
    translation = unsupported(parsed(HEADER.replace("ADT^A08", sent)), CHANNEL)
    shown = "ADT^A08" if sent.startswith("ADT") else "unreadable"
    assert (translation.type, translation.status) == (shown, "held")


def test_a_type_without_a_trigger_is_still_a_type() -> None:
    assert unsupported(parsed(HEADER.replace("ADT^A08^ADT_A01", "ADT")), CHANNEL).type == "ADT^"


def test_local_time_is_that_of_the_source() -> None:
    assert heard(HEADER, PATIENT, VISIT).recorded_at_ms == 1_767_623_400_000  # 14:30 UTC


@pytest.mark.parametrize(
    ("header_at", "event_at", "recorded_at_ms"),
    [
        pytest.param("20260105083000", "20260105082959", 1_767_623_399_000, id="EVN-2 first"),
        pytest.param("20260105083001", "202601050830", 1_767_623_401_000, id="only MSH-7 to s"),
        pytest.param("202601050831", "202601050830", 1_767_623_400_000, id="neither to the second"),
        pytest.param("20260105083000", '""', 1_767_623_400_000, id="EVN-2 null"),
        pytest.param("", "202601050830", 1_767_623_400_000, id="MSH-7 silent"),
        pytest.param("20260105143000.250+0000", "", 1_767_623_400_250, id="offset and fraction"),
    ],
)
def test_what_a_sender_said_is_ordered_by_when_it_recorded_it(
    header_at: str, event_at: str, recorded_at_ms: int
) -> None:
    header = HEADER.replace("20260105083000", header_at)
    assert heard(header, f"EVN||{event_at}", PATIENT, VISIT).recorded_at_ms == recorded_at_ms


def test_a_message_that_tells_no_time_is_held() -> None:
    header = HEADER.replace("20260105083000", "")
    assert faults(heard(header, PATIENT, VISIT)) == [("hl7.timestamp.invalid", "MSH-7")]


def test_a_message_recorded_before_1970_is_held() -> None:
    header = HEADER.replace("20260105083000", "19010105083000")
    translation = heard(header, PATIENT, VISIT)
    assert faults(translation) == [("hl7.timestamp.invalid", "MSH-7")]
    assert translation.recorded_at_ms == 0


@pytest.mark.parametrize(
    "time", ["20260230", "00010101", "99991231", "20260105083000+2500", "202601", "yesterday"]
)
@pytest.mark.parametrize(
    ("field", "where"), [("MSH-7", "MSH-7.1"), ("EVN-2", "EVN-2.1"), ("PV1-44", "PV1-44.1")]
)
def test_b22_an_impossible_date_holds_the_message_at_its_field(
    time: str, field: str, where: str
) -> None:
    told = {"MSH-7": "20260105083000", "EVN-2": "", "PV1-44": ""} | {field: time}
    translation = heard(
        HEADER.replace("20260105083000", told["MSH-7"]),
        f"EVN||{told['EVN-2']}",
        PATIENT,
        line("PV1", {2: "I", 19: "V900", 44: told["PV1-44"]}),
    )
    assert faults(translation) == [("hl7.timestamp.invalid", where)]
    assert time not in str(translation.faults)


def test_b25_a_type_nobody_translates_is_held_under_one_explanation_per_type() -> None:
    first = unsupported(parsed(HEADER.replace("ADT^A08", "ORU^R01")), CHANNEL)
    second = unsupported(parsed(HEADER.replace("ADT^A08", "ORU^R01"), PATIENT), CHANNEL)
    assert faults(first) == [("hl7.type.unsupported", "MSH-9")]
    assert first.faults == second.faults
    assert (first.type, first.faults[0].explanation) == ("ORU^R01", "ORU^R01 is not translated")
    assert first.recorded_at_ms == 1_767_623_400_000


def test_b25_a_type_that_is_none_is_not_repeated_in_the_fault() -> None:
    translation = unsupported(parsed(HEADER.replace("ADT^A08", "Jane Roe^x")), CHANNEL)
    assert translation.faults[0].explanation == "this type is not translated"


@pytest.mark.parametrize("sent", ["SIU^S27", "SIU^", "ADT^A29", "DFT^P99"])
def test_b25_an_unknown_trigger_of_a_known_type_is_held_with_it(sent: str) -> None:
    message = parsed(HEADER.replace("ADT^A08", sent), PATIENT, VISIT)
    assert faults(TRANSLATORS[sent[:3]](message, CHANNEL)) == [("hl7.type.unsupported", "MSH-9")]


def test_b17_a_message_in_another_character_set_is_held_with_what_the_wire_found() -> None:
    raw = f"{HEADER}\r{PATIENT}||Müller\r{VISIT}".encode("cp1252")
    message = parse(raw)
    assert not isinstance(message, Fault)
    translation = hl7v2_adt.translate(message, CHANNEL)
    assert [code for code, _ in faults(translation)] == ["hl7.charset.mismatch"]


def test_b18_what_the_wire_read_leniently_is_noted_and_stops_nothing() -> None:
    message = parse(f"{HEADER}\n{PATIENT}\n{VISIT}".encode())
    assert not isinstance(message, Fault)
    translation = hl7v2_adt.translate(message, CHANNEL)
    assert translation.status == "accepted"
    assert [note.code for note in translation.notes] == ["hl7.lenient.line_ends"]


def test_each_identifier_replaced_goes_to_the_vault_once() -> None:
    translation = heard(HEADER, PATIENT, VISIT)
    expected = {("patient", "600123"), ("account", "A5001"), ("visit", "V900")}
    assert {(secret.kind, secret.value) for secret in translation.secrets} == expected
    assert len(translation.secrets) == len(expected)
    token = TOKENIZER.token("account", "riverbend", "A5001")
    assert Secret(token, "account", "A5001") in translation.secrets
    assert f"patient_account/{token}" in {routed.stream for routed in translation.routed}


@pytest.mark.parametrize(
    "numbers",
    [
        "123456789^^^SSA^SS~77^^^RVH^PI~600123^^^RVH^MR",
        "600123^^^RVH^MR~123456789^^^SSA^SS~77^^^RVH^PI",
        '""^^^RVH^MR~600123^^^RVH^PI~9',
        "600123",
        " 600123 ^^^RVH",
    ],
)
def test_a_patient_is_known_by_the_medical_record_number_wherever_it_stands(numbers: str) -> None:
    translation = heard(HEADER, PATIENT.replace("600123^^^RVH^MR", numbers), VISIT)
    patients = [secret.value for secret in translation.secrets if secret.kind == "patient"]
    assert patients == ["600123"]


@pytest.mark.parametrize(
    ("location", "sender", "facility"),
    [("MEDSURG^^^RGH", "RNH", "RGH"), ("MEDSURG", "RNH", "RNH"), ("MEDSURG", "", "CHN")],
)
def test_a_message_without_a_facility_is_of_its_sender_s_or_its_channel_s(
    location: str, sender: str, facility: str
) -> None:
    channel = Channel(source="adt", zone=CHANNEL.zone, tokenizer=CHANNEL.tokenizer, facility="CHN")
    visit = line("PV1", {3: location, 19: "V900"})
    translation = heard(HEADER.replace("RNH", sender), PATIENT, visit, channel=channel)
    told = {getattr(routed.fact, "facility", "") for routed in translation.routed}
    assert told == {facility}


def test_deleting_the_financial_class_or_the_payer_holds_the_message() -> None:
    visit = line("PV1", {19: "V900", 20: '""'})
    translation = heard(HEADER, PATIENT, visit, 'IN1|1|PLAN|""')
    expected = [("hl7.null.unsupported", "PV1-20"), ("hl7.null.unsupported", "IN1-3")]
    assert faults(translation) == expected


def test_deleting_anything_else_reads_as_silence() -> None:
    silent = heard(HEADER, PATIENT, line("PV1", {19: "V900"}))
    visit = line("PV1", {2: '""', 3: '""', 10: '""', 19: "V900", 44: '""', 45: '""'})
    nulled = heard(HEADER, PATIENT, visit)
    assert nulled.status == "accepted"
    assert nulled.routed == silent.routed


def stuffed(name: str, fields: int, known: dict[int, str]) -> str:
    """Return a segment that says ZZPHI and a name of its own wherever nothing is `known`."""
    canaries = {number: f"ZZPHI-{name}{number}" for number in range(1, fields + 1)}
    return line(name, canaries | known)


CANARY_PATIENT = stuffed("PID", 30, {3: "ZZPHI-MRN^^^RVH^MR~ZZPHI-SSN^^^SSA^SS"})
CANARY_VISIT = line("PV1", {2: "I", 3: "MEDSURG^^^RGH", 7: "ZZPHI-DR", 19: "ZZPHI-V", 20: "CO"})
CANARY_OTHERS = (
    stuffed("PD1", 10, {}),
    stuffed("NK1", 30, {}),
    stuffed("NTE", 4, {}),
    stuffed("GT1", 50, {}),
    stuffed("IN1", 49, {1: "1", 3: "ATLAS"}),
    stuffed("IN2", 50, {}),
)
LINE = {1: "1", 4: "20260105", 5: "", 6: "CG", 7: "80053", 10: "1", 11: "9.00", 12: "", 13: "LAB"}
CANARY_MESSAGES = {
    "ADT^A01": "DG1|1",
    "ADT^A40": stuffed("MRG", 7, {1: "ZZPHI-OLD^^^RVH^MR"}),
    "DFT^P03": stuffed("FT1", 25, LINE | {25: "80053"}),
    "SIU^S12": stuffed("SCH", 25, {9: "", 11: "", 25: "Booked"}),
}


@pytest.mark.parametrize("sent", CANARY_MESSAGES)
def test_no_patient_value_enters_a_fact_a_fault_or_a_path(sent: str) -> None:
    header = HEADER.replace("ADT^A08", sent)
    others = (CANARY_VISIT, CANARY_MESSAGES[sent], *CANARY_OTHERS)
    translation = TRANSLATORS[sent[:3]](parsed(header, CANARY_PATIENT, *others), CHANNEL)
    assert translation.status == "accepted"
    assert translation.routed
    for routed in translation.routed:
        assert b"ZZPHI" not in encode_fact(routed.fact)
        assert "ZZPHI" not in routed.stream + routed.where
    assert "ZZPHI" not in str((translation.notes, translation.identities, translation.totals))
    assert all(secret.value.startswith("ZZPHI") for secret in translation.secrets)


@pytest.mark.parametrize("sent", CANARY_MESSAGES)
def test_no_patient_value_enters_what_is_said_of_a_held_message(sent: str) -> None:
    header = HEADER.replace("ADT^A08", sent).replace("20260105083000", "ZZPHI-TIME")
    others = (
        stuffed("PV1", 50, {}),
        stuffed("FT1", 30, {}),
        stuffed("SCH", 25, {}),
        *CANARY_OTHERS,
    )
    held = TRANSLATORS[sent[:3]](parsed(header, CANARY_PATIENT, *others), CHANNEL)
    assert held.status == "held"
    assert "ZZPHI" not in str((held.faults, held.notes, held.identities, held.totals))
