"""What the door to a database promises beyond its port, on SQLite and on PostgreSQL.

Late commits, ties, changed rows, what stops it, that it cannot write, and what it may not tell.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
import sqlalchemy
from tests.conftest import named
from tests.contracts.door_contract import surroundings_at

from suture.connectors import registry
from suture.connectors.database import watermark as marks
from suture.connectors.database.address import connection_arguments, open_engine
from suture.connectors.database.reader import table_of
from suture.connectors.database.settings import DatabaseSettings
from suture.connectors.ports import PullDoor
from suture.model.fault import Fault

OUTBOX = DatabaseSettings(
    url="env:DATABASE",
    table="outbox",
    columns=("number", "written_at", "message"),
    order_column="written_at",
    key_column="number",
    message_column="message",
    overlap_seconds=60.0,
    statement_seconds_max=5.0,
)
PHI = "ZZPHI-DOE"


class Outbox:
    """A database with one table, and a door to it that a test asks as the engine does."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.urls = {"DATABASE": url}
        self.watermark = ""

    def execute(self, *statements: str) -> None:
        raise NotImplementedError

    def write(self, number: int, second: int | None, message: str = "") -> None:
        at = "null" if second is None else f"'2026-03-10 12:{second // 60:02}:{second % 60:02}'"
        text = (message or f"message {number}").replace("'", "''")
        self.execute(f"insert into outbox values ({number}, {at}, '{text}')")  # noqa: S608

    async def door(self, **told: Any) -> PullDoor:
        settings = msgspec.structs.replace(OUTBOX, **told)
        surroundings = msgspec.structs.replace(
            surroundings_at(self.home), secret=lambda each: self.urls[each.removeprefix("env:")]
        )
        door = await registry.open_pull_door(settings, surroundings)
        assert not isinstance(door, Fault), door
        return door

    async def turn(self, door: PullDoor) -> list[str]:
        """Ask once and settle; return what came."""
        pulled = await door.poll(self.watermark)
        assert not isinstance(pulled, Fault), pulled
        if pulled:
            self.watermark = pulled[-1].watermark
            await door.settled(self.watermark)
        return [each.raw.decode() for each in pulled]

    async def trouble(self, door: PullDoor) -> tuple[str, str]:
        told = await door.poll(self.watermark)
        assert isinstance(told, Fault), told
        assert told.remedy
        return told.code, told.explanation


class SqliteOutbox(Outbox):
    """A file."""

    def execute(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.home / "outbox.db")) as opened:
            for each in statements:
                opened.execute(each)
            opened.commit()


class PostgresqlOutbox(Outbox):
    """A database of a server."""

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.urls["DATABASE"]) as opened:
            for each in statements:
                opened.execute(each.encode())


@pytest.fixture
def sqlite(tmp_path: Path) -> Outbox:
    outbox = SqliteOutbox(tmp_path, "sqlite:///outbox.db")
    outbox.execute("create table outbox (number integer, written_at text, message text)")
    return outbox


@pytest.fixture
def postgresql(tmp_path: Path, postgres_dsn: str) -> Iterator[Outbox]:
    name = f"outbox_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as server:
        server.execute(f"create database {name}".encode())
        outbox = PostgresqlOutbox(tmp_path, named(postgres_dsn, name))
        outbox.execute("create table outbox (number int, written_at timestamptz, message text)")
        yield outbox
        server.execute(f"drop database {name} with (force)".encode())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def outbox(request: pytest.FixtureRequest) -> Outbox:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Outbox)
    return found


# What comes --------------------------------------------------------------------------------------


async def test_b77_a_row_that_is_committed_late_is_found_within_the_overlap(outbox: Outbox) -> None:
    door = await outbox.door()
    outbox.write(1, 0)
    outbox.write(3, 50)
    assert ["message 1", "message 3"] == await outbox.turn(door)
    newest = outbox.watermark
    outbox.write(2, 20)
    assert ["message 2"] == await outbox.turn(door), "and what was read is left out"
    assert newest == outbox.watermark, "which does not go back"
    assert [] == await outbox.turn(door)
    await door.close()


