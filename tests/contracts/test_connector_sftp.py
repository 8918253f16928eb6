"""An SFTP source trusts one server, takes whole files only, and loses none: B61 to B72.

What holds for every door that brings files is `FileDoorContract`, which `test_door_sftp.py` passes.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from tests.contracts.door_contract import surroundings_at
from tests.contracts.sftp_peer import USER, SftpPeer
from tests.peers.peer import SshServer, openssh

from suture.connectors import registry
from suture.connectors.ports import CHUNK_BYTES, FileDoor, read_chunks
from suture.connectors.sftp import door as sftp_door
from suture.connectors.sftp.folder import FILES_LOOKED_MAX, RemoteFile
from suture.connectors.sftp.settings import SftpSettings, public_key
from suture.governance.reading import Document
from suture.model.fault import Fault

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBYt2u2J5mD3yD8sQb0hVQbFvV1bX0m1mS4Zl1gk3m7A"
AT_ONCE: dict[str, Any] = {"stable_seconds": 0.0}


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


async def opened(server: SshServer, inbox: Path, **settings: Any) -> FileDoor[RemoteFile] | Fault:
    told: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "known_hosts": (server.host_key,),
        "private_key": "env:KEY",
        "folder": str(inbox),
    }
    here = surroundings_at(inbox.parent, KEY=server.client_key.read_text())
    return await registry.open_file_door(SftpSettings(**told | settings), here)


async def opened_at(peer: SftpPeer, **settings: Any) -> FileDoor[RemoteFile] | Fault:
    told: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": peer.port,
        "user": USER,
        "known_hosts": (peer.known_host,),
        "private_key": "env:KEY",
        "folder": "inbox",
    }
    here = peer.surroundings(peer.folder)
    return await registry.open_file_door(SftpSettings(**told | AT_ONCE | settings), here)


def listed(folder: Path) -> list[tuple[str, bool]]:
    """Return what lies in a folder, and whether each is a file."""
    return [(each.name, each.is_file()) for each in folder.iterdir()]


def is_open(door: FileDoor[RemoteFile] | Fault) -> FileDoor[RemoteFile]:
    assert not isinstance(door, Fault), door
    return door


async def names(door: FileDoor[RemoteFile], at_seconds: float) -> list[str]:
    found = await door.find(at_seconds)
    assert not isinstance(found, Fault), found
    return [each.name for each in found]


async def only(door: FileDoor[RemoteFile]) -> RemoteFile:
    found = await door.find(1000.0)
    assert not isinstance(found, Fault), found
    (file,) = found
    return file


# Which server --------------------------------------------------------------------------------


async def test_b71_a_server_with_another_key_is_told_nothing(peer: SftpPeer) -> None:
    told = await opened_at(peer, known_hosts=(HOST_KEY,))
    assert isinstance(told, Fault)
    shown = peer.host_key.get_fingerprint()
    assert ("sftp.host_key.unknown", 0) == (told.code, peer.logins_count)
    assert f"the server showed ssh-ed25519 {shown}" == told.explanation


async def test_b71_a_server_with_a_key_of_another_kind_is_told_nothing(peer: SftpPeer) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    told = await opened_at(peer, known_hosts=(other.strip(),))
    assert isinstance(told, Fault)
    assert ("sftp.host_key.unknown", 0) == (told.code, peer.logins_count)


async def test_b71_a_server_that_changes_its_key_is_asked_for_nothing_more(peer: SftpPeer) -> None:
    door = is_open(await opened_at(peer))
    await peer.stop()
    kept, peer.host_key = peer.host_key, asyncssh.generate_private_key("ssh-ed25519")
    await peer.start()
    logins_count = peer.logins_count
    assert isinstance(await door.find(1.0), Fault), "the connection there was is gone"
    told = await door.find(1.0)
    assert isinstance(told, Fault)
    assert ("sftp.host_key.unknown", logins_count) == (told.code, peer.logins_count)
    await peer.stop()
    peer.host_key = kept
    await peer.start()
    assert [] == await names(door, 2.0)
    await door.close()


async def test_while_a_key_is_being_changed_either_is_known(peer: SftpPeer) -> None:
    door = await opened_at(peer, known_hosts=(HOST_KEY, f"sftp.example {peer.known_host}"))
    await is_open(door).close()


@pytest.mark.parametrize(
    "secrets",
    [
        {"private_key": "env:KEY"},
        {"private_key": "env:LOCKED", "passphrase": "env:PHRASE"},
        {"private_key": "", "password": "env:PASSWORD"},
        {"private_key": "env:OTHER", "password": "env:PASSWORD"},
    ],
)
async def test_a_key_or_a_password_lets_us_in(secrets: dict[str, str], peer: SftpPeer) -> None:
    await is_open(await opened_at(peer, **secrets)).close()


@pytest.mark.parametrize(
    "secrets",
    [
        {"private_key": "env:OTHER"},
        {"private_key": "env:LOCKED"},
        {"private_key": "env:NONSENSE"},
        {"private_key": "env:ABSENT"},
        {"private_key": "", "password": "env:PHRASE"},
        {"private_key": "", "password": "env:ABSENT"},
    ],
)
async def test_without_the_right_secret_we_are_not_let_in(
    secrets: dict[str, str], peer: SftpPeer
) -> None:
    told = await opened_at(peer, **secrets)
    assert isinstance(told, Fault)
    assert "sftp.login.refused" == told.code


async def test_a_missing_library_is_told_with_what_to_install(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp_door, "find_spec", lambda _: None)
    settings = SftpSettings(host="sftp.example", user="x", known_hosts=(HOST_KEY,))
    told = await registry.open_file_door(settings, surroundings_at(inbox))
    assert isinstance(told, Fault)
    assert "sftp.library.absent" == told.code
    assert "suture[sftp]" in told.remedy


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (HOST_KEY, HOST_KEY),
        (f"[sftp.example]:2222 {HOST_KEY} added by hand", HOST_KEY),
        ("*", ""),
        ("ssh-ed25519 AAAA", ""),
        (HOST_KEY.replace("ssh-ed25519", "ssh-rsa"), ""),
        (f"@cert-authority * {HOST_KEY}", ""),
        ("SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDUXlhzDQM6nPZLTYU", ""),
    ],
)
def test_b71_only_a_public_key_is_one(line: str, key: str) -> None:
    assert key == public_key(line)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"known_hosts": ()}, "known_hosts"),
        ({"known_hosts": ("*",)}, "known_hosts"),
        ({"private_key": ""}, "private_key"),
        ({"private_key": "", "password": "env:P", "passphrase": "env:X"}, "passphrase"),
        ({"error_folder": "replies"}, "folder"),
        ({"folder": "in", "replies_folder": "in"}, "folder"),
        ({"keep_files": True, "archive_folder": "error"}, "folder"),
        ({"keep_files": True}, ""),
        ({"archive_folder": "error"}, ""),
    ],
)
def test_settings_that_cannot_work_are_told(settings: dict[str, Any], key: str) -> None:
    told: dict[str, Any] = {
        "host": "h",
        "user": "u",
        "known_hosts": (HOST_KEY,),
        "private_key": "env:K",
    }
    faults = list(SftpSettings(**told | settings).faults(Document("s.toml", "", {}), ("sftp",)))
    assert ([f"`sftp.{key}`"] if key else []) == [
        each.explanation.partition(":")[0] for each in faults
    ]


# Which files ---------------------------------------------------------------------------------


async def test_b61_a_name_that_leads_elsewhere_is_no_file(peer: SftpPeer) -> None:
    door = is_open(await opened_at(peer))
    (peer.folder / "outside.835").write_bytes(b"ISA")
    hostile = [b"../outside.835", b"/etc/passwd", b"a/../../outside.835", b"..", b"", b"a\0b"]
    peer.listing = [(name, 3) for name in [*hostile, b"plain.835"]]
    assert ["plain.835"] == await names(door, 1.0)
    await door.close()


@pytest.mark.parametrize(
    "name", [b"C:\\x.835", b"a\nb.835", b"\xff\xfe.835", "\u202efdp.835".encode(), b"x" * 250]
)
async def test_b61_a_file_is_taken_whatever_its_name_is(
    name: bytes, server: SshServer, inbox: Path
) -> None:
    door = is_open(await opened(server, inbox, keep_files=True, **AT_ONCE))
    (inbox / os.fsdecode(name)).write_bytes(b"ISA")
    file = await only(door)
    assert file.name.isprintable()
    with await door.open(file) as stream:
        assert b"ISA" == stream.read()
    await door.settle(file, identity="trn_" + "0" * 26)
    kept = [each.name for each in (inbox / "archive").iterdir()]
    assert ["trn_" + "0" * 26 + f"-{file.name}"] == kept
    assert [] == await names(door, 1001.0)
    await door.close()


async def test_b62_links_and_pipes_are_put_aside_unread(server: SshServer, inbox: Path) -> None:
    door = is_open(await opened(server, inbox, **AT_ONCE))
    (inbox.parent / "secret").write_bytes(b"not for anybody")
    (inbox / "a.835").symlink_to(inbox.parent / "secret")
    os.mkfifo(inbox / "b.835")
    found = await door.find(1.0)
    assert not isinstance(found, Fault)
    assert ["it is a link, a pipe or a device, not a file"] * 2 == [each.refusal for each in found]
    for number, file in enumerate(found):
        await door.put_aside(file, identity=f"trn_{number}")
    assert ["trn_0", "trn_1"] == sorted(each.name for each in (inbox / "error").iterdir())
    assert b"not for anybody" == (inbox.parent / "secret").read_bytes()
    await door.close()


async def test_b62_a_link_that_took_the_place_of_a_file_is_not_followed(
    server: SshServer, inbox: Path
) -> None:
    door = is_open(await opened(server, inbox, **AT_ONCE))
    (inbox / "a.835").write_bytes(b"12345")
    file = await only(door)
    (inbox.parent / "secret").write_bytes(b"54321")
    os.utime(inbox.parent / "secret", (file.mark[1], file.mark[1]))
    (inbox / "a.835").unlink()
    (inbox / "a.835").symlink_to(inbox.parent / "secret")
    with pytest.raises(OSError, match="another file"):
        await door.open(file)
    await door.close()


async def test_b62_a_link_in_the_place_of_a_folder_of_ours_is_not_used(
    server: SshServer, inbox: Path
) -> None:
    (inbox.parent / "elsewhere").mkdir()
    (inbox / "replies").symlink_to(inbox.parent / "elsewhere")
    told = await opened(server, inbox)
    assert isinstance(told, Fault)
    assert ("sftp.folder.unusable", "replies: it is not a folder") == (told.code, told.explanation)


async def test_b65_a_file_is_taken_when_it_has_stood_still(server: SshServer, inbox: Path) -> None:
    door = is_open(await opened(server, inbox, stable_seconds=5.0))
    path = inbox / "a.835"
    path.write_bytes(b"ISA")
    assert [[], []] == [await names(door, at_seconds) for at_seconds in (100.0, 104.9)]
    path.write_bytes(b"ISA*")
    assert [[], []] == [await names(door, at_seconds) for at_seconds in (105.0, 109.9)]
    os.utime(path, (1, 1))
    assert [[], ["a.835"]] == [await names(door, at_seconds) for at_seconds in (110.0, 115.0)]
    await door.close()


async def test_b65_a_done_file_says_when_where_one_is_agreed(
    server: SshServer, inbox: Path
) -> None:
    door = is_open(await opened(server, inbox, done_suffix=".done", pattern="*.835"))
    for name in ("a.835", "b.835", "c.txt", "c.txt.done", "gone.835.done", ".done"):
        (inbox / name).write_bytes(b"ISA")
    assert [] == await names(door, 1.0)
    (inbox / "b.835.done").touch()
    file = await only(door)
    assert "b.835" == file.name
    await door.settle(file, identity="trn_1")
    left = [name for name, is_file in sorted(listed(inbox)) if is_file]
    assert [".done", "a.835", "c.txt", "c.txt.done", "gone.835.done"] == left
    await door.close()


async def test_b65_a_file_that_is_not_as_long_as_it_was_said_to_be_is_not_taken(
    peer: SftpPeer,
) -> None:
    door = is_open(await opened_at(peer))
    (peer.folder / "inbox" / "a.835").write_bytes(b"ISA*")
    peer.listing = [(b"a.835", 3)]
    with pytest.raises(OSError, match="another file"):
        await door.open(await only(door))
    await door.close()


async def test_b72_of_very_many_files_the_oldest_are_found_first(peer: SftpPeer) -> None:
    door = is_open(await opened_at(peer))
    peer.listing = [(f"{number}.835".encode(), 1) for number in range(5 * FILES_LOOKED_MAX)]
    wanted = [f"{number}.835" for number in range(FILES_LOOKED_MAX)]
    assert wanted == await names(door, 1.0)
    peer.listing = peer.listing[FILES_LOOKED_MAX + 1 :]
    assert [f"{FILES_LOOKED_MAX + 1}.835"] == (await names(door, 2.0))[:1]
    await door.close()


async def test_a_folder_is_no_file_and_neither_is_what_does_not_match(
    server: SshServer, inbox: Path
) -> None:
    door = is_open(await opened(server, inbox, pattern="*.835", **AT_ONCE))
    (inbox / "older.835").mkdir()
    for name in (".a.835", "a.txt", "a.835"):
        (inbox / name).write_bytes(b"ISA")
    assert ["a.835"] == await names(door, 1.0)
    await door.close()


async def test_what_is_kept_lies_for_our_user_alone(server: SshServer, inbox: Path) -> None:
    await is_open(await opened(server, inbox, keep_files=True)).close()
    made = {name: (inbox / name).stat().st_mode & 0o777 for name, _ in listed(inbox)}
    assert {"archive": 0o700, "error": 0o700, "replies": 0o700} == made


async def test_folders_that_the_servers_operator_named_are_used(
    server: SshServer, inbox: Path
) -> None:
    replies = inbox.parent / "to them"
    replies.mkdir()
    door = is_open(await opened(server, inbox, replies_folder=str(replies)))
    await door.reply("trn_1-a.999", b"first")
    (replies / ".trn_1-a.999.part").write_bytes(b"of an attempt that broke off")
    await door.reply("trn_1-a.999", b"second")
    assert {"trn_1-a.999": b"second"} == {
        each.name: each.read_bytes() for each in replies.iterdir()
    }
    await door.close()


# A server that goes away ---------------------------------------------------------------------


async def test_a_server_that_is_killed_in_the_middle_of_a_file_costs_nothing(
    server: SshServer, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(CHUNK_BYTES) * 24
    (inbox / "large.835").write_bytes(content)
    door = is_open(await opened(server, inbox, **AT_ONCE))
    file = await only(door)
    pieces: list[int] = []

    async def to_thread(write: Any, chunk: bytes) -> None:
        write(chunk)
        pieces.append(len(chunk))
        if len(pieces) == 3:
            server.kill()

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    with pytest.raises(OSError, match=r"."):
        await door.open(file)
    assert 3 <= len(pieces) < 24
    told = await door.find(1001.0)
    assert isinstance(told, Fault)
    assert ("sftp.server.away", False) == (told.code, told.permanent)
    with pytest.raises(OSError, match=r"."):
        await door.settle(file, identity="trn_1")
    assert content == (inbox / "large.835").read_bytes()
    monkeypatch.undo()
    with openssh(inbox.parent / "server", server.port):
        again = await only(door)
        assert file.mark == again.mark
        with await door.open(again) as stream:
            assert content == b"".join(read_chunks(stream))
        await door.settle(again, identity="trn_1")
        assert [] == await names(door, 1002.0)
        await door.close()


async def test_nothing_of_a_fetched_file_has_a_name_here(
    server: SshServer, inbox: Path, tmp_path: Path
) -> None:
    door = is_open(await opened(server, inbox, **AT_ONCE))
    (inbox / "a.835").write_bytes(b"ISA")
    with await door.open(await only(door)):
        assert {"inbox", "server"} == {name for name, _ in listed(tmp_path)}
    await door.close()


async def test_a_server_that_falls_silent_is_given_up(peer: SftpPeer) -> None:
    door = is_open(await opened_at(peer, silence_seconds_max=0.3))
    peer.does = "hush"
    told = await door.find(1.0)
    assert isinstance(told, Fault)
    assert "sftp.server.away" == told.code
    peer.does = "take"
    assert [] == await names(door, 2.0)
    await door.close()


async def test_a_file_that_takes_too_long_is_left(peer: SftpPeer) -> None:
    (peer.folder / "inbox" / "a.835").write_bytes(b"x" * 8 * CHUNK_BYTES)
    door = is_open(await opened_at(peer, fetch_seconds_max=0.001))
    file = await only(door)
    with pytest.raises(OSError, match=r"."):
        await door.open(file)
    assert ["a.835"] == await names(door, 1001.0)
    await door.close()


async def test_a_server_that_says_nothing_at_all_is_given_up(inbox: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        peer = SftpPeer(inbox.parent)
        peer.port = mute.getsockname()[1]
        told = await opened_at(peer, connect_seconds_max=0.2)
    assert isinstance(told, Fault)
    assert ("sftp.server.away", "nobody let us in within 0.2 s") == (told.code, told.explanation)
