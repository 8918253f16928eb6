"""What the sandbox ERP accepts and refuses: the journal (`POST /v1/journals`) and the set-up.

Pure: the strict JSON grammar, then the accounting rules (double entry, known entity and account,
open period, cost centre on profit-and-loss lines). It shares no code with Suture's ledger on
purpose: a rule written twice by two hands is a check, a rule imported is an echo. The books that
keep what passes are `erp_books.py`; the field-by-field reference is docs/reference/journal_api.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from typing import Annotated, Literal, NoReturn, TypeVar

import msgspec

AMOUNT_MINOR_MAX = 10**15
"""With LINES_MAX it keeps the total of one journal below the 64-bit limit of the books."""
LINES_MAX = 5_000

_DIGEST = re.compile(r"\bdigest:([0-9a-f]{16,64})\b", re.ASCII)
_LINE_PATH = re.compile(r"\$\.lines\[([0-9]+)\]")

Amount = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MINOR_MAX)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
Reference = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,16}\Z")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
AccountKind = Literal["asset", "liability", "equity", "revenue", "expense", "memo"]
Shape = TypeVar("Shape")


class Refusal(msgspec.Struct, frozen=True):
    """A request the ERP will not book: the HTTP status, a stable code, and the line (1-based)."""

    status: int
    code: str
    message: str
    line: int | None = None


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a journal: exactly one side is positive, the other is zero."""

    account: Code
    debit_minor: Amount
    credit_minor: Amount
    cost_center: Code | None = None
    service_line: Code | None = None
    payer_class: Code | None = None
    facility: Code | None = None
    text: Text | None = None


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A journal as sent; `reference` is the sender's own, at most 16 characters."""

    reference: Reference
    entity: Code
    currency: Currency
    accounting_date: date
    description: Annotated[str, msgspec.Meta(max_length=200)]
    source: Code
    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=LINES_MAX)]

    @property
    def period(self) -> str:
        """The accounting period, `YYYY-MM`."""
        return f"{self.accounting_date:%Y-%m}"

    @property
    def digest(self) -> str | None:
        """The sender's content digest, read from `digest:<hex>` in the description."""
        match = _DIGEST.search(self.description)
        return match[1] if match else None

    def body_sha256(self) -> str:
        """Hash everything but the reference: equal for the same economic content sent twice."""
        body = msgspec.json.encode(msgspec.structs.replace(self, reference=""))
        return hashlib.sha256(body).hexdigest()


class Entity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A legal entity and the one currency it keeps its books in."""

    entity: Code
    currency: Currency
    name: str = ""


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account; `cost_center` overrides what its kind would demand."""

    account: Code
    name: str
    kind: AccountKind
    cost_center: Literal["required", "optional"] | None = None


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The chart that `PUT /v1/setup` loads; an empty `cost_centers` accepts any."""

    entities: tuple[Entity, ...]
    accounts: tuple[Account, ...]
    cost_centers: tuple[Code, ...] = ()
    cost_center_kinds: tuple[AccountKind, ...] = ("revenue", "expense")


class Chart:
    """The set-up as look-ups, made once per set-up and not once per line."""

    def __init__(self, setup: Setup) -> None:
        self.currencies = {entity.entity: entity.currency for entity in setup.entities}
        self.cost_centers = frozenset(setup.cost_centers)
        self.needs_cost_center = {
            account.account: account.cost_center == "required"
            or (account.cost_center is None and account.kind in setup.cost_center_kinds)
            for account in setup.accounts
        }


def read_strictly(body: bytes, shape: type[Shape]) -> Shape | Refusal:
    """Read a JSON body as `shape`, or say why not.

    Refused: what is not UTF-8 JSON, a key given twice, a number with a point or exponent, NaN,
    nesting beyond the reader (bad inputs B46, B47), a field that is unknown, missing or out of its
    bounds (B53).
    """
    try:
        tree = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_once,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError):
        message = "The body is not strict JSON (no repeated keys, no fractions, UTF-8)."
        return Refusal(400, "json_malformed", message)
    try:
        return msgspec.convert(tree, shape, strict=True)
    except msgspec.ValidationError as error:
        message = str(error)
        unknown = message.startswith("Object contains unknown field")
        line = _LINE_PATH.search(message)
        code = "field_unknown" if unknown else "field_invalid"
        return Refusal(400, code, message, int(line[1]) + 1 if line else None)


def _object_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        message = "repeated key"
        raise ValueError(message)
    return result


def _refuse_number(_text: str) -> NoReturn:
    message = "not a whole number"
    raise ValueError(message)


def examine(journal: Journal, chart: Chart, closed: frozenset[tuple[str, str]]) -> Refusal | None:
    """Return the first rule the journal breaks, or None when the books may take it.

    `closed` holds (entity, period) pairs. Order: the entity and its currency, the lines one by one,
    the balance, and the period last, so that a sender sees its own mistakes before the calendar's.
    """
    currency = chart.currencies.get(journal.entity)
    if currency is None:
        return Refusal(422, "entity_unknown", f"Entity {journal.entity} is not set up.")
    if journal.currency != currency:
        return Refusal(422, "currency_mismatch", f"{journal.entity} keeps its books in {currency}.")
    for number, line in enumerate(journal.lines, start=1):
        refusal = _examine_line(line, number, chart)
        if refusal is not None:
            return refusal
    debit = sum(line.debit_minor for line in journal.lines)
    credit = sum(line.credit_minor for line in journal.lines)
    if debit != credit:
        return Refusal(422, "unbalanced", f"Debits are {debit}, credits are {credit}.")
    if (journal.entity, journal.period) in closed:
        message = f"Period {journal.period} of {journal.entity} is closed."
        return Refusal(409, "period_closed", message)
    return None


def _examine_line(line: Line, number: int, chart: Chart) -> Refusal | None:
    if (line.debit_minor == 0) == (line.credit_minor == 0):
        message = "Exactly one of debit and credit is above zero."
        return Refusal(422, "line_sides", message, number)
    needed = chart.needs_cost_center.get(line.account)
    if needed is None:
        return Refusal(422, "account_unknown", f"Account {line.account} is not set up.", number)
    if line.cost_center is None:
        message = f"Account {line.account} needs a cost centre."
        return Refusal(422, "cost_center_missing", message, number) if needed else None
    if chart.cost_centers and line.cost_center not in chart.cost_centers:
        message = f"Cost centre {line.cost_center} is not set up."
        return Refusal(422, "cost_center_unknown", message, number)
    return None
