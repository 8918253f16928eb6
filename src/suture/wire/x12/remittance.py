"""Segments of an 835 into loops, one claim at a time, and the verdict on its balance.

Here: `read_remittances`, which passes the items of a file on with each 835's segments replaced by
its header, claims, provider adjustments and verdict; `read_remittance` for the segments of one
set. Not here: what these values hold (`loops.py`), how a claim is put together (`claim.py`), the
equations (`balance.py`), what they mean in accounts (`translate/x12_835.py`, next).

An unreadable amount is a fault with its path and reading goes on; so is every equation that fails.
A claim number or reason code that is unknown is for the translation to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from suture.model.fault import fault
from suture.wire.x12.balance import Balance, unbalanced_transaction
from suture.wire.x12.claim import OpenClaim, parse_amount, unreadable_amount
from suture.wire.x12.envelope import Item, SetEnd, SetStart
from suture.wire.x12.findings import Findings
from suture.wire.x12.loops import (
    PREDETERMINATION,
    REVERSAL,
    Adjustment,
    ClaimLoop,
    Party,
    ProviderAdjustment,
    RemittanceEnd,
    RemittanceHeader,
    RemittanceItem,
    ServiceLine,
)
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.separators import DEFAULT

__all__ = [
    "PREDETERMINATION",
    "REVERSAL",
    "Adjustment",
    "Balance",
    "ClaimLoop",
    "Party",
    "ProviderAdjustment",
    "RemittanceEnd",
    "RemittanceHeader",
    "RemittanceItem",
    "RemittanceLimits",
    "ServiceLine",
    "read_remittance",
    "read_remittances",
]

_SET_ID = "835"
_OPENING = frozenset(("CLP", "SVC", "CAS", "LX", "PLB"))
_WITHIN_CLAIM = frozenset(("SVC", "CAS"))
_FIRST_PAIR = 3
_EMPTY = Segment("", [], 0, 0, 0, DEFAULT)
"""Stands for a segment that is not there: every element of it is empty."""


class RemittanceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one 835 may make the reader hold."""

    claim_segments_max: int = 50_000
    """Segments of one claim with its lines, or of the header: 999 lines of 50 segments."""
    findings_max: int = 100
    """Faults and notes listed in `RemittanceEnd`, and in each claim; the rest is counted."""


def read_remittances(
    items: Iterable[Item], limits: RemittanceLimits | None = None
) -> Iterator[Item | RemittanceItem]:
    """Replace the segments of each 835 among `items` by what they say; pass everything else on.

    `RemittanceEnd` comes right before the set's `SetEnd`, also for a set that broke off: post
    nothing of a set unless both, and its `GroupEnd` and `InterchangeEnd`, are without faults.
    """
    limits = limits or RemittanceLimits()
    loops = _Loops(limits)
    keep, stop = loops.kept.append, 0
    is_remittance = False
    for item in items:
        if type(item) is Segment and is_remittance:
            if item.id in _OPENING:
                if completed := loops.open(item):
                    yield from completed
                keep, stop = loops.kept.append, loops.stop
            elif item.ordinal < stop:
                keep(item)
            else:
                loops.overflow()
        elif isinstance(item, SetStart) and item.transaction_set.set_id == _SET_ID:
            is_remittance = True
            loops = _Loops(limits)
            keep, stop = loops.kept.append, loops.stop
            yield item
        elif isinstance(item, SetEnd) and is_remittance:
            is_remittance = False
            yield from loops.end()
            yield item
        else:
            yield item


def read_remittance(
    segments: Iterable[Segment], limits: RemittanceLimits | None = None
) -> Iterator[RemittanceItem]:
    """Read the segments of one 835: what stands between its ST and SE."""
    loops = _Loops(limits or RemittanceLimits())
    keep, stop = loops.kept.append, loops.stop
    for segment in segments:
        if segment.id in _OPENING:
            if completed := loops.open(segment):
                yield from completed
            keep, stop = loops.kept.append, loops.stop
        elif segment.ordinal < stop:
            keep(segment)
        else:
            loops.overflow()
    yield from loops.end()


