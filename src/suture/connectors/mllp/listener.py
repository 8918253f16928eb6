"""The MLLP listener: frames from many connections to one receiver, replies back in order.

Bytes are framed by `wire/mllp.py`, handed on whole, and never looked into; what arrived of a frame
that broke off goes to the refuser, to be held (B2, B7). Limits on time, size and connections are
set here: bad inputs B1 to B12 of docs/reference/bad_input.md. TLS is put before it by
`connectors/secured.py`. What becomes of a message is `engine/intake.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import cast

from suture.connectors.mllp.settings import Limits
from suture.connectors.secured import HandshakeCodes, SecuredPort
from suture.connectors.tls import Contexts
from suture.model.fault import Fault, fault
from suture.wire.mllp import (
    COMMIT_ACK,
    COMMIT_NAK,
    Frame,
    FrameReader,
    FramingFault,
    frame,
)

Receiver = Callable[[bytes], Awaitable[bytes | None]]
"""Takes one message, returns the reply once it is durable (empty: none is due); None closes."""
Refuser = Callable[[bytes, Fault], Awaitable[bytes]]
"""Takes what arrived of a message and why there is no more, returns the reply once it is held."""
Observer = Callable[[str, str], None]
"""Told of what went wrong on a connection: the fault's code and the peer's address."""

HELD = frozenset({"mllp.frame.too_large", "mllp.frame.nested"})
"""Framing faults whose bytes are held. Half a frame at the end is its sender's to send again."""

UNREAD_BYTES_MAX = 128 * 1024
"""Of replies that the kernel keeps for a peer that does not read them: then its deadline runs. The
kernel's own choice is megabytes, for each of many thousand acknowledgements (B9)."""

_KEEPALIVE_SECONDS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""A peer that vanished without a word gives its place back after two minutes (F22)."""


def unopened(error: OSError, host: str, port: int) -> Fault:
    """Return why a port could not be listened on, and what to do about it."""
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return fault("mllp.port.taken", where, f"another program listens on {where}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return fault("mllp.port.refused", where, f"the system does not let us listen on {where}")
    reason = "no address of this machine" if _is_elsewhere(error) else f"unusable ({error.errno})"
    return fault("mllp.address.unusable", where, f"{where} is {reason}")


def _is_elsewhere(error: OSError) -> bool:
    return error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror)


class Listener:
    """Listens on one port for one source."""

    def __init__(
        self,
        receiver: Receiver,
        limits: Limits,
        observer: Observer,
        refuser: Refuser | None = None,
        *,
        lenient_end_seconds: float | None = None,
        contexts: Contexts | None = None,
        is_release_2: bool = False,
    ) -> None:
        """Take who receives messages, the limits, who is told of faults, and who holds remains.

        Without a refuser what arrived of a broken frame is dropped. Where ends are lenient, a frame
        whose 0x1C no 0x0D follows is taken at the next frame, or after so many seconds (B5). With
        contexts it speaks TLS. In MLLP release 2 a commit acknowledgement goes before each reply.
        """
        self.receiver = receiver
        self.limits = limits
        self.observer = observer
        self.refuser = refuser
        self.is_release_2 = is_release_2
        self.connections: set[_Connection] = set()
        self.peers: Counter[str] = Counter()
        self.lenient_end_seconds = lenient_end_seconds
        self.unframed_bytes = 0
        """Bytes that stood outside of any frame, and were dropped (B1)."""
        self.unanswered_bytes = 0
        """Of all connections: messages that are complete and have no reply yet."""
        self.secured = (
            SecuredPort(
                contexts,
                lambda: _Connection(self),
                observer,
                self.has_room,
                limits.frame_seconds_max,
                HandshakeCodes("mllp.connections.too_many", "mllp.tls.handshake"),
            )
            if contexts is not None
            else None
        )
        self._server: asyncio.Server | None = None

    def has_room(self, peer: str, of_peer_count: int = 0, all_count: int = 0) -> bool:
        """Return whether one more connection of a peer may come, beside these not counted yet."""
        limits = self.limits
        return (
            len(self.connections) + all_count < limits.connections_max
            and self.peers[peer] + of_peer_count < limits.connections_per_peer_max
        )

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; return the port. Raises OSError."""
        if self.secured is not None:
            return await self.secured.start(host, port)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), host, port, backlog=512, reuse_address=True
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def drain(self) -> None:
        """Stop accepting, answer every message that is complete, then close between frames."""
        if self.secured is not None:
            await self.secured.drain()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(connection.finish() for connection in list(self.connections)))
        if self._server is not None:
            await self._server.wait_closed()


