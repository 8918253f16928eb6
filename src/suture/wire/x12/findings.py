"""A bounded list of findings: what is wrong with one set, group, interchange, claim or remittance.

Here: faults (which reject), notes (which do not), and what a 999 says of them. Not here: who finds
them.
"""

from __future__ import annotations

from suture.model.fault import Fault
from suture.wire.x12.envelope import SegmentError


class Findings:
    """Faults and notes, at most `count_max` of them; what is beyond the cap is counted.

    What a part finds its `whole` lists too: a claim's findings are also the remittance's.
    """

    __slots__ = ("_room", "_whole", "dropped", "errors", "faults", "notes")

    def __init__(self, count_max: int, whole: Findings | None = None) -> None:
        self._room = count_max
        self._whole = whole
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []
        self.errors: list[SegmentError] = []
        self.dropped = 0

    def add(self, finding: Fault, error: SegmentError | None = None, *, note: bool = False) -> None:
        """Keep a finding; the first fault whatever the cap: nothing faulty passes as faultless."""
        if self._whole is not None:
            self._whole.add(finding, error, note=note)
        if self._room <= 0 and (note or self.faults):
            self.dropped += 1
            return
        self._room -= 1
        (self.notes if note else self.faults).append(finding)
        if error is not None:
            self.errors.append(error)