async def test_b77_rows_of_one_moment_are_not_lost_between_pages(outbox: Outbox) -> None:
    door = await outbox.door(rows_max=2, overlap_seconds=0.0)
    for number in range(1, 6):
        outbox.write(number, 10)
    outbox.write(6, 11)
    come = [await outbox.turn(door) for _ in range(3)]
    assert [["message 1", "message 2"], ["message 3", "message 4"], ["message 5", "message 6"]] == (
        come
    )
    await door.close()


async def test_b77_nor_when_we_are_stopped_in_the_middle_of_them(outbox: Outbox) -> None:
    for number in range(1, 6):
        outbox.write(number, 10)
    door = await outbox.door(rows_max=2)
    come = await outbox.turn(door)
    await door.close()
    again = await outbox.door(rows_max=2)
    for _ in range(3):
        come += await outbox.turn(again)
    assert {f"message {number}" for number in range(1, 6)} == set(come)
    await again.close()


async def test_a_row_that_changes_comes_again_and_no_other(outbox: Outbox) -> None:
    door = await outbox.door()
    outbox.write(1, 0)
    outbox.write(2, 1)
    await outbox.turn(door)
    outbox.execute(
        "update outbox set message = 'changed', written_at = '2026-03-10 12:00:30' where number = 1"
    )
    assert ["changed"] == await outbox.turn(door)
    assert [] == await outbox.turn(door)
    await door.close()


async def test_what_could_not_be_stored_comes_again_from_the_same_door(outbox: Outbox) -> None:
    door = await outbox.door()
    outbox.write(1, 0)
    first = await door.poll("")
    assert first == await door.poll("")
    assert ["message 1"] == await outbox.turn(door)
    await door.close()


async def test_a_table_that_grows_while_it_is_read_is_read_whole(outbox: Outbox) -> None:
    door = await outbox.door(rows_max=3)
    come: list[str] = []
    for number in range(1, 11):
        outbox.write(number, number)
        come += await outbox.turn(door)
    assert [f"message {number}" for number in range(1, 11)] == come
    await door.close()


async def test_a_query_may_say_itself_where_to_read_from(outbox: Outbox) -> None:
    query = "select number, written_at, message from outbox where written_at >= :watermark"
    door = await outbox.door(
        table="", columns=(), query=query, begin="2026-03-10 12:00:05", rows_max=1
    )
    for number in (1, 2, 3):
        outbox.write(number, 4 * number)
    assert [["message 2"], ["message 3"], []] == [await outbox.turn(door) for _ in range(3)]
    await door.close()


async def test_numbers_are_an_order_too(outbox: Outbox) -> None:
    door = await outbox.door(order_column="number", overlap_count=5, begin=3)
    for number in (2, 3, 8):
        outbox.write(number, 0)
    assert ["message 3", "message 8"] == await outbox.turn(door)
    outbox.write(5, 0)
    assert ["message 5"] == await outbox.turn(door)
    await door.close()


async def test_b73_b76_a_value_comes_as_it_stands(sqlite: Outbox) -> None:
    door = await sqlite.door()
    sqlite.write(1, 0, "'; DROP TABLE outbox; --")
    sqlite.execute("insert into outbox values (2, '2026-03-10 12:00:01', 'a' || char(0) || 'b')")
    sqlite.write(3, 2)
    assert ["'; DROP TABLE outbox; --", "a\0b", "message 3"] == await sqlite.turn(door)
    await door.close()


