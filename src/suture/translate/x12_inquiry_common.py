"""What questions to payers and their answers share (X12 270/271, 278): who asks, of whom, by trace.

Here: a fact in the making with the secrets behind its surrogates (`Telling`), the details of a
person out of NM1, N3, N4 and DMG, the trace by which an answer meets its question (TRN02 within
TRN03), periods (DTP), refusals (AAA), and what to say of a set that refuses without naming anybody.
Not here: what a set asks or answers (`x12_270.py`, `x12_271.py`, `x12_278.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from hashlib import blake2b
from typing import TypedDict

import msgspec

from suture.model.fault import Fault, fault
from suture.model.person import Address, Person, sealed
from suture.model.translation import Channel, Secret
from suture.translate.x12_common import recorded_on
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

ASKED, ANSWERED = "1", "2"
"""TRN01: a trace of whoever sends the set; one that is echoed."""

_PERSON = "1"
_SOCIAL_SECURITY = "34"
_PERIOD = "RD8"
_ITS_OWN = ("EA", "EJ")
"""REF01: medical record number, patient account number."""
_SURROGATE_BYTES = 13
_REASON_LENGTH_MAX = 3


class Trace(msgspec.Struct, frozen=True):
    """One TRN."""

    number: str
    asker: str


class Telling:
    """One fact being made: its surrogates, and the secrets behind them."""

    def __init__(self, channel: Channel) -> None:
        """Begin a fact of one message of this channel."""
        self._channel = channel
        self._secrets: dict[str, Secret] = {}

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What stands behind the surrogates made so far."""
        return tuple(self._secrets.values())

    def token(self, kind: str, authority: str, value: str) -> str:
        """Return the surrogate of an identifier and remember what it stands for; "" for none."""
        value = value.strip()
        if not value:
            return ""
        token = self._channel.tokenizer.token(kind, authority, value)
        self._secrets[token] = Secret(token, kind, value)
        return token

    def blind(self, kind: str, *parts: str) -> str:
        """Return a surrogate made of parts that name a thing together; nothing stands behind it."""
        return self._channel.tokenizer.token(kind, "", "|".join(part.strip() for part in parts))

    def person(self, loop: LoopNode | None) -> str:
        """Return the surrogate of the details of a person; "" where none are told."""
        secret = sealed(read_person(loop), self._channel.tokenizer)
        if secret is None:
            return ""
        self._secrets[secret.token] = secret
        return secret.token

    def patient(self, loop: LoopNode | None) -> str:
        """Return the surrogate of the patient's own number: REF EA, else EJ."""
        numbers = (loop.reference(each) for each in _ITS_OWN) if loop else iter(())
        number = next((each for each in numbers if each.strip()), "")
        return self.token("patient", self._channel.authority, number)


def read_person(loop: LoopNode | None) -> Person:
    """Return what a loop tells of a person: NM103 to NM107, N3, N4, DMG02 and DMG03."""
    name = loop.first("NM1") if loop else None
    if loop is None or name is None or name.get(2) != _PERSON:
        return Person()
    street, city, details = (loop.first(each) or name for each in ("N3", "N4", "DMG"))
    address = Address()
    if street is not name or city is not name:
        lines = (street.text(1), street.text(2)) if street is not name else ()
        place = [city.text(number) if city is not name else "" for number in (1, 2, 3, 4)]
        address = Address(
            lines=tuple(each for each in lines if each),
            city=place[0],
            state=place[1],
            postcode=place[2],
            country=place[3],
        )
    return Person(
        family=name.text(3),
        given=name.text(4),
        middle=name.text(5),
        suffix=name.text(7),
        born_on=read_date(details.get(2)) if details is not name else None,
        sex=details.get(3) if details is not name else "",
        address=address,
    )


def read_trace(loops: Iterable[LoopNode | None], kind: str) -> Trace | None:
    """Return the first trace of the kind in the loops, else the first of any; None for none."""
    found = [each for loop in loops if loop for each in loop.all("TRN") if each.get(2).strip()]
    chosen = next((each for each in found if each.get(1) == kind), found[0] if found else None)
    return None if chosen is None else Trace(chosen.get(2).strip(), chosen.get(3).strip())


def identifier_of(loop: LoopNode | None) -> str:
    """Return NM109 of an organisation, clinician or member; never a social security number."""
    name = loop.first("NM1") if loop else None
    if name is None or name.get(8) == _SOCIAL_SECURITY:
        return ""
    return name.get(9).strip()


def repeated(segment: Segment, number: int) -> list[str]:
    """Return each repetition of an element, those that are empty left out."""
    separator = segment.separators.repetition
    told = segment.get(number)
    return [each for each in (told.split(separator) if separator else [told]) if each]


def refusals_of(loops: Iterable[LoopNode | None]) -> tuple[str, ...]:
    """Return AAA03 of each AAA in the loops and in the loops directly in each, once."""
    told: dict[str, None] = {}
    for loop in loops:
        for each in (loop, *loop.loops) if loop else ():
            told.update(dict.fromkeys(found.get(3) for found in each.all("AAA") if found.get(3)))
    return tuple(told)


def read_period(segment: Segment | None) -> tuple[date | None, date | None]:
    """Return the first and last day of a DTP; no last day where it tells one day alone."""
    if segment is None:
        return None, None
    first, _, last = segment.get(3).partition("-")
    return read_date(first), read_date(last) if segment.get(2) == _PERIOD else None


