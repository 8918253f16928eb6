"""The MLLP listener: frames from many connections to one receiver, replies back in order.

Bytes are framed by `wire/mllp.py`, handed on whole, and never looked into. Limits on time, size and connections are set here: bad inputs
B1 to B12 of docs/reference/bad_input.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec

from suture.wire.mllp import Frame, FrameReader, FramingFault, frame

Receiver = Callable[[bytes], Awaitable[bytes | None]]
"""Takes one message, returns the reply once it is durable (empty: none is due); None closes the connection."""
Observer = Callable[[str, str], None]
"""Told of what went wrong on a connection: the fault's code and the peer's address."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one listener; README.md says what each protects from."""

    frame_bytes_max: int = 16 * 1024 * 1024
    frame_seconds_max: float = 30.0
    idle_seconds_max: float = 0.0
    reply_seconds_max: float = 10.0
    connections_max: int = 512
    connections_per_peer_max: int = 64
    pipeline_messages_max: int = 64


class Listener:
    """Listens on one port for one source."""

    def __init__(self, receiver: Receiver, limits: Limits, observer: Observer) -> None:
        """Take who receives messages, the limits, and who is told of faults."""
        self.receiver = receiver
        self.limits = limits
        self.observer = observer
        self.connections: set[_Connection] = set()
        self.peers: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), host, port, backlog=512, reuse_address=True
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def drain(self) -> None:
        """Stop accepting, answer every message that is complete, then close between frames."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(connection.finish() for connection in list(self.connections)))
        await self._server.wait_closed()


class _Connection(asyncio.Protocol):
    """One peer: feeds the frame reader, keeps replies in the order of the messages."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._limits = listener.limits
        self._reader = FrameReader(frame_bytes_max=self._limits.frame_bytes_max)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._frames: deque[bytes] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._frame_is_timed = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._finishing = False
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # create_server makes stream transports
        self._peer = str((transport.get_extra_info("peername") or ("?",))[0])
        listener = self._listener
        if (
            len(listener.connections) >= self._limits.connections_max
            or listener.peers[self._peer] >= self._limits.connections_per_peer_max
        ):
            listener.observer("mllp.connections.too_many", self._peer)
            self._peer = ""
            self._transport.abort()
            return
        listener.connections.add(self)
        listener.peers[self._peer] += 1
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._disarm()
        self._writable.set()
        if self in self._listener.connections:
            self._listener.connections.discard(self)
            self._listener.peers[self._peer] -= 1
            if not self._listener.peers[self._peer]:
                del self._listener.peers[self._peer]
        self._transport = None

    def data_received(self, data: bytes) -> None:
        for item in self._reader.receive(data):
            self._frame_is_timed = False
            match item:
                case Frame():
                    self._frames.append(item.payload)
                case FramingFault():
                    self._fault(item)
                    if item.is_fatal:
                        return
        if len(self._frames) >= self._limits.pipeline_messages_max and self._transport:
            self._transport.pause_reading()
            self._paused = True
        self._arm()
        if self._frames and self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def eof_received(self) -> bool:
        return bool(self._frames or self._worker)  # a half-closed peer still gets its replies

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def finish(self) -> None:
        """Answer what is complete, then close."""
        self._finishing = True
        if self._transport is not None:
            self._transport.pause_reading()
        while self._worker is not None:
            await asyncio.wait([self._worker])
        if self._transport is not None:
            self._transport.close()

    async def _work(self) -> None:
        """Hand the waiting frames on together, and reply to each in its turn."""
        try:
            while self._frames and self._transport is not None:
                batch = list(self._frames)
                self._frames.clear()
                replies = await asyncio.gather(
                    *(self._listener.receiver(payload) for payload in batch),
                    return_exceptions=True,
                )
                for reply in replies:
                    if not isinstance(reply, bytes):
                        self._drop("mllp.message.not_stored")
                        return
                    if reply:
                        await self._reply(reply)
                self._read_on()
        finally:
            self._worker = None

    def _read_on(self) -> None:
        """Take more from a peer that TCP was holding back (B12)."""
        if self._paused and not self._finishing and self._transport is not None:
            self._transport.resume_reading()
            self._paused = False

    async def _reply(self, reply: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(frame(reply))
        if not self._writable.is_set():
            try:
                await asyncio.wait_for(self._writable.wait(), self._limits.reply_seconds_max)
            except TimeoutError:
                self._drop("mllp.reply.unread")

    def _fault(self, fault: FramingFault) -> None:
        self._listener.observer(fault.fault.code, self._peer)
        if fault.is_fatal and self._transport is not None:
            self._transport.abort()

    def _drop(self, code: str) -> None:
        self._listener.observer(code, self._peer)
        if self._transport is not None:
            self._transport.abort()

    def _arm(self) -> None:
        """Set the deadline that applies now: for the rest of an open frame, or for the peer's next word."""
        if self._reader.is_open and self._frame_is_timed:
            return  # the deadline runs from the frame's first byte, however slowly the rest comes (B3)
        self._disarm()
        loop = asyncio.get_running_loop()
        if self._reader.is_open:
            self._frame_is_timed = True
            self._deadline = loop.call_later(
                self._limits.frame_seconds_max, self._drop, "mllp.frame.overdue"
            )
        elif self._limits.idle_seconds_max:
            self._deadline = loop.call_later(
                self._limits.idle_seconds_max, self._drop, "mllp.connection.idle"
            )

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
