"""The entry most ledger tests begin with: a charge of one dollar at Riverbend General's ED."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from suture.ledger.entry import Entry, Line

RECEIVABLE = Line(
    account="1100", debit_minor=100, facility="RGH", rule="charge/gross", where="FT1[1]-11"
)
REVENUE = Line(
    account="4020",
    credit_minor=100,
    facility="RGH",
    cost_centre="RGH-7010",
    service_line="emergency",
    payer_class="medicare",
    rule="charge/gross",
    where="FT1[1]-11",
)
ENTRY = Entry(
    id="ent_1",
    stream="patient_account/acc_1",
    booking_key="charge:1",
    revision=1,
    event_id="evt_1",
    kind="charge",
    policy="charges",
    entity="RVH",
    currency="USD",
    effective_on=date(2026, 3, 4),
    accounting_on=date(2026, 3, 4),
    received_at_ms=0,
    release="rel_1",
    lines=(RECEIVABLE, REVENUE),
)


def entry(**told: Any) -> Entry:
    """Return the entry with something else about it."""
    return msgspec.structs.replace(ENTRY, **told)
