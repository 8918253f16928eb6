"""A source is read alike by whoever reads it: a rehearsal differs in one word."""

from __future__ import annotations

import msgspec

from suture.cli.estates import sample_estate
from suture.connectors.registry import CONNECTORS
from suture.governance.channels import open_channel, open_channels
from suture.governance.estate import Estate, load
from suture.model.identity import Tokenizer

TOKENIZER = Tokenizer(b"an index key of the tests, 32 bytes")


def riverbend() -> Estate:
    estate = load(sample_estate(), CONNECTORS)
    assert isinstance(estate, Estate)
    return estate


def test_a_rehearsal_reads_by_the_channel_that_its_source_has() -> None:
    estate = riverbend()
    sources = estate.sources.values()
    live = open_channels(estate, sources, TOKENIZER)
    rehearsed = open_channels(estate, sources, TOKENIZER, is_rehearsal=True)
    assert set(live) == set(estate.sources)
    assert not any(each.is_rehearsal for each in live.values())
    assert rehearsed == {
        name: msgspec.structs.replace(each, is_rehearsal=True) for name, each in live.items()
    }


def test_a_channel_says_all_that_its_source_says() -> None:
    estate = riverbend()
    source = estate.sources["charges"]
    channel = open_channel(estate, source, TOKENIZER)
    told = msgspec.structs.asdict(channel)
    shared = {name: told[name] for name in told if hasattr(source, name)}
    assert shared["ack"] == source.ack
    differing = [
        name
        for name, value in shared.items()
        if name not in {"translations", "schema"} and value != getattr(source, name)
    ]
    assert [] == differing
    assert channel.translations == frozenset(source.translations)
    assert channel.overlay is estate.overlays.get("charges")
    assert channel.schema is estate.schemas.get(source.schema)
