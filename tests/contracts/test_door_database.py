"""Databases pass the contract of doors that are asked; their own promises are beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from tests.conftest import named
from tests.contracts.door_contract import PullDoorContract, SettingsContract, surroundings_at

from suture.connectors import registry
from suture.connectors.database.settings import DatabaseSettings
from suture.connectors.ports import PullDoor
from suture.governance.reading import Document
from suture.model.fault import Fault

OUTBOX = DatabaseSettings(
    url="env:DATABASE",
    table="outbox",
    columns=("number", "written_at", "message"),
    order_column="written_at",
    key_column="number",
    message_column="message",
    statement_seconds_max=5.0,
)


class TestDatabaseSettings(SettingsContract):
    """Settings of a table that is read."""

    connector = "database"
    settings_type = DatabaseSettings

    def valid(self) -> Any:
        return OUTBOX

    @pytest.mark.parametrize(
        "query",
        [
            "select 1; drop table outbox",
            "delete from outbox",
            "copy outbox to program 'x'",
            "insert into outbox values (1)",
            "selected",
            "",
        ],
    )
    def test_b74_a_query_is_one_select(self, query: str) -> None:
        assert self.faults_of(query=query)

    def test_a_query_names_no_value_but_the_watermark(self) -> None:
        timed = "select * from outbox where at::date > :watermark and note <> '12:30:00'"
        assert [] == self.faults_of(query=timed, begin="2026-01-01")
        (told,) = self.faults_of(query="select * from outbox where at > :since")
        assert "`:since`" in told.explanation
        (told,) = self.faults_of(query=timed)
        assert "`database.begin`" in told.explanation

    def test_the_columns_hold_those_that_are_needed(self) -> None:
        document = Document("sources/x.toml", "[database]\n", {})
        told = DatabaseSettings(
            url="env:X", table="a", columns=("x",), order_column="at", key_column="", charset="no"
        )
        reasons = [each.explanation for each in told.faults(document, ("database",))]
        assert ["columns", "key_column", "charset"] == [
            each.split("`")[1].rpartition(".")[2] for each in reasons
        ]

    @staticmethod
    def faults_of(**told: Any) -> list[Fault]:
        settings = DatabaseSettings(url="env:X", order_column="at", key_column="id", **told)
        document = Document("sources/x.toml", "[database]\n", {})
        return list(settings.faults(document, ("database",)))


class OutboxContract(PullDoorContract):
    """A table of messages, each written a second after the one before."""

    url: str
    home: Path
    count: int

    async def open(self) -> PullDoor:
        surroundings = surroundings_at(self.home, DATABASE=self.url)
        door = await registry.open_pull_door(OUTBOX, surroundings)
        assert not isinstance(door, Fault), door
        return door

    async def open_again(self) -> PullDoor:
        return await self.open()


class TestSqlite(OutboxContract):
    """A file of SQLite, whose times are text."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.home, self.url, self.count = tmp_path, "sqlite:///outbox.db", 0
        with closing(sqlite3.connect(tmp_path / "outbox.db")) as made:
            made.execute("create table outbox (number integer, written_at text, message text)")

    async def fill(self, *bodies: bytes) -> None:
        with closing(sqlite3.connect(self.home / "outbox.db")) as filled:
            for body in bodies:
                self.count += 1
                minute, second = divmod(self.count, 60)
                at = f"2026-03-10 12:{minute:02}:{second:02}"
                filled.execute(
                    "insert into outbox values (?, ?, ?)", (self.count, at, body.decode())
                )
            filled.commit()

    async def stop_peer(self) -> None:
        (self.home / "outbox.db").unlink()


@pytest.mark.integration
class TestPostgresql(OutboxContract):
    """A PostgreSQL, whose times have a zone."""

    server_dsn: str
    dsn: str

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path, postgres_dsn: str) -> Iterator[None]:
        self.home, self.count, self.server_dsn = tmp_path, 0, postgres_dsn
        name = f"outbox_{uuid4().hex[:8]}"
        with psycopg.connect(postgres_dsn, autocommit=True) as server:
            server.execute(f"create database {name}".encode())
            self.url = self.dsn = named(postgres_dsn, name)
            with psycopg.connect(self.dsn) as made:
                made.execute(
                    "create table outbox (number bigint, written_at timestamptz, message bytea)"
                )
            yield
            server.execute(f"drop database {name} with (force)".encode())

    async def fill(self, *bodies: bytes) -> None:
        with psycopg.connect(self.dsn) as filled:
            for body in bodies:
                self.count += 1
                filled.execute(
                    "insert into outbox values (%s, timestamptz '2026-03-10 12:00-06'"
                    " + make_interval(secs => %s), %s)",
                    (self.count, self.count, body),
                )

    async def stop_peer(self) -> None:
        name = self.dsn.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(self.server_dsn, autocommit=True) as server:
            server.execute(f"alter database {name} allow_connections false".encode())
            stop = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
            server.execute(stop, (name,))
