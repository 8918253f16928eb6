"""Convergence of every process: any order and any duplication of the same facts ends alike.

A small reducer stands in for the pipeline: it stores each state after each event (as MessagePack,
as the engine does), skips what tells nothing new, delivers forwards, and keeps the last decision
per booking key. Two runs over the same facts, shuffled and repeated, must end in the same states
and in the same bookings and holds; and what decisions left behind one by one must be what the final
state decides as a whole, so no event may touch a key it does not name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from random import Random
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model import account as accounts
from suture.model import appointment as appointments
from suture.model import encounter as encounters
from suture.model.claim import ClaimAdjudicated, ClaimAdjustment
from suture.model.decision import Booking, Forward, Hold, Withdrawn
from suture.model.event import Event, Fact, Reconsidered, make_stamp, process_of
from suture.model.party import PatientMerged, PatientRecorded
from suture.model.remittance import ProviderAdjustment, RemittanceReceived
from suture.processes import (
    appointment,
    claim,
    encounter,
    patient,
    patient_account,
    remittance,
)
from suture.processes.process import Process

PROCESSES: dict[str, Process[Any]] = {
    "appointment": appointment,
    "encounter": encounter,
    "patient": patient,
    "patient_account": patient_account,
    "claim": claim,
    "remittance": remittance,
}
EVENTS_MAX = 2_000
EXAMPLES = settings(max_examples=250, deadline=None)

Books = dict[tuple[str, str], Booking | Hold]
World = tuple[dict[str, Any], Books]


def run(events: Iterable[Event]) -> World:
    """Tell events in this order; return the states by stream and what stands or waits by key."""
    states: dict[str, Any] = {}
    books: Books = {}
    queue = deque(events)
    handled = 0
    while queue:
        handled += 1
        assert handled < EVENTS_MAX, "forwarding does not end"
        event = queue.popleft()
        process = PROCESSES[process_of(event.stream)]
        before = states.get(event.stream)
        if before is None:
            before = process.initial(event.stream.partition("/")[2])
        after = process.evolve(before, event)
        if after is before:
            continue
        states[event.stream] = stored(process, after)
        queue.extend(settle(books, event, process.decide(after, event)))
    return states, books


def stored(process: Process[Any], state: Any) -> Any:
    """Return the state as the store gives it back."""
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=process.State)
    assert decoded == state
    return decoded


def settle(books: Books, event: Event, decisions: Iterable[object]) -> list[Event]:
    """Let the last decision per key stand; return the forwarded events."""
    forwarded: list[Event] = []
    for decision in decisions:
        match decision:
            case Booking() | Hold():
                books[event.stream, decision.key] = decision
            case Withdrawn():
                books.pop((event.stream, decision.key), None)
            case Forward():
                forwarded.append(
                    msgspec.structs.replace(event, stream=decision.stream, fact=decision.fact)
                )
            case _:
                raise AssertionError(type(decision).__name__)
    return forwarded


def reconsidered(states: dict[str, Any]) -> Books:
    """Return what the final states decide when asked for every key."""
    books: Books = {}
    for stream, state in states.items():
        event = told(stream, Reconsidered("r2"), 0)
        process = PROCESSES[process_of(stream)]
        assert process.evolve(state, event) is state
        assert not settle(books, event, process.decide(state, event))
    return books


def told(stream: str, fact: Fact, minute: int, digest: str = "") -> Event:
    """Return a fact as an event; two facts of one minute may carry the very same stamp."""
    return Event(
        id=f"evt_{minute}",
        stream=stream,
        fact=fact,
        source="source",
        message_id=f"msg_{minute}",
        where=f"SEG[{minute}]",
        stamp=make_stamp(minute * 60_000, digest or "0" * 12, 0),
        received_at_ms=0,
    )


def assert_convergence(events: list[Event], chance: Random) -> Books:
    """Hold two shuffled and repeated runs, and the final state, to the same end."""
    states, books = run(events)
    repeated = [*events, *(event for event in events if chance.random() < 0.5)]
    chance.shuffle(repeated)
    assert run(repeated) == (states, books)
    assert reconsidered(states) == books
    return books


minutes = st.integers(0, 3)
chances = st.randoms(use_true_random=False)
days = st.sampled_from([date(2024, 3, 4), date(2024, 3, 5)])
amounts = st.sampled_from([0, 100, 250, -100])


def events_of(stream: str, facts: st.SearchStrategy[Fact]) -> st.SearchStrategy[list[Event]]:
    """Return events of one stream, at few instants, so that stamps collide."""
    digests = st.sampled_from(["a" * 12, "b" * 12])
    return st.lists(st.builds(told, st.just(stream), facts, minutes, digests), max_size=9)


def one_of_types(types: list[Callable[..., Any]], **fields: st.SearchStrategy[Any]) -> Any:
    """Return facts of these types, each field possibly silent."""
    return st.one_of([st.builds(kind, **fields) for kind in types])


def text(*values: str) -> st.SearchStrategy[str]:
    """Return one of these values or silence."""
    return st.sampled_from(["", *values])


appointment_facts = one_of_types(
    [
        appointments.AppointmentBooked,
        appointments.AppointmentRescheduled,
        appointments.AppointmentModified,
        appointments.AppointmentCancelled,
        appointments.AppointmentDiscontinued,
        appointments.AppointmentDeleted,
        appointments.AppointmentMissed,
        partial(appointments.AppointmentResourcesChanged, change="added"),
    ],
    appointment=st.just("apt_1"),
    patient=text("pat_1", "pat_2"),
    starts_at_ms=st.sampled_from([0, 9, 10]),
    department=text("LAB"),
)
moved_facts = one_of_types(
    [
        encounters.EncounterTransferred,
        encounters.EncounterDeparted,
        encounters.EncounterArrived,
    ],
    visit=st.just("vis_1"),
    department=text("ICU", "ER"),
    department_before=text("WARD"),
    moved_at_ms=st.sampled_from([0, 9]),
)
visit_facts = one_of_types(
    [
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
    ],
    visit=st.just("vis_1"),
    patient_class=text("I", "O"),
    department=text("ICU", "ER"),
    ended_on=st.sampled_from([None, date(2024, 3, 4)]),
)
encounter_facts = st.one_of(
    visit_facts,
    visit_facts,
    moved_facts,
    st.builds(
        encounters.EncounterCoded,
        visit=st.just("vis_1"),
        drg=text("470", "871"),
        is_whole=st.booleans(),
    ),
    st.sampled_from([("vis_1", "vis_2"), ("vis_1", "vis_3"), ("vis_2", "vis_1")]).map(
        lambda pair: encounters.EncounterMerged(visit="vis_1", retired=pair[0], survivor=pair[1])
    ),
)
charge_facts = one_of_types(
    [accounts.ChargePosted, accounts.ChargeCredited],
    account=st.just("acc_1"),
    charge=st.sampled_from(["chg_1", "chg_2"]),
    amount_minor=amounts,
    service_on=days,
    posted_on=st.one_of(st.none(), days),
    facility=text("CLINIC"),
    transaction_code=text("CDM1"),
)
account_facts = st.one_of(
    charge_facts,
    charge_facts,
    st.builds(
        accounts.AccountRegistered,
        account=st.just("acc_1"),
        facility=text("RBGH", "RBW"),
        patient_class=text("I"),
        financial_class=text("MC", "SP"),
        payer=text("P1", "P2"),
    ),
    st.builds(
        accounts.PaymentReceived,
        account=st.just("acc_1"),
        payment=st.just("pay_1"),
        amount_minor=amounts,
        received_on=days,
        kind=st.just("PY"),
    ),
    st.builds(
        accounts.AccountAdjusted,
        account=st.just("acc_1"),
        adjustment=st.just("adj_1"),
        amount_minor=amounts,
        adjusted_on=days,
        code=text("SB"),
    ),
    st.builds(accounts.AccountOpened, account=st.just("acc_1"), opened_on=st.none() | days),
    st.builds(accounts.AccountEnded, account=st.just("acc_1"), ended_on=days),
    st.builds(accounts.AccountPurged, account=st.just("acc_1")),
    st.sampled_from([("acc_1", "acc_2"), ("acc_1", "acc_3"), ("acc_4", "acc_1")]).map(
        lambda pair: accounts.AccountMerged(account="acc_1", retired=pair[0], survivor=pair[1])
    ),
)
ACCOUNTS = ("acc_a", "acc_b", "acc_c", "acc_d")
"""Few, so that merges of them chain, fork and loop."""


NUMBERED: tuple[accounts.LineNumbers, ...] = ("sender", "account")


@st.composite
def merged_accounts(
    draw: st.DrawFn, numbered: tuple[accounts.LineNumbers, ...] = NUMBERED
) -> list[Event]:
    """Return merges among four accounts, and charges and registrations told to any of them.

    Lines are numbered in each account or across them, or first so and then so: a release may change
    what the estate says of its sender.
    """
    names = st.sampled_from(ACCOUNTS)
    pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
    digests = st.sampled_from(["a" * 12, "b" * 12])
    events = []
    for retired, survivor in draw(st.lists(pairs, max_size=4)):
        minute, digest = draw(minutes), draw(digests)
        for name in (retired, survivor):
            merged = accounts.AccountMerged(account=name, retired=retired, survivor=survivor)
            events.append(told(f"patient_account/{name}", merged, minute, digest))
    for name in draw(st.lists(names, max_size=4)):
        fact = draw(
            st.one_of(
                st.builds(
                    accounts.AccountRegistered,
                    account=st.just(name),
                    patient_class=text("I"),
                    financial_class=text("MC", "SP"),
                    payer=text("P1"),
                ),
                st.builds(
                    accounts.ChargePosted,
                    account=st.just(name),
                    charge=st.sampled_from(["chg_1", "chg_2"]),
                    amount_minor=st.sampled_from([100, 250]),
                    service_on=days,
                ),
            )
        )
        if isinstance(fact, accounts.ChargePosted) and fact.charge == "chg_1":
            line_numbers = draw(st.sampled_from(numbered))
            fact = msgspec.structs.replace(fact, line="line_1", line_numbers=line_numbers)
        events.append(told(f"patient_account/{name}", fact, draw(minutes), draw(digests)))
    return events


remittance_facts = st.builds(
    RemittanceReceived,
    remittance=st.just("P1:T1"),
    payer=st.just("P1"),
    trace=st.just("T1"),
    paid_minor=amounts,
    method=st.just("ACH"),
    paid_on=days,
    provider_adjustments=st.sampled_from(
        [(), (ProviderAdjustment(reason="WO", amount_minor=50, where="PLB[1]-04"),)]
    ),
    where=st.just("ST02=0001"),
)


@st.composite
def adjudications(draw: st.DrawFn) -> Fact:
    """Return a decision or its reversal: of few amounts and payer claims, so that many pair."""
    status = draw(
        st.sampled_from(
            ["1", "1", "2", "3", "4", "19", "20", "21", "22", "22", "22", "22", "23", "25"]
        )
    )
    sign = -1 if status == "22" else 1
    charge_minor = draw(st.sampled_from([1_000, 2_000]))
    # All of it: denied, or left to the patient, with nothing paid.
    allowed_minor = draw(st.sampled_from([0, 300, charge_minor]))
    group, reason = draw(
        st.sampled_from([("CO", "45"), ("CO", "50"), ("CO", "18"), ("PR", "2"), ("OA", "23")])
    )
    if status == "22" and draw(st.booleans()):
        group = "CR"  # as 4010 has it
    number = draw(st.integers(0, 4))
    return ClaimAdjudicated(
        claim="clm_1",
        adjudication=f"adj_{status}_{number}",
        remittance=draw(st.sampled_from(["P1:T1", "P1:T2"])),
        payer=draw(st.sampled_from(["P1", "P1", "P2"])),
        payer_claim=draw(text("pcl_1", "pcl_2")),
        status=status,
        charge_minor=sign * charge_minor,
        paid_minor=sign * (charge_minor - allowed_minor),
        adjustments=(
            ClaimAdjustment(
                group=group, reason=reason, amount_minor=sign * allowed_minor, where="CAS[1]-03"
            ),
        ),
        paid_on=draw(days),
        where=f"CLP[{number}]",
    )


@st.composite
def merges(draw: st.DrawFn) -> list[Event]:
    """Return merges among four patients, told to both sides (chains, forks, loops), and details."""
    names = st.sampled_from(["pat_a", "pat_b", "pat_c", "pat_d"])
    pairs = draw(st.lists(st.tuples(names, names), max_size=5))
    recorded = [
        told(f"patient/{name}", PatientRecorded(patient=name, person=person), draw(minutes))
        for name, person in draw(st.lists(st.tuples(names, text("per_1", "per_2")), max_size=3))
    ]
    return recorded + [
        told(
            f"patient/{name}",
            PatientMerged(patient=name, retired=retired, survivor=survivor),
            draw(minutes),
        )
        for retired, survivor in pairs
        for name in dict.fromkeys((retired, survivor))
    ]


@EXAMPLES
@given(events_of("appointment/apt_1", appointment_facts), chances)
def test_an_appointment_told_in_any_order_ends_alike(events: list[Event], chance: Random) -> None:
    assert_convergence(events, chance)


@EXAMPLES
@given(events_of("encounter/vis_1", encounter_facts), chances)
def test_a_visit_told_in_any_order_ends_alike(events: list[Event], chance: Random) -> None:
    assert_convergence(events, chance)


@EXAMPLES
@given(merges(), chances)
def test_b21_merges_told_in_any_order_end_alike_and_end(
    events: list[Event], chance: Random
) -> None:
    books = assert_convergence(events, chance)
    survivors: dict[str, set[str]] = {}
    for event in events:
        if isinstance(event.fact, PatientMerged):
            survivors.setdefault(event.fact.retired, set()).add(event.fact.survivor)
    looped = {name for name in survivors if name in reached(name, survivors)}
    assert {stream.partition("/")[2] for stream, _ in books} == looped


@EXAMPLES
@given(merged_accounts(), chances)
def test_a_line_told_under_the_numbers_of_merged_accounts_stands_once(
    events: list[Event], chance: Random
) -> None:
    """The group's latest telling, by a walk of the test's own. Only `chg_1` has an FT1-2."""
    books = assert_convergence(events, chance)
    joined: dict[str, set[str]] = {}
    latest: dict[tuple[str, str], tuple[str, Look]] = {}
    for event in events:
        match event.fact:
            case accounts.AccountMerged(retired=retired, survivor=survivor):
                joined.setdefault(retired, set()).add(survivor)
                joined.setdefault(survivor, set()).add(retired)
            case accounts.ChargePosted(account=name, charge=charge) as fact:
                told_last = (event.stamp, look(fact))
                latest[name, charge] = max(told_last, latest.get((name, charge), told_last))
    for (name, charge), (_, seen) in latest.items():
        group = {name} | (reached(name, joined) if charge == "chg_1" else set())
        if seen.is_of_account:
            group = {name}
        tellings = [
            (each_stamp, each, each_look)
            for each in group
            for each_stamp, each_look in [latest.get((each, charge), ("", seen))]
            if each_stamp and (each == name or not each_look.is_of_account)
        ]
        stands = max(tellings, key=lambda telling: telling[:2])
        stream = f"patient_account/{name}"
        assert (stands[1] == name) == ((stream, f"charge:{charge}") in books)
        is_shown = stands[1] != name and stands[2][:2] != seen[:2]
        assert is_shown == ((stream, f"line:charge:{charge}") in books)


class Look(NamedTuple):
    """What tells one charge from another under its number, and whose number it is."""

    amount_minor: int
    service_on: date
    is_of_account: bool


def look(fact: accounts.ChargePosted) -> Look:
    return Look(fact.amount_minor, fact.service_on, fact.line_numbers == "account")


def reached(name: str, survivors: dict[str, set[str]]) -> set[str]:
    """Return everybody a patient lives on in, by the plainest walk there is."""
    found: set[str] = set()
    edge = set(survivors.get(name, ()))
    while edge:
        found |= edge
        edge = {after for each in edge for after in survivors.get(each, ())} - found
    return found


@EXAMPLES
@given(events_of("patient_account/acc_1", account_facts), chances)
def test_an_account_told_in_any_order_ends_alike(events: list[Event], chance: Random) -> None:
    assert_convergence(events, chance)


@EXAMPLES
@given(merged_accounts(), chances)
def test_merged_accounts_told_in_any_order_end_alike_and_nobodys_charge_is_forgotten(
    events: list[Event], chance: Random
) -> None:
    """A charge waits only while neither its account nor any that it lives on in says who pays."""
    books = assert_convergence(events, chance)
    links: dict[str, tuple[str, str]] = {}
    payable: set[str] = set()
    for event in events:
        match event.fact:
            case accounts.AccountMerged(retired=retired, survivor=survivor):
                links[retired] = max(links.get(retired, ("", "")), (event.stamp, survivor))
            case accounts.AccountRegistered(account=name) as registered:
                payable |= {name} if registered.financial_class or registered.payer else set()
    survivors = {retired: {survivor} for retired, (_, survivor) in links.items()}
    for (stream, key), decision in books.items():
        name = stream.partition("/")[2]
        lives_on = reached(name, survivors)
        if key.startswith(("line:", "tie:")):
            assert isinstance(decision, Hold)
        elif key == "merge":
            assert name in lives_on
        else:
            assert isinstance(decision, Hold) == payable.isdisjoint({name} | lives_on)
    looped = {name for name in survivors if name in reached(name, survivors)}
    assert {stream.partition("/")[2] for stream, key in books if key == "merge"} == looped


@EXAMPLES
@given(events_of("claim/clm_1", adjudications()), chances)
def test_a_claim_told_in_any_order_ends_alike(events: list[Event], chance: Random) -> None:
    books = assert_convergence(events, chance)
    booked = [key for (_, key), each in books.items() if isinstance(each, Booking)]
    reversals_count = sum("adj_22_" in key for key in booked)
    assert reversals_count <= len(booked) - reversals_count


@EXAMPLES
@given(events_of("remittance/P1:T1", remittance_facts), chances)
def test_a_remittance_told_in_any_order_ends_alike(events: list[Event], chance: Random) -> None:
    books = assert_convergence(events, chance)
    assert sum(key == "cash" for _, key in books) <= 1
