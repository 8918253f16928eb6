"""Patient account: books charges, credits, patient payments, adjustments (HL7 v2 DFT P03 `FT1`).

Here: what is told of one account by business identity, and the booking each of it makes under the
registration that holds for it. Not here: whom a merged account asks for what it was not told itself
(`patient_account_survivors.py`), of which account an FT1 told under several numbers is
(`patient_account_lines.py`), claims and what payers decide (`claim.py`), prices, which accounts
are debited (`ledger/`). Next: `ledger/post.py`.

The same identity told again is the same business fact: with the same content it changes nothing in
the books, with other content the later stamp corrects it. Where the sender's clock and numbers tell
no order, one stands and a concern asks which (`patient_account_ties.py`).

A merged account (A40, MRG-3) keeps its bookings and a link to the survivor (F34). What was recorded
before the merge goes by its own registration, and by the survivor's where it has none; what is told
to it afterwards, by systems that have not heard of the merge, goes by the survivor's. Whose it is,
is therefore decided by stamps, never by the order in which charge, registration and merge came.
"""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from typing import assert_never

import msgspec

from suture.model.account import (
    AccountAdjusted,
    AccountEnded,
    AccountLine,
    AccountMerged,
    AccountOpened,
    AccountPurged,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    LinesTold,
    PaymentReceived,
    SurvivorsTold,
)
from suture.model.decision import Amount, Booking, Decision, Forward, Hold, Withdrawn
from suture.model.event import Event, Reconsidered, fact_type
from suture.model.fault import fault
from suture.processes.patient_account_lines import (
    HeldLine,
    all_told,
    heard,
    standing_elsewhere,
    told_of,
)
from suture.processes.patient_account_survivors import (
    NO_LINK,
    Link,
    Survivor,
    asked_in_order,
    is_looped,
    joined,
    told_by,
)
from suture.processes.patient_account_ties import Telling, is_register_tied, is_tied, rivals_of
from suture.processes.process import told_later

_MoneyFact = ChargePosted | ChargeCredited | PaymentReceived | AccountAdjusted
_CourseFact = AccountOpened | AccountEnded | AccountPurged
_AccountFact = (
    _MoneyFact
    | _CourseFact
    | AccountRegistered
    | AccountMerged
    | SurvivorsTold
    | LinesTold
    | Reconsidered
)

_MERGE_KEY = "merge"
_TIE_KEY = "tie:registration"
_REGISTERED_FIELDS = ("facility", "patient_class", "financial_class", "payer")
_WHO_PAYS = ("financial_class", "payer")
_NAMES = {
    "charge": ("charge", "gross"),
    "credit": ("credit", "gross"),
    "payment": ("patient_payment", "payment"),
    "adjustment": ("account_adjustment", "adjustment"),
}
"""First word of a booking key -> the booking's kind and its amount's name."""


class _Item(msgspec.Struct, frozen=True, array_like=True):
    """What of one FT1 enters the books."""

    stamp: str
    where: str
    amount_minor: int
    effective_on: date
    accounting_on: date | None = None
    facility: str = ""
    department: str = ""
    code: str = ""
    """Service code of a charge or credit, reason of an adjustment."""
    source: str = ""
    event_id: str = ""
    line: str = ""
    """What it shares with the same FT1 told under another account's number."""
    is_of_account: bool = False
    """Whether such a one is another FT1, which only has the same number."""
    is_retold: bool = False
    """Whether it was told in another way or message too: only then can there be a tie."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one account."""

    account: str
    registered: dict[str, tuple[tuple[str, str], ...]] = msgspec.field(default_factory=dict)
    """Field of AccountRegistered -> the two latest (stamp, value), latest first.

    The first is in force. The second is what was in force before it: by that `decide` tells a
    change from the same thing said again, which admissions do all day, and then leaves the
    account's bookings alone.
    """
    items: dict[str, _Item] = msgspec.field(default_factory=dict)
    """Booking key -> its latest telling."""
    survivor: Link = NO_LINK
    """What this one was merged into last."""
    absorbed: tuple[str, ...] = ()
    """Accounts merged into this one, sorted."""
    survivors: dict[str, Survivor] = msgspec.field(default_factory=dict)
    """What those this one lives on in have told it."""
    merged_into: tuple[str, ...] = ()
    """Every account this one was ever merged into, sorted."""
    lines: dict[str, dict[str, HeldLine]] = msgspec.field(default_factory=dict)
    """Which FT1 the other accounts of its group hold: line -> account -> its last telling."""
    rivals: dict[str, tuple[Telling, ...]] = msgspec.field(default_factory=dict)
    """Booking key -> what else was told of it at the instant of its latest telling."""
    course: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)
    """opened, ended, purged (BAR P01, P06, P02) -> latest stamp, and the day it told. It moves no
    booking: an ended account takes no new charges, but one it was told all the same is owed."""


