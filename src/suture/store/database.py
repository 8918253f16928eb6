"""The connection to PostgreSQL: one pool, durable commits, named queries, a deadline to every call.

The driver is known to this room only; its errors leave it as three kinds: the store is unavailable
(try the same again), a lease was lost (drop what was decided), or a bug, which is not caught. The
statements are in `sql/`; what they mean in the module beside each file.

A server that has gone silent must not hang a worker (F20). The server is asked to give up first
(`statement_timeout`); where it does not answer at all, the connection is cut, never cancelled: a
cancel request would need an answer too, and one that reaches a commit waiting for its standby lets
the commit count although it is nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
import msgspec

from suture.store.queries import QUERIES

if TYPE_CHECKING:
    _Driver = asyncpg.Connection[asyncpg.Record]
else:
    _Driver = asyncpg.Connection  # generic for the type checker alone

T = TypeVar("T")

ATTEMPT_SECONDS = 0.2
"""Between two attempts to connect."""

_KEEPALIVE_SECONDS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""A machine that is gone is found out in two minutes, however long the call may take ..."""
_UNACKNOWLEDGED_MS_MAX = 60_000
"""... and in one where it leaves what we sent unacknowledged."""


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """How long the calls of one kind may take."""

    connect_seconds: float = 5.0
    statement_seconds: float = 10.0
    """After so long the server gives the statement up. It does not count the wait for a standby."""
    silence_seconds: float = 2.0
    """So much later a server that has said nothing at all is taken for gone."""
    idle_seconds: float = 60.0
    """A transaction without a statement for so long is ended: it keeps old rows from being cleared
    away, which slows every queue."""

    def settings(self) -> dict[str, str]:
        """Return them as the server's settings of a session, with how it finds us gone."""
        return {
            "statement_timeout": _milliseconds(self.statement_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(self.idle_seconds),
            "tcp_keepalives_idle": str(_KEEPALIVE_SECONDS["TCP_KEEPIDLE"]),
            "tcp_keepalives_interval": str(_KEEPALIVE_SECONDS["TCP_KEEPINTVL"]),
            "tcp_keepalives_count": str(_KEEPALIVE_SECONDS["TCP_KEEPCNT"]),
        }


WORK = Deadlines()
"""Of workers: every statement of theirs is over in milliseconds when the server is well."""
REPORTS = Deadlines(statement_seconds=600.0)
"""Of commands that count everything there ever was."""
FILES = Deadlines(statement_seconds=600.0, idle_seconds=3600.0)
"""Of the transaction of one file, which may wait for that of another, and whose reader may read for
long between two statements: a set of gigabytes may hold no fact at all."""
MIGRATIONS = Deadlines(statement_seconds=3600.0)


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


class _Connection(_Driver):
    """A connection that finds out when the machine at its other end is gone."""

    def __init__(self, protocol: Any, transport: asyncio.Transport, *others: Any) -> None:
        super().__init__(protocol, transport, *others)
        _keep_alive(transport.get_extra_info("socket"))


class Session:
    """One connection, for as long as it is needed: every call has the same deadline."""

    def __init__(
        self, connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], seconds_max: float
    ) -> None:
        """Take the connection, and after how long without an answer it is cut."""
        self._connection = connection
        self._seconds_max = seconds_max

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run the named query and return its rows. Raises StoreUnavailableError, LeaseLostError."""
        return await self._answered(self._connection.fetch, QUERIES[query], *arguments)

    async def say(self, statement: str) -> None:
        """Run a statement that controls the transaction. Raises StoreUnavailableError."""
        await self._answered(self._connection.execute, statement)

    async def batches(self, query: str, size: int) -> AsyncIterator[list[asyncpg.Record]]:
        """Yield the rows of the named query, so many at once. Raises StoreUnavailableError."""
        cursor = await self._answered(self._connection.cursor, QUERIES[query])
        while rows := await self._answered(cursor.fetch, size):
            yield rows

    async def _answered(self, call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        cut = loop.call_later(self._seconds_max, self._connection.terminate)
        try:
            return await call(*arguments)
        except asyncio.CancelledError:
            self._connection.terminate()  # before the driver asks the server to cancel
            raise
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        finally:
            cut.cancel()


class Database:
    """A pool of connections with the named queries of `sql/` at hand."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], deadlines: Deadlines | None = None
    ) -> None:
        """Wrap a pool; use `connect`."""
        self._pool = pool
        self._deadlines = deadlines or WORK
        self.long_transactions = asyncio.Semaphore(max(1, pool.get_max_size() - 1))
        """For who holds a connection for as long as a file takes: one is left for the others."""

    @property
    def pool(self) -> asyncpg.Pool[asyncpg.Record]:
        """The pool itself: its calls have no deadline here, only the server's."""
        return self._pool

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run the named query and return its rows. Raises StoreUnavailableError, LeaseLostError."""
        async with self._session(self._deadlines) as session:
            return await session.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        """Run the named query and return its first row, or None."""
        rows = await self.fetch(query, *arguments)
        return rows[0] if rows else None

    async def execute(self, query: str, *arguments: Any) -> None:
        """Run the named query for its effect."""
        await self.fetch(query, *arguments)

    @asynccontextmanager
    async def transaction(self, deadlines: Deadlines | None = None) -> AsyncIterator[Session]:
        """Begin; commit at the end, or nothing of it when an exception passes.

        `deadlines` of its own hold for this transaction alone. Raises StoreUnavailableError; when
        the commit raises it, the transaction may count all the same.
        """
        async with self._session(deadlines or self._deadlines) as session:
            await session.say("begin")
            try:
                for name, value in deadlines.settings().items() if deadlines else ():
                    if name.endswith("_timeout"):
                        await session.say(f"set local {name} = '{value}'")
                yield session
            except BaseException:
                with contextlib.suppress(StoreUnavailableError):
                    await session.say("rollback")
                raise
            await session.say("commit")

    @asynccontextmanager
    async def _session(self, deadlines: Deadlines) -> AsyncIterator[Session]:
        silent_seconds = deadlines.statement_seconds + deadlines.silence_seconds
        patience_seconds = silent_seconds + deadlines.connect_seconds
        try:
            connection = await self._pool.acquire(timeout=patience_seconds)
        except DRIVER_ERRORS as error:
            raise translated(error) from error
        try:
            yield Session(connection, silent_seconds)
        finally:
            with contextlib.suppress(*UNAVAILABLE):  # it was cut, or is too late to be of use
                await self._pool.release(connection, timeout=deadlines.silence_seconds)

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
    dsn: str,
    *,
    connections_max: int = 8,
    patience_seconds: float = 30.0,
    deadlines: Deadlines = WORK,
) -> Database:
    """Open the pool, waiting while the server starts or recovers.

    Raises StoreUnavailableError after `patience_seconds`.
    """
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=connections_max,
        timeout=deadlines.connect_seconds,
        connection_class=_Connection,
        reset=_leave_as_it_is,
        server_settings=_SESSION | deadlines.settings(),
    )
    database = Database(pool, deadlines)
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + patience_seconds
    while True:
        try:
            await database.execute("answer")
        except StoreUnavailableError as error:
            if loop.time() >= ends_at:
                pool.terminate()
                told = f"no PostgreSQL answers: {error}"
                raise StoreUnavailableError(told) from error
            await asyncio.sleep(ATTEMPT_SECONDS)
        else:
            return database


@asynccontextmanager
async def connected(
    dsn: str, deadlines: Deadlines
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Open one connection outside any pool, for work that is done once and may take long.

    All of the work must be done in the time of one statement. Raises what the driver raises.
    """
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        dsn,
        timeout=deadlines.connect_seconds,
        connection_class=_Connection,
        server_settings=_SESSION | deadlines.settings(),
    )
    seconds_max = deadlines.statement_seconds + deadlines.silence_seconds
    cut = asyncio.get_running_loop().call_later(seconds_max, connection.terminate)
    try:
        yield connection
    finally:
        cut.cancel()
        try:
            await connection.close(timeout=deadlines.silence_seconds)
        except UNAVAILABLE:
            connection.terminate()


_SESSION = {"application_name": "suture", "synchronous_commit": "on"}


async def _leave_as_it_is(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Keep a connection as it comes back to the pool: no statement of ours outlives itself in it.

    The driver would send a statement after each of ours, to take back what a session may set.
    """


def _keep_alive(connection: socket.socket | None) -> None:
    """Ask the kernel to find out about a server that is gone."""
    if connection is None or connection.family == socket.AF_UNIX:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {**_KEEPALIVE_SECONDS, "TCP_USER_TIMEOUT": _UNACKNOWLEDGED_MS_MAX}
    for name, value in options.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
