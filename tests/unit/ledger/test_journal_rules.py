"""Which journal rule takes an amount (ledger/rules.py)."""

from __future__ import annotations

import pytest

from suture.ledger.rules import Rule, Rules, Sign


def rule(name: str, group: str = "", reason: str = "", sign: Sign = "") -> Rule:
    return Rule(
        name=name,
        booking="claim_payment",
        amount="adjustment",
        group=group,
        reason=reason,
        sign=sign,
        debit_role="allowance_contractual",
        credit_role="receivable_insurance",
        policy="immediate",
    )


EXACT, GROUP, REASON, OTHER = (
    rule("exact", "CO", "45"),
    rule("group", "CO"),
    rule("reason", "", "45"),
    rule("other"),
)


@pytest.mark.parametrize(
    ("rows", "winner"),
    [
        ((OTHER, REASON, GROUP, EXACT), EXACT),
        ((OTHER, REASON, GROUP), GROUP),
        ((OTHER, REASON), REASON),
        ((OTHER,), OTHER),
        ((), None),
    ],
)
def test_the_most_specific_row_wins_whatever_the_order(
    rows: tuple[Rule, ...], winner: Rule | None
) -> None:
    for ordered in (rows, rows[::-1]):
        found = Rules(ordered).find("claim_payment", "adjustment", "CO", "45", is_negative=False)
        assert winner == found


def test_another_group_or_reason_falls_to_the_row_that_takes_any() -> None:
    rules = Rules([EXACT, GROUP, OTHER])
    found = [
        rules.find("claim_payment", "adjustment", *told, is_negative=False)
        for told in (("CO", "50"), ("PR", "45"), ("", ""))
    ]
    assert [GROUP, OTHER, OTHER] == found


def test_a_row_for_the_sign_goes_before_one_for_either() -> None:
    either, negative = rule("either", reason="L6"), rule("negative", reason="L6", sign="-")
    rules = Rules([either, negative])
    found = [
        rules.find("claim_payment", "adjustment", "", "L6", is_negative=is_negative)
        for is_negative in (True, False)
    ]
    assert [negative, either] == found


def test_a_row_for_one_sign_does_not_take_the_other() -> None:
    rules = Rules([rule("negative", reason="L6", sign="-")])
    assert rules.find("claim_payment", "adjustment", "", "L6", is_negative=False) is None


def test_a_row_of_another_booking_or_amount_is_never_taken() -> None:
    rules = Rules([OTHER])
    assert rules.find("remittance", "adjustment", "", "", is_negative=False) is None
    assert rules.find("claim_payment", "payment", "", "", is_negative=False) is None


def test_codes_from_outside_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.ledger.rules._FOUND_MAX", 10)
    rules = Rules([OTHER])
    for number in range(100):
        told = str(number)
        assert OTHER == rules.find("claim_payment", "adjustment", "", told, is_negative=False)
    assert 10 >= len(rules._found)
