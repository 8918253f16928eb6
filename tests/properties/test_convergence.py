"""Convergence of the whole chain: any order and any duplication of a day's bytes, the same books.

A generated day of Riverbend (registrations that change who pays, charges, credits, corrections
under the same FT1-2, payments, the same charge under another control id, merges, remittances with
reversals and corrections, unknown codes, closed periods) goes as HL7 and X12 bytes through
`read_message` and `read_file`, and its events through `advance`. However it is shuffled, repeated
and cut into batches, it must end in the same trial balance and with the same exceptions open. The
processes alone are held to the same in test_process_convergence.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.specs.riverbend_books import Riverbend, books_of, edited
from tests.specs.riverbend_messages import (
    CLINIC,
    COMMERCIAL,
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

EXAMPLES = settings(max_examples=150, deadline=None)

ACCOUNTS = ("A1", "A2", "A3")
REVERSIBLE: tuple[tuple[Cas, ...], ...] = (
    (("CO", "45", 5_000), ("PR", "2", 1_000)),
    (("CO", "45", 6_000),),
    (("CO", "999", 500), ("PI", "45", 700)),
    (("OA", "23", 8_000),),
    (("CO", "50", 20_000),),
    (),
)
PROVIDER_ADJUSTMENTS: tuple[tuple[tuple[str, int], ...], ...] = (
    (),
    (),
    (("WO", 500),),
    (("FB", -1_500), ("L6", -200)),
    (("ZZ", 300), ("72", -100)),
)

chances = st.randoms(use_true_random=False)


class Day:
    """Writes the messages of one day, each under a control id of its own."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.messages: list[bytes] = []

    def write(self) -> list[bytes]:
        """Return the day's messages, in the order they were recorded or nearly so."""
        for account in ACCOUNTS:
            for _ in range(self._chance.randint(0, 3)):
                self._register(account)
            for _ in range(self._chance.randint(1, 4)):
                self._bill(account)
        if self._chance.random() < 0.3:
            survivor, retired = self._chance.sample(ACCOUNTS, 2)
            self.messages.append(merge(survivor, retired, at=self._at(), control=self._control()))
        for trigger in self._chance.sample(("S12", "S14", "S15"), self._chance.randint(1, 2)):
            at, starts = self._at(), "20260315090000"
            self.messages.append(siu(trigger, "B1", at=at, control=self._control(), starts=starts))
        for number in range(self._chance.randint(1, 3)):
            self._remit(number)
        return self.messages

    def _control(self) -> str:
        return f"M{len(self.messages)}"

    def _at(self) -> str:
        """Return when a message was recorded: many share a minute, few a second."""
        return f"20260310{self._chance.randint(8, 9):02d}{self._chance.randint(0, 2):02d}00"

    def _register(self, account: str) -> None:
        trigger = self._chance.choice(("A04", "A01", "A08", "A03", "A11"))
        self.messages.append(
            adt(
                trigger,
                account,
                at=self._at(),
                control=self._control(),
                financial_class=self._chance.choice(("MC", "CO", "SP", "", "??")),
                payer=self._chance.choice(("", "", "MCR", "BLUECREST")),
                patient_class=self._chance.choice(("O", "I")),
                facility=self._chance.choice(("RGH", "RGH", "DTC")),
            )
        )

    def _bill(self, account: str) -> None:
        kinds = self._chance.sample([(n, t) for n in "12" for t in ("CG", "CD", "PY", "AJ")], 2)
        lines = [self._line(number, line_type) for number, line_type in kinds]
        facility = self._chance.choice(("RGH", "RGH", "DTC", "XXX"))
        for _ in range(self._chance.choice((1, 1, 2))):  # the second time a business duplicate
            self.messages.append(
                dft(account, *lines, at=self._at(), control=self._control(), facility=facility)
            )

    def _line(self, number: str, line_type: str) -> Line:
        amounts = (0, 10_000, 25_000) if line_type == "CD" else (0, 10_000, 25_000, -5_000)
        codes = ("CHARITY", "UNHEARD") if line_type == "AJ" else ("80053", "93000")
        return Line(
            number,
            line_type,
            self._chance.choice(amounts),
            on=self._chance.choice(("20260215", "20260310", "20260402")),
            department=self._chance.choice(("LAB", "RAD", "NOWHERE")),
            code=self._chance.choice(codes),
        )

    def _remit(self, number: int) -> None:
        claims = []
        for _ in range(self._chance.randint(0, 4)):
            claim = Claim(
                self._chance.choice(("C1", "C2")),
                self._chance.choice((20_000, 30_000)),
                self._chance.choice(REVERSIBLE),
                status=self._chance.choice(("1", "1", "2", "4", "25")),
                payer_number=self._chance.choice(("", "P1", "P2")),
                filing=self._chance.choice(("MA", "CI", "??")),
            )
            claims.append(claim.reversed() if self._chance.random() < 0.4 else claim)
        told = remittance(
            f"T{number}",
            *claims,
            plb=self._chance.choice(PROVIDER_ADJUSTMENTS),
            payer=self._chance.choice((MEDICARE, COMMERCIAL, "1990000099")),
            payee=self._chance.choice((GENERAL, CLINIC, "9999999999")),
            paid_on=self._chance.choice(("20260227", "20260320", "20260401")),
            made_at=f"2026032{number}0600",
        )
        self.messages.append(interchange(told, number=number + 1))


