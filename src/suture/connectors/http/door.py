"""HTTP sources as the engine opens them: a body is posted, unwrapped and handed on whole.

A CloudEvent is unwrapped in either mode; its `id` and `source` are not kept, for what it carries
has an identity of its own, and the same bytes again get the same verdict. Which format a body is
in, its first bytes tell (docs/adr/0012): its content type says only how to answer. RFC 9110,
CloudEvents HTTP binding 1.0.2.
"""

from __future__ import annotations

from urllib.parse import unquote

from suture.connectors.http.settings import HttpSettings
from suture.connectors.http.words import told_json, told_outcome, told_verdict
from suture.connectors.ingress import Answer, Head, open_ingress
from suture.connectors.ports import MessageDoor, Surroundings, Taker
from suture.model.fault import Fault, fault
from suture.wire.cloudevents import STRUCTURED, CloudEvent, read_binary, read_structured

FHIR = frozenset({"application/fhir+json", "application/json+fhir"})
TYPES = FHIR | {
    "application/json",
    "application/hl7-v2",
    "application/hl7-v2+er7",
    "x-application/hl7-v2+er7",
    "application/edi-x12",
    "text/csv",
    "application/octet-stream",
}
"""What may be posted, as it is or in a CloudEvent. Others are most likely sent to us by mistake."""
_JSON = FHIR | {"application/json", STRUCTURED}
_PREFIX = "ce-"


class HttpDoor:
    """What an HTTP source takes and how it answers; fills the port `Wording`."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def admit(self, head: Head) -> Answer | Fault | None:
        if head.method != "POST":
            return fault("http.method.refused", "method")
        if head.content_type not in TYPES and head.content_type != STRUCTURED:
            return fault("http.type.unsupported", "Content-Type")
        if head.content_type in _JSON and _charset(head) not in {"", "utf-8", "us-ascii"}:
            return fault("http.type.unsupported", "Content-Type", "JSON is in UTF-8")
        return None

    async def answer(self, head: Head, body: bytes, peer: str) -> Answer | Fault:  # noqa: ARG002
        event = _event(head, body)
        if isinstance(event, Fault):
            return event
        content_type = head.content_type
        if event is not None:
            content_type = event.datacontenttype.partition(";")[0].strip().lower()
            content_type = content_type or "application/json"
            if content_type not in TYPES:
                return fault("http.type.unsupported", "datacontenttype")
            if not event.data:
                return fault("http.request.malformed", "data", "the event has no data")
            body = event.data
        verdict = await self._taker.receive_body(body)
        return told_verdict(verdict, is_fhir=content_type in FHIR)

    def refusal(self, head: Head, status: int, reason: Fault) -> Answer:
        is_fhir = head.content_type in FHIR
        return told_outcome(status, reason) if is_fhir else told_json(status, reason)


async def open_door(
    settings: HttpSettings, taker: Taker, surroundings: Surroundings
) -> MessageDoor | Fault:
    """Begin to listen, or say why not."""
    return await open_ingress(settings, HttpDoor(taker), taker, surroundings)


def _event(head: Head, body: bytes) -> CloudEvent | Fault | None:
    """Return the event that a request is; None where it is none."""
    if head.content_type == STRUCTURED:
        return read_structured(body)
    attributes = {
        name.removeprefix(_PREFIX): unquote(value, errors="replace")
        for name, value in head.headers.items()
        if name.startswith(_PREFIX)
    }
    if not attributes:
        return None
    return read_binary(attributes, body, head.headers.get("content-type", ""))


def _charset(head: Head) -> str:
    for parameter in head.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""
