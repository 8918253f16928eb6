"""Entries: what was booked, immutable, balanced per legal entity and currency.

An `Entry` cannot be made unbalanced: its constructor checks. A correction is a `reverse` (same
accounts, sides swapped, linked by `reverses`) followed by a new entry; nothing is edited. Stored by
`store/state.py`, where the database checks the balance once more.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.fault import Fault


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One side of an entry on one account. One of the two amounts is positive, the other zero."""

    account: str
    debit_minor: int = 0
    credit_minor: int = 0
    facility: str = ""
    cost_centre: str = ""
    service_line: str = ""
    payer_class: str = ""
    rule: str
    """The journal rule row that made it, e.g. `charge/gross`."""
    where: str
    """Path of the segment that caused it, e.g. `CLP[3]/CAS[1]-03`."""


class UnbalancedEntryError(AssertionError):
    """An entry's debits and credits differ: a bug in the posting path, never an input error."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One balanced booking of one legal entity in one currency."""

    id: str
    stream: str
    booking_key: str
    revision: int
    """1 for the first time something stands under this key; 2, 3 ... after corrections. A reversal
    carries the revision it ends."""
    event_id: str
    kind: str
    policy: str
    """Batching policy of its journal: `immediate` (cash) or a micro-batch policy's name."""
    entity: str
    currency: str
    effective_on: date
    accounting_on: date
    received_at_ms: int
    release: str
    reverses: str = ""
    """Id of the entry this one takes back, else empty."""
    principal_minor: int = 0
    """What the booking is worth as its source counts it, signed: gross charge, payment, cash. A
    reversal's is the original's, negated."""
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        """Refuse an entry that is empty, one-sided on no line, or out of balance."""
        balance = 0
        for line in self.lines:
            if (line.debit_minor > 0) == (line.credit_minor > 0) or (
                line.debit_minor < 0 or line.credit_minor < 0
            ):
                raise UnbalancedEntryError(
                    f"entry {self.id}: a line needs exactly one positive side"
                )
            balance += line.debit_minor - line.credit_minor
        if balance or not self.lines:
            raise UnbalancedEntryError(f"entry {self.id}: debits and credits differ by {balance}")


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What posting a booking gave: an entry and open concerns.

    The entry is None when every amount is zero or informational. A concern stands beside a posted
    entry and opens a work item: an unknown adjustment reason in suspense, say.
    """

    entry: Entry | None
    concerns: tuple[Fault, ...] = ()


def reverse(
    entry: Entry,
    *,
    entry_id: str,
    event_id: str,
    received_at_ms: int,
    accounting_on: date,
    release: str,
) -> Entry:
    """Return the mirror of `entry`: same accounts and dimensions, sides swapped.

    It is linked to what it takes back. The effective date stays the original's; the accounting date
    is the caller's (an open period).
    """
    return msgspec.structs.replace(
        entry,
        id=entry_id,
        event_id=event_id,
        received_at_ms=received_at_ms,
        accounting_on=accounting_on,
        release=release,
        reverses=entry.id,
        principal_minor=-entry.principal_minor,
        lines=tuple(
            msgspec.structs.replace(
                line, debit_minor=line.credit_minor, credit_minor=line.debit_minor
            )
            for line in entry.lines
        ),
    )
