"""A worker's duties as it lives them: begin under a release, go on under the next, drain.

The loops are driven by hand elsewhere; here they run. Whole processes are in `tests/simulation`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.integration.riverbend_store import (
    PARTITIONS_COUNT,
    TOKEN,
    Riverbend,
    changed,
    code_of,
    estate_files,
    port_of,
)
from tests.integration.sandbox_erp import serving
from tests.specs.riverbend_messages import Claim, Line, adt, dft, interchange, remittance

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.engine.duties import DeliveryDuty, FilesDuty, IntakeDuty, RunnerDuty
from suture.engine.worker import load_estate
from suture.governance.estate import Estate
from suture.governance.release import pack, release_id
from suture.store.releases import ActiveRelease, append_release

pytestmark = pytest.mark.integration

AT = "20260310120000"


def moved(erp_port: int) -> dict[str, bytes]:
    """Return Riverbend's estate on ports of this test, its charges gathered at once."""
    files = dict(estate_files())
    for name in [name for name in files if name.startswith("sources/")]:
        files[name] = re.sub(rb"(?m)^port = \d+$", b"port = 0", files[name])
        files[name] = re.sub(rb"(?m)^stable_seconds = .*$", b"stable_seconds = 0.1", files[name])
    erp = files["destinations/erp.toml"].replace(b":8070", b":%d" % erp_port)
    files["destinations/erp.toml"] = erp.replace(b"seconds_max = 60\n", b"seconds_max = 1\n")
    return files


async def in_force(
    riverbend: Riverbend, files: Mapping[str, bytes]
) -> tuple[Estate, ActiveRelease]:
    await append_release(riverbend.database, release_id(files), pack(files), "in a test")
    estate, release = await load_estate(riverbend.database)
    assert release.id == release_id(files)
    return estate, release


async def test_the_duties_together_carry_a_message_and_a_file_to_the_erp(
    riverbend: Riverbend, tmp_path: Path
) -> None:
    async with serving(tmp_path / "erp.sqlite", riverbend.estate) as erp:
        files = moved(erp.port)
        estate, release = await in_force(riverbend, files)
        intake, folder = IntakeDuty(riverbend.keeping()), FilesDuty(riverbend.keeping(tmp_path))
        runner = RunnerDuty(riverbend.database, "runner-1", PARTITIONS_COUNT)
        delivery = DeliveryDuty(
            riverbend.database, "delivery-1", lambda _: TOKEN, riverbend.keys, Path("/nowhere")
        )
        duties = (intake, folder, runner, delivery)
        for duty in duties:
            await duty.start(estate, release)
        charges = port_of(intake, "charges")
        assert {"adt", "charges", "scheduling"} == {door.source for door in intake.doors()}
        async with (
            Sender("127.0.0.1", port_of(intake, "adt")) as registration,
            Sender("127.0.0.1", port_of(intake, "charges")) as billing,
        ):
            told = {"at": AT, "control": "X1"}
            registered = adt("A01", "A1", financial_class="MA", payer="MCR", **told)
            assert code_of(await registration.send(registered)) == "AA"
            line = Line("L1", "CG", 10_000, department="NEWLAB")
            assert code_of(await billing.send(dft("A1", line, **told))) == "AA"
            claim = Claim("C1", 20_000, (("CO", "45", 5_000),))
            inbox = tmp_path / "inbox" / "remits"
            (inbox / "a.835").write_bytes(interchange(remittance("T1", claim)))
            await riverbend.until("select count(*) = 1 from work_item where resolved_at is null")
            mended = changed("crosswalks/department.csv", "*,RGH,NEWLAB,RGH-7500,laboratory,,")
            estate, release = await in_force(riverbend, files | mended)
            for duty in duties:
                await duty.change(estate, release)
            await riverbend.until(
                "select count(*) = 2 and count(*) = count(settled_at) from delivery"
                " where status = 'SENT'"
            )
        for duty in duties:
            await duty.drain()
        assert (await erp.summary())["journal_count"] >= 2
    assert await riverbend.balances() == {
        "1020": 15_000,
        "1100": -10_000,
        "4020": -10_000,
        "4110": 5_000,
    }
    assert await riverbend.number("select count(*) from partition_lease where owner <> ''") == 0
    with pytest.raises(ConnectionLostError):
        await Sender("127.0.0.1", charges).connect()


async def test_a_source_is_read_by_the_release_in_force_from_the_next_message_on(
    riverbend: Riverbend,
) -> None:
    """A source's authority decides what an account number means: a release changes it."""
    files = moved(1)
    estate, release = await in_force(riverbend, files)
    intake = IntakeDuty(riverbend.keeping())
    await intake.start(estate, release)
    async with Sender("127.0.0.1", port_of(intake, "charges")) as billing:
        for control in ("B1", "B2"):
            line = Line(control, "CG", 10_000)
            assert code_of(await billing.send(dft("A1", line, at=AT, control=control))) == "AA"
            name = "sources/charges.toml"
            other = files[name].replace(b'authority = "riverbend"', b'authority = "other"')
            await intake.change(*await in_force(riverbend, files | {name: other}))
    await intake.drain()
    assert await riverbend.number("select count(distinct stream) from event") == 2
