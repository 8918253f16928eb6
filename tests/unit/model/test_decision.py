"""The fingerprint of a booking: what makes another entry of it, and what does not."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from suture.model.decision import Amount, Booking, fingerprint

AMOUNT = Amount(name="adjustment", minor=500, where="CAS[1]-03", group="CO", reason="45")
BOOKING = Booking(
    key="adjudication:1",
    kind="claim_payment",
    amounts=(AMOUNT,),
    effective_on=date(2026, 3, 20),
    facility="RGH",
    source="remits",
    event_id="evt_1",
)


def changed(**changes: Any) -> Booking:
    return msgspec.structs.replace(BOOKING, **changes)


@pytest.mark.parametrize(
    "other",
    [
        changed(kind="secondary_claim_payment"),
        changed(amounts=()),
        changed(amounts=(AMOUNT, AMOUNT)),
        changed(effective_on=date(2026, 3, 21)),
        changed(accounting_on=date(2026, 3, 20)),
        changed(facility="RNH"),
        changed(department="RGH"),
        changed(payer="P1"),
        changed(financial_class="MA"),
        changed(patient_class="I"),
        changed(service_code="80053"),
        changed(source="charges"),
        *(
            changed(amounts=(msgspec.structs.replace(AMOUNT, **change),))
            for change in ({"minor": -500}, {"group": "PR"}, {"reason": "50"}, {"name": "payment"})
        ),
    ],
    ids=lambda booking: " ".join(
        name
        for name in booking.__struct_fields__
        if getattr(booking, name) != getattr(BOOKING, name)
    ),
)
def test_whatever_changes_what_is_booked_makes_another_booking(other: Booking) -> None:
    assert fingerprint(BOOKING) != fingerprint(other)


@pytest.mark.parametrize(
    "other",
    [
        changed(event_id="evt_2"),
        changed(amounts=(msgspec.structs.replace(AMOUNT, where="CAS[7]-03"),)),
        changed(key="adjudication:2"),
    ],
    ids=["event", "path", "key"],
)
def test_who_told_it_and_where_makes_no_other_booking(other: Booking) -> None:
    assert fingerprint(BOOKING) == fingerprint(other)


def test_amounts_in_another_order_are_another_booking() -> None:
    """Lines come in the order of the amounts; a process must name them in one order."""
    second = msgspec.structs.replace(AMOUNT, reason="253")
    ordered, turned = changed(amounts=(AMOUNT, second)), changed(amounts=(second, AMOUNT))
    assert fingerprint(ordered) != fingerprint(turned)


def test_every_field_but_the_named_ones_is_in_the_fingerprint() -> None:
    """A field added to `Booking` must be thought about here."""
    assert {
        "key",
        "kind",
        "amounts",
        "effective_on",
        "accounting_on",
        "facility",
        "department",
        "payer",
        "financial_class",
        "patient_class",
        "service_code",
        "needs_payer_class",
        "source",
        "event_id",
        "where",
    } == set(Booking.__struct_fields__)


def test_a_fingerprint_is_eight_bytes_and_never_that_of_nothing() -> None:
    assert 8 == len(fingerprint(BOOKING))
    assert fingerprint(BOOKING) != b""
