"""Identity without the identifier: surrogates of it, and ids that are derived, never drawn. Pure.

A medical record number (`PID-3`), an account (`PID-18`), a visit (`PV1-19`) or a claim number
(`CLP01`) is a business key and names a person. `Tokenizer` replaces it by a surrogate at
translation; the sealed original goes to the vault (`security/phi.py`), and surrogates stay inside
(docs/adr/0006). `derive_id` names messages, so that doing the same thing twice names the same
thing. What a sender names a message by (`MSH-10`, `TRN02`) has no limit of its own:
`bounded_identity` and `shown_text` give it one. The key comes from `security/keys.py`.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b, sha256
from types import MappingProxyType

PREFIXES = MappingProxyType(
    {
        "account": "acc",
        "adjudication": "adj",
        "appointment": "apt",
        "authorization": "aut",
        "charge": "chg",
        "claim": "clm",
        "coding": "cod",
        "control": "ctl",
        "coverage": "cov",
        "inquiry": "inq",
        "member": "mem",
        "patient": "pat",
        "payer_claim": "pcl",
        "payment": "pay",
        "person": "per",
        "supply": "sup",
        "visit": "vis",
    }
)
"""How the surrogate of each kind of identifier begins: a reader sees what it stands for."""

KEY_BYTES_MIN = 32
MEMO_ENTRIES_MAX = 65_536
"""Identifiers come in bursts: the segments of a visit, the claims of a file."""
TEXT_CHARACTERS_MAX = 200
"""Of a text that a sender chose and an index or a column of a screen must hold."""

_REUSE_CODES = {
    "remittance": "intake.trace.reused",
    "payment": "intake.trace.reused",
    "document": "intake.document.reused",
}
"""By what stands before the first colon of an identity."""
_BLOCK_BYTES = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_FIFTY_BITS = 2**50 - 1


class Tokenizer:
    """Makes the surrogate of a direct identifier: the same one on every worker and at every replay.

    A surrogate is a blind index, 128 bits of HMAC-SHA256 over kind, authority and value: without
    the key it tells nothing, and with it every identifier could be guessed, so the key is as secret
    as what it hides.
    """

    __slots__ = ("_inner", "_outer", "_remembered")

    def __init__(self, key: bytes) -> None:
        """Take the index key. Raises ValueError when it is shorter than what the hash can use."""
        if len(key) < KEY_BYTES_MIN:
            raise ValueError(f"an index key has {KEY_BYTES_MIN} bytes or more, not {len(key)}")
        # HMAC (RFC 2104) with the key's part of both hashes done once: a file has a million names.
        short = sha256(key).digest() if len(key) > _BLOCK_BYTES else key
        block = short.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD))
        self._outer = sha256(block.translate(_OUTER_PAD))
        self._remembered = lru_cache(MEMO_ENTRIES_MAX)(self._derived)

    def __repr__(self) -> str:
        return "Tokenizer(<key>)"

    def token(self, kind: str, authority: str, value: str) -> str:
        """Return the surrogate, such as `acc_` and 26 characters, of an identifier.

        `kind` is one of `PREFIXES`; `authority` is the scope in which the number is unique: systems
        that share numbers share an authority. Blanks around a value and its case do not count, for
        senders agree on neither. Raises KeyError for an unknown kind.
        """
        return self._remembered(kind, authority, value.strip().upper())

    def _derived(self, kind: str, authority: str, normalised: str) -> str:
        prefix = PREFIXES[kind]
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(_joined((kind, authority, normalised)))
        outer.update(inner.digest())
        return f"{prefix}_{_base32hex(int.from_bytes(outer.digest()[:16], 'big'))}"


def derive_id(prefix: str, at_ms: int, *parts: str) -> str:
    """Return `prefix_` and 26 characters that sort by time; the same arguments give the same id.

    48 bits of milliseconds since 1970 and 80 bits of BLAKE2b over the parts, which must be what
    makes the thing itself (a source and a content hash), never a patient's value. Raises
    OverflowError for a time outside 1970 to 10889.
    """
    stamp = at_ms.to_bytes(6, "big")
    digest = blake2b(_joined(parts), digest_size=10).digest()
    return f"{prefix}_{_base32hex(int.from_bytes(stamp + digest, 'big'))}"


def bounded_identity(identity: str) -> str:
    """Return an identity as an index can hold it; one that cannot be is known by its digest.

    Its kind, what stands before the first colon, stays readable. A database's text holds no NUL and
    its index entries have a limit, so a trace or control id of any length would stop its batch or
    its file (B76).
    """
    if len(identity) <= TEXT_CHARACTERS_MAX and "\0" not in identity:
        return identity
    kind = shown_text(identity.partition(":")[0])[: TEXT_CHARACTERS_MAX // 2]
    return f"{kind}:sha256:{sha256(identity.encode('utf-8', 'surrogatepass')).hexdigest()}"


def reuse_code(identity: str) -> str:
    """Return the fault of a message that claims an identity another message holds, by its kind."""
    return _REUSE_CODES.get(identity.partition(":")[0], "intake.control_id.reused")


def shown_text(text: str) -> str:
    """Return a text of a message as a column can hold it: without NUL, and bounded (B76)."""
    return text.replace("\0", "\u2400")[:TEXT_CHARACTERS_MAX]


def message_of(identity: str) -> str:
    """Return the message behind an event or entry: `evt_X.0001`, `ent_X.0001.01` -> `msg_X`."""
    return f"msg_{identity[4:].partition('.')[0]}"


def _joined(parts: tuple[str, ...]) -> bytes:
    """Join so that no two lists of parts look alike: each part says its length first."""
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return text.encode("utf-8", "surrogatepass")


def _base32hex(number: int) -> str:
    """Write 128 bits as RFC 4648 base32hex: lower-case, unpadded, in the order of the numbers.

    Two characters at a time, written out, of numbers small enough to be quick to shift: this runs
    several times for each message.
    """
    bits = number << 2  # 26 characters hold 130 bits
    high, middle, low = bits >> 100, bits >> 50 & _FIFTY_BITS, bits & _FIFTY_BITS
    return (
        _PAIRS[high >> 20]
        + _PAIRS[high >> 10 & 1023]
        + _PAIRS[high & 1023]
        + _PAIRS[middle >> 40]
        + _PAIRS[middle >> 30 & 1023]
        + _PAIRS[middle >> 20 & 1023]
        + _PAIRS[middle >> 10 & 1023]
        + _PAIRS[middle & 1023]
        + _PAIRS[low >> 40]
        + _PAIRS[low >> 30 & 1023]
        + _PAIRS[low >> 20 & 1023]
        + _PAIRS[low >> 10 & 1023]
        + _PAIRS[low & 1023]
    )
