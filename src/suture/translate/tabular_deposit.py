"""Rows of bank deposits: what a bank says arrived, exported as a table.

Here: the fact a row makes, keyed by payer and trace where it tells them, else by bank account, day
and the bank's own reference, as a bank file's (`bank_deposits.py`). Next: `processes/known.py`
keeps it; `reconcile/` matches it with remittances.
"""

from __future__ import annotations

from suture.model.deposit import DepositReceived, deposit_key, shown_account
from suture.model.translation import ControlTotal, Routed
from suture.translate.tabular_common import DATES, MONEY, TEXTS, Made, RowDraft, RowTranslator


def _deposit(draft: RowDraft) -> Made:
    amount, deposited_on = draft.number("amount"), draft.day("deposited_on")
    assert amount is not None, "governance requires the column, and the row is read"
    assert deposited_on is not None, "as for the amount"
    payer, trace, reference = (draft.text(each) for each in ("payer", "trace", "bank_reference"))
    if not trace and not reference:
        draft.blame_missing("it tells neither a trace nor a reference of the bank")
        return [], []
    account = shown_account(draft.text("bank_account"))
    fact = DepositReceived(
        deposit=deposit_key(payer, trace, account, deposited_on, reference),
        bank_account=account,
        payer=payer,
        trace=trace,
        bank_reference=reference,
        amount_minor=amount,
        kind=draft.text("kind"),
        deposited_on=deposited_on,
        where=draft.where,
    )
    stream = f"deposit/{fact.deposit}"
    return [Routed(stream, fact, draft.where)], [ControlTotal("deposits", 1, amount)]


TRANSLATORS: dict[str, RowTranslator] = {
    "deposit": RowTranslator(
        fields={
            "amount": MONEY,
            "deposited_on": DATES,
            "bank_account": ("code",),
            "bank_reference": ("code",),
            "payer": ("code",),
            "trace": ("code",),
            "kind": TEXTS,
        },
        required=("amount", "deposited_on"),
        make=_deposit,
    ),
}
"""By the `fact` of a schema."""
