"""A port that speaks TLS: connections are counted when they come, and heard once they are secure.

Each handshake has its own context, made of the certificates as they are at that moment, and the
time of one message. What comes of a connection then is its connector's, as for one in clear.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from suture.connectors.tls import Contexts
from suture.model.fault import Fault

ACCEPT_PAUSE_SECONDS = 0.1
"""Before the next connection is accepted when the system has no room for one."""
HANDSHAKE_SECONDS_MIN = 0.1
BACKLOG = 512


class HandshakeCodes(NamedTuple):
    """By which codes of a protocol it is told of what did not become a connection."""

    too_many: str
    failed: str


class SecuredPort:
    """Accepts connections of one listener and puts TLS on them."""

    def __init__(
        self,
        contexts: Contexts,
        make_protocol: Callable[[], asyncio.Protocol],
        observe: Callable[[str, str], None],
        has_room: Callable[[str, int, int], bool],
        handshake_seconds_max: float,
        codes: HandshakeCodes,
    ) -> None:
        """Take what makes the protocol of a connection, who is told of faults, and the limits.

        `has_room` is asked with the peer, and how many handshakes are under way with it and in all.
        """
        self._codes = codes
        self._contexts = contexts
        self._make_protocol = make_protocol
        self._observe = observe
        self._has_room = has_room
        self._handshake_seconds_max = max(handshake_seconds_max, HANDSHAKE_SECONDS_MIN)
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._handshakes: set[asyncio.Task[None]] = set()
        self._peers: Counter[str] = Counter()

    async def start(self, host: str, port: int) -> int:
        """Begin to accept; return the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        told = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, _, _, _, address in dict.fromkeys(told):
                self._sockets.append(_listening(family, address))
        except OSError:
            self._close()
            raise
        self._accepting = [loop.create_task(self._accept(each)) for each in self._sockets]
        return int(self._sockets[0].getsockname()[1])

    async def drain(self) -> None:
        """Accept nothing more, and end the handshakes under way: nobody has said anything yet."""
        under_way = [*self._accepting, *self._handshakes]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._close()

    def _close(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError:
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            peer = str(address[0])
            if not self._has_room(peer, self._peers[peer], len(self._handshakes)):
                self._observe(self._codes.too_many, peer)
                connection.close()
                continue
            task = loop.create_task(self._shake_hands(connection, peer))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, connection: socket.socket, peer: str) -> None:
        self._peers[peer] += 1
        context = self._contexts.current()
        try:
            if isinstance(context, Fault):
                self._observe(context.code, peer)
                connection.close()
                return
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol,
                connection,
                ssl=context,
                ssl_handshake_timeout=self._handshake_seconds_max,
            )
        except OSError:  # ssl.SSLError is one, and so is the time that has run out
            self._observe(self._codes.failed, peer)
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
        finally:
            self._peers[peer] -= 1
            if not self._peers[peer]:
                del self._peers[peer]


def _listening(family: int, address: tuple[Any, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)  # noqa: FBT003 - the socket's own signature
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
