"""How what became of a body is told over HTTP: the reply its standard has, FHIR's, or JSON.

200: all of it was accepted. 202: it is kept, and a person looks at it. 422: it is kept and refused;
400: nobody could tell what it is. No value of a message is repeated.
"""

from __future__ import annotations

from typing import Any

import msgspec

from suture.connectors.ingress import Answer
from suture.connectors.ports import BodyVerdict, MessageVerdict
from suture.model.fault import Fault
from suture.model.translation import Status

_REPLY_TYPES = {"hl7v2": "application/hl7-v2+er7", "x12": "application/edi-x12"}
_FHIR_JSON = "application/fhir+json"
_SEVERITIES: dict[Status, str] = {
    "accepted": "information",
    "held": "warning",
    "rejected": "error",
}
_ISSUES: dict[Status, str] = {
    "accepted": "informational",
    "held": "business-rule",
    "rejected": "invalid",
}
_ISSUES_BY_STATUS = {
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    413: "too-long",
    415: "not-supported",
    503: "transient",
}


def told_verdict(verdict: BodyVerdict, *, is_fhir: bool) -> Answer:
    """Return the answer to a body that was taken, whatever became of it."""
    status = _status(verdict)
    headers = {"Suture-Message": verdict.id}
    if verdict.reply:
        content_type = _REPLY_TYPES.get(verdict.format, "application/octet-stream")
        return Answer(status=status, body=verdict.reply, content_type=content_type, headers=headers)
    if is_fhir or verdict.format == "fhir":
        issues = [issue for each in verdict.messages for issue in _issues(each)]
        return _outcome(status, issues or [_issue(verdict.status, verdict.id, "")], headers)
    told = {
        "id": verdict.id,
        "status": verdict.status,
        "format": verdict.format,
        "is_repeat": verdict.is_repeat,
        "messages_count": verdict.messages_count,
        "messages": [msgspec.to_builtins(each) for each in verdict.messages],
    }
    return Answer(status=status, body=msgspec.json.encode(told), headers=headers)


def told_json(status: int, reason: Fault) -> Answer:
    """Return why a request was not taken, as JSON."""
    told = {"code": reason.code, "where": reason.where, "explanation": reason.explanation}
    return Answer(status=status, body=msgspec.json.encode({"fault": told}))


def told_outcome(status: int, reason: Fault) -> Answer:
    """Return why a request was not taken, as FHIR tells it."""
    kind = _ISSUES_BY_STATUS.get(status, "invalid")
    issue = {
        "severity": "error",
        "code": kind,
        "details": {"text": reason.explanation},
        "diagnostics": f"{reason.code} at {reason.where}",
    }
    return _outcome(status, [issue], {})


def _status(verdict: BodyVerdict) -> int:
    if verdict.status == "rejected":
        return 400 if verdict.format == "unknown" else 422
    return 202 if verdict.status == "held" else 200


def _issues(told: MessageVerdict) -> list[dict[str, Any]]:
    """Return one issue for each reason, and one that names the message where there is none."""
    if not told.reasons:
        return [_issue(told.status, told.id, "")]
    return [
        _issue(told.status, told.id, reason.explanation, f"{reason.code} at {reason.where}")
        for reason in told.reasons
    ]


def _issue(status: Status, identity: str, text: str, reason: str = "") -> dict[str, Any]:
    """Return one issue (FHIR R4, OperationOutcome)."""
    return {
        "severity": _SEVERITIES[status],
        "code": _ISSUES[status],
        "details": {"text": text or f"the message is {status}"},
        "diagnostics": f"{identity}: {reason}" if reason else identity,
    }


def _outcome(status: int, issues: list[dict[str, Any]], headers: dict[str, str]) -> Answer:
    told = {"resourceType": "OperationOutcome", "issue": issues}
    return Answer(
        status=status,
        body=msgspec.json.encode(told),
        content_type=_FHIR_JSON,
        headers=headers,
    )
