"""Chapter: one charge told in two ways in the same second, and who decides.

First the sender: by its clock (EVN-2, MSH-7), then by its own numbers (MSH-13, MSH-10). Where
neither tells an order, one of the two stands, the same in any order of arrival, and a concern asks
a person which. Every spec here is told in every order and twice.
"""

from __future__ import annotations

from tests.specs.riverbend_books import Riverbend, books_after
from tests.specs.riverbend_messages import Line, adt, dft

AT, LATER = "20260310080000", "20260310080001"
TIED = "account.told_twice_at_once"


def charged(minor: int, control: str, at: str = AT) -> bytes:
    return dft("A1", Line("T1", "CG", minor, department="LAB"), at=at, control=control)


def registered(payer: str, control: str, at: str = AT) -> bytes:
    return adt("A04", "A1", at=at, control=control, payer=payer)


def receivable(riverbend: Riverbend) -> int:
    return sum(minor for place, minor in riverbend.trial_balance().items() if place[1] == "1100")


REGISTERED = registered("MCR", "R1")


def test_the_higher_number_of_the_sender_wins_in_one_second() -> None:
    first = books_after(REGISTERED, charged(12_500, "1001"), charged(10_000, "1002"))
    assert 10_000 == receivable(first)
    assert [] == first.exceptions()
    second = books_after(REGISTERED, charged(12_500, "1002"), charged(10_000, "1001"))
    assert 12_500 == receivable(second)


def test_without_a_number_one_stands_and_a_concern_asks_which() -> None:
    riverbend = books_after(REGISTERED, charged(12_500, "X1"), charged(10_000, "X2"))
    assert [code for code, _ in riverbend.exceptions()] == [TIED]
    assert receivable(riverbend) in {12_500, 10_000}


def test_the_concern_resolves_when_it_is_told_again_later() -> None:
    riverbend = books_after(
        REGISTERED, charged(12_500, "X1"), charged(10_000, "X2"), charged(10_000, "X3", LATER)
    )
    assert [] == riverbend.exceptions()
    assert 10_000 == receivable(riverbend)


def test_the_same_content_told_twice_at_once_is_no_question() -> None:
    riverbend = books_after(REGISTERED, charged(12_500, "X1"), charged(12_500, "X2"))
    assert [] == riverbend.exceptions()


def test_two_payers_registered_at_once_are_asked_about_until_one_is_told_later() -> None:
    charge, other = charged(12_500, "X1"), registered("BLUECREST", "R2")
    assert [TIED] == [code for code, _ in books_after(REGISTERED, other, charge).exceptions()]
    again = registered("MCR", "R3", LATER)
    assert [] == books_after(REGISTERED, other, charge, again).exceptions()
