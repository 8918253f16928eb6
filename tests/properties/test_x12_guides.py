"""Whatever stands in a set: each segment is located once, nothing raises, neighbours are unharmed.

Whole sets are the golden examples (tests/golden/x12_guides), damaged here in every way that a
sequence of segments can be. Work and memory grow with the input and never faster.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.wire.x12_sets import PROFESSIONAL, SEPARATORS, P, a_set, guide_of, segments_of

from suture.wire.x12 import (
    GuideLimits,
    Located,
    LoopNode,
    Segment,
    SetEnd,
    SetStart,
    SetVerdict,
    TransactionSet,
    Unit,
    UnitsEnd,
    choose,
    locate_segments,
    read,
    read_units,
)
from suture.wire.x12.guide import guide_names, read_guide

EXAMPLES = Path(__file__).parents[1] / "golden" / "x12_guides"
WHOLE = sorted(path for path in EXAMPLES.glob("*.edi") if path.stem[0] in "012")
CLAIM_EXAMPLE = EXAMPLES / "01_837p_claims.edi"
FEW = GuideLimits(findings_max=3, unit_segments_max=8)


def sets_of(chunks: Iterable[bytes]) -> list[tuple[TransactionSet, list[Segment]]]:
    """Return each transaction set with its segments."""
    found: list[tuple[TransactionSet, list[Segment]]] = []
    for item in read(chunks):
        match item:
            case SetStart():
                found.append((item.transaction_set, []))
            case Segment() if found:
                found[-1][1].append(item)
            case SetEnd():
                pass
            case _:
                pass
    return found


def placed(
    segments: list[Segment], transaction_set: TransactionSet
) -> tuple[list[Located], SetVerdict]:
    """Return the places of segments and the verdict."""
    choice = guide_of(transaction_set.set_id, transaction_set.version)
    items = list(locate_segments(segments, transaction_set, choice))
    verdict = items.pop()
    assert isinstance(verdict, SetVerdict)
    return [item for item in items if isinstance(item, Located)], verdict


def numbered(pieces: Iterable[list[str]]) -> list[Segment]:
    """Make segments of elements, counted as they stand; ST is 1."""
    return [
        Segment(elements[0], elements, ordinal, 0, 0, SEPARATORS)
        for ordinal, elements in enumerate(pieces, 2)
    ]


@st.composite
def any_sets(draw: st.DrawFn) -> tuple[TransactionSet, list[Segment]]:
    """Draw segments of one guide in any order, with its qualifiers or not, others between."""
    rules = list(read_guide(draw(st.sampled_from(guide_names()))).segments())
    set_id, version = rules_of(rules[0].id, draw)
    values = st.one_of(st.text(max_size=4), st.sampled_from(["", "1", "22", "D8", "A:B:C", "1^2"]))

    def elements(rule_index: int, rest: list[str], *, is_told: bool) -> list[str]:
        rule = rules[rule_index]
        made = [rule.id, *rest]
        for each in rule.conditions if is_told else ():
            made += [""] * (each.number + 1 - len(made))
            made[each.number] = min(each.values)
        return made

    known = st.builds(
        elements,
        st.integers(0, len(rules) - 1),
        st.lists(values, max_size=5),
        is_told=st.booleans(),
    )
    names = st.text(max_size=3).filter(lambda name: name not in ("ST", "SE"))
    other = st.builds(lambda name, rest: [name, *rest], names, st.lists(values))
    pieces = draw(st.lists(st.one_of(known, known, known, other), max_size=40))
    return a_set(set_id, version), numbered(pieces)


def rules_of(first: str, draw: st.DrawFn) -> tuple[str, str]:
    """Draw a kind of set; what stands in it may be another's."""
    kinds = [("837", "005010X222A1"), ("835", "005010X221A1"), ("850", "004010"), ("856", "004010")]
    kinds += [("271", "005010X279A1"), ("834", "005010X220A1"), ("820", "005010X218")]
    kinds += [("837", "004010X096A1"), ("810", "004010"), ("277", "005010X214")]
    return draw(st.sampled_from(kinds))


