"""Access tokens by SMART Backend Services: we sign who we are, and get a token for a while.

HL7 SMART App Launch 2.2, "Backend Services" and "Client Authentication: Asymmetric": a JWT
(RFC 7523) signed by RS384 or ES384, sent with `client_credentials`. The key is read when it is
needed, so that one that changes counts at the next token; nothing of it or of a token is told.
"""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from suture.connectors.egress import Egress, Lost, Reply
from suture.connectors.fhir_rest.settings import SmartSettings
from suture.model.fault import Fault, fault

ASSERTION_SECONDS = 240
"""At most five minutes (SMART App Launch)."""
RENEWED_SECONDS_BEFORE = 30.0
TOKEN_SECONDS_DEFAULT = 300.0
"""Where the server does not say."""
RSA_BITS_MIN = 2048
P384_BYTES = 48
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_Shape = TypeVar("_Shape", bound=msgspec.Struct)
Reach = Callable[[str], Egress | Fault]
"""Opens the way to the server of an address."""


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    token_type: str = "bearer"  # noqa: S105 - its kind
    expires_in: float = TOKEN_SECONDS_DEFAULT


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""


class _Configuration(msgspec.Struct, frozen=True):
    token_endpoint: str


class Tokens:
    """The token of one client at one server; kept until shortly before it ends."""

    def __init__(
        self, settings: SmartSettings, secret: Callable[[str], str], base: URL, reach: Reach
    ) -> None:
        """Take who we are, how the key is read, the FHIR server's base, and the ways out."""
        self._settings = settings
        self._secret = secret
        self._base = base
        self._reach = reach
        self._token = ""
        self._ends_at = 0.0
        self._token_url = settings.token_url

    async def bearer(self) -> str | Fault:
        """Return a token that is good for some time yet."""
        if self._token and time.monotonic() < self._ends_at:
            return self._token
        if not self._token_url:
            found = await self._discover()
            if isinstance(found, Fault):
                return found
            self._token_url = found
        key = load_key(self._secret(self._settings.private_key))
        if key is None:
            return fault("fhir_rest.key.unusable", self._settings.private_key)
        return await self._ask(key)

    def forget(self) -> None:
        """Drop a token that the server does not take any more."""
        self._token = ""

    async def _ask(self, key: _Key) -> str | Fault:
        egress = self._reach(self._token_url)
        if isinstance(egress, Fault):
            return egress
        form = {
            "grant_type": "client_credentials",
            "scope": " ".join(self._settings.scopes),
            "client_assertion_type": _ASSERTION,
            "client_assertion": signed(self._claims(), key, self._settings.key_id),
        }
        reply = await egress.request(
            "POST",
            URL(self._token_url).path.lstrip("/"),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
            body=urlencode(form).encode(),
        )
        if isinstance(reply, Lost):
            return reply.fault
        token = _read(reply, _Token) if reply.status == 200 else None
        if token is None or token.token_type.lower() != "bearer" or not _is_sendable(token):
            return fault("fhir_rest.token.refused", egress.where, _refusal(reply))
        margin = min(RENEWED_SECONDS_BEFORE, token.expires_in / 2)
        self._token, self._ends_at = (
            token.access_token,
            time.monotonic() + token.expires_in - margin,
        )
        return self._token

    def _claims(self) -> dict[str, object]:
        return {
            "iss": self._settings.client_id,
            "sub": self._settings.client_id,
            "aud": self._token_url,
            "exp": int(time.time()) + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(24),
        }

    async def _discover(self) -> str | Fault:
        """Ask the FHIR server where its tokens are given."""
        egress = self._reach(str(self._base))
        if isinstance(egress, Fault):
            return egress
        path = self._base.path.strip("/") + "/.well-known/smart-configuration"
        headers = {"Accept": "application/json"}
        reply = await egress.request("GET", path.lstrip("/"), headers=headers)
        if isinstance(reply, Lost):
            return reply.fault
        told = _read(reply, _Configuration) if reply.status == 200 else None
        if told is None:
            return fault("fhir_rest.smart.absent", egress.where, f"HTTP {reply.status}")
        return told.token_endpoint


def _is_sendable(token: _Token) -> bool:
    return token.access_token.isascii() and token.access_token.isprintable()


def _read(reply: Reply, shape: type[_Shape]) -> _Shape | None:
    try:
        return msgspec.json.decode(reply.body, type=shape)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _refusal(reply: Reply) -> str:
    """Return why there is no token: the code of RFC 6749, 5.2, and no sentence."""
    told = _read(reply, _Refusal)
    code = told.error if told is not None else ""
    known = code if code.isascii() and code.replace("_", "").isalpha() else ""
    return f"HTTP {reply.status} {known[:40]}".rstrip()


def load_key(pem: str) -> _Key | None:
    """Return a private key that may sign an assertion; None for anything else."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        return None
    if isinstance(key, rsa.RSAPrivateKey):
        return key if key.key_size >= RSA_BITS_MIN else None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return key
    return None


def signed(claims: dict[str, object], key: _Key, key_id: str) -> str:
    """Return claims as a JWT (RFC 7519) by RS384 or ES384 (RFC 7518, 3.3 and 3.4)."""
    algorithm = "RS384" if isinstance(key, rsa.RSAPrivateKey) else "ES384"
    header: dict[str, object] = {"alg": algorithm, "typ": "JWT"}
    if key_id:
        header["kid"] = key_id
    told = ".".join(_encoded(msgspec.json.encode(part)) for part in (header, claims))
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(told.encode(), padding.PKCS1v15(), hashes.SHA384())
    else:
        pair = decode_dss_signature(key.sign(told.encode(), ec.ECDSA(hashes.SHA384())))
        signature = b"".join(each.to_bytes(P384_BYTES, "big") for each in pair)
    return f"{told}.{_encoded(signature)}"


def _encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()
