"""Chapter: two accounts turn out to be one. ADT A40 with MRG-3, and who pays from then on.

Registration merges the accounts; billing hears of it later, or never, and goes on charging the old
number. What was booked stays where it was booked (F34); what the old account cannot answer, its
survivor answers. Every spec here is told in every order and twice. Before this chapter:
test_spec_patient_account.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, books_after, books_of, controls_of, edited
from tests.specs.riverbend_messages import DESK, Line, adt, dft, merge

SCAN = Line("L1", "CG", 25_000, department="RAD", code="71250")
BEFORE, MERGED, AFTER = "20260310080000", "20260310120000", "20260310160000"
"""Recorded before, at and after the merge. When a message arrives is another matter."""


def edited_line(line: Line, **changes: Any) -> Line:
    return msgspec.structs.replace(line, **changes)


def charged(account: str, at: str = BEFORE) -> bytes:
    """Return a scan of 250.00 charged to an account."""
    return dft(account, SCAN, at=at, control=f"B{account}{at[8:10]}")


def registered(account: str, payer: str = "", financial_class: str = "", at: str = BEFORE) -> bytes:
    """Return a registration of an account, which says who pays, or does not."""
    control = f"R{account}{payer}{financial_class}{at[8:10]}"
    return adt("A04", account, at=at, control=control, payer=payer, financial_class=financial_class)


def merged(retired: str, survivor: str, at: str = MERGED) -> bytes:
    return merge(survivor, retired, at=at, control=f"M{retired}{survivor}")


def payers(riverbend: Riverbend) -> dict[str, int]:
    """Return the revenue by class of payer, in minor units."""
    return {
        place[5]: -minor
        for place, minor in riverbend.trial_balance().items()
        if place[1] in {"4010", "4020"}
    }


# A charge that nobody but the survivor can answer for ---------------------------------------------


@pytest.mark.parametrize("at", [BEFORE, AFTER], ids=["before", "after"])
def test_a_charge_to_a_merged_account_nobody_registered_follows_the_survivor(at: str) -> None:
    riverbend = books_after(charged("OLD", at), merged("OLD", "NEW"), registered("NEW", "MCR"))
    assert {
        ("RVH", "1100", "2026-03", "RGH", "", "medicare"): 25_000,
        ("RVH", "4020", "2026-03", "RGH", "RGH-7600", "medicare"): -25_000,
    } == riverbend.trial_balance()
    assert [] == riverbend.exceptions()


def test_it_waits_while_nobody_says_who_pays_for_the_survivor_either() -> None:
    riverbend = books_after(charged("OLD"), merged("OLD", "NEW"), registered("NEW"))
    assert {} == riverbend.balances()
    assert [("account.payer_class_unknown", "250.00")] == riverbend.exceptions()


def test_it_follows_the_survivor_through_a_chain_of_merges() -> None:
    """OLD into MID, MID into NEW: of the three only NEW was ever registered."""
    riverbend = books_after(
        charged("OLD"),
        merged("OLD", "MID"),
        merged("MID", "NEW", at="20260310130000"),
        registered("NEW", "BLUECREST"),
    )
    assert {"commercial": 25_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


def test_the_nearest_account_of_the_chain_that_was_registered_answers() -> None:
    riverbend = books_after(
        charged("OLD"),
        merged("OLD", "MID"),
        merged("MID", "NEW", at="20260310130000"),
        registered("MID", "MCR"),
        registered("NEW", "BLUECREST"),
    )
    assert {"medicare": 25_000} == payers(riverbend)


def test_an_account_merged_twice_lives_on_where_it_was_merged_last() -> None:
    riverbend = books_after(
        charged("OLD"),
        merged("OLD", "WRONG"),
        merged("OLD", "NEW", at="20260310130000"),
        registered("WRONG", "MCR"),
        registered("NEW", "BLUECREST"),
    )
    assert {"commercial": 25_000} == payers(riverbend)


def test_what_the_survivor_learns_of_its_payer_later_moves_the_receivable() -> None:
    """Self-pay first, insured the day after: 1110 becomes 1100, for the old number's charge too."""
    riverbend = books_after(
        charged("OLD"),
        merged("OLD", "NEW"),
        registered("NEW", financial_class="SP"),
        registered("NEW", payer="BLUECREST", at="20260311080000"),
    )
    assert {"1100": "250.00", "4020": "-250.00"} == riverbend.balances()


