"""The sandbox ERP's books: a SQLite file that outlives a kill -9 of the ERP (journals, periods).

Every call runs on one thread, in one transaction, with WAL and `synchronous=FULL`: what was
answered was on disk first. The file is locked for one ERP at a time. Balances are summed from the
lines at each reading, never kept beside them, so that what Suture reads back is what stands in the
books. The rules a journal must meet are in `erp_journal.py`, HTTP and faults in `erp.py`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from suture.simulator.erp_journal import Chart, Journal, Line, Refusal, Setup, examine

LOCK_SECONDS_MAX = 1.0
REPEATED_SHOWN_MAX = 20
PAGE_JOURNALS_MAX = 500

_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS setup (
    one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS closed_period (
    entity TEXT NOT NULL, period TEXT NOT NULL, PRIMARY KEY (entity, period)
) STRICT;
CREATE TABLE IF NOT EXISTS journal (
    serial INTEGER PRIMARY KEY,
    document TEXT NOT NULL UNIQUE,
    reference TEXT NOT NULL,
    year INTEGER NOT NULL,
    number INTEGER NOT NULL,
    entity TEXT NOT NULL,
    period TEXT NOT NULL,
    currency TEXT NOT NULL,
    accounting_date TEXT NOT NULL,
    description TEXT NOT NULL,
    source TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    digest TEXT,
    UNIQUE (year, number)
) STRICT;
CREATE INDEX IF NOT EXISTS journal_reference ON journal (reference);
CREATE INDEX IF NOT EXISTS journal_period ON journal (entity, period);
CREATE INDEX IF NOT EXISTS journal_body ON journal (body_sha256);
CREATE INDEX IF NOT EXISTS journal_digest ON journal (digest);
CREATE TABLE IF NOT EXISTS line (
    serial INTEGER NOT NULL REFERENCES journal (serial),
    line INTEGER NOT NULL,
    account TEXT NOT NULL,
    debit_minor INTEGER NOT NULL CHECK (debit_minor >= 0),
    credit_minor INTEGER NOT NULL CHECK (credit_minor >= 0),
    cost_center TEXT, service_line TEXT, payer_class TEXT, facility TEXT, text TEXT,
    PRIMARY KEY (serial, line),
    CHECK ((debit_minor = 0) <> (credit_minor = 0))
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS attempt (
    attempt INTEGER PRIMARY KEY,
    reference TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
"""

_HELD = """
SELECT reference, document, body_sha256 FROM journal
WHERE reference IN (SELECT value FROM json_each(?)) ORDER BY serial DESC
"""
_INSERT_JOURNAL = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_LINE = "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_ATTEMPT = "INSERT INTO attempt (reference, body_sha256, outcome) VALUES (?, ?, ?)"
_NEXT_SERIAL = "SELECT coalesce(max(serial), 0) + 1 FROM journal"
_NEXT_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM journal WHERE year = ?"
_SELECT_HEADER = """
SELECT document, reference, entity, period, currency, accounting_date, description, source,
       (SELECT count(*) FROM line WHERE line.serial = journal.serial),
       (SELECT sum(debit_minor) FROM line WHERE line.serial = journal.serial)
FROM journal
"""
_WHERE_PAGE = """
WHERE entity = ? AND period = ?
AND serial > coalesce((SELECT serial FROM journal WHERE document = ?), 0)
ORDER BY serial LIMIT ?
"""
_SELECT_LINES = """
SELECT account, debit_minor, credit_minor, cost_center, service_line, payer_class, facility, text
FROM line JOIN journal USING (serial) WHERE document = ? ORDER BY line
"""
_SELECT_BALANCES = """
SELECT account, sum(debit_minor), sum(credit_minor), count(*)
FROM journal JOIN line USING (serial) WHERE entity = ? AND period = ?
GROUP BY account ORDER BY account
"""
_COUNT_PERIOD = "SELECT count(*) FROM journal WHERE entity = ? AND period = ?"
_COUNT_JOURNALS = """
SELECT count(*), count(*) - count(digest), count(digest) - count(DISTINCT digest),
       count(*) - count(DISTINCT body_sha256)
FROM journal
"""
_COUNT_LINES = (
    "SELECT count(*), coalesce(sum(debit_minor), 0), coalesce(sum(credit_minor), 0) FROM line"
)
_COUNT_ATTEMPTS = "SELECT outcome, count(*) FROM attempt GROUP BY outcome ORDER BY outcome"
_SELECT_REPEATED = """
SELECT digest, json_group_array(document) FROM journal WHERE digest IS NOT NULL
GROUP BY digest HAVING count(*) > 1 ORDER BY min(serial) LIMIT ?
"""


class Posted(msgspec.Struct, frozen=True):
    """A journal in the books; `is_replay` when this request found it there already."""

    document: str
    reference: str
    is_replay: bool


