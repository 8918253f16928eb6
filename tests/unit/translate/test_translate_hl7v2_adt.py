"""What registration said about a visit, its account and merges (translate/hl7v2_adt.py, ADT)."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from suture.model.account import AccountMerged, AccountRegistered
from suture.model.encounter import (
    EncounterAdmitted,
    EncounterArrived,
    EncounterDeparted,
    EncounterDischarged,
    EncounterMerged,
    EncounterRegistered,
    EncounterTransferred,
)
from suture.model.event import Fact, fact_type
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.party import PatientMerged, PatientRecorded
from suture.model.person import Address, Person, opened
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
        ("A02", "encounter.transferred"),
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


EVENT = line("EVN", {2: "20260106101500", 6: "20260106100000"})


def test_a_transfer_tells_from_where_to_where_and_since_when() -> None:
    told = facts(EVENT, PATIENT, line("PV1", VISIT | {3: "ICU", 6: "ED^4"}), trigger="A02")[0]
    assert isinstance(told, EncounterTransferred)
    assert ("ED", "ICU", 1_767_715_200_000) == (
        told.department_before,
        told.department,
        told.moved_at_ms,
    )


def test_a_transfer_that_does_not_say_when_it_happened_happened_when_it_was_recorded() -> None:
    event = line("EVN", {2: "20260106101500"})
    told = facts(event, PATIENT, line("PV1", VISIT), trigger="A02")[0]
    assert isinstance(told, EncounterTransferred)
    assert 1_767_716_100_000 == told.moved_at_ms


@pytest.mark.parametrize(
    ("trigger", "kind"), [("A09", EncounterDeparted), ("A10", EncounterArrived)]
)
def test_tracking_tells_where_the_patient_is_and_registers_nothing(
    trigger: str, kind: type[EncounterDeparted | EncounterArrived]
) -> None:
    visit = line("PV1", VISIT | {6: "MEDSURG", 11: "XRAY^1^^RNH", 20: "MA", 44: "20260105"})
    assert [
        kind(
            visit=surrogate("visit", "V900"),
            patient=surrogate("patient", "600123"),
            account=surrogate("account", "A5001"),
            facility="RNH",
            department="XRAY",
            department_before="MEDSURG",
            moved_at_ms=1_767_715_200_000,
            moved_on=date(2026, 1, 6),
        )
    ] == facts(EVENT, PATIENT, visit, "IN1|1|GOLD|MCR", trigger=trigger)


def test_tracking_without_a_temporary_place_is_to_the_assigned_one() -> None:
    (told,) = facts(EVENT, PATIENT, line("PV1", VISIT), trigger="A10")
    assert isinstance(told, EncounterArrived)
    assert ("RGH", "MEDSURG") == (told.facility, told.department)


@pytest.mark.parametrize("trigger", ["A09", "A10", "A02"])
def test_a_move_of_no_visit_is_held(trigger: str) -> None:
    (fault,) = heard("PID|1||600123", "PV1|1|I", trigger=trigger).faults
    assert ("hl7.visit.missing", "PV1-19") == (fault.code, fault.where)


PERSON = line(
    "PID",
    {
        3: "600123^^^RVH^MR",
        5: "QUILL^ORLA^MAY^III",
        7: "198802292315-0500",
        8: "F",
        11: "12 Mill Lane^Flat 2^Riverbend^IL^60601^USA^H~PO Box 1",
        13: "5550100^PRN~5550101",
        18: "A5001",
    },
)


@pytest.mark.parametrize("trigger", ["A28", "A31"])
def test_a_person_s_details_are_told_to_the_patient_as_one_surrogate(trigger: str) -> None:
    translation = heard(PERSON, line("PV1", VISIT), "IN1|1|GOLD|MCR", trigger=trigger)
    (routed,) = translation.routed
    patient = surrogate("patient", "600123")
    (person,) = [secret for secret in translation.secrets if secret.kind == "person"]
    assert Routed(f"patient/{patient}", PatientRecorded(patient=patient, person=person.token),
                  "PID") == routed  # fmt: skip
    assert opened(person.value) == Person(
        family="QUILL",
        given="ORLA",
        middle="MAY",
        suffix="III",
        born_on=date(1988, 2, 29),
        sex="F",
        address=Address(
            lines=("12 Mill Lane", "Flat 2"),
            city="Riverbend",
            state="IL",
            postcode="60601",
            country="USA",
        ),
        telephone="5550100",
    )


@pytest.mark.parametrize("born", ["19880230", "1988", "UNKNOWN", '""'])
def test_a_birth_date_that_is_none_is_left_out_and_holds_nothing(born: str) -> None:
    pid = line("PID", {3: "600123", 5: "QUILL", 7: born})
    (person,) = [each for each in heard(pid, trigger="A31").secrets if each.kind == "person"]
    assert Person(family="QUILL") == opened(person.value)


def test_a_person_of_whom_only_the_number_is_told_has_no_details() -> None:
    patient = surrogate("patient", "600123")
    assert [PatientRecorded(patient=patient)] == facts("PID|1||600123", trigger="A28")


def test_a_person_without_a_number_is_held() -> None:
    (fault,) = heard("PID|1||^^^RVH^MR||QUILL", trigger="A28").faults
    assert ("hl7.patient.missing", "PID-3") == (fault.code, fault.where)


SURVIVOR = line("PID", {3: "600123^^^RVH^MR", 18: "A5001"})
RETIRED = line("MRG", {1: "600999^^^RVH^MR", 3: "A4000", 5: "V800"})


@pytest.mark.parametrize(
    ("trigger", "merged"),
    [
        ("A18", {"patient", "patient_account", "encounter"}),
        ("A34", {"patient"}),
        ("A35", {"patient_account"}),
        ("A36", {"patient", "patient_account"}),
        ("A40", {"patient", "patient_account"}),
        ("A41", {"patient_account"}),
        ("A42", {"encounter"}),
    ],
)
def test_a_merge_merges_what_its_event_is_about_and_nothing_else(
    trigger: str, merged: set[str]
) -> None:
    translation = heard(SURVIVOR, RETIRED, line("PV1", VISIT), trigger=trigger)
    assert () == translation.faults
    assert merged == {routed.stream.partition("/")[0] for routed in translation.routed}


def test_a_merge_of_visits_is_told_to_both_and_pairs_each_mrg_with_the_pv1_after_it() -> None:
    translation = heard(
        "PID|1||600123",
        line("MRG", {1: "600123", 5: "V800"}),
        line("PV1", VISIT),
        "PID|2||600124",
        line("MRG", {1: "600124", 5: "V801"}),
        line("PV1", VISIT | {19: "V901"}),
        trigger="A42",
    )
    pairs = [
        (routed.stream, routed.fact.retired, routed.fact.survivor)
        for routed in translation.routed
        if isinstance(routed.fact, EncounterMerged)
    ]
    kept, gone, kept_too, gone_too = (
        surrogate("visit", number) for number in ("V900", "V800", "V901", "V801")
    )
    assert pairs == [
        (f"encounter/{kept}", gone, kept),
        (f"encounter/{gone}", gone, kept),
        (f"encounter/{kept_too}", gone_too, kept_too),
        (f"encounter/{gone_too}", gone_too, kept_too),
    ]


@pytest.mark.parametrize(
    ("trigger", "segments", "where"),
    [
        pytest.param("A41", (SURVIVOR, "MRG|600123"), "MRG-3", id="no account retired"),
        pytest.param("A35", ("PID|1||600123", RETIRED), "MRG-3", id="no account survives"),
        pytest.param("A36", (SURVIVOR, "MRG|600999^^^RVH^MR"), "MRG-3", id="A36 names no account"),
        pytest.param("A42", (SURVIVOR, RETIRED), "MRG-5", id="no visit survives"),
        pytest.param(
            "A42",
            (SURVIVOR, RETIRED, "PID|2||2", line("PV1", VISIT), line("MRG", {5: "V8"})),
            "MRG-5",
            id="the visit is another patient's",
        ),
        pytest.param("A41", (SURVIVOR, line("MRG", {3: "A5001"})), "MRG", id="itself"),
    ],
)
def test_a_merge_that_does_not_name_both_sides_of_what_it_is_about_is_held(
    trigger: str, segments: tuple[str, ...], where: str
) -> None:
    faults = heard(*segments, trigger=trigger).faults
    assert [("hl7.merge.unclear", where)] == [(each.code, each.where) for each in faults]


def test_an_account_s_merge_does_not_need_its_patients_to_be_told() -> None:
    told = facts(line("PID", {18: "A5001"}), line("MRG", {3: "A4000"}), trigger="A41")
    assert ["account.merged", "account.merged"] == [fact_type(fact) for fact in told]
