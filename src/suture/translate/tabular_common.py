"""What every translation of rows shares: the values of one row, its surrogates, its verdict.

Here: cells read as their columns declare, what is missing, the row's identity by its key columns.
Not here: the file, its header and its totals (`tabular_rows.py`); what a row means
(`tabular_account.py`, `tabular_deposit.py`, `tabular_master.py`, next).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from hashlib import sha256

import msgspec

from suture.model.fault import Fault, fault
from suture.model.schema import Column, ColumnType, Schema
from suture.model.translation import Channel, ControlTotal, Routed, Secret, Translation
from suture.translate.tabular_values import UnreadableCellError, Value, read_cell
from suture.wire.tabular import ERROR, TEXT, Row

TEXTS: tuple[ColumnType, ...] = ("text", "code")
NUMBERS: tuple[ColumnType, ...] = ("integer", "decimal")
MONEY: tuple[ColumnType, ...] = ("money",)
DATES: tuple[ColumnType, ...] = ("date",)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RowDraft:
    """A row being translated: its values, what is wrong with it, which identifiers it hides."""

    __slots__ = ("_by_column", "_by_field", "_secrets", "channel", "faults", "row", "schema")

    def __init__(self, row: Row, schema: Schema, channel: Channel) -> None:
        self.row = row
        self.schema = schema
        self.channel = channel
        self.faults: list[Fault] = []
        self._by_column: dict[str, Value] = {}
        self._by_field: dict[str, Value] = {}
        self._secrets: dict[str, Secret] = {}
        cells, kinds = row.cells, row.kinds
        for place, column in enumerate(schema.columns):
            cell = cells[place] if place < len(cells) else ""
            kind = kinds[place] if place < len(kinds) else TEXT
            if cell.strip() or kind == ERROR:
                self._read(place, column, cell, kind)
            elif column.is_required or column.constant:
                self._blame("table.cell.missing", place, column, "it is empty")

    @property
    def where(self) -> str:
        """The row's place in its file."""
        return self.row.where

    def _read(self, place: int, column: Column, cell: str, kind: str) -> None:
        try:
            value = read_cell(cell, kind, column, self.schema.numbers)
        except UnreadableCellError as error:
            self._blame("table.cell.invalid", place, column, str(error))
            return
        self._by_column[column.name] = value
        if column.field:
            self._by_field[column.field] = value

    def _blame(self, code: str, place: int, column: Column, reason: str) -> None:
        """Hold the row for what a cell says, or does not; the cell is not repeated."""
        told = f"column {place + 1}, `{column.name}` ({column.type}): {reason}"
        self.faults.append(fault(code, f"{self.where}/{column.name}", told))

    def column(self, name: str) -> Value | None:
        """Return the value of a column; None where it is blank or unreadable."""
        return self._by_column.get(name)

    def text(self, field: str) -> str:
        """Return the text of a field; "" where no column tells it."""
        return str(self._by_field.get(field, ""))

    def number(self, field: str) -> int | None:
        """Return the minor units of money, or a whole number; None where no column tells it."""
        value = self._by_field.get(field)
        return value if isinstance(value, int) else None

    def day(self, field: str) -> date | None:
        """Return the day of a field; None where no column tells it."""
        value = self._by_field.get(field)
        return value if isinstance(value, date) else None

    def token(self, kind: str, field: str) -> str:
        """Return the surrogate of an identifier and remember the secret behind it; "" for none."""
        value = self.text(field)
        if not value:
            return ""
        token = self.channel.tokenizer.token(kind, self.channel.authority, value)
        self._secrets[token] = Secret(token, kind, value)
        return token

    def blame_missing(self, explanation: str) -> None:
        """Hold the row, for it does not say enough."""
        self.faults.append(fault("table.cell.missing", self.where, explanation))

    def verdict(
        self, routed: Sequence[Routed] = (), totals: Sequence[ControlTotal] = ()
    ) -> Translation:
        """Return the translation: accepted with its facts, or held with its faults and no fact."""
        is_held = bool(self.faults)
        return Translation(
            format="tabular",
            type=self.schema.fact,
            control_id=f"{self.schema.name}/{self.row.number}",
            status="held" if is_held else "accepted",
            identities=() if is_held else (self._identity(),),
            recorded_at_ms=self.recorded_at_ms(),
            faults=tuple(self.faults),
            routed=() if is_held else tuple(routed),
            secrets=() if is_held else tuple(self._secrets.values()),
            totals=tuple(totals),
        )

    def _identity(self) -> str:
        """Return what this row alone may say: its key, as recorded then.

        The same again is a repeat; another row of the same key is held, unless the schema tells by
        `recorded` which of the two came later. A surrogate, for a key may be an account's number.
        """
        columns = [*self.schema.key, *filter(None, (self.schema.recorded,))]
        told = "|".join(f"{len(text)}:{text}" for text in map(str, map(self.column, columns)))
        digest = sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
        token = self.channel.tokenizer.token("control", self.channel.source, digest)
        return f"row:{self.channel.source}:{self.schema.name}:{token}"

    def recorded_at_ms(self) -> int:
        """Return when the row was recorded: midnight of its `recorded` column; 0 where none is."""
        recorded = self.column(self.schema.recorded) if self.schema.recorded else None
        if not isinstance(recorded, date):
            return 0
        at = datetime.combine(recorded, time.min, self.channel.zone)
        return max(0, int((at - _EPOCH).total_seconds() * 1000))

    def content(self) -> bytes:
        """Return the digest of what the row says, without the way it is written."""
        told = "|".join(f"{len(text)}:{text}" for text in (cell.strip() for cell in self.row.cells))
        return sha256(told.encode("utf-8", "surrogatepass")).digest()


Made = tuple[list[Routed], list[ControlTotal]]


class RowTranslator(msgspec.Struct, frozen=True, kw_only=True):
    """How rows of one fact are told: the fields a schema may fill, and what is made of them."""

    fields: Mapping[str, tuple[ColumnType, ...]]
    """Field -> the types of column that may fill it."""
    required: tuple[str, ...]
    """Fields that a required column must fill."""
    make: Callable[[RowDraft], Made]
    """Makes the facts of a row all of whose cells are read; it may blame the row still."""
