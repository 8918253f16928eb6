"""A visit announced, open, over, taken back, in any order (processes/encounter.py, ADT)."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import msgspec
import pytest
from tests.unit.processes.telling import state_after, told_to

from suture.model.decision import Hold, Withdrawn
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
from suture.model.event import Event, Fact, Reconsidered, decode_fact
from suture.model.party import PatientAbsorbed
from suture.processes import encounter

PREADMITTED = EncounterPreadmitted(visit="vis_1", patient_class="P")
ADMITTED = EncounterAdmitted(visit="vis_1", patient_class="I", department="ICU")
REGISTERED = EncounterRegistered(visit="vis_1", patient_class="E")
DISCHARGED = EncounterDischarged(visit="vis_1", ended_at_ms=5_000, ended_on=date(2024, 3, 5))
CANCELLED = EncounterCancelled(visit="vis_1")
DISCHARGE_CANCELLED = EncounterDischargeCancelled(visit="vis_1")
PREADMISSION_CANCELLED = EncounterPreadmissionCancelled(visit="vis_1")


def told(fact: Fact, minute: int, digest: str = "") -> Event:
    """Return the fact as an event recorded at this minute."""
    return told_to("encounter/vis_1", fact, minute, digest=digest)


def after(*events: Event) -> encounter.State:
    """Return the state once these events were told in this order."""
    return state_after(encounter, "vis_1", *events)


def end(*facts: Fact) -> encounter.State:
    """Return where a story ends, recorded in this order, however it arrives."""
    events = [told(fact, minute) for minute, fact in enumerate(facts, start=1)]
    states = [after(*order) for order in permutations(events)]
    assert all(state == states[0] for state in states)
    return states[0]


def is_waiting(*facts: Fact) -> bool:
    """Tell whether a visit with this story waits for its opening."""
    (decision,) = encounter.decide(end(*facts), told(facts[0], 1))
    if isinstance(decision, Hold):
        assert (decision.key, decision.amount_minor) == ("encounter", 0)
        assert decision.fault.code == "encounter.unopened"
        return True
    assert decision == Withdrawn("encounter")
    return False


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ([EncounterUpdated(visit="vis_1", department="ICU")], "none"),
        ([PREADMITTED], "preadmitted"),
        ([ADMITTED], "active"),
        ([REGISTERED], "active"),
        ([PREADMITTED, ADMITTED], "active"),
        ([ADMITTED, EncounterUpdated(visit="vis_1", department="ER")], "active"),
        ([ADMITTED, DISCHARGED], "discharged"),
        ([REGISTERED, DISCHARGED, ADMITTED], "active"),
        ([ADMITTED, EncounterTransferCancelled(visit="vis_1", department="ICU")], "active"),
    ],
)
def test_the_status_follows_the_story(facts: list[Fact], status: str) -> None:
    assert end(*facts).status == status


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ([ADMITTED, CANCELLED], "cancelled"),
        ([PREADMITTED, ADMITTED, CANCELLED], "preadmitted"),
        ([PREADMITTED, PREADMISSION_CANCELLED], "cancelled"),
        ([PREADMITTED, ADMITTED, PREADMISSION_CANCELLED], "active"),
        ([ADMITTED, DISCHARGED, DISCHARGE_CANCELLED], "active"),
        ([ADMITTED, DISCHARGED, DISCHARGE_CANCELLED, DISCHARGED], "discharged"),
        ([ADMITTED, DISCHARGED, CANCELLED], "cancelled"),
        ([DISCHARGED, DISCHARGE_CANCELLED], "active"),
        ([ADMITTED, DISCHARGE_CANCELLED, CANCELLED], "cancelled"),
        ([ADMITTED, CANCELLED, ADMITTED], "active"),
    ],
)
def test_a_cancel_restores_the_state_before(facts: list[Fact], status: str) -> None:
    assert end(*facts).status == status


def test_recorded_in_the_same_minute_a_cancel_comes_after_what_it_cancels() -> None:
    for first, second in (("aa", "bb"), ("bb", "aa")):
        assert after(told(ADMITTED, 1, first), told(CANCELLED, 1, second)).status == "cancelled"
        assert after(told(ADMITTED, 1, first), told(DISCHARGED, 1, second)).status == "discharged"
        reopened = (told(DISCHARGED, 2, first), told(DISCHARGE_CANCELLED, 2, second))
        assert after(told(ADMITTED, 1), *reopened).status == "active"


@pytest.mark.parametrize("fact", [DISCHARGED, CANCELLED, DISCHARGE_CANCELLED])
def test_f24_an_end_before_its_opening_waits_and_resolves_alone(fact: Fact) -> None:
    assert is_waiting(fact)
    assert is_waiting(PREADMITTED, fact)
    assert not is_waiting(ADMITTED, fact)


def test_f26_a_cancelled_preadmission_waits_for_it() -> None:
    assert is_waiting(PREADMISSION_CANCELLED)
    assert not is_waiting(PREADMITTED, PREADMISSION_CANCELLED)
    assert not is_waiting(ADMITTED, PREADMISSION_CANCELLED)


def test_details_before_an_opening_wait_for_nothing() -> None:
    assert not is_waiting(EncounterUpdated(visit="vis_1", department="ICU"))


def test_a_class_change_opens_a_visit_and_says_its_class_even_where_the_class_is_empty() -> None:
    inpatient = end(REGISTERED, EncounterMadeInpatient(visit="vis_1"))
    assert (inpatient.status, inpatient.told["patient_class"][1]) == ("active", "I")
    outpatient = end(ADMITTED, EncounterMadeOutpatient(visit="vis_1"))
    assert outpatient.told["patient_class"][1] == "O"
    observed = end(ADMITTED, EncounterMadeOutpatient(visit="vis_1", patient_class="OBS"))
    assert observed.told["patient_class"][1] == "OBS"
    assert not is_waiting(EncounterMadeInpatient(visit="vis_1"), DISCHARGED)


def test_a_cancelled_transfer_puts_the_patient_back_where_the_message_says() -> None:
    moved = EncounterUpdated(visit="vis_1", department="WARD")
    state = end(ADMITTED, moved, EncounterTransferCancelled(visit="vis_1", department="ICU"))
    assert state.told["department"][1] == "ICU"


def test_a_cancelled_discharge_takes_the_end_away_whatever_it_still_says() -> None:
    stale = EncounterDischargeCancelled(visit="vis_1", ended_at_ms=5_000, ended_on=date(2024, 3, 5))
    state = end(ADMITTED, DISCHARGED, stale)
    assert (state.told["ended_at_ms"][1], state.told["ended_on"][1]) == ("", "")
    again = end(ADMITTED, DISCHARGED, stale, DISCHARGED)
    assert again.told["ended_on"][1] == "2024-03-05"


def test_the_same_message_twice_tells_nothing_new() -> None:
    state = after(told(ADMITTED, 1), told(DISCHARGED, 2), told(DISCHARGE_CANCELLED, 3))
    for event in (told(ADMITTED, 1), told(DISCHARGED, 2), told(DISCHARGE_CANCELLED, 3)):
        assert encounter.evolve(state, event) is state


def test_a_new_release_decides_again_what_waits() -> None:
    state = after(told(DISCHARGED, 1))
    again = told(Reconsidered("r2"), 9)
    assert encounter.evolve(state, again) is state
    (decision,) = encounter.decide(state, again)
    assert isinstance(decision, Hold)


def test_a_visit_is_remembered_in_a_kilobyte() -> None:
    whole = EncounterAdmitted(
        visit="vis_1",
        patient="pat_0123456789abcdefghijkl",
        account="acc_0123456789abcdefghijkl",
        patient_class="I",
        facility="RBGH",
        department="ICU",
        hospital_service="CAR",
        began_at_ms=1_700_000_000_000,
        began_on=date(2023, 11, 14),
    )
    state = after(told(whole, 1), told(DISCHARGED, 2))
    blob = msgspec.msgpack.encode(state)
    assert msgspec.msgpack.decode(blob, type=encounter.State) == state
    assert len(blob) < 1_100


def test_a_fact_of_another_process_is_a_bug() -> None:
    stray = told(PatientAbsorbed(patient="pat_1", absorbed=()), 1)
    with pytest.raises(TypeError, match=r"patient\.absorbed"):
        encounter.evolve(encounter.initial("vis_1"), stray)
    with pytest.raises(TypeError, match=r"patient\.absorbed"):
        encounter.decide(encounter.initial("vis_1"), stray)


TRANSFERRED = EncounterTransferred(
    visit="vis_1", department="WARD", department_before="ICU", moved_at_ms=4_000
)
MERGED_AWAY = EncounterMerged(visit="vis_1", retired="vis_1", survivor="vis_2")
ABSORBING = EncounterMerged(visit="vis_1", retired="vis_2", survivor="vis_1")


def test_a_transfer_moves_the_visit_and_where_it_was_is_remembered() -> None:
    state = end(ADMITTED, TRANSFERRED)
    assert "WARD" == state.told["department"][1]
    assert [encounter.Move("transferred", 4_000, "WARD", "ICU")] == list(state.moves.values())


def test_a_patient_on_the_way_keeps_the_bed() -> None:
    departed = EncounterDeparted(visit="vis_1", department="XRAY", moved_at_ms=5_000)
    arrived = EncounterArrived(visit="vis_1", department="XRAY", moved_at_ms=6_000)
    state = end(ADMITTED, departed, arrived)
    assert "ICU" == state.told["department"][1]
    assert ["departed", "arrived"] == [state.moves[at].kind for at in sorted(state.moves)]


def test_a_cancelled_transfer_leaves_its_trace_beside_the_place_that_counts() -> None:
    back = EncounterTransferCancelled(visit="vis_1", department="ICU")
    state = end(ADMITTED, TRANSFERRED, back)
    assert "ICU" == state.told["department"][1]
    assert "transfer_cancelled" == state.moves[max(state.moves)].kind


def test_the_latest_coding_counts() -> None:
    codings = [EncounterCoded(visit="vis_1", drg=drg) for drg in ("470", "871")]
    state = end(ADMITTED, *codings)
    assert codings[1] == decode_fact(state.coded[1])
    assert "active" == state.status


def test_a_change_of_coding_counts_until_the_whole_is_told_again() -> None:
    whole, again = (EncounterCoded(visit="vis_1", drg=drg) for drg in ("470", "871"))
    change = EncounterCoded(visit="vis_1", is_whole=False, drg="872")
    state = end(whole, change)
    assert [change] == [decode_fact(each) for each in state.recoded.values()]
    state = end(whole, change, again)
    assert (again, {}) == (decode_fact(state.coded[1]), state.recoded)


def test_a_visit_merged_away_is_that_whatever_else_is_told_of_it() -> None:
    assert "merged" == end(MERGED_AWAY, ADMITTED).status
    assert "merged" == end(ADMITTED, DISCHARGED, MERGED_AWAY).status


@pytest.mark.parametrize("merge", [MERGED_AWAY, ABSORBING])
def test_a_merged_visit_does_not_wait_for_an_opening_told_under_the_other_number(
    merge: EncounterMerged,
) -> None:
    state = end(DISCHARGED, merge)
    decided = encounter.decide(state, told(merge, 2))
    assert (Withdrawn("encounter"), Withdrawn("merge")) == decided


def test_b21_two_visits_merged_into_each_other_wait_for_a_steward() -> None:
    state = end(ADMITTED, MERGED_AWAY, ABSORBING)
    opening, merge = encounter.decide(state, told(ABSORBING, 3))
    assert Withdrawn("encounter") == opening
    assert isinstance(merge, Hold)
    assert ("merge", "encounter.merge_loop", "MRG-5") == (
        merge.key,
        merge.fault.code,
        merge.fault.where,
    )
