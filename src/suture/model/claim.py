"""Claim facts: how a payer decided one claim (X12 835).

Loop 2100 `CLP`, with its `CAS` and loop 2110 `SVC`. Booked by `processes/claim.py`. Reversals
(CLP02 = 22) are adjudications like any other, with negated amounts.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class ClaimAdjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason and amount out of a CAS segment, at claim or service line level."""

    group: Financial[str]
    """CAS01: CO, PR, OA, PI (CR in 4010)."""
    reason: Financial[str]
    """Claim adjustment reason code (CARC, X12 code source 139)."""
    amount_minor: Financial[int]
    """Positive reduces the payment."""
    where: Operational[str]


class ClaimAdjudicated(msgspec.Struct, frozen=True, kw_only=True, tag="claim.adjudicated"):
    """One CLP loop of a balanced remittance."""

    claim: Phi[str]
    """Surrogate of CLP01, our claim number echoed by the payer."""
    adjudication: Phi[str]
    """Business identity: surrogate of payer + TRN02 + CLP01 + CLP07 + CLP02 + ordinal among
    equals."""
    remittance: Financial[str]
    """Key of the remittance it came in: `<payer>:<trace>`."""
    payer: Financial[str]
    """Payer id: TRN03, as in the remittance's key."""
    payer_claim: Phi[str] = ""
    """Surrogate of CLP07, the payer's claim control number."""
    status: Financial[str]
    """CLP02, X12 code source 1029: 1/2/3 processed, 4 denied, 19-21 forwarded, 22 reversal, 23,
    25."""
    filing_indicator: Financial[str] = ""
    """CLP06: MA, MB, MC, CI, 12 ...; the estate's crosswalk turns it into a payer class."""
    charge_minor: Financial[int]
    paid_minor: Financial[int]
    patient_responsibility_minor: Financial[int] = 0
    """CLP05: information only, never part of the balance."""
    adjustments: Financial[tuple[ClaimAdjustment, ...]] = ()
    service_on: Operational[date | None] = None
    """First service date told (DTM 232, 472 or 050)."""
    paid_on: Operational[date]
    """BPR16 of the remittance."""
    facility: Operational[str] = ""
    """Our facility as the remittance names it: the payee's id (1000B N104)."""
    where: Operational[str]
    """Path of the CLP in its message, e.g. `ST02=0001/CLP[3]`."""


REVERSAL_OF_PREVIOUS_PAYMENT = "22"
PREDETERMINATION = "25"
