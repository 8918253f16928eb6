"""Translates the 820: one `PaymentAdvised`, of a supplier's invoices or of premiums (X218).

Told to the stream of the payment, which its payer and trace name as they name a remittance: the
same trace with other content is held (B31). The payer is TRN03, else who pays by N1, else the
sender. A premium paid for one person names that person by a surrogate; what it pays a group or a
supplier is no secret. A payment that is not what its items come to is held with the difference, by
its guide (`wire/x12/sums.py`). Not here: how a payment is written (`x12_820_write.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from suture.model.fault import Fault, fault
from suture.model.identity import bounded_identity
from suture.model.money import parse_amount_x12
from suture.model.purchase import PaymentAdjustment, PaymentAdvised, PaymentItem
from suture.model.translation import Channel, Routed, Secret
from suture.translate.x12_common import control_id, recorded_on
from suture.translate.x12_units import Ending, by_units
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.units import LoopNode, Unit, UnitsEnd

ITEMS_MAX = 100_000
"""Of one payment: a fact is one value in memory and in the log."""

_INDIVIDUAL = "2J"
"""ENT02; the premium guide's organisation summary has others."""
_PEOPLE = frozenset({"IL", "EY", "QE", "DO"})
"""NM101: insured, employee, policy holder, dependent."""
_PERSON = "1"
_ORDER = "PO"
_PAYERS, _PAYEES = ("PR", "RM"), ("PE", "RE")
"""N101: payer, who remits for it; payee, who receives for it."""
_PERSONAL_IDS = frozenset({"34", "MI", "N"})
"""N103: social security, member's and insured's numbers."""
_PREMIUM_LOOPS = ("1000A", "1000B")
"""Where the premium guide has what the standard has in N1."""


class _Entity:
    """One ENT on its way: who it is about, and how many of its loops were looked at."""

    def __init__(self, where: str, *, is_person: bool) -> None:
        self.where = where
        self.is_person = is_person
        self.loops_count = 0


class _Reading:
    """One 820 on its way."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self._set = transaction_set
        self._channel = channel
        self._where = transaction_set.where
        self._items: list[PaymentItem] = []
        self._adjustments: list[PaymentAdjustment] = []
        """Those of no item."""
        self._secrets: dict[str, Secret] = {}
        self._faults: list[Fault] = []
        self._items_count = 0
        self._entity = _Entity("", is_person=False)
        self._payee: str | None = None
        """Of the header, read once."""

    def unit(self, unit: Unit) -> Iterable[Routed]:
        """Keep what is paid: a payment is one fact."""
        where = f"{self._where}/{unit.loop.where}"
        self._items_count += 1
        if self._items_count > ITEMS_MAX:
            if self._items_count == ITEMS_MAX + 1:
                self._faults.append(fault("x12.document.too_long", where))
            return ()
        self._look_at(unit.around[-1])
        remitted = unit.loop.first("RMR")
        reference, member = _text(remitted, 2), ""
        qualifier = _text(remitted, 1)
        if reference and self._entity.is_person:
            if self._payee is None:
                self._payee = _party(unit.around[0], _PAYEES)
            member = self._channel.tokenizer.token("member", self._payee, reference)
            self._secrets[member] = Secret(member, "member", reference)
        order = unit.loop.reference(_ORDER).strip() or (
            reference if qualifier == _ORDER and not member else ""
        )
        starts_on, ends_on = _period(unit.loop)
        self._items.append(
            PaymentItem(
                reference="" if member else reference,
                member=member,
                qualifier=qualifier,
                paid_minor=parse_amount_x12(_text(remitted, 4)) or 0,
                billed_minor=parse_amount_x12(_text(remitted, 5)),
                discount_minor=parse_amount_x12(_text(remitted, 6)) or 0,
                adjustments=tuple(_adjustments(unit.loop.loops)),
                order=order,
                starts_on=starts_on,
                ends_on=ends_on,
                where=where,
            )
        )
        return ()

    def end(self, end: UnitsEnd) -> Ending:
        """Return the payment, which its payer and trace claim."""
        root = end.root
        for loop in root.loops:
            # An entity that pays nothing and only adjusts.
            self._look_at(loop)
        head, traced = root.first("BPR"), root.first("TRN")
        payer = _party(root, _PAYERS)
        sender = self._set.envelope.interchange.sender_id.strip()
        key = _text(traced, 3) or payer or sender
        # Without a trace it is at least never itself twice.
        trace = _text(traced, 2) or control_id(self._set)
        payment = bounded_identity(f"{key}:{trace}")
        paid_minor = parse_amount_x12(_text(head, 2))
        if paid_minor is None:
            self._faults.append(fault("x12.element.missing", f"{self._where}/BPR-02"))
        fact = PaymentAdvised(
            payment=payment,
            payer=payer or _text(traced, 3),
            payee=_party(root, _PAYEES),
            trace=trace,
            paid_minor=paid_minor or 0,
            direction=_text(head, 3),
            method=_text(head, 4),
            paid_on=read_date(_text(head, 16)) or recorded_on(self._set),
            currency=_text(root.first("CUR"), 2),
            items=tuple(self._items),
            adjustments=tuple(self._adjustments),
            where=self._where,
        )
        secrets = tuple(self._secrets.values())
        return Ending(
            identities=(f"payment:{payment}",),
            routed=(Routed(f"payment/{payment}", fact, f"{self._where}/BPR", secrets),),
            faults=tuple(self._faults),
        )

    def _look_at(self, outer: LoopNode) -> None:
        """Read what an entity says beside its items; each of its loops once: there may be many."""
        entity = self._entity
        if entity.where != outer.where:
            is_person = _text(outer.first("ENT"), 2) == _INDIVIDUAL
            entity = self._entity = _Entity(outer.where, is_person=is_person)
        fresh = outer.loops[entity.loops_count :]
        entity.loops_count = len(outer.loops)
        entity.is_person |= any(_is_a_person(name) for each in fresh for name in each.all("NM1"))
        self._adjustments.extend(_adjustments(fresh))


def _party(root: LoopNode, roles: Sequence[str]) -> str:
    """Return N104 of a party by role in order of precedence, unless it is a person's."""
    loops = [each for id_ in ("N1", *_PREMIUM_LOOPS) for each in root.inner_all(id_)]
    named = [party for each in loops for party in each.all("N1")]
    told = (
        _text(each, 4)
        for role in roles
        for each in named
        if each.get(1) == role and each.get(3) not in _PERSONAL_IDS
    )
    return next((each for each in told if each), "")


def _is_a_person(name: Segment) -> bool:
    """Tell whether an NM1 names a person."""
    return name.get(1) in _PEOPLE or name.get(2) == _PERSON


def _adjustments(loops: Iterable[LoopNode]) -> Iterator[PaymentAdjustment]:
    """Yield the ADX among loops."""
    for loop in loops:
        told = loop.first("ADX")
        amount_minor = parse_amount_x12(_text(told, 1))
        if amount_minor is not None:
            yield PaymentAdjustment(reason=_text(told, 2), amount_minor=amount_minor)


def _period(loop: LoopNode) -> tuple[date | None, date | None]:
    """Return the first and last day of DTM 582: DTM06, a period (RD8), or DTM02, one day."""
    told = loop.first("DTM", "582")
    if told is None:
        return None, None
    first, _, last = (_text(told, 6) or _text(told, 2)).partition("-")
    return read_date(first), read_date(last)


def _text(segment: Segment | None, number: int) -> str:
    return segment.get(number).strip() if segment else ""


translate = by_units(_Reading)
"""Translate one 820."""
