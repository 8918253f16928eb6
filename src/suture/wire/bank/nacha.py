"""NACHA: the records of an ACH file, its batches and entries, and whether they add up.

Here: file (1, 9), batch (5, 8), entry (6) and addenda (7) records of 94 characters, with or without
line ends and padding blocks; entry hash, debit and credit totals, and every count, per batch and
per file. Not here: which entry is a deposit (`translate/bank_deposits.py`, next). Nacha Operating
Rules, appendix three. Positions are the rules' own, 1 to 94.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from suture.model.fault import Fault, fault
from suture.model.money import format_amount

RECORD_LENGTH = 94
RECORDS_MAX = 5_000_000
_HASH_DIGITS = 10**10
"""Entry hashes keep their last ten digits."""
_PADDING = "9" * RECORD_LENGTH
_BLOCK = 10
_DIGITS = re.compile(r" *[0-9]+", re.ASCII)
_LINE_ENDS = re.compile(r"\r\n|\n|\r")


class NachaEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry detail (6) with its addenda (7)."""

    transaction_code: str
    """22 and 32 credits, 27 and 37 debits of checking and savings; x3 and x8 prenotes, x1 and x6
    returns."""
    account: str
    """DFI account number, 13 to 29: whose account it is booked on."""
    amount_minor: int
    trace_number: str
    """80 to 94: the bank's own."""
    addenda: tuple[str, ...] = ()
    """Payment related information of addenda type 05, in order: 80 characters each."""
    addenda_kinds: tuple[str, ...] = ()
    """05 payment, 98 change, 99 return ..."""
    number: int
    """Of its record in the file; 1 is the first."""

    @property
    def is_credit(self) -> bool:
        """Whether it puts money into the account (second digit 0 to 4), or takes some out."""
        return self.transaction_code[1] in "01234"


class NachaBatch(msgspec.Struct, frozen=True, kw_only=True):
    """One company's entries under one batch header (5)."""

    company: str
    """Company identification, 41 to 50: the payer's tax id with a 1 before it, mostly."""
    entry_class: str
    """Standard entry class: CCD, CTX, PPD, IAT, COR ..."""
    effective_on: str
    """Effective entry date, 70 to 75, YYMMDD."""
    number: str
    """88 to 94."""
    entries: tuple[NachaEntry, ...]
    credits_minor: int
    debits_minor: int
    faults: tuple[Fault, ...]
    first: int
    """Its records in the file: the first, and how many."""
    count: int
    raw: tuple[str, ...] = ()


class NachaFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as read."""

    created: str = ""
    """24 to 33: YYMMDDHHMM."""
    origin: str = ""
    destination: str = ""
    modifier: str = ""
    batches: tuple[NachaBatch, ...] = ()
    faults: tuple[Fault, ...] = ()
    """What is wrong with the file itself: none of its batches counts."""


class _Open(msgspec.Struct):
    """A batch on its way."""

    header: str
    first: int
    entries: list[NachaEntry] = []
    faults: list[Fault] = []
    raw: list[str] = []
    addenda_count: int = 0
    hash_sum: int = 0
    credits_minor: int = 0
    debits_minor: int = 0


def read_nacha(data: bytes) -> NachaFile:
    """Read a file; whatever is wrong with it is a fault of a batch, or of the file."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        return NachaFile(faults=(_unreadable("file", f"byte {error.start} is not ASCII"),))
    records = _records(text)
    if isinstance(records, Fault):
        return NachaFile(faults=(records,))
    return _Reading(records).read()


def _unreadable(where: str, explanation: str) -> Fault:
    return fault("bank.record.unreadable", where, explanation)


def _records(text: str) -> list[str] | Fault:
    lines = _LINE_ENDS.split(text.rstrip("\r\n\x1a "))
    if len(lines) == 1:
        lines = [text[at : at + RECORD_LENGTH] for at in range(0, len(lines[0]), RECORD_LENGTH)]
    if len(lines) > RECORDS_MAX:
        return _unreadable("file", f"it has more than {RECORDS_MAX:,} records")
    for number, line in enumerate(lines, 1):
        # Blanks at the end of a record are often lost on the way.
        if len(line.rstrip()) > RECORD_LENGTH or not line.strip():
            explanation = f"it has {len(line):,} characters, and a record has {RECORD_LENGTH}"
            return _unreadable(f"record {number}", explanation)
    return [line[:RECORD_LENGTH].ljust(RECORD_LENGTH) for line in lines]


