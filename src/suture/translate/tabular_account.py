"""Rows of patient accounts: charges, credits, payments and adjustments, as FT1 lines of a DFT are.

Here: what a row of each of them must and may say, and the facts it makes; who pays for the account,
where the table tells. Not here: which accounts a row debits and credits (`ledger/`). Next:
`processes/patient_account.py`. The same charge told by a DFT is another system's: it has an
identity of its own.
"""

from __future__ import annotations

from suture.model.account import (
    AccountAdjusted,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
)
from suture.model.schema import ColumnType
from suture.model.translation import ControlTotal, Routed
from suture.translate.tabular_common import (
    DATES,
    MONEY,
    NUMBERS,
    TEXTS,
    Made,
    RowDraft,
    RowTranslator,
)

_SHARED: dict[str, tuple[ColumnType, ...]] = {
    "account": ("code",),
    "number": ("code",),
    "amount": MONEY,
    "facility": TEXTS,
    "department": TEXTS,
    "patient_class": TEXTS,
    "financial_class": TEXTS,
    "payer": TEXTS,
}
_REGISTERED = ("patient_class", "financial_class", "payer")


def _money(draft: RowDraft) -> int:
    amount = draft.number("amount")
    assert amount is not None, "governance requires the column, and the row is read"
    return amount


def _identities(draft: RowDraft, kind: str, line_type: str) -> tuple[str, str]:
    """Return the business identity of a row, and what of it stays when its account is merged."""
    source, number = draft.channel.source, draft.text("number")
    token = draft.channel.tokenizer.token
    authority = draft.channel.authority
    account = draft.token("account", "account")
    return (
        token(kind, authority, f"{source}|{account}|{number}|{line_type}"),
        token(kind, authority, f"{source}||{number}|{line_type}"),
    )


def _routed(
    draft: RowDraft, fact: ChargePosted | ChargeCredited | PaymentReceived | AccountAdjusted
) -> list[Routed]:
    """Return a fact on its way to its account, after who pays for that, where the row tells."""
    stream = f"patient_account/{fact.account}"
    registered = AccountRegistered(
        account=fact.account,
        facility=fact.facility,
        **{field: draft.text(field) for field in _REGISTERED},
    )
    told = Routed(stream, fact, draft.where)
    if registered.financial_class or registered.payer:
        return [Routed(stream, registered, draft.where), told]
    return [told]


def _charge(draft: RowDraft, *, is_credit: bool) -> Made:
    identity, line = _identities(draft, "charge", "CD" if is_credit else "CG")
    service_on = draft.day("service_on")
    assert service_on is not None, "governance requires the column, and the row is read"
    fact = (ChargeCredited if is_credit else ChargePosted)(
        account=draft.token("account", "account"),
        charge=identity,
        line=line,
        amount_minor=_money(draft),
        quantity=draft.text("quantity"),
        service_on=service_on,
        posted_on=draft.day("posted_on"),
        facility=draft.text("facility") or draft.channel.facility,
        department=draft.text("department"),
        transaction_code=draft.text("transaction_code"),
        procedure_code=draft.text("procedure_code"),
    )
    name = "credits" if is_credit else "charges"
    return _routed(draft, fact), [ControlTotal(name, 1, fact.amount_minor)]


def _payment(draft: RowDraft) -> Made:
    identity, line = _identities(draft, "payment", "PY")
    received_on = draft.day("received_on")
    assert received_on is not None, "governance requires the column, and the row is read"
    fact = PaymentReceived(
        account=draft.token("account", "account"),
        payment=identity,
        line=line,
        amount_minor=_money(draft),
        received_on=received_on,
        kind="PY",
        medium=draft.text("medium"),
        facility=draft.text("facility") or draft.channel.facility,
        department=draft.text("department"),
    )
    return _routed(draft, fact), [ControlTotal("patient_payments", 1, fact.amount_minor)]


def _adjustment(draft: RowDraft) -> Made:
    identity, line = _identities(draft, "charge", "AJ")
    adjusted_on = draft.day("adjusted_on")
    assert adjusted_on is not None, "governance requires the column, and the row is read"
    fact = AccountAdjusted(
        account=draft.token("account", "account"),
        adjustment=identity,
        line=line,
        amount_minor=_money(draft),
        adjusted_on=adjusted_on,
        code=draft.text("code"),
        facility=draft.text("facility") or draft.channel.facility,
        department=draft.text("department"),
    )
    return _routed(draft, fact), [ControlTotal("adjustments", 1, fact.amount_minor)]


_CHARGE_FIELDS = _SHARED | {
    "service_on": DATES,
    "posted_on": DATES,
    "quantity": NUMBERS,
    "transaction_code": TEXTS,
    "procedure_code": TEXTS,
}
_CHARGE_REQUIRED = ("account", "number", "amount", "service_on")

TRANSLATORS: dict[str, RowTranslator] = {
    "charge": RowTranslator(
        fields=_CHARGE_FIELDS,
        required=_CHARGE_REQUIRED,
        make=lambda draft: _charge(draft, is_credit=False),
    ),
    "credit": RowTranslator(
        fields=_CHARGE_FIELDS,
        required=_CHARGE_REQUIRED,
        make=lambda draft: _charge(draft, is_credit=True),
    ),
    "payment": RowTranslator(
        fields=_SHARED | {"received_on": DATES, "medium": TEXTS},
        required=("account", "number", "amount", "received_on"),
        make=_payment,
    ),
    "adjustment": RowTranslator(
        fields=_SHARED | {"adjusted_on": DATES, "code": TEXTS},
        required=("account", "number", "amount", "adjusted_on", "code"),
        make=_adjustment,
    ),
}
"""By the `fact` of a schema."""
