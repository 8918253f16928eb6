"""Completeness of an estate's tables: whatever can be booked has exactly one rule and one account.

Here: gaps and ties, found before a release can come into force, so that posting never meets one.
What a single row can get wrong is `tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.governance.reading import shown
from suture.governance.tables import JOURNAL_RULES, PERIODS
from suture.ledger.books import ALLOWANCE, ALLOWANCE_ESTIMATED
from suture.ledger.chart import Entity, Facility, PayerClass
from suture.ledger.determination import Circumstances, Determination, DeterminationRow, ties
from suture.ledger.period import Period, breaks
from suture.ledger.rules import BOOKINGS, NO_ROLE, PAYERLESS_BOOKINGS, Rule
from suture.masterdata.crosswalk import CrosswalkRow, overlaps
from suture.model.fault import Fault, fault


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
    determination = Determination(rows)
    asked: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        for role in {rule.debit_role, rule.credit_role} - {NO_ROLE}:
            for payer_class in payer_classes:
                is_estimated = role == ALLOWANCE and payer_class.estimate_at_charge
                named = ALLOWANCE_ESTIMATED if is_estimated else role
                asked.setdefault((named, payer_class.id), rule)
            if rule.booking in PAYERLESS_BOOKINGS:
                asked.setdefault((role, ""), rule)
    for (role, payer_class_id), rule in sorted(asked.items(), key=lambda item: item[0]):
        lacking = [
            facility.id
            for facility in facilities
            if determination.account(
                role, Circumstances(facility.entity, facility.id, payer_class_id)
            )
            is None
        ]
        if lacking:
            explanation = (
                f"Role `{role}` has no account for payer class `{payer_class_id}` at facility "
                f"`{lacking[0]}`" + (f" and {len(lacking) - 1} more." if lacking[1:] else ".")
            )
            yield fault("estate.determination.gap", rule.where, explanation)


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
