"""From decisions to the difference from what stands: every path of `pipeline.advance`.

A scripted process says what should stand, the real books of the sample estate post it. That real
processes decide so that any order ends alike is tests/properties/test_convergence.py.
"""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, books_of, edited
from tests.specs.riverbend_messages import Claim, interchange, remittance

from suture.catalogue import PROCESSES
from suture.ledger.entry import Entry
from suture.model.decision import Amount, Booking, Decision, Forward, Hold, Withdrawn
from suture.model.event import Event, Reconsidered
from suture.model.fault import fault
from suture.model.party import PatientAbsorbed, PatientMerged
from suture.pipeline import (
    Record,
    Reversal,
    Step,
    Waiting,
    advance,
    closing_balances,
    initial,
    reverse_entry,
)

STREAM = "patient/pat_1"
FULL = books_of()
RULED = books_of(
    edited(
        "ledger/journal_rules.csv",
        "\nclaim/other,",
        "\nclaim/CO-300,claim_payment,adjustment,CO,300,,allowance_contractual,"
        "receivable_insurance,immediate,Ruled.\nclaim/other,",
    )
)
MAPPED = edited(
    "crosswalks/facility.csv", "remits,*,RGH,,\n", "*,9999999999,DTC,,\nremits,*,RGH,,\n"
)
UNRULED = books_of(
    edited("crosswalks/payer.csv", "*,1990000011,medicare,,\n", "")
    | edited("crosswalks/filing_indicator.csv", "*,MA,medicare,,\n", "")
)


class Counted(msgspec.Struct, frozen=True):
    """How many events were told."""

    events_count: int = 0


class Script:
    """A process that decides what the test says."""

    State = Counted

    def __init__(self) -> None:
        self.decisions: tuple[Decision, ...] = ()
        self.is_news = True

    def initial(self, key: str) -> Counted:
        return Counted()

    def evolve(self, state: Counted, event: Event) -> Counted:
        if isinstance(event.fact, Reconsidered) or not self.is_news:
            return state
        return Counted(state.events_count + 1)

    def decide(self, state: Counted, event: Event) -> tuple[Decision, ...]:
        return self.decisions


