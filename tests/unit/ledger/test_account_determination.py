"""Which account a role has in which circumstances (ledger/determination.py)."""

from __future__ import annotations

import pytest

from suture.ledger.determination import Circumstances, Determination, DeterminationRow, ties

ENTITY_OF = {"RGH": "RVH", "OHC": "RVM"}


def row(account: str, role: str = "receivable", **selectors: str) -> DeterminationRow:
    blank = {"entity": "", "facility": ""}
    return DeterminationRow(
        role=role, selectors=Circumstances(**(blank | selectors)), account=account
    )


def here(**told: str) -> Circumstances:
    return Circumstances(**({"entity": "RVH", "facility": "RGH"} | told))


@pytest.mark.parametrize(
    ("told", "account"),
    [
        ({}, "1100"),
        ({"payer_class": "self_pay"}, "1110"),
        ({"payer_class": "self_pay", "department": "ED"}, "1115"),
        ({"payer_class": "medicare", "department": "ED"}, "1100"),
    ],
)
def test_the_row_with_the_most_selectors_wins(told: dict[str, str], account: str) -> None:
    determination = Determination(
        [
            row("1100"),
            row("1110", payer_class="self_pay"),
            row("1115", payer_class="self_pay", department="ED"),
        ]
    )
    assert account == determination.account("receivable", here(**told))


@pytest.mark.parametrize(
    "selector",
    ["entity", "facility", "payer_class", "patient_class", "service_line", "department"],
)
def test_every_circumstance_can_select_an_account(selector: str) -> None:
    determination = Determination([row("1100"), row("1199", **{selector: "X"})])
    assert "1199" == determination.account("receivable", here(**{selector: "X"}))
    assert "1100" == determination.account("receivable", here(**{selector: "Y"}))


def test_what_is_not_known_matches_blank_selectors_only() -> None:
    determination = Determination([row("1110", payer_class="self_pay")])
    assert determination.account("receivable", here(payer_class="")) is None


def test_a_role_without_rows_has_no_account() -> None:
    assert Determination([row("1100")]).account("gross_revenue", here()) is None


def test_rows_that_select_by_different_things_tie_where_both_hold() -> None:
    by_payer, by_line = row("1110", payer_class="self_pay"), row("1120", service_line="surgery")
    assert [(by_payer, by_line)] == ties([by_payer, by_line], ENTITY_OF)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"payer_class": "medicare"}, {"payer_class": "medicaid"}, id="two payers"),
        pytest.param({"payer_class": "medicare"}, {}, id="one is more specific"),
        pytest.param({"entity": "RVM"}, {"facility": "RGH"}, id="a facility of another entity"),
    ],
)
def test_rows_that_never_meet_or_differ_in_rank_do_not_tie(
    first: dict[str, str], second: dict[str, str]
) -> None:
    assert [] == ties([row("1", **first), row("2", **second)], ENTITY_OF)


def test_a_facility_meets_the_rows_of_its_own_entity() -> None:
    rows = [row("1", entity="RVH"), row("2", facility="RGH")]
    assert [tuple(rows)] == ties(rows, ENTITY_OF)


def test_rows_of_two_roles_never_tie() -> None:
    assert [] == ties([row("1"), row("2", role="gross_revenue")], ENTITY_OF)
