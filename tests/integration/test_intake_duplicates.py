"""Intake: one message is stored once, whoever sends it how often; what differs is held (B19, B20).

Over a real socket where the connection matters, else straight into the intake. Outages are in
`test_intake_outages.py`, framing in `tests/contracts/test_connector_mllp.py`.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.riverbend_store import Riverbend, code_of, control_id_of
from tests.specs.riverbend_messages import Line, adt, dft

from suture.connectors.mllp.sender import Sender
from suture.engine.intake import Intake
from suture.model.fault import fault
from suture.model.identity import TEXT_CHARACTERS_MAX
from suture.store.event_log import Arrival

pytestmark = pytest.mark.integration

AT = "20260310120000"


def charge(control: str, minor: int = 10_000, account: str = "A1", number: str = "L1") -> bytes:
    """Return a DFT of one charge."""
    return dft(account, Line(number, "CG", minor), at=AT, control=control)


def admission(control: str = "R1", account: str = "A1") -> bytes:
    """Return an ADT^A01 that says who pays for an account."""
    return adt("A01", account, at=AT, control=control, financial_class="MA", payer="MCR")


async def test_b19_the_same_message_again_gets_the_same_reply_and_books_nothing_new(
    riverbend: Riverbend,
) -> None:
    first = await riverbend.receive(charge("B1"))
    again = await riverbend.receive(charge("B1"), charge("B1"))
    assert [first[0]] * 2 == again
    assert (1, 2) == await riverbend.counts()
    assert await riverbend.number("select count(*) from event") == 1


async def test_b19_the_reply_is_the_same_after_a_restart_of_the_intake(
    riverbend: Riverbend,
) -> None:
    first = await riverbend.receive(charge("B1"))
    await riverbend.intake.drain()
    riverbend.intake = Intake(riverbend.database, riverbend.keys, 4)
    riverbend.intake.start()
    assert first == await riverbend.receive(charge("B1"))


async def test_b92_a_control_id_of_free_text_repeats_and_is_kept_nowhere_in_clear(
    riverbend: Riverbend,
) -> None:
    """Accepted, answered under its own id, the same answer again after a restart; never stored."""
    sent = charge("DOE JANE 123-45-6789")
    first = await riverbend.receive(sent)
    assert ("AA", "DOE JANE 123-45-6789") == (code_of(first[0]), control_id_of(first[0]))
    await riverbend.intake.drain()
    riverbend.intake = Intake(riverbend.database, riverbend.keys, 4)
    riverbend.intake.start()
    assert first == await riverbend.receive(sent)
    assert (1, 1) == await riverbend.counts()
    await riverbend.receive(charge("DOE JANE 123-45-6789", 20_000))
    assert ["intake.control_id.reused"] == await riverbend.exceptions()
    rows = await riverbend.rows("select control_id, reply, sealed from message")
    rows += await riverbend.rows("select identity from message_identity")
    assert 4 == len(rows)
    assert "JANE" not in repr(rows)


async def test_b20_a_used_control_id_with_other_content_is_held_and_names_its_holder(
    riverbend: Riverbend,
) -> None:
    await riverbend.receive(charge("B1", 10_000))
    reply = (await riverbend.receive(charge("B1", 20_000)))[0]
    assert ("AA", "B1") == (code_of(reply), control_id_of(reply))
    holder = (await riverbend.rows("select message_id from message_identity order by 1"))[0][0]
    item = (await riverbend.rows("select code, explanation, message_id from work_item"))[0]
    assert item["code"] == "intake.control_id.reused"
    assert holder in item["explanation"]
    assert await riverbend.message_bytes(item["message_id"]) == charge("B1", 20_000)
    assert await riverbend.number("select count(*) from event") == 1
    assert (await riverbend.conservation()).gap == 0


async def test_b20_the_held_reuse_sent_again_is_a_repeat_of_itself(riverbend: Riverbend) -> None:
    await riverbend.receive(charge("B1", 10_000))
    first = await riverbend.receive(charge("B1", 20_000))
    assert first == await riverbend.receive(charge("B1", 20_000))
    assert (2, 1) == await riverbend.counts()
    assert ["intake.control_id.reused"] == await riverbend.exceptions()


async def test_b20_a_third_content_under_one_control_id_is_held_by_itself(
    riverbend: Riverbend,
) -> None:
    await asyncio.gather(*(riverbend.receive(charge("B1", minor)) for minor in (1, 2, 3)))
    assert ["intake.control_id.reused"] * 2 == await riverbend.exceptions()
    assert (3, 0) == await riverbend.counts()


async def test_b19_the_same_control_id_at_two_doors_is_two_messages(riverbend: Riverbend) -> None:
    await riverbend.receive(admission("X1"), source="adt")
    await riverbend.receive(charge("X1"), source="charges")
    assert (2, 0) == await riverbend.counts()
    assert [] == await riverbend.exceptions()


async def test_b19_duplicates_that_race_on_many_connections_give_exactly_one_message(
    riverbend: Riverbend,
) -> None:
    """Two intakes as two processes have, 24 connections each, every message sent 48 times."""
    other = Intake(riverbend.database, riverbend.keys, 4)
    other.start()
    ports = [await riverbend.listen(), await riverbend.listen(intake=other)]
    messages = [charge(f"B{number}", number + 1) for number in range(8)]

    async def send_all(port: int, turn: int) -> list[bytes]:
        async with Sender("127.0.0.1", port) as sender:
            order = messages[turn % 8 :] + messages[: turn % 8]
            return sorted([await sender.send(raw) for raw in order])

    replies = await asyncio.gather(*(send_all(ports[turn % 2], turn) for turn in range(48)))
    await other.drain()
    assert [replies[0]] * 48 == replies
    assert (8, 8 * 47) == await riverbend.counts()
    assert await riverbend.number("select count(*) from event") == 8
    assert (await riverbend.conservation()).gap == 0


async def test_b19_two_intakes_that_commit_the_same_messages_at_once_agree(
    riverbend: Riverbend,
) -> None:
    other = Intake(riverbend.database, riverbend.keys, 4)
    other.start()
    channel = riverbend.channel("charges")
    messages = [charge(f"B{number}") for number in range(50)]
    forwards = [riverbend.intake.receive(raw, channel) for raw in messages]
    backwards = [other.receive(raw, channel) for raw in reversed(messages)]
    replies = await asyncio.gather(*forwards, *backwards)
    assert replies[:50] == replies[:49:-1]
    assert (50, 50) == await riverbend.counts()
    await other.drain()


async def test_b13_unreadable_bytes_are_refused_and_kept(riverbend: Riverbend) -> None:
    raw = b"this is no message \xff\x00\x01"
    reply = (await riverbend.receive(raw))[0]
    assert code_of(reply) == "AR"
    row = (await riverbend.rows("select id, status, sealed from message"))[0]
    assert row["status"] == "rejected"
    assert raw not in row["sealed"]
    assert await riverbend.message_bytes(row["id"]) == raw
    assert await riverbend.exceptions() == ["hl7.header.absent"]
    assert [reply] == await riverbend.receive(raw)
    assert (1, 1) == await riverbend.counts()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"|B1|", b"|B\x001|"),
        (b"|B1|", b"|" + b"\\X00\\" + b"|"),
        (b"RIVBILL", b"RIV\x00BILL"),
        (b"DFT^P03", b"DF\x00^P03"),
        (b"|B1|", b"|" + b"9" * 5_000 + b"|"),
        (b"RIVBILL", b"R" * 8_000),
        (b"DFT^P03", b"D" * 8_000 + b"^P03"),
    ],
)
async def test_b76_what_no_column_can_hold_is_kept_and_holds_nobody_up(
    riverbend: Riverbend, field: bytes, value: bytes
) -> None:
    """NUL, which PostgreSQL refuses in text, and texts beyond what an index entry takes."""
    nasty = charge("B1").replace(field, value)
    assert nasty != charge("B1")
    channel = riverbend.channel("charges")
    together = [charge("B8"), nasty, charge("B9")]
    replies = await asyncio.gather(*(riverbend.intake.receive(raw, channel) for raw in together))
    assert ["AA"] * 3 == [code_of(reply) for reply in replies]
    assert (3, 0) == await riverbend.counts()
    assert (await riverbend.receive(nasty))[0] == replies[1]
    assert (3, 1) == await riverbend.counts()
    rows = await riverbend.rows("select id, control_id, type from message")
    assert all(
        len(row["control_id"]) <= TEXT_CHARACTERS_MAX and "\0" not in row["control_id"]
        for row in rows
    )
    kept = [await riverbend.message_bytes(row["id"]) for row in rows]
    assert sorted(together) == sorted(kept)
    assert (await riverbend.conservation()).gap == 0


async def test_f33_a_message_the_store_refuses_is_kept_unread_and_the_others_go_on(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever slipped through: the batch is committed one by one, the poison without its facts."""
    prepare = Intake.prepare

    def poisoned(self: Intake, raw: bytes, channel: object) -> Arrival:
        arrival = prepare(self, raw, channel)  # type: ignore[arg-type]
        if b"|B5|" in raw:
            arrival.type = "nothing\0that a column holds"
        return arrival

    monkeypatch.setattr(Intake, "prepare", poisoned)
    channel = riverbend.channel("charges")
    messages = [charge(f"B{number}") for number in range(10)]
    replies = await asyncio.gather(*(riverbend.intake.receive(raw, channel) for raw in messages))
    assert ["AA"] * 10 == [code_of(reply) for reply in replies]
    assert await riverbend.exceptions() == ["engine.message.failed"]
    assert await riverbend.number("select count(*) from event") == 9
    row = (await riverbend.rows("select id from message where status = 'held'"))[0]
    assert await riverbend.message_bytes(row["id"]) == messages[5]


