"""A source that is a FHIR server, the real one where it is there: asked, stored once, booked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import pytest
from joserfc.jwk import ECKey, KeySet
from tests.contracts.fhir_peer import FhirPeer
from tests.integration.riverbend_store import TOKEN, Riverbend
from tests.peers.peer import fhir_server

from suture.engine.duties import FilesDuty
from suture.store.transmission import read_watermark

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SOURCE = """
connector = "fhir_rest"
translation = "fhir"
zone = "America/Chicago"
authority = "riverbend"
facility = "RGH"

[fhir_rest]
url = "{base}"
allow = ["{place}"]
is_plaintext_accepted = true
resources = ["Appointment", "Organization"]
token = "env:EHR"
page_count = 2
interval_seconds = 0.1
"""
COUNT = "select count(*) from message where source = 'ehr'"


@pytest.fixture(scope="module")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the base of a HAPI FHIR server that takes one token."""
    with fhir_server(tmp_path_factory.mktemp("hapi"), TOKEN) as base:
        yield base


def put(base: str, kind: str, identity: str, **told: Any) -> None:
    """Create or update a resource, as its owner does."""
    body = json.dumps({"resourceType": kind, "id": identity, **told}).encode()
    headers = {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {TOKEN}"}
    url = f"{base}/{kind}/{identity}"
    with urlopen(Request(url, body, headers, method="PUT"), timeout=60):  # noqa: S310 - loopback
        pass


@asynccontextmanager
async def asking(
    riverbend: Riverbend, base: str, source: str = SOURCE, secret: str = ""
) -> AsyncIterator[FilesDuty]:
    """Ask the server as a worker does."""
    source = source.format(base=base, place=base.split("/")[2])
    release = await riverbend.change({"sources/ehr.toml": source.encode()})
    keeping = riverbend.keeping()
    if secret:
        keeping = msgspec.structs.replace(keeping, secrets=lambda _: secret)
    duty = FilesDuty(keeping)
    only = {"ehr": riverbend.estate.sources["ehr"]}
    await duty.start(msgspec.structs.replace(riverbend.estate, sources=only), release)
    try:
        yield duty
    finally:
        await duty.drain()


async def test_a_real_server_is_read_page_by_page_and_what_changes_is_read_again(
    riverbend: Riverbend, hapi: str
) -> None:
    def fill(*numbers: int, **told: Any) -> None:
        for number in numbers:
            put(hapi, "Organization", f"org-{number}", name=f"Payer {number}", **told)

    await asyncio.to_thread(fill, 1, 2, 3, 4, 5)
    async with asking(riverbend, hapi) as duty:
        await riverbend.until(f"select ({COUNT}) = 5")
        await asyncio.to_thread(fill, 2, active=False)
        await riverbend.until(f"select ({COUNT}) = 6")
        assert "" == duty.doors()[0].code
    async with asking(riverbend, hapi):  # as after a restart: what comes again is known
        await asyncio.to_thread(fill, 6)
        await riverbend.until(f"select ({COUNT}) = 7")
    assert '"Organization"' in await read_watermark(riverbend.database, "ehr")
    kinds = await riverbend.rows("select distinct format, type from message where source = 'ehr'")
    assert [("fhir", "Organization")] == [(row["format"], row["type"]) for row in kinds]
    await riverbend.settle()
    assert (await riverbend.conservation()).gap == 0


async def test_a_real_server_that_does_not_let_us_in_is_shown_at_the_door(
    riverbend: Riverbend, hapi: str
) -> None:
    async with asking(riverbend, hapi, secret="another") as duty:
        async with asyncio.timeout(20):
            while not duty.doors()[0].code:  # noqa: ASYNC110 - a door has no event
                await asyncio.sleep(0.02)
        (door,) = duty.doors()
    assert ("fhir_rest.access.refused", "HTTP 401: processing") == (door.code, door.explanation)


async def test_a_real_server_is_read_with_the_token_that_a_signed_assertion_got(
    riverbend: Riverbend, hapi: str
) -> None:
    peer, key = FhirPeer(), ECKey.generate_key("P-384", auto_kid=False)
    await peer.start()
    peer.keys = KeySet.import_key_set({"keys": [{**key.as_dict(private=False), "kid": "1"}]})
    peer.token_reply = {"access_token": TOKEN}
    smart = (
        f'[fhir_rest.smart]\nclient_id = "suture"\nprivate_key = "env:EHR"\nkey_id = "1"\n'
        f'token_url = "{peer.origin}/login/token"\n'
    )
    source = SOURCE.replace('token = "env:EHR"\n', "") + smart
    source = source.replace('"{place}"', f'"{{place}}", "127.0.0.1:{peer.port}"')
    await asyncio.to_thread(put, hapi, "Organization", "org-smart", name="Payer")
    try:
        async with asking(riverbend, hapi, source, key.as_pem(private=True).decode()):
            await riverbend.until(f"select ({COUNT}) > 0")
    finally:
        await peer.stop()  # else the loop waits for it for ever
    assert 1 == len(peer.assertions)


async def test_a_real_server_keeps_the_subscription_that_it_is_asked_for(
    riverbend: Riverbend, hapi: str
) -> None:
    told = 'endpoint = "https://suture.example.org/in"\ntoken = "env:HOOK"\n'
    source = SOURCE + "[fhir_rest.subscription]\n" + told

    def kept() -> dict[str, Any]:
        url = f"{hapi}/Subscription/suture-Organization-ehr"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with urlopen(Request(url, headers=headers), timeout=60) as answer:  # noqa: S310 - loopback
            told: dict[str, Any] = json.load(answer)
            return told

    async with asking(riverbend, hapi, source) as duty:
        found: dict[str, Any] = {}
        async with asyncio.timeout(30):
            while not found:
                with contextlib.suppress(HTTPError):
                    found = await asyncio.to_thread(kept)
                await asyncio.sleep(0.1)
        assert "" == duty.doors()[0].code
    assert ("Organization?", "rest-hook") == (found["criteria"], found["channel"]["type"])