@pytest.mark.integration
async def test_a_row_is_a_table_of_its_own_with_every_type_told(postgresql: Outbox) -> None:
    postgresql.execute(
        'create table charge ("Number" int, at timestamptz, day date, amount numeric(12,2),'
        " paid bool, note text, raw bytea, more jsonb)",
        "insert into charge values (7, '2026-03-10 12:00:00+00', '2026-03-10', 1234567.50, true,"
        " 'a, \"b\"', '\\x00ff', '{\"a\": 1}')",
        "insert into charge (\"Number\", at) values (8, '2026-03-10 12:00:01+00')",
    )
    columns = ("Number", "at", "day", "amount", "paid", "note", "raw", "more")
    door = await postgresql.door(
        table="public.charge",
        columns=columns,
        order_column="at",
        key_column="Number",
        message_column="",
    )
    first, second = await postgresql.turn(door)
    header, row, _ = first.split("\r\n")
    assert ",".join(columns) == header
    number, at, rest = row.split(",", 2)
    assert ("7", datetime(2026, 3, 10, 12, tzinfo=UTC)) == (number, datetime.fromisoformat(at))
    assert '2026-03-10,1234567.50,true,"a, ""b""",00ff,"{""a"":1}"' == rest
    assert second.endswith(",,,,,,\r\n")
    await door.close()


def test_numbers_are_told_without_an_exponent() -> None:
    assert b"a\r\n0.0000001\r\n" == table_of(["a"], [Decimal("1E-7")])


# What stops it -----------------------------------------------------------------------------------


async def test_b77_a_row_without_its_place_is_told_and_the_others_come(outbox: Outbox) -> None:
    door = await outbox.door()
    outbox.write(1, 0)
    outbox.write(2, None)
    outbox.write(3, 1)
    assert ["message 1", "message 3"] == await outbox.turn(door)
    assert "database.row.unordered" == (await outbox.trouble(door))[0]
    outbox.write(4, 2)
    assert ["message 4"] == await outbox.turn(door)
    assert "database.row.unordered" == (await outbox.trouble(door))[0], "as long as it is there"
    await door.close()


async def test_b77_a_database_that_went_back_is_told(outbox: Outbox) -> None:
    door = await outbox.door()
    outbox.write(1, 0)
    outbox.write(2, 600)
    await outbox.turn(door)
    await door.close()
    outbox.execute("delete from outbox where number = 2")
    restored = await outbox.door()
    assert "database.watermark.ahead" == (await outbox.trouble(restored))[0]
    outbox.write(3, 601)
    assert ["message 3"] == await outbox.turn(restored)
    await restored.close()


async def test_b75_a_row_that_is_too_large_stops_what_is_behind_it(outbox: Outbox) -> None:
    door = await outbox.door(row_bytes_max=100)
    outbox.write(1, 0)
    outbox.write(2, 1, "x" * 101)
    outbox.write(3, 2)
    assert ["message 1"] == await outbox.turn(door)
    assert ("database.row.too_large", "it has 101 bytes") == await outbox.trouble(door)
    await door.close()
    again = await outbox.door(row_bytes_max=200)
    assert ["message 1", "x" * 101, "message 3"] == await outbox.turn(again)
    await again.close()


