"""The same file traced and taken: both drivers come to the same verdict on every message.

`suture trace FILE` answers from memory who holds an identity (`memory.py`), intake asks PostgreSQL
(`engine/file_intake.py`): bad inputs B19, B20, B24, B27, B30, B31,
B33.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.remit_files import paid, put, remit
from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Line, dft

from suture.memory import Rehearsal

pytestmark = pytest.mark.integration

AT = "20260310120000"

Verdict = tuple[str, str, list[str], int]
"""Control id, verdict, codes of faults, events told."""


def charge(minor: int = 10_000, control: str = "B1") -> bytes:
    """Return a DFT of one charge."""
    return dft("A1", Line("L1", "CG", minor), at=AT, control=control)


def paid_by(trace: str, amount: float, **changes: Any) -> dict[str, Any]:
    """Return a FHIR payment that pays one claim."""
    money = {"value": amount, "currency": "USD"}
    return {
        "resourceType": "PaymentReconciliation",
        "id": "pr1",
        "status": "active",
        "created": "2026-03-05",
        "paymentIssuer": {"identifier": {"value": "PAYER9"}},
        "paymentDate": "2026-03-04",
        "paymentAmount": money,
        "paymentIdentifier": {"value": trace},
        "detail": [{"type": {"text": "payment"}, "amount": money, "request": _numbered("CLM-1")}],
    } | changes


def _numbered(value: str) -> dict[str, Any]:
    return {"identifier": {"value": value}}


def lines(*resources: dict[str, Any]) -> bytes:
    """Return resources as NDJSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in resources)


FILES = {
    "b19 the same message": charge() + charge(),
    "b19 the same message with other line ends": charge() + charge().replace(b"\r", b"\n"),
    "b20 a control id for other content": charge() + charge(20_000) + charge(control="B2"),
    "b20 two reuses alike": charge() + charge(20_000) + charge(20_000),
    "b24 repeats in a batch that does not count": (
        b"BHS|^~\\&|A|B\r" + charge() + charge() + b"BTS|3\r"
    ),
    "b30 the same set in another envelope": remit() + remit(number=2),
    "b33 a copy that breaks off": remit() + remit(number=2)[:-40],
    "b27 the same set in an envelope that miscounts": (
        remit() + remit(number=2).replace(b"IEA*1*", b"IEA*2*")
    ),
    "b31 another payment under its trace": remit() + remit("T1", paid("C2"), number=2),
    "b30 the same resource": lines(paid_by("E1", 80), paid_by("E1", 80)),
    "b30 another version that says the same": lines(
        paid_by("E1", 80, meta={"versionId": "1"}), paid_by("E1", 80, meta={"versionId": "2"})
    ),
    "b31 another resource under its trace": lines(paid_by("E1", 80), paid_by("E1", 90, id="pr2")),
    "b20 other content under a resource's version": lines(
        paid_by("E1", 80, meta={"versionId": "1"}), paid_by("E2", 90, meta={"versionId": "1"})
    ),
}


async def _taken(riverbend: Riverbend, folder: Path, raw: bytes) -> tuple[list[Verdict], int]:
    """Return what intake makes of a file: its messages, and how many said the same again."""
    watching = riverbend.watch(folder)
    watching.channel = riverbend.channel("remits", translations=frozenset())
    put(folder, raw)
    assert await watching.turn() == 1
    rows = await riverbend.rows(
        "select m.control_id, m.status, m.events_count, "
        "array_remove(array_agg(w.code order by w.id), null) as codes "
        "from message m left join work_item w on w.message_id = m.id "
        "group by m.id order by m.bytes_offset"
    )
    _, repeats = await riverbend.counts()
    return [
        (row["control_id"], row["status"], row["codes"], row["events_count"]) for row in rows
    ], repeats


def _traced(riverbend: Riverbend, raw: bytes) -> tuple[list[Verdict], int]:
    """Return what a rehearsal makes of it, in the same words."""
    channel = riverbend.channel("remits", translations=frozenset(), is_rehearsal=True)
    rehearsal = Rehearsal(riverbend.estate.books, lambda _: channel)
    rehearsal.judge([raw])
    verdicts: list[Verdict] = [
        (
            each.translation.control_id,
            each.translation.status,
            [found.code for found in each.translation.faults],
            each.events_count,
        )
        for each in rehearsal.judged
        if not each.repeats
    ]
    return verdicts, len(rehearsal.judged) - len(verdicts)


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_traced_as_it_is_taken(
    riverbend: Riverbend, tmp_path: Path, name: str
) -> None:
    raw = FILES[name]
    traced, repeats = _traced(riverbend, raw)
    assert await _taken(riverbend, tmp_path, raw) == (traced, repeats)
    is_repeated = "the same" in name
    assert bool(repeats) == is_repeated, "the case is the one its name says"