def initial(key: str) -> State:
    """Return the state of an account nothing is known of."""
    return State(key)


def evolve(state: State, event: Event) -> State:
    """Fold one fact in; the later stamp wins, per business identity and per registered field."""
    fact = _own(event)
    match fact:
        case ChargePosted() | ChargeCredited() | PaymentReceived() | AccountAdjusted():
            return _tell(state, _key(fact), _item(fact, event))
        case AccountRegistered():
            return _register(state, fact, event.stamp)
        case AccountMerged():
            return _merge(state, fact, event.stamp)
        case AccountOpened() | AccountEnded() | AccountPurged():
            return _follow(state, fact, event.stamp)
        case SurvivorsTold():
            survivors = joined(state.survivors, fact.survivors, state.account)
            if survivors is state.survivors:
                return state
            return msgspec.structs.replace(state, survivors=survivors)
        case LinesTold():
            lines = heard(state.lines, fact.lines, state.account)
            return state if lines is state.lines else msgspec.structs.replace(state, lines=lines)
        case Reconsidered():
            return state
        case _:
            assert_never(fact)


def decide(state: State, event: Event) -> tuple[Decision, ...]:
    """Return the booking of the FT1 told, or of all of them when what they share has changed.

    And what those that live on in this account must now be told of it.
    """
    fact = _own(event)
    match fact:
        case ChargePosted() | ChargeCredited() | PaymentReceived() | AccountAdjusted():
            key = _key(fact)
            return (*_told_of(state, key), *_tell_line(state, state.items[key]))
        case AccountRegistered():
            changed = _all_standing(state) if _is_changed(state, event.stamp) else ()
            tie = _registration_tie(state)
            return (*changed, *tie, *_forwards(state, state.absorbed))
        case AccountMerged() if fact.account == fact.survivor:
            return (*_forwards(state, (fact.retired,)), *_tell_lines(state, fact.retired))
        case AccountMerged():
            forwards = _forwards(state, state.absorbed)
            return (*_all_standing(state), *forwards, *_tell_lines(state, fact.survivor))
        case SurvivorsTold():
            return (*_all_standing(state), *_forwards(state, state.absorbed))
        case LinesTold():
            return (*_shared_standing(state, fact), *_send_on(state, fact))
        case AccountOpened() | AccountEnded() | AccountPurged():
            return ()
        case Reconsidered():
            return _all_standing(state)
        case _:
            assert_never(fact)


def _own(event: Event) -> _AccountFact:
    fact = event.fact
    if isinstance(fact, _AccountFact):
        return fact
    raise TypeError(f"a patient account was told {fact_type(fact)}")


def _follow(state: State, fact: _CourseFact, stamp: str) -> State:
    """Fold in that the account began, ended or was forgotten, on which day."""
    match fact:
        case AccountOpened():
            name, on = "opened", fact.opened_on
        case AccountEnded():
            name, on = "ended", fact.ended_on
        case AccountPurged():
            name, on = "purged", fact.purged_on
        case _:
            assert_never(fact)
    won = told_later(state.course, stamp, {name: "" if on is None else on.isoformat()})
    if not won:
        return state
    return msgspec.structs.replace(state, course={**state.course, **won})


