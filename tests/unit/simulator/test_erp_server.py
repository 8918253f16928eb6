"""The sandbox ERP as a process: guarded by its token, answering in JSON, durable over kill -9."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from suture.simulator.erp import REQUEST_BYTES_MAX, serve

TOKEN = "sandbox-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SETUP = {
    "entities": [{"entity": "RB01", "currency": "USD"}],
    "accounts": [
        {"account": "1100", "name": "Receivables", "kind": "asset"},
        {"account": "4010", "name": "Revenue", "kind": "revenue"},
    ],
}

Call = Callable[..., Awaitable[tuple[int, dict[str, object], dict[str, str]]]]


def journal(reference: str) -> dict[str, object]:
    return {
        "reference": reference,
        "entity": "RB01",
        "currency": "USD",
        "accounting_date": "2026-10-15",
        "description": "charges",
        "source": "suture",
        "lines": [
            {"account": "1100", "debit_minor": 100, "credit_minor": 0},
            {"account": "4010", "debit_minor": 0, "credit_minor": 100, "cost_center": "CC1"},
        ],
    }


async def call(
    url: str, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, object], dict[str, str]]:
    """Return status, JSON body and headers."""
    data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with (
        aiohttp.ClientSession(headers={**BEARER, **headers}) as session,
        session.request(method, url + path, data=data) as response,
    ):
        read = json.loads(await response.read())
        assert isinstance(read, dict)
        return response.status, read, dict(response.headers)


def against_a_server(folder: Path, scenario: Callable[[str], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serve(folder / "erp.sqlite", TOKEN) as port:
            await scenario(f"http://127.0.0.1:{port}")

    asyncio.run(run())


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "suture.simulator.erp", "--port", "0", "--token", TOKEN]
    with subprocess.Popen(
        [*command, "--state", str(folder / "erp.sqlite")], stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout is not None
            yield running, json.loads(running.stdout.readline())["listening"]
        finally:
            running.kill()


async def post(url: str, reference: str) -> tuple[int, dict[str, object], dict[str, str]]:
    headers = {"Idempotency-Key": reference}
    return await call(url, "POST", "/v1/journals", journal(reference), **headers)


@pytest.mark.crash
def test_what_was_answered_before_a_kill_9_under_load_is_in_the_books_after_it(
    tmp_path: Path,
) -> None:
    answers: list[dict[str, object]] = []
    numbers = iter(range(10_000))
    with process(tmp_path) as (running, url):

        async def send_until_killed() -> None:
            for number in numbers:
                status, answer, _ = await post(url, f"SJ-{number}")
                assert status == 201
                answers.append(answer)
                if len(answers) == 40:
                    running.send_signal(signal.SIGKILL)

        async def fill() -> None:
            await call(url, "PUT", "/v1/setup", SETUP)
            ends = await asyncio.gather(
                *(send_until_killed() for _ in range(8)), return_exceptions=True
            )
            assert all(isinstance(end, aiohttp.ClientError) for end in ends)

        asyncio.run(fill())
        running.wait(timeout=10)
    assert len(answers) >= 40

    with process(tmp_path) as (running, url):

        async def look() -> None:
            for answer in answers:
                status, again, headers = await post(url, str(answer["reference"]))
                assert (status, again) == (200, answer)
                assert headers["Idempotency-Replayed"] == "true"
            _, summary, _ = await call(url, "GET", "/v1/summary")
            assert len(answers) <= int(str(summary["journal_count"])) <= len(answers) + 8

        asyncio.run(look())
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=10) == 0


def test_nothing_of_the_api_is_open_without_the_token(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        for given in ("", "Bearer other", f"bearer {TOKEN}", f"Bearer {TOKEN}x"):
            status, answer, _ = await call(url, "GET", "/v1/summary", Authorization=given)
            assert status == 401
            assert "token_refused" in json.dumps(answer)

    against_a_server(tmp_path, scenario)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/journals", 405, "method_not_allowed"),
        ("GET", "/v1/journals", 400, "field_invalid"),
        ("GET", "/v1/journals/JE-2026-000001", 404, "document_unknown"),
        ("GET", "/v1/balances?entity=RB01&period=2026-13", 400, "field_invalid"),
        ("GET", "/v1/balances?entity=XX99&period=2026-10", 404, "entity_unknown"),
        ("POST", "/v1/periods/RB01/2026-1/close", 400, "field_invalid"),
        ("POST", "/v1/periods/XX99/2026-10/close", 404, "entity_unknown"),
        ("PUT", "/v1/setup", 400, "field_invalid"),
        ("PUT", "/admin/faults", 400, "field_invalid"),
    ],
)
def test_every_refusal_is_json_with_a_code(
    tmp_path: Path, method: str, path: str, status: int, code: str
) -> None:
    async def scenario(url: str) -> None:
        await call(url, "PUT", "/v1/setup", SETUP)
        answered, answer, _ = await call(url, method, path)
        assert answered == status
        assert isinstance(answer["error"], dict)
        assert answer["error"]["code"] == code
        assert answer["error"]["message"]

    against_a_server(tmp_path, scenario)


def test_a_body_beyond_the_cap_is_refused(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        status, _, _ = await call(url, "PUT", "/v1/setup", b" " * REQUEST_BYTES_MAX)
        assert status == 400
        too_much = b" " * (REQUEST_BYTES_MAX + 1)
        status, answer, _ = await call(url, "PUT", "/v1/setup", too_much)
        assert status == 413
        assert "request_entity_too_large" in json.dumps(answer)

    against_a_server(tmp_path, scenario)


def test_a_journal_needs_its_reference_as_idempotency_key(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        await call(url, "PUT", "/v1/setup", SETUP)
        for headers in ({}, {"Idempotency-Key": "SJ-2"}):
            status, answer, _ = await call(url, "POST", "/v1/journals", journal("SJ-1"), **headers)
            assert status == 400
            assert "key_mismatch" in json.dumps(answer)

    against_a_server(tmp_path, scenario)


def test_a_journal_reads_back_with_its_lines(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        await call(url, "PUT", "/v1/setup", SETUP)
        status, booked, _ = await post(url, "SJ-1")
        assert (status, booked["document"]) == (201, "JE-2026-000001")
        _, read, _ = await call(url, "GET", "/v1/journals/JE-2026-000001")
        assert (read["reference"], read["total_minor"], read["line_count"]) == ("SJ-1", 100, 2)
        assert isinstance(read["lines"], list)
        assert read["lines"][1]["cost_center"] == "CC1"

    against_a_server(tmp_path, scenario)


def test_several_faults_can_be_arranged_and_are_reported_with_their_counts(tmp_path: Path) -> None:
    async def scenario(url: str) -> None:
        await call(url, "PUT", "/v1/setup", SETUP)
        plans = [{"mode": "500", "count": 1}, {"mode": "commit_then_500", "count": 1}]
        await call(url, "PUT", "/admin/faults", plans)
        assert [(await post(url, "SJ-1"))[0] for _ in range(3)] == [500, 500, 200]
        _, report, _ = await call(url, "GET", "/admin/faults")
        assert isinstance(report["faults"], list)
        assert [fault["struck"] for fault in report["faults"]] == [1, 1]

    against_a_server(tmp_path, scenario)
