"""Webhooks as the engine opens them: one POST for each message, known by its id.

`webhook-id` is the message's key, the same at each attempt; the signature is of the moment. A 2xx
is delivered. When to try again is the engine's. Standard Webhooks 1.0.0; CloudEvents HTTP binding
1.0.2, 3.1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from suture.connectors.access import signature, signing_key
from suture.connectors.egress import Lost
from suture.connectors.outcome import Delivered, Healthy, Outcome, Refused, Transient
from suture.connectors.ports import MessageDestination, Surroundings
from suture.connectors.posting import Post, failed, open_post, undelivered
from suture.connectors.webhook.settings import WebhookSettings
from suture.model.envelope import ContentType
from suture.model.fault import Fault, fault
from suture.wire.cloudevents import CloudEvent, write_binary


class Webhook:
    """One receiver; fills the port `MessageDestination`."""

    def __init__(self, settings: WebhookSettings, post: Post, secret: Callable[[str], str]) -> None:
        """Take where it is, and what resolves references."""
        self._settings = settings
        self._post = post
        self._secret = secret

    async def send(self, body: bytes, *, key: str, content_type: ContentType) -> Outcome:
        headers = self._credentials()
        signed = self._signatures(key, body)
        if headers is None or not signed:
            return Transient(fault("webhook.secret.absent", self._post.where))
        headers |= signed | self._event(key) | {"Content-Type": content_type}
        reply = await self._post.send(headers, body)
        if isinstance(reply, Lost):
            return undelivered(reply)
        if 200 <= reply.status < 300:
            return Delivered(key, "created")
        return failed(reply, self._post.where)

    async def health(self) -> Healthy | Transient | Refused:
        headers = self._credentials()
        if headers is None or not self._signatures("health", b""):
            return Transient(fault("webhook.secret.absent", self._post.where))
        return await self._post.health(headers)

    async def close(self) -> None:
        await self._post.close()

    def _credentials(self) -> dict[str, str] | None:
        """Return the bearer token, where there is to be one; None where it is absent."""
        if not self._settings.token:
            return {}
        token = self._secret(self._settings.token).strip()
        return {"Authorization": f"Bearer {token}"} if token.isprintable() and token else None

    def _signatures(self, key: str, body: bytes) -> dict[str, str]:
        """Return the headers of a signature by each secret; none where one cannot sign."""
        secrets = [each for each in self._secret(self._settings.signing_secret).split() if each]
        keys = [told for each in secrets[:2] if (told := signing_key(each)) is not None]
        if not keys:
            return {}
        at_seconds = int(time.time())
        return {
            "webhook-id": key,
            "webhook-timestamp": str(at_seconds),
            "webhook-signature": " ".join(signature(each, key, at_seconds, body) for each in keys),
        }

    def _event(self, key: str) -> dict[str, str]:
        """Return the attributes of a CloudEvent, percent-encoded (HTTP binding, 3.1.3.2)."""
        settings = self._settings
        if not settings.event_type:
            return {}
        event = CloudEvent(id=key, source=settings.event_source, type=settings.event_type)
        told = write_binary(event)
        return {f"ce-{name}": quote(value, safe="/:?#@!$&'()*+,;=") for name, value in told.items()}


async def open_messages(
    settings: WebhookSettings, surroundings: Surroundings
) -> MessageDestination | Fault:
    """Make ready to send; nothing is connected before the first message."""
    post = open_post(settings, surroundings.home)
    return post if isinstance(post, Fault) else Webhook(settings, post, surroundings.secret)
