"""The door that tests of the engine pull from passes the contract of doors that are asked."""

from __future__ import annotations

import pytest
from tests.contracts.door_contract import PullDoorContract
from tests.contracts.pull_peer import PeerDoor, PullPeer

from suture.connectors.ports import PullDoor


class TestPeerDoor(PullDoorContract):
    """A peer in memory."""

    peer: PullPeer

    @pytest.fixture(autouse=True)
    def _peer(self) -> None:
        self.peer = PullPeer()

    async def open(self) -> PullDoor:
        return PeerDoor(self.peer)

    async def open_again(self) -> PullDoor:
        return PeerDoor(self.peer)

    async def fill(self, *bodies: bytes) -> None:
        self.peer.bodies += bodies

    async def stop_peer(self) -> None:
        self.peer.is_away = True
