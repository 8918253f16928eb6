"""The connection to PostgreSQL: one pool, durable commits, named queries.

The driver is known to this room only; its errors leave it as three kinds: the store is unavailable
(try the same again), a lease was lost (drop what was decided), or a bug, which is not caught. The
statements are in `sql/`; what they mean in the module beside each file.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from suture.store.queries import QUERIES

ATTEMPT_SECONDS = 0.2
"""Between two attempts to connect."""


class LeaseLostError(Exception):
    """Another worker owns one of our partitions now: drop every cached state and lease again."""


class StoreUnavailableError(Exception):
    """PostgreSQL is away, went away in the middle of a statement, or asks for it again.

    Nothing of the statement is certain; whoever catches this does the same thing once more.
    """


UNAVAILABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    # Full disk, no memory, too many connections; cancelled, shut down; the server's own disk fails;
    # a standby that takes no writes; a transaction that took too long. None says anything about the
    # statement: it is done again when the server is well (SQLSTATE classes 53, 57, 58; 25006,
    # 25P03).
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""What the driver raises when the server is away, starting, stopping, crashed or unwell, or chose
our statement to give way to another (F44)."""

DRIVER_ERRORS: tuple[type[BaseException], ...] = (*UNAVAILABLE, asyncpg.PostgresError)
"""Everything the driver raises; `translated` says what it means."""


_CONNECTION_GONE = ("closed", "closing", "released")


class Database:
    """A pool of connections with the named queries of `sql/` at hand."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """Wrap a pool; use `connect`."""
        self._pool = pool

    @property
    def pool(self) -> asyncpg.Pool[asyncpg.Record]:
        """The pool itself, for transactions."""
        return self._pool

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run the named query and return its rows. Raises StoreUnavailableError, LeaseLostError."""
        try:
            return await self._pool.fetch(QUERIES[query], *arguments)
        except DRIVER_ERRORS as error:
            raise translated(error) from error

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        """Run the named query and return its first row, or None."""
        rows = await self.fetch(query, *arguments)
        return rows[0] if rows else None

    async def execute(self, query: str, *arguments: Any) -> None:
        """Run the named query for its effect."""
        await self.fetch(query, *arguments)

    async def close(self) -> None:
        """Close every connection."""
        self._pool.terminate()


def translated(error: BaseException) -> BaseException:
    """Return the error of this room that a driver error stands for, or the error itself (a bug)."""
    if getattr(error, "sqlstate", None) == "SUT01":
        return LeaseLostError(str(error))
    return StoreUnavailableError(type(error).__name__) if _is_away(error) else error


def _is_away(error: BaseException) -> bool:
    """Tell a lost connection from a mistake of ours: the driver says InterfaceError to both.

    A value that no column can hold would fail for ever, and everybody would wait for it.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in _CONNECTION_GONE)
    return isinstance(error, UNAVAILABLE)


async def connect(
    dsn: str, *, connections_max: int = 8, patience_seconds: float = 30.0
) -> Database:
    """Open the pool, waiting while the server starts or recovers.

    Raises StoreUnavailableError after `patience_seconds`.
    """
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=connections_max,
        server_settings={"application_name": "suture", "synchronous_commit": "on"},
        reset=_leave_as_it_is,
    )
    for attempts_left in reversed(range(max(1, int(patience_seconds / ATTEMPT_SECONDS)))):
        try:
            await pool.fetchval("select 1")
        except UNAVAILABLE as error:
            if not attempts_left:
                pool.terminate()
                told = f"no PostgreSQL answers: {type(error).__name__}"
                raise StoreUnavailableError(told) from error
            await asyncio.sleep(ATTEMPT_SECONDS)
        else:
            break
    return Database(pool)


async def _leave_as_it_is(connection: object) -> None:
    """Give a connection back without asking the server to forget its session.

    We set nothing in one beyond a transaction, and the driver itself rolls back what is left open.
    Asking costs a round trip for every statement.
    """
