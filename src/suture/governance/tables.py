"""Tables of an estate: chart, journal rules, account determination, periods, crosswalks.

Here: `ledger/*.csv` and `crosswalks/*.csv` become rows of `ledger/` and `masterdata/`, and every
row is held against what the estate defines, with its file and line. Whether the tables together
leave a gap or a tie is `completeness.py`; what the rows do is `ledger/post.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Literal, cast, get_args

import msgspec

from suture.governance.reading import Row, parse_csv, shown, suggestion
from suture.ledger.chart import Account, AccountKind, CostCentreSource
from suture.ledger.determination import Circumstances, DeterminationRow
from suture.ledger.period import Period
from suture.ledger.rules import BOOKINGS, Rule, Sign
from suture.masterdata.crosswalk import ANY_SOURCE, CrosswalkRow
from suture.model.fault import Fault, fault

ACCOUNTS = "ledger/accounts.csv"
JOURNAL_RULES = "ledger/journal_rules.csv"
DETERMINATION = "ledger/account_determination.csv"
PERIODS = "ledger/periods.csv"

CrosswalkName = Literal[
    "facility", "department", "service", "payer", "financial_class", "filing_indicator"
]

CROSSWALKS: dict[CrosswalkName, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "facility": (("code",), ("facility",)),
    "department": (("facility", "department"), ("cost_centre", "service_line")),
    "service": (("service_code",), ("service_line",)),
    "payer": (("payer",), ("payer_class",)),
    "financial_class": (("financial_class",), ("payer_class",)),
    "filing_indicator": (("filing_indicator",), ("payer_class",)),
}
"""Each look-up with the columns it is asked by and the columns it answers with."""

TABLE_FILES = (
    ACCOUNTS,
    JOURNAL_RULES,
    DETERMINATION,
    PERIODS,
    *(f"crosswalks/{name}.csv" for name in CROSSWALKS),
)

_PATIENT_CLASSES = ("B", "C", "E", "I", "N", "O", "P", "R", "U")
"""HL7 table 0004."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What the estate's other files define, for tables to refer to."""

    sources: frozenset[str]
    policies: frozenset[str]
    entities: frozenset[str]
    facilities: frozenset[str]
    payer_classes: frozenset[str]


