"""Remittances of the simulated payers: every cent accounted for, by this test's own arithmetic.

The three balancing equations (005010X221A1, 1.10.2.1) are checked twice: by the sums below, which
share nothing with the project, and by `suture.wire.x12.remittance`.
"""

from __future__ import annotations

import csv
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from suture.simulator.health_system import Planned, generate
from suture.simulator.health_system import planted as faults
from suture.simulator.health_system.load import write_835
from suture.wire.x12 import read
from suture.wire.x12.remittance import RemittanceEnd, read_remittances

_DAYS = 12
_ESTATE = Path(__file__).parents[3] / "estates" / "riverbend"
_Segments = list[list[str]]


@pytest.fixture(scope="module", name="files")
def _files() -> list[Planned]:
    return [each for each in generate(1, _DAYS) if each.door == "remits"]


def _cents(text: str) -> int:
    major, _, minor = text.lstrip("-").partition(".")
    assert len(minor) <= 2, text
    cents = int(major or "0") * 100 + int(minor.ljust(2, "0"))
    return -cents if text.startswith("-") else cents


def _sets(raw: bytes) -> Iterator[_Segments]:
    """Yield the segments from ST to SE of each transaction set, as elements."""
    segments: _Segments = []
    for text in raw.decode("ascii").split("~"):
        elements = text.strip("\r\n").split("*")
        segments.append(elements)
        if elements[0] == "ST":
            segments = [elements]
        elif elements[0] == "SE":
            assert elements[1:] == [str(len(segments)), segments[0][2]]
            yield list(segments)


def _first(segments: _Segments, name: str) -> list[str]:
    return next(each for each in segments if each[0] == name)


def _adjusted(elements: list[str]) -> int:
    """Return the sum of a CAS (elements 3, 6, 9 ...) or a PLB (4, 6, 8 ...)."""
    amounts = elements[3::3] if elements[0] == "CAS" else elements[4::2]
    return sum(_cents(amount) for amount in amounts)


def _loops(segments: _Segments, name: str, *ends: str) -> Iterator[_Segments]:
    """Yield the runs of segments that start with a name, up to the next such or an end."""
    loop: _Segments = []
    for elements in segments:
        if elements[0] == name or elements[0] in ends:
            if loop:
                yield loop
            loop = [elements] if elements[0] == name else []
        elif loop:
            loop.append(elements)


def _difference(segments: _Segments) -> int:
    """Check services and claims of a set; return BPR02 less what the set adds up to."""
    claims_minor = 0
    for claim in _loops(segments, "CLP", "PLB", "SE"):
        charge, paid = _cents(claim[0][3]), _cents(claim[0][4])
        assert charge - sum(_adjusted(each) for each in claim if each[0] == "CAS") == paid
        services = list(_loops([*claim, ["end"]], "SVC", "end"))
        for service in services:
            adjusted = sum(_adjusted(each) for each in service if each[0] == "CAS")
            assert _cents(service[0][2]) - adjusted == _cents(service[0][3])
        if services:
            assert charge == sum(_cents(service[0][2]) for service in services)
            assert paid == sum(_cents(service[0][3]) for service in services)
        shares = [each for each in claim if each[:2] == ["CAS", "PR"]]
        assert _cents(claim[0][5]) == sum(_adjusted(each) for each in shares)
        claims_minor += paid
    provider_minor = sum(_adjusted(each) for each in segments if each[0] == "PLB")
    return _cents(_first(segments, "BPR")[2]) - (claims_minor - provider_minor)


def _traces(files: Iterable[Planned]) -> Iterator[tuple[Planned, str, str]]:
    for planned in files:
        for segments in _sets(planned.raw):
            trace = _first(segments, "TRN")
            yield planned, trace[3], trace[2]


def test_every_remittance_balances_to_the_cent_but_the_planted_ones(files: list[Planned]) -> None:
    for planned in files:
        differences = [_difference(segments) for segments in _sets(planned.raw)]
        wrong = [each for each in differences if each]
        is_planted = planned.planted == faults.REMITTANCE_UNBALANCED
        assert len(wrong) == (1 if is_planted else 0)
        assert all(abs(each) < 100 for each in wrong)
        assert planned.sets_count == len(differences)


