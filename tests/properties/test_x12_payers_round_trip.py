"""Canonical -> X12 -> canonical keeps what is asked of payers and what they answer (270, 271, 278).

What is written has no finding by its own guide. pyx12 has none of these guides in 5010; the files
of the corpus judge our reading instead (tests/corpus/test_translate_x12_payers_corpus.py).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model.authorization import (
    AuthorizationDecided,
    AuthorizationRequested,
    AuthorizedItem,
    Delivery,
)
from suture.model.coverage import Benefit, CoverageAsked, CoverageReported
from suture.model.disclosure import Disclosure
from suture.model.identity import Tokenizer
from suture.model.person import Address as PostalAddress
from suture.model.person import Person, sealed
from suture.model.translation import Channel, Reading, Routed
from suture.pipeline import read_file
from suture.translate.x12_270_write import render_inquiries, render_reports
from suture.translate.x12_278_write import render_decisions, render_requests
from suture.translate.x12_write import Party, Sending
from suture.wire.x12 import Address

TOKENIZER = Tokenizer(b"an index key of the tests, 32 bytes")
CHANNEL = Channel(
    source="payers", zone=ZoneInfo("America/Chicago"), tokenizer=TOKENIZER, authority="riverbend"
)
SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="PHP"),
    control_number=7,
    made_at=datetime(2026, 11, 3, 8, 0),  # noqa: DTZ001 - an envelope names local time
)
PARTIES = {
    "PHP01": Party(id="PHP01", id_kind="PI", name="Prairie Health Plan"),
    "1999999984": Party(id="1999999984", name="Riverbend Clinic"),
}
NOT_COMPARED = {"where", "report", "decision"}
"""Paths, and identities that follow from them."""

CODE = st.text("ABCDEFGH0123456789", min_size=2, max_size=8)
MAYBE = st.one_of(st.just(""), CODE)
NAME = st.text("ABCDEFGHÄÖéñ", min_size=1, max_size=12)
DAY = st.dates(date(1930, 1, 1), date(2030, 12, 31))
MAYBE_DAY = st.one_of(st.none(), DAY)
PERIOD = st.tuples(MAYBE_DAY, MAYBE_DAY)
MINOR = st.one_of(st.none(), st.integers(0, 10**10))
FLAG = st.sampled_from([True, False, None])
PERSON = st.builds(
    Person,
    family=NAME,
    given=st.one_of(st.just(""), NAME),
    middle=st.one_of(st.just(""), NAME),
    born_on=MAYBE_DAY,
    sex=st.sampled_from(["", "F", "M", "U"]),
    address=st.one_of(
        st.just(PostalAddress()),
        st.builds(
            PostalAddress,
            lines=st.lists(NAME, min_size=1, max_size=2).map(tuple),
            city=st.just("SPRINGDALE"),
            state=st.just("IL"),
            postcode=st.sampled_from(["62703", "627031234"]),
        ),
    ),
)


class Known:
    """Surrogates made of numbers and people, remembered as a vault does."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def token(self, kind: str, authority: str, number: str) -> str:
        if not number:
            return ""
        token = TOKENIZER.token(kind, authority, number)
        self.values[token] = number
        return token

    def person(self, person: Person) -> str:
        secret = sealed(person, TOKENIZER)
        assert secret is not None
        self.values[secret.token] = secret.value
        return secret.token

    def whom(self, member: str, patient: str, people: list[Person]) -> dict[str, Any]:
        """Return what a fact says of whom it is about: the first; the second is the subscriber."""
        dependent = len(people) > 1
        return {
            "payer": "PHP01",
            "provider": "1999999984",
            "member": self.token("member", "PHP01", member),
            "patient": self.token("patient", "riverbend", patient),
            "person": self.person(people[0]),
            "subscriber": self.person(people[1]) if dependent else "",
            "is_subscriber": not dependent,
            "relationship": "19" if dependent else "18",
        }

    def coverage(self, member: str, people: list[Person]) -> str:
        if len(people) == 1:
            return self.token("coverage", "PHP01", member)
        parts = ("PHP01", member, people[0].given, str(people[0].born_on))
        return TOKENIZER.token("coverage", "", "|".join(parts))

    def number(self, number: str) -> str:
        return self.token("authorization", "PHP01", number)

    @property
    def disclosure(self) -> Disclosure:
        return Disclosure(self.values)


