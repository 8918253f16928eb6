"""The proof fails when it must: every gap shows as a number (reconcile/controls.py).

A control that cannot fail proves nothing, so each test breaks one thing and looks for its gap. What
is read from the store is tests/integration.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec
import pytest

from suture.model.account import (
    AccountAdjusted,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
)
from suture.model.claim import ClaimAdjudicated
from suture.model.event import Fact
from suture.model.party import PatientMerged
from suture.model.remittance import ProviderAdjustment, RemittanceReceived
from suture.reconcile.controls import (
    AccountPeriod,
    Conservation,
    Control,
    Document,
    MoneyFact,
    ParkedBooking,
    conserve,
    control_totals,
    match_documents,
    match_erp,
)

DAY = date(2026, 3, 10)
STREAM = "patient_account/acc_1"


# Messages ---------------------------------------------------------------------------------------


def conserved(
    *,
    messages_count: int = 10,
    repeats_count: int = 2,
    kinds: dict[str, int] | None = None,
    parked_without_item: int = 0,
    posted_without_entry: int = 0,
) -> Conservation:
    """Return the balance of ten messages, each somewhere, and two repeats."""
    return conserve(
        messages_count=messages_count,
        repeats_count=repeats_count,
        kinds={"posted": 5, "explained": 2, "held": 2, "in_flight": 1} if kinds is None else kinds,
        parked_without_item=parked_without_item,
        posted_without_entry=posted_without_entry,
    )


def test_when_every_message_is_somewhere_there_is_no_gap() -> None:
    assert (
        Conservation(received=12, posted=5, explained=4, held=2, in_flight=1, gap=0) == conserved()
    )


def test_nothing_received_is_nothing_missing() -> None:
    assert 0 == conserved(messages_count=0, repeats_count=0, kinds={}).gap


@pytest.mark.parametrize(
    ("gap", "changes"),
    [
        (1, {"messages_count": 11}),
        (1, {"messages_count": 9}),
        (10, {"kinds": {}}),
        (10, {"kinds": {"gap": 10}}),
        (10, {"kinds": {"unheard_of": 10}}),
        (3, {"parked_without_item": 3}),
        (4, {"posted_without_entry": 4}),
        (7, {"parked_without_item": 3, "posted_without_entry": 4}),
    ],
)
def test_a_message_that_is_nowhere_or_twice_is_a_gap(gap: int, changes: dict[str, int]) -> None:
    assert gap == conserved(**changes).gap  # type: ignore[arg-type]


def test_too_many_here_never_make_up_for_a_contradiction_there() -> None:
    assert 2 == conserved(messages_count=9, parked_without_item=1).gap


# Money: messages to subledger -------------------------------------------------------------------


def charge(minor: int, identity: str = "chg_1") -> ChargePosted:
    return ChargePosted(account="acc_1", charge=identity, amount_minor=minor, service_on=DAY)


def remittance(minor: int, trace: str = "T1", withheld_minor: int = 0) -> RemittanceReceived:
    return RemittanceReceived(
        remittance=f"P1:{trace}",
        payer="P1",
        trace=trace,
        paid_minor=minor,
        method="ACH",
        paid_on=DAY,
        provider_adjustments=(
            ProviderAdjustment(reason="WO", amount_minor=withheld_minor, where="PLB[1]-04"),
        ),
        where="ST02=0001",
    )


def follow(
    facts: Iterable[tuple[str, Fact]], told: int, standing: int, parked: int = 0, *, name: str
) -> Control:
    """Return one control total; each fact comes with its stamp."""
    found = control_totals(
        [MoneyFact(STREAM, stamp, fact) for stamp, fact in facts],
        told_minor={name: told},
        standing_minor={name: standing},
        parked_minor={name: parked},
    )
    (control,) = (each for each in found if each.name == name)
    return control


def test_what_was_told_is_in_the_log_and_stands_or_waits() -> None:
    facts = [("1", charge(100)), ("2", charge(40, "chg_2"))]
    control = follow(facts, told=140, standing=100, parked=40, name="charges")
    assert (140, 140, 0, 0) == (
        control.told_minor,
        control.facts_minor,
        control.repeated_minor,
        control.difference_minor,
    )


@pytest.mark.parametrize(
    ("told", "standing", "parked", "difference"),
    [
        (141, 140, 0, 1),  # a message said more than became a fact
        (139, 140, 0, 1),
        (140, 139, 0, 1),  # a fact is neither booked nor parked
        (140, 140, 1, 1),  # booked and parked
        (141, 141, 0, 2),  # two wrongs are no right
        (0, 0, 0, 280),
    ],
)
def test_money_lost_or_found_on_the_way_is_a_difference(
    told: int, standing: int, parked: int, difference: int
) -> None:
    facts = [("1", charge(100)), ("2", charge(40, "chg_2"))]
    control = follow(facts, told, standing, parked, name="charges")
    assert difference == control.difference_minor


def test_a_fact_told_again_counts_once() -> None:
    control = follow(
        [("1", charge(100)), ("2", charge(100))], told=200, standing=100, name="charges"
    )
    assert (100, 0) == (control.repeated_minor, control.difference_minor)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_correction_counts_as_recorded_whatever_came_first(order: tuple[int, int]) -> None:
    facts = [("1", charge(100)), ("2", charge(70))]
    told = [facts[number] for number in order]
    assert 0 == follow(told, told=170, standing=70, name="charges").difference_minor
    assert 30 == follow(told, told=170, standing=100, name="charges").difference_minor


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_facts_of_one_stamp_count_alike_in_any_order(order: tuple[int, int]) -> None:
    facts = [("1", charge(100)), ("1", charge(70))]
    controls = follow([facts[number] for number in order], told=170, standing=0, name="charges")
    assert 70 == controls.repeated_minor


def test_the_same_number_in_another_stream_is_another_charge() -> None:
    found = control_totals(
        [MoneyFact("patient_account/acc_1", "1", charge(1)), MoneyFact("x/2", "1", charge(1))],
        told_minor={"charges": 2},
        standing_minor={"charges": 2},
        parked_minor={},
    )
    assert [0] == [control.difference_minor for control in found]


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("charges", charge(50)),
        ("credits", ChargeCredited(account="a", charge="c", amount_minor=50, service_on=DAY)),
        (
            "patient_payments",
            PaymentReceived(account="a", payment="p", amount_minor=50, received_on=DAY, kind="PY"),
        ),
        (
            "adjustments",
            AccountAdjusted(account="a", adjustment="j", amount_minor=50, adjusted_on=DAY),
        ),
        ("remittance_cash", remittance(50)),
    ],
)
def test_each_control_follows_its_own_facts(name: str, fact: Fact) -> None:
    assert 0 == follow([("1", fact)], told=50, standing=50, name=name).difference_minor
    assert 50 == follow([("1", fact)], told=50, standing=0, name=name).difference_minor
    assert 50 == follow([("1", fact)], told=0, standing=50, name=name).difference_minor


def adjudicated(paid_minor: int, status: str = "1") -> ClaimAdjudicated:
    return ClaimAdjudicated(
        claim="clm_1",
        adjudication=f"adj_{status}",
        remittance="P1:T1",
        payer="P1",
        status=status,
        charge_minor=paid_minor,
        paid_minor=paid_minor,
        paid_on=DAY,
        where="CLP[1]",
    )


def test_what_a_claim_pays_is_followed_too_its_reversal_with_its_sign() -> None:
    facts: list[tuple[str, Fact]] = [("1", adjudicated(90)), ("2", adjudicated(-90, "22"))]
    assert 0 == follow(facts, told=0, standing=0, name="claims_paid").difference_minor
    assert 90 == follow(facts, told=0, standing=90, name="claims_paid").difference_minor


def test_a_predetermination_pays_nothing() -> None:
    facts = [("1", adjudicated(90, "25"))]
    assert 0 == follow(facts, told=0, standing=0, name="claims_paid").difference_minor


KEYS: list[tuple[Fact, str]] = [
    (charge(50), "charge:chg_1"),
    (ChargeCredited(account="a", charge="c", amount_minor=50, service_on=DAY), "credit:c"),
    (
        PaymentReceived(account="a", payment="p", amount_minor=50, received_on=DAY, kind="PY"),
        "payment:p",
    ),
    (remittance(50), "cash"),
    (adjudicated(50), "adjudication:adj_1"),
]


def parked_minor(key: str, *facts: Fact) -> int:
    """Return what counts as parked of these facts, the latest last, while this key waits."""
    (control,) = control_totals(
        [MoneyFact(STREAM, f"{number}", fact) for number, fact in enumerate(facts)],
        told_minor={},
        standing_minor={},
        parked={ParkedBooking(STREAM, key)},
    )
    return control.parked_minor


@pytest.mark.parametrize(("fact", "key"), KEYS, ids=[key for _, key in KEYS])
def test_a_parked_booking_is_worth_what_its_fact_says(fact: Fact, key: str) -> None:
    """Whatever amount its exception shows."""
    assert 50 == parked_minor(key, fact)
    assert 0 == parked_minor(f"concern:{key}", fact), "what stands with a concern is not parked"


def test_a_parked_correction_is_worth_what_it_says_last() -> None:
    assert 30 == parked_minor("charge:chg_1", charge(50), charge(30))


def test_facts_and_totals_that_no_control_follows_are_left_out() -> None:
    facts: list[Fact] = [
        AccountRegistered(account="acc_1"),
        PatientMerged(patient="pat_1", retired="pat_1", survivor="pat_2"),
    ]
    found = control_totals(
        [MoneyFact(STREAM, "1", fact) for fact in facts],
        told_minor={"coinsurance": 5},
        standing_minor={},
        parked_minor={},
    )
    assert [] == found


def test_a_total_that_stands_but_that_no_message_told_shows() -> None:
    found = control_totals([], told_minor={}, standing_minor={"charges": 5}, parked_minor={})
    assert [("charges", 5)] == [(each.name, each.difference_minor) for each in found]


def test_b31_of_two_payments_under_one_trace_one_stands_and_the_other_waits() -> None:
    facts = [("1", remittance(100)), ("2", remittance(70))]
    control = follow(facts, told=170, standing=100, parked=70, name="remittance_cash")
    assert (0, 0) == (control.repeated_minor, control.difference_minor)


def test_b31_payments_of_one_amount_that_withhold_differently_are_two() -> None:
    facts = [("1", remittance(100)), ("2", remittance(100, withheld_minor=5))]
    assert (
        0
        == follow(
            facts, told=200, standing=100, parked=100, name="remittance_cash"
        ).difference_minor
    )


def test_a_remittance_told_again_is_the_same_payment() -> None:
    facts = [("1", remittance(100)), ("2", remittance(100))]
    control = follow(facts, told=200, standing=100, name="remittance_cash")
    assert (100, 0) == (control.repeated_minor, control.difference_minor)


# Money: subledger to ERP ------------------------------------------------------------------------

CASH = AccountPeriod("RVH", "1020", "2026-03")
CLEARING = AccountPeriod("RVH", "1025", "2026-03")


def test_what_the_erp_holds_and_what_is_on_its_way_make_up_the_subledger() -> None:
    subledger = {CASH: (500, 0), CLEARING: (100, 500)}
    assert [] == match_erp(subledger, {CASH: (200, 0)}, {CASH: (300, 0), CLEARING: (100, 500)})


@pytest.mark.parametrize(
    ("erp", "amount_minor"),
    [
        ({}, 800),
        ({CASH: (500, 0)}, 300),
        ({CASH: (500, 0), CLEARING: (0, 299)}, 1),
        ({CASH: (501, 1), CLEARING: (0, 300)}, 2),  # the net is right, neither side is
        ({CASH: (500, 0), CLEARING: (300, 0)}, 600),
    ],
)
def test_every_account_on_which_the_erp_differs_shows_with_its_amount(
    erp: dict[AccountPeriod, tuple[int, int]], amount_minor: int
) -> None:
    differences = match_erp({CASH: (500, 0), CLEARING: (0, 300)}, {}, erp)
    assert amount_minor == sum(each.amount_minor for each in differences)


def test_an_account_that_only_the_erp_knows_shows() -> None:
    (difference,) = match_erp({}, {}, {CASH: (0, 7)})
    assert (CASH, 7, 0) == (
        difference.at,
        difference.amount_minor,
        difference.subledger_debit_minor,
    )


def test_what_is_on_its_way_but_not_in_the_subledger_shows() -> None:
    (difference,) = match_erp({}, {CASH: (7, 0)}, {})
    assert (CASH, 7) == (difference.at, difference.amount_minor)


def test_periods_and_entities_are_never_netted_against_each_other() -> None:
    april = msgspec.structs.replace(CASH, period="2026-04")
    group = msgspec.structs.replace(CASH, entity="RVM")
    differences = match_erp({CASH: (10, 0)}, {}, {april: (5, 0), group: (5, 0)})
    assert [CASH, april, group] == [each.at for each in differences]


# Documents: what the ERP holds twice -------------------------------------------------------------

GATHERED = {"SUT1": "aa", "SUT2": "bb"}
FIRST, SECOND = Document("JE-1", "SUT1", "aa"), Document("JE-2", "SUT2", "bb")


def test_one_document_for_each_journal_and_what_others_booked_is_well() -> None:
    by_hand = Document("JE-3", "BY-HAND")
    import_of_others = Document("JE-4", "PAYROLL", "ff")
    assert [] == match_documents([FIRST, by_hand, SECOND, by_hand, import_of_others], GATHERED)
    assert [] == match_documents([FIRST], GATHERED), "the second is on its way"


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(Document("JE-9", "SUT1", "aa"), id="the same journal"),
        pytest.param(Document("JE-9", "SUT1"), id="our reference, without its digest"),
        pytest.param(Document("JE-9", "OTHER", "aa"), id="our digest, under another reference"),
        pytest.param(Document("JE-9", "SUT1", "cc"), id="our reference, with another content"),
    ],
)
def test_a_second_document_of_one_journal_is_told(again: Document) -> None:
    assert [again] == match_documents([FIRST, SECOND, again], GATHERED)


def test_a_document_of_other_entries_than_its_journal_gathered_is_told() -> None:
    held = Document("JE-2", "SUT2", "what it gathered before")
    assert [held] == match_documents([FIRST, held], GATHERED)


def test_an_erp_that_keeps_no_digests_is_judged_by_references() -> None:
    held = [Document("JE-1", "SUT1"), Document("JE-2", "SUT2"), Document("JE-3", "SUT2")]
    assert [held[2]] == match_documents(held, GATHERED)
