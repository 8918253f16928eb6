"""Subscriptions of FHIR R4: the server is told to send us what changes, and is held to it.

One for each resource type, by rest-hook with the resource as payload, under an id of ours, so that
asking again changes the one there is. What it sends comes in at the source that `endpoint` leads
to; the sweeps of this one stay, and find whatever was never sent. FHIR R4, "Subscription".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import msgspec

from suture.connectors.fhir_rest.server import Server, issues_of
from suture.connectors.fhir_rest.settings import FhirRestSettings
from suture.model.fault import Fault, fault

CHECK_SECONDS = 60.0
ID_CHARACTERS_MAX = 64
_WORKING = ("requested", "active")
_STOPPED = ("error", "off")


class _Told(msgspec.Struct, frozen=True):
    status: str = ""
    end: str = ""


class Subscriptions:
    """What one source has asked a server to send."""

    def __init__(
        self,
        settings: FhirRestSettings,
        server: Server,
        secret: Callable[[str], str],
        source: str,
    ) -> None:
        """Take what is to be sent where, whom to tell, and whose it is."""
        self._settings = settings
        self._server = server
        self._secret = secret
        self._source = source
        self._check_at = 0.0
        self._complaint: Fault | None = None
        self._tokens: dict[str, str] = {}
        """By resource type, what the server was told to send along since we were opened."""

    async def keep(self) -> Fault | None:
        """Ask for each where it is due, and return why one of them does not work."""
        if self._settings.subscription.endpoint and time.monotonic() >= self._check_at:
            self._check_at = time.monotonic() + CHECK_SECONDS
            told = [await self._keep(kind) for kind in self._settings.resources]
            self._complaint = next((each for each in told if each is not None), None)
        return self._complaint

    async def _keep(self, kind: str) -> Fault | None:
        """Ask for one where it is absent, stopped, soon over, or was not asked for by us yet."""
        token = self._secret(self._settings.subscription.token)
        if not token:
            return fault("estate.secret.absent", self._settings.subscription.token)
        path = f"Subscription/{self.identity_of(kind)}"
        if self._tokens.get(kind) != token:
            return await self._request(kind, path, token)
        reply = await self._server.ask("GET", path)
        if isinstance(reply, Fault):
            return reply
        try:
            told = msgspec.json.decode(reply.body, type=_Told)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            told = _Told()
        if reply.status == HTTPStatus.OK and told.status in _WORKING and not self._is_ending(told):
            return None
        failed = await self._request(kind, path, token)
        if failed is None and told.status in _STOPPED:
            explanation = f"its status was `{told.status}`; it is asked for again"
            return fault("fhir_rest.subscription.stopped", kind, explanation)
        return failed

    async def _request(self, kind: str, path: str, token: str) -> Fault | None:
        wanted = self._settings.subscription
        end = datetime.now(UTC) + timedelta(days=wanted.days)
        told = {
            "resourceType": "Subscription",
            "id": self.identity_of(kind),
            "status": "requested",
            "reason": "Suture takes what changes",
            "criteria": f"{kind}?",
            "end": end.isoformat(timespec="seconds"),
            "channel": {
                "type": "rest-hook",
                "endpoint": wanted.endpoint,
                "payload": "application/fhir+json",
                "header": [f"Authorization: Bearer {token}"],
            },
        }
        reply = await self._server.ask("PUT", path, body=msgspec.json.encode(told))
        if isinstance(reply, Fault):
            return reply
        if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            explanation = f"HTTP {reply.status}{issues_of(reply.body)}"
            return fault("fhir_rest.subscription.refused", kind, explanation)
        self._tokens[kind] = token
        return None

    def _is_ending(self, told: _Told) -> bool:
        """Return whether less than half of its time is left."""
        try:
            left = datetime.fromisoformat(told.end) - datetime.now(UTC)
        except (ValueError, TypeError):
            return False  # the server lets it go on for ever
        return left < timedelta(days=self._settings.subscription.days) / 2

    def identity_of(self, kind: str) -> str:
        """Return the id of the one for a resource type: a FHIR id, the same every time."""
        return f"suture-{kind}-{self._source.replace('_', '-')}"[:ID_CHARACTERS_MAX]
