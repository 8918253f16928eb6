"""BAI2: the records of a balance report, its accounts and transactions, and whether they add up.

Here: 01 file, 02 group, 03 account, 16 transaction, 88 continuation, 49, 98 and 99 trailers;
control totals, record, account and group counts. Not here: which transaction is a deposit
(`translate/bank_deposits.py`, next). Cash Management Balance Reporting Specifications, version 2
(BAI), and its continuation, X9.121 BTR3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from suture.model.fault import Fault, fault

RECORDS_MAX = 5_000_000
_AMOUNT = re.compile(r"[+-]?[0-9]{1,17}", re.ASCII)
_CODE = re.compile(r"[0-9]{3}", re.ASCII)
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_KINDS = frozenset({"01", "02", "03", "16", "88", "49", "98", "99"})
_PARTS_OF = {"V": 2, "S": 3}
"""Fields that follow a funds type: of value-dated, the day and time; of distributed (S), three
amounts. D says itself how many pairs follow it."""


class Bai2Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction detail (16) with its continuations (88)."""

    type_code: str
    """BAI type code: 1xx to 3xx credits, 4xx to 6xx debits, 890 no money."""
    amount_minor: int
    value_on: str = ""
    """Value date, YYMMDD, of funds type V."""
    bank_reference: str = ""
    customer_reference: str = ""
    text: str = ""
    number: int
    """Of its record in the file."""

    @property
    def is_credit(self) -> bool:
        """Whether it puts money into the account."""
        return "100" <= self.type_code <= "399"

    @property
    def is_debit(self) -> bool:
        """Whether it takes money out of it."""
        return "400" <= self.type_code <= "699"


class Bai2Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account (03 to 49) of one group."""

    account: str
    currency: str
    as_of: str
    """02-05, YYMMDD."""
    status: str
    """02-04: 1 update, 2 deletion, 3 correction, 4 test."""
    modifier: str
    """02-08: 1 interim previous day, 2 final previous day, 3 interim same day, 4 final same day."""
    originator: str
    transactions: tuple[Bai2Transaction, ...]
    faults: tuple[Fault, ...]
    first: int
    count: int
    raw: tuple[str, ...] = ()


class Bai2File(msgspec.Struct, frozen=True, kw_only=True):
    """A file as read."""

    sender: str = ""
    receiver: str = ""
    created: str = ""
    """01-04 and 01-05: YYMMDDHHMM."""
    identification: str = ""
    """01-06."""
    accounts: tuple[Bai2Account, ...] = ()
    faults: tuple[Fault, ...] = ()
    """What is wrong with the file or a group: none of its accounts counts."""


class _Record(msgspec.Struct):
    """A record with its continuations."""

    kind: str
    fields: list[str]
    number: int
    lines: list[str]


class _AccountOpen(msgspec.Struct):
    record: _Record
    transactions: list[Bai2Transaction] = []
    faults: list[Fault] = []
    lines: list[str] = []
    total: int = 0
    count: int = 0


class _GroupOpen(msgspec.Struct):
    fields: list[str]
    currency: str
    total: int = 0
    accounts: int = 0
    count: int = 1
    """Records so far, its header among them."""


def read_bai2(data: bytes) -> Bai2File:
    """Read a file; whatever is wrong with it is a fault of an account, or of the file."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        return Bai2File(faults=(_unreadable("file", f"byte {error.start} is not ASCII"),))
    records = _records(text)
    if isinstance(records, Fault):
        return Bai2File(faults=(records,))
    return _Reading(records).read()


def _unreadable(where: str, explanation: str) -> Fault:
    return fault("bank.record.unreadable", where, explanation)


def _records(text: str) -> list[_Record] | Fault:
    """Return the records, each with what its 88 continue."""
    records: list[_Record] = []
    for number, raw in enumerate(_LINE_ENDS.split(text), 1):
        line = raw.rstrip(" \x1a")
        if not line:
            continue
        if number > RECORDS_MAX:
            return _unreadable("file", f"it has more than {RECORDS_MAX:,} records")
        kind, comma, rest = line.partition(",")
        if kind not in _KINDS or not comma:
            return _unreadable(f"record {number}", "it is of no kind that BAI2 has")
        if kind != "88":
            records.append(_Record(kind, _fields(rest), number, [line]))
        elif not records:
            return _unreadable(f"record {number}", "it continues nothing")
        else:
            _continue(records[-1], line, _fields(rest))
    return records


def _continue(record: _Record, line: str, fields: list[str]) -> None:
    """Add a continuation: a line that no slash ended is a text, which goes on where it broke."""
    if not record.lines[-1].endswith("/"):
        record.fields[-1] += fields[0]
        fields = fields[1:]
    record.fields += fields
    record.lines.append(line)


def _fields(rest: str) -> list[str]:
    return rest.removesuffix("/").split(",")


