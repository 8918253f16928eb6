"""An MLLP receiver that is not ours: python-hl7's asyncio server, told what to answer.

For tests of what is sent; not here: our own listener, which `mllp_peer.py` tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

from hl7.mllp import start_hl7_server  # type: ignore[import-untyped]


class MllpReceiver:
    """Takes messages and answers each with a code, or does something worse."""

    def __init__(self) -> None:
        self.does = "AA"
        """A code of MSA-1, several one after the other (`CA AA`), or `hush`, `cut`, `mismatch`."""
        self.error = ""
        """An ERR segment to add to the answer."""
        self.taken: list[bytes] = []
        self.port = 0
        self.is_stopped = False
        self.connections_count = 0
        self._server: Any = None
        self._writers: list[Any] = []

    async def start(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        """Listen."""
        self._server = await start_hl7_server(
            self._serve, "127.0.0.1", port, encoding="utf-8", ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.is_stopped = False

    async def stop(self) -> None:
        """Close the port and every connection."""
        self.is_stopped = True
        self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        await self._server.wait_closed()
        await asyncio.sleep(0.02)

    async def _serve(self, reader: Any, writer: Any) -> None:
        self.connections_count += 1
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                message = await reader.readmessage()
                self.taken.append(str(message).encode())
                if self.does == "cut":
                    writer.close()
                    return
                if self.does == "hush":
                    continue
                for code in ["AA"] if self.does == "mismatch" else self.does.split():
                    answer = message.create_ack(code)
                    if self.does == "mismatch":
                        answer.segment("MSA").assign_field("ANOTHER", 2)
                    writer.writeblock((str(answer) + self.error).encode())
                    await writer.drain()
