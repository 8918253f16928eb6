"""The chart: legal entities, facilities, accounts and payer classes, as an estate names them.

The nouns of the books; `books.py` compiles them, `estate.toml` and `ledger/accounts.csv` of an
estate hold them. The cost centres and service lines of departments are in the crosswalks.
"""

from __future__ import annotations

from typing import Literal

import msgspec

AccountKind = Literal["asset", "liability", "equity", "revenue", "expense", "memo"]
CostCentreSource = Literal["", "department", "facility"]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A legal entity: entries balance within it, in its one currency."""

    id: str
    name: str
    currency: str


class Facility(msgspec.Struct, frozen=True, kw_only=True):
    """A hospital or clinic of one legal entity."""

    id: str
    name: str
    entity: str
    zone: str
    """IANA name of its time zone."""
    default_cost_centre: str
    """Bears deductions from revenue that no department performed (CAS has no department)."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the chart."""

    number: str
    name: str
    kind: AccountKind
    cost_centre: CostCentreSource = ""
    """Where its lines get a cost centre: the performing `department` and nothing else; the
    `facility`'s default when no department is named; or none (balance sheet)."""
    payer_class: str = ""
    """Kept under this payer class whoever the payer was (1110: the patient owes)."""


class PayerClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class of payers."""

    id: str
    name: str
    estimate_at_charge: bool = False
    """Whether the contractual allowance was already estimated when the charge was booked (R3).
    Then a remittance's CO 45 releases the estimate (1190) and must not reduce revenue a second
    time (4110)."""
