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

from suture.model.account import (
    AccountAdjusted,
    AccountMerged,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
)
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
    """A fact that moves money or merges two accounts, with its stream and stamp."""

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
    account: str = ""
    line: str = ""
    """What the same FT1 shares with its telling under another account of the same group; empty
    where its sender numbers its lines in each account."""


class _Latest(msgspec.Struct, frozen=True):
    """The latest telling of one identity."""

    stamp: str
    content: bytes
    measured: _Measured


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
    counts, by its stamp, a tie by its content; of an FT1 told to several accounts that were merged
    into one, only the latest of them; a parked booking is worth what its fact says.
    `parked_minor` is what waits beside them: payments under a trace that another one holds, and
    corrections that no period is open for.
    """
    total: dict[str, int] = {}
    latest: dict[tuple[str, str], _Latest] = {}
    groups = _Groups()
    for item in facts:
        if isinstance(item.fact, AccountMerged):
            groups.join(item.fact.retired, item.fact.survivor)
        measured = _measure(item)
        if measured is None:
            continue
        name, amount_minor = measured.name, measured.amount_minor
        total[name] = total.get(name, 0) + amount_minor
        key = (name, measured.identity)
        told = _Latest(item.stamp, encode_fact(item.fact), measured)
        latest[key] = max(told, latest.get(key, told), key=lambda each: (each.stamp, each.content))
    single: dict[str, int] = {}
    waiting = dict(parked_minor)
    for measured in _counted_once(latest.values(), groups):
        name, amount_minor = measured.name, measured.amount_minor
        single[name] = single.get(name, 0) + amount_minor
        if measured.booking in parked:
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


class _Groups:
    """Accounts that were merged, whichever into whichever and in however many steps (ADT A40)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """Let two accounts be of one group."""
        self._parents[self.of(one)] = self.of(other)

    def of(self, account: str) -> str:
        """Return the account that stands for the group of this one."""
        path = []
        while (parent := self._parents.get(account, account)) != account:
            path.append(account)
            account = parent
        self._parents.update(dict.fromkeys(path, account))
        return account


def _counted_once(latest: Iterable[_Latest], groups: _Groups) -> Iterable[_Measured]:
    """Return what counts: of a line told to several accounts of one group only the latest."""
    lines: dict[tuple[str, str, str], _Latest] = {}
    for told in latest:
        measured = told.measured
        if not measured.line:
            yield measured
            continue
        key = (measured.name, groups.of(measured.account), measured.line)
        lines[key] = max(
            told, lines.get(key, told), key=lambda each: (each.stamp, each.measured.account)
        )
    for told in lines.values():
        yield told.measured


CONTROL_OF_KEY = {
    "charge": "charges",
    "credit": "credits",
    "payment": "patient_payments",
    "adjustment": "adjustments",
    "cash": "remittance_cash",
    "adjudication": "claims_paid",
}
"""Which control total a booking's key belongs to, by its first word."""


def corrections_minor(waiting: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return, by control total, what waits to be corrected while the old booking stands.

    Of open work items, each with its booking key and amount, those under `correction:<key>`.
    """
    sums: dict[str, int] = {}
    for key, amount_minor in waiting:
        mark, _, corrected = key.partition(":")
        name = CONTROL_OF_KEY.get(corrected.partition(":")[0])
        if mark == "correction" and name:
            sums[name] = sums.get(name, 0) + amount_minor
    return sums


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
            return _of_account("charges", fact.charge, fact, booking)
        case ChargeCredited():
            booking = ParkedBooking(stream, f"credit:{fact.charge}")
            return _of_account("credits", fact.charge, fact, booking)
        case PaymentReceived():
            booking = ParkedBooking(stream, f"payment:{fact.payment}")
            return _of_account("patient_payments", fact.payment, fact, booking)
        case AccountAdjusted():
            booking = ParkedBooking(stream, f"adjustment:{fact.adjustment}")
            return _of_account("adjustments", fact.adjustment, fact, booking)
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


def _of_account(
    name: str,
    number: str,
    fact: ChargePosted | ChargeCredited | PaymentReceived | AccountAdjusted,
    booking: ParkedBooking,
) -> _Measured:
    identity = f"{booking.stream} {number}"
    shared = fact.line if fact.line_numbers == "sender" else ""
    return _Measured(name, identity, booking, fact.amount_minor, fact.account, shared)


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
