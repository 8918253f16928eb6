"""What a destination answers: the outcome of a delivery attempt, and what is read back from it.

Four outcomes and no more, so that the delivery engine can match them exhaustively: delivered,
refused for good, transient (the destination certainly did nothing), unknown (it may have done it:
ask by our key before any resend). What to do about each, and when, is the engine's; here is only
what is known.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from suture.model.fault import Fault


class Delivered(msgspec.Struct, frozen=True):
    """The destination holds it, as `document` (the ERP's own number).

    `detail` says how we know: this attempt made it, an earlier one had (same key, same body), or we
    asked. An engine that already knows another document for the key must not overwrite it (fault
    F17).
    """

    document: str
    detail: Literal["created", "replayed", "found"]


class Refused(msgspec.Struct, frozen=True):
    """The destination will not take these bytes; nothing was done. Becomes a work item."""

    fault: Fault


class Transient(msgspec.Struct, frozen=True):
    """Nothing was done; a later attempt may succeed, not before `retry_after_seconds` if set."""

    fault: Fault
    retry_after_seconds: int | None = None


class Unknown(msgspec.Struct, frozen=True):
    """The request went out and no trustworthy answer came back: it may have been done."""

    fault: Fault


class NotFound(msgspec.Struct, frozen=True):
    """The destination holds nothing under the key it was asked for."""

    key: str


class Healthy(msgspec.Struct, frozen=True):
    """The destination answers and takes our credentials."""


class AccountBalance(msgspec.Struct, frozen=True):
    """What one account received in a period: both sides in minor units, and how many lines."""

    account: str
    debit_minor: int
    credit_minor: int
    line_count: int


class Balances(msgspec.Struct, frozen=True):
    """What an ERP holds for one legal entity and period, by account (controls K2, K4, K5)."""

    entity: str
    period: str
    currency: str
    journal_count: int
    accounts: tuple[AccountBalance, ...]


class HeldJournal(msgspec.Struct, frozen=True):
    """One document of an ERP: its own number, our reference, and the digest it was sent with."""

    document: str
    reference: str
    digest: str = ""
    """Of what is in it (`ledger/batch.py`); empty where the ERP did not keep it, or it is no one of
    ours."""


class Journals(msgspec.Struct, frozen=True):
    """Every document an ERP holds for one legal entity and period."""

    entity: str
    period: str
    journals: tuple[HeldJournal, ...]


Outcome: TypeAlias = Delivered | Refused | Transient | Unknown
Finding: TypeAlias = Delivered | NotFound | Transient | Refused
"""What asking by key tells. `Refused` only when no machine can settle it: a key that cannot exist,
several documents under one key, or a document that is not ours; a question that failed is
`Transient`, whatever the reason."""
