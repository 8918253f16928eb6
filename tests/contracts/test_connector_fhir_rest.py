"""What the door to a FHIR server promises beyond its port: sweeps, links, refusals, SMART."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fhir.resources.R4B.subscription import Subscription
from joserfc.jwk import ECKey, KeySet, RSAKey
from tests.contracts.door_contract import surroundings_at
from tests.contracts.fhir_peer import FhirPeer, outcome

from suture.connectors import registry
from suture.connectors.fhir_rest.door import read_watermark
from suture.connectors.fhir_rest.server import issues_of, read_page, seconds_to_wait
from suture.connectors.fhir_rest.settings import (
    FhirRestSettings,
    SmartSettings,
    SubscriptionSettings,
)
from suture.connectors.fhir_rest.smart import load_key
from suture.connectors.ports import PULLED_MESSAGES_MAX, PullDoor
from suture.model.fault import Fault

PHI = "ZZPHI-DOE"
SMART = SmartSettings(client_id="suture", private_key="env:KEY", key_id="2026-03")


class Asking:
    """A door to the peer, asked as the engine does."""

    def __init__(self, peer: FhirPeer, home: Path) -> None:
        self.peer = peer
        self.home = home
        self.secrets: dict[str, str] = {}
        self.watermark = ""

    async def door(self, **told: Any) -> PullDoor:
        settings = FhirRestSettings(
            url=self.peer.base,
            allow=(f"127.0.0.1:{self.peer.port}",),
            is_plaintext_accepted=True,
            resources=("Encounter",),
            page_count=2,
        )
        settings = msgspec.structs.replace(settings, **told)
        surroundings = msgspec.structs.replace(
            surroundings_at(self.home),
            secret=lambda each: self.secrets.get(each.removeprefix("env:"), ""),
        )
        door = await registry.open_pull_door(settings, surroundings)
        assert not isinstance(door, Fault), door
        return door

    async def turn(self, door: PullDoor) -> list[str]:
        """Ask once and settle; return the types and ids that came."""
        pulled = await door.poll(self.watermark)
        assert not isinstance(pulled, Fault), pulled
        if pulled:
            self.watermark = pulled[-1].watermark
            await door.settled(self.watermark)
        told = [json.loads(each.raw) for each in pulled]
        return [f"{each['resourceType'][:3]}{each['id']}" for each in told]

    async def turns(self, door: PullDoor) -> list[str]:
        """Ask until nothing comes."""
        come: list[str] = []
        while new := await self.turn(door):
            come += new
        return come

    async def trouble(self, door: PullDoor) -> tuple[str, str]:
        told = await door.poll(self.watermark)
        assert isinstance(told, Fault), told
        return told.code, told.explanation


@pytest.fixture
def peer(runner: asyncio.Runner) -> Iterator[FhirPeer]:
    peer = FhirPeer()
    runner.run(peer.start())
    yield peer
    runner.run(peer.stop())


@pytest.fixture
def asking(peer: FhirPeer, tmp_path: Path) -> Asking:
    return Asking(peer, tmp_path)


def encounters(peer: FhirPeer, *numbers: int) -> None:
    for number in numbers:
        peer.put("Encounter", str(number), number)


# Sweeps ------------------------------------------------------------------------------------------


async def test_types_are_read_one_after_the_other_page_by_page(
    asking: Asking, peer: FhirPeer
) -> None:
    encounters(peer, 1, 2, 3)
    peer.put("Account", "7", 0)
    door = await asking.door(resources=("Encounter", "Account"))
    assert [["Enc1", "Enc2"], ["Enc3"], ["Acc7"], []] == [await asking.turn(door) for _ in range(4)]
    marks = read_watermark(asking.watermark)
    assert not isinstance(marks, Fault)
    assert {"Encounter": 3, "Account": 0} == {kind: at.second for kind, at in marks.items()}
    await door.close()


async def test_what_changes_comes_again_and_nothing_else(asking: Asking, peer: FhirPeer) -> None:
    encounters(peer, 1, 2, 3)
    door = await asking.door()
    await asking.turns(door)
    peer.put("Encounter", "2", 100)
    assert (["Enc2"], []) == (await asking.turn(door), await asking.turn(door))
    await door.close()
    again = await asking.door()
    encounters(peer, 150)
    come = await asking.turns(again)
    assert {"Enc2", "Enc150"} == set(come), "after a restart, from behind the watermark"
    assert "ge2026-03-10T18:00:40.000Z" == peer.queries[-3]["_lastUpdated"]
    await again.close()


async def test_b77_a_change_that_is_seen_late_is_found_within_the_overlap(
    asking: Asking, peer: FhirPeer
) -> None:
    encounters(peer, 50)
    door = await asking.door()
    await asking.turns(door)
    newest = asking.watermark
    encounters(peer, 20)
    assert ["Enc20"] == await asking.turn(door)
    assert newest == asking.watermark, "which does not go back"
    await door.close()


async def test_a_resource_is_taken_as_it_was_sent() -> None:
    raw = b'{"resourceType":"Invoice","totalNet":{"value":10.00},"x":{"y":1e2}}'
    page = read_page(b'{"resourceType":"Bundle","entry":[{"resource":' + raw + b"}]}", "Invoice")
    assert not isinstance(page, Fault)
    assert [raw] == [each.raw for each in page.found]


async def test_included_resources_and_outcomes_are_not_taken(
    asking: Asking, peer: FhirPeer
) -> None:
    encounters(peer, 1)
    peer.others = [
        {"resource": {"resourceType": "Patient", "id": "1"}, "search": {"mode": "include"}},
        {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
        {"resource": {"resourceType": "Patient", "id": "1"}},
        {},
    ]
    door = await asking.door()
    assert ["Enc1"] == await asking.turns(door)
    await door.close()


async def test_a_page_larger_than_one_answer_is_taken_in_parts(
    asking: Asking, peer: FhirPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.connectors.fhir_rest.door.PULLED_MESSAGES_MAX", 3)
    assert PULLED_MESSAGES_MAX > 3
    encounters(peer, *range(1, 8))
    door = await asking.door(page_count=5)
    assert [3, 2, 2, 0] == [len(await asking.turn(door)) for _ in range(4)]
    await door.close()


async def test_a_server_that_does_not_sort_is_told(asking: Asking, peer: FhirPeer) -> None:
    peer.is_sorting = False
    encounters(peer, 3, 1, 2)
    door = await asking.door()
    assert "fhir_rest.order.ignored" == (await asking.trouble(door))[0]
    await door.close()


async def test_of_one_that_cannot_sort_the_watermark_moves_at_the_end(
    asking: Asking, peer: FhirPeer
) -> None:
    peer.is_sorting = False
    encounters(peer, 300, 1, 200)
    door = await asking.door(is_sorted=False)
    assert (["Enc300", "Enc1"], "{}") == (await asking.turn(door), asking.watermark)
    assert ["Enc200"] == await asking.turn(door)
    marks = read_watermark(asking.watermark)
    assert not isinstance(marks, Fault)
    assert 5 == marks["Encounter"].minute
    await door.close()


async def test_of_one_that_cannot_filter_what_is_old_is_not_taken_again(
    asking: Asking, peer: FhirPeer
) -> None:
    peer.is_filtering = False
    encounters(peer, 1, 200, 400)
    door = await asking.door()
    assert ["Enc1", "Enc200", "Enc400"] == await asking.turns(door)
    assert [] == await asking.turn(door)
    await door.close()


async def test_what_could_not_be_stored_comes_again_from_the_same_door(
    asking: Asking, peer: FhirPeer
) -> None:
    encounters(peer, 1, 2, 3)
    door = await asking.door()
    assert await door.poll("") == await door.poll("")
    assert ["Enc1", "Enc2", "Enc3"] == await asking.turns(door)
    await door.close()


# Links, refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
async def test_pages_that_expired_are_searched_again(
    asking: Asking, peer: FhirPeer, status: int
) -> None:
    encounters(peer, 1, 2, 3, 4)
    door = await asking.door()
    assert ["Enc1", "Enc2"] == await asking.turn(door)
    peer.replies = [outcome(status, "not-found")]
    assert ["Enc3", "Enc4"] == await asking.turn(door)
    peer.replies = [outcome(status, "not-found")]
    assert "fhir_rest.paging.expired" == (await asking.trouble(door))[0], "of a search, not a page"
    await door.close()


@pytest.mark.parametrize(
    "link",
    [
        "http://169.254.169.254/fhir?page=2",
        "https://127.0.0.1/fhir?page=2",
        "http://user@127.0.0.1:1/x",
        "file:///etc/passwd",
        "http://[",
    ],
)
async def test_b83_a_link_to_anywhere_else_is_not_followed(
    asking: Asking, peer: FhirPeer, link: str
) -> None:
    encounters(peer, 1, 2, 3)
    peer.page_link = lambda _: link
    door = await asking.door()
    assert ["Enc1", "Enc2"] == await asking.turn(door)
    assert "fhir_rest.link.foreign" == (await asking.trouble(door))[0]
    await door.close()


async def test_a_page_that_leads_to_itself_is_told(asking: Asking, peer: FhirPeer) -> None:
    encounters(peer, 1, 2, 3, 4, 5)
    peer.page_link = lambda _: f"{peer.base}?_getpages=0%7Cx&offset=2&_count=2"
    door = await asking.door()
    await asking.turn(door)
    assert "fhir_rest.answer.unreadable" == (await asking.trouble(door))[0]
    await door.close()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    asking: Asking, peer: FhirPeer, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encounters(peer, 1)
    peer.replies = [outcome(status, "throttled", Retry_After="120")]
    door = await asking.door()
    told = ("fhir_rest.busy", f"HTTP {status}; it is asked again after 120 s")
    assert [told, told] == [await asking.trouble(door), await asking.trouble(door)]
    assert 1 == len(peer.queries)
    monkeypatch.setattr("suture.connectors.fhir_rest.server.time.monotonic", lambda: 1e12)
    assert ["Enc1"] == await asking.turn(door)
    await door.close()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("999999999999", 3600.0),
        ("Tue, 10 Mar 2026 12:01:00 GMT", 60.0),
        ("Tue, 10 Mar 2026 11:00:00 GMT", 1.0),
        ("soon", 30.0),
        ("", 30.0),
    ],
)
def test_retry_after_is_heeded_within_reason(told: str, seconds: float) -> None:
    noon = 1773144000.0
    assert seconds == seconds_to_wait(told, noon)


async def test_b93_a_refusal_is_told_without_its_sentences(asking: Asking, peer: FhirPeer) -> None:
    peer.replies = [outcome(400, "invalid", f"no such patient {PHI}")]
    door = await asking.door()
    told = await door.poll("")
    assert isinstance(told, Fault)
    assert ("fhir_rest.request.refused", "HTTP 400: invalid") == (told.code, told.explanation)
    assert PHI not in repr(told)
    await door.close()
    assert "" == issues_of(b'{"resourceType":"OperationOutcome","issue":[{"code":"DOE, JANE"}]}')


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"resourceType":"Patient"}',
        b'{"resourceType":"Bundle","entry":[{"resource":[]}]}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"A","x":'
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}}]}",
        b"\xff",
    ],
    ids=["html", "empty", "no bundle", "no resource", "b46 deep", "no text"],
)
async def test_b46_an_answer_that_is_no_page_is_told(
    asking: Asking, peer: FhirPeer, body: bytes
) -> None:
    peer.replies = [web.Response(body=body, content_type="application/fhir+json")]
    door = await asking.door()
    assert "fhir_rest.answer.unreadable" == (await asking.trouble(door))[0]
    await door.close()


async def test_b85_an_answer_that_is_too_large_is_not_read(asking: Asking, peer: FhirPeer) -> None:
    from suture.connectors.fhir_rest.settings import PageLimits  # noqa: PLC0415 - of this test

    peer.put("Encounter", "1", 1, note="x" * 5000)
    door = await asking.door(limits=PageLimits(reply_bytes_max=4096))
    assert "egress.reply.too_large" == (await asking.trouble(door))[0]
    await door.close()


@pytest.mark.parametrize("kept", ["x", "[]", '{"A":"2026-01-01T00:00:00"}', '{"A":"x"}'])
def test_a_watermark_of_something_else_is_told(kept: str) -> None:
    told = read_watermark(kept)
    assert isinstance(told, Fault)
    assert "fhir_rest.watermark.unreadable" == told.code


async def test_b79_a_base_that_is_not_listed_is_not_reached(asking: Asking) -> None:
    settings = FhirRestSettings(
        url="https://ehr.example.org/fhir", allow=("other:443",), resources=("Encounter",)
    )
    told = await registry.open_pull_door(settings, surroundings_at(asking.home))
    assert isinstance(told, Fault)
    assert "egress.destination.not_allowed" == told.code


# Access ------------------------------------------------------------------------------------------


async def test_a_token_that_does_not_change_is_sent(asking: Asking, peer: FhirPeer) -> None:
    encounters(peer, 1)
    peer.bearer = {"right"}
    asking.secrets["T"] = "wrong"
    door = await asking.door(token="env:T")
    assert ("fhir_rest.access.refused", "HTTP 401: login") == await asking.trouble(door)
    await door.close()
    asking.secrets["T"] = "right"
    door = await asking.door(token="env:T")
    assert ["Enc1"] == await asking.turn(door)
    await door.close()
    del asking.secrets["T"]
    door = await asking.door(token="env:T")
    assert "estate.secret.absent" == (await asking.trouble(door))[0]
    await door.close()


def registered(asking: Asking, key: RSAKey | ECKey) -> None:
    """Let the token server know a key, and us its private half."""
    asking.secrets["KEY"] = key.as_pem(private=True).decode()
    public = {**key.as_dict(private=False), "kid": "2026-03"}
    asking.peer.keys = KeySet.import_key_set({"keys": [public]})
    asking.peer.bearer = set()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048, auto_kid=False), "RS384"),
        (ECKey.generate_key("P-384", auto_kid=False), "ES384"),
    ],
    ids=["RS384", "ES384"],
)
async def test_an_assertion_is_signed_as_smart_says_and_its_token_kept(
    asking: Asking, peer: FhirPeer, key: RSAKey | ECKey, algorithm: str
) -> None:
    registered(asking, key)
    encounters(peer, 1, 2, 3)
    door = await asking.door(smart=SMART)
    assert ["Enc1", "Enc2", "Enc3"] == await asking.turns(door)
    (assertion,) = peer.assertions
    assert (algorithm, "2026-03") == (assertion["alg"], assertion["kid"])
    assert ["system/*.read"] == peer.scopes
    await door.close()


WEAK_RSA = (
    rsa.generate_private_key(65537, 1024)  # noqa: S505 - so that it is refused
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
EC_KEY = ECKey.generate_key("P-384", auto_kid=False)


async def test_a_token_that_ended_or_is_not_taken_any_more_is_asked_for_anew(
    asking: Asking, peer: FhirPeer
) -> None:
    registered(asking, EC_KEY)
    encounters(peer, 1)
    door = await asking.door(smart=SMART)
    peer.token_reply = {"expires_in": 0}
    await asking.turn(door)
    peer.token_reply = {}
    await asking.turn(door)
    assert 2 == len(peer.assertions)
    await asking.turn(door)
    assert 2 == len(peer.assertions), "kept"
    peer.bearer = {"another"}
    encounters(peer, 2)
    assert ["Enc2"] == await asking.turn(door)
    assert 3 == len(peer.assertions)
    await door.close()


async def test_a_token_server_that_refuses_us_is_told_by_its_code(
    asking: Asking, peer: FhirPeer
) -> None:
    registered(asking, EC_KEY)
    peer.token_reply = {"error": "invalid_scope", "error_description": PHI}
    door = await asking.door(smart=SMART)
    told = await door.poll("")
    assert isinstance(told, Fault)
    assert ("fhir_rest.token.refused", "HTTP 400 invalid_scope") == (told.code, told.explanation)
    assert PHI not in repr(told)
    peer.token_reply = {"access_token": "a\r\nX-Evil: 1"}
    assert ("fhir_rest.token.refused", "HTTP 200") == await asking.trouble(door)
    await door.close()


async def test_where_tokens_are_given_may_be_said(asking: Asking, peer: FhirPeer) -> None:
    registered(asking, EC_KEY)
    encounters(peer, 1)
    peer.discovery = False
    door = await asking.door(smart=SMART)
    assert ("fhir_rest.smart.absent", "HTTP 404") == await asking.trouble(door)
    await door.close()
    at = SmartSettings(
        client_id="suture",
        private_key="env:KEY",
        key_id="2026-03",
        token_url=f"{peer.origin}/login/token",
    )
    door = await asking.door(smart=at)
    assert ["Enc1"] == await asking.turn(door)
    await door.close()
    elsewhere = SmartSettings(
        client_id="suture", private_key="env:KEY", token_url="http://10.0.0.1/token"
    )
    door = await asking.door(smart=elsewhere)
    assert "egress.destination.not_allowed" == (await asking.trouble(door))[0]
    await door.close()


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "hunter2",
        WEAK_RSA,
        ECKey.generate_key("P-256", auto_kid=False).as_pem(private=True).decode(),
        EC_KEY.as_pem(private=False).decode(),
    ],
    ids=["none", "no key", "RSA of 1024 bits", "P-256", "public"],
)
async def test_b48_a_key_that_is_too_weak_or_none_signs_nothing(asking: Asking, pem: str) -> None:
    assert load_key(pem) is None
    asking.secrets["KEY"] = pem
    at = f"{asking.peer.origin}/login/token"
    smart = SmartSettings(client_id="suture", private_key="env:KEY", token_url=at)
    door = await asking.door(smart=smart)
    told = await door.poll("")
    assert isinstance(told, Fault)
    assert ("fhir_rest.key.unusable", "env:KEY") == (told.code, told.where)
    await door.close()


# Subscriptions -----------------------------------------------------------------------------------

HOOK = SubscriptionSettings(endpoint="https://suture.example.org/in/ehr", token="env:HOOK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after subscriptions at every question."""
    monkeypatch.setattr("suture.connectors.fhir_rest.subscription.CHECK_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
async def test_a_server_is_told_to_send_what_changes_and_once_is_enough(
    asking: Asking, peer: FhirPeer
) -> None:
    asking.secrets["HOOK"] = "right"
    door = await asking.door(subscription=HOOK, resources=("Encounter", "Account"))
    for _ in range(3):
        assert [] == await asking.turn(door)
    assert 2 == peer.written
    told = peer.subscriptions["suture-Encounter-a-source"]
    assert ("requested", "Encounter?") == (told["status"], told["criteria"])
    assert {
        "type": "rest-hook",
        "endpoint": HOOK.endpoint,
        "payload": "application/fhir+json",
        "header": ["Authorization: Bearer right"],
    } == told["channel"]
    Subscription.model_validate(told)
    await door.close()


@pytest.mark.usefixtures("impatient")
async def test_one_that_is_gone_soon_over_or_has_another_token_is_asked_for_again(
    asking: Asking, peer: FhirPeer
) -> None:
    asking.secrets["HOOK"] = "right"
    door = await asking.door(subscription=HOOK)
    await asking.turn(door)
    identity = "suture-Encounter-a-source"
    peer.subscriptions.clear()
    await asking.turn(door)
    assert [identity] == list(peer.subscriptions)
    soon = datetime.now(UTC) + timedelta(days=14)
    peer.subscriptions[identity]["end"] = soon.isoformat()
    await asking.turn(door)
    assert datetime.fromisoformat(peer.subscriptions[identity]["end"]) > soon
    del peer.subscriptions[identity]["end"]
    await asking.turn(door)
    assert 3 == peer.written, "one without an end goes on for ever"
    asking.secrets["HOOK"] = "new"
    await asking.turn(door)
    assert "Bearer new" in str(peer.subscriptions[identity])
    await door.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", ["error", "off"])
async def test_one_that_was_stopped_is_told_and_what_changes_is_read_all_the_same(
    asking: Asking, peer: FhirPeer, status: str
) -> None:
    asking.secrets["HOOK"] = "right"
    door = await asking.door(subscription=HOOK)
    await asking.turn(door)
    peer.subscriptions["suture-Encounter-a-source"]["status"] = status
    encounters(peer, 1)
    assert ["Enc1"] == await asking.turn(door)
    code, explanation = await asking.trouble(door)
    assert ("fhir_rest.subscription.stopped", True) == (code, f"`{status}`" in explanation)
    assert [] == await asking.turn(door), "it was asked for again, and works"
    await door.close()


async def test_a_server_that_takes_no_subscription_is_told(asking: Asking, peer: FhirPeer) -> None:
    asking.secrets["HOOK"] = "right"
    encounters(peer, 1)
    door = await asking.door(subscription=HOOK)
    assert ["Enc1"] == await asking.turn(door)
    peer.replies = [web.json_response({"resourceType": "Bundle"}), outcome(422, "not-supported")]
    told = ("fhir_rest.subscription.refused", "HTTP 422: not-supported")
    assert [told, told] == [await asking.trouble(door), await asking.trouble(door)]
    assert 0 == peer.written
    await door.close()
