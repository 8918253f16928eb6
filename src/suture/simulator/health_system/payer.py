"""The payers: claims come in, and on later days remittances go out and patients pay their part.

Each payer sends one file a day, with one 835 for each payee it pays: a facility or a legal entity.
A reversal travels with its correction; where both together take money back, some payers deduct it
at once and some record it (PLB WO negative) to recoup it later (WO positive). A payment that would
be below nothing is zero, the rest carried forward (FB). Interest now and then (L6). How a claim is
decided is `adjudication.py`, how it is written `remittance.py`.
"""

from __future__ import annotations

import random
from itertools import count

import msgspec

from suture.simulator.health_system import adjudication
from suture.simulator.health_system.course import Numbers, settlement_line
from suture.simulator.health_system.places import FACILITIES, PAYERS, Facility, Payer
from suture.simulator.health_system.remittance import (
    Adjudication,
    ProviderAdjustment,
    Remittance,
    RemittanceFile,
)
from suture.simulator.health_system.visit import DAY, HOUR, MINUTE, Calendar, Claim, Draft, day_of

_DAYS_TO_PAY = (1, 1, 2, 2, 3)
_CORRECTED, _OVERTURNED, _RECORDED, _INTEREST = 0.07, 0.5, 0.5, 0.05
_PAYS_ALL, _PAYS_ALMOST_ALL = 0.5, 0.65
_MEDIA = ("CARD", "CHECK", "PORTAL")
_REASON_SMALL = "SMALLBAL"
_SENT_FROM_HOUR = 13


class _Decided(msgspec.Struct, frozen=True):
    """What a payer will put into one remittance together."""

    adjudications: tuple[Adjudication, ...]
    recorded_minor: int = 0
    """What of it is recorded now and recouped later; positive."""


class _Carried(msgspec.Struct, frozen=True):
    """A provider adjustment that a later remittance will hold."""

    day: int
    adjustment: ProviderAdjustment


