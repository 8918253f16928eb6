"""An SFTP server in the test's own loop, made with asyncssh's, that behaves badly when told to.

The real one is OpenSSH's (`tests/peers/peer.py`). This one does what OpenSSH never does: it falls
silent, cuts the line in the middle of a request, and names files as an attacker would.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh

from suture.connectors.ports import Surroundings

USER, PASSWORD = "riverbend", "correct horse"


class SftpPeer:
    """A server whose files lie in a folder of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.does = "take"
        """`hush` and `cut` before a file gets its name, `done-hush` and `done-cut` after it did."""
        self.listing: list[tuple[bytes, int]] | None = None
        """Names with sizes that it says there are, in place of those there are."""
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.logins_count = 0
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def known_host(self) -> str:
        return self.host_key.export_public_key().decode().strip()

    async def start(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Login(self),
            server_host_keys=[self.host_key],
            sftp_factory=lambda channel: _Files(self, channel),
            allow_scp=False,
        )
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            for each in self.connections:
                each.abort()
            await self._acceptor.wait_closed()
            self.connections.clear()
            self._acceptor = None

    def surroundings(self, home: Path) -> Surroundings:
        return Surroundings("a-source", home, self._secret)

    def _secret(self, reference: str) -> str:
        match reference:
            case "env:KEY":
                return self.client_key.export_private_key().decode()
            case "env:LOCKED":
                return self.client_key.export_private_key(passphrase="sesame").decode()
            case "env:PHRASE":
                return "sesame"
            case "env:PASSWORD":
                return PASSWORD
            case "env:OTHER":
                other = asyncssh.generate_private_key("ssh-ed25519")
                return other.export_private_key().decode()
            case "env:NONSENSE":
                return "no key"
            case _:
                return ""


class _Login(asyncssh.SSHServer):
    def __init__(self, peer: SftpPeer) -> None:
        self._peer = peer

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._peer.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self._peer.logins_count += 1
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        known = self._peer.client_key.convert_to_public()
        return (username, key.public_data) == (USER, known.public_data)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class _Files(asyncssh.SFTPServer):
    def __init__(self, peer: SftpPeer, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=os.fsencode(peer.folder))
        self._peer = peer

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        does = self._peer.does
        if does in {"take", "done-hush", "done-cut"}:
            super().rename(oldpath, newpath)
        if "cut" in does:
            for each in self._peer.connections:
                each.abort()
        if does != "take":
            await asyncio.Event().wait()

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        if self._peer.does == "hush":
            await asyncio.Event().wait()
        if self._peer.listing is None:
            async for each in super().scandir(path):
                yield each
            return
        for number, (name, size) in enumerate(self._peer.listing):
            told = asyncssh.SFTPAttrs(size=size, permissions=0o100644, atime=1, mtime=1000 + number)
            yield asyncssh.SFTPName(name, attrs=told)
