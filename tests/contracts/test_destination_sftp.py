"""A message that goes out by SFTP is one whole file, once, and nothing of somebody else's is lost.

What holds for every destination is `MessageDestinationContract`, which `test_door_sftp.py` passes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.door_contract import surroundings_at
from tests.contracts.sftp_peer import USER, SftpPeer
from tests.peers.peer import SshServer, openssh

from suture.connectors import registry
from suture.connectors.outcome import Delivered, Healthy, Outcome, Refused, Transient, Unknown
from suture.connectors.ports import CHUNK_BYTES, MessageDestination
from suture.connectors.sftp import door as sftp_door
from suture.connectors.sftp.destination import file_name
from suture.connectors.sftp.settings import SftpDestinationSettings
from suture.model.envelope import ContentType
from suture.model.fault import Fault

X12: ContentType = "application/edi-x12"
BODY = b"ISA*00*" + b"x" * 3 * CHUNK_BYTES


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    """Return an OpenSSH server."""
    folder = tmp_path / "server"
    folder.mkdir()
    with openssh(folder) as told:
        yield told


@pytest.fixture
def peer(tmp_path: Path, inbox: Path, runner: asyncio.Runner) -> Iterator[SftpPeer]:
    """Return a server that does what OpenSSH never does."""
    told = SftpPeer(tmp_path)
    runner.run(told.start())
    yield told
    runner.run(told.stop())


async def sending(server: SshServer, inbox: Path, **settings: Any) -> MessageDestination:
    told: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "known_hosts": (server.host_key,),
        "private_key": "env:KEY",
        "folder": str(inbox),
    }
    here = surroundings_at(inbox.parent, KEY=server.client_key.read_text())
    opened = await registry.open_messages(SftpDestinationSettings(**told | settings), here)
    assert not isinstance(opened, Fault), opened
    return opened


async def sending_to(peer: SftpPeer) -> MessageDestination:
    settings = SftpDestinationSettings(
        host="127.0.0.1",
        port=peer.port,
        user=USER,
        known_hosts=(peer.known_host,),
        private_key="env:KEY",
        folder="inbox",
        silence_seconds_max=0.3,
    )
    opened = await registry.open_messages(settings, peer.surroundings(peer.folder))
    assert not isinstance(opened, Fault), opened
    return opened


def there(inbox: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in inbox.iterdir()}


def code(outcome: Outcome) -> str:
    assert not isinstance(outcome, Delivered)
    return outcome.fault.code


async def test_a_message_is_one_file_and_known_again(server: SshServer, inbox: Path) -> None:
    destination = await sending(server, inbox)
    told = [await destination.send(BODY, key="000000017", content_type=X12) for _ in range(2)]
    name = "000000017.x12"
    assert [Delivered(name, "created"), Delivered(name, "replayed")] == told
    assert {name: BODY} == there(inbox)
    assert isinstance(await destination.health(), Healthy)
    await destination.close()


@pytest.mark.parametrize("other", [b"", BODY[:-1] + b"y", b"ISA*00*"])
async def test_another_file_of_that_name_stays_and_the_message_is_refused(
    other: bytes, server: SshServer, inbox: Path
) -> None:
    (inbox / "1.x12").write_bytes(other)
    destination = await sending(server, inbox)
    told = await destination.send(BODY, key="1", content_type=X12)
    assert isinstance(told, Refused)
    assert ("sftp.file.taken", {"1.x12": other}) == (code(told), there(inbox))
    await destination.close()


async def test_b62_a_link_under_that_name_is_neither_read_nor_written(
    server: SshServer, inbox: Path
) -> None:
    (inbox.parent / "elsewhere").write_bytes(BODY)
    (inbox / "1.x12").symlink_to(inbox.parent / "elsewhere")
    destination = await sending(server, inbox)
    assert "sftp.file.taken" == code(await destination.send(BODY, key="1", content_type=X12))
    await destination.close()


async def test_an_empty_message_is_known_again_too(server: SshServer, inbox: Path) -> None:
    destination = await sending(server, inbox)
    told = [await destination.send(b"", key="1", content_type=X12) for _ in range(2)]
    assert [Delivered("1.x12", "created"), Delivered("1.x12", "replayed")] == told
    await destination.close()


async def test_messages_go_side_by_side_over_one_connection(peer: SftpPeer) -> None:
    destination = await sending_to(peer)
    told = await asyncio.gather(
        *(
            destination.send(f"ISA{number}".encode(), key=str(number), content_type=X12)
            for number in range(20)
        )
    )
    assert [Delivered(f"{number}.x12", "created") for number in range(20)] == told
    assert 1 == peer.logins_count
    await destination.close()


async def test_two_attempts_at_once_make_one_file(server: SshServer, inbox: Path) -> None:
    destination = await sending(server, inbox)
    told = await asyncio.gather(
        *(destination.send(BODY, key="1", content_type=X12) for _ in range(4))
    )
    assert {Delivered("1.x12", "created"), Delivered("1.x12", "replayed")} >= set(told)
    assert 1 == told.count(Delivered("1.x12", "created"))
    assert {"1.x12": BODY} == there(inbox)
    await destination.close()


@pytest.mark.parametrize("does", ["done-hush", "done-cut"])
async def test_a_message_that_arrived_unanswered_is_found_before_it_is_sent_again(
    does: str, peer: SftpPeer, inbox: Path
) -> None:
    destination = await sending_to(peer)
    peer.does = does
    told = await destination.send(BODY, key="1", content_type=X12)
    assert isinstance(told, Unknown)
    assert "sftp.reply.absent" == code(told)
    peer.does = "take"
    assert Delivered("1.x12", "replayed") == await destination.send(BODY, key="1", content_type=X12)
    assert {"1.x12": BODY} == there(inbox)
    await destination.close()


async def test_what_an_attempt_left_behind_goes_with_the_next(peer: SftpPeer, inbox: Path) -> None:
    destination = await sending_to(peer)
    peer.does = "cut"
    assert isinstance(await destination.send(BODY, key="1", content_type=X12), Unknown)
    assert [".part"] == [name[-5:] for name in there(inbox)]
    peer.does = "take"
    assert isinstance(await destination.send(BODY, key="2", content_type=X12), Delivered)
    assert ["2.x12"] == list(there(inbox))
    await destination.close()


async def test_a_server_that_was_killed_is_found_again(server: SshServer, inbox: Path) -> None:
    destination = await sending(server, inbox)
    assert isinstance(await destination.send(BODY, key="1", content_type=X12), Delivered)
    server.kill()
    told = [await destination.send(BODY, key="2", content_type=X12) for _ in range(2)]
    assert [Transient, Transient] == [type(each) for each in told]
    assert "sftp.server.away" == code(told[1])
    with openssh(inbox.parent / "server", server.port):
        assert isinstance(await destination.send(BODY, key="2", content_type=X12), Delivered)
        await destination.close()


async def test_a_folder_that_is_not_there_is_transient(server: SshServer, inbox: Path) -> None:
    destination = await sending(server, inbox / "absent")
    told = await destination.send(BODY, key="1", content_type=X12)
    assert isinstance(told, Transient)
    assert "sftp.folder.unusable" == code(told)
    assert isinstance(await destination.health(), Transient)
    await destination.close()


async def test_b71_another_server_is_told_nothing(server: SshServer, inbox: Path) -> None:
    other = SftpPeer(inbox).known_host
    destination = await sending(server, inbox, known_hosts=(other,))
    told = await destination.send(BODY, key="1", content_type=X12)
    assert isinstance(told, Transient)
    assert ("sftp.host_key.unknown", {}) == (code(told), there(inbox))
    await destination.close()


async def test_a_missing_library_is_told(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp_door, "find_spec", lambda _: None)
    settings = SftpDestinationSettings(host="h", user="u", known_hosts=())
    told = await registry.open_messages(settings, surroundings_at(inbox))
    assert isinstance(told, Fault)
    assert "sftp.library.absent" == told.code


@pytest.mark.parametrize("key", ["../../etc/x", "a/b", ".hidden", "", "x" * 400, "\u202e1", "a b"])
def test_b61_a_key_that_is_no_name_gets_one(key: str) -> None:
    name = file_name(key, ".x12")
    assert name == file_name(key, ".x12")
    assert name.startswith("k-")
    assert name.removeprefix("k-").removesuffix(".x12").isalnum()


@pytest.mark.parametrize(
    ("content_type", "suffix"),
    [("application/hl7-v2+er7", ".hl7"), ("application/fhir+json", ".json"), (X12, ".x12")],
)
async def test_a_name_tells_what_is_in_it(
    content_type: ContentType, suffix: str, server: SshServer, inbox: Path
) -> None:
    destination = await sending(server, inbox)
    told = await destination.send(b"x", key="K-1", content_type=content_type)
    assert Delivered(f"K-1{suffix}", "created") == told
    await destination.close()
