"""Riverbend's operator: reprocesses what was not accepted, as the command does, on one event loop.

Not here: the command line itself (`test_cli_operator.py`), what is sent to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.integration.riverbend_store import PARTITIONS_COUNT, Riverbend
from tests.specs.riverbend_messages import Line, adt, dft

from suture import pipeline
from suture.engine.message_reprocess import Desk, Reprocessed
from suture.engine.reprocess import choose, choose_group, reprocess
from suture.store.acts import Person
from suture.store.controls import read_control_totals

AT = "20260310120000"
ADA = Person("ada", "billing-1", "its cause is mended")
RELEASE = "rel_of_a_test"


def desk(riverbend: Riverbend) -> Desk:
    """Return what reprocessing needs."""
    return Desk(riverbend.database, riverbend.keys, PARTITIONS_COUNT, person=ADA, release=RELEASE)


async def reprocessed(riverbend: Riverbend, *asked: str, all_of: str = "") -> list[Reprocessed]:
    """Reprocess messages, or a group; return what became of each."""
    database = riverbend.database
    choice = await (choose_group(database, all_of) if all_of else choose(database, asked))
    results = list(choice.refused)
    async for ended in reprocess(desk(riverbend), riverbend.estate, choice):
        results.extend(ended)
    return results


def outcomes(results: list[Reprocessed]) -> list[str]:
    """Return what became of each, in order."""
    return [each.outcome for each in results]


async def message_ids(riverbend: Riverbend, status: str = "held") -> list[str]:
    """Return the messages of a verdict, in the order they came."""
    query = "select id from message where status = $1 order by received_at, bytes_offset, id"
    return [row["id"] for row in await riverbend.rows(query, status)]


async def told(riverbend: Riverbend) -> list[tuple[Any, ...]]:
    """Return everything that was told to streams, and its place in the order of telling."""
    query = "select stream, type, source, path, stamp, payload from event order by 1, 5, 6"
    return [tuple(row) for row in await riverbend.rows(query)]


async def everything(riverbend: Riverbend) -> Mapping[str, list[str]]:
    """Return every row of what reprocessing may change."""
    tables = (
        "message",
        "message_identity",
        "message_named",
        "control_total",
        "event",
        "inbox",
        "vault",
        "work_item",
        "operator_act",
        "log",
        "entry",
    )
    return {
        table: sorted(repr(tuple(row)) for row in await riverbend.rows(f"select * from {table}"))  # noqa: S608 - ours
        for table in tables
    }


@contextmanager
def not_yet_known(kind: str) -> Iterator[None]:
    """Let Suture be of a release that has not learnt a type of message, such as DFT or 835."""
    with pytest.MonkeyPatch.context() as patch:
        table = "SET_TRANSLATORS" if kind.isdigit() else "MESSAGE_TRANSLATORS"
        known = getattr(pipeline, table)
        lesser = {name: each for name, each in known.items() if name != kind}
        patch.setattr(pipeline, table, lesser)
        yield


def ended_as(each: Reprocessed) -> dict[str, Any]:
    """Return a result by its names, without what it says nothing about."""
    return {name: told for name, told in msgspec.structs.asdict(each).items() if told}


def charge(control: str, minor: int = 10_000, *, account: str = "A1", number: str = "") -> bytes:
    """Return a DFT of one charge."""
    return dft(account, Line(number or f"L{control}", "CG", minor), at=AT, control=control)


async def registered(riverbend: Riverbend, account: str = "A1") -> None:
    """Say who pays for an account."""
    await riverbend.receive(
        adt("A01", account, at=AT, control=f"R{account}", financial_class="MA", payer="MCR"),
        source="adt",
    )


async def assert_every_control_holds(riverbend: Riverbend) -> None:
    """Assert that each message is placed, and each control total is followed to the books."""
    assert (await riverbend.conservation()).gap == 0
    for control in await read_control_totals(riverbend.database):
        assert control.difference_minor == 0, control