@settings(deadline=None, max_examples=80)
@given(any_sets(), st.sampled_from([None, FEW]))
def test_any_segments_are_located_once_each_and_nothing_raises(
    drawn: tuple[TransactionSet, list[Segment]], limits: GuideLimits | None
) -> None:
    transaction_set, segments = drawn
    choice = guide_of(transaction_set.set_id, transaction_set.version)
    items = list(locate_segments(segments, transaction_set, choice, limits))
    assert segments == [item.segment for item in items if isinstance(item, Located)]
    verdict = items[-1]
    assert isinstance(verdict, SetVerdict)
    cap = (limits or GuideLimits()).findings_max
    assert len(verdict.faults) + len(verdict.notes) <= cap + 1
    units = list(read_units(segments, transaction_set, choice, limits))
    assert isinstance(units[-1], UnitsEnd)
    assert units[-1].verdict.units_count == len(units) - 1


@settings(deadline=None, max_examples=50)
@given(any_sets())
def test_every_segment_stands_in_one_tree(drawn: tuple[TransactionSet, list[Segment]]) -> None:
    """Units and what stands around them hold each segment once, in the order it came."""
    transaction_set, segments = drawn
    choice = guide_of(transaction_set.set_id, transaction_set.version)
    kept: dict[int, int] = {}
    for item in read_units(segments, transaction_set, choice):
        trees = [item.loop, *item.around] if isinstance(item, Unit) else [item.root]
        for node in chain.from_iterable(map(nodes, trees)):
            for segment in node.segments:
                assert kept.setdefault(segment.ordinal, id(node.opened)) == id(node.opened)
    assert set(kept) <= {segment.ordinal for segment in segments}


def nodes(root: LoopNode) -> Iterator[LoopNode]:
    """Yield a loop and all within it."""
    yield root
    for each in root.loops:
        yield from nodes(each)


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_whole_set_has_no_fault(path: Path) -> None:
    for transaction_set, segments in sets_of([path.read_bytes()]):
        assert () == placed(segments, transaction_set)[1].faults


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(WHOLE), st.data())
def test_an_unknown_segment_anywhere_changes_nothing_else(path: Path, data: st.DataObject) -> None:
    transaction_set, segments = sets_of([path.read_bytes()])[0]
    place = data.draw(st.integers(0, len(segments)))
    pieces = [each.elements for each in segments]
    pieces.insert(place, ["QQQ", "1"])
    before, verdict_before = placed(segments, transaction_set)
    after, verdict_after = placed(numbered(pieces), transaction_set)
    assert [each.where for each in before] == [
        each.where for index, each in enumerate(after) if index != place
    ]
    assert len(verdict_before.notes) + 1 == len(verdict_after.notes)
    assert ("x12.segment.unknown", ()) == (
        next(each.code for each in verdict_after.notes if "unknown" in each.code),
        verdict_after.faults,
    )


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=4)
)
def test_segments_moved_about_are_still_read_to_the_end(
    path: Path, moves: list[tuple[int, int]]
) -> None:
    transaction_set, segments = sets_of([path.read_bytes()])[0]
    pieces = [each.elements for each in segments]
    for start, end in moves:
        pieces.insert(end % len(pieces), pieces.pop(start % len(pieces)))
    located, _ = placed(numbered(pieces), transaction_set)
    assert pieces == [each.segment.elements for each in located]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 99), max_size=12))
