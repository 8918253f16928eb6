"""Bodies that a door takes in one piece, in any format: one transaction, one verdict for it all.

How a door words a verdict is its own; what is in a message, `tests/specs`.
"""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from tests.integration.remit_files import paid, remit, statuses
from tests.integration.riverbend_store import PARTITIONS_COUNT, Riverbend, code_of
from tests.specs.riverbend_messages import Line, dft, interchange, remittance

from suture.connectors.ports import MESSAGES_TOLD_MAX, BodyVerdict, NotStoredError, Reason
from suture.engine.body_intake import BodyIntake, is_one_message
from suture.engine.transmissions import Transmissions

pytestmark = pytest.mark.integration

AT = "20260310120000"


def bodies(riverbend: Riverbend) -> BodyIntake:
    """Return the intake of bodies beside the one of messages."""
    store = Transmissions(riverbend.database, riverbend.keys, PARTITIONS_COUNT)
    return BodyIntake(riverbend.intake, store)


async def receive(riverbend: Riverbend, raw: bytes, source: str = "remits") -> BodyVerdict:
    channel = riverbend.channel(source, translations=frozenset())
    return await bodies(riverbend).receive_body(raw, channel)


def charge(control: str, minor: int = 10_000) -> bytes:
    return dft("A1", Line(f"L{control}", "CG", minor), at=AT, control=control)


