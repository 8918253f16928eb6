"""What must add up in a set besides the 835: claims, payments, invoices and line counts (SNIP 3).

    837   CLM02 = sum of SV102, SV203 or SV302 of its lines
    820   BPR02 = sum of RMR04, and of ADX01 that belongs to no remittance
    810   TDS01 = sum of IT102 x IT104, less allowances, plus charges (SAC) and taxes (TXI)
    850, 855, 856, 860, 810, 832   CTT01 = count of lines; CTT02 = sum of their quantities

Here: the sums, kept while a set is read. An equation in which an amount is missing or cannot be
read is not checked: that amount has its own finding. Not here: the 835 (`balance.py`), SE01
(`structure.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, Protocol

from suture.model.fault import Fault, fault
from suture.model.money import MINOR_PER_MAJOR, format_amount
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.matcher import Located
from suture.wire.x12.segment import Segment

_NUMBER = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})", re.ASCII)
_CHARGE_ELEMENT = {"SV1": 2, "SV2": 3, "SV3": 2}
_ALLOWANCE, _CHARGE = "A", "C"
PRICED_EACH = frozenset(
    ("", "CA", "CT", "EA", "NT", "PE", "PR", "QT", "TE", "UM", "WE", "CP", "DI")
)
"""IT105 that leaves quantity times price as it is; HP and HT are per hundred or thousand."""


class SumFinding(NamedTuple):
    """An equation that does not hold."""

    fault: Fault
    segment: Segment
    number: int
    """The element that states the sum."""
    is_booked: bool


class Sums(Protocol):
    """The equations of one kind of set."""

    watched: frozenset[str]
    """Segment ids that it must be given."""

    def take(self, located: Located) -> None:
        """Add a watched segment."""

    def close(self) -> Iterator[SumFinding]:
        """Check what must hold when a unit ends."""

    def finish(self) -> Iterator[SumFinding]:
        """Check what must hold when the set ends."""


def sums_of(guide_name: str) -> Sums | None:
    """Return the equations for sets read by a guide; None when there are none."""
    match guide_name.partition("_")[0]:
        case "837P" | "837I" | "837D":
            return ClaimSums()
        case "820":
            return PaymentSums()
        case "810":
            return InvoiceSums()
        case "850" | "855":
            return LineSums("PO1", 2)
        case "860":
            return LineSums("POC", 3)
        case "856":
            return LineSums("SN1", 2, also="HL")
        case "832":
            return LineSums("LIN", 0)
        case _:
            return None


class ClaimSums:
    """CLM02 against the charges of the claim's lines."""

    watched = frozenset(("CLM", "SV1", "SV2", "SV3"))

    def __init__(self) -> None:
        self._claim: Located | None = None
        self._charge_minor: int | None = None
        self._lines_minor = 0
        self._lines_count = 0

    def take(self, located: Located) -> None:
        segment = located.segment
        if located.rule is None or not located.loop.unit:
            return
        if segment.id == "CLM":
            self._claim = located
            self._charge_minor = parse_amount(segment.get(2))
            self._lines_minor = self._lines_count = 0
            return
        charge_minor = parse_amount(segment.get(_CHARGE_ELEMENT[segment.id]))
        self._lines_count += 1
        if charge_minor is None:
            self._charge_minor = None
        else:
            self._lines_minor += charge_minor

    def close(self) -> Iterator[SumFinding]:
        claim, charge_minor = self._claim, self._charge_minor
        self._claim = None
        if claim is None or charge_minor is None or not self._lines_count:
            return
        excess_minor = charge_minor - self._lines_minor
        if excess_minor:
            explanation = (
                f"the claim's charge CLM02 is {_gap(excess_minor)} the charges of its "
                f"{self._lines_count} service lines"
            )
            found = fault("x12.837.claim.unbalanced", f"{claim.where}-02", explanation)
            yield SumFinding(found, claim.segment, 2, is_booked=True)

    def finish(self) -> Iterator[SumFinding]:
        yield from ()


class PaymentSums:
    """BPR02 against what an 820 says it pays."""

    watched = frozenset(("BPR", "RMR", "ADX", "TXP", "DED"))
    _REMITTANCE = "RMR"

    def __init__(self) -> None:
        self._payment: Located | None = None
        self._paid_minor: int | None = None
        self._remitted_minor = 0
        self._remittances_count = 0

    def take(self, located: Located) -> None:
        segment = located.segment
        match segment.id:
            case "BPR":
                self._payment = located
                self._paid_minor = parse_amount(segment.get(2))
            case "RMR":
                self._remittances_count += 1
                self._add(segment.get(4))
            case "ADX":
                parent = located.loop.parent
                if parent is None or parent.opening is None or parent.opening.id != "RMR":
                    self._add(segment.get(1))
            case _:
                self._paid_minor = None  # Taxes and deductions are told in other ways.

    def _add(self, text: str) -> None:
        amount_minor = parse_amount(text)
        if amount_minor is None:
            self._paid_minor = None
        else:
            self._remitted_minor += amount_minor

    def close(self) -> Iterator[SumFinding]:
        yield from ()

    def finish(self) -> Iterator[SumFinding]:
        payment, paid_minor = self._payment, self._paid_minor
        if payment is None or paid_minor is None or not self._remittances_count:
            return
        excess_minor = paid_minor - self._remitted_minor
        if excess_minor:
            explanation = (
                f"the payment BPR02 is {_gap(excess_minor)} what its RMR and ADX add up to"
            )
            found = fault("x12.820.transaction.unbalanced", f"{payment.where}-02", explanation)
            yield SumFinding(found, payment.segment, 2, is_booked=True)


