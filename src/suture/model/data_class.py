"""Data classes: what kind of fact each canonical field is, so that no mapping can leak PHI.

Every field of every canonical struct is annotated with exactly one of the three aliases below. A
destination is granted classes; `suture check` refuses a destination that would receive a field it
has no grant for, and tests/unit/model/test_data_class.py proves that no field is left unclassed.
Direct identifiers never appear: they are surrogates (`identity.Tokenizer`), and a surrogate still
counts as `phi` because it points at a person.
"""

from __future__ import annotations

from typing import Annotated, TypeVar, get_args, get_type_hints

import msgspec

T = TypeVar("T")

Phi = Annotated[T, msgspec.Meta(extra={"data_class": "phi"})]
"""Points at or describes a person: surrogates of patient, account, visit, claim and appointment."""
Financial = Annotated[T, msgspec.Meta(extra={"data_class": "financial"})]
"""Amounts, payers, procedure and adjustment codes: what the ledger is made of. So is the bank's
trace of a payment (835 `TRN02`), as it was sent: finance finds the deposit by it, and two payments
of a payer by its difference. It names no person; a surrogate of it would match no bank statement.
"""
Operational = Annotated[T, msgspec.Meta(extra={"data_class": "operational"})]
"""Places, times, statuses: how the work runs."""


def data_classes(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the data class of each field of `struct` by field name; "" where a field has none."""
    hints = get_type_hints(struct, include_extras=True)
    return {name: _data_class(hints[name]) for name in struct.__struct_fields__}


def _data_class(hint: object) -> str:
    for argument in get_args(hint):
        if isinstance(argument, msgspec.Meta) and argument.extra:
            return str(argument.extra.get("data_class", ""))
    return ""
