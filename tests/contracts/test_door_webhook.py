"""Webhooks pass the contract of destinations that are told messages, and keep their own promises.

The receiver verifies signatures by itself (`webhook_receiver.py`).
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.destination_contract import MessageDestinationContract
from tests.contracts.door_contract import SOON_SECONDS, SettingsContract, surroundings_at
from tests.contracts.webhook_receiver import SECRET, WebhookReceiver

from suture.connectors import registry
from suture.connectors.limits import HttpLimits
from suture.connectors.outcome import Delivered, Healthy, Refused, Transient, Unknown
from suture.connectors.ports import MessageDestination
from suture.connectors.sending import HttpsTls
from suture.connectors.webhook.settings import WebhookSettings
from suture.governance.connector import DestinationSettings
from suture.governance.reading import Document
from suture.model.fault import Fault

BODY = b'{"resourceType":"Appointment"}'


class TestWebhookSettings(SettingsContract):
    """Settings of a receiver's webhook."""

    connector = "webhook"
    settings_type = WebhookSettings

    def valid(self) -> Any:
        return WebhookSettings(
            url="https://portal.example/hooks",
            allow=("portal.example:443",),
            signing_secret="env:SIGNING",
            token="env:TOKEN",
        )


class TestWebhook(MessageDestinationContract):
    """A receiver that can fall silent."""

    @pytest.fixture(autouse=True)
    def _prepared(self) -> None:
        self.receiver = WebhookReceiver()

    def settings(self) -> DestinationSettings:
        return settings(self.receiver)

    async def open(self) -> MessageDestination:
        return await opened(settings(self.receiver), self.home)

    def body(self, key: str) -> bytes:
        return f'{{"resourceType":"Appointment","id":"{key}"}}'.encode()

    async def start_peer(self) -> None:
        await self.receiver.start()

    async def stop_peer(self) -> None:
        await self.receiver.stop()

    def let_peer(self, do: str) -> None:
        self.receiver.does = do

    def taken(self) -> list[bytes]:
        return self.receiver.taken


def settings(receiver: WebhookReceiver, **told: Any) -> WebhookSettings:
    return WebhookSettings(
        url=f"http://127.0.0.1:{receiver.port}/hooks/suture",
        allow=(f"127.0.0.1:{receiver.port}",),
        is_plaintext_accepted=True,
        signing_secret="env:SIGNING",
        limits=HttpLimits(total_seconds_max=SOON_SECONDS),
        **told,
    )


async def opened(
    settings: WebhookSettings, home: Path, secret: str = SECRET, **secrets: str
) -> MessageDestination:
    here = surroundings_at(home, SIGNING=secret, **secrets)
    destination = await registry.open_messages(settings, here)
    assert not isinstance(destination, Fault), destination
    return destination


async def sent(
    home: Path,
    does: str | int = "take",
    *,
    secret: str = SECRET,
    retry_after: str = "",
    **told: Any,
) -> tuple[Any, WebhookReceiver]:
    """Return what came of sending one message to a receiver that does so."""
    receiver = WebhookReceiver()
    receiver.does, receiver.retry_after = does, retry_after
    await receiver.start()
    destination = await opened(settings(receiver, **told), home, secret, TOKEN="t")
    try:
        outcome = await destination.send(BODY, key="S1", content_type="application/fhir+json")
        return outcome, receiver
    finally:
        await destination.close()
        await receiver.stop()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (302, Refused, "webhook.refused"),
        (400, Refused, "webhook.refused"),
        (410, Refused, "webhook.refused"),
        (501, Refused, "webhook.refused"),
        (401, Transient, "webhook.access.refused"),
        (403, Transient, "webhook.access.refused"),
        (408, Transient, "webhook.busy"),
        (409, Transient, "webhook.busy"),
        (425, Transient, "webhook.busy"),
        (429, Transient, "webhook.busy"),
        (503, Transient, "webhook.busy"),
        (500, Unknown, "webhook.failed"),
        (502, Unknown, "webhook.failed"),
    ],
)
async def test_a_status_says_no_more_than_is_certain(
    tmp_path: Path, status: int, kind: type, code: str
) -> None:
    outcome, receiver = await sent(tmp_path, status, retry_after="7")
    assert (kind, code) == (type(outcome), outcome.fault.code)
    assert 1 == len(receiver.heads), "b83: a redirect is not followed"
    if code == "webhook.busy":
        assert 7 == outcome.retry_after_seconds


async def test_nothing_that_a_receiver_says_of_a_patient_is_repeated(tmp_path: Path) -> None:
    outcome, _ = await sent(tmp_path, "refuse")
    assert "DOE" not in repr(outcome)


async def test_a_message_is_known_by_its_key_and_an_event_where_that_is_said(
    tmp_path: Path,
) -> None:
    outcome, receiver = await sent(
        tmp_path, token="env:TOKEN", event_source="/suture", event_type="org.example.told"
    )
    (head,) = receiver.heads
    assert Delivered("S1", "created") == outcome
    assert ("S1", "S1", "/suture", "org.example.told", "1.0") == tuple(
        head[name] for name in ("webhook-id", "ce-id", "ce-source", "ce-type", "ce-specversion")
    )
    assert ("application/fhir+json", "Bearer t") == (head["content-type"], head["authorization"])


async def test_two_secrets_both_sign(tmp_path: Path) -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    outcome, receiver = await sent(tmp_path, secret=f"{other}\n{SECRET}\n")
    assert isinstance(outcome, Delivered)
    assert 2 == len(receiver.heads[0]["webhook-signature"].split(" "))


@pytest.mark.parametrize("secret", ["", "whsec_short"])
async def test_nothing_is_sent_unsigned(tmp_path: Path, secret: str) -> None:
    outcome, receiver = await sent(tmp_path, secret=secret)
    assert isinstance(outcome, Transient)
    assert ("webhook.secret.absent", []) == (outcome.fault.code, receiver.heads)


async def test_b79_b80_a_receiver_is_where_it_is_listed_and_nowhere_else(tmp_path: Path) -> None:
    told = WebhookSettings(
        url="http://2130706433:80/", allow=("127.0.0.1:80",), signing_secret="env:SIGNING"
    )
    refused = await registry.open_messages(told, surroundings_at(tmp_path, SIGNING=SECRET))
    assert isinstance(refused, Fault)


def test_what_cannot_be_an_event_or_is_unsigned_is_told_when_the_estate_is_checked() -> None:
    wrong = WebhookSettings(
        url="https://a.example/",
        allow=("a.example:443",),
        signing_secret="",
        event_source="/x",
        tls=HttpsTls(certificate="file:a.pem"),
    )
    told = list(wrong.faults(Document("destinations/x.toml", "", {}), ("webhook",)))
    assert 3 == len(told)


async def test_health_asks_and_posts_nothing(tmp_path: Path) -> None:
    receiver = WebhookReceiver()
    await receiver.start()
    destination = await opened(settings(receiver), tmp_path)
    assert isinstance(await destination.health(), Healthy)
    await destination.close()
    await receiver.stop()
    assert [] == receiver.heads
