"""Claims into X12 and back: every field that Suture books from comes out as it went in.

Whole facts are drawn, written by the renderers, and read again by the translations of what comes
in. What is written has no finding of its guide, neither fault nor note, and none of pyx12, an
independent reader of the same guides. What X12 has no place for is not drawn.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyx12.params import params  # type: ignore[import-untyped]
from pyx12.x12n_document import x12n_document  # type: ignore[import-untyped]
from tests.unit.translate.x12_files import TOKENIZER, read_text, token

from suture.model.claim import (
    ClaimAcknowledged,
    ClaimAdjustment,
    ClaimLine,
    ClaimStatusAsked,
    ClaimSubmitted,
    Diagnosis,
    PriorPayment,
    StatusInformation,
)
from suture.model.disclosure import Disclosure
from suture.model.event import Fact
from suture.model.person import Address as PostalAddress
from suture.model.person import Person, sealed
from suture.translate import x12_276_write, x12_277ca_write, x12_837_write
from suture.translate.x12_write import Party, Sending
from suture.wire.x12 import Address

MADE_AT = datetime(2026, 11, 3, 8, 0)  # noqa: DTZ001 - an envelope names local time
SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="PHP01"),
    control_number=7,
    made_at=MADE_AT,
)
STREET = PostalAddress(lines=("1 River Road",), city="Springdale", state="IL", postcode="627010000")
CLINIC, HOSPITAL, PLACE, DOCTOR = "1999999984", "1999999992", "1777777772", "1888888885"
PARTIES = {
    CLINIC: Party(id=CLINIC, name="Riverbend Clinic", address=STREET, tax_id="371234567"),
    HOSPITAL: Party(
        id=HOSPITAL,
        name="Riverbend Hospital",
        address=STREET,
        tax_id="371234567",
        specialty="282N00000X",
    ),
    PLACE: Party(id=PLACE, name="Riverbend Cast Room", address=STREET),
    DOCTOR: Party(id=DOCTOR, person=Person(family="Doctor", given="Dee")),
    "PHP01": Party(id="PHP01", id_kind="PI", name="Prairie Health Plan"),
    "OTH01": Party(id="OTH01", id_kind="PI", name="Other Plan"),
}
SUBMISSION = x12_837_write.Submission(
    number="B417",
    submitter=Party(
        id="RB100", id_kind="46", name="Riverbend", contact="Claims Desk", telephone="5550100100"
    ),
    receiver=Party(id="PHP01", id_kind="46", name="Prairie Health Plan"),
)
RELATED = ("01", "19", "20", "21", "G8")

numbers = st.from_regex(r"[A-Z0-9]{2,12}-[1-9]", fullmatch=True)
amounts = st.integers(1, 10_000_000)
days = st.dates(date(2025, 1, 1), date(2026, 10, 31))
names = st.from_regex(r"[A-Z][a-z]{1,15}", fullmatch=True)
persons = st.builds(
    Person,
    family=names,
    given=names,
    middle=st.sampled_from(["", "Q", "Lee"]),
    suffix=st.sampled_from(["", "Jr"]),
    born_on=st.dates(date(1930, 1, 1), date(2025, 1, 1)),
    sex=st.sampled_from("FMU"),
    address=st.builds(
        PostalAddress,
        lines=st.lists(names, min_size=1, max_size=2).map(tuple),
        city=names.filter(lambda each: len(each) > 2),
        state=st.sampled_from(["IL", "WI"]),
        postcode=st.sampled_from(["62703", "627031234"]),
    ),
)
named = st.builds(Person, family=names, given=names)
"""As of a subscriber who is not the patient: X12 has room for no more."""
diagnoses = st.sampled_from(["J0190", "R05", "S52501A", "I10", "E119"])
reasons = st.sampled_from(["1", "2", "45", "96", "253"])


class Vault:
    """The values behind the surrogates of the facts that are drawn."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def token(self, kind: str, authority: str, value: str) -> str:
        """Return a surrogate, its value kept."""
        made = token(kind, authority, value)
        self.values[made] = value
        return made

    def person(self, person: Person) -> str:
        """Return the surrogate of a person's details, kept."""
        secret = sealed(person, TOKENIZER)
        assert secret is not None
        self.values[secret.token] = secret.value
        return secret.token


