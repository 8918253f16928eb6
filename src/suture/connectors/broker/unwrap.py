"""What is in a record: a body as it is, or one that a CloudEvent wraps, in either mode.

Which, its headers say (Kafka protocol binding for CloudEvents 1.0.2, 3), or the settings do. A
record that cannot be unwrapped is kept as it came, with a reason, so that nothing is lost. What
the body means is nobody's business here: its first bytes tell its format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from suture.model.fault import Fault, fault
from suture.wire.cloudevents import CloudEvent, is_structured, read_binary, read_structured

PREFIX = "ce_"
"""Of a header that is an attribute (3.2.3)."""
CONTENT_TYPE = "content-type"
_JSON_FORMATS = ("application/cloudevents", "application/cloudevents+json")

Envelope = Literal["headers", "cloudevents", "none"]
Headers = Sequence[tuple[str, bytes | None]]


def unwrapped(value: bytes, headers: Headers, envelope: Envelope) -> tuple[bytes, Fault | None]:
    """Return the body of a record; or the record's value, and why it cannot be unwrapped."""
    if not value:
        return b"", fault("broker.record.empty", "value")
    if envelope == "none":
        return value, None
    event = _event(value, headers, is_always=envelope == "cloudevents")
    if event is None:
        return value, None
    if isinstance(event, Fault):
        return value, event
    if not event.data:
        return value, fault("broker.record.empty", "data")
    return event.data, None


def placed(wrong: Fault, name: str) -> Fault:
    """Return a fault of a record with the record's name in front of where it is."""
    return msgspec.structs.replace(wrong, where=f"{name} {wrong.where}")


def _event(value: bytes, headers: Headers, *, is_always: bool) -> CloudEvent | Fault | None:
    """Return the event that a record is; None where it is none."""
    told: dict[str, str] = {}
    for name, content in headers:
        key = name.lower()
        if key != CONTENT_TYPE and not key.startswith(PREFIX):
            continue
        if key in told:
            return _invalid(key, "the header stands twice")
        try:
            told[key] = (content or b"").decode()
        except UnicodeDecodeError:
            return _invalid(key, "the header is not UTF-8")
    content_type = told.pop(CONTENT_TYPE, "")
    if is_structured(content_type):
        if content_type.partition(";")[0].strip().lower() not in _JSON_FORMATS:
            return _invalid(CONTENT_TYPE, "of events in one piece only those in JSON are read")
        return read_structured(value)
    if told:
        attributes = {name.removeprefix(PREFIX): content for name, content in told.items()}
        return read_binary(attributes, value, content_type)
    return read_structured(value) if is_always else None


def _invalid(where: str, explanation: str) -> Fault:
    known = where if where.isascii() and where.isprintable() and len(where) <= 64 else PREFIX
    return fault("cloudevents.event.invalid", known, explanation)
