"""Batching: entries that wait become journals, by the policy of their destination.

`immediate` entries (cash) become a journal as soon as the loop sees them; a micro-batch policy
(charges) waits until its oldest entry is old enough or enough have gathered. What a journal holds
is decided in `store/outbox.py` and `ledger/batch.py`; it is sent by `delivery.py`.
"""

from __future__ import annotations

import asyncio
import secrets

import msgspec

from suture.engine.telemetry import log
from suture.ledger.batch import INSTALLATION_LENGTH, INSTALLATION_LETTERS
from suture.store.database import Database, StoreUnavailableError
from suture.store.outbox import QueueAge, batch_entries, unbatched_ages
from suture.store.releases import installation_code

IDLE_SECONDS = 0.1
ENTRIES_MAX = 2_000


class Policy(msgspec.Struct, frozen=True):
    """When waiting entries become a journal.

    After `seconds_max`, or when `entries_max` have gathered.
    """

    seconds_max: float = 0.0
    entries_max: int = ENTRIES_MAX

    def is_due(self, age: QueueAge) -> bool:
        """Whether what waits should become a journal now."""
        return age.oldest_seconds >= self.seconds_max or age.entries_count >= self.entries_max


IMMEDIATE = Policy()


def draw_code() -> str:
    """Draw a code that tells this installation's journals from any other's: one in a million."""
    return "".join(secrets.choice(INSTALLATION_LETTERS) for _ in range(INSTALLATION_LENGTH))


class Batching:
    """The loop that makes journals for one destination."""

    def __init__(self, database: Database, destination: str, policies: dict[str, Policy]) -> None:
        """Take the store, the destination's name and its policies by name.

        An unnamed policy is immediate.
        """
        self._database = database
        self._destination = destination
        self._policies = policies
        self._installation = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Make journals until told to stop."""
        while not stop.is_set():
            try:
                made = await self.turn()
            except StoreUnavailableError:
                await asyncio.sleep(0.2)
                continue
            if not made:
                await asyncio.sleep(IDLE_SECONDS)

    async def turn(self, *, everything: bool = False) -> int:
        """Make the journals that are due (or of everything that waits); return how many."""
        made = 0
        for name, age in (await unbatched_ages(self._database)).items():
            policy = self._policies.get(name, IMMEDIATE)
            if not (everything or policy.is_due(age)):
                continue
            journals = await batch_entries(
                self._database,
                installation=await self._code(),
                policy=name,
                destination=self._destination,
                entries_max=min(policy.entries_max, ENTRIES_MAX),
            )
            made += len(journals)
            for journal in journals:
                log.info(
                    "journal_made",
                    reference=journal.reference,
                    policy=name,
                    lines=len(journal.lines),
                )
        return made

    async def _code(self) -> str:
        """Return the code in our references; it was drawn when the first journal was made."""
        if not self._installation:
            self._installation = await installation_code(self._database, draw_code())
        return self._installation
