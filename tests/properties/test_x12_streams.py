"""Any cut of the bytes reads alike, what is read is written back, nothing raises, money adds up.

The independent judge of the 835's balance is the `oxedi` package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import oxedi
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model.money import format_amount, parse_amount_x12
from suture.wire.x12 import (
    Address,
    GroupContent,
    Item,
    Limits,
    Reader,
    Segment,
    SetContent,
    build_interchange,
    read,
    render,
)
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.remittance import (
    ClaimLoop,
    RemittanceEnd,
    RemittanceItem,
    RemittanceLimits,
    read_remittances,
)
from suture.wire.x12.separators import Separators

MADE_AT = datetime(2025, 1, 17, 8, 5)  # noqa: DTZ001 - an envelope names local time, without a zone
ADDRESS = Address(sender_id="PAYER", receiver_id="PROVIDER")
TIGHT = Limits(segment_bytes_max=60, elements_max=12, binary_bytes_max=50, findings_max=5)

PUNCTUATION = "*|~^>:<!\\@`{}$_%;\x1c\x1d"
HEADER = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*250115*1200*^*00501*000000905*1*P*:~"
)
FRAGMENTS = [
    *("ISA*", "GS*", "ST*835*0001~", "SE*3*0001~", "GE*1*1~", "IEA*1*000000905~", "TA1*1~"),
    *("BIN*5*", "BDS*A*3*", "CLP*A*1*10*5~", "CAS*CO*45*5~", "SVC*HC:1*1*1~", "PLB*P*20251231*L6*"),
    *(
        "BPR*I*5*C*ACH~",
        "TRN*1*T*P~",
        "LX*1~",
        "~",
        "*",
        ":",
        "\n",
        "\r\n",
        " ",
        "\0",
        "\xef\xbb\xbf",
    ),
    HEADER,
    "GS*HP*PAYER*PROVIDER*20250115*1200*1*X*005010X221A1~",
]

Pieces = list[tuple[str, ...]]


@st.composite
def separators(draw: st.DrawFn) -> Separators:
    """Draw four different separators; only a terminator may be a line end."""
    element, component, repetition, segment = draw(st.permutations(PUNCTUATION))[:4]
    return Separators(element, component, repetition, draw(st.sampled_from([segment, "\n", "\r"])))


@st.composite
def interchanges(draw: st.DrawFn) -> bytes:
    """Draw a well-formed interchange in any separators, with any text in its values."""
    cut = draw(separators())
    line_end = "" if cut.segment in "\r\n" else draw(st.sampled_from(["", "\n", "\r\n"]))
    forbidden = cut.element + cut.segment + "\n\r\0"
    letters = st.characters(max_codepoint=255, exclude_characters=forbidden)
    values = st.text(letters, max_size=12)
    ids = st.sampled_from(["NM1", "REF", "N1", "CLP", "SVC", "CAS", "AMT", "LX", "PLB", "DTM"])
    segments = st.builds(lambda name, rest: (name, *rest, "X"), ids, st.lists(values, max_size=6))
    contents = [
        SetContent(
            set_id=draw(st.sampled_from(["835", "837"])),
            control_number=f"{number:04d}",
            segments=body,
        )
        for number, body in enumerate(draw(st.lists(st.lists(segments, max_size=8), max_size=3)))
    ]
    groups = [
        GroupContent(functional_id="HP", control_number=1, version="005010X221A1", sets=contents)
    ]
    return build_interchange(
        ADDRESS,
        groups[: draw(st.integers(0, 1))],
        control_number=draw(st.integers(0, 999_999_999)),
        made_at=MADE_AT,
        separators=cut,
        line_end=line_end,
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw bytes that are nearly X12: pieces of it in any order, with any bytes between."""
    pieces = st.one_of(
        st.sampled_from(FRAGMENTS).map(lambda text: text.encode("latin-1")),
        st.binary(max_size=20),
        interchanges(),
    )
    return b"".join(draw(st.lists(pieces, max_size=12)))


