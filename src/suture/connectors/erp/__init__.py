"""ERP destinations: the port that every ERP connector fills; beside it one folder per vendor.

A journal goes out as a command (bytes made for that ERP) under our own reference of at most 16
characters, which is its idempotency key; what the ERP holds is read back by reference and by
period. The contract every connector must pass is tests/contracts/erp_contract.py; `journal_api/` is
the first.
"""

from __future__ import annotations

from typing import Protocol

from suture.connectors.outcome import (
    Balances,
    Finding,
    Healthy,
    Journals,
    Outcome,
    Refused,
    Transient,
)


class ErpDestination(Protocol):
    """Where journals go. Expected failures are outcomes; only cancellation is raised."""

    async def send(self, command: bytes, *, key: str) -> Outcome:
        """Send one journal under `key` once, without retrying, and say what is known of it.

        `Unknown` means that the ERP may hold it: ask `find` by the same key before any resend.
        """

    async def find(self, key: str, *, command: bytes) -> Finding:
        """Ask the ERP what it holds under our reference `key`; changes nothing there.

        `Delivered` only where that is what `command` books: something else under our reference is
        `Refused` and somebody's exception, never taken for ours and never written over (F17).
        """

    async def balances(self, entity: str, period: str) -> Balances | Transient | Refused:
        """Read back what the ERP holds for a legal entity and a period (`YYYY-MM`), by account."""

    async def journals(self, entity: str, period: str) -> Journals | Transient | Refused:
        """Read back every document the ERP holds for a legal entity and a period, whoever made it.

        What is booked twice shows here: two documents of one reference, or of one digest.
        """

    async def health(self) -> Healthy | Transient | Refused:
        """Ask whether the ERP is there and takes our credentials."""

    async def close(self) -> None:
        """Close the connections; the destination is not used afterwards."""
