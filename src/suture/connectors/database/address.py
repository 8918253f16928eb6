"""Opens a database from its address, for reading only: PostgreSQL or SQLite, by SQLAlchemy.

Here: which addresses may be used (B78), how each database is kept from being written to, and TLS.
Not here: what is read (`reader.py`).
"""

from __future__ import annotations

import ipaddress
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from suture.connectors.database.settings import DatabaseSettings
from suture.model.fault import Fault, fault

PARAMETERS = {
    "postgresql": frozenset(
        {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"}
    ),
    "sqlite": frozenset[str](),
}
"""What may stand behind the `?` of an address; others could run code or change what is asked."""
STEPS_BETWEEN_LOOKS = 10_000
"""Of SQLite's machine, between two looks at the clock."""


def open_engine(text: str, settings: DatabaseSettings, home: Path) -> Engine | Fault:
    """Return the database of an address; connects when it is first asked. Repeats no address."""
    try:
        url = make_url(text)
    except ArgumentError:
        return _unusable(settings, "it is no address such as postgresql://user@host/name")
    kind = url.get_backend_name()
    if kind not in PARAMETERS:
        return _unusable(settings, "it is neither a PostgreSQL nor a SQLite database")
    if set(url.query) - PARAMETERS[kind]:
        accepted = ", ".join(sorted(PARAMETERS[kind])) or "none"
        return _unusable(settings, f"it has a parameter that is not accepted; accepted: {accepted}")
    try:
        return _postgresql(url, settings) if kind == "postgresql" else _sqlite(url, settings, home)
    except SQLAlchemyError as error:
        return _unusable(settings, f"SQLAlchemy refuses it: {type(error).__name__}")


def _unusable(settings: DatabaseSettings, reason: str) -> Fault:
    return fault("database.url.unusable", settings.url, reason)


# PostgreSQL --------------------------------------------------------------------------------------


def _postgresql(url: URL, settings: DatabaseSettings) -> Engine:
    """Return a server's database, in transactions that may only read, with a deadline for each."""
    engine = sqlalchemy.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=connection_arguments(url, settings),
        execution_options={"postgresql_readonly": True},
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
    )
    milliseconds = int(settings.statement_seconds_max * 1000)

    @event.listens_for(engine, "begin")
    def _bound(connection: sqlalchemy.Connection) -> None:
        # In the transaction, so that it holds behind a pooler of connections as well.
        connection.exec_driver_sql(f"set local statement_timeout = {milliseconds}")

    return engine


def connection_arguments(url: URL, settings: DatabaseSettings) -> dict[str, Any]:
    """Return how to connect: over a network with a certificate that is verified, unless told."""
    arguments: dict[str, Any] = {
        "application_name": "suture",
        "connect_timeout": max(2, int(settings.connect_seconds_max)),  # libpq has no less
        "tcp_user_timeout": int((settings.statement_seconds_max + 10) * 1000),
        "prepare_threshold": None,
    }
    if "sslmode" not in url.query and not _is_local(url):
        arguments["sslmode"] = "verify-full"
        if "sslrootcert" not in url.query:
            arguments["sslrootcert"] = "system"
    return arguments


def _is_local(url: URL) -> bool:
    host = url.host or url.query.get("host") or "/"
    if not isinstance(host, str) or "," in host:
        return False
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# SQLite ------------------------------------------------------------------------------------------


def _sqlite(url: URL, settings: DatabaseSettings, home: Path) -> Engine | Fault:
    """Return a file's database, opened such that no statement can write; it is never made."""
    if not url.database or url.database.startswith((":", "file:")):
        return _unusable(settings, "it must name the file of the database")
    place = f"file:{quote(str(home / url.database))}?mode=ro"

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(
            place, uri=True, timeout=settings.connect_seconds_max, check_same_thread=False
        )
        opened.execute("pragma query_only = on")
        deadline = time.monotonic() + settings.statement_seconds_max
        # A connection lives for one reading: it is asked nothing after its deadline.
        opened.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
        return opened

    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=NullPool)
