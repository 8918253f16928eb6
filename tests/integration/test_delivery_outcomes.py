"""Journals to the ERP: each arrives once, whatever the ERP and the network make of it.

Faults F4, F13 to F17 and F19 against the real sandbox ERP. How entries become journals is
`test_batching_journals.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.operator_desk import ADA
from tests.integration.riverbend_store import Riverbend
from tests.integration.sandbox_erp import SandboxErp, destination_at, serving
from tests.specs.riverbend_messages import Line, adt, dft

from suture.connectors.erp.journal_api.connector import JournalDestination
from suture.connectors.outcome import Delivered, Finding, Outcome, Refused, Unknown
from suture.engine.batching import Batching
from suture.engine.delivery import Delivery, Retry
from suture.engine.proof import read_proof
from suture.model.fault import fault
from suture.store.acts import read_acts
from suture.store.database import StoreUnavailableError
from suture.store.lineage import trace
from suture.store.outbox import (
    Settlement,
    ask_new_references,
    find_deliveries,
    lease_deliveries,
    resend_deliveries,
    settle_delivery,
)
from suture.store.worklist import dismiss_work_items

pytestmark = pytest.mark.integration

AT = "20260310120000"
QUICK = Retry(seconds_min=0.01, seconds_max=0.05)
ERP = "erp"


class Desk:
    """Riverbend with an ERP: journals are made and sent by hand."""

    def __init__(
        self, riverbend: Riverbend, erp: SandboxErp, destination: JournalDestination
    ) -> None:
        self.riverbend = riverbend
        self.erp = erp
        self.destination = destination
        self._accounts_count = 0

    def sender(self, owner: str = "delivery-1", destination: Any = None) -> Delivery:
        """Return a worker that sends."""
        to = destination or self.destination
        return Delivery(self.riverbend.database, ERP, to, owner, QUICK)

    async def journal(self, *, count: int = 1, on: str = AT, facility: str = "RGH") -> None:
        """Book charges, each of which becomes a journal of its own."""
        for _ in range(count):
            self._accounts_count += 1
            account = f"A{self._accounts_count}"
            told = {"at": on, "facility": facility}
            registered = adt(
                "A04", account, control=f"R{account}", financial_class="MA", payer="MCR", **told
            )
            department = "PRIM" if facility == "DTC" else "LAB"
            line = Line(
                f"L{account}", "CG", 100 * self._accounts_count, on[:8], department=department
            )
            await self.riverbend.receive(registered, source="adt")
            await self.riverbend.receive(dft(account, line, control=f"B{account}", **told))
            await self.riverbend.settle()
            await Batching(self.riverbend.database, ERP, {}).turn(everything=True)

    async def send(self, sender: Delivery | None = None) -> None:
        """Send until nothing is queued, whatever it takes."""
        for _ in range(200):
            await (sender or self.sender()).turn()
            if not await self.riverbend.number(
                "select count(*) from delivery where status = 'QUEUED'"
            ):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the queue never empties")

    async def attempts(self) -> list[str]:
        """Return how each attempt ended, in order."""
        rows = await self.riverbend.rows(
            "select outcome from delivery_attempt order by at, delivery_id, ordinal"
        )
        return [row["outcome"] for row in rows]

    async def expire(self) -> None:
        """Let every lease run out and every wait be over."""
        await self.riverbend.rows("update delivery set leased_until = '-infinity'")
        await self.riverbend.rows("update delivery set not_before = now()")

    async def proven(self, *, refused_count: int = 0) -> None:
        """Hold our books against the ERP's; what it refused is the one thing that may be amiss."""
        proof = await read_proof(self.riverbend.database, self.destination)
        assert proof.proven is not bool(refused_count), proof
        assert (refused_count, 0) == (proof.refused.count, proof.erp_difference_minor)
        summary = await self.erp.summary()
        assert (summary["posted_twice"], summary["body_twice"]) == (0, 0)


