"""What is in a record, and how places in a topic are written."""

from __future__ import annotations

import json

import pytest

from suture.connectors.broker.place import read_watermark, record_name, write_watermark
from suture.connectors.broker.settings import BrokerDestinationSettings, BrokerSettings, Topics
from suture.connectors.broker.unwrap import Envelope, Headers, placed, unwrapped
from suture.governance.reading import Document
from suture.model.fault import Fault, fault

MESSAGE = b"MSH|^~\\&|A||B||20260310||ADT^A01|1|P|2.5.1\r"
EVENT = {"specversion": "1.0", "id": "1", "source": "/adt", "type": "adt.a01"}
BINARY: Headers = [(f"ce_{name}", told.encode()) for name, told in EVENT.items()]
STRUCTURED: Headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
WHOLE = json.dumps(
    {**EVENT, "datacontenttype": "application/hl7-v2+er7", "data": MESSAGE.decode()}
).encode()


@pytest.mark.parametrize(
    ("value", "headers", "envelope"),
    [
        (MESSAGE, [], "headers"),
        (MESSAGE, [("trace", None), ("content-type", b"application/hl7-v2")], "headers"),
        (MESSAGE, BINARY, "headers"),
        (MESSAGE, [(name.upper(), told) for name, told in BINARY], "headers"),
        (WHOLE, STRUCTURED, "headers"),
        (WHOLE, [], "cloudevents"),
        (MESSAGE, BINARY, "cloudevents"),
        (MESSAGE, BINARY, "none"),
        (MESSAGE, STRUCTURED, "none"),
    ],
)
def test_a_body_is_taken_out_of_what_wraps_it(
    value: bytes, headers: Headers, envelope: Envelope
) -> None:
    assert (MESSAGE, None) == unwrapped(value, headers, envelope)


@pytest.mark.parametrize(
    ("value", "headers", "envelope", "code", "where"),
    [
        (b"", [], "headers", "broker.record.empty", "value"),
        (b"", BINARY, "none", "broker.record.empty", "value"),
        (json.dumps(EVENT).encode(), STRUCTURED, "headers", "broker.record.empty", "data"),
        (MESSAGE, BINARY[:-1], "headers", "cloudevents.event.invalid", "type"),
        (MESSAGE, [*BINARY, BINARY[0]], "headers", "cloudevents.event.invalid", "ce_specversion"),
        (MESSAGE, [*BINARY, ("ce_x", b"\xff")], "headers", "cloudevents.event.invalid", "ce_x"),
        (MESSAGE, [("ce_", b"1")], "headers", "cloudevents.event.invalid", "specversion"),
        (MESSAGE, STRUCTURED, "headers", "cloudevents.event.invalid", "json"),
        (MESSAGE, [], "cloudevents", "cloudevents.event.invalid", "json"),
        (
            MESSAGE,
            [("content-type", b"application/cloudevents+avro")],
            "headers",
            "cloudevents.event.invalid",
            "content-type",
        ),
        (
            MESSAGE,
            [*BINARY[1:], ("ce_specversion", b"0.3")],
            "headers",
            "cloudevents.version.unsupported",
            "specversion",
        ),
    ],
)
def test_what_cannot_be_unwrapped_is_kept_as_it_came_and_says_why(
    value: bytes, headers: Headers, envelope: Envelope, code: str, where: str
) -> None:
    raw, wrong = unwrapped(value, headers, envelope)
    assert isinstance(wrong, Fault)
    assert (value, code, where) == (raw, wrong.code, wrong.where)


def test_a_fault_of_a_record_says_which_one() -> None:
    told = placed(fault("broker.record.empty", "value"), record_name("adt", 3, 17))
    assert "adt/3@17 value" == told.where


def test_a_watermark_is_read_as_it_was_written() -> None:
    offsets = {10: 5, 0: 9_000_000_000_000}
    text = write_watermark("adt.v2-x_y", offsets)
    assert "adt.v2-x_y 0:9000000000000 10:5" == text
    assert offsets == read_watermark(text, "adt.v2-x_y")
    assert {} == read_watermark("", "adt")


@pytest.mark.parametrize("text", ["orders 0:1", "adt 0", "adt  0:1", "adt 0:-1", "17"])
def test_a_watermark_of_something_else_is_not_followed(text: str) -> None:
    told = read_watermark(text, "adt")
    assert isinstance(told, Fault)
    assert "broker.watermark.foreign" == told.code


PLAIN = {"servers": ("kafka.example:9093",), "topic": "adt"}


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"servers": ()}, "servers"),
        ({"is_plaintext": True, "authority": "file:a.pem"}, "is_plaintext"),
        ({"certificate": "file:a.pem"}, "private_key"),
        ({"private_key": "file:a.key"}, "certificate"),
        ({"mechanism": "PLAIN"}, "mechanism"),
        ({"mechanism": "PLAIN", "user": "suture"}, "mechanism"),
        ({"user": "suture", "password": "env:X"}, "mechanism"),
    ],
)
@pytest.mark.parametrize("shape", [BrokerSettings, BrokerDestinationSettings])
def test_settings_that_cannot_work_are_told(
    shape: type[BrokerSettings | BrokerDestinationSettings], said: dict[str, object], key: str
) -> None:
    settings: Topics = shape(**{**PLAIN, **said})  # type: ignore[arg-type]
    document = Document("sources/x.toml", f"[x]\n{key} = ''\n", {})
    (found,) = list(settings.faults(document, ("x",)))  # type: ignore[attr-defined]
    assert ("estate.value.invalid", "sources/x.toml:2") == (found.code, found.where)


def test_an_events_source_is_a_uri_reference() -> None:
    settings = BrokerDestinationSettings(
        servers=("kafka.example:9093",), topic="adt", event_source="not a uri"
    )
    (found,) = list(settings.faults(Document("destinations/x.toml", "", {}), ("x",)))
    assert "event_source" in found.explanation
