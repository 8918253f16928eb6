"""Bank files to deposits: NACHA entries and BAI2 transactions become `DepositReceived`.

Here: which entries are money on our account, whose payment they are (`TRN` of the addenda or the
text, CAQH CORE 370), the key they are told under, control totals. A batch (NACHA) or an account
(BAI2) is a message; where the file's own totals fail, all of them are held. Names in a bank file
are never read, and accounts by their last four digits only. Not here: records and their arithmetic
(`wire/bank`). Next: `processes/known.py` keeps deposits; `reconcile/` matches them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256

from suture.model.deposit import DepositReceived, deposit_key, shown_account
from suture.model.fault import Fault, fault
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Channel,
    Closed,
    ControlTotal,
    Piece,
    Reading,
    Routed,
    Translation,
    misdirected,
)
from suture.wire.bank import (
    Bai2Account,
    Bai2File,
    Bai2Transaction,
    NachaBatch,
    NachaEntry,
    NachaFile,
    find_trace,
    read_bai2,
    read_nacha,
)

NACHA, BAI2 = "NACHA", "BAI2"
_PAYMENTS = frozenset({"22", "32", "42", "52", "27", "37", "47", "55"})
_WITHOUT_MONEY = frozenset({"23", "24", "28", "29", "33", "34", "38", "39", "43", "48", "53"})
"""Prenotes, and remittance information without money."""
_ADDENDA_READ = frozenset({"05"})
_CLASSES_READ = frozenset({"CCD", "CTX", "PPD", "WEB", "TEL", "CIE", "MTE", "POS", "ARC", "BOC"})
_CURRENCY = "USD"
_UPDATES = frozenset({"1", "3"})
"""BAI2 group status: update and correction; 2 is a deletion, 4 a test."""
_CENTURY = 2000
_REFERENCE = re.compile(r"[A-Za-z0-9._:/#-]{1,40}", re.ASCII)
"""What a bank's numbering writes, and no sentence: anything else could name a person."""
_MILLISECONDS = 1000


def read_bank(data: bytes, channel: Channel) -> Iterator[Piece]:
    """Read a whole bank file into its messages: every file is at least one."""
    if data.removeprefix(b"\xef\xbb\xbf").startswith(b"01,"):
        yield from _read_bai2(read_bai2(data), data, channel)
    else:
        yield from _read_nacha(read_nacha(data), data, channel)


