"""Canonical -> HL7 v2 -> canonical keeps what Suture books from, whatever the values hold.

What is written is parsed, translated and compared. Without a disclosure nothing that it would tell
may stand in it. What stands where is tests/unit/translate/test_translate_hl7v2_write.py.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model import account as accounts
from suture.model import appointment as appointments
from suture.model import encounter as encounters
from suture.model import master_data
from suture.model.disclosure import WITHHELD, Disclosure
from suture.model.identity import Tokenizer
from suture.model.party import PatientMerged, PatientRecorded
from suture.model.person import Address, Person, sealed
from suture.model.translation import Channel, Translation
from suture.pipeline import read_message
from suture.translate.hl7v2_write import Envelope
from suture.translate.hl7v2_write_adt import render_encounter, render_merge, render_person
from suture.translate.hl7v2_write_dft import render_lines
from suture.translate.hl7v2_write_mfn import render_records
from suture.translate.hl7v2_write_siu import render_appointment, render_slot

ZONE = ZoneInfo("America/Chicago")
TOKENIZER = Tokenizer(b"an index key of the tests, 32 bytes")
CHANNEL = Channel(source="suture", zone=ZONE, tokenizer=TOKENIZER, authority="riverbend")
ENVELOPE = Envelope(
    control_id="S1", sent_at_ms=1_767_622_600_000, recorded_at_ms=1_767_622_500_000, zone=ZONE
)
NOT_COMPARED = {"where", "system", "charge", "payment", "adjustment", "line"}
"""Paths, and what a receiver makes of its own: whose codes they are, what it knows a line by."""
EXAMPLES = settings(max_examples=60, deadline=None)

CODE = st.text("ABCDEFGH0123456789", min_size=1, max_size=8)
TEXT = st.text('AZ09 |^~\\&"\u00e9\u4e2d.H', max_size=8).map(str.strip).filter(lambda t: t != '""')
WORD = TEXT.filter(bool)
DAY = st.dates(date(2020, 1, 1), date(2030, 12, 31))
AT_MS = st.integers(1_600_000_000_000, 1_900_000_000_000)
AMOUNT = st.integers(0, 10**11)


class Known:
    """Surrogates made of numbers, remembered as a vault does."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def token(self, kind: str, number: str) -> str:
        """Return the surrogate of a number; "" for none."""
        if not number:
            return ""
        token = TOKENIZER.token(kind, "riverbend", number)
        self.values[token] = number
        return token

    def person(self, person: Person) -> str:
        """Return the surrogate of a person's details; "" where there are none."""
        secret = sealed(person, TOKENIZER)
        if secret is None:
            return ""
        self.values[secret.token] = secret.value
        return secret.token

    @property
    def disclosure(self) -> Disclosure:
        """Return all of it."""
        return Disclosure(self.values)


def day_of(at_ms: int) -> date:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (epoch + timedelta(milliseconds=at_ms)).astimezone(ZONE).date()


def heard(raw: bytes) -> Translation:
    """Return what a message means, which nothing may be wrong with."""
    translation = read_message(raw, CHANNEL)
    assert ((), ()) == (translation.faults, translation.notes)
    return translation


def told(fact: Any) -> Any:
    """Return what a fact says, without what is not compared."""
    names = [name for name in fact.__struct_fields__ if name not in NOT_COMPARED]
    return type(fact).__name__, {name: getattr(fact, name) for name in names}


def back(raw: bytes) -> list[Any]:
    """Return what a message says once it is read."""
    return [told(routed.fact) for routed in heard(raw).routed]


