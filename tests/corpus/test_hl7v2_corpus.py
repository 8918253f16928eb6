"""Third-party HL7 v2 files: read, put back byte for byte, and compared with another reader.

The files lie outside the checkout; where they are absent these tests are skipped.
"""

from __future__ import annotations

import re
from pathlib import Path

import hl7  # type: ignore[import-untyped]  # It ships no types.
import pytest

from suture.model.fault import Fault
from suture.wire.hl7v2 import Message, parse, render, split

_FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "hl7v2"
_FIVE = [("MSH", 9, 1), ("MSH", 10, 1), ("PID", 3, 1), ("PID", 5, 1), ("PV1", 19, 1)]

pytestmark = pytest.mark.skipif(not _FOLDER.is_dir(), reason="corpus absent")


def _files() -> list[Path]:
    return sorted(path for path in _FOLDER.rglob("*") if path.is_file())


def _messages() -> list[tuple[str, bytes, Message | Fault]]:
    return [
        (f"{path.name}[{number}]", raw, parse(raw))
        for path in _files()
        for number, raw in enumerate(split(path.read_bytes()).messages, 1)
    ]


@pytest.fixture(scope="module")
def messages() -> list[tuple[str, bytes, Message | Fault]]:
    """Return every message of the corpus: where it is from, its bytes, and what was read."""
    return _messages()


def test_every_file_is_cut_without_losing_a_byte() -> None:
    files = _files()
    assert 334 == len(files)
    for path in files:
        data = path.read_bytes()
        assert data == b"".join(piece.raw for piece in split(data).pieces), path.name


def test_every_message_that_starts_a_line_is_found(
    messages: list[tuple[str, bytes, Message | Fault]],
) -> None:
    starts = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])MSH[^A-Za-z0-9]")
    expected = sum(len(starts.findall(path.read_bytes())) for path in _files())
    assert expected == len(messages)


def test_only_the_two_messages_without_a_version_are_refused(
    messages: list[tuple[str, bytes, Message | Fault]],
) -> None:
    refused = {where: read.code for where, _, read in messages if isinstance(read, Fault)}
    assert {
        "empty_segments.hl7[1]": "hl7.header.short",
        "test.hl7[1]": "hl7.header.short",
    } == refused


def test_every_message_is_put_back_byte_for_byte(
    messages: list[tuple[str, bytes, Message | Fault]],
) -> None:
    for where, raw, read in messages:
        if isinstance(read, Message):
            assert raw == render(read), where


def test_only_the_message_with_broken_names_is_held(
    messages: list[tuple[str, bytes, Message | Fault]],
) -> None:
    held = {
        where: [found.code for found in read.faults]
        for where, _, read in messages
        if isinstance(read, Message) and read.faults
    }
    assert {"invalid-segment-header-length.hl7[1]": ["hl7.segment.name"] * 2} == held


def test_only_the_batches_with_a_wrong_count_are_held() -> None:
    held = {
        path.name: [found.explanation for found in batch.faults]
        for path in _files()
        if (batch := split(path.read_bytes())).faults
    }
    assert {
        "BundleToHl7v2.hl7": ["the trailer counts 1, 2 arrived"],
        "empty-batch.hl7": ["the trailer counts 2, 0 arrived"],
        "test-0001-input-covid-19.hl7": ["the trailer counts 25, 20 arrived"],
    } == held


def test_five_fields_are_what_another_reader_finds(
    messages: list[tuple[str, bytes, Message | Fault]],
) -> None:
    """The other reader knows CR as the only segment end and takes MSH-2 by position.

    So it is given CR, and the usual MSH-2 where a header has an odd one: then all values agree.
    """
    for where, raw, read in messages:
        if isinstance(read, Fault):
            continue
        text = raw.decode(read.charset).lstrip("\ufeff\x0b\r\n")
        text = re.sub(r"[\r\n]+", "\r", text).rstrip("\r\x1c\x0b ")
        if any(note.code == "hl7.lenient.separators" for note in read.notes):
            text = text.replace(read.separators.encoding_characters, "^~\\&", 1)
        other = hl7.parse(text)
        for name, field, component in _FIVE:
            segment = read.first(name)
            value = "" if segment is None else segment.value(field, component)
            assert _other_value(other, name, field, component) == value, (where, name, field)


def _other_value(message: hl7.Message, name: str, field: int, component: int) -> str:
    try:
        return str(message.extract_field(name, 1, field, 1, component))
    except (KeyError, LookupError):
        return ""
