"""Completeness of an estate's tables: whatever can be booked has exactly one rule and one account.

Here: gaps and ties, found before a release can come into force, so that posting never meets one.
What a single row can get wrong is `tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import msgspec

from suture.governance.reading import shown
from suture.governance.tables import DETERMINATION, JOURNAL_RULES, PERIODS
from suture.ledger.books import ALLOWANCE, ALLOWANCE_ESTIMATED
from suture.ledger.chart import Entity, Facility, PayerClass
from suture.ledger.determination import Circumstances, Determination, DeterminationRow, ties
from suture.ledger.period import Period, breaks
from suture.ledger.rules import BOOKINGS, NO_ROLE, PAYERLESS_BOOKINGS, Rule
from suture.masterdata.crosswalk import CrosswalkRow, overlaps
from suture.model.fault import Fault, fault

_CLOSE = 0.8
"""How alike two roles are spelt (difflib's ratio) when one of them is probably misspelt."""


def roles_of(rules: tuple[Rule, ...]) -> set[str]:
    """Return every account role that the rules may ask an account for."""
    roles = {role for rule in rules for role in (rule.debit_role, rule.credit_role)}
    if ALLOWANCE in roles:
        roles.add(ALLOWANCE_ESTIMATED)
    return roles - {NO_ROLE}


def rule_faults(rules: tuple[Rule, ...]) -> Iterator[Fault]:
    """Yield bookings without a rule for whatever is left, and rules that contradict each other."""
    policies: dict[str, Rule] = {}
    for rule in rules:
        if (rule.debit_role == NO_ROLE) != (rule.credit_role == NO_ROLE):
            explanation = f"Only one side of rule {shown(rule.name)} is `{NO_ROLE}`."
            yield fault("estate.rule.incomplete", rule.where, explanation)
        first = policies.setdefault(rule.booking, rule)
        if rule.policy != first.policy:
            explanation = (
                f"Bookings `{rule.booking}` have policy `{first.policy}` at {first.where}: "
                "an entry goes into one journal."
            )
            yield fault("estate.rule.incomplete", rule.where, explanation)
    for booking, amounts in BOOKINGS.items():
        for amount in amounts:
            signs = {
                rule.sign
                for rule in rules
                if (rule.booking, rule.amount, rule.group, rule.reason) == (booking, amount, "", "")
            }
            if "" not in signs and not {"+", "-"} <= signs:
                explanation = (
                    f"No row takes booking `{booking}`, amount `{amount}` with any group, reason "
                    "and sign."
                )
                yield fault("estate.rule.incomplete", f"{JOURNAL_RULES}:1", explanation)


def determination_faults(
    rows: tuple[DeterminationRow, ...],
    rules: tuple[Rule, ...],
    facilities: tuple[Facility, ...],
    payer_classes: tuple[PayerClass, ...],
) -> Iterator[Fault]:
    """Yield ties between rows, and circumstances in which a role has no account.

    Circumstances are every facility with every payer class (and none, for bookings that need none),
    nothing else known: a row that asks for more never covers what is left.
    """
    entity_of = {facility.id: facility.entity for facility in facilities}
    for first, second in ties(rows, entity_of):
        explanation = f"It ties with {first.where} for role `{first.role}`."
        yield fault("estate.determination.tie", second.where, explanation)
    determined = {row.role for row in rows}
    asked: dict[str, _Asked] = {}
    for rule in rules:
        for role in {rule.debit_role, rule.credit_role} - {NO_ROLE}:
            for payer_class in payer_classes:
                is_estimated = role == ALLOWANCE and payer_class.estimate_at_charge
                named = ALLOWANCE_ESTIMATED if is_estimated else role
                asked.setdefault(named, _Asked(rule)).payer_classes.setdefault(payer_class.id)
            if rule.booking in PAYERLESS_BOOKINGS:
                asked.setdefault(role, _Asked(rule)).payer_classes.setdefault("")
    determination = Determination(rows)
    for role, each in sorted(asked.items()):
        is_named = role in determined or role == ALLOWANCE_ESTIMATED
        close = get_close_matches(role, sorted(determined), n=1, cutoff=_CLOSE)
        if close and not is_named:
            yield _misspelt(role, each.rule, close[0])
        else:
            yield from _gaps(role, each, determination, facilities)


class _Asked(msgspec.Struct):
    """Where a role is asked for an account: the first rule that does, and for which payers."""

    rule: Rule
    payer_classes: dict[str, None] = {}
    """In the order of the estate; empty where no payer is known."""


def _misspelt(role: str, rule: Rule, meant: str) -> Fault:
    """Return the fault of a role that no row gives an account, but one that is spelt alike."""
    column = "debit_role" if rule.debit_role == role else "credit_role"
    explanation = (
        f"`{column}`: no row of {DETERMINATION} gives role {shown(role)} an account; did you mean "
        f"`{meant}`?"
    )
    return fault("estate.reference.unknown", rule.where, explanation)


def _gaps(
    role: str, asked: _Asked, determination: Determination, facilities: tuple[Facility, ...]
) -> Iterator[Fault]:
    """Yield a role's gaps, those of several payer classes at the same facilities as one."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for payer_class_id in asked.payer_classes:
        places = tuple(
            facility.id
            for facility in facilities
            if determination.account(
                role, Circumstances(facility.entity, facility.id, payer_class_id)
            )
            is None
        )
        if places:
            lacking.setdefault(places, []).append(payer_class_id)
    for places, payer_class_ids in lacking.items():
        explanation = (
            f"Role `{role}`, which rule {shown(asked.rule.name)} asks for, has no account for "
            f"{_payers(payer_class_ids)} at facility `{places[0]}`"
            + (f" and {len(places) - 1} more." if places[1:] else ".")
        )
        yield fault("estate.determination.gap", asked.rule.where, explanation)


def _payers(payer_class_ids: list[str]) -> str:
    """Name payer classes, and with an empty one a payer that is not known."""
    named = [f"`{each}`" for each in payer_class_ids if each]
    told = [f"payer class{'es' if named[1:] else ''} {', '.join(named)}"] if named else []
    return " and ".join([*told, *(["an unknown payer"] if "" in payer_class_ids else [])])


def period_faults(rows: tuple[Period, ...], entities: tuple[Entity, ...]) -> Iterator[Fault]:
    """Yield entities without periods, and periods that do not follow on each other."""
    for entity in entities:
        if all(row.entity != entity.id for row in rows):
            explanation = f"Entity `{entity.id}` has no period."
            yield fault("estate.period.broken", f"{PERIODS}:1", explanation)
    for period in breaks(rows):
        explanation = f"`{period.name}` does not begin on the day after the one before ends."
        yield fault("estate.period.broken", period.where, explanation)


def crosswalk_faults(rows: tuple[CrosswalkRow, ...]) -> Iterator[Fault]:
    """Yield rows that answer the same question on the same day."""
    for first, second in overlaps(rows):
        is_same = (first.valid_from, first.valid_to) == (second.valid_from, second.valid_to)
        code = "estate.row.duplicate" if is_same else "estate.row.overlap"
        explanation = f"{first.where} already answers for {shown(' '.join(first.key))}."
        yield fault(code, second.where, explanation)
