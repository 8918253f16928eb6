"""A source that is lenient about the end of a frame: 0x1C without 0x0D is taken, and counted (B5).

Strict ones, as all are that do not say otherwise, are `test_connector_mllp.py`.
"""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from tests.contracts.mllp_peer import MESSAGE, LoopFactory, Receiving, scenario

from suture.wire.mllp import frame

pytestmark = pytest.mark.parametrize(
    "loop_factory",
    [
        pytest.param(asyncio.new_event_loop, id="asyncio"),
        pytest.param(uvloop.new_event_loop, id="uvloop"),
    ],
)


def test_b5_a_lenient_source_takes_a_frame_without_its_carriage_return(
    loop_factory: LoopFactory,
) -> None:
    """At the next frame, after some silence, or at the end of the connection; and counts it."""

    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"\x0b" + MESSAGE % 1 + b"\x1c" + b"\x0b" + MESSAGE % 2 + b"\x1c")
            assert len(await peer.replies(2)) == 2
            await peer.say(frame(MESSAGE % 3) + b"\x0b" + MESSAGE % 4 + b"\x1c")
            peer.writer.write_eof()
            assert len(await peer.rest()) == 2

    receiving = scenario(loop_factory, play, lenient_end_seconds=0.05)
    assert [MESSAGE % number for number in (1, 2, 3, 4)] == receiving.taken
    assert ["mllp.frame.lenient_end"] * 3 == receiving.observed


def test_b5_a_lenient_source_waits_no_longer_than_for_the_byte_that_is_missing(
    loop_factory: LoopFactory,
) -> None:
    """What follows then is no part of the message, and a slow frame still has its deadline."""

    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"\x0b" + MESSAGE % 1 + b"\x1c")
            assert len(await peer.replies(1)) == 1
            await peer.say(b"\r" + b"\x0b" + MESSAGE % 2)
            assert await peer.rest() == []

    receiving = scenario(loop_factory, play, lenient_end_seconds=0.05)
    assert [MESSAGE % 1] == receiving.taken
    assert ["mllp.frame.lenient_end", "mllp.frame.overdue"] == receiving.observed