async def test_f33_a_message_that_kills_the_parser_is_held_and_acknowledged(
    riverbend: Riverbend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RecursionError("with the text of a message: DOE^JANE")

    monkeypatch.setattr("suture.engine.intake.receive_message", failing)
    reply = (await riverbend.receive(charge("B1")))[0]
    assert ("AA", "B1") == (code_of(reply), control_id_of(reply))
    item = (await riverbend.rows("select code, explanation from work_item"))[0]
    assert ("engine.message.failed", "reading it raised RecursionError") == tuple(item)
    assert (await riverbend.receive(b"no message at all")) == [b""]


async def test_b2_what_arrived_of_a_message_too_large_is_kept_and_its_sender_told(
    riverbend: Riverbend,
) -> None:
    reason = fault("mllp.frame.too_large", "frame[1]", "more than 4096 bytes")
    channel = riverbend.channel("charges")
    reply = await riverbend.intake.refuse(charge("B1")[:400], reason, channel)
    assert ("AR", "B1") == (code_of(reply), control_id_of(reply))
    assert await riverbend.intake.refuse(b"\x01" * 4096, reason, channel) == b""
    assert ["mllp.frame.too_large"] * 2 == await riverbend.exceptions()
    # The very same beginning again is a repeat; the whole message, small enough now, is not.
    assert await riverbend.intake.refuse(charge("B1")[:400], reason, channel) == reply
    assert code_of((await riverbend.receive(charge("B1")))[0]) == "AA"
    assert (3, 1) == await riverbend.counts()