def _key(fact: _MoneyFact) -> str:
    match fact:
        case ChargePosted():
            return f"charge:{fact.charge}"
        case ChargeCredited():
            return f"credit:{fact.charge}"
        case PaymentReceived():
            return f"payment:{fact.payment}"
        case AccountAdjusted():
            return f"adjustment:{fact.adjustment}"
        case _:
            assert_never(fact)


def _item(fact: _MoneyFact, event: Event) -> _Item:
    posted_on: date | None = None
    match fact:
        case ChargePosted() | ChargeCredited():
            effective_on, posted_on = fact.service_on, fact.posted_on
            code = fact.transaction_code or fact.procedure_code
        case PaymentReceived():
            effective_on, code = fact.received_on, ""
        case AccountAdjusted():
            effective_on, code = fact.adjusted_on, fact.code
        case _:
            assert_never(fact)
    return _Item(
        event.stamp,
        event.where,
        fact.amount_minor,
        effective_on,
        posted_on,
        fact.facility,
        fact.department,
        code,
        event.source,
        event.id,
        fact.line,
        fact.line_numbers == "account",
    )


def _tell(state: State, key: str, item: _Item) -> State:
    """Fold the telling of one FT1 in: the later one is in force, and its rivals are remembered."""
    known = state.items.get(key)
    if known is None:
        return msgspec.structs.replace(state, items={**state.items, key: item})
    before = state.rivals.get(key, ())
    winner = item if _is_later(item, known) else known
    told = (*before, _telling(known), _telling(item))
    rivals = rivals_of(_telling(winner), told)
    is_retold = known.is_retold or _content(item) != _content(known)
    if winner is known and rivals == before and is_retold == known.is_retold:
        return state
    winner = msgspec.structs.replace(winner, is_retold=is_retold)
    others = {other: kept for other, kept in state.rivals.items() if other != key}
    return msgspec.structs.replace(
        state,
        items={**state.items, key: winner},
        rivals={**others, key: rivals} if rivals else others,
    )


def _telling(item: _Item) -> Telling:
    """Return a telling: its stamp, and a mark of what a person would have to decide between."""
    said = (
        item.amount_minor,
        item.effective_on,
        item.accounting_on,
        item.facility,
        item.department,
        item.code,
    )
    return item.stamp, blake2b(msgspec.msgpack.encode(said), digest_size=8).digest()


def _is_later(item: _Item, known: _Item) -> bool:
    """Tell whether an item replaces the known one: by its stamp, a tie by content (never order).

    What others are told of it decides first: they must come to the same.
    """
    return (_held(item), *_telling(item), _content(item)) > (
        _held(known),
        *_telling(known),
        _content(known),
    )


def _held(item: _Item) -> HeldLine:
    """Return what those merged with its account are told of an item."""
    return HeldLine(item.stamp, item.amount_minor, item.effective_on, item.code, item.is_of_account)


def _content(item: _Item) -> bytes:
    """Return what an item says, without which event said it: that differs with the way it came."""
    said = msgspec.structs.replace(item, event_id="", is_retold=False)
    return msgspec.msgpack.encode(said)


def _register(state: State, fact: AccountRegistered, stamp: str) -> State:
    won: dict[str, tuple[tuple[str, str], ...]] = {}
    for name in _REGISTERED_FIELDS:
        told = (stamp, getattr(fact, name))
        known = state.registered.get(name, ())
        if told[1] and told not in known:
            latest = tuple(sorted((*known, told), reverse=True)[:2])
            if latest != known:
                won[name] = latest
    if not won:
        return state
    return msgspec.structs.replace(state, registered={**state.registered, **won})


def _is_changed(state: State, stamp: str) -> bool:
    """Tell whether the registration with this stamp, just folded in, put another value in force."""
    return any(
        latest[0] == stamp and (not before or before[0][1] != latest[1])
        for latest, *before in state.registered.values()
    )