@st.composite
def claims(draw: st.DrawFn, vault: Vault, kind: str) -> ClaimSubmitted:
    """Draw a claim as it could have been submitted."""
    service_on = draw(days)
    lines = tuple(
        draw(claim_lines(vault, kind, number, service_on))
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )
    is_self = draw(st.booleans())
    is_institutional, is_dental = kind == "institutional", kind == "dental"
    ended_on = (
        draw(st.none() | st.just(service_on + timedelta(days=3))) if is_institutional else None
    )
    status = draw(st.sampled_from(["01", "20", "30"])) if is_institutional else ""
    admitted_on = draw(st.none() | st.just(service_on)) if is_institutional else None
    is_over = admitted_on is not None and status != "30"
    frequency = draw(st.sampled_from("178"))
    told = [draw(diagnoses) for _ in range(draw(st.integers(1, 4)))]
    kinds = ["ABK", *["ABF"] * 3]
    return ClaimSubmitted(
        claim=vault.token("claim", "", draw(numbers)),
        submission="",
        kind=kind,
        frequency=frequency,
        payer="PHP01",
        sequence=draw(st.sampled_from("PST")),
        filing_indicator=draw(st.sampled_from(["CI", "MB", "12"])),
        member=vault.token("member", "PHP01", draw(numbers)),
        subscriber=vault.person(draw(persons if is_self else named)),
        relationship="18" if is_self else draw(st.sampled_from(RELATED)),
        dependent="" if is_self else vault.person(draw(persons)),
        group_number=draw(st.sampled_from(["", "GROUP7"])),
        patient=""
        if is_dental
        else draw(
            st.just("") | numbers.map(lambda each: vault.token("patient", "riverbend", each))
        ),
        payer_claim=vault.token("payer_claim", "PHP01", draw(numbers)) if frequency in "78" else "",
        authorization=draw(
            st.just("") | numbers.map(lambda each: vault.token("authorization", "PHP01", each))
        ),
        billing_provider=HOSPITAL if is_institutional else CLINIC,
        rendering_provider=draw(st.sampled_from(["", DOCTOR])),
        facility=draw(st.sampled_from([HOSPITAL if is_institutional else CLINIC, PLACE])),
        place_of_service="11",
        consents=("" if is_institutional else "Y", "A", "Y", "Y"),
        diagnoses=tuple(
            Diagnosis(
                kind=kinds[place],
                code=code,
                present_on_admission=draw(st.sampled_from(["", "Y", "N"]))
                if is_institutional
                else "",
            )
            for place, code in enumerate(told)
        ),
        diagnosis_group=draw(st.sampled_from(["", "287"])) if is_institutional else "",
        charge_minor=sum(each.charge_minor for each in lines),
        patient_paid_minor=0 if is_institutional else draw(st.sampled_from([0, 2_050])),
        service_on=service_on,
        service_ended_on=ended_on,
        admitted_on=admitted_on,
        discharged_on=(ended_on or service_on) if is_over else None,
        admission_type="1" if is_institutional else "",
        admission_source="1" if is_institutional else "",
        discharge_status=status,
        submitted_on=MADE_AT.date(),
        lines=lines,
        prior_payments=tuple(draw(st.lists(prior_payments(vault), max_size=1))),
        where="",
    )


