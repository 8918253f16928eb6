"""How a payer decides a claim: what it allows, denies and leaves to the patient, in whole cents.

CO 45 contract, CO 16, 50, 197 denials, PR 1, 2, 3 the patient's share, OA 23 what a prior payer
settled; reversals (CLP02 = 22) negate every amount. For every service and every claim: charge less
adjustments is payment (005010X221A1, 1.10.2.1). When and how it is paid is `payer.py`.
"""

from __future__ import annotations

import random

import msgspec

from suture.simulator.health_system.places import FACILITY_BY_CODE, Payer
from suture.simulator.health_system.remittance import Adjudication, Adjustment, ServiceLine
from suture.simulator.health_system.visit import Claim, Line

_BASIS = 10_000
_COINSURANCE_BASIS_POINTS = 2_000
_DEDUCTIBLES_MINOR = (0, 0, 25_000, 60_000, 150_000)
_INPATIENT_DEDUCTIBLE_MINOR = 163_200
_COPAYS_MINOR = (400, 1_000, 2_500, 4_000)
_DENIALS = (("50", "N115"), ("16", "M51"), ("197", ""))

PRIMARY, SECONDARY, DENIED, PRIMARY_FORWARDED, REVERSED = "1", "2", "4", "19", "22"
_CLAIM_DENIED, _SERVICE_DENIED, _DENIED_AS_FOUR = 0.08, 0.07, 0.2


class _Share:
    """What a patient still has to bear of one claim."""

    def __init__(self, dice: random.Random, payer: Payer) -> None:
        self._kind = payer.share
        self._deductible_minor = (
            dice.choice(_DEDUCTIBLES_MINOR) if self._kind == "deductible" else 0
        )
        self._copay_minor = dice.choice(_COPAYS_MINOR) if self._kind == "copay" else 0

    def take(self, allowed_minor: int) -> list[Adjustment]:
        """Return the patient's part of an allowed amount: deductible, coinsurance or copay."""
        deductible_minor = min(allowed_minor, self._deductible_minor)
        self._deductible_minor -= deductible_minor
        copay_minor = min(allowed_minor, self._copay_minor)
        self._copay_minor -= copay_minor
        coinsurance_minor = 0
        if self._kind != "copay":
            rest_minor = allowed_minor - deductible_minor
            coinsurance_minor = rest_minor * _COINSURANCE_BASIS_POINTS // _BASIS
        parts = (("1", deductible_minor), ("2", coinsurance_minor), ("3", copay_minor))
        return [Adjustment("PR", reason, minor) for reason, minor in parts if minor]


def adjudicate(
    dice: random.Random, claim: Claim, payer: Payer, control: str, *, may_deny: bool = True
) -> Adjudication:
    """Return how a payer decides a claim it sees first."""
    is_inpatient = claim.visit.patient_class == "I"
    is_denied = dice.random() < _CLAIM_DENIED and may_deny
    shell = _shell(claim, payer, control, is_inpatient=is_inpatient)
    if is_denied:
        reason, remark = dice.choice(_DENIALS)
        services = tuple(_denied(line, reason, remark) for line in claim.lines)
        status = DENIED if dice.random() < _DENIED_AS_FOUR else PRIMARY
        return msgspec.structs.replace(shell, status=status, services=services)
    if is_inpatient and payer.pays_facilities:
        return _by_case(dice, shell, payer)
    share = _Share(dice, payer)
    services = tuple(
        _decided(dice, line, payer, share, may_deny=may_deny and len(claim.lines) > 1)
        for line in claim.lines
    )
    paid_minor = sum(service.paid_minor for service in services)
    return msgspec.structs.replace(shell, services=services, paid_minor=paid_minor)


