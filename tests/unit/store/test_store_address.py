"""Which database cannot be used, why, and what to do; and never a password."""

from __future__ import annotations

import socket

import asyncpg
import pytest

from suture.store.address import DatabaseRefusedError, check_address, refused, told_address

DSN = "postgresql://suture:wren-finch@db.example.org:6432/books?sslmode=require&password=wren-finch"


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        (DSN, "Database `books` of PostgreSQL at db.example.org:6432 as user `suture`"),
        ("postgres://db.example.org", "The default database of PostgreSQL at db.example.org:5432"),
        (
            "postgresql://suture@/books?host=/run/pg&port=5432",
            "Database `books` of PostgreSQL at /run/pg as user `suture`",
        ),
        ("postgresql:///?host=h&dbname=b", "Database `b` of PostgreSQL at h:5432"),
    ],
)
def test_an_address_is_told_without_its_password(dsn: str, told: str) -> None:
    check_address(dsn)
    assert told == told_address(dsn)


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://suture:wren-finch@h/x",
        "db.example.org",
        "postgresql://suture:wren-finch@h:99x/x",
        "postgresql://suture:wren-finch@[h/x",
    ],
)
def test_what_is_no_address_is_told_how_to_write_one(dsn: str) -> None:
    with pytest.raises(DatabaseRefusedError) as raised:
        check_address(dsn)
    assert "postgresql://USER:PASSWORD@HOST:5432/DATABASE" in str(raised.value)
    assert "wren-finch" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "why", "what_next"),
    [
        (ConnectionRefusedError(111, "wren-finch"), "nothing listens there", "host and port"),
        (socket.gaierror(-2, "unknown"), "no host is known by that name", "host and port"),
        (FileNotFoundError(2, "No such file"), "No such file", "host and port"),
        (TimeoutError(), "did not answer in time", "host and port"),
        (asyncpg.ConnectionDoesNotExistError("x"), "08003", "log"),
        (asyncpg.InternalClientError("x"), "is no PostgreSQL server", "host and port"),
        (asyncpg.InvalidPasswordError("x"), "does not let this user in", "pg_hba.conf"),
        (asyncpg.InvalidCatalogNameError("x"), "no database of this name", "createdb"),
        (asyncpg.InsufficientPrivilegeError("x"), "may not do", "own the database"),
        (asyncpg.TooManyConnectionsError("x"), "no more connections", "max_connections"),
        (asyncpg.CannotConnectNowError("x"), "starting or stopping", "in a moment"),
        (asyncpg.exceptions.ClientConfigurationError("x"), "no address", "postgresql://"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(error: Exception, why: str, what_next: str) -> None:
    told = str(refused(DSN, error))
    assert why in told
    assert what_next in told
    assert "wren-finch" not in told
