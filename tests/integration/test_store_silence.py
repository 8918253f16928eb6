"""A database server that goes silent hangs nobody (F20): each call ends in time, to be tried again.

`silent_server.py` is the server; deadlines here are those of the product, shorter. What senders
see while the database is stopped, frozen or killed is `test_intake_outages.py`.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import asyncpg
import pytest
from tests.integration.riverbend_store import Riverbend, code_of, estate_of
from tests.integration.silent_server import SilentServer, before
from tests.specs.riverbend_messages import Line, dft

from suture.connectors.ports import NotStoredError
from suture.engine import intake as intake_module
from suture.store import database as database_module
from suture.store.database import (
    FILES,
    MIGRATIONS,
    REPORTS,
    WORK,
    Database,
    Deadlines,
    StoreUnavailableError,
    connect,
    connected,
)
from suture.store.outbox import batch_entries
from suture.store.queries import QUERIES
from suture.store.releases import make_partitions
from suture.store.transmission import FileAppend

pytestmark = pytest.mark.integration

QUICK = Deadlines(connect_seconds=0.3, statement_seconds=0.3, silence_seconds=0.1, idle_seconds=0.3)
IN_TIME_SECONDS = 3.0
"""Far below what a hang would last, far above what the deadlines add up to on a busy machine."""
CONNECTIONS_MAX = 3


@pytest.fixture
def silent(runner: asyncio.Runner, database_dsn: str) -> Iterator[SilentServer]:
    """Return a server that speaks, until it is told to be silent."""
    opened = before(database_dsn)
    with ExitStack() as stack:
        server = runner.run(opened.__aenter__())
        stack.callback(lambda: runner.run(opened.__aexit__(None, None, None)))
        yield server


@pytest.fixture
def database(runner: asyncio.Runner, silent: SilentServer) -> Iterator[Database]:
    """Return the store behind that server, with short deadlines."""
    opened = runner.run(connect(silent.dsn, connections_max=CONNECTIONS_MAX, deadlines=QUICK))
    yield opened
    runner.run(opened.close())


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a query that takes as many seconds as it is told."""
    monkeypatch.setattr(database_module, "QUERIES", {**QUERIES, "sleep": "select pg_sleep($1)"})


