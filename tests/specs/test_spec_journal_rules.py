"""Chapter: every row of the journal rules, reached from bytes; every reason in its class.

The table is estates/riverbend/ledger/journal_rules.csv. A row nobody can reach is a ruling that
never holds; a reason in the wrong class is a loss booked as a debt, or a debt as a loss. So the
classes are written down here a second time, from the code list, and compared for every group and
every reason there is. Before this chapter: test_ledger_remittances.py.
"""

from __future__ import annotations

import csv
from datetime import date
from io import StringIO

import pytest
from tests.specs.riverbend_books import Riverbend, books_of, estate_files
from tests.specs.riverbend_messages import (
    COMMERCIAL,
    GENERAL,
    MEDICARE,
    Cas,
    Claim,
    Line,
    adt,
    dft,
    interchange,
    remittance,
)

from suture.ledger.entry import Posting
from suture.ledger.post import post
from suture.model.decision import Amount, Booking

ROWS = list(csv.DictReader(StringIO(estate_files()["ledger/journal_rules.csv"].decode())))
UNRULED = "999"
"""A CARC, PLB reason or adjustment code that has no row of its own."""
PRIOR: Cas = ("OA", "23", 50_000)

# Every row is reached -----------------------------------------------------------------------------


def told(row: dict[str, str], minor: int) -> list[bytes]:
    """Return what a source sends so that this amount falls under this row."""
    reason = row["reason"] or UNRULED
    match row["booking"], row["amount"]:
        case ("charge" | "credit" | "patient_payment" | "account_adjustment") as booking, _:
            types = {"charge": "CG", "credit": "CD", "patient_payment": "PY"}
            line = Line("L1", types.get(booking, "AJ"), minor, code=reason)
            return [
                adt("A04", "A1", at="20260310080000", control="R1", financial_class="MC"),
                dft("A1", line, at="20260310090000", control="B1"),
            ]
        case "remittance", "cash":
            return [interchange(remittance("EFT1", Claim("C-1", minor)))]
        case "remittance", _:
            plb = [(reason, minor)]
            return [interchange(remittance("EFT1", Claim("C-1", 100_000), plb=plb))]
        case booking, amount:
            return claims(booking, (row["group"] or "CO", reason, minor), amount)


def claims(booking: str, adjustment: Cas, amount: str) -> list[bytes]:
    """Return the remittances of a primary and, where only it falls under the row, a secondary."""
    first_status, next_status = {
        "claim_payment": ("19", "2"),
        "forwarded_claim_payment": ("19", "20"),
        "secondary_claim_payment": ("1", "2"),
    }[booking]
    told_by_primary: tuple[Cas, ...] = (("PR", "2", 50_000),)
    primary = Claim("C-1", 100_000, told_by_primary, status=first_status)
    adjustments: tuple[Cas, ...] = (adjustment, PRIOR)
    if amount == "payment":
        adjustments = (("PR", "2", 50_000 - adjustment[2]), PRIOR)
    secondary = Claim("C-1", 100_000, adjustments, status=next_status, filing="CI")
    return [
        interchange(remittance("EFT1", primary, payer=MEDICARE)),
        interchange(remittance("EFT2", secondary, payer=COMMERCIAL), number=2),
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["rule"])
def test_each_row_takes_the_amount_it_was_written_for(row: dict[str, str]) -> None:
    minor = -700 if row["sign"] == "-" else 700
    *before, last = told(row, minor)
    riverbend = Riverbend()
    riverbend.receive(*before)
    earlier = set(riverbend.entries)
    riverbend.receive(last)
    lines = [
        line
        for entry in riverbend.entries.values()
        for line in entry.lines
        if entry.id not in earlier
    ]
    amounts = {line.debit_minor - line.credit_minor for line in lines if line.rule == row["rule"]}
    if row["debit_role"] == "none":
        assert not any("/CAS[1]" in line.where for line in lines)
        assert {code for code, _ in riverbend.exceptions()} <= {"claim.exact_duplicate"}
    else:
        assert minor in amounts


# Every reason is in its class ---------------------------------------------------------------------

GROUPS = ("CO", "PR", "OA", "PI", "CR", "ZZ", "")
REASONS = (
    *map(str, range(1, 320)),
    *(f"{letter}{number}" for letter in "ABDPWY" for number in range(1, 31)),
    "A0",
    "",
)
"""Every claim adjustment reason code there is or was, and many there are not."""

