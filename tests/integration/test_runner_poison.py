"""One poison event is set aside with an exception, and everything else goes on (F32, F33).

Whether it kills the decision, the commit or the reading of it; never in a loop, never silently.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, adt, dft

from suture.ledger.entry import Entry, UnbalancedEntryError
from suture.model.event import Event
from suture.pipeline import Record, Step, advance
from suture.store.state import read_entries

pytestmark = pytest.mark.integration

AT = "20260310120000"
ACCOUNTS = [f"A{number}" for number in range(12)]


async def charged(riverbend: Riverbend, *accounts: str, minor: int = 10_000, at: str = AT) -> None:
    """Register accounts and charge each; told again with another amount, it is a correction."""
    for account in accounts:
        control = f"{account}.{minor}"
        registered = adt("A01", account, at=at, control=control, financial_class="MA", payer="MCR")
        await riverbend.receive(registered, source="adt")
        line = Line(f"L{account}", "CG", minor)
        await riverbend.receive(dft(account, line, at=at, control=control))


async def poisoned_event(riverbend: Riverbend, account: str) -> str:
    """Return the id of the event of an account's charge."""
    stream = f"patient_account/{riverbend.tokenizer.token('account', 'riverbend', account)}"
    rows = await riverbend.rows(
        "select id from event where stream = $1 and type = 'charge.posted' order by id desc", stream
    )
    return str(rows[0]["id"])


async def assert_only_that_one_is_set_aside(riverbend: Riverbend, event_id: str) -> None:
    assert await riverbend.number("select count(*) from inbox") == 0
    (item,) = await riverbend.rows("select code, event_id from work_item where resolved_at is null")
    assert ("engine.event.failed", event_id) == tuple(item)
    (row,) = await riverbend.rows("select outcome from log where event_id = $1", event_id)
    assert row["outcome"] == "parked"
    assert await riverbend.balances() == {"1100": 110_000, "4020": -110_000}
    conservation = await riverbend.conservation()
    assert (conservation.held, conservation.gap) == (1, 0)


@pytest.mark.parametrize("error", [RecursionError, UnbalancedEntryError, KeyError])
async def test_f33_an_event_that_kills_the_decision_is_set_aside(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    await charged(riverbend, *ACCOUNTS)
    poison = await poisoned_event(riverbend, "A5")

    def failing(record: Record[Any], event: Event, books: Any) -> Step:
        step = advance(record, event, books)
        if event.id == poison:
            raise error("with a patient's value: DOE^JANE")
        return step

    monkeypatch.setattr("suture.engine.runner.advance", failing)
    await riverbend.settle()
    await assert_only_that_one_is_set_aside(riverbend, poison)
    (item,) = await riverbend.rows("select explanation from work_item")
    assert item["explanation"] == f"handling it raised {error.__name__}"


@pytest.mark.parametrize(
    "harm",
    [
        {"kind": "a kind\0 no column holds"},
        {"received_at_ms": 2**70},
        {"currency": "\udcff"},
    ],
)
async def test_f33_an_event_whose_entry_the_database_refuses_is_set_aside(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch, harm: dict[str, Any]
) -> None:
    await charged(riverbend, *ACCOUNTS)
    poison = await poisoned_event(riverbend, "A5")

    def harmful(record: Record[Any], event: Event, books: Any) -> Step:
        step = advance(record, event, books)
        if event.id == poison:
            step.entries = [msgspec.structs.replace(entry, **harm) for entry in step.entries]
        return step

    monkeypatch.setattr("suture.engine.runner.advance", harmful)
    await riverbend.settle()
    await assert_only_that_one_is_set_aside(riverbend, poison)


async def test_f33_an_event_whose_entry_is_there_already_is_set_aside(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two events that claim one entry: the unique index refuses the second, and only that."""
    await charged(riverbend, *ACCOUNTS)
    poison = await poisoned_event(riverbend, "A5")
    taken = f"ent_{(await poisoned_event(riverbend, 'A6'))[4:]}.01"

    def claiming(record: Record[Any], event: Event, books: Any) -> Step:
        step = advance(record, event, books)
        if event.id == poison:
            step.entries = [msgspec.structs.replace(entry, id=taken) for entry in step.entries]
        return step

    await charged(riverbend)
    monkeypatch.setattr("suture.engine.runner.advance", claiming)
    await riverbend.settle()
    rows = await riverbend.rows("select code from work_item where resolved_at is null")
    assert ["engine.event.failed"] == [row["code"] for row in rows]
    assert await riverbend.balances() == {"1100": 110_000, "4020": -110_000}


async def test_f33_a_correction_whose_original_is_not_to_be_found_is_set_aside(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    await charged(riverbend, *ACCOUNTS)
    await riverbend.settle()
    await charged(riverbend, *ACCOUNTS, minor=20_000, at="20260311120000")
    poison = await poisoned_event(riverbend, "A5")
    stream = f"patient_account/{riverbend.tokenizer.token('account', 'riverbend', 'A5')}"
    (entry,) = await riverbend.rows("select id from entry where stream = $1", stream)

    async def lacking(database: Any, entry_ids: Any) -> dict[str, Entry]:
        found = await read_entries(database, entry_ids)
        found.pop(entry["id"], None)
        return found

    monkeypatch.setattr("suture.engine.runner.read_entries", lacking)
    await riverbend.settle()
    assert await riverbend.exceptions() == ["engine.event.failed"]
    (item,) = await riverbend.rows("select event_id from work_item")
    assert item["event_id"] == poison
    assert await riverbend.balances() == {"1100": 230_000, "4020": -230_000}


@pytest.mark.parametrize("payload", [b"\xc1", b"", b"\x82\xa4type\xa6future\xa1a\x01"])
async def test_f32_an_event_this_code_cannot_read_is_set_aside(
    riverbend: Riverbend, payload: bytes
) -> None:
    await charged(riverbend, *ACCOUNTS[:11])
    (event,) = await riverbend.rows("select * from event order by id limit 1")
    unknown = dict(event) | {"id": "evt_new.0001", "message_id": "", "payload": payload}
    places = ", ".join(f"${number}" for number in range(1, len(unknown) + 1))
    await riverbend.rows(f"insert into event values ({places})", *unknown.values())  # noqa: S608
    await riverbend.rows(
        "insert into inbox (partition, event_id) values ($1, 'evt_new.0001')", event["partition"]
    )
    await riverbend.settle()
    (item,) = await riverbend.rows("select code, event_id from work_item")
    assert ("engine.event.failed", "evt_new.0001") == tuple(item)
    assert await riverbend.balances() == {"1100": 110_000, "4020": -110_000}


async def test_f33_a_stream_whose_record_is_damaged_stops_no_other(riverbend: Riverbend) -> None:
    await charged(riverbend, *ACCOUNTS)
    await riverbend.settle()
    stream = f"patient_account/{riverbend.tokenizer.token('account', 'riverbend', 'A5')}"
    await riverbend.rows("update state set record = '\\xc1' where stream = $1", stream)
    await charged(riverbend, *ACCOUNTS, minor=20_000, at="20260311120000")
    await riverbend.settle()
    assert set(await riverbend.exceptions()) == {"engine.event.failed"}
    assert await riverbend.balances() == {"1100": 230_000, "4020": -230_000}
    (row,) = await riverbend.rows("select record from state where stream = $1", stream)
    assert row["record"] == b"\xc1", "what is left of it is not written over"