def appointment(number: int) -> dict[str, object]:
    """Return a resource that Suture reads."""
    return {
        "resourceType": "Appointment",
        "id": f"a{number}",
        "status": "booked",
        "start": "2026-03-12T09:00:00-06:00",
        "participant": [
            {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
            {"actor": {"reference": "Location/RGH"}, "status": "accepted"},
        ],
    }


async def test_a_sound_interchange_in_a_body_is_booked_and_acknowledged(
    riverbend: Riverbend,
) -> None:
    raw = remit("T1", paid("C1"))
    told = await receive(riverbend, raw)
    assert ("x12", 1, "accepted", False) == (
        told.format,
        told.messages_count,
        told.status,
        told.is_repeat,
    )
    assert b"~AK9*A*1*1*1~" in told.reply
    await riverbend.settle()
    assert await riverbend.balances() == {"1020": 15_000, "1100": -20_000, "4110": 5_000}
    assert raw == await riverbend.file_bytes(told.id)
    assert (await riverbend.conservation()).gap == 0


async def test_b28_an_interchange_with_a_bad_set_is_answered_with_its_999(
    riverbend: Riverbend,
) -> None:
    raw = interchange(remittance("T1", paid("C1")), remittance("T2", paid("C2"), misprint_minor=1))
    told = await receive(riverbend, raw)
    assert ["accepted", "held"] == sorted(each.status for each in told.messages)
    assert "held" == told.status
    assert re.search(rb"~IK5\*R", told.reply)
    again = await receive(riverbend, raw)
    assert (told.reply, told.status) == (again.reply, again.status)


async def test_b70_the_same_body_again_gets_the_same_verdict_and_books_nothing(
    riverbend: Riverbend,
) -> None:
    first = await receive(riverbend, remit("T1", paid("C1")))
    again = await receive(riverbend, remit("T1", paid("C1")))
    assert again.is_repeat
    assert (first.id, first.reply, first.status, first.messages) == (
        again.id,
        again.reply,
        again.status,
        again.messages,
    )
    assert (1, 1) == await riverbend.counts()


async def test_what_another_body_said_is_told_as_a_repeat_of_its_message(
    riverbend: Riverbend,
) -> None:
    first = await receive(riverbend, remit("T1", paid("C1"), number=1))
    again = await receive(riverbend, remit("T1", paid("C1"), number=2))
    assert not again.is_repeat, "its envelope is another"
    assert [(first.messages[0].id, True)] == [(each.id, each.is_repeat) for each in again.messages]
    assert "accepted" == again.status


async def test_one_hl7_message_is_acknowledged_and_told_apart_from_its_repeat_and_its_reuse(
    riverbend: Riverbend,
) -> None:
    first = await receive(riverbend, charge("M1"), "charges")
    again = await receive(riverbend, charge("M1"), "charges")
    reuse = await receive(riverbend, charge("M1", 99), "charges")
    assert ["AA", "AA", "AA"] == [code_of(each.reply) for each in (first, again, reuse)]
    assert [("accepted", False), ("accepted", True), ("held", False)] == [
        (each.status, each.is_repeat) for each in (first, again, reuse)
    ]
    assert first.reply == again.reply
    assert ["intake.control_id.reused"] == [each.code for each in reuse.messages[0].reasons]


async def test_a_message_by_http_repeats_the_one_that_came_over_mllp(riverbend: Riverbend) -> None:
    (reply,) = await riverbend.receive(charge("M1"))
    told = await receive(riverbend, charge("M1"), "charges")
    assert (True, reply) == (told.is_repeat, told.reply)


async def test_a_bundle_is_taken_resource_by_resource_in_one_transaction(
    riverbend: Riverbend,
) -> None:
    entries = [{"resource": appointment(number)} for number in range(3)]
    entries.append({"resource": {"resourceType": "Basic", "id": "b1"}})
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    told = await receive(riverbend, json.dumps(bundle).encode())
    assert ("fhir", 4) == (told.format, told.messages_count)
    kinds = [(each.type, each.status) for each in told.messages]
    assert sorted(kinds) == await statuses(riverbend)
    held = [each for each in told.messages if each.status != "accepted"]
    assert all(each.reasons for each in held)
    again = await receive(riverbend, json.dumps(bundle).encode())
    assert ([each.reasons for each in told.messages], told.status) == (
        [each.reasons for each in again.messages],
        again.status,
    )


async def test_a_body_that_nobody_can_read_is_kept_and_refused(riverbend: Riverbend) -> None:
    told = await receive(riverbend, b"\x00\x01 nothing of ours")
    assert ("rejected", 1) == (told.status, told.messages_count)
    (message,) = told.messages
    assert isinstance(message.reasons[0], Reason)
    assert "file.format.unknown" == message.reasons[0].code
    assert await riverbend.file_bytes(told.id) == b"\x00\x01 nothing of ours"


async def test_a_verdict_names_the_first_messages_of_very_many(riverbend: Riverbend) -> None:
    raw = b"".join(charge(f"M{number}") for number in range(MESSAGES_TOLD_MAX + 5))
    told = await receive(riverbend, raw, "charges")
    assert (MESSAGES_TOLD_MAX + 5, MESSAGES_TOLD_MAX) == (told.messages_count, len(told.messages))


async def test_f33_a_body_that_kills_the_reader_is_kept_unread_and_told(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("suture.engine.transmissions.read_file", failing)
    told = await receive(riverbend, remit())
    assert "engine.file.failed" == told.messages[0].reasons[0].code


async def test_f20_nothing_is_told_of_a_body_while_the_store_is_away(
    riverbend: Riverbend,
) -> None:
    await riverbend.database.close()
    with pytest.raises(NotStoredError):
        await receive(riverbend, remit())


async def test_two_of_the_same_body_at_once_are_one(riverbend: Riverbend) -> None:
    raw = remit("T1", paid("C1"))
    told = await asyncio.gather(*(receive(riverbend, raw) for _ in range(4)))
    assert [False, True, True, True] == sorted(each.is_repeat for each in told)
    assert 1 == len({each.id for each in told})


async def test_a_body_that_its_source_is_not_to_send_is_held(riverbend: Riverbend) -> None:
    channel = riverbend.channel("remits", translations=frozenset({"hl7v2"}))
    told = await bodies(riverbend).receive_body(remit(), channel)
    assert ("held", "intake.type.unexpected") == (told.status, told.messages[0].reasons[0].code)


def test_a_batch_or_two_messages_are_no_single_message() -> None:
    assert is_one_message(charge("M1"))
    assert not is_one_message(charge("M1") + charge("M2"))
    assert not is_one_message(b"FHS|^~\\&|\rBHS|^~\\&|\r" + charge("M1"))
    assert not is_one_message(remit())
