"""A worker's own life: it beats, follows releases, survives one it cannot load, and drains.

What its duty does with a release is `test_duties_work.py`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.integration.riverbend_store import Riverbend, changed, estate_files

from suture.app import Installation, opened_store
from suture.config import DatabaseSettings, EngineSettings, Settings
from suture.engine import worker
from suture.engine.worker import NoReleaseError, Setting, load_estate, run_worker
from suture.governance.estate import Estate
from suture.governance.release import pack, release_id
from suture.store.database import connect
from suture.store.releases import ActiveRelease, Door, append_release, live_workers

pytestmark = pytest.mark.integration


class Watching:
    """A duty that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.failure: Exception | None = None
        self.opened: tuple[Door, ...] = ()

    async def start(self, estate: Estate, release: ActiveRelease) -> None:
        self.told.append(f"start {release.number}")

    async def change(self, estate: Estate, release: ActiveRelease) -> None:
        if self.failure is not None:
            raise self.failure
        self.told.append(f"change {release.number}")

    def doors(self) -> tuple[Door, ...]:
        return self.opened

    async def drain(self) -> None:
        self.told.append("drain")


async def promote(riverbend: Riverbend, department: str) -> None:
    row = f"*,RGH,{department},RGH-7500,laboratory,,"
    files = estate_files() | changed("crosswalks/department.csv", row)
    await append_release(riverbend.database, release_id(files), pack(files), "in a test")


async def work(riverbend: Riverbend, duty: Watching) -> None:
    """Be a worker, on connections of its own: it closes them at its end."""
    setting = Setting(role="runner", dsn=riverbend.dsn, home=Path("/nowhere"), name="runner-1")
    await run_worker(setting, duty, await connect(riverbend.dsn))


async def until_told(duty: Watching, told: str) -> None:
    for _ in range(500):
        if told in duty.told:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never told {told}: {duty.told}")


async def at_work(riverbend: Riverbend, duty: Watching) -> asyncio.Task[None]:
    """Promote a first release and start a worker that has taken it up."""
    await promote(riverbend, "FIRST")
    working = asyncio.create_task(work(riverbend, duty))
    await until_told(duty, "start 1")
    return working


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RELEASE_POLL_SECONDS", 0.02)
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.02)


async def test_a_worker_follows_releases_and_drains_when_it_is_told_to(
    riverbend: Riverbend,
) -> None:
    duty = Watching()
    working = await at_work(riverbend, duty)
    await promote(riverbend, "SECOND")
    await until_told(duty, "change 2")
    alive = await live_workers(riverbend.database, seconds=5)
    assert [(each.id, each.process_id) for each in alive] == [("runner-1", os.getpid())]
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(working, 10)
    assert duty.told == ["start 1", "change 2", "drain"]
    assert await live_workers(riverbend.database, seconds=5) == []


async def test_a_release_that_cannot_be_loaded_changes_nothing_and_the_next_one_does(
    riverbend: Riverbend,
) -> None:
    duty = Watching()
    working = await at_work(riverbend, duty)
    await append_release(riverbend.database, "rel_bad", pack({"estate.toml": b"what ="}), "bad")
    await asyncio.sleep(0.2)
    await promote(riverbend, "THIRD")
    await until_told(duty, "change 3")
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(working, 10)
    assert duty.told == ["start 1", "change 3", "drain"]


async def test_a_worker_that_fails_to_change_drains_and_ends_to_be_started_again(
    riverbend: Riverbend,
) -> None:
    duty = Watching()
    duty.failure = RuntimeError("a bug")
    working = await at_work(riverbend, duty)
    await promote(riverbend, "SECOND")
    await asyncio.wait_for(working, 10)
    assert duty.told == ["start 1", "drain"]


async def test_without_a_release_nothing_starts(riverbend: Riverbend) -> None:
    with pytest.raises(NoReleaseError, match="no estate is in force"):
        await load_estate(riverbend.database)


async def test_the_settings_of_an_installation_say_how_its_store_is_opened(
    database_dsn: str, tmp_path: Path
) -> None:
    """The first to open it fixes the partitions, for ever; connections are each one's own."""
    settings = Settings(
        database=DatabaseSettings(url=database_dsn, connections_max=2),
        engine=EngineSettings(partitions_count=3),
    )
    async with opened_store(Installation(tmp_path, settings)) as database:
        assert 2 == database.pool.get_max_size()
        assert 3 == await database.pool.fetchval("select count(*) from partition_lease")
    database, partitions_count = await worker.open_store(database_dsn, partitions_count=5)
    assert 3 == partitions_count
    await database.close()
