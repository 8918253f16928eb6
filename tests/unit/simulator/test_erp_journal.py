"""What the sandbox ERP takes and refuses: the strict JSON grammar and the accounting rules."""

from __future__ import annotations

import json

import pytest

from suture.simulator.erp_journal import (
    Chart,
    Journal,
    Refusal,
    Setup,
    examine,
    read_strictly,
)

CHART = {
    "entities": [{"entity": "RB01", "currency": "USD"}],
    "accounts": [
        {"account": "1100", "name": "Receivables", "kind": "asset"},
        {"account": "4010", "name": "Inpatient revenue", "kind": "revenue"},
        {"account": "4110", "name": "Contractual", "kind": "revenue", "cost_center": "optional"},
        {"account": "1200", "name": "Inventory", "kind": "asset", "cost_center": "required"},
    ],
    "cost_centers": ["CC7010"],
}
DEBIT = {"account": "1100", "debit_minor": 100, "credit_minor": 0}
CREDIT = {"account": "4010", "debit_minor": 0, "credit_minor": 100, "cost_center": "CC7010"}


def body(**changes: object) -> dict[str, object]:
    journal = {
        "reference": "SJ-1",
        "entity": "RB01",
        "currency": "USD",
        "accounting_date": "2026-10-31",
        "description": "charges digest:0123456789abcdef",
        "source": "suture",
        "lines": [DEBIT, CREDIT],
    }
    return {**journal, **changes}


def read(text: str | bytes) -> Journal | Refusal:
    return read_strictly(text.encode() if isinstance(text, str) else text, Journal)


def judge(*closed: tuple[str, str], **changes: object) -> Refusal | None:
    setup = read_strictly(json.dumps(CHART).encode(), Setup)
    journal = read(json.dumps(body(**changes)))
    assert isinstance(setup, Setup)
    assert isinstance(journal, Journal)
    return examine(journal, Chart(setup), frozenset(closed))


def test_a_balanced_journal_in_an_open_period_is_taken() -> None:
    assert judge() is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        '{"reference": "SJ-1", "reference": "SJ-2"}',
        json.dumps(body()).replace("100", "100.0"),
        json.dumps(body()).replace("100", "1e2"),
        json.dumps(body()).replace("100", "Infinity"),
        json.dumps(body()).replace("100", "1" * 5_000),
        b"\xff\xfe{}",
        "[" * 100_000,
    ],
)
def test_b46_b47_what_is_not_strict_json_is_refused(text: str | bytes) -> None:
    refusal = read(text)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (400, "json_malformed")


@pytest.mark.parametrize(
    ("changes", "code", "line"),
    [
        ({"approved_by": "me"}, "field_unknown", None),
        ({"lines": [DEBIT, {**CREDIT, "tenant": "x"}]}, "field_unknown", 2),
        ({"lines": [{**DEBIT, "debit_minor": "100"}, CREDIT]}, "field_invalid", 1),
        ({"lines": [{**DEBIT, "debit_minor": -100}, CREDIT]}, "field_invalid", 1),
        ({"lines": [{**DEBIT, "debit_minor": 10**15 + 1}, CREDIT]}, "field_invalid", 1),
        ({"lines": [{**DEBIT, "debit_minor": True}, CREDIT]}, "field_invalid", 1),
        ({"lines": [DEBIT, {**CREDIT, "text": "x" * 51}]}, "field_invalid", 2),
        ({"lines": [DEBIT, {**CREDIT, "cost_center": ""}]}, "field_invalid", 2),
        ({"lines": []}, "field_invalid", None),
        ({"reference": "SEVENTEEN-LETTERS"}, "field_invalid", None),
        ({"reference": "SJ 1"}, "field_invalid", None),
        ({"reference": "SJ-1\n"}, "field_invalid", None),
        ({"currency": "usd"}, "field_invalid", None),
        ({"accounting_date": "2026-02-30"}, "field_invalid", None),
        ({"accounting_date": 20261031}, "field_invalid", None),
        ({"source": None}, "field_invalid", None),
    ],
)
def test_b53_a_field_that_is_unknown_or_out_of_bounds_is_refused(
    changes: dict[str, object], code: str, line: int | None
) -> None:
    refusal = read(json.dumps(body(**changes)))
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code, refusal.line) == (400, code, line)


@pytest.mark.parametrize(
    ("changes", "status", "code", "line"),
    [
        ({"entity": "XX99"}, 422, "entity_unknown", None),
        ({"currency": "EUR"}, 422, "currency_mismatch", None),
        ({"lines": [DEBIT, {**CREDIT, "account": "9999"}]}, 422, "account_unknown", 2),
        ({"lines": [{**DEBIT, "credit_minor": 100}, CREDIT]}, 422, "line_sides", 1),
        ({"lines": [{**DEBIT, "debit_minor": 0}, CREDIT]}, 422, "line_sides", 1),
        ({"lines": [DEBIT, {**CREDIT, "cost_center": None}]}, 422, "cost_center_missing", 2),
        ({"lines": [{**DEBIT, "account": "1200"}, CREDIT]}, 422, "cost_center_missing", 1),
        ({"lines": [DEBIT, {**CREDIT, "cost_center": "CC1"}]}, 422, "cost_center_unknown", 2),
        ({"lines": [DEBIT, {**CREDIT, "credit_minor": 99}]}, 422, "unbalanced", None),
        ({"lines": [DEBIT]}, 422, "unbalanced", None),
    ],
)
def test_a_journal_that_breaks_a_rule_is_refused_where_it_breaks_it(
    changes: dict[str, object], status: int, code: str, line: int | None
) -> None:
    refusal = judge(**changes)
    assert refusal is not None
    assert (refusal.status, refusal.code, refusal.line) == (status, code, line)


def test_an_account_may_be_excused_from_its_cost_centre() -> None:
    lines = [DEBIT, {"account": "4110", "debit_minor": 0, "credit_minor": 100}]
    assert judge(lines=lines) is None


def test_only_the_closed_period_of_that_entity_refuses() -> None:
    assert judge(("RB01", "2026-09"), ("RB02", "2026-10")) is None
    refusal = judge(("RB01", "2026-10"))
    assert refusal is not None
    assert (refusal.status, refusal.code) == (409, "period_closed")


def test_the_digest_is_read_from_the_description() -> None:
    journal = read(json.dumps(body()))
    plain = read(json.dumps(body(description="charges of 2026-10-31")))
    assert isinstance(journal, Journal)
    assert isinstance(plain, Journal)
    assert (journal.digest, plain.digest) == ("0123456789abcdef", None)


def test_the_body_hash_forgets_the_reference_and_nothing_else() -> None:
    hashes = []
    for changes in ({}, {"reference": "SJ-2"}, {"source": "other"}, {"lines": [CREDIT, DEBIT]}):
        journal = read(json.dumps(body(**changes)))
        assert isinstance(journal, Journal)
        hashes.append(journal.body_sha256())
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3
