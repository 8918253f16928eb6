"""Questions and answers as X12: what the writers of 270, 271 and 278 share. Pure.

Here: the levels above a person (payer, provider, subscriber, dependent), their NM1, REF, N3, N4,
DMG and INS, traces (TRN), periods (DTP) and refusals (AAA). Everything told of a person is opened
by a `Disclosure`. Not here: what a set asks or answers (`x12_270_write.py`, `x12_278_write.py`),
the interchange (`x12_write.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

import msgspec

from suture.model.authorization import AuthorizationDecided, AuthorizationRequested
from suture.model.coverage import CoverageAsked, CoverageReported
from suture.model.disclosure import Disclosure
from suture.model.person import NOBODY, Person
from suture.translate.x12_write import Party, Sending, SetDraft, day

PAYER, PROVIDER, SUBSCRIBER, DEPENDENT = "20", "21", "22", "23"
"""HL03."""
ASKED, ANSWERED = "1", "2"
"""TRN01."""

_PERSON, _MEMBER = "1", "MI"
_RESPOND_AGAIN, _CORRECT = "R", "C"
_NOT_NOW = frozenset(("42", "80"))
"""AAA03: unable to respond now; no answer received from the payer."""


Subject: TypeAlias = (
    CoverageAsked | CoverageReported | AuthorizationRequested | AuthorizationDecided
)
"""A fact about one person, told to a payer or by one."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of set calls the same things."""

    loops: str
    """`2100` or `2010`: payer A, provider B, subscriber C, dependent D."""
    payer: str
    """NM101 of the payer."""
    dependent: str
    """NM101 of a dependent."""
    patient: str
    """REF01 of the patient's own number."""
    is_event_below: bool = False
    """Whether a level of an event follows whoever it is about (278)."""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One TRN to be written."""

    kind: str
    token: str
    asker: str


class Writing:
    """One set being written about one person."""

    def __init__(
        self,
        draft: SetDraft,
        form: Form,
        fact: Subject,
        disclosure: Disclosure,
        parties: Mapping[str, Party],
    ) -> None:
        """Begin after BHT. `parties` are what master data knows of payers and providers, by id."""
        self._draft = draft
        self._form = form
        self._fact = fact
        self._disclosure = disclosure
        self._parties = parties

    @property
    def place(self) -> str:
        """The loop of whoever it is about: `2100C`, `2010D`."""
        return self._form.loops + ("C" if self._fact.is_subscriber else "D")

    def above(self) -> int:
        """Add the levels of payer and provider; return the provider's."""
        draft, fact, loops = self._draft, self._fact, self._form.loops
        payer = draft.level(PAYER)
        unknown = Party(id=fact.payer, id_kind="PI")
        draft.party(self._form.payer, self._parties.get(fact.payer, unknown), f"{loops}A")
        provider = draft.level(PROVIDER, payer)
        unknown = Party(id=fact.provider)
        draft.party("1P", self._parties.get(fact.provider, unknown), f"{loops}B")
        return provider

    def people(self, provider: int, trace: Trace | None = None, group: str = "") -> int:
        """Add the levels of subscriber and dependent with NM1, REF, N3 and N4; return the last.

        The member id and the group are the subscriber's, the rest is told of whom it is about. The
        trace is added where a guide has it before the names (270, 271).
        """
        draft, fact = self._draft, self._fact
        level = draft.level(
            SUBSCRIBER, provider, has_children=self._holds(is_last=fact.is_subscriber)
        )
        if trace is not None and fact.is_subscriber:
            self.trace(trace)
        named = fact.person if fact.is_subscriber else fact.subscriber
        self._name("IL", self._disclosure.person(named), "C", fact.member)
        if group:
            draft.add("REF", "6P", draft.identifier(group, f"{self._form.loops}C/REF-02"))
        if not fact.is_subscriber:
            above = self._disclosure.person(fact.subscriber)
            self._home(above, "C")
            self._birth(above)
            level = draft.level(DEPENDENT, level, has_children=self._holds(is_last=True))
            if trace is not None:
                self.trace(trace)
            self._name(self._form.dependent, self._person, "D", "")
        self.number("REF", self._form.patient, fact.patient, self.place)
        self._home(self._person, self.place[-1])
        return level

    def details(self) -> None:
        """Add DMG and INS of whom it is about."""
        fact = self._fact
        self._birth(self._person)
        if fact.relationship:
            self._draft.add("INS", "Y" if fact.is_subscriber else "N", fact.relationship)

    def refusals(self, reasons: tuple[str, ...]) -> None:
        """Add an AAA for each reason."""
        for each in reasons:
            self._draft.add("AAA", "N", "", each, _RESPOND_AGAIN if each in _NOT_NOW else _CORRECT)

    def trace(self, trace: Trace) -> None:
        """Add TRN: the trace behind a surrogate, and who gave it."""
        draft = self._draft
        number = draft.identifier(self._disclosure.told(trace.token), "TRN-02")
        draft.add("TRN", trace.kind, number, draft.identifier(trace.asker, "TRN-03"))

    def number(self, segment: str, kind: str, token: str, where: str) -> None:
        """Add the number behind a surrogate with its kind before it; nothing for none."""
        if token:
            told = self._disclosure.told(token)
            number = self._draft.identifier(told, f"{where}/{segment}-02")
            self._draft.add(segment, kind, number)

    def _holds(self, *, is_last: bool) -> bool:
        return not is_last or self._form.is_event_below

    @property
    def _person(self) -> Person:
        return self._disclosure.person(self._fact.person)

    def _home(self, person: Person, level: str) -> None:
        """Add N3 and N4, where both can be."""
        if person.address.lines and person.address.city:
            self._draft.address(person.address, f"{self._form.loops}{level}")

    def _birth(self, person: Person) -> None:
        """Add DMG of what is told: a question may be asked without a birth date."""
        if person.born_on or person.sex:
            form = "D8" if person.born_on else ""
            self._draft.add("DMG", form, day(person.born_on), person.sex)

    def _name(self, role: str, person: Person, level: str, member: str) -> None:
        where = f"{self._form.loops}{level}"
        number = self._disclosure.told(member)
        if person != NOBODY or not number:
            self._draft.person(role, person, where, number)
            return
        # A member id is enough where nobody's name is told.
        identifier = self._draft.identifier(number, f"{where}/NM1-09")
        self._draft.add("NM1", role, _PERSON, "", "", "", "", "", _MEMBER, identifier)


def header(
    draft: SetDraft,
    structure: str,
    purpose: str,
    reference: str,
    on: date,
    sending: Sending,
    *,
    kind: str = "",
) -> None:
    """Add BHT."""
    number, time = draft.identifier(reference, "BHT-03"), sending.made_at.strftime("%H%M")
    draft.add("BHT", structure, purpose, number, day(on), time, kind)


def period(draft: SetDraft, qualifier: str, first: date | None, last: date | None) -> None:
    """Add a DTP from a first to a last day; of one day where no last is told, none for neither."""
    if first is not None and last is not None:
        draft.add("DTP", qualifier, "RD8", f"{day(first)}-{day(last)}")
    else:
        draft.date(qualifier, first)
