"""The proof: every control of `reconcile/controls.py`, read from the store and back from the ERP.

`suture reconcile` prints it; `suture demo` ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from suture.connectors.outcome import Balances, Journals, Refused, Transient
from suture.reconcile.controls import (
    AccountPeriod,
    Conservation,
    Control,
    Difference,
    Document,
    match_documents,
    match_erp,
)
from suture.store.controls import (
    RefusedJournals,
    read_conservation,
    read_control_totals,
    read_journal_digests,
    read_ledger_imbalance,
    read_refused,
    read_sides,
    read_unbalanced_entries,
)
from suture.store.database import Database
from suture.store.telling import ToldCounts, read_told


class Ledger(Protocol):
    """What the proof asks an ERP: what it holds of an entity in a period."""

    async def balances(self, entity: str, period: str) -> Balances | Transient | Refused:
        """Return both sides of every account of an entity in a period."""
        ...

    async def journals(self, entity: str, period: str) -> Journals | Transient | Refused:
        """Return every document of an entity in a period."""
        ...


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Every control at one moment. `proven` says that all of them hold."""

    conservation: Conservation
    controls: list[Control]
    entries_unbalanced: int
    ledger_imbalance_minor: int
    erp_difference_minor: int
    differences: list[Difference]
    erp_unread: list[str]
    """Entities and periods that the ERP did not tell of; nothing is proven about them."""
    repeated: list[Document]
    """What the ERP holds that books what another document books."""
    refused: RefusedJournals = RefusedJournals()
    """What the ERP will not hold until somebody acts: booked here, and nowhere else."""
    told: list[ToldCounts] = []
    """What each receiver was told, and where the messages are."""

    @property
    def documents_twice(self) -> int:
        """How many documents of the ERP book what another one books."""
        return len(self.repeated)

    @property
    def proven(self) -> bool:
        """Whether every control holds."""
        return not (
            self.conservation.gap
            or self.entries_unbalanced
            or self.ledger_imbalance_minor
            or self.erp_difference_minor
            or self.erp_unread
            or self.repeated
            or self.refused.count
            or any(control.difference_minor for control in self.controls)
            or any(each.gap for each in self.told)
        )


async def read_proof(database: Database, ledger: Ledger | None) -> Proof:
    """Read every control. Without a ledger the ERP's side counts as unread."""
    subledger, on_its_way = await read_sides(database)
    erp = await _read_back(ledger, subledger)
    differences = match_erp(subledger, on_its_way, erp.sides)
    # Read after the ERP: each document that it told of has its journal by now.
    digests = await read_journal_digests(database)
    return Proof(
        conservation=await read_conservation(database),
        controls=await read_control_totals(database),
        entries_unbalanced=await read_unbalanced_entries(database),
        ledger_imbalance_minor=await read_ledger_imbalance(database),
        erp_difference_minor=sum(each.amount_minor for each in differences),
        differences=differences,
        erp_unread=erp.unread,
        repeated=match_documents(erp.documents, digests),
        refused=await read_refused(database),
        told=await read_told(database),
    )


class _ReadBack(msgspec.Struct):
    """What the ERP told of itself."""

    sides: dict[AccountPeriod, tuple[int, int]] = {}
    documents: list[Document] = []
    unread: list[str] = []


async def _read_back(ledger: Ledger | None, subledger: Iterable[AccountPeriod]) -> _ReadBack:
    """Ask the ERP for every entity and period the subledger has booked in."""
    told = _ReadBack()
    for entity, period in sorted({(at.entity, at.period) for at in subledger}):
        balances = None if ledger is None else await ledger.balances(entity, period)
        journals = None if ledger is None else await ledger.journals(entity, period)
        if not (isinstance(balances, Balances) and isinstance(journals, Journals)):
            told.unread.append(f"{entity}/{period}")
            continue
        for account in balances.accounts:
            at = AccountPeriod(entity, account.account, period)
            told.sides[at] = (account.debit_minor, account.credit_minor)
        told.documents += [
            Document(each.document, each.reference, each.digest) for each in journals.journals
        ]
    return told
