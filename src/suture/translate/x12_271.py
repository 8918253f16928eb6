"""Translates the 271: a `CoverageReported` for each person a payer answers about.

A unit is a subscriber's level (2000C) with the dependents in it (2000D). An answer goes to the
stream of the question whose trace it echoes (`x12_270.py`), and to the coverage's own, where what
is known of a member is kept. A refusal (AAA) goes to its question alone; one that names nobody
holds the set for a person. Texts (MSG, EB05) stay in the raw message: nobody knows what is in them.
Not here: how an answer is written (`x12_270_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from suture.model.coverage import Benefit, CoverageReported
from suture.model.money import parse_amount_x12
from suture.model.translation import Channel, Routed
from suture.translate.x12_inquiry_common import (
    ANSWERED,
    Subject,
    Telling,
    coverage_of,
    dated,
    group_of,
    identifier_of,
    made,
    question_of,
    read_trace,
    refusals_of,
    refused_at_once,
    repeated,
    subjects_of,
    surrogate,
    whom,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_ACTIVE = frozenset(("1", "2", "3", "4", "5"))
_INACTIVE = frozenset(("6", "7", "8"))
_THE_PLAN = "30"
"""EB03: health benefit plan coverage as a whole."""
_BEGINS, _ENDS = ("346", "356", "291", "307"), ("347", "357")
"""DTP01 of the plan: begin, eligibility begin, a period of either; end, eligibility end."""
_BENEFIT_BEGINS = ("348", "193", "292", "290", "291", "307", "472")
_BENEFIT_ENDS = ("349", "194")
_YES_OR_NO = {"Y": True, "N": False}


class _Reading:
    """One 271 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._set = transaction_set
        self._channel = channel
        self._last: Unit | None = None

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Return the answers of one subscriber's level, each for its question and its coverage."""
        self._last = unit
        for subject in subjects_of(unit.loop):
            yield from self._reported(unit, subject)

    def end(self, end: UnitsEnd) -> Ending:
        """Hold a set that refuses without naming anybody."""
        refused = refused_at_once(end, self._last, self._set)
        if refused is None:
            return Ending()
        return Ending(notes=(refused,)) if self._last else Ending(faults=(refused,))

    def _reported(self, unit: Unit, subject: Subject) -> Iterable[Routed]:
        telling = Telling(self._channel)
        payer = identifier_of(unit.find("2100A"))
        holder, dependent = subject.holder, subject.dependent and subject.named
        coverage = coverage_of(telling, payer, holder, dependent)
        trace = read_trace(subject.traced, ANSWERED)
        number, reported_on = made(unit.around, self._set)
        where = f"{self._set.where}/{(subject.dependent or subject.subscriber).where}"
        benefits = tuple(
            self._benefit(each, segment) for each in subject.services for segment in each.all("EB")
        )
        inquiry = question_of(telling, "inquiry", payer, trace, number, coverage or where)
        begins, ends = _standing_days(subject)
        fact = CoverageReported(
            coverage=coverage,
            inquiry=inquiry,
            asker=trace.asker if trace else "",
            **whom(telling, payer, holder, dependent),
            group=group_of(subject),
            provider=identifier_of(unit.find("2100B")),
            report=surrogate("rep", payer, number, inquiry, where),
            is_active=_is_active(benefits),
            refusals=refusals_of(
                (*unit.around, subject.subscriber, subject.dependent, *subject.services)
            ),
            starts_on=begins,
            ends_on=ends,
            benefits=benefits,
            reported_on=reported_on,
            where=where,
        )
        yield Routed(f"inquiry/{inquiry}", fact, where, telling.secrets)
        if coverage and benefits:  # A refusal says nothing of the coverage.
            yield Routed(f"coverage/{coverage}", fact, where)

    def _benefit(self, loop: LoopNode, told: Segment) -> Benefit:
        begins, ends = dated(loop, _BENEFIT_BEGINS, _BENEFIT_ENDS)
        return Benefit(
            information=told.get(1),
            level=told.get(2),
            services=tuple(repeated(told, 3)),
            insurance_type=told.get(4),
            period=told.get(6),
            amount_minor=parse_amount_x12(told.get(7)),
            percent=told.get(8),
            quantity_kind=told.get(9),
            quantity=told.get(10),
            is_authorization_required=_YES_OR_NO.get(told.get(11)),
            is_in_network=_YES_OR_NO.get(told.get(12)),
            procedure=told.get(13, 2),
            starts_on=begins,
            ends_on=ends,
            where=f"{self._set.where}/{loop.place(told)}",
        )


def _is_active(benefits: Sequence[Benefit]) -> bool | None:
    """Tell whether the plan itself is in force; by its services alone where it is not told."""
    told = [each for each in benefits if each.information in _ACTIVE | _INACTIVE]
    of_plan = [each for each in told if _THE_PLAN in each.services or not each.services]
    judged = of_plan or told
    return any(each.information in _ACTIVE for each in judged) if judged else None


def _standing_days(subject: Subject) -> tuple[date | None, date | None]:
    """Return since and until when it is in force: of the person, else of the active benefit."""
    told = dated(subject.named, _BEGINS, _ENDS)
    if any(told):
        return told
    active = (
        loop for loop in subject.services if any(each.get(1) in _ACTIVE for each in loop.all("EB"))
    )
    days = (dated(each, _BEGINS, _ENDS) for each in active)
    return next((each for each in days if any(each)), (None, None))


translate = by_units(_Reading)
"""Translate one 271, answer by answer."""
