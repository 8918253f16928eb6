"""Reads rows after a place, a page at a time, and makes a body of each. Blocking; one at a time.

Here: the statement around a source's table or query, what of a row is a message, and what a
database's refusal means: its SQLSTATE is told, its sentence never, which may quote a row (B93).
Not here: what was read before (`door.py`), how a database is opened (`address.py`).
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy
from sqlalchemy import CursorResult, Engine
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from suture.connectors.database.address import open_engine
from suture.connectors.database.settings import WATERMARK, DatabaseSettings
from suture.connectors.database.watermark import Value, type_of
from suture.model.fault import Fault, fault

PAGE_BYTES_MAX = 64 * 1024 * 1024
"""A page ends after the row that reaches it."""
ROWS_FETCHED = 50
"""At once from the server, so that large rows do not gather."""
DIGEST_BYTES = 16
_AWAY = ("08", "28", "3D", "53", "57P")
"""SQLSTATEs of a server that is not there, starts, stops, is full, or does not let us in."""
_AWAY_CODE, _REFUSED_CODE = "database.connection.failed", "database.query.failed"
_DEADLINE = "57014"
_AWAY_SQLITE = ("SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_NOTADB")
_DEADLINE_SQLITE = "SQLITE_INTERRUPT"


class UnreadableRowError(Exception):
    """A row of which no body can be made; says why, without a value of it."""

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(code)
        self.code = code
        self.explanation = explanation


class Place(msgspec.Struct, frozen=True):
    """Where a row stands among the others."""

    order: Value
    key: Any


class ReadRow(msgspec.Struct, frozen=True):
    """A row: where it stands, and what it says."""

    place: Place
    body: bytes
    digest: bytes
    """Of the body and its place: what it is known by when it is read again."""


class Page(msgspec.Struct, frozen=True):
    """Rows in their order."""

    rows: Sequence[ReadRow]
    is_last: bool
    """Nothing comes after them."""
    fault: Fault | None = None
    """Why the row after them cannot be read."""


class Reader:
    """Reads one table or query."""

    def __init__(
        self, settings: DatabaseSettings, secret: Callable[[str], str], home: Path
    ) -> None:
        """Take what to read, how its address is found, and where relative paths lie."""
        self._settings = settings
        self._secret = secret
        self._home = home
        self._url = ""
        self._engine: Engine | None = None

    def read(self, begin: Value | None, after: Place | None) -> Page | Fault:
        """Return the rows from a value of the order column on, or after a place."""
        limit = self._settings.rows_max
        bounds: dict[str, object] = {"suture_limit": limit}
        where = "{order} is not null and {key} is not null"
        if after is not None:
            where += " and ({order}, {key}) > (:suture_order, :suture_key)"
            bounds |= {"suture_order": after.order, "suture_key": after.key}
        elif begin is not None:
            where += " and {order} >= :suture_order"
            bounds["suture_order"] = begin
        ending = f"where {where} order by {{order}}, {{key}} limit :suture_limit"
        if self._settings.is_bounded:
            bounds[WATERMARK] = begin
        rows: list[ReadRow] = []
        size = 0
        try:
            with self._asked("select *", ending, bounds) as result:
                names = list(result.keys())
                for row in result:
                    rows.append(self._read(names, tuple(row)))
                    size += len(rows[-1].body)
                    if size >= PAGE_BYTES_MAX:
                        return Page(rows, is_last=False)
        except UnreadableRowError as error:
            told = fault(error.code, self.where, error.explanation)
            return Page(rows, is_last=False, fault=told)
        except _UnusableError as error:
            return error.fault
        except SQLAlchemyError as error:
            return Page(rows, is_last=False, fault=meaning(error, self.where))
        return Page(rows, is_last=len(rows) < limit)

    def check(self, behind: Callable[[Value], bool]) -> Fault | None:
        """Return why rows stay unread for ever, where some do (B77).

        `behind` tells whether the newest row there is comes before what was read long ago.
        """
        try:
            unordered = "where {order} is null or {key} is null limit 1"
            with self._asked("select 1", unordered, {}) as result:
                if result.first() is not None:
                    return fault("database.row.unordered", self.where)
            with self._asked("select max({order})", "", {}) as result:
                newest = result.scalar()
        except _UnusableError as error:
            return error.fault
        except SQLAlchemyError as error:
            told = meaning(error, self.where)
            # It is asked in passing, of a table that may have no index for it.
            return None if told.code == "database.query.deadline" else told
        if newest is not None and type_of(newest) and behind(newest):
            return fault("database.watermark.ahead", self.where)
        return None

    @property
    def where(self) -> str:
        """What is read, as faults name it."""
        return self._settings.table or "query"

    def close(self) -> None:
        """Close the connection."""
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def _asked(
        self, selected: str, ending: str, bounds: dict[str, object]
    ) -> Iterator[CursorResult[Any]]:
        """Ask in a transaction of its own; raises _UnusableError, SQLAlchemyError."""
        engine = self._opened()
        names = {
            "order": engine.dialect.identifier_preparer.quote(self._settings.order_column),
            "key": engine.dialect.identifier_preparer.quote(self._settings.key_column),
        }
        statement = (
            f"{selected.format(**names)} from (\n{self._source(engine)}\n) as suture_rows\n"
            f"{ending.format(**names)}"
        )
        if self._settings.is_bounded:
            bounds = {WATERMARK: self._settings.begin} | bounds
        few = {"yield_per": ROWS_FETCHED}
        with (
            engine.connect() as connection,
            connection.execute(sqlalchemy.text(statement), bounds, execution_options=few) as result,
        ):
            yield result

    def _source(self, engine: Engine) -> str:
        if self._settings.query:
            return self._settings.query
        quote = engine.dialect.identifier_preparer.quote
        columns = ", ".join(map(quote, self._settings.columns))
        table = ".".join(map(quote, self._settings.table.split(".")))
        return f"select {columns} from {table}"  # noqa: S608 - names of the estate, quoted

    def _opened(self) -> Engine:
        """Return the database at the address as it is now: a password may have changed."""
        url = self._secret(self._settings.url)
        if self._engine is None or url != self._url:
            self.close()
            self._engine = None
            if not url:
                raise _UnusableError(fault("estate.secret.absent", self._settings.url))
            opened = open_engine(url, self._settings, self._home)
            if isinstance(opened, Fault):
                raise _UnusableError(opened)
            self._engine, self._url = opened, url
        return self._engine

    def _read(self, names: Sequence[str], values: Sequence[Any]) -> ReadRow:
        told = dict(zip(names, values, strict=True))
        order, key = told[self._settings.order_column], told[self._settings.key_column]
        if not type_of(order):
            explanation = f"`{self._settings.order_column}` is neither a time, a number nor text"
            raise UnreadableRowError("database.row.unreadable", explanation)
        wanted = self._settings.message_column
        if wanted and wanted not in told:
            explanation = f"no column `{wanted}` is selected"
            raise UnreadableRowError("database.row.unreadable", explanation)
        body = self._message(told[wanted]) if wanted else table_of(names, values)
        if len(body) > self._settings.row_bytes_max:
            explanation = f"it has {len(body):,} bytes"
            raise UnreadableRowError("database.row.too_large", explanation)
        digest = blake2b(repr((order, key)).encode(), digest_size=DIGEST_BYTES)
        digest.update(body)
        return ReadRow(Place(order, key), body, digest.digest())

    def _message(self, value: object) -> bytes:
        match value:
            case None:
                return b""
            case bytes() | memoryview():
                return bytes(value)
            case str():
                try:
                    return value.encode(self._settings.charset)
                except UnicodeEncodeError:
                    explanation = f"it holds a character that {self._settings.charset} has not"
                    raise UnreadableRowError("database.row.unreadable", explanation) from None
            case dict() | list():  # a column of JSON, read by the driver
                return msgspec.json.encode(value)
        explanation = f"`{self._settings.message_column}` holds neither text nor bytes"
        raise UnreadableRowError("database.row.unreadable", explanation)


class _UnusableError(Exception):
    """The database cannot even be asked."""

    def __init__(self, told: Fault) -> None:
        super().__init__(told.code)
        self.fault = told


def meaning(error: SQLAlchemyError, where: str) -> Fault:
    """Return what a database's refusal means, without its sentence."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "") or type(cause).__name__
        if name == _DEADLINE_SQLITE:
            return fault("database.query.deadline", where)
        return fault(_AWAY_CODE if name.startswith(_AWAY_SQLITE) else _REFUSED_CODE, where, name)
    state = getattr(cause, "sqlstate", None)
    if state is None:
        if isinstance(error, DataError):
            explanation = "a value is beyond what Python can hold"
            return fault("database.row.unreadable", where, explanation)
        code = _AWAY_CODE if isinstance(error, DBAPIError) else _REFUSED_CODE
        return fault(code, where, type(cause or error).__name__)
    if state == _DEADLINE:
        return fault("database.query.deadline", where)
    return fault(
        _AWAY_CODE if state.startswith(_AWAY) else _REFUSED_CODE, where, f"SQLSTATE {state}"
    )


def table_of(names: Sequence[str], values: Sequence[Any]) -> bytes:
    """Return a row as a table of its own: CSV (RFC 4180) in UTF-8, a header and the row."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(names)
    writer.writerow(list(_cells(values)))
    return table.getvalue().encode()


def _cells(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        match value:
            case None:
                yield ""
            case bool():
                yield "true" if value else "false"
            case Decimal():
                yield format(value, "f")
            case date():
                yield value.isoformat()
            case bytes() | memoryview():
                yield bytes(value).hex()
            case dict() | list():
                yield msgspec.json.encode(value).decode()
            case _:
                yield str(value)
