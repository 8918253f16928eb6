"""Entries into journals: each into one, none lost, sums to the cent, and nothing of a person.

The oracle is `ledger/batch.summarise`, which sums in Python what the store sums in SQL.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Claim, Line, adt, dft, interchange, remittance

from suture.engine.batching import Batching, Policy, draw_code
from suture.ledger.batch import JournalLine, summarise
from suture.model.identity import PREFIXES
from suture.store.outbox import batch_entries
from suture.store.queries import QUERIES
from suture.store.releases import installation_code
from suture.store.state import read_entries

pytestmark = pytest.mark.integration

DAYS = ("20260310", "20260311", "20260401")
FACILITIES = ("RGH", "RNH", "DTC")
ERP = "erp"


async def booked(riverbend: Riverbend, tmp_path: Any = None) -> None:
    """Book charges of several days, entities and departments, corrections among them, and cash."""
    for number in range(36):
        account, facility = f"A{number}", FACILITIES[number % 3]
        day = DAYS[number % 2 + (number % 5 == 0)]
        told = {"at": f"{day}120000", "facility": facility}
        await riverbend.receive(
            adt("A04", account, control=f"R{account}", financial_class="MA", payer="MCR", **told),
            source="adt",
        )
        department = "PRIM" if facility == "DTC" else ("LAB", "RAD")[number % 2]
        line = Line(f"L{account}", "CG", 100 + number, day, department=department)
        await riverbend.receive(dft(account, line, control=f"B{account}", **told))
        if number % 4 == 0:
            again = msgspec.structs.replace(line, minor=7_000 + number)
            told["at"] = f"{day}130000"
            await riverbend.receive(dft(account, again, control=f"C{account}", **told))
    if tmp_path is not None:
        claim = Claim("C1", 20_000, (("CO", "45", 5_000),))
        (tmp_path / "a.835").write_bytes(interchange(remittance("T1", claim)))
        await riverbend.watch(tmp_path).turn()
    await riverbend.settle()


async def entry_ids(riverbend: Riverbend) -> list[str]:
    return [row["id"] for row in await riverbend.rows("select id from entry order by id")]


async def assert_journals_equal_entries(riverbend: Riverbend) -> None:
    """Hold every journal's lines against the sum of the entries that are linked to it."""
    links = await riverbend.rows("select reference, entry_id from journal_entry")
    assert sorted(row["entry_id"] for row in links) == await entry_ids(riverbend)
    members: dict[str, list[str]] = {}
    for row in links:
        members.setdefault(row["reference"], []).append(row["entry_id"])
    for reference, ids in members.items():
        entries = await read_entries(riverbend.database, ids)
        ((scope, lines),) = summarise(entries.values()).items()
        (head,) = await riverbend.rows("select * from journal where reference = $1", reference)
        assert (head["policy"], head["entity"], head["currency"], head["accounting_on"]) == scope
        assert head["entries_count"] == len(ids)
        stored = await riverbend.rows(
            "select account, debit_minor, credit_minor, facility, cost_centre, service_line,"
            " payer_class from journal_line where reference = $1",
            reference,
        )
        found = [JournalLine(**dict(row)) for row in stored]
        assert sorted(found, key=repr) == sorted(lines, key=repr)
        assert sum(line.debit_minor - line.credit_minor for line in lines) == 0
    sent = await riverbend.rows("select idempotency_key from delivery")
    assert sorted(row[0] for row in sent) == sorted(members)


async def test_journals_hold_the_sums_of_their_entries_and_every_entry_is_in_one(
    riverbend: Riverbend, tmp_path: Any
) -> None:
    await booked(riverbend, tmp_path)
    assert await Batching(riverbend.database, ERP, {}).turn(everything=True) >= 6
    assert await riverbend.number("select count(*) from unbatched") == 0
    await assert_journals_equal_entries(riverbend)
    digests = [
        msgspec.json.decode(row["payload"])["description"].rpartition("digest:")[2]
        for row in await riverbend.rows("select payload from delivery")
    ]
    assert len(set(digests)) == len(digests), "no two journals hold the same entries"


