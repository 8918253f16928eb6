"""The contract of the port `connectors.erp.ErpDestination`: what every ERP connector must pass.

One class, inherited by the tests of each connector and run against its peer over a real socket: the
sandbox ERP for the journal API, a vendor's sandbox or stub for another. The peer says the truth
about the other side, so that "delivered" is checked against the books and not against the
connector.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Concatenate, Literal, NamedTuple, Protocol, TypeVar

from suture.connectors.erp import ErpDestination
from suture.connectors.outcome import (
    AccountBalance,
    Balances,
    Delivered,
    Healthy,
    HeldJournal,
    Journals,
    NotFound,
    Refused,
    Transient,
    Unknown,
)

TOKEN = "token-that-appears-nowhere"
PERIOD = "2026-10"

Trouble = Literal[
    "answer_lost",
    "fails_after_commit",
    "garbles_reply",
    "cut",
    "busy",
    "slow",
    "books_twice",
    "gateway",
]
"""`gateway`: what stands before the ERP answers in its place, with 404 and a web page."""


class SampleLine(NamedTuple):
    """One line of a journal in neutral terms; amounts in minor units."""

    account: str
    debit_minor: int
    credit_minor: int


class SampleJournal(NamedTuple):
    """A journal in neutral terms; the peer writes it in its ERP's own shape."""

    reference: str
    lines: tuple[SampleLine, ...]
    accounting_date: str = "2026-10-15"
    description: str = "charges"


class ErpPeer(Protocol):
    """The other side: a live ERP with the accounts 1100 and 4010 in entity RB01, period 2026-10."""

    def destination(self, *, total_seconds_max: float = 5.0, token: str = TOKEN) -> ErpDestination:
        """Return a connector to this ERP; the peer closes it."""

    def command(self, journal: SampleJournal) -> bytes:
        """Write a journal as the command bytes of this ERP."""

    async def documents(self, reference: str) -> list[str]:
        """Return the documents that really stand in the books under a reference."""

    async def close_period(self, period: str) -> None:
        """Close an accounting period."""

    async def misbehave(self, trouble: Trouble | None, *, seconds: float = 0) -> None:
        """Make the ERP misbehave until told otherwise; `seconds` for busy and slow."""

    async def stop(self) -> None:
        """Stop the ERP: connections are refused."""

    async def start(self) -> None:
        """Start it again at the same address, with the books it had."""


Contract = TypeVar("Contract", bound="ErpJournalContract")


def over_a_socket(
    scenario: Callable[Concatenate[Contract, ErpPeer, ...], Awaitable[None]],
) -> Callable[[Contract, Path], None]:
    """Run a scenario against a live peer whose books are in a fresh folder."""

    def test(self: Contract, tmp_path: Path) -> None:
        async def run() -> None:
            async with self.serve(tmp_path) as peer:
                await scenario(self, peer)

        asyncio.run(run())

    test.__doc__ = scenario.__doc__
    return test


def journal(
    reference: str,
    amount_minor: int = 125_00,
    date: str = "2026-10-15",
    description: str = "charges",
) -> SampleJournal:
    """Return a balanced journal of two lines."""
    lines = (SampleLine("1100", amount_minor, 0), SampleLine("4010", 0, amount_minor))
    return SampleJournal(reference, lines, date, description)


