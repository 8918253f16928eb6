"""Convergence of the whole chain: any order and any duplication of a day's bytes, the same books.

A generated day of Riverbend (registrations that change who pays, charges, credits, corrections
under the same FT1-2, payments, the same charge under another control id, merges of accounts whose
lines are numbered in each or across them, remittances with reversals and corrections, unknown
codes, closed periods) goes as HL7 and X12 bytes through `read_message` and `read_file`, and its
events through `advance`. However it is shuffled, repeated
and cut into batches, it must end in the same trial balance and with the same exceptions open. The
processes alone are held to the same in test_process_convergence.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import Protocol, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.specs.riverbend_books import (
    Riverbend,
    books_of,
    controls_of,
    edited,
)
from tests.specs.riverbend_messages import (
    BILLING,
    CLINIC,
    COMMERCIAL,
    DESK,
    GENERAL,
    MEDICARE,
    Cas,
    Claim,
    Line,
    adt,
    dft,
    interchange,
    merge,
    remittance,
    siu,
)

from suture.ledger.books import Books

EXAMPLES = settings(max_examples=150, deadline=None, report_multiple_bugs=False)

ACCOUNTS = ("A1", "A2", "A3")
MERGES = ("A40", "A18", "A36", "A35", "A41")
ADJUSTMENTS: tuple[tuple[Cas, ...], ...] = (
    (("CO", "45", 5_000), ("PR", "2", 1_000)),
    (("CO", "45", 6_000),),
    (("CO", "999", 500), ("PI", "45", 700)),
    (("OA", "23", 8_000),),
    (("CO", "50", 20_000),),
    (("CO", "18", 20_000),),
    (("OA", "23", 17_000), ("PR", "2", 1_000)),
    (),
)
PROVIDER_ADJUSTMENTS: tuple[tuple[tuple[str, int], ...], ...] = (
    (),
    (),
    (("WO", 500),),
    (("FB", -1_500), ("L6", -200)),
    (("ZZ", 300), ("72", -100)),
)

T = TypeVar("T")


class Pick(Protocol):
    """Chooses one of several; Hypothesis in the properties, plain chance in the last test."""

    def __call__(self, options: Sequence[T], /) -> T: ...


class Day:
    """Writes the messages of one day, each under a control id of its own."""

    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self.messages: list[bytes] = []

    def write(self) -> list[bytes]:
        """Return the day's messages, in the order they were recorded or nearly so."""
        for account in ACCOUNTS:
            for _ in range(self._pick(range(4))):
                self._register(account)
            for _ in range(self._pick(range(1, 5))):
                self._bill(account)
        for _ in range(self._pick((0, 0, 1, 2, 3))):  # of three accounts: chains, forks and loops
            survivor, retired = self._pick(tuple(permutations(ACCOUNTS, 2)))
            trigger = MERGES[len(self.messages) % len(MERGES)]
            at, control = self._at(), self._control()
            self.messages.append(merge(survivor, retired, at=at, control=control, trigger=trigger))
            if self._pick((False, True)):  # one FT1-2 under both numbers
                line = other = self._line("3", self._pick(("CG", "PY")))
                if self._pick((False, False, True)):  # and not one charge, perhaps
                    other = self._line("3", line.type)
                application = self._pick((BILLING, DESK))
                for account, told in ((retired, line), (survivor, other)):
                    at, control = self._at(), self._control()
                    self.messages.append(
                        dft(account, told, at=at, control=control, application=application)
                    )
        for trigger in self._pick((("S12", "S15"), ("S14",), ("S15",), ("S12", "S14"))):
            at, starts = self._at(), "20260315090000"
            self.messages.append(siu(trigger, "B1", at=at, control=self._control(), starts=starts))
        for number in range(self._pick(range(1, 4))):
            self._remit(number)
        return self.messages

    def _control(self) -> str:
        return f"M{len(self.messages)}"

    def _at(self) -> str:
        """Return when a message was recorded: many share a minute."""
        return f"20260310{self._pick(('0800', '0801', '0802', '0900'))}00"

    def _register(self, account: str) -> None:
        self.messages.append(
            adt(
                self._pick(("A04", "A01", "A08", "A03", "A11")),
                account,
                at=self._at(),
                control=self._control(),
                financial_class=self._pick(("MC", "CO", "SP", "", "??")),
                payer=self._pick(("", "", "MCR", "BLUECREST")),
                patient_class=self._pick(("O", "I")),
                facility=self._pick(("RGH", "RGH", "DTC")),
            )
        )

    def _bill(self, account: str) -> None:
        kinds = ("CG", "CD", "PY", "AJ")
        first, second = self._pick(kinds), self._pick(kinds)
        lines = [self._line("1", first), self._line("1" if second != first else "2", second)]
        facility = self._pick(("RGH", "RGH", "DTC", "XXX"))
        for _ in range(self._pick((1, 1, 2))):  # the second time a business duplicate
            at, control = self._at(), self._control()
            self.messages.append(dft(account, *lines, at=at, control=control, facility=facility))

    def _line(self, number: str, line_type: str) -> Line:
        amounts = (10_000, 25_000, 0) if line_type == "CD" else (10_000, 25_000, 0, -5_000)
        return Line(
            number,
            line_type,
            self._pick(amounts),
            on=self._pick(("20260310", "20260215", "20260402")),
            department=self._pick(("LAB", "RAD", "NOWHERE")),
            code=self._pick(("CHARITY", "UNHEARD") if line_type == "AJ" else ("80053", "93000")),
        )

    def _remit(self, number: int) -> None:
        claims = []
        for _ in range(self._pick(range(5))):
            claim = Claim(
                self._pick(("C1", "C2")),
                self._pick((20_000, 30_000)),
                self._pick(ADJUSTMENTS),
                status=self._pick(("1", "1", "2", "3", "4", "19", "20", "23", "25")),
                payer_number=self._pick(("", "P1", "P2")),
                filing=self._pick(("MA", "CI", "??")),
            )
            reversal = claim.reversed()
            claims.append(self._pick((claim, reversal, in_4010(reversal))))
        told = remittance(
            f"T{number}",
            *claims,
            plb=self._pick(PROVIDER_ADJUSTMENTS),
            payer=self._pick((MEDICARE, COMMERCIAL, "1990000099")),
            payee=self._pick((GENERAL, CLINIC, "9999999999")),
            paid_on=self._pick(("20260320", "20260227", "20260401")),
            made_at=f"2026032{number}0600",
        )
        self.messages.append(interchange(told, number=number + 1))