def test_the_ward_the_old_account_was_admitted_to_still_says_which_revenue_it_is() -> None:
    """OLD was an inpatient's without a payer; who pays is NEW's answer, the rest stays OLD's."""
    inpatient = adt("A01", "OLD", at=BEFORE, control="R1", patient_class="I")
    riverbend = books_after(
        inpatient, charged("OLD"), merged("OLD", "NEW"), registered("NEW", "MCR")
    )
    assert {"1100": "250.00", "4010": "-250.00"} == riverbend.balances()


def test_credits_and_adjustments_follow_the_survivor_as_charges_do() -> None:
    lines = (
        SCAN,
        Line("L2", "CD", 10_000, department="RAD"),
        Line("L3", "AJ", 3_000, code="CHARITY"),
    )
    riverbend = books_after(
        dft("OLD", *lines, at=AFTER, control="B1"), merged("OLD", "NEW"), registered("NEW", "MCR")
    )
    assert {"1100": "150.00", "1110": "-30.00", "4020": "-150.00", "4130": "30.00"} == (
        riverbend.balances()
    )
    assert [] == riverbend.exceptions()


# Merged after charges and payments ------------------------------------------------------------


def test_f34_what_was_booked_before_the_merge_stays_as_it_was_booked() -> None:
    """Not a line moves: the merge itself books nothing and reverses nothing."""
    told = (registered("OLD", "MCR"), registered("NEW", "BLUECREST"), charged("OLD"))
    riverbend = books_after(*told, merged("OLD", "NEW"))
    assert {"medicare": 25_000} == payers(riverbend)
    in_order = Riverbend()
    in_order.receive(*told)
    entries = dict(in_order.entries)
    in_order.receive(merged("OLD", "NEW"))
    assert entries == in_order.entries


def test_f34_what_is_charged_to_the_old_number_afterwards_goes_by_the_survivors_payer() -> None:
    riverbend = books_after(
        registered("OLD", "MCR"),
        registered("NEW", "BLUECREST"),
        merged("OLD", "NEW"),
        charged("OLD", AFTER),
    )
    assert {"commercial": 25_000} == payers(riverbend)


