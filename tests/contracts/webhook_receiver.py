"""A receiver of webhooks that verifies signatures by itself: nothing of ours is in it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

from aiohttp import web

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class WebhookReceiver:
    """Takes what is signed, and misbehaves when told to."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.heads: list[dict[str, str]] = []
        self.does: str | int = "take"
        self.retry_after = ""
        self.port = 0
        self._runner: web.ServerRunner | None = None
        self._gone = asyncio.Event()

    async def start(self) -> None:
        self._gone = asyncio.Event()
        self._runner = web.ServerRunner(
            web.Server(self._answer), handle_signals=False, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        self._gone.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(status=405)
        body = await request.read()
        told = request.headers
        signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        if f"v1,{wanted}" not in told["webhook-signature"].split(" "):
            return web.Response(status=401)
        self.heads.append({name.lower(): value for name, value in told.items()})
        if self.does == "refuse":
            return web.Response(status=422, text="DOE^JANE is unknown")
        if isinstance(self.does, int):
            after = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=self.does, headers={"Location": "http://[::1]/", **after})
        self.taken.append(body)
        if self.does == "hush":
            await self._gone.wait()
        if self.does == "cut":
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=204)
