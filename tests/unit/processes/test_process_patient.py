"""Who lives on in whom: merges, chains and loops (processes/patient.py, ADT A40)."""

from __future__ import annotations

from collections import deque
from itertools import permutations

import msgspec
import pytest
from tests.unit.processes.telling import told_to

from suture.model.decision import Decision, Forward, Hold, Withdrawn
from suture.model.encounter import EncounterUpdated
from suture.model.event import Event, Fact, Reconsidered
from suture.model.party import PatientAbsorbed, PatientMerged, PatientRecorded
from suture.processes import patient

DECISIONS_MAX = 200


def told(fact: Fact, to: str, minute: int = 1) -> Event:
    """Return the fact as an event of one patient's stream."""
    event = told_to(f"patient/{to}", fact, minute, where="MRG")
    return msgspec.structs.replace(event, id=f"evt_{to}_{minute}")


def merge(retired: str, survivor: str, minute: int = 1) -> list[Event]:
    """Return the two events of one A40: both sides are told."""
    return [
        told(PatientMerged(patient=to, retired=retired, survivor=survivor), to, minute)
        for to in dict.fromkeys((retired, survivor))
    ]


class Registry:
    """Every patient's stream, with forwards delivered until nothing is new: a small pipeline."""

    def __init__(self) -> None:
        self.states: dict[str, patient.State] = {}
        self.waiting: set[str] = set()
        self.decisions_count = 0

    def tell(self, *events: Event) -> Registry:
        """Tell events in this order, and all they cause."""
        queue = deque(events)
        while queue:
            event = queue.popleft()
            name = event.stream.partition("/")[2]
            before = self.states.get(name, patient.initial(name))
            state = patient.evolve(before, event)
            if state is before:
                continue
            self.states[name] = state
            for decision in patient.decide(state, event):
                self.decisions_count += 1
                assert self.decisions_count < DECISIONS_MAX
                queue.extend(self._settle(name, decision))
        return self

    def _settle(self, name: str, decision: Decision) -> list[Event]:
        match decision:
            case Forward(stream=stream, fact=fact):
                return [told(fact, stream.partition("/")[2])]
            case Hold(key="merge"):
                assert decision.fault.code == "patient.merge_loop"
                self.waiting.add(name)
            case Withdrawn(key="merge"):
                self.waiting.discard(name)
            case _:
                pytest.fail("a patient only holds, withdraws and forwards")
        return []

    def absorbed(self, name: str) -> tuple[str, ...]:
        """Return who lives on in this patient."""
        return self.states[name].absorbed


def test_a_survivor_knows_whom_it_absorbed_and_the_retired_one_where_it_went() -> None:
    registry = Registry().tell(*merge("pat_a", "pat_b"))
    assert registry.absorbed("pat_b") == ("pat_a",)
    assert list(registry.states["pat_a"].survivors) == ["pat_b"]
    assert not registry.waiting


def test_a_chain_of_merges_ends_in_the_last_survivor_in_any_order() -> None:
    events = [*merge("pat_a", "pat_b", 1), *merge("pat_b", "pat_c", 2), *merge("pat_c", "pat_d", 3)]
    for order in permutations(events):
        registry = Registry().tell(*order)
        assert registry.absorbed("pat_d") == ("pat_a", "pat_b", "pat_c")
        assert not registry.waiting


def test_b21_two_patients_merged_into_each_other_wait_for_a_steward_and_it_ends() -> None:
    events = [*merge("pat_a", "pat_b", 1), *merge("pat_b", "pat_a", 2)]
    for order in permutations(events):
        registry = Registry().tell(*order)
        assert registry.waiting == {"pat_a", "pat_b"}
        assert registry.absorbed("pat_a") == registry.absorbed("pat_b") == ("pat_a", "pat_b")


def test_b21_a_longer_loop_holds_its_members_and_nobody_beside_them() -> None:
    loop = [*merge("pat_a", "pat_b", 1), *merge("pat_b", "pat_c", 2), *merge("pat_c", "pat_a", 3)]
    beside = merge("pat_x", "pat_a", 4)
    for order in permutations(loop):
        registry = Registry().tell(*beside, *order)
        assert registry.waiting == {"pat_a", "pat_b", "pat_c"}
        assert "pat_x" in registry.absorbed("pat_c")


def test_b21_a_patient_merged_into_itself_waits_for_a_steward() -> None:
    registry = Registry().tell(*merge("pat_a", "pat_a"))
    assert registry.waiting == {"pat_a"}


def test_the_same_merge_twice_forwards_nothing_again() -> None:
    events = merge("pat_a", "pat_b")
    registry = Registry().tell(*events)
    decisions_count = registry.decisions_count
    registry.tell(*events, *events)
    assert registry.decisions_count == decisions_count


def test_a_patient_merged_twice_is_known_to_both_survivors() -> None:
    events = [*merge("pat_x", "pat_a", 1), *merge("pat_a", "pat_b", 2), *merge("pat_a", "pat_c", 3)]
    for order in permutations(events):
        registry = Registry().tell(*order)
        assert registry.absorbed("pat_b") == registry.absorbed("pat_c") == ("pat_a", "pat_x")


def test_a_new_release_looks_at_loops_again_and_forwards_nothing() -> None:
    registry = Registry().tell(*merge("pat_a", "pat_b", 1), *merge("pat_b", "pat_a", 2))
    state, again = registry.states["pat_a"], told(Reconsidered("r2"), "pat_a", 9)
    assert patient.evolve(state, again) is state
    (decision,) = patient.decide(state, again)
    assert isinstance(decision, Hold)


def test_a_merge_told_to_a_third_patient_is_a_bug() -> None:
    fact = PatientMerged(patient="pat_z", retired="pat_a", survivor="pat_b")
    with pytest.raises(AssertionError):
        patient.evolve(patient.initial("pat_z"), told(fact, "pat_z"))


def test_a_fact_of_another_process_is_a_bug() -> None:
    stray = told(EncounterUpdated(visit="vis_1"), "pat_a")
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        patient.evolve(patient.initial("pat_a"), stray)
    with pytest.raises(TypeError, match=r"encounter\.updated"):
        patient.decide(patient.initial("pat_a"), stray)


def test_absorbed_is_forwarded_with_the_patient_itself_to_every_survivor() -> None:
    state = patient.initial("pat_b")
    for event in (merge("pat_b", "pat_c", 1)[0], merge("pat_b", "pat_d", 2)[0]):
        state = patient.evolve(state, event)
    event = merge("pat_a", "pat_b", 3)[1]
    decisions = patient.decide(patient.evolve(state, event), event)
    assert decisions == (
        Withdrawn("merge"),
        *(
            Forward(
                f"patient/{survivor}",
                PatientAbsorbed(patient=survivor, absorbed=("pat_a", "pat_b")),
            )
            for survivor in ("pat_c", "pat_d")
        ),
    )


def test_the_details_told_last_count_in_any_order_and_move_no_merge() -> None:
    events = [
        told(PatientRecorded(patient="pat_a", person=person), "pat_a", minute)
        for minute, person in enumerate(("per_1", "per_2", ""), start=1)
    ]
    for order in permutations(events):
        state = patient.initial("pat_a")
        for event in order:
            state = patient.evolve(state, event)
        assert (events[1].stamp, "per_2") == state.person
        assert (Withdrawn("merge"),) == patient.decide(state, events[1])
