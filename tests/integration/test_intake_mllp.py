"""From the socket to the store: what each thing a peer does leaves there, and on the wire.

The listener alone, with a receiver that only remembers, is held to its promises in
`tests/contracts/test_connector_mllp.py`; duplicates are in `test_intake_duplicates.py`.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hl7.client import MLLPClient  # type: ignore[import-untyped]
from tests.contracts.mllp_peer import peer_at
from tests.integration.riverbend_store import QUICK, Riverbend, code_of, control_id_of
from tests.specs.riverbend_messages import Line, dft

from suture.wire.mllp import frame

pytestmark = pytest.mark.integration


def charge(control: str, note: str = "") -> bytes:
    """Return a DFT of one charge, as long as its note makes it."""
    raw = dft("A1", Line(f"L{control}", "CG", 100), at="20260310120000", control=control)
    return raw + f"NTE|1||{note}\r".encode() if note else raw


async def stored(riverbend: Riverbend) -> list[tuple[str, str]]:
    """Return control id and verdict of every message."""
    rows = await riverbend.rows("select control_id, status from message order by received_at, id")
    return sorted((row["control_id"], row["status"]) for row in rows)


async def test_b2_a_message_too_large_is_refused_by_name_and_its_beginning_kept(
    riverbend: Riverbend,
) -> None:
    port = await riverbend.listen()
    huge = charge("HUGE", "x" * QUICK.frame_bytes_max)
    async with peer_at(port) as peer:
        await peer.say(frame(charge("B1")) + frame(huge) + frame(charge("B2")))
        replies = await peer.rest()
    assert [("AA", "B1"), ("AR", "HUGE")] == [
        (code_of(each), control_id_of(each)) for each in replies
    ]
    assert await stored(riverbend) == [("", "rejected"), ("B1", "accepted")]
    (item,) = await riverbend.rows("select code, message_id from work_item")
    assert item["code"] == "mllp.frame.too_large"
    assert await riverbend.message_bytes(item["message_id"]) == huge[:4096]
    assert (await riverbend.conservation()).held == 1


async def test_b7_a_message_given_up_for_another_is_kept_and_the_other_taken(
    riverbend: Riverbend,
) -> None:
    port = await riverbend.listen()
    async with peer_at(port) as peer:
        await peer.say(b"\x0b" + charge("GIVEN UP")[:150] + frame(charge("B1")))
        assert control_id_of((await peer.replies(1))[0]) == "B1"
    assert await stored(riverbend) == [("", "rejected"), ("B1", "accepted")]
    (item,) = await riverbend.rows("select code, message_id from work_item")
    assert item["code"] == "mllp.frame.nested"
    assert await riverbend.message_bytes(item["message_id"]) == charge("GIVEN UP")[:150]


@pytest.mark.parametrize(
    "said",
    [
        b"\x0b" + charge("SLOW")[:50],
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 2_000,
        b"\x0b" + charge("CUT") + b"\x1cX",
    ],
    ids=["slow", "http", "junk", "no carriage return"],
)
async def test_b3_b5_b8_what_is_no_message_leaves_nothing_behind(
    riverbend: Riverbend, said: bytes
) -> None:
    port = await riverbend.listen()
    async with peer_at(port) as peer:
        await peer.say(said)
        assert await peer.rest() == []
    assert len(riverbend.observed) == 1
    assert (0, 0) == await riverbend.counts()


async def test_half_a_message_and_then_the_whole_of_it_on_a_new_connection_is_one(
    riverbend: Riverbend,
) -> None:
    port = await riverbend.listen()
    async with peer_at(port) as peer:
        await peer.say(frame(charge("B1"))[:-1])
    async with peer_at(port) as peer:
        await peer.say(frame(charge("B1")))
        assert code_of((await peer.replies(1))[0]) == "AA"
    assert (1, 0) == await riverbend.counts()


async def test_b6_a_message_in_single_bytes_is_one_message(riverbend: Riverbend) -> None:
    port = await riverbend.listen()
    async with peer_at(port) as peer:
        for byte in frame(charge("B1")):
            await peer.say(bytes([byte]))
        assert code_of((await peer.replies(1))[0]) == "AA"
    assert await stored(riverbend) == [("B1", "accepted")]


async def test_b9_what_a_peer_that_reads_no_reply_has_sent_is_durable_and_known_again(
    riverbend: Riverbend,
) -> None:
    port = await riverbend.listen()
    messages = [charge(f"B{number}") for number in range(50)]
    async with peer_at(port) as peer:
        await peer.say(b"".join(frame(raw) for raw in messages))
        await riverbend.until("select count(*) = 50 from message")
    async with peer_at(port) as peer:
        await peer.say(b"".join(frame(raw) for raw in messages))
        assert ["AA"] * 50 == [code_of(each) for each in await peer.replies(50)]
    assert (50, 50) == await riverbend.counts()


async def test_b12_a_thousand_pipelined_messages_are_acknowledged_in_their_order(
    riverbend: Riverbend,
) -> None:
    port = await riverbend.listen()
    names = [f"B{number}" for number in range(1000)]
    async with peer_at(port) as peer:
        sending = asyncio.create_task(peer.say(b"".join(frame(charge(name)) for name in names)))
        replies = await peer.replies(1000)
        await sending
    assert names == [control_id_of(each) for each in replies]
    assert (1000, 0) == await riverbend.counts()
    assert await riverbend.number("select count(*) from inbox") == 1000


async def test_b4_a_peer_with_too_many_connections_does_not_keep_others_from_being_heard(
    riverbend: Riverbend,
) -> None:
    port = await riverbend.listen()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(QUICK.connections_per_peer_max):
            await stack.enter_async_context(peer_at(port))
        async with peer_at(port) as late:
            assert await late.rest() == []
    await asyncio.sleep(0.05)
    async with peer_at(port) as peer:
        await peer.say(frame(charge("B1")))
        assert code_of((await peer.replies(1))[0]) == "AA"


async def test_python_hl7_gets_its_acknowledgement(riverbend: Riverbend) -> None:
    port = await riverbend.listen()

    def converse() -> bytes:
        with MLLPClient("127.0.0.1", port) as client:
            client.socket.settimeout(10)
            return bytes(client.send_message(charge("B1")))

    reply = await asyncio.to_thread(converse)
    assert code_of(reply.strip(b"\x0b\x1c\r")) == "AA"
    assert await stored(riverbend) == [("B1", "accepted")]
