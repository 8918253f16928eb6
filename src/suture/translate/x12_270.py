"""Translates the 270: a `CoverageAsked` for each person whose coverage a payer is asked about.

A unit is a subscriber's level (2000C) with the dependents in it (2000D). Each question goes to the
stream of its trace, on which the 271 meets it (`x12_271.py`). Not here: how a question is written
(`x12_270_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from suture.model.coverage import CoverageAsked
from suture.model.translation import Channel, Routed
from suture.translate.x12_inquiry_common import (
    ASKED,
    Subject,
    Telling,
    coverage_of,
    dated,
    group_of,
    identifier_of,
    made,
    question_of,
    read_trace,
    repeated,
    subjects_of,
    whom,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.units import Unit, UnitsEnd

_DATES = ("291", "307")
"""DTP01: plan; eligibility, in 4010."""


class _Reading:
    """One 270 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._set = transaction_set
        self._channel = channel

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Return the questions of one subscriber's level."""
        return [self._asked(unit, each) for each in subjects_of(unit.loop)]

    def end(self, end: UnitsEnd) -> Ending:  # noqa: ARG002 - the shape of every reading
        """Return nothing: a 270 says nothing as a whole."""
        return Ending()

    def _asked(self, unit: Unit, subject: Subject) -> Routed:
        telling = Telling(self._channel)
        payer = identifier_of(unit.find("2100A"))
        holder, dependent = subject.holder, subject.dependent and subject.named
        coverage = coverage_of(telling, payer, holder, dependent)
        trace = read_trace(subject.traced, ASKED)
        number, asked_on = made(unit.around, self._set)
        where = f"{self._set.where}/{(subject.dependent or subject.subscriber).where}"
        services = subject.services
        begins, ends = dated(subject.named, _DATES)
        if begins is None:
            days = (dated(each, _DATES) for each in services)
            begins, ends = next((each for each in days if each[0]), (None, None))
        inquiries = [each for loop in services for each in loop.all("EQ")]
        inquiry = question_of(telling, "inquiry", payer, trace, number, coverage or where)
        fact = CoverageAsked(
            coverage=coverage,
            inquiry=inquiry,
            asker=trace.asker if trace else "",
            **whom(telling, payer, holder, dependent),
            group=group_of(subject),
            provider=identifier_of(unit.find("2100B")),
            services=tuple(code for each in inquiries for code in repeated(each, 1)),
            procedures=tuple(each.get(2, 2) for each in inquiries if each.get(2, 2)),
            service_on=begins,
            service_ends_on=ends,
            asked_on=asked_on,
            where=where,
        )
        return Routed(f"inquiry/{inquiry}", fact, where, telling.secrets)


translate = by_units(_Reading)
"""Translate one 270, question by question."""
