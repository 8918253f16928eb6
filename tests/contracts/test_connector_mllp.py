"""The MLLP listener keeps its promises to any peer: order, limits, and no reply before its time.

Bad inputs B1 to B9 and B12 over real sockets, on both event loops. The receiver here remembers and
echoes; the real one is `engine/intake.py` (`tests/integration/test_intake_*.py`). How bytes become
frames is `tests/unit/wire/test_mllp_reader.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import uvloop
from hl7.client import MLLPClient  # type: ignore[import-untyped]
from tests.contracts.mllp_peer import MESSAGE, LoopFactory, Receiving, scenario

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.connectors.mllp.settings import Limits
from suture.wire.mllp import frame

pytestmark = pytest.mark.parametrize(
    "loop_factory",
    [
        pytest.param(asyncio.new_event_loop, id="asyncio"),
        pytest.param(uvloop.new_event_loop, id="uvloop"),
    ],
)


def test_b1_more_than_a_kilobyte_of_junk_closes_the_connection(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"x" * 2000)
            assert await peer.rest() == []

    receiving = scenario(loop_factory, play)
    assert (["mllp.junk"], [], []) == (receiving.observed, receiving.taken, receiving.refused)


def test_b1_what_stands_outside_of_frames_is_counted(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"\r\n" + frame(MESSAGE % 1) + b"\n\n\n" + frame(MESSAGE % 2))
            assert len(await peer.replies(2)) == 2
        for _ in range(2):
            async with receiving.peer() as peer:
                await peer.say(b"x" * 2000)
                assert await peer.rest() == []

    receiving = scenario(loop_factory, play)
    assert (["mllp.junk"] * 2, 4005) == (receiving.observed, receiving.listener.unframed_bytes)


def test_b2_a_frame_too_large_is_held_refused_and_closed(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1) + b"\x0b" + b"y" * 9_000)
            assert [b"ACK|" + MESSAGE[:-14] % 1, b"NAK"] == [
                reply[: len(MESSAGE) - 11] for reply in await peer.rest()
            ]

    receiving = scenario(loop_factory, play)
    assert receiving.observed == ["mllp.frame.too_large"]
    assert receiving.refused == [("mllp.frame.too_large", b"y" * 4096)]
    assert receiving.taken == [MESSAGE % 1], "what was whole before it is taken and answered"


def test_b3_a_frame_that_never_ends_is_dropped_at_its_deadline(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"\x0b")
            with contextlib.suppress(OSError):  # reset or broken pipe, as the kernel sees it
                for _ in range(200):  # each byte in time, the frame never
                    await peer.say(b"M")
                    await asyncio.sleep(0.02)
            assert peer.reader.at_eof() or peer.reader.exception() is not None

    receiving = scenario(loop_factory, play)
    assert (receiving.observed, receiving.taken) == (["mllp.frame.overdue"], [])


def test_b3_waiting_between_frames_is_no_offence(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            for number in range(2):
                await peer.say(frame(MESSAGE % number))
                assert len(await peer.replies(1)) == 1
                await asyncio.sleep(0.6)

    assert scenario(loop_factory, play).observed == []


def test_b3_an_idle_connection_is_closed_where_that_is_asked_for(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1))
            assert len(await peer.replies(1)) == 1
            assert await peer.rest() == []

    assert scenario(loop_factory, play, idle_seconds_max=0.2).observed == ["mllp.connection.idle"]


def test_b3_a_peer_that_waits_for_us_is_not_idle(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async def slow(raw: bytes) -> bytes:
            await asyncio.sleep(0.5)
            return raw

        receiving.answer = slow
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1))
            assert await peer.replies(1) == [MESSAGE % 1]

    assert scenario(loop_factory, play, idle_seconds_max=0.2).observed == []


def test_b4_a_peer_gets_so_many_connections_and_the_others_go_on(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with contextlib.AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(receiving.peer()) for _ in range(8)]
            await peers[0].say(frame(MESSAGE % 0))
            assert len(await peers[0].replies(1)) == 1
            ninth = await stack.enter_async_context(receiving.peer())
            assert await ninth.rest() == []
            for number, peer in enumerate(peers):
                await peer.say(frame(MESSAGE % number))
                assert len(await peer.replies(1)) == 1
        await asyncio.sleep(0.05)
        async with receiving.peer() as peer:  # their places are free again
            await peer.say(frame(MESSAGE % 9))
            assert len(await peer.replies(1)) == 1

    assert scenario(loop_factory, play).observed == ["mllp.connections.too_many"]


def test_b4_a_peer_gets_sixteen_connections_where_its_source_says_nothing(
    loop_factory: LoopFactory,
) -> None:
    async def play(receiving: Receiving) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(16):
                peer = await stack.enter_async_context(receiving.peer())
                await peer.say(frame(MESSAGE % 1))
                assert len(await peer.replies(1)) == 1
            async with receiving.peer() as seventeenth:
                assert await seventeenth.rest() == []

    told = Limits().connections_per_peer_max
    ended = scenario(loop_factory, play, connections_max=512, connections_per_peer_max=told)
    assert ended.observed == ["mllp.connections.too_many"]


def test_b4_one_peer_with_connections_without_end_does_not_slow_another(
    loop_factory: LoopFactory,
) -> None:
    """Its own are closed as they come, whoever has been there longer; the other is answered."""
    attempts = 600
    waits: list[float] = []

    async def play(receiving: Receiving) -> None:
        async def flood() -> None:
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(8):
                    await stack.enter_async_context(receiving.peer())
                for _ in range(attempts):
                    async with receiving.peer() as late:
                        assert await late.rest() == []

        flooding = asyncio.create_task(flood())
        async with receiving.peer("127.0.0.2") as other:
            while not flooding.done():
                began = asyncio.get_running_loop().time()
                await other.say(frame(MESSAGE % len(waits)))
                assert len(await other.replies(1)) == 1
                waits.append(asyncio.get_running_loop().time() - began)
        await flooding

    receiving = scenario(loop_factory, play)
    assert receiving.observed == ["mllp.connections.too_many"] * attempts
    assert len(waits) > 20
    assert max(waits) < 1.0


def test_b4_all_peers_together_get_so_many_connections(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for address in ("127.0.0.1", "127.0.0.2"):
                for _ in range(6):
                    await stack.enter_async_context(receiving.peer(address))
            async with receiving.peer("127.0.0.3") as thirteenth:
                assert await thirteenth.rest() == []

    assert scenario(loop_factory, play).observed == ["mllp.connections.too_many"]


def test_b5_an_end_byte_without_its_carriage_return_closes(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"\x0b" + MESSAGE % 1 + b"\x1c" + b"MSH")
            assert await peer.rest() == []

    receiving = scenario(loop_factory, play)
    assert (receiving.observed, receiving.taken) == (["mllp.frame.end"], [])


def test_b6_frames_arrive_whole_however_the_bytes_are_cut(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            connection = peer.writer.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in frame(MESSAGE % 1):
                await peer.say(bytes([byte]))
                await asyncio.sleep(0)
            assert len(await peer.replies(1)) == 1
            await peer.say(frame(MESSAGE % 2) + frame(MESSAGE % 3))
            assert len(await peer.replies(2)) == 2

    receiving = scenario(loop_factory, play, frame_seconds_max=5.0)
    assert receiving.taken == [MESSAGE % number for number in (1, 2, 3)]


def test_b7_a_frame_inside_a_frame_the_earlier_part_is_held_the_later_taken(
    loop_factory: LoopFactory,
) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(b"\x0b" + b"half a message" + frame(MESSAGE % 1) + frame(MESSAGE % 2))
            assert len(await peer.replies(2)) == 2

    receiving = scenario(loop_factory, play)
    assert receiving.taken == [MESSAGE % 1, MESSAGE % 2]
    assert receiving.refused == [("mllp.frame.nested", b"half a message")]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "mllp.http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "mllp.tls"),
    ],
)
def test_b8_another_protocol_is_named_and_closed(
    loop_factory: LoopFactory, said: bytes, code: str
) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(said)
            assert await peer.rest() == []

    assert scenario(loop_factory, play).observed == [code]


def test_b9_a_peer_that_reads_no_reply_is_cut_off(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async def verbose(raw: bytes) -> bytes:
            return b"A" * 300_000

        receiving.answer = verbose
        async with receiving.peer() as peer:
            for number in range(100):
                if receiving.observed:
                    break
                with contextlib.suppress(OSError):
                    await peer.say(frame(MESSAGE % number))
                await asyncio.sleep(0.05)

    receiving = scenario(loop_factory, play)
    assert receiving.observed == ["mllp.reply.unread"]
    assert receiving.taken, "what it sent is kept: its resend will be a duplicate"


def test_b9_draining_does_not_wait_for_a_peer_that_reads_nothing(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async def verbose(raw: bytes) -> bytes:
            return b"A" * 8_000_000

        receiving.answer = verbose
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(3):
                await receiving.listener.drain()

    scenario(loop_factory, play)


def test_b9_closing_does_not_wait_for_a_peer_that_leaves_its_last_reply_unread(
    loop_factory: LoopFactory,
) -> None:
    """The reply was handed over and lies in a buffer: closing must not wait until it is taken."""

    async def play(receiving: Receiving) -> None:
        async def answer(raw: bytes) -> bytes:
            return b"A" * 30_000

        receiving.answer = answer
        async with receiving.peer() as peer:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(400):
                await peer.say(frame(MESSAGE % number))
                await asyncio.sleep(0.005)
                (connection,) = receiving.listener.connections
                transport = connection._transport
                assert transport is not None
                if transport.get_write_buffer_size():
                    break
            else:
                raise AssertionError("the kernel takes it all")
            await asyncio.sleep(0.1)  # nothing more is under way
            assert receiving.observed == []
            async with asyncio.timeout(3):
                await receiving.listener.drain()

    scenario(loop_factory, play)


def test_b9_little_is_kept_for_a_peer_that_reads_nothing(loop_factory: LoopFactory) -> None:
    """Acknowledgements are small: in megabytes of buffers there would be room for all of a day."""
    answered = 0

    async def play(receiving: Receiving) -> None:
        nonlocal answered

        async def answer(raw: bytes) -> bytes:
            nonlocal answered
            answered += 1
            return b"A" * 1_000

        receiving.answer = answer
        async with receiving.peer(receive_bytes_max=4096) as peer:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for number in range(4_000):
                if receiving.observed:
                    break
                with contextlib.suppress(OSError):
                    await peer.say(frame(MESSAGE % number))
                if number % 50 == 0:
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.6)

    receiving = scenario(loop_factory, play)
    assert receiving.observed == ["mllp.reply.unread"]
    assert answered < 1_500


def test_b12_a_peer_that_sends_without_end_is_held_back_by_its_own_window(
    loop_factory: LoopFactory,
) -> None:
    """What it has not been answered for is not read, so it cannot fill our memory."""
    count = 8_000
    most = 0

    async def play(receiving: Receiving) -> None:
        nonlocal most
        answering = asyncio.Event()

        async def late(raw: bytes) -> bytes:
            await answering.wait()
            return raw.split(b"|")[9]

        receiving.answer = late
        async with receiving.peer() as peer:
            frames = (frame(MESSAGE % number + b"Z" * 4_000) for number in range(count))
            sending = asyncio.create_task(peer.say(b"".join(frames)))
            await asyncio.sleep(0.5)
            (connection,) = receiving.listener.connections
            most = len(receiving.taken) + len(connection._waiting)
            assert not sending.done(), "32 MB are on their way, and it waits"
            answering.set()
            replies = await peer.replies(count)
            await sending
            assert replies == [b"%d" % number for number in range(count)]

    assert scenario(loop_factory, play, frame_bytes_max=8_192).observed == []
    assert most < 200


@pytest.mark.parametrize(
    ("pipeline_bytes_max", "listener_bytes_max"), [(500_000, 10_000_000), (10_000_000, 500_000)]
)
def test_b12_large_messages_without_an_answer_are_bounded_by_their_bytes(
    loop_factory: LoopFactory, pipeline_bytes_max: int, listener_bytes_max: int
) -> None:
    """Of one connection and of all of them: 60 messages of 200 KB are few, and much."""
    count, connections = 20, 3
    most = 0

    async def play(receiving: Receiving) -> None:
        nonlocal most
        answering = asyncio.Event()

        async def late(raw: bytes) -> bytes:
            await answering.wait()
            return raw.split(b"|")[9]

        receiving.answer = late
        async with contextlib.AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(receiving.peer()) for _ in range(connections)]
            frames = b"".join(frame(MESSAGE % number + b"Z" * 200_000) for number in range(count))
            sending = [asyncio.create_task(peer.say(frames)) for peer in peers]
            await asyncio.sleep(0.5)
            most = receiving.listener.unanswered_bytes
            answering.set()
            for peer, sent in zip(peers, sending, strict=True):
                assert await peer.replies(count) == [b"%d" % number for number in range(count)]
                await sent
        assert receiving.listener.unanswered_bytes == 0

    limits = {
        "pipeline_bytes_max": pipeline_bytes_max,
        "listener_bytes_max": listener_bytes_max,
    }
    assert scenario(loop_factory, play, frame_bytes_max=300_000, **limits).observed == []
    assert 0 < most <= connections * 800_000


def test_b12_pipelined_frames_are_answered_in_order_and_held_back(
    loop_factory: LoopFactory,
) -> None:
    """1,000 frames without waiting; later ones are answered sooner by the receiver."""
    at_once_most = 0
    under_way = 0

    async def play(receiving: Receiving) -> None:
        async def hasty(raw: bytes) -> bytes:
            nonlocal under_way, at_once_most
            under_way += 1
            at_once_most = max(at_once_most, under_way)
            number = int(raw.split(b"|")[9])
            await asyncio.sleep(0.002 if number % 2 else 0.0)
            under_way -= 1
            return b"%d" % number

        receiving.answer = hasty
        async with receiving.peer() as peer:
            frames = b"".join(frame(MESSAGE % number + b"Z" * 900) for number in range(1000))
            sending = asyncio.create_task(peer.say(frames))
            replies = await peer.replies(1000)
            await sending
            assert replies == [b"%d" % number for number in range(1000)]

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    receiving = scenario(loop_factory, play)
    grown_kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert receiving.observed == []
    assert at_once_most < 600, "what is not read yet waits in the peer's own window"
    assert grown_kilobytes < 64 * 1024


def test_a_deadline_does_not_run_while_it_is_we_who_let_the_peer_wait(
    loop_factory: LoopFactory,
) -> None:
    """Half a frame behind a full pipeline: nobody reads its rest until the others are answered."""

    async def play(receiving: Receiving) -> None:
        async def slow(raw: bytes) -> bytes:
            await asyncio.sleep(0.7)
            return raw

        receiving.answer = slow
        async with receiving.peer() as peer:
            whole = b"".join(frame(MESSAGE % number) for number in range(5))
            await peer.say(whole[:-20])
            assert len(await peer.replies(4)) == 4
            await peer.say(whole[-20:])
            assert await peer.replies(1) == [MESSAGE % 4]

    assert scenario(loop_factory, play).observed == []


def test_half_a_frame_at_the_end_is_not_answered_and_not_kept(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1) + b"\x0bMSH|half")
            peer.writer.write_eof()
            assert len(await peer.rest()) == 1

    receiving = scenario(loop_factory, play)
    assert receiving.observed == ["mllp.frame.truncated"]
    assert (receiving.taken, receiving.refused) == ([MESSAGE % 1], [])


def test_a_peer_that_ends_its_side_gets_its_replies_and_then_the_end(
    loop_factory: LoopFactory,
) -> None:
    """Sent and shut down for writing, as scripts do: the connection must not stay half open."""

    async def play(receiving: Receiving) -> None:
        async def slow(raw: bytes) -> bytes:
            await asyncio.sleep(0.2)
            return raw

        receiving.answer = slow
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1) + frame(MESSAGE % 2))
            peer.writer.write_eof()
            assert await peer.rest() == [MESSAGE % 1, MESSAGE % 2]
        await asyncio.sleep(0.05)
        assert receiving.listener.connections == set()

    assert scenario(loop_factory, play).observed == []


def test_a_message_that_could_not_be_stored_closes_without_a_reply(
    loop_factory: LoopFactory,
) -> None:
    async def play(receiving: Receiving) -> None:
        async def failing(raw: bytes) -> bytes:
            raise OSError

        receiving.answer = failing
        with pytest.raises(ConnectionLostError):
            async with Sender("127.0.0.1", receiving.port) as sender:
                await sender.send(MESSAGE % 1)

    assert scenario(loop_factory, play).observed == ["mllp.message.not_stored"]


def test_no_reply_is_sent_where_none_is_due(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async def silent(raw: bytes) -> bytes:
            return b"" if b"|1|P" in raw else raw

        receiving.answer = silent
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1) + frame(MESSAGE % 2))
            assert await peer.replies(1) == [MESSAGE % 2]

    assert scenario(loop_factory, play).observed == []


def test_draining_answers_what_is_complete_and_takes_nothing_new(loop_factory: LoopFactory) -> None:
    async def play(receiving: Receiving) -> None:
        async def slow(raw: bytes) -> bytes:
            await asyncio.sleep(0.3)
            return raw

        receiving.answer = slow
        async with receiving.peer() as peer:
            await peer.say(frame(MESSAGE % 1) + frame(MESSAGE % 2) + b"\x0bMSH|half")
            await asyncio.sleep(0.1)
            draining = asyncio.create_task(receiving.listener.drain())
            await asyncio.sleep(0)
            with contextlib.suppress(OSError):  # refused, or reset by the closing socket
                async with receiving.peer() as late:
                    await late.say(frame(MESSAGE % 3))
                    assert await late.rest() == []
            assert await peer.rest() == [MESSAGE % 1, MESSAGE % 2]
            await draining

    receiving = scenario(loop_factory, play)
    assert receiving.taken == [MESSAGE % 1, MESSAGE % 2]


def test_python_hl7_and_its_command_are_understood(
    loop_factory: LoopFactory, tmp_path: Path
) -> None:
    (tmp_path / "messages.hl7").write_bytes(MESSAGE % 2 + b"\r\n" + MESSAGE % 3 + b"\r\n")

    def converse(port: int) -> tuple[bytes, str]:
        with MLLPClient("127.0.0.1", port) as client:
            client.socket.settimeout(10)
            reply = client.send_message(MESSAGE % 1)
        sent = subprocess.run(
            [
                sys.executable,
                *("-c", "from hl7.client import mllp_send; mllp_send()"),
                *("--loose", "--file", str(tmp_path / "messages.hl7"), "-p", str(port)),
                "127.0.0.1",
            ],
            capture_output=True,
            timeout=20,
            check=True,
        )
        return reply, sent.stdout.decode()

    async def play(receiving: Receiving) -> None:
        reply, printed = await asyncio.to_thread(converse, receiving.port)
        assert reply == frame(b"ACK|" + (MESSAGE % 1)[:60])
        assert printed.count("ACK|") == 2

    receiving = scenario(loop_factory, play)
    assert [MESSAGE % number for number in (1, 2, 3)] == [raw.rstrip() for raw in receiving.taken]
    assert receiving.observed == []
