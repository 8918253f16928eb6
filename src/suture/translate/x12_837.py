"""Translates the 837 (professional, institutional, dental): one `ClaimSubmitted` for each `CLM`.

Streams: claims become facts as they are read, the verdict of the guide comes last, with CLM02
against the sum of its lines (`wire/x12/sums.py`). The claim's key is that of the 835 (CLM01, which
CLP01 echoes). Predeterminations and reports of claims that were paid elsewhere are held: nobody is
asked to pay them. Names, addresses and birth dates go to the vault as one secret to a person; the
fact holds its surrogate. Not here: what a claim's story means (`processes/claim.py`), writing
(`x12_837_write.py`). 005010X222A1, X223A2, X224A2; 4010 by assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from suture.model.claim import (
    ClaimAdjustment,
    ClaimLine,
    ClaimSubmitted,
    Diagnosis,
    PriorPayment,
)
from suture.model.fault import Fault, fault
from suture.model.translation import Channel, ControlTotal, Routed
from suture.translate.x12_837_reply import ClaimReplies
from suture.translate.x12_claim_common import (
    Identifiers,
    amount,
    batch_of,
    begun_on,
    identity,
    member_id,
    party_id,
    period,
    surrogate,
)
from suture.translate.x12_common import partners
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.guide import choose
from suture.wire.x12.segment import Segment
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_KINDS = {"837P": "professional", "837I": "institutional", "837D": "dental"}
_NOT_TO_PAY = {
    "005010X291": "predeterminations",
    "005010X292": "predeterminations",
    "005010X298": "reports of claims that others paid",
    "005010X299": "reports of claims that others paid",
    "005010X300": "reports of claims that others paid",
}
_PREDETERMINATION = "PB"
"""CLM19, dental."""
_SELF = "18"
_STILL_A_PATIENT = "30"
_US_DOLLARS = "USD"
_DIAGNOSES = frozenset(("ABK", "ABF", "ABJ", "APR", "ABN", "BK", "BF", "BJ", "PR", "BN", "TQ"))
_DIAGNOSIS_GROUP = "DR"
_USUAL_CODE = {"SV1": "HC", "SV2": "HC", "SV3": "AD"}
_POINTERS = 7
_CAS_TRIPLET, _CAS_END = 3, 20
_SERVICE_PLACES = {"institutional": "2310E", "professional": "2310C", "dental": "2310C"}
_RENDERING = {"institutional": "2310A", "professional": "2310B", "dental": "2310B"}
_FAULTS_MAX = 100


class _Claims:
    """One 837 being read."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._set = transaction_set
        self._channel = channel
        choice = choose(transaction_set.set_id, transaction_set.version)
        assert choice is not None, "every 837 has a guide"
        self._kind = _KINDS[choice.guide.name.partition("_")[0]]
        self._sender = partners(transaction_set)[0]
        self._count = self._charge_minor = 0
        self._faults: list[Fault] = []
        self._replies = (
            ClaimReplies(transaction_set, channel) if channel.x12.acknowledges_claims else None
        )
        not_to_pay = _NOT_TO_PAY.get(transaction_set.version[:10])
        if not_to_pay:
            where = f"{transaction_set.where}/ST-03"
            self._blame("x12.837.purpose.unsupported", where, f"the set holds {not_to_pay}")

    def unit(self, unit: Unit) -> Iterator[Routed]:
        """Make the fact of one claim."""
        loop = unit.loop
        where = f"{self._set.where}/{loop.where}"
        claim = loop.first("CLM")
        charge_minor = None if claim is None else parse_amount(claim.get(2))
        if claim is None or charge_minor is None or not claim.get(1).strip():
            # Only in a version that is read by assumption: else the guide says so itself.
            place = "01" if charge_minor is not None else "02"
            self._blame("x12.element.missing", f"{where}/CLM-{place}")
            return
        self._check(unit, claim, where)
        self._count += 1
        self._charge_minor += charge_minor
        identifiers = Identifiers(self._channel)
        fact = self._submitted(unit, claim, charge_minor, identifiers, where)
        if self._replies is not None:
            self._replies.take(unit)
        yield Routed(f"claim/{fact.claim}", fact, where, tuple(identifiers.secrets))

    def refuse(self, unit: Unit) -> None:
        """Take note of a claim with faults: its sender is told of it."""
        if self._replies is not None:
            self._replies.refuse(unit)

    def end(self, end: UnitsEnd) -> Ending:
        """Return how many claims the set holds, and what they charge."""
        is_taken = not (end.verdict.faults or self._faults)
        answer = self._replies.answer(end, is_taken=is_taken) if self._replies else None
        return Ending(
            answer=answer,
            identities=(identity(self._set, end.root),),
            totals=(ControlTotal("claims_submitted", self._count, self._charge_minor),),
            faults=tuple(self._faults),
        )

    def _blame(self, code: str, where: str, explanation: str = "") -> None:
        if len(self._faults) < _FAULTS_MAX:
            self._faults.append(fault(code, where, explanation))

    def _check(self, unit: Unit, claim: Segment, where: str) -> None:
        if claim.get(19) == _PREDETERMINATION:
            told = "the claim asks what would be paid"
            self._blame("x12.837.purpose.unsupported", f"{where}/CLM-19", told)
        billing = unit.find("2000A")
        currency = None if billing is None else billing.first("CUR")
        if currency is not None and currency.get(2) != _US_DOLLARS:
            place = f"{self._set.where}/{billing.where}/CUR-02" if billing else where
            self._blame("x12.currency.unsupported", place)

    def _submitted(
        self,
        unit: Unit,
        claim: Segment,
        charge_minor: int,
        identifiers: Identifiers,
        where: str,
    ) -> ClaimSubmitted:
        loop, root = unit.loop, unit.around[0]
        subscriber, patient = unit.find("2000B"), unit.find("2000C")
        insured = unit.find("2010BA")
        level = None if subscriber is None else subscriber.first("SBR")
        payer = party_id(unit.find("2010BB"))
        billing = self._billing(unit)
        key = identifiers.claim(claim.get(1), where)
        frequency = claim.get(5, 3) or "1"
        lines = tuple(self._line(each, identifiers) for each in loop.inner_all("2400"))
        begins, ends, admitted_on, discharged_on = self._days(loop, lines)
        institutional = loop.first("CL1")
        place = loop.inner(_SERVICE_PLACES[self._kind])
        return ClaimSubmitted(
            claim=key,
            submission=surrogate(
                "sbm", self._sender, key, batch_of(root), frequency, str(unit.ordinal)
            ),
            kind=self._kind,
            frequency=frequency,
            payer=payer,
            sequence=level.get(1) if level else "",
            filing_indicator=level.get(9) if level else "",
            member=identifiers.token("member", payer, member_id(insured)),
            subscriber=identifiers.person(insured),
            relationship=_relationship(level, patient),
            dependent=identifiers.person(unit.find("2010CA") if patient else None),
            group_number=level.get(3).strip() if level else "",
            patient=identifiers.patient(loop.reference("EA")),
            payer_claim=identifiers.token("payer_claim", payer, loop.reference("F8")),
            authorization=identifiers.token("authorization", payer, loop.reference("G1")),
            billing_provider=billing,
            rendering_provider=party_id(loop.inner(_RENDERING[self._kind])),
            facility=party_id(place) or billing or self._channel.facility,
            place_of_service=claim.get(5, 1),
            consents=_consents(claim),
            diagnoses=tuple(_diagnoses(loop)),
            diagnosis_group=_diagnosis_group(loop),
            charge_minor=charge_minor,
            patient_paid_minor=amount(loop, "F5"),
            service_on=begins,
            service_ended_on=ends,
            admitted_on=admitted_on,
            discharged_on=discharged_on,
            admission_type=institutional.get(1) if institutional else "",
            admission_source=institutional.get(2) if institutional else "",
            discharge_status=institutional.get(3) if institutional else "",
            submitted_on=begun_on(self._set, root),
            lines=lines,
            prior_payments=tuple(
                self._prior(each, loop, identifiers) for each in loop.inner_all("2320")
            ),
            where=where,
        )

    def _billing(self, unit: Unit) -> str:
        """Return the billing provider's national id, else its employer's number."""
        loop = unit.find("2010AA")
        return party_id(loop) or ("" if loop is None else loop.reference("EI").strip())

    def _days(
        self, loop: LoopNode, lines: tuple[ClaimLine, ...]
    ) -> tuple[date | None, date | None, date | None, date | None]:
        """Return the days of service, first and last, of admission and of discharge."""
        admitted_on, _ = period(loop.first("DTP", "435"))
        begins, ends = period(loop.first("DTP", "434") or loop.first("DTP", "472"))
        if begins is None:
            first = [each.service_on for each in lines if each.service_on]
            last = [each.service_ended_on for each in lines if each.service_ended_on]
            begins = min(first, default=admitted_on)
            latest = max([*first, *last], default=None)
            ends = None if latest == begins else latest
        discharged_on, _ = period(loop.first("DTP", "096"))
        institutional = loop.first("CL1")
        is_over = institutional is not None and institutional.get(3) not in {"", _STILL_A_PATIENT}
        if discharged_on is None and admitted_on is not None and is_over:
            # The hour is all that DTP 096 tells of an institutional claim.
            discharged_on = ends or begins
        return begins, ends, admitted_on, discharged_on

    def _line(self, loop: LoopNode, identifiers: Identifiers) -> ClaimLine:
        """Return one service line: LX, SV1, SV2 or SV3, DTP 472 and REF 6R."""
        service = loop.first("SV1") or loop.first("SV2") or loop.first("SV3")
        opening = loop.first("LX")
        number = opening.get(1) if opening else str(loop.opened.ordinal)
        if service is None:
            return ClaimLine(number=number, charge_minor=0)
        is_institutional = service.id == "SV2"
        procedure = service.components(2 if is_institutional else 1)
        charge = parse_amount(service.get(3 if is_institutional else 2))
        kind = procedure[0] if procedure else ""
        begins, ends = period(loop.first("DTP", "472"))
        units, unit = _units(service)
        return ClaimLine(
            number=number,
            procedure=procedure[1] if len(procedure) > 1 else "",
            procedure_kind="" if kind == _USUAL_CODE[service.id] else kind,
            modifiers=tuple(each for each in procedure[2:6] if each),
            revenue_code=service.get(1) if is_institutional else "",
            charge_minor=charge or 0,
            units=units,
            unit=unit,
            service_on=begins,
            service_ended_on=ends,
            diagnoses=tuple(service.components(_POINTERS)) if service.id == "SV1" else (),
            control=identifiers.charge(loop.reference("6R")),
        )

    def _prior(self, loop: LoopNode, claim: LoopNode, identifiers: Identifiers) -> PriorPayment:
        """Return what another payer decided: 2320, 2330A, 2330B, and 2430 of the lines."""
        insured, insurer = loop.inner("2330A"), loop.inner("2330B")
        payer = party_id(insurer)
        level = loop.first("SBR")
        decided_on = None if insurer is None else period(insurer.first("DTP", "573"))[0]
        adjustments = list(self._adjustments(loop))
        for line in claim.inner_all("2400"):
            for decided in line.inner_all("2430"):
                paid = decided.first("SVD")
                if paid is not None and paid.get(1).strip() == payer:
                    adjustments += self._adjustments(decided)
                    decided_on = decided_on or period(decided.first("DTP", "573"))[0]
        number = "" if insurer is None else insurer.reference("F8")
        return PriorPayment(
            payer=payer,
            sequence=level.get(1) if level else "",
            paid_minor=amount(loop, "D"),
            adjustments=tuple(adjustments),
            decided_on=decided_on,
            filing_indicator=level.get(9) if level else "",
            relationship=level.get(2) if level else "",
            subscriber=identifiers.person(insured),
            member=identifiers.token("member", payer, member_id(insured)),
            payer_claim=identifiers.token("payer_claim", payer, number),
        )

    def _adjustments(self, loop: LoopNode) -> Iterator[ClaimAdjustment]:
        """Yield each reason and amount of a loop's CAS."""
        for segment in loop.all("CAS"):
            place = f"{self._set.where}/{loop.place(segment)}"
            for number in range(2, _CAS_END, _CAS_TRIPLET):
                minor = parse_amount(segment.get(number + 1))
                if minor is not None and segment.get(number):
                    yield ClaimAdjustment(
                        group=segment.get(1),
                        reason=segment.get(number),
                        amount_minor=minor,
                        where=f"{place}-{number + 1:02d}",
                    )


