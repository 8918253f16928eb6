"""Which database it is, in words without a secret, and why it cannot be used.

`DATABASE_URL` may hold a password; what people read about it is made here. How a connection behaves
once it is open is `database.py`.
"""

from __future__ import annotations

import socket
from urllib.parse import parse_qs, urlsplit

import asyncpg

from suture.model.fault import Fault

PORT = 5432
_SCHEMES = ("postgres://", "postgresql://")


class DatabaseRefusedError(Exception):
    """The database cannot be used as it is: which, why, and what to do; never a password."""


def told_address(dsn: str) -> str:
    """Return which database an address means: its server, its name and the user, no password."""
    parts = urlsplit(dsn)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    server = options.get("host") or parts.hostname or "this machine"
    if not server.startswith("/"):
        server = f"{server}:{parts.port or options.get('port') or PORT}"
    name = parts.path.lstrip("/") or options.get("dbname", "")
    user = parts.username or options.get("user", "")
    called = f"Database `{name}`" if name else "The default database"
    return f"{called} of PostgreSQL at {server}" + (f" as user `{user}`" if user else "")


def check_address(dsn: str) -> None:
    """Raise DatabaseRefusedError for what is no address of a PostgreSQL server."""
    try:
        told_address(dsn)
        is_address = dsn.startswith(_SCHEMES)
    except ValueError:  # a port that is no number, a bracket too many
        is_address = False
    if not is_address:
        raise _unreadable()


def refused(dsn: str, error: BaseException) -> DatabaseRefusedError:
    """Return why a database cannot be used, and what to do, as an error to raise."""
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return _unreadable()
    why, what_next = _reason(error)
    return DatabaseRefusedError(f"{told_address(dsn)} cannot be used: {why}. {what_next}")


def unusable(dsn: str, why: Fault) -> DatabaseRefusedError:
    """Return why a server is not one for Suture (`server.py`), as an error to raise."""
    return DatabaseRefusedError(
        f"{told_address(dsn)} cannot be used: {why.explanation} {why.remedy}"
    )


def _unreadable() -> DatabaseRefusedError:
    return DatabaseRefusedError(
        "DATABASE_URL is no address of a PostgreSQL server: write it as "
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE, with @ : / in a password as %40 %3A %2F."
    )


def _reason(error: BaseException) -> tuple[str, str]:
    """Return why and what next, by what kind of answer there was, never by the server's words."""
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return (
                "it does not let this user in",
                "Correct user and password in DATABASE_URL, or pg_hba.conf at the server.",
            )
        case asyncpg.InvalidCatalogNameError():
            return (
                "it holds no database of this name",
                "Make it (createdb), or correct the name in DATABASE_URL.",
            )
        case asyncpg.InsufficientPrivilegeError():
            return (
                "the user may not do what Suture needs there",
                "Let this user own the database: Suture makes its tables itself.",
            )
        case asyncpg.TooManyConnectionsError():
            return (
                "it takes no more connections",
                "End some, or raise max_connections at the server.",
            )
        case asyncpg.CannotConnectNowError():
            return "it is starting or stopping", "Ask again in a moment; its own log says more."
        case asyncpg.PostgresError():
            return (
                f"it answered with SQLSTATE {error.sqlstate} ({type(error).__name__})",
                "The server's own log says more.",
            )
        case TimeoutError():
            why = "it did not answer in time"
        case ConnectionRefusedError():
            why = "nothing listens there"
        case socket.gaierror():
            why = "no host is known by that name"
        case OSError():
            why = f"nothing answers there ({error.strerror or type(error).__name__})"
        case _:
            why = f"what answers there is no PostgreSQL server ({type(error).__name__})"
    return why, "Start it, or correct host and port in DATABASE_URL."
