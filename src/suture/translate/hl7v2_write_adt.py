"""Encounters, persons and merges written as ADT, for those that follow a patient or bill a visit.

Here: the inverse of `hl7v2_adt.py`: A01 to A13 and A38 of a visit, with the registration of its
account; A31 of a person; A40, A41 and A42 of merged patients, accounts and visits, whichever older
event told of them. HL7 v2 chapter 3, 3.3.
"""

from __future__ import annotations

from typing import assert_never

from suture.model.account import AccountMerged, AccountRegistered
from suture.model.disclosure import Disclosure
from suture.model.encounter import (
    EncounterAdmitted,
    EncounterArrived,
    EncounterCancelled,
    EncounterDeparted,
    EncounterDischargeCancelled,
    EncounterDischarged,
    EncounterMadeInpatient,
    EncounterMadeOutpatient,
    EncounterMerged,
    EncounterMove,
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
    EncounterTransferCancelled,
    EncounterTransferred,
    EncounterUpdated,
)
from suture.model.party import PatientMerged, PatientRecorded
from suture.translate.hl7v2_write import (
    Envelope,
    event,
    filled,
    message,
    moment,
    number,
    patient,
    place,
)
from suture.wire.hl7v2 import Field

AnyEncounter = (
    EncounterAdmitted
    | EncounterRegistered
    | EncounterPreadmitted
    | EncounterMadeInpatient
    | EncounterMadeOutpatient
    | EncounterUpdated
    | EncounterDischarged
    | EncounterCancelled
    | EncounterTransferCancelled
    | EncounterDischargeCancelled
    | EncounterPreadmissionCancelled
    | EncounterTransferred
    | EncounterDeparted
    | EncounterArrived
)
AnyMerge = PatientMerged | AccountMerged | EncounterMerged

_STRUCTURES = {
    "A01": "ADT_A01",
    "A02": "ADT_A02",
    "A03": "ADT_A03",
    "A04": "ADT_A01",
    "A05": "ADT_A05",
    "A06": "ADT_A06",
    "A07": "ADT_A06",
    "A08": "ADT_A01",
    "A09": "ADT_A09",
    "A10": "ADT_A09",
    "A11": "ADT_A09",
    "A12": "ADT_A12",
    "A13": "ADT_A01",
    "A31": "ADT_A05",
    "A38": "ADT_A38",
    "A40": "ADT_A39",
    "A41": "ADT_A39",
    "A42": "ADT_A39",
}
"""MSH-9.3, HL7 table 0354, as of 2.5.1."""


def render_encounter(
    fact: AnyEncounter,
    envelope: Envelope,
    disclosure: Disclosure,
    *,
    person: str = "",
    registered: AccountRegistered | None = None,
) -> bytes:
    """Return what became of a visit as its ADT, with who is expected to pay for its account.

    `person` is the surrogate of the patient's details. Raises ValueError for a registration of
    another account than the visit's.
    """
    if registered is not None and registered.account != fact.account:
        reason = "the registration is of another account than the visit's"
        raise ValueError(reason)
    before = occurred = ""
    if isinstance(fact, EncounterMove):
        before = fact.department_before
        occurred = moment(fact.moved_at_ms, fact.moved_on, envelope.zone)
    is_tracking = isinstance(fact, EncounterDeparted | EncounterArrived)
    zone = envelope.zone
    visit = filled(
        "PV1",
        {
            1: "1",
            2: fact.patient_class,
            3: place("" if is_tracking else fact.department, fact.facility),
            6: before,
            10: fact.hospital_service,
            11: place(fact.department, fact.facility) if is_tracking and fact.department else "",
            19: disclosure.told(fact.visit),
            20: "" if registered is None else registered.financial_class,
            44: moment(fact.began_at_ms, fact.began_on, zone),
            45: moment(fact.ended_at_ms, fact.ended_on, zone),
        },
    )
    trigger = _trigger(fact)
    pid = patient(disclosure, patient=fact.patient, account=fact.account, person=person)
    segments = [event(envelope, trigger, occurred), pid, visit, *_insurance(registered)]
    return message(envelope, ("ADT", trigger, _STRUCTURES[trigger]), segments)


def render_person(fact: PatientRecorded, envelope: Envelope, disclosure: Disclosure) -> bytes:
    """Return a person's details as an A31: whoever does not know the patient adds it."""
    pid = patient(disclosure, patient=fact.patient, person=fact.person)
    segments: list[list[Field]] = [event(envelope, "A31"), pid, ["PV1", "1", "N"]]
    return message(envelope, ("ADT", "A31", _STRUCTURES["A31"]), segments)


def render_merge(
    fact: AnyMerge, envelope: Envelope, disclosure: Disclosure, *, patient_token: str = ""
) -> bytes:
    """Return a merge: of patients as an A40, of accounts as an A41, of visits as an A42.

    `patient_token` is the surrogate of whose accounts or visits they are, which the fact does not
    tell and PID-3 and MRG-1 should.
    """
    kept, gone = disclosure.told(fact.survivor), disclosure.told(fact.retired)
    whose = number(disclosure.told(patient_token))
    visit: list[list[Field]] = []
    match fact:
        case PatientMerged():
            trigger = "A40"
            survivor: dict[int, Field] = {3: number(kept)}
            retired: dict[int, Field] = {1: number(gone)}
        case AccountMerged():
            trigger = "A41"
            survivor, retired = {3: whose, 18: kept}, {1: whose, 3: gone}
        case EncounterMerged():
            trigger = "A42"
            survivor, retired = {3: whose}, {1: whose, 5: gone}
            visit = [filled("PV1", {1: "1", 2: "U", 19: kept})]
        case _:
            assert_never(fact)
    segments = [
        event(envelope, trigger),
        filled("PID", {1: "1", **survivor}),
        filled("MRG", retired),
        *visit,
    ]
    return message(envelope, ("ADT", trigger, _STRUCTURES[trigger]), segments)


def _insurance(registered: AccountRegistered | None) -> list[list[Field]]:
    if registered is None or not registered.payer:
        return []
    return [filled("IN1", {1: "1", 3: registered.payer})]


def _trigger(fact: AnyEncounter) -> str:  # noqa: C901, PLR0912 - one row for each kind of fact
    match fact:
        case EncounterAdmitted():
            trigger = "A01"
        case EncounterTransferred():
            trigger = "A02"
        case EncounterDischarged():
            trigger = "A03"
        case EncounterRegistered():
            trigger = "A04"
        case EncounterPreadmitted():
            trigger = "A05"
        case EncounterMadeInpatient():
            trigger = "A06"
        case EncounterMadeOutpatient():
            trigger = "A07"
        case EncounterUpdated():
            trigger = "A08"
        case EncounterDeparted():
            trigger = "A09"
        case EncounterArrived():
            trigger = "A10"
        case EncounterCancelled():
            trigger = "A11"
        case EncounterTransferCancelled():
            trigger = "A12"
        case EncounterDischargeCancelled():
            trigger = "A13"
        case EncounterPreadmissionCancelled():
            trigger = "A38"
        case _:
            assert_never(fact)
    return trigger
