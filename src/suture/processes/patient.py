"""Patient: who lives on in whom (HL7 v2 ADT A40, A18, A34, A36, MRG-1 into PID-3); their details.

Here: the merges one patient was told of, as retired or as survivor, and the forwarding of everybody
who lives on in a retired patient to the survivor; which details were told last (A28, A31). Not
here: accounts merged by MRG-3 (`patient_account.py`), visits merged by MRG-5 (`encounter.py`),
matching of identities; posted lines never move (F34). Next: `patient/<survivor>`, this same process
under another key.

A retired patient tells its survivors whom it has absorbed, itself included, whenever that set
grows. Sets only grow and patients are finite, so this ends even in a loop (A into B, B into A:
B21); whoever then finds itself among those it absorbed is in the loop and waits for a steward.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from suture.model.decision import Decision, Forward, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault
from suture.model.party import PatientAbsorbed, PatientMerged, PatientRecorded

_PatientFact = PatientMerged | PatientRecorded | PatientAbsorbed | Reconsidered

_KEY = "merge"


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one patient was told of merges."""

    patient: str
    survivors: dict[str, str] = msgspec.field(default_factory=dict)
    """Patients this one was merged into -> latest stamp. It is retired when there is any."""
    absorbed: tuple[str, ...] = ()
    """Everybody who lives on in this patient, sorted; holds the patient itself only in a loop."""
    person: tuple[str, str] = ("", "")
    """Stamp and surrogate of the details told last."""


def initial(key: str) -> State:
    """Return the state of a patient no merge is known of."""
    return State(key)


def evolve(state: State, event: Event) -> State:
    """Fold one merge in: survivors and absorbed only grow."""
    fact = _own(event)
    match fact:
        case PatientMerged():
            assert state.patient in {fact.retired, fact.survivor}, "a merge told to a third patient"
            if state.patient == fact.survivor:
                state = _absorb(state, (fact.retired,))
            if state.patient == fact.retired:
                state = _retire(state, fact.survivor, event.stamp)
            return state
        case PatientAbsorbed():
            return _absorb(state, fact.absorbed)
        case PatientRecorded():
            told = (event.stamp, fact.person)
            if not fact.person or told <= state.person:
                return state
            return msgspec.structs.replace(state, person=told)
        case Reconsidered():
            return state
        case _:
            assert_never(fact)


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return whether a steward must look, and what the survivors must now be told.

    Called only when `evolve` found something new: that is why forwarding ends.
    """
    fact = _own(event)
    match fact:
        case PatientMerged() if fact.retired == state.patient:
            return (_standing(state), *_forwards(state, (fact.survivor,)))
        case PatientMerged() | PatientAbsorbed():
            return (_standing(state), *_forwards(state, state.survivors))
        case PatientRecorded() | Reconsidered():
            return (_standing(state),)
        case _:
            assert_never(fact)


def _own(event: Event) -> _PatientFact:
    fact = event.fact
    if isinstance(fact, _PatientFact):
        return fact
    raise TypeError(f"a patient was told {fact_type(fact)}")


def _absorb(state: State, patients: tuple[str, ...]) -> State:
    absorbed = tuple(sorted({*state.absorbed, *patients}))
    if absorbed == state.absorbed:
        return state
    return msgspec.structs.replace(state, absorbed=absorbed)


def _retire(state: State, survivor: str, stamp: str) -> State:
    if stamp <= state.survivors.get(survivor, ""):
        return state
    return msgspec.structs.replace(state, survivors={**state.survivors, survivor: stamp})


def _standing(state: State) -> Hold | Withdrawn:
    if state.patient in state.absorbed:
        return Hold(key=_KEY, fault=fault("patient.merge_loop", "MRG-1"))
    return Withdrawn(_KEY)


def _forwards(state: State, survivors: tuple[str, ...] | dict[str, str]) -> list[Forward]:
    absorbed = tuple(sorted({*state.absorbed, state.patient}))
    return [
        Forward(f"patient/{survivor}", PatientAbsorbed(patient=survivor, absorbed=absorbed))
        for survivor in survivors
    ]
