"""Facts told to receivers: once each, in order, under one key, and identifiers only where granted.

Over the real store; what goes out over MLLP goes to a receiver that is not ours. Acknowledgements
one by one are `tests/contracts/test_destination_mllp.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.contracts.mllp_receiver import MllpReceiver
from tests.integration.operator_desk import ADA
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import adt

from suture.catalogue import RENDERERS, Format
from suture.connectors.mllp.destination import MllpDestination
from suture.connectors.mllp.sender import Sender
from suture.connectors.mllp.settings import MllpDestinationSettings
from suture.connectors.outcome import Delivered, Healthy, Outcome, Refused, Unknown
from suture.connectors.ports import MessageDestination
from suture.engine.telling import Telling
from suture.governance.receivers import Receiver
from suture.model.disclosure import Disclosure
from suture.model.encounter import EncounterFact
from suture.model.envelope import ContentType, Envelope
from suture.model.fault import fault
from suture.store.lineage import trace
from suture.store.outbox import find_deliveries, resend_deliveries
from suture.store.telling import read_told
from suture.store.worklist import open_work_items
from suture.wire import hl7v2

pytestmark = pytest.mark.integration

FILE = """
connector = "mllp"
tells = ["encounter"]
format = "adt_for_tests"
grants = ["operational"{phi}]
same_system_as = [{same}]

[mllp]
host = "127.0.0.1"
port = {port}
reply_seconds_max = 2