def test_a_survivor_that_was_told_nothing_leaves_the_old_accounts_payer_in_force() -> None:
    riverbend = books_after(
        registered("OLD", "MCR"), registered("NEW"), merged("OLD", "NEW"), charged("OLD", AFTER)
    )
    assert {"medicare": 25_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


def test_the_class_of_one_account_is_never_mixed_with_the_payer_of_another() -> None:
    """OLD says only its class (Medicare), NEW its insurer: OLD's charge is Medicare's."""
    riverbend = books_after(
        registered("OLD", financial_class="MC"),
        registered("NEW", payer="BLUECREST"),
        charged("OLD"),
        merged("OLD", "NEW"),
    )
    assert {"medicare": 25_000} == payers(riverbend)


@pytest.mark.parametrize("at", [BEFORE, AFTER], ids=["before", "after"])
def test_money_of_the_patient_never_waits_for_a_merge(at: str) -> None:
    paid = dft("OLD", Line("L1", "PY", 2_500, code="CARD"), at=at, control="B1")
    riverbend = books_after(paid, merged("OLD", "NEW"), registered("NEW", "MCR"))
    assert {"1010": "25.00", "1110": "-25.00"} == riverbend.balances()
    assert 1 == len(riverbend.entries)


# Merged in a circle -------------------------------------------------------------------------------


def test_b21_two_accounts_merged_into_each_other_wait_for_a_steward_and_the_charge_books() -> None:
    riverbend = books_after(
        charged("OLD"),
        merged("OLD", "NEW"),
        merged("NEW", "OLD", at="20260310130000"),
        registered("NEW", "MCR"),
    )
    codes = ("account.merge_loop", "patient.merge_loop")
    assert [(code, "0.00") for code in codes for _ in range(2)] == riverbend.exceptions()
    assert {"medicare": 25_000} == payers(riverbend)


def test_b21_a_circle_of_three_ends_too_and_an_account_beside_it_is_nobodys_concern() -> None:
    riverbend = Riverbend()
    riverbend.receive(
        charged("BESIDE"),
        merged("BESIDE", "A"),
        merged("A", "B"),
        merged("B", "C"),
        merged("C", "A"),
        registered("C", "MCR"),
    )
    loops = [code for code, _ in riverbend.exceptions() if code == "account.merge_loop"]
    assert 3 == len(loops)
    assert {"medicare": 25_000} == payers(riverbend)


def test_b21_the_circle_is_over_when_the_last_merge_leads_out_of_it() -> None:
    riverbend = books_after(
        merged("OLD", "NEW"),
        merged("NEW", "OLD", at="20260310130000"),
        merged("OLD", "BEST", at="20260310140000"),
        charged("NEW"),
        registered("BEST", "MCR"),
    )
    assert "account.merge_loop" not in {code for code, _ in riverbend.exceptions()}
    assert {"medicare": 25_000} == payers(riverbend)


# A release mends the survivor's payer ---------------------------------------------------------


def test_a_payer_mapped_later_books_the_old_accounts_charge_too() -> None:
    riverbend = books_after(charged("OLD"), merged("OLD", "NEW"), registered("NEW", "RAILROAD"))
    assert [("ledger.payer_class.unmapped", "250.00")] == riverbend.exceptions()
    mapped = edited(
        "crosswalks/payer.csv", "*,MCR,medicare,,\n", "*,MCR,medicare,,\n*,RAILROAD,medicare,,\n"
    )
    riverbend.promote(books_of(mapped))
    assert [] == riverbend.exceptions()
    assert {"medicare": 25_000} == payers(riverbend)


# One charge told under both numbers ---------------------------------------------------------------


def test_a_charge_told_again_under_the_survivors_number_stands_once() -> None:
    messages = (
        registered("OLD", "MCR"),
        registered("NEW", "MCR"),
        charged("OLD"),
        merged("OLD", "NEW"),
        charged("NEW", AFTER),
    )
    riverbend = books_after(*messages)
    assert {"medicare": 25_000} == payers(riverbend)
    assert [] == riverbend.exceptions()
    (control,) = controls_of(riverbend, messages)
    assert (50_000, 25_000, 25_000) == (
        control.facts_minor,
        control.repeated_minor,
        control.standing_minor,
    )


def test_told_under_the_retired_number_last_it_stands_there_as_last_told() -> None:
    riverbend = books_after(
        registered("NEW", "MCR"), charged("NEW"), merged("OLD", "NEW"), charged("OLD", AFTER)
    )
    assert {"medicare": 25_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


def test_over_a_chain_of_merges_a_charge_told_under_every_number_stands_once() -> None:
    riverbend = books_after(
        registered("C", "MCR"),
        charged("A"),
        merged("A", "B"),
        merged("B", "C"),
        charged("C", AFTER),
    )
    assert {"medicare": 25_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


def test_told_in_another_department_it_is_one_charge_all_the_same() -> None:
    moved = dft("NEW", edited_line(SCAN, department="LAB"), at=AFTER, control="N1")
    riverbend = books_after(registered("NEW", "MCR"), charged("OLD"), merged("OLD", "NEW"), moved)
    assert "250.00" == riverbend.balances()["1100"]
    assert [] == riverbend.exceptions()


# One line number, and not one charge --------------------------------------------------------------

OTHERS = {
    "amount": edited_line(SCAN, minor=30_000),
    "day": edited_line(SCAN, on="20260311"),
    "code": edited_line(SCAN, code="71045"),
}
"""What billing tells of its line L1 under the survivor's number."""


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_charge_that_another_one_replaces_under_its_number_is_shown_with_its_amount(
    other: Line,
) -> None:
    """Billing numbers its lines across accounts, or only says so: nothing is lost in silence."""
    told_again = dft("NEW", other, at=AFTER, control="N1")
    riverbend = books_after(
        registered("NEW", "MCR"), charged("OLD"), merged("OLD", "NEW"), told_again
    )
    assert {"medicare": other.minor} == payers(riverbend)
    assert [("account.line_told_differently", "250.00")] == riverbend.exceptions()


def test_a_charge_taken_to_nothing_under_the_survivors_number_is_shown_too() -> None:
    nothing = dft("NEW", edited_line(SCAN, minor=0), at=AFTER, control="N1")
    riverbend = books_after(registered("OLD", "MCR"), charged("OLD"), merged("OLD", "NEW"), nothing)
    assert {} == payers(riverbend)
    assert [("account.line_told_differently", "250.00")] == riverbend.exceptions()


def test_a_charge_that_was_taken_to_nothing_first_is_no_loss() -> None:
    nothing = dft("OLD", edited_line(SCAN, minor=0), at=BEFORE, control="N1")
    riverbend = books_after(
        registered("NEW", "MCR"), nothing, merged("OLD", "NEW"), charged("NEW", AFTER)
    )
    assert {"medicare": 25_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


def test_it_is_shown_no_longer_once_both_are_told_alike() -> None:
    dearer = edited_line(SCAN, minor=30_000)
    riverbend = books_after(
        registered("NEW", "MCR"),
        charged("OLD"),
        merged("OLD", "NEW"),
        dft("NEW", dearer, at=AFTER, control="N1"),
        dft("OLD", dearer, at="20260310140000", control="O2"),
    )
    assert {"medicare": 30_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


# A sender that numbers its lines from 1 in each account -------------------------------------------


def sold(account: str, at: str, *lines: Line) -> bytes:
    """Return what the desk, whose lines are numbered in each account, charges to one."""
    return dft(account, *lines, at=at, control=f"S{account}{at[8:10]}", application=DESK)


def test_two_charges_with_one_number_both_stand_where_lines_are_numbered_in_each_account() -> None:
    """Even where they look alike: a bandage is a bandage."""
    messages = (
        registered("OLD", "MCR"),
        registered("NEW", "MCR"),
        sold("OLD", BEFORE, SCAN),
        merged("OLD", "NEW"),
        sold("NEW", AFTER, SCAN),
    )
    riverbend = books_after(*messages)
    assert {"medicare": 50_000} == payers(riverbend)
    assert [] == riverbend.exceptions()
    (control,) = controls_of(riverbend, messages)
    assert (50_000, 0, 50_000) == (
        control.facts_minor,
        control.repeated_minor,
        control.standing_minor,
    )


def test_a_correction_under_its_own_account_is_one_there_as_anywhere() -> None:
    riverbend = books_after(
        registered("OLD", "MCR"),
        sold("OLD", BEFORE, SCAN),
        merged("OLD", "NEW"),
        sold("OLD", AFTER, edited_line(SCAN, minor=30_000)),
    )
    assert {"medicare": 30_000} == payers(riverbend)
    assert [] == riverbend.exceptions()


def test_credits_payments_and_adjustments_of_both_accounts_stand_as_well() -> None:
    lines = (
        Line("1", "CD", 10_000, department="RAD"),
        Line("2", "PY", 2_500, code="CARD"),
        Line("3", "AJ", 3_000, code="CHARITY"),
    )
    riverbend = books_after(
        registered("NEW", "MCR"),
        sold("OLD", AFTER, *lines),
        merged("OLD", "NEW"),
        sold("NEW", AFTER, *lines),
    )
    assert {"1010": "50.00", "1100": "-200.00", "1110": "-110.00", "4020": "200.00"} | {
        "4130": "60.00"
    } == riverbend.balances()


def test_accounts_that_were_never_merged_each_keep_their_charge() -> None:
    riverbend = books_after(
        registered("OLD", "MCR"), registered("NEW", "MCR"), charged("OLD"), charged("NEW", AFTER)
    )
    assert {"medicare": 50_000} == payers(riverbend)


def test_charges_without_a_number_are_never_taken_for_one_another() -> None:
    nameless = Line("", "CG", 25_000, department="RAD", code="71250")
    riverbend = books_after(
        registered("NEW", "MCR"),
        dft("OLD", nameless, at=BEFORE, control="U1"),
        merged("OLD", "NEW"),
        dft("NEW", nameless, at=AFTER, control="U2"),
    )
    assert {"medicare": 50_000} == payers(riverbend)
