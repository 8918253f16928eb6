"""Channels of an estate's sources: what translation must know about each (`model/translation.py`).

For whoever reads messages by an estate: intake and reprocessing in the engine, and a rehearsal
(`suture trace FILE`), which differs in one word. How a source is configured is `connections.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from suture.governance.connections import Source
from suture.governance.estate import Estate
from suture.model.identity import Tokenizer
from suture.model.translation import Channel


def open_channel(
    estate: Estate, source: Source, tokenizer: Tokenizer, *, is_rehearsal: bool = False
) -> Channel:
    """Return what translation must know about a source: its overlay and schema included."""
    return Channel(
        source=source.name,
        zone=source.zone,
        tokenizer=tokenizer,
        authority=source.authority,
        charset=source.charset,
        facility=source.facility,
        overlay=estate.overlays.get(source.name),
        schema=estate.schemas.get(source.schema),
        translations=frozenset(source.translations),
        processing=source.processing,
        line_numbers=source.line_numbers,
        ack=source.ack,
        x12=source.x12,
        is_rehearsal=is_rehearsal,
    )


def open_channels(
    estate: Estate,
    sources: Iterable[Source],
    tokenizer: Tokenizer,
    *,
    is_rehearsal: bool = False,
) -> dict[str, Channel]:
    """Return the channels of some sources of an estate, by name."""
    return {
        each.name: open_channel(estate, each, tokenizer, is_rehearsal=is_rehearsal)
        for each in sources
    }