def _relationship(level: Segment | None, patient: LoopNode | None) -> str:
    """Return how the patient is related to the subscriber: PAT01, else SBR02."""
    told = None if patient is None else patient.first("PAT")
    if told is not None:
        return told.get(1)
    return level.get(2) if level else ""


def _consents(claim: Segment) -> tuple[str, ...]:
    told = tuple(claim.get(each) for each in (6, 7, 8, 9))
    return told if any(told) else ()


def _units(service: Segment) -> tuple[str, str]:
    """Return quantity and unit."""
    match service.id:
        case "SV1":
            return service.get(4), service.get(3)
        case "SV2":
            return service.get(5), service.get(4)
        case _:
            return service.get(6), ""


def _diagnoses(loop: LoopNode) -> Iterator[Diagnosis]:
    for segment in loop.all("HI"):
        if segment.get(1, 1) not in _DIAGNOSES:
            continue
        for number in range(1, len(segment.elements)):
            parts = segment.components(number)
            if len(parts) > 1 and parts[1]:
                present = parts[8] if len(parts) > 8 else ""
                yield Diagnosis(kind=parts[0], code=parts[1], present_on_admission=present)


def _diagnosis_group(loop: LoopNode) -> str:
    return next(
        (each.get(1, 2) for each in loop.all("HI") if each.get(1, 1) == _DIAGNOSIS_GROUP), ""
    )


translate = by_units(_Claims)