class _Reading:
    """A file on its way, record by record."""

    def __init__(self, records: Sequence[str]) -> None:
        self._records = records
        self._batches: list[NachaBatch] = []
        self._faults: list[Fault] = []
        self._open: _Open | None = None
        self._counted = {"entries": 0, "hash": 0, "debits": 0, "credits": 0}

    def read(self) -> NachaFile:
        """Return the file."""
        header = self._records[0] if self._records else ""
        if not header.startswith("1"):
            return NachaFile(faults=(_unreadable("record 1", "it is no file header"),))
        is_ended = False
        for number, record in enumerate(self._records[1:], 2):
            if is_ended and record != _PADDING:
                self._faults.append(_unreadable(f"record {number}", "it follows the file control"))
                break
            if not is_ended:
                is_ended = self._take(record, number)
        if self._open is not None:
            self._faults.append(_unreadable("file", "a batch has no control record"))
        if not is_ended:
            self._faults.append(_unreadable("file", "the file control record is missing"))
        return NachaFile(
            created=header[23:33],
            origin=header[13:23].strip(),
            destination=header[3:13].strip(),
            modifier=header[33],
            batches=tuple(self._batches),
            faults=tuple(self._faults),
        )

    def _take(self, record: str, number: int) -> bool:
        """Take a record; True when it ends the file."""
        opened, kind = self._open, record[0]
        if kind == "5" and opened is None:
            self._open = _Open(header=record, first=number, raw=[record])
        elif kind in "678" and opened is not None:
            opened.raw.append(record)
            if kind == "6":
                self._entry(opened, record, number)
            elif kind == "7":
                self._addenda(opened, record, number)
            else:
                self._close(opened, record, number)
                self._open = None
        elif kind == "9" and opened is None:
            self._end(record, number)
            return True
        else:
            self._faults.append(_unreadable(f"record {number}", "it stands astray"))
        return False

    def _entry(self, opened: _Open, record: str, number: int) -> None:
        code, amount = record[1:3], _number(record[29:39])
        routed = _number(record[3:11])
        if not code.isdecimal() or amount is None or routed is None:
            opened.faults.append(_unreadable(f"record {number}", "a number in it is none"))
            return
        entry = NachaEntry(
            transaction_code=code,
            account=record[12:29].strip(),
            amount_minor=amount,
            trace_number=record[79:94].strip(),
            number=number,
        )
        opened.entries.append(entry)
        opened.hash_sum += routed
        if entry.is_credit:
            opened.credits_minor += amount
        else:
            opened.debits_minor += amount

    def _addenda(self, opened: _Open, record: str, number: int) -> None:
        opened.addenda_count += 1
        if not opened.entries:
            if not opened.faults:
                opened.faults.append(_unreadable(f"record {number}", "an addenda has no entry"))
            return
        kind, entry = record[1:3], opened.entries[-1]
        told = (*entry.addenda, record[3:83]) if kind == "05" else entry.addenda
        opened.entries[-1] = msgspec.structs.replace(
            entry, addenda=told, addenda_kinds=(*entry.addenda_kinds, kind)
        )

    def _close(self, opened: _Open, record: str, number: int) -> None:
        count = len(opened.entries) + opened.addenda_count
        where = f"record {number}"
        faults = opened.faults
        if not faults:  # what could not be read is in no sum
            sums = (
                ("entries and addenda", record[4:10], count, False),
                ("the entry hash", record[10:20], opened.hash_sum % _HASH_DIGITS, False),
                ("debits", record[20:32], opened.debits_minor, True),
                ("credits", record[32:44], opened.credits_minor, True),
            )
            faults = list(_differences(where, sums))
        if record[87:94] != opened.header[87:94]:
            faults = [*faults, _unreadable(where, "it bears the number of another batch")]
        self._counted["entries"] += count
        self._counted["hash"] += opened.hash_sum
        self._counted["debits"] += opened.debits_minor
        self._counted["credits"] += opened.credits_minor
        header = opened.header
        self._batches.append(
            NachaBatch(
                company=header[40:50].strip(),
                entry_class=header[50:53],
                effective_on=header[69:75],
                number=header[87:94].strip(),
                entries=tuple(opened.entries),
                credits_minor=opened.credits_minor,
                debits_minor=opened.debits_minor,
                faults=tuple(faults),
                first=opened.first,
                count=number - opened.first + 1,
                raw=tuple(opened.raw),
            )
        )

    def _end(self, record: str, number: int) -> None:
        if any(each.faults for each in self._batches) or self._faults:
            return  # the file cannot add up where a batch does not
        blocks = -(-number // _BLOCK)
        sums = (
            ("batches", record[1:7], len(self._batches), False),
            ("blocks", record[7:13], blocks, False),
            ("entries and addenda", record[13:21], self._counted["entries"], False),
            ("the entry hash", record[21:31], self._counted["hash"] % _HASH_DIGITS, False),
            ("debits", record[31:43], self._counted["debits"], True),
            ("credits", record[43:55], self._counted["credits"], True),
        )
        self._faults += _differences(f"record {number}", sums)


def _number(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None


def _differences(where: str, sums: Sequence[tuple[str, str, int, bool]]) -> Iterator[Fault]:
    """Yield what a control record says otherwise than its records."""
    for name, text, counted, is_money in sums:
        told = _number(text)
        if told == counted:
            continue
        if told is None:
            yield _unreadable(where, f"its number of {name} is none")
            continue
        shown = format_amount if is_money else str
        explanation = f"{name}: it says {shown(told)}, its records come to {shown(counted)}"
        yield fault("bank.control.mismatched", where, explanation)