@asynccontextmanager
async def open_desk(riverbend: Riverbend, folder: Path) -> AsyncIterator[Desk]:
    async with (
        serving(folder / "erp.sqlite", riverbend.estate) as erp,
        destination_at(erp.port, seconds_max=0.5) as destination,
    ):
        yield Desk(riverbend, erp, destination)


@pytest.fixture
def desk(runner: asyncio.Runner, riverbend: Riverbend, tmp_path: Path) -> Iterator[Desk]:
    """Return Riverbend with an ERP that behaves until it is told otherwise."""
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(open_desk(riverbend, tmp_path)))
    runner.run(stack.aclose())


async def test_journals_arrive_once_and_the_erp_agrees_to_the_cent(desk: Desk) -> None:
    await desk.journal(count=5)
    await desk.send()
    assert await desk.attempts() == ["delivered"] * 5
    assert (await desk.erp.summary())["journal_count"] == 5
    rows = await desk.riverbend.rows("select status, document from delivery")
    assert {("SENT", True)} == {(row["status"], bool(row["document"])) for row in rows}
    await desk.proven()


async def test_f15_a_reply_lost_after_the_commit_is_found_and_not_sent_again(desk: Desk) -> None:
    await desk.journal()
    await desk.erp.misbehave({"mode": "commit_then_timeout", "count": 1, "delay_ms": 5_000})
    await desk.send()
    assert await desk.attempts() == ["unknown", "found"]
    summary = await desk.erp.summary()
    assert (summary["journal_count"], summary["duplicates_replayed"]) == (1, 0)
    await desk.proven()


@pytest.mark.parametrize("mode", ["commit_then_500", "garbled_reply"])
async def test_f16_an_answer_that_cannot_be_believed_is_asked_about(desk: Desk, mode: str) -> None:
    await desk.journal()
    await desk.erp.misbehave({"mode": mode, "count": 1})
    await desk.send()
    assert await desk.attempts() == ["unknown", "found"]
    assert (await desk.erp.summary())["attempts"] == {"posted": 1}
    await desk.proven()


async def test_f16_an_error_that_did_nothing_is_asked_about_and_sent(desk: Desk) -> None:
    await desk.journal()
    await desk.erp.misbehave({"mode": "500", "count": 1})
    await desk.send()
    assert await desk.attempts() == ["unknown", "delivered"]
    await desk.proven()


async def test_f13_while_the_erp_drops_everything_nothing_is_lost_or_doubled(desk: Desk) -> None:
    await desk.journal(count=2)
    await desk.erp.misbehave({"mode": "down"})
    for _ in range(4):
        await desk.sender().turn()
        await desk.expire()
    assert set(await desk.attempts()) == {"unknown"}
    await desk.erp.misbehave()
    await desk.send()
    assert (await desk.erp.summary())["attempts"] == {"posted": 2}
    await desk.proven()