class Stream:
    """One stream under the scripted process."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.record: Record[Counted] = initial(STREAM)
        self.entries: dict[str, Entry] = {}
        self.told_count = 0
        self.books = FULL

    def tell(self, *decisions: Decision, is_release: bool = False) -> Step:
        """Tell one event, upon which the process decides so."""
        self.told_count += 1
        self.script.decisions = decisions
        merged = PatientMerged(patient="pat_1", retired="pat_2", survivor="pat_1")
        event = Event(
            id=f"evt_{self.told_count}",
            stream=STREAM,
            fact=Reconsidered(release="r2") if is_release else merged,
            source="remits",
            message_id="msg_1",
            where="CLP[1]",
            stamp=f"{self.told_count}",
            received_at_ms=0,
        )
        step = advance(self.record, event, self.books)
        booked = {entry.id: entry for entry in step.entries}
        assert not booked.keys() & self.entries.keys()
        self.entries |= booked
        for reversal in step.reversals:
            original = self.entries[reversal.reverses]
            self.entries[reversal.id] = reverse_entry(reversal, original, event, self.books)
        return step

    def promote(self, *decisions: Decision) -> Step:
        return self.tell(*decisions, is_release=True)

    @property
    def balances(self) -> dict[str, int]:
        sums = closing_balances(self.entries.values())
        return {account: minor for (_, account, _), minor in sums.items()}


@pytest.fixture(name="stream")
def scripted_stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    """Return a stream whose process is scripted, in the place of `patient`."""
    script = Script()
    monkeypatch.setitem(PROCESSES, "patient", script)
    return Stream(script)


def paid(minor: int, *adjustments: tuple[str, str, int], key: str = "adjudication:1") -> Booking:
    """Return the booking of a claim payment."""
    return Booking(
        key=key,
        kind="claim_payment",
        amounts=(
            Amount(name="payment", minor=minor, where="CLP[1]-04"),
            *(
                Amount(name="adjustment", minor=each[2], where=place, group=each[0], reason=each[1])
                for place, each in zip(("CAS[1]-03", "CAS[2]-03"), adjustments, strict=False)
            ),
        ),
        effective_on=date(2026, 3, 20),
        facility="9990000101",
        payer="1990000011",
        financial_class="MA",
    )


UNKNOWN = ("CO", "300", 500)
INFORMATION = ("OA", "23", 900)
UNMAPPED = msgspec.structs.replace(paid(700), facility="NOWHERE", payer="?", financial_class="?")
HELD = Hold(key="adjudication:1", fault=fault("claim.reversal_without_original", "CLP[1]"))


def codes(step: Step) -> list[tuple[str, str, int]]:
    """Return key, code and amount of what a step opened."""
    return [(item.booking_key, item.fault.code, item.amount_minor) for item in step.opened]


# What a booking meets ---------------------------------------------------------------------------


def test_a_fact_that_tells_nothing_new_is_a_repeat_and_decides_nothing(stream: Stream) -> None:
    stream.script.is_news = False
    step = stream.tell(paid(100))
    assert Step(event=step.event, outcome="repeated") == step


def test_the_first_booking_is_posted_as_revision_one(stream: Stream) -> None:
    step = stream.tell(paid(100))
    (entry,) = step.entries
    assert ("posted", "ent_1.01", 1, "") == (
        step.outcome,
        entry.id,
        entry.revision,
        entry.reverses,
    )


def test_the_same_booking_again_changes_nothing(stream: Stream) -> None:
    stream.tell(paid(100))
    step = stream.tell(msgspec.structs.replace(paid(100), event_id="evt_9", where="CLP[7]"))
    assert ("no_effect", [], []) == (step.outcome, step.entries, step.reversals)


def test_another_booking_takes_the_first_back_and_stands_as_the_next_revision(
    stream: Stream,
) -> None:
    stream.tell(paid(100))
    step = stream.tell(paid(250))
    assert [Reversal(id="ent_2.01", reverses="ent_1.01")] == step.reversals
    assert [("ent_2.02", 2)] == [(entry.id, entry.revision) for entry in step.entries]
    assert {"1025": 250, "1100": -250} == stream.balances


def test_two_keys_of_one_event_are_booked_side_by_side(stream: Stream) -> None:
    stream.tell(paid(100), paid(200, key="adjudication:2"))
    step = stream.tell(paid(110), paid(220, key="adjudication:2"))
    ids = [*(each.id for each in step.entries), *(each.id for each in step.reversals)]
    assert ["ent_2.01", "ent_2.02", "ent_2.03", "ent_2.04"] == sorted(ids)
    assert {"1025": 330, "1100": -330} == stream.balances


def test_a_booking_of_information_only_stands_without_an_entry(stream: Stream) -> None:
    step = stream.tell(paid(0, INFORMATION))
    assert ("no_effect", []) == (step.outcome, step.entries)
    assert {} == stream.balances
    assert "no_effect" == stream.tell(paid(0, INFORMATION)).outcome


def test_a_booking_that_becomes_information_is_taken_back(stream: Stream) -> None:
    stream.tell(paid(100))
    step = stream.tell(paid(0, INFORMATION))
    assert ("posted", 1) == (step.outcome, len(step.reversals))
    assert {} == stream.balances


def test_information_that_was_withdrawn_can_stand_again_and_resolve_what_waited(
    stream: Stream,
) -> None:
    stream.tell(paid(0, INFORMATION))
    held = stream.tell(HELD)
    assert ["exc_2.01"] == [item.id for item in held.opened]
    assert ["exc_2.01"] == stream.tell(paid(0, INFORMATION)).resolved
    assert {} == stream.record.waiting


def test_a_booking_that_names_its_event_is_posted_under_it(stream: Stream) -> None:
    step = stream.tell(msgspec.structs.replace(paid(100), event_id="evt_0", source="other"))
    assert ["evt_0"] == [entry.event_id for entry in step.entries]


# What cannot be booked --------------------------------------------------------------------------


def test_a_booking_that_cannot_be_posted_is_parked_with_its_largest_sum(stream: Stream) -> None:
    step = stream.tell(UNMAPPED)
    assert "parked" == step.outcome
    assert [("adjudication:1", "ledger.payer_class.unmapped", 700)] == codes(step)


def test_a_parked_amount_keeps_its_sign_so_that_control_totals_add_up(stream: Stream) -> None:
    taken_back = msgspec.structs.replace(
        UNMAPPED, amounts=(Amount(name="payment", minor=-700, where="CLP[1]-04"),)
    )
    assert [-700] == [amount for _, _, amount in codes(stream.tell(taken_back))]


def test_a_parked_remittance_is_about_its_cash_whatever_was_withheld(stream: Stream) -> None:
    remittance = Booking(
        key="cash",
        kind="remittance",
        amounts=(
            Amount(name="cash", minor=100, where="BPR-02"),
            Amount(name="provider_adjustment", minor=-900, where="PLB[1]-04", reason="FB"),
        ),
        effective_on=date(2028, 3, 20),  # no period is open
        needs_payer_class=False,
        source="remits",
    )
    assert [("cash", "ledger.period.none_open", 100)] == codes(stream.tell(remittance))
    nothing = msgspec.structs.replace(remittance, amounts=remittance.amounts[1:])
    assert [("cash", "ledger.period.none_open", 0)] == codes(stream.tell(nothing))


def test_the_same_reason_again_opens_nothing(stream: Stream) -> None:
    stream.tell(UNMAPPED)
    step = stream.tell(UNMAPPED)
    assert ("no_effect", [], []) == (step.outcome, step.opened, step.resolved)


def test_another_reason_replaces_the_one_that_waits(stream: Stream) -> None:
    stream.tell(UNMAPPED)
    step = stream.tell(HELD)
    assert (["exc_1.01"], ["exc_2.01"]) == (step.resolved, [item.id for item in step.opened])
    waiting = Waiting("exc_2.01", "claim.reversal_without_original", "CLP[1]", 0)
    assert {"adjudication:1": waiting} == stream.record.waiting


def test_what_can_be_booked_after_all_resolves_what_waited(stream: Stream) -> None:
    stream.tell(UNMAPPED)
    step = stream.tell(paid(700))
    assert ("posted", ["exc_1.01"]) == (step.outcome, step.resolved)
    assert {} == stream.record.waiting


@pytest.mark.parametrize("decision", [HELD, UNMAPPED], ids=["held", "unmapped"])
def test_what_must_wait_after_all_is_taken_back(stream: Stream, decision: Decision) -> None:
    stream.tell(paid(100))
    step = stream.tell(decision)
    assert ("posted", 1, 1) == (step.outcome, len(step.reversals), len(step.opened))
    assert {} == stream.balances


def test_what_should_no_longer_stand_is_taken_back_or_no_longer_waits(stream: Stream) -> None:
    stream.tell(paid(100), msgspec.structs.replace(HELD, key="mirror:1"))
    step = stream.tell(Withdrawn("adjudication:1"), Withdrawn("mirror:1"), Withdrawn("nothing"))
    assert ("posted", 1, ["exc_1.01"]) == (step.outcome, len(step.reversals), step.resolved)
    again = stream.tell(Withdrawn("adjudication:1"), Withdrawn("mirror:1"))
    assert ("no_effect", [], []) == (again.outcome, again.reversals, again.resolved)


def test_what_comes_back_after_it_was_withdrawn_is_the_next_revision(stream: Stream) -> None:
    stream.tell(paid(100))
    stream.tell(Withdrawn("adjudication:1"))
    step = stream.tell(paid(100))
    assert [2] == [entry.revision for entry in step.entries]


def test_a_fact_for_another_stream_is_sent_on(stream: Stream) -> None:
    forward = Forward("patient/pat_3", PatientAbsorbed(patient="pat_3", absorbed=("pat_1",)))
    assert [forward] == stream.tell(forward).forwards


# Concerns ---------------------------------------------------------------------------------------


def test_b32_what_is_in_suspense_is_booked_with_a_concern_beside_it(stream: Stream) -> None:
    step = stream.tell(paid(9_500, UNKNOWN))
    assert "posted" == step.outcome
    assert [("concern:adjudication:1", "ledger.adjustment.unmapped", 500)] == codes(step)


def test_a_concern_is_about_all_that_is_in_suspense(stream: Stream) -> None:
    step = stream.tell(paid(9_500, UNKNOWN, ("CO", "301", -200)))
    assert [700] == [amount for _, _, amount in codes(step)]


def test_a_correction_is_booked_though_it_too_raises_a_concern(stream: Stream) -> None:
    stream.tell(paid(9_500, UNKNOWN))
    step = stream.tell(paid(9_000, ("CO", "300", 1_000)))
    assert {"1025": 9_000, "1100": -10_000, "9990": 1_000} == stream.balances
    assert (["exc_1.01"], [1_000]) == (step.resolved, [each.amount_minor for each in step.opened])


def test_a_correction_with_the_same_concern_leaves_it_open(stream: Stream) -> None:
    stream.tell(paid(9_500, UNKNOWN))
    step = stream.tell(paid(9_400, UNKNOWN))
    assert ("posted", [], []) == (step.outcome, step.opened, step.resolved)


@pytest.mark.parametrize(
    "decision",
    [HELD, UNMAPPED, Withdrawn("adjudication:1"), paid(100)],
    ids=["held", "unmapped", "withdrawn", "corrected"],
)
def test_a_concern_goes_with_what_it_stood_beside(stream: Stream, decision: Decision) -> None:
    stream.tell(paid(9_500, UNKNOWN))
    step = stream.tell(decision)
    assert "exc_1.01" in step.resolved
    assert "concern:adjudication:1" not in stream.record.waiting


def test_a_release_that_resolves_the_concern_rebooks(stream: Stream) -> None:
    stream.tell(paid(9_500, UNKNOWN))
    stream.books = RULED
    step = stream.promote(paid(9_500, UNKNOWN))
    assert ("posted", ["exc_1.01"], []) == (step.outcome, step.resolved, step.opened)
    assert {"1025": 9_500, "1100": -10_000, "4110": 500} == stream.balances


def test_a_release_that_resolves_half_of_it_leaves_the_other_half_open(stream: Stream) -> None:
    stream.tell(paid(9_500, UNKNOWN, ("CO", "301", 700)))
    stream.books = RULED
    step = stream.promote(paid(9_500, UNKNOWN, ("CO", "301", 700)))
    assert [("concern:adjudication:1", "ledger.adjustment.unmapped", 700)] == codes(step)
    assert (500, 700) == (stream.balances["4110"], stream.balances["9990"])


def test_of_two_concerns_at_one_place_either_may_be_resolved_before_the_other(
    stream: Stream,
) -> None:
    """One adjustment of an unknown reason, of a payee nobody knows: same path, same amount."""
    both = msgspec.structs.replace(paid(0, UNKNOWN), facility="9999999999")
    stream.tell(both)
    stream.books = books_of(MAPPED)
    step = stream.promote(both)
    assert "posted" == step.outcome
    (entry,) = step.entries
    assert {"DTC"} == {line.facility for line in entry.lines}
    assert [("concern:adjudication:1", "ledger.adjustment.unmapped", 500)] == codes(step)


def test_a_release_that_does_not_help_changes_nothing(stream: Stream) -> None:
    stream.tell(paid(9_500, UNKNOWN))
    step = stream.promote(paid(9_500, UNKNOWN))
    assert Step(event=step.event) == step


def test_a_release_under_which_it_could_not_be_booked_leaves_what_stands(stream: Stream) -> None:
    stream.tell(paid(9_500, UNKNOWN))
    stream.books = UNRULED
    step = stream.promote(paid(9_500, UNKNOWN))
    assert Step(event=step.event) == step
    assert 500 == stream.balances["9990"]


def test_a_release_does_not_rebook_what_stands_without_a_concern(stream: Stream) -> None:
    stream.tell(paid(100))
    stream.books = UNRULED
    step = stream.promote(paid(100))
    assert Step(event=step.event) == step


# What a stream remembers ------------------------------------------------------------------------


def test_a_record_survives_the_store() -> None:
    riverbend = Riverbend()
    claims = Claim("C1", 10_000, (("CO", "300", 500),)), Claim("C2", 9_000).reversed()
    riverbend.receive(interchange(remittance("EFT1", *claims)))
    records = dict(riverbend.records)
    riverbend.store()
    assert records == riverbend.records
    assert 3 == len(records)
    assert any(record.waiting for record in records.values())


def test_two_streams_share_no_memory() -> None:
    first, second = initial("claim/clm_1"), initial("claim/clm_2")
    first.waiting["adjudication:1"] = Waiting("exc_1.01", "code", "CLP[1]", 1)
    assert {} == second.waiting
