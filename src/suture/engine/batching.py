"""Batching: entries that wait become journals, by the policy of their destination.

`immediate` entries (cash) become a journal as soon as the loop sees them; a micro-batch policy
(charges) waits until its oldest entry is old enough or enough have gathered. What a journal holds
is decided in `store/outbox.py` and `ledger/batch.py`; it is sent by `delivery.py`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from itertools import groupby

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

Takes = Callable[[str, str], bool]
"""Whether entries of a legal entity and a policy go to this destination."""


def take_all(entity: str, policy: str) -> bool:  # noqa: ARG001 - as `Takes` asks
    """Take what any entity books under any policy: the only destination there is."""
    return True


def draw_code() -> str:
    """Draw a code that tells this installation's journals from any other's: one in a million."""
    return "".join(secrets.choice(INSTALLATION_LETTERS) for _ in range(INSTALLATION_LENGTH))


class Batching:
    """The loop that makes journals for one destination."""

    def __init__(
        self,
        database: Database,
        destination: str,
        policies: dict[str, Policy],
        takes: Takes = take_all,
    ) -> None:
        """Take the store, the destination's name, its policies by name, and what goes to it.

        An unnamed policy is immediate.
        """
        self._database = database
        self._destination = destination
        self._policies = policies
        self._installation = ""
        self.takes = takes
        """Replaced when a release sends entries elsewhere."""

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
        waiting = await unbatched_ages(self._database)
        ours = [each for each in waiting if self.takes(each.entity, each.policy)]
        for name, group in groupby(ours, key=lambda each: each.policy):
            queues = list(group)
            policy = self._policies.get(name, IMMEDIATE)
            age = QueueAge(
                sum(each.age.entries_count for each in queues),
                max(each.age.oldest_seconds for each in queues),
            )
            if not (everything or policy.is_due(age)):
                continue
            journals = await batch_entries(
                self._database,
                installation=await self._code(),
                policy=name,
                destination=self._destination,
                entries_max=min(policy.entries_max, ENTRIES_MAX),
                entities=[each.entity for each in queues],
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