async def test_f13_an_erp_that_is_not_there_is_tried_until_it_is(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    state = tmp_path / "erp.sqlite"
    async with serving(state, riverbend.estate) as erp:
        port = erp.port
    async with destination_at(port, seconds_max=0.5) as destination:
        desk = Desk(riverbend, erp, destination)
        await desk.journal(count=2)
        for _ in range(3):
            await desk.sender().turn()
            await desk.expire()
        assert set(await desk.attempts()) == {"transient"}
        assert await riverbend.number("select count(*) from delivery where unknown") == 0
        async with serving(state, riverbend.estate, port=port) as again:
            desk.erp = again
            await desk.send()
            await desk.proven()


@pytest.mark.parametrize("mode", ["429", "503"])
async def test_f14_a_busy_erp_is_left_alone_for_as_long_as_it_says(desk: Desk, mode: str) -> None:
    await desk.journal()
    await desk.erp.misbehave({"mode": mode, "count": 1, "retry_after_seconds": 30})
    await desk.sender().turn()
    (row,) = await desk.riverbend.rows(
        "select status, unknown, extract(epoch from not_before - now())::float8 as wait"
        " from delivery"
    )
    assert (row["status"], row["unknown"]) == ("QUEUED", False)
    assert 25 < row["wait"] <= 30
    assert await desk.sender("delivery-2").turn() == 0
    await desk.expire()
    await desk.send()
    assert await desk.attempts() == ["transient", "delivered"]


async def test_f4_a_sender_killed_between_the_post_and_its_record_is_survived(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.journal(count=2)

    async def killed(*_: Any) -> bool:
        raise StoreUnavailableError("the process is gone")

    monkeypatch.setattr("suture.engine.delivery.settle_delivery", killed)
    with pytest.raises(StoreUnavailableError):
        await desk.sender().turn()
    monkeypatch.undo()
    assert (await desk.erp.summary())["journal_count"] == 1, "the head of the line was sent"
    assert await desk.attempts() == []
    heir = desk.sender("delivery-2")
    assert await heir.turn() == 0, "its lease stands"
    await desk.expire()
    await desk.send(heir)
    assert await desk.attempts() == ["found", "delivered"]
    assert (await desk.erp.summary())["attempts"] == {"posted": 2}
    await desk.proven()


async def test_f19_a_late_reply_of_an_attempt_that_lost_its_lease_changes_nothing(
    desk: Desk,
) -> None:
    """Its reply even names another document (F17): what is recorded stays."""
    await desk.journal()
    await desk.erp.misbehave(
        {"mode": "slow", "count": 1, "delay_ms": 300, "scope": "sends"},
    )
    late = asyncio.create_task(desk.sender().turn())
    await asyncio.sleep(0.1)
    await desk.expire()
    await desk.send(desk.sender("delivery-2"))
    (before,) = await desk.riverbend.rows("select * from delivery")
    await late
    assert [before] == await desk.riverbend.rows("select * from delivery")
    stale = Settlement(status="SENT", outcome="delivered", document="ANOTHER")
    for owner in ("delivery-1", "delivery-2"):
        assert not await settle_delivery(desk.riverbend.database, before["id"], owner, stale)
    assert [before] == await desk.riverbend.rows("select * from delivery")
    assert (await desk.erp.summary())["journal_count"] == 1
    await desk.proven()


async def test_f17_the_document_is_the_one_the_erp_holds_when_it_is_asked(desk: Desk) -> None:
    await desk.journal()
    await desk.erp.misbehave({"mode": "lie_document", "count": 1})
    await desk.sender().turn()
    (row,) = await desk.riverbend.rows("select * from delivery")
    found = await desk.destination.find(row["idempotency_key"], command=row["payload"])
    assert isinstance(found, Delivered)
    assert row["document"] == f"{found.document}-X", "believed: the ERP said so, and nobody else"


async def test_a_closed_period_is_refused_told_and_delivered_when_it_opens(desk: Desk) -> None:
    await desk.erp.call("POST", "/v1/periods/RVH/2026-03/close")
    await desk.journal()
    await desk.send()
    assert await desk.attempts() == ["refused"]
    (item,) = await desk.riverbend.rows("select * from work_item")
    assert (item["code"], item["source"], item["owner"]) == ("erp.period.closed", ERP, "finance")
    assert item["amount_minor"] == 100, "what the journal books"
    assert item["group_key"] == f"{ERP}|erp.period.closed|{item['explanation']}"
    assert not (await read_proof(desk.riverbend.database, desk.destination)).documents_twice
    await desk.journal(on="20260410120000")
    await desk.send()
    assert await desk.attempts() == ["refused", "delivered"], "it holds up nobody"
    await desk.erp.call("POST", "/v1/periods/RVH/2026-03/open")
    resent = await resend_deliveries(desk.riverbend.database, [item["delivery_id"], 99], ADA)
    assert resent == [item["delivery_id"]]
    await desk.send()
    assert sorted(await desk.attempts()) == ["delivered", "delivered", "refused"]
    assert await desk.riverbend.resolutions() == ["delivered after all"]
    await desk.proven()


async def test_a_journal_resent_too_early_is_refused_again_and_waits_once(desk: Desk) -> None:
    """Its amount is at stake once, however often it was tried, and nothing dismisses it."""
    database = desk.riverbend.database
    await desk.erp.call("POST", "/v1/periods/RVH/2026-03/close")
    await desk.journal()
    await desk.send()
    ((journal,),) = await desk.riverbend.rows("select reference from journal")
    for tries in (2, 3):
        (item,) = await desk.riverbend.rows("select * from work_item where resolved_at is null")
        assert await dismiss_work_items(database, [item["id"]], ADA) == []
        (named,) = await find_deliveries(database, item_ids=[item["id"]], references=[])
        (same,) = await find_deliveries(database, item_ids=[], references=[journal])
        assert (same.id, same.status, same.amount_minor) == (named.id, "ERROR", 100)
        assert await resend_deliveries(database, [named.id], ADA) == [named.id]
        assert await resend_deliveries(database, [named.id], ADA) == [], "queued already"
        await desk.send()
        assert await desk.attempts() == ["refused"] * tries
        assert await desk.riverbend.exceptions() == ["erp.period.closed"]
    assert await desk.riverbend.resolutions() == ["resent and refused again"] * 2
    acts = await read_acts(database, journal)
    assert [(act.act, act.os_user, act.reason) for act in acts] == [
        ("resent", "ada", ADA.reason)
    ] * 2
    await desk.proven(refused_count=1)


async def test_f17_a_strangers_document_under_our_reference_is_an_exception_and_stays(
    desk: Desk,
) -> None:
    """Books restored from a backup count their journals again; the ERP still holds the first."""
    await desk.journal()
    (row,) = await desk.riverbend.rows("select idempotency_key, payload from delivery")
    key, ours = row["idempotency_key"], msgspec.json.decode(row["payload"])
    theirs = msgspec.json.encode(ours | {"description": "Suture charges digest:0123456789abcdef"})
    stranger = await desk.destination.send(theirs, key=key)
    assert isinstance(stranger, Delivered)
    await desk.riverbend.rows("update delivery set unknown = true")
    await desk.send()
    assert await desk.attempts() == ["refused"]
    assert await desk.riverbend.exceptions() == ["erp.reference.conflict"]
    (row,) = await desk.riverbend.rows("select status, document from delivery")
    assert ("ERROR", "") == (row["status"], row["document"])
    held = await desk.erp.call("GET", f"/v1/journals?reference={key}")
    assert [stranger.document] == [each["document"] for each in held["journals"]]
    assert (await desk.erp.summary())["journal_count"] == 1


async def refused_for_its_reference(desk: Desk, **theirs: object) -> tuple[str, Any]:
    """Let another document hold our journal's reference; return that, and the exception."""
    await desk.journal()
    (row,) = await desk.riverbend.rows("select idempotency_key, payload from delivery")
    other = msgspec.json.encode(msgspec.json.decode(row["payload"]) | theirs)
    assert isinstance(await desk.destination.send(other, key=row["idempotency_key"]), Delivered)
    await desk.riverbend.rows("update delivery set unknown = true")
    await desk.send()
    (item,) = await desk.riverbend.rows("select * from work_item where resolved_at is null")
    return row["idempotency_key"], item


STRANGER = {
    "description": "Suture charges digest:0123456789abcdef",
    "accounting_date": "2026-02-10",
}
"""Another installation's, of a month that our books hold nothing in."""


async def test_f17_a_journal_made_anew_goes_out_once_under_another_reference(desk: Desk) -> None:
    database = desk.riverbend.database
    old, item = await refused_for_its_reference(desk, **STRANGER)
    await desk.proven(refused_count=1)
    assert [item["delivery_id"]] == await ask_new_references(database, [item["delivery_id"]], ADA)
    assert [] == await ask_new_references(database, [item["delivery_id"]], ADA), "queued already"
    await desk.send()
    (row,) = await desk.riverbend.rows("select * from delivery")
    new = row["idempotency_key"]
    assert ("SENT", False) == (row["status"], row["may_renew"])
    assert old[:7] == new[:7], "the same installation's"
    assert old < new
    for reference, documents_count in ((old, 1), (new, 1)):
        held = await desk.erp.call("GET", f"/v1/journals?reference={reference}")
        assert documents_count == len(held["journals"])
    await desk.proven()
    assert ["delivered after all"] == await desk.riverbend.resolutions()
    told = [await trace(database, reference) for reference in (old, new)]
    assert [(new, ""), ("", old)] == [
        (each["journal"]["renewed_as"], each["journal"]["renews"]) for each in told if each
    ]
    for each in told:
        assert each is not None
        assert [("renewed", "ada", ADA.reason)] == [
            (act.act, act.os_user, act.reason) for act in each["acts"]
        ]
    (named,) = await find_deliveries(database, item_ids=[], references=[old])
    assert (new, "SENT") == (named.reference, named.status), "the old reference leads to it"


async def test_f17_a_crash_after_it_was_made_anew_asks_for_the_new_reference(desk: Desk) -> None:
    class Cut:
        """Books what it is sent, and is not heard of again."""

        async def send(self, command: bytes, *, key: str) -> Outcome:
            assert isinstance(await desk.destination.send(command, key=key), Delivered)
            raise asyncio.CancelledError

        async def find(self, key: str, *, command: bytes) -> Finding:
            return await desk.destination.find(key, command=command)

    _, item = await refused_for_its_reference(desk, **STRANGER)
    await ask_new_references(desk.riverbend.database, [item["delivery_id"]], ADA)
    with pytest.raises(asyncio.CancelledError):
        await desk.sender("delivery-1", Cut()).turn()
    await desk.expire()
    await desk.send(desk.sender("delivery-2"))
    assert ["refused", "found"] == await desk.attempts()
    assert 2 == (await desk.erp.summary())["journal_count"], "the stranger's and ours"
    await desk.proven()


async def test_f17_a_journal_that_is_there_after_all_is_not_made_anew(desk: Desk) -> None:
    """Who asked for a new reference could not know; the ERP does, and is asked first."""

    class Mistaken:
        """Says once that somebody else's document is there."""

        async def send(self, command: bytes, *, key: str) -> Outcome:
            await desk.destination.send(command, key=key)
            return Unknown(fault("erp.failed", f"journal={key}"))

        async def find(self, key: str, *, command: bytes) -> Finding:
            return Refused(fault("erp.reference.conflict", f"journal={key}"))

    await desk.journal()
    mistaken = desk.sender("delivery-1", Mistaken())
    await desk.send(mistaken)
    (row,) = await desk.riverbend.rows("select id, idempotency_key, status from delivery")
    assert "ERROR" == row["status"]
    assert [row["id"]] == await ask_new_references(desk.riverbend.database, [row["id"]], ADA)
    await desk.send()
    (after,) = await desk.riverbend.rows("select idempotency_key, status, may_renew from delivery")
    assert (row["idempotency_key"], "SENT", False) == tuple(after.values())
    assert 1 == (await desk.erp.summary())["journal_count"]
    await desk.proven()


async def test_f17_our_own_document_changed_in_the_erp_is_never_made_anew(desk: Desk) -> None:
    """It would be booked twice: what stands there sums our entries, whatever else it says."""
    _, item = await refused_for_its_reference(desk, accounting_date="2026-02-10")
    assert "erp.reference.altered" == item["code"]
    assert [] == await ask_new_references(desk.riverbend.database, [item["delivery_id"]], ADA)
    assert [item["delivery_id"]] == await resend_deliveries(
        desk.riverbend.database, [item["delivery_id"]], ADA
    )
    await desk.send()
    assert ["erp.reference.altered"] == await desk.riverbend.exceptions()
    assert 1 == (await desk.erp.summary())["journal_count"]


async def test_the_order_of_one_key_is_kept_while_others_go_on(desk: Desk) -> None:
    """Which of the two heads the busy ERP puts off is chance; what follows from it is not."""
    await desk.journal(count=3)
    await desk.journal(count=3, facility="DTC")
    await desk.erp.misbehave({"mode": "503", "count": 1, "retry_after_seconds": 30})
    for _ in range(6):
        await desk.sender().turn()
    waiting = await desk.riverbend.rows(
        "select ordering_key, count(*) from delivery where status = 'QUEUED' group by 1"
    )
    ((put_off, count),) = waiting
    assert count == 3
    await desk.expire()
    await desk.send()
    rows = await desk.riverbend.rows(
        "select idempotency_key from delivery where ordering_key = $1 order by id", put_off
    )
    made = [row[0] for row in rows]
    assert len(made) == 3
    assert made == await desk.erp.in_order(reversed(made))
    await desk.proven()


async def test_senders_that_compete_send_every_journal_once(desk: Desk) -> None:
    await desk.journal(count=12)
    await asyncio.gather(*(desk.send(desk.sender(f"delivery-{number}")) for number in range(4)))
    summary = await desk.erp.summary()
    assert summary["attempts"] == {"posted": 12}
    assert await desk.attempts() == ["delivered"] * 12
    await desk.proven()


async def test_a_troubled_erp_for_a_whole_queue_ends_with_every_journal_once(desk: Desk) -> None:
    """Every kind of trouble at once, drawn by seed; then it is well again."""
    await desk.journal(count=20)
    modes = ("commit_then_timeout", "commit_then_500", "garbled_reply", "500", "down")
    await desk.erp.misbehave(
        *(
            {"mode": mode, "probability": 0.15, "seed": number, "delay_ms": 700}
            for number, mode in enumerate(modes)
        )
    )
    senders = [desk.sender("delivery-1"), desk.sender("delivery-2")]
    for turn in range(30):
        await senders[turn % 2].turn()
        await desk.expire()
    await desk.erp.misbehave()
    await desk.send()
    assert (await desk.erp.summary())["attempts"] == {"posted": 20}
    await desk.proven()


async def test_f33_a_journal_that_kills_the_connector_is_tried_again_and_holds_up_nobody(
    desk: Desk,
) -> None:
    await desk.journal()
    await desk.journal(facility="DTC")
    erp, failures = desk.destination, iter(range(3))

    class Failing:
        async def send(self, command: bytes, *, key: str) -> Outcome:
            if b"RVM" in command and next(failures, None) is not None:
                raise RecursionError
            return await erp.send(command, key=key)

        async def find(self, key: str, *, command: bytes) -> Finding:
            return await erp.find(key, command=command)

    await desk.send(desk.sender(destination=Failing()))
    assert sorted(await desk.attempts()) == ["delivered"] * 2 + ["unknown"] * 3
    codes = await desk.riverbend.rows("select distinct code from delivery_attempt order by 1")
    assert [row["code"] for row in codes] == ["", "engine.delivery.failed"]
    await desk.proven()


async def test_what_is_leased_is_of_unknown_outcome_until_it_is_settled(desk: Desk) -> None:
    await desk.journal()
    database = desk.riverbend.database
    lease = {"destination": ERP, "seconds": 30.0, "deliveries_max": 5}
    (first,) = await lease_deliveries(database, owner="one", **lease)  # type: ignore[arg-type]
    assert (first.ask_first, first.attempts_count) == (False, 1)
    assert [] == await lease_deliveries(database, owner="two", **lease)  # type: ignore[arg-type]
    await desk.expire()
    (second,) = await lease_deliveries(database, owner="two", **lease)  # type: ignore[arg-type]
    assert (second.ask_first, second.attempts_count) == (True, 2)


async def test_no_transaction_is_open_while_the_erp_is_waited_for(desk: Desk) -> None:
    await desk.journal()
    open_ones: list[int] = []
    erp = desk.destination

    class Watching:
        async def send(self, command: bytes, *, key: str) -> Outcome:
            open_ones.append(
                await desk.riverbend.number(
                    "select count(*) from pg_stat_activity where datname = current_database()"
                    " and state like 'idle in transaction%'"
                )
            )
            return await erp.send(command, key=key)

        async def find(self, key: str, *, command: bytes) -> Finding:
            return await erp.find(key, command=command)

    await desk.send(desk.sender(destination=Watching()))
    assert open_ones == [0]