@st.composite
def claim_lines(
    draw: st.DrawFn, vault: Vault, kind: str, number: int, service_on: date
) -> ClaimLine:
    """Draw a service line."""
    control = draw(st.just("") | numbers)
    procedure = {"professional": "99213", "institutional": "93458", "dental": "D2150"}[kind]
    return ClaimLine(
        number=str(number),
        procedure=procedure,
        modifiers=() if kind == "dental" else draw(st.sampled_from([(), ("25",), ("25", "LT")])),
        revenue_code="0481" if kind == "institutional" else "",
        charge_minor=draw(amounts),
        units=draw(st.sampled_from(["1", "3"])),
        unit=""
        if kind == "dental"
        else draw(st.sampled_from(["UN", "MJ"]))
        if kind == "professional"
        else "UN",
        service_on=service_on,
        diagnoses=("1",) if kind == "professional" else (),
        control=vault.token("charge", "riverbend", control) if control else "",
    )


@st.composite
def prior_payments(draw: st.DrawFn, vault: Vault) -> PriorPayment:
    """Draw what another payer decided."""
    groups = draw(st.lists(st.sampled_from(["CO", "PR", "OA"]), unique=True, max_size=3))
    return PriorPayment(
        payer="OTH01",
        sequence="P",
        paid_minor=draw(amounts),
        adjustments=tuple(
            ClaimAdjustment(group=group, reason=reason, amount_minor=draw(amounts), where="")
            for group in groups
            for reason in draw(st.lists(reasons, min_size=1, max_size=6))
        ),
        decided_on=draw(days),
        filing_indicator="BL",
        relationship="18",
        subscriber=vault.person(draw(named)),
        member=vault.token("member", "OTH01", draw(numbers)),
        payer_claim=vault.token("payer_claim", "OTH01", draw(numbers)),
    )


def booked(fact: Fact) -> object:
    """Return a fact without what only its file gave it: places and identities."""
    told = msgspec.to_builtins(fact)
    for name in ("where", "submission", "acknowledgement", "report"):
        told.pop(name, None)
    for prior in told.get("prior_payments", ()):
        for adjustment in prior.get("adjustments", ()):
            adjustment.pop("where")
    return told


def reads_back(data: object, facts: Sequence[Fact], kind: type) -> None:
    """Assert that what was written is sound and says what the facts say."""
    assert isinstance(data, bytes), data
    told = read_text(data)
    found = [each.translation for each in told.verdicts]
    assert [] == [(one.code, one.where) for each in found for one in (*each.faults, *each.notes)]
    again = [each for each in told.facts if isinstance(each, kind)]
    assert [booked(each) for each in facts] == [booked(each) for each in again]


def errors_of_pyx12(data: bytes) -> list[str]:
    """Return the errors that pyx12's own 999 tells of an interchange."""
    answer = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        x12n_document(params(), io.StringIO(data.decode()), answer, None)
    finally:
        logging.disable(logging.NOTSET)
    told = [each.strip() for each in answer.getvalue().split("~")]
    assert any(each.startswith("AK9") for each in told), "pyx12 knows the guide"
    return [each for each in told if each.startswith(("IK3", "IK4", "IK5*R", "IK5*E"))]


def submitted(facts: Sequence[ClaimSubmitted], values: Mapping[str, str]) -> object:
    return x12_837_write.render(facts, SUBMISSION, Disclosure(values), PARTIES, SENDING)