class ErpJournalContract(ABC):
    """What must hold between Suture and any ERP, whatever goes wrong on the way."""

    @abstractmethod
    def serve(self, folder: Path) -> AbstractAsyncContextManager[ErpPeer]:
        """Start the peer with books in `folder`, set up and open."""

    @over_a_socket
    async def test_a_journal_is_booked_once_and_found_under_our_reference(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        sent = await destination.send(command, key="SJ-1")
        assert isinstance(sent, Delivered)
        assert sent.detail == "created"
        found = await destination.find("SJ-1", command=command)
        assert found == Delivered(sent.document, "found")
        assert await peer.documents("SJ-1") == [sent.document]

    @over_a_socket
    async def test_a_reference_never_sent_is_not_found(self, peer: ErpPeer) -> None:
        command = peer.command(journal("SJ-404"))
        assert await peer.destination().find("SJ-404", command=command) == NotFound("SJ-404")

    @over_a_socket
    async def test_sending_again_answers_the_same_document(self, peer: ErpPeer) -> None:
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        first = await destination.send(command, key="SJ-1")
        again = await destination.send(command, key="SJ-1")
        assert isinstance(first, Delivered)
        assert again == Delivered(first.document, "replayed")
        assert await peer.documents("SJ-1") == [first.document]

    @over_a_socket
    async def test_ten_sends_at_once_book_one_document(self, peer: ErpPeer) -> None:
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        sent = await asyncio.gather(*(destination.send(command, key="SJ-1") for _ in range(10)))
        documents = await peer.documents("SJ-1")
        assert len(documents) == 1
        assert {outcome.document for outcome in sent if isinstance(outcome, Delivered)} == {
            documents[0]
        }
        assert all(isinstance(outcome, Delivered) for outcome in sent)

    @over_a_socket
    async def test_another_journal_under_the_same_reference_is_refused(self, peer: ErpPeer) -> None:
        destination = peer.destination()
        first = await destination.send(peer.command(journal("SJ-1")), key="SJ-1")
        other = await destination.send(peer.command(journal("SJ-1", 99)), key="SJ-1")
        assert_refused(other, "erp.reference.conflict")
        assert isinstance(first, Delivered)
        assert await peer.documents("SJ-1") == [first.document]

    @over_a_socket
    async def test_f17_another_journal_under_our_reference_is_never_found_as_ours(
        self, peer: ErpPeer
    ) -> None:
        """A second installation on this ERP, or one whose books were restored from a backup."""
        destination = peer.destination()
        stranger = await destination.send(peer.command(journal("SJ-1")), key="SJ-1")
        others = (
            journal("SJ-1", 99),
            journal("SJ-1", date="2026-10-16"),
            journal("SJ-1", description="the same sums of other entries"),
        )
        for ours in others:
            finding = await destination.find("SJ-1", command=peer.command(ours))
            assert_refused(finding, "erp.reference.conflict")
        assert isinstance(stranger, Delivered)
        assert await peer.documents("SJ-1") == [stranger.document]

    @over_a_socket
    async def test_an_unbalanced_journal_is_refused(self, peer: ErpPeer) -> None:
        lines = (SampleLine("1100", 100, 0), SampleLine("4010", 0, 99))
        command = peer.command(SampleJournal("SJ-1", lines))
        outcome = await peer.destination().send(command, key="SJ-1")
        assert_refused(outcome, "erp.journal.unbalanced")
        assert await peer.documents("SJ-1") == []

    @over_a_socket
    async def test_an_unknown_account_is_refused_naming_its_line(self, peer: ErpPeer) -> None:
        lines = (SampleLine("1100", 100, 0), SampleLine("9999", 0, 100))
        command = peer.command(SampleJournal("SJ-1", lines))
        outcome = await peer.destination().send(command, key="SJ-1")
        assert_refused(outcome, "erp.account.unknown")
        assert isinstance(outcome, Refused)
        assert outcome.fault.where == "journal=SJ-1/lines[2]"
        assert await peer.documents("SJ-1") == []

    @over_a_socket
    async def test_a_closed_period_refuses_and_an_open_one_still_takes(self, peer: ErpPeer) -> None:
        destination = peer.destination()
        await peer.close_period(PERIOD)
        outcome = await destination.send(peer.command(journal("SJ-1")), key="SJ-1")
        assert_refused(outcome, "erp.period.closed")
        later = peer.command(journal("SJ-2", date="2026-11-02"))
        assert isinstance(await destination.send(later, key="SJ-2"), Delivered)
        assert await peer.documents("SJ-1") == []

    @over_a_socket
    async def test_f15_a_timeout_after_the_commit_is_unknown_and_asking_tells(
        self, peer: ErpPeer
    ) -> None:
        await peer.misbehave("answer_lost")
        await self._assert_unknown_then_found(peer, "egress.deadline.total")

    @over_a_socket
    async def test_an_error_after_the_commit_is_unknown_and_asking_tells(
        self, peer: ErpPeer
    ) -> None:
        await peer.misbehave("fails_after_commit")
        await self._assert_unknown_then_found(peer, "erp.failed")

    @over_a_socket
    async def test_f16_a_success_without_a_document_is_unknown_and_asking_tells(
        self, peer: ErpPeer
    ) -> None:
        await peer.misbehave("garbles_reply")
        await self._assert_unknown_then_found(peer, "erp.reply.unreadable")

    async def _assert_unknown_then_found(self, peer: ErpPeer, code: str) -> None:
        destination = peer.destination(total_seconds_max=0.5)
        command = peer.command(journal("SJ-1"))
        outcome = await destination.send(command, key="SJ-1")
        assert isinstance(outcome, Unknown)
        assert outcome.fault.code == code
        await peer.misbehave(None)
        found = await destination.find("SJ-1", command=command)
        documents = await peer.documents("SJ-1")
        assert found == Delivered(documents[0], "found")
        assert await destination.send(command, key="SJ-1") == Delivered(documents[0], "replayed")
        assert len(documents) == 1

    @over_a_socket
    async def test_f21_a_connection_cut_after_sending_is_unknown_until_the_erp_can_be_asked(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        await peer.misbehave("cut")
        outcome = await destination.send(command, key="SJ-1")
        assert isinstance(outcome, Unknown)
        assert isinstance(await destination.find("SJ-1", command=command), Transient)
        await peer.misbehave(None)
        assert await destination.find("SJ-1", command=command) == NotFound("SJ-1")
        assert isinstance(await destination.send(command, key="SJ-1"), Delivered)

    @over_a_socket
    async def test_f13_an_erp_that_is_down_is_transient_and_keeps_its_books(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        first = await destination.send(command, key="SJ-1")
        assert isinstance(first, Delivered)
        await peer.stop()
        second = peer.command(journal("SJ-2"))
        assert_transient(await destination.send(second, key="SJ-2"), "egress.connection.failed")
        asked = await destination.find("SJ-1", command=command)
        assert_transient(asked, "egress.connection.failed")
        assert_transient(await destination.health(), "egress.connection.failed")
        assert_transient(await destination.balances("RB01", PERIOD), "egress.connection.failed")
        assert_transient(await destination.journals("RB01", PERIOD), "egress.connection.failed")
        await peer.start()
        assert await destination.health() == Healthy()
        found = await destination.find("SJ-1", command=command)
        assert found == Delivered(first.document, "found")
        assert isinstance(await destination.send(second, key="SJ-2"), Delivered)

    @over_a_socket
    async def test_f14_a_busy_erp_is_transient_and_says_when_to_come_back(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        await peer.misbehave("busy", seconds=7)
        command = peer.command(journal("SJ-1"))
        outcome = await destination.send(command, key="SJ-1")
        assert isinstance(outcome, Transient)
        assert (outcome.fault.code, outcome.retry_after_seconds) == ("erp.busy", 7)
        await peer.misbehave(None)
        assert await destination.find("SJ-1", command=command) == NotFound("SJ-1")

    @over_a_socket
    async def test_what_stands_before_the_erp_refuses_no_journal_for_good(
        self, peer: ErpPeer
    ) -> None:
        """A route that is gone for an hour must not leave an hour's journals to be resent."""
        destination = peer.destination()
        command = peer.command(journal("SJ-1"))
        await peer.misbehave("gateway")
        assert_transient(await destination.send(command, key="SJ-1"), "erp.reply.foreign")
        asked = await destination.find("SJ-1", command=command)
        assert_transient(asked, "erp.reply.foreign")
        balances = await destination.balances("RB01", PERIOD)
        assert_transient(balances, "erp.reply.foreign")
        await peer.misbehave(None)
        assert isinstance(await destination.send(command, key="SJ-1"), Delivered)

    @over_a_socket
    async def test_a_slow_erp_within_the_deadline_delivers(self, peer: ErpPeer) -> None:
        await peer.misbehave("slow", seconds=0.1)
        outcome = await peer.destination().send(peer.command(journal("SJ-1")), key="SJ-1")
        assert isinstance(outcome, Delivered)

    @over_a_socket
    async def test_f19_a_late_commit_of_the_first_attempt_leaves_one_document(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination(total_seconds_max=0.2)
        command = peer.command(journal("SJ-1"))
        await peer.misbehave("slow", seconds=0.6)
        assert isinstance(await destination.send(command, key="SJ-1"), Unknown)
        await peer.misbehave(None)
        assert await destination.find("SJ-1", command=command) == NotFound("SJ-1")
        again = await destination.send(command, key="SJ-1")
        await asyncio.sleep(0.6)
        assert isinstance(again, Delivered)
        assert await peer.documents("SJ-1") == [again.document]

    @over_a_socket
    async def test_balances_read_back_equal_what_was_sent(self, peer: ErpPeer) -> None:
        destination = peer.destination()
        for number, sent in enumerate([journal("SJ-0"), journal("SJ-1", 5), journal("SJ-2", 7)]):
            await destination.send(peer.command(sent), key=f"SJ-{number}")
        await destination.send(peer.command(journal("SJ-3", 11, date="2026-11-01")), key="SJ-3")
        receivable = AccountBalance("1100", 12_512, 0, 3)
        revenue = AccountBalance("4010", 0, 12_512, 3)
        expected = Balances("RB01", PERIOD, "USD", 3, (receivable, revenue))
        assert expected == await destination.balances("RB01", PERIOD)
        empty = Balances("RB01", "2026-12", "USD", 0, ())
        assert empty == await destination.balances("RB01", "2026-12")
        unknown = await destination.balances("XX99", PERIOD)
        assert isinstance(unknown, Refused)
        assert unknown.fault.code == "erp.entity.unknown"

    @over_a_socket
    async def test_every_document_of_a_period_is_read_back_with_our_reference(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        for number in range(3):
            await destination.send(peer.command(journal(f"SJ-{number}")), key=f"SJ-{number}")
        await destination.send(peer.command(journal("SJ-3", date="2026-11-01")), key="SJ-3")
        expected = [
            HeldJournal(document, f"SJ-{number}")
            for number in range(3)
            for document in await peer.documents(f"SJ-{number}")
        ]
        assert Journals("RB01", PERIOD, tuple(expected)) == await destination.journals(
            "RB01", PERIOD
        )
        assert Journals("RB01", "2026-12", ()) == await destination.journals("RB01", "2026-12")
        unknown = await destination.journals("XX99", PERIOD)
        assert isinstance(unknown, Refused)
        assert unknown.fault.code == "erp.entity.unknown"

    @over_a_socket
    async def test_a_journal_that_the_erp_booked_twice_is_read_back_twice_and_never_found(
        self, peer: ErpPeer
    ) -> None:
        destination = peer.destination()
        await peer.misbehave("books_twice")
        command = peer.command(journal("SJ-1"))
        sent = await destination.send(command, key="SJ-1")
        assert isinstance(sent, Delivered)
        documents = await peer.documents("SJ-1")
        assert documents == [sent.document, documents[1]]
        held = await destination.journals("RB01", PERIOD)
        assert isinstance(held, Journals)
        assert [HeldJournal(each, "SJ-1") for each in documents] == list(held.journals)
        found = await destination.find("SJ-1", command=command)
        assert_refused(found, "erp.reference.twice")

    @over_a_socket
    async def test_refused_credentials_stop_nothing_for_good(self, peer: ErpPeer) -> None:
        destination = peer.destination(token="another-token")
        command = peer.command(journal("SJ-1"))
        assert_transient(await destination.send(command, key="SJ-1"), "erp.credentials.refused")
        assert_transient(await destination.health(), "erp.credentials.refused")
        assert await peer.documents("SJ-1") == []

    @over_a_socket
    async def test_a_reference_the_erp_cannot_take_is_refused_unsent(self, peer: ErpPeer) -> None:
        destination = peer.destination()
        for key in ("", "SEVENTEEN-LETTERS", "SJ\r\nX: 1", "SJ/../1"):
            outcome = await destination.send(peer.command(journal("SJ-1")), key=key)
            assert_refused(outcome, "erp.reference.invalid")
        assert await peer.documents("SJ-1") == []


def assert_refused(outcome: object, code: str) -> None:
    """Assert a permanent refusal with this fault, which never shows the token."""
    assert isinstance(outcome, Refused)
    assert outcome.fault.code == code
    assert outcome.fault.permanent
    assert TOKEN not in repr(outcome)


def assert_transient(outcome: object, code: str) -> None:
    """Assert that nothing was done and the fault, which never shows the token."""
    assert isinstance(outcome, Transient)
    assert outcome.fault.code == code
    assert not outcome.fault.permanent
    assert TOKEN not in repr(outcome)
