"""The tally: what the health system says it has sent, to hold against what was received and booked.

Counted by the sender alone. Messages and files are counted once however often they had to be sent
again; amounts are those of `Planned.totals`, so planted duplicates, held messages and remittances
out of balance are not in them. Written as JSON, whole or not at all. Who counts: `player.py`.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

from suture.simulator.health_system.plan import TOTALS, Planned


class Sum(msgspec.Struct):
    """How many of one kind, and what they are worth in minor units."""

    count: int = 0
    amount_minor: int = 0


class Tally(msgspec.Struct, kw_only=True):
    """What was sent so far."""

    seed: int
    day: int = 0
    """The last day that was played to its end."""
    frames_sent: int = 0
    """Frames written to a connection: messages, duplicates and resends."""
    messages_sent: int = 0
    """Different messages that were acknowledged."""
    duplicates_sent: int = 0
    """Messages sent a second time on purpose."""
    resends: int = 0
    """Frames written again because no positive reply came."""
    digests: list[str] = msgspec.field(default_factory=list)
    """SHA-256 of each message that was acknowledged and each file that was written, once each."""
    acknowledged: dict[str, int] = msgspec.field(default_factory=dict)
    """Replies by code: AA, CA; AE, AR, CE, CR were followed by a resend."""
    connections_lost: int = 0
    files_written: int = 0
    sets_written: int = 0
    """Different 835 transaction sets in those files: a file put there twice brings none."""
    totals: dict[str, Sum] = msgspec.field(default_factory=lambda: {name: Sum() for name in TOTALS})
    """What must be booked: charges, credits, patient_payments, adjustments, remittance_cash."""
    planted: dict[str, int] = msgspec.field(default_factory=dict)
    """Planted faults sent, by name."""
    healed: dict[str, int] = msgspec.field(default_factory=dict)
    """Of these, put right by a later message or file."""
    is_complete: bool = False
    """True when everything asked for was sent and acknowledged."""

    @property
    def sent(self) -> int:
        """Messages, duplicates included, and files that have arrived."""
        return self.messages_sent + self.duplicates_sent + self.files_written

    def count(self, planned: Planned) -> None:
        """Count a message that was acknowledged or a file that was written."""
        if not planned.is_duplicate:
            self.digests.append(sha256(planned.raw).hexdigest())
        if planned.door == "remits":
            self.files_written += 1
            self.sets_written += 0 if planned.is_duplicate else planned.sets_count
        elif planned.is_duplicate:
            self.duplicates_sent += 1
        else:
            self.messages_sent += 1
        for total in planned.totals:
            counted = self.totals[total.name]
            counted.count += total.count
            counted.amount_minor += total.amount_minor
        if planned.planted:
            self.planted[planned.planted] = self.planted.get(planned.planted, 0) + 1
        if planned.heals:
            self.healed[planned.heals] = self.healed.get(planned.heals, 0) + 1

    def count_reply(self, code: str) -> None:
        """Count a reply by its code (MSA-1)."""
        self.acknowledged[code] = self.acknowledged.get(code, 0) + 1

    def write(self, path: Path) -> None:
        """Write the tally to a file, in place of what stood there, whole or not at all."""
        partial = path.with_name(f".{path.name}.part")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        partial.replace(path)


def read_tally(path: Path) -> Tally:
    """Return a tally that was written before.

    Raises OSError when there is none and msgspec.DecodeError when it is none.
    """
    return msgspec.json.decode(path.read_bytes(), type=Tally)
