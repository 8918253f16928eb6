"""The MLLP sender: one connection, one message in flight, the reply awaited.

Used to tell other systems, and by the simulators. Framing is `wire/mllp.py`; whether to send again
is the caller's to decide.
"""

from __future__ import annotations

import asyncio
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
        """Take the listener's address and how long to wait for a reply."""
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

    async def connect(self) -> None:
        """Open the connection. Raises ConnectionLostError when nobody listens."""
        self._frames = FrameReader()
        self._replies.clear()
        try:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
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
        assert self._writer is not None, "just connected"
        assert self._reader is not None, "just connected"
        try:
            self._writer.write(frame(message))
            async with asyncio.timeout(self._reply_seconds_max):
                await self._read_reply(self._reader)
        except (OSError, TimeoutError) as error:
            await self.close()
            raise ConnectionLostError(type(error).__name__) from error
        return self._replies.popleft()

    async def _read_reply(self, reader: asyncio.StreamReader) -> None:
        """Read until a whole reply is there. Raises OSError when the peer closes before."""
        while not self._replies:
            data = await reader.read(READ_BYTES_MAX)
            if not data:
                raise ConnectionAbortedError("closed before the reply")
            self._replies.extend(
                item.payload for item in self._frames.receive(data) if isinstance(item, Frame)
            )
