"""Encounters, accounts, persons and merges: ADT becomes what a registration system said.

Here: A01-A08, A11-A13 and A38 as encounter facts, each with the registration of the account that
PID-18 names; A09 and A10 as where the patient is, and nothing else; A28 and A31 as a person's
details; merges of patients (PID-3, MRG-1), accounts (PID-18, MRG-3) and visits (PV1-19, MRG-5) by
A18, A34-A36 and A40-A42, each of no more than its event is about. Not here: whether a visit may be
discharged twice; other events (A29, A37, A45 ...), held as unsupported. Next:
`processes/encounter.py`, `patient_account.py` and `patient.py`. HL7 v2 chapter 3, 3.3.
"""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

import msgspec

from suture.model.account import AccountMerged
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
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
    EncounterTransferCancelled,
    EncounterTransferred,
    EncounterUpdated,
)
from suture.model.party import PatientMerged, PatientRecorded
from suture.model.person import Address, Person, sealed
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import (
    Draft,
    clock_milliseconds,
    first_insurance,
    occurred,
    patient_number,
    patient_numbers,
    register_account,
    route_registration,
    told,
    unsupported,
)
from suture.wire.hl7v2 import Message, Segment, read_timestamp

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
        | EncounterTransferred
    ],
] = {
    "A01": EncounterAdmitted,
    "A02": EncounterTransferred,
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

_TRACKING: dict[str, type[EncounterDeparted | EncounterArrived]] = {
    "A09": EncounterDeparted,
    "A10": EncounterArrived,
}
_PERSON = frozenset({"A28", "A31"})


class _Scope(msgspec.Struct, frozen=True):
    """What an event merges: what it must name on both sides, and what it may."""

    needed: frozenset[str]
    optional: frozenset[str] = frozenset()


_MERGES = {
    "A18": _Scope(frozenset({"patient"}), frozenset({"account", "visit"})),
    "A34": _Scope(frozenset({"patient"})),
    "A35": _Scope(frozenset({"account"})),
    "A36": _Scope(frozenset({"patient", "account"})),
    "A40": _Scope(frozenset({"patient"}), frozenset({"account"})),
    "A41": _Scope(frozenset({"account"})),
    "A42": _Scope(frozenset({"visit"})),
}
"""An MRG often repeats numbers that its event leaves alone: an A34 with MRG-3 merges no account."""

_DATE_LENGTH = 8
"""YYYYMMDD: a birth date is a day on the mother's calendar, whatever offset is written after it."""


def translate(message: Message, channel: Channel) -> Translation:
    """Return what an ADT means: facts for the streams of the visit, account or patient, or merges.

    Held when it names no visit (`hl7.visit.missing`) or person (`hl7.patient.missing`), a time is
    unreadable, it deletes what decides the receivable (`hl7.null.unsupported`), or a merge does not
    say of what (`hl7.merge.unclear`).
    """
    fact_type = _FACTS.get(message.trigger)
    if fact_type is None:
        return _translate_rarer(message, channel)
    draft = Draft(message, channel)
    visit = _visit(draft)
    if not visit:
        return draft.verdict()
    patient = draft.patient()
    account = draft.account()
    visit_segment = draft.visit_segment
    began_at = draft.time(visit_segment, 44)
    ended_at = draft.time(visit_segment, 45)
    moved = _moved(draft) if fact_type is EncounterTransferred else {}
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
        **moved,
    )
    routed = [Routed(f"encounter/{visit}", fact, "PID" if visit_segment is None else "PV1")]
    if account:
        insurance = first_insurance(message.all("IN1"))
        routed.append(route_registration(register_account(draft, account, patient, insurance)))
    return draft.verdict(routed)


def _translate_rarer(message: Message, channel: Channel) -> Translation:
    scope = _MERGES.get(message.trigger)
    if scope is not None:
        return _translate_merge(Draft(message, channel), scope)
    if message.trigger in _PERSON:
        return _translate_person(Draft(message, channel))
    tracking = _TRACKING.get(message.trigger)
    if tracking is not None:
        return _translate_tracking(Draft(message, channel), tracking)
    return unsupported(message, channel)


def _visit(draft: Draft) -> str:
    """Return the surrogate of the visit, and blame a message that names none.

    A sender that keeps one visit to an account may leave PV1-19 empty: PID-18 names both then.
    """
    visit = draft.visit() or draft.token("visit", told(draft.patient_segment, 18))
    if not visit:
        draft.blame("hl7.visit.missing", "PV1-19")
    return visit


def _moved(draft: Draft) -> dict[str, Any]:
    moved_at = occurred(draft)
    return {
        "department_before": told(draft.visit_segment, 6),
        "moved_at_ms": clock_milliseconds(moved_at),
        "moved_on": None if moved_at is None else moved_at.on,
    }


def _translate_tracking(
    draft: Draft, fact_type: type[EncounterDeparted | EncounterArrived]
) -> Translation:
    """Return where a patient goes (A09) or is (A10): PV1-11 while away from the bed, else PV1-3."""
    visit, segment = _visit(draft), draft.visit_segment
    place = 11 if told(segment, 11) else 3
    fact = fact_type(
        visit=visit,
        patient=draft.patient(),
        account=draft.account(),
        facility=told(segment, place, 4) or draft.facility,
        department=told(segment, place),
        **_moved(draft),
    )
    where = "PID" if segment is None else "PV1"
    return draft.verdict([Routed(f"encounter/{visit}", fact, where)])


