"""Purchase facts: from the order to the payment (X12 850, 855, 856, 860, 810, 820; FHIR Invoice).

All but payments are told to the purchase order's stream, keyed by the two partners and the order's
number (BEG03; docs/adr/0014 says by which of their names). An 810 or 856 that names no order, or an
810 of several, is told to the stream of its own number. No patient stands in any of them; a premium
paid for one person (820 X218) names that person by a surrogate. What is consumed at a patient is
`supply.py`.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class PurchaseLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order, an acknowledgement, a shipment or an invoice."""

    number: Operational[str]
    """PO101, IT101, LIN01, ACK's line: the number the buyer gave it."""
    item: Operational[str] = ""
    """Our item number: qualifier IN, BP, SK; else the first told."""
    supplier_item: Operational[str] = ""
    """The supplier's: qualifier VN, VC, VP."""
    quantity: Operational[str] = ""
    """As sent: exact, perhaps with decimals."""
    unit: Operational[str] = ""
    """EA, BX, CA ..., X12 code source 355."""
    price: Financial[str] = ""
    """Unit price as sent: prices have more than two decimals."""
    basis: Financial[str] = ""
    """PO105, IT105: what the price is for: PE each, CT contract, HP per hundred, TP per thousand
    ...; one unit where it is empty."""
    amount_minor: Financial[int | None] = None
    """Quantity times price, where both are told, the price is for one unit and they come to whole
    cents."""
    status: Operational[str] = ""
    """ACK01 (IA accepted, IB back-ordered, IR rejected, IS substituted ...), or what a change does
    (POC02: AI add, CA change, DI delete, PC price, QD/QI quantity)."""
    due_on: Operational[date | None] = None
    """DTM 002, 010 or 106 of the line, else of the document; ACK05; SCH06 where there is one."""
    lots: Operational[tuple[str, ...]] = ()
    """REF LT, LOT or SE, LIN LT or SN: lots and serials of a shipment."""
    packs: Operational[tuple[str, ...]] = ()
    """MAN of the packs around a line of a shipment: what is scanned at the dock (GM, SSCC)."""
    order: Operational[str] = ""
    """The order a line is of, where the lines of one document are of several (PRF01, IT1 PO)."""
    where: Operational[str] = ""


class PurchaseFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one purchase order."""

    order: Operational[str]
    """BEG03, BAK03, PRF01, BIG04: the buyer's number, as sent."""
    document: Operational[str]
    """Business identity of the document that told it: its kind, partners and own number."""
    buyer: Operational[str] = ""
    """N104 of BY, else ISA06 of an order's sender."""
    supplier: Operational[str] = ""
    """N104 of SE, SU or VN, else ISA08 of an order's receiver."""
    facility: Operational[str] = ""
    """N104 of ST, the place it is shipped to."""
    lines: Financial[tuple[PurchaseLine, ...]] = ()
    total_minor: Financial[int | None] = None
    """AMT TT or TDS01, where it is told."""
    currency: Financial[str] = ""
    """CUR02; the partners' own where it is empty."""
    dated_on: Operational[date]
    where: Operational[str] = ""


class PurchaseOrdered(
    PurchaseFact, frozen=True, kw_only=True, omit_defaults=True, tag="purchase.ordered"
):
    """An 850."""

    purpose: Operational[str] = ""
    """BEG01: 00 original, 06 confirmation, 07 duplicate."""
    kind: Operational[str] = ""
    """BEG02: SA stand-alone, NE new, BK blanket, RL release, DS drop ship, RO rush."""
    release: Operational[str] = ""
    """BEG04: which release of a blanket order."""
    contract: Financial[str] = ""
    """REF CT or BEG06."""


class PurchaseChanged(
    PurchaseFact, frozen=True, kw_only=True, omit_defaults=True, tag="purchase.changed"
):
    """An 860: what of an order the buyer wants otherwise."""

    purpose: Operational[str] = ""
    """BCH01: 01 cancellation, 04 change, 05 replace."""
    change: Operational[str] = ""
    """BCH05, the change's own number."""
    kind: Operational[str] = ""
    """BCH02, as BEG02."""
    release: Operational[str] = ""
    """BCH04."""
    ordered_on: Operational[date | None] = None
    """BCH06, the date of the order that is changed."""