[retry]
seconds_min = 0.01
seconds_max = 0.02
"""


def render(fact: EncounterFact, disclosure: Disclosure, envelope: Envelope) -> bytes:
    """Return a short ADT: enough to see who is told of which visit, under which control id."""
    head = hl7v2.segment(
        "MSH", {3: "SUTURE", 9: ("ADT", "A08"), 10: envelope.control_id, 12: "2.5.1"}
    )
    visit = hl7v2.segment("PV1", {2: fact.patient_class, 19: disclosure.told(fact.visit)})
    return hl7v2.build([head, visit])


class Recorder:
    """A receiver in memory: remembers bodies by key, and answers as it is told to."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.outcomes = list(outcomes)

    async def send(self, body: bytes, *, key: str, content_type: ContentType) -> Outcome:
        assert content_type in {"application/fhir+json", "application/hl7-v2+er7"}
        self.sent.append((key, body))
        outcome = self.outcomes.pop(0) if self.outcomes else Delivered(f"DOC-{key}", "created")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def health(self) -> Healthy:
        return Healthy()

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _format(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = RENDERERS["fhir"].types(("encounter",)).values()
    told = Format("application/hl7-v2+er7", dict.fromkeys(kinds, render))
    monkeypatch.setitem(RENDERERS, "adt_for_tests", told)


async def receiver_of(
    riverbend: Riverbend, *, port: int = 1, phi: bool = False, same: str = ""
) -> Receiver:
    """Bring an estate with a receiver `lab` into force."""
    file = FILE.format(port=port, phi=', "phi"' if phi else "", same=f'"{same}"' if same else "")
    await riverbend.change({"destinations/lab.toml": file.encode()})
    return riverbend.estate.receivers["lab"]


async def telling(riverbend: Riverbend, destination: MessageDestination, **told: Any) -> Telling:
    """Return what tells the lab; its watermark begins now."""
    receiver = await receiver_of(riverbend, **told)
    there = Telling(riverbend.database, receiver, destination, riverbend.keys, "delivery-1")
    await there.begin()
    return there


async def tell(there: Telling) -> None:
    """Tell everything that is due, whatever that comes to."""
    for _ in range(50):
        looked_at, sent = await there.turn()
        if not looked_at and not sent:
            return
        await asyncio.sleep(0.025)
    raise AssertionError("there is no end to it")


def told_by_adt(trigger: str, account: str) -> bytes:
    return adt(trigger, account, at="20260310120000", control=f"{trigger}{account}")


async def admit(riverbend: Riverbend, *accounts: str, trigger: str = "A01") -> None:
    """Have patients admitted: each is one visit."""
    for account in accounts:
        await riverbend.receive(told_by_adt(trigger, account), source="adt")
    await riverbend.settle()


async def counts(riverbend: Riverbend) -> tuple[int, int, int, int]:
    (told,) = await read_told(riverbend.database)
    assert 0 == told.gap
    return told.told_count, told.queued_count, told.delivered_count, told.refused_count


async def expire(riverbend: Riverbend) -> None:
    """Let every lease run out and every wait be over."""
    await riverbend.rows("update delivery set leased_until = '-infinity', not_before = now()")


async def test_an_admission_over_mllp_is_told_over_mllp_to_another_system(
    riverbend: Riverbend,
) -> None:
    lab = MllpReceiver()
    await lab.start()
    settings = MllpDestinationSettings(host="127.0.0.1", port=lab.port)
    destination = MllpDestination(settings, None)
    there = await telling(riverbend, destination, port=lab.port)
    there.receiver = msgspec.structs.replace(there.receiver, format="hl7v2_adt")
    try:
        async with Sender("127.0.0.1", await riverbend.listen("adt")) as sender:
            assert b"MSA|AA" in await sender.send(told_by_adt("A01", "A-1"))
        await riverbend.settle()
        await tell(there)
    finally:
        await destination.close()
        await lab.stop()
    (raw,) = lab.taken
    (row,) = await riverbend.rows("select * from delivery where kind = 'message'")
    assert b"ADT^A01^ADT_A01" in raw
    assert raw.split(b"|")[9] == row["idempotency_key"].encode() == row["document"].encode()
    assert ((1, 0, 1, 0), 20) == (await counts(riverbend), len(row["idempotency_key"]))
    lineage = await trace(riverbend.database, row["idempotency_key"])
    assert lineage is not None
    assert [row["event_id"]] == [each["event_id"] for each in lineage["told"]]
    assert lineage["message"]["source"] == "adt"


@pytest.mark.parametrize("phi", [False, True])
async def test_b92_identifiers_are_told_only_where_they_are_granted(
    riverbend: Riverbend,
    phi: bool,  # noqa: FBT001 - a parameter
) -> None:
    lab = Recorder()
    there = await telling(riverbend, lab, phi=phi)
    there.receiver = msgspec.structs.replace(there.receiver, format="fhir")
    await admit(riverbend, "ZZPHI-7")
    await tell(there)
    assert [phi] * len(lab.sent) == [b"ZZPHI-7" in body for _, body in lab.sent]
    assert lab.sent
    rows = await riverbend.rows("select payload, disclosed from delivery where kind = 'message'")
    assert {(False, phi)} == {(b"ZZPHI" in row["payload"], row["disclosed"]) for row in rows}


async def test_a_grant_that_is_taken_back_counts_for_what_still_waits(riverbend: Riverbend) -> None:
    lab = Recorder(Unknown(fault("mllp.reply.absent", "lab")))
    there = await telling(riverbend, lab, phi=True)
    await admit(riverbend, "ZZPHI-7")
    await there.turn()
    there.receiver = msgspec.structs.replace(there.receiver, grants=("operational",))
    await expire(riverbend)
    await tell(there)
    (first, before), (second, after) = lab.sent
    assert (first, True, False) == (second, b"ZZPHI" in before, b"ZZPHI" in after)


async def test_killed_between_sending_and_settling_it_is_the_same_key_and_bytes_again(
    riverbend: Riverbend,
) -> None:
    lab = Recorder(asyncio.CancelledError())
    there = await telling(riverbend, lab)
    await admit(riverbend, "A-1")
    with pytest.raises(asyncio.CancelledError):
        await there.turn()
    assert (1, 1, 0, 0) == await counts(riverbend)
    await expire(riverbend)
    after = Telling(riverbend.database, there.receiver, lab, riverbend.keys, "delivery-2")
    await after.begin()
    await tell(after)
    assert 2 == len(lab.sent)
    assert 1 == len(set(lab.sent))
    assert (1, 0, 1, 0) == await counts(riverbend)


async def test_nobody_is_told_twice_by_rivals_nor_what_was_decided_before(
    riverbend: Riverbend,
) -> None:
    await admit(riverbend, "BEFORE")
    lab = Recorder()
    first = await telling(riverbend, lab)
    second = Telling(riverbend.database, first.receiver, lab, riverbend.keys, "delivery-2")
    await admit(riverbend, *(f"A-{number}" for number in range(12)))
    await asyncio.gather(tell(first), tell(second))
    await riverbend.receive(told_by_adt("A01", "A-1"), source="adt")
    await riverbend.settle()
    await tell(first)
    assert (12, 12) == (len(lab.sent), len(dict(lab.sent)))
    assert (12, 0, 12, 0) == await counts(riverbend)


async def test_what_is_told_of_one_visit_waits_for_what_was_told_before(
    riverbend: Riverbend,
) -> None:
    lab = Recorder(*[Unknown(fault("mllp.reply.absent", "lab"))] * 3)
    there = await telling(riverbend, lab)
    await admit(riverbend, "A-1")
    await admit(riverbend, "A-1", trigger="A03")
    await tell(there)
    await expire(riverbend)
    await tell(there)
    keys = [key for key, _ in lab.sent]
    assert [keys[0]] * 4 == keys[:4]
    assert (5, 2) == (len(keys), len(set(keys)))


async def test_a_system_is_not_told_what_it_said_itself(riverbend: Riverbend) -> None:
    lab = Recorder()
    there = await telling(riverbend, lab, same="adt")
    await admit(riverbend, "A-1")
    await tell(there)
    assert ([], (0, 0, 0, 0)) == (lab.sent, await counts(riverbend))


async def test_a_refusal_is_an_exception_and_is_told_again_when_a_person_says_so(
    riverbend: Riverbend,
) -> None:
    lab = Recorder(Refused(fault("mllp.message.refused", "MSA-1")))
    there = await telling(riverbend, lab)
    await admit(riverbend, "A-1", "A-2")
    await tell(there)
    (item,) = await open_work_items(riverbend.database)
    assert ("mllp.message.refused", (2, 0, 1, 1)) == (item.code, await counts(riverbend))
    found = await find_deliveries(riverbend.database, item_ids=[item.id], references=[])
    await resend_deliveries(riverbend.database, [each.id for each in found], ADA)
    await tell(there)
    assert ([], (2, 0, 2, 0)) == (
        await open_work_items(riverbend.database),
        await counts(riverbend),
    )
    keys = [key for key, _ in lab.sent]
    assert keys[0] == keys[-1]


async def test_f33_a_fact_that_cannot_be_written_is_an_exception_and_holds_up_no_other(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fact: EncounterFact, disclosure: Disclosure, envelope: Envelope) -> bytes:
        if envelope.control_number % 2:
            raise KeyError
        return render(fact, disclosure, envelope)

    kinds = RENDERERS["adt_for_tests"].renderers
    failing = Format("application/hl7-v2+er7", dict.fromkeys(kinds, fail))
    monkeypatch.setitem(RENDERERS, "adt_for_tests", failing)
    lab = Recorder()
    there = await telling(riverbend, lab)
    await admit(riverbend, "A-1", "A-2")
    await tell(there)
    (item,) = await open_work_items(riverbend.database)
    assert ("engine.telling.failed", 1) == (item.code, len(lab.sent))


async def test_a_format_that_no_longer_tells_what_waits_is_an_exception(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Recorder(Unknown(fault("mllp.reply.absent", "lab")))
    there = await telling(riverbend, lab)
    await admit(riverbend, "A-1", "A-2")
    await there.turn()
    empty = Format("application/hl7-v2+er7", {})
    monkeypatch.setitem(RENDERERS, "adt_for_tests", empty)
    await expire(riverbend)
    await tell(there)
    (item,) = await open_work_items(riverbend.database)
    assert ("telling.format.changed", 2) == (item.code, len(lab.sent))
