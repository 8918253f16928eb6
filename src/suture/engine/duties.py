"""What each role of worker does: sources listened to, files fetched, events run, journals sent.

A duty begins under a release, goes on under the next one without a restart where it can, and
drains. It knows kinds of doors and no connector: `connectors/registry.py` opens them, `doors.py`
keeps them open. The loops themselves are in `intake.py`, `file_intake.py`, `pull_intake.py`,
`runner.py`, `batching.py` and `delivery.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from suture.connectors import registry
from suture.connectors.erp import ErpDestination
from suture.connectors.ports import (
    BodyVerdict,
    FileDoor,
    FramedDoor,
    MessageDestination,
    PullDoor,
    Surroundings,
)
from suture.engine.batching import Batching, Policy, Takes
from suture.engine.body_intake import BodyIntake
from suture.engine.clock import now_ms
from suture.engine.complaints import Complaints
from suture.engine.delivery import Delivery, Retry
from suture.engine.doors import Doors, Opened
from suture.engine.file_intake import FileIntake
from suture.engine.intake import Intake
from suture.engine.loops import Loops
from suture.engine.pull_intake import PullIntake
from suture.engine.runner import Runner
from suture.engine.telemetry import log
from suture.engine.telling import Telling
from suture.engine.transmissions import Transmissions
from suture.governance.channels import open_channels
from suture.governance.connections import Destination, Source
from suture.governance.connector import SourceKind
from suture.governance.estate import Estate
from suture.governance.receivers import Receiver
from suture.governance.routes import destination_of
from suture.model.event import Event, Reconsidered
from suture.model.fault import Fault
from suture.model.identity import Tokenizer, derive_id
from suture.model.translation import Channel
from suture.security.keys import KeyRing
from suture.store.database import Database
from suture.store.releases import ActiveRelease, Door, append_reconsidered, waiting_streams

LEASE_MARGIN_SECONDS = 5.0

SOURCE_ROLES: dict[SourceKind, Literal["intake", "files"]] = {
    "message": "intake",
    "file": "files",
    "pull": "files",
}
"""Which worker opens the doors of a kind. Who listens answers at once, whatever else comes in."""

Secrets = Callable[[str], str]
"""Resolves a reference to a secret (`env:NAME`, `file:path`) when it is needed."""


def sources_of(estate: Estate, role: str) -> list[Source]:
    """Return the sources whose doors the workers of a role open."""
    return [each for each in estate.sources.values() if SOURCE_ROLES[each.settings.kind] == role]


def open_journals(destination: Destination, secrets: Secrets) -> ErpDestination | Fault:
    """Open a destination of an estate; its token is asked for whenever it is needed."""
    return registry.open_journals(destination.settings, lambda: secrets(destination.token))


class Keeping(msgspec.Struct, frozen=True):
    """What duties that take messages in keep them with."""

    database: Database
    key_ring: KeyRing
    tokenizer: Tokenizer
    partitions_count: int
    home: Path
    """The installation's folder, in which relative paths of sources lie."""
    secrets: Secrets

    def transmissions(self) -> Transmissions:
        """Return what takes bodies of several messages into the store."""
        return Transmissions(self.database, self.key_ring, self.partitions_count)

    def surroundings(self, source: Source) -> Surroundings:
        """Return what the door of a source may know of where it is opened."""
        return Surroundings(source.name, self.home, self.secrets)


class IntakeDuty:
    """Listens for every source that tells us: one whose port is taken waits for it alone."""

    def __init__(self, keeping: Keeping) -> None:
        """Take the store and the keys."""
        self._keeping = keeping
        self._intake = Intake(keeping.database, keeping.key_ring, keeping.partitions_count)
        self._bodies = BodyIntake(self._intake, keeping.transmissions())
        self._channels: dict[str, Channel] = {}
        self._doors = Doors(self._open)
        self._complaints = Complaints()

    async def start(self, estate: Estate, release: ActiveRelease) -> None:
        """Open every door that can be opened."""
        self._intake.start()
        await self.change(estate, release)

    async def change(self, estate: Estate, release: ActiveRelease) -> None:  # noqa: ARG002 - a duty's signature
        """Translate by the new release from the next message on, at the places it names."""
        sources = sources_of(estate, "intake")
        # What a source that is gone has under way is still finished by its own channel.
        self._channels |= open_channels(estate, sources, self._keeping.tokenizer)
        await self._doors.settle(sources)

    def doors(self) -> tuple[Door, ...]:
        """Return how the door of each source is."""
        return self._doors.told()

    async def _open(self, source: Source) -> Opened | Fault:
        met: Counter[str] = Counter()

        def observe(code: str, peer: str) -> None:
            met[code] += 1
            self._complaints.observe(code, peer)

        taker = _SourceTaker(source.name, self._channels, self._intake, self._bodies, observe)
        surroundings = self._keeping.surroundings(source)
        door = await registry.open_message_door(source.settings, taker, surroundings)
        if isinstance(door, Fault):
            return door

        def seen() -> tuple[Counter[str], int]:
            return met, door.unframed_bytes if isinstance(door, FramedDoor) else 0

        return Opened(door.address, door.drain, seen=seen)

    async def drain(self) -> None:
        """Answer what is complete, commit what is queued, close."""
        await self._doors.drain()
        await self._intake.drain()


