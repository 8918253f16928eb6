"""Complaints: what goes wrong on connections, logged without letting a peer flood the log.

A peer that opens connections as fast as it can, each one too many (B4), would write a line for
each. The first of its kind from a peer is logged, and then how many came since, once in a while.
"""

from __future__ import annotations

from collections.abc import Callable

from suture.engine.clock import elapsed_seconds
from suture.engine.telemetry import log

QUIET_SECONDS = 10.0
KINDS_MAX = 1_000
"""Kinds and peers told apart at a time; beyond them all is forgotten, and told anew."""


class Complaints:
    """The listeners' observer: one line for each kind, peer and while."""

    def __init__(self, clock: Callable[[], float] = elapsed_seconds) -> None:
        """Take the clock."""
        self._clock = clock
        self._untold: dict[tuple[str, str], int] = {}
        self._told_at: dict[tuple[str, str], float] = {}

    def observe(self, code: str, peer: str) -> None:
        """Note one more; log it where none of its kind was logged lately."""
        kind, now = (code, peer), self._clock()
        self._untold[kind] = self._untold.get(kind, 0) + 1
        if now - self._told_at.get(kind, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        log.warning("connection_fault", code=code, peer=peer, times=self._untold.pop(kind))
        if len(self._told_at) >= KINDS_MAX:
            self._untold.clear()
            self._told_at.clear()
        self._told_at[kind] = now