async def test_b75_large_rows_are_read_a_few_at_a_time(
    sqlite: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.connectors.database.reader.PAGE_BYTES_MAX", 250)
    door = await sqlite.door()
    for number in range(1, 6):
        sqlite.write(number, number, str(number) * 100)
    assert [3, 2, 0] == [len(await sqlite.turn(door)) for _ in range(3)]
    await door.close()


async def test_a_query_that_the_database_refuses_is_told_by_its_code(outbox: Outbox) -> None:
    door = await outbox.door(columns=("number", "written_at", "absent"), message_column="absent")
    code, explanation = await outbox.trouble(door)
    assert "database.query.failed" == code
    assert explanation in {"SQLSTATE 42703", "SQLITE_ERROR"}
    await door.close()


@pytest.mark.integration
async def test_b93_what_a_database_says_of_a_row_is_not_repeated(postgresql: Outbox) -> None:
    postgresql.write(1, 0, PHI)
    query = "select number, written_at, cast(message as int) as message from outbox"
    door = await postgresql.door(table="", columns=(), query=query)
    told = await door.poll("")
    assert isinstance(told, Fault)
    assert ("database.query.failed", "SQLSTATE 22P02") == (told.code, told.explanation)
    assert PHI not in repr(told)
    await door.close()


@pytest.mark.integration
async def test_b74_a_query_that_writes_is_refused_by_the_database(postgresql: Outbox) -> None:
    postgresql.execute(
        "create function emptied() returns int language sql as"
        " 'delete from outbox returning number'",
    )
    postgresql.write(1, 0)
    query = "select emptied() as number, written_at, message from outbox"
    door = await postgresql.door(table="", columns=(), query=query)
    assert ("database.query.failed", "SQLSTATE 25006") == await postgresql.trouble(door)
    await door.close()
    plain = await postgresql.door()
    assert ["message 1"] == await postgresql.turn(plain)
    await plain.close()


def test_b74_no_statement_can_write_to_a_file(sqlite: Outbox) -> None:
    engine = open_engine("sqlite:///outbox.db", OUTBOX, sqlite.home)
    assert isinstance(engine, sqlalchemy.Engine)
    with (
        engine.connect() as opened,
        pytest.raises(sqlalchemy.exc.OperationalError, match="readonly"),
    ):
        opened.execute(sqlalchemy.text("delete from outbox"))
    engine.dispose()


async def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    away = SqliteOutbox(tmp_path, "sqlite:///none.db")
    door = await away.door()
    assert ("database.connection.failed", "SQLITE_CANTOPEN") == await away.trouble(door)
    assert not Path(tmp_path, "none.db").exists()  # noqa: ASYNC240 - quick
    await door.close()


async def test_a_query_that_takes_too_long_is_ended(outbox: Outbox) -> None:
    outbox.write(1, 0)
    endless = (
        "with recursive forever(n) as (select 1 union all select n + 1 from forever)"
        " select n as number, n as written_at, n as message from forever"
    )
    door = await outbox.door(table="", columns=(), query=endless, statement_seconds_max=0.2)
    assert "database.query.deadline" == (await outbox.trouble(door))[0]
    await door.close()


@pytest.mark.integration
async def test_a_connection_that_is_lost_is_made_again(postgresql: Outbox) -> None:
    door = await postgresql.door()
    postgresql.write(1, 0)
    await postgresql.turn(door)
    postgresql.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'suture' and datname = current_database()"
    )
    postgresql.write(2, 1)
    assert ["message 2"] == await postgresql.turn(door)
    await door.close()


# Addresses and watermarks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://u:hunter2@h/d?options=-c%20role%3Dx", "parameter"),
        ("postgresql://u:hunter2@h/d?passfile=/x", "parameter"),
        ("sqlite:///x.db?mode=rwc", "parameter"),
        ("mysql://u:hunter2@h/d", "neither"),
        ("hunter2", "no address"),
        ("sqlite://", "file"),
        ("sqlite:///:memory:", "file"),
        ("sqlite:///file:x?mode=rwc", "parameter"),
    ],
)
def test_b78_an_address_with_anything_unexpected_is_refused(
    url: str, reason: str, tmp_path: Path
) -> None:
    told = open_engine(url, OUTBOX, tmp_path)
    assert isinstance(told, Fault)
    assert ("database.url.unusable", "env:DATABASE") == (told.code, told.where)
    assert reason in told.explanation
    assert "hunter2" not in repr(told)


