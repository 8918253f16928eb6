"""What a scheduling system said about an appointment (translate/hl7v2_siu.py, SIU)."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest

from suture.model.appointment import (
    AppointmentBooked,
    AppointmentResource,
    AppointmentResourcesChanged,
    SlotRecorded,
)
from suture.model.event import fact_type
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.translation import Channel, Routed, Translation
from suture.translate import hl7v2_siu
from suture.wire.hl7v2 import parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="scheduling",
    zone=ZoneInfo("America/Chicago"),
    tokenizer=TOKENIZER,
    authority="riverbend",
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


SCHEDULE = {1: "P77", 2: "F88", 9: "30", 10: "MIN", 11: "^^^20260210140000^20260210143000"}
PATIENT = line("PID", {3: "600123^^^RVH^MR"})
VISIT = line("PV1", {2: "O", 3: "CARD^2^^RGH", 19: "V900"})


def heard(*segments: str, trigger: str = "S12") -> Translation:
    """Return what an SIU message of these segments means."""
    header = rf"MSH|^~\&|SCHED|RGH|SUTURE|RVH|20260105083000||SIU^{trigger}|M1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    assert not isinstance(message, Fault)
    return hl7v2_siu.translate(message, CHANNEL)


def appointment(*segments: str) -> AppointmentBooked:
    """Return the one fact of an S12 of these segments."""
    translation = heard(*segments)
    assert translation.faults == ()
    (routed,) = translation.routed
    assert isinstance(routed.fact, AppointmentBooked)
    return routed.fact


def test_a_booking_tells_its_appointment_who_when_and_where() -> None:
    service = line("AIS", {1: "1", 3: "93000^ECG^C4"})
    translation = heard(line("SCH", SCHEDULE | {25: "Booked"}), PATIENT, VISIT, service)
    surrogate = TOKENIZER.token("appointment", "riverbend", "F88")
    expected = AppointmentBooked(
        appointment=surrogate,
        patient=TOKENIZER.token("patient", "riverbend", "600123"),
        visit=TOKENIZER.token("visit", "riverbend", "V900"),
        starts_at_ms=1_770_753_600_000,
        starts_on=date(2026, 2, 10),
        duration_minutes=30,
        facility="RGH",
        department="CARD",
        service_code="93000",
        filler_status="Booked",
    )
    assert translation.routed == (Routed(f"appointment/{surrogate}", expected, "SCH"),)
    assert translation.status == "accepted"


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("S12", "appointment.booked"),
        ("S13", "appointment.rescheduled"),
        ("S14", "appointment.modified"),
        ("S15", "appointment.cancelled"),
        ("S16", "appointment.discontinued"),
        ("S17", "appointment.deleted"),
        ("S26", "appointment.missed"),
    ],
)
def test_each_trigger_is_one_fact(trigger: str, expected: str) -> None:
    (routed,) = heard(line("SCH", SCHEDULE), trigger=trigger).routed
    assert fact_type(routed.fact) == expected


def test_an_appointment_without_a_filler_id_goes_by_the_placer_s() -> None:
    fact = appointment(line("SCH", SCHEDULE | {2: ""}))
    assert fact.appointment == TOKENIZER.token("appointment", "riverbend", "P77")


@pytest.mark.parametrize("segments", [(), (line("SCH", SCHEDULE | {1: '""', 2: ""}),)])
def test_a_message_that_names_no_appointment_is_held(segments: tuple[str, ...]) -> None:
    (fault,) = heard(*segments, PATIENT).faults
    assert (fault.code, fault.where) == ("hl7.appointment.missing", "SCH-2")


@pytest.mark.parametrize(
    ("schedule", "others"),
    [
        pytest.param("^^^20260210140000", ("TQ1|1||||||20260211",), id="SCH-11 first"),
        pytest.param("", ("TQ1|1||||||20260210140000", "AIS|1|||20260211"), id="then TQ1-7"),
        pytest.param('^^^""', ("AIS|1|||20260210200000+0000",), id="then AIS-4"),
    ],
)
def test_the_start_is_read_wherever_the_sender_s_release_puts_it(
    schedule: str, others: tuple[str, ...]
) -> None:
    fact = appointment(line("SCH", SCHEDULE | {11: schedule}), *others)
    assert (fact.starts_at_ms, fact.starts_on) == (1_770_753_600_000, date(2026, 2, 10))


def test_a_start_that_is_only_a_date_is_not_taken_for_midnight() -> None:
    fact = appointment(line("SCH", SCHEDULE | {11: "^^^20260210"}))
    assert (fact.starts_at_ms, fact.starts_on) == (0, date(2026, 2, 10))


def test_a_late_evening_start_falls_on_the_day_of_the_facility_s_own_clock() -> None:
    fact = appointment(line("SCH", SCHEDULE | {11: "^^^20260211033000+0000"}))
    assert fact.starts_on == date(2026, 2, 10)


def test_b22_an_impossible_start_holds_the_message_at_its_field() -> None:
    (fault,) = heard(line("SCH", SCHEDULE | {11: "^^^20260230140000"})).faults
    assert (fault.code, fault.where) == ("hl7.timestamp.invalid", "SCH-11.4")


@pytest.mark.parametrize(
    ("fields", "service", "minutes"),
    [
        ({9: "45", 10: "MIN"}, {}, 45),
        ({9: "45", 10: ""}, {}, 45),
        ({9: "2", 10: "hr^hours^ANS+"}, {}, 120),
        ({9: "61", 10: "s"}, {}, 2),
        ({9: ""}, {7: "20", 8: "min"}, 20),
        ({9: "", 11: "^^^20260210140000^20260210144001"}, {}, 41),
        ({9: "", 11: "^^^20260210140000^20260210130000"}, {}, 0),
        ({9: "", 11: "^^^^20260210150000"}, {4: "20260210140000"}, 0),
        ({9: "", 11: ""}, {}, 0),
    ],
)
def test_the_length_is_told_in_minutes(
    fields: dict[int, str], service: dict[int, str], minutes: int
) -> None:
    segments = line("SCH", SCHEDULE | fields), line("AIS", {1: "1"} | service)
    assert appointment(*segments).duration_minutes == minutes


@pytest.mark.parametrize("told", [{9: "half"}, {9: "1.5", 10: "hr"}, {9: "3", 10: "fortnights"}])
def test_an_unreadable_length_is_noted_and_left_out(told: dict[int, str]) -> None:
    translation = heard(line("SCH", SCHEDULE | {11: ""} | told))
    assert translation.status == "accepted"
    (note,) = translation.notes
    assert (note.code, note.where) == ("hl7.duration.unread", "SCH-9")
    assert msgspec.structs.asdict(translation.routed[0].fact)["duration_minutes"] == 0


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        (("AIL|1||CATH^3^^RNH", "AIL|2||ECHO"), ("RNH", "CATH")),
        (("AIL|1||^3", "AIL|2||ECHO"), ("RGH", "ECHO")),
        ((), ("RGH", "CARD")),
    ],
)
def test_the_place_is_the_one_booked_else_the_visit_s(
    locations: tuple[str, ...], expected: tuple[str, str]
) -> None:
    fact = appointment(line("SCH", SCHEDULE), VISIT, *locations)
    assert (fact.facility, fact.department) == expected


@pytest.mark.parametrize(
    ("trigger", "change"),
    [
        ("S18", "added"),
        ("S19", "modified"),
        ("S20", "cancelled"),
        ("S21", "discontinued"),
        ("S22", "deleted"),
    ],
)
def test_a_change_of_resources_names_them_and_leaves_place_and_service_alone(
    trigger: str, change: str
) -> None:
    translation = heard(
        line("SCH", SCHEDULE | {25: "Booked"}),
        PATIENT,
        VISIT,
        "RGS|1|A",
        "AIS|1|A|93000^ECG^C4|20260210150000",
        "AIG|1|D|CART7^Cart",
        "AIL|1|U|CATH^3^^RNH",
        "AIP|1|A|4455^FERN^ADA",
        trigger=trigger,
    )
    surrogate = TOKENIZER.token("appointment", "riverbend", "F88")
    expected = AppointmentResourcesChanged(
        appointment=surrogate,
        patient=TOKENIZER.token("patient", "riverbend", "600123"),
        visit=TOKENIZER.token("visit", "riverbend", "V900"),
        starts_at_ms=1_770_753_600_000,
        starts_on=date(2026, 2, 10),
        duration_minutes=30,
        filler_status="Booked",
        change=change,
        resources=(
            AppointmentResource(kind="AIS", code="93000", action="A"),
            AppointmentResource(kind="AIG", code="CART7", action="D"),
            AppointmentResource(kind="AIL", code="CATH", action="U"),
            AppointmentResource(kind="AIP", code="4455", action="A"),
        ),
    )
    assert (Routed(f"appointment/{surrogate}", expected, "SCH"),) == translation.routed


def test_a_change_of_resources_of_no_appointment_is_held() -> None:
    (fault,) = heard("SCH|", "AIL|1|A|CATH", trigger="S18").faults
    assert ("hl7.appointment.missing", "SCH-2") == (fault.code, fault.where)


def slots(*segments: str, trigger: str = "S23") -> list[SlotRecorded]:
    """Return the slots of an accepted S23 or S24."""
    translation = heard(*segments, trigger=trigger)
    assert () == translation.faults
    assert [f"schedule/slot:{told.slot}" for told in map(slot_of, translation.routed)] == [
        routed.stream for routed in translation.routed
    ]
    return [slot_of(routed) for routed in translation.routed]


def slot_of(routed: Routed) -> SlotRecorded:
    """Return the slot that is routed."""
    assert isinstance(routed.fact, SlotRecorded)
    return routed.fact


def test_a_block_names_each_resource_and_its_time() -> None:
    own_time = line("AIP", {1: "1", 3: "4455^FERN", 6: "20260210150000", 9: "15", 10: "MIN"})
    assert [
        SlotRecorded(
            slot="CATH@1770753600000",
            schedule="CATH",
            status="busy-unavailable",
            starts_at_ms=1_770_753_600_000,
            ends_at_ms=1_770_755_400_000,
            where="AIL",
        ),
        SlotRecorded(
            slot="4455@1770757200000",
            schedule="4455",
            status="busy-unavailable",
            starts_at_ms=1_770_757_200_000,
            ends_at_ms=1_770_758_100_000,
            where="AIP",
        ),
    ] == slots(line("SCH", SCHEDULE), "RGS|1", "AIL|1||CATH^3", own_time)


def test_a_time_is_opened_under_the_name_it_was_blocked_under_whatever_its_number() -> None:
    (blocked,) = slots(line("SCH", SCHEDULE), "AIL|1||CATH")
    (free,) = slots(line("SCH", SCHEDULE | {1: "", 2: "F99"}), "AIL|1||CATH", trigger="S24")
    assert (blocked.slot, "free") == (free.slot, free.status)


def test_a_block_of_no_resource_goes_by_its_own_number() -> None:
    (blocked,) = slots(line("SCH", SCHEDULE))
    assert TOKENIZER.token("appointment", "riverbend", "F88") == blocked.slot


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(("SCH|", "AIL|1||CATH"), id="no start"),
        pytest.param((line("SCH", {11: "^^^20260210140000"}),), id="nothing blocked"),
        pytest.param(("AIL|1||CATH",), id="no SCH"),
    ],
)
def test_a_block_of_no_time_or_of_nothing_is_held(segments: tuple[str, ...]) -> None:
    (fault,) = heard(*segments, trigger="S23").faults
    assert ("hl7.slot.unclear", "SCH") == (fault.code, fault.where)