class _SourceTaker:
    """Takes what one source's door is told, by the channel of the release in force."""

    def __init__(
        self,
        name: str,
        channels: dict[str, Channel],
        intake: Intake,
        bodies: BodyIntake,
        observe: Callable[[str, str], None],
    ) -> None:
        self._name = name
        self._channels = channels
        self._intake = intake
        self._bodies = bodies
        self.observe = observe

    async def receive(self, raw: bytes) -> bytes:
        return await self._intake.receive(raw, self._channels[self._name])

    async def refuse(self, remains: bytes, reason: Fault) -> bytes:
        return await self._intake.refuse(remains, reason, self._channels[self._name])

    async def receive_body(self, raw: bytes) -> BodyVerdict:
        return await self._bodies.receive_body(raw, self._channels[self._name])


class FilesDuty:
    """Fetches: files where they are found, and messages where somebody is to be asked for them."""

    def __init__(self, keeping: Keeping) -> None:
        """Take the store, the keys and the folder that relative inboxes lie in."""
        self._keeping = keeping
        self._transmissions = keeping.transmissions()
        self._doors = Doors(self._open)
        self._channels: dict[str, Channel] = {}
        self._intakes: dict[str, FileIntake | PullIntake] = {}

    async def start(self, estate: Estate, release: ActiveRelease) -> None:
        """Begin to look wherever one can look."""
        await self.change(estate, release)

    async def change(self, estate: Estate, release: ActiveRelease) -> None:  # noqa: ARG002 - a duty's signature
        """Translate by the new release from the next file on, in the places it names."""
        sources = sources_of(estate, "files")
        self._channels |= open_channels(estate, sources, self._keeping.tokenizer)
        await self._doors.settle(sources)
        for name, intake in self._intakes.items():
            intake.channel = self._channels[name]

    def doors(self) -> tuple[Door, ...]:
        """Return how the door of each source is."""
        return self._doors.told()

    async def _open(self, source: Source) -> Opened | Fault:
        channel, surroundings = self._channels[source.name], self._keeping.surroundings(source)
        intake: FileIntake | PullIntake
        door: PullDoor | FileDoor[Any] | Fault
        if source.settings.kind == "pull":
            door = await registry.open_pull_door(source.settings, surroundings)
            if isinstance(door, Fault):
                return door
            intake = PullIntake(self._transmissions, door, channel)
        else:
            door = await registry.open_file_door(source.settings, surroundings)
            if isinstance(door, Fault):
                return door
            intake = FileIntake(self._transmissions, door, channel)
        self._intakes[source.name] = intake
        loops = Loops()
        loops.add(intake.run(loops.stop), f"files-{source.name}")

        async def close() -> None:
            await loops.drain()
            await door.close()

        return Opened(door.address, close, lambda: intake.trouble)

    async def drain(self) -> None:
        """Finish what is under way."""
        await self._doors.drain()