def _merge(state: State, fact: AccountMerged, stamp: str) -> State:
    assert fact.account in {fact.retired, fact.survivor}, "a merge told to a third account"
    if fact.account == fact.survivor:
        absorbed = tuple(sorted({*state.absorbed, fact.retired}))
        if absorbed == state.absorbed:
            return state
        return msgspec.structs.replace(state, absorbed=absorbed)
    merged_into = tuple(sorted({*state.merged_into, fact.survivor}))
    survivor = max(state.survivor, (stamp, fact.survivor))
    if (survivor, merged_into) == (state.survivor, state.merged_into):
        return state
    return msgspec.structs.replace(state, survivor=survivor, merged_into=merged_into)


def _forwards(state: State, absorbed: tuple[str, ...]) -> tuple[Decision, ...]:
    if not absorbed:
        return ()
    survivors = told_by(state.account, _as_survivor(state), state.survivors)
    return tuple(
        Forward(f"patient_account/{account}", SurvivorsTold(account=account, survivors=survivors))
        for account in absorbed
    )


def _tell_line(state: State, item: _Item) -> tuple[Decision, ...]:
    """Return what those this account was merged with must be told of an FT1 told just now."""
    if not item.line:
        return ()
    line = told_of(state.account, item.line, _held(item))
    return tuple(_lines_to(state, other, (line,)) for other in _merged_with(state))


def _tell_lines(state: State, other: str) -> tuple[Decision, ...]:
    """Return all that an account this one was merged with just now must be told."""
    own = {item.line: _held(item) for item in state.items.values() if item.line}
    lines = all_told(state.account, own, state.lines)
    return (_lines_to(state, other, lines),) if lines else ()


def _send_on(state: State, fact: LinesTold) -> tuple[Decision, ...]:
    others = [other for other in _merged_with(state) if other != fact.by]
    return tuple(_lines_to(state, other, fact.lines) for other in others)


def _lines_to(state: State, other: str, lines: tuple[AccountLine, ...]) -> Forward:
    told = LinesTold(account=other, by=state.account, lines=lines)
    return Forward(f"patient_account/{other}", told)


def _merged_with(state: State) -> list[str]:
    return sorted({*state.absorbed, *state.merged_into})


def _shared_standing(state: State, fact: LinesTold) -> tuple[Decision, ...]:
    """Return what should stand for each own FT1 that another account was told too."""
    told = {each.line for each in fact.lines}
    keys = [key for key, item in state.items.items() if item.line in told]
    return tuple(decision for key in keys for decision in _told_of(state, key))


def _as_survivor(state: State) -> Survivor:
    in_force = {name: latest for name, (latest, *_) in state.registered.items()}
    return Survivor(in_force, state.survivor)


def _all_standing(state: State) -> tuple[Decision, ...]:
    """Return what should stand for every FT1, and whether a steward must look at the merges."""
    told = [decision for key in state.items for decision in _told_of(state, key)]
    bookings = (*told, *_registration_tie(state))
    if state.survivor == NO_LINK:
        return bookings
    if is_looped(state.account, state.survivor, state.survivors):
        return (*bookings, Hold(key=_MERGE_KEY, fault=fault("account.merge_loop", "MRG-3")))
    return (*bookings, Withdrawn(_MERGE_KEY))


def _told_of(state: State, key: str) -> tuple[Decision, ...]:
    """Return what should stand for one FT1, and a concern where it may not be what it seems."""
    item = state.items[key]
    concerns = _tie(state, key, item) if item.is_retold else ()
    if item.line in state.lines:
        concerns = (*concerns, _line_concern(state, key, item))
    return (_standing(state, key), *concerns)


