"""The MLLP sender: one connection, one message in flight, the reply awaited. Used to tell other systems, and by the simulators."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType

from suture.wire.mllp import Frame, FrameReader, frame

READ_BYTES_MAX = 64 * 1024


class ConnectionLostError(Exception):
    """The peer went away before it replied: whether it has the message is unknown. Send it again, unchanged."""


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

    async def __aenter__(self) -> Sender:
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
        assert self._writer is not None and self._reader is not None  # noqa: S101, PT018 - just connected
        try:
            self._writer.write(frame(message))
            async with asyncio.timeout(self._reply_seconds_max):
                while not self._replies:
                    data = await self._reader.read(READ_BYTES_MAX)
                    if not data:
                        raise ConnectionLostError("closed before the reply")
                    self._replies.extend(
                        item.payload
                        for item in self._frames.receive(data)
                        if isinstance(item, Frame)
                    )
        except (OSError, TimeoutError) as error:
            await self.close()
            raise ConnectionLostError(type(error).__name__) from error
        except ConnectionLostError:
            await self.close()
            raise
        return self._replies.popleft()
