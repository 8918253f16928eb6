"""Riverbend and its ERP with something of everything in the store, and ways to do it harm.

What the proof makes of it: `test_reconcile_tampering.py` and `test_demo_figures.py`. The harms are
in `tampering.sql`, done behind the back of the product with its own triggers switched off.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.riverbend_store import Riverbend
from tests.integration.sandbox_erp import SandboxErp, destination_at, serving
from tests.specs.riverbend_messages import Claim, Line, adt, dft, interchange, remittance

from suture.connectors.erp.journal_api.connector import JournalDestination
from suture.engine.batching import Batching
from suture.engine.delivery import Delivery, Retry
from suture.engine.proof import Proof, read_proof

AT = "20260310120000"
GUARDED = (
    *("event", "log", "entry", "entry_line", "message", "message_repeat", "transmission"),
    *("work_item", "journal", "journal_line", "journal_entry", "delivery"),
)
CLAIM, OTHER = (Claim(number, 20_000, (("CO", "45", 5_000),)) for number in ("C1", "C2"))

_TAMPERING = Path(__file__).with_name("tampering.sql").read_text("utf-8")
_BLOCKS = re.split(r"^-- harm: (.+)\n", _TAMPERING, flags=re.MULTILINE)
HARMS = dict(zip(_BLOCKS[1::2], _BLOCKS[2::2], strict=True))


class FilledBooks:
    """Riverbend and its ERP, with something of everything in the store."""

    def __init__(
        self, riverbend: Riverbend, erp: SandboxErp, destination: JournalDestination
    ) -> None:
        self.riverbend = riverbend
        self.erp = erp
        self.destination = destination

    async def fill(self, inbox: Path) -> None:
        """Book, hold, park and repeat; deliver some, queue some, and leave some to be gathered."""
        riverbend = self.riverbend
        for number in range(4):
            account = f"A{number}"
            told = {"at": AT, "control": f"X{number}"}
            if number != 3:  # nobody says who pays for the last: its charge is parked
                registered = adt("A01", account, financial_class="MA", payer="MCR", **told)
                await riverbend.receive(registered, source="adt")
            charge = dft(account, Line(f"L{account}", "CG", 10_000 + number), **told)
            await riverbend.receive(charge, charge)
        told_835 = (remittance("T1", CLAIM), remittance("T2", OTHER, misprint_minor=1))
        (inbox / "a.835").write_bytes(interchange(*told_835))
        await riverbend.watch(inbox).turn()
        await riverbend.settle()
        await self.deliver()
        payment = Line("PY1", "PY", 2_500, department="")
        charity = Line("AJ1", "AJ", 700, department="", code="CHARITY")
        await riverbend.receive(dft("A1", payment, charity, at=AT, control="PAY1"))
        await riverbend.settle()
        await Batching(riverbend.database, "erp", {}).turn(everything=True)
        await riverbend.receive(dft("A2", Line("L9", "CG", 999), at=AT, control="LAST"))
        await riverbend.settle()

    async def deliver(self) -> None:
        """Gather and send everything."""
        await Batching(self.riverbend.database, "erp", {}).turn(everything=True)
        retry = Retry(seconds_min=0.01, seconds_max=0.01)
        sender = Delivery(self.riverbend.database, "erp", self.destination, "delivery-1", retry)
        while await sender.turn():
            pass

    async def proof(self) -> Proof:
        """Read every control."""
        return await read_proof(self.riverbend.database, self.destination)

    async def harm(self, statements: str) -> None:
        """Change the store behind everybody's back."""
        for table in GUARDED:
            await self.riverbend.rows(f"alter table {table} disable trigger user")
        await self.riverbend.database.pool.execute(statements)
        for table in GUARDED:
            await self.riverbend.rows(f"alter table {table} enable trigger user")


@asynccontextmanager
async def open_books(riverbend: Riverbend, folder: Path) -> AsyncIterator[FilledBooks]:
    """Open an ERP beside Riverbend, and fill both."""
    inbox = folder / "inbox"
    inbox.mkdir()
    async with (
        serving(folder / "erp.sqlite", riverbend.estate) as erp,
        destination_at(erp.port) as destination,
    ):
        books = FilledBooks(riverbend, erp, destination)
        await books.fill(inbox)
        yield books
