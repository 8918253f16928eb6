"""What doors that speak HTTP say alike in their settings: where they listen, whom they let in.

Settings only, so that checking an estate loads no server. Whom it lets in is `access.py`, how it
listens `ingress.py`; each connector's README tells the settings to whoever fills them in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, ClassVar

import msgspec

from suture.connectors.tls import ServerTls, tls_faults
from suture.governance.connector import (
    Count,
    Port,
    Seconds,
    SecretReference,
    SourceKind,
    SourceSettings,
)
from suture.governance.reading import Document, Keys, invalid
from suture.model.fault import Fault

UrlPath = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9._~/-]*\Z", max_length=200)]
Waiting = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How senders prove who they are; secrets are references, read at each request.

    Each secret may hold two, one on each line, while the one is replaced by the other.
    """

    token: SecretReference = ""
    """A bearer token (RFC 6750)."""
    username: str = ""
    password: SecretReference = ""
    """Of Basic authentication (RFC 7617), or of a UsernameToken in SOAP."""
    signing_secret: SecretReference = ""
    """Whoever has it signs each body as Standard Webhooks says; asked for beside the others."""
    tolerance_seconds: Seconds = 300.0
    """Between the time a signature was made at and ours."""
    is_anonymous_accepted: bool = False
    """Whether it needs none of these, nor a certificate."""


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may cost; the READMEs say what each protects from."""

    body_bytes_max: Count = 16 * 1024 * 1024
    ratio_max: Count = 100
    header_bytes_max: Count = 8 * 1024
    headers_max: Count = 64
    request_seconds_max: Waiting = 30.0
    idle_seconds_max: Waiting = 75.0
    reply_seconds_max: Waiting = 10.0
    connections_max: Count = 512
    connections_per_peer_max: Count = 16
    listener_bytes_max: Count = 128 * 1024 * 1024


class HttpListening(SourceSettings, frozen=True, kw_only=True):
    """Where a door listens for HTTP, and whom it lets in; port 0 takes any that is free."""

    kind: ClassVar[SourceKind] = "message"
    is_acknowledging: ClassVar[bool] = True

    host: str = "127.0.0.1"
    port: Port
    path: UrlPath = "/"
    """The only one there is."""
    is_plaintext_accepted: bool = False
    """Whether it may speak in clear with other machines, as behind a proxy that speaks TLS."""
    access: Access = Access()
    tls: ServerTls = ServerTls()
    limits: ServerLimits = ServerLimits()

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - of all connectors
        """Return the URL."""
        scheme = "https" if self.tls.is_on else "http"
        return f"{scheme}://{self.host}:{self.port or 'any free port'}{self.path}"

    def claims(self) -> tuple[str, ...]:
        """Return the port, which one program at a time can listen on."""
        return (f"Port {self.port}",) if self.port else ()

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with its certificates, and whom it would let in."""
        yield from tls_faults(document, (*keys, "tls"), self.tls)
        access = self.access
        if bool(access.username) != bool(access.password):
            reason = "a user has a password, and a password its user"
            yield invalid(document, (*keys, "access", "username"), reason)
        is_proven = access.token or access.username or access.signing_secret
        if not (is_proven or self.tls.client_authority or access.is_anonymous_accepted):
            reason = (
                "anybody could send: ask for a token, a password, a signature or a certificate, "
                "or say `is_anonymous_accepted = true`"
            )
            yield invalid(document, (*keys, "access"), reason)
        if not (self.tls.is_on or self.is_plaintext_accepted or is_loopback(self.host)):
            reason = (
                "it would speak in clear with other machines: give it a certificate under `tls`, "
                "or say `is_plaintext_accepted = true`"
            )
            yield invalid(document, (*keys, "host"), reason)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
