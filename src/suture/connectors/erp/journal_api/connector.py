"""The journal API connector: journals out (`POST /v1/journals`), what the ERP holds back in.

It turns each HTTP reply, and each absence of one, into an outcome of `connectors/outcome.py`. The
rule behind every branch: say `Unknown` unless it is certain that the ERP did nothing. The bytes of
the command are made by the ledger's batching and sent as they are; they are read only to tell
whether what the ERP holds under our reference is ours. The ERP's own refusal codes are mapped in
`refusals.csv`; HTTP itself is `egress.py`; docs/reference/journal_api.md describes the protocol.
"""

from __future__ import annotations

import csv
import re
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import cache
from importlib import resources
from typing import TypeVar

import msgspec

from suture.connectors.egress import (
    SCHEMES,
    Allowed,
    Egress,
    Limits,
    Lost,
    Reply,
    open_egress,
    parse_allowed,
)
from suture.connectors.outcome import (
    Balances,
    Delivered,
    Finding,
    Healthy,
    HeldJournal,
    Journals,
    NotFound,
    Outcome,
    Refused,
    Transient,
    Unknown,
)
from suture.model.fault import Fault, fault

EXPLANATION_LENGTH_MAX = 200
RETRY_AFTER_SECONDS_MAX = 24 * 60 * 60
PAGES_MAX = 10_000
"""Of the documents of one entity and period: an ERP that pages in a circle is left."""

_KEY = re.compile(r"[A-Za-z0-9._-]{1,16}", re.ASCII)
_DIGEST = re.compile(r"\bdigest:([0-9a-f]{16,64})\b", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)
_BUSY = frozenset({429, 503})
_CREDENTIALS = frozenset({401, 403})
_NOT_READ = frozenset({408, 425})
"""The server says that it did not take the request in: 408 Request Timeout, 425 Too Early."""
_NOT_ROUTED = frozenset({404, 405, 407, 410, 411, 413, 414, 415, 417, 421, 426, 431})
"""What stands between says that it passed the request on to nobody (RFC 9110, RFC 6585)."""

Shape = TypeVar("Shape")


class JournalSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `destinations/*.toml` says of a journal API: where it is, what a request may cost."""

    url: str
    """The base, to which `/v1/...` is appended."""
    allow: tuple[str, ...]
    """The only `host:port` it may reach; loopback and link-local only when listed as such."""
    is_plaintext_accepted: bool = False
    """Whether `http:` will do; the token then crosses the wire in clear."""
    limits: Limits = Limits()


class _Document(msgspec.Struct, frozen=True):
    document: str
    reference: str


class _Held(msgspec.Struct, frozen=True):
    """A journal as the ERP gives it back: all of its body but the lines, which it sums."""

    document: str
    reference: str
    entity: str
    currency: str
    accounting_date: str
    description: str
    """Ends in the digest of the entries the journal sums (`ledger/batch.py`)."""
    line_count: int
    total_minor: int


class _HeldJournals(msgspec.Struct, frozen=True):
    journals: tuple[_Held, ...]


class _CommandLine(msgspec.Struct, frozen=True):
    debit_minor: int


class _Command(msgspec.Struct, frozen=True):
    entity: str
    currency: str
    accounting_date: str
    description: str
    lines: tuple[_CommandLine, ...]

    def differences(self, held: _Held) -> list[str]:
        """Name what the ERP holds otherwise than we would send it."""
        ours: dict[str, object] = {
            "entity": self.entity,
            "currency": self.currency,
            "accounting_date": self.accounting_date,
            "description": self.description,
            "line_count": len(self.lines),
            "total_minor": sum(line.debit_minor for line in self.lines),
        }
        return [name for name, value in ours.items() if getattr(held, name) != value]

    def is_origin_of(self, held: _Held, different: list[str]) -> bool:
        """Tell whether what differs is our own journal, changed in the ERP since we sent it.

        It sums our entries (their digest), or has lost its description and is else as we sent it.
        """
        ours, theirs = _digest(self.description), _digest(held.description)
        return bool(ours) and (theirs == ours or (not theirs and different == ["description"]))


class _Header(msgspec.Struct, frozen=True):
    document: str
    reference: str
    entity: str
    period: str
    description: str = ""


class _Page(msgspec.Struct, frozen=True):
    journals: tuple[_Header, ...]
    next: str | None = None


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str = ""
    line: int | None = None


class _ErrorReply(msgspec.Struct, frozen=True):
    error: _Error


class JournalDestination:
    """An ERP that speaks the journal API; fills the port `connectors.erp.ErpDestination`."""

    def __init__(self, egress: Egress, token: Callable[[], str]) -> None:
        self._egress = egress
        self._token = token

    async def send(self, command: bytes, *, key: str) -> Outcome:
        if not _KEY.fullmatch(key):
            return Refused(fault("erp.reference.invalid", "key"))
        answer = await self._request("POST", "v1/journals", command=command, key=key)
        match answer:
            case Fault():
                return Transient(answer)
            case Lost():
                return _undelivered(answer)
            case Reply(status=status) if status in {200, 201}:
                return self._booked(answer, key)
            case Reply():
                return self._unbooked(answer, _where(key))

    async def find(self, key: str, *, command: bytes) -> Finding:
        if not _KEY.fullmatch(key):
            return Refused(fault("erp.reference.invalid", "key"))
        ours = _decoded(command, _Command)
        if ours is None:
            return Refused(fault("erp.command.malformed", _where(key)))
        asked = await self._ask("v1/journals", {"reference": key}, _HeldJournals, _where(key))
        if isinstance(asked, Refused):  # Says nothing of the journal, which may well be booked.
            return Transient(fault("erp.question.refused", _where(key), asked.fault.explanation))
        if isinstance(asked, Transient):
            return asked
        if any(held.reference != key for held in asked.journals):
            return Transient(fault("erp.reply.mismatched", _where(key)))
        return _found(asked.journals, ours, key)

    async def balances(self, entity: str, period: str) -> Balances | Transient | Refused:
        query = {"entity": entity, "period": period}
        where = f"balances={entity}/{period}"
        held = await self._ask("v1/balances", query, Balances, where)
        if isinstance(held, Balances) and (held.entity, held.period) != (entity, period):
            return Transient(fault("erp.reply.mismatched", where))
        return held

    async def journals(self, entity: str, period: str) -> Journals | Transient | Refused:
        where = f"journals={entity}/{period}"
        query = {"entity": entity, "period": period}
        held: list[HeldJournal] = []
        for _ in range(PAGES_MAX):
            page = await self._ask("v1/journals", query, _Page, where)
            if not isinstance(page, _Page):
                return page
            if any((each.entity, each.period) != (entity, period) for each in page.journals):
                return Transient(fault("erp.reply.mismatched", where))
            held.extend(map(_held, page.journals))
            if page.next is None:
                return Journals(entity, period, tuple(held))
            query["after"] = page.next
        return Transient(fault("erp.reply.mismatched", where))

    async def health(self) -> Healthy | Transient | Refused:
        return await self._ask("v1/health", {}, Healthy, self._egress.where)

    async def close(self) -> None:
        await self._egress.close()

    async def _ask(
        self, path: str, query: dict[str, str], shape: type[Shape], where: str
    ) -> Shape | Transient | Refused:
        """Read something back; a question changes nothing, so a failed one may be asked again."""
        answer = await self._request("GET", path, query=query)
        match answer:
            case Fault():
                return Transient(answer)
            case Lost():
                return Transient(answer.fault)
            case Reply(status=200):
                read = _read(answer, shape)
                return Transient(fault("erp.reply.unreadable", where)) if read is None else read
            case Reply():
                outcome = self._unbooked(answer, where)
                return Transient(outcome.fault) if isinstance(outcome, Unknown) else outcome

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        command: bytes | None = None,
        key: str | None = None,
    ) -> Reply | Lost | Fault:
        token = self._token()
        if not _TOKEN.fullmatch(token):
            wrong = "holds what no header may carry" if token else "is empty"
            return fault("erp.credentials.invalid", self._egress.where, f"The token {wrong}.")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if key is not None:
            headers |= {"Idempotency-Key": key, "Content-Type": "application/json"}
        return await self._egress.request(method, path, headers=headers, query=query, body=command)

    def _booked(self, reply: Reply, key: str) -> Delivered | Unknown:
        """Believe a success only when its body says so, for our reference (fault F16)."""
        booked = _read(reply, _Document)
        if booked is None or not booked.document:
            return Unknown(fault("erp.reply.unreadable", _where(key)))
        if booked.reference != key:
            return Unknown(fault("erp.reply.mismatched", _where(key)))
        return Delivered(booked.document, "created" if reply.status == 201 else "replayed")

    def _unbooked(self, reply: Reply, where: str) -> Refused | Transient | Unknown:
        """Tell from a reply that is no success what the ERP did: nothing, or who knows.

        Only the ERP's own word, an error in the shape of the protocol, refuses a journal for good.
        Anything else was said by what stands between (a gateway whose route is gone, a proxy that
        wants a password), and it says nothing of the journal.
        """
        status = reply.status
        if status in _BUSY:
            return Transient(fault("erp.busy", self._egress.where), _retry_after_seconds(reply))
        if status in _CREDENTIALS:
            return Transient(fault("erp.credentials.refused", self._egress.where))
        if status in _NOT_READ:
            return Transient(fault("erp.request.not_taken", self._egress.where))
        if 400 <= status < 500:
            told = _read(reply, _ErrorReply)
            if told is not None:
                return Refused(_refusal(told.error, where))
            explanation = f"HTTP status {status}, without the ERP's own word."
            foreign = fault("erp.reply.foreign", self._egress.where, explanation)
            if status in _NOT_ROUTED:
                return Transient(foreign, _retry_after_seconds(reply))
            return Unknown(foreign)
        explanation = f"The ERP answered with HTTP status {status}."
        if 300 <= status < 400:
            return Unknown(fault("erp.redirected", self._egress.where, explanation))
        return Unknown(fault("erp.failed", self._egress.where, explanation))


def open_destination(
    settings: JournalSettings,
    token: Callable[[], str],
    *,
    tls: ssl.SSLContext | None = None,
) -> JournalDestination | Fault:
    """Check the settings and make the destination; it connects at its first request.

    `token` is asked before every request, so that a rotated secret is picked up; its answer goes
    into the Authorization header and nowhere else. `tls` None verifies against the system's
    authorities.
    """
    allowed: list[Allowed] = []
    for text in settings.allow:
        entry = parse_allowed(text)
        if isinstance(entry, Fault):
            return entry
        allowed.append(entry)
    schemes = (*SCHEMES, "http") if settings.is_plaintext_accepted else SCHEMES
    egress = open_egress(settings.url, tuple(allowed), settings.limits, schemes=schemes, tls=tls)
    return egress if isinstance(egress, Fault) else JournalDestination(egress, token)


def _found(journals: tuple[_Held, ...], ours: _Command, key: str) -> Finding:
    by_document = {held.document: held for held in journals}
    if not by_document:
        return NotFound(key)
    if len(by_document) > 1:
        return Refused(fault("erp.reference.twice", _where(key)))
    ((document, held),) = by_document.items()
    if different := ours.differences(held):
        # Another installation's journal, or one from before a restored backup (fault F17): to take
        # it for ours would lose ours.
        told = _shown(f"Its document {document} differs in {', '.join(different)}.")
        if ours.is_origin_of(held, different):
            return Refused(fault("erp.reference.altered", _where(key), told))
        return Refused(fault("erp.reference.conflict", _where(key), told))
    return Delivered(document, "found")


def _undelivered(lost: Lost) -> Refused | Transient | Unknown:
    if lost.may_have_arrived:
        return Unknown(lost.fault)
    return Refused(lost.fault) if lost.fault.permanent else Transient(lost.fault)


def _read(reply: Reply, shape: type[Shape]) -> Shape | None:
    return _decoded(reply.body, shape)


def _decoded(body: bytes, shape: type[Shape]) -> Shape | None:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@cache
def _refusals() -> dict[str, str]:
    text = resources.files(__package__).joinpath("refusals.csv").read_text("utf-8")
    return {row["erp_code"]: row["fault_code"] for row in csv.DictReader(text.splitlines())}


def _refusal(error: _Error, where: str) -> Fault:
    """Make the fault of a refusal: the ERP's code, its sentence made safe to show, the line."""
    explanation = _shown(f"{error.code}: {error.message}")
    place = where if error.line is None else f"{where}/lines[{error.line}]"
    return fault(_refusals().get(error.code, "erp.refused"), place, explanation)


def _held(header: _Header) -> HeldJournal:
    return HeldJournal(header.document, header.reference, _digest(header.description))


def _digest(description: str) -> str:
    stated = _DIGEST.search(description)
    return stated[1] if stated else ""


def _where(key: str) -> str:
    return f"journal={key}"


def _shown(text: str) -> str:
    """Cut a foreign text to a length, without control and direction characters (bad input B91)."""
    return "".join(letter for letter in text if letter.isprintable())[:EXPLANATION_LENGTH_MAX]


def _retry_after_seconds(reply: Reply) -> int | None:
    """Read Retry-After (RFC 9110): seconds, or a date, measured against the reply's own Date."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), RETRY_AFTER_SECONDS_MAX)
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(reply.headers.get("date", ""))
        seconds = int((until - now).total_seconds())
    except (TypeError, ValueError):
        return None
    return max(0, min(seconds, RETRY_AFTER_SECONDS_MAX))