class _Connection(asyncio.Protocol):
    """One peer: feeds the frame reader, keeps replies in the order of the messages."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._limits = listener.limits
        self._reader = FrameReader(
            frame_bytes_max=self._limits.frame_bytes_max,
            lenient_end=listener.lenient_end_seconds is not None,
        )
        self._unframed_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._waiting: deque[bytes | FramingFault] = deque()
        self._unanswered_bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._frame_is_timed = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._is_ending = False
        """Nothing more is read: what is complete is answered, then the connection closes."""
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # a server makes stream transports
        self._peer = str((transport.get_extra_info("peername") or ("?",))[0])
        listener = self._listener
        if not listener.has_room(self._peer):
            self._drop("mllp.connections.too_many")
            return
        listener.connections.add(self)
        listener.peers[self._peer] += 1
        _tune(transport.get_extra_info("socket"))
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's own
        self._disarm()
        self._end_of_stream()
        self._writable.set()
        self._closed.set()
        if self in self._listener.connections:
            self._listener.connections.discard(self)
            self._listener.peers[self._peer] -= 1
            if not self._listener.peers[self._peer]:
                del self._listener.peers[self._peer]
        self._transport = None
        if self._worker is None:
            self._count(-self._unanswered_bytes)

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        self._take_all(self._reader.receive(data))

    def _take_all(self, items: list[Frame | FramingFault]) -> None:
        """Take what the reader made of the bytes so far, and let the next deadline run."""
        for item in items:
            self._frame_is_timed = False
            self._take(item)
        self._count_unframed()
        if self._reader.is_closed:
            self._end()
        elif self._has_enough():
            self._pause()
        self._answer()
        self._arm()

    def _answer(self) -> None:
        """Begin to hand on what waits, where nobody does."""
        if self._waiting and self._worker is None and self._transport is not None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def eof_received(self) -> bool:
        """Answer what is complete before closing: a half-closed peer still reads.

        Not over TLS, where an end is the end of both directions: its sender asks again.
        """
        self._end_of_stream()
        return self._listener.secured is None and bool(self._waiting or self._worker)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def finish(self) -> None:
        """Answer what is complete, then close; cut off a peer that does not read its replies."""
        self._end()
        await self._closed.wait()

    def _take(self, item: Frame | FramingFault) -> None:
        if isinstance(item, Frame):
            if self._listener.is_release_2 and item.payload in (COMMIT_ACK, COMMIT_NAK):
                return  # of a reply of ours, which is durable whatever becomes of it
            self._waiting.append(item.payload)
            self._count(len(item.payload))
            if item.is_lenient:
                self._listener.observer("mllp.frame.lenient_end", self._peer)
            return
        self._listener.observer(item.fault.code, self._peer)
        if item.fault.code in HELD and self._listener.refuser is not None:
            self._waiting.append(item)

    def _count_unframed(self) -> None:
        """Count the bytes that stood outside of frames since this was asked last."""
        total = self._reader.junk_bytes_total
        if total != self._unframed_bytes:
            self._listener.unframed_bytes += total - self._unframed_bytes
            self._unframed_bytes = total

    def _count(self, bytes_count: int) -> None:
        """Count bytes taken, or given back where negative."""
        self._unanswered_bytes += bytes_count
        self._listener.unanswered_bytes += bytes_count

    def _has_enough(self) -> bool:
        """Whether the peer must wait for its own replies before it is read on (B12, I13)."""
        limits = self._limits
        is_full = self._listener.unanswered_bytes >= limits.listener_bytes_max
        return (
            len(self._waiting) >= limits.pipeline_messages_max
            or self._unanswered_bytes >= limits.pipeline_bytes_max
            or (is_full and self._unanswered_bytes > 0)
        )

    def _end_of_stream(self) -> None:
        """Note that nothing more comes; half a frame is its sender's to send again."""
        if not self._is_ending:
            self._is_ending = True
            for item in self._reader.receive_end():
                self._take(item)
            self._answer()

    async def _work(self) -> None:
        """Hand the waiting frames on together, and reply to each in its turn."""
        try:
            while self._waiting and self._transport is not None:
                batch = list(self._waiting)
                self._waiting.clear()
                replies = await self._replies(batch)
                self._count(-sum(len(each) for each in batch if isinstance(each, bytes)))
                for item, reply in zip(batch, replies, strict=True):
                    if not await self._settle(item, reply):
                        return
                self._resume()
        finally:
            self._worker = None
            if self._transport is None:
                self._count(-self._unanswered_bytes)  # nobody is left to answer
            self._close_when_answered()
            self._arm()

    async def _settle(
        self, item: bytes | FramingFault, reply: bytes | BaseException | None
    ) -> bool:
        """Give what a frame got; False where the connection ends for it.

        In release 2 the sender keeps the connection, and what was not stored, by a negative commit
        acknowledgement. A frame that was given up for another one is owed none.
        """
        if not isinstance(reply, bytes):
            self._listener.observer("mllp.message.not_stored", self._peer)
            if not self._listener.is_release_2:
                self._abort()
                return False
            await self._reply(COMMIT_NAK)
            return True
        if self._listener.is_release_2 and (isinstance(item, bytes) or item.is_fatal):
            await self._reply(COMMIT_ACK if isinstance(item, bytes) else COMMIT_NAK)
        if reply:
            await self._reply(reply)
        return True

    async def _replies(
        self, batch: list[bytes | FramingFault]
    ) -> list[bytes | BaseException | None]:
        """Hand frames on and return what each got; one alone, the usual case, without a task."""
        if len(batch) > 1:
            return await asyncio.gather(*map(self._handed_on, batch), return_exceptions=True)
        try:
            return [await self._handed_on(batch[0])]
        except Exception as error:  # noqa: BLE001 - as `gather` would return it
            return [error]

    def _handed_on(self, item: bytes | FramingFault) -> Awaitable[bytes | None]:
        if isinstance(item, bytes):
            return self._listener.receiver(item)
        assert self._listener.refuser is not None, "only taken where there is one"
        return self._listener.refuser(item.payload, item.fault)

    async def _reply(self, reply: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(frame(reply))
        if not self._writable.is_set():
            try:
                await asyncio.wait_for(self._writable.wait(), self._limits.reply_seconds_max)
            except TimeoutError:
                self._drop("mllp.reply.unread")

    def _drop(self, code: str) -> None:
        self._listener.observer(code, self._peer)
        self._abort()

    def _abort(self) -> None:
        self._is_ending = True
        if self._transport is not None:
            self._transport.abort()

    def _end_of_wait(self) -> None:
        """Take the frame whose last byte has not come, where that is lenient (B5)."""
        self._take_all(self._reader.end_of_wait())

    def _expire(self, code: str) -> None:
        self._listener.observer(code, self._peer)
        self._end()

    def _end(self) -> None:
        """Read no more, and close once what is complete has been answered."""
        self._is_ending = True
        self._pause()
        self._close_when_answered()

    def _close_when_answered(self) -> None:
        if self._is_ending and not self._waiting and self._worker is None:
            self._close()

    def _close(self) -> None:
        """Close once the peer has read its replies, or has had its time to."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._disarm()
        transport.close()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._limits.reply_seconds_max, transport.abort)

    def _pause(self) -> None:
        """Let the peer wait: it has sent more than we have answered (B12)."""
        if self._transport is not None and not self._is_paused:
            self._is_paused = True
            with contextlib.suppress(RuntimeError):  # it is closing
                self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and self._is_paused and not self._is_ending:
            self._is_paused = False
            self._transport.resume_reading()

    def _arm(self) -> None:
        """Set the deadline that applies now: the rest of an open frame, or the peer's next word.

        Neither runs while it is we who let the peer wait.
        """
        if self._is_ending:
            return  # closing has a deadline of its own
        if self._is_paused:
            self._frame_is_timed = False
            self._disarm()
            return
        lenient_seconds = self._listener.lenient_end_seconds
        if self._reader.is_ending and lenient_seconds is not None:
            self._disarm()
            self._frame_is_timed = False
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(lenient_seconds, self._end_of_wait)
            return
        if self._reader.is_open and self._frame_is_timed:
            return  # it runs from the frame's first byte, however slowly the rest comes (B3)
        self._disarm()
        loop = asyncio.get_running_loop()
        if self._reader.is_open:
            self._frame_is_timed = True
            self._deadline = loop.call_later(
                self._limits.frame_seconds_max, self._expire, "mllp.frame.overdue"
            )
        elif self._limits.idle_seconds_max and self._worker is None:
            self._deadline = loop.call_later(
                self._limits.idle_seconds_max, self._expire, "mllp.connection.idle"
            )

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _tune(connection: socket.socket | None) -> None:
    """Ask the kernel to find out about peers that are gone, and to keep little for each."""
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES_MAX)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE_SECONDS.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