DENIALS = (
    *("4", "11", "15", "16", "22", "26", "27", "29", "31", "35", "39", "50", "55", "58", "96"),
    *("97", "109", "119", "125", "129", "140", "150", "151", "181", "182", "197", "198", "199"),
    *("200", "204", "226", "227", "234", "236", "252", "256", "A1", "B7", "B15"),
)
"""Refused for a reason that can be mended or appealed, whatever group the payer puts it in."""
ALLOWANCES = ["42", "45", "59", "94", "131", "144", "172", "A2"]
"""Reductions by contract, where the payer says so (CO)."""
REDUCTIONS = ["45", "59", "131", "144", "172", "237"]
"""The same without a contract (PI): disputed."""
ALREADY_SETTLED = ("18", "23")
"""By the claim's first decision, by a prior payer."""


def expected(kind: str, group: str, reason: str) -> str:
    """Return the account that an adjustment belongs to; "" where it moves nothing."""
    # Whose debt it is goes before why.
    if group == "PR":
        return "1110" if kind == "claim_payment" else ""
    if reason in ALREADY_SETTLED:
        return ""
    if reason in DENIALS:
        return "1197"
    if reason == "147" or (group == "PI" and reason in REDUCTIONS):
        return "1198"
    named = {
        ("CO", "24"): "4117",  # capitated
        ("CO", "104"): "1130",  # withheld by the payer
        ("CO", "105"): "1300",  # withheld for taxes
        ("CO", "121"): "2215",  # offsets
        ("OA", "94"): "2215",
        ("OA", "121"): "2215",
        ("CO", "237"): "4116",  # penalty
        ("CO", "253"): "4115",  # sequestration
    }
    if (group, reason) in named:
        return named[group, reason]
    is_allowance = (group == "CO" and reason in ALLOWANCES) or (
        group == "CR" and reason in {"42", "45", "A2"}
    )
    return "4110" if is_allowance else "9990"


def posted(kind: str, group: str, reason: str, minor: int) -> Posting:
    where = "CLP[1]/CAS[1]-03"
    adjustment = Amount(name="adjustment", minor=minor, where=where, group=group, reason=reason)
    posting = post(
        Booking(
            key="adjudication:1",
            kind=kind,
            amounts=(adjustment,),
            effective_on=date(2026, 3, 20),
            facility=GENERAL,
            payer=MEDICARE,
            where="CLP[1]",
        ),
        books=books_of(),
        source="remits",
        entry_id="ent_1",
        stream="claim/clm_1",
        revision=1,
        event_id="evt_1",
        received_at_ms=0,
    )
    assert isinstance(posting, Posting)
    return posting


def sides_of(posting: Posting) -> tuple[str, str]:
    """Return the account debited and the account credited; two empty texts for none."""
    if posting.entry is None:
        return "", ""
    debited = [line.account for line in posting.entry.lines if line.debit_minor]
    credited = [line.account for line in posting.entry.lines if line.credit_minor]
    assert (1, 1) == (len(debited), len(credited))
    return debited[0], credited[0]


@pytest.mark.parametrize(
    ("kind", "owed"),
    [
        ("claim_payment", "1100"),
        ("forwarded_claim_payment", "1100"),
        ("secondary_claim_payment", "1110"),
    ],
)
def test_every_group_and_reason_is_in_its_class_on_both_sides_and_with_both_signs(
    kind: str, owed: str
) -> None:
    wrong = {}
    for group in GROUPS:
        for reason in REASONS:
            account = expected(kind, group, reason)
            taken_off, given_back = (
                posted(kind, group, reason, 700),
                posted(kind, group, reason, -700),
            )
            sides = (account, owed) if account else ("", "")
            if (sides, sides[::-1]) != (sides_of(taken_off), sides_of(given_back)):
                wrong[group, reason] = (account, sides_of(taken_off), sides_of(given_back))
            is_raised = [each.code for each in taken_off.concerns]
            assert is_raised == (["ledger.adjustment.unmapped"] if account == "9990" else [])
    assert {} == wrong


def test_nothing_a_payer_refuses_or_disputes_touches_revenue() -> None:
    """Anti-double-count (c): a loss is booked when it is given up (R10), and then once."""
    revenue = {number for number, each in books_of().accounts.items() if each.kind == "revenue"}
    for group in ("CO", "OA", "PI", "CR"):
        for reason in (*DENIALS, *ALREADY_SETTLED, "147", UNRULED):
            assert revenue.isdisjoint(sides_of(posted("claim_payment", group, reason, 700)))


def test_what_moves_to_the_patient_never_touches_revenue() -> None:
    """Anti-double-count (b): R8 moves the receivable from one debtor to another."""
    for reason in REASONS:
        assert ("1110", "1100") == sides_of(posted("claim_payment", "PR", reason, 700))
