"""The journal API connector passes the ERP contract against the sandbox ERP, over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from tests.contracts.erp_contract import (
    PERIOD,
    TOKEN,
    ErpJournalContract,
    ErpPeer,
    SampleJournal,
    Trouble,
    assert_refused,
    assert_transient,
    journal,
    over_a_socket,
)

from suture.connectors.egress import Limits
from suture.connectors.erp import ErpDestination
from suture.connectors.erp.journal_api.connector import (
    JournalDestination,
    JournalSettings,
    open_destination,
)
from suture.connectors.outcome import Delivered, Journals, Refused, Transient, Unknown
from suture.model.fault import Fault
from suture.simulator.erp import serve

MODES: dict[Trouble, str] = {
    "answer_lost": "commit_then_timeout",
    "fails_after_commit": "commit_then_500",
    "garbles_reply": "garbled_reply",
    "cut": "down",
    "busy": "429",
    "slow": "slow",
    "books_twice": "post_twice",
    "gateway": "gateway_404",
}
SETUP = {
    "entities": [{"entity": "RB01", "currency": "USD"}],
    "accounts": [
        {"account": "1100", "name": "Receivables", "kind": "asset"},
        {"account": "4010", "name": "Inpatient revenue", "kind": "revenue"},
    ],
}
REFUSALS: list[tuple[dict[str, object], dict[str, object], str, str]] = [
    ({"approved_by": "me"}, {}, "erp.command.malformed", "journal=SJ-1"),
    ({"accounting_date": "2026-02-30"}, {}, "erp.command.malformed", "journal=SJ-1"),
    ({"currency": "EUR"}, {}, "erp.currency.mismatched", "journal=SJ-1"),
    ({"entity": "XX99"}, {}, "erp.entity.unknown", "journal=SJ-1"),
    ({}, {"credit_minor": -1}, "erp.command.malformed", "journal=SJ-1/lines[2]"),
    ({}, {"debit_minor": 1}, "erp.line.sides", "journal=SJ-1/lines[2]"),
    ({}, {"cost_center": None}, "erp.cost_center.missing", "journal=SJ-1/lines[2]"),
    ({}, {"cost_center": "CC1"}, "erp.cost_center.unknown", "journal=SJ-1/lines[2]"),
]
"""Changes to the journal, changes to its second line, and the fault they come to."""


class SandboxPeer:
    """The sandbox ERP in this process, on a real socket, with its books in a file."""

    def __init__(self, folder: Path) -> None:
        self._state = folder / "erp.sqlite"
        self._port = 0
        self._running = AsyncExitStack()
        self._opened: list[JournalDestination] = []

    async def start(self) -> None:
        server = serve(self._state, TOKEN, port=self._port)
        self._port = await self._running.enter_async_context(server)

    async def stop(self) -> None:
        await self._running.aclose()

    async def close(self) -> None:
        for destination in self._opened:
            await destination.close()
        await self.stop()

    def destination(self, *, total_seconds_max: float = 5.0, token: str = TOKEN) -> ErpDestination:
        settings = JournalSettings(
            url=f"http://127.0.0.1:{self._port}",
            allow=(f"127.0.0.1:{self._port}",),
            is_plaintext_accepted=True,
            limits=Limits(total_seconds_max=total_seconds_max),
        )
        opened = open_destination(settings, lambda: token)
        assert not isinstance(opened, Fault)
        self._opened.append(opened)
        return opened

    def command(self, journal: SampleJournal) -> bytes:
        return msgspec.json.encode(
            {
                "reference": journal.reference,
                "entity": "RB01",
                "currency": "USD",
                "accounting_date": journal.accounting_date,
                "description": journal.description,
                "source": "suture",
                "lines": [
                    {
                        "account": line.account,
                        "debit_minor": line.debit_minor,
                        "credit_minor": line.credit_minor,
                        "cost_center": "CC7010" if line.account.startswith("4") else None,
                    }
                    for line in journal.lines
                ],
            }
        )

    async def documents(self, reference: str) -> list[str]:
        found = await self.call("GET", f"/v1/journals?reference={reference}")
        journals = found["journals"]
        assert isinstance(journals, list)
        return [header["document"] for header in journals]

    async def set_up(self) -> None:
        await self.call("PUT", "/v1/setup", SETUP)

    async def close_period(self, period: str) -> None:
        await self.call("POST", f"/v1/periods/RB01/{period}/close")

    async def misbehave(self, trouble: Trouble | None, *, seconds: float = 0) -> None:
        plan: dict[str, object] = {"mode": MODES[trouble] if trouble else "none"}
        if trouble == "busy":
            plan["retry_after_seconds"] = int(seconds)
        if trouble == "slow":
            plan["delay_ms"] = int(seconds * 1000)
        await self.call("PUT", "/admin/faults", plan)

    async def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://127.0.0.1:{self._port}{path}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, data=msgspec.json.encode(body)) as response,
        ):
            assert response.status == 200
            read = msgspec.json.decode(await response.read())
            assert isinstance(read, dict)
            return read


class TestJournalApi(ErpJournalContract):
    """The contract, and what the sandbox can do beyond it."""

    @asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator[ErpPeer]:
        peer = SandboxPeer(folder)
        await peer.start()
        try:
            await peer.set_up()
            yield peer
        finally:
            await peer.close()

    @over_a_socket
    async def test_f17_a_document_that_differs_from_the_books_can_be_told_by_asking(
        self, peer: ErpPeer
    ) -> None:
        assert isinstance(peer, SandboxPeer)
        destination = peer.destination()
        await peer.call("PUT", "/admin/faults", {"mode": "lie_document"})
        command = peer.command(journal("SJ-1"))
        told = await destination.send(command, key="SJ-1")
        found = await destination.find("SJ-1", command=command)
        assert isinstance(told, Delivered)
        assert isinstance(found, Delivered)
        assert told.document != found.document
        assert await peer.documents("SJ-1") == [found.document]

    @over_a_socket
    async def test_an_error_before_the_commit_is_unknown_too_since_nobody_can_tell(
        self, peer: ErpPeer
    ) -> None:
        assert isinstance(peer, SandboxPeer)
        await peer.call("PUT", "/admin/faults", {"mode": "500"})
        sent = await peer.destination().send(peer.command(journal("SJ-1")), key="SJ-1")
        assert isinstance(sent, Unknown)
        assert await peer.documents("SJ-1") == []

    @over_a_socket
    async def test_f14_a_503_is_transient_like_a_429(self, peer: ErpPeer) -> None:
        assert isinstance(peer, SandboxPeer)
        plan = {"mode": "503", "retry_after_seconds": 3, "count": 1}
        await peer.call("PUT", "/admin/faults", plan)
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        assert_transient(await destination.send(command, key="SJ-1"), "erp.busy")
        assert isinstance(await destination.send(command, key="SJ-1"), Delivered)

    @over_a_socket
    async def test_documents_come_in_pages_and_a_book_without_an_end_is_left(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        for number in range(5):
            command = msgspec.json.decode(peer.command(journal(f"SJ-{number}")))
            command["description"] = f"charges digest:{number:032x}"
            await destination.send(msgspec.json.encode(command), key=f"SJ-{number}")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("suture.simulator.erp_books.PAGE_JOURNALS_MAX", 2)
            held = await destination.journals("RB01", PERIOD)
            assert isinstance(held, Journals)
            assert [each.digest for each in held.journals] == [f"{n:032x}" for n in range(5)]
            patched.setattr("suture.connectors.erp.journal_api.connector.PAGES_MAX", 2)
            endless = await destination.journals("RB01", PERIOD)
            assert_transient(endless, "erp.reply.mismatched")

    @over_a_socket
    async def test_a_reference_other_than_the_key_is_refused(self, peer: ErpPeer) -> None:
        outcome = await peer.destination().send(peer.command(journal("SJ-1")), key="SJ-2")
        assert isinstance(outcome, Refused)
        assert outcome.fault.code == "erp.reference.mismatched"

    @over_a_socket
    async def test_b84_a_token_that_would_forge_a_header_is_never_sent(self, peer: ErpPeer) -> None:
        destination = peer.destination(token="hunter2\r\nX-Forged: 1")
        outcome = await destination.send(peer.command(journal("SJ-1")), key="SJ-1")
        assert_transient(outcome, "erp.credentials.invalid")
        assert "hunter2" not in repr(outcome)

    @over_a_socket
    async def test_without_a_token_nothing_is_sent_and_the_reason_is_told(
        self, peer: ErpPeer
    ) -> None:
        outcome = await peer.destination(token="").send(peer.command(journal("SJ-1")), key="SJ-1")
        assert_transient(outcome, "erp.credentials.invalid")
        assert isinstance(outcome, Transient)
        assert outcome.fault.explanation == "The token is empty."

    @over_a_socket
    async def test_each_refusal_of_the_erp_becomes_a_fault_that_says_who_acts(
        self, peer: ErpPeer
    ) -> None:
        assert isinstance(peer, SandboxPeer)
        await peer.call("PUT", "/v1/setup", {**SETUP, "cost_centers": ["CC7010"]})
        destination = peer.destination()
        for changes, line, code, where in REFUSALS:
            command = msgspec.json.decode(peer.command(journal("SJ-1")))
            command |= changes
            command["lines"][1] |= line
            outcome = await destination.send(msgspec.json.encode(command), key="SJ-1")
            assert_refused(outcome, code)
            assert isinstance(outcome, Refused)
            assert outcome.fault.where == where
        assert await peer.documents("SJ-1") == []


def test_settings_that_list_no_valid_address_make_no_destination() -> None:
    settings = JournalSettings(url="https://erp.example:8443", allow=("erp.example",))
    opened = open_destination(settings, lambda: TOKEN)
    assert isinstance(opened, Fault)
    assert opened.code == "egress.allow.invalid"


def test_plaintext_needs_to_be_accepted() -> None:
    settings = JournalSettings(url="http://erp.example:80", allow=("erp.example:80",))
    opened = open_destination(settings, lambda: TOKEN)
    assert isinstance(opened, Fault)
    assert opened.code == "egress.scheme.refused"


def test_a_destination_that_was_never_used_closes() -> None:
    settings = JournalSettings(url="https://erp.example:8443", allow=("erp.example:8443",))
    opened = open_destination(settings, lambda: TOKEN)
    assert isinstance(opened, JournalDestination)
    asyncio.run(opened.close())
