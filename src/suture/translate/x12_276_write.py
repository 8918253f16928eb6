"""Writes the 276 (X212): asks a payer where claims stand, from `ClaimStatusAsked` facts.

A fact made from what was submitted (`inquiry_about`) asks by everything a payer can find the claim
by: its own number, the patient control number, the member, the charge and the day. Not here:
reading (`x12_276.py`), the answer (`x12_277.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from suture.model.claim import ClaimStatusAsked, ClaimSubmitted
from suture.model.disclosure import Disclosure
from suture.model.fault import Fault
from suture.translate.x12_write import (
    Party,
    Sending,
    SetDraft,
    amount,
    day,
    written,
)

VERSION = "005010X212"


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, under which number."""

    number: str
    """BHT03: ours alone, echoed by the answer."""
    receiver: Party
    """2100B: who asks and gets the answer."""


def inquiry_about(fact: ClaimSubmitted, *, asked_on: date) -> ClaimStatusAsked:
    """Return what to ask about a claim that was submitted; its own number is the trace."""
    return ClaimStatusAsked(
        claim=fact.claim,
        inquiry=fact.claim,
        payer=fact.payer,
        payer_claim=fact.payer_claim,
        member=fact.member,
        subscriber=fact.subscriber,
        dependent=fact.dependent,
        provider=fact.billing_provider,
        charge_minor=fact.charge_minor,
        service_on=fact.service_on,
        service_ended_on=fact.service_ended_on,
        asked_on=asked_on,
        where=fact.where,
    )


def render(
    facts: Sequence[ClaimStatusAsked],
    inquiry: Inquiry,
    disclosure: Disclosure,
    parties: Mapping[str, Party],
    sending: Sending,
) -> bytes | Fault:
    """Return the interchange that asks about these claims, or what is missing for it."""
    made_at = sending.made_at
    told = SetDraft("276", VERSION, "HR")
    number = told.identifier(inquiry.number, "BHT-03")
    told.add("BHT", "0010", "13", number, day(made_at.date()), f"{made_at:%H%M}")
    by_payer: dict[str, dict[str, list[ClaimStatusAsked]]] = {}
    for fact in facts:
        by_payer.setdefault(fact.payer, {}).setdefault(fact.provider, []).append(fact)
    for payer, by_provider in by_payer.items():
        source = told.level("20")
        told.party("PR", parties.get(payer, Party(id=payer, id_kind="PI")), "2100A")
        receiver = told.level("21", source)
        told.party("41", inquiry.receiver, "2100B")
        for provider, asked in by_provider.items():
            level = told.level("19", receiver)
            told.party("1P", parties.get(provider, Party(id=provider)), "2100C")
            for fact in asked:
                _ask(told, fact, level, disclosure)
    return written(sending, [told])


def _ask(told: SetDraft, fact: ClaimStatusAsked, level: int, disclosure: Disclosure) -> None:
    subscriber = told.level("22", level, has_children=bool(fact.dependent))
    insured = disclosure.person(fact.subscriber)
    if not fact.dependent:
        told.demographics(insured, "2000D")
    member = disclosure.told(fact.member) if fact.member else ""
    told.person("IL", insured, "2100D", told.need(member, "2100D/NM1-09"))
    if fact.dependent:
        patient = disclosure.person(fact.dependent)
        told.level("23", subscriber, has_children=False)
        told.demographics(patient, "2000E")
        told.person("QC", patient, "2100E")
    where = "2200E" if fact.dependent else "2200D"
    told.add("TRN", "1", told.identifier(disclosure.told(fact.inquiry), f"{where}/TRN-02"))
    if fact.payer_claim:
        number = told.identifier(disclosure.told(fact.payer_claim), f"{where}/REF[1K]-02")
        told.add("REF", "1K", number)
    claim = told.identifier(disclosure.told(fact.claim), f"{where}/REF[EJ]-02")
    told.add("REF", "EJ", claim)
    if fact.charge_minor:
        told.add("AMT", "T3", amount(fact.charge_minor))
    told.date("472", fact.service_on, fact.service_ended_on)
