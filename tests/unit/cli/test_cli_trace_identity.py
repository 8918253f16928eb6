"""What `suture trace ID` makes of a name, and how it shows what the store remembers.

Whole lineages are looked up in `tests/integration/test_cli_installation.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from suture.cli.trace import is_path
from suture.cli.trace_identity import _told, _tree

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
JOURNAL = {
    "reference": "SUT0000000000001",
    "policy": "immediate",
    "entity": "RVH",
    "destination": "erp",
    "accounting_on": AT.date(),
    "entries_count": 1,
    "renews": "",
    "renewed_as": "",
    "status": "QUEUED",
    "document": "",
    "currency": "USD",
    "lines": [],
}


def attempt(ordinal: int, outcome: str, code: str = "", explanation: str = "") -> dict[str, object]:
    return {
        "ordinal": ordinal,
        "at": AT + timedelta(minutes=ordinal),
        "outcome": outcome,
        "code": code,
        "explanation": explanation,
        "milliseconds": 10,
    }


def shown(lineage: dict[str, object]) -> list[str]:
    console = Console(width=200, no_color=True)
    with console.capture() as captured:
        console.print(_tree({"asked": "it", **lineage}))
    return captured.get().splitlines()


def test_attempts_that_ended_alike_are_one_line() -> None:
    busy = ("transient", "erp.busy", "The ERP is busy")
    attempts = [
        attempt(1, *busy),
        attempt(2, *busy),
        attempt(3, *busy),
        attempt(4, "transient", "erp.down", "It is down"),
        attempt(5, *busy),
        attempt(6, "delivered"),
    ]
    rows = [
        row for row in shown({"journal": {**JOURNAL, "attempts": attempts}}) if "attempt" in row
    ]
    assert 4 == len(rows)
    assert (
        "attempts 1 to 3, 2026-04-01 12:01:00 to 2026-04-01 12:03:00: transient 3 times" in rows[0]
    )
    assert "erp.busy The ERP is busy" in rows[0]
    assert "attempt 4 at" in rows[1]
    assert "attempt 5 at" in rows[2]
    assert "attempt 6 at 2026-04-01 12:06:00: delivered in 10 ms" in rows[3]


@pytest.mark.parametrize(
    "name",
    [
        "msg_06h1nr1po8kv3k4pru45mgk0jc",
        "EVT_06H1NR1PO8KV3K4PRU45MGK0JC.0001",
        "trn_06h1nr1po8kv3k4pru45mgk0jc",
        "sut0000000000042",
        "SUT7KQ2000000042",
        "claim/clm_42s9965sm5tv0qh8h4lfqvbquo",
        "remittance/1990000011:EFT.1",
        "exc_delivery.12.1",
        "C40017",
    ],
)
def test_an_id_is_no_path_whether_anything_is_installed_or_not(elsewhere: Path, name: str) -> None:
    assert not is_path(name, elsewhere / "home")


@pytest.mark.parametrize("name", ["payer.835", "./payer", "inbox/payer.835", "/payer", "a/b"])
def test_what_looks_like_a_file_is_one_where_nothing_is_installed(
    elsewhere: Path, name: str
) -> None:
    assert is_path(name, elsewhere / "home")


def test_names_of_taken_files_and_x12_control_ids_are_asked_of_an_installation(
    elsewhere: Path,
) -> None:
    home = elsewhere / "home"
    (home / "postgres" / "data").mkdir(parents=True)
    for name, is_file in (
        ("payer.835", False),
        ("000000001/1/0001", False),
        ("inbox/payer.835", True),
        ("./payer", True),
    ):
        assert is_file == is_path(name, home), name
    (elsewhere / "payer.835").touch()
    assert is_path("payer.835", home)


def test_a_script_is_told_of_a_name_that_nothing_has() -> None:
    told = _told("SUT9999999999999", [])
    assert ("SUT9999999999999", False) == (told["asked"], told["found"])
    assert "command.identity.unknown" == told["fault"].code
    assert "TRN02" in told["fault"].explanation


def test_what_else_is_called_so_comes_along() -> None:
    told = _told("C5", [{"asked": "C5", "also": [{"asked": "C5"}]}, {"asked": "claim/clm_1"}])
    assert ["C5", "claim/clm_1"] == [each["asked"] for each in told["also"]]
