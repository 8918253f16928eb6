"""Writes the 837: claims on their way to a payer, from `ClaimSubmitted` facts.

Professional, institutional and dental, one kind to an interchange, at most 5,000 claims to a set.
Who is who comes from two places: persons and their numbers from the `Disclosure`, organisations and
clinicians from master data (`parties`, by the ids that the facts hold). What a fact does not hold
is not invented: a claim without what its guide requires is a fault that names the place. What
another payer adjusted is written at the level of the claim, whichever line it was told of. Not
here: reading (`x12_837.py`). 005010X222A1, X223A2, X224A2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from suture.model.claim import (
    ClaimAdjustment,
    ClaimLine,
    ClaimSubmitted,
    Diagnosis,
    PriorPayment,
)
from suture.model.disclosure import Disclosure
from suture.model.fault import Fault
from suture.model.person import Address
from suture.translate.x12_write import (
    Party,
    Sending,
    SetDraft,
    amount,
    composite,
    cut,
    day,
    shown,
    written,
)

VERSIONS = {
    "professional": "005010X222A1",
    "institutional": "005010X223A2",
    "dental": "005010X224A2",
}
_CLAIMS_PER_SET_MAX = 5_000
"""As many as the guides put into one set."""
_SELF = "18"
_PAYER, _ORGANISATION = "PI", "XX"
_CAS_MAX = 6
_HI_MAX = 12
_NO_ADDRESS = Address()
_PRINCIPAL = frozenset(("ABK", "BK"))


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends claims to whom, and what the site says of every claim."""

    number: str
    """BHT03: ours alone, for this sending."""
    submitter: Party
    """1000A, with somebody to ask (`contact`, `telephone`)."""
    receiver: Party
    """1000B."""
    consents: tuple[str, ...] = ()
    """CLM06 to CLM09 of claims that tell none of their own."""


def render(
    facts: Sequence[ClaimSubmitted],
    submission: Submission,
    disclosure: Disclosure,
    parties: Mapping[str, Party],
    sending: Sending,
) -> bytes | Fault:
    """Return the interchange that submits these claims, or what is missing for it.

    Raises ValueError for claims of several kinds: each has a guide, and groups, of its own.
    """
    kinds = {each.kind for each in facts}
    if len(kinds) != 1:
        raise ValueError("the claims of one interchange are of one kind")
    drafts = [
        _Claims(submission, disclosure, parties, sending, each).draft()
        for each in cut(facts, _CLAIMS_PER_SET_MAX)
    ]
    return written(sending, drafts)