def facts_of(data: object) -> list[Any]:
    """Return what an interchange says, each once, after its guide has found nothing in it."""
    assert isinstance(data, bytes), data
    pieces = list(read_file((data,), CHANNEL))
    found = [each.translation for each in pieces if isinstance(each, Reading)]
    assert [()] * len(found) == [(*each.faults, *each.notes) for each in found]
    facts = [each.fact for each in pieces if isinstance(each, Routed)]
    return [each for number, each in enumerate(facts) if each not in facts[:number]]


def told(fact: Any) -> Any:
    """Return what a fact says, without what is not compared."""
    if isinstance(fact, msgspec.Struct):
        names = [name for name in fact.__struct_fields__ if name not in NOT_COMPARED]
        return type(fact).__name__, {name: told(getattr(fact, name)) for name in names}
    return [told(each) for each in fact] if isinstance(fact, tuple) else fact


PEOPLE = st.lists(PERSON, min_size=1, max_size=2)
SERVICES = st.lists(st.sampled_from(["30", "1", "98", "UC", "MH"]), max_size=3, unique=True)


@settings(max_examples=25, deadline=None)
@given(
    CODE, CODE, MAYBE, PEOPLE, MAYBE, SERVICES.filter(bool), st.lists(CODE, max_size=2), PERIOD,
    DAY,
)  # fmt: skip
def test_a_question_comes_back(  # noqa: PLR0913, PLR0917 - the fields of a question
    trace: str, member: str, patient: str, people: list[Person], group: str, services: list[str],
    procedures: list[str], days: tuple[date | None, date | None], asked_on: date,
) -> None:  # fmt: skip
    known = Known()
    fact = CoverageAsked(
        **known.whom(member, patient, people),
        coverage=known.coverage(member, people),
        inquiry=known.token("inquiry", "9RIVERBEND", trace),
        asker="9RIVERBEND",
        group=group,
        services=tuple(services),
        procedures=tuple(procedures),
        service_on=days[0],
        service_ends_on=days[1] if days[0] else None,
        asked_on=asked_on,
    )
    data = render_inquiries([fact], parties=PARTIES, disclosure=known.disclosure, sending=SENDING)
    assert [told(fact)] == [told(each) for each in facts_of(data)]


BENEFIT = st.builds(
    Benefit,
    information=st.sampled_from(["1", "6", "A", "B", "C", "F", "G", "I"]),
    level=st.sampled_from(["", "IND", "FAM"]),
    services=SERVICES.map(tuple),
    insurance_type=st.sampled_from(["", "HM", "MA"]),
    period=st.sampled_from(["", "23", "29"]),
    amount_minor=MINOR,
    percent=st.sampled_from(["", ".2", "1"]),
    is_authorization_required=FLAG,
    is_in_network=FLAG,
    procedure=MAYBE,
    starts_on=MAYBE_DAY,
    ends_on=MAYBE_DAY,
)


def in_force(benefits: list[Benefit]) -> bool | None:
    """Return what the benefits say of the plan, or where it is silent of its services."""
    standing = [each for each in benefits if each.information in {"1", "6"}]
    plan = [each for each in standing if not each.services or "30" in each.services] or standing
    return "1" in [each.information for each in plan] if plan else None


@settings(max_examples=25, deadline=None)
@given(
    CODE, CODE, MAYBE, PEOPLE, MAYBE, st.lists(BENEFIT, min_size=1, max_size=4), PERIOD, DAY,
    st.lists(st.sampled_from(["42", "58", "75"]), max_size=2, unique=True),
)  # fmt: skip
def test_an_answer_comes_back(  # noqa: PLR0913, PLR0917 - the fields of an answer
    trace: str, member: str, patient: str, people: list[Person], group: str,
    benefits: list[Benefit], days: tuple[date | None, date | None], reported_on: date,
    refusals: list[str],
) -> None:  # fmt: skip
    known = Known()
    counted = [
        msgspec.structs.replace(each, quantity_kind="VS", quantity="12")
        if each.information == "F"
        else each
        for each in benefits
    ]
    fact = CoverageReported(
        **known.whom(member, patient, people),
        coverage=known.coverage(member, people),
        inquiry=known.token("inquiry", "9RIVERBEND", trace),
        asker="9RIVERBEND",
        group=group,
        report="",
        is_active=in_force(counted),
        refusals=tuple(refusals),
        starts_on=days[0],
        ends_on=days[1],
        benefits=tuple(counted),
        reported_on=reported_on,
    )
    data = render_reports([fact], parties=PARTIES, disclosure=known.disclosure, sending=SENDING)
    assert [told(fact)] == [told(each) for each in facts_of(data)]


