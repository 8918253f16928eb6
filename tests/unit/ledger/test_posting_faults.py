"""What parks a booking, and what the person who mends it is told (ledger/post.py, books.py).

The tables here are small and made by hand; what the sample estate books is
tests/specs/test_ledger_*.py.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from suture.ledger.books import Books, LookUps, Tables
from suture.ledger.chart import Account, Entity, Facility, PayerClass
from suture.ledger.determination import Circumstances, DeterminationRow
from suture.ledger.entry import Entry, Posting
from suture.ledger.period import Period
from suture.ledger.post import accounting_date, post
from suture.ledger.rules import Rule
from suture.masterdata.crosswalk import Crosswalk, CrosswalkRow
from suture.model.decision import Amount, Booking
from suture.model.fault import Fault


def look_up(name: str, *rows: CrosswalkRow) -> Crosswalk:
    return Crosswalk(name, rows)


LOOK_UPS = LookUps(
    facility=look_up("facility", CrosswalkRow(key=("H1",), value=("RGH",))),
    department=look_up(
        "department",
        CrosswalkRow(source="charges", key=("RGH", "ED"), value=("7010", "emergency")),
    ),
    service=look_up("service"),
    payer=look_up("payer", CrosswalkRow(key=("P1",), value=("medicare",))),
    financial_class=look_up("financial_class", CrosswalkRow(key=("MC",), value=("medicare",))),
    filing_indicator=look_up("filing_indicator", CrosswalkRow(key=("MC",), value=("medicaid",))),
)
TABLES = Tables(
    entities=(Entity(id="RVH", name="Riverbend", currency="USD"),),
    facilities=(
        Facility(id="RGH", name="General", entity="RVH", zone="UTC", default_cost_centre="8610"),
    ),
    accounts=(
        Account(number="1100", name="Receivable", kind="asset"),
        Account(number="4020", name="Revenue", kind="revenue", cost_centre="department"),
        Account(number="4110", name="Allowance", kind="revenue", cost_centre="facility"),
    ),
    payer_classes=(
        PayerClass(id="medicare", name="Medicare"),
        PayerClass(id="medicaid", name="Medicaid"),
    ),
    rules=(
        Rule(
            name="charge/gross",
            booking="charge",
            amount="gross",
            debit_role="receivable",
            credit_role="gross_revenue",
            policy="charges",
        ),
        Rule(
            name="claim/CO",
            booking="claim_payment",
            amount="adjustment",
            group="CO",
            debit_role="allowance_contractual",
            credit_role="receivable",
            policy="immediate",
        ),
    ),
    determination=tuple(
        DeterminationRow(role=role, selectors=Circumstances("", ""), account=account)
        for role, account in (
            ("receivable", "1100"),
            ("gross_revenue", "4020"),
            ("allowance_contractual", "4110"),
        )
    ),
    periods=(
        Period(
            entity="RVH",
            name="2026-03",
            starts_on=date(2026, 3, 1),
            ends_on=date(2026, 3, 31),
            is_open=True,
        ),
    ),
    look_ups=LOOK_UPS,
    facilities_unnamed={"remits": "H1"},
)
CHARGE = Booking(
    key="charge:1",
    kind="charge",
    amounts=(Amount(name="gross", minor=100, where="FT1[1]-11"),),
    effective_on=date(2026, 3, 4),
    facility="H1",
    department="ED",
    payer="P1",
    financial_class="MC",
)
CLAIM = Booking(
    key="adjudication:1",
    kind="claim_payment",
    amounts=(
        Amount(name="adjustment", minor=100, where="CLP[1]/CAS[1]-03", group="CO", reason="45"),
    ),
    effective_on=date(2026, 3, 4),
    facility="H1",
    payer="P1",
    financial_class="MA",
)


def posted(
    booking: Booking, *, tables: Tables = TABLES, source: str = "charges"
) -> Posting | Fault:
    return post(
        booking,
        books=Books(tables, "rel_test"),
        source=source,
        entry_id="ent_1",
        stream="patient_account/acc_1",
        revision=2,
        event_id="evt_1",
        received_at_ms=1_772_000_000_000,
    )


def entry_of(outcome: Posting | Fault) -> Entry:
    assert isinstance(outcome, Posting)
    assert outcome.entry is not None
    return outcome.entry


def changed(booking: Booking, **told: Any) -> Booking:
    return msgspec.structs.replace(booking, **told)


def test_an_entry_carries_where_it_came_from_and_under_which_release() -> None:
    entry = entry_of(posted(CHARGE))
    assert (
        "ent_1",
        "patient_account/acc_1",
        "charge:1",
        2,
        "evt_1",
        "charge",
        "charges",
        "RVH",
        "USD",
        1_772_000_000_000,
        "rel_test",
        "",
    ) == (
        entry.id,
        entry.stream,
        entry.booking_key,
        entry.revision,
        entry.event_id,
        entry.kind,
        entry.policy,
        entry.entity,
        entry.currency,
        entry.received_at_ms,
        entry.release,
        entry.reverses,
    )


@pytest.mark.parametrize(
    ("code", "booking", "named"),
    [
        pytest.param(
            "ledger.facility.unmapped",
            changed(CHARGE, facility="H9"),
            ("`H9`", "`charges`", "crosswalks/facility.csv"),
            id="facility",
        ),
        pytest.param(
            "ledger.facility.unmapped",
            changed(CHARGE, facility=""),
            ("no facility", "sources/charges.toml"),
            id="no facility named and none assumed",
        ),
        pytest.param(
            "ledger.department.unmapped",
            changed(CHARGE, department="XRAY"),
            ("`XRAY`", "`RGH`", "crosswalks/department.csv"),
            id="department",
        ),
        pytest.param(
            "ledger.department.unmapped",
            changed(CHARGE, department=""),
            ("performing department", "named none"),
            id="revenue of no department",
        ),
        pytest.param(
            "ledger.payer_class.unmapped",
            changed(CHARGE, payer="P9", financial_class="ZZ"),
            ("`P9`", "`ZZ`", "crosswalks/financial_class.csv"),
            id="payer class of an account",
        ),
        pytest.param(
            "ledger.payer_class.unmapped",
            changed(CLAIM, payer="P9", financial_class="ZZ"),
            ("`P9`", "`ZZ`", "crosswalks/filing_indicator.csv"),
            id="payer class of a claim",
        ),
        pytest.param(
            "ledger.rule.missing",
            changed(CHARGE, kind="refund"),
            ("`refund`", "ledger/journal_rules.csv"),
            id="booking without a rule",
        ),
        pytest.param(
            "ledger.rule.missing",
            changed(CLAIM, amounts=(Amount(name="adjustment", minor=1, where="x", group="OA"),)),
            ("`OA`", "ledger/journal_rules.csv"),
            id="adjustment without a rule",
        ),
        pytest.param(
            "ledger.period.none_open",
            changed(CHARGE, effective_on=date(2026, 4, 1)),
            ("2026-04-01", "ledger/periods.csv"),
            id="no open period",
        ),
    ],
)
def test_what_the_tables_do_not_know_parks_and_names_the_missing_code_and_its_table(
    code: str, booking: Booking, named: tuple[str, ...]
) -> None:
    outcome = posted(booking)
    assert isinstance(outcome, Fault)
    assert (code, booking.amounts[0].where, False) == (
        outcome.code,
        outcome.where,
        outcome.permanent,
    )
    assert [] == [each for each in named if each not in outcome.explanation]


def test_a_role_without_an_account_parks_and_names_the_circumstances() -> None:
    tables = msgspec.structs.replace(TABLES, determination=TABLES.determination[:1])
    outcome = posted(CHARGE, tables=tables)
    assert isinstance(outcome, Fault)
    assert "ledger.account.undetermined" == outcome.code
    assert "`gross_revenue`" in outcome.explanation
    assert "payer_class `medicare`" in outcome.explanation


@pytest.mark.parametrize("value", ["H" * 21, "DOE JANE", "DOE^JANE", "1980-01-01\n", "Zo\xeb"])
@pytest.mark.parametrize("name", ["facility", "department", "payer", "financial_class"])
def test_a_fault_quotes_nothing_that_cannot_be_a_code(name: str, value: str) -> None:
    """A name in the place of a code must not come out of the books again."""
    codes = {"payer": "", "financial_class": ""} if name in {"payer", "financial_class"} else {}
    outcome = posted(changed(CHARGE, **(codes | {name: value})))
    assert isinstance(outcome, Fault)
    assert "a value that is no code" in outcome.explanation
    assert value not in outcome.explanation


def test_an_adjustment_without_a_rule_quotes_nothing_that_cannot_be_a_code() -> None:
    told = Amount(name="adjustment", minor=1, where="x", group="OA", reason="DOE JANE")
    outcome = posted(changed(CLAIM, amounts=(told,)))
    assert isinstance(outcome, Fault)
    assert "group `OA` reason a value that is no code." in outcome.explanation


WILDCARD = msgspec.structs.replace(
    TABLES,
    look_ups=msgspec.structs.replace(
        LOOK_UPS,
        facility=look_up(
            "facility",
            CrosswalkRow(key=("H1",), value=("RGH",)),
            CrosswalkRow(source="remits", key=("*",), value=("RGH",)),
        ),
    ),
)


@pytest.mark.parametrize(
    ("code", "concerns"),
    [("H1", []), ("", []), ("H9", ["ledger.facility.assumed"]), ("*", ["ledger.facility.assumed"])],
)
def test_only_a_code_that_no_row_maps_is_booked_by_the_wildcard_row(
    code: str, concerns: list[str]
) -> None:
    outcome = posted(changed(CLAIM, facility=code), tables=WILDCARD, source="remits")
    assert isinstance(outcome, Posting)
    assert concerns == [each.code for each in outcome.concerns]


def test_the_wildcard_row_of_one_source_does_not_answer_for_another() -> None:
    outcome = posted(changed(CLAIM, facility="H9"), tables=WILDCARD, source="charges")
    assert isinstance(outcome, Fault)
    assert "ledger.facility.unmapped" == outcome.code


def test_the_wildcard_row_does_not_stand_in_for_a_facility_nobody_named() -> None:
    tables = msgspec.structs.replace(WILDCARD, facilities_unnamed={})
    outcome = posted(changed(CLAIM, facility=""), tables=tables, source="remits")
    assert isinstance(outcome, Fault)
    assert "ledger.facility.unmapped" == outcome.code


def test_a_mended_crosswalk_books_what_was_parked() -> None:
    booking = changed(CHARGE, facility="H9")
    mended = look_up("facility", CrosswalkRow(key=("H9",), value=("RGH",)))
    look_ups = msgspec.structs.replace(LOOK_UPS, facility=mended)
    tables = msgspec.structs.replace(TABLES, look_ups=look_ups)
    assert isinstance(posted(booking), Fault)
    assert ["1100", "4020"] == [
        line.account for line in entry_of(posted(booking, tables=tables)).lines
    ]


def test_a_crosswalk_row_of_another_source_does_not_answer() -> None:
    outcome = posted(CHARGE, source="adt")
    assert isinstance(outcome, Fault)
    assert "ledger.department.unmapped" == outcome.code


def test_a_message_that_names_no_facility_gets_the_one_its_source_assumes() -> None:
    entry = entry_of(posted(changed(CLAIM, facility=""), source="remits"))
    assert {"RGH"} == {line.facility for line in entry.lines}


def test_the_payer_goes_before_the_financial_class() -> None:
    for payer, payer_class in (("P1", "medicare"), ("P9", "medicaid")):
        booking = changed(CLAIM, payer=payer, financial_class="MC")
        assert payer_class == entry_of(posted(booking)).lines[1].payer_class


def test_the_same_letters_are_a_financial_class_on_an_account_and_an_indicator_on_a_claim() -> None:
    """PV1-20 `MC` is Medicare here; CLP06 `MC` is Medicaid everywhere."""
    told = {"payer": "", "financial_class": "MC"}
    entries = [entry_of(posted(changed(booking, **told))) for booking in (CHARGE, CLAIM)]
    assert ["medicare", "medicaid"] == [entry.lines[1].payer_class for entry in entries]


def test_money_that_needs_no_payer_class_books_without_one() -> None:
    booking = changed(CHARGE, payer="P9", financial_class="", needs_payer_class=False)
    assert "" == entry_of(posted(booking)).lines[0].payer_class


def test_a_deduction_falls_to_the_department_when_one_is_named_and_mapped() -> None:
    centres = [
        entry_of(posted(changed(CLAIM, department=department))).lines[0].cost_centre
        for department in ("", "ED")
    ]
    assert ["8610", "7010"] == centres


def test_a_deduction_of_an_unmapped_department_parks_rather_than_fall_to_the_default() -> None:
    outcome = posted(changed(CLAIM, department="XRAY"))
    assert isinstance(outcome, Fault)
    assert "ledger.department.unmapped" == outcome.code


@pytest.mark.parametrize("minor", [0, 100])
def test_amounts_that_move_nothing_need_no_facility(minor: int) -> None:
    """A claim of zero amounts, or one that is all information, has nothing to park."""
    tables = msgspec.structs.replace(
        TABLES,
        rules=(
            Rule(
                name="claim/OA-23",
                booking="claim_payment",
                amount="adjustment",
                debit_role="none",
                credit_role="none",
                policy="immediate",
            ),
        ),
    )
    amounts = (Amount(name="adjustment", minor=minor, where="x", group="OA", reason="23"),)
    booking = changed(CLAIM, facility="H9", amounts=amounts)
    assert Posting(entry=None) == posted(booking, tables=tables)


def test_the_same_place_on_another_day_is_looked_up_again() -> None:
    """A row that expired must not live on in what the books remember."""
    row = CrosswalkRow(key=("H1",), value=("RGH",), valid_to=date(2026, 3, 4))
    look_ups = msgspec.structs.replace(LOOK_UPS, facility=look_up("facility", row))
    books = Books(msgspec.structs.replace(TABLES, look_ups=look_ups), "rel_test")
    told: dict[str, Any] = {"books": books, "source": "charges", "entry_id": "e", "stream": "s"}
    told |= {"revision": 1, "event_id": "v", "received_at_ms": 0}
    outcomes = [
        post(changed(CHARGE, effective_on=day), **told)
        for day in (date(2026, 3, 4), date(2026, 3, 5))
    ]
    assert [Posting, Fault] == [type(outcome) for outcome in outcomes]


def test_what_one_source_was_answered_is_not_remembered_for_another() -> None:
    books = Books(TABLES, "rel_test")
    sides = []
    for source in ("charges", "adt"):
        place = books.place(CHARGE, source, "")
        assert not isinstance(place, Fault)
        sides.append(place.cost_centre)
    assert ["7010", ""] == sides


def test_what_an_account_was_answered_is_not_remembered_for_a_claim() -> None:
    books = Books(TABLES, "rel_test")
    classes = []
    for kind in ("charge", "claim_payment"):
        booking = changed(CHARGE, kind=kind, payer="", financial_class="MC")
        place = books.place(booking, "charges", "")
        assert not isinstance(place, Fault)
        classes.append(place.circumstances.payer_class)
    assert ["medicare", "medicaid"] == classes


def test_places_remembered_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.ledger.books._PLACES_MAX", 5)
    books = Books(TABLES, "rel_test")
    for number in range(50):
        booking = changed(CHARGE, service_code=str(number))
        assert not isinstance(books.place(booking, "charges", ""), Fault)
    assert 5 >= len(books._places)


def test_the_accounting_date_of_a_reversal_follows_the_same_periods() -> None:
    books = Books(TABLES, "rel_test")
    assert date(2026, 3, 1) == accounting_date("RVH", date(2026, 1, 15), books)
    closed = accounting_date("RVH", date(2026, 4, 1), books, "FT1[1]")
    assert isinstance(closed, Fault)
    assert ("ledger.period.none_open", "FT1[1]") == (closed.code, closed.where)