class _Claims:
    """One set of claims being written."""

    def __init__(
        self,
        submission: Submission,
        disclosure: Disclosure,
        parties: Mapping[str, Party],
        sending: Sending,
        facts: Sequence[ClaimSubmitted],
    ) -> None:
        self._submission = submission
        self._disclosure = disclosure
        self._parties = parties
        self._sending = sending
        self._facts = facts
        self._kind = facts[0].kind
        self._told = SetDraft("837", VERSIONS[self._kind], "HC")

    def draft(self) -> SetDraft:
        """Return the set, with whatever is missing for it."""
        told, submission = self._told, self._submission
        made_at = self._sending.made_at
        number = told.identifier(submission.number, "BHT-03")
        told.add("BHT", "0019", "00", number, day(made_at.date()), f"{made_at:%H%M}", "CH")
        told.party("41", submission.submitter, "1000A")
        contact = told.need(shown(submission.submitter.contact), "1000A/PER-02")
        telephone = told.need(shown(submission.submitter.telephone), "1000A/PER-04")
        told.add("PER", "IC", contact, "TE", telephone)
        told.party("40", submission.receiver, "1000B")
        by_provider: dict[str, list[ClaimSubmitted]] = {}
        for fact in self._facts:
            by_provider.setdefault(fact.billing_provider, []).append(fact)
        for provider, claims in by_provider.items():
            level = told.level("20")
            self._billing(provider)
            for fact in claims:
                self._subscriber(fact, level)
        return told

    def _party(self, id: str, id_kind: str = _ORGANISATION) -> Party:  # noqa: A002
        """Return who an id of a fact stands for; without a name where master data knows none."""
        return self._parties.get(id, Party(id=id, id_kind=id_kind))

    def _billing(self, provider: str) -> None:
        told, party = self._told, self._party(provider)
        if party.specialty:
            told.add("PRV", "BI", "PXC", party.specialty)
        told.party("85", party, "2010AA")
        told.address(party.address, "2010AA")
        told.add("REF", "EI", told.identifier(party.tax_id, "2010AA/REF-02"))

    def _subscriber(self, fact: ClaimSubmitted, level: int) -> None:
        told = self._told
        is_self = not fact.dependent and fact.relationship in {"", _SELF}
        subscriber = told.level("22", level, has_children=not is_self)
        told.add(
            "SBR",
            told.need(fact.sequence, "2000B/SBR-01"),
            _SELF if is_self else "",
            shown(fact.group_number),
            *([""] * 5),
            told.need(fact.filing_indicator, "2000B/SBR-09"),
        )
        person = self._disclosure.person(fact.subscriber)
        told.person("IL", person, "2010BA", self._number(fact.member))
        if is_self:
            told.address(person.address, "2010BA")
            told.demographics(person, "2010BA")
        told.party("PR", self._party(fact.payer, _PAYER), "2010BB")
        if not is_self:
            told.level("23", subscriber, has_children=False)
            told.add("PAT", told.need(fact.relationship, "2000C/PAT-01"))
            patient = self._disclosure.person(fact.dependent)
            told.person("QC", patient, "2010CA")
            told.address(patient.address, "2010CA")
            told.demographics(patient, "2010CA")
        self._claim(fact)

    def _number(self, token: str) -> str:
        """Return the identifier behind a surrogate; "" where there is none."""
        return self._disclosure.told(token) if token else ""

    def _claim(self, fact: ClaimSubmitted) -> None:
        told = self._told
        is_institutional = self._kind == "institutional"
        consents = self._consents(fact)
        kind_of_place = "A" if is_institutional else "B"
        told.add(
            "CLM",
            told.identifier(self._number(fact.claim), "2300/CLM-01"),
            amount(fact.charge_minor),
            "",
            "",
            composite(
                told.need(fact.place_of_service, "2300/CLM-05-1"), kind_of_place, fact.frequency
            ),
            *consents,
        )
        self._days(fact)
        if is_institutional:
            status = told.need(fact.discharge_status, "2300/CL1-03")
            told.add("CL1", fact.admission_type, fact.admission_source, status)
        elif fact.patient_paid_minor:
            told.add("AMT", "F5", amount(fact.patient_paid_minor))
        for qualifier, token in (
            ("G1", fact.authorization),
            ("F8", fact.payer_claim),
            ("EA", fact.patient if self._kind != "dental" else ""),
        ):
            if token:
                where = f"2300/REF[{qualifier}]-02"
                told.add("REF", qualifier, told.identifier(self._number(token), where))
        for segment in _diagnosis_segments(fact, self._kind):
            told.add(*segment)
        self._providers(fact)
        for prior in fact.prior_payments:
            self._prior(prior, consents)
        for number, line in enumerate(fact.lines, 1):
            self._line(line, number, fact)

    def _consents(self, fact: ClaimSubmitted) -> tuple[str, ...]:
        """Return CLM06 to CLM09; an institutional claim has no CLM06."""
        told = fact.consents or self._submission.consents or ("",) * 4
        for number, each in enumerate(told[1:], 7):
            self._told.need(each, f"2300/CLM-{number:02d}")
        if self._kind == "institutional":
            return ("", *told[1:])
        self._told.need(told[0], "2300/CLM-06")
        return told

    def _days(self, fact: ClaimSubmitted) -> None:
        told = self._told
        match self._kind:
            case "institutional":
                begins = day(fact.service_on)
                ends = day(fact.service_ended_on) or begins
                told.need(begins, "2300/DTP[434]-03")
                told.add("DTP", "434", "RD8", f"{begins}-{ends}")
                told.date("435", fact.admitted_on)
            case "professional":
                told.date("435", fact.admitted_on)
                told.date("096", fact.discharged_on)
            case _:
                told.date("472", fact.service_on, fact.service_ended_on)

    def _providers(self, fact: ClaimSubmitted) -> None:
        """Add who gave the care, and where, unless it is the billing provider's own place."""
        told = self._told
        if fact.rendering_provider:
            role, where = ("71", "2310A") if self._kind == "institutional" else ("82", "2310B")
            told.party(role, self._party(fact.rendering_provider), where)
        if fact.facility and fact.facility != fact.billing_provider:
            party = self._party(fact.facility)
            told.party("77", party, "2310C")
            told.address(party.address, "2310C")

    def _prior(self, prior: PriorPayment, consents: tuple[str, ...]) -> None:
        told = self._told
        told.add(
            "SBR",
            told.need(prior.sequence, "2320/SBR-01"),
            told.need(prior.relationship, "2320/SBR-02"),
            *([""] * 6),
            prior.filing_indicator,
        )
        for segment in _adjustment_segments(prior.adjustments):
            told.add(*segment)
        told.add("AMT", "D", amount(prior.paid_minor))
        told.add("OI", "", "", consents[2], "", "", consents[3])
        person = self._disclosure.person(prior.subscriber)
        told.person("IL", person, "2330A", told.need(self._number(prior.member), "2330A/NM1-09"))
        if person.address != _NO_ADDRESS:
            told.address(person.address, "2330A")
        told.party("PR", self._party(prior.payer, _PAYER), "2330B")
        told.date("573", prior.decided_on)
        if prior.payer_claim:
            number = told.identifier(self._number(prior.payer_claim), "2330B/REF-02")
            told.add("REF", "F8", number)

    def _line(self, line: ClaimLine, number: int, fact: ClaimSubmitted) -> None:
        told = self._told
        told.add("LX", str(number))
        usual = "AD" if self._kind == "dental" else "HC"
        procedure = (
            composite(line.procedure_kind or usual, line.procedure, *line.modifiers)
            if line.procedure
            else ""
        )
        charge = amount(line.charge_minor)
        match self._kind:
            case "professional":
                told.need(procedure, "2400/SV1-01")
                units = told.need(line.units, "2400/SV1-04")
                pointers = told.need(composite(*line.diagnoses), "2400/SV1-07")
                told.add("SV1", procedure, charge, line.unit or "UN", units, "", "", pointers)
                told.date("472", line.service_on or fact.service_on, line.service_ended_on)
            case "institutional":
                revenue = told.need(line.revenue_code, "2400/SV2-01")
                units = told.need(line.units, "2400/SV2-05")
                told.add("SV2", revenue, procedure, charge, line.unit or "UN", units)
                told.date("472", line.service_on, line.service_ended_on)
            case _:
                told.need(procedure, "2400/SV3-01")
                told.add("SV3", procedure, charge, "", "", "", line.units)
                told.date("472", line.service_on, line.service_ended_on)
        if line.control:
            told.add("REF", "6R", told.identifier(self._number(line.control), "2400/REF-02"))


