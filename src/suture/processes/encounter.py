"""Encounter: keeps one visit's story straight (HL7 v2 ADT A01, A03-A08, A11-A13, A38).

Here: whether a visit is announced, open, over or taken back, and what is known of it, from facts in
any order. Not here: who pays (`patient_account.py` is told that apart), who the patient is
(`patient.py`), money (ADT never posts). Next: nothing.

Cancels restore the state before (A11 the pre-admission, A13 the open visit, A38 nothing): no fact
is ever removed, the status is derived from the latest stamp of each kind of fact. A discharge or
cancel whose opening is unknown waits as `encounter.unopened` and resolves by itself when the
opening comes (F24, F26).
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from suture.model.decision import Decision, Hold, Withdrawn
from suture.model.encounter import (
    EncounterAdmitted,
    EncounterCancelled,
    EncounterDischargeCancelled,
    EncounterDischarged,
    EncounterMadeInpatient,
    EncounterMadeOutpatient,
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
    EncounterTransferCancelled,
    EncounterUpdated,
)
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault
from suture.processes.process import told_later

_EncounterFact = (
    EncounterAdmitted
    | EncounterRegistered
    | EncounterPreadmitted
    | EncounterMadeInpatient
    | EncounterMadeOutpatient
    | EncounterUpdated
    | EncounterDischarged
    | EncounterCancelled
    | EncounterTransferCancelled
    | EncounterDischargeCancelled
    | EncounterPreadmissionCancelled
)
_Told = _EncounterFact | Reconsidered

_KEY = "encounter"
_FIELDS = tuple(name for name in EncounterAdmitted.__struct_fields__ if name != "visit")
_NOT_ENDED = {"ended_at_ms": "", "ended_on": ""}


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one visit."""

    status: str = "none"
    """none, preadmitted, active, discharged or cancelled."""
    stamps: dict[str, str] = msgspec.field(default_factory=dict)
    """Latest stamp of each kind of fact that opens, ends or takes back."""
    told: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """Field of the fact -> (stamp, value as text) of the latest message that told it."""


def initial(key: str) -> State:  # noqa: ARG001 - the shape of every process
    """Return the state of a visit nothing is known of."""
    return State()


def evolve(state: State, event: Event) -> State:
    """Fold one ADT fact in; the later stamp wins, per kind of fact and per field."""
    fact = _own(event)
    if isinstance(fact, Reconsidered):
        return state
    stamps, told, kind = state.stamps, state.told, _kind(fact)
    if kind and event.stamp > stamps.get(kind, ""):
        stamps = {**stamps, kind: event.stamp}
    won = told_later(told, event.stamp, _values(fact))
    if stamps is state.stamps and not won:
        return state
    return State(_status(stamps), stamps, {**told, **won} if won else told)


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return the one thing a visit can need: somebody to look for its opening."""
    _own(event)
    if not _is_unopened(state.stamps):
        return (Withdrawn(_KEY),)
    kinds = ", ".join(sorted(kind.replace("_", " ") for kind in state.stamps))
    explanation = f"Known of this visit: {kinds}; what opened it is unknown."
    return (Hold(key=_KEY, fault=fault("encounter.unopened", "PV1", explanation)),)


def _own(event: Event) -> _Told:
    fact = event.fact
    if isinstance(fact, _Told):
        return fact
    raise TypeError(f"an encounter was told {fact_type(fact)}")


def _kind(fact: _EncounterFact) -> str:
    """Return what a fact says about the visit's course; "" for facts that tell details only.

    A class change (A06, A07) opens as an admission does: only a visit under way can change its
    class, and some senders admit an emergency patient by A06 alone.
    """
    match fact:
        case (
            EncounterAdmitted()
            | EncounterRegistered()
            | EncounterMadeInpatient()
            | EncounterMadeOutpatient()
        ):
            kind = "opened"
        case EncounterPreadmitted():
            kind = "preadmitted"
        case EncounterDischarged():
            kind = "discharged"
        case EncounterCancelled():
            kind = "cancelled"
        case EncounterDischargeCancelled():
            kind = "discharge_cancelled"
        case EncounterPreadmissionCancelled():
            kind = "preadmission_cancelled"
        case EncounterUpdated() | EncounterTransferCancelled():
            kind = ""
        case _:
            assert_never(fact)
    return kind


def _values(fact: _EncounterFact) -> dict[str, str]:
    """Return what a fact tells, as text, by field; an empty text takes an earlier value away.

    Only a cancelled discharge (A13) takes away: whatever PV1-45 still says, nothing has ended.
    """
    values = {name: str(value) for name in _FIELDS if (value := getattr(fact, name))}
    match fact:
        case EncounterMadeInpatient():
            return {"patient_class": "I", **values}
        case EncounterMadeOutpatient():
            return {"patient_class": "O", **values}
        case EncounterDischargeCancelled():
            return values | _NOT_ENDED
        case _:
            return values


def _status(stamps: dict[str, str]) -> str:
    """Derive the status from when each kind of fact was last recorded.

    Registration systems often record to the minute: at the same instant a cancel comes after what
    it cancels, and a discharge after the opening.
    """
    at = {kind: stamp.partition("-")[0] for kind, stamp in stamps.items()}
    opened, cancelled = at.get("opened", ""), at.get("cancelled", "")
    discharged, reopened = at.get("discharged", ""), at.get("discharge_cancelled", "")
    if discharged > max(cancelled, reopened) and discharged >= opened:
        return "discharged"
    if max(opened, reopened) > cancelled:
        return "active"
    if at.get("preadmitted", "") > at.get("preadmission_cancelled", ""):
        return "preadmitted"
    return "cancelled" if stamps else "none"


def _is_unopened(stamps: dict[str, str]) -> bool:
    if "opened" in stamps:
        return False
    if not stamps.keys().isdisjoint(("discharged", "cancelled", "discharge_cancelled")):
        return True
    return "preadmission_cancelled" in stamps and "preadmitted" not in stamps
