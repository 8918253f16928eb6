"""Whole files judged by us and by `pyx12`: the same segments and elements are wrong, with one code.

Both sides' errors are compared as a 999 tells them: segment, place in the set, what is wrong. pyx12
has one code for every segment that is not where it should be; ours for those (1, 2, 5, 6, 7) count
as one here. Where the two differ the reason is a rule below, and the rule says which side it is
about. The files are those of the corpus in the guides that pyx12 has, and one of our own with one
segment left out, doubled or moved.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pyx12.params import params  # type: ignore[import-untyped]
from pyx12.x12n_document import x12n_document  # type: ignore[import-untyped]

from suture.wire.x12 import (
    GuideLimits,
    Segment,
    SetEnd,
    SetStart,
    SetVerdict,
    TransactionSet,
    choose,
    locate_segments,
    read,
)
from suture.wire.x12.envelope import SegmentError
from suture.wire.x12.guide import segment_ids

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
EXAMPLE = Path(__file__).parents[1] / "golden" / "x12_guides" / "01_837p_claims.edi"
JUDGED = re.compile(
    rb"GS.(?:(?:HC|HN|RA|BE)[^0-9].{0,90}?005010X(?:222A1|223A2|214|218|220A1)"
    rb"|HP[^0-9].{0,90}?005010X221A1)",
    re.DOTALL,
)
FILES = [
    path
    for path in sorted(CORPUS.glob("x12_health/**/*"))
    if path.is_file()
    and path.stat().st_size < 40_000
    and JUDGED.search(path.read_bytes())
    and path.read_bytes().removeprefix(b"\xef\xbb\xbf").startswith(b"ISA")
]
CAP = GuideLimits(findings_max=10_000)
_MISPLACED = {"1", "2", "5", "6", "7"}
_OPENS_A_LOOP = {"HL", "NM1", "CLM", "LX", "SBR", "SVD", "LIN", "N1", "LQ", "CLP", "SVC", "INS"}


class Error(NamedTuple):
    """One error as a 999 tells it."""

    segment_id: str
    """"" where it is none that X12 knows: we repeat no such name."""
    position: int
    code: str
    """IK304, or `misplaced`."""
    element: int
    element_code: str


Errors = set[Error]


def _error(segment_id: str, position: int, code: str, element: int, element_code: str) -> Error:
    told = "misplaced" if code in _MISPLACED else code
    named = segment_id if segment_id in segment_ids() else ""
    return Error(named, position, told, element, element_code)


def sets_of(data: bytes) -> Iterator[tuple[TransactionSet, list[Segment]]]:
    """Yield each transaction set with its segments."""
    transaction_set, segments = None, list[Segment]()
    for item in read([data]):
        match item:
            case SetStart():
                transaction_set, segments = item.transaction_set, []
            case Segment():
                segments.append(item)
            case SetEnd() if transaction_set is not None:
                yield transaction_set, segments
            case _:
                pass


def ours(data: bytes) -> list[Errors]:
    """Return what we say of each set, balances and the nesting of levels (HL) left out.

    pyx12 checks neither.
    """
    found = []
    for transaction_set, segments in sets_of(data):
        choice = choose(transaction_set.set_id, transaction_set.version)
        assert choice is not None
        *_, verdict = locate_segments(segments, transaction_set, choice, CAP)
        assert isinstance(verdict, SetVerdict)
        found.append(
            {
                _error(*_told(each))
                for each in verdict.errors
                if not (each.segment_id == "HL" and each.element) and not _is_sum(each)
            }
        )
    return found


def _told(error: SegmentError) -> tuple[str, int, str, int, str]:
    element_code = error.element_code if error.element else ""
    return error.segment_id, error.position, error.code, error.element, element_code


def _is_sum(error: SegmentError) -> bool:
    return (error.segment_id, error.element) in (("CLM", 2), ("BPR", 2)) and not error.reference


def theirs(data: bytes) -> list[Errors]:
    """Return what pyx12 says of each set."""
    text = data.decode("latin-1").removeprefix("\xef\xbb\xbf")
    if text[0:3] == "ISA":
        # It cannot answer an 835 whose ST does not name its guide, as the guide has it.
        cut = re.escape(text[3])
        text = re.sub(
            rf"ST{cut}835{cut}([0-9]+)(?=[^0-9{cut}])",
            lambda match: f"{match[0]}{text[3]}005010X221A1",
            text,
        )
    answer = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        x12n_document(params(), io.StringIO(text), answer, None)
    finally:
        logging.disable(logging.NOTSET)
    return list(_answered(answer.getvalue()))


def _answered(text: str) -> Iterator[Errors]:
    errors: Errors = set()
    about = ("", 0, "")
    for line in text.split("~"):
        name, *rest = line.strip().split("*")
        if name == "AK2":
            errors = set()
        elif name == "IK3":
            about = rest[0], int(rest[1]), rest[3]
            if rest[3] != "8":
                errors.add(_error(*about, 0, ""))
        elif name == "IK4":
            errors.add(_error(*about, int(rest[0].partition(":")[0]), rest[2]))
        elif name == "IK5":
            yield errors


THEIRS_ALONE: dict[str, Callable[[Error], bool]] = {
    "it reads each code list of each HI; Suture books from the kind and the code only": (
        lambda each: each.segment_id == "HI" and each.element > 0
    ),
    "it holds states, post codes, kinds of number and consents against lists of its own": (
        lambda each: (
            (each.segment_id, each.element) in {("N4", 2), ("N4", 3), ("NM1", 8), ("OI", 4)}
        )
    ),
    "it finds elements that the guide does not use: Suture reads past them": (
        lambda each: each.element_code in {"10", "I10"}
    ),
    "it reads elements that Suture does not": (
        lambda each: (
            (each.segment_id, each.element)
            in {("CLM", 4), ("STC", 2), ("INS", 6), ("SVC", 6), ("SVC", 1)}
        )
    ),
}
"""What only pyx12 says, wherever it says it."""

OURS_ALONE: dict[str, Callable[[Error], bool]] = {
    "a replaced claim must tell the payer's number (REF*F8 when CLM05-3 is 7 or 8)": (
        lambda each: each.segment_id == "REF" and each.code == "3"
    ),
    "the first diagnosis is cut by a colon of its own: HI01-2 is empty for both, told otherwise": (
        lambda each: each.segment_id == "HI" and each.element > 0
    ),
}
"""What only we say, wherever we say it."""

FILES_APART = {
    "277CA": "it wants a status and a trace at 2200C, which X12's own examples have not",
    "x12_bad_segment_identifier": "after a damaged name it takes what follows for lost: we do not",
    "x12_bad_valid_code": "after an unknown NM1 it takes N3 and REF for lost: we pass over them",
    "x12_loop_errors3": "it misses 2010AA before 2010AB and once more after",
    "x12_missing_required_loop_in_one_repeat": "it misses 2010BA before 2010BB and once more after",
    "x12_missing_required_loops_mult_repeats": "a line without LX: we open it, it loses the line",
    "x12_missing_elements": "CLM05 is empty: we say so, it does not",
    "x12_segments_out_of_order": "it says of one segment that it is missing and misplaced",
    "x223-test": "it does not take an SBR with SBR02 of 01 for 2320, nor what follows: we do",
    "X223-837I-two-claims": "it tells an STC that stands after the set",
    "example834_5010": "it loses a BGN whose time has seconds, and the date after it",
    "enroll-employee-managed-care": "DTP*358 is none of the dates that it has for a member",
    "odd-separator": "the file breaks off in a claim: we miss its lines",
}
"""Files in which the two differ beyond the rules, by a part of the name: why."""


def apart(path: Path) -> str:
    """Return why the two sides may differ on a file; "" where they may not."""
    return next((why for part, why in FILES_APART.items() if part in path.name), "")


def unexplained(left: Errors, right: Errors) -> tuple[Errors, Errors]:
    """Return what only one side says and no rule explains: ours, theirs."""

    def without(errors: Errors, rules: dict[str, Callable[[Error], bool]]) -> Errors:
        return {each for each in errors if not any(rule(each) for rule in rules.values())}

    return without(left - right, OURS_ALONE), without(right - left, THEIRS_ALONE)


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason="corpus absent: it is not beside this checkout")
@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-2:]))
def test_both_say_the_same_of_each_file(path: Path) -> None:
    data = path.read_bytes()
    pairs = list(zip(ours(data), theirs(data), strict=False))
    wrong = [each for each in (unexplained(*pair) for pair in pairs) if any(each)]
    assert bool(wrong) == bool(apart(path)), wrong


def changed(kind: str, index: int) -> bytes:
    """Return our example with one segment left out, doubled, or changed with the next."""
    lines = EXAMPLE.read_bytes().splitlines(keepends=True)
    match kind:
        case "left out":
            del lines[index]
        case "doubled":
            lines.insert(index, lines[index])
        case _:
            lines[index], lines[index + 1] = lines[index + 1], lines[index]
    return b"".join(lines)


def ids_of_example() -> list[str]:
    """Return the segment ids of our example, in order."""
    return [line.split(b"*")[0].decode() for line in EXAMPLE.read_bytes().splitlines()]


PLAIN = [
    index
    for index, name in enumerate(ids_of_example())
    if 3 < index < len(ids_of_example()) - 4 and name not in _OPENS_A_LOOP
]
"""Segments of our example that open no loop."""


@pytest.mark.slow
@pytest.mark.parametrize("index", PLAIN[::3], ids=lambda index: f"line {index + 1}")
@pytest.mark.parametrize("kind", ["left out", "doubled"])
def test_both_find_the_one_segment_that_is_not_as_it_should_be(kind: str, index: int) -> None:
    data = changed(kind, index)
    assert (set(), set()) == unexplained(ours(data)[0], theirs(data)[0])


@pytest.mark.slow
@pytest.mark.parametrize("index", PLAIN[::5], ids=lambda index: f"line {index + 1}")
def test_both_find_two_segments_that_changed_places(index: int) -> None:
    """pyx12 says of one segment that it is missing and misplaced; we say the latter."""
    data = changed("moved", index)
    left, right = ours(data)[0], theirs(data)[0]
    assert bool(left) == bool(right)
    assert {each for each in left if each.code == "misplaced"} <= right | {
        each for each in left if each.segment_id in _OPENS_A_LOOP
    }
