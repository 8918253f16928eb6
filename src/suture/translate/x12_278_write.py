"""Writes the 278: requests for authorization, and a payer's decisions on them. Pure.

One set for each fact, so that a fault in one fails none of the others. A provider sends requests;
decisions are written for whoever stands in for a payer. What is missing is a fault that names it; a
set that its guide would refuse is not written. Reading is `x12_278.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from suture.model.authorization import (
    ONCE,
    AuthorizationDecided,
    AuthorizationFact,
    AuthorizationRequested,
    AuthorizedItem,
    Delivery,
)
from suture.model.disclosure import Disclosure
from suture.model.fault import Fault
from suture.translate.x12_inquiry_write import (
    ANSWERED,
    ASKED,
    Form,
    Trace,
    Writing,
    header,
    period,
)
from suture.translate.x12_write import Party, Sending, SetDraft, amount, composite, written

_VERSION = "005010X217"
_STRUCTURE = "0007"
_FORM = Form(loops="2010", payer="X3", dependent="QC", patient="EJ", is_event_below=True)
_EVENT, _SERVICE = "EV", "SS"
_CANCEL, _ADMISSION, _PENDED = "3", "AR", "A4"
_UNITS = "UN"


def render_requests(
    facts: Sequence[AuthorizationRequested],
    *,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> bytes | Fault:
    """Return an interchange of requests, or what is missing for one of them."""
    return written(sending, [_request(each, parties, disclosure, sending) for each in facts])


def render_decisions(
    facts: Sequence[AuthorizationDecided],
    *,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> bytes | Fault:
    """Return an interchange of answers, or what is missing for one of them."""
    return written(sending, [_decision(each, parties, disclosure, sending) for each in facts])


def _request(
    fact: AuthorizationRequested,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> SetDraft:
    draft = SetDraft("278", _VERSION, "HI")
    purpose = "01" if fact.kind == _CANCEL else "13"
    header(
        draft, _STRUCTURE, purpose, disclosure.told(fact.authorization), fact.requested_on, sending
    )
    writing = Writing(draft, _FORM, fact, disclosure, parties)
    event = _opened(draft, writing, fact)
    writing.trace(Trace(kind=ASKED, token=fact.authorization, asker=fact.asker))
    _review(draft, fact)
    _about(draft, writing, fact)
    for each in fact.services:
        draft.level(_SERVICE, event, has_children=False)
        _service(draft, each)
    return draft


def _decision(
    fact: AuthorizationDecided,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> SetDraft:
    draft = SetDraft("278", _VERSION, "HI")
    reference = disclosure.told(fact.authorization)
    further = "19" if fact.action == _PENDED else "18"
    header(draft, _STRUCTURE, "11", reference, fact.decided_on, sending, kind=further)
    writing = Writing(draft, _FORM, fact, disclosure, parties)
    event = _opened(draft, writing, fact)
    writing.trace(Trace(kind=ANSWERED, token=fact.authorization, asker=fact.asker))
    writing.refusals(fact.refusals)
    _review(draft, fact)
    _decided(draft, disclosure, fact)
    _about(draft, writing, fact)
    for each in fact.services:
        draft.level(_SERVICE, event, has_children=False)
        writing.refusals(each.refusals)
        _decided(draft, disclosure, each)
        _service(draft, each)
    return draft


def _opened(draft: SetDraft, writing: Writing, fact: AuthorizationFact) -> int:
    """Add what stands above an event, and open its level."""
    level = writing.people(writing.above())
    writing.details()
    return draft.level(_EVENT, level, has_children=bool(fact.services))


def _review(draft: SetDraft, fact: AuthorizationFact) -> None:
    category = draft.need(fact.category, "2000E/UM-01")
    place = composite(*fact.place.split(":"))
    draft.add("UM", category, fact.kind, fact.service_type, place, "", fact.urgency)


def _decided(
    draft: SetDraft, disclosure: Disclosure, fact: AuthorizationDecided | AuthorizedItem
) -> None:
    if fact.action:
        told = disclosure.told(fact.number)
        number = draft.identifier(told, "HCR-02", is_required=False)
        draft.add("HCR", fact.action, number, fact.reason)


def _about(draft: SetDraft, writing: Writing, fact: AuthorizationFact) -> None:
    """Add REF, DTP, HI and HSD of an event."""
    writing.number("REF", "BB", fact.earlier, "2000E")
    writing.number("REF", "NT", fact.review, "2000E")
    if fact.category == _ADMISSION:
        draft.date("435", fact.starts_on)
        draft.date("096", fact.ends_on)
    elif fact.starts_on is None:
        draft.date("096", fact.ends_on)
    else:
        period(draft, "AAH", fact.starts_on, fact.ends_on)
    if isinstance(fact, AuthorizationDecided):
        _valid(draft, fact.valid_from, fact.valid_until)
    if fact.diagnoses:
        draft.add("HI", *(composite(*each.split(":")) for each in fact.diagnoses))
    _delivery(draft, fact.delivery)


def _valid(draft: SetDraft, first: date | None, last: date | None) -> None:
    if first is None:
        draft.date("036", last)
    else:
        period(draft, "007", first, last)


def _service(draft: SetDraft, item: AuthorizedItem) -> None:
    """Add DTP, SV1, SV2 or SV3, and HSD of a service."""
    period(draft, "472", item.starts_on, item.ends_on)
    _valid(draft, item.valid_from, item.valid_until)
    charge = "" if item.charge_minor is None else amount(item.charge_minor)
    unit = item.unit or (_UNITS if item.quantity else "")
    match item.kind:
        case "professional":
            procedure = composite("HC", item.procedure, *item.modifiers)
            draft.add("SV1", procedure, charge, unit, item.quantity)
        case "institutional":
            procedure = composite("HC", item.procedure, *item.modifiers) if item.procedure else ""
            draft.add("SV2", item.revenue_code, procedure, charge, unit, item.quantity)
        case "dental":
            procedure = composite("AD", item.procedure, *item.modifiers)
            draft.add("SV3", procedure, charge, "", "", "", item.quantity)
        case _:
            pass
    _delivery(draft, item.delivery)


def _delivery(draft: SetDraft, delivery: Delivery) -> None:
    if delivery == ONCE:
        return
    draft.add(
        "HSD",
        delivery.unit,
        delivery.quantity,
        delivery.interval,
        delivery.modulus,
        delivery.period,
        delivery.periods,
    )
