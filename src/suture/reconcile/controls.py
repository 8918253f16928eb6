"""The proof: the conservation law, and control totals from the source to the ERP.

    received = posted + explained + held + in flight                    (messages)
    told by messages = facts in the log = standing + parked + replaced  (money, source to subledger)
    subledger = ERP + on its way                                        (money, subledger to ERP)
    one journal = one document, of the very entries it gathered         (documents, in the ERP)

Every gap is a number here and a line in `suture reconcile`; a gap of zero everywhere is the proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

import msgspec

from suture.model.account import AccountAdjusted, ChargeCredited, ChargePosted, PaymentReceived
from suture.model.claim import PREDETERMINATION, ClaimAdjudicated
from suture.model.event import Fact, encode_fact
from suture.model.remittance import RemittanceReceived


class Conservation(msgspec.Struct, frozen=True, kw_only=True):
    """Where every received message is now. `gap` must be zero."""

    received: int
    posted: int
    explained: int
    """Duplicates, messages without a financial effect, exceptions resolved without booking."""
    held: int
    """With an open exception; people read `waiting for a person`, for a message is held by its
    verdict, and stays so when its exception is closed."""
    in_flight: int
    gap: int


def conserve(
    *,
    messages_count: int,
    repeats_count: int,
    kinds: Mapping[str, int],
    parked_without_item: int,
    posted_without_entry: int,
) -> Conservation:
    """Balance what was received against where it is.

    `kinds` counts messages by what became of them (posted, explained, held, in_flight, gap). The
    two last counts are contradictions between the log and the books; each is a gap.
    """
    posted = kinds.get("posted", 0)
    explained = kinds.get("explained", 0) + repeats_count
    held = kinds.get("held", 0)
    in_flight = kinds.get("in_flight", 0)
    received = messages_count + repeats_count
    gap = received - posted - explained - held - in_flight
    return Conservation(
        received=received,
        posted=posted,
        explained=explained,
        held=held,
        in_flight=in_flight,
        # Each on its own: too many here may not make up for too few there.
        gap=abs(gap) + parked_without_item + posted_without_entry,
    )


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control total, followed from what messages said to what stands.

    `difference_minor` must be zero.
    """

    name: str
    told_minor: int
    """Counted from the messages' own segments at intake."""
    facts_minor: int
    """The same, from the facts in the log."""
    repeated_minor: int
    """Facts that say again what another of the same identity said, or that were corrected since."""
    parked_minor: int
    standing_minor: int
    difference_minor: int


class MoneyFact(msgspec.Struct, frozen=True):
    """A fact that moves money, with its stream and stamp."""

    stream: str
    stamp: str
    fact: Fact


class ParkedBooking(msgspec.Struct, frozen=True):
    """A booking that waits: its stream and its key there."""

    stream: str
    key: str


class _Measured(msgspec.Struct, frozen=True):
    """What one fact is worth to one control total, and the booking it asks for."""

    name: str
    identity: str
    booking: ParkedBooking
    amount_minor: int


def control_totals(
    facts: Iterable[MoneyFact],
    *,
    told_minor: Mapping[str, int],
    standing_minor: Mapping[str, int],
    parked: AbstractSet[ParkedBooking] = frozenset(),
    parked_minor: Mapping[str, int] = MappingProxyType({}),
) -> list[Control]:
    """Follow each control total from the source to the subledger.

    By a recount that owes nothing to the processes: of facts with the same identity the latest
    counts, by its stamp, a tie by its content; a parked booking is worth what its fact says.
    `parked_minor` is what waits beside them: payments under a trace that another one holds.
    """
    total: dict[str, int] = {}
    latest: dict[tuple[str, str], tuple[str, bytes, int, ParkedBooking]] = {}
    for item in facts:
        measured = _measure(item)
        if measured is None:
            continue
        name, amount_minor = measured.name, measured.amount_minor
        total[name] = total.get(name, 0) + amount_minor
        key = (name, measured.identity)
        told = (item.stamp, encode_fact(item.fact), amount_minor, measured.booking)
        latest[key] = max(told, latest.get(key, told), key=lambda each: each[:2])
    single: dict[str, int] = {}
    waiting = dict(parked_minor)
    for (name, _), (_, _, amount_minor, booking) in latest.items():
        single[name] = single.get(name, 0) + amount_minor
        if booking in parked:
            waiting[name] = waiting.get(name, 0) + amount_minor
    return [
        Control(
            name=name,
            told_minor=told_minor.get(name, 0),
            facts_minor=total.get(name, 0),
            repeated_minor=total.get(name, 0) - single.get(name, 0),
            parked_minor=waiting.get(name, 0),
            standing_minor=standing_minor.get(name, 0),
            difference_minor=abs(told_minor.get(name, 0) - total.get(name, 0))
            + abs(single.get(name, 0) - waiting.get(name, 0) - standing_minor.get(name, 0)),
        )
        for name in sorted({*told_minor, *total, *standing_minor} & CONTROLS)
    ]


