"""Rows to facts (translate/tabular_*.py), whatever the table was written in.

Bad inputs B66 and B69 of fixed width and workbooks.
"""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.translate.tables import (
    DEPOSITS,
    HEADER,
    ROW,
    SHEET,
    faults,
    only_fault,
    pieces,
    readings,
)
from tests.unit.wire.workbooks import pack, parts

from suture.model.account import (
    AccountAdjusted,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
)
from suture.model.deposit import DepositReceived
from suture.model.master_data import (
    ChargeItemRecorded,
    ItemRecorded,
    LocationRecorded,
    OrganizationRecorded,
    ProviderRecorded,
)
from suture.model.translation import Begun, Closed, Reading
from suture.pipeline import initial

# Facts -----------------------------------------------------------------------------------------


def table_of(fact: str, key: str, **columns: str) -> tuple[str, str]:
    """Return a schema whose columns are named after the fields they fill, and its header."""
    written = f'fact = "{fact}"\nlayout = "csv"\nkey = ["{key}"]\n'
    for name, kind in columns.items():
        written += f'[columns.{name}]\nfield = "{name}"\ntype = "{kind}"\n'
        written += 'format = "YYYY-MM-DD"\n' if kind == "date" else ""
    return written, ",".join(columns) + "\n"


def facts(fact: str, key: str, row: str, **columns: str) -> list[tuple[str, object]]:
    written, header = table_of(fact, key, **columns)
    (reading,) = readings(header + row, written)
    assert () == reading.translation.faults
    for routed in reading.translation.routed:
        initial(routed.stream)
    return [(each.stream.partition("/")[0], each.fact) for each in reading.translation.routed]


def test_a_charge_tells_its_account_after_who_pays_for_it() -> None:
    columns = {"account": "code", "number": "code", "amount": "money", "service_on": "date"}
    columns |= {"financial_class": "code", "quantity": "decimal", "procedure_code": "code"}
    (_, registered), (stream, charge) = facts(
        "charge", "number", "A-1,C-1,12.50,2026-03-01,MC,2,99213", **columns
    )
    assert isinstance(registered, AccountRegistered)
    assert isinstance(charge, ChargePosted)
    assert ("patient_account", "MC", 1_250, "2", "RB1") == (
        stream,
        registered.financial_class,
        charge.amount_minor,
        charge.quantity,
        charge.facility,
    )
    assert charge.account.startswith("acc_")
    assert charge.charge.startswith("chg_")
    written, header = table_of("charge", "number", **columns)
    (reading,) = readings(header + "A-1,C-1,12.50,2026-03-01,MC,2,99213", written)
    assert {("account", "A-1")} == {(each.kind, each.value) for each in reading.translation.secrets}
    assert [("charges", 1, 1_250)] == [
        (each.name, each.count, each.amount_minor) for each in reading.translation.totals
    ]


@pytest.mark.parametrize(
    ("fact", "day", "kind", "total"),
    [
        ("credit", "service_on", ChargeCredited, "credits"),
        ("payment", "received_on", PaymentReceived, "patient_payments"),
        ("adjustment", "adjusted_on", AccountAdjusted, "adjustments"),
    ],
)
def test_credits_payments_and_adjustments_are_told_likewise(
    fact: str, day: str, kind: type, total: str
) -> None:
    columns = {"account": "code", "number": "code", "amount": "money", day: "date"}
    columns |= {"code": "code"} if fact == "adjustment" else {}
    row = "A-1,N-1,5,2026-03-01" + (",WO" if fact == "adjustment" else "")
    ((stream, told),) = facts(fact, "number", row, **columns)
    assert "patient_account" == stream
    assert isinstance(told, kind)
    written, header = table_of(fact, "number", **columns)
    (reading,) = readings(header + row, written)
    assert [total] == [each.name for each in reading.translation.totals]


def test_reference_data_is_told_to_the_stream_of_its_code() -> None:
    shared = {"code": "code", "name": "text", "status": "code"}
    assert [
        (
            "item",
            ItemRecorded(
                code="00-1",
                system="bank",
                name="Gauze",
                price="1.23",
                is_active=True,
                where="row 2",
            ),
        )
    ] == facts("item", "code", "00-1,Gauze,A,1.23", **shared, price="decimal")
    ((stream, supplier),) = facts("supplier", "code", "S1,Acme,", **shared)
    assert isinstance(supplier, OrganizationRecorded)
    assert ("organization", "supplier", None) == (stream, supplier.kind, supplier.is_active)
    ((stream, employee),) = facts("employee", "code", "E1,Ng,I,ED", **shared, department="code")
    assert isinstance(employee, ProviderRecorded)
    assert ("provider", "ED", False, "MDC") == (
        stream,
        employee.department,
        employee.is_active,
        employee.action,
    )
    ((stream, place),) = facts(
        "department", "code", "ED,Emergency,,4410", **shared, cost_centre="code"
    )
    assert isinstance(place, LocationRecorded)
    assert ("location", "D", "ED", "4410") == (
        stream,
        place.kind,
        place.department,
        place.cost_centre,
    )
    ((stream, priced),) = facts("charge_item", "code", "99213,Visit,A,125", **shared, price="money")
    assert isinstance(priced, ChargeItemRecorded)
    assert ("charge_item", 12_500) == (stream, priced.price_minor)