def test_a_damaged_set_between_two_whole_ones_harms_neither(removed: list[int]) -> None:
    raw = CLAIM_EXAMPLE.read_bytes()
    head, body = raw[: raw.index(b"ST*")], raw[raw.index(b"ST*") : raw.index(b"GE*")]
    lines = body.splitlines(keepends=True)
    for each in removed:
        lines.pop(1 + each % (len(lines) - 2)) if len(lines) > 2 else None
    middle = b"".join(lines).replace(b"*0001", b"*0002")
    last = body.replace(b"*0001*", b"*0003*").replace(b"*0001~", b"*0003~")
    data = head + body + middle + last + b"GE*3*417~\nIEA*1*000000417~\n"
    alone = placed(sets_of([raw])[0][1], sets_of([raw])[0][0])
    for index in (0, 2):
        transaction_set, segments = sets_of([data])[index]
        located, verdict = placed(segments, transaction_set)
        assert [each.where for each in alone[0]] == [each.where for each in located]
        assert alone[1] == verdict


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(WHOLE), st.integers(1, 300))
def test_any_split_of_the_bytes_gives_the_same_units(path: Path, size: int) -> None:
    raw = path.read_bytes()

    def told(chunks: Iterable[bytes]) -> list[object]:
        return [
            (item.loop.where, [each.elements for each in item.loop.segments], item.faults)
            if isinstance(item, Unit)
            else item.verdict
            for transaction_set, segments in sets_of(chunks)
            for item in read_units(
                segments,
                transaction_set,
                guide_of(transaction_set.set_id, transaction_set.version),
            )
        ]

    assert told([raw]) == told(raw[start : start + size] for start in range(0, len(raw), size))


def calls_made(work: Callable[[], object]) -> int:
    """Count the Python calls of some work: a measure of time that no other work disturbs."""
    count = 0

    def on_event(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


HOSTILE = {
    "claims": "CLM*RB-1*150***11:B:1*Y*A*Y*Y~HI*ABK:J0190~LX*1~SV1*HC:1*150*UN*1***1",
    "levels": "HL*9*1*22*0~SBR*P*18",
    "levels without parents": "HL*9*8*77*0~SBR*P*18",
    "strays": "N3*1~REF*ZZ*1~DMG*D8*1",
    "openings of nothing known": "NM1*X9*1*A~N3*1~PER*IC",
    "lines without LX": "SV1*HC:1*150*UN*1***1",
    "unknown": "QQQ*1",
    "from the header": "BHT*0019*00*1*20261102*0930*CH",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_work_grows_with_the_length_of_a_set_and_no_faster(text: str) -> None:
    def work(times: int) -> Callable[[], object]:
        pieces = [each.elements for each in segments_of(text)]
        segments = segments_of(PROFESSIONAL) + numbered(pieces * times)
        return lambda: list(read_units(segments, a_set(*P), guide_of(*P)))

    work(1)()  # What is worked out once for all sets.
    short, long = calls_made(work(200)), calls_made(work(400))
    assert long <= 2.1 * short


def test_memory_does_not_grow_with_the_number_of_claims() -> None:
    subscriber = (
        "HL*2*1*22*0~SBR*P*18*******CI~NM1*IL*1*A*****MI*M1~NM1*PR*2*P*****PI*P1~"
        "CLM*RB-1*150***11:B:1*Y*A*Y*Y~HI*ABK:J0190~LX*1~SV1*HC:1*150*UN*1***1~DTP*472*D8*20261015"
    )

    def segments(claims_count: int) -> Iterator[Segment]:
        yield from segments_of(PROFESSIONAL)
        for _ in range(claims_count):
            yield from segments_of(subscriber)

    def peak(claims_count: int) -> int:
        tracemalloc.start()
        count = sum(
            isinstance(item, Unit)
            for item in read_units(segments(claims_count), a_set(*P), guide_of(*P))
        )
        assert claims_count + 1 == count
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak_bytes

    peak(2_000)  # What is worked out once is remembered.
    assert peak(2_000) < peak(200) + 20_000


def test_every_kind_of_set_has_a_guide() -> None:
    for set_id in ("270", "271", "276", "277", "278", "810", "820", "832", "834", "835", "837"):
        assert choose(set_id, "")