async def test_an_address_that_changes_counts_from_the_next_time_on(sqlite: Outbox) -> None:
    door = await sqlite.door()
    sqlite.write(1, 0)
    await sqlite.turn(door)
    (sqlite.home / "outbox.db").rename(sqlite.home / "moved.db")
    assert "database.connection.failed" == (await sqlite.trouble(door))[0]
    sqlite.urls["DATABASE"] = "sqlite:///moved.db"
    assert [] == await sqlite.turn(door)
    sqlite.urls["DATABASE"] = ""
    assert "estate.secret.absent" == (await sqlite.trouble(door))[0]
    await door.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h.example/d", ("verify-full", "system")),
        ("postgresql://h.example/d?sslrootcert=/ca.pem", ("verify-full", None)),
        ("postgresql://h.example/d?sslmode=require", (None, None)),
        ("postgresql://127.0.0.1/d", (None, None)),
        ("postgresql:///d?host=/run/postgresql", (None, None)),
        ("postgresql:///d?host=a.example,/run", ("verify-full", "system")),
    ],
)
def test_over_a_network_the_certificate_is_verified(
    url: str, expected: tuple[str | None, str | None]
) -> None:
    told = connection_arguments(sqlalchemy.make_url(url), OUTBOX)
    assert expected == (told.get("sslmode"), told.get("sslrootcert"))


CHICAGO = timezone(timedelta(hours=-6))


@pytest.mark.parametrize(
    ("value", "earlier"),
    [
        (12, 2),
        (1.25, -8.75),
        (Decimal("12345678901234567890.10"), Decimal("12345678901234567880.10")),
        (
            datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=CHICAGO),
            datetime(2026, 3, 10, 11, 59, 0, 123456, tzinfo=CHICAGO),
        ),
        (datetime(2026, 3, 10, 12), datetime(2026, 3, 10, 11, 59)),  # noqa: DTZ001 - a column's
        (date(2026, 3, 10), date(2026, 3, 9)),
        ("2026-03-10 12:00:00.5+00", "2026-03-10 11:59:00"),
        ("2026-03-10T12:00:00Z", "2026-03-10T11:59:00"),
        ("AB-7", "AB-7"),
        (date.min, date.min),
    ],
)
def test_a_watermark_comes_back_as_what_it_was(value: marks.Value, earlier: marks.Value) -> None:
    told = marks.read(marks.written("at", value), "at")
    assert (value, type(value)) == (told, type(told))
    assert earlier == marks.before(value, overlap_seconds=60, overlap_count=10)
    assert not marks.is_behind(value, earlier)


@pytest.mark.parametrize(
    "kept", ["x", "{}", '{"column":"at","type":"integer","value":"x"}', marks.written("id", 1)]
)
def test_a_watermark_of_something_else_is_told(kept: str) -> None:
    told = marks.read(kept, "at")
    assert isinstance(told, Fault)
    assert "database.watermark.unreadable" == told.code


async def test_text_that_is_no_time_is_an_order_without_an_overlap(outbox: Outbox) -> None:
    outbox.execute("create table named (number text, written_at text, message text)")
    door = await outbox.door(table="named", order_column="number", key_column="number")
    outbox.execute(
        "insert into named values ('B', 'same', 'message B'), ('a', 'same', 'message a'),"
        " ('b', 'same', 'message b')"
    )
    assert {"message B", "message a", "message b"} == set(await outbox.turn(door))
    assert [] == await outbox.turn(door)
    outbox.execute("insert into named values ('c', 'same', 'message c')")
    assert ["message c"] == await outbox.turn(door)
    await door.close()


@pytest.mark.parametrize(
    ("value", "charset", "code"),
    [("é", "ascii", "database.row.unreadable"), (1.5, "utf-8", "database.row.unreadable")],
)
async def test_a_message_that_cannot_be_made_of_a_row_is_told(
    sqlite: Outbox, value: object, charset: str, code: str
) -> None:
    column = "message" if isinstance(value, str) else "number"
    sqlite.write(1, 0, str(value))
    door = await sqlite.door(charset=charset, message_column=column)
    assert code == (await sqlite.trouble(door))[0]
    await door.close()


async def test_a_library_that_is_not_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("reader", "address"):
        monkeypatch.delitem(sys.modules, f"suture.connectors.database.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    told = await registry.open_pull_door(OUTBOX, surroundings_at(tmp_path))
    assert isinstance(told, Fault)
    assert "database.driver.absent" == told.code
