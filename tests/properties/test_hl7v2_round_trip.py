"""What is written reads back, what is read is put back, and no bytes whatever raise (HL7 v2)."""

from __future__ import annotations

from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model.fault import Fault
from suture.wire.hl7v2 import (
    DEFAULT,
    Field,
    Message,
    Repeated,
    acknowledge,
    build,
    escape,
    parse,
    parse_header,
    read_path,
    read_timestamp,
    render,
    segment,
    select,
    split,
    unescape,
)
from suture.wire.hl7v2.segment import HEADERS
from suture.wire.hl7v2.separators import Separators, read_separators

MANY = settings(deadline=None, max_examples=150)
FEW = settings(deadline=None, max_examples=60)


def some_separators() -> list[Separators]:
    """Return the usual set, the one with a truncation character, and two that nobody uses."""
    read = [read_separators(*pair) for pair in (("|", "^~\\&#"), ("#", "!@%*"), ("^", "|~/&"))]
    return [DEFAULT, *(each for each in read if isinstance(each, Separators))]


texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text(st.sampled_from("|^~&\\#!@%*/EFSRTX0D.br\r\n\x0b\x1c\0 a1é\u2028\ufeff"), max_size=12),
)
names = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True).filter(lambda name: name not in HEADERS)
separator_sets = st.sampled_from(some_separators())
header_lines = st.sampled_from(
    [
        b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|17|P|2.5.1",
        b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|17|P|2.3||||||8859/1",
        b"MSH|^~&|A|B|C|D|20260301||ADT|17|P|2.5.1||||||UNICODE UTF-8",
        b"MSH#!@%*#A#B#C#D#20260301##ADT!A01#17#P#2.5.1######ASCII",
        b"\xef\xbb\xbfMSH|^~\\&|A|B|C|D|20260301||ADT^A01|17|P|2.5.1",
        b"\x0bMSH|^\\~\\&|A|B|C|D|20260301||ACK^A01|17|P|2.x",
    ]
)
line_bytes = st.lists(
    st.one_of(
        st.sampled_from([b"PID|", b"\r", b"\n", b"\r\n", b"\\X0D\\", b"\\.br\\", b"~", b"^", b"&"]),
        st.sampled_from([b"|", b"\\", b"\x00", b"\x0b", b"\x1c", b"#", b"ZZZ", b"MSH|", b"BTS|1"]),
        st.binary(max_size=6),
    ),
    max_size=24,
).map(b"".join)
nearly_messages = st.builds(lambda head, rest: head + b"\r" + rest, header_lines, line_bytes)


def built(fields: list[Field], separators: Separators) -> Message:
    header = segment("MSH", {7: "2026", 9: ("ADT", "A01"), 10: "17", 11: "P", 12: "2.7"})
    message = parse(build([header, ["ZAA", *fields]], separators=separators))
    assert isinstance(message, Message)
    return message


@MANY
@given(st.lists(texts, min_size=1, max_size=6), separator_sets)
def test_any_text_written_as_a_field_reads_back(values: list[str], separators: Separators) -> None:
    (written,) = built([*values], separators).all("ZAA")
    assert values == [written.value(number) for number in range(1, len(values) + 1)]
    assert values == [written.whole(number) for number in range(1, len(values) + 1)]


@MANY
@given(
    st.lists(
        st.lists(st.lists(texts, min_size=1, max_size=3), min_size=1, max_size=3),
        min_size=1,
        max_size=3,
    ),
    separator_sets,
)
def test_any_text_written_at_any_depth_reads_back(
    field: list[list[list[str]]], separators: Separators
) -> None:
    (written,) = built([Repeated(field)], separators).all("ZAA")
    read = [
        [
            [
                written.value(1, component, subcomponent, repetition)
                for subcomponent in range(1, len(field[repetition - 1][component - 1]) + 1)
            ]
            for component in range(1, len(field[repetition - 1]) + 1)
        ]
        for repetition in range(1, len(field) + 1)
    ]
    assert field == read


@MANY
@given(texts, separator_sets)
def test_escaping_is_undone_by_unescaping(text: str, separators: Separators) -> None:
    written = escape(text, separators)
    assert text == unescape(written, separators, "utf-8")
    roles = (separators.field, separators.component, separators.repetition, separators.subcomponent)
    assert not set(written) & {*roles, "\r", "\n", "\0", "\x0b", "\x1c"}