DELIVERY = st.one_of(
    st.just(Delivery()),
    st.builds(
        Delivery,
        unit=st.just("VS"),
        quantity=st.sampled_from(["3", "12"]),
        interval=st.sampled_from(["", "WK"]),
        period=st.just("34"),
        periods=st.sampled_from(["", "2"]),
    ),
)
LINE: dict[str, Any] = {
    "procedure": CODE,
    "modifiers": st.lists(st.sampled_from(["RT", "59"]), max_size=2, unique=True).map(tuple),
    "charge_minor": MINOR,
    "delivery": DELIVERY,
    "starts_on": DAY,
    "ends_on": MAYBE_DAY,
}
ITEM = st.one_of(
    st.builds(
        AuthorizedItem, kind=st.just("professional"), quantity=st.just("2"), unit=st.just("UN"),
        **LINE,
    ),
    st.builds(
        AuthorizedItem, kind=st.just("institutional"), quantity=st.just("7"), unit=st.just("DA"),
        revenue_code=st.just("0360"), **LINE,
    ),
    st.builds(AuthorizedItem, kind=st.just("dental"), **LINE),
    st.builds(AuthorizedItem, delivery=DELIVERY),
)  # fmt: skip


def event(
    known: Known, trace: str, member: str, people: list[Person], items: list[AuthorizedItem],
    days: tuple[date | None, date | None],
) -> dict[str, Any]:  # fmt: skip
    """Return what a request and its answer tell alike."""
    return {
        **known.whom(member, "", people),
        "authorization": known.token("authorization", "9RIVERBEND", trace),
        "asker": "9RIVERBEND",
        "services": tuple(items),
        "starts_on": days[0],
        "ends_on": days[1],
    }


@settings(max_examples=25, deadline=None)
@given(
    CODE, CODE, PEOPLE, st.lists(ITEM, max_size=3), PERIOD, DAY,
    st.sampled_from(["HS", "AR", "SC"]), st.sampled_from(["I", "R", "3"]), DELIVERY, MAYBE,
    st.lists(st.sampled_from(["ABK:M1711", "ABF:E119"]), max_size=2, unique=True),
)  # fmt: skip
def test_a_request_comes_back(  # noqa: PLR0913, PLR0917 - the fields of a request
    trace: str, member: str, people: list[Person], items: list[AuthorizedItem],
    days: tuple[date | None, date | None], requested_on: date, category: str, kind: str,
    delivery: Delivery, earlier: str, diagnoses: list[str],
) -> None:  # fmt: skip
    known = Known()
    fact = AuthorizationRequested(
        **event(known, trace, member, people, items, days),
        category=category,
        kind=kind,
        service_type="2",
        place="11:B",
        urgency="U",
        diagnoses=tuple(diagnoses),
        earlier=known.number(earlier),
        delivery=delivery,
        requested_on=requested_on,
    )
    data = render_requests([fact], parties=PARTIES, disclosure=known.disclosure, sending=SENDING)
    assert [told(fact)] == [told(each) for each in facts_of(data)]


@settings(max_examples=25, deadline=None)
@given(
    CODE, CODE, PEOPLE, st.lists(ITEM, max_size=3), PERIOD, PERIOD, DAY,
    st.sampled_from(["A1", "A2", "A3", "A4", "A6", "CT", "NA"]), MAYBE, MAYBE,
    st.lists(st.sampled_from(["42", "75"]), max_size=2, unique=True),
)  # fmt: skip
def test_a_decision_comes_back(  # noqa: PLR0913, PLR0917 - the fields of a decision
    trace: str, member: str, people: list[Person], items: list[AuthorizedItem],
    days: tuple[date | None, date | None], valid: tuple[date | None, date | None],
    decided_on: date, action: str, number: str, review: str, refusals: list[str],
) -> None:  # fmt: skip
    known = Known()
    decided = [
        msgspec.structs.replace(
            each, action=action, number=known.number(number), reason="0F",
            refusals=tuple(refusals), valid_from=valid[0], valid_until=valid[1],
        )
        for each in items
    ]  # fmt: skip
    fact = AuthorizationDecided(
        **event(known, trace, member, people, decided, days),
        category="HS",
        kind="I",
        review=known.number(review),
        decision="",
        action=action,
        number=known.number(number),
        reason="0F",
        refusals=tuple(refusals),
        valid_from=valid[0],
        valid_until=valid[1],
        decided_on=decided_on,
    )
    data = render_decisions([fact], parties=PARTIES, disclosure=known.disclosure, sending=SENDING)
    assert [told(fact)] == [told(each) for each in facts_of(data)]
