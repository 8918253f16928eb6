"""Interchange facts: what a partner's system said of what we sent (X12 TA1, 999, 997, 277CA).

Told to the stream of the interchange, group or batch they answer. What a 999 rejects was never
looked at: each claim of it is told so too (`claim.acknowledged`) by the process that knows what was
in it.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.claim import StatusInformation
from suture.model.data_class import Financial, Operational


class SetVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One AK2 loop: a transaction set, and what the partner says of it."""

    set_id: Operational[str]
    """AK201: 837, 850 ..."""
    control_number: Operational[str]
    """AK202."""
    verdict: Operational[str]
    """IK501 or AK501: A accepted, E accepted with errors, R, M, W, X rejected."""
    codes: Operational[tuple[str, ...]] = ()
    """IK502 and following."""
    errors: Operational[tuple[str, ...]] = ()
    """Each IK3 and IK4 as a path and a code: `2300/CLM-05:7`."""
    where: Operational[str] = ""


class InterchangeAcknowledged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="interchange.acknowledged"
):
    """A TA1: the partner's system took, or refused, one interchange of ours."""

    interchange: Operational[str]
    """Key of its stream: the two partners and ISA13 (TA101)."""
    verdict: Operational[str]
    """TA104: A, E, R."""
    note: Operational[str] = ""
    """TA105."""
    told_on: Operational[date]
    where: Operational[str]


class GroupAcknowledged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="group.acknowledged"
):
    """A 999 or 997: the verdict on one functional group of ours."""

    group: Operational[str]
    """Key of its stream: the two partners, AK101 and AK102."""
    kind: Operational[str]
    """AK101: HC, HP, PO ..."""
    verdict: Operational[str]
    """AK901: A, E, P, R."""
    sets: Operational[tuple[SetVerdict, ...]] = ()
    sets_count: Operational[int] = 0
    """AK902."""
    accepted_count: Operational[int] = 0
    """AK904."""
    told_on: Operational[date]
    where: Operational[str]


class BatchAcknowledged(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="batch.acknowledged"
):
    """What a 277CA or 277 says above its claims: of a whole batch (2200B), of a provider (2200C).

    Its totals are the control totals of the claims a payer took and refused.
    """

    batch: Operational[str]
    """Key of its stream: the two partners and the batch's own number, hashed."""
    acknowledgement: Operational[str]
    """Business identity: the set and the place in it, hashed."""
    provider: Operational[str] = ""
    """National provider id of 2100C; empty where it is about the batch."""
    payer: Financial[str] = ""
    is_accepted: Operational[bool]
    """No STC03 of it is U, and no category a rejection."""
    statuses: Financial[tuple[StatusInformation, ...]] = ()
    accepted_count: Operational[int] = 0
    """QTY 90 or QA."""
    rejected_count: Operational[int] = 0
    """QTY AA or QC."""
    accepted_minor: Financial[int] = 0
    """AMT YU."""
    rejected_minor: Financial[int] = 0
    """AMT YY."""
    decided_on: Operational[date]
    """STC02."""
    where: Operational[str]
