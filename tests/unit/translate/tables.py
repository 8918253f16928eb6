"""Tables for tests: a schema of deposits, and what its rows are read as."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from suture.governance.reading import Document, parse_toml
from suture.governance.schemas import read_schema
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.schema import Schema
from suture.model.translation import Channel, Piece, Reading
from suture.pipeline import read_file

DEPOSITS = """
fact = "deposit"
layout = "csv"
key = ["Bank reference"]

[numbers]
thousands_mark = ","
parentheses = true

[columns."As of"]
field = "deposited_on"
type = "date"
format = "MM/DD/YYYY"

[columns.Account]
field = "bank_account"
type = "code"

[columns."Bank reference"]
field = "bank_reference"
type = "code"

[columns.Trace]
field = "trace"
type = "code"

[columns.Payer]
field = "payer"
type = "code"

[columns.Amount]
field = "amount"
type = "money"
"""
TOTALS = '[totals]\ncolumn = "As of"\nmarker = "TOTAL"\nsums = ["Amount"]\ncount = "Trace"\n'
SHEET = DEPOSITS.replace('layout = "csv"', 'layout = "xlsx"\nsheet = "Table"')
HEADER = "As of,Account,Bank reference,Trace,Payer,Amount\n"
ROW = '03/01/2026,000123456789,R1,T1,1512345678,"1,234.50"\n'


def schema(written: str = DEPOSITS) -> Schema:
    document = parse_toml("schemas/table.toml", written.encode())
    assert isinstance(document, Document), document
    made = read_schema("table", document)
    assert isinstance(made, Schema), made
    return made


def channel(written: str = DEPOSITS, charset: str = "utf-8") -> Channel:
    return Channel(
        source="bank",
        zone=ZoneInfo("America/Chicago"),
        tokenizer=Tokenizer(b"an index key of the tests, 32 bytes"),
        authority="riverbend",
        facility="RB1",
        schema=schema(written),
        charset=charset,
    )


def pieces(table: str | bytes, written: str = DEPOSITS, charset: str = "utf-8") -> list[Piece]:
    data = table if isinstance(table, bytes) else table.encode()
    return list(read_file([data], channel(written, charset=charset)))


def readings(table: str | bytes, written: str = DEPOSITS, charset: str = "utf-8") -> list[Reading]:
    return [each for each in pieces(table, written, charset=charset) if isinstance(each, Reading)]


def faults(table: str | bytes, written: str = DEPOSITS, charset: str = "utf-8") -> list[list[str]]:
    """Return the codes of each message's faults."""
    return [
        [fault.code for fault in each.translation.faults]
        for each in readings(table, written, charset=charset)
    ]


def only_fault(table: str | bytes, written: str = DEPOSITS) -> Fault:
    (reading,) = readings(table, written)
    (fault,) = reading.translation.faults
    assert "held" == reading.translation.status
    return fault