def test_a_deposit_without_any_reference_is_held() -> None:
    written = DEPOSITS.replace('key = ["Bank reference"]', 'key = ["As of"]')
    assert [["table.cell.missing"]] == faults(HEADER + "03/01/2026,1,,,,5\n", written)


# Other layouts ---------------------------------------------------------------------------------

FIXED = """
fact = "deposit"
layout = "fixed"
width = 24
header = false
key = ["Reference"]

[columns.Kind]
start = 1
width = 1
constant = "D"

[columns.Day]
start = 2
width = 8
field = "deposited_on"
type = "date"
format = "YYYYMMDD"

[columns.Reference]
start = 10
width = 5
field = "bank_reference"
type = "code"

[columns.Amount]
start = 15
width = 10
field = "amount"
type = "money"
implied_cents = true
"""


def test_a_table_of_fixed_width_needs_no_header_for_its_lines_have_a_length() -> None:
    table = "D20260301R00010000012345\nX20260301R00020000000001\nD20260301R0003000000001\n"
    assert [[], ["table.cell.invalid"], ["table.row.ragged"]] == faults(table, FIXED)
    fact = readings(table, FIXED)[0].translation.routed[0].fact
    assert isinstance(fact, DepositReceived)
    assert ("R0001", 12_345) == (fact.bank_reference, fact.amount_minor)


def test_b69_the_header_of_a_fixed_width_table_is_cut_like_its_lines() -> None:
    written = FIXED.replace("header = false", "header = true").replace("Reference", "Ref")
    written = written.replace("columns.Kind", "columns.K")
    rows = "D20260301R00010000012345\n"
    assert [[]] == faults("KDay     Ref      Amount\n" + rows, written)
    assert [["table.header.drift"]] == faults("KDay     Reff     Amount\n" + rows, written)
    assert [["table.header.drift"]] == faults(rows, written)


def _texts(number: int, *cells: str) -> str:
    inside = "".join(
        cell if cell.startswith("<c") else f'<c t="inlineStr"><is><t>{cell}</t></is></c>'
        for cell in cells
    )
    return f'<row r="{number}">{inside}</row>'


def test_a_workbook_is_read_by_the_same_schema() -> None:
    head = _texts(1, *HEADER.strip().split(","))
    good = _texts(
        2, '<c s="1"><v>46112</v></c>', "001", "R1", "T1", "9", "<c><v>0.30000000000000004</v></c>"
    )
    bad = _texts(
        4,
        '<c s="0"><v>46112</v></c>',
        "<c><v>1</v></c>",
        "R2",
        "T1",
        "9",
        '<c t="e"><v>#N/A</v></c>',
    )
    data = pack(parts(head + good + bad, formats="0 14"))
    assert [[], ["table.cell.invalid"] * 3] == faults(data, SHEET)
    first = readings(data, SHEET)[0].translation
    assert isinstance(first.routed[0].fact, DepositReceived)
    assert (30, date(2026, 3, 31), "row 2") == (
        first.routed[0].fact.amount_minor,
        first.routed[0].fact.deposited_on,
        first.routed[0].where,
    )


def test_b69_a_workbook_whose_header_differs_is_held() -> None:
    assert "table.header.drift" == only_fault(pack(parts(_texts(1, "As of"))), SHEET).code


def test_b66_a_workbook_that_is_none_is_held() -> None:
    assert "table.workbook.unreadable" == only_fault(HEADER + ROW, SHEET).code
    assert "file.empty" == only_fault(b"", SHEET).code


def test_a_workbook_beyond_its_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.translate.tabular_rows.WORKBOOK_BYTES_MAX", 10)
    assert "file.too_large" == only_fault(pack(parts()), SHEET).code


def test_every_message_of_a_table_begins_before_it_is_read() -> None:
    kinds = [type(each) for each in pieces(HEADER + ROW + "x\n")]
    assert [Begun, Reading, Begun, Reading, Closed] == kinds
