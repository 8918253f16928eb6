"""The pipeline from memory: verdicts as intake gives them, consequences as the runner decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.cli.command_line import (
    CHARGE,
    charge_message,
    hl7_message,
    registration_message,
    remittance_file,
)
from tests.unit.translate.x12_documents import an_interchange

from suture import memory
from suture.cli.trace_file import Readers
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.memory import Judged, Rehearsal, Told
from suture.model.identity import message_of
from suture.pipeline import advance

CLAIM = ("CLAIM40017", "100.00", "80.00", "20.00")
REVERSAL = ("CLAIM40017", "-100.00", "-80.00", "-20.00")
MERGE = (
    "PID|1||MRN40017^^^RGH^MR||CANARY^WREN",
    "MRG|MRN40018^^^RGH^MR",
)


@pytest.fixture(scope="module")
def readers() -> Readers:
    """Return the sample estate, ready to read files by."""
    estate = load(
        read_folder(Path(__file__).resolve().parents[2] / "estates" / "riverbend"), CONNECTORS
    )
    assert isinstance(estate, Estate)
    return Readers(estate, b"an index key of the tests, 32 bytes")


def _rehearsal(readers: Readers, whole_bytes_max: int = 10_000_000) -> Rehearsal:
    return Rehearsal(readers.estate.books, readers.channel, whole_bytes_max=whole_bytes_max)


def _items(readers: Readers, data: str, cut: int = 1 << 20) -> list[Judged | Told]:
    rehearsal = _rehearsal(readers)
    raw = data.encode()

    def chunks() -> Iterator[bytes]:
        return (raw[start : start + cut] for start in range(0, len(raw), cut))

    rehearsal.judge(chunks())
    return list(rehearsal.tell(chunks()))


def _told(items: list[Judged | Told]) -> list[Told]:
    return [item for item in items if isinstance(item, Told)]


def _verdicts(items: list[Judged | Told]) -> list[tuple[str, list[str]]]:
    return [
        (item.translation.status, [each.code for each in item.translation.faults])
        for item in items
        if isinstance(item, Judged)
    ]


def test_what_is_added_to_a_file_after_it_was_judged_has_no_consequence(readers: Readers) -> None:
    rehearsal = _rehearsal(readers)
    first, later = registration_message().encode(), charge_message().encode()
    rehearsal.judge(iter([first]))
    items = list(rehearsal.tell(iter([first + later])))
    assert _verdicts(items) == [("accepted", [])]
    assert items == list(_told_alone(readers, first))


def _told_alone(readers: Readers, raw: bytes) -> Iterator[Judged | Told]:
    rehearsal = _rehearsal(readers)
    rehearsal.judge(iter([raw]))
    yield from rehearsal.tell(iter([raw]))


def test_each_message_is_followed_by_what_its_events_change(readers: Readers) -> None:
    items = _items(readers, charge_message() + registration_message())
    kinds = [type(item).__name__ for item in items]
    assert ["Judged", "Told", "Judged", "Told", "Told"] == kinds
    charge, _, registered = _told(items)
    assert [item.id for item in charge.opened] == [item.id for item in registered.resolved]
    (entry,) = registered.entries
    assert charge.event.message_id == message_of(entry.event_id)
    first = next(item for item in items if isinstance(item, Judged))
    assert (1, "charges", 1) == (first.ordinal, first.source, first.events_count)
    assert () == first.translation.routed


@pytest.mark.parametrize("cut", [1, 7, 106, 4096])
@pytest.mark.parametrize("name", ["charges", "remittance"])
def test_how_a_file_is_cut_into_chunks_changes_nothing(
    readers: Readers, name: str, cut: int
) -> None:
    data = {
        "charges": charge_message() + registration_message(),
        "remittance": remittance_file([CLAIM, REVERSAL], paid="0"),
    }[name]
    assert _items(readers, data) == _items(readers, data, cut)


def test_a_stream_told_again_is_remembered_with_its_entries(readers: Readers) -> None:
    told = _told(_items(readers, remittance_file([CLAIM, REVERSAL], paid="0")))
    first, second = (each.entries[0] for each in told[:2])
    assert [(line.account, line.debit_minor, line.credit_minor) for line in first.lines] == [
        (line.account, line.credit_minor, line.debit_minor) for line in second.lines
    ]


def test_a_stream_told_once_is_forgotten_so_that_any_file_fits(readers: Readers) -> None:
    claims = [(f"N{number}", "10", "8", "2") for number in range(500)]
    data = remittance_file([*claims, CLAIM, REVERSAL], paid="4000").encode()
    rehearsal = _rehearsal(readers)
    rehearsal.judge([data])
    assert 503 == sum(isinstance(item, Told) for item in rehearsal.tell([data]))
    assert 1 == len(rehearsal._records)
    assert 2 == len(rehearsal._entries)


def test_what_one_stream_sends_on_is_told_to_the_other(readers: Readers) -> None:
    told = _told(_items(readers, hl7_message("ADT^A40", "C9", "20260401120000", *MERGE)))
    sent_on = [each for each in told if each.event.type == "patient.absorbed"]
    assert 3 == len(told)
    (absorbed,) = sent_on
    cause = told[told.index(absorbed) - 1].event
    assert f"{cause.id}.01" == absorbed.event.id
    assert cause.stream != absorbed.event.stream
    assert cause.message_id == message_of(absorbed.event.id)


def test_b24_a_batch_that_counts_wrongly_holds_all_of_its_messages(readers: Readers) -> None:
    batch = f"BHS|^~\\&|HIS\r{charge_message()}{registration_message()}BTS|3\r"
    items = _items(readers, batch)
    assert [("held", ["hl7.batch.count"])] * 2 == _verdicts(items)
    assert [] == _told(items)


def test_b27_an_interchange_that_counts_wrongly_gives_its_identities_back(
    readers: Readers,
) -> None:
    wrong = remittance_file([CLAIM], paid="80.00").replace("IEA*1*", "IEA*2*")
    right = remittance_file([CLAIM], paid="80.00").replace("000000001", "000000002")
    items = _items(readers, wrong + right)
    (first, faults), (second, none) = _verdicts(items)
    assert ("rejected", "accepted", []) == (first, second, none)
    assert faults
    assert 2 == len(_told(items))


def test_b31_a_trace_used_twice_in_a_file_is_held(readers: Readers) -> None:
    other = ("CLAIM40018", *CLAIM[1:])
    again = remittance_file([other], paid="80.00").replace("000000001", "000000002")
    items = _items(readers, remittance_file([CLAIM], paid="80.00") + again)
    assert [("accepted", []), ("held", ["intake.trace.reused"])] == _verdicts(items)
    assert 2 == len(_told(items))


def test_b30_a_set_again_in_another_envelope_is_told_once(readers: Readers) -> None:
    again = remittance_file([CLAIM], paid="80.00").replace("000000001", "000000002")
    items = _items(readers, remittance_file([CLAIM], paid="80.00") + again)
    assert [("accepted", []), ("accepted", [])] == _verdicts(items)
    assert [0, 1] == [each.repeats for each in items if isinstance(each, Judged)]
    assert 2 == len(_told(items))


def test_b30_an_order_number_used_for_two_orders_of_a_file_is_held(readers: Readers) -> None:
    """Bought twice by mistake is what a person must see; the same order again is no second one."""
    order = an_interchange("850", "BEG*00*SA*PO1**20261102", "PO1*1*1*EA*5*PE*VC*A").decode()
    other = order.replace("PO1*1*1*EA", "PO1*1*9*EA").replace("000000417", "000000418")
    items = _items(readers, order + other)
    assert [("accepted", []), ("held", ["intake.document.reused"])] == _verdicts(items)
    assert 1 == len(_told(items))


def test_a_file_that_must_be_read_whole_is_refused_beyond_a_size(readers: Readers) -> None:
    rehearsal = _rehearsal(readers, whole_bytes_max=100)
    data = charge_message().encode()
    chunks = [data[start : start + 10] for start in range(0, len(data), 10)]
    rehearsal.judge([b"MSH|" + b"x" * 5000, *chunks])
    (judged,) = rehearsal.judged
    assert ["file.too_large"] == [each.code for each in judged.translation.faults]


def test_f33_a_failure_in_one_event_is_a_fault_of_that_event_alone(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned: list[str] = []

    def fail_once(*arguments: object) -> object:
        if not poisoned:
            poisoned.append("this one")
            raise ZeroDivisionError("CANARY")
        return advance(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(memory, "advance", fail_once)
    second = CHARGE.replace("|T1|", "|T2|")
    data = registration_message() + charge_message(segment=f"{CHARGE}\r{second}")
    told = _told(_items(readers, data))
    opened = [item for each in told for item in each.opened]
    assert ["engine.event.failed"] == [item.fault.code for item in opened]
    assert "CANARY" not in opened[0].fault.explanation
    assert len(told) > 1


def test_the_same_file_gives_the_same_ids_on_every_machine(readers: Readers) -> None:
    data = remittance_file([CLAIM], paid="80.00")
    first, second = (
        [item.id if isinstance(item, Judged) else item.event.id for item in _items(readers, data)]
        for _ in range(2)
    )
    assert first == second


def test_of_two_charges_of_one_second_the_later_in_the_file_stands(readers: Readers) -> None:
    """As the engine has it: tests/integration/test_intake_files.py tells both the same file."""
    cheaper = CHARGE.replace("125.00", "100.00")
    data = registration_message() + charge_message("C3") + charge_message("C4", cheaper)
    entries = [entry for item in _told(_items(readers, data)) for entry in item.entries]
    assert [12_500, 10_000, -12_500] == [entry.principal_minor for entry in entries]


def test_the_senders_own_number_goes_before_the_place_in_the_file(readers: Readers) -> None:
    cheaper = CHARGE.replace("125.00", "100.00")
    data = registration_message() + charge_message("4") + charge_message("3", cheaper)
    entries = [entry for item in _told(_items(readers, data)) for entry in item.entries]
    assert [12_500] == [entry.principal_minor for entry in entries]
