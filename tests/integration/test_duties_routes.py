"""Two ERPs: each gets the journals of its own legal entities, in its own time, and the proof holds.

Which destination takes what is `tests/unit/governance/test_estate_routes.py`.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.integration.riverbend_store import (
    TOKEN,
    Riverbend,
    estate_files,
    estate_of,
)
from tests.integration.sandbox_erp import SandboxErp, serving
from tests.specs.riverbend_messages import Line, adt, dft

from suture.cli.reconcile import _opened, _settled
from suture.engine.duties import DeliveryDuty
from suture.engine.proof import Proof
from suture.engine.worker import load_estate
from suture.governance.release import pack, release_id
from suture.store.controls import read_journal_holders
from suture.store.releases import append_release

pytestmark = pytest.mark.integration

AT = "20260310120000"
ACCOUNTS = {"A1": "RGH", "A2": "DTC", "A3": "RNH", "A4": "ESC"}
"""Two of the hospitals, legal entity RVH, and two of the clinics, RVM."""


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the token where the estate's destinations say it is."""
    monkeypatch.setenv("SUTURE_ERP_TOKEN", TOKEN)


def estate_to(hospital: SandboxErp, clinic: SandboxErp | None) -> dict[str, bytes]:
    """Return Riverbend's estate with its journals going to one ERP, or to two by entity."""
    text = estate_files()["destinations/erp.toml"].decode()
    text = text.replace("seconds_max = 60\nentries_max", "seconds_max = 0\nentries_max")

    def at(erp: SandboxErp, entities: str) -> bytes:
        named = text.replace(":8070", f":{erp.port}")
        return named.replace("grants =", f"entities = {entities}\ngrants =").encode()

    told = {"destinations/erp.toml": at(hospital, '["RVH"]' if clinic else "[]")}
    if clinic:
        told["destinations/clinic.toml"] = at(clinic, '["RVM"]')
    return estate_files() | told


async def in_force(riverbend: Riverbend, files: dict[str, bytes]) -> Any:
    await append_release(riverbend.database, release_id(files), pack(files), "in a test")
    return await load_estate(riverbend.database)


async def book(riverbend: Riverbend, batch: str) -> None:
    """Book a charge at each facility."""
    for account, facility in ACCOUNTS.items():
        told = {"at": AT, "facility": facility}
        registered = adt("A04", account, financial_class="MC", control=f"R{batch}{account}", **told)
        await riverbend.receive(registered, source="adt")
        department = "LAB" if facility.startswith("R") else "PRIM"
        line = Line(f"L{batch}{account}", "CG", 10_000, department=department)
        await riverbend.receive(dft(account, line, control=f"B{batch}{account}", **told))
    await riverbend.settle()


async def sent(riverbend: Riverbend) -> dict[tuple[str, str], int]:
    """Return how many entries each destination has confirmed, by entity."""
    rows = await riverbend.rows(
        "select j.destination, j.entity, sum(j.entries_count)::int as entries_count from journal j"
        " join delivery d on d.idempotency_key = j.reference and d.destination = j.destination"
        " where d.status = 'SENT' group by 1, 2 order by 1, 2"
    )
    return {(row["destination"], row["entity"]): row["entries_count"] for row in rows}


async def proof_of(riverbend: Riverbend) -> Proof:
    estate, _ = await load_estate(riverbend.database)
    holders = await read_journal_holders(riverbend.database)
    async with _opened(estate.destinations.values(), holders) as ledgers:
        return await _settled(riverbend.database, ledgers)


@pytest.mark.usefixtures("token")
async def test_each_erp_gets_the_journals_of_its_own_entities_and_a_release_moves_them(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    everything = "select count(*) = 0 from unbatched"
    settled = "select count(*) = 0 from delivery where status <> 'SENT'"
    async with AsyncExitStack() as stack:
        hospital, clinic = [
            await stack.enter_async_context(serving(tmp_path / name, estate_of()))
            for name in ("hospital", "clinic")
        ]
        duty = DeliveryDuty(
            riverbend.database, "delivery-1", lambda _: TOKEN, riverbend.keys, Path("/nowhere")
        )
        await duty.start(*await in_force(riverbend, estate_to(hospital, None)))
        await book(riverbend, "1")
        await riverbend.until(everything)
        await riverbend.until(settled)
        assert {("erp", "RVH"): 2, ("erp", "RVM"): 2} == await sent(riverbend)
        await duty.change(*await in_force(riverbend, estate_to(hospital, clinic)))
        takes = {name: batching.takes for name, batching in duty._batchings.items()}
        assert (False, True) == tuple(takes[each]("RVM", "charges") for each in ("erp", "clinic"))
        await book(riverbend, "2")
        await riverbend.until(everything)
        await riverbend.until(settled)
        assert {
            ("erp", "RVH"): 4,
            ("erp", "RVM"): 2,
            ("clinic", "RVM"): 2,
        } == await sent(riverbend)
        assert (await clinic.summary())["journal_count"] >= 1
        proof = await proof_of(riverbend)
        assert ([], 0, True) == (proof.erp_unread, proof.erp_difference_minor, proof.proven)
        await duty.drain()


@pytest.mark.usefixtures("token")
async def test_one_erp_that_is_down_holds_up_no_other(riverbend: Riverbend, tmp_path: Path) -> None:
    """Each destination has its own queue, its own leases and its own loop."""
    async with AsyncExitStack() as stack:
        hospital, clinic = [
            await stack.enter_async_context(serving(tmp_path / name, estate_of()))
            for name in ("hospital", "clinic")
        ]
        await hospital.misbehave({"mode": "down"})
        duty = DeliveryDuty(
            riverbend.database, "delivery-1", lambda _: TOKEN, riverbend.keys, Path("/nowhere")
        )
        await duty.start(*await in_force(riverbend, estate_to(hospital, clinic)))
        await book(riverbend, "1")
        await riverbend.until(
            "select count(*) > 0 and count(settled_at) = count(*) from delivery"
            " where destination = 'clinic'"
        )
        assert {("clinic", "RVM"): 2} == await sent(riverbend)
        await hospital.misbehave()
        await riverbend.until("select count(settled_at) = count(*) from delivery")
        assert {("clinic", "RVM"): 2, ("erp", "RVH"): 2} == await sent(riverbend)
        await duty.drain()
