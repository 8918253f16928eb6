"""What registration said about a visit, its account and merges (translate/hl7v2_adt.py, ADT)."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from suture.model.account import AccountMerged, AccountRegistered
from suture.model.encounter import EncounterAdmitted, EncounterDischarged, EncounterRegistered
from suture.model.event import Fact, fact_type
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.party import PatientMerged
from suture.model.translation import Channel, Routed, Translation
from suture.translate import hl7v2_adt
from suture.wire.hl7v2 import parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="adt", zone=ZoneInfo("America/Chicago"), tokenizer=TOKENIZER, authority="riverbend"
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def surrogate(kind: str, number: str) -> str:
    """Return what stands in every fact for this number."""
    return TOKENIZER.token(kind, "riverbend", number)


def heard(*segments: str, trigger: str = "A01") -> Translation:
    """Return what an ADT message of these segments means."""
    header = rf"MSH|^~\&|EPICADT|RGH|SUTURE|RVH|20260105083000||ADT^{trigger}|M1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    assert not isinstance(message, Fault)
    return hl7v2_adt.translate(message, CHANNEL)


def facts(*segments: str, trigger: str = "A01") -> list[Fact]:
    """Return the facts of an ADT message that is accepted."""
    translation = heard(*segments, trigger=trigger)
    assert (translation.status, translation.faults) == ("accepted", ())
    return [routed.fact for routed in translation.routed]


PATIENT = line("PID", {3: "600123^^^RVH^MR", 18: "A5001"})
VISIT = {2: "I", 3: "MEDSURG^12^A^RGH", 10: "MED", 19: "V900"}


def test_an_admission_tells_the_visit_and_who_pays_for_the_account() -> None:
    visit = line("PV1", VISIT | {20: "MA", 44: "20260105081500", 45: "20260109"})
    translation = heard(PATIENT, visit, "IN1|1|GOLD|MCR|MEDICARE")
    patient, account = surrogate("patient", "600123"), surrogate("account", "A5001")
    admitted = EncounterAdmitted(
        visit=surrogate("visit", "V900"),
        patient=patient,
        account=account,
        patient_class="I",
        facility="RGH",
        department="MEDSURG",
        hospital_service="MED",
        began_at_ms=1_767_622_500_000,
        began_on=date(2026, 1, 5),
        ended_on=date(2026, 1, 9),
    )
    registered = AccountRegistered(
        account=account,
        patient=patient,
        facility="RGH",
        patient_class="I",
        financial_class="MA",
        payer="MCR",
    )
    assert translation.routed == (
        Routed(f"encounter/{admitted.visit}", admitted, "PV1"),
        Routed(f"patient_account/{account}", registered, "PV1"),
    )


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("A01", "encounter.admitted"),
        ("A03", "encounter.discharged"),
        ("A04", "encounter.registered"),
        ("A05", "encounter.preadmitted"),
        ("A06", "encounter.made_inpatient"),
        ("A07", "encounter.made_outpatient"),
        ("A08", "encounter.updated"),
        ("A11", "encounter.cancelled"),
        ("A12", "encounter.transfer_cancelled"),
        ("A13", "encounter.discharge_cancelled"),
        ("A38", "encounter.preadmission_cancelled"),
    ],
)
def test_each_trigger_is_one_fact_about_the_visit(trigger: str, expected: str) -> None:
    told, registered = facts(PATIENT, line("PV1", VISIT), trigger=trigger)
    assert (fact_type(told), fact_type(registered)) == (expected, "account.registered")


def test_a_sender_that_keeps_one_visit_to_an_account_names_both_by_the_account() -> None:
    registered, account = facts(PATIENT, line("PV1", VISIT | {19: '""'}), trigger="A04")
    assert isinstance(registered, EncounterRegistered)
    assert registered.visit == surrogate("visit", "A5001")
    assert isinstance(account, AccountRegistered)
    assert account.account == surrogate("account", "A5001")


def test_a_visit_without_an_account_registers_none() -> None:
    (told,) = facts("PID|1||600123", line("PV1", VISIT), trigger="A03")
    assert isinstance(told, EncounterDischarged)
    assert told.account == ""


def test_a_message_without_a_visit_segment_is_about_its_account() -> None:
    translation = heard(PATIENT, "IN1|1|GOLD|ATLAS", trigger="A08")
    assert [routed.where for routed in translation.routed] == ["PID", "IN1"]


@pytest.mark.parametrize("segments", [("PID|1||600123",), ("PV1|1|I",), ()])
def test_a_message_that_names_neither_visit_nor_account_is_held(segments: tuple[str, ...]) -> None:
    (fault,) = heard(*segments).faults
    assert (fault.code, fault.where) == ("hl7.visit.missing", "PV1-19")


@pytest.mark.parametrize(
    ("insurances", "payer"),
    [
        (("IN1|2|B|ATLAS", "IN1|1|A|MCR"), "MCR"),
        (("IN1|002|B|ATLAS", "IN1|001|A|MCR"), "MCR"),
        (("IN1||B|ATLAS^^^CO", "IN1||A|MCR"), "ATLAS"),
        ((), ""),
    ],
)
def test_the_payer_is_that_of_the_first_insurance(insurances: tuple[str, ...], payer: str) -> None:
    registered = facts(PATIENT, line("PV1", VISIT), *insurances)[1]
    assert isinstance(registered, AccountRegistered)
    assert registered.payer == payer


def test_a_merge_is_told_to_both_patients_and_to_both_accounts() -> None:
    retired = line("MRG", {1: "600999^^^RVH^MR", 3: "A4000"})
    translation = heard(PATIENT, retired, trigger="A40")
    survivor, gone = surrogate("patient", "600123"), surrogate("patient", "600999")
    kept, closed = surrogate("account", "A5001"), surrogate("account", "A4000")
    merged = [PatientMerged(patient=p, retired=gone, survivor=survivor) for p in (survivor, gone)]
    joined = [AccountMerged(account=a, retired=closed, survivor=kept) for a in (kept, closed)]
    assert translation.routed == (
        *(Routed(f"patient/{fact.patient}", fact, "MRG") for fact in merged),
        *(Routed(f"patient_account/{fact.account}", fact, "MRG") for fact in joined),
    )
    told = {secret.value for secret in translation.secrets}
    assert told == {"600123", "600999", "A5001", "A4000"}


def test_several_merges_in_one_message_pair_each_mrg_with_the_pid_before_it() -> None:
    translation = heard(
        "PID|1||1^^^RVH^MR",
        "PD1|1",
        "MRG|11",
        "PID|2||2^^^RVH^MR",
        "MRG|22",
        "MRG|23",
        trigger="A40",
    )
    merged = [
        (routed.fact.retired, routed.fact.survivor, routed.where)
        for routed in translation.routed[::2]
        if isinstance(routed.fact, PatientMerged)
    ]
    assert merged == [
        (surrogate("patient", "11"), surrogate("patient", "1"), "MRG"),
        (surrogate("patient", "22"), surrogate("patient", "2"), "MRG[2]"),
        (surrogate("patient", "23"), surrogate("patient", "2"), "MRG[3]"),
    ]


@pytest.mark.parametrize(
    ("surviving", "retiring", "expected"),
    [
        pytest.param("1^^^R^PI~2^^^R^MR", "8^^^R^PI~9^^^R^MR", ("2", "9"), id="record numbers"),
        pytest.param("2^^^R^MR~1^^^R^PI", "8^^^R^PI", ("1", "8"), id="only the other type"),
        pytest.param("1^^^R^PI", "9^^^R^MR~8^^^R^PI", ("1", "8"), id="the survivor's type"),
        pytest.param("2^^^R^MR", "9", ("2", "9"), id="type left out"),
    ],
)
def test_a_merge_pairs_numbers_of_one_type(
    surviving: str, retiring: str, expected: tuple[str, str]
) -> None:
    told = facts(f"PID|1||{surviving}", f"MRG|{retiring}", trigger="A40")[0]
    assert isinstance(told, PatientMerged)
    survivor, retired = (surrogate("patient", number) for number in expected)
    assert (told.survivor, told.retired) == (survivor, retired)


def test_one_patient_on_both_sides_merges_accounts_alone() -> None:
    told = facts(PATIENT, line("MRG", {1: "600123^^^RVH^MR", 3: "A4000"}), trigger="A40")
    assert [fact_type(fact) for fact in told] == ["account.merged", "account.merged"]


@pytest.mark.parametrize(
    ("segments", "where"),
    [
        pytest.param((), ["PID"], id="neither"),
        pytest.param((PATIENT,), ["PID"], id="no MRG"),
        pytest.param(("MRG|9",), ["MRG"], id="no PID"),
        pytest.param((PATIENT, "PID|2||1", "MRG|9"), ["PID"], id="a PID without MRG"),
        pytest.param((PATIENT, "MRG|"), ["MRG-1"], id="MRG-1 empty"),
        pytest.param((PATIENT, "MRG|9^^^RVH^PI"), ["MRG-1"], id="two types"),
        pytest.param((PATIENT, "MRG|600123"), ["MRG"], id="itself"),
        pytest.param((PATIENT, "MRG|9", PATIENT, 'MRG|""'), ["MRG[2]-1"], id="one of two"),
    ],
)
def test_a_merge_that_does_not_say_who_lives_on_in_whom_is_held(
    segments: tuple[str, ...], where: list[str]
) -> None:
    faults = heard(*segments, trigger="A40").faults
    assert {fault.code for fault in faults} == {"hl7.merge.unclear"}
    assert [fault.where for fault in faults] == where
