"""The MLLP sender: one connection, one message in flight, the reply awaited.

Used to tell other systems (`destination.py`, which knows what a reply means), and by the
simulators. Framing is `wire/mllp.py`; whether to send again is the caller's to decide.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from types import TracebackType
from typing import Self

from suture.wire.mllp import Frame, FrameReader, frame

READ_BYTES_MAX = 64 * 1024


class ConnectionLostError(Exception):
    """The peer went away before it replied: whether it has the message is unknown.

    Send it again, unchanged.
    """


class Sender:
    """A connection to one MLLP listener."""

    def __init__(self, host: str, port: int, *, reply_seconds_max: float = 30.0) -> None:
        """Take the listener's address and how long `send` waits for a reply."""
        self._host = host
        self._port = port
        self._reply_seconds_max = reply_seconds_max
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._frames = FrameReader()
        self._replies: deque[bytes] = deque()

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        await self.close()

    @property
    def is_open(self) -> bool:
        """Whether the connection is there, as far as this side knows."""
        is_there = self._writer is not None and not self._writer.is_closing()
        return is_there and self._reader is not None and not self._reader.at_eof()

    async def connect(
        self, context: ssl.SSLContext | None = None, *, server_name: str = ""
    ) -> None:
        """Open the connection, over TLS where a context is given and `server_name` is shown.

        Raises ConnectionLostError when nobody listens, or somebody we do not trust.
        """
        await self.close()
        self._frames = FrameReader()
        self._replies.clear()
        name = (server_name or self._host) if context is not None else None
        try:
            self._reader, self._writer = await asyncio.open_connection(
                self._host, self._port, ssl=context, server_hostname=name
            )
        except OSError as error:
            raise ConnectionLostError(str(error.errno)) from error

    async def close(self) -> None:
        """Close the connection, if it is open."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def send(self, message: bytes) -> bytes:
        """Send one message and return its reply.

        Raises ConnectionLostError when no reply came: the message may or may not have been stored.
        """
        if self._writer is None or self._reader is None:
            await self.connect()
        try:
            async with asyncio.timeout(self._reply_seconds_max):
                await self.write(message)
                return await self.read()
        except (OSError, TimeoutError) as error:
            await self.close()
            raise ConnectionLostError(type(error).__name__) from error

    async def write(self, payload: bytes) -> None:
        """Send one frame and await nothing but the kernel. Raises OSError."""
        assert self._writer is not None, "connected"
        self._writer.write(frame(payload))
        await self._writer.drain()

    async def read(self) -> bytes:
        """Return the next whole frame. Raises OSError when the peer closes before."""
        assert self._reader is not None, "connected"
        while not self._replies:
            data = await self._reader.read(READ_BYTES_MAX)
            if not data:
                raise ConnectionAbortedError("closed before the reply")
            for item in self._frames.receive(data):
                if not isinstance(item, Frame):
                    raise ConnectionAbortedError("the reply is in no frame")
                self._replies.append(item.payload)
        return self._replies.popleft()
