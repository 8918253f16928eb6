"""A system that is asked for messages, in memory, and a door to it: it fills `PullDoor`."""

from __future__ import annotations

from collections.abc import Sequence

from suture.connectors.ports import PULLED_MESSAGES_MAX, Pulled
from suture.model.fault import Fault, fault


class PullPeer:
    """Holds bodies in the order in which they came; may be away."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = list(bodies)
        self.is_away = False
        self.asked: list[str] = []
        self.settled: list[str] = []


class PeerDoor:
    """A door to such a system; its watermark is how many bodies came before."""

    address = "a peer in memory"
    interval_seconds = 0.01

    def __init__(self, peer: PullPeer) -> None:
        self._peer = peer

    async def poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        self._peer.asked.append(watermark)
        if self._peer.is_away:
            return fault("egress.connection.failed", self.address)
        begin = int(watermark or 0)
        bodies = self._peer.bodies[begin : begin + PULLED_MESSAGES_MAX]
        return [Pulled(raw, str(place)) for place, raw in enumerate(bodies, begin + 1)]

    async def settled(self, watermark: str) -> None:
        self._peer.settled.append(watermark)

    async def close(self) -> None:
        """Do nothing."""