def dated(
    loop: LoopNode | None, first: Sequence[str], last: Sequence[str] = ()
) -> tuple[date | None, date | None]:
    """Return the days between which something holds, by qualifiers of DTP in order of precedence.

    A DTP among `first` may tell a period, else one among `last` tells the end.
    """
    if loop is None:
        return None, None
    begins, ends = read_period(_chosen(loop, first))
    return begins, ends or read_period(_chosen(loop, last))[0]


def _chosen(loop: LoopNode, qualifiers: Sequence[str]) -> Segment | None:
    return next((each for kind in qualifiers for each in loop.all("DTP", kind)), None)


class Whom(TypedDict):
    """What every fact says of whom it is about."""

    payer: str
    member: str
    patient: str
    person: str
    subscriber: str
    is_subscriber: bool
    relationship: str


def whom(
    telling: Telling, payer: str, subscriber: LoopNode | None, dependent: LoopNode | None
) -> Whom:
    """Return whom a fact is about: the dependent where there is one, else the subscriber.

    Both are loops of an NM1 (2100C and 2100D, 2010C and 2010D). The member id is the subscriber's.
    """
    patient = subscriber if dependent is None else dependent
    told = patient.first("INS") if patient else None
    return Whom(
        payer=payer,
        member=telling.token("member", payer, identifier_of(subscriber)),
        patient=telling.patient(patient),
        person=telling.person(patient),
        subscriber="" if dependent is None else telling.person(subscriber),
        is_subscriber=dependent is None,
        relationship=told.get(2) if told else "",
    )


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One person in a subscriber's level of a 270 or 271."""

    subscriber: LoopNode
    """2000C."""
    dependent: LoopNode | None
    """2000D, where it is a dependent."""
    traced: tuple[LoopNode, ...]
    """Where their trace may stand."""

    @property
    def holder(self) -> LoopNode | None:
        """2100C: who has the member id."""
        return self.subscriber.inner("2100C")

    @property
    def named(self) -> LoopNode | None:
        """2100C or 2100D: who it is about."""
        return self.dependent.inner("2100D") if self.dependent else self.holder

    @property
    def services(self) -> list[LoopNode]:
        """2110C or 2110D: services asked about, or benefits."""
        return self.named.inner_all("2110D" if self.dependent else "2110C") if self.named else []


def subjects_of(level: LoopNode) -> list[Subject]:
    """Return everybody whom a subscriber's level (2000C) asks or tells about.

    That is the subscriber where there is no dependent, or services stand beside them too. A
    dependent's trace may stand at the subscriber's level where it can be nobody else's.
    """
    dependents = level.inner_all("2000D")
    subscriber = Subject(subscriber=level, dependent=None, traced=(level,))
    is_told = not dependents or bool(subscriber.services)
    is_alone = len(dependents) == 1 and not is_told
    others = [
        Subject(subscriber=level, dependent=each, traced=(each, level) if is_alone else (each,))
        for each in dependents
    ]
    return [subscriber, *others] if is_told else others


def group_of(subject: Subject) -> str:
    """Return the number of the group, or else of the policy: REF 6P, 1L."""
    loop = subject.holder
    return (loop.reference("6P") or loop.reference("1L")) if loop else ""


def coverage_of(
    telling: Telling, payer: str, subscriber: LoopNode | None, dependent: LoopNode | None
) -> str:
    """Return the surrogate of a person's coverage; "" where no member id is told.

    A family shares a member id: a dependent is told apart by given name and birth date.
    """
    member = identifier_of(subscriber)
    if not member or dependent is None:
        return telling.token("coverage", payer, member)
    person = read_person(dependent)
    return telling.blind("coverage", payer, member, person.given, str(person.born_on))


def question_of(
    telling: Telling, kind: str, payer: str, trace: Trace | None, number: str, about: str
) -> str:
    """Return the surrogate of a question: of its trace, else of its set's number and who it is of.

    `number` is BHT03, which an answer echoes too. `about` is the coverage; where that is not told,
    the place in the set, and then no answer meets it.
    """
    if trace is not None:
        return telling.token(kind, trace.asker or payer, trace.number)
    return telling.blind(kind, payer, number, about)


def made(around: Sequence[LoopNode], transaction_set: TransactionSet) -> tuple[str, date]:
    """Return BHT03, the sender's own number of the set, and BHT04, else the envelope's date."""
    head = around[0].first("BHT") if around else None
    told = read_date(head.get(4)) if head else None
    return head.get(3).strip() if head else "", told or recorded_on(transaction_set)


def surrogate(prefix: str, *parts: str) -> str:
    """Name a thing by surrogates and public codes alone: no key is needed."""
    digest = blake2b("|".join(parts).encode(), digest_size=_SURROGATE_BYTES)
    return f"{prefix}_{digest.hexdigest()}"


def refused_at_once(
    end: UnitsEnd, last: Unit | None, transaction_set: TransactionSet
) -> Fault | None:
    """Return what to say of a refusal that names nobody: no unit stands in the loops that hold it.

    Its question cannot be told from the payer's other questions, so a person must look.
    """
    innermost = end.around[-1]
    if last is not None and innermost.where == last.around[-1].where:
        return None
    reasons = refusals_of(end.around)
    if not reasons:
        return None
    shown = [each for each in reasons if each.isalnum() and len(each) <= _REASON_LENGTH_MAX]
    where = f"{transaction_set.where}/{innermost.where}/AAA"
    explanation = f"the payer refused all of it: AAA03 {', '.join(shown)}" if shown else ""
    return fault("x12.answer.refused", where, explanation)
