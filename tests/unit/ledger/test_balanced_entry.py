"""An entry that does not balance cannot be made, and a reversal is its mirror (ledger/entry.py)."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from tests.unit.ledger.entries import REVENUE, entry

from suture.ledger.entry import Line, UnbalancedEntryError, reverse


def line(account: str, debit_minor: int = 0, credit_minor: int = 0) -> Line:
    return msgspec.structs.replace(
        REVENUE, account=account, debit_minor=debit_minor, credit_minor=credit_minor
    )


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((), id="no line"),
        pytest.param((line("1100", 100), line("4020", 0, 99)), id="a cent is missing"),
        pytest.param((line("1100", 100, 100),), id="both sides on one line"),
        pytest.param((line("1100"), line("4020")), id="neither side"),
        pytest.param((line("1100", -100), line("4020", 0, -100)), id="negative sides"),
        pytest.param((line("1100", 100, -100), line("4020", 0, 200)), id="a hidden negative"),
    ],
)
def test_an_entry_that_does_not_balance_cannot_be_made(lines: tuple[Line, ...]) -> None:
    with pytest.raises(UnbalancedEntryError):
        entry(lines=lines)


def test_a_reversal_swaps_the_sides_and_keeps_all_else_it_takes_back() -> None:
    original = entry(
        revision=3,
        effective_on=date(2026, 2, 27),
        lines=(line("1100", 100), line("4020", 0, 100)),
    )
    mirror = reverse(
        original,
        entry_id="ent_2",
        event_id="evt_2",
        received_at_ms=5,
        accounting_on=date(2026, 4, 1),
        release="rel_2",
    )
    assert (line("1100", 0, 100), line("4020", 100)) == mirror.lines
    assert ("ent_2", "ent_1", "charge:1", 3) == (
        mirror.id,
        mirror.reverses,
        mirror.booking_key,
        mirror.revision,
    )
    assert (date(2026, 2, 27), date(2026, 4, 1), "rel_2") == (
        mirror.effective_on,
        mirror.accounting_on,
        mirror.release,
    )
