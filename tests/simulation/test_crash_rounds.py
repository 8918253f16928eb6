"""Kill -9 of every part, again and again, while a hospital sends.

Nothing acknowledged is lost, nothing is posted twice. Twenty seeded rounds over one running world:
workers and PostgreSQL are killed while messages arrive, the ERP commits and then does not answer.
The senders send again what was not acknowledged, as real ones do. At the end the proof must hold.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from suture.cli.demo import sent_messages
from suture.cli.estates import sample_estate
from suture.cli.world import World, open_world
from suture.simulator.health_system.tally import read_tally
from suture.store.controls import read_counts

ROUNDS = 20
VICTIMS = ("intake", "files", "runner", "delivery", "postgres")
SEED = 7
DAYS = 3
TRIES_MAX = 300
"""For a part to come back before it is killed again; a busy machine starts it slowly."""


@pytest.mark.crash
@pytest.mark.timeout(420)
def test_killing_every_part_loses_nothing_and_posts_nothing_twice(tmp_path: Path) -> None:
    asyncio.run(_kill_and_prove(tmp_path))


async def _kill_and_prove(home: Path) -> None:
    dice = random.Random(SEED)
    async with open_world(home, sample_estate()) as world:
        await world.break_erp(
            {"mode": "commit_then_timeout", "probability": 0.2, "seed": SEED, "delay_ms": 5_000}
        )
        tally = home / "tally.json"
        senders = await world.play(
            [
                *("--days", str(DAYS), "--seed", str(SEED)),
                *("--tally", str(tally), "--rate-max", "60"),
            ]
        )
        told = asyncio.create_task(_drain(senders))
        killed = [await _kill(world, dice, round_number) for round_number in range(ROUNDS)]
        assert all(killed), "every round found its victim alive"
        await told
        assert await senders.wait() == 0, "every message was acknowledged in the end"
        await world.break_erp()
        await world.quiet(seconds_max=180)
        proof = await world.proof()
        summary = await world.erp_summary()
        counts = await read_counts(await world.database())
        assert proof.conservation.gap == 0
        assert proof.proven, proof
        assert summary["posted_twice"] == 0
        assert summary["journal_count"] > 0
        assert counts.messages_count == sent_messages(tally)
        # Each of them, not only as many: one lost and one invented would make up for each other.
        assert await _stored(world) == Counter(read_tally(tally).digests)


async def _kill(world: World, dice: random.Random, round_number: int) -> bool:
    """Kill one part at a random moment; every part gets its turn, as soon as it is alive again."""
    await asyncio.sleep(dice.uniform(0.6, 1.6))
    for _ in range(TRIES_MAX):
        if world.kill(VICTIMS[round_number % len(VICTIMS)]):
            return True
        await asyncio.sleep(0.1)
    return False


async def _stored(world: World) -> Counter[str]:
    """Return the digests of the messages and files that the store holds."""
    rows = await (await world.database()).pool.fetch(
        "select encode(sha256, 'hex') as digest from message where transmission_id is null"
        " union all select encode(sha256, 'hex') from transmission"
    )
    return Counter(row["digest"] for row in rows)


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async for _ in process.stdout:
        pass
