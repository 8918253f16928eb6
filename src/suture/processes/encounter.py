"""Encounter: keeps one visit's story straight (HL7 v2 ADT A01-A13, A38, A42; coding by BAR P12).

Here: whether a visit is announced, open, over, taken back or merged away, where the patient was
when, how it is coded, and what else is known of it, from facts in any order. Not here: who pays
(`patient_account.py` is told that apart), who the patient is (`patient.py`), money (ADT never
posts). Next: nothing.

Cancels restore the state before (A11 the pre-admission, A13 the open visit, A38 nothing): no fact
is ever removed, the status is derived from the latest stamp of each kind of fact. A discharge or
cancel whose opening is unknown waits as `encounter.unopened` and resolves by itself when the
opening comes (F24, F26). It waits no more once the visit is merged with another (A42): its opening
may have been told under the other's number.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from suture.model.decision import Decision, Hold, Withdrawn
from suture.model.encounter import (
    EncounterAdmitted,
    EncounterArrived,
    EncounterCancelled,
    EncounterCoded,
    EncounterDeparted,
    EncounterDischargeCancelled,
    EncounterDischarged,
    EncounterMadeInpatient,
    EncounterMadeOutpatient,
    EncounterMerged,
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
    EncounterTransferCancelled,
    EncounterTransferred,
    EncounterUpdated,
)
from suture.model.event import Event, Reconsidered, encode_fact, fact_type
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
    | EncounterTransferred
    | EncounterDeparted
    | EncounterArrived
)
_Told = _EncounterFact | EncounterMerged | EncounterCoded | Reconsidered

_KEY = "encounter"
_MERGE_KEY = "merge"
_FIELDS = tuple(name for name in EncounterAdmitted.__struct_fields__ if name != "visit")
_NOT_ENDED = {"ended_at_ms": "", "ended_on": ""}
_PLACES = frozenset({"facility", "department"})
"""What a patient on the way (A09, A10) tells of no bed: the visit's own place stays."""


class Move(msgspec.Struct, frozen=True, array_like=True, order=True):
    """That the patient went somewhere, or that the last transfer is taken back (A12)."""

    kind: str
    """transferred, departed, arrived or transfer_cancelled."""
    moved_at_ms: int
    department: str
    department_before: str


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one visit."""

    status: str = "none"
    """none, preadmitted, active, discharged, cancelled or merged."""
    stamps: dict[str, str] = msgspec.field(default_factory=dict)
    """Latest stamp of each kind of fact that opens, ends or takes back."""
    told: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """Field of the fact -> (stamp, value as text) of the latest message that told it."""
    moves: dict[str, Move] = msgspec.field(default_factory=dict)
    """Stamp -> where the patient went: whose department bears the cost of which time."""
    merged_into: tuple[str, ...] = ()
    """Visits this one was ever merged into, sorted."""
    absorbed: tuple[str, ...] = ()
    """Visits merged into this one, sorted."""
    coded: tuple[str, bytes] = ("", b"")
    """Stamp of the latest whole coding, and that coding as the log holds it."""
    recoded: dict[str, bytes] = msgspec.field(default_factory=dict)
    """Stamp -> what changed that coding since."""


def initial(key: str) -> State:  # noqa: ARG001 - the shape of every process
    """Return the state of a visit nothing is known of."""
    return State()


def evolve(state: State, event: Event) -> State:
    """Fold one fact in; the later stamp wins, per kind of fact and per field."""
    fact = _own(event)
    match fact:
        case Reconsidered():
            return state
        case EncounterMerged():
            return _merge(state, fact)
        case EncounterCoded():
            return _code(state, fact, event.stamp)
        case _:
            return _fold(state, fact, event.stamp)


def _fold(state: State, fact: _EncounterFact, stamp: str) -> State:
    stamps, told, kind = state.stamps, state.told, _kind(fact)
    if kind and stamp > stamps.get(kind, ""):
        stamps = {**stamps, kind: stamp}
    won = told_later(told, stamp, _values(fact))
    moves = _moved(state.moves, fact, stamp)
    if stamps is state.stamps and not won and moves is state.moves:
        return state
    return msgspec.structs.replace(
        state,
        status="merged" if state.merged_into else _status(stamps),
        stamps=stamps,
        told={**told, **won} if won else told,
        moves=moves,
    )


def _moved(moves: dict[str, Move], fact: _EncounterFact, stamp: str) -> dict[str, Move]:
    match fact:
        case EncounterTransferred() | EncounterDeparted() | EncounterArrived():
            at_ms, before = fact.moved_at_ms, fact.department_before
        case EncounterTransferCancelled():
            at_ms, before = 0, ""
        case _:
            return moves
    move = Move(fact_type(fact).partition(".")[2], at_ms, fact.department, before)
    known = moves.get(stamp)
    if known is not None and known >= move:
        return moves
    return {**moves, stamp: move}


def _code(state: State, fact: EncounterCoded, stamp: str) -> State:
    coded, recoded, told = state.coded, state.recoded, encode_fact(fact)
    if fact.is_whole:
        coded = max(coded, (stamp, told))
        recoded = {at: change for at, change in recoded.items() if at >= coded[0]}
    elif stamp >= coded[0]:
        recoded = {**recoded, stamp: max(told, recoded.get(stamp, b""))}
    if (coded, recoded) == (state.coded, state.recoded):
        return state
    return msgspec.structs.replace(state, coded=coded, recoded=recoded)


def _merge(state: State, fact: EncounterMerged) -> State:
    assert fact.visit in {fact.retired, fact.survivor}, "a merge told to a third visit"
    absorbed, merged_into = set(state.absorbed), set(state.merged_into)
    if fact.visit == fact.survivor:
        absorbed.add(fact.retired)
    if fact.visit == fact.retired:
        merged_into.add(fact.survivor)
    merged = (tuple(sorted(absorbed)), tuple(sorted(merged_into)))
    if merged == (state.absorbed, state.merged_into):
        return state
    return msgspec.structs.replace(
        state,
        status="merged" if merged_into else state.status,
        absorbed=merged[0],
        merged_into=merged[1],
    )


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return what a visit can need: somebody to look for its opening, or into a circle of merges.

    Two visits merged into each other are such a circle; nothing is booked by a visit, so a longer
    one, of which no visit knows, does no harm.
    """
    _own(event)
    if not (state.merged_into or state.absorbed):
        return (_opening(state),)
    if not set(state.merged_into).isdisjoint(state.absorbed):
        return (Withdrawn(_KEY), Hold(key=_MERGE_KEY, fault=fault("encounter.merge_loop", "MRG-5")))
    return (Withdrawn(_KEY), Withdrawn(_MERGE_KEY))


def _opening(state: State) -> Hold | Withdrawn:
    if not _is_unopened(state.stamps):
        return Withdrawn(_KEY)
    kinds = ", ".join(sorted(kind.replace("_", " ") for kind in state.stamps))
    explanation = f"Known of this visit: {kinds}; what opened it is unknown."
    return Hold(key=_KEY, fault=fault("encounter.unopened", "PV1", explanation))


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
        case (
            EncounterUpdated()
            | EncounterTransferCancelled()
            | EncounterTransferred()
            | EncounterDeparted()
            | EncounterArrived()
        ):
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
        case EncounterDeparted() | EncounterArrived():
            return {name: value for name, value in values.items() if name not in _PLACES}
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