@st.composite
def moments(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Return a moment, a day alone, or neither, by the names of a fact."""
    match draw(st.integers(0, 2)):
        case 0:
            return {}
        case 1:
            return {f"{name}_on": draw(DAY)}
        case _:
            at_ms = draw(AT_MS)
            return {f"{name}_at_ms": at_ms, f"{name}_on": day_of(at_ms)}


APPOINTMENTS = (
    appointments.AppointmentBooked,
    appointments.AppointmentRescheduled,
    appointments.AppointmentModified,
    appointments.AppointmentCancelled,
    appointments.AppointmentDiscontinued,
    appointments.AppointmentDeleted,
    appointments.AppointmentMissed,
)


@EXAMPLES
@given(st.data(), st.sampled_from(APPOINTMENTS), moments("starts"), st.integers(0, 999_999))
def test_an_appointment_comes_back(
    data: st.DataObject, kind: Any, starts: dict[str, Any], minutes: int
) -> None:
    known = Known()
    fact = kind(
        appointment=known.token("appointment", data.draw(CODE)),
        patient=known.token("patient", data.draw(CODE)),
        visit=known.token("visit", data.draw(st.just("") | CODE)),
        duration_minutes=minutes,
        facility=data.draw(WORD),
        department=data.draw(TEXT),
        service_code=data.draw(TEXT),
        filler_status=data.draw(TEXT),
        **starts,
    )
    assert [told(fact)] == back(render_appointment(fact, ENVELOPE, known.disclosure))


@EXAMPLES
@given(
    st.sampled_from(["added", "modified", "cancelled", "discontinued", "deleted"]),
    st.lists(
        st.builds(
            appointments.AppointmentResource,
            kind=st.sampled_from(["AIS", "AIG", "AIL", "AIP"]),
            code=TEXT,
            action=st.sampled_from(["", "A", "D", "U"]),
        ),
        max_size=4,
    ),
    AT_MS,
)
def test_a_change_of_resources_comes_back(
    change: str, resources: list[appointments.AppointmentResource], at_ms: int
) -> None:
    known = Known()
    fact = appointments.AppointmentResourcesChanged(
        appointment=known.token("appointment", "F88"),
        starts_at_ms=at_ms,
        starts_on=day_of(at_ms),
        change=change,
        resources=tuple(resources),
    )
    assert [told(fact)] == back(render_appointment(fact, ENVELOPE, known.disclosure))


@EXAMPLES
@given(WORD, st.sampled_from(["free", "busy-unavailable"]), AT_MS, st.integers(0, 10_000), TEXT)
def test_a_time_slot_comes_back(
    schedule: str, status: str, starts_at_ms: int, minutes: int, service: str
) -> None:
    fact = appointments.SlotRecorded(
        slot=f"{schedule}@{starts_at_ms}",
        schedule=schedule,
        status=status,
        starts_at_ms=starts_at_ms,
        ends_at_ms=starts_at_ms + minutes * 60_000 if minutes else 0,
        service_code=service,
    )
    raw = render_slot(fact, ENVELOPE)
    of_schedule = [
        each.fact for each in heard(raw).routed
        if isinstance(each.fact, appointments.SlotRecorded) and each.where == "AIG"
    ]  # fmt: skip
    assert [told(fact)] == [told(each) for each in of_schedule]


ENCOUNTERS = (
    encounters.EncounterAdmitted,
    encounters.EncounterRegistered,
    encounters.EncounterPreadmitted,
    encounters.EncounterMadeInpatient,
    encounters.EncounterMadeOutpatient,
    encounters.EncounterUpdated,
    encounters.EncounterDischarged,
    encounters.EncounterCancelled,
    encounters.EncounterTransferCancelled,
    encounters.EncounterDischargeCancelled,
    encounters.EncounterPreadmissionCancelled,
    encounters.EncounterTransferred,
)


@EXAMPLES
@given(
    st.data(), st.sampled_from(ENCOUNTERS), moments("began"), moments("ended"), AT_MS,
    st.booleans(),
)  # fmt: skip
def test_a_visit_and_who_pays_for_its_account_come_back(
    data: st.DataObject,
    kind: Any,
    began: dict[str, Any],
    ended: dict[str, Any],
    moved_at_ms: int,
    has_account: bool,  # noqa: FBT001 - drawn
) -> None:
    known = Known()
    moved: dict[str, Any] = {}
    if kind is encounters.EncounterTransferred:
        moved = {"department_before": data.draw(TEXT), "moved_at_ms": moved_at_ms}
        moved["moved_on"] = day_of(moved_at_ms)
    fact = kind(
        visit=known.token("visit", data.draw(CODE)),
        patient=known.token("patient", data.draw(CODE)),
        account=known.token("account", data.draw(CODE)) if has_account else "",
        patient_class=data.draw(TEXT),
        facility=data.draw(WORD),
        department=data.draw(TEXT),
        hospital_service=data.draw(TEXT),
        **began,
        **ended,
        **moved,
    )
    expected = [told(fact)]
    registered = None
    if has_account:
        registered = accounts.AccountRegistered(
            account=fact.account,
            patient=fact.patient,
            facility=fact.facility,
            patient_class=fact.patient_class,
            financial_class=data.draw(TEXT),
            payer=data.draw(TEXT),
        )
        expected.append(told(registered))
    raw = render_encounter(fact, ENVELOPE, known.disclosure, registered=registered)
    assert expected == back(raw)


@EXAMPLES
@given(
    st.sampled_from([encounters.EncounterDeparted, encounters.EncounterArrived]),
    WORD, TEXT, TEXT, AT_MS,
)  # fmt: skip
def test_where_a_patient_is_comes_back(
    kind: Any, facility: str, department: str, before: str, moved_at_ms: int
) -> None:
    known = Known()
    fact = kind(
        visit=known.token("visit", "V900"),
        account=known.token("account", "A5001"),
        facility=facility,
        department=department,
        department_before=before,
        moved_at_ms=moved_at_ms,
        moved_on=day_of(moved_at_ms),
    )
    assert [told(fact)] == back(render_encounter(fact, ENVELOPE, known.disclosure))


PEOPLE = st.builds(
    Person,
    family=TEXT,
    given=TEXT,
    middle=TEXT,
    suffix=TEXT,
    born_on=st.none() | st.dates(date(1900, 1, 1), date(2025, 12, 31)),
    sex=st.sampled_from(["", "F", "M", "U"]),
    address=st.builds(
        Address,
        lines=st.lists(WORD, max_size=2).map(tuple),
        city=TEXT,
        state=TEXT,
        postcode=TEXT,
        country=TEXT,
    ),
    telephone=TEXT,
)


@EXAMPLES
@given(PEOPLE)
def test_a_person_comes_back_under_the_same_surrogate(person: Person) -> None:
    known = Known()
    fact = PatientRecorded(patient=known.token("patient", "600123"), person=known.person(person))
    assert [told(fact)] == back(render_person(fact, ENVELOPE, known.disclosure))


@pytest.mark.parametrize("kind", ["patient", "account", "visit"])
def test_a_merge_comes_back_to_both_sides(kind: str) -> None:
    known = Known()
    sides = {"retired": known.token(kind, "N2"), "survivor": known.token(kind, "N1")}
    makers: dict[str, Any] = {
        "patient": PatientMerged,
        "account": accounts.AccountMerged,
        "visit": encounters.EncounterMerged,
    }
    make = makers[kind]
    facts = [make(**{kind: sides[side]}, **sides) for side in ("survivor", "retired")]
    whose = known.token("patient", "600123")
    raw = render_merge(facts[0], ENVELOPE, known.disclosure, patient_token=whose)
    assert [told(fact) for fact in facts] == back(raw)


QUANTITY = st.just("") | st.integers(-99, 99).map(str) | st.just("1.50")


@st.composite
def lines_of(draw: st.DrawFn, account: str, facility: str) -> list[Any]:
    """Return lines of one account, each with an identity of its own."""
    lines: list[Any] = []
    for number in range(draw(st.integers(1, 4))):
        base: dict[str, Any] = {
            "account": account,
            "facility": facility,
            "department": draw(TEXT),
            "amount_minor": draw(AMOUNT),
        }
        identity = TOKENIZER.token("charge", "riverbend", str(number))
        match draw(st.integers(0, 3)):
            case 0 | 1 as which:
                kind = accounts.ChargeCredited if which else accounts.ChargePosted
                amount = base["amount_minor"] if which else draw(AMOUNT) - 10**10
                charge = kind(
                    **base | {"amount_minor": amount},
                    charge=identity,
                    quantity=draw(QUANTITY),
                    service_on=draw(DAY),
                    posted_on=draw(st.none() | DAY),
                    transaction_code=draw(TEXT),
                    procedure_code=draw(TEXT),
                )
                lines.append(charge)
            case 2:
                payment = accounts.PaymentReceived(
                    **base,
                    payment=identity,
                    received_on=draw(DAY),
                    kind=draw(st.sampled_from(["PY", "CO"])),
                    medium=draw(TEXT),
                )
                lines.append(payment)
            case _:
                adjusted = accounts.AccountAdjusted(
                    **base, adjustment=identity, adjusted_on=draw(DAY), code=draw(TEXT)
                )
                lines.append(adjusted)
    return lines


@EXAMPLES
@given(st.data(), WORD, WORD, TEXT)
def test_the_lines_of_an_account_come_back(
    data: st.DataObject, facility: str, financial_class: str, payer: str
) -> None:
    known = Known()
    account = known.token("account", "A5001")
    registered = accounts.AccountRegistered(
        account=account,
        patient=known.token("patient", "600123"),
        facility=facility,
        patient_class="O",
        financial_class=financial_class,
        payer=payer,
    )
    lines = data.draw(lines_of(account, facility))
    raw = render_lines(lines, ENVELOPE, known.disclosure, registered=registered)
    assert [told(registered), *map(told, lines)] == back(raw)
    amount = sum(line.amount_minor for line in lines)
    assert amount == sum(total.amount_minor for total in heard(raw).totals)


def test_a_line_written_again_is_the_same_line_to_its_receiver() -> None:
    known = Known()
    charge = accounts.ChargePosted(
        account=known.token("account", "A5001"),
        charge=TOKENIZER.token("charge", "riverbend", "1"),
        amount_minor=12_000,
        service_on=date(2026, 1, 5),
    )
    corrected = msgspec.structs.replace(charge, amount_minor=9_000)
    identities = {
        routed.fact.charge
        for fact in (charge, corrected)
        for routed in heard(render_lines([fact], ENVELOPE, known.disclosure)).routed
        if isinstance(routed.fact, accounts.ChargePosted)
    }
    assert 1 == len(identities)


ACTIONS = st.sampled_from(
    [("MAD", None), ("MUP", True), ("MUP", False), ("MDC", False), ("MAC", True), ("MDL", False)]
)
RECORD: dict[str, Any] = {"code": CODE, "name": TEXT, "valid_from": st.none() | DAY}


def records(fact_type: Any, /, **fields: Any) -> st.SearchStrategy[Any]:
    """Return records whose activity is what their action makes of it."""
    return st.tuples(st.builds(fact_type, **RECORD, **fields), ACTIONS).map(
        lambda drawn: msgspec.structs.replace(drawn[0], action=drawn[1][0], is_active=drawn[1][1])
    )


@EXAMPLES
@given(
    st.lists(
        records(
            master_data.ProviderRecorded,
            valid_until=st.none() | DAY,
            national_id=TEXT,
            specialty=TEXT,
            department=TEXT,
            organization=TEXT,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_clinicians_come_back(facts: list[Any]) -> None:
    assert [told(fact) for fact in facts] == back(render_records(facts, ENVELOPE))


@EXAMPLES
@given(
    records(
        master_data.LocationRecorded,
        valid_until=st.none() | DAY,
        facility=WORD,
        department=TEXT,
        kind=TEXT,
        part_of=st.sampled_from(["", "ICU", "ICU^12^^RGH"]),
        cost_centre=TEXT,
    )
)
def test_a_place_comes_back(fact: Any) -> None:
    assert [told(fact)] == back(render_records([fact], ENVELOPE))


@EXAMPLES
@given(
    records(
        master_data.ChargeItemRecorded,
        valid_until=st.none() | DAY,
        price_minor=st.none() | AMOUNT,
        procedure=TEXT,
        facility=TEXT,
        department=TEXT,
    )
)
def test_a_charge_master_row_comes_back(fact: Any) -> None:
    assert [told(fact)] == back(render_records([fact], ENVELOPE))


@EXAMPLES
@given(
    records(
        master_data.ItemRecorded,
        kind=TEXT,
        supplier=TEXT,
        supplier_item=TEXT,
        manufacturer_item=TEXT,
        unit=TEXT,
        price=TEXT,
        location=TEXT,
    )
)
def test_a_material_comes_back(fact: Any) -> None:
    assert [told(fact)] == back(render_records([fact], ENVELOPE))


@EXAMPLES
@given(
    st.builds(
        master_data.ItemRecorded,
        **RECORD,
        quantity=WORD,
        unit=TEXT,
        price=TEXT,
        location=TEXT,
    )
)
def test_what_is_on_hand_comes_back(fact: Any) -> None:
    assert [told(fact)] == back(render_records([fact], ENVELOPE))


SECRET = st.text("ABCDEFGH0123456789", min_size=6, max_size=10)


@EXAMPLES
@given(SECRET, SECRET, SECRET, SECRET)
def test_without_a_disclosure_surrogates_are_told_and_nothing_behind_them(
    visit: str, patient: str, account: str, family: str
) -> None:
    known = Known()
    person = known.person(Person(family=f"Q{family}", telephone=f"Q{family}"))
    who: dict[str, Any] = {
        "visit": known.token("visit", f"Q{visit}"),
        "patient": known.token("patient", f"Q{patient}"),
    }
    billed = known.token("account", f"Q{account}")
    admitted = encounters.EncounterAdmitted(account=billed, **who)
    booked = appointments.AppointmentBooked(appointment=billed, **who)
    paid = accounts.PaymentReceived(
        account=billed, payment="pay_1", amount_minor=100, received_on=date(2026, 1, 5), kind="PY"
    )
    recorded = PatientRecorded(patient=who["patient"], person=person)
    merged = accounts.AccountMerged(account=billed, retired="acc_2", survivor=billed)

    def written(disclosure: Disclosure) -> list[str]:
        messages = (
            render_encounter(admitted, ENVELOPE, disclosure, person=person),
            render_appointment(booked, ENVELOPE, disclosure, person=person),
            render_lines([paid], ENVELOPE, disclosure, person=person, visit=who["visit"]),
            render_person(recorded, ENVELOPE, disclosure),
            render_merge(merged, ENVELOPE, disclosure, patient_token=who["patient"]),
        )
        return [each.decode() for each in messages]

    hidden = {f"Q{value}" for value in (visit, patient, account, family)}
    assert all(any(value in each for value in hidden) for each in written(known.disclosure))
    for each in written(WITHHELD):
        assert not any(value in each for value in hidden)
        assert billed in each or who["patient"] in each
