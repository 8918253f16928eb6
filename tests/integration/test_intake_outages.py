"""Intake while the database is away: no acknowledgement without a commit, and none is lost.

Faults F2, F5, F20 of the trust reference, over a real socket, with a PostgreSQL of the module's own
that is stopped, frozen and killed. Killed workers are in `tests/simulation`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import named
from tests.integration.riverbend_store import Riverbend, code_of, open_riverbend
from tests.specs.riverbend_messages import Line, dft

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.engine import intake as intake_module
from suture.store.database import StoreUnavailableError, connect
from suture.store.embedded import EmbeddedPostgres
from suture.store.event_log import append_messages
from suture.store.migrate import migrate

pytestmark = [pytest.mark.integration, pytest.mark.crash]

SENDERS_COUNT = 6
MESSAGES_PER_SENDER = 40
KILLS_COUNT = 3


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """Return a server that may be killed: durable, unlike the session's."""
    folder = Path(tempfile.mkdtemp(prefix="suture-test-"))
    folder.chmod(0o755)
    up = EmbeddedPostgres(folder / "pg")
    try:
        asyncio.run(up.start())
        yield up
    finally:
        asyncio.run(up.stop("immediate"))
        shutil.rmtree(up.socket_directory, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def opened(server: EmbeddedPostgres) -> AsyncIterator[Riverbend]:
    """Open Riverbend on a new database of the server."""
    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(await server.start())
    await connection.execute(f"create database {name}")
    await connection.close()
    dsn = named(server.dsn, name)
    await migrate(dsn)
    async with open_riverbend(dsn) as riverbend:
        yield riverbend
        await server.start()


def charge(control: str) -> bytes:
    """Return a DFT of one charge."""
    return dft("A1", Line(f"L{control}", "CG", 100), at="20260310120000", control=control)


async def unanswered(sender: Sender, raw: bytes, *, seconds: float) -> asyncio.Task[bytes]:
    """Send a message and see that nothing is said of it: it is not durable."""
    sent = asyncio.create_task(sender.send(raw))
    done, _ = await asyncio.wait([sent], timeout=seconds)
    assert done == set()
    return sent


def killed(server: EmbeddedPostgres) -> None:
    pid = server.server_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while server.server_pid() is not None:
        time.sleep(0.01)


async def test_f20_no_reply_while_the_database_is_stopped_and_the_reply_when_it_is_back(
    server: EmbeddedPostgres,
) -> None:
    async with opened(server) as riverbend:
        async with Sender("127.0.0.1", await riverbend.listen()) as sender:
            assert code_of(await sender.send(charge("M1"))) == "AA"
            await server.stop()
            sent = await unanswered(sender, charge("M2"), seconds=0.8)
            await server.start()
            assert code_of(await asyncio.wait_for(sent, 10)) == "AA"
            assert code_of(await sender.send(charge("M3"))) == "AA"
        assert (3, 0) == await riverbend.counts()


async def test_f20_a_frozen_database_delays_the_reply_and_loses_nothing(
    server: EmbeddedPostgres,
) -> None:
    """SIGSTOP of every backend: the connection stands, the answer does not come."""
    async with opened(server) as riverbend:
        async with Sender("127.0.0.1", await riverbend.listen()) as sender:
            assert code_of(await sender.send(charge("M1"))) == "AA"
            backends = [
                row["pid"] for row in await riverbend.rows("select pid from pg_stat_activity")
            ]
            for pid in backends:
                os.kill(pid, signal.SIGSTOP)
            sent = await unanswered(sender, charge("M2"), seconds=0.5)
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
            assert code_of(await asyncio.wait_for(sent, 10)) == "AA"
        assert (2, 0) == await riverbend.counts()


async def test_f20_when_patience_ends_the_connection_closes_without_a_reply(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "COMMIT_PATIENCE_SECONDS", 0.3)
    async with opened(server) as riverbend:
        port = await riverbend.listen()
        async with Sender("127.0.0.1", port) as sender:
            await server.stop()
            with pytest.raises(ConnectionLostError):
                await sender.send(charge("M1"))
            assert riverbend.observed == ["mllp.message.not_stored"]
            await server.start()
            assert code_of(await sender.send(charge("M1"))) == "AA"
        assert (1, 0) == await riverbend.counts()


async def test_f5_killing_postgres_under_load_loses_no_acknowledged_message(
    server: EmbeddedPostgres,
) -> None:
    async with opened(server) as riverbend:
        port = await riverbend.listen()
        acknowledged: list[str] = []

        async def send_all(number: int) -> None:
            async with Sender("127.0.0.1", port) as sender:
                for ordinal in range(MESSAGES_PER_SENDER):
                    control = f"M{number}.{ordinal}"
                    assert code_of(await sender.send(charge(control))) == "AA"
                    acknowledged.append(control)
                    await asyncio.sleep(0.005)

        async def kill_and_start() -> None:
            for _ in range(KILLS_COUNT):
                await asyncio.sleep(0.15)
                killed(server)
                await server.start()

        await asyncio.gather(kill_and_start(), *(send_all(each) for each in range(SENDERS_COUNT)))
        stored = {row["control_id"] for row in await riverbend.rows("select * from message")}
        assert len(acknowledged) == SENDERS_COUNT * MESSAGES_PER_SENDER
        assert set(acknowledged) == stored
        assert (len(stored), 0) == await riverbend.counts(), "our retry is no repeat of theirs"
        assert await riverbend.number("select count(*) from event") == len(stored)
        assert (await riverbend.conservation()).gap == 0


async def test_f2_a_commit_whose_answer_was_lost_is_recognised_as_our_own(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the commit: the next attempt finds the message, stored by us."""
    async with opened(server) as riverbend:
        answers = iter([False, True])

        async def committed_then_lost(*arguments: object) -> set[str]:
            new = await append_messages(*arguments)  # type: ignore[arg-type]
            if not next(answers, True):
                raise StoreUnavailableError("the answer was lost")
            return new

        monkeypatch.setattr(intake_module, "append_messages", committed_then_lost)
        assert [code_of(each) for each in await riverbend.receive(charge("M1"))] == ["AA"]
        assert (1, 0) == await riverbend.counts()
        assert [code_of(each) for each in await riverbend.receive(charge("M1"))] == ["AA"]
        assert (1, 1) == await riverbend.counts()


async def test_f6_draining_commits_and_answers_what_was_received(server: EmbeddedPostgres) -> None:
    async with opened(server) as riverbend:
        channel = riverbend.channel("charges")
        sent = [
            asyncio.create_task(riverbend.intake.receive(charge(f"M{number}"), channel))
            for number in range(2_000)
        ]
        await asyncio.sleep(0)
        await riverbend.intake.drain()
        assert ["AA"] * 2_000 == [code_of(each) for each in await asyncio.gather(*sent)]
        assert (2_000, 0) == await riverbend.counts()


async def test_a_store_that_never_answers_is_given_up_in_time() -> None:
    with pytest.raises(StoreUnavailableError, match="no PostgreSQL answers"):
        await connect("postgresql://nobody@127.0.0.1:1/none", patience_seconds=0.4)