def in_4010(reversal: Claim) -> Claim:
    """Return a reversal as 4010 writes it: every adjustment in group CR."""
    regrouped = tuple(("CR", carc, minor) for _, carc, minor in reversal.adjustments)
    return msgspec.structs.replace(reversal, adjustments=regrouped)


class Told(msgspec.Struct, frozen=True):
    """A day, and a way to tell it: in another order, some of it again, cut into batches."""

    messages: list[bytes]
    order: list[int]
    """Which message comes when; some come two or three times."""
    stored_after: list[bool]
    """After which of them the records are written and read back."""
    promoted_after: int
    """After how many of them a new release comes into force."""

    @property
    def anyhow(self) -> list[bytes]:
        """The messages as they come."""
        return [self.messages[number] for number in self.order]


@st.composite
def days(draw: st.DrawFn) -> Told:
    """Return a day and a way to tell it."""

    def pick(options: Sequence[T], /) -> T:
        return draw(st.sampled_from(options))

    messages = Day(pick).write()
    repeated = [number for number in range(len(messages)) for _ in range(pick((1, 1, 2, 3)))]
    order = draw(st.permutations(repeated))
    stored_after = [pick((False, False, False, True)) for _ in order]
    return Told(messages, order, stored_after, pick(range(len(order) + 1)))


def books_after(day: Told) -> Riverbend:
    """Return Riverbend after a day as it was told."""
    riverbend = Riverbend()
    for raw, is_stored in zip(day.anyhow, day.stored_after, strict=True):
        riverbend.receive(raw)
        if is_stored:
            riverbend.store()
    return riverbend


def books_in_order(messages: list[bytes], books: Books | None = None) -> Riverbend:
    """Return Riverbend after the messages as they were written, each once."""
    riverbend = Riverbend(books)
    riverbend.receive(*messages)
    return riverbend


def assert_same_books(expected: Riverbend, actual: Riverbend) -> None:
    assert expected.trial_balance() == actual.trial_balance()
    assert expected.exceptions() == actual.exceptions()
    assert expected.standing() == actual.standing()


