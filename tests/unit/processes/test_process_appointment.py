"""An appointment booked, moved, cancelled, in any order (processes/appointment.py, SIU)."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from tests.unit.processes.telling import state_after, told_to

from suture.model.appointment import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentDeleted,
    AppointmentDiscontinued,
    AppointmentMissed,
    AppointmentModified,
    AppointmentRescheduled,
    AppointmentResourcesChanged,
)
from suture.model.decision import Hold, Withdrawn
from suture.model.event import Event, Fact, Reconsidered
from suture.model.party import PatientAbsorbed
from suture.processes import appointment

BOOKED = AppointmentBooked(
    appointment="apt_1", patient="pat_1", starts_at_ms=1_000, department="CARD"
)
CANCELLED = AppointmentCancelled(appointment="apt_1")


def told(fact: Fact, minute: int, digest: str = "") -> Event:
    """Return the fact as an event recorded at this minute."""
    return told_to("appointment/apt_1", fact, minute, source="scheduling", digest=digest)


def after(*events: Event) -> appointment.State:
    """Return the state once these events were told in this order."""
    return state_after(appointment, "apt_1", *events)


def is_waiting(*events: Event) -> bool:
    """Tell whether the last event leaves the appointment waiting for its booking."""
    (decision,) = appointment.decide(after(*events), events[-1])
    if isinstance(decision, Hold):
        assert (decision.key, decision.amount_minor) == ("appointment", 0)
        assert decision.fault.code == "appointment.unbooked"
        return True
    assert decision == Withdrawn("appointment")
    return False


@pytest.mark.parametrize(
    ("fact", "status"),
    [
        (AppointmentRescheduled(appointment="apt_1"), "rescheduled"),
        (AppointmentModified(appointment="apt_1"), "booked"),
        (AppointmentCancelled(appointment="apt_1"), "cancelled"),
        (AppointmentDiscontinued(appointment="apt_1"), "discontinued"),
        (AppointmentDeleted(appointment="apt_1"), "deleted"),
        (AppointmentMissed(appointment="apt_1"), "missed"),
    ],
)
def test_the_fact_recorded_last_settles_the_status_whatever_came_first(
    fact: Fact, status: str
) -> None:
    earlier, later = told(BOOKED, 1), told(fact, 2)
    assert after(earlier, later) == after(later, earlier)
    assert after(later, earlier).status == status


def test_a_cancelled_appointment_booked_again_is_booked() -> None:
    assert after(told(CANCELLED, 1), told(BOOKED, 2)).status == "booked"


def test_a_cancel_recorded_in_the_same_minute_as_its_booking_wins() -> None:
    for digests in (("aa", "bb"), ("bb", "aa")):
        booking, cancel = told(BOOKED, 1, digests[0]), told(CANCELLED, 1, digests[1])
        assert after(booking, cancel).status == "cancelled"


def test_f26_a_cancel_before_its_booking_waits_and_resolves_alone() -> None:
    cancel, booking = told(CANCELLED, 2), told(BOOKED, 1)
    assert is_waiting(cancel)
    assert not is_waiting(cancel, booking)
    assert after(cancel, booking).status == "cancelled"


def test_a_reschedule_that_tells_patient_and_start_stands_in_for_a_lost_booking() -> None:
    whole = AppointmentRescheduled(appointment="apt_1", patient="pat_1", starts_at_ms=2_000)
    assert not is_waiting(told(whole, 1))
    for silent in ({"patient": ""}, {"starts_at_ms": 0}):
        assert is_waiting(told(msgspec.structs.replace(whole, **silent), 1))


def test_a_cancel_that_tells_the_whole_appointment_is_no_booking() -> None:
    whole = AppointmentCancelled(appointment="apt_1", patient="pat_1", starts_at_ms=2_000)
    assert is_waiting(told(whole, 1))
    modified = AppointmentModified(appointment="apt_1")
    assert not is_waiting(told(whole, 2), told(modified, 1))


def test_a_silent_message_takes_nothing_away_and_a_late_one_changes_nothing() -> None:
    moved = told(AppointmentRescheduled(appointment="apt_1", starts_at_ms=2_000), 3)
    late = told(AppointmentModified(appointment="apt_1", department="LATE", duration_minutes=15), 0)
    state = after(moved, told(BOOKED, 2), late)
    told_values = {name: value for name, (_, value) in state.told.items()}
    assert told_values == {
        "patient": "pat_1",
        "starts_at_ms": "2000",
        "department": "CARD",
        "duration_minutes": "15",
    }


def test_the_same_message_twice_tells_nothing_new() -> None:
    state = after(told(BOOKED, 1), told(CANCELLED, 2))
    assert appointment.evolve(state, told(BOOKED, 1)) is state
    assert appointment.evolve(state, told(CANCELLED, 2)) is state


def test_every_order_of_a_whole_story_ends_alike() -> None:
    story = [
        told(BOOKED, 1),
        told(AppointmentRescheduled(appointment="apt_1", starts_at_ms=2_000), 2),
        told(AppointmentModified(appointment="apt_1", service_code="ECHO"), 3),
        told(CANCELLED, 4),
    ]
    ends = [after(*order) for order in permutations(story)]
    assert all(end == ends[0] for end in ends)
    assert ends[0].status == "cancelled"


def test_a_new_release_decides_again_what_waits() -> None:
    state = after(told(CANCELLED, 1))
    again = told(Reconsidered("r2"), 9)
    assert appointment.evolve(state, again) is state
    assert appointment.decide(state, again) == appointment.decide(state, told(CANCELLED, 1))


def test_a_fact_of_another_process_is_a_bug() -> None:
    stray = told(PatientAbsorbed(patient="pat_1", absorbed=()), 1)
    with pytest.raises(TypeError, match=r"patient\.absorbed"):
        appointment.evolve(appointment.initial("apt_1"), stray)
    with pytest.raises(TypeError, match=r"patient\.absorbed"):
        appointment.decide(appointment.initial("apt_1"), stray)


def test_a_change_of_resources_stands_in_for_a_lost_booking_and_settles_nothing() -> None:
    changed = AppointmentResourcesChanged(
        appointment="apt_1", patient="pat_1", starts_at_ms=1_000, change="added"
    )
    assert not is_waiting(told(changed, 1))
    assert "booked" == after(told(BOOKED, 1), told(changed, 2)).status
    assert "cancelled" == after(told(CANCELLED, 1), told(changed, 2)).status
    state = after(told(BOOKED, 1), told(changed, 2))
    assert "CARD" == state.told["department"][1]