@pytest.mark.parametrize("kind", ["professional", "institutional", "dental"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_claims_that_are_submitted_read_back_as_they_were(kind: str, data: st.DataObject) -> None:
    vault = Vault()
    facts = data.draw(st.lists(claims(vault, kind), min_size=1, max_size=3))
    reads_back(submitted(facts, vault.values), facts, ClaimSubmitted)


@pytest.mark.parametrize("kind", ["professional", "institutional"])
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_claims_that_are_submitted_are_sound_to_pyx12(kind: str, data: st.DataObject) -> None:
    vault = Vault()
    facts = data.draw(st.lists(claims(vault, kind), min_size=1, max_size=2))
    written = submitted(facts, vault.values)
    assert isinstance(written, bytes), written
    assert [] == errors_of_pyx12(written)


# 276 and 277CA ----------------------------------------------------------------------------------


@st.composite
def inquiries(draw: st.DrawFn, vault: Vault) -> ClaimStatusAsked:
    """Draw a question about one claim."""
    service_on = draw(days)
    plain = persons.map(lambda each: msgspec.structs.replace(each, address=PostalAddress()))
    return ClaimStatusAsked(
        claim=vault.token("claim", "", draw(numbers)),
        inquiry=vault.token("inquiry", "", draw(numbers)),
        payer="PHP01",
        payer_claim=draw(
            st.just("") | numbers.map(lambda each: vault.token("payer_claim", "PHP01", each))
        ),
        member=vault.token("member", "PHP01", draw(numbers)),
        subscriber=vault.person(draw(plain)),
        provider=CLINIC,
        charge_minor=draw(amounts),
        service_on=service_on,
        service_ended_on=draw(st.none() | st.just(service_on + timedelta(days=2))),
        asked_on=MADE_AT.date(),
        where="",
    )


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_questions_about_claims_read_back_as_they_were(data: st.DataObject) -> None:
    vault = Vault()
    facts = data.draw(st.lists(inquiries(vault), min_size=1, max_size=3))
    asking = x12_276_write.Inquiry(number="S1", receiver=SUBMISSION.submitter)
    written = x12_276_write.render(facts, asking, Disclosure(vault.values), PARTIES, SENDING)
    reads_back(written, facts, ClaimStatusAsked)


@st.composite
def acknowledgements(draw: st.DrawFn, vault: Vault) -> ClaimAcknowledged:
    """Draw what a payer says of one claim."""
    is_accepted = draw(st.booleans())
    service_on = draw(days)
    name = draw(named)
    status = StatusInformation(category="A2", status="20")
    if not is_accepted:
        status = StatusInformation(category="A7", status="562", entity="85")
    return ClaimAcknowledged(
        claim=vault.token("claim", "", draw(numbers)),
        acknowledgement="",
        payer="PHP01",
        payer_claim=vault.token("payer_claim", "PHP01", draw(numbers)),
        is_accepted=is_accepted,
        statuses=(status,),
        charge_minor=draw(amounts),
        provider=CLINIC,
        patient=vault.person(name),
        member=vault.token("member", "PHP01", draw(numbers)),
        service_on=service_on,
        service_ended_on=draw(st.none() | st.just(service_on + timedelta(days=2))),
        decided_on=MADE_AT.date(),
        where="",
    )


def answered(facts: Sequence[ClaimAcknowledged], values: Mapping[str, str]) -> object:
    taken = [each.charge_minor for each in facts if each.is_accepted]
    refused = [each.charge_minor for each in facts if not each.is_accepted]
    batch = x12_277ca_write.Batch(
        number="B417",
        answer="A1",
        source=PARTIES["PHP01"],
        receiver=SUBMISSION.submitter,
        received_on=MADE_AT.date(),
        answered_on=MADE_AT.date(),
        time="0800",
        accepted=(len(taken), sum(taken)),
        rejected=(len(refused), sum(refused)),
    )
    return x12_277ca_write.render(facts, batch, Disclosure(values), PARTIES, SENDING)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_answers_about_claims_read_back_as_they_were(data: st.DataObject) -> None:
    vault = Vault()
    facts = data.draw(st.lists(acknowledgements(vault), min_size=1, max_size=3))
    reads_back(answered(facts, vault.values), facts, ClaimAcknowledged)


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_answers_about_claims_are_sound_to_pyx12(data: st.DataObject) -> None:
    vault = Vault()
    facts = data.draw(st.lists(acknowledgements(vault), min_size=1, max_size=3))
    written = answered(facts, vault.values)
    assert isinstance(written, bytes), written
    assert [] == errors_of_pyx12(written)
