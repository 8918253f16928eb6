"""The proof can fail: zero in every good state, and not zero after each kind of harm to the store.

The harms are in `tampering.sql`, done behind the back of the product with its own triggers switched
off. The matching itself is pure (`reconcile/controls.py`); what it reads is `store/controls.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.integration.riverbend_store import Riverbend
from tests.integration.sandbox_erp import SandboxErp, destination_at, serving
from tests.specs.riverbend_messages import Claim, Line, adt, dft, interchange, remittance

from suture.connectors.erp.journal_api.connector import JournalDestination
from suture.engine.batching import Batching
from suture.engine.delivery import Delivery, Retry
from suture.engine.proof import Proof, read_proof

pytestmark = pytest.mark.integration

AT = "20260310120000"
GUARDED = ("event", "log", "entry", "entry_line")
CLAIM, OTHER = (Claim(number, 20_000, (("CO", "45", 5_000),)) for number in ("C1", "C2"))

_TAMPERING = Path(__file__).with_name("tampering.sql").read_text("utf-8")
_BLOCKS = re.split(r"^-- harm: (.+)\n", _TAMPERING, flags=re.MULTILINE)
HARMS = dict(zip(_BLOCKS[1::2], _BLOCKS[2::2], strict=True))


class Books:
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
        await riverbend.receive(dft("A1", payment, at=AT, control="PAY1"))
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
async def open_books(riverbend: Riverbend, folder: Path) -> AsyncIterator[Books]:
    inbox = folder / "inbox"
    inbox.mkdir()
    async with (
        serving(folder / "erp.sqlite", riverbend.estate) as erp,
        destination_at(erp.port) as destination,
    ):
        books = Books(riverbend, erp, destination)
        await books.fill(inbox)
        yield books


@pytest.fixture
def books(runner: asyncio.Runner, riverbend: Riverbend, tmp_path: Path) -> Iterator[Books]:
    """Return Riverbend with a bit of everything."""
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(open_books(riverbend, tmp_path)))
    runner.run(stack.aclose())


async def test_in_a_good_state_every_control_is_zero(books: Books) -> None:
    proof = await books.proof()
    assert proof.proven, proof
    conservation = proof.conservation
    assert (conservation.held, conservation.in_flight, conservation.gap) == (2, 0, 0)
    assert conservation.received == sum(await books.riverbend.counts())
    assert {control.name: control.parked_minor for control in proof.controls}["charges"] == 10_003
    await books.deliver()
    assert (await books.proof()).proven


async def test_an_empty_store_is_proven_and_says_nothing(riverbend: Riverbend) -> None:
    conservation = await riverbend.conservation()
    assert (conservation.received, conservation.gap) == (0, 0)


@pytest.mark.parametrize("harm", HARMS)
async def test_each_harm_to_the_store_is_seen(books: Books, harm: str) -> None:
    assert (await books.proof()).proven
    await books.harm(HARMS[harm])
    assert not (await books.proof()).proven


async def test_an_event_lost_on_its_way_is_seen(books: Books) -> None:
    await books.riverbend.receive(dft("A2", Line("L10", "CG", 1), at=AT, control="IN FLIGHT"))
    conservation = await books.riverbend.conservation()
    assert (conservation.in_flight, conservation.gap) == (1, 0)
    await books.harm("delete from inbox")
    assert (await books.riverbend.conservation()).gap == 1


async def test_what_somebody_books_in_the_erp_by_hand_is_seen(books: Books) -> None:
    by_hand = {
        "reference": "BY-HAND",
        "entity": "RVH",
        "currency": "USD",
        "accounting_date": "2026-03-10",
        "description": "by hand",
        "source": "clerk",
        "lines": [
            {"account": "1100", "debit_minor": 5, "credit_minor": 0},
            {"account": "1110", "debit_minor": 0, "credit_minor": 5},
        ],
    }
    await books.destination.send(msgspec.json.encode(by_hand), key="BY-HAND")
    proof = await books.proof()
    assert not proof.proven
    assert {each.at.account for each in proof.differences} == {"1100", "1110"}
    assert proof.erp_difference_minor == 10


async def test_an_erp_that_does_not_answer_proves_nothing(books: Books) -> None:
    await books.erp.misbehave({"mode": "503"})
    proof = await books.proof()
    assert not proof.proven
    assert proof.erp_unread
    assert not (await read_proof(books.riverbend.database, None)).proven
