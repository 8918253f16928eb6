"""CloudEvents 1.0 into values and back, strictly, in both of their modes.

Structured: one JSON object holds attributes and data (JSON event format 1.0.2). Binary: attributes
stand beside the data, as headers of whatever carries it; the caller has taken their prefix off
(`ce_` of Kafka's headers, `ce-` of HTTP's, where values are percent-encoded besides) and hands in
the content type, which is `datacontenttype`. Here: what an event is and whether it is one. Not
here: headers (`connectors/broker`), what the data means (it is a body like any other).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from suture.model.fault import Fault, fault

VERSION = "1.0"
STRUCTURED = "application/cloudevents+json"
ATTRIBUTES_MAX = 100
ATTRIBUTE_CHARACTERS_MAX = 4096

_JSON_TYPE = re.compile(r"[^/;\s]+/(?:[^;\s]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_STRUCTURED_TYPE = re.compile(r"application/cloudevents(?:[+-][^;\s]*)?\s*(?:;.*)?", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9]{1,64}", re.ASCII)
_URI_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=\[\]-]|%[0-9A-Fa-f]{2})*"
    r"(?:#(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_TIME = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)"
    r"(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - the grammar's word, RFC 2045
_MEDIA_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|"[^"\\]*"))*')
_FORBIDDEN = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufdd0-\\ufdef\\ufffe\\uffff"
    + "".join(
        f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17)
    )
    + "]"
)
"""Characters that no attribute may hold (CloudEvents 1.0.2, type system, String)."""
_INTEGER_MAX = 2**31
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event; an attribute that is empty is absent."""

    id: str
    """With `source`, what alone names it: the same pair again is the same event."""
    source: str
    type: str
    subject: str = ""
    time: str = ""
    datacontenttype: str = ""
    """What `data` is; absent in the structured mode: JSON."""
    dataschema: str = ""
    extensions: tuple[tuple[str, str], ...] = ()
    """Other attributes by name, sorted; numbers and truth as the standard writes them."""
    data: bytes | None = None


_KNOWN = ("id", "source", "type", "subject", "time", "datacontenttype", "dataschema")
_NEEDED = ("id", "source", "type")
_any_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value_decoder = msgspec.json.Decoder()


def is_structured(content_type: str) -> bool:
    """Return whether a content type says that the body is a whole event, in whatever format."""
    return _STRUCTURED_TYPE.fullmatch(content_type.strip()) is not None


def read_structured(raw: bytes) -> CloudEvent | Fault:
    """Read an event from its JSON.

    Faults: `cloudevents.event.invalid`, `cloudevents.version.unsupported`.
    """
    body = raw.removeprefix(_BYTE_ORDER_MARK)
    if (wrong := _audit(body)) is not None:
        return _invalid("json", wrong)
    try:
        members = _any_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _invalid("json", "it is no object")
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    attributes: dict[str, str] = {}
    for name, raw_value in members.items():
        text = _attribute(_value_decoder.decode(raw_value))
        if isinstance(text, Fault):
            return text
        if text is not None:
            attributes[name] = text
    content = _content(data, encoded, attributes.get("datacontenttype", ""))
    return content if isinstance(content, Fault) else _event(attributes, content)


def read_binary(
    attributes: Mapping[str, str], data: bytes | None, content_type: str
) -> CloudEvent | Fault:
    """Read an event from what stands beside its data, names without the prefix of the carrier.

    Faults: `cloudevents.event.invalid`, `cloudevents.version.unsupported`.
    """
    if "datacontenttype" in attributes:
        return _invalid("datacontenttype", "in this mode the content type says it")
    typed = {"datacontenttype": content_type} if content_type else {}
    return _event({**attributes, **typed}, data)


def write_structured(event: CloudEvent) -> bytes:
    """Return an event as one JSON object; `read_structured` gives the same event back."""
    members: dict[str, Any] = {**write_binary(event)}
    if event.datacontenttype:
        members["datacontenttype"] = event.datacontenttype
    if event.data is not None:
        key, value = _written(event.data, event.datacontenttype)
        members[key] = value
    return msgspec.json.encode(members)


def write_binary(event: CloudEvent) -> dict[str, str]:
    """Return what stands beside an event's data, all but its content type, without a prefix."""
    assert fault_of(event) is None, "only what is an event is written"
    known = {name: getattr(event, name) for name in _KNOWN if name != "datacontenttype"}
    told = {name: value for name, value in known.items() if value}
    return {"specversion": VERSION, **told, **dict(event.extensions)}


