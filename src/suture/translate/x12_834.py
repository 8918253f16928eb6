"""Translates the 834: a `CoverageEnrolled` for each coverage of each member, as they are read.

A member level (INS) with several coverages (HD) becomes as many facts; one that tells no coverage,
a change of address or the end of all of them, becomes one. A member's details, subscriber number
and name are behind surrogates. A coverage is keyed as a 271's is: by payer and subscriber number,
of a dependent by given name and birth date too. Not here: what an answer about coverage says (271).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import blake2b

import msgspec

from suture.model.coverage import CoverageEnrolled
from suture.model.fault import Fault, fault
from suture.model.money import parse_amount_x12
from suture.model.person import Address, Person, sealed
from suture.model.translation import Channel, Routed, Secret
from suture.translate.x12_common import recorded_on
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

_FAULTS_MAX = 100
_SURROGATE_BYTES = 13
_PERSON = "1"


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of all its members."""

    sponsor: str
    payer: str
    number: str
    """BGN02."""
    made: str
    """BGN03."""
    policy: str


class _Member(msgspec.Struct, frozen=True, kw_only=True):
    """Who a member level is about, told by surrogates."""

    coverage: str
    member: str
    person: str
    secrets: tuple[Secret, ...]


class _Reading:
    """One 834 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._set = transaction_set
        self._channel = channel
        self._faults: list[Fault] = []
        self._header: _Header | None = None

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Yield the facts of one member level."""
        loop = unit.loop
        header = self._header = self._header or _header(unit.around[0])
        where = f"{self._set.where}/{loop.where}"
        number = loop.reference("0F").strip()
        if not number:
            # Whose coverage it is can only be guessed.
            if len(self._faults) < _FAULTS_MAX:
                self._faults.append(fault("x12.element.missing", f"{where}/REF-02"))
            return
        member = self._member(header.payer, loop, number)
        for coverage in loop.inner_all("2300") or (None,):
            place = f"{self._set.where}/{coverage.where}" if coverage else where
            fact = self._enrolled(header, loop, coverage, member, place)
            yield Routed(f"coverage/{member.coverage}", fact, place, member.secrets)

    def end(self, end: UnitsEnd) -> Ending:  # noqa: ARG002 - the shape of every reading
        """Return why the set is held, if it is: it says nothing as a whole."""
        return Ending(faults=tuple(self._faults))

    def _member(self, payer: str, loop: LoopNode, number: str) -> _Member:
        token = self._channel.tokenizer.token
        person = _person(loop.inner("2100A"))
        secrets = []
        if _is_subscriber(loop):
            coverage = token("coverage", payer, number)
            secrets.append(Secret(coverage, "coverage", number))
        else:
            told = (payer, number, person.given, str(person.born_on))
            coverage = token("coverage", "", "|".join(told))
        member = token("member", payer, number)
        secrets.append(Secret(member, "member", number))
        details = sealed(person, self._channel.tokenizer)
        if details is not None:
            secrets.append(details)
        return _Member(
            coverage=coverage,
            member=member,
            person=details.token if details else "",
            secrets=tuple(secrets),
        )

    def _enrolled(
        self,
        header: _Header,
        loop: LoopNode,
        coverage: LoopNode | None,
        member: _Member,
        where: str,
    ) -> CoverageEnrolled:
        told = loop.first("INS")
        held = coverage.first("HD") if coverage else None
        premium = coverage.first("AMT", "P3") if coverage else None
        identity = (header.sponsor, header.payer, header.number, header.made, where)
        return CoverageEnrolled(
            coverage=member.coverage,
            payer=header.payer,
            member=member.member,
            person=member.person,
            group=loop.reference("1L").strip() or header.policy,
            where=where,
            enrolment=_surrogate("|".join(identity)),
            maintenance=_text(held, 1) or _text(told, 3),
            is_subscriber=_is_subscriber(loop),
            relationship=_text(told, 2),
            line=_text(held, 3),
            plan=_text(held, 4),
            starts_on=_on(coverage, "348") or _on(loop, "356"),
            ends_on=_on(coverage, "349") or _on(loop, "357"),
            premium_minor=parse_amount_x12(_text(premium, 2)),
            made_on=read_date(header.made) or recorded_on(self._set),
        )


def _header(root: LoopNode) -> _Header:
    head = root.first("BGN")
    return _Header(
        sponsor=_party(root, "1000A"),
        payer=_party(root, "1000B"),
        number=_text(head, 2),
        made=_text(head, 3),
        policy=root.reference("38").strip(),
    )


def _is_subscriber(loop: LoopNode) -> bool:
    return _text(loop.first("INS"), 1) == "Y"


def _party(root: LoopNode, loop_id: str) -> str:
    """Return N104 of the sponsor (1000A) or the payer (1000B)."""
    loop = root.inner(loop_id)
    return _text(loop.first("N1"), 4) if loop else ""


def _person(loop: LoopNode | None) -> Person:
    """Return a member's details: NM1, N3, N4 and DMG of 2100A."""
    name = loop.first("NM1") if loop else None
    if loop is None or name is None or name.get(2) != _PERSON:
        return Person()
    street, city, details = loop.first("N3"), loop.first("N4"), loop.first("DMG")
    lines = (street.text(1), street.text(2)) if street else ()
    return Person(
        family=name.text(3),
        given=name.text(4),
        middle=name.text(5),
        suffix=name.text(7),
        born_on=read_date(_text(details, 2)),
        sex=_text(details, 3),
        address=Address(
            lines=tuple(each for each in lines if each),
            city=city.text(1) if city else "",
            state=_text(city, 2),
            postcode=_text(city, 3),
            country=_text(city, 4),
        ),
    )


def _on(loop: LoopNode | None, kind: str) -> date | None:
    """Return the day of a DTP; the first of a period."""
    told = loop.first("DTP", kind) if loop else None
    return read_date(_text(told, 3))


def _surrogate(identity: str) -> str:
    """Name an enrolment. No key is needed: what it is made of names no person."""
    return f"enr_{blake2b(identity.encode(), digest_size=_SURROGATE_BYTES).hexdigest()}"


def _text(segment: Segment | None, number: int) -> str:
    return segment.get(number).strip() if segment else ""


translate = by_units(_Reading)
"""Translate one 834, member by member."""
