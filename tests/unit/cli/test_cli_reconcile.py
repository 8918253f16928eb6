"""`suture reconcile`: several ERPs are read as one, and one that is silent is told as such."""

from __future__ import annotations

import asyncio

from suture.cli.reconcile import Ledgers, Side
from suture.connectors.outcome import (
    AccountBalance,
    Balances,
    Delivered,
    Finding,
    Healthy,
    HeldJournal,
    Journals,
    Outcome,
    Refused,
    Transient,
)
from suture.model.fault import Fault, fault


class Ledger:
    """An ERP that holds what it was told to hold, or does not answer."""

    def __init__(self, accounts: dict[str, tuple[int, int]], silence: Fault | None = None) -> None:
        self._accounts = accounts
        self._silence = silence

    async def balances(self, entity: str, period: str) -> Balances | Transient | Refused:
        """Return what it holds."""
        if self._silence is not None:
            return Transient(self._silence)
        return Balances(
            entity=entity,
            period=period,
            currency="USD",
            journal_count=1,
            accounts=tuple(
                AccountBalance(account, debit, credit, 1)
                for account, (debit, credit) in self._accounts.items()
            ),
        )

    async def journals(self, entity: str, period: str) -> Journals | Transient | Refused:
        """Return a document for each account, under one reference."""
        if self._silence is not None:
            return Transient(self._silence)
        held = tuple(HeldJournal(account, "SUT1") for account in self._accounts)
        return Journals(entity, period, held)

    async def send(self, command: bytes, *, key: str) -> Outcome:
        """Take anything."""
        return Delivered(key, "created")

    async def find(self, key: str, *, command: bytes) -> Finding:
        """Find anything."""
        return Delivered(key, "found")

    async def health(self) -> Healthy | Transient | Refused:
        """Be well."""
        return Healthy()

    async def close(self) -> None:
        """Have nothing to close."""


def test_what_several_erps_hold_is_added_up_by_account() -> None:
    ledgers = Ledgers(
        [Side(Ledger({"1020": (100, 0), "1100": (0, 50)})), Side(Ledger({"1020": (5, 7)}))]
    )
    held = asyncio.run(ledgers.balances("RVH", "2026-04"))
    assert isinstance(held, Balances)
    sides = {each.account: (each.debit_minor, each.credit_minor) for each in held.accounts}
    assert {"1020": (105, 7), "1100": (0, 50)} == sides
    assert ("RVH", "2026-04", 2, None) == (
        held.entity,
        held.period,
        held.journal_count,
        ledgers.unread,
    )


def test_the_documents_of_several_erps_are_read_as_one() -> None:
    ledgers = Ledgers(
        [Side(Ledger({"1020": (100, 0), "1100": (0, 50)})), Side(Ledger({"1030": (5, 7)}))]
    )
    held = asyncio.run(ledgers.journals("RVH", "2026-04"))
    assert isinstance(held, Journals)
    assert ["1020", "1100", "1030"] == [each.document for each in held.journals]


def test_an_erp_is_not_asked_about_entities_that_it_does_not_keep() -> None:
    """It would refuse, and nothing would be proven of those that another one keeps."""
    refusal = fault("erp.entity.unknown", "http://127.0.0.1")
    ledgers = Ledgers(
        [
            Side(Ledger({"1020": (100, 0)}), "RVH".__eq__),
            Side(Ledger({}, refusal), "RVM".__eq__),
        ]
    )
    held = asyncio.run(ledgers.balances("RVH", "2026-04"))
    assert isinstance(held, Balances)
    assert [("1020", 100)] == [(each.account, each.debit_minor) for each in held.accounts]
    assert not isinstance(asyncio.run(ledgers.balances("RVM", "2026-04")), Balances)
    assert refusal == ledgers.unread


def test_one_silent_erp_leaves_the_whole_unread_with_its_reason() -> None:
    silence = fault("erp.busy", "http://127.0.0.1")
    ledgers = Ledgers([Side(Ledger({"1020": (100, 0)})), Side(Ledger({}, silence))])
    answer = asyncio.run(ledgers.balances("RVH", "2026-04"))
    assert isinstance(answer, Transient)
    assert silence == ledgers.unread
    assert isinstance(asyncio.run(ledgers.journals("RVH", "2026-04")), Transient)


def test_an_erp_that_could_not_be_opened_is_unread_too() -> None:
    closed = fault("estate.secret.absent", "SUTURE_ERP_TOKEN")
    ledgers = Ledgers([Side(closed)])
    assert isinstance(asyncio.run(ledgers.balances("RVH", "2026-04")), Refused)
    assert isinstance(asyncio.run(ledgers.journals("RVH", "2026-04")), Refused)
    assert closed == ledgers.unread
