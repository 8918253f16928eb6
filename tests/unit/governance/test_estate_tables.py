"""What `suture check` finds between the rows of an estate: contradictions, ties, gaps.

Each test takes the sample estate and makes one mistake in it. Mistakes of a single file are
test_estate_check.py.
"""

from __future__ import annotations

import pytest
from tests.unit.governance.estate_edits import FILES, added, edited, line_of

from suture.connectors.registry import CONNECTORS
from suture.governance.estate import check
from suture.model.fault import Fault

RULES = "ledger/journal_rules.csv"
DETERMINATION = "ledger/account_determination.csv"


def last_line_of(path: str) -> str:
    return f"{path}:{len(FILES[path].decode().splitlines()) + 1}"


def only(files: dict[str, bytes]) -> Fault:
    faults = check(files, CONNECTORS)
    assert 1 == len(faults), [(fault.where, fault.code, fault.explanation) for fault in faults]
    return faults[0]


def codes(files: dict[str, bytes]) -> set[str]:
    return {fault.code for fault in check(files, CONNECTORS)}


# Rows that contradict each other ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("ledger/accounts.csv", "1100,Again,asset,,"),
        ("ledger/periods.csv", "RVH,2026-03,2027-01-01,2027-01-31,open"),
        ("crosswalks/payer.csv", "*,ATLAS,medicare,,"),
        (DETERMINATION, "receivable,,,self_pay,,,,1100"),
        (RULES, "x,claim_payment,adjustment,CO,45,,suspense,receivable,immediate,"),
        (RULES, "claim/CO-45,claim_payment,adjustment,CO,9,,suspense,receivable,immediate,"),
    ],
)
def test_a_second_row_for_the_same_thing_is_an_error(path: str, line: str) -> None:
    fault = only(added(path, line))
    assert ("estate.row.duplicate", last_line_of(path)) == (fault.code, fault.where)


def test_two_sources_cannot_listen_on_one_port() -> None:
    fault = only(edited("sources/charges.toml", "2577", "2575"))
    assert ("estate.row.duplicate", "sources/charges.toml") == (fault.code, fault.where)


def test_rows_in_force_on_the_same_day_are_an_error() -> None:
    path = "crosswalks/department.csv"
    fault = only(added(path, "*,RGH,CARD,RGH-7420,cardiology,2026-06-30,2026-06-30"))
    assert ("estate.row.overlap", last_line_of(path)) == (fault.code, fault.where)
    assert line_of(path, "RGH-7400") in fault.explanation


def test_a_tie_between_two_rows_is_an_error_at_check_time() -> None:
    fault = only(added(DETERMINATION, "receivable,RVH,,,,,,1100"))
    assert ("estate.determination.tie", last_line_of(DETERMINATION)) == (fault.code, fault.where)
    assert line_of(DETERMINATION, "receivable,,,self_pay") in fault.explanation


def test_a_more_specific_row_is_no_tie() -> None:
    assert () == check(added(DETERMINATION, "receivable,RVH,,self_pay,,,,1110"), CONNECTORS)


# Tables that leave something open ---------------------------------------------------------------


def test_a_role_without_an_account_is_found_before_anything_is_booked() -> None:
    files = edited(DETERMINATION, "suspense,,,,,,,9990\n", "")
    fault = only(files)
    assert "estate.determination.gap" == fault.code
    assert "`suspense`" in fault.explanation
    assert "and 17 more" in fault.explanation


def test_a_role_that_one_entity_lacks_is_one_gap_for_all_payers_and_facilities() -> None:
    fault = only(edited(DETERMINATION, "patient_cash,,", "patient_cash,RVH,"))
    assert "estate.determination.gap" == fault.code
    assert "`medicare`, `medicaid`, `commercial`, `self_pay`" in fault.explanation
    assert "`DTC` and 11 more" in fault.explanation


def test_a_misspelt_role_is_told_at_its_rule_with_what_was_meant() -> None:
    files = edited(
        "ledger/journal_rules.csv", "gross,,,,receivable,gross_rev", "gross,,,,recievable,gross_rev"
    )
    fault = only(files)
    assert ("estate.reference.unknown", "ledger/journal_rules.csv:2") == (fault.code, fault.where)
    assert "`debit_role`" in fault.explanation
    assert "did you mean `receivable`?" in fault.explanation


def test_what_refers_to_a_table_that_cannot_be_read_is_not_blamed_for_it() -> None:
    for path in ("ledger/accounts.csv", "ledger/journal_rules.csv", "crosswalks/department.csv"):
        fault = only(FILES | {path: FILES[path].replace(b",", b";")})
        assert ("estate.file.unreadable", f"{path}:1") == (fault.code, fault.where)


def test_cash_of_an_unknown_payer_needs_an_account_too() -> None:
    """A remittance books without a payer class: rows for each class would leave it out."""
    classes = ("medicare", "medicaid", "commercial", "self_pay")
    rows = "".join(f"remittance_cash,,,{payer_class},,,,1020\n" for payer_class in classes)
    fault = only(edited(DETERMINATION, "remittance_cash,,,,,,,1020\n", rows))
    assert "estate.determination.gap" == fault.code
    assert "`remittance_cash`" in fault.explanation


def test_estimating_at_charge_needs_an_account_for_the_estimate() -> None:
    without = edited(DETERMINATION, "allowance_estimated,,,,,,,1190\n", "")
    assert () == check(without, CONNECTORS)
    text = (
        without["estate.toml"]
        .decode()
        .replace("estimate_at_charge = false", "estimate_at_charge = true", 1)
    )
    assert {"estate.determination.gap"} == codes(without | {"estate.toml": text.encode()})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(
            "claim/other,claim_payment,adjustment,,,",
            "claim/other,claim_payment,adjustment,ZZ,,",
            id="nothing takes whatever is left",
        ),
        pytest.param(
            "claim/other,claim_payment,adjustment,,,",
            "claim/other,claim_payment,adjustment,,,+",
            id="nothing takes negative amounts",
        ),
        pytest.param(
            "provider_adjustment,,72,,payer_recoupment",
            "provider_adjustment,,72,,none",
            id="one side moves nothing",
        ),
        pytest.param(
            "remittance_cash,remittance_clearing,immediate",
            "remittance_cash,remittance_clearing,charges",
            id="one entry in two journals",
        ),
    ],
)
def test_rules_that_cannot_book_everything_are_an_error(old: str, new: str) -> None:
    assert "estate.rule.incomplete" in codes(edited(RULES, old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("RVH,2026-06,2026-06-01,2026-06-30,open\n", "", id="a month is missing"),
        pytest.param("RVH,2026-06,2026-06-01", "RVH,2026-06,2026-05-31", id="a day stands twice"),
    ],
)
def test_periods_leave_no_gap_and_no_overlap(old: str, new: str) -> None:
    fault = only(edited("ledger/periods.csv", old, new))
    assert "estate.period.broken" == fault.code


def test_an_entity_without_periods_could_book_nothing() -> None:
    fault = only(added("estate.toml", "[entities.NEW]", 'name = "New"'))
    assert ("estate.period.broken", "ledger/periods.csv:1") == (fault.code, fault.where)