class _Loops:
    """The open loops of one 835 and its sums.

    A segment that opens nothing belongs to what is open: the caller appends it to `kept` while its
    ordinal is below `stop`, and calls `overflow` beyond.
    """

    def __init__(self, limits: RemittanceLimits) -> None:
        self._limits = limits
        self._findings = Findings(limits.findings_max)
        self._header: list[Segment] | None = []
        self._claim: OpenClaim | None = None
        self.kept: list[Segment] = self._header
        self.stop = limits.claim_segments_max
        self._is_overflowing = False
        self._is_readable = True
        self._paid_minor = 0
        self._claims_charge_minor = 0
        self._claims_paid_minor = 0
        self._claims_adjusted_minor = 0
        self._provider_adjusted_minor = 0
        self._claims_count = 0
        self._lines_count = 0
        self._provider_count = 0
        self._lines_unbalanced = 0
        self._claims_unbalanced = 0

    def open(self, segment: Segment) -> Sequence[RemittanceItem]:
        """Take a segment that opens, closes or adjusts a loop; return what that completes."""
        claim = self._claim
        if claim is not None and segment.id in _WITHIN_CLAIM:
            if segment.ordinal >= self.stop:
                self.overflow()
            elif segment.id == "CAS":
                claim.innermost.adjust(segment, claim)
            else:
                claim.open_line(segment)
                self.kept = claim.innermost.segments
            return ()
        completed = self._close()
        self._is_overflowing = False
        self.stop = segment.ordinal + self._limits.claim_segments_max
        match segment.id:
            case "CLP":
                self._claims_count += 1
                self._claim = OpenClaim(
                    segment, self._claims_count, self._findings, self._limits.findings_max
                )
                self.kept = self._claim.innermost.segments
            case "PLB":
                completed += self._adjust_provider(segment)
                self.kept = []
            case "LX":
                self.kept = []
            case _:
                where = f"segment[{segment.ordinal}]"
                self._findings.add(fault("x12.835.loop.misplaced", where), note=True)
        return completed

    def overflow(self) -> None:
        """Refuse a segment beyond the cap, once per loop."""
        if not self._is_overflowing:
            self._is_overflowing = True
            where = f"CLP[{self._claims_count}]" if self._claim else "header"
            self._findings.add(fault("x12.835.loop.too_long", where))

    def end(self) -> list[RemittanceItem]:
        """Close what is open and give the verdict."""
        completed = self._close()
        balance = Balance(
            paid_minor=self._paid_minor,
            claims_charge_minor=self._claims_charge_minor,
            claims_paid_minor=self._claims_paid_minor,
            claims_adjusted_minor=self._claims_adjusted_minor,
            provider_adjusted_minor=self._provider_adjusted_minor,
            claims_count=self._claims_count,
            lines_count=self._lines_count,
            is_complete=self._is_readable,
            lines_unbalanced=self._lines_unbalanced,
            claims_unbalanced=self._claims_unbalanced,
        )
        findings = self._findings
        if balance.is_complete and balance.difference_minor:
            findings.add(unbalanced_transaction(balance))
        completed.append(
            RemittanceEnd(
                balance=balance,
                faults=tuple(findings.faults),
                notes=tuple(findings.notes),
                findings_dropped=findings.dropped,
                errors=tuple(findings.errors),
            )
        )
        return completed

    def _close(self) -> list[RemittanceItem]:
        """Close the header or the claim that is open."""
        if self._header is not None:
            header = self._read_header(self._header)
            self._header = None
            self.kept = []
            return [header]
        claim = self._claim
        if claim is None:
            return []
        self._claim = None
        loop = claim.close()
        self._claims_charge_minor += loop.charge_minor
        self._claims_adjusted_minor += claim.adjusted_minor
        self._lines_count += len(loop.lines)
        self._lines_unbalanced += claim.lines_unbalanced
        self._claims_unbalanced += claim.is_unbalanced
        self._is_readable &= claim.is_readable
        if not loop.is_predetermination:
            self._claims_paid_minor += loop.paid_minor
        return [loop]

    def _read_header(self, segments: list[Segment]) -> RemittanceHeader:
        """Make the header of what stands before the first LX, CLP or PLB."""
        findings = Findings(self._limits.findings_max, self._findings)
        payments = [each for each in segments if each.id == "BPR"]
        traces = [each for each in segments if each.id == "TRN"]
        for segment_id, found in (("BPR", payments), ("TRN", traces)):
            if len(found) != 1:
                explanation = f"the header holds {len(found) or 'no'} {segment_id}, not one"
                findings.add(fault("x12.835.header.incomplete", segment_id, explanation))
        payment = payments[0] if payments else _EMPTY
        trace = traces[0] if traces else _EMPTY
        if traces and not trace.get(2):
            findings.add(fault("x12.835.header.incomplete", "TRN-02", "TRN02 is empty"))
        self._paid_minor = self._amount(payment, 2, "BPR", findings) if payments else 0
        self._is_readable &= bool(payments)
        produced = next(
            (each for each in segments if each.id == "DTM" and each.get(1) == "405"), _EMPTY
        )
        paid_on = read_date(payment.get(16))
        if paid_on is None:
            findings.add(fault("x12.835.payment.date", "BPR-16"), note=True)
        return RemittanceHeader(
            segments=tuple(segments),
            handling=payment.get(1),
            amount_minor=self._paid_minor,
            credit_debit=payment.get(3),
            method=payment.get(4),
            paid_on=paid_on or read_date(produced.get(2)),
            trace=trace.get(2),
            payer_id=trace.get(3),
            payer=_party(segments, "PR"),
            payee=_party(segments, "PE"),
            faults=tuple(findings.faults),
        )

    def _adjust_provider(self, segment: Segment) -> list[ProviderAdjustment]:
        """Read one PLB: payee, fiscal period and up to six pairs of reason:reference and amount."""
        self._provider_count += 1
        where = f"PLB[{self._provider_count}]"
        adjustments = []
        for number in range(_FIRST_PAIR, len(segment.elements), 2):
            if not (segment.get(number) or segment.get(number + 1)):
                continue
            findings = Findings(1, self._findings)
            amount_minor = self._amount(segment, number + 1, where, findings)
            self._provider_adjusted_minor += amount_minor
            adjustments.append(
                ProviderAdjustment(
                    payee_id=segment.get(1),
                    fiscal_period_on=read_date(segment.get(2)),
                    reason=segment.get(number, 1),
                    reference=segment.get(number, 2),
                    amount_minor=amount_minor,
                    where=f"{where}-{number + 1:02d}",
                    faults=tuple(findings.faults),
                )
            )
        return adjustments

    def _amount(self, segment: Segment, number: int, where: str, findings: Findings) -> int:
        """Read an amount of the header or of a PLB; 0, with a fault, when it cannot be read."""
        amount = parse_amount(segment.get(number))
        if amount is None:
            self._is_readable = False
            findings.add(*unreadable_amount(segment, number, where, ""))
        return amount or 0


def _party(segments: list[Segment], role: str) -> Party:
    """Return payer (1000A, N1*PR) or payee (1000B, N1*PE): its N1 and what follows it."""
    members: list[Segment] = []
    for segment in segments:
        if segment.id == "N1":
            if members:
                break
            if segment.get(1) == role:
                members.append(segment)
        elif members:
            members.append(segment)
    if not members:
        return Party(segments=())
    named = members[0]
    return Party(
        segments=tuple(members), name=named.text(2), id_qualifier=named.get(3), id=named.get(4)
    )
