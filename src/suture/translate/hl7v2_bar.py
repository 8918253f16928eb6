"""Billing accounts: BAR becomes what a registration system said of an account, and how it is coded.

Here: P01 opens an account and P05 changes it, each with who pays (PV1-20, IN1) as an ADT tells it;
P06 ends, P02 purges the account of every PID; the coding of a visit (DG1, PR1, DRG) by P12, P01 and
P05. Not here: charges (`hl7v2_dft.py`); P10, an APC grouper's result, is held as unsupported. Next:
`processes/patient_account.py`, for coding `encounter.py`. HL7 v2 chapter 6, 6.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from suture.model.account import AccountEnded, AccountOpened, AccountPurged
from suture.model.encounter import Diagnosis, EncounterCoded, Procedure
from suture.model.translation import Channel, Routed, Translation
from suture.translate.hl7v2_common import (
    Draft,
    first_insurance,
    occurred,
    register_account,
    route_registration,
    told,
    unsupported,
)
from suture.wire.hl7v2 import Message, Segment

_OPENED, _ENDED = "P01", "P06"
_CODING = frozenset({"DG1", "PR1", "DRG"})


def translate(message: Message, channel: Channel) -> Translation:
    """Return what a BAR means, for the streams of its accounts and visits.

    Held when it names no account (`hl7.account.missing`), a coding no visit (`hl7.visit.missing`),
    a P12 codes nothing (`hl7.coding.missing`), a date is unreadable, or it deletes what decides the
    receivable (`hl7.null.unsupported`).
    """
    draft = Draft(message, channel)
    match message.trigger:
        case "P01" | "P05":
            return draft.verdict([*_account(draft), *_codings(draft)])
        case "P02" | "P06":
            return draft.verdict(list(_closings(draft)))
        case "P12":
            codings = list(_codings(draft))
            if not (codings or draft.faults):
                draft.blame("hl7.coding.missing", "DG1")
            return draft.verdict(codings)
        case _:
            return unsupported(message, channel)


def _account(draft: Draft) -> Iterator[Routed]:
    """Tell that an account begins (P01) or is changed (P05), and who is expected to pay for it.

    Of several visits the first one's class, financial class and insurance are the account's.
    """
    account = draft.account()
    if not account:
        draft.blame("hl7.account.missing", "PID-18")
        return
    if draft.message.trigger == _OPENED:
        opened = AccountOpened(account=account, opened_on=_occurred_on(draft))
        yield Routed(f"patient_account/{account}", opened, "PID")
    insurance = first_insurance(draft.message.all("IN1"))
    yield route_registration(register_account(draft, account, draft.patient(), insurance))


def _closings(draft: Draft) -> Iterator[Routed]:
    """Tell the account of each PID that it ends (P06) or is forgotten (P02)."""
    on = _occurred_on(draft)
    patients = draft.message.all("PID")
    if not patients:
        draft.blame("hl7.account.missing", "PID-18")
    for segment in patients:
        account = draft.token("account", told(segment, 18))
        if not account:
            draft.blame("hl7.account.missing", segment.where(18))
        elif draft.message.trigger == _ENDED:
            ended = AccountEnded(account=account, ended_on=on)
            yield Routed(f"patient_account/{account}", ended, segment.where())
        else:
            purged = AccountPurged(account=account, purged_on=on)
            yield Routed(f"patient_account/{account}", purged, segment.where())


def _occurred_on(draft: Draft) -> date | None:
    at = occurred(draft)
    return None if at is None else at.on


def _codings(draft: Draft) -> Iterator[Routed]:
    """Tell how each visit is coded: what stands between its PV1 and the next."""
    patient, account = draft.patient(), draft.account()
    for visit_segment, segments in _visits(draft.message):
        diagnoses = [_diagnosis(draft, each) for each in segments if _is_coded(each, "DG1")]
        procedures = [_procedure(draft, each) for each in segments if _is_coded(each, "PR1")]
        drg = next((told(each, 1) for each in segments if each.name == "DRG"), "")
        if not (diagnoses or procedures or drg):
            continue
        # As in an ADT: where one visit is kept to an account, PID-18 names both.
        visit = draft.token("visit", told(visit_segment, 19) or told(draft.patient_segment, 18))
        if not visit:
            draft.blame("hl7.visit.missing", visit_segment.where(19) if visit_segment else "PV1-19")
        fact = EncounterCoded(
            visit=visit,
            patient=patient,
            account=account,
            diagnoses=tuple(diagnoses),
            procedures=tuple(procedures),
            drg=drg,
            is_whole=not (
                any(each.action for each in diagnoses) or any(each.action for each in procedures)
            ),
        )
        yield Routed(f"encounter/{visit}", fact, segments[0].where())


def _visits(message: Message) -> Iterator[tuple[Segment | None, list[Segment]]]:
    """Return each PV1 with the coding segments after it; None for those that stand before any."""
    visit: Segment | None = None
    segments: list[Segment] = []
    for segment in message.segments:
        if segment.name == "PV1":
            if segments:
                yield visit, segments
            visit, segments = segment, []
        elif segment.name in _CODING:
            segments.append(segment)
    if segments:
        yield visit, segments


def _is_coded(segment: Segment, name: str) -> bool:
    """Tell whether a DG1 or PR1 has a code: one of text alone waits for its coder."""
    return segment.name == name and bool(told(segment, 3))


def _diagnosis(draft: Draft, segment: Segment) -> Diagnosis:
    return Diagnosis(
        code=told(segment, 3),
        coding=told(segment, 3, 3) or told(segment, 2),
        kind=told(segment, 6),
        rank=told(segment, 15),
        present_on_admission=told(segment, 26),
        number=_number(draft, told(segment, 20)),
        action=told(segment, 21),
    )


def _procedure(draft: Draft, segment: Segment) -> Procedure:
    performed_at = draft.time(segment, 5)
    return Procedure(
        code=told(segment, 3),
        coding=told(segment, 3, 3) or told(segment, 2),
        performed_on=None if performed_at is None else performed_at.on,
        rank=told(segment, 14),
        number=_number(draft, told(segment, 19)),
        action=told(segment, 20),
    )


def _number(draft: Draft, number: str) -> str:
    """Return the surrogate of a DG1-20 or PR1-19; nobody ever needs the number itself."""
    if not number:
        return ""
    return draft.channel.tokenizer.token("coding", draft.channel.authority, number)
