"""TLS of connections in and out, as settings say it and as sockets take it: 1.2 or newer.

Here: certificates by reference (`file:`), mutual authentication, and contexts that follow their
files, so that a renewed certificate counts from the next connection on. Not here: sockets, which
are each connector's own. NIST SP 800-52r2; Python's own defaults choose ciphers.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from suture.governance.connector import SecretReference
from suture.governance.reading import Document, Keys, invalid
from suture.model.fault import Fault, fault

FileReference = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(file:[^\x00\r\n]+)?\Z", description="`file:` and the path of a PEM file"
    ),
]
_FILE = "file:"


class ServerTls(msgspec.Struct, frozen=True, kw_only=True):
    """How a door proves who it is, and whom it lets in; without a certificate it speaks in clear.

    Relative paths lie in the installation's folder.
    """

    certificate: FileReference = ""
    """Its chain, PEM."""
    private_key: SecretReference = ""
    client_authority: FileReference = ""
    """Whose certificates clients must show; empty asks for none."""

    @property
    def is_on(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.certificate)


class ClientTls(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a connection out trusts, and how it proves who we are."""

    is_on: bool = False
    authority: FileReference = ""
    """Whose certificate the other side must show; empty trusts those the system trusts."""
    server_name: str = ""
    """The name its certificate must hold; empty for `host`."""
    certificate: FileReference = ""
    """Ours, where the other side asks for one: its chain, PEM."""
    private_key: SecretReference = ""


def tls_faults(document: Document, keys: Keys, tls: ServerTls | ClientTls) -> Iterator[Fault]:
    """Yield what is wrong between the settings of one `tls` table."""
    if bool(tls.certificate) != bool(tls.private_key):
        missing, other = (
            ("private_key", "certificate") if tls.certificate else ("certificate", "private_key")
        )
        yield invalid(document, (*keys, missing), f"`{other}` is of no use without it")
    if tls.private_key and not tls.private_key.startswith(_FILE):
        yield invalid(document, (*keys, "private_key"), "a private key is a file: `file:path`")
    is_idle = isinstance(tls, ClientTls) and not tls.is_on and (tls.authority or tls.certificate)
    if is_idle:
        yield invalid(document, (*keys, "is_on"), "the other keys say how, and it is off")
    if isinstance(tls, ServerTls) and tls.client_authority and not tls.certificate:
        yield invalid(
            document, (*keys, "certificate"), "`client_authority` is of no use without it"
        )


class Contexts:
    """The context of one door or destination, made again whenever one of its files has changed."""

    def __init__(self, make: Callable[[], ssl.SSLContext], files: tuple[Path, ...]) -> None:
        """Take what makes a context and the files it is made of."""
        self._make = make
        self._files = files
        self._stamp: tuple[tuple[int, int, int], ...] = ()
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext | Fault:
        """Return the context for the next connection.

        Files that cannot be used (a renewal that is half written) leave the one there was.
        """
        try:
            stamp = tuple(_stamp(file) for file in self._files)
            if self._context is None or stamp != self._stamp:
                self._context = self._make()
                self._stamp = stamp
        except OSError as error:  # ssl.SSLError is one
            if self._context is None:
                where = ", ".join(file.name for file in self._files)
                return fault("tls.files.unusable", where, f"they cannot be used: {_why(error)}")
        return self._context


def server_contexts(tls: ServerTls, home: Path) -> Contexts:
    """Return the contexts of a door that listens."""
    chain, key = _path(tls.certificate, home), _path(tls.private_key, home)
    authority = _path(tls.client_authority, home) if tls.client_authority else None

    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, key)
        if authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authority)
        return context

    return Contexts(make, (chain, key, *([authority] if authority else [])))


def client_contexts(tls: ClientTls, home: Path) -> Contexts:
    """Return the contexts of connections out; the other side's name is always checked."""
    authority = _path(tls.authority, home) if tls.authority else None
    own = [_path(each, home) for each in (tls.certificate, tls.private_key) if each]

    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if own:
            context.load_cert_chain(own[0], own[1])
        return context

    return Contexts(make, (*([authority] if authority else []), *own))


def _path(reference: str, home: Path) -> Path:
    return home / reference.removeprefix(_FILE)


def _stamp(file: Path) -> tuple[int, int, int]:
    told = file.stat()
    return told.st_mtime_ns, told.st_size, told.st_ino


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error.strerror or type(error).__name__)