def fault_of(event: CloudEvent) -> Fault | None:
    """Return why this is no event, or None. No value is repeated (CloudEvents 1.0.2, 3)."""
    if len(event.extensions) > ATTRIBUTES_MAX:
        return _invalid("extensions", f"it has over {ATTRIBUTES_MAX} attributes")
    for name in _NEEDED:
        if not getattr(event, name):
            return _invalid(name, "it is missing")
    for name, value in [*((each, getattr(event, each)) for each in _KNOWN), *event.extensions]:
        if len(value) > ATTRIBUTE_CHARACTERS_MAX:
            return _invalid(_shown(name), f"it is over {ATTRIBUTE_CHARACTERS_MAX} characters long")
        if _FORBIDDEN.search(value):
            return _invalid(_shown(name), "it holds a control character or no character at all")
    for name, _ in event.extensions:
        if _NAME.fullmatch(name) is None or name in {*_KNOWN, "data", "specversion"}:
            return _invalid("extensions", "an attribute's name is not a-z and 0-9")
    return _misshapen(event)


def _misshapen(event: CloudEvent) -> Fault | None:
    if _URI_REFERENCE.fullmatch(event.source) is None:
        return _invalid("source", "it is no URI reference (RFC 3986)")
    if event.time and _TIME.fullmatch(event.time) is None:
        return _invalid("time", "it is no time (RFC 3339)")
    if event.datacontenttype and _MEDIA_TYPE.fullmatch(event.datacontenttype) is None:
        return _invalid("datacontenttype", "it is no media type (RFC 2046)")
    is_uri = _SCHEME.match(event.dataschema) and _URI_REFERENCE.fullmatch(event.dataschema)
    if event.dataschema and not is_uri:
        return _invalid("dataschema", "it is no URI (RFC 3986)")
    return None


def _event(attributes: Mapping[str, str], data: bytes | None) -> CloudEvent | Fault:
    version = attributes.get("specversion")
    if version is None:
        return _invalid("specversion", "it is missing")
    if version != VERSION:
        return fault("cloudevents.version.unsupported", "specversion")
    for name in (*_KNOWN, "specversion"):
        if attributes.get(name) == "":
            return _invalid(name, "it is there and empty")
    others = sorted(
        (name, value)
        for name, value in attributes.items()
        if name not in _KNOWN and name != "specversion"
    )
    known = {name: attributes.get(name, "") for name in _KNOWN}
    event = CloudEvent(**known, extensions=tuple(others), data=data)
    return fault_of(event) or event


def _attribute(value: Any) -> str | Fault | None:
    """Return an attribute's value as the standard writes it (3.1, type system); null is absent."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if -_INTEGER_MAX <= value < _INTEGER_MAX:
            return str(value)
        case _:
            return _invalid("json", "an attribute is no text, no 32-bit number and no truth value")


def _content(
    data: msgspec.Raw | None, encoded: msgspec.Raw | None, content_type: str
) -> bytes | Fault | None:
    """Return the data of a structured event (JSON event format 1.0.2, 3.1)."""
    is_data = data is not None and bytes(data) != b"null"
    if encoded is not None and bytes(encoded) != b"null":
        if is_data:
            return _invalid("data_base64", "`data` is there, too")
        text = _value_decoder.decode(encoded)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, TypeError, ValueError):
            return _invalid("data_base64", "it is no base64")
    if data is None or not is_data:
        return None
    if _is_json(content_type):
        return bytes(data)
    text = _value_decoder.decode(data)
    if not isinstance(text, str):
        return _invalid("data", "its content type is not JSON, and it is no text")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _invalid("data", "it holds half a character")


def _written(data: bytes, content_type: str) -> tuple[str, Any]:
    """Return the member that holds data: as JSON or text where that gives the same bytes back."""
    if _is_json(content_type):
        if data == data.strip() and data != b"null" and _audit(data) is None:
            return "data", msgspec.Raw(data)
    else:
        try:
            return "data", data.decode()
        except UnicodeDecodeError:
            pass
    return "data_base64", base64.b64encode(data).decode()


def _is_json(content_type: str) -> bool:
    return not content_type or _JSON_TYPE.fullmatch(content_type) is not None


def _audit(raw: bytes) -> str | None:
    """Return why bytes are not one JSON value that says one thing only (B46, B47), or None."""
    try:
        # The library's own reader of objects tells keys that stand twice; msgspec's is stricter.
        json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)
        _value_decoder.decode(raw)
    except RecursionError:
        return "it is nested too deep"
    except _TwiceError:
        return "a key stands twice in one object"
    except (ValueError, msgspec.DecodeError):
        return "it is no JSON"
    return None


class _TwiceError(Exception):
    """A key stands twice."""


def _once(pairs: list[tuple[str, Any]]) -> int:
    """Check the keys of one object; what it holds has been checked and is not kept."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise _TwiceError
    return 0


def _no_constant(_name: str) -> None:
    raise ValueError("JSON has no such number")


def _shown(name: str) -> str:
    return name if _NAME.fullmatch(name) else "extensions"


def _invalid(where: str, explanation: str) -> Fault:
    return fault("cloudevents.event.invalid", where, explanation)