async def test_batchers_that_compete_take_every_entry_once(riverbend: Riverbend) -> None:
    await booked(riverbend)

    async def work() -> None:
        while await batch_entries(
            riverbend.database,
            installation="7KQ2",
            policy="charges",
            destination=ERP,
            entries_max=3,
        ):
            pass

    await asyncio.gather(*(work() for _ in range(5)))
    assert await riverbend.number("select count(*) from unbatched") == 0
    await assert_journals_equal_entries(riverbend)


@pytest.mark.parametrize("step", ["append_journal", "link_journal_entries", "append_delivery"])
async def test_f3_a_batcher_killed_between_two_steps_leaves_everything_as_it_was(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await booked(riverbend)
    waiting = await riverbend.rows("select * from unbatched order by entry_id")
    broken = dict(QUERIES) | {step: "select broken"}
    monkeypatch.setattr("suture.store.database.QUERIES", broken)
    with pytest.raises(asyncpg.UndefinedColumnError):
        await Batching(riverbend.database, ERP, {}).turn(everything=True)
    assert waiting == await riverbend.rows("select * from unbatched order by entry_id")
    for table in ("journal", "journal_line", "journal_entry", "delivery"):
        assert await riverbend.number(f"select count(*) from {table}") == 0  # noqa: S608 - ours
    monkeypatch.undo()
    await Batching(riverbend.database, ERP, {}).turn(everything=True)
    await assert_journals_equal_entries(riverbend)


async def test_cash_goes_at_once_and_charges_when_they_are_due(
    riverbend: Riverbend, tmp_path: Any
) -> None:
    await booked(riverbend, tmp_path)
    batching = Batching(riverbend.database, ERP, {"charges": Policy(60.0, 10_000)})
    await batching.turn()
    assert ["immediate"] == [row[0] for row in await riverbend.rows("select policy from journal")]
    await batching.turn()
    assert await riverbend.number("select count(*) from journal") == 1
    await riverbend.rows("update unbatched set queued_at = now() - interval '61 seconds'")
    await batching.turn()
    assert await riverbend.number("select count(*) from unbatched") == 0
    await assert_journals_equal_entries(riverbend)


async def test_enough_charges_go_before_their_time_in_pieces_of_that_size(
    riverbend: Riverbend,
) -> None:
    await booked(riverbend)
    before = await riverbend.number("select count(*) from unbatched")
    batching = Batching(riverbend.database, ERP, {"charges": Policy(60.0, 20)})
    await batching.turn()
    assert await riverbend.number("select count(*) from unbatched") == before - 20
    while await batching.turn():
        pass
    assert await riverbend.number("select count(*) from unbatched") == before % 20


async def test_references_carry_the_code_this_installation_drew_at_its_first_journal(
    riverbend: Riverbend,
) -> None:
    await booked(riverbend)
    await Batching(riverbend.database, ERP, {"charges": Policy(0.0, 20)}).turn()
    await Batching(riverbend.database, ERP, {}).turn(everything=True)
    (code,) = await riverbend.rows("select value from setting where name = 'installation_code'")
    references = [row[0] for row in await riverbend.rows("select reference from journal")]
    assert len(references) > 2
    assert {f"SUT{code[0]}"} == {reference[:7] for reference in references}


async def test_batchers_that_start_together_agree_on_one_code(riverbend: Riverbend) -> None:
    drawn = [draw_code() for _ in range(8)]
    agreed = await asyncio.gather(*(installation_code(riverbend.database, each) for each in drawn))
    assert 1 == len(set(agreed))
    assert set(agreed) < set(drawn)


async def test_b95_nothing_that_is_sent_points_at_a_person(
    riverbend: Riverbend, tmp_path: Any
) -> None:
    await booked(riverbend, tmp_path)
    await Batching(riverbend.database, ERP, {}).turn(everything=True)
    sent = b"".join(row[0] for row in await riverbend.rows("select payload from delivery"))
    told = {*sent.decode().split('"')[1::2]}
    assert {"account", "1100", "RVH", "RGH-7500"} <= told, "what accountants need is there"
    tokens = {row["token"] for row in await riverbend.rows("select token from vault")}
    streams = {row["stream"] for row in await riverbend.rows("select stream from state")}
    names = {"DOE", "JANE", "PA17", "A17", "VA17", "C1", "T1"}
    assert tokens
    assert not told & (tokens | streams | names)
    prefixes = (*(f"{prefix}_" for prefix in PREFIXES.values()), "msg_", "evt_", "ent_")
    assert not [each for each in told if each.startswith(prefixes)]