class Header(msgspec.Struct, frozen=True):
    """A journal as read back, without its lines; `total_minor` is the sum of its debits."""

    document: str
    reference: str
    entity: str
    period: str
    currency: str
    accounting_date: str
    description: str
    source: str
    line_count: int
    total_minor: int
    status: str = "posted"


class Page(msgspec.Struct, frozen=True):
    """Journals of an entity and period in the order they were booked, and whether more follow.

    `next` is the document to ask `after` for those; None at the end.
    """

    journals: tuple[Header, ...]
    next: str | None


class AccountBalance(msgspec.Struct, frozen=True):
    """What one account received in one period: totals of each side and the number of lines."""

    account: str
    debit_minor: int
    credit_minor: int
    line_count: int


class Balances(msgspec.Struct, frozen=True):
    """The trial balance of one entity and period, by account."""

    entity: str
    period: str
    currency: str
    journal_count: int
    accounts: tuple[AccountBalance, ...]


class Repeated(msgspec.Struct, frozen=True):
    """One content digest under several documents: the same journal booked more than once."""

    digest: str
    documents: tuple[str, ...]


class Summary(msgspec.Struct, frozen=True):
    """The judge's figures since the books were opened for the first time.

    `posted_twice` counts the surplus documents among those of equal `digest:<hex>` (the sender's
    own statement of content) and must stay 0. `body_twice` counts surplus documents equal in
    everything but the reference: suspicious where a journal carries no digest (`without_digest`),
    since two honest journals may look alike. `attempts` counts well-formed posts by outcome:
    `posted`, `replayed` (same reference, same body), or the code of the refusal.
    """

    journal_count: int
    line_count: int
    debit_minor: int
    credit_minor: int
    duplicates_replayed: int
    duplicates_refused: int
    posted_twice: int
    body_twice: int
    without_digest: int
    attempts: dict[str, int]
    repeated: tuple[Repeated, ...]