@EXAMPLES
@given(days())
def test_a_day_in_any_order_and_any_duplication_ends_in_the_same_books(day: Told) -> None:
    in_order, anyhow = books_in_order(day.messages), books_after(day)
    assert_same_books(in_order, anyhow)
    assert sum(in_order.trial_balance().values()) == 0
    assert sum(anyhow.trial_balance().values()) == 0


@EXAMPLES
@given(days())
def test_a_day_told_again_books_and_opens_nothing(day: Told) -> None:
    riverbend = books_in_order(day.messages)
    steps = riverbend.receive(*day.anyhow)
    assert {"repeated"} == {step.outcome for step in steps}


@EXAMPLES
@given(days())
def test_the_control_totals_of_a_day_hold_however_it_was_told(day: Told) -> None:
    """A recount that owes nothing to the processes: told = standing + parked + replaced."""
    controls = controls_of(books_after(day), day.messages)
    assert [] == [control for control in controls if control.difference_minor]


POORER = edited("crosswalks/department.csv", "*,RGH,RAD,RGH-7600,imaging,,\n", "") | edited(
    "ledger/journal_rules.csv",
    "claim/any-50,claim_payment,adjustment,,50,",
    "claim/any-50,claim_payment,adjustment,,50X,",
)
RICHER = edited(
    "ledger/journal_rules.csv",
    "remittance/J1,",
    "remittance/ZZ,remittance,provider_adjustment,,ZZ,,payer_discount,remittance_clearing,"
    "immediate,Agreed with the payer.\nremittance/J1,",
)


@pytest.mark.parametrize(
    ("before", "after"),
    [(POORER, {}), ({}, RICHER), (POORER, RICHER)],
    ids=["department_and_reason", "provider_adjustment", "all_of_them"],
)
@settings(EXAMPLES, max_examples=60)
@given(days())
def test_a_release_that_fills_a_gap_ends_as_if_it_had_always_been_in_force(
    before: dict[str, bytes], after: dict[str, bytes], day: Told
) -> None:
    later = books_of(after)
    changed = Riverbend(books_of(before))
    changed.receive(*day.anyhow[: day.promoted_after])
    changed.store()
    changed.promote(later)
    changed.receive(*day.anyhow[day.promoted_after :])
    assert_same_books(books_in_order(day.messages, later), changed)


def test_the_poorer_release_parks_what_the_full_one_books() -> None:
    """Else the property above would compare two equal books."""
    messages = (
        adt("A04", "A1", at="20260310080000", control="M1", financial_class="MC"),
        dft("A1", Line("1", "CG", 10_000, department="RAD"), at="20260310080000", control="M2"),
        interchange(remittance("T1", Claim("C1", 10_000, (("CO", "50", 10_000),)))),
    )
    poorer, full = Riverbend(books_of(POORER)), Riverbend()
    poorer.receive(*messages)
    full.receive(*messages)
    assert [
        ("ledger.adjustment.unmapped", "100.00"),
        ("ledger.department.unmapped", "100.00"),
    ] == poorer.exceptions()
    assert [] == full.exceptions()
    poorer.promote(full.books)
    assert_same_books(full, poorer)


def test_the_days_hold_what_the_property_is_about() -> None:
    """A generator that never parks, reverses or rebooks would prove nothing."""
    codes: set[str] = set()
    kinds: set[str] = set()
    for seed in range(250):  # the rarest is told once in 300 days
        riverbend = books_in_order(Day(Random(seed).choice).write())
        codes |= {code for code, _ in riverbend.exceptions()}
        kinds |= {entry.kind for entry in riverbend.entries.values()}
        kinds |= {"reversal" for entry in riverbend.entries.values() if entry.reverses}
    assert {
        "account.line_told_differently",
        "account.merge_loop",
        "account.payer_class_unknown",
        "account.told_twice_at_once",
        "appointment.unbooked",
        "claim.denied_after_settlement",
        "claim.exact_duplicate",
        "claim.more_than_left",
        "claim.reversal_not_mirror",
        "claim.reversal_without_original",
        "encounter.unopened",
        "ledger.adjustment.unmapped",
        "ledger.department.unmapped",
        "ledger.facility.assumed",
        "ledger.facility.unmapped",
        "ledger.payer_class.unmapped",
    } <= codes
    assert {
        "account_adjustment",
        "charge",
        "claim_payment",
        "credit",
        "forwarded_claim_payment",
        "patient_payment",
        "remittance",
        "reversal",
        "secondary_claim_payment",
    } <= kinds
