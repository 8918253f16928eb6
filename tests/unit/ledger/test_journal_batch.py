"""What the ERP receives: entries summed into journals under our own reference (ledger/batch.py)."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import msgspec
import pytest
from tests.unit.ledger.entries import ENTRY, RECEIVABLE, REVENUE, entry

from suture.ledger.batch import (
    Journal,
    JournalLine,
    JournalScope,
    installation_of,
    journal_reference,
    renewed_body,
    summarise,
)
from suture.ledger.entry import reverse

SCOPE = JournalScope("charges", "RVH", "USD", date(2026, 3, 4))


def test_lines_of_the_same_account_and_dimensions_become_one() -> None:
    journals = summarise([entry(id="ent_1"), entry(id="ent_2"), entry(id="ent_3")])
    assert {
        SCOPE: (
            JournalLine(account="1100", debit_minor=300, facility="RGH"),
            JournalLine(
                account="4020",
                credit_minor=300,
                facility="RGH",
                cost_centre="RGH-7010",
                service_line="emergency",
                payer_class="medicare",
            ),
        )
    } == journals


def test_a_correction_is_never_netted_away() -> None:
    """K2 compares the totals of both sides; a charge and its reversal are two movements."""
    taken_back = reverse(
        ENTRY,
        entry_id="ent_2",
        event_id="evt_2",
        received_at_ms=1,
        accounting_on=ENTRY.accounting_on,
        release="rel_1",
    )
    lines = summarise([ENTRY, taken_back])[SCOPE]
    assert [("1100", 0, 100), ("1100", 100, 0), ("4020", 0, 100), ("4020", 100, 0)] == [
        (line.account, line.debit_minor, line.credit_minor) for line in lines
    ]


@pytest.mark.parametrize("name", ["facility", "cost_centre", "service_line", "payer_class"])
def test_each_dimension_keeps_lines_apart(name: str) -> None:
    other = msgspec.structs.replace(REVENUE, **{name: "OTHER"})
    assert 3 == len(summarise([ENTRY, entry(lines=(RECEIVABLE, other))])[SCOPE])


@pytest.mark.parametrize(
    "told",
    [
        {"policy": "immediate"},
        {"entity": "RVM"},
        {"currency": "CAD"},
        {"accounting_on": date(2026, 3, 5)},
    ],
)
def test_entries_of_another_policy_entity_currency_or_day_go_into_another_journal(
    told: dict[str, Any],
) -> None:
    assert 2 == len(summarise([ENTRY, entry(**told)]))


def test_the_order_of_entries_changes_nothing() -> None:
    entries = [ENTRY, entry(entity="RVA"), entry(lines=(REVENUE, RECEIVABLE))]
    summed = summarise(entries)
    assert list(summed.items()) == list(summarise(entries[::-1]).items())


def test_no_entries_make_no_journal() -> None:
    assert {} == summarise([])


def test_references_fit_every_erp_and_sort_by_number() -> None:
    references = [journal_reference("7KQ2", number) for number in (1, 123, 10**9 - 1)]
    assert ["SUT7KQ2000000001", "SUT7KQ2000000123", "SUT7KQ2999999999"] == references
    assert {16} == {len(reference) for reference in references}


def test_two_installations_never_share_a_reference() -> None:
    assert journal_reference("7KQ2", 1) != journal_reference("7KQ3", 1)


@pytest.mark.parametrize(
    ("installation", "number"),
    [
        *(("7KQ2", number) for number in (0, -1, 10**9)),
        *((code, 1) for code in ("", "7KQ", "7KQ22", "7kq2", "7K-2", "OIL1")),
    ],
)
def test_what_would_break_the_reference_is_refused(installation: str, number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        journal_reference(installation, number)


def journal(**told: Any) -> Journal:
    head: dict[str, Any] = {
        "reference": "SUT7KQ2000000001",
        "lines": summarise([ENTRY])[SCOPE],
        "entry_ids": ("ent_1", "ent_2"),
    }
    return Journal(**(SCOPE._asdict() | head | told))


def test_the_body_is_what_the_journal_api_takes() -> None:
    body = json.loads(journal().body())
    description = body.pop("description")
    assert {
        "reference": "SUT7KQ2000000001",
        "entity": "RVH",
        "currency": "USD",
        "accounting_date": "2026-03-04",
        "source": "suture",
        "lines": [
            {"account": "1100", "debit_minor": 100, "credit_minor": 0, "facility": "RGH"},
            {
                "account": "4020",
                "debit_minor": 0,
                "credit_minor": 100,
                "cost_center": "RGH-7010",
                "service_line": "emergency",
                "payer_class": "medicare",
                "facility": "RGH",
            },
        ],
    } == body
    assert re.fullmatch(r"Suture charges 2026-03-04 digest:[0-9a-f]{32}", description)


def test_the_digest_tells_the_entries_whatever_the_reference_and_the_order() -> None:
    first = journal()
    again = journal(reference="SUT7KQ2000000002", entry_ids=("ent_2", "ent_1"))
    assert first.digest == again.digest


def test_two_honest_journals_with_equal_sums_have_different_digests() -> None:
    assert journal().digest != journal(entry_ids=("ent_3", "ent_4")).digest


def test_a_journal_made_anew_is_the_same_journal_under_another_reference() -> None:
    other = journal_reference("7KQ2", 77)
    anew = msgspec.structs.replace(journal(), reference=other)
    assert anew.body() == renewed_body(journal().body(), other)
    assert "7KQ2" == installation_of(other)
