"""What every destination passes that is told messages: the port `MessageDestination`.

A connector's test inherits it beside `SettingsContract` of `door_contract.py`, and says how its
peer is let misbehave. What is peculiar to a protocol is tested beside it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.door_contract import PATIENCE_SECONDS, surroundings_at

from suture.connectors import registry
from suture.connectors.outcome import Delivered, Healthy, Refused, Transient, Unknown
from suture.connectors.ports import MessageDestination
from suture.governance.connector import DestinationSettings
from suture.model.fault import Fault


class MessageDestinationContract:
    """What is told messages: it says of each what is certain, and no more."""

    home: Path

    def settings(self) -> DestinationSettings:
        """Return settings that lead to the peer, and wait for its answer `SOON_SECONDS`."""
        raise NotImplementedError

    def body(self, key: str) -> bytes:
        """Return a message that may be sent, under a key."""
        raise NotImplementedError

    async def start_peer(self) -> None:
        """Have a peer that takes everything."""
        raise NotImplementedError

    async def stop_peer(self) -> None:
        """Let nobody be there."""
        raise NotImplementedError

    def let_peer(self, do: str) -> None:
        """Let the peer `take`, `refuse`, `hush` (take it and say nothing) or `cut` the line."""
        raise NotImplementedError

    def taken(self) -> list[bytes]:
        """Return what the peer has taken, in its order, repeats included."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _at_home(self, tmp_path: Path) -> None:
        self.home = tmp_path

    # What holds for each -------------------------------------------------------------------------

    async def open(self) -> MessageDestination:
        opened = await registry.open_messages(self.settings(), surroundings_at(self.home))
        assert not isinstance(opened, Fault), opened
        return opened

    async def send(self, destination: MessageDestination, key: str) -> Any:
        (content_type,) = list(type(self.settings()).content_types)[:1]
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await destination.send(self.body(key), key=key, content_type=content_type)

    async def test_what_it_takes_is_delivered_in_order(self) -> None:
        await self.start_peer()
        destination = await self.open()
        for key in ("K1", "K2", "K3"):
            outcome = await self.send(destination, key)
            assert isinstance(outcome, Delivered), outcome
            assert outcome.document
        assert [self.body(key) for key in ("K1", "K2", "K3")] == self.taken()
        assert isinstance(await destination.health(), Healthy)
        await destination.close()
        await self.stop_peer()

    async def test_nobody_there_is_transient_and_it_goes_on_when_somebody_is(self) -> None:
        await self.start_peer()
        destination = await self.open()
        await self.stop_peer()
        outcome = await self.send(destination, "K1")
        assert isinstance(outcome, Transient | Unknown), outcome
        assert isinstance(await self.send(destination, "K1"), Transient)
        assert isinstance(await destination.health(), Transient)
        await self.start_peer()
        assert isinstance(await self.send(destination, "K1"), Delivered)
        await destination.close()
        await self.stop_peer()

    async def test_what_is_refused_says_why_and_what_to_do(self) -> None:
        await self.start_peer()
        destination = await self.open()
        self.let_peer("refuse")
        outcome = await self.send(destination, "K1")
        assert isinstance(outcome, Refused), outcome
        assert outcome.fault.remedy
        self.let_peer("take")
        assert isinstance(await self.send(destination, "K2"), Delivered), "the next one goes"
        await destination.close()
        await self.stop_peer()

    async def test_no_answer_after_sending_is_unknown_and_never_the_answer_to_the_next(
        self,
    ) -> None:
        await self.start_peer()
        destination = await self.open()
        for does in ("hush", "cut"):
            self.let_peer(does)
            outcome = await self.send(destination, "K1")
            assert isinstance(outcome, Unknown), (does, outcome)
        self.let_peer("take")
        assert isinstance(await self.send(destination, "K1"), Delivered), "the same key again"
        assert {self.body("K1")} == set(self.taken())
        await destination.close()
        await self.stop_peer()
