"""How exceptions look: one line for what is alike, everything about one code, what was resolved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from suture.cli.exceptions_screen import group, show_details, show_groups, show_resolved
from suture.cli.screen import told_at_stake
from suture.model.fault import catalogue
from suture.store.queues import OpenAmount
from suture.store.worklist import NamedItem, WorkItem

AT = datetime.now(UTC) - timedelta(minutes=2)
LONGEST = max(catalogue(), key=len)


def item(ordinal: int, code: str, amount_minor: int, **others: object) -> WorkItem:
    told: dict[str, object] = {
        "id": f"exc_{ordinal}.01",
        "code": code,
        "group_key": f"charges|{code}",
        "owner": catalogue()[code].owner,
        "source": "charges",
        "message_id": f"msg_{ordinal}",
        "event_id": "",
        "stream": "",
        "booking_key": "",
        "delivery_id": None,
        "path": "FT1",
        "explanation": catalogue()[code].title,
        "remedy": catalogue()[code].remedy,
        "amount_minor": amount_minor,
        "currency": "USD",
        "opened_at": AT,
    }
    return msgspec.convert(told | others, WorkItem)


PARKED = item(1, "ledger.department.unmapped", 12_500, stream="patient_account/acc_1")
HELD = item(2, "hl7.type.unsupported", 0)
AMOUNTS = [
    OpenAmount("USD", 3, 12_500, AT, parked_minor=12_500),
]


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_what_is_alike_is_one_line_the_largest_amount_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    again = msgspec.structs.replace(HELD, id="exc_3.01")
    show_groups(group([HELD, PARKED, again]), AMOUNTS, read_count=3)
    head, _, titles, first, second, _, next_step = shown(capsys)
    assert "3 exceptions open, $125.00 at stake ($125.00 parked)" == head
    assert ["at", "stake", "how", "many", "oldest", "code", "for", "from", "what"] == titles.split()
    assert first.split()[:2] == ["$125.00", "1"]
    assert "steward" in first
    assert first.endswith(catalogue()[PARKED.code].title)
    assert second.split()[:2] == ["$0.00", "2"]
    assert next_step.endswith("exceptions --code ledger.department.unmapped")


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_code_is_whole_on_one_line_at_any_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    show_groups(group([item(4, LONGEST, 1_234_567_89)]), AMOUNTS, read_count=1)
    rows = [row for row in shown(capsys) if LONGEST in row and "$1,234,567.89" in row]
    assert 1 == len(rows)
    assert len(rows[0]) <= int(columns)


def test_a_code_is_told_with_why_what_next_and_how_to_dismiss_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoken_for = msgspec.structs.replace(HELD, remedy="Ask the sender.")
    show_details([spoken_for], group([spoken_for]), code=HELD.code, is_grouped=True)
    out = capsys.readouterr().out
    assert "→ Ask the sender." in out
    assert f"exceptions dismiss {HELD.id} --reason TEXT" in out
    assert "e.g. exc_2.01 at FT1 of msg_2" in out


def test_a_title_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    show_details([HELD], group([HELD]), code=HELD.code, is_grouped=True)
    assert 1 == capsys.readouterr().out.count(catalogue()[HELD.code].title)


def test_parked_money_is_not_offered_to_be_dismissed(capsys: pytest.CaptureFixture[str]) -> None:
    show_details([PARKED], group([PARKED]), code=PARKED.code, is_grouped=False)
    out = capsys.readouterr().out
    assert PARKED.id in out
    assert "dismiss" not in out


def test_a_code_that_nothing_is_open_of_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_details([], [], code="hl7.type.unsupported", is_grouped=True)
    assert ["Nothing of code hl7.type.unsupported waits for a person."] == shown(capsys)


def test_what_was_resolved_says_when_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    fields = msgspec.structs.asdict(PARKED)
    for resolution in ("resolved by release 2", "superseded by msg_9", "dismissed: a test"):
        told = NamedItem(**fields, resolved_at=AT, resolution=resolution)
        show_resolved([told], items_max=1)
    printed = shown(capsys)
    assert 3 == printed.count("The last 1; --code CODE narrows them down.")
    rows = [row for row in printed if "UTC" in row]
    assert [
        "resolved by release 2",
        "resolved: superseded by msg_9",
        "dismissed: a test",
    ] == [row.partition("UTC, ")[2] for row in rows]


def test_what_is_at_stake_says_what_it_is_made_up_of() -> None:
    amount = OpenAmount(
        "USD", 4, 41_252, AT, parked_minor=9_800, booked_minor=1_000, refused_minor=30_452
    )
    assert (
        "$412.52 at stake ($98.00 parked, $10.00 booked and to be checked, $304.52 in journals "
        "the ERP refused)"
    ) == told_at_stake(amount)
    assert "$0.00 at stake" == told_at_stake(OpenAmount("USD", 1, 0, AT))
