"""Translates the 278: an `AuthorizationRequested` or an `AuthorizationDecided` for each event.

A request and its answer are of one guide; BHT02 (11 answers), or a decision (HCR), tells which it
is. A unit is a patient event (2000E) with its services (2000F). Both go to the stream of the
requester's trace, so that the two meet. A refusal (AAA) that stands above every event holds the set
for a person. Texts (MSG) stay in the raw message. Not here: how a set is written
(`x12_278_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypedDict

from suture.model.authorization import (
    ONCE,
    AuthorizationDecided,
    AuthorizationRequested,
    AuthorizedItem,
    Delivery,
)
from suture.model.money import parse_amount_x12
from suture.model.translation import Channel, Routed
from suture.translate.x12_inquiry_common import (
    ANSWERED,
    ASKED,
    Telling,
    Whom,
    coverage_of,
    dated,
    identifier_of,
    made,
    question_of,
    read_trace,
    refusals_of,
    refused_at_once,
    surrogate,
    whom,
)
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_ANSWER, _CANCELLATION = "11", "01"
_CANCEL = "3"
"""UM02 of a cancellation."""
_SERVICE_BEGINS = ("472",)
_EVENT_BEGINS, _EVENT_ENDS = ("435", "AAH"), ("096",)
_VALID_FROM, _VALID_UNTIL = ("007",), ("036",)
_SERVICES = {"SV1": "professional", "SV2": "institutional", "SV3": "dental"}
_PROCEDURES = {"SV1": 1, "SV2": 2, "SV3": 1}
_CHARGES = {"SV1": 2, "SV2": 3, "SV3": 2}
_QUANTITIES = {"SV1": 4, "SV2": 5, "SV3": 6}
_UNITS = {"SV1": 3, "SV2": 4, "SV3": 0}
"""Numbers of elements."""
_MODIFIERS = range(3, 7)
"""Components of a procedure (C003)."""
_DIAGNOSES_MAX = 12


class Decision(TypedDict):
    """What an answer says of an event, or of one service of it."""

    action: str
    number: str
    reason: str
    valid_from: date | None
    valid_until: date | None


class Line(TypedDict, total=False):
    """What a service is, as SV1, SV2 and SV3 tell it."""

    procedure: str
    modifiers: tuple[str, ...]
    revenue_code: str
    charge_minor: int | None
    quantity: str
    unit: str


class Event(Whom):
    """What a request and its answer tell alike."""

    authorization: str
    asker: str
    provider: str
    category: str
    kind: str
    service_type: str
    place: str
    urgency: str
    diagnoses: tuple[str, ...]
    earlier: str
    review: str
    delivery: Delivery
    services: tuple[AuthorizedItem, ...]
    starts_on: date | None
    ends_on: date | None
    where: str


class _Reading:
    """One 278 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._set = transaction_set
        self._channel = channel
        self._last: Unit | None = None

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Return the request or the decision of one patient event."""
        self._last = unit
        services = unit.loop.inner_all("2000F")
        head = unit.around[0].first("BHT")
        is_decided = any(each.first("HCR") for each in (unit.loop, *services))
        if is_decided or (head is not None and head.get(2) == _ANSWER):
            return [self._decided(unit, services)]
        return [self._requested(unit, services)]

    def end(self, end: UnitsEnd) -> Ending:
        """Hold a set that refuses without naming an event."""
        refused = refused_at_once(end, self._last, self._set)
        if refused is None:
            return Ending()
        return Ending(notes=(refused,)) if self._last else Ending(faults=(refused,))

    def _requested(self, unit: Unit, services: list[LoopNode]) -> Routed:
        telling = Telling(self._channel)
        event = self._event(telling, unit, services, ASKED)
        fact = AuthorizationRequested(**event, requested_on=made(unit.around, self._set)[1])
        return Routed(f"authorization/{fact.authorization}", fact, fact.where, telling.secrets)

    def _decided(self, unit: Unit, services: list[LoopNode]) -> Routed:
        telling = Telling(self._channel)
        event = self._event(telling, unit, services, ANSWERED)
        decision = _decision(telling, unit.loop, event["payer"])
        parties = (unit.find("2010C"), unit.find("2010D"), unit.loop)
        number, decided_on = made(unit.around, self._set)
        fact = AuthorizationDecided(
            **event,
            **decision,
            refusals=refusals_of((*unit.around, *parties)),
            decision=surrogate("dec", event["payer"], number, event["authorization"]),
            decided_on=decided_on,
        )
        return Routed(f"authorization/{fact.authorization}", fact, fact.where, telling.secrets)

    def _event(self, telling: Telling, unit: Unit, services: list[LoopNode], kind: str) -> Event:
        """Return what a request and an answer both tell of an event."""
        loop, payer = unit.loop, identifier_of(unit.find("2010A"))
        subscriber, dependent = unit.find("2010C"), unit.find("2010D")
        trace = read_trace((loop,), kind)
        where = f"{self._set.where}/{loop.where}"
        about = coverage_of(telling, payer, subscriber, dependent) or where
        number, _ = made(unit.around, self._set)
        review = loop.first("UM")
        begins, ends = dated(loop, _EVENT_BEGINS, _EVENT_ENDS)
        return Event(
            authorization=question_of(telling, "authorization", payer, trace, number, about),
            asker=trace.asker if trace else "",
            **whom(telling, payer, subscriber, dependent),
            provider=identifier_of(unit.find("2010B")),
            category=review.get(1) if review else "",
            kind=self._kind(unit, review),
            service_type=review.get(3) if review else "",
            place=":".join(review.components(4)[:2]) if review else "",
            urgency=review.get(6) if review else "",
            diagnoses=_diagnoses(loop.first("HI")),
            earlier=telling.token("authorization", payer, loop.reference("BB")),
            review=telling.token("authorization", payer, loop.reference("NT")),
            delivery=_delivery(loop.first("HSD")),
            services=tuple(self._item(telling, each, payer) for each in services),
            starts_on=begins,
            ends_on=ends,
            where=where,
        )

    def _kind(self, unit: Unit, review: Segment | None) -> str:
        """Return UM02; that of a cancellation where the set as a whole is one (BHT02 = 01)."""
        head = unit.around[0].first("BHT")
        told = review.get(2) if review else ""
        return told or (_CANCEL if head and head.get(2) == _CANCELLATION else "")

    def _item(self, telling: Telling, loop: LoopNode, payer: str) -> AuthorizedItem:
        line = next((each for each in loop.segments if each.id in _SERVICES), None)
        named = line.id if line else ""
        begins, ends = dated(loop, _SERVICE_BEGINS)
        return AuthorizedItem(
            **(_line(line) if line else Line()),
            kind=_SERVICES.get(named, ""),
            delivery=_delivery(loop.first("HSD")),
            starts_on=begins,
            ends_on=ends,
            **_decision(telling, loop, payer),
            refusals=refusals_of((loop,)),
            where=f"{self._set.where}/{loop.where}",
        )


def _decision(telling: Telling, loop: LoopNode, payer: str) -> Decision:
    told = loop.first("HCR")
    valid_from, valid_until = dated(loop, _VALID_FROM, _VALID_UNTIL)
    return Decision(
        action=told.get(1) if told else "",
        number=telling.token("authorization", payer, told.get(2)) if told else "",
        reason=told.get(3) if told else "",
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _line(line: Segment) -> Line:
    """Return what is asked for, out of SV1, SV2 or SV3."""
    procedure = _PROCEDURES[line.id]
    modifiers = (line.get(procedure, each) for each in _MODIFIERS)
    return Line(
        procedure=line.get(procedure, 2),
        modifiers=tuple(each for each in modifiers if each),
        revenue_code=line.get(1) if line.id == "SV2" else "",
        charge_minor=parse_amount_x12(line.get(_CHARGES[line.id])),
        quantity=line.get(_QUANTITIES[line.id]),
        unit=line.get(_UNITS[line.id]) if _UNITS[line.id] else "",
    )


def _delivery(told: Segment | None) -> Delivery:
    if told is None:
        return ONCE
    unit, quantity, interval, modulus, period, periods = (told.get(each) for each in range(1, 7))
    return Delivery(
        unit=unit,
        quantity=quantity,
        interval=interval,
        modulus=modulus,
        period=period,
        periods=periods,
    )


def _diagnoses(told: Segment | None) -> tuple[str, ...]:
    """Return list and code of each diagnosis: `ABK:M1711`."""
    if told is None:
        return ()
    codes = (told.components(number)[:2] for number in range(1, _DIAGNOSES_MAX + 1))
    return tuple(":".join(each) for each in codes if each)


translate = by_units(_Reading)
"""Translate one 278, event by event."""
