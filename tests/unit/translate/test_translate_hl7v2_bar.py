"""What was said of a billing account, and how a visit is coded (translate/hl7v2_bar.py, BAR)."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from suture.model.account import AccountEnded, AccountOpened, AccountPurged, AccountRegistered
from suture.model.encounter import Diagnosis, EncounterCoded, Procedure
from suture.model.event import fact_type
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Routed, Translation
from suture.translate import hl7v2_bar
from suture.wire.hl7v2 import parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="billing", zone=ZoneInfo("America/Chicago"), tokenizer=TOKENIZER, authority="riverbend"
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def surrogate(kind: str, number: str) -> str:
    """Return what stands in every fact for this number."""
    return TOKENIZER.token(kind, "riverbend", number)


def heard(*segments: str, trigger: str) -> Translation:
    """Return what a BAR message of these segments means."""
    header = rf"MSH|^~\&|PATACC|RGH|SUTURE|RVH|20260105083000||BAR^{trigger}|M1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    assert not isinstance(message, Fault)
    return hl7v2_bar.translate(message, CHANNEL)


EVENT = line("EVN", {2: "20260105083000", 6: "20260104"})
PATIENT = line("PID", {3: "600123^^^RVH^MR", 18: "A5001"})
VISIT = line("PV1", {2: "I", 3: "MEDSURG^12^A^RGH", 19: "V900", 20: "MA"})
ACCOUNT = surrogate("account", "A5001")
STREAM = f"patient_account/{ACCOUNT}"


def test_an_account_that_is_added_begins_and_says_who_pays() -> None:
    translation = heard(EVENT, PATIENT, VISIT, "IN1|2|B|ATLAS", "IN1|1|A|MCR", trigger="P01")
    registered = AccountRegistered(
        account=ACCOUNT,
        patient=surrogate("patient", "600123"),
        facility="RGH",
        patient_class="I",
        financial_class="MA",
        payer="MCR",
    )
    assert translation.routed == (
        Routed(STREAM, AccountOpened(account=ACCOUNT, opened_on=date(2026, 1, 4)), "PID"),
        Routed(STREAM, registered, "PV1"),
    )


def test_an_account_that_is_updated_says_who_pays_and_does_not_begin_again() -> None:
    translation = heard(EVENT, PATIENT, VISIT, trigger="P05")
    assert ["account.registered"] == [fact_type(routed.fact) for routed in translation.routed]


def test_the_end_of_several_accounts_is_told_to_each() -> None:
    other = line("PID", {3: "600124", 18: "A5002"})
    translation = heard(EVENT, PATIENT, other, trigger="P06")
    ended = [
        AccountEnded(account=surrogate("account", number), ended_on=date(2026, 1, 4))
        for number in ("A5001", "A5002")
    ]
    assert translation.routed == tuple(
        Routed(f"patient_account/{fact.account}", fact, where)
        for fact, where in zip(ended, ("PID", "PID[2]"), strict=True)
    )


def test_a_purge_without_the_day_it_happened_is_of_the_day_it_was_recorded() -> None:
    translation = heard("EVN||20260105083000", PATIENT, trigger="P02")
    purged = AccountPurged(account=ACCOUNT, purged_on=date(2026, 1, 5))
    assert (Routed(STREAM, purged, "PID"),) == translation.routed


@pytest.mark.parametrize("trigger", ["P01", "P02", "P05", "P06"])
@pytest.mark.parametrize("segments", [("PID|1||600123", VISIT), ()])
def test_a_message_that_names_no_account_is_held(trigger: str, segments: tuple[str, ...]) -> None:
    (fault,) = heard(EVENT, *segments, trigger=trigger).faults
    assert ("hl7.account.missing", "PID-18") == (fault.code, fault.where)


def test_a_financial_class_that_is_deleted_holds_the_message() -> None:
    (fault,) = heard(EVENT, PATIENT, line("PV1", {19: "V900", 20: '""'}), trigger="P05").faults
    assert ("hl7.null.unsupported", "PV1-20") == (fault.code, fault.where)


DIAGNOSES = (
    line("DG1", {1: "1", 3: "I50.9^Heart failure^I10", 6: "F", 15: "1", 26: "Y"}),
    line("DG1", {1: "2", 2: "I9", 3: "428.0", 6: "A"}),
    line("DG1", {1: "3", 3: "^waits for its coder", 6: "W"}),
)
PROCEDURE = line("PR1", {1: "1", 3: "93000^ECG^C4", 5: "202601050700", 14: "1"})


@pytest.mark.parametrize("trigger", ["P12", "P01", "P05"])
def test_the_coding_of_a_visit_is_told_to_the_visit(trigger: str) -> None:
    translation = heard(EVENT, PATIENT, VISIT, *DIAGNOSES, "DRG|291", PROCEDURE, trigger=trigger)
    visit = surrogate("visit", "V900")
    coded = EncounterCoded(
        visit=visit,
        patient=surrogate("patient", "600123"),
        account=ACCOUNT,
        diagnoses=(
            Diagnosis(code="I50.9", coding="I10", kind="F", rank="1", present_on_admission="Y"),
            Diagnosis(code="428.0", coding="I9", kind="A"),
        ),
        procedures=(Procedure(code="93000", coding="C4", performed_on=date(2026, 1, 5), rank="1"),),
        drg="291",
    )
    assert () == translation.faults
    assert Routed(f"encounter/{visit}", coded, "DG1") == translation.routed[-1]


def test_each_visit_of_an_account_has_its_own_coding() -> None:
    second = line("PV1", {19: "V901"})
    translation = heard(EVENT, PATIENT, VISIT, DIAGNOSES[0], second, PROCEDURE, trigger="P01")
    assert [surrogate("visit", "V900"), surrogate("visit", "V901")] == [
        routed.fact.visit
        for routed in translation.routed
        if isinstance(routed.fact, EncounterCoded)
    ]


def test_a_coding_that_says_what_it_does_to_an_earlier_one_is_not_the_whole() -> None:
    removed = line("DG1", {1: "1", 3: "I50.9", 20: "DX7", 21: "D"})
    (routed,) = heard(EVENT, PATIENT, VISIT, removed, trigger="P12").routed
    assert isinstance(routed.fact, EncounterCoded)
    assert not routed.fact.is_whole
    expected = Diagnosis(code="I50.9", number=surrogate("coding", "DX7"), action="D")
    assert (expected,) == routed.fact.diagnoses


def test_one_visit_kept_to_an_account_is_coded_under_the_account_s_number() -> None:
    (routed,) = heard(EVENT, PATIENT, DIAGNOSES[0], trigger="P12").routed
    assert f"encounter/{surrogate('visit', 'A5001')}" == routed.stream


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        pytest.param((PATIENT, VISIT), ("hl7.coding.missing", "DG1"), id="no coding"),
        pytest.param((PATIENT, VISIT, DIAGNOSES[2]), ("hl7.coding.missing", "DG1"), id="no code"),
        pytest.param(
            ("PID|1||600123", "PV1|1|I", DIAGNOSES[0]),
            ("hl7.visit.missing", "PV1-19"),
            id="no visit",
        ),
        pytest.param(
            (PATIENT, VISIT, line("PR1", {3: "93000", 5: "20260230"})),
            ("hl7.timestamp.invalid", "PR1-5.1"),
            id="no such day",
        ),
    ],
)
def test_a_coding_that_cannot_be_kept_is_held(
    segments: tuple[str, ...], expected: tuple[str, str]
) -> None:
    (fault,) = heard(EVENT, *segments, trigger="P12").faults
    assert expected == (fault.code, fault.where)


def test_b25_an_event_nobody_translates_is_held() -> None:
    (fault,) = heard(EVENT, PATIENT, trigger="P10").faults
    assert "hl7.type.unsupported" == fault.code
