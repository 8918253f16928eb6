"""Encounters, accounts and merges: ADT becomes what a registration system said about a visit.

Here: A01, A03-A08, A11-A13 and A38 as encounter facts, each with the registration of the account
that PID-18 names; A40 as merges of patients (PID-3, MRG-1) and accounts (PID-18, MRG-3). Not here:
events of persons (A28, A31) and other merges (A18, A34-A36, A41), held as unsupported; whether a
visit may be discharged twice. Next: `processes/encounter.py`, `patient_account.py` and
`patient.py`. HL7 v2 chapter 3, 3.3.
"""

from __future__ import annotations

from suture.model.account import AccountMerged
from suture.model.encounter import (
    EncounterAdmitted,
    EncounterCancelled,
    EncounterDischargeCancelled,
    EncounterDischarged,
    EncounterMadeInpatient,
    EncounterMadeOutpatient,
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
    EncounterTransferCancelled,
    EncounterUpdated,
)
from suture.model.party import PatientMerged
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import (
    Draft,
    clock_milliseconds,
    first_insurance,
    patient_number,
    patient_numbers,
    register_account,
    route_registration,
    told,
    unsupported,
)
from suture.wire.hl7v2 import Message, Segment

_FACTS: dict[
    str,
    type[
        EncounterAdmitted
        | EncounterDischarged
        | EncounterRegistered
        | EncounterPreadmitted
        | EncounterMadeInpatient
        | EncounterMadeOutpatient
        | EncounterUpdated
        | EncounterCancelled
        | EncounterTransferCancelled
        | EncounterDischargeCancelled
        | EncounterPreadmissionCancelled
    ],
] = {
    "A01": EncounterAdmitted,
    "A03": EncounterDischarged,
    "A04": EncounterRegistered,
    "A05": EncounterPreadmitted,
    "A06": EncounterMadeInpatient,
    "A07": EncounterMadeOutpatient,
    "A08": EncounterUpdated,
    "A11": EncounterCancelled,
    "A12": EncounterTransferCancelled,
    "A13": EncounterDischargeCancelled,
    "A38": EncounterPreadmissionCancelled,
}

_MERGE = "A40"


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an ADT means: facts for the visit's and the account's streams, or merges (A40).

    Held when it names no visit (`hl7.visit.missing`), a time is unreadable, it deletes what decides
    the receivable (`hl7.null.unsupported`), or a merge does not say of whom (`hl7.merge.unclear`).
    """
    if message.trigger == _MERGE:
        return _translate_merge(Draft(message, channel))
    fact_type = _FACTS.get(message.trigger)
    if fact_type is None:
        return unsupported(message, channel)
    draft = Draft(message, channel)
    # A sender that keeps one visit to an account may leave PV1-19 empty: PID-18 names both then.
    visit = draft.visit() or draft.token("visit", told(draft.patient_segment, 18))
    if not visit:
        draft.blame("hl7.visit.missing", "PV1-19")
        return draft.verdict()
    patient = draft.patient()
    account = draft.account()
    visit_segment = draft.visit_segment
    began_at = draft.time(visit_segment, 44)
    ended_at = draft.time(visit_segment, 45)
    fact = fact_type(
        visit=visit,
        patient=patient,
        account=account,
        patient_class=told(visit_segment, 2),
        facility=draft.facility,
        department=told(visit_segment, 3),
        hospital_service=told(visit_segment, 10),
        began_at_ms=clock_milliseconds(began_at),
        began_on=None if began_at is None else began_at.on,
        ended_at_ms=clock_milliseconds(ended_at),
        ended_on=None if ended_at is None else ended_at.on,
    )
    routed = [Routed(f"encounter/{visit}", fact, "PID" if visit_segment is None else "PV1")]
    if account:
        insurance = first_insurance(message.all("IN1"))
        routed.append(route_registration(register_account(draft, account, patient, insurance)))
    return draft.verdict(routed)


def _translate_merge(draft: Draft) -> Translation:
    """Return the merges of an A40, which may name several: each MRG goes into the PID before it."""
    routed: list[Routed] = []
    survivor: Segment | None = None
    is_answered = False
    for segment in draft.message.segments:
        if segment.name == "PID":
            if survivor is not None and not is_answered:
                draft.blame("hl7.merge.unclear", survivor.where(), "no MRG follows this PID")
            survivor, is_answered = segment, False
        elif segment.name == "MRG":
            is_answered = True
            if survivor is None:
                draft.blame("hl7.merge.unclear", segment.where(), "no PID stands before this MRG")
            else:
                routed += _merge(draft, survivor, segment)
    if not is_answered:
        where = "PID" if survivor is None else survivor.where()
        draft.blame("hl7.merge.unclear", where, "no MRG follows this PID")
    return draft.verdict(routed)


def _merge(draft: Draft, survivor: Segment, retired: Segment) -> list[Routed]:
    """Return what a PID (`survivor`) and an MRG (`retired`) merge: patients, accounts, or both.

    The same patient on both sides with two accounts is a merge of accounts alone.
    """
    patients = _patient_pair(survivor, retired)
    if patients is None:
        explanation = "PID-3 and MRG-1 do not name two patients by the same type of number"
        draft.blame("hl7.merge.unclear", retired.where(1), explanation)
        return []
    where = retired.where()
    routed: list[Routed] = []
    surviving, retiring = (draft.token("patient", number) for number in patients)
    if surviving != retiring:
        for patient in (surviving, retiring):
            merged = PatientMerged(patient=patient, retired=retiring, survivor=surviving)
            routed.append(Routed(f"patient/{patient}", merged, where))
    kept, closed = (
        draft.token("account", told(survivor, 18)),
        draft.token("account", told(retired, 3)),
    )
    if kept and closed and kept != closed:
        for account in (kept, closed):
            joined = AccountMerged(account=account, retired=closed, survivor=kept)
            routed.append(Routed(f"patient_account/{account}", joined, where))
    if not routed:
        draft.blame("hl7.merge.unclear", where, "both sides name the same patient and account")
    return routed


def _patient_pair(survivor: Segment, retired: Segment) -> tuple[str, str] | None:
    """Return the surviving and the retired patient number, of one type (A40, 3.3.40), or None.

    A type left out on one side is taken to be the other's.
    """
    surviving, surviving_type = patient_number(survivor, 3)
    retiring, retiring_type = patient_number(retired, 1)
    if not (surviving and retiring):
        return None
    if surviving_type == retiring_type or not (surviving_type and retiring_type):
        return surviving, retiring
    for number, number_type in patient_numbers(retired, 1):
        if number_type == surviving_type:
            return surviving, number
    for number, number_type in patient_numbers(survivor, 3):
        if number_type == retiring_type:
            return number, retiring
    return None
