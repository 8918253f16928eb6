"""FHIR JSON into resources and back, strictly: nothing is guessed, nothing is kept twice.

Refused: what is no JSON (NaN and Infinity included), a key that stands twice in one object, nesting
beyond what any resource has, numbers no amount has (B46, B47). A resource whose type Suture does
not read comes back as `Unread`: its bytes are kept. Faults name a path, never a value. FHIR R4,
2.6.2 (JSON).
"""

from __future__ import annotations

import re
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.fhir.financial import FINANCIAL
from suture.wire.fhir.resources import RESOURCES, Resource

DEPTH_MAX = 64
"""Objects and lists inside each other; resources of the standard reach about 20."""
DIGITS_MAX = 40
"""Of one number."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*"\s*(:)?|(-?[0-9][0-9.eE+-]{%d,}|[0-9.]+[eE][+-]?[0-9]{3,})' % DIGITS_MAX
)
"""A text (a key where a colon follows), or a number that is too long, outside of any text."""
_PATH = re.compile(r"`(\$[^`]*)`")
_NAME = re.compile(r"[A-Za-z]{1,64}", re.ASCII)


class Unread(msgspec.Struct, frozen=True):
    """A resource of a type that Suture does not read."""

    type: str
    id: str = ""


class _Head(msgspec.Struct, frozen=True):
    resource_type: str = msgspec.field(name="resourceType")
    id: str = ""


_head_decoder = msgspec.json.Decoder(_Head)
_any_decoder = msgspec.json.Decoder()
_exact_decoder = msgspec.json.Decoder(float_hook=Decimal)
_decoders: dict[str, msgspec.json.Decoder[Resource]] = {
    name: msgspec.json.Decoder(kind) for name, kind in (RESOURCES | FINANCIAL).items()
}
_encoder = msgspec.json.Encoder(decimal_format="number")
_content_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")

READ_TYPES = tuple(sorted(_decoders))
"""Types of resource that are read, for the reference page."""


def read_resource(raw: bytes) -> Resource | Unread | Fault:
    """Read one resource from its JSON bytes.

    Faults: `fhir.json.invalid`, `fhir.json.duplicate_key`, `fhir.resource.invalid`.
    """
    wrong = _audit(raw)
    return wrong or read_part(raw)


def read_part(raw: bytes) -> Resource | Unread | Fault:
    """Read a resource inside another one that was read whole: a bundle's entry, one contained."""
    try:
        head = _head_decoder.decode(raw.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return fault("fhir.resource.invalid", "resourceType", "it names no resource type")
    name = head.resource_type
    decoder = _decoders.get(name)
    if decoder is None:
        return Unread(name if _NAME.fullmatch(name) else "unknown", head.id)
    try:
        return decoder.decode(raw.removeprefix(_BYTE_ORDER_MARK))
    except msgspec.ValidationError as error:
        return fault("fhir.resource.invalid", _where(name, str(error)), _reason(str(error)))


def content_digest(raw: bytes) -> bytes:
    """Return the SHA-256 of what a resource says, however its JSON is laid out.

    Its `meta` is its server's envelope, and no part of it: a version more is not yet another
    content.
    """
    try:
        content = _exact_decoder.decode(raw.removeprefix(_BYTE_ORDER_MARK))
        if isinstance(content, dict):
            content.pop("meta", None)
        return sha256(_content_encoder.encode(content)).digest()
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return sha256(raw).digest()  # it was not read: its bytes are all it says


def _audit(raw: bytes) -> Fault | None:
    """Return why bytes may not be trusted to say one thing only, or None."""
    body = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        content = _any_decoder.decode(body)
        keys_count = _count_keys(content, 0)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        is_deep = isinstance(error, RecursionError)
        explanation = "it is nested too deep" if is_deep else _syntax(str(error))
        return fault("fhir.json.invalid", "json", explanation)
    if keys_count < 0:
        return fault("fhir.json.invalid", "json", f"it is nested over {DEPTH_MAX} deep")
    keys_written = 0
    for key, number in _TOKEN.findall(body):
        if number:
            explanation = f"a number has over {DIGITS_MAX} digits, or an exponent no amount has"
            return fault("fhir.json.invalid", "json", explanation)
        keys_written += bool(key)
    if keys_count != keys_written:
        return fault("fhir.json.duplicate_key", "json")
    return None


def _count_keys(content: Any, depth: int) -> int:
    """Return how many keys all objects have together; negative where it is nested too deep."""
    if depth > DEPTH_MAX:
        return -(10**9)
    if isinstance(content, dict):
        inner = sum(_count_keys(each, depth + 1) for each in content.values())
        return len(content) + inner
    if isinstance(content, list):
        return sum(_count_keys(each, depth + 1) for each in content)
    return 0


def _syntax(told: str) -> str:
    """Return what a decoder said, as far as it can hold no value of the message."""
    place = re.search(r"byte (\d+)", told)
    return f"it is no JSON at byte {place[1]}" if place else "it is no JSON"


def _where(name: str, told: str) -> str:
    path = _PATH.search(told)
    return name if path is None else f"{name}{path[1].removeprefix('$')}"


def _reason(told: str) -> str:
    """Return what is expected there: type names only, never what was sent."""
    match = re.match(r"Expected `([a-z| ]+)`, got `([a-z]+)`", told)
    if match:
        return f"{match[1]} is expected, not {match[2]}"
    missing = re.match(r"Object missing required field `([A-Za-z]+)`", told)
    return f"`{missing[1]}` is missing" if missing else "it is not as FHIR R4 has it"


def render(resource: Resource) -> bytes:
    """Return a resource as JSON, its decimals as they were."""
    return _encoder.encode(resource)