@MANY
@given(texts, separator_sets)
def test_no_text_makes_unescaping_fail(text: str, separators: Separators) -> None:
    assert isinstance(unescape(text, separators, "utf-8"), str)


@MANY
@given(st.one_of(st.binary(max_size=80), nearly_messages))
def test_no_bytes_make_reading_fail_and_all_are_put_back(raw: bytes) -> None:
    batch = split(raw)
    assert raw == b"".join(piece.raw for piece in batch.pieces)
    for each in (raw, *batch.messages):
        parse_header(each)
        message = parse(each)
        if isinstance(message, Fault):
            continue
        assert each == render(message)
        assert isinstance(message.faults + message.notes, tuple)
        assert isinstance(message.get("PID-3.1") + message.get("ZZZ[2]-1(2).3.4"), str)


paths = st.builds(
    "{}-{}".format,
    st.sampled_from(["MSH", "PID", "PID[2]", "ZZZ", "BHS", "BTS"]),
    st.sampled_from(["1", "2", "3.1", "3(2)", "3.2", "5", "9", "10", "18", "99.1.2"]),
)


@MANY
@given(nearly_messages, st.lists(paths, min_size=1, max_size=6))
def test_many_values_at_once_are_those_that_paths_lead_to(raw: bytes, asked: list[str]) -> None:
    message, again = parse(raw), parse(raw)
    assert isinstance(message, Message)
    assert isinstance(again, Message)
    read = again.values(select(*asked))
    assert [message.get(path) for path in asked] == read
    assert [_walked(message, path) for path in asked] == read


def _walked(message: Message, path: str) -> str:
    """Follow a path the long way: by the list of all segments."""
    place = read_path(path)
    assert place is not None
    named = [each for each in message.segments if each.name == place.segment]
    if len(named) < place.ordinal:
        return ""
    segment_meant = named[place.ordinal - 1]
    return segment_meant.value(place.field, place.component, place.subcomponent, place.repetition)


@MANY
@given(nearly_messages)
def test_segments_and_fields_agree_with_a_plain_reading(raw: bytes) -> None:
    message = parse(raw)
    if isinstance(message, Fault):
        return
    counts: dict[str, int] = {}
    for position, each in enumerate(message.segments):
        counts[each.name] = counts.get(each.name, 0) + 1
        assert (position, counts[each.name]) == (each.position, each.ordinal)
        if each.name not in HEADERS:
            assert each.render().split(message.separators.field) == each.fields
    for name in counts.keys() - {""}:
        found = [each for each in message.segments if each.name == name]
        assert (found[0], tuple(found)) == (message.first(name), message.all(name))


@FEW
@given(st.lists(nearly_messages.map(lambda raw: raw.partition(b"\r")[0] + b"\r"), max_size=5))
def test_messages_written_after_each_other_are_cut_apart_again(messages: list[bytes]) -> None:
    assert tuple(messages) == split(b"".join(messages)).messages


@FEW
@given(nearly_messages, st.sampled_from(["AA", "AE", "AR", "CA", "CE", "CR"]))
def test_the_answer_to_any_message_can_be_read_and_names_it(raw: bytes, code: str) -> None:
    message = parse(raw)
    if isinstance(message, Fault):
        return
    reply = acknowledge(message, code, control_id="S-1", at="20260301", faults=message.faults)
    if not reply:
        return
    answer = parse(reply)
    assert isinstance(answer, Message)
    assert (code, message.header.text(10)) == (answer.get("MSA-1"), answer.all("MSA")[0].text(2))
    assert () == answer.faults


@MANY
@given(st.one_of(st.text("0123456789+-. ", max_size=26), st.text(max_size=10)))
def test_no_text_makes_a_timestamp_fail(text: str) -> None:
    timestamp = read_timestamp(text, UTC)
    assert timestamp is None or text.startswith(f"{timestamp.at.year:04d}")


@MANY
@given(names, *[st.integers(1, 999)] * 5)
def test_a_path_reads_back_as_written(
    name: str, ordinal: int, field: int, repetition: int, component: int, subcomponent: int
) -> None:
    path = read_path(f"{name}[{ordinal}]-{field}({repetition}).{component}.{subcomponent}")
    assert path is not None
    numbers = (path.ordinal, path.field, path.repetition, path.component, path.subcomponent)
    assert (name, (ordinal, field, repetition, component, subcomponent)) == (path.segment, numbers)
