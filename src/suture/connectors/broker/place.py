"""Places in a topic: how a record is called, and the watermark, which says what comes next.

A watermark is text, `TOPIC PARTITION:OFFSET ...`: of each partition that anything was read from,
the offset of the next record. A partition it does not name is read from its first record on.
"""

from __future__ import annotations

import re

from suture.model.fault import Fault, fault

Offsets = dict[int, int]
"""Of each partition, the next offset."""

_WATERMARK = re.compile(r"(\S+)((?: \d{1,9}:\d{1,19})*)", re.ASCII)


def record_name(topic: str, partition: int, offset: int) -> str:
    """Return what a record is called: `TOPIC/PARTITION@OFFSET`."""
    return f"{topic}/{partition}@{offset}"


def read_watermark(text: str, topic: str) -> Offsets | Fault:
    """Return where to go on; nothing where the text is empty. Fault: `broker.watermark.foreign`."""
    if not text:
        return {}
    told = _WATERMARK.fullmatch(text)
    if told is None or told[1] != topic:
        return fault("broker.watermark.foreign", topic)
    pairs = (pair.split(":") for pair in told[2].split())
    return {int(partition): int(offset) for partition, offset in pairs}


def write_watermark(topic: str, offsets: Offsets) -> str:
    """Return the text that `read_watermark` reads."""
    return " ".join((topic, *(f"{each}:{offsets[each]}" for each in sorted(offsets))))
