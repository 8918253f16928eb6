"""Writes the 270 and the 271: questions about coverage, and a payer's answers to them. Pure.

One set for each fact, so that a fault in one fails none of the others. A provider sends 270s; 271s
are written for whoever stands in for a payer. What is missing is a fault that names it; a set that
its guide would refuse is not written. Reading is `x12_270.py` and `x12_271.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from suture.model.coverage import Benefit, CoverageAsked, CoverageReported
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
from suture.wire.x12.separators import DEFAULT

_VERSION = "005010X279A1"
_STRUCTURE = "0022"
_FORM = Form(loops="2100", payer="PR", dependent="03", patient="EA")
_YES_OR_NO = {True: "Y", False: "N", None: ""}
_STANDING = frozenset("12345678")
_THE_PLAN = "30"
_DENTAL = "D"
"""The first letter of a CDT code."""


def render_inquiries(
    facts: Sequence[CoverageAsked],
    *,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> bytes | Fault:
    """Return an interchange of 270s, or what is missing for one of them."""
    return written(sending, [_inquiry(each, parties, disclosure, sending) for each in facts])


def _inquiry(
    fact: CoverageAsked, parties: Mapping[str, Party], disclosure: Disclosure, sending: Sending
) -> SetDraft:
    draft = SetDraft("270", _VERSION, "HS")
    header(draft, _STRUCTURE, "13", disclosure.told(fact.inquiry), fact.asked_on, sending)
    writing = Writing(draft, _FORM, fact, disclosure, parties)
    trace = Trace(kind=ASKED, token=fact.inquiry, asker=fact.asker)
    writing.people(writing.above(), trace, fact.group)
    writing.details()
    period(draft, "291", fact.service_on, fact.service_ends_on)
    if fact.services or not fact.procedures:
        services = DEFAULT.repetition.join(fact.services)
        draft.add("EQ", draft.need(services, f"{writing.place}/EQ-01"))
    for each in fact.procedures:
        draft.add("EQ", "", _procedure(each))
    return draft


def render_reports(
    facts: Sequence[CoverageReported],
    *,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> bytes | Fault:
    """Return an interchange of 271s, or what is missing for one of them.

    An answer whose question had no trace has none either, and then no number of its set (BHT03)
    that the question would know: its receiver knows it by the member.
    """
    return written(
        sending,
        [
            _report(each, number, parties, disclosure, sending)
            for number, each in enumerate(facts, 1)
        ],
    )


def _report(
    fact: CoverageReported,
    number: int,
    parties: Mapping[str, Party],
    disclosure: Disclosure,
    sending: Sending,
) -> SetDraft:
    draft = SetDraft("271", _VERSION, "HB")
    trace = Trace(kind=ANSWERED, token=fact.inquiry, asker=fact.asker) if fact.asker else None
    reference = disclosure.told(fact.inquiry) if trace else f"{sending.control_number}.{number}"
    header(draft, _STRUCTURE, "11", reference, fact.reported_on, sending)
    writing = Writing(draft, _FORM, fact, disclosure, parties)
    writing.people(writing.above(), trace, fact.group)
    writing.refusals(fact.refusals)
    writing.details()
    draft.date("346", fact.starts_on)
    draft.date("347", fact.ends_on)
    for each in (*_standing(fact), *fact.benefits):
        _benefit(draft, each)
    return draft


def _standing(fact: CoverageReported) -> tuple[Benefit, ...]:
    """Return what says whether the plan is in force, where no benefit of the fact does."""
    is_told = any(each.information in _STANDING for each in fact.benefits)
    if is_told or fact.is_active is None:
        return ()
    return (Benefit(information="1" if fact.is_active else "6", services=(_THE_PLAN,)),)


def _benefit(draft: SetDraft, benefit: Benefit) -> None:
    draft.add(
        "EB",
        benefit.information,
        benefit.level,
        DEFAULT.repetition.join(benefit.services),
        benefit.insurance_type,
        "",
        benefit.period,
        "" if benefit.amount_minor is None else amount(benefit.amount_minor),
        benefit.percent,
        benefit.quantity_kind,
        benefit.quantity,
        _YES_OR_NO[benefit.is_authorization_required],
        _YES_OR_NO[benefit.is_in_network],
        _procedure(benefit.procedure) if benefit.procedure else "",
    )
    draft.date("348", benefit.starts_on)
    draft.date("349", benefit.ends_on)


def _procedure(code: str) -> str:
    """Return a procedure with its list: CDT where it begins with a D, else CPT and HCPCS."""
    return composite("AD" if code.startswith(_DENTAL) else "HC", code)
