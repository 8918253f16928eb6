"""Batching: what the ERP receives is not each entry but journals, summed by everything it posts by.

A journal belongs to one policy, legal entity, currency and accounting day. Its lines are the
entries' lines summed by account, facility, cost centre, service line and payer class, debits and
credits apart and never netted: control K2 compares both totals with what the ERP reads back. The
detail stays in the subledger, linked to the journal. `store/outbox.py` sums in SQL what
`summarise` defines; `connectors/erp/` sends `Journal.body`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from suture.ledger.entry import Entry

INSTALLATION_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base32 without I, L, O and U, which are misread or spell words (Crockford)."""
INSTALLATION_LENGTH = 4
"""Of the code that tells one installation's journals from another's in one ERP."""

_REFERENCE_PREFIX = "SUT"
_REFERENCE_DIGITS = 9
"""Prefix, code and digits make the 16 characters every ERP accepts as an external reference."""

_encoder = msgspec.json.Encoder()


class JournalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One summed line: exactly one of the two amounts is positive."""

    account: str
    debit_minor: int = 0
    credit_minor: int = 0
    facility: str = ""
    cost_centre: str = ""
    service_line: str = ""
    payer_class: str = ""


class JournalScope(NamedTuple):
    """What entries must share to go into one journal."""

    policy: str
    entity: str
    currency: str
    accounting_on: date


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """One journal as the ERP will hold it; `reference` is ours and makes sending it idempotent."""

    reference: str
    policy: str
    entity: str
    currency: str
    accounting_on: date
    lines: tuple[JournalLine, ...]
    entry_ids: tuple[str, ...]
    """The entries summed in it: two honest journals may have equal sums, never equal entries."""

    @property
    def digest(self) -> str:
        """Return the address of what the journal books, whatever its reference: 32 hex digits."""
        return sha256(_encoder.encode(sorted(self.entry_ids))).hexdigest()[:32]

    def body(self) -> bytes:
        """Return the journal as the journal API takes it (docs/reference/journal_api.md).

        The bytes follow from the journal alone, so sending it again sends the same bytes. The
        description carries the digest, which the ERP gives back when it is asked what it holds.
        """
        return _encoder.encode(
            {
                "reference": self.reference,
                "entity": self.entity,
                "currency": self.currency,
                "accounting_date": self.accounting_on,
                "description": f"Suture {self.policy} {self.accounting_on} digest:{self.digest}",
                "source": "suture",
                "lines": [_line_body(line) for line in self.lines],
            }
        )


def _line_body(line: JournalLine) -> dict[str, Any]:
    """Return one line; dimensions it does not have are left out, as the API refuses empty text."""
    dimensions = {
        "cost_center": line.cost_centre,
        "service_line": line.service_line,
        "payer_class": line.payer_class,
        "facility": line.facility,
    }
    return {
        "account": line.account,
        "debit_minor": line.debit_minor,
        "credit_minor": line.credit_minor,
    } | {name: value for name, value in dimensions.items() if value}


def journal_reference(installation: str, number: int) -> str:
    """Return the reference of an installation's journal: `7KQ2`, 123 -> `SUT7KQ2000000123`.

    References of one installation sort by number. Raises ValueError for a number beyond nine
    digits or another kind of code: the reference must stay within 16 characters.
    """
    is_code = len(installation) == INSTALLATION_LENGTH and not (
        set(installation) - set(INSTALLATION_LETTERS)
    )
    if not is_code or not 0 < number < 10**_REFERENCE_DIGITS:
        raise ValueError(f"journal number {number} does not fit its reference")
    return f"{_REFERENCE_PREFIX}{installation}{number:0{_REFERENCE_DIGITS}d}"


def installation_of(reference: str) -> str:
    """Return the code of the installation that a reference of ours names."""
    return reference.removeprefix(_REFERENCE_PREFIX)[:INSTALLATION_LENGTH]


def renewed_body(body: bytes, reference: str) -> bytes:
    """Return a journal's body (`Journal.body`) under another reference; all else stays as it was.

    The digest in its description is of its entries alone, so it is the same under any reference.
    """
    content: dict[str, Any] = msgspec.json.decode(body)
    return _encoder.encode({**content, "reference": reference})


def summarise(entries: Iterable[Entry]) -> dict[JournalScope, tuple[JournalLine, ...]]:
    """Sum entries into the lines of their journals, one journal per scope.

    Scopes and lines come in a fixed order, whatever order the entries came in. Sums of balanced
    entries of one entity and currency balance.
    """
    sums: dict[JournalScope, dict[tuple[str, str, str, str, str, bool], int]] = {}
    for entry in entries:
        scope = JournalScope(entry.policy, entry.entity, entry.currency, entry.accounting_on)
        amounts = sums.setdefault(scope, {})
        for line in entry.lines:
            key = (
                line.account,
                line.facility,
                line.cost_centre,
                line.service_line,
                line.payer_class,
                line.debit_minor > 0,
            )
            amounts[key] = amounts.get(key, 0) + line.debit_minor + line.credit_minor
    return {
        scope: tuple(_summed(key, minor) for key, minor in sorted(amounts.items()))
        for scope, amounts in sorted(sums.items())
    }


def _summed(key: tuple[str, str, str, str, str, bool], minor: int) -> JournalLine:
    account, facility, cost_centre, service_line, payer_class, is_debit = key
    return JournalLine(
        account=account,
        debit_minor=minor if is_debit else 0,
        credit_minor=0 if is_debit else minor,
        facility=facility,
        cost_centre=cost_centre,
        service_line=service_line,
        payer_class=payer_class,
    )