def charge(control: str) -> bytes:
    """Return a DFT of one charge."""
    return dft("A1", Line(f"L{control}", "CG", 100), at="20260310120000", control=control)


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Fail where what is done inside is not over in time."""
    async with asyncio.timeout(IN_TIME_SECONDS):
        yield


async def test_f20_a_statement_to_a_server_gone_silent_ends_and_the_next_one_works(
    silent: SilentServer, database: Database
) -> None:
    silent.fall_silent()
    for _ in range(2 * CONNECTIONS_MAX):  # a place of the pool lost each time would show
        async with in_time():
            with pytest.raises(StoreUnavailableError):
                await database.execute("answer")
    silent.speak_again()
    async with in_time():
        assert (await database.fetch("answer"))[0]["answers"]
    assert silent.cancels_count == 0, "a cancel could make a commit count that no standby has"


async def test_f20_a_server_silent_from_the_start_is_given_up_when_patience_ends(
    silent: SilentServer,
) -> None:
    silent.fall_silent()
    async with in_time():
        with pytest.raises(StoreUnavailableError, match="no PostgreSQL answers"):
            await connect(silent.dsn, patience_seconds=0.5, deadlines=QUICK)


async def test_f20_a_commit_that_is_not_answered_ends_in_time(
    silent: SilentServer, database: Database
) -> None:
    async def committed_in_silence() -> None:
        async with database.transaction() as session:
            await session.fetch("answer")
            silent.fall_silent()

    for _ in range(2 * CONNECTIONS_MAX):
        async with in_time():
            with pytest.raises(StoreUnavailableError):
                await committed_in_silence()
        silent.speak_again()
    told = {"installation": "7KQ2", "policy": "p", "destination": "erp"}
    assert await batch_entries(database, **told, entries_max=1) == []


async def test_f20_a_file_under_way_when_the_server_goes_silent_ends_in_time(
    silent: SilentServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.store.transmission.FILES", QUICK)

    async def taken_in_silence() -> None:
        async with FileAppend(database, 4) as append:
            silent.fall_silent()
            await append.mark("message")

    for _ in range(2 * CONNECTIONS_MAX):
        async with in_time():
            with pytest.raises(StoreUnavailableError):
                await taken_in_silence()
        silent.speak_again()
    async with in_time(), FileAppend(database, 4) as append:
        await append.mark("message")


async def test_f20_a_call_given_up_by_its_caller_does_not_wait_for_the_server(
    silent: SilentServer, database: Database
) -> None:
    """A worker that drains cancels what it still waits for."""
    silent.fall_silent()
    for _ in range(2 * CONNECTIONS_MAX):
        call = asyncio.create_task(database.execute("answer"))
        await asyncio.sleep(0.02)
        call.cancel()
        async with in_time():
            with pytest.raises(asyncio.CancelledError):
                await call
    silent.speak_again()
    async with in_time():
        await database.execute("answer")
    assert silent.cancels_count == 0


async def test_f20_a_migration_under_way_when_the_server_goes_silent_ends(
    silent: SilentServer,
) -> None:
    async def migrating() -> None:
        async with connected(silent.dsn, QUICK) as connection:
            silent.fall_silent()
            await connection.execute("select 1")

    async with in_time():
        with pytest.raises(asyncpg.PostgresConnectionError):
            await migrating()


@pytest.mark.usefixtures("slow")
async def test_a_statement_that_takes_too_long_is_given_up_by_the_server_itself(
    database: Database,
) -> None:
    """The connection is kept, and nothing of the statement goes on running."""
    async with database.transaction() as session:
        (told,) = await session.fetch("next_journal_number")
    async with in_time():
        with pytest.raises(StoreUnavailableError, match="QueryCanceledError"):
            await database.execute("sleep", 2.0)
    (activity,) = await database.pool.fetch(
        "select count(*) filter (where query like '%pg_sleep%' and state = 'active'), count(*) "
        "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert (0, 0) == tuple(activity), "the same connection asked"
    assert told["number"] == 1


@pytest.mark.usefixtures("slow")
async def test_a_file_may_take_longer_than_the_work_beside_it(database: Database) -> None:
    longer = Deadlines(statement_seconds=3.0, idle_seconds=3.0)
    async with database.transaction(longer) as session:
        await session.fetch("sleep", 0.6)
        time.sleep(0.6)  # noqa: ASYNC251 - as long a look into the file, without a statement
        await session.fetch("answer")
    with pytest.raises(StoreUnavailableError):
        await database.execute("sleep", 0.6)
    assert longer.statement_seconds < FILES.statement_seconds < MIGRATIONS.statement_seconds
    assert WORK.statement_seconds < REPORTS.statement_seconds


async def test_a_transaction_nobody_goes_on_with_is_ended_by_the_server(
    database: Database,
) -> None:
    """Or it would keep old rows, and slow every queue, for as long as its worker is stuck."""

    async def left_alone() -> None:
        async with database.transaction() as session:
            await session.fetch("answer")
            await asyncio.sleep(0.8)
            await session.fetch("answer")

    with pytest.raises(StoreUnavailableError):
        await left_alone()
    await database.execute("answer")


async def test_both_sides_find_out_that_the_other_machine_is_gone(silent: SilentServer) -> None:
    """Keepalives: the server's are asked for as it is spoken to first, ours are on the socket."""
    async with connected(silent.dsn, WORK) as connection:
        assert b"tcp_keepalives_idle\x0060\0" in silent.openings[-1]
        assert b"statement_timeout\x0010000\0" in silent.openings[-1]
        kept = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_USER_TIMEOUT", 60_000)):
            if hasattr(socket, name):
                found = kept.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                assert (name, value) == (name, found)


async def test_f20_a_message_is_acknowledged_when_a_silent_server_speaks_again(
    silent: SilentServer, database: Database
) -> None:
    riverbend = Riverbend(database, silent.dsn, estate_of())
    riverbend.intake.start()
    silent.fall_silent()
    received = asyncio.create_task(riverbend.receive(charge("M1"), charge("M2")))
    await asyncio.sleep(1.0)  # three connections cut, and none acknowledged
    assert not received.done()
    silent.speak_again()
    async with in_time():
        assert ["AA", "AA"] == [code_of(each) for each in await received]
    assert (2, 0) == await riverbend.counts()
    await riverbend.intake.drain()


async def test_f20_a_sender_is_told_nothing_when_the_silence_outlasts_patience(
    silent: SilentServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "COMMIT_PATIENCE_SECONDS", 0.5)
    riverbend = Riverbend(database, silent.dsn, estate_of())
    riverbend.intake.start()
    silent.fall_silent()
    async with in_time():
        with pytest.raises(NotStoredError):
            await riverbend.receive(charge("M1"))
    await riverbend.intake.drain()


async def test_f20_a_runner_goes_on_after_a_silence(
    silent: SilentServer, database: Database
) -> None:
    await make_partitions(database, 4)
    riverbend = Riverbend(database, silent.dsn, estate_of())
    stop = asyncio.Event()
    running = asyncio.create_task(riverbend.runner.run(stop))
    await asyncio.sleep(0.1)
    silent.fall_silent()
    await asyncio.sleep(1.0)
    silent.speak_again()
    riverbend.intake.start()
    await riverbend.receive(charge("M1"))
    async with in_time():
        await riverbend.until("select count(*) = 1 from log")
    stop.set()
    async with in_time():
        await running
    await riverbend.intake.drain()
