"""What `suture status` makes of what it found: who must do something, and about what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from suture.cli import doors
from suture.cli.estates import sample_estate
from suture.cli.status import (
    DestinationStatus,
    SourceStatus,
    Status,
    needed_roles,
    remedy_of,
    why_waiting,
)
from suture.cli.status_screen import show
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.model.fault import catalogue, fault
from suture.store.controls import Counts, DeliveryCounts
from suture.store.queues import Queue, Queues
from suture.store.releases import ActiveRelease, Door, Worker
from suture.store.traffic import DestinationTraffic, SourceTraffic

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
ROLES = ("intake", "files", "runner", "delivery")
NOTHING = Queue(0, 0.0)


def riverbend() -> Estate:
    estate = load(sample_estate(), CONNECTORS)
    assert isinstance(estate, Estate)
    return estate


def found(*roles: str, **others: object) -> Status:
    """Return the status of Riverbend with workers in some roles."""
    estate = riverbend()
    told: dict[str, object] = {
        "at": AT,
        "home": Path("home"),
        "was_stopped": False,
        "is_supervised": True,
        "workers": [Worker(role, role, 1, AT, AT) for role in roles],
        "release": ActiveRelease(1, "rel_1", b"", AT, ""),
        "needed": needed_roles(estate),
        "sources": [source(estate, name) for name in estate.sources],
        "destinations": [destination(estate)],
        "counts": Counts(**dict.fromkeys(Counts.__struct_fields__, 0)),
        "deliveries": DeliveryCounts(),
        "queues": Queues(inbox=NOTHING, unbatched=NOTHING, deliveries=NOTHING),
        "open_amounts": [],
        "resolved_count": 0,
        "warnings": (),
    }
    return Status(**(told | others))  # type: ignore[arg-type] # by name


def source(estate: Estate, name: str, **door: object) -> SourceStatus:
    is_open: dict[str, object] = {"state": "open", "code": "", "explanation": "", "remedy": ""}
    return SourceStatus(
        source=estate.sources[name],
        door=is_open | door,
        traffic=SourceTraffic(name),
        unmatched_count=0,
    )


def destination(estate: Estate, **traffic: object) -> DestinationStatus:
    told = msgspec.structs.replace(DestinationTraffic("erp"), **traffic)
    return DestinationStatus(destination=estate.destinations["erp"], traffic=told)


def test_an_estate_needs_the_roles_that_its_sources_and_destinations_need() -> None:
    estate = riverbend()
    assert ROLES == needed_roles(estate)
    assert () == needed_roles(None)
    only_files = msgspec.structs.replace(estate, sources={"remits": estate.sources["remits"]})
    assert ("files", "runner", "delivery") == needed_roles(only_files)


def test_with_every_role_filled_it_is_well() -> None:
    status = found(*ROLES, "runner")
    assert ("at work", True, ()) == (status.verdict, status.is_well, status.missing)


@pytest.mark.parametrize("missing", ROLES)
def test_without_one_role_it_is_not(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = found(*(role for role in ROLES if role != missing))
    assert ("not whole", False, (missing,)) == (status.verdict, status.is_well, status.missing)
    show(status)
    head = capsys.readouterr().out.splitlines()[0]
    assert head.startswith(f"Not whole  no worker is alive for {missing}: ")
    if missing == "intake":
        assert head.endswith("nobody hears adt, charges, scheduling")


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ({}, "not at work"),
        ({"was_stopped": True}, "stopped"),
    ],
)
def test_without_any_worker_it_is_not_at_work(others: dict[str, object], verdict: str) -> None:
    status = found(**others)
    assert (verdict, False) == (status.verdict, status.is_well)


def test_workers_whose_supervisor_is_gone_are_left_alone() -> None:
    status = found(*ROLES, is_supervised=False)
    assert ("left alone", False) == (status.verdict, status.is_well)


def test_a_door_that_is_not_open_is_told_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    estate = riverbend()
    shut = Door(
        source="adt",
        address="127.0.0.1:2575",
        since=AT,
        code="mllp.port.taken",
        explanation="another program listens there",
    )
    workers = [Worker(role, role, 1, AT, AT, (shut,)) for role in ROLES]
    adt = source(estate, "adt", **doors.state(estate.sources["adt"], workers))
    status = found(workers=workers, sources=[adt])
    assert ("at work", False) == (status.verdict, status.is_well)
    show(status)
    out = capsys.readouterr().out
    assert "adt is not open  another program listens there" in out
    assert catalogue()["mllp.port.taken"].remedy in out


def test_a_server_that_forgets_is_warned_of_and_all_else_is_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    why = "`fsync` is off at the server: it may lose what was acknowledged."
    status = found(*ROLES, warnings=(fault("store.not_durable", "fsync", why),))
    assert status.is_well
    assert ["fsync"] == [each.where for each in status.warnings]
    show(status)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Not durable {why}" in printed
    assert "Turn the setting on at the server" in printed


def test_b1_what_goes_wrong_on_connections_is_told_for_each_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    estate = riverbend()
    opened = Door(source="adt", address="127.0.0.1:2575", since=AT)
    first = msgspec.structs.replace(opened, faults={"mllp.junk": 2}, unframed_bytes=4000)
    told = {"mllp.junk": 1, "mllp.connections.too_many": 5}
    second = msgspec.structs.replace(opened, faults=told, unframed_bytes=5)
    workers = [Worker(str(each), "intake", 1, AT, AT, (each,)) for each in (first, second)]
    state = doors.state(estate.sources["adt"], workers)
    assert {"mllp.connections.too_many": 5, "mllp.junk": 3} == state["faults"]
    assert 4005 == state["unframed_bytes"]
    others = [Worker(role, role, 1, AT, AT) for role in ROLES]
    show(found(workers=[*others, *workers], sources=[source(estate, "adt", **state)]))
    shown = " ".join(capsys.readouterr().out.split())
    assert "adt met" in shown
    assert "Bytes arrived that are not in an MLLP frame: 3" in shown
    assert "Bytes outside of any frame: 4,005" in shown


def test_each_fault_that_a_listener_counts_has_a_title(capsys: pytest.CaptureFixture[str]) -> None:
    counted = (
        "mllp.frame.lenient_end",
        "mllp.frame.overdue",
        "mllp.connection.idle",
        "mllp.connections.too_many",
        "mllp.reply.unread",
        "mllp.message.not_stored",
    )
    opened = Door(source="adt", address="a", since=AT, faults=dict.fromkeys(counted, 7))
    workers = [Worker("intake", "intake", 1, AT, AT, (opened,))]
    show(found(workers=workers, sources=[source(riverbend(), "adt")]))
    shown = " ".join(capsys.readouterr().out.split())
    for code in counted:
        assert f"{catalogue()[code].title}: 7" in shown


def test_a_destination_that_retries_by_itself_is_well_and_told() -> None:
    busy = {"code": "erp.busy", "explanation": "The ERP is busy.", "outcome": "transient"}
    erp = destination(riverbend(), queued_count=3, **busy)
    assert ("waiting", "The ERP is busy") == (erp.state, why_waiting(erp))
    assert found(*ROLES, destinations=[erp]).is_well


def test_a_destination_without_a_token_waits_for_a_person(
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty = {"code": "erp.credentials.invalid", "explanation": "The token is empty."}
    erp = destination(riverbend(), queued_count=13, **empty)
    status = found(*ROLES, destinations=[erp])
    assert not status.is_well
    show(status)
    out = capsys.readouterr().out
    assert "erp waits  The token is empty (env:SUTURE_ERP_TOKEN); 13 journals wait" in out
    assert "Set SUTURE_ERP_TOKEN where `suture serve` is started" in out


def test_what_a_destination_refused_before_does_not_wait_for_its_token() -> None:
    erp = destination(riverbend(), sent_count=2, refused_count=1)
    assert ("idle", False, "") == (erp.state, erp.needs_somebody, remedy_of(erp))


@pytest.mark.parametrize("columns", ["80", "120"])
def test_each_source_and_destination_has_a_line_that_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    show(found(*ROLES))
    rows = capsys.readouterr().out.splitlines()
    assert max(map(len, rows)) <= int(columns)
    for name in ("adt", "charges", "remits", "scheduling", "erp"):
        assert 1 == sum(row.split()[:1] == [name] for row in rows), name
