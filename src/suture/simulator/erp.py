"""The sandbox ERP: a general ledger with a journal API over HTTP, the judge of what Suture books.

    python -m suture.simulator.erp --port 0 --state erp.sqlite --token -

With `-` the token is the first line of standard input, where no other user of the machine can read
it off the command line; the ERP then ends when standard input does, with whoever started it.

Prints one JSON line, `{"listening": "http://127.0.0.1:PORT"}`, then serves `/v1` (bearer token) and
`/admin/faults` (none: the sandbox is for loopback). Only HTTP, the group commit and the acting out
of faults live here; rules are in `erp_journal.py`, the durable books in `erp_books.py`, the dice in
`faults.py`. The API is described in docs/reference/journal_api.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import json
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec
from aiohttp import web

from suture.simulator.erp_books import Books, Posted
from suture.simulator.erp_journal import Journal, Refusal, Setup, read_strictly
from suture.simulator.faults import FaultPlan, Faults

BATCH_MAX = 200
REQUEST_BYTES_MAX = 4 * 1024 * 1024
SHUTDOWN_SECONDS = 0.3
ON_STANDARD_INPUT = "-"
"""In the place of a token: it is the first line there."""

_BOOKS_FAILED = Refusal(500, "internal", "The books could not be written.")
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Erp:
    """One ERP: its books, the faults in force, and the HTTP in front of them."""

    def __init__(self, books: Books, token: str) -> None:
        self._books = books
        self._token = token.encode()
        self._faults = Faults()
        self._arrivals: asyncio.Queue[tuple[Journal, asyncio.Future[Posted | Refusal]]] = (
            asyncio.Queue()
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="erp-books")

    def application(self) -> web.Application:
        """Return the web application; it owns the books from its start to its clean-up."""
        application = web.Application(
            middlewares=[self._answer_in_json, self._guard], client_max_size=REQUEST_BYTES_MAX
        )
        application.cleanup_ctx.append(self._run_books)
        application.add_routes(
            [
                web.get("/v1/health", self._health),
                web.put("/v1/setup", self._set_up),
                web.post("/v1/journals", self._post_journal),
                web.get("/v1/journals", self._find_journals),
                web.get("/v1/journals/{document}", self._read_journal),
                web.get("/v1/balances", self._read_balances),
                web.get("/v1/summary", self._read_summary),
                web.post("/v1/periods/{entity}/{period}/{action:close|open}", self._set_period),
                web.put("/admin/faults", self._arrange_faults),
                web.get("/admin/faults", self._report_faults),
            ]
        )
        return application

    async def _run_books(self, _application: web.Application) -> AsyncIterator[None]:
        poster = asyncio.create_task(self._post_arrivals())
        yield
        poster.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await poster
        await self._ask(self._books.close)
        self._thread.shutdown()

    async def _ask(
        self, call: Callable[Parameters, Result], *args: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Run a call on the books' own thread, in turn."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: call(*args, **named))

    async def _post_arrivals(self) -> None:
        """Group commit: whatever has queued while the last commit ran goes into the next one."""
        while True:
            batch = [await self._arrivals.get()]
            while len(batch) < BATCH_MAX and not self._arrivals.empty():
                batch.append(self._arrivals.get_nowait())
            verdicts: list[Posted | Refusal] = [_BOOKS_FAILED] * len(batch)
            with contextlib.suppress(sqlite3.Error):
                verdicts = await self._ask(self._books.post, [journal for journal, _ in batch])
            for (_, answer), verdict in zip(batch, verdicts, strict=True):
                if not answer.done():  # Its caller may have gone at shut-down.
                    answer.set_result(verdict)

    @web.middleware
    async def _answer_in_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            code = error.reason.lower().replace(" ", "_")
            return _refuse(Refusal(error.status, code, error.reason))

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Ask for the token, then let the faults in force have their way."""
        if not request.path.startswith("/v1/"):
            return await handler(request)
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, b"Bearer " + self._token):
            return _refuse(Refusal(401, "token_refused", "A valid bearer token is needed."))
        is_send = request.method == "POST" and request.path == "/v1/journals"
        plan = self._faults.strike(is_send=is_send)
        if plan is not None and plan.mode == "post_twice":
            return await self._post_twice(request, handler)
        return await (handler(request) if plan is None else _act(plan, request, handler))

    async def _post_twice(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Book what is sent, and once more under another document, and tell of the first only."""
        answer = await handler(request)
        journal = read_strictly(await request.read(), Journal)
        if answer.status < 300 and isinstance(journal, Journal):
            await self._ask(self._books.post_again, journal)
        return answer

    async def _health(self, _request: web.Request) -> web.Response:
        return _answer({"status": "ok"})

    async def _set_up(self, request: web.Request) -> web.Response:
        setup = read_strictly(await request.read(), Setup)
        if isinstance(setup, Refusal):
            return _refuse(setup)
        await self._ask(self._books.set_up, setup)
        return _answer({"entities": len(setup.entities), "accounts": len(setup.accounts)})

    async def _post_journal(self, request: web.Request) -> web.Response:
        journal = read_strictly(await request.read(), Journal)
        if isinstance(journal, Refusal):
            return _refuse(journal)
        if request.headers.get("Idempotency-Key") != journal.reference:
            message = "The Idempotency-Key header must be the body's reference."
            return _refuse(Refusal(400, "key_mismatch", message))
        answer: asyncio.Future[Posted | Refusal] = asyncio.get_running_loop().create_future()
        self._arrivals.put_nowait((journal, answer))
        verdict = await answer
        if isinstance(verdict, Refusal):
            return _refuse(verdict)
        body = {"document": verdict.document, "reference": verdict.reference, "status": "posted"}
        if verdict.is_replay:
            return _answer(body, headers={"Idempotency-Replayed": "true"})
        return _answer(body, status=201)

    async def _find_journals(self, request: web.Request) -> web.Response:
        reference = request.query.get("reference")
        if reference:
            return _answer({"journals": await self._ask(self._books.headers, reference)})
        entity, period = request.query.get("entity"), request.query.get("period", "")
        if not entity or not _PERIOD.fullmatch(period):
            message = "Ask by reference, or by entity and period (YYYY-MM)."
            return _refuse(Refusal(400, "field_invalid", message))
        after = request.query.get("after", "")
        page = await self._ask(self._books.page, entity, period, after)
        return _refuse(page) if isinstance(page, Refusal) else _answer(page)

    async def _read_journal(self, request: web.Request) -> web.Response:
        found = await self._ask(self._books.journal, request.match_info["document"])
        if found is None:
            return _refuse(Refusal(404, "document_unknown", "There is no such document."))
        header, lines = found
        return _answer({**msgspec.structs.asdict(header), "lines": lines})

    async def _read_balances(self, request: web.Request) -> web.Response:
        entity, period = request.query.get("entity"), request.query.get("period", "")
        if not entity or not _PERIOD.fullmatch(period):
            return _refuse(Refusal(400, "field_invalid", "Ask by entity and period (YYYY-MM)."))
        balances = await self._ask(self._books.balances, entity, period)
        return _refuse(balances) if isinstance(balances, Refusal) else _answer(balances)

    async def _read_summary(self, _request: web.Request) -> web.Response:
        return _answer(await self._ask(self._books.summary))

    async def _set_period(self, request: web.Request) -> web.Response:
        entity, period = request.match_info["entity"], request.match_info["period"]
        if not _PERIOD.fullmatch(period):
            return _refuse(Refusal(400, "field_invalid", "A period is YYYY-MM."))
        is_closed = request.match_info["action"] == "close"
        refusal = await self._ask(self._books.set_period, entity, period, is_closed=is_closed)
        if refusal is not None:
            return _refuse(refusal)
        status = "closed" if is_closed else "open"
        return _answer({"entity": entity, "period": period, "status": status})

    async def _arrange_faults(self, request: web.Request) -> web.Response:
        try:
            plans = msgspec.json.decode(await request.read(), type=FaultPlan | list[FaultPlan])
        except msgspec.DecodeError as error:
            return _refuse(Refusal(400, "field_invalid", str(error)))
        self._faults.arrange(plans if isinstance(plans, list) else [plans])
        return await self._report_faults(request)

    async def _report_faults(self, _request: web.Request) -> web.Response:
        return _answer({"faults": self._faults.report()})


async def _act(plan: FaultPlan, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Act out a fault on the wire, before the work where it is meant to go undone."""
    if plan.mode == "down":
        return _drop(request)
    if plan.mode == "500":
        return _refuse(Refusal(500, "internal", "The ERP failed before it booked anything."))
    if plan.mode == "gateway_404":
        page = "<html>No route matches this path.</html>"
        return web.Response(text=page, status=404, content_type="text/html")
    if plan.mode in {"429", "503"}:
        refusal = Refusal(int(plan.mode), "busy", "Come back later.")
        return _refuse(refusal, {"Retry-After": str(plan.retry_after_seconds)})
    if plan.mode == "slow":
        await asyncio.sleep(plan.delay_ms / 1000)
        return await handler(request)
    return await _betray(plan, request, await handler(request))


async def _betray(
    plan: FaultPlan, request: web.Request, answer: web.StreamResponse
) -> web.StreamResponse:
    """Deny or falsify the answer of a request whose work is done and durable."""
    if plan.mode == "commit_then_timeout":
        await asyncio.sleep(plan.delay_ms / 1000)
        return _drop(request)
    if plan.mode == "commit_then_500":
        return _refuse(Refusal(500, "internal", "The ERP failed; what it booked is not said."))
    if plan.mode == "garbled_reply":
        return web.Response(text="<html>Please sign in</html>", content_type="text/html")
    return _lie(answer)


def _drop(request: web.Request) -> web.Response:
    """Cut the connection without an answer; the response returned here reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _lie(answer: web.StreamResponse) -> web.StreamResponse:
    """Give the document another number than the books hold (fault F17)."""
    if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return answer
    body = msgspec.json.decode(answer.body)
    if "document" not in body:
        return answer
    return _answer({**body, "document": f"{body['document']}-X"}, status=answer.status)


def _answer(
    content: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    body = msgspec.json.encode(content)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _refuse(refusal: Refusal, headers: dict[str, str] | None = None) -> web.Response:
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.line is not None:
        error["line"] = refusal.line
    return _answer({"error": error}, refusal.status, headers)


@contextlib.asynccontextmanager
async def serve(
    state: Path, token: str, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve an ERP over the books in `state` until left; yields the port it listens on."""
    runner = web.AppRunner(
        Erp(Books(state), token).application(),
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _serve_until_signalled(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    token, watching = options.token, None
    if token == ON_STANDARD_INPUT:
        reader = await _standard_input()
        token = (await reader.readline()).decode().rstrip("\n")
        watching = asyncio.create_task(_stop_at_end(reader, stop))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(options.state, token, options.host, options.port) as port:
        url = f"http://{options.host}:{port}"
        sys.stdout.write(json.dumps({"listening": url}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    if watching is not None:
        watching.cancel()


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    return reader


async def _stop_at_end(reader: asyncio.StreamReader, stop: asyncio.Event) -> None:
    while await reader.read(1024):
        pass
    stop.set()


def main(arguments: list[str] | None = None) -> None:
    """Run the sandbox ERP from the command line until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="suture.simulator.erp", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file of the books")
    parser.add_argument("--token", required=True, help="what callers of /v1 must bear; - reads it")
    asyncio.run(_serve_until_signalled(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