class Books:
    """The ERP's durable state. One thread at a time; raises sqlite3.Error when the disk fails."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, LOCK_SECONDS_MAX, check_same_thread=False)
        try:
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error:
            self._connection.close()
            raise
        self._chart = self._read_chart()
        self._closed = frozenset(
            self._connection.execute("SELECT entity, period FROM closed_period").fetchall()
        )

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        self._connection.close()

    def _read_chart(self) -> Chart:
        row = self._connection.execute("SELECT body FROM setup").fetchone()
        return Chart(msgspec.json.decode(row[0], type=Setup) if row else Setup((), ()))

    def set_up(self, setup: Setup) -> None:
        """Replace the chart; journals already posted stay as they are."""
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO setup VALUES (1, ?)", (msgspec.json.encode(setup),)
            )
        self._chart = self._read_chart()

    def set_period(self, entity: str, period: str, *, is_closed: bool) -> Refusal | None:
        """Close or open a period (`YYYY-MM`); periods are open until closed."""
        if entity not in self._chart.currencies:
            return _unknown(entity)
        statement = (
            "INSERT OR IGNORE INTO closed_period VALUES (?, ?)"
            if is_closed
            else "DELETE FROM closed_period WHERE entity = ? AND period = ?"
        )
        with self._connection:
            self._connection.execute(statement, (entity, period))
        changed = frozenset([(entity, period)])
        self._closed = self._closed | changed if is_closed else self._closed - changed
        return None

    def post(self, journals: Sequence[Journal]) -> list[Posted | Refusal]:
        """Book what may be booked of a batch, in one commit; the verdicts in the order given.

        A reference already in the books answers with its document when the rest of the body is the
        same, also in a closed period, and is a conflict otherwise.
        """
        with self._connection:
            return _Batch(self._connection, self._chart, self._closed).post(journals)

    def post_again(self, journal: Journal) -> Posted | Refusal:
        """Book a journal as if nothing stood under its reference: an ERP that forgot (a fault)."""
        with self._connection:
            batch = _Batch(self._connection, self._chart, self._closed, is_forgetful=True)
            return batch.post([journal])[0]

    def headers(self, reference: str) -> list[Header]:
        """Return the journals under this reference: none or one, or two after `post_again`."""
        return self._headers("WHERE reference = ?", reference)

    def page(self, entity: str, period: str, after: str) -> Page | Refusal:
        """Return the next journals of an entity and period, those after a document if it is one."""
        if entity not in self._chart.currencies:
            return _unknown(entity)
        found = self._headers(_WHERE_PAGE, entity, period, after, PAGE_JOURNALS_MAX + 1)
        journals = tuple(found[:PAGE_JOURNALS_MAX])
        return Page(journals, journals[-1].document if len(found) > len(journals) else None)

    def journal(self, document: str) -> tuple[Header, list[Line]] | None:
        """Return a journal with its lines, or None when there is no such document."""
        found = self._headers("WHERE document = ?", document)
        if not found:
            return None
        rows = self._connection.execute(_SELECT_LINES, (document,))
        return found[0], [Line(*row) for row in rows]

    def _headers(self, where: str, *values: object) -> list[Header]:
        return [Header(*row) for row in self._connection.execute(_SELECT_HEADER + where, values)]

    def balances(self, entity: str, period: str) -> Balances | Refusal:
        """Sum the lines of an entity and period by account."""
        currency = self._chart.currencies.get(entity)
        if currency is None:
            return _unknown(entity)
        key = (entity, period)
        (journal_count,) = self._connection.execute(_COUNT_PERIOD, key).fetchone()
        accounts = tuple(
            AccountBalance(*row) for row in self._connection.execute(_SELECT_BALANCES, key)
        )
        return Balances(entity, period, currency, journal_count, accounts)

    def summary(self) -> Summary:
        """Count what happened, and say whether anything was booked twice."""
        execute = self._connection.execute
        journals, without_digest, posted_twice, body_twice = execute(_COUNT_JOURNALS).fetchone()
        lines, debit, credit = execute(_COUNT_LINES).fetchone()
        attempts = dict(execute(_COUNT_ATTEMPTS).fetchall())
        repeated = execute(_SELECT_REPEATED, (REPEATED_SHOWN_MAX,))
        return Summary(
            journal_count=journals,
            line_count=lines,
            debit_minor=debit,
            credit_minor=credit,
            duplicates_replayed=attempts.get("replayed", 0),
            duplicates_refused=attempts.get("reference_conflict", 0),
            posted_twice=posted_twice,
            body_twice=body_twice,
            without_digest=without_digest,
            attempts=attempts,
            repeated=tuple(Repeated(row[0], tuple(json.loads(row[1]))) for row in repeated),
        )


class _Batch:
    """One commit of journals: judged in order, numbered without gaps, written set-based."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        chart: Chart,
        closed: frozenset[tuple[str, str]],
        *,
        is_forgetful: bool = False,
    ) -> None:
        self._is_forgetful = is_forgetful
        self._connection = connection
        self._chart = chart
        self._closed = closed
        self._held: dict[str, tuple[str, str]] = {}
        self._numbers: dict[int, int] = {}
        self._serial = 0
        self._rows: list[tuple[object, ...]] = []
        self._lines: list[tuple[object, ...]] = []

    def post(self, journals: Sequence[Journal]) -> list[Posted | Refusal]:
        execute, executemany = self._connection.execute, self._connection.executemany
        known = [] if self._is_forgetful else [journal.reference for journal in journals]
        references = json.dumps(known)
        self._held = {row[0]: (row[1], row[2]) for row in execute(_HELD, (references,))}
        (self._serial,) = execute(_NEXT_SERIAL).fetchone()
        verdicts: list[Posted | Refusal] = []
        attempts: list[tuple[str, str, str]] = []
        for journal in journals:
            body_sha256 = journal.body_sha256()
            verdict = self._judge(journal, body_sha256)
            verdicts.append(verdict)
            attempts.append((journal.reference, body_sha256, _outcome(verdict)))
        executemany(_INSERT_JOURNAL, self._rows)
        executemany(_INSERT_LINE, self._lines)
        executemany(_INSERT_ATTEMPT, attempts)
        return verdicts

    def _judge(self, journal: Journal, body_sha256: str) -> Posted | Refusal:
        held = self._held.get(journal.reference)
        if held is not None:
            document, held_sha256 = held
            if held_sha256 == body_sha256:
                return Posted(document, journal.reference, is_replay=True)
            message = f"Reference {journal.reference} is {document}, with another body."
            return Refusal(409, "reference_conflict", message)
        refusal = examine(journal, self._chart, self._closed)
        if refusal is not None:
            return refusal
        document = self._write(journal, body_sha256)
        self._held[journal.reference] = (document, body_sha256)
        return Posted(document, journal.reference, is_replay=False)

    def _write(self, journal: Journal, body_sha256: str) -> str:
        year, number = journal.accounting_date.year, self._next_number(journal)
        document = f"JE-{year:04d}-{number:06d}"
        self._rows.append(
            (
                self._serial,
                document,
                journal.reference,
                year,
                number,
                journal.entity,
                journal.period,
                journal.currency,
                journal.accounting_date.isoformat(),
                journal.description,
                journal.source,
                body_sha256,
                journal.digest,
            )
        )
        self._lines.extend(
            (self._serial, position, *msgspec.structs.astuple(line))
            for position, line in enumerate(journal.lines, start=1)
        )
        self._serial += 1
        return document

    def _next_number(self, journal: Journal) -> int:
        year = journal.accounting_date.year
        if year not in self._numbers:
            (self._numbers[year],) = self._connection.execute(_NEXT_NUMBER, (year,)).fetchone()
        number = self._numbers[year]
        self._numbers[year] += 1
        return number


def _unknown(entity: str) -> Refusal:
    return Refusal(404, "entity_unknown", f"Entity {entity} is not set up.")


def _outcome(verdict: Posted | Refusal) -> str:
    if isinstance(verdict, Refusal):
        return verdict.code
    return "replayed" if verdict.is_replay else "posted"