def _day(text: str) -> date | None:
    """Return the day of a YYMMDD of this century; None where it is none."""
    if len(text) != 6 or not (text.isascii() and text.isdecimal()):
        return None
    try:
        return date(_CENTURY + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        return None


def _reference(text: str) -> str:
    """Return a reference as a fact may hold it; "" for one that is none."""
    return text if _REFERENCE.fullmatch(text) else ""


def _made_at_ms(created: str, channel: Channel) -> int:
    """Return when a file says it was made (YYMMDDHHMM); its day where the time is none."""
    day = _day(created[:6])
    if day is None:
        return 0
    clock = created[6:10]
    is_time = len(clock) == 4 and clock.isascii() and clock.isdecimal() and clock < "2400"
    hour, minute = (int(clock[:2]), int(clock[2:])) if is_time else (0, 0)
    at = datetime(day.year, day.month, day.day, hour, min(minute, 59), tzinfo=channel.zone)
    return int(at.astimezone(UTC).timestamp()) * _MILLISECONDS


def _whole(kind: str, wrong: tuple[Fault, ...], data: bytes) -> Iterator[Piece]:
    held = Translation(
        format="bank", type=UNREADABLE_TYPE, control_id="", status="held", faults=wrong
    )
    assert kind in {NACHA, BAI2}, "one of the two formats that banks send"
    yield Begun(recorded_at_ms=0)
    yield Reading(translation=held, offset=0, bytes_count=len(data))
    yield Closed()


class _Message:
    """One batch or account on its way to being a message."""

    def __init__(self, kind: str, channel: Channel, faults: Sequence[Fault]) -> None:
        self._kind = kind
        self.channel = channel
        self.faults = list(faults)
        self.notes: list[Fault] = []
        self._deposits: dict[str, Routed] = {}
        self._door()

    def _door(self) -> None:
        translation = f"bank_{self._kind.lower()}"
        reason = misdirected(self.channel, translation, "", type_at="file", processing_at="")
        if reason is not None and self.channel.is_rehearsal:
            self.notes.append(reason)
        elif reason is not None:
            self.faults.insert(0, reason)

    def blame(self, code: str, where: str, explanation: str = "") -> None:
        """Hold the message."""
        self.faults.append(fault(code, where, explanation))

    def add(self, fact: DepositReceived) -> None:
        """Add a deposit; two of one key in a message are told apart by their place among them."""
        key, ordinal = fact.deposit, 1
        while key in self._deposits:
            ordinal += 1
            key = f"{fact.deposit}:{ordinal}"
        told = fact if key == fact.deposit else _renamed(fact, key)
        self._deposits[key] = Routed(f"deposit/{key}", told, fact.where)

    def pieces(
        self, raw: Sequence[str], offset: int, *, number: str, identity: str, at_ms: int
    ) -> Iterator[Piece]:
        """Yield the message, told by these records."""
        routed = tuple(self._deposits.values())
        amounts = [
            each.fact.amount_minor for each in routed if isinstance(each.fact, DepositReceived)
        ]
        is_held = bool(self.faults)
        text = "\n".join(raw)
        digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
        token = self.channel.tokenizer.token("control", self.channel.source, digest)
        translation = Translation(
            format="bank",
            type=self._kind,
            control_id=number,
            status="held" if is_held else "accepted",
            identities=(f"bank:{self.channel.source}:{token}",),
            recorded_at_ms=at_ms,
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            routed=() if is_held else routed,
            totals=(ControlTotal("deposits", len(amounts), sum(amounts)),) if amounts else (),
        )
        yield Begun(recorded_at_ms=at_ms)
        yield Reading(
            translation=translation,
            offset=offset,
            bytes_count=len(text),
            content_sha256=sha256(text.encode("ascii", "replace")).digest(),
        )


def _renamed(fact: DepositReceived, key: str) -> DepositReceived:
    fields = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return DepositReceived(**(fields | {"deposit": key}))


class _Offsets:
    """Where records begin in the bytes of their file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def of(self, raw: Sequence[str]) -> int:
        """Return where the first of some records begins; each call looks after the one before."""
        first = raw[0].rstrip().encode("ascii")
        found = self._data.find(first, self._at)
        self._at = max(self._at, found) + len(first)
        return max(found, 0)


# NACHA -----------------------------------------------------------------------------------------


def _read_nacha(file: NachaFile, data: bytes, channel: Channel) -> Iterator[Piece]:
    if not file.batches:
        wrong = file.faults or (fault("file.no_message", "file"),)
        yield from _whole(NACHA, wrong, data)
        return
    at_ms, offsets = _made_at_ms(file.created, channel), _Offsets(data)
    for ordinal, batch in enumerate(file.batches, 1):
        message = _Message(NACHA, channel, batch.faults)
        _tell_batch(message, batch)
        parts = (NACHA, file.origin, file.destination, file.created, file.modifier, batch.number)
        yield from message.pieces(
            batch.raw,
            offsets.of(batch.raw),
            number=_number(batch.number, ordinal),
            identity="|".join(parts),
            at_ms=at_ms,
        )
    yield Closed(faults=file.faults, status="held")


def _number(text: str, ordinal: int) -> str:
    return text if text.isascii() and text.isdecimal() else str(ordinal)


def _tell_batch(message: _Message, batch: NachaBatch) -> None:
    where = f"record {batch.first}"
    effective_on = _day(batch.effective_on)
    if batch.entry_class not in _CLASSES_READ:
        explanation = "its entry class is not read: returns, corrections, international entries"
        message.blame("bank.entry.unsupported", where, explanation)
        return
    if effective_on is None:
        message.blame("bank.record.unreadable", where, "its effective entry date is no day")
        return
    for entry in batch.entries:
        _tell_entry(message, batch, entry, effective_on)


def _tell_entry(message: _Message, batch: NachaBatch, entry: NachaEntry, on: date) -> None:
    where = f"record {entry.number}"
    if set(entry.addenda_kinds) - _ADDENDA_READ:
        message.blame("bank.entry.unsupported", where, "it is a return, or a change")
        return
    if entry.transaction_code in _WITHOUT_MONEY:
        return
    if entry.transaction_code not in _PAYMENTS:
        message.blame("bank.entry.unsupported", where, "its transaction code is not read")
        return
    found = find_trace("".join(entry.addenda))
    trace = found.trace if found else ""
    payer = (found.payer if found else "") or batch.company
    account = shown_account(entry.account)
    told = _reference(entry.trace_number)
    reference = told or f"{batch.number}-{entry.number}"
    sign = 1 if entry.is_credit else -1
    message.add(
        DepositReceived(
            deposit=deposit_key(payer, trace, account, on, reference),
            bank_account=account,
            payer=payer,
            trace=trace,
            bank_reference=told,
            amount_minor=sign * entry.amount_minor,
            kind=entry.transaction_code,
            deposited_on=on,
            where=where,
        )
    )


# BAI2 ------------------------------------------------------------------------------------------


def _read_bai2(file: Bai2File, data: bytes, channel: Channel) -> Iterator[Piece]:
    if not file.accounts:
        wrong = file.faults or (fault("file.no_message", "file"),)
        yield from _whole(BAI2, wrong, data)
        return
    at_ms, offsets = _made_at_ms(file.created, channel), _Offsets(data)
    for ordinal, account in enumerate(file.accounts, 1):
        message = _Message(BAI2, channel, account.faults)
        _tell_account(message, account)
        parts = (BAI2, file.sender, file.created, file.identification, str(ordinal))
        yield from message.pieces(
            account.raw,
            offsets.of(account.raw),
            number=_number(file.identification, 1) + f"/{ordinal}",
            identity="|".join(parts),
            at_ms=at_ms,
        )
    yield Closed(faults=file.faults, status="held")


def _tell_account(message: _Message, account: Bai2Account) -> None:
    where = f"record {account.first}"
    as_of = _day(account.as_of)
    if account.status not in _UPDATES:
        message.blame("bank.entry.unsupported", where, "its group is a deletion, or a test")
    elif account.currency != _CURRENCY:
        message.blame("bank.entry.unsupported", where, "its currency is not USD")
    elif as_of is None:
        message.blame("bank.record.unreadable", where, "its as-of date is no day")
    else:
        name = _namer()
        for transaction in account.transactions:
            _tell_transaction(message, account, transaction, as_of, name)


def _namer() -> Callable[[Bai2Transaction], str]:
    """Return what names a transaction to which the bank gave no reference.

    Its type, its amount and its place among those alike: an interim report and the final one of a
    day then tell of one deposit, not of two.
    """
    counted: dict[tuple[str, int, str], int] = {}

    def name(transaction: Bai2Transaction) -> str:
        customer = _reference(transaction.customer_reference)
        alike = (transaction.type_code, transaction.amount_minor, customer)
        counted[alike] = counted.get(alike, 0) + 1
        return "-".join((*map(str, alike), str(counted[alike])))

    return name


def _tell_transaction(
    message: _Message,
    account: Bai2Account,
    transaction: Bai2Transaction,
    as_of: date,
    name: Callable[[Bai2Transaction], str],
) -> None:
    where = f"record {transaction.number}"
    if not (transaction.is_credit or transaction.is_debit):
        return  # 890 and custom codes: no money, or none that has a side
    if not transaction.amount_minor:
        return
    found = find_trace(transaction.text)
    trace, payer = (found.trace, found.payer) if found else ("", "")
    on = (_day(transaction.value_on) if transaction.value_on else None) or as_of
    shown = shown_account(account.account)
    reference = _reference(transaction.bank_reference)
    message.add(
        DepositReceived(
            deposit=deposit_key(payer, trace, shown, as_of, reference or name(transaction)),
            bank_account=shown,
            payer=payer,
            trace=trace,
            bank_reference=reference,
            amount_minor=transaction.amount_minor * (1 if transaction.is_credit else -1),
            kind=transaction.type_code,
            deposited_on=on,
            where=where,
        )
    )
