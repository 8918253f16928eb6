"""Chapter: a correction while no period is open. The old booking stays until finance opens one.

A reversal in a closed period would change books that are finished, and a reversal without its
replacement would take revenue away: so neither is booked, one item waits for the difference, and
the control totals count it.
"""

from __future__ import annotations

import pytest
from tests.specs.riverbend_books import Riverbend, assert_controls_hold, books_of, estate_files
from tests.specs.riverbend_messages import Line, adt, dft, merge

from suture.ledger.books import Books

REGISTERED = adt("A04", "A1", at="20260310080000", control="R1", payer="MCR")
CHARGED = dft("A1", Line("L1", "CG", 25_000, department="RAD"), at="20260310090000", control="B1")
SHUT = ("ledger.period.none_open", "-50.00")


def shut() -> Books:
    """Return the books of the estate with every period closed."""
    periods = estate_files()["ledger/periods.csv"]
    return books_of({"ledger/periods.csv": periods.replace(b",open", b",closed")})


def after_the_close(*messages: bytes) -> Riverbend:
    """Return Riverbend with 250.00 charged, every period closed since, then these messages."""
    riverbend = Riverbend()
    riverbend.receive(REGISTERED, CHARGED)
    riverbend.promote(shut())
    riverbend.receive(*messages)
    assert_controls_hold(riverbend, (REGISTERED, CHARGED, *messages))
    return riverbend


def corrected(minor: int, at: str = "20260311090000") -> bytes:
    line = Line("L1", "CG", minor, department="RAD")
    return dft("A1", line, at=at, control=f"B{minor}{at[6:8]}")


def test_the_old_booking_stays_and_the_difference_waits_until_a_period_opens() -> None:
    riverbend = after_the_close(corrected(20_000))
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()
    assert [SHUT] == riverbend.exceptions()
    riverbend.store()
    riverbend.promote(books_of())
    assert {"1100": "200.00", "4020": "-200.00"} == riverbend.balances()
    assert [] == riverbend.exceptions()
    assert_controls_hold(riverbend, (REGISTERED, CHARGED, corrected(20_000)))


def test_what_waits_says_which_segment_told_it_however_often_it_is_told() -> None:
    again = corrected(20_000, "20260312090000")
    for told in ((corrected(20_000),), (corrected(20_000), again), (again, corrected(20_000))):
        assert ["FT1"] == [each.where for each in after_the_close(*told).faults()]


def test_told_again_it_waits_once_and_told_right_it_waits_no_more() -> None:
    again = corrected(20_000, "20260312090000")
    assert [SHUT] == after_the_close(corrected(20_000), again).exceptions()
    taken_back = after_the_close(corrected(20_000), corrected(25_000, "20260313090000"))
    assert [] == taken_back.exceptions()
    assert {"1100": "250.00", "4020": "-250.00"} == taken_back.balances()


def test_a_charge_taken_to_nothing_waits_as_well() -> None:
    riverbend = after_the_close(corrected(0))
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()
    assert [("ledger.period.none_open", "-250.00")] == riverbend.exceptions()
    riverbend.promote(books_of())
    assert {} == riverbend.balances()
    assert [] == riverbend.exceptions()


@pytest.mark.parametrize("is_opened", [False, True])
def test_a_charge_told_again_under_the_survivors_number_waits_on_both_sides(
    is_opened: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    told = (
        merge("A2", "A1", at="20260311080000", control="M1"),
        adt("A04", "A2", at="20260311080000", control="R2", payer="MCR"),
        dft("A2", Line("L1", "CG", 25_000, department="RAD"), at="20260312080000", control="B9"),
    )
    riverbend = after_the_close(*told)
    if is_opened:
        riverbend.promote(books_of())
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()
    assert_controls_hold(riverbend, (REGISTERED, CHARGED, *told))
    assert is_opened == (riverbend.exceptions() == [])