def _diagnosis_segments(fact: ClaimSubmitted, kind: str) -> Iterator[tuple[str, ...]]:
    """Yield HI: all in one for a clinician or dentist, one to each kind for an institution."""
    if kind != "institutional":
        if fact.diagnoses:
            yield ("HI", *(composite(each.kind, each.code) for each in fact.diagnoses))
        return
    by_kind: dict[str, list[Diagnosis]] = {}
    for each in fact.diagnoses:
        by_kind.setdefault(each.kind, []).append(each)
    for told in by_kind.values():
        for some in cut(told, 1 if told[0].kind in _PRINCIPAL else _HI_MAX):
            yield ("HI", *(_diagnosis(each) for each in some))
    if fact.diagnosis_group:
        yield ("HI", composite("DR", fact.diagnosis_group))


def _diagnosis(told: Diagnosis) -> str:
    return composite(told.kind, told.code, *([""] * 6), told.present_on_admission)


def _adjustment_segments(adjustments: Sequence[ClaimAdjustment]) -> Iterator[tuple[str, ...]]:
    """Yield CAS: one for each group, of six reasons at most."""
    by_group: dict[str, list[ClaimAdjustment]] = {}
    for each in adjustments:
        by_group.setdefault(each.group, []).append(each)
    for group, told in by_group.items():
        for some in cut(told, _CAS_MAX):
            triplets = [
                value for each in some for value in (each.reason, amount(each.amount_minor), "")
            ]
            yield ("CAS", group, *triplets)