def _tie(state: State, key: str, item: _Item) -> tuple[Hold | Withdrawn, ...]:
    """Return the concern of an FT1 that was told in two ways at once."""
    tie_key = f"tie:{key}"
    is_open = is_tied(_telling(item)[1], state.rivals.get(key, ()))
    if not is_open or _elsewhere(state, item):
        return (Withdrawn(tie_key),)
    return (_concern(tie_key, "account.told_twice_at_once", item),)


def _line_concern(state: State, key: str, item: _Item) -> Hold | Withdrawn:
    """Return the concern of an FT1 in whose place stands another that does not look like it.

    Where lines are numbered across accounts it is a correction; where the estate only says so, it
    is money that nobody would miss.
    """
    line_key = f"line:{key}"
    other = _elsewhere(state, item)
    if other is None or not item.amount_minor or other.is_like(_held(item)):
        return Withdrawn(line_key)
    return _concern(line_key, "account.line_told_differently", item)


def _concern(key: str, code: str, item: _Item) -> Hold:
    return Hold(
        key=key,
        fault=fault(code, item.where),
        amount_minor=item.amount_minor,
        event_id=item.event_id,
    )


def _registration_tie(state: State) -> tuple[Decision, ...]:
    """Return the concern beside a registration that was told in two ways at once."""
    retold = [register for register in state.registered.values() if len(register) > 1]
    if any(is_register_tied(register) for register in retold):
        return (Hold(key=_TIE_KEY, fault=fault("account.told_twice_at_once", "PV1-20")),)
    return (Withdrawn(_TIE_KEY),) if retold else ()


def _elsewhere(state: State, item: _Item) -> HeldLine | None:
    return standing_elsewhere(state.lines, item.line, _held(item), state.account)


def _standing(state: State, key: str) -> Booking | Hold | Withdrawn:
    """Return what should stand for one FT1: a wait while nobody is to pay.

    Nothing for no money, or where an account of the same group was told the same FT1 later.
    """
    item = state.items[key]
    if not item.amount_minor or _elsewhere(state, item):
        return Withdrawn(key)
    kind, name = _NAMES[key.partition(":")[0]]
    registered = _registered(state, item.stamp)
    # What the patient paid is the patient's, whoever else is to pay: it never waits for a payer.
    is_payment = name == "payment"
    financial_class = "" if is_payment else registered["financial_class"]
    payer = "" if is_payment else registered["payer"]
    if not (is_payment or financial_class or payer):
        unknown = fault("account.payer_class_unknown", item.where)
        return Hold(key=key, fault=unknown, amount_minor=item.amount_minor, event_id=item.event_id)
    is_adjustment = name == "adjustment"
    return Booking(
        key=key,
        kind=kind,
        amounts=(
            Amount(
                name=name,
                minor=item.amount_minor,
                where=item.where,
                reason=item.code if is_adjustment else "",
            ),
        ),
        effective_on=item.effective_on,
        accounting_on=item.accounting_on,
        facility=item.facility or registered["facility"],
        department=item.department,
        payer=payer,
        financial_class=financial_class,
        patient_class="" if is_payment else registered["patient_class"],
        service_code="" if is_adjustment else item.code,
        needs_payer_class=not is_payment,
        source=item.source,
        event_id=item.event_id,
    )


def _registered(state: State, stamp: str) -> dict[str, str]:
    """Return the registration that holds for what was recorded at `stamp`, every field of it.

    Of the accounts asked the first that was told something answers, for each field; who pays is one
    answer, and not the class of one account with the payer of another.
    """
    own = _as_survivor(state)
    asked = [own.registered]
    if state.survivor != NO_LINK:
        known = {**state.survivors, state.account: own}
        order = asked_in_order(state.account, state.survivor, state.survivors, stamp)
        asked = [known[account].registered for account in order if account in known]
    payers = next((each for each in asked if any(name in each for name in _WHO_PAYS)), {})
    silent = ("", "")
    return {
        name: next((each[name] for each in asked if name in each), silent)[1]
        for name in ("facility", "patient_class")
    } | {name: payers.get(name, silent)[1] for name in _WHO_PAYS}
