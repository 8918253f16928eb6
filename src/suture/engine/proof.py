"""The proof: every control of `reconcile/controls.py`, read from the store and back from the ERP.

`suture reconcile` prints it; `suture demo` ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from suture.connectors.outcome import Balances, Refused, Transient
from suture.reconcile.controls import (
    AccountPeriod,
    Conservation,
    Control,
    Difference,
    match_erp,
)
from suture.store.controls import (
    read_conservation,
    read_control_totals,
    read_documents_twice,
    read_ledger_imbalance,
    read_sides,
    read_unbalanced_entries,
)
from suture.store.database import Database


class Ledger(Protocol):
    """What the proof asks an ERP: what it holds of an entity in a period."""

    async def balances(self, entity: str, period: str) -> Balances | Transient | Refused:
        """Return both sides of every account of an entity in a period."""
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
    """Entities and periods whose balances the ERP did not give; nothing is proven about them."""
    documents_twice: int

    @property
    def proven(self) -> bool:
        """Whether every control holds."""
        return not (
            self.conservation.gap
            or self.entries_unbalanced
            or self.ledger_imbalance_minor
            or self.erp_difference_minor
            or self.erp_unread
            or self.documents_twice
            or any(control.difference_minor for control in self.controls)
        )


async def read_proof(database: Database, ledger: Ledger | None) -> Proof:
    """Read every control. Without a ledger the ERP's side counts as unread."""
    subledger, on_its_way = await read_sides(database)
    erp, unread = await _read_back(ledger, subledger)
    differences = match_erp(subledger, on_its_way, erp)
    return Proof(
        conservation=await read_conservation(database),
        controls=await read_control_totals(database),
        entries_unbalanced=await read_unbalanced_entries(database),
        ledger_imbalance_minor=await read_ledger_imbalance(database),
        erp_difference_minor=sum(each.amount_minor for each in differences),
        differences=differences,
        erp_unread=unread,
        documents_twice=await read_documents_twice(database),
    )


async def _read_back(
    ledger: Ledger | None, subledger: Iterable[AccountPeriod]
) -> tuple[dict[AccountPeriod, tuple[int, int]], list[str]]:
    """Ask the ERP for every entity and period the subledger has booked in."""
    sides: dict[AccountPeriod, tuple[int, int]] = {}
    unread: list[str] = []
    for entity, period in sorted({(at.entity, at.period) for at in subledger}):
        held = None if ledger is None else await ledger.balances(entity, period)
        if not isinstance(held, Balances):
            unread.append(f"{entity}/{period}")
            continue
        for account in held.accounts:
            at = AccountPeriod(entity, account.account, period)
            sides[at] = (account.debit_minor, account.credit_minor)
    return sides, unread
