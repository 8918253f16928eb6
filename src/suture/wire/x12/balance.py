"""The three balancing equations of the 835 (005010X221A1, 1.10.2.1), to the cent (SNIP level 3).

    service line   SVC02 - sum(its CAS)             = SVC03
    claim          CLP03 - sum(its CAS and its lines') = CLP04
    remittance     BPR02                            = sum(CLP04) - sum(PLB)

A positive adjustment decreases the payment. AMT segments and CLP05 never take part; a
predetermination (CLP02 = 25) pays nothing, so its CLP04 is left out. Here: the sums of a
remittance and what is said when an equation fails. Not here: the sums of a line and a claim,
checked as they close (`claim.py`).
"""

from __future__ import annotations

import msgspec

from suture.model.fault import Fault, fault
from suture.model.money import format_amount


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What one 835 adds up to, in minor units of its currency."""

    paid_minor: int
    """BPR02; 0 where it could not be read."""
    claims_charge_minor: int
    """Sum of CLP03."""
    claims_paid_minor: int
    """Sum of CLP04, predeterminations left out."""
    claims_adjusted_minor: int
    """Sum of every CAS amount of every claim and line."""
    provider_adjusted_minor: int
    """Sum of every PLB amount; positive takes money away."""
    claims_count: int
    lines_count: int
    is_complete: bool
    """False when an amount could not be read: the equations it stands in were then not checked."""
    lines_unbalanced: int
    claims_unbalanced: int

    @property
    def difference_minor(self) -> int:
        """BPR02 less what the claims and provider adjustments add up to."""
        return self.paid_minor - (self.claims_paid_minor - self.provider_adjusted_minor)

    @property
    def is_balanced(self) -> bool:
        """True when all three equations were checked and hold."""
        return (
            self.is_complete
            and self.difference_minor == 0
            and self.lines_unbalanced == 0
            and self.claims_unbalanced == 0
        )


def unbalanced_service(excess_minor: int, where: str) -> Fault:
    """Say that SVC02 - sum(CAS of the line) exceeds SVC03 by so much (below it, when negative)."""
    gap = _gap(excess_minor)
    explanation = f"the line's charge SVC02 less its adjustments is {gap} its payment SVC03"
    return fault("x12.835.service.unbalanced", where, explanation)


def unbalanced_claim(excess_minor: int, where: str) -> Fault:
    """Say that CLP03 - sum(CAS of the claim and its lines) exceeds CLP04 by so much."""
    gap = _gap(excess_minor)
    explanation = f"the claim's charge CLP03 less all its adjustments is {gap} its payment CLP04"
    return fault("x12.835.claim.unbalanced", where, explanation)


def unbalanced_transaction(balance: Balance) -> Fault:
    """Say by how much sum(CLP04) - sum(PLB) misses BPR02 (B28)."""
    explanation = (
        "the service lines, claims and provider adjustments add up to "
        f"{_gap(-balance.difference_minor)} the payment BPR02"
    )
    return fault("x12.835.transaction.unbalanced", "BPR-02", explanation)


def _gap(excess_minor: int) -> str:
    """Say a difference as people do: `1,204.11 less than`."""
    major, _, cents = format_amount(abs(excess_minor)).partition(".")
    return f"{int(major):,}.{cents} {'more' if excess_minor > 0 else 'less'} than"