class Payers:
    """All payers, their decided claims and what they carry forward."""

    def __init__(self, dice: random.Random, numbers: Numbers, calendar: Calendar) -> None:
        self._dice = dice
        self._numbers = numbers
        self._calendar = calendar
        self._controls = count(1)
        self._due: dict[tuple[str, int], list[_Decided]] = {}
        self._carried: dict[tuple[str, str], list[_Carried]] = {}
        self._payees = {each.entity: each for each in reversed(FACILITIES)}

    def take(self, claim: Claim) -> list[Draft]:
        """Take a claim, decide it, and return what its patient will pay (DFT) once it is paid."""
        return self._take(claim, day_of(claim.visit.ended_at) + self._dice.choice(_DAYS_TO_PAY))

    def take_old(self, claim: Claim) -> None:
        """Take a claim of the days before the first: it is due then, its patient pays elsewhere."""
        self._take(claim, 1)

    def _take(self, claim: Claim, due_day: int) -> list[Draft]:
        payer, dice = claim.visit.payer, self._dice
        assert payer is not None, "claims are billed to payers"
        first = adjudication.adjudicate(dice, claim, payer, self._control(payer))
        secondary = claim.visit.secondary
        if secondary is not None and first.responsibility_minor:
            first = msgspec.structs.replace(first, status=adjudication.PRIMARY_FORWARDED)
            second = adjudication.as_secondary(first, secondary, self._control(secondary))
            self._decide(payer, due_day, _Decided((first,)))
            self._decide(secondary, due_day + dice.randrange(1, 3), _Decided((second,)))
            return []
        self._decide(payer, due_day, _Decided((first,)))
        is_denied = not first.paid_minor and not first.responsibility_minor
        if dice.random() < (_OVERTURNED if is_denied else _CORRECTED):
            corrected = self._correct(claim, payer, first)
            self._decide(payer, due_day + dice.randrange(1, 3), corrected)
        return self._settle(claim, first, due_day)

    def remit(self, day: int) -> list[RemittanceFile]:
        """Return the files that payers send on a day (1-based)."""
        files = []
        for ordinal, payer in enumerate(PAYERS):
            decided = self._due.pop((payer.code, day), [])
            remittances = self._remittances(payer, day, decided)
            if remittances:
                at = (day - 1) * DAY + _SENT_FROM_HOUR * HOUR + ordinal * 7 * MINUTE
                files.append(RemittanceFile(payer=payer, remittances=remittances, send_at=at))
        return files

    def _control(self, payer: Payer) -> str:
        return f"{payer.code[:3]}{next(self._controls):09d}"

    def _decide(self, payer: Payer, day: int, decided: _Decided) -> None:
        self._due.setdefault((payer.code, day), []).append(decided)

    def _correct(self, claim: Claim, payer: Payer, first: Adjudication) -> _Decided:
        """Return a reversal with its correction; what they take back may be recorded only."""
        dice = self._dice
        control = self._control(payer)
        again = adjudication.adjudicate(dice, claim, payer, control, may_deny=False)
        again = msgspec.structs.replace(again, frequency="7")
        taken_minor = first.paid_minor - again.paid_minor
        recorded_minor = taken_minor if taken_minor > 0 and dice.random() < _RECORDED else 0
        return _Decided((adjudication.reverse(first), again), recorded_minor)

    def _remittances(
        self, payer: Payer, day: int, decided: list[_Decided]
    ) -> tuple[Remittance, ...]:
        by_payee: dict[str, list[_Decided]] = {}
        for each in decided:
            payee = self._payee(payer, each.adjudications[0].facility)
            by_payee.setdefault(payee.code, []).append(each)
        return tuple(
            self._remittance(payer, day, ordinal, group)
            for ordinal, (_, group) in enumerate(sorted(by_payee.items()), 1)
        )

    def _payee(self, payer: Payer, facility: Facility) -> Facility:
        return facility if payer.pays_facilities else self._payees[facility.entity]

    def _remittance(
        self, payer: Payer, day: int, ordinal: int, decided: list[_Decided]
    ) -> Remittance:
        at = (day - 1) * DAY + _SENT_FROM_HOUR * HOUR
        payee = self._payee(payer, decided[0].adjudications[0].facility)
        trace = f"{payer.code[:3]}{self._calendar.day_text(at)[2:]}{ordinal:03d}"
        remittance = Remittance(
            payer=payer,
            payee=payee,
            trace=trace,
            paid_at=at,
            adjudications=tuple(each for group in decided for each in group.adjudications),
            provider_adjustments=tuple(self._provider_adjustments(payer, payee, day, decided)),
        )
        if remittance.paid_minor >= 0:
            return remittance
        return self._carry_forward(remittance, day)

    def _provider_adjustments(
        self, payer: Payer, payee: Facility, day: int, decided: list[_Decided]
    ) -> list[ProviderAdjustment]:
        """Return what is taken or given beside the claims today; the rest is carried on."""
        carried = self._carried.setdefault((payer.code, payee.code), [])
        adjustments = [each.adjustment for each in carried if each.day <= day]
        carried[:] = [each for each in carried if each.day > day]
        for each in decided:
            if each.recorded_minor:
                reference = each.adjudications[0].control
                now = ProviderAdjustment("WO", reference, -each.recorded_minor)
                adjustments.append(now)
                later = ProviderAdjustment("WO", reference, each.recorded_minor)
                carried.append(_Carried(day + 2, later))
        if self._dice.random() < _INTEREST:
            adjustments.append(ProviderAdjustment("L6", "", -self._dice.randrange(35, 900)))
        return adjustments

    def _carry_forward(self, remittance: Remittance, day: int) -> Remittance:
        """Bring a payment below nothing to zero: FB negative now, positive in a later one."""
        short_minor = -remittance.paid_minor
        key = (remittance.payer.code, remittance.payee.code)
        forward = ProviderAdjustment("FB", remittance.trace, -short_minor)
        later = ProviderAdjustment("FB", remittance.trace, short_minor)
        self._carried[key].append(_Carried(day + 1, later))
        return msgspec.structs.replace(
            remittance, provider_adjustments=(*remittance.provider_adjustments, forward)
        )

    def _settle(self, claim: Claim, first: Adjudication, due_day: int) -> list[Draft]:
        """Return the patient's payment of what the payer left; a small rest is written off."""
        dice = self._dice
        owed_minor = first.responsibility_minor - claim.copay_minor
        chance = dice.random()
        if owed_minor <= 0 or chance >= _PAYS_ALMOST_ALL:
            return []
        at = due_day * DAY + dice.randrange(9 * HOUR, 17 * HOUR)
        rest_minor = 0 if chance < _PAYS_ALL else min(dice.randrange(20, 900), owed_minor - 1)
        drafts = []
        if owed_minor > rest_minor:
            paid_minor = owed_minor - rest_minor
            drafts.append(self._money(claim, at, "PY", dice.choice(_MEDIA), paid_minor))
        if rest_minor:
            drafts.append(self._money(claim, at + 26 * HOUR, "AJ", _REASON_SMALL, rest_minor))
        return drafts

    def _money(self, claim: Claim, at: int, line_type: str, code: str, amount_minor: int) -> Draft:
        line = settlement_line(self._numbers, at, line_type, code, amount_minor)
        return Draft(send_at=at, recorded_at=at, trigger="P03", visit=claim.visit, lines=(line,))
