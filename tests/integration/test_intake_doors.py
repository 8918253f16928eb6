"""What the store keeps, and a sender hears, of messages that came to the wrong source.

And what a source hears of held content whose policy is to be told (`ack = "understood"`). Which
messages these are is `tests/unit/pipeline/test_pipeline_doors.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.remit_files import filed, put, remit, statuses
from tests.integration.riverbend_store import (
    Riverbend,
    acknowledgement,
    code_of,
    estate_files,
)
from tests.specs.riverbend_messages import adt

from suture.connectors.files.folder import ARCHIVE
from suture.connectors.mllp.sender import Sender

pytestmark = pytest.mark.integration


def charge(control: str, processing: str = "P", amount: str = "100.00") -> bytes:
    """Return a DFT of one charge that says this of itself."""
    return (
        f"MSH|^~\\&|RIVBILL|RGH|||20260310120000||DFT^P03|{control}|{processing}|2.5.1\r"
        "PID|||PA1^^^RVH^MR||DOE^JANE|||||||||||||A1\rPV1||E|ED^^^RGH||||||||||||||||VA1\r"
        f"FT1|1|L{control}||20260310||CG|80053||||{amount}||LAB\r"
    ).encode()


def said(source: str, key: str, value: str) -> dict[str, bytes]:
    """Return the file of a source that says this."""
    name = f"sources/{source}.toml"
    lines = estate_files()[name].splitlines()
    kept = [line for line in lines if not line.startswith(key.encode())]
    at = next(number for number, line in enumerate(kept) if line.startswith(b"connector"))
    return {name: b"\n".join([*kept[:at], f"{key} = {value}".encode(), *kept[at:], b""])}


async def register(riverbend: Riverbend) -> None:
    """Let the account be known, so that its charges book."""
    told = {"at": "20260310115900", "control": "R1"}
    await riverbend.receive(adt("A04", "A1", financial_class="MC", **told), source="adt")


async def test_a_test_message_at_a_door_of_production_is_held_and_books_nothing(
    riverbend: Riverbend,
) -> None:
    await register(riverbend)
    async with Sender("127.0.0.1", await riverbend.listen("charges")) as sender:
        assert code_of(await sender.send(charge("B1", "T"))) == "AA", "we hold the bytes"
        assert code_of(await sender.send(charge("B1", "T"))) == "AA"
        assert (2, 1) == await riverbend.counts()
        await riverbend.settle()
        assert await riverbend.balances() == {}
        assert await riverbend.exceptions() == ["intake.processing.unexpected"]
        real = charge("B1", amount="70.00")
        assert code_of(await sender.send(real)) == "AA", "its number is production's to use"
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 7_000, "4020": -7_000}
    assert await riverbend.exceptions() == ["intake.processing.unexpected"]
    assert (await riverbend.conservation()).gap == 0


async def test_a_message_of_production_at_a_door_of_tests_is_held_until_the_estate_is_mended(
    riverbend: Riverbend,
) -> None:
    await riverbend.change(said("charges", "processing", '"T"'))
    await riverbend.receive(charge("B1"), charge("B2", "D"))
    await register(riverbend)
    await riverbend.settle()
    assert await riverbend.exceptions() == ["intake.processing.unexpected"]
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}
    await riverbend.change(said("charges", "processing", '"P"'))
    await riverbend.receive(charge("B1"))
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 20_000, "4020": -20_000}


async def test_a_test_remittance_is_held_and_its_trace_stays_free_for_the_payment(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    watching = riverbend.watch(tmp_path)
    put(tmp_path, remit("T1").replace(b"*P*:~", b"*T*:~"))
    assert await watching.turn() == 1
    assert await statuses(riverbend) == [("835", "held")]
    assert filed(tmp_path, "replies") == []
    await riverbend.settle()
    assert await riverbend.balances() == {}
    put(tmp_path, remit("T1"), "b.835")
    assert await watching.turn() == 1
    await riverbend.settle()
    assert (await riverbend.balances())["1020"] == 15_000
    assert await riverbend.exceptions() == ["intake.processing.unexpected"]
    assert filed(tmp_path, ARCHIVE) == ["a.835", "b.835"]
    assert (await riverbend.conservation()).gap == 0


async def test_a_type_that_a_source_is_not_said_to_send_is_held_until_it_is(
    riverbend: Riverbend,
) -> None:
    await register(riverbend)
    await riverbend.receive(charge("B1"), source="adt")
    await riverbend.settle()
    assert await riverbend.exceptions() == ["intake.type.unexpected"]
    assert await riverbend.balances() == {}
    await riverbend.change(said("adt", "translation", '["hl7v2_adt", "hl7v2_dft"]'))
    await riverbend.receive(charge("B1"), source="adt")
    await riverbend.settle()
    assert await riverbend.balances() == {"1100": 10_000, "4020": -10_000}


async def test_a_source_that_asks_to_be_told_hears_of_everything_that_is_held(
    riverbend: Riverbend,
) -> None:
    """Its content, its number used before (B20), its door; the same again when it asks again."""
    await riverbend.change(said("charges", "ack", '"understood"'))
    sent = [
        charge("B1"),
        charge("B2", amount="1,0"),
        charge("B1", amount="2.00"),
        charge("B3", "T"),
    ]
    replies = await riverbend.receive(*sent)
    assert [("AA", "B1"), ("AE", "B2"), ("AE", "B1"), ("AE", "B3")] == [
        (acknowledgement(each)[1], acknowledgement(each)[2]) for each in replies
    ]
    told = [each.decode().partition("ERR|")[2] for each in replies]
    assert [False, True, True, True] == [bool(each) for each in told]
    for text, code in zip(
        told[1:],
        ["hl7.amount.invalid", "intake.control_id.reused", "intake.processing.unexpected"],
        strict=True,
    ):
        assert code in text
    assert replies == await riverbend.receive(*sent)
    assert (4, 4) == await riverbend.counts()