def _translate_person(draft: Draft) -> Translation:
    """Return a person's details (A28, A31), told to the patient alone.

    A visit, account or insurance that stands beside them is not what the event is about (3.3.28).
    """
    patient = draft.patient()
    if not patient:
        draft.blame("hl7.patient.missing", "PID-3")
    secret = sealed(_person(draft.patient_segment), draft.channel.tokenizer)
    if secret is not None:
        draft.keep(secret)
    fact = PatientRecorded(patient=patient, person="" if secret is None else secret.token)
    return draft.verdict([Routed(f"patient/{patient}", fact, "PID")])


def _person(segment: Segment | None) -> Person:
    """Read PID-5, PID-7, PID-8, PID-11 and PID-13, the first of each.

    What is no date is not guessed at, and no reason to hold the message: no booking hangs on it.
    """
    return Person(
        family=told(segment, 5),
        given=told(segment, 5, 2),
        middle=told(segment, 5, 3),
        suffix=told(segment, 5, 4),
        born_on=_born_on(told(segment, 7)),
        sex=told(segment, 8),
        address=Address(
            lines=tuple(line for number in (1, 2) if (line := told(segment, 11, number))),
            city=told(segment, 11, 3),
            state=told(segment, 11, 4),
            postcode=told(segment, 11, 5),
            country=told(segment, 11, 6),
        ),
        telephone=told(segment, 13) or told(segment, 13, 12),
    )


def _born_on(text: str) -> date | None:
    timestamp = read_timestamp(text[:_DATE_LENGTH], UTC)
    return None if timestamp is None or timestamp.precision != "day" else timestamp.on


class _Side(msgspec.Struct):
    """Who lives on (a PID and the PV1 after its MRG), and who lives on in it."""

    survivor: Segment
    visit: Segment | None = None
    retired: list[Segment] = []


def _translate_merge(draft: Draft, scope: _Scope) -> Translation:
    """Return the merges of a message, which may name several: each MRG goes into the PID before it.

    The visit that lives on stands after its MRG, in the PV1 before the next PID (A18, A42).
    """
    sides: list[_Side] = []
    for segment in draft.message.segments:
        if segment.name == "PID":
            sides.append(_Side(segment))
        elif segment.name == "MRG" and not sides:
            draft.blame("hl7.merge.unclear", segment.where(), "no PID stands before this MRG")
        elif segment.name == "MRG":
            sides[-1].retired.append(segment)
        elif segment.name == "PV1" and sides and sides[-1].visit is None:
            sides[-1].visit = segment
    if not (sides or draft.faults):
        draft.blame("hl7.merge.unclear", "PID", "no MRG follows this PID")
    routed: list[Routed] = []
    for side in sides:
        if not side.retired:
            draft.blame("hl7.merge.unclear", side.survivor.where(), "no MRG follows this PID")
        for retired in side.retired:
            routed += _merge(draft, scope, side, retired)
    return draft.verdict(routed)


def _merge(draft: Draft, scope: _Scope, side: _Side, retired: Segment) -> list[Routed]:
    """Return what a PID with its PV1 (`side`) and an MRG (`retired`) merge.

    The same patient on both sides with two accounts is a merge of accounts alone.
    """
    numbers: dict[str, tuple[str, str]] = {}
    for kind in ("patient", "account", "visit"):
        if kind not in scope.needed | scope.optional:
            continue
        pair = _pair(kind, side, retired)
        if pair is not None:
            numbers[kind] = pair
        elif kind in scope.needed:
            field, explanation = _UNCLEAR[kind]
            draft.blame("hl7.merge.unclear", retired.where(field), explanation)
    if scope.needed - numbers.keys():
        return []
    where = retired.where()
    routed: list[Routed] = []
    for kind, pair in numbers.items():
        surviving, retiring = (draft.token(kind, number) for number in pair)
        if surviving == retiring:
            continue
        sides = (surviving, retiring)
        routed += [_merged(kind, side, retiring, surviving, where) for side in sides]
    if not routed:
        named = " and ".join(sorted(numbers))
        draft.blame("hl7.merge.unclear", where, f"both sides name the same {named}")
    return routed


_UNCLEAR = {
    "patient": (1, "PID-3 and MRG-1 do not name two patients by the same type of number"),
    "account": (3, "PID-18 and MRG-3 do not name two accounts"),
    "visit": (5, "PV1-19 and MRG-5 do not name two visits"),
}
"""Kind of number -> its field in MRG, and what a steward reads."""


def _pair(kind: str, side: _Side, retired: Segment) -> tuple[str, str] | None:
    """Return the surviving and the retired number of a kind, None where either is not told."""
    if kind == "patient":
        return _patient_pair(side.survivor, retired)
    if kind == "account":
        pair = told(side.survivor, 18), told(retired, 3)
    else:
        pair = told(side.visit, 19), told(retired, 5)
    return pair if all(pair) else None


def _merged(kind: str, told_to: str, retired: str, survivor: str, where: str) -> Routed:
    match kind:
        case "patient":
            patient = PatientMerged(patient=told_to, retired=retired, survivor=survivor)
            return Routed(f"patient/{told_to}", patient, where)
        case "account":
            account = AccountMerged(account=told_to, retired=retired, survivor=survivor)
            return Routed(f"patient_account/{told_to}", account, where)
        case _:
            visit = EncounterMerged(visit=told_to, retired=retired, survivor=survivor)
            return Routed(f"encounter/{told_to}", visit, where)


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
