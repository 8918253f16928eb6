"""Who may come in over HTTP, and signatures of bodies: Standard Webhooks, in and out.

A signature is HMAC-SHA256 over `id.timestamp.body`, in `webhook-signature` as `v1,` and base64,
several of them separated by spaces; the key is base64 after `whsec_` (Standard Webhooks 1.0.0).
Everything secret is compared in constant time. Nothing here knows a clock.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from suture.connectors.listening import Access
from suture.model.fault import Fault, fault

KEY_BYTES_MIN = 24
"""Of a signing key; the standard says 24 to 64."""
SIGNATURES_MAX = 8
"""Looked at in one request."""
_PREFIX = "whsec_"
_ID = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


def signing_key(secret: str) -> bytes | None:
    """Return the key that a secret is, or None where it is none."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) >= KEY_BYTES_MIN else None


def signature(key: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one body, as a header says it."""
    signed = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


class Guard:
    """Lets senders of one source in: each secret is asked for whenever it is needed."""

    def __init__(self, access: Access, secret: Callable[[str], str]) -> None:
        """Take what is asked of senders, and what resolves references."""
        self._access = access
        self._secret = secret

    def missing(self) -> str:
        """Return a reference behind which there is nothing, or no key to sign with; else empty."""
        access = self._access
        for reference in (access.token, access.password, access.signing_secret):
            if reference and not any(self._secrets(reference)):
                return reference
        signing = self._secrets(access.signing_secret)
        return "" if all(map(signing_key, signing)) else access.signing_secret

    def knock(self, headers: Mapping[str, str], *, is_basic_asked: bool = True) -> Fault | None:
        """Return why a sender is not let in by the head of its request; None where it is.

        `headers` are by lower name. Without `is_basic_asked` a password is asked for elsewhere.
        """
        access = self._access
        is_password = bool(access.username) and is_basic_asked
        if not (access.token or is_password):
            return None
        scheme, _, told = headers.get("authorization", "").strip().partition(" ")
        told = told.strip()
        if access.token and scheme.lower() == "bearer" and self._is_one(told, access.token):
            return None
        if is_password and scheme.lower() == "basic" and self._is_user(told):
            return None
        if access.token and access.username and not is_basic_asked and not scheme:
            return None  # the password will tell
        return _refused("authorization")

    def is_password(self, username: str, password: str) -> bool:
        """Return whether this is the user and the password that are asked for."""
        is_user = hmac.compare_digest(_digest(username), _digest(self._access.username))
        return self._is_one(password, self._access.password) and is_user

    def verify(self, headers: Mapping[str, str], body: bytes, now_seconds: float) -> Fault | None:
        """Return why the signature of a body does not do; None where it does, or none is asked."""
        access = self._access
        if not access.signing_secret:
            return None
        identity = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        if not (_ID.fullmatch(identity) and _TIMESTAMP.fullmatch(timestamp)):
            return _refused("webhook-id, webhook-timestamp")
        if abs(now_seconds - int(timestamp)) > access.tolerance_seconds:
            return _refused("webhook-timestamp")
        given = headers.get("webhook-signature", "").split(" ")[:SIGNATURES_MAX]
        keys = [key for each in self._secrets(access.signing_secret) if (key := signing_key(each))]
        expected = [signature(key, identity, int(timestamp), body) for key in keys]
        if any(_is_same(one, other) for one in given for other in expected):
            return None
        return _refused("webhook-signature")

    def _secrets(self, reference: str) -> list[str]:
        return list(_lines(self._secret(reference))) if reference else []

    def _is_one(self, told: str, reference: str) -> bool:
        return any([_is_same(told, each) for each in self._secrets(reference)])  # noqa: C419 - all are compared

    def _is_user(self, encoded: str) -> bool:
        try:
            told = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError):
            return False
        username, _, password = told.partition(":")
        return self.is_password(username, password)


def _lines(secret: str) -> Iterator[str]:
    for line in secret.splitlines()[:2]:
        if line.strip():
            yield line.strip()


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(_digest(one), _digest(other))


def _digest(text: str) -> bytes:
    """Return what stands for a text of any length, so that comparing tells nothing of either."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _refused(where: str) -> Fault:
    return fault("http.access.refused", where)
