"""Appointment: keeps one appointment's story straight (HL7 v2 SIU S12-S22, S26).

Here: the status of an appointment and what is known of it, from facts in any order. Not here: money
(scheduling never posts), time slots (S23, S24: `known.py`). Next: nothing is booked; the arrival
that turns an appointment into charges is told to `encounter.py` and `patient_account.py`.

A change or cancel whose booking (S12) is unknown waits as `appointment.unbooked` and resolves by
itself when the booking comes (F24, F26). A reschedule (S13), modification (S14) or change of
resources (S18-S22) stands in for a lost booking once patient and start are known: all carry the
whole appointment (chapter 10.4), and appointments booked before a source was connected never get an
S12.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

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
from suture.model.decision import Decision, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault
from suture.processes.process import told_later

_AppointmentFact = (
    AppointmentBooked
    | AppointmentRescheduled
    | AppointmentModified
    | AppointmentCancelled
    | AppointmentDiscontinued
    | AppointmentDeleted
    | AppointmentMissed
    | AppointmentResourcesChanged
)
_Told = _AppointmentFact | Reconsidered

_KEY = "appointment"
_FIELDS = tuple(name for name in AppointmentBooked.__struct_fields__ if name != "appointment")
_SETTLING = ("booked", "rescheduled", "missed", "discontinued", "cancelled", "deleted")
"""Facts that decide the status; of several recorded at the same instant the last one here wins."""

_CARRYING = ("rescheduled", "modified", "resources_changed")
"""Facts that carry the whole appointment, and so stand in for a lost booking."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one appointment."""

    status: str = "unknown"
    """unknown, or the kind of fact that settled it: booked, rescheduled, modified, cancelled ..."""
    stamps: dict[str, str] = msgspec.field(default_factory=dict)
    """Latest stamp of each kind of fact."""
    told: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """Field of the fact -> (stamp, value as text) of the latest message that told it."""


def initial(key: str) -> State:  # noqa: ARG001 - the shape of every process
    """Return the state of an appointment nothing is known of."""
    return State()


def evolve(state: State, event: Event) -> State:
    """Fold one SIU fact in; the later stamp wins, per kind of fact and per field."""
    fact = _own(event)
    if isinstance(fact, Reconsidered):
        return state
    stamps, told, kind = state.stamps, state.told, _kind(fact)
    if event.stamp > stamps.get(kind, ""):
        stamps = {**stamps, kind: event.stamp}
    values = {name: str(value) for name in _FIELDS if (value := getattr(fact, name))}
    won = told_later(told, event.stamp, values)
    if stamps is state.stamps and not won:
        return state
    return State(_status(stamps), stamps, {**told, **won} if won else told)


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return the one thing an appointment can need: somebody to look for its booking."""
    _own(event)
    if state.status == "unknown" or _is_opened(state):
        return (Withdrawn(_KEY),)
    explanation = f"The appointment was {state.status}, but its booking (S12) is unknown."
    return (Hold(key=_KEY, fault=fault("appointment.unbooked", "SCH", explanation)),)


def _own(event: Event) -> _Told:
    fact = event.fact
    if isinstance(fact, _Told):
        return fact
    raise TypeError(f"an appointment was told {fact_type(fact)}")


def _kind(fact: _AppointmentFact) -> str:
    match fact:
        case AppointmentBooked():
            kind = "booked"
        case AppointmentRescheduled():
            kind = "rescheduled"
        case AppointmentModified():
            kind = "modified"
        case AppointmentCancelled():
            kind = "cancelled"
        case AppointmentDiscontinued():
            kind = "discontinued"
        case AppointmentDeleted():
            kind = "deleted"
        case AppointmentMissed():
            kind = "missed"
        case AppointmentResourcesChanged():
            kind = "resources_changed"
        case _:
            assert_never(fact)
    return kind


def _status(stamps: dict[str, str]) -> str:
    """Return the settling fact recorded last; a modification only where there is no other."""
    settled = [
        (stamps[kind].partition("-")[0], rank, kind)
        for rank, kind in enumerate(_SETTLING)
        if kind in stamps
    ]
    return max(settled)[2] if settled else "modified"


def _is_opened(state: State) -> bool:
    if "booked" in state.stamps:
        return True
    is_carried = not state.stamps.keys().isdisjoint(_CARRYING)
    return is_carried and "patient" in state.told and "starts_at_ms" in state.told
