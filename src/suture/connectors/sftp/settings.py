"""What `[sftp]` of a source or a destination may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, ClassVar

import msgspec

from suture.governance.connector import (
    Count,
    DestinationKind,
    DestinationSettings,
    Port,
    Seconds,
    SecretReference,
    SourceKind,
    SourceSettings,
)
from suture.governance.reading import Document, Keys, invalid
from suture.model.fault import Fault

Waiting = Annotated[float, msgspec.Meta(gt=0, le=24 * 60 * 60)]
"""Seconds after which we give up: never 0, which would be never or at once."""
FileName = Annotated[str, msgspec.Meta(pattern=r"^[^/\x00-\x1f]*\Z")]
RemotePath = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]+\Z", max_length=1000)]
Host = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.:_-]+\Z", max_length=253)]

_KNOWN_HOST = re.compile(r"(?:\S+ +)?(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d{3}) +(\S+)(?: .*)?")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A server, how we know that it is the one, and as whom we come: what both tables share."""

    host: Host
    port: Port = 22
    user: str
    known_hosts: tuple[str, ...]
    """The only keys the server may have, as `ssh-keyscan` and known_hosts write them (B71)."""
    private_key: SecretReference = ""
    passphrase: SecretReference = ""
    password: SecretReference = ""
    connect_seconds_max: Waiting = 15.0
    """Until we are let in."""
    silence_seconds_max: Waiting = 60.0
    """Until an answer to one request; then the connection is given up."""
    keepalive_seconds: Seconds = 30.0
    """Between two signs of life; three without an answer end the connection. 0: none."""

    @property
    def place(self) -> str:
        """Where it is and as whom we come, for people."""
        return f"sftp://{self.user}@{self.host}:{self.port}"

    def account_faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with how the server is known, and with how we prove who we are."""
        if not self.known_hosts:
            reason = "without a key that the server must have, anybody could be the server"
            yield invalid(document, (*keys, "known_hosts"), reason)
        if not all(public_key(line) for line in self.known_hosts):
            reason = (
                "a line is no public key: `ssh-ed25519 AAAA...`, "
                "as `ssh-keyscan` writes it and the server's operator confirms it"
            )
            yield invalid(document, (*keys, "known_hosts"), reason)
        if not (self.private_key or self.password):
            reason = "there is no `password` either, so we cannot prove who we are"
            yield invalid(document, (*keys, "private_key"), reason)
        if self.passphrase and not self.private_key:
            yield invalid(document, (*keys, "passphrase"), "there is no `private_key` to open")


def public_key(line: str) -> str:
    """Return a server's public key out of a line of known_hosts; empty where there is none.

    RFC 4253, 6.6: what is encoded begins with the name of the key's algorithm.
    """
    told = _KNOWN_HOST.fullmatch(line.strip())
    if told is None:
        return ""
    algorithm = told[1].encode()
    try:
        encoded = base64.b64decode(told[2], validate=True)
    except (binascii.Error, ValueError):
        return ""
    begins = len(algorithm).to_bytes(4, "big") + algorithm
    return f"{told[1]} {told[2]}" if encoded.startswith(begins) and encoded != begins else ""


class SftpSettings(Account, SourceSettings, frozen=True, kw_only=True):
    """A folder of a server, and when a file in it is whole."""

    kind: ClassVar[SourceKind] = "file"

    folder: RemotePath = "."
    """On the server; a relative one begins where the user is let in."""
    pattern: FileName = "*"
    stable_seconds: Seconds = 10.0
    """A file is whole when its size and time stood still between two looks so far apart ..."""
    done_suffix: FileName = ""
    """... or, where this is set, only when `<name><suffix>` lies beside it."""
    bytes_max: Count = 4 * 1024**3
    fetch_seconds_max: Waiting = 3600.0
    """Of one file, from the first byte to the last."""
    keep_files: bool = False
    """Keep settled files, in clear, in `archive_folder`; else only the sealed copy stays."""
    archive_folder: RemotePath = "archive"
    error_folder: RemotePath = "error"
    replies_folder: RemotePath = "replies"
    """These three lie in `folder`, unless they begin with `/`."""

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - it is not on this machine
        """Return the server and the folder with the pattern of names that are taken."""
        return f"{self.place}/{self.folder}/{self.pattern}"

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with the account, or between the folders."""
        yield from self.account_faults(document, keys)
        told = [self.error_folder, self.replies_folder]
        told += [self.archive_folder] if self.keep_files else []
        if len({*told, self.folder, "."}) < len({self.folder, "."}) + len(told):
            reason = "the folders for archive, errors and replies are each a folder of their own"
            yield invalid(document, (*keys, "folder"), reason)


class SftpDestinationSettings(Account, DestinationSettings, frozen=True, kw_only=True):
    """A folder of a server in which each message is left as a file."""

    kind: ClassVar[DestinationKind] = "message"

    folder: RemotePath = "."
    """On the server; a relative one begins where the user is let in."""
    suffix: FileName = ""
    """Of each file's name; empty: by what is in it, `.hl7`, `.x12`, `.json` or `.xml`."""
    send_seconds_max: Waiting = 120.0
    """Of one message, once we are let in."""
    messages_at_once_max: Count = 4
    """Side by side, over one connection."""

    @property
    def address(self) -> str:
        """The server and the folder."""
        return f"{self.place}/{self.folder}"

    @property
    def attempt_seconds_max(self) -> float:
        """After how long one attempt has ended in any case."""
        return self.connect_seconds_max + self.send_seconds_max

    @property
    def at_once_max(self) -> int:
        """How many messages are sent side by side."""
        return self.messages_at_once_max

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with the account."""
        yield from self.account_faults(document, keys)
