"""The door of a source that is a FHIR server: asks for what changed, type by type, in sweeps.

A sweep of a type begins a little behind its watermark, the newest `meta.lastUpdated` that was read,
and follows the links of the searchset to its end; then comes the next type. What is met again is
known by its bytes and left out. Each resource is a body of its own, as the server sent it. How the
server is asked is `server.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import msgspec

from suture.connectors.fhir_rest.server import Egresses, Found, Gone, Page, Server
from suture.connectors.fhir_rest.settings import FhirRestSettings
from suture.connectors.fhir_rest.subscription import Subscriptions
from suture.connectors.ports import PULLED_MESSAGES_MAX, PullDoor, Pulled, Surroundings
from suture.model.fault import Fault, fault

PAGES_PER_POLL_MAX = 100
"""Of resources that are known already: then the engine has its turn."""
DIGEST_BYTES = 16

Marks = dict[str, datetime]
"""The watermark: by resource type, the newest change that was read."""


class _Sweep(msgspec.Struct, frozen=True):
    """How far the types have been asked for; None of it is needed after a restart."""

    place: int = 0
    """Of the type in `resources`."""
    next: str = ""
    """The link to go on by; empty where the sweep of the type begins."""
    last: datetime | None = None
    """The change before this page, in whose order the others come."""
    high: datetime | None = None
    """The newest change of the sweep."""
    ended: tuple[tuple[str, datetime], ...] = ()
    """By type, the newest change of the sweeps that have ended: all up to there was read."""


class FhirRestDoor:
    """Resources of a FHIR server; fills the port `PullDoor`."""

    def __init__(
        self,
        settings: FhirRestSettings,
        server: Server,
        subscriptions: Subscriptions,
        egresses: Egresses,
    ) -> None:
        """Take what to ask for and whom; the ways out are closed with the door."""
        self.address = settings.url
        self.interval_seconds = settings.interval_seconds
        self._settings = settings
        self._server = server
        self._subscriptions = subscriptions
        self._egresses = egresses
        self._settled = ""
        """The watermark that `_sweep` and `_seen` belong to."""
        self._sweep = _Sweep()
        self._seen: dict[bytes, tuple[str, datetime | None]] = {}
        self._pending: dict[bytes, tuple[str, datetime | None]] = {}
        self._pending_sweep = _Sweep()

    async def poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        marks = read_watermark(watermark)
        if isinstance(marks, Fault):
            return marks
        sweep = self._sweep if watermark == self._settled else _Sweep()
        ended_count, is_renewed = 0, False
        for _ in range(PAGES_PER_POLL_MAX):
            _raise(marks, sweep.ended)
            kind = self._settings.resources[sweep.place % len(self._settings.resources)]
            page = await self._ask(kind, sweep, marks)
            if isinstance(page, Fault):
                return page
            if isinstance(page, Gone):
                if not sweep.next or is_renewed:
                    return fault("fhir_rest.paging.expired", kind)
                sweep, is_renewed = _Sweep(place=sweep.place, ended=sweep.ended), True
                continue
            if page.next and page.next == sweep.next:
                explanation = "a page leads to itself"
                return fault("fhir_rest.answer.unreadable", kind, explanation)
            if self._settings.is_sorted and not _is_in_order(page.found, sweep.last):
                return fault("fhir_rest.order.ignored", kind)
            new = self._new(page.found, self._begin(kind, marks))
            if new:
                return self._pulled(kind, page, new, sweep, marks)
            sweep = _after(sweep, kind, page)
            ended_count += not page.next
            if ended_count == len(self._settings.resources):
                break
        self._sweep = sweep
        return await self._subscriptions.keep() or []

    async def settled(self, watermark: str) -> None:
        self._settled = watermark
        self._sweep = self._pending_sweep
        self._seen |= self._pending
        marks = read_watermark(watermark)
        if isinstance(marks, Fault):
            return
        _raise(marks, self._sweep.ended)
        self._seen = {
            digest: (kind, at)
            for digest, (kind, at) in self._seen.items()
            if at is None or at >= self._begin(kind, marks)
        }

    async def close(self) -> None:
        await self._egresses.close()

    async def _ask(self, kind: str, sweep: _Sweep, marks: Marks) -> Page | Gone | Fault:
        if sweep.next:
            return await self._server.follow(kind, sweep.next)
        begin = self._begin(kind, marks).astimezone(UTC)
        at = begin.replace(tzinfo=None).isoformat(timespec="milliseconds")
        query = {
            "_lastUpdated": f"ge{at}Z",
            "_sort": "_lastUpdated",
            "_count": str(self._settings.page_count),
        }
        return await self._server.search(kind, query)

    def _new(self, found: Sequence[Found], begin: datetime) -> list[Found]:
        """Return what was not read yet. A server may ignore `_lastUpdated`."""
        return [
            each
            for each in found
            if (each.changed_at is None or each.changed_at >= begin)
            and digest_of(each.raw) not in self._seen
        ]

    def _begin(self, kind: str, marks: Marks) -> datetime:
        """Return from when on changes of a type are asked for."""
        first = datetime.fromisoformat(self._settings.begin)
        if kind not in marks:
            return first
        return max(first, marks[kind] - timedelta(seconds=self._settings.overlap_seconds))

    def _pulled(
        self, kind: str, page: Page, new: Sequence[Found], sweep: _Sweep, marks: Marks
    ) -> list[Pulled]:
        """Return resources with the watermark after each: never ahead of what was returned."""
        taken = new[:PULLED_MESSAGES_MAX]
        is_whole = len(taken) == len(new)
        after = _after(sweep, kind, page) if is_whole else sweep  # else the page is asked for again
        pulled = []
        for each in taken:
            if self._settings.is_sorted and each.changed_at is not None:
                _raise(marks, ((kind, each.changed_at),))
            if each is taken[-1]:
                _raise(marks, after.ended)
            pulled.append(Pulled(each.raw, written(marks)))
        self._pending = {digest_of(each.raw): (kind, each.changed_at) for each in taken}
        self._pending_sweep = after
        return pulled


def _after(sweep: _Sweep, kind: str, page: Page) -> _Sweep:
    """Return where to go on after all of a page was read."""
    changes = [each.changed_at for each in page.found if each.changed_at is not None]
    last = changes[-1] if changes else sweep.last
    high = max([*changes, *([sweep.high] if sweep.high is not None else [])], default=None)
    if page.next:
        return msgspec.structs.replace(sweep, next=page.next, last=last, high=high)
    ended = dict(sweep.ended)
    if high is not None:
        _raise(ended, ((kind, high),))
    return _Sweep(place=sweep.place + 1, ended=tuple(ended.items()))


def _raise(marks: Marks, reached: Sequence[tuple[str, datetime]]) -> None:
    for kind, at in reached:
        marks[kind] = max(at, marks.get(kind, at))


def _is_in_order(found: Sequence[Found], last: datetime | None) -> bool:
    for each in found:
        if each.changed_at is not None:
            if last is not None and each.changed_at < last:
                return False
            last = each.changed_at
    return True


def digest_of(raw: bytes) -> bytes:
    """Return what a resource is known by when it is met again."""
    return blake2b(raw, digest_size=DIGEST_BYTES).digest()


def written(marks: Marks) -> str:
    """Return the watermark as it is kept: JSON, by resource type."""
    return msgspec.json.encode({kind: marks[kind].isoformat() for kind in sorted(marks)}).decode()


def read_watermark(watermark: str) -> Marks | Fault:
    """Read a watermark that was kept; empty before the first."""
    if not watermark:
        return {}
    try:
        told = msgspec.json.decode(watermark, type=dict[str, str])
        marks = {kind: datetime.fromisoformat(at) for kind, at in told.items()}
    except (msgspec.MsgspecError, ValueError):
        return fault("fhir_rest.watermark.unreadable", "watermark")
    if any(at.tzinfo is None for at in marks.values()):
        return fault("fhir_rest.watermark.unreadable", "watermark")
    return marks


async def open_door(settings: FhirRestSettings, surroundings: Surroundings) -> PullDoor | Fault:
    """Open the door; the server is first asked when it is polled."""
    egresses = Egresses(settings)
    reached = egresses.to(settings.url)
    if isinstance(reached, Fault):
        return reached
    server = Server(settings, surroundings.secret, egresses)
    subscriptions = Subscriptions(settings, server, surroundings.secret, surroundings.name)
    return FhirRestDoor(settings, server, subscriptions, egresses)
