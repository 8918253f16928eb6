"""Journal rules: which amount of which booking debits and credits which account role.

The rows are `ledger/journal_rules.csv` of an estate, written so that an accountant can read and
change them: `claim_payment, adjustment, CO, 45` debits `allowance_contractual` and credits
`receivable_insurance`. Adjustments are chosen by CAS01 (group) and CARC (reason), provider
adjustments by PLB03-1, account adjustments by FT1-7. Roles become accounts in `determination.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

NO_ROLE = "none"
"""Both sides `none`: the amount is information and moves nothing."""
SUSPENSE = "suspense"
"""The role of what nobody has ruled on: it is booked, and a concern stands beside it (B32)."""

Sign = Literal["", "+", "-"]

BOOKINGS: dict[str, tuple[str, ...]] = {
    "charge": ("gross",),
    "credit": ("gross",),
    "patient_payment": ("payment",),
    "account_adjustment": ("adjustment",),
    "claim_payment": ("payment", "adjustment"),
    "forwarded_claim_payment": ("payment", "adjustment"),
    "secondary_claim_payment": ("payment", "adjustment"),
    "remittance": ("cash", "provider_adjustment"),
}
"""What the processes book: each kind with the amounts it may hold. Every pair needs a rule."""

CLAIM_BOOKINGS = frozenset({"claim_payment", "forwarded_claim_payment", "secondary_claim_payment"})
"""Bookings whose financial class is a claim filing indicator (CLP06), not PV1-20."""
RECEIVABLE_ROLES = frozenset({"receivable_insurance", "receivable_patient"})
"""Roles a claim payment settles: its amounts on one of them are one line."""
REMITTANCE_BOOKINGS = CLAIM_BOOKINGS | {"remittance"}
"""Bookings whose facility is a payee id (N104)."""
PAYERLESS_BOOKINGS = frozenset({"remittance"})
"""Bookings that post without a payer class: money that came in is booked whoever sent it."""

_FOUND_MAX = 10_000


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Blank group, reason or sign stand for any."""

    name: str
    """Names the row on every line it makes."""
    booking: str
    amount: str
    group: str = ""
    reason: str = ""
    sign: Sign = ""
    """`+` or `-` where a code means another account when its amount is negative (PLB L6)."""
    debit_role: str
    credit_role: str
    policy: str
    """Batching policy of the entry."""
    note: str = ""
    where: str = ""
    """The row's place in the estate, e.g. `ledger/journal_rules.csv:12`."""

    @property
    def is_informational(self) -> bool:
        """Whether the amount moves nothing."""
        return self.debit_role == NO_ROLE

    @property
    def is_suspense(self) -> bool:
        """Whether the amount waits in suspense for somebody's ruling."""
        return SUSPENSE in {self.debit_role, self.credit_role}

    @property
    def selectors(self) -> tuple[str, str, str, str, Sign]:
        """What the row applies to: two rows may not have the same."""
        return (self.booking, self.amount, self.group, self.reason, self.sign)


class Rules:
    """The journal rules, ready to be asked."""

    __slots__ = ("_found", "_rows")

    def __init__(self, rows: Iterable[Rule]) -> None:
        """Take the rows; of two rows for the same, the first holds."""
        self._rows: dict[tuple[str, str, str, str, Sign], Rule] = {}
        for row in rows:
            self._rows.setdefault(row.selectors, row)
        self._found: dict[tuple[str, str, str, str, bool], Rule | None] = {}

    def find(
        self, booking: str, amount: str, group: str, reason: str, *, is_negative: bool
    ) -> Rule | None:
        """Return the most specific row: (group, reason), then group, then reason, then any.

        Group goes before reason because it says who owes: PR is the patient's whatever the CARC.
        """
        key = (booking, amount, group, reason, is_negative)
        try:
            return self._found[key]
        except KeyError:
            pass
        if len(self._found) >= _FOUND_MAX:
            self._found.clear()  # codes come from outside: what is remembered stays bounded
        rule = self._found[key] = self._search(
            booking, amount, group, reason, "-" if is_negative else "+"
        )
        return rule

    def _search(
        self, booking: str, amount: str, group: str, reason: str, sign: Sign
    ) -> Rule | None:
        for selected in ((group, reason), (group, ""), ("", reason), ("", "")):
            for of_sign in (sign, ""):
                rule = self._rows.get((booking, amount, *selected, of_sign))
                if rule is not None:
                    return rule
        return None
