"""MLLP over TLS, and MLLP release 2: who is let in, and what is answered first.

Over real sockets, on both event loops, with certificates made for the test.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from tests.contracts.certificates import Authority
from tests.contracts.door_contract import PATIENCE_SECONDS, Taking, surroundings_at
from tests.contracts.mllp_peer import MESSAGE, LoopFactory

from suture.connectors import registry
from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.connectors.mllp.settings import Limits, MllpSettings
from suture.connectors.ports import MessageDoor
from suture.connectors.tls import ServerTls
from suture.model.fault import Fault
from suture.wire.mllp import frame

LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]
ACK = b"MSH|^~\\&|||||||ACK|1|P|2.5.1\rMSA|AA|1"


class Secured:
    """A door over TLS, the authority of its certificate, and that of its clients."""

    def __init__(self, home: Path, *, is_mutual: bool = False) -> None:
        self.home = home
        self.taking = Taking()
        self.authority = Authority(home, "ours")
        self.clients = Authority(home, "theirs")
        chain, key = self.authority.sign("door")
        self.tls = ServerTls(
            certificate=f"file:{chain.name}",
            private_key=f"file:{key}",
            client_authority="file:theirs.pem" if is_mutual else "",
        )

    @asynccontextmanager
    async def open(self, **settings: Any) -> AsyncIterator[MessageDoor]:
        told = MllpSettings(port=0, tls=self.tls, limits=Limits(frame_seconds_max=0.5), **settings)
        door = await registry.open_message_door(told, self.taking, surroundings_at(self.home))
        assert not isinstance(door, Fault), door
        try:
            yield door
        finally:
            await asyncio.wait_for(door.drain(), PATIENCE_SECONDS)

    def trusting(self, *own: Path) -> ssl.SSLContext:
        """Return how a client trusts the door, with a certificate of its own or without."""
        context = ssl.create_default_context(cafile=self.authority.file)
        if own:
            context.load_cert_chain(own[0], own[1])
        return context


async def told(door: MessageDoor, context: ssl.SSLContext | None, raw: bytes) -> bytes:
    """Send one message and return its reply."""
    host, _, port = door.address.rpartition(":")
    sender = Sender(host, int(port))
    await sender.connect(context)
    try:
        return await sender.send(raw)
    finally:
        await sender.close()


@pytest.mark.parametrize("loop_factory", LOOPS)
class TestListening:
    """A door over TLS, on both event loops."""

    def test_messages_come_and_go_encrypted(
        self, loop_factory: LoopFactory, tmp_path: Path
    ) -> None:
        async def play() -> None:
            secured = Secured(tmp_path)
            async with secured.open() as door:
                large = MESSAGE % 2 + b"\rNTE|1||" + b"x" * 300_000
                for raw in (MESSAGE % 1, large):
                    assert ACK == await told(door, secured.trusting(), raw)
                assert [MESSAGE % 1, large] == secured.taking.taken

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(play())

    def test_b8_who_speaks_in_clear_is_dropped_and_told_of(
        self, loop_factory: LoopFactory, tmp_path: Path
    ) -> None:
        async def play() -> None:
            secured = Secured(tmp_path)
            async with secured.open() as door:
                with pytest.raises(ConnectionLostError):
                    await told(door, None, MESSAGE % 1)
                assert (["mllp.tls.handshake"], []) == (
                    secured.taking.observed,
                    secured.taking.taken,
                )
                assert ACK == await told(door, secured.trusting(), MESSAGE % 2)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(play())

    def test_b3_a_handshake_that_never_comes_is_cut_off(
        self, loop_factory: LoopFactory, tmp_path: Path
    ) -> None:
        async def play() -> None:
            secured = Secured(tmp_path)
            async with secured.open() as door:
                host, _, port = door.address.rpartition(":")
                reader, writer = await asyncio.open_connection(host, int(port))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    with suppress(ConnectionResetError):
                        assert b"" == await reader.read()
                writer.close()
                assert ["mllp.tls.handshake"] == secured.taking.observed

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(play())

    def test_only_clients_of_the_named_authority_are_let_in(
        self, loop_factory: LoopFactory, tmp_path: Path
    ) -> None:
        async def play() -> None:
            secured = Secured(tmp_path, is_mutual=True)
            async with secured.open() as door:
                stranger = secured.authority.sign("stranger")
                for own in ((), stranger):
                    with pytest.raises(ConnectionLostError):
                        await told(door, secured.trusting(*own), MESSAGE % 1)
                assert [] == secured.taking.taken
                known = secured.trusting(*secured.clients.sign("known"))
                assert ACK == await told(door, known, MESSAGE % 2)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(play())

    def test_a_renewed_certificate_counts_from_the_next_connection_on(
        self, loop_factory: LoopFactory, tmp_path: Path
    ) -> None:
        async def play() -> None:
            secured = Secured(tmp_path)
            async with secured.open() as door:
                before = secured.trusting()
                assert ACK == await told(door, before, MESSAGE % 1)
                (tmp_path / "door.key").write_text("half of a key")
                assert ACK == await told(door, before, MESSAGE % 2), "the old one stays"
                secured.authority = Authority(tmp_path, "renewed")
                secured.authority.sign("door")
                with pytest.raises(ConnectionLostError):
                    await told(door, before, MESSAGE % 3)
                assert ACK == await told(door, secured.trusting(), MESSAGE % 4)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(play())

    def test_draining_ends_a_handshake_that_is_under_way(
        self, loop_factory: LoopFactory, tmp_path: Path
    ) -> None:
        async def play() -> None:
            secured = Secured(tmp_path)
            async with secured.open() as door:
                host, _, port = door.address.rpartition(":")
                _, writer = await asyncio.open_connection(host, int(port))
                await asyncio.sleep(0.05)
            writer.close()

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(play())


async def test_certificates_that_cannot_be_used_close_the_door_and_say_what_to_do(
    tmp_path: Path,
) -> None:
    secured = Secured(tmp_path)
    lost = msgspec.structs.replace(secured.tls, private_key="file:nowhere.key")
    door = await registry.open_message_door(
        MllpSettings(port=0, tls=lost), Taking(), surroundings_at(tmp_path)
    )
    assert isinstance(door, Fault)
    assert ("tls.files.unusable", False) == (door.code, door.permanent)


async def release_2(taking: Taking, home: Path) -> tuple[MessageDoor, Sender]:
    """Open a door of MLLP release 2 and connect to it."""
    settings = MllpSettings(port=0, is_release_2=True, limits=Limits(frame_bytes_max=4096))
    door = await registry.open_message_door(settings, taking, surroundings_at(home))
    assert not isinstance(door, Fault), door
    host, _, port = door.address.rpartition(":")
    sender = Sender(host, int(port))
    await sender.connect()
    return door, sender


async def test_release_2_commits_before_it_replies_and_takes_no_commit_for_a_message(
    tmp_path: Path,
) -> None:
    taking = Taking()
    door, sender = await release_2(taking, tmp_path)
    for number in (1, 2):
        await sender.write(MESSAGE % number)
        assert [b"\x06", ACK] == [await sender.read(), await sender.read()]
        await sender.write(b"\x06")
    assert [MESSAGE % 1, MESSAGE % 2] == taking.taken
    await sender.close()
    await door.drain()


async def test_release_2_says_what_was_not_stored_and_keeps_the_connection(tmp_path: Path) -> None:
    taking = Taking()
    door, sender = await release_2(taking, tmp_path)
    taking.is_storing = False
    await sender.write(MESSAGE % 1)
    assert b"\x15" == await sender.read()
    taking.is_storing = True
    await sender.write(MESSAGE % 1)
    assert [b"\x06", ACK] == [await sender.read(), await sender.read()]
    await sender.close()
    await door.drain()


async def test_release_2_commits_to_nothing_of_a_message_that_is_too_large(tmp_path: Path) -> None:
    taking = Taking()
    door, sender = await release_2(taking, tmp_path)
    await sender.write(MESSAGE % 1 + b"x" * 9_000)
    assert b"\x15" == await sender.read()
    assert ["mllp.frame.too_large"] == taking.refused
    await sender.close()
    await door.drain()


def test_frames_of_both_releases_look_alike() -> None:
    assert b"\x0b\x06\x1c\r" == frame(b"\x06")
