"""A small FHIR server of the tests: searches by change, pages by links, tokens for assertions.

It says what a test lets it say. The assertion is verified by another library (joserfc) than the one
that signs it. The real server is HAPI (`tests/peers`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet

TOKEN_SECONDS = 300


class FhirPeer:
    """A server on loopback; its data and its moods are there for a test to move."""

    def __init__(self) -> None:
        self.resources: list[dict[str, Any]] = []
        self.queries: list[dict[str, str]] = []
        self.replies: list[web.Response] = []
        """What it answers next, whatever it is asked."""
        self.is_sorting = True
        self.is_filtering = True
        self.page_link: Callable[[str], str] = lambda link: link
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.others: list[dict[str, Any]] = []
        """Further entries of every page: included resources, outcomes."""
        self.bearer: set[str] | None = None
        """Tokens it takes; None: it asks for none."""
        self.keys: KeySet | None = None
        self.assertions: list[dict[str, Any]] = []
        self.scopes: list[str] = []
        self.token_reply: dict[str, Any] = {}
        self.discovery = True
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.written = 0
        """How often a Subscription was."""
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base(self) -> str:
        return f"{self.origin}/fhir/r4"

    def put(self, kind: str, identity: str, second: int, **told: Any) -> None:
        """Hold a resource that changed so many seconds after noon."""
        at = f"2026-03-10T12:{second // 60:02}:{second % 60:02}.000-06:00"
        kept = [
            each
            for each in self.resources
            if (each["resourceType"], each["id"]) != (kind, identity)
        ]
        made = {"resourceType": kind, "id": identity, "meta": {"lastUpdated": at}, **told}
        self.resources = [*kept, made]

    # The server ----------------------------------------------------------------------------------

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/fhir/r4", self._more)
        app.router.add_get("/fhir/r4/.well-known/smart-configuration", self._configuration)
        app.router.add_get("/fhir/r4/{kind}", self._search)
        app.router.add_get("/fhir/r4/Subscription/{id}", self._subscription)
        app.router.add_put("/fhir/r4/Subscription/{id}", self._subscribe)
        app.router.add_post("/login/token", self._token)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.replies:
            return self.replies.pop(0)
        told = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.bearer is not None and told not in self.bearer:
            return outcome(401, "login")
        return None

    async def _search(self, request: web.Request) -> web.Response:
        self.queries.append(dict(request.query))
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        since = datetime.fromisoformat(request.query["_lastUpdated"].removeprefix("ge"))
        found = [
            each
            for each in self.resources
            if each["resourceType"] == request.match_info["kind"]
            and (not self.is_filtering or changed(each) >= since)
        ]
        if self.is_sorting:
            assert "_lastUpdated" == request.query["_sort"]
            found.sort(key=changed)
        name = f"{len(self.pages)}|x"
        self.pages[name] = found
        return self._page(name, 0, int(request.query["_count"]))

    async def _more(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if request.query["_getpages"] not in self.pages:
            return outcome(410, "not-found")
        query = request.query
        return self._page(query["_getpages"], int(query["offset"]), int(query["_count"]))

    def _page(self, name: str, offset: int, count: int) -> web.Response:
        found = self.pages[name]
        entries = [
            {"resource": each, "search": {"mode": "match"}}
            for each in found[offset : offset + count]
        ]
        links = [{"relation": "self", "url": self.base}]
        if offset + count < len(found):
            quoted = name.replace("|", "%7C")
            link = f"{self.base}?_getpages={quoted}&offset={offset + count}&_count={count}"
            links.append({"relation": "next", "url": self.page_link(link)})
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": links,
            "entry": [*self.others, *entries],
        }
        return web.json_response(bundle, content_type="application/fhir+json")

    async def _subscription(self, request: web.Request) -> web.Response:
        told = self.subscriptions.get(request.match_info["id"])
        return self._refusal(request) or (
            outcome(404, "not-found") if told is None else web.json_response(told)
        )

    async def _subscribe(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        assert "application/fhir+json" == request.content_type
        told = await request.json()
        assert request.match_info["id"] == told["id"]
        self.written += 1
        self.subscriptions[told["id"]] = told
        return web.json_response(told, status=201)

    async def _configuration(self, _: web.Request) -> web.Response:
        if not self.discovery:
            raise web.HTTPNotFound
        return web.json_response({"token_endpoint": f"{self.origin}/login/token"})

    async def _token(self, request: web.Request) -> web.Response:
        """Give a token for an assertion as SMART Backend Services wants it, else say why not."""
        form = await request.post()
        assert "client_credentials" == form["grant_type"]
        assert form["client_assertion_type"] == (
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        )
        assert self.keys is not None
        told = await asyncio.to_thread(
            jwt.decode, str(form["client_assertion"]), self.keys, algorithms=["RS384", "ES384"]
        )
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": "suture"},
            sub={"essential": True, "value": "suture"},
            aud={"essential": True, "value": f"{self.origin}/login/token"},
            exp={"essential": True},
            jti={"essential": True},
        )
        rules.validate(told.claims)
        assert told.claims["exp"] <= time.time() + 300
        assert told.claims["jti"] not in {each["jti"] for each in self.assertions}
        self.assertions.append(
            {**told.claims, "alg": told.header["alg"], "kid": told.header["kid"]}
        )
        self.scopes.append(str(form["scope"]))
        if "error" in self.token_reply:
            return web.json_response(self.token_reply, status=400)
        token = f"token-{len(self.assertions)}"
        self.bearer = {token}
        reply = {"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS}
        return web.json_response(reply | self.token_reply)


def changed(resource: dict[str, Any]) -> datetime:
    """Return when a resource changed."""
    return datetime.fromisoformat(resource["meta"]["lastUpdated"])


def outcome(status: int, code: str, sentence: str = "", **headers: str) -> web.Response:
    """Return a refusal with an OperationOutcome."""
    issue = {"severity": "error", "code": code, "diagnostics": sentence}
    told = {"resourceType": "OperationOutcome", "issue": [issue]}
    return web.Response(
        status=status,
        text=json.dumps(told),
        content_type="application/fhir+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
