"""Encounters, accounts and merges: ADT messages become what a registration system said about a visit.

Here: A01 A03-A08 A11-A13 A38 as encounter facts, each with the account's registration where PID-18 names an
account; A40 as merges of patients (PID-3, MRG-1) and accounts (PID-18, MRG-3). Not here: person-level events
(A28, A31) and the other merges (A18, A34-A36, A41), held as unsupported; whether a visit may be discharged
twice. Next: `processes/encounter.py`, `processes/patient_account.py`, `processes/patient.py`. HL7 v2 chapter 3, 3.3.
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
    Reading,
    clock_milliseconds,
    patient_number,
    patient_numbers,
    register_account,
    told,
    unsupported,
)
from suture.wire.hl7v2 import Message, Segment

_FACTS = {
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
    """Return what an ADT message means: facts for the visit's and the account's streams, or merges (A40).

    Held when it names no visit (`hl7.visit.missing`), tells an unreadable time, deletes what decides the
    receivable (`hl7.null.unsupported`), or is a merge that does not say of what (`hl7.merge.*`).
    """
    if message.trigger == _MERGE:
        return _translate_merge(Reading(message, channel))
    fact_type = _FACTS.get(message.trigger)
    if fact_type is None:
        return unsupported(message, channel)
    reading = Reading(message, channel)
    account_number = told(reading.patient_segment, 18)
    # A sender that keeps one visit to an account may leave PV1-19 empty: the account number is its name too.
    visit = reading.visit() or reading.token("visit", account_number)
    if not visit:
        reading.blame("hl7.visit.missing", "PV1-19")
        return reading.verdict()
    patient = reading.patient()
    account = reading.account()
    visit_segment = reading.visit_segment
    began_at = reading.time(visit_segment, 44)
    ended_at = reading.time(visit_segment, 45)
    fact = fact_type(
        visit=visit,
        patient=patient,
        account=account,
        patient_class=told(visit_segment, 2),
        facility=reading.facility(),
        department=told(visit_segment, 3),
        hospital_service=told(visit_segment, 10),
        began_at_ms=clock_milliseconds(began_at),
        began_on=None if began_at is None else began_at.on,
        ended_at_ms=clock_milliseconds(ended_at),
        ended_on=None if ended_at is None else ended_at.on,
    )
    routed = [Routed(f"encounter/{visit}", fact, "PID" if visit_segment is None else "PV1")]
    if account:
        registered = register_account(reading, account, patient, message.all("IN1"))
        routed.append(Routed(f"patient_account/{account}", registered, "PID"))
    return reading.verdict(routed)


def _translate_merge(reading: Reading) -> Translation:
    """Return the merges of an A40, which may name several: each MRG is merged into the PID before it."""
    routed: list[Routed] = []
    survivor: Segment | None = None
    is_answered = False
    for segment in reading.message.segments:
        if segment.name == "PID":
            if survivor is not None and not is_answered:
                reading.blame("hl7.merge.unclear", survivor.where(), "no MRG follows this PID")
            survivor, is_answered = segment, False
        elif segment.name == "MRG":
            is_answered = True
            if survivor is None:
                reading.blame("hl7.merge.unclear", segment.where(), "no PID stands before this MRG")
            else:
                routed += _merge(reading, survivor, segment)
    if not is_answered:
        at = "PID" if survivor is None else survivor.where()
        reading.blame("hl7.merge.unclear", at, "no MRG follows this PID")
    return reading.verdict(routed)


def _merge(reading: Reading, survivor: Segment, retired: Segment) -> list[Routed]:
    """Return what one PID (`survivor`) and MRG (`retired`) merge: patients, and accounts where both name one.

    The same patient on both sides with two accounts is a merge of accounts alone.
    """
    patients = _patient_pair(survivor, retired)
    if patients is None:
        explanation = "PID-3 and MRG-1 do not name two patients by the same type of number"
        reading.blame("hl7.merge.unclear", retired.where(1), explanation)
        return []
    accounts = told(survivor, 18), told(retired, 3)
    where = retired.where()
    routed: list[Routed] = []
    if patients[0] != patients[1]:
        surviving, retiring = (reading.token("patient", number) for number in patients)
        for patient in (surviving, retiring):
            fact = PatientMerged(patient=patient, retired=retiring, survivor=surviving)
            routed.append(Routed(f"patient/{patient}", fact, where))
    if all(accounts) and accounts[0] != accounts[1]:
        surviving, retiring = (reading.token("account", number) for number in accounts)
        for account in (surviving, retiring):
            merged = AccountMerged(account=account, retired=retiring, survivor=surviving)
            routed.append(Routed(f"patient_account/{account}", merged, where))
    if not routed:
        reading.blame("hl7.merge.unclear", where, "both sides name the same patient and account")
    return routed


def _patient_pair(survivor: Segment, retired: Segment) -> tuple[str, str] | None:
    """Return the surviving and the retired patient number, of one type (chapter 3, A40); None without such a pair.

    A type left out on either side is taken to be the other's.
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