class PurchaseAcknowledged(
    PurchaseFact, frozen=True, kw_only=True, omit_defaults=True, tag="purchase.acknowledged"
):
    """An 855: what the supplier takes on."""

    purpose: Operational[str] = ""
    """BAK01, as BEG01."""
    reference: Operational[str] = ""
    """BAK08 or REF CO: the supplier's own number of the order."""
    answer: Operational[str] = ""
    """BAK02: AC, AD accepted, AE with exceptions, RD rejected, RJ ..."""


class PurchaseShipped(
    PurchaseFact, frozen=True, kw_only=True, omit_defaults=True, tag="purchase.shipped"
):
    """An 856: what is on its way, for one order of the shipment."""

    shipment: Operational[str] = ""
    """BSN02."""
    purpose: Operational[str] = ""
    """BSN01: 00 original, 01 cancellation, 05 replace, 14 advance notification."""
    carrier: Operational[str] = ""
    """TD503."""
    tracking: Operational[str] = ""
    """REF CN or BM."""
    arrives_on: Operational[date | None] = None
    """DTM 017."""


class PurchaseInvoiced(
    PurchaseFact, frozen=True, kw_only=True, omit_defaults=True, tag="purchase.invoiced"
):
    """An 810: what the supplier asks to be paid."""

    invoice: Financial[str] = ""
    """BIG02."""
    kind: Financial[str] = ""
    """BIG07: CR credit memo, DR debit memo, CN; an invoice where empty."""
    allowances_minor: Financial[int] = 0
    """SAC of the invoice and its lines: charges count up, allowances down, in whole cents."""
    taxes_minor: Financial[int] = 0
    """TXI of the invoice and its lines."""
    due_on: Operational[date | None] = None
    """ITD06 or DTM 814, else ITD07 days after the invoice where they count from it (ITD02 = 3)."""


class PaymentAdjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ADX of an 820: why an item is paid otherwise than billed, and by how much."""

    reason: Financial[str]
    """ADX02."""
    amount_minor: Financial[int]
    """ADX01, with its sign."""


class PaymentItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One RMR of an 820: which invoice is paid, how much."""

    reference: Financial[str]
    """RMR02; empty where it is one person's number, which is `member`."""
    member: Phi[str] = ""
    """Surrogate of RMR02 where one person's premium is paid: member, contract or policy."""
    qualifier: Financial[str] = ""
    """RMR01: IV invoice, PO order, CM credit memo; AZ, 11, IK for premiums."""
    paid_minor: Financial[int]
    """RMR04."""
    billed_minor: Financial[int | None] = None
    """RMR05."""
    discount_minor: Financial[int] = 0
    """RMR06."""
    adjustments: Financial[tuple[PaymentAdjustment, ...]] = ()
    order: Operational[str] = ""
    """REF PO, or RMR02 of qualifier PO: the order it pays for."""
    starts_on: Operational[date | None] = None
    """DTM 582, the period a premium is for."""
    ends_on: Operational[date | None] = None
    where: Operational[str] = ""


class PaymentAdvised(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="payment.advised"
):
    """An 820: one payment to a supplier, or of premiums (X218), with what it pays."""

    payment: Financial[str]
    """Key of its stream: payer (TRN03, else N104 of PR) and trace, as of a remittance."""
    payer: Operational[str] = ""
    """N104 of PR, else TRN03."""
    payee: Operational[str] = ""
    """N104 of PE."""
    trace: Financial[str]
    paid_minor: Financial[int]
    """BPR02."""
    direction: Financial[str] = ""
    """BPR03: C credit, D debit."""
    method: Financial[str] = ""
    """BPR04."""
    paid_on: Operational[date]
    """BPR16."""
    currency: Financial[str] = ""
    """CUR02; the partners' own where it is empty."""
    items: Financial[tuple[PaymentItem, ...]] = ()
    adjustments: Financial[tuple[PaymentAdjustment, ...]] = ()
    """ADX that belong to no item."""
    where: Operational[str] = ""
