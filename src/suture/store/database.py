"""The connection to PostgreSQL: one pool, durable commits, named queries. The driver is known to this room only."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from suture.store.queries import QUERIES

CONNECTION_ATTEMPT_SECONDS = 0.2


class LeaseLostError(Exception):
    """Another worker owns one of our partitions now: drop every cached state and lease again."""


class StoreUnavailableError(Exception):
    """PostgreSQL cannot be reached or went away in the middle of a statement; nothing of the statement is certain."""


UNAVAILABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
)
"""What the driver raises when the server is away, starting, stopping or crashed."""


class Database:
    """A pool of connections with the named queries of `sql/` at hand."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """Wrap a pool; use `connect`."""
        self._pool = pool

    @property
    def pool(self) -> asyncpg.Pool[asyncpg.Record]:
        """The pool itself, for transactions."""
        return self._pool

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - driver values
        """Run the named query and return its rows. Raises StoreUnavailableError, LeaseLostError."""
        try:
            return await self._pool.fetch(QUERIES[query], *arguments)
        except asyncpg.PostgresError as error:
            raise translated(error) from error
        except UNAVAILABLE as error:
            raise StoreUnavailableError(type(error).__name__) from error

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:  # noqa: ANN401 - driver values
        """Run the named query and return its first row, or None."""
        rows = await self.fetch(query, *arguments)
        return rows[0] if rows else None

    async def execute(self, query: str, *arguments: Any) -> None:  # noqa: ANN401 - driver values
        """Run the named query for its effect."""
        await self.fetch(query, *arguments)

    async def close(self) -> None:
        """Close every connection."""
        self._pool.terminate()


def translated(error: asyncpg.PostgresError) -> Exception:
    """Return the error of this room that a driver error stands for, or the error itself (a bug)."""
    if getattr(error, "sqlstate", None) == "SUT01":
        return LeaseLostError(str(error))
    if isinstance(error, UNAVAILABLE):
        return StoreUnavailableError(type(error).__name__)
    return error


async def connect(dsn: str, *, connections_max: int = 8, patience_seconds: float = 30.0) -> Database:
    """Open the pool, waiting while the server starts or recovers.

    Raises StoreUnavailableError after `patience_seconds`.
    """
    attempts = max(1, int(patience_seconds / CONNECTION_ATTEMPT_SECONDS))
    for attempt in range(attempts):
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=connections_max,
                server_settings={"application_name": "suture", "synchronous_commit": "on"},
            )
        except UNAVAILABLE as error:
            if attempt == attempts - 1:
                raise StoreUnavailableError(f"no PostgreSQL answers: {type(error).__name__}") from error
            await asyncio.sleep(CONNECTION_ATTEMPT_SECONDS)
        else:
            return Database(pool)
    raise StoreUnavailableError("no PostgreSQL answers")
