"""What an account books, waits for and corrects (processes/patient_account.py, DFT and ADT)."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import msgspec
import pytest
from tests.unit.processes.telling import state_after, told_to

from suture.model.account import (
    AccountAdjusted,
    AccountEnded,
    AccountMerged,
    AccountOpened,
    AccountPurged,
    AccountRegistered,
    AccountSurvivor,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
    SurvivorsTold,
)
from suture.model.decision import Amount, Booking, Decision, Forward, Hold, Withdrawn, fingerprint
from suture.model.encounter import EncounterUpdated
from suture.model.event import Event, Fact, Reconsidered
from suture.processes import patient_account

REGISTERED = AccountRegistered(
    account="acc_1", facility="RBGH", patient_class="I", financial_class="MC", payer="MEDICARE"
)
CHARGE = ChargePosted(
    account="acc_1",
    charge="chg_1",
    amount_minor=12_000,
    service_on=date(2024, 3, 4),
    posted_on=date(2024, 3, 6),
    department="LAB",
    transaction_code="CDM100",
    procedure_code="80053",
)
CREDIT = ChargeCredited(
    account="acc_1", charge="chg_2", amount_minor=12_000, service_on=date(2024, 3, 4)
)
PAYMENT = PaymentReceived(
    account="acc_1", payment="pay_1", amount_minor=2_500, received_on=date(2024, 3, 4), kind="CO"
)
ADJUSTMENT = AccountAdjusted(
    account="acc_1", adjustment="adj_1", amount_minor=700, adjusted_on=date(2024, 3, 9), code="SB"
)


def told(fact: Fact, minute: int, where: str = "FT1[1]") -> Event:
    """Return the fact as an event recorded at this minute."""
    return told_to("patient_account/acc_1", fact, minute, source="billing", where=where)


def after(*events: Event) -> patient_account.State:
    """Return the state once these events were told in this order."""
    return state_after(patient_account, "acc_1", *events)


def decided(*events: Event) -> tuple[Decision, ...]:
    """Return what the last of these events decides, but for ties that there are none of."""
    decisions = patient_account.decide(after(*events), events[-1])
    return tuple(each for each in decisions if not _is_no_tie(each))


def _is_no_tie(decision: Decision) -> bool:
    return isinstance(decision, Withdrawn) and decision.key.startswith("tie:")


def booking(*events: Event) -> Booking:
    """Return the one booking the last of these events makes."""
    (decision,) = decided(*events)
    assert isinstance(decision, Booking)
    return decision


def test_a_charge_books_its_gross_amount_under_the_registration_of_the_account() -> None:
    assert booking(told(REGISTERED, 1), told(CHARGE, 2, "FT1[2]")) == Booking(
        key="charge:chg_1",
        kind="charge",
        amounts=(Amount(name="gross", minor=12_000, where="FT1[2]"),),
        effective_on=date(2024, 3, 4),
        accounting_on=date(2024, 3, 6),
        facility="RBGH",
        department="LAB",
        payer="MEDICARE",
        financial_class="MC",
        patient_class="I",
        service_code="CDM100",
        source=told(CHARGE, 2).source,
        event_id=told(CHARGE, 2).id,
    )


def test_a_charge_without_a_master_code_is_booked_by_its_procedure() -> None:
    bare = msgspec.structs.replace(CHARGE, transaction_code="")
    assert booking(told(REGISTERED, 1), told(bare, 2)).service_code == "80053"


def test_the_facility_of_the_charge_goes_before_the_facility_of_the_account() -> None:
    elsewhere = msgspec.structs.replace(CHARGE, facility="CLINIC")
    assert booking(told(REGISTERED, 1), told(elsewhere, 2)).facility == "CLINIC"


@pytest.mark.parametrize(
    ("fact", "key", "kind", "amount"),
    [
        (CREDIT, "credit:chg_2", "credit", Amount(name="gross", minor=12_000, where="FT1[1]")),
        (
            PAYMENT,
            "payment:pay_1",
            "patient_payment",
            Amount(name="payment", minor=2_500, where="FT1[1]"),
        ),
        (
            ADJUSTMENT,
            "adjustment:adj_1",
            "account_adjustment",
            Amount(name="adjustment", minor=700, where="FT1[1]", reason="SB"),
        ),
    ],
)
def test_credits_payments_and_adjustments_book_under_their_own_kind(
    fact: Fact, key: str, kind: str, amount: Amount
) -> None:
    made = booking(told(REGISTERED, 1), told(fact, 2))
    assert (made.key, made.kind, made.amounts) == (key, kind, (amount,))
    payer = ("", "") if kind == "patient_payment" else ("MEDICARE", "MC")
    assert (made.payer, made.financial_class, made.service_code) == (*payer, "")


def test_a_payment_does_not_wait_for_anyone_to_be_known_as_payer() -> None:
    assert booking(told(PAYMENT, 1)).needs_payer_class is False


def test_f24_a_charge_before_its_registration_waits_with_its_amount_and_books_by_itself() -> None:
    (waiting,) = decided(told(CHARGE, 2))
    assert isinstance(waiting, Hold)
    assert (waiting.key, waiting.amount_minor) == ("charge:chg_1", 12_000)
    assert waiting.fault.code == "account.payer_class_unknown"
    (booked,) = decided(told(CHARGE, 2), told(REGISTERED, 1))
    assert booked == booking(told(REGISTERED, 1), told(CHARGE, 2))


@pytest.mark.parametrize("field", ["financial_class", "payer"])
def test_either_financial_class_or_payer_is_enough_to_book(field: str) -> None:
    silent = AccountRegistered(account="acc_1", patient_class="I", facility="RBGH")
    half = msgspec.structs.replace(silent, **{field: "MC"})
    assert isinstance(decided(told(silent, 1), told(CHARGE, 2))[0], Hold)
    assert isinstance(decided(told(half, 1), told(CHARGE, 2))[0], Booking)


def test_a_charge_of_no_money_is_withdrawn_registered_or_not() -> None:
    free = msgspec.structs.replace(CHARGE, amount_minor=0)
    assert decided(told(free, 1)) == (Withdrawn("charge:chg_1"),)
    assert decided(told(REGISTERED, 1), told(free, 2)) == (Withdrawn("charge:chg_1"),)


def test_the_same_charge_under_another_message_books_the_same() -> None:
    once = booking(told(REGISTERED, 1), told(CHARGE, 2))
    twice = booking(told(REGISTERED, 1), told(CHARGE, 2), told(CHARGE, 3))
    assert fingerprint(once) == fingerprint(twice)
    assert len(after(told(CHARGE, 2), told(CHARGE, 3)).items) == 1


def test_the_same_charge_with_another_amount_is_corrected_by_the_later_stamp() -> None:
    corrected = told(msgspec.structs.replace(CHARGE, amount_minor=9_000), 3)
    for order in permutations([told(REGISTERED, 1), told(CHARGE, 2), corrected]):
        (decision,) = decided(*order, told(Reconsidered("r1"), 9))
        assert isinstance(decision, Booking)
        assert decision.amounts[0].minor == 9_000


def test_a_correction_taken_back_by_the_first_content_ends_with_the_first_content() -> None:
    other = msgspec.structs.replace(CHARGE, amount_minor=9_000)
    events = [told(CHARGE, 1), told(other, 2), told(CHARGE, 3)]
    for order in permutations(events):
        assert after(*order).items["charge:chg_1"].amount_minor == 12_000


def test_another_payer_decides_every_booking_of_the_account_again() -> None:
    moved = told(AccountRegistered(account="acc_1", payer="AETNA"), 5)
    decisions = decided(told(REGISTERED, 1), told(CHARGE, 2), told(CREDIT, 3), moved)
    assert {decision.payer for decision in decisions if isinstance(decision, Booking)} == {"AETNA"}
    assert len(decisions) == 2


def test_the_same_registration_said_again_leaves_the_bookings_alone() -> None:
    again = told(REGISTERED, 5)
    assert decided(told(REGISTERED, 1), told(CHARGE, 2), again) == ()


def test_a_late_registration_changes_nothing_that_a_newer_one_said() -> None:
    late = told(AccountRegistered(account="acc_1", payer="AETNA"), 0)
    assert decided(told(REGISTERED, 1), told(CHARGE, 2), late) == ()


def test_a_payer_changed_and_changed_back_is_the_first_one_in_every_order() -> None:
    events = [
        told(AccountRegistered(account="acc_1", payer="AETNA"), 1),
        told(AccountRegistered(account="acc_1", payer="CIGNA"), 2),
        told(AccountRegistered(account="acc_1", payer="AETNA"), 3),
    ]
    for order in permutations(events):
        assert booking(*order, told(CHARGE, 4)).payer == "AETNA"


def test_a_silent_registration_takes_nothing_away() -> None:
    silent = told(AccountRegistered(account="acc_1", patient="pat_1"), 5)
    state = after(told(REGISTERED, 1))
    assert patient_account.evolve(state, silent) is state


def test_the_same_event_twice_tells_nothing_new() -> None:
    events = [
        told(REGISTERED, 1),
        told(CHARGE, 2),
        told(AccountMerged(account="acc_1", retired="acc_1", survivor="acc_9"), 3),
        told(AccountMerged(account="acc_1", retired="acc_0", survivor="acc_1"), 4),
        told(SurvivorsTold(account="acc_1", survivors=(AccountSurvivor(account="acc_9"),)), 5),
    ]
    state = after(*events)
    for event in events:
        assert patient_account.evolve(state, event) is state


def test_f34_a_merged_account_keeps_its_bookings_and_a_link_to_its_survivor() -> None:
    merged = told(AccountMerged(account="acc_1", retired="acc_1", survivor="acc_9"), 3)
    state = after(told(REGISTERED, 1), told(CHARGE, 2), merged)
    assert state.survivor[1] == "acc_9"
    before = booking(told(REGISTERED, 1), told(CHARGE, 2))
    assert patient_account.decide(state, merged) == (before, Withdrawn("merge"))
    assert patient_account.decide(state, told(Reconsidered("r2"), 9)) == (
        before,
        Withdrawn("merge"),
    )


def test_f34_a_surviving_account_knows_whom_it_absorbed() -> None:
    events = [
        told(AccountMerged(account="acc_1", retired=retired, survivor="acc_1"), minute)
        for minute, retired in enumerate(("acc_3", "acc_2"))
    ]
    assert after(*events).absorbed == ("acc_2", "acc_3")


def test_a_survivor_tells_those_it_absorbed_who_pays_and_whenever_that_changes() -> None:
    absorbs = told(AccountMerged(account="acc_1", retired="acc_0", survivor="acc_1"), 2)
    (forward,) = decided(told(REGISTERED, 1), absorbs)
    assert isinstance(forward, Forward)
    assert forward.stream == "patient_account/acc_0"
    assert isinstance(forward.fact, SurvivorsTold)
    (survivor,) = forward.fact.survivors
    assert survivor.account == "acc_1"
    assert {each.field: each.value for each in survivor.registered} == {
        "facility": "RBGH",
        "patient_class": "I",
        "financial_class": "MC",
        "payer": "MEDICARE",
    }
    moved = told(AccountRegistered(account="acc_1", payer="AETNA"), 5)
    (again,) = decided(told(REGISTERED, 1), absorbs, moved)
    assert isinstance(again, Forward)
    assert again != forward


def test_an_account_in_the_middle_of_a_chain_sends_on_what_its_survivor_told_it() -> None:
    """acc_0 into acc_1 into acc_2: acc_2 never heard of acc_0."""
    events = [
        told(AccountMerged(account="acc_1", retired="acc_0", survivor="acc_1"), 1),
        told(AccountMerged(account="acc_1", retired="acc_1", survivor="acc_2"), 2),
        told(SurvivorsTold(account="acc_1", survivors=(AccountSurvivor(account="acc_2"),)), 3),
    ]
    *_, forward = decided(*events)
    assert isinstance(forward, Forward)
    assert isinstance(forward.fact, SurvivorsTold)
    assert forward.stream == "patient_account/acc_0"
    assert [each.account for each in forward.fact.survivors] == ["acc_1", "acc_2"]


def test_a_merge_told_to_a_third_account_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        after(told(AccountMerged(account="acc_1", retired="acc_2", survivor="acc_3"), 1))


def test_a_new_release_decides_every_key_again() -> None:
    again = told(Reconsidered("r2"), 9)
    state = after(told(CHARGE, 1), told(CREDIT, 2), told(PAYMENT, 3), told(ADJUSTMENT, 4))
    assert patient_account.evolve(state, again) is state
    held = [each.key for each in patient_account.decide(state, again) if isinstance(each, Hold)]
    assert held == ["charge:chg_1", "credit:chg_2", "adjustment:adj_1"]


def test_an_account_of_thirty_charges_is_remembered_in_five_kilobytes() -> None:
    charges = [
        told(msgspec.structs.replace(CHARGE, charge=f"chg_{n:022d}"), n + 2) for n in range(30)
    ]
    state = after(told(REGISTERED, 1), *charges)
    blob = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(blob, type=patient_account.State) == state
    assert len(blob) < 5_200


def test_a_fact_of_another_process_is_a_bug() -> None:
    stray = told(EncounterUpdated(visit="vis_1"), 1)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        after(stray)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        patient_account.decide(patient_account.initial("acc_1"), stray)


def test_the_course_of_an_account_is_remembered_in_any_order_and_moves_no_booking() -> None:
    course: tuple[Fact, ...] = (
        AccountOpened(account="acc_1", opened_on=date(2024, 3, 1)),
        AccountEnded(account="acc_1", ended_on=date(2024, 4, 1)),
        AccountPurged(account="acc_1"),
    )
    events = [told(fact, minute) for minute, fact in enumerate(course, start=1)]
    for order in permutations(events):
        state = after(*order)
        known = {name: value for name, (_, value) in state.course.items()}
        assert {"opened": "2024-03-01", "ended": "2024-04-01", "purged": ""} == known
        assert all(patient_account.decide(state, event) == () for event in order)
        assert patient_account.evolve(state, order[0]) is state
