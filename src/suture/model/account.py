"""Patient account facts: registration of the account and everything that moves its balance.

Wire: ADT and BAR (PID-18, PV1-20, IN1) register; BAR P01 opens, P06 ends, P02 purges; DFT P03/P11
(FT1-6: CG, CD, PY, CO, AJ) charges, credits, pays, adjusts; ADT A40 with MRG-3 merges, and a
survivor then tells the account it absorbed who pays for it. Booked by
`processes/patient_account.py`.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from suture.model.data_class import Financial, Operational, Phi

LineNumbers = Literal["sender", "account"]
"""Where an FT1-2 names one line alone: in all that its sending application tells, or only in one of
its accounts. HL7 v2 leaves it open (6.5.1.2: assigned by the sending system for control purposes),
so each source says which (`[hl7v2] line_numbers`)."""


class AccountFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one patient account."""

    account: Phi[str]
    """Surrogate of PID-18."""


class AccountRegistered(AccountFact, frozen=True, tag="account.registered"):
    """Who is expected to pay for this account, as told by any ADT or DFT message.

    Empty means silent.
    """

    patient: Phi[str] = ""
    facility: Operational[str] = ""
    patient_class: Operational[str] = ""
    financial_class: Financial[str] = ""
    """PV1-20.1; the estate's crosswalk turns it into a payer class."""
    payer: Financial[str] = ""
    """IN1-3.1 of the first insurance (IN1-1 = 1)."""


class AccountOpened(AccountFact, frozen=True, tag="account.opened", kw_only=True):
    """BAR P01: a billing account begins."""

    opened_on: Operational[date | None] = None
    """EVN-6, else EVN-2."""


class AccountEnded(AccountFact, frozen=True, tag="account.ended", kw_only=True):
    """BAR P06: no new charges are to come. It does not say that anything was paid."""

    ended_on: Operational[date | None] = None
    """EVN-6, else EVN-2."""


class AccountPurged(AccountFact, frozen=True, tag="account.purged", kw_only=True):
    """BAR P02: the sender forgot the account; what stands in the books stays."""

    purged_on: Operational[date | None] = None
    """EVN-6, else EVN-2."""


class ChargeFact(AccountFact, frozen=True, kw_only=True, omit_defaults=True):
    """One FT1 that charges or credits a service."""

    charge: Operational[str]
    """Business identity of the charge: surrogate of sending application + account + FT1-2 + FT1-6
    (see translate/hl7v2_dft)."""
    amount_minor: Financial[int]
    """Extended amount, always as printed (normally positive): the fact's type carries the
    direction."""
    line: Operational[str] = ""
    """What of its identity stays when its account is merged: surrogate of sending application +
    FT1-2 + FT1-6. Empty where FT1-2 is."""
    line_numbers: Operational[LineNumbers] = "sender"
    """Whether `line` is the same charge told under another account's number, or only its number."""
    quantity: Operational[str] = ""
    service_on: Operational[date]
    """FT1-4, the service date in the facility's own time zone."""
    posted_on: Operational[date | None] = None
    """FT1-5, a candidate for the accounting date."""
    facility: Operational[str] = ""
    department: Operational[str] = ""
    """FT1-13, else FT1-16.1: the department that performed the service, as sent."""
    transaction_code: Financial[str] = ""
    """FT1-7.1, the charge description master code."""
    procedure_code: Financial[str] = ""
    """FT1-25.1, CPT or HCPCS."""


class ChargePosted(ChargeFact, frozen=True, tag="charge.posted"):
    """FT1-6 = CG: a service was charged at its gross price."""


class ChargeCredited(ChargeFact, frozen=True, tag="charge.credited"):
    """FT1-6 = CD: a charge was taken back, under its own transaction id."""


class PaymentReceived(AccountFact, frozen=True, tag="payment.received", kw_only=True):
    """FT1-6 = PY or CO: money from the patient, at the point of service or a portal."""

    payment: Operational[str]
    """Business identity of the payment, as `charge` of a ChargeFact."""
    line: Operational[str] = ""
    """As `line` of a ChargeFact."""
    line_numbers: Operational[LineNumbers] = "sender"
    amount_minor: Financial[int]
    received_on: Operational[date]
    kind: Financial[str]
    """PY payment, CO co-payment."""
    medium: Financial[str] = ""
    """FT1-7.1: cash, card, check as the sender names it."""
    facility: Operational[str] = ""
    department: Operational[str] = ""


class AccountAdjusted(AccountFact, frozen=True, tag="account.adjusted", kw_only=True):
    """FT1-6 = AJ: a balance adjustment.

    FT1-7 says which kind, and the estate's rules say which account.
    """

    adjustment: Operational[str]
    line: Operational[str] = ""
    """As `line` of a ChargeFact."""
    line_numbers: Operational[LineNumbers] = "sender"
    amount_minor: Financial[int]
    """Positive reduces what is owed."""
    adjusted_on: Operational[date]
    code: Financial[str] = ""
    """FT1-7.1."""
    facility: Operational[str] = ""
    department: Operational[str] = ""


class AccountMerged(AccountFact, frozen=True, tag="account.merged", kw_only=True):
    """MRG-3 into PID-18 (A40, A41, A18, A35, A36): `retired` was a second number for `survivor`.

    Told to both accounts.
    """

    retired: Phi[str]
    survivor: Phi[str]


class AccountRegister(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force for one field of AccountRegistered."""

    field: Operational[str]
    stamp: Operational[str]
    value: Financial[str]


class AccountSurvivor(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one account that others live on in."""

    account: Phi[str]
    registered: Financial[tuple[AccountRegister, ...]] = ()
    survivor: Phi[str] = ""
    """The account this one was merged into itself; empty where it was not."""
    merged_stamp: Operational[str] = ""


class SurvivorsTold(AccountFact, frozen=True, tag="account.survivors_told", kw_only=True):
    """Sent on by a survivor's process to an account it absorbed.

    It says who pays for the survivor and for those that the survivor lives on in.
    """

    survivors: Phi[tuple[AccountSurvivor, ...]]


class AccountLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That an account was told one FT1, when its sender recorded it last, and what it then said."""

    account: Phi[str]
    line: Operational[str]
    stamp: Operational[str]
    amount_minor: Financial[int]
    effective_on: Operational[date]
    code: Financial[str] = ""
    """FT1-7, else FT1-25."""
    line_numbers: Operational[LineNumbers] = "sender"


class LinesTold(AccountFact, frozen=True, tag="account.lines_told", kw_only=True):
    """Sent on by an account's process to those it was merged with: which FT1 it holds.

    Of an FT1 told under the numbers of several merged accounts only one stands.
    """

    by: Phi[str]
    """The account that sends it on: what it was told itself, and what others told it."""
    lines: Phi[tuple[AccountLine, ...]]
