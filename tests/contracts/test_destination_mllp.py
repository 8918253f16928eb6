"""What an MLLP receiver's acknowledgements mean, over real sockets and TLS.

What holds for every destination is `MessageDestinationContract`, which `test_door_mllp.py` passes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.certificates import Authority
from tests.contracts.door_contract import Taking, surroundings_at
from tests.contracts.mllp_receiver import MllpReceiver

from suture.connectors import registry
from suture.connectors.mllp.settings import MllpDestinationSettings, MllpSettings
from suture.connectors.outcome import Delivered, Outcome, Refused, Transient, Unknown
from suture.connectors.ports import MessageDestination
from suture.connectors.tls import ClientTls, ServerTls
from suture.model.fault import Fault

BODY = b"MSH|^~\\&|SUTURE||LAB||20260310||ADT^A01|1|P|2.5.1\rPV1|1|I\r"


@asynccontextmanager
async def sending_to(port: int, home: Path, **settings: Any) -> AsyncIterator[MessageDestination]:
    """Open a destination that waits for little."""
    told = {"reply_seconds_max": 0.3, "connect_seconds_max": 2.0} | settings
    opened = await registry.open_messages(
        MllpDestinationSettings(host="127.0.0.1", port=port, **told), surroundings_at(home)
    )
    assert not isinstance(opened, Fault)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def receiving(context: ssl.SSLContext | None = None) -> AsyncIterator[MllpReceiver]:
    receiver = MllpReceiver()
    await receiver.start(context=context)
    try:
        yield receiver
    finally:
        await receiver.stop()


async def send(destination: MessageDestination, body: bytes = BODY) -> Outcome:
    return await destination.send(body, key="1", content_type="application/hl7-v2+er7")


@pytest.mark.parametrize(
    ("answered", "settings", "outcome", "code"),
    [
        ("AA", {}, Delivered, ""),
        ("CA", {}, Delivered, ""),
        ("AE", {}, Refused, "mllp.message.refused"),
        ("CE", {}, Refused, "mllp.message.refused"),
        ("AR", {}, Refused, "mllp.message.refused"),
        ("CR", {"error_means": "transient"}, Refused, "mllp.message.refused"),
        ("AE", {"error_means": "transient"}, Transient, "mllp.message.failed"),
        ("CE", {"error_means": "transient"}, Transient, "mllp.message.failed"),
        ("CA AA", {"awaits": "application"}, Delivered, ""),
        ("CA AR", {"awaits": "application"}, Refused, "mllp.message.refused"),
        ("CA", {"awaits": "application"}, Unknown, "mllp.reply.absent"),
        ("CR", {"awaits": "application"}, Refused, "mllp.message.refused"),
        ("XX", {}, Unknown, "mllp.reply.unreadable"),
        ("mismatch", {}, Unknown, "mllp.reply.mismatched"),
    ],
)
async def test_what_an_acknowledgement_means(
    answered: str, settings: dict[str, Any], outcome: type[Outcome], code: str, tmp_path: Path
) -> None:
    async with receiving() as receiver, sending_to(receiver.port, tmp_path, **settings) as there:
        receiver.does = answered
        came = await send(there)
        said = "" if isinstance(came, Delivered) else came.fault.code
        assert (outcome, code) == (type(came), said)


async def test_a_refusal_tells_its_condition_and_none_of_the_receivers_own_words(
    tmp_path: Path,
) -> None:
    async with receiving() as receiver, sending_to(receiver.port, tmp_path) as there:
        receiver.does = "AE"
        receiver.error = "ERR||PID^1^3|204^Unknown key^HL70357|E||||DOE JANE is not known\r"
        came = await send(there)
        assert isinstance(came, Refused)
        assert "the receiver answered AE, condition 204 on applying it" == came.fault.explanation


async def test_nobody_there_is_told_with_the_address(tmp_path: Path) -> None:
    async with sending_to(1, tmp_path) as there:
        came = await send(there)
        assert isinstance(came, Transient)
        assert ("mllp.peer.away", "127.0.0.1:1") == (came.fault.code, came.fault.where)


async def test_a_connection_is_kept_and_made_again_after_a_silence(tmp_path: Path) -> None:
    async with receiving() as receiver, sending_to(receiver.port, tmp_path) as there:
        for _ in range(3):
            assert isinstance(await send(there), Delivered)
        assert 1 == receiver.connections_count
        receiver.does = "hush"
        assert isinstance(await send(there), Unknown)
        receiver.does = "AA"
        assert isinstance(await send(there), Delivered)
        assert 2 == receiver.connections_count


async def test_messages_go_side_by_side_on_as_many_connections_as_are_allowed(
    tmp_path: Path,
) -> None:
    async with (
        receiving() as receiver,
        sending_to(receiver.port, tmp_path, connections_max=3) as there,
    ):
        outcomes = await asyncio.gather(*(send(there) for _ in range(9)))
        assert [Delivered("1", "created")] * 9 == outcomes
        assert 3 == receiver.connections_count


@pytest.mark.parametrize("body", [b"no message", BODY + b"NTE|1||a\x0bb\r"])
async def test_what_mllp_cannot_carry_is_refused_here(body: bytes, tmp_path: Path) -> None:
    async with sending_to(1, tmp_path) as there:
        came = await send(there, body)
        assert isinstance(came, Refused), "and nobody was even connected to"
        assert "mllp.message.unsendable" == came.fault.code


async def test_both_sides_prove_who_they_are(tmp_path: Path) -> None:
    theirs, ours = Authority(tmp_path, "theirs"), Authority(tmp_path, "ours")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours.file)
    context.load_cert_chain(*theirs.sign("receiver"))
    context.verify_mode = ssl.CERT_REQUIRED
    chain, key = ours.sign("suture")
    trusting = ClientTls(is_on=True, authority="file:theirs.pem")
    known = ClientTls(
        is_on=True,
        authority="file:theirs.pem",
        certificate=f"file:{chain.name}",
        private_key=f"file:{key.name}",
    )
    async with receiving(context) as receiver:
        async with sending_to(receiver.port, tmp_path, tls=known) as there:
            assert isinstance(await send(there), Delivered)
        async with sending_to(receiver.port, tmp_path, tls=trusting) as there:
            # TLS 1.3 lets a client speak before it hears that it is not let in.
            assert isinstance(await send(there), Transient | Unknown)
        async with sending_to(receiver.port, tmp_path, tls=ClientTls(is_on=True)) as there:
            came = await send(there)
            assert isinstance(came, Transient)
            assert "mllp.peer.untrusted" == came.fault.code
        assert [BODY] == receiver.taken


async def test_a_name_that_is_not_in_the_certificate_is_not_told_anything(tmp_path: Path) -> None:
    theirs = Authority(tmp_path, "theirs")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*theirs.sign("receiver"))
    told = ClientTls(is_on=True, authority="file:theirs.pem", server_name="other.example")
    async with (
        receiving(context) as receiver,
        sending_to(receiver.port, tmp_path, tls=told) as there,
    ):
        came = await send(there)
        assert isinstance(came, Transient)
        assert ("mllp.peer.untrusted", []) == (came.fault.code, receiver.taken)


async def test_our_own_listener_over_tls_in_release_2_is_told(tmp_path: Path) -> None:
    chain, key = Authority(tmp_path, "ours").sign("door")
    taking = Taking()
    listening = MllpSettings(
        port=0,
        is_release_2=True,
        tls=ServerTls(certificate=f"file:{chain}", private_key=f"file:{key}"),
    )
    door = await registry.open_message_door(listening, taking, surroundings_at(tmp_path))
    assert not isinstance(door, Fault), door
    port = int(door.address.rpartition(":")[2])
    trusting = ClientTls(is_on=True, authority="file:ours.pem")
    async with sending_to(port, tmp_path, is_release_2=True, tls=trusting) as there:
        assert isinstance(await send(there), Delivered)
        taking.is_storing = False
        came = await send(there)
        assert isinstance(came, Transient)
        assert "mllp.message.not_taken" == came.fault.code
        taking.is_storing = True
        assert isinstance(await send(there), Delivered)
    assert [BODY] * 3 == taking.taken
    await door.drain()