def books_after(messages: Iterable[bytes], chance: Random | None = None) -> Riverbend:
    """Return Riverbend after these messages, its records stored and read back now and then."""
    riverbend = Riverbend()
    for raw in messages:
        riverbend.receive(raw)
        if chance is not None and chance.random() < 0.2:
            riverbend.store()
    return riverbend


def shuffled(messages: list[bytes], chance: Random) -> list[bytes]:
    """Return the messages in another order, about half of them told again, some many times."""
    told = [raw for raw in messages for _ in range(chance.choice((1, 1, 2, 3)))]
    chance.shuffle(told)
    return told


def assert_same_books(expected: Riverbend, actual: Riverbend) -> None:
    assert expected.trial_balance() == actual.trial_balance()
    assert expected.exceptions() == actual.exceptions()
    assert expected.standing() == actual.standing()


@EXAMPLES
@given(chances)
def test_a_day_in_any_order_and_any_duplication_ends_in_the_same_books(chance: Random) -> None:
    messages = Day(chance).write()
    in_order = books_after(messages)
    anyhow = books_after(shuffled(messages, chance), chance)
    assert_same_books(in_order, anyhow)
    assert sum(in_order.trial_balance().values()) == 0
    assert sum(anyhow.trial_balance().values()) == 0


@EXAMPLES
@given(chances)
def test_a_day_told_again_books_and_opens_nothing(chance: Random) -> None:
    messages = Day(chance).write()
    riverbend = books_after(messages)
    steps = riverbend.receive(*shuffled(messages, chance))
    assert {"repeated"} == {step.outcome for step in steps}


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
@settings(max_examples=60, deadline=None)
@given(chances)
def test_a_release_that_fills_a_gap_ends_as_if_it_had_always_been_in_force(
    before: dict[str, bytes], after: dict[str, bytes], chance: Random
) -> None:
    later = books_of(after)
    messages = Day(chance).write()
    expected = Riverbend(later)
    expected.receive(*messages)
    changed = Riverbend(books_of(before))
    told = shuffled(messages, chance)
    middle = chance.randint(0, len(told))
    changed.receive(*told[:middle])
    changed.store()
    changed.promote(later)
    changed.receive(*told[middle:])
    assert_same_books(expected, changed)


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
    for seed in range(40):
        riverbend = books_after(Day(Random(seed)).write())
        codes |= {code for code, _ in riverbend.exceptions()}
        kinds |= {entry.kind for entry in riverbend.entries.values()}
        kinds |= {"reversal" for entry in riverbend.entries.values() if entry.reverses}
    assert {
        "account.payer_class_unknown",
        "appointment.unbooked",
        "claim.reversal_not_mirror",
        "claim.reversal_without_original",
        "encounter.unopened",
        "ledger.adjustment.unmapped",
        "ledger.department.unmapped",
        "ledger.facility.unmapped",
        "ledger.payer_class.unmapped",
    } <= codes
    assert {
        "account_adjustment",
        "charge",
        "claim_payment",
        "credit",
        "patient_payment",
        "remittance",
        "reversal",
        "secondary_claim_payment",
    } == kinds
