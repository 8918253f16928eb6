"""CloudEvents: what is written is read again in both modes, by us and by another library."""

from __future__ import annotations

import json
import string

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as TheirEvent
from hypothesis import given
from hypothesis import strategies as st

from suture.wire.cloudevents import (
    STRUCTURED,
    CloudEvent,
    fault_of,
    read_binary,
    read_structured,
    write_binary,
    write_structured,
)

_TEXTS = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["C"]), min_size=1, max_size=20
)
_URIS = st.text(string.ascii_letters + string.digits + "-._~:/?@!$&'()*+,;=", min_size=1)
_NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20).filter(
    lambda name: name not in {"data", "specversion", *CloudEvent.__struct_fields__}
)
_TIMES = st.sampled_from(("", "2026-03-10T12:00:00Z", "2026-03-10T12:00:00.123456+05:30"))
_TYPES = st.sampled_from(
    ("", "application/json", "application/fhir+json", "application/hl7-v2+er7", "text/plain")
)
_JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
).map(lambda value: json.dumps(value).encode())
_DATA = st.none() | st.binary(max_size=60) | st.text().map(str.encode) | _JSONS

events = st.builds(
    CloudEvent,
    id=_TEXTS,
    source=_URIS,
    type=_TEXTS,
    subject=st.just("") | _TEXTS,
    time=_TIMES,
    datacontenttype=_TYPES,
    dataschema=st.sampled_from(("", "https://schemas.example/1#a")),
    extensions=st.dictionaries(_NAMES, _TEXTS, max_size=4).map(
        lambda told: tuple(sorted(told.items()))
    ),
    data=_DATA,
)


@given(events)
def test_an_event_comes_back_from_one_object(event: CloudEvent) -> None:
    assert fault_of(event) is None
    assert event == read_structured(write_structured(event))


@given(events)
def test_an_event_comes_back_from_beside_its_data(event: CloudEvent) -> None:
    assert event == read_binary(write_binary(event), event.data, event.datacontenttype)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_fault(raw: bytes) -> None:
    read_structured(raw)


@given(events)
def test_the_library_of_the_standard_reads_the_same_beside_the_data(event: CloudEvent) -> None:
    headers = {f"ce_{name}": value.encode() for name, value in write_binary(event).items()}
    if event.datacontenttype:
        headers["content-type"] = event.datacontenttype.encode()
    message = KafkaMessage(headers=headers, key=None, value=event.data or b"{}")
    theirs = from_binary(message, JSONFormat(), TheirEvent)
    assert _attributes(event) == _theirs(theirs)


@given(events)
def test_the_library_of_the_standard_reads_the_same_from_one_object(event: CloudEvent) -> None:
    message = KafkaMessage(
        headers={"content-type": STRUCTURED.encode()}, key=None, value=write_structured(event)
    )
    theirs = from_structured(message, JSONFormat(), TheirEvent)
    assert _attributes(event) == _theirs(theirs)


def _attributes(event: CloudEvent) -> dict[str, str]:
    told = {name: getattr(event, name) for name in ("id", "source", "type", "subject")}
    told |= {"datacontenttype": event.datacontenttype, "dataschema": event.dataschema}
    return {name: value for name, value in told.items() if value} | dict(event.extensions)


def _theirs(event: object) -> dict[str, str]:
    attributes = event.get_attributes()  # type: ignore[attr-defined]
    return {
        name: str(value)
        for name, value in attributes.items()
        if name not in {"time", "specversion"}
    }