def reverse(original: Adjudication) -> Adjudication:
    """Return the reversal of an adjudication: the same, every amount negated, in its own groups."""
    return msgspec.structs.replace(
        original,
        status=REVERSED,
        charge_minor=-original.charge_minor,
        paid_minor=-original.paid_minor,
        adjustments=_negated(original.adjustments),
        services=tuple(
            msgspec.structs.replace(
                service,
                charge_minor=-service.charge_minor,
                paid_minor=-service.paid_minor,
                adjustments=_negated(service.adjustments),
            )
            for service in original.services
        ),
    )


def as_secondary(primary: Adjudication, payer: Payer, control: str) -> Adjudication:
    """Return what the second payer decides: it pays what the first left, less a copay.

    All else was settled by the first payer (OA 23).
    """
    left_minor = primary.responsibility_minor
    copay_minor = min(left_minor, _COPAYS_MINOR[0])
    adjustments = [Adjustment("OA", "23", primary.charge_minor - left_minor)]
    if copay_minor:
        adjustments.append(Adjustment("PR", "3", copay_minor))
    return msgspec.structs.replace(
        primary,
        status=SECONDARY,
        control=control,
        filing=payer.filing_outpatient,
        paid_minor=left_minor - copay_minor,
        adjustments=tuple(adjustments),
        services=(),
        remark="",
    )


def _shell(claim: Claim, payer: Payer, control: str, *, is_inpatient: bool) -> Adjudication:
    visit = claim.visit
    return Adjudication(
        claim_number=claim.number,
        control=control,
        status=PRIMARY,
        charge_minor=sum(line.amount_minor for line in claim.lines),
        paid_minor=0,
        filing=payer.filing_inpatient if is_inpatient else payer.filing_outpatient,
        facility_type="11" if is_inpatient else "13",
        person=visit.person,
        facility=FACILITY_BY_CODE[visit.facility],
        began_at=visit.began_at,
        ended_at=visit.ended_at,
        received_at=claim.billed_at,
    )


def _by_case(dice: random.Random, shell: Adjudication, payer: Payer) -> Adjudication:
    """Decide a stay as one case: adjustments at claim level, no service lines."""
    allowed_minor = shell.charge_minor * dice.randrange(*payer.allowed_basis_points) // _BASIS
    deductible_minor = min(allowed_minor, _INPATIENT_DEDUCTIBLE_MINOR)
    adjustments = [Adjustment("CO", "45", shell.charge_minor - allowed_minor)]
    if deductible_minor:
        adjustments.append(Adjustment("PR", "1", deductible_minor))
    return msgspec.structs.replace(
        shell, paid_minor=allowed_minor - deductible_minor, adjustments=tuple(adjustments)
    )


def _decided(
    dice: random.Random, line: Line, payer: Payer, share: _Share, *, may_deny: bool
) -> ServiceLine:
    if may_deny and dice.random() < _SERVICE_DENIED:
        return _denied(line, *dice.choice(_DENIALS))
    allowed_minor = line.amount_minor * dice.randrange(*payer.allowed_basis_points) // _BASIS
    adjustments = [Adjustment("CO", "45", line.amount_minor - allowed_minor)]
    adjustments += share.take(allowed_minor)
    return _service(line, tuple(adjustments))


def _denied(line: Line, reason: str, remark: str) -> ServiceLine:
    adjustments = (Adjustment("CO", reason, line.amount_minor),)
    return msgspec.structs.replace(_service(line, adjustments), remark=remark)


def _service(line: Line, adjustments: tuple[Adjustment, ...]) -> ServiceLine:
    assert line.item is not None, "claims hold charges only"
    return ServiceLine(
        number=line.number,
        procedure=line.item.procedure,
        revenue_code=line.item.revenue_code,
        quantity=line.quantity,
        charge_minor=line.amount_minor,
        paid_minor=line.amount_minor - sum(each.amount_minor for each in adjustments),
        adjustments=adjustments,
        service_at=line.service_at,
    )


def _negated(adjustments: tuple[Adjustment, ...]) -> tuple[Adjustment, ...]:
    return tuple(Adjustment(each.group, each.reason, -each.amount_minor) for each in adjustments)