def test_b28_the_reader_finds_the_same_remittances_out_of_balance(files: list[Planned]) -> None:
    for planned in files:
        items = list(read_remittances(read([planned.raw])))
        codes = [found.code for item in items for found in getattr(item, "faults", ())]
        is_planted = planned.planted == faults.REMITTANCE_UNBALANCED
        assert codes == (["x12.835.transaction.unbalanced"] if is_planted else [])
        assert all(not getattr(item, "notes", ()) for item in items)


def test_no_payment_is_below_nothing(files: list[Planned]) -> None:
    payments = [_first(each, "BPR") for planned in files for each in _sets(planned.raw)]
    assert all(_cents(payment[2]) >= 0 for payment in payments)
    zero = {(payment[1], payment[4]) for payment in payments if not _cents(payment[2])}
    assert zero == {("H", "NON")}


def test_a_remittance_out_of_balance_is_corrected_under_the_same_trace(
    files: list[Planned],
) -> None:
    planted = next(each for each in files if each.planted == faults.REMITTANCE_UNBALANCED)
    wrong = next(each for each in _sets(planted.raw) if _difference(each))
    healing = next(each for each in files if each.heals == faults.REMITTANCE_UNBALANCED)
    (right,) = _sets(healing.raw)
    assert _first(wrong, "TRN") == _first(right, "TRN")
    assert _difference(right) == 0
    assert _first(wrong, "BPR")[2] != _first(right, "BPR")[2]
    assert [each for each in wrong if each[0] == "CLP"] == [
        each for each in right if each[0] == "CLP"
    ]
    assert healing.day == planted.day + 1


def test_b30_a_duplicated_file_has_the_same_bytes_under_another_name(
    files: list[Planned],
) -> None:
    again = next(each for each in files if each.planted == faults.FILE_DUPLICATED)
    first = next(each for each in files if each.raw == again.raw)
    assert first.name != again.name
    assert (True, ()) == (again.is_duplicate, again.totals)


def test_b31_a_reused_trace_comes_in_other_bytes_and_is_not_counted(files: list[Planned]) -> None:
    again = next(each for each in files if each.planted == faults.TRACE_REUSED)
    key = next((payer, trace) for _, payer, trace in _traces([again]))
    others = [each for each, *found in _traces(files) if tuple(found) == key and each is not again]
    assert len(others) == 1
    assert others[0].raw != again.raw
    assert (False, ()) == (again.is_duplicate, again.totals)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_b31_the_payment_under_a_reused_trace_is_worth_something(seed: int) -> None:
    """Or the exception about it would say that nothing is at stake."""
    (again,) = (each for each in generate(seed, 1) if each.planted == faults.TRACE_REUSED)
    (segments,) = _sets(again.raw)
    assert _cents(_first(segments, "BPR")[2]) > 0


def test_traces_and_file_names_are_unique_where_nothing_is_planted(files: list[Planned]) -> None:
    plain = [each for each in files if not each.planted and not each.heals]
    traces = Counter((payer, trace) for _, payer, trace in _traces(plain))
    assert set(traces.values()) == {1}
    assert len({each.name for each in files}) == len(files)
    interchanges = Counter(each.raw[32:50] + each.raw[90:99] for each in files)
    assert {count for count in interchanges.values() if count > 1} <= {2}


def test_cash_is_counted_once_for_every_remittance_that_balances(files: list[Planned]) -> None:
    cash: dict[tuple[str, str], int] = {}
    for planned in files:
        for segments in _sets(planned.raw):
            if _difference(segments) == 0:
                trace = _first(segments, "TRN")
                cash[trace[3], trace[2]] = _cents(_first(segments, "BPR")[2])
    totals = [total for planned in files for total in planned.totals]
    assert {total.name for total in totals} == {"remittance_cash"}
    assert len(cash) == sum(total.count for total in totals)
    assert sum(cash.values()) == sum(total.amount_minor for total in totals)


