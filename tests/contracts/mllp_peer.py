"""An MLLP listener with a receiver that remembers, and a peer that may do anything.

For `test_connector_mllp.py`; not here: the intake that receives in earnest, what a frame is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from suture.connectors.mllp.listener import Listener
from suture.connectors.mllp.settings import Limits
from suture.model.fault import Fault
from suture.wire.mllp import Frame, FrameReader

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

QUICK = Limits(
    frame_bytes_max=4096,
    frame_seconds_max=0.4,
    reply_seconds_max=0.4,
    connections_max=12,
    connections_per_peer_max=8,
    pipeline_messages_max=4,
)
MESSAGE = b"MSH|^~\\&|A|B|C|D|20260310||ADT^A01|%d|P|2.5.1\rPV1|1|I"


class Receiving:
    """A listener whose receiver keeps what it takes and answers with its first fields."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.refused: list[tuple[str, bytes]] = []
        self.observed: list[str] = []
        self.answer: Callable[[bytes], Awaitable[bytes | None]] = self._answer
        self.listener = Listener(self._receive, QUICK, self._observe, self._refuse)
        self.port = 0

    async def _receive(self, raw: bytes) -> bytes | None:
        self.taken.append(raw)
        return await self.answer(raw)

    async def _answer(self, raw: bytes) -> bytes:
        return b"ACK|" + raw[:60]

    async def _refuse(self, remains: bytes, reason: Fault) -> bytes:
        self.refused.append((reason.code, remains))
        return b"NAK" if reason.code == "mllp.frame.too_large" else b""

    def _observe(self, code: str, peer: str) -> None:
        assert peer.startswith("127.0.0.")
        self.observed.append(code)

    def peer(
        self, address: str = "127.0.0.1", *, receive_bytes_max: int = 0
    ) -> AbstractAsyncContextManager[Peer]:
        """Connect a peer of one's own making, from an address of this machine."""
        return peer_at(self.port, address, receive_bytes_max=receive_bytes_max)


@asynccontextmanager
async def peer_at(
    port: int, address: str = "127.0.0.1", *, receive_bytes_max: int = 0
) -> AsyncIterator[Peer]:
    """Connect a peer of one's own making to a listener on this machine."""
    connection = socket.socket()
    connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
    if receive_bytes_max:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes_max)
    connection.bind((address, 0))
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    except OSError:
        connection.close()
        raise
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Peer:
    """The other side of a connection, free to misbehave."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames = FrameReader()
        self._replies: list[bytes] = []

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def replies(self, count: int) -> list[bytes]:
        """Return the next replies, once there are so many."""
        async with asyncio.timeout(10):
            while len(self._replies) < count:
                data = await self.reader.read(65_536)
                assert data, f"closed after {len(self._replies)} replies"
                for item in self._frames.receive(data):
                    assert isinstance(item, Frame)
                    self._replies.append(item.payload)
        found, self._replies = self._replies[:count], self._replies[count:]
        return found

    async def rest(self) -> list[bytes]:
        """Return the replies up to the end of the connection."""
        async with asyncio.timeout(10):
            try:
                data = await self.reader.read()
            except ConnectionResetError:
                data = b""
        items = self._frames.receive(data)
        return [*self._replies, *(item.payload for item in items if isinstance(item, Frame))]


def scenario(
    loop_factory: LoopFactory,
    play: Callable[[Receiving], Awaitable[None]],
    lenient_end_seconds: float | None = None,
    **limits: float,
) -> Receiving:
    """Play against a listener, which is drained at the end."""

    async def run() -> Receiving:
        receiving = Receiving()
        receiving.listener.limits = msgspec.structs.replace(QUICK, **limits)
        receiving.listener.lenient_end_seconds = lenient_end_seconds
        receiving.port = await receiving.listener.start("127.0.0.1", 0)
        try:
            await play(receiving)
        finally:
            async with asyncio.timeout(10):
                await receiving.listener.drain()
        assert receiving.listener.connections == set()
        assert not receiving.listener.peers
        return receiving

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(run())
