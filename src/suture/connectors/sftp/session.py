"""A connection to one SFTP server: made when it is needed, given up when it fails or falls silent.

Here: who the server must be, who we are, limits on time, and what asyncssh raises, told as the
`OSError` that the same mishap has on this machine. Not here: which files, `folder.py` and
`destination.py`. SSH is RFC 4251 to 4254; SFTP is version 3, draft-ietf-secsh-filexfer-02, with
OpenSSH's extensions where a server has them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import TypeVar, cast

import asyncssh

from suture.connectors.ports import CHUNK_BYTES
from suture.connectors.sftp.settings import Account, public_key
from suture.model.fault import Fault, fault

Secret = Callable[[str], str]
Answer = TypeVar("Answer")

KEEPALIVES_MAX = 3
"""Signs of life without an answer before the connection is given up."""

_LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.SFTPBadMessage)


class UnreachableError(ConnectionError):
    """There is no connection to work with; it was not even begun."""

    def __init__(self, reason: Fault) -> None:
        """Take why."""
        super().__init__(reason.code)
        self.reason = reason


class _Introduction(asyncssh.SSHClient):
    """Meets the server; keeps what it showed where that is none of the keys it may have."""

    shown = ""

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002 - asyncssh's signature
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        """Say no: asyncssh asks only about keys that are not in `known_hosts` (B71)."""
        self.shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
        return False


class Session:
    """The connection of one door or destination, again and again."""

    def __init__(self, account: Account, secret: Secret) -> None:
        """Take where the server is and how secrets are resolved; nothing is connected yet."""
        self._account = account
        self._secret = secret
        self._connection: asyncssh.SSHClientConnection | None = None
        self._files: asyncssh.SFTPClient | None = None
        self._connecting = asyncio.Lock()

    async def files(self) -> asyncssh.SFTPClient:
        """Return the server's files, over a new connection where there is none.

        Raises UnreachableError.
        """
        seconds_max = self._account.connect_seconds_max
        try:
            async with asyncio.timeout(seconds_max), self._connecting:
                if self._files is None:
                    self._files = await self._connect()
                return self._files
        except TimeoutError as error:
            reason = self._away(f"nobody let us in within {seconds_max:g} s")
            raise UnreachableError(reason) from error

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as this side knows."""
        return self._files is not None

    async def answer(self, asked: Awaitable[Answer]) -> Answer:
        """Await the answer to one request.

        Raises OSError: ConnectionError where there was none, else what the server said.
        """
        try:
            with self.limit(self._account.silence_seconds_max):
                return await asked
        except _LOST as error:
            self.drop()
            raise ConnectionAbortedError("the server did not answer") from error
        except asyncssh.SFTPError as error:
            raise _said(error) from error
        except (asyncssh.Error, OSError) as error:
            self.drop()
            raise ConnectionAbortedError("the connection broke") from error

    @contextlib.contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Give the connection up when what is within takes longer.

        Cancelling would not do: asyncssh asks the server to close its handle first, and would wait
        for the silent one again.
        """
        timer = asyncio.get_running_loop().call_later(seconds, self.drop)
        try:
            yield
        finally:
            timer.cancel()

    async def scan(self, folder: bytes) -> AsyncGenerator[tuple[bytes, asyncssh.SFTPAttrs]]:
        """Yield what lies in a folder, some at a time, however many there are (B72).

        A name that leads elsewhere is no file's name, whatever the server says (B61). Raises
        OSError.
        """
        files = await self.files()
        entries = cast("AsyncGenerator[asyncssh.SFTPName]", files.scandir(folder))
        try:
            while True:
                entry = await self.answer(anext(entries))
                name = entry.filename
                if isinstance(name, bytes) and is_plain(name):
                    yield name, entry.attrs
        except StopAsyncIteration:
            return
        finally:
            await self.answer(entries.aclose())

    async def verify(self, folder: bytes) -> None:
        """Make sure that a folder is there and that we may list it. Raises OSError."""
        async with contextlib.aclosing(self.scan(folder)) as entries:
            await anext(entries, None)

    async def look(self, path: bytes) -> asyncssh.SFTPAttrs | None:
        """Return what a path itself is, no link followed; None when nothing is there.

        Raises OSError.
        """
        files = await self.files()
        try:
            return await self.answer(files.lstat(path))
        except FileNotFoundError:
            return None

    async def read(self, file: asyncssh.SFTPClientFile, start: int) -> bytes:
        """Return a piece of an open file, at most `CHUNK_BYTES`; empty at its end. Raises OSError.

        asyncssh asks for its parts side by side, so a long way to the server costs little.
        """
        return cast("bytes", await self.answer(file.read(CHUNK_BYTES, start)))

    async def write(self, path: bytes, content: bytes) -> None:
        """Write a new file, down to the server's disk where the server can say so. Raises OSError.

        It must not be there: nothing, and no link, is ever written through.
        """
        files = await self.files()
        flags = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL
        file = await self.answer(files.open(path, flags, encoding=None))
        try:
            if content:
                await self.answer(file.write(content))
            with contextlib.suppress(_UnsupportedError):
                await self.answer(file.fsync())
        finally:
            await self.answer(file.close())

    def drop(self) -> None:
        """Give the connection up at once; the next request makes another."""
        connection, self._connection, self._files = self._connection, None, None
        if connection is not None:
            connection.abort()

    async def close(self) -> None:
        """Say goodbye."""
        connection, self._connection, self._files = self._connection, None, None
        if connection is not None:
            connection.close()
            timer = asyncio.get_running_loop().call_later(1.0, connection.abort)
            await connection.wait_closed()
            timer.cancel()

    def trouble(self, error: OSError, path: str) -> Fault:
        """Return what an error means to whoever runs this, at a path of the server."""
        if isinstance(error, UnreachableError):
            return error.reason
        if isinstance(error, ConnectionError):
            return self._away(str(error))
        where = f"{self._account.place}/{path}"
        return fault("sftp.folder.unusable", where, f"{path}: {error}")

    def _away(self, why: str) -> Fault:
        return fault("sftp.server.away", self._account.place, why)

    async def _connect(self) -> asyncssh.SFTPClient:
        account = self._account
        keys, known_hosts = self._keys(), self._known_hosts()
        if isinstance(keys, Fault):
            raise UnreachableError(keys)
        if isinstance(known_hosts, Fault):
            raise UnreachableError(known_hosts)
        password = self._secret(account.password) if account.password else ""
        introduction = _Introduction()
        try:
            self._connection = await asyncssh.connect(
                account.host,
                account.port,
                client_factory=lambda: introduction,
                username=account.user,
                known_hosts=(known_hosts, [], []),
                client_keys=keys or None,
                password=password or None,
                preferred_auth=[
                    *(["publickey"] if keys else []),
                    *(["password"] if password else []),
                ],
                keepalive_interval=account.keepalive_seconds,
                keepalive_count_max=KEEPALIVES_MAX,
                # Nothing of the machine's user counts: no agent, configuration or certificates.
                config=None,
                agent_path=None,
                x509_trusted_certs=None,
                gss_host=None,
            )
            with self.limit(account.connect_seconds_max):
                return await self._connection.start_sftp_client()
        except (asyncssh.Error, OSError) as error:
            self.drop()
            if isinstance(error, TimeoutError):
                raise
            raise UnreachableError(self._unconnected(error, introduction.shown)) from error
        except BaseException:
            self.drop()
            raise

    def _keys(self) -> list[asyncssh.SSHKey] | Fault:
        """Return our private key, where we have one."""
        account = self._account
        if not account.private_key:
            return []
        content = self._secret(account.private_key)
        passphrase = self._secret(account.passphrase) if account.passphrase else None
        try:
            return [asyncssh.import_private_key(f"{content}\n", passphrase)]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            why = f"`private_key` cannot be read as one: {type(error).__name__}"
            return fault("sftp.login.refused", account.place, why)

    def _known_hosts(self) -> list[asyncssh.SSHKey] | Fault:
        """Return the keys that the server may have. No key at all would let in nobody."""
        lines = self._account.known_hosts
        try:
            return [asyncssh.import_public_key(public_key(line)) for line in lines]
        except asyncssh.KeyImportError:
            why = "a line of `known_hosts` is no public key"
            return fault("sftp.host_key.unknown", self._account.place, why)

    def _unconnected(self, error: Exception, shown: str) -> Fault:
        place = self._account.place
        match error:
            case asyncssh.HostKeyNotVerifiable():
                return fault("sftp.host_key.unknown", place, f"the server showed {shown}")
            case asyncssh.KeyExchangeFailed() if not shown:
                why = "it has no key of the kinds in `known_hosts`, or no other method of ours"
                return fault("sftp.host_key.unknown", place, why)
            case asyncssh.PermissionDenied():
                return fault("sftp.login.refused", place, "the server did not let us in")
            case OSError():
                return self._away(error.strerror or type(error).__name__)
            case _:
                return self._away(type(error).__name__)


def is_plain(name: bytes) -> bool:
    """Return whether this names a file of the folder it is in, and leads nowhere else (B61)."""
    return name not in {b"", b".", b".."} and b"/" not in name and b"\0" not in name


class _UnsupportedError(OSError):
    """The server does not know how."""


def _said(error: asyncssh.SFTPError) -> OSError:
    """Return what the server said, without its own words: a path in them may name a patient."""
    match error:
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return FileNotFoundError("it is not there")
        case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
            return PermissionError("the server does not allow it")
        case asyncssh.SFTPFileAlreadyExists():
            return FileExistsError("it is there already")
        case asyncssh.SFTPNoSpaceOnFilesystem() | asyncssh.SFTPQuotaExceeded():
            return OSError("the server has no room left")
        case asyncssh.SFTPOpUnsupported():
            return _UnsupportedError("the server cannot do it")
        case _:
            return OSError(f"the server says that it failed (status {error.code})")