class LineSums:
    """CTT01 and CTT02 against the lines of an order, answer, notice or catalogue."""

    def __init__(self, line: str, quantity: int, *, also: str = "") -> None:
        self.watched = frozenset((line, "CTT", also)) - {""}
        self._line = line
        self._quantity = quantity
        """Element of the quantity; 0 where lines have none."""
        self._totals: Located | None = None
        self._counts = {line: 0, also: 0}
        self._sum: Fraction | None = Fraction(0)
        self._digits = 0

    def take(self, located: Located) -> None:
        segment = located.segment
        if segment.id == "CTT":
            self._totals = located
            return
        self._counts[segment.id] += 1
        if segment.id == self._line and self._quantity:
            text = segment.get(self._quantity)
            number = read_number(text or "0")
            self._sum = None if number is None or self._sum is None else self._sum + number
            self._digits += int(text.replace(".", "") or "0") if number is not None else 0

    def close(self) -> Iterator[SumFinding]:
        yield from ()

    def finish(self) -> Iterator[SumFinding]:
        totals = self._totals
        if totals is None:
            return
        segment = totals.segment
        told = segment.get(1)
        if told.isascii() and told.isdigit() and int(told) not in self._counts.values():
            explanation = f"CTT01 says {int(told)}, {self._counts[self._line]} arrived"
            found = fault("x12.set.line_count", f"{totals.where}-01", explanation)
            yield SumFinding(found, segment, 1, is_booked=True)
        hashed = read_number(segment.get(2))
        if hashed is not None and self._quantity and not self._is_hash(hashed, segment.get(2)):
            yield SumFinding(
                fault("x12.set.hash_total", f"{totals.where}-02"), segment, 2, is_booked=False
            )

    def _is_hash(self, told: Fraction, text: str) -> bool:
        """Compare a hash total: a plain sum, or the sum of the digits as X12.3 has it, cut left."""
        if self._sum is None:
            return True
        digits = text.replace(".", "").replace("-", "")
        return told == self._sum or int(digits) == abs(self._digits) % 10 ** len(digits)


class InvoiceSums(LineSums):
    """TDS01 against lines, allowances, charges and taxes, and CTT against the lines."""

    def __init__(self) -> None:
        super().__init__("IT1", 2)
        self.watched |= {"TDS", "SAC", "TXI"}
        self._total: Located | None = None
        self._amount: Fraction | None = Fraction(0)
        """Lines, allowances and charges, in cents."""
        self._taxes = Fraction(0)

    def take(self, located: Located) -> None:
        segment = located.segment
        match segment.id:
            case "TDS":
                self._total = located
            case "SAC":
                self._take_allowance(located)
            case "TXI":
                self._taxes += MINOR_PER_MAJOR * (read_number(segment.get(2)) or 0)
            case _:
                super().take(located)
                if segment.id == "IT1":
                    self._take_line(segment)

    def _take_line(self, segment: Segment) -> None:
        quantity, price = read_number(segment.get(2)), read_number(segment.get(4))
        if quantity is None or price is None or segment.get(5) not in PRICED_EACH:
            self._amount = None
        elif self._amount is not None:
            self._amount += MINOR_PER_MAJOR * quantity * price

    def _take_allowance(self, located: Located) -> None:
        """Add a SAC of the invoice or a line; those of a line's parts are in its price."""
        segment = located.segment
        if located.loop.id == "SLN" or segment.get(1) not in (_ALLOWANCE, _CHARGE):
            return
        amount = read_number(segment.get(5))
        if amount is None:
            self._amount = None
        elif self._amount is not None:
            self._amount += amount if segment.get(1) == _CHARGE else -amount

    def finish(self) -> Iterator[SumFinding]:
        yield from super().finish()
        total, amount = self._total, self._amount
        told = read_number(total.segment.get(1)) if total else None
        if total is None or told is None or amount is None or not self._counts["IT1"]:
            return
        tolerance = Fraction(self._counts["IT1"], 2)  # Each line may have been rounded.
        differences = (told - amount - self._taxes, told - amount)
        if all(abs(each) > tolerance for each in differences):
            gap = _gap(round(differences[0]))
            explanation = f"the total TDS01 is {gap} its lines, allowances, charges and taxes"
            found = fault("x12.810.invoice.unbalanced", f"{total.where}-01", explanation)
            yield SumFinding(found, total.segment, 1, is_booked=True)


def read_number(text: str) -> Fraction | None:
    """Read a quantity, unit price or N2 amount exactly; None when it is not one."""
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _gap(excess_minor: int) -> str:
    major, _, cents = format_amount(abs(excess_minor)).partition(".")
    return f"{int(major):,}.{cents} {'more' if excess_minor > 0 else 'less'} than"