class RunnerDuty:
    """Handles events under the books in force."""

    def __init__(self, database: Database, owner: str, partitions_count: int) -> None:
        """Take the store and this worker's name."""
        self._database = database
        self._owner = owner
        self._partitions_count = partitions_count
        self._runner: Runner | None = None
        self._loops = Loops()

    async def start(self, estate: Estate, release: ActiveRelease) -> None:
        """Begin to run; work that was parked under an earlier release is asked again."""
        self._runner = Runner(self._database, self._owner, estate.books, self._partitions_count)
        await self._reconsider(release)
        self._loops.add(self._runner.run(self._loops.stop), "runner")

    async def change(self, estate: Estate, release: ActiveRelease) -> None:
        """Decide the next batch by the new books; ask every stream that waits to decide again."""
        if self._runner is not None:
            await self._runner.change_books(estate.books)
        await self._reconsider(release)

    def doors(self) -> tuple[Door, ...]:
        """Return none: events come from the store."""
        return ()

    async def _reconsider(self, release: ActiveRelease) -> None:
        at_ms = now_ms()
        events = []
        for stream in await waiting_streams(self._database):
            # Every runner asks for itself: only when the owner of a stream has the new books is it
            # sure to be asked under them.
            identity = derive_id("evt", release.number, release.id, stream, self._owner)
            events.append(
                Event(
                    id=identity,
                    stream=stream,
                    fact=Reconsidered(release=release.id, number=release.number),
                    source="release",
                    message_id=release.id,
                    where="",
                    stamp=identity,
                    received_at_ms=at_ms,
                )
            )
        if events:
            await append_reconsidered(self._database, events, self._partitions_count)

    async def drain(self) -> None:
        """Finish the batch under way and give the leases back."""
        await self._loops.drain()


class DeliveryDuty:
    """Makes journals and sends them, and tells receivers, each destination in loops of its own."""

    def __init__(
        self, database: Database, owner: str, secrets: Secrets, key_ring: KeyRing, home: Path
    ) -> None:
        """Take the store, this worker's name, how to read secrets, the keys, and our folder."""
        self._database = database
        self._owner = owner
        self._secrets = secrets
        self._key_ring = key_ring
        self._home = home
        self._loops = Loops()
        self._tellings: dict[str, Telling] = {}
        self._receivers: list[MessageDestination] = []
        self._opened: dict[str, ErpDestination] = {}
        self._batchings: dict[str, Batching] = {}

    async def start(self, estate: Estate, release: ActiveRelease) -> None:
        """Open every destination."""
        await self.change(estate, release)

    async def change(self, estate: Estate, release: ActiveRelease) -> None:  # noqa: ARG002 - a duty's signature
        """Open destinations that are new, and send each entry where this release sends it.

        Other settings of a destination change at the next start; one that is gone is still sent
        what is queued for it.
        """
        for name, batching in self._batchings.items():
            batching.takes = _takes(estate, name)
        for destination in estate.destinations.values():
            if destination.name not in self._opened:
                self._open(destination, _takes(estate, destination.name))
        for receiver in estate.receivers.values():
            if receiver.name in self._tellings:
                self._tellings[receiver.name].receiver = receiver
            else:
                await self._open_receiver(receiver)

    async def _open_receiver(self, receiver: Receiver) -> None:
        surroundings = Surroundings(receiver.name, self._home, self._secrets)
        opened = await registry.open_messages(receiver.settings, surroundings)
        if isinstance(opened, Fault):
            log.error("destination_refused", destination=receiver.name, code=opened.code)
            return
        telling = Telling(self._database, receiver, opened, self._key_ring, self._owner)
        await telling.begin()
        self._tellings[receiver.name] = telling
        self._receivers.append(opened)
        self._loops.add(telling.run(self._loops.stop), f"telling-{receiver.name}")

    def doors(self) -> tuple[Door, ...]:
        """Return none: journals go out."""
        return ()

    def _open(self, destination: Destination, takes: Takes) -> None:
        opened = open_journals(destination, self._secrets)
        if isinstance(opened, Fault):
            log.error("destination_refused", destination=destination.name, code=opened.code)
            return
        self._opened[destination.name] = opened
        policies = {
            name: Policy(policy.seconds_max, policy.entries_max)
            for name, policy in destination.policies.items()
        }
        retry = Retry(destination.retry.seconds_min, destination.retry.seconds_max)
        batching = Batching(self._database, destination.name, policies, takes)
        self._batchings[destination.name] = batching
        delivery = Delivery(
            self._database,
            destination.name,
            opened,
            self._owner,
            retry,
            lease_seconds=2 * destination.settings.attempt_seconds_max + LEASE_MARGIN_SECONDS,
            per_second_max=destination.rate.per_second_max,
        )
        self._loops.add(batching.run(self._loops.stop), f"batching-{destination.name}")
        self._loops.add(delivery.run(self._loops.stop), f"delivery-{destination.name}")

    async def drain(self) -> None:
        """Finish the journals under way."""
        await self._loops.drain()
        await asyncio.gather(*(opened.close() for opened in self._opened.values()))
        await asyncio.gather(*(opened.close() for opened in self._receivers))


def _takes(estate: Estate, name: str) -> Takes:
    """Return what goes to a destination under this estate."""

    def takes(entity: str, policy: str) -> bool:
        return destination_of(estate.destinations, entity, policy) == name

    return takes