class TableReader:
    """Reads the tables of one estate and gathers what is wrong with them in `faults`."""

    def __init__(self, files: Mapping[str, bytes], names: Names) -> None:
        """Take the estate's files and what its other files define."""
        self._files = files
        self._names = names
        self.faults = list[Fault]()
        self.unread = set[str]()
        """Tables that could not be read: what refers to their rows is not blamed for it."""

    def accounts(self) -> tuple[Account, ...]:
        """Read the chart of accounts. Lines of revenue and expense need a cost centre."""
        accounts: dict[str, Account] = {}
        columns = ("account", "name", "kind", "cost_centre", "payer_class")
        for row in self._rows(ACCOUNTS, columns):
            account = Account(
                number=self._told(row, "account"),
                name=self._told(row, "name"),
                kind=cast("AccountKind", self._named(row, "kind", get_args(AccountKind))),
                cost_centre=cast(
                    "CostCentreSource",
                    self._named(row, "cost_centre", get_args(CostCentreSource), is_optional=True),
                ),
                payer_class=self._named(
                    row, "payer_class", self._names.payer_classes, is_optional=True
                ),
            )
            if account.kind in {"revenue", "expense"} and not account.cost_centre:
                explanation = "Lines of revenue and expense need a `cost_centre`."
                self._blame("estate.value.invalid", row.where, explanation)
            if account.number in accounts:
                explanation = f"Account {shown(account.number)} stands twice."
                self._blame("estate.row.duplicate", row.where, explanation)
            accounts.setdefault(account.number, account)
        return tuple(accounts.values())

    def rules(self) -> tuple[Rule, ...]:
        """Read the journal rules."""
        rules: dict[tuple[str, ...], Rule] = {}
        names = set[str]()
        columns = ("rule", "booking", "amount", "group", "reason", "sign", "debit_role")
        for row in self._rows(JOURNAL_RULES, (*columns, "credit_role", "policy", "note")):
            booking = self._named(row, "booking", BOOKINGS)
            rule = Rule(
                name=self._told(row, "rule"),
                booking=booking,
                amount=self._named(row, "amount", BOOKINGS.get(booking, ())),
                group=row["group"],
                reason=row["reason"],
                sign=cast("Sign", self._named(row, "sign", get_args(Sign), is_optional=True)),
                debit_role=self._told(row, "debit_role"),
                credit_role=self._told(row, "credit_role"),
                policy=self._named(row, "policy", self._names.policies),
                note=row["note"],
                where=row.where,
            )
            if rule.name in names or rule.selectors in rules:
                told = rules.get(rule.selectors)
                rival = f"{told.where} already rules on this" if told else "the name is taken"
                explanation = f"Rule {shown(rule.name)}: {rival}."
                self._blame("estate.row.duplicate", row.where, explanation)
            names.add(rule.name)
            rules.setdefault(rule.selectors, rule)
        return tuple(rules.values())

    def determination(
        self,
        accounts: Collection[str] | None,
        roles: Collection[str] | None,
        service_lines: Collection[str] | None,
        departments: Collection[str] | None,
    ) -> tuple[DeterminationRow, ...]:
        """Read the account determination, given what its columns may name (None: anything)."""
        known: dict[str, Collection[str] | None] = {
            "entity": self._names.entities,
            "facility": self._names.facilities,
            "payer_class": self._names.payer_classes,
            "patient_class": _PATIENT_CLASSES,
            "service_line": service_lines,
            "department": departments,
        }
        rows: dict[tuple[str, ...], DeterminationRow] = {}
        for row in self._rows(DETERMINATION, ("role", *known, "account")):
            determined = DeterminationRow(
                role=self._named(row, "role", roles),
                selectors=Circumstances(
                    **{
                        column: self._named(row, column, names, is_optional=True)
                        for column, names in known.items()
                    }
                ),
                account=self._named(row, "account", accounts),
                where=row.where,
            )
            key = (determined.role, *determined.selectors)
            if key in rows:
                explanation = f"{rows[key].where} already determines this."
                self._blame("estate.row.duplicate", row.where, explanation)
            rows.setdefault(key, determined)
        return tuple(rows.values())

    def periods(self) -> tuple[Period, ...]:
        """Read the accounting periods."""
        periods: dict[tuple[str, str], Period] = {}
        columns = ("entity", "period", "starts_on", "ends_on", "status")
        for row in self._rows(PERIODS, columns):
            period = Period(
                entity=self._named(row, "entity", self._names.entities),
                name=self._told(row, "period"),
                starts_on=self._day(row, "starts_on"),
                ends_on=self._day(row, "ends_on"),
                is_open=self._named(row, "status", ("open", "closed")) == "open",
                where=row.where,
            )
            if period.ends_on < period.starts_on:
                self._blame("estate.value.invalid", row.where, "It ends before it starts.")
            if (period.entity, period.name) in periods:
                explanation = f"Period {shown(period.name)} of this entity stands twice."
                self._blame("estate.row.duplicate", row.where, explanation)
            periods.setdefault((period.entity, period.name), period)
        return tuple(periods.values())

    def crosswalk(self, name: CrosswalkName) -> tuple[CrosswalkRow, ...]:
        """Read one look-up table of `crosswalks/`."""
        key, value = CROSSWALKS[name]
        columns = ("source", *key, *value, "valid_from", "valid_to")
        rows = tuple(
            CrosswalkRow(
                source=self._named(row, "source", {*self._names.sources, ANY_SOURCE}),
                key=tuple(self._cell(row, column) for column in key),
                value=tuple(self._cell(row, column) for column in value),
                valid_from=self._day(row, "valid_from", date.min),
                valid_to=self._day(row, "valid_to", date.max),
                where=row.where,
            )
            for row in self._rows(f"crosswalks/{name}.csv", columns)
        )
        for row in rows:
            if row.valid_to < row.valid_from:
                self._blame("estate.value.invalid", row.where, "It ends before it starts.")
        return rows

    def _rows(self, path: str, columns: tuple[str, ...]) -> list[Row]:
        if path not in self._files:
            self._blame("estate.file.missing", path)
            self.unread.add(path)
            return []
        rows, faults = parse_csv(path, self._files[path], columns)
        self.faults += faults
        if faults:
            self.unread.add(path)
        return rows

    def _blame(self, code: str, where: str, explanation: str = "") -> None:
        self.faults.append(fault(code, where, explanation))

    def _cell(self, row: Row, column: str) -> str:
        """Return a crosswalk cell: a reference where the estate defines the column's names."""
        if column == "facility":
            return self._named(row, column, self._names.facilities)
        if column == "payer_class":
            return self._named(row, column, self._names.payer_classes)
        return self._told(row, column)

    def _told(self, row: Row, column: str) -> str:
        if not row[column]:
            self._blame("estate.value.invalid", row.where, f"`{column}` is empty.")
        return row[column]

    def _named(
        self, row: Row, column: str, known: Collection[str] | None, *, is_optional: bool = False
    ) -> str:
        """Return a cell that must name something known (None: anything); blank where it may be."""
        name = row[column]
        if not name:
            return name if is_optional else self._told(row, column)
        if known is not None and name not in known:
            explanation = f"`{column}`: nothing is named {shown(name)}{suggestion(name, known)}"
            self._blame("estate.reference.unknown", row.where, explanation)
        return name

    def _day(self, row: Row, column: str, blank: date | None = None) -> date:
        """Return a cell that holds a day, `YYYY-MM-DD`; `blank` is what an empty one means."""
        text = row[column]
        if not text and blank is not None:
            return blank
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        explanation = f"`{column}`: {shown(text)} is not a day, YYYY-MM-DD."
        self._blame("estate.value.invalid", row.where, explanation)
        # One fault is enough: an unreadable day must not seem to end before it starts as well.
        return date.max if column in {"ends_on", "valid_to"} else date.min