CONTROLS = frozenset(
    {
        "charges",
        "credits",
        "patient_payments",
        "adjustments",
        "remittance_cash",
        "claims_paid",
    }
)


def _measure(item: MoneyFact) -> _Measured | None:
    fact, stream = item.fact, item.stream
    match fact:
        case ChargePosted():
            booking = ParkedBooking(stream, f"charge:{fact.charge}")
            return _Measured("charges", f"{stream} {fact.charge}", booking, fact.amount_minor)
        case ChargeCredited():
            booking = ParkedBooking(stream, f"credit:{fact.charge}")
            return _Measured("credits", f"{stream} {fact.charge}", booking, fact.amount_minor)
        case PaymentReceived():
            booking = ParkedBooking(stream, f"payment:{fact.payment}")
            identity = f"{stream} {fact.payment}"
            return _Measured("patient_payments", identity, booking, fact.amount_minor)
        case AccountAdjusted():
            booking = ParkedBooking(stream, f"adjustment:{fact.adjustment}")
            identity = f"{stream} {fact.adjustment}"
            return _Measured("adjustments", identity, booking, fact.amount_minor)
        case ClaimAdjudicated():
            if fact.status == PREDETERMINATION:
                return None
            booking = ParkedBooking(stream, f"adjudication:{fact.adjudication}")
            return _Measured("claims_paid", fact.adjudication, booking, fact.paid_minor)
        case RemittanceReceived():
            # A trace used for two payments (B31): both count, one stands and the other waits.
            booking = ParkedBooking(stream, "cash")
            identity = f"{fact.remittance} {_paid(fact)}"
            return _Measured("remittance_cash", identity, booking, fact.paid_minor)
        case _:
            return None


def _paid(fact: RemittanceReceived) -> str:
    """Return what tells two payments under one trace apart."""
    withheld = [(each.reason, each.amount_minor) for each in fact.provider_adjustments]
    return f"{fact.paid_minor} {fact.paid_on} {fact.facility} {fact.where} {withheld}"


class AccountPeriod(msgspec.Struct, frozen=True):
    """One account of one entity in one accounting period."""

    entity: str
    account: str
    period: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An account and period on which the subledger, less what is on its way, and the ERP differ."""

    at: AccountPeriod
    subledger_debit_minor: int
    subledger_credit_minor: int
    erp_debit_minor: int
    erp_credit_minor: int

    @property
    def amount_minor(self) -> int:
        """How far apart the two sides are, debits and credits added up."""
        return abs(self.subledger_debit_minor - self.erp_debit_minor) + abs(
            self.subledger_credit_minor - self.erp_credit_minor
        )


Sides = Mapping[AccountPeriod, tuple[int, int]]
"""Debits and credits by account and period."""


def match_erp(subledger: Sides, on_its_way: Sides, erp: Sides) -> list[Difference]:
    """Return where the subledger, less what is on its way, differs from the ERP."""
    differences = []
    places = {*subledger, *on_its_way, *erp}
    for at in sorted(places, key=lambda at: (at.entity, at.account, at.period)):
        debit, credit = subledger.get(at, (0, 0))
        waiting_debit, waiting_credit = on_its_way.get(at, (0, 0))
        erp_debit, erp_credit = erp.get(at, (0, 0))
        difference = Difference(
            at=at,
            subledger_debit_minor=debit - waiting_debit,
            subledger_credit_minor=credit - waiting_credit,
            erp_debit_minor=erp_debit,
            erp_credit_minor=erp_credit,
        )
        if difference.amount_minor:
            differences.append(difference)
    return differences


class Document(msgspec.Struct, frozen=True):
    """A document as the ERP holds it: its number, our reference, the digest of its entries."""

    document: str
    reference: str
    digest: str = ""
    """Empty where the ERP does not give it back."""


def match_documents(held: Iterable[Document], digests: Mapping[str, str]) -> list[Document]:
    """Return the documents of an ERP that book what is booked elsewhere too.

    A second document of one of our references or of one of our digests (F15, F19); or one whose
    digest is not that of the entries its journal gathered: some of them went into another journal
    since. `digests` says, by reference, what each of our journals gathered; what others have booked
    is no concern of this control, `match_erp` counts it. `held` is in the order of the ERP.
    """
    twice = []
    ours = frozenset(digests.values())
    references: set[str] = set()
    contents: set[str] = set()
    for each in held:
        gathered = digests.get(each.reference, "")
        if not gathered and each.digest not in ours:
            continue
        is_repeated = each.reference in references or each.digest in contents
        is_other = bool(gathered and each.digest) and each.digest != gathered
        if is_repeated or is_other:
            twice.append(each)
        references.add(each.reference)
        if each.digest:
            contents.add(each.digest)
    return twice
