"""CloudEvents: what is one, what is none, and what each mode makes of its data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from suture.model.fault import Fault
from suture.wire.cloudevents import (
    CloudEvent,
    is_structured,
    read_binary,
    read_structured,
    write_binary,
    write_structured,
)

NEEDED = {"specversion": "1.0", "id": "1", "source": "/adt", "type": "adt.a01"}
EVENT = CloudEvent(id="1", source="/adt", type="adt.a01")


def structured(**members: Any) -> CloudEvent | Fault:
    return read_structured(json.dumps({**NEEDED, **members}).encode())


def told(came: CloudEvent | Fault) -> tuple[str, str]:
    assert isinstance(came, Fault), came
    return came.code, came.where


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({}, None),
        ({"data": None}, None),
        ({"data": {"a": [1.50, "x"]}}, b'{"a": [1.5, "x"]}'),
        ({"data": "MSH"}, b'"MSH"'),
        ({"data": "MSH|\r", "datacontenttype": "application/hl7-v2+er7"}, b"MSH|\r"),
        ({"data": {}, "datacontenttype": "application/fhir+json; charset=utf-8"}, b"{}"),
        ({"data_base64": "TVNI/w==", "datacontenttype": "application/hl7-v2"}, b"MSH\xff"),
    ],
)
def test_the_data_of_a_structured_event_is_what_its_content_type_says(
    members: dict[str, Any], data: bytes | None
) -> None:
    came = structured(**members)
    assert isinstance(came, CloudEvent), came
    assert data == came.data


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"type": "a\u0000b"}, "type"),
        ({"source": "not a uri"}, "source"),
        ({"source": "a%zz"}, "source"),
        ({"time": "2026-02-10"}, "time"),
        ({"time": "2026-13-10T00:00:00Z"}, "time"),
        ({"datacontenttype": "json"}, "datacontenttype"),
        ({"dataschema": "/relative"}, "dataschema"),
        ({"subject": ""}, "subject"),
        ({"Shouted": "x"}, "extensions"),
        ({"with_underscore": "x"}, "extensions"),
        ({"extra": 1.5}, "json"),
        ({"extra": 2**31}, "json"),
        ({"extra": {"a": 1}}, "json"),
        ({"extra": "x" * 5000}, "extra"),
        ({"data": 1, "data_base64": "AA=="}, "data_base64"),
        ({"data_base64": "!"}, "data_base64"),
        ({"data_base64": 7}, "data_base64"),
        ({"data": {"a": 1}, "datacontenttype": "text/plain"}, "data"),
        ({f"x{number}": "1" for number in range(101)}, "extensions"),
    ],
)
def test_what_is_no_event_says_where(members: dict[str, Any], where: str) -> None:
    assert ("cloudevents.event.invalid", where) == told(structured(**members))


def test_another_version_is_not_read() -> None:
    assert ("cloudevents.version.unsupported", "specversion") == told(structured(specversion="0.3"))


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_an_event_has_four_attributes_at_least(missing: str) -> None:
    members = {name: value for name, value in NEEDED.items() if name != missing}
    assert missing == told(read_structured(json.dumps(members).encode()))[1]
    assert missing == told(read_binary(members, b"", ""))[1]


def test_other_attributes_are_kept_as_the_standard_writes_them() -> None:
    came = structured(zone="a", count=-5, sure=True, gone=None)
    assert isinstance(came, CloudEvent), came
    assert (("count", "-5"), ("sure", "true"), ("zone", "a")) == came.extensions


@pytest.mark.parametrize(
    "raw",
    [b'{"id":"1","id":"2"}', b'{"data":{"a":1,"a":2}}', b'{"data":NaN}', b"{", b"[]", b"\xff"],
)
def test_b47_what_is_not_strict_json_is_no_event(raw: bytes) -> None:
    assert ("cloudevents.event.invalid", "json") == told(read_structured(raw))


def test_b46_what_is_nested_too_deep_is_no_event() -> None:
    raw = b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert "it is nested too deep" == getattr(read_structured(raw), "explanation", "")


def test_beside_its_data_an_event_has_no_content_type_of_its_own() -> None:
    came = read_binary({**NEEDED, "datacontenttype": "text/plain"}, b"x", "")
    assert ("cloudevents.event.invalid", "datacontenttype") == told(came)
    assert "datacontenttype" not in write_binary(EVENT)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/cloudevents+json", True),
        ("Application/CloudEvents+JSON; charset=UTF-8", True),
        ("application/cloudevents+avro", True),
        ("application/cloudevents-batch+json", True),
        ("application/json", False),
        ("application/cloudeventsx", False),
        ("", False),
    ],
)
def test_the_content_type_says_whether_the_body_is_the_event(
    content_type: str, *, expected: bool
) -> None:
    assert expected == is_structured(content_type)


def test_text_stays_readable_where_it_is_written() -> None:
    event = CloudEvent(
        id="1", source="/adt", type="t", datacontenttype="application/hl7-v2+er7", data=b"MSH|\r"
    )
    assert "MSH|\r" == json.loads(write_structured(event))["data"]


def test_a_fault_repeats_nothing_of_the_event() -> None:
    came = structured(source="DOE JANE")
    assert "DOE" not in repr(came)