def test_a_reversal_negates_every_amount_of_an_earlier_decision(files: list[Planned]) -> None:
    decided: dict[tuple[str, str], _Segments] = {}
    reversals = 0
    for planned in files:
        for segments in _sets(planned.raw):
            for claim in _loops(segments, "CLP", "PLB", "SE"):
                head = claim[0]
                if head[2] != "22":
                    decided.setdefault((head[1], head[7]), claim)
                    continue
                reversals += 1
                original = decided[head[1], head[7]]
                mirror = [_adjusted(each) for each in original if each[0] == "CAS"]
                assert [-each for each in mirror] == [
                    _adjusted(each) for each in claim if each[0] == "CAS"
                ]
                assert (_cents(head[3]), _cents(head[4])) == (
                    -_cents(original[0][3]),
                    -_cents(original[0][4]),
                )
    assert reversals


def test_every_way_of_deciding_a_claim_happens(files: list[Planned]) -> None:
    segments = [each for planned in files for found in _sets(planned.raw) for each in found]
    statuses = {each[2] for each in segments if each[0] == "CLP"}
    reasons = {(each[1], each[2]) for each in segments if each[0] == "CAS"}
    provider = {each[3].partition(":")[0] for each in segments if each[0] == "PLB"}
    assert statuses == {"1", "2", "4", "19", "22"}
    denied = {("CO", "50"), ("CO", "16"), ("CO", "197")}
    assert {("CO", "45"), ("PR", "1"), ("PR", "2"), ("PR", "3"), ("OA", "23")} | denied == reasons
    assert provider == {"WO", "FB", "L6"}


def test_what_is_carried_forward_or_recouped_comes_back_with_the_other_sign(
    files: list[Planned],
) -> None:
    sums: dict[tuple[str, str], list[int]] = {}
    told: set[str] = set()
    for planned in files:
        for segments in _sets(planned.raw):
            trace = _first(segments, "TRN")[2]
            repeated, told = trace in told, told | {trace}
            for each in (found for found in segments if found[0] == "PLB" and not repeated):
                for name, amount in zip(each[3::2], each[4::2], strict=True):
                    reason, _, reference = name.partition(":")
                    if reason in {"WO", "FB"}:
                        sums.setdefault((reason, reference), []).append(_cents(amount))
    assert all(amounts[0] < 0 for amounts in sums.values())
    settled = [amounts for amounts in sums.values() if len(amounts) == 2]
    assert settled
    assert all(sum(amounts) == 0 for amounts in settled)


def test_payers_and_payees_are_those_the_sample_estate_knows(files: list[Planned]) -> None:
    def known(name: str, column: str) -> set[str]:
        text = (_ESTATE / "crosswalks" / f"{name}.csv").read_text("utf-8")
        return {row[column] for row in csv.DictReader(text.splitlines())}

    payers, facilities = known("payer", "payer"), known("facility", "code")
    indicators = known("filing_indicator", "filing_indicator")
    for planned in files:
        for segments in _sets(planned.raw):
            payee = next(each for each in segments if each[:2] == ["N1", "PE"])
            assert payee[4] in facilities
            assert _first(segments, "TRN")[3] in payers
            assert {each[6] for each in segments if each[0] == "CLP"} <= indicators


def test_a_remittance_of_any_size_balances_and_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "bulk.835"
    bulk = write_835(path, 1_000, 7)
    raw = path.read_bytes()
    (segments,) = _sets(raw)
    assert _difference(segments) == 0
    claims = [each for each in segments if each[0] == "CLP"]
    assert len({each[1] for each in claims}) == len({each[7] for each in claims}) == 1_000
    assert b"\n" not in raw
    assert (len(raw), len(segments), _cents(_first(segments, "BPR")[2])) == (
        bulk.bytes_count,
        bulk.segments_count,
        bulk.paid_minor,
    )
    assert [each.name for each in tmp_path.iterdir()] == ["bulk.835"]
    items = list(read_remittances(read([raw])))
    ends = [item for item in items if isinstance(item, RemittanceEnd)]
    assert [(end.balance.is_balanced, end.faults, end.balance.claims_count) for end in ends] == [
        (True, (), 1_000)
    ]


def test_a_large_remittance_is_written_in_little_memory(tmp_path: Path) -> None:
    write_835(tmp_path / "first.835", 1, 1)
    tracemalloc.start()
    bulk = write_835(tmp_path / "bulk.835", 20_000, 1)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert bulk.bytes_count > 8_000_000
    assert peak_bytes < 6_000_000
