"""The sandbox ERP in a test: with Riverbend's chart, told what to do wrong, asked what it holds.

The ERP itself is `suture.simulator.erp`; what its connector makes of it is held to the contract in
`tests/contracts/erp_contract.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from suture.cli.sandbox import erp_setup
from suture.connectors.egress import Limits
from suture.connectors.erp.journal_api.connector import (
    JournalDestination,
    JournalSettings,
    open_destination,
)
from suture.governance.estate import Estate
from suture.model.fault import Fault
from suture.simulator.erp import serve

TOKEN = "a-token-for-tests-only"


class SandboxErp:
    """One ERP that serves, and its books."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port = port
        self._session = session

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the ERP as its own administrator; return what it answers."""
        url = f"http://127.0.0.1:{self.port}{path}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self._session.request(method, url, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def misbehave(self, *plans: dict[str, object]) -> None:
        """Put faults in force; none at all when none are named."""
        await self.call("PUT", "/admin/faults", list(plans))

    async def summary(self) -> Any:
        """Return the ERP's own count of what happened to it."""
        return await self.call("GET", "/v1/summary")

    async def in_order(self, references: Iterable[str]) -> list[str]:
        """Return those of our references that it holds, in the order of its document numbers."""
        found = []
        for reference in references:
            held = await self.call("GET", f"/v1/journals?reference={reference}")
            found += [(each["document"], each["reference"]) for each in held["journals"]]
        return [reference for _, reference in sorted(found)]


@asynccontextmanager
async def serving(state: Path, estate: Estate, port: int = 0) -> AsyncIterator[SandboxErp]:
    """Serve an ERP over its books, which outlive it, with the estate's chart."""
    async with serve(state, TOKEN, port=port) as at, aiohttp.ClientSession() as session:
        erp = SandboxErp(at, session)
        await erp.call("PUT", "/v1/setup", erp_setup(estate))
        yield erp


@asynccontextmanager
async def destination_at(port: int, seconds_max: float = 5.0) -> AsyncIterator[JournalDestination]:
    """Open our connector to an ERP on this machine."""
    settings = JournalSettings(
        url=f"http://127.0.0.1:{port}",
        allow=(f"127.0.0.1:{port}",),
        is_plaintext_accepted=True,
        limits=Limits(connect_seconds_max=1.0, total_seconds_max=seconds_max),
    )
    opened = open_destination(settings, lambda: TOKEN)
    assert not isinstance(opened, Fault)
    try:
        yield opened
    finally:
        await opened.close()