class _Reading:
    """A file on its way, record by record."""

    def __init__(self, records: Sequence[_Record]) -> None:
        self._records = records
        self._accounts: list[Bai2Account] = []
        self._faults: list[Fault] = []
        self._account: _AccountOpen | None = None
        self._group: _GroupOpen | None = None
        self._total = self._groups = self._count = 0
        self._is_ended = False

    def read(self) -> Bai2File:
        """Return the file."""
        if not self._records or self._records[0].kind != "01":
            return Bai2File(faults=(_unreadable("record 1", "it is no file header"),))
        for record in self._records:
            self._count += len(record.lines)
            if self._is_ended:
                self._blame(record, "it follows the file trailer")
                break
            self._take(record)
        if not self._is_ended:
            self._faults.append(_unreadable("file", "the file trailer is missing"))
        header = [*self._records[0].fields, *[""] * 8]
        return Bai2File(
            sender=header[0],
            receiver=header[1],
            created=header[2] + header[3],
            identification=header[4],
            accounts=tuple(self._accounts),
            faults=tuple(self._faults),
        )

    def _blame(self, record: _Record, explanation: str) -> None:
        self._faults.append(_unreadable(f"record {record.number}", explanation))

    def _take(self, record: _Record) -> None:
        account, group = self._account, self._group
        if account is not None:
            account.lines += record.lines
            account.count += len(record.lines)
        if group is not None and record.kind != "02":
            group.count += len(record.lines)
        match record.kind:
            case "01" if self._count == len(record.lines):
                pass
            case "02" if group is None:
                fields = [*record.fields, *[""] * 7]
                self._group = _GroupOpen(fields, fields[5] or "USD", count=len(record.lines))
            case "03" if group is not None and account is None:
                self._open_account(record, group)
            case "16" if account is not None:
                self._transaction(account, record)
            case "49" if account is not None and group is not None:
                self._close_account(account, group, record)
            case "98" if group is not None and account is None:
                self._close_group(group, record)
            case "99" if group is None:
                self._close_file(record)
            case _:
                self._blame(record, "it stands astray")

    def _open_account(self, record: _Record, group: _GroupOpen) -> None:
        opened = _AccountOpen(record, lines=list(record.lines), count=len(record.lines))
        group.accounts += 1
        self._account = opened
        fields = record.fields[2:]
        while len(fields) > 1 and (fields[0] or fields[1]):
            amount = _amount(fields[1]) if fields[1] else 0
            if amount is None:
                opened.faults.append(_unreadable(f"record {record.number}", "no amount"))
                return
            opened.total += amount
            fields = _after_funds(fields[3:])[1]  # type, amount, item count, funds type ...

    def _transaction(self, account: _AccountOpen, record: _Record) -> None:
        where = f"record {record.number}"
        code, text, *rest = [*record.fields, "", ""]
        amount = _amount(text) if text else 0
        if not _CODE.fullmatch(code) or amount is None:
            account.faults.append(_unreadable(where, "its type code or its amount is none"))
            return
        account.total += amount
        value_on, rest = _after_funds(rest[:-2])
        told = [*rest[:2], "", ""]
        account.transactions.append(
            Bai2Transaction(
                type_code=code,
                amount_minor=amount,
                value_on=value_on,
                bank_reference=told[0].strip(),
                customer_reference=told[1].strip(),
                text=",".join(rest[2:]),
                number=record.number,
            )
        )

    def _close_account(self, opened: _AccountOpen, group: _GroupOpen, record: _Record) -> None:
        faults = opened.faults or list(
            _differences(record, (("the control total", opened.total), ("records", opened.count)))
        )
        group.total += opened.total
        told = [*opened.record.fields, "", ""]
        self._accounts.append(
            Bai2Account(
                account=told[0].strip(),
                currency=told[1].strip() or group.currency,
                as_of=group.fields[3],
                status=group.fields[2],
                modifier=group.fields[6],
                originator=group.fields[1],
                transactions=tuple(opened.transactions),
                faults=tuple(faults),
                first=opened.record.number,
                count=opened.count,
                raw=tuple(opened.lines),
            )
        )
        self._account = None

    def _close_group(self, group: _GroupOpen, record: _Record) -> None:
        sums = (
            ("the control total", group.total),
            ("accounts", group.accounts),
            ("records", group.count),
        )
        self._faults += self._sound(record, sums)
        self._total += group.total
        self._groups += 1
        self._group = None

    def _close_file(self, record: _Record) -> None:
        sums = (
            ("the control total", self._total),
            ("groups", self._groups),
            ("records", self._count),
        )
        self._faults += self._sound(record, sums)
        self._is_ended = True

    def _sound(self, record: _Record, sums: Sequence[tuple[str, int]]) -> Iterator[Fault]:
        """Yield what a trailer says otherwise, unless an account does not add up anyway."""
        if not any(each.faults for each in self._accounts) and not self._faults:
            yield from _differences(record, sums)


def _after_funds(fields: Sequence[str]) -> tuple[str, list[str]]:
    """Return the value date of a funds type, and the fields after it and all that belongs to it."""
    kind, *rest = [*fields, ""]
    if kind == "D" and rest[0].isdecimal() and len(rest[0]) < 4:
        return "", rest[1 + 2 * int(rest[0]) : -1]
    parts = _PARTS_OF.get(kind, 0)
    return (rest[0] if kind == "V" else ""), rest[parts:-1]


def _amount(text: str) -> int | None:
    return int(text) if _AMOUNT.fullmatch(text) else None


def _differences(record: _Record, sums: Sequence[tuple[str, int]]) -> Iterator[Fault]:
    where = f"record {record.number}"
    for (name, counted), text in zip(sums, [*record.fields, *[""] * len(sums)], strict=False):
        told = _amount(text.strip())
        if told is None:
            yield _unreadable(where, f"its number of {name.removeprefix('the ')} is none")
        elif told != counted:
            explanation = f"{name}: it says {told}, its records come to {counted}"
            yield fault("bank.control.mismatched", where, explanation)
