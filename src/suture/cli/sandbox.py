"""`suture sandbox ESTATE`: a sandbox ERP where the estate says its ERP is, for trying it out.

It knows the estate's legal entities, accounts and cost centres, asks for the token that the estate
names, and keeps its books in the installation's folder. On this machine only: the ERP itself is
`simulator/erp.py`.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console

from suture.app import InstallationError, open_installation, read_estate, secret_of
from suture.cli.ending import WELL, UsageError
from suture.cli.screen import count, line, open_console
from suture.governance.connections import Destination
from suture.governance.estate import Estate
from suture.simulator.erp import serve

Place = tuple[str, int]
"""Host and port."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def run(folder: Path, *, home: Path | None) -> int:
    """Serve a sandbox ERP for every destination of an estate, until told to stop."""
    estate, _ = read_estate(folder)
    # Destinations at one address are one ERP.
    places = {_place(each): each for each in estate.destinations.values()}
    tokens = {place: _token(each) for place, each in places.items()}
    installation = open_installation(home)
    asyncio.run(_serve(estate, tokens, installation.home / "sandbox"))
    return WELL


def _place(destination: Destination) -> Place:
    """Return the host and port a sandbox must listen on. Raises UsageError for one elsewhere."""
    url = urlsplit(destination.settings.address)
    if url.scheme != "http" or url.hostname not in _LOOPBACK:
        raise UsageError(
            f"destination {destination.name} is at {destination.settings.address}: a sandbox "
            "stands in on this machine only. Try a copy of the estate whose url is http://127.0.0.1:8070."
        )
    return url.hostname, url.port or 80


def _token(destination: Destination) -> str:
    token = secret_of(destination.token)
    if not token:
        name = destination.token.removeprefix("env:")
        raise UsageError(
            f"{destination.token} is empty: the sandbox asks for this token, and `suture serve` "
            f"sends it. In both terminals: export {name}=any-word-you-like"
        )
    return token


async def _serve(estate: Estate, tokens: dict[Place, str], books: Path) -> None:
    console = open_console()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await asyncio.to_thread(books.mkdir, mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        for (host, port), token in tokens.items():
            erp = serve(books / f"{port}.sqlite", token, host, port)
            try:
                await stack.enter_async_context(erp)
            except sqlite3.OperationalError as error:
                raise InstallationError(
                    f"the sandbox's books in {books} are in use or cannot be written: stop the "
                    "`suture sandbox` that has them, or name another --home"
                ) from error
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise InstallationError(
                    f"{host}:{port} is taken: another sandbox, or the ERP itself, listens there"
                ) from error
            await _greet(console, estate, f"http://{host}:{port}", token)
        console.print("Stop with Control-C; its books stay.")
        await stop.wait()


async def _greet(console: Console, estate: Estate, url: str, token: str) -> None:
    """Give a sandbox its chart, and say what it holds already."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        async with http.put(f"{url}/v1/setup", json=erp_setup(estate)) as reply:
            reply.raise_for_status()
        async with http.get(f"{url}/v1/summary") as reply:
            held = (await reply.json())["journal_count"]
    entities = count(len(estate.entities), "legal entity", "legal entities")
    accounts = count(len(estate.books.accounts), "account")
    told = f"at {url}: {entities}, {accounts}, {count(held, 'journal')} so far."
    console.print(line(("Sandbox ERP ", "bold green"), told))


def erp_setup(estate: Estate) -> dict[str, object]:
    """Return what the sandbox ERP must know of an estate: entities, accounts, cost centres."""
    return {
        "entities": [
            {"entity": entity.id, "currency": entity.currency, "name": entity.name}
            for entity in estate.entities.values()
        ],
        "accounts": [
            {
                "account": account.number,
                "name": account.name,
                "kind": account.kind,
                "cost_center": "required" if account.cost_centre else "optional",
            }
            for account in estate.books.accounts.values()
        ],
        "cost_centers": list(estate.cost_centres),
        "cost_center_kinds": [],
    }