def cut_up(data: bytes, places: list[int]) -> Iterator[bytes]:
    """Yield the bytes in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    for start, end in pairwise(edges):
        yield data[start:end]


@settings(deadline=None, max_examples=250)
@given(damaged(), st.lists(st.integers(0, 5_000), max_size=12), st.sampled_from([None, TIGHT]))
def test_any_cut_of_the_bytes_gives_the_same_items(
    data: bytes, places: list[int], limits: Limits | None
) -> None:
    assert list(read([data], limits)) == list(read(cut_up(data, places), limits))


@settings(deadline=None, max_examples=60)
@given(damaged(), st.sampled_from([None, TIGHT]))
def test_one_byte_at_a_time_gives_the_same_items(data: bytes, limits: Limits | None) -> None:
    one_by_one = (data[start : start + 1] for start in range(len(data)))
    assert list(read([data], limits)) == list(read(one_by_one, limits))


@settings(deadline=None, max_examples=200)
@given(interchanges())
def test_a_well_formed_interchange_is_written_as_it_was_read(data: bytes) -> None:
    items = list(read([data], strict=True))
    assert [] == [each for item in items for each in getattr(item, "faults", ())]
    assert data == render(items)


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.binary(max_size=300), damaged()), st.booleans())
def test_no_bytes_make_the_reader_raise(data: bytes, strict: bool) -> None:  # noqa: FBT001
    limits = RemittanceLimits(claim_segments_max=3, findings_max=2)
    items = list(read_remittances(read([data], strict=strict), limits))
    assert data == b"" or items


@settings(deadline=None, max_examples=100)
@given(damaged())
def test_every_start_has_its_end(data: bytes) -> None:
    kinds = [type(item).__name__ for item in read([data])]
    for level in ("Interchange", "Group", "Set"):
        assert kinds.count(f"{level}Start") == kinds.count(f"{level}End")


@settings(deadline=None, max_examples=100)
@given(damaged())
def test_offsets_point_at_the_bytes_of_each_segment(data: bytes) -> None:
    reader = Reader()
    items: list[Item] = [*reader.feed(data), *reader.close()]
    for item in items:
        segment = getattr(item, "segment", item)
        if isinstance(segment, Segment):
            text = segment.separators.element.join(segment.elements)
            assert text.encode("latin-1") == data[segment.offset : segment.offset + segment.length]


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=20), st.text("0123456789.-+ eE_,\u0661", max_size=20)))
def test_b23_the_short_way_to_an_amount_is_the_grammars_way(text: str) -> None:
    assert parse_amount_x12(text) == parse_amount(text)


amounts = st.integers(-1_000_000, 1_000_000)
adjustments = st.lists(
    st.tuples(
        st.sampled_from(["CO", "PR", "OA", "PI"]), st.sampled_from(["1", "45", "23"]), amounts
    ),
    max_size=3,
)
claims = st.lists(
    st.tuples(amounts, adjustments, st.lists(st.tuples(amounts, adjustments), max_size=3)),
    max_size=4,
)
provider_adjustments = st.lists(st.tuples(st.sampled_from(["WO", "FB", "L6"]), amounts), max_size=3)


@st.composite
def remittances(draw: st.DrawFn) -> tuple[Pieces, int]:
    """Draw the segments of a remittance that balances, and its payment."""
    body: Pieces = []
    paid = 0
    for number, (charge, own, lines) in enumerate(draw(claims)):
        line_segments: Pieces = []
        total_charge, total_adjusted = charge, sum(each[2] for each in own)
        if lines:
            total_charge = sum(line_charge for line_charge, _ in lines)
        for line_charge, line_adjustments in lines:
            adjusted = sum(each[2] for each in line_adjustments)
            total_adjusted += adjusted
            line_paid = format_amount(line_charge - adjusted)
            line_segments.append(("SVC", "HC:99213", format_amount(line_charge), line_paid))
            line_segments += [cas(each) for each in line_adjustments]
        claim_paid = total_charge - total_adjusted
        paid += claim_paid
        body.append(
            (
                "CLP",
                f"C{number}",
                "1",
                format_amount(total_charge),
                format_amount(claim_paid),
                "",
                "MC",
                "1",
            )
        )
        body += [cas(each) for each in own]
        body += line_segments
    withheld = draw(provider_adjustments)
    paid -= sum(amount for _, amount in withheld)
    body += [("PLB", "P", "20251231", reason, format_amount(amount)) for reason, amount in withheld]
    return body, paid


def cas(adjustment: tuple[str, str, int]) -> tuple[str, ...]:
    """Return the segment of one adjustment."""
    group, reason, amount = adjustment
    return ("CAS", group, reason, format_amount(amount))


def an_835(body: Pieces, paid: int) -> bytes:
    """Return the interchange of a remittance."""
    payment = ("BPR", "I", format_amount(paid), "C", "ACH", *[""] * 11, "20250116")
    segments = [
        payment,
        ("TRN", "1", "T", "1P"),
        ("N1", "PR", "A"),
        ("N1", "PE", "B"),
        ("LX", "1"),
        *body,
    ]
    content = SetContent(set_id="835", control_number="0001", segments=segments)
    group = GroupContent(
        functional_id="HP", control_number=1, version="005010X221A1", sets=[content]
    )
    return build_interchange(ADDRESS, [group], control_number=1, made_at=MADE_AT)


def read_items(data: bytes) -> list[Item | RemittanceItem]:
    """Return everything a file is read into."""
    return list(read_remittances(read([data])))


def failing_equations(data: bytes) -> set[str]:
    """Return which equations we say fail: service, claim, transaction."""
    end = next(item for item in read_items(data) if isinstance(item, RemittanceEnd))
    return {each.code.split(".")[2] for each in end.faults if each.code.endswith("unbalanced")}


def failing_equations_of_oxedi(data: bytes) -> set[str]:
    """Return which equations the independent judge says fail."""
    rules = (
        re.match(r'balancing rule "(\w+)_balance"', each.rule)
        for each in oxedi.parse(data).diagnostics
    )
    return {rule[1] for rule in rules if rule}


@settings(deadline=None, max_examples=150)
@given(remittances())
def test_a_remittance_that_adds_up_has_no_fault(remittance: tuple[Pieces, int]) -> None:
    items = read_items(an_835(*remittance))
    end = next(item for item in items if isinstance(item, RemittanceEnd))
    assert ((), True) == (end.faults, end.balance.is_balanced)
    assert end.balance.claims_adjusted_minor == sum(
        each.amount_minor
        for item in items
        if isinstance(item, ClaimLoop)
        for each in item.adjustments
    )


@settings(deadline=None, max_examples=150)
@given(remittances(), st.integers(1, 10_000), st.data())
def test_one_amount_changed_is_found_and_the_independent_judge_agrees(
    remittance: tuple[Pieces, int], change: int, data: st.DataObject
) -> None:
    body, paid = remittance
    places = [
        (row, column)
        for row, segment in enumerate(body)
        for column, value in enumerate(segment)
        if re.fullmatch(r"-?[0-9]+\.[0-9]{2}", value)
    ]
    row, column = data.draw(st.sampled_from([(-1, 0), *places]))
    if row < 0:
        paid += change
    else:
        changed = list(body[row])
        changed[column] = format_amount(int(changed[column].replace(".", "")) + change)
        body[row] = tuple(changed)
    file = an_835(body, paid)
    assert failing_equations(file)
    assert failing_equations_of_oxedi(file) == failing_equations(file)
