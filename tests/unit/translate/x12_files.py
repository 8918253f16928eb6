"""X12 files for the tests of translations: the golden examples of the guides, read into facts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from suture.catalogue import SET_TRANSLATORS
from suture.model.event import Fact
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Closed, Piece, Reading, Routed, X12Replies
from suture.translate.x12_common import read_interchanges

EXAMPLES = Path(__file__).parents[2] / "golden" / "x12_guides"
TOKENIZER = Tokenizer(bytes(range(32)))
CHANNEL = Channel(
    source="claims",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=TOKENIZER,
    authority="riverbend",
)


class Told(NamedTuple):
    """What a file means."""

    pieces: list[Piece]

    @property
    def routed(self) -> list[Routed]:
        """Every fact on its way, streamed or not."""
        streamed = [each for each in self.pieces if isinstance(each, Routed)]
        return streamed + [each for verdict in self.verdicts for each in verdict.translation.routed]

    @property
    def facts(self) -> list[Fact]:
        """Every fact, in order."""
        return [each.fact for each in self.routed]

    @property
    def verdicts(self) -> list[Reading]:
        """The verdict on each message."""
        return [each for each in self.pieces if isinstance(each, Reading)]

    @property
    def statuses(self) -> list[tuple[str, str, list[str]]]:
        """Type, status and fault codes of each message."""
        found = [each.translation for each in self.verdicts]
        return [(each.type, each.status, [one.code for one in each.faults]) for each in found]

    @property
    def vault(self) -> dict[str, str]:
        """The values behind the surrogates."""
        return {each.token: each.value for told in self.routed for each in told.secrets}

    @property
    def reply(self) -> list[str]:
        """The segments of the reply, line by line."""
        owed = b"".join(each.reply for each in self.pieces if isinstance(each, Closed))
        return [each for each in owed.decode().split("~") if each]


def example(name: str) -> str:
    """Return an example of the guides by the beginning of its name, as one text."""
    (path,) = EXAMPLES.glob(f"{name}*.edi")
    return path.read_text("latin-1")


def read_text(raw: str | bytes, *, replies: X12Replies | None = None) -> Told:
    """Return what a file means."""
    data = raw.encode("latin-1") if isinstance(raw, str) else raw
    channel = msgspec.structs.replace(CHANNEL, x12=replies) if replies else CHANNEL
    return Told(list(read_interchanges([data], channel, SET_TRANSLATORS)))


def changed(raw: str, old: str, new: str) -> str:
    """Return a text with one thing changed, which stands in it once."""
    assert raw.count(old) == 1, old
    return raw.replace(old, new)


def token(kind: str, authority: str, value: str) -> str:
    """Return a surrogate as the channel makes it."""
    return TOKENIZER.token(kind, authority, value)
