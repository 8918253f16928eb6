"""What is asked for is taken once, with the watermark after it, whatever fails in between.

What every door that is asked must do is `tests/contracts/door_contract.py`.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.contracts.pull_peer import PeerDoor, PullPeer
from tests.integration.remit_files import paid, remit
from tests.integration.riverbend_store import PARTITIONS_COUNT, Riverbend
from tests.specs.riverbend_messages import Line, dft

from suture.engine.pull_intake import PullIntake, WatermarkMovedError
from suture.engine.transmissions import Transmissions
from suture.store.transmission import read_watermark

pytestmark = pytest.mark.integration

AT = "20260310120000"


def charge(control: str) -> bytes:
    return dft("A1", Line(f"L{control}", "CG", 10_000), at=AT, control=control)


def asking(riverbend: Riverbend, peer: PullPeer) -> PullIntake:
    store = Transmissions(riverbend.database, riverbend.keys, PARTITIONS_COUNT)
    channel = riverbend.channel("charges", translations=frozenset())
    return PullIntake(store, PeerDoor(peer), channel)


def trouble_of(intake: PullIntake) -> str:
    return intake.trouble.code if intake.trouble else ""


async def watermark(riverbend: Riverbend) -> str:
    return await read_watermark(riverbend.database, "charges")


async def test_messages_of_several_formats_are_taken_with_the_watermark_after_them(
    riverbend: Riverbend,
) -> None:
    peer = PullPeer(charge("M1"), remit("T1", paid("C1")), charge("M2"))
    intake = asking(riverbend, peer)
    assert (3, 0) == (await intake.turn(), await intake.turn())
    assert ("3", ["", "3"], ["3"]) == (await watermark(riverbend), peer.asked, peer.settled)
    assert (3, 0) == await riverbend.counts()
    peer.bodies.append(charge("M3"))
    assert 1 == await asking(riverbend, peer).turn(), "after a restart it goes on"
    assert (4, 0) == await riverbend.counts()
    await riverbend.settle()
    assert (await riverbend.conservation()).gap == 0


async def test_what_comes_again_is_known_and_counts_once(riverbend: Riverbend) -> None:
    """Watermarks overlap: a database's clock is not the order of its commits."""
    peer = PullPeer(charge("M1"))
    intake = asking(riverbend, peer)
    await intake.turn()
    peer.bodies += [charge("M1"), charge("M1").replace(b"\r", b"\r\n"), charge("M2")]
    await intake.turn()
    assert 2 == await riverbend.number("select count(*) from message")
    assert [] == await riverbend.exceptions()


async def test_f2_what_is_not_committed_leaves_the_watermark_where_it_was(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = PullPeer(charge("M1"))
    intake = asking(riverbend, peer)

    async def moved(*_: object) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr("suture.store.transmission.FileAppend.keep_watermark", moved)
        with pytest.raises(WatermarkMovedError):
            await intake.turn()
    assert ("", (0, 0), []) == (await watermark(riverbend), await riverbend.counts(), peer.settled)
    assert 1 == await intake.turn()
    assert ("1", (1, 0)) == (await watermark(riverbend), await riverbend.counts())


async def test_two_workers_that_ask_the_same_take_it_once(riverbend: Riverbend) -> None:
    peer = PullPeer(*(charge(f"M{number}") for number in range(20)))
    first, second = asking(riverbend, peer), asking(riverbend, peer)
    await asyncio.gather(first.turn(), second.turn(), return_exceptions=True)
    assert 20 == await riverbend.number("select count(*) from message")
    assert "20" == await watermark(riverbend)


async def test_f33_a_body_that_kills_the_reader_is_kept_unread_and_the_others_go_on(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suture.pipeline import read_file  # noqa: PLC0415 - the real one, before it is replaced

    poison = charge("M2")

    def failing(chunks: list[bytes], channel: object) -> object:
        whole = b"".join(chunks)
        if whole == poison:
            raise RuntimeError("a bug")
        return read_file((whole,), channel)  # type: ignore[arg-type]

    monkeypatch.setattr("suture.engine.transmissions.read_file", failing)
    peer = PullPeer(charge("M1"), poison, charge("M3"))
    assert 3 == await asking(riverbend, peer).turn()
    assert "3" == await watermark(riverbend)
    assert ["engine.file.failed"] == await riverbend.exceptions()
    assert 2 == await riverbend.number("select count(*) from message where status = 'accepted'")


async def test_f13_a_peer_that_is_away_is_asked_again_and_its_trouble_told(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.engine.pull_intake.TROUBLE_SECONDS_MIN", 0.01)
    peer = PullPeer(charge("M1"))
    peer.is_away = True
    intake = asking(riverbend, peer)
    stop = asyncio.Event()
    running = asyncio.create_task(intake.run(stop))
    async with asyncio.timeout(10):
        while len(peer.asked) < 3:  # noqa: ASYNC110 - the peer has no event
            await asyncio.sleep(0.01)
        assert "egress.connection.failed" == trouble_of(intake)
        peer.is_away = False
        while not peer.settled:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert ("", (1, 0)) == (trouble_of(intake), await riverbend.counts())
