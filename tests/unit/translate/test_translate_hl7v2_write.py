"""What stands where in the messages Suture writes (translate/hl7v2_write*.py; SIU, ADT, DFT, MFN).

That they come back as the facts they were is tests/properties/test_hl7v2_written.py.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest

from suture.model.account import AccountMerged, AccountRegistered, ChargePosted, PaymentReceived
from suture.model.appointment import (
    AppointmentBooked,
    AppointmentResource,
    AppointmentResourcesChanged,
    SlotRecorded,
)
from suture.model.disclosure import WITHHELD, Disclosure
from suture.model.encounter import EncounterArrived, EncounterMerged, EncounterTransferred
from suture.model.identity import Tokenizer
from suture.model.master_data import ItemRecorded, LocationRecorded, ProviderRecorded
from suture.model.party import PatientMerged, PatientRecorded
from suture.model.person import Address, Person, sealed
from suture.translate.hl7v2_write import Envelope
from suture.translate.hl7v2_write_adt import render_encounter, render_merge, render_person
from suture.translate.hl7v2_write_dft import render_lines
from suture.translate.hl7v2_write_mfn import render_records
from suture.translate.hl7v2_write_siu import render_appointment, render_slot

SEALED = sealed(
    Person(
        family="QUILL",
        given="ORLA",
        born_on=date(1988, 2, 29),
        sex="F",
        address=Address(lines=("12 Mill Lane",), city="Riverbend", state="IL", postcode="60601"),
        telephone="5550100",
    ),
    Tokenizer(b"a key for tests, of 32 bytes...."),
)
assert SEALED is not None
QUILL = SEALED
DISCLOSURE = Disclosure(
    {
        "vis_1": "V900",
        "vis_2": "V800",
        "pat_1": "600123",
        "pat_2": "600999",
        "acc_1": "A5001",
        "acc_2": "A4000",
        "apt_1": "F88",
        QUILL.token: QUILL.value,
    }
)
ENVELOPE = Envelope(
    control_id="S1",
    sent_at_ms=1_767_622_600_000,
    recorded_at_ms=1_767_622_500_250,
    zone=ZoneInfo("America/Chicago"),
    sending_facility="RVH",
    receiving_application="BILLING",
    receiving_facility="RGH",
)
SENT = r"|^~\&|SUTURE|RVH|BILLING|RGH|20260105081640-0600||"
PID = "PID|1||600123^^^^MR||QUILL^ORLA||19880229|F|||12 Mill Lane^^Riverbend^IL^60601||5550100"
RECORDED = "20260105081500.250-0600"


def lines(raw: bytes) -> list[str]:
    """Return the segments of a message."""
    assert raw.endswith(b"\r")
    return raw.decode().split("\r")[:-1]


TRANSFERRED = EncounterTransferred(
    visit="vis_1",
    patient="pat_1",
    account="acc_1",
    patient_class="I",
    facility="RGH",
    department="ICU",
    department_before="ED",
    hospital_service="MED",
    moved_at_ms=1_767_622_200_000,
    began_on=date(2026, 1, 4),
)
REGISTERED = AccountRegistered(account="acc_1", financial_class="MC", payer="MCR")


def test_a_transfer_with_the_person_and_who_pays() -> None:
    raw = render_encounter(
        TRANSFERRED, ENVELOPE, DISCLOSURE, person=QUILL.token, registered=REGISTERED
    )
    assert lines(raw) == [
        f"MSH{SENT}ADT^A02^ADT_A02|S1|P|2.5.1||||||UNICODE UTF-8",
        f"EVN|A02|{RECORDED}||||20260105081000-0600",
        f"{PID}|||||A5001",
        "PV1|1|I|ICU^^^RGH|||ED||||MED|||||||||V900|MC||||||||||||||||||||||||20260104",
        "IN1|1||MCR",
    ]


def test_what_is_withheld_is_told_as_its_surrogate_and_the_person_not_at_all() -> None:
    raw = render_encounter(TRANSFERRED, ENVELOPE, WITHHELD, person=QUILL.token)
    assert "PID|1||pat_1^^^^MR|||||||||||||||acc_1" == lines(raw)[2]
    assert "vis_1" == lines(raw)[3].split("|")[19]


def test_a_patient_at_another_place_keeps_the_bed() -> None:
    arrived = EncounterArrived(visit="vis_1", facility="RGH", department="XRAY")
    assert (
        "PV1|1||^^^RGH||||||||XRAY^^^RGH||||||||V900"
        == lines(render_encounter(arrived, ENVELOPE, DISCLOSURE))[3]
    )


def test_a_registration_of_another_account_is_refused() -> None:
    other = msgspec.structs.replace(REGISTERED, account="acc_2")
    with pytest.raises(ValueError, match="another account"):
        render_encounter(TRANSFERRED, ENVELOPE, DISCLOSURE, registered=other)


def test_a_person_is_told_without_a_visit() -> None:
    recorded = PatientRecorded(patient="pat_1", person=QUILL.token)
    segments = lines(render_person(recorded, ENVELOPE, DISCLOSURE))
    assert ["MSH", "EVN", "PID", "PV1"] == [each[:3] for each in segments]
    assert "ADT^A31^ADT_A05" == segments[0].split("|")[8]
    assert "PV1|1|N" == segments[3]


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (
            PatientMerged(patient="pat_1", retired="pat_2", survivor="pat_1"),
            ["ADT^A40^ADT_A39", "PID|1||600123^^^^MR", "MRG|600999^^^^MR"],
        ),
        (
            AccountMerged(account="acc_1", retired="acc_2", survivor="acc_1"),
            [
                "ADT^A41^ADT_A39",
                "PID|1||600123^^^^MR|||||||||||||||A5001",
                "MRG|600123^^^^MR||A4000",
            ],
        ),
        (
            EncounterMerged(visit="vis_1", retired="vis_2", survivor="vis_1"),
            [
                "ADT^A42^ADT_A39",
                "PID|1||600123^^^^MR",
                "MRG|600123^^^^MR||||V800",
                "PV1|1|U|||||||||||||||||V900",
            ],
        ),
    ],
)
def test_a_merge_names_both_sides_of_what_it_merges(
    fact: PatientMerged | AccountMerged | EncounterMerged, expected: list[str]
) -> None:
    segments = lines(render_merge(fact, ENVELOPE, DISCLOSURE, patient_token="pat_1"))
    assert expected == [segments[0].split("|")[8], *segments[2:]]


CHARGE = ChargePosted(
    account="acc_1",
    charge="chg_1",
    amount_minor=36_000,
    quantity="3",
    service_on=date(2026, 1, 5),
    posted_on=date(2026, 1, 7),
    facility="RGH",
    department="LAB",
    transaction_code="80053",
    procedure_code="80053",
)
PAID = PaymentReceived(
    account="acc_1",
    payment="pay_1",
    amount_minor=2_500,
    received_on=date(2026, 1, 5),
    kind="CO",
    medium="CARD",
    facility="RGH",
)


def test_lines_of_an_account_stand_under_it_with_who_pays() -> None:
    raw = render_lines([CHARGE, PAID], ENVELOPE, DISCLOSURE, registered=REGISTERED, visit="vis_1")
    assert lines(raw) == [
        f"MSH{SENT}DFT^P03^DFT_P03|S1|P|2.5.1||||||UNICODE UTF-8",
        f"EVN|P03|{RECORDED}",
        "PID|1|||||||||||||||||A5001",
        "PV1|1|U|^^^RGH||||||||||||||||V900|MC",
        "FT1|1|chg_1||20260105|20260107|CG|80053|||3|360.00||LAB||||||||||||80053",
        "FT1|2|pay_1||20260105||CO|CARD||||25.00",
        "IN1|1||MCR",
    ]


@pytest.mark.parametrize(
    "other",
    [
        [],
        [CHARGE, msgspec.structs.replace(PAID, account="acc_2")],
        [CHARGE, msgspec.structs.replace(PAID, facility="DTC")],
    ],
    ids=["no line", "two accounts", "two facilities"],
)
def test_what_a_dft_cannot_tell_in_one_message_is_refused(
    other: list[ChargePosted | PaymentReceived],
) -> None:
    with pytest.raises(ValueError, match="one account in one facility"):
        render_lines(other, ENVELOPE, DISCLOSURE)


def test_an_appointment_stands_under_its_filler_number_with_start_and_end() -> None:
    booked = AppointmentBooked(
        appointment="apt_1",
        patient="pat_1",
        visit="vis_1",
        starts_at_ms=1_770_753_600_000,
        starts_on=date(2026, 2, 10),
        duration_minutes=30,
        facility="RGH",
        department="CARD",
        service_code="93000",
        filler_status="Booked",
    )
    assert lines(render_appointment(booked, ENVELOPE, DISCLOSURE, person=QUILL.token)) == [
        f"MSH{SENT}SIU^S12^SIU_S12|S1|P|2.5.1||||||UNICODE UTF-8",
        "SCH||F88|||||||30|MIN|^^^20260210140000-0600^20260210143000-0600||||||||||||||Booked",
        PID,
        "PV1|1|U|^^^RGH||||||||||||||||V900",
        "RGS|1",
        "AIS|1||93000",
        "AIL|1||CARD^^^RGH",
    ]


def test_a_change_of_resources_names_each_with_what_becomes_of_it() -> None:
    changed = AppointmentResourcesChanged(
        appointment="apt_1",
        change="cancelled",
        resources=(AppointmentResource(kind="AIP", code="4455", action="D"),),
    )
    segments = lines(render_appointment(changed, ENVELOPE, DISCLOSURE))
    assert ("SIU^S20^SIU_S12", "AIP|1|D|4455") == (segments[0].split("|")[8], segments[-1])


@pytest.mark.parametrize(("status", "trigger"), [("free", "S24"), ("busy-unavailable", "S23")])
def test_a_time_is_blocked_or_opened_by_its_resource(status: str, trigger: str) -> None:
    slot = SlotRecorded(
        slot="CATH@1770753600000",
        schedule="CATH",
        status=status,
        starts_at_ms=1_770_753_600_000,
        ends_at_ms=1_770_755_400_000,
    )
    segments = lines(render_slot(slot, ENVELOPE))
    assert f"SIU^{trigger}^SIU_S12" == segments[0].split("|")[8]
    assert "AIG|1||CATH|||||20260210140000-0600|||30|MIN" == segments[-1]


def test_records_are_numbered_and_ask_for_their_answers() -> None:
    clinicians = [
        ProviderRecorded(code="D77", action="MAD", name="ADA FERN", national_id="1234567893"),
        ProviderRecorded(code="D78", action="MDC", is_active=False, valid_from=date(2026, 2, 1)),
    ]
    assert lines(render_records(clinicians, ENVELOPE))[1:] == [
        "MFI|PRA||UPD|||AL",
        "MFE|MAD|S1.1||D77|CE",
        "STF|D77||ADA FERN",
        "PRA|D77|||||1234567893^NPI",
        "MFE|MDC|S1.2|20260201|D78|CE",
        "STF|D78||||||I",
        "PRA|D78",
    ]


def test_a_place_is_written_by_its_parts() -> None:
    place = LocationRecorded(code="ICU^12^A", facility="RGH", part_of="ICU^12", department="ICU")
    assert lines(render_records([place], ENVELOPE))[2:] == [
        "MFE|MUP|S1.1||ICU^12^A|PL",
        "LOC|ICU^12^A^RGH",
        "LDP|ICU^12^A^RGH|ICU",
        "LRL|ICU^12^A^RGH|||PAR||ICU^12",
    ]


def test_records_that_different_events_tell_are_refused_in_one_message() -> None:
    on_hand = ItemRecorded(code="IMP7", quantity="3")
    with pytest.raises(ValueError, match="one kind"):
        render_records([on_hand, ItemRecorded(code="IMP8", supplier="V1")], ENVELOPE)
    with pytest.raises(ValueError, match="one kind"):
        render_records([], ENVELOPE)
