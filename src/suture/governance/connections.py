"""Sources and destinations of an estate: which connector, with which settings, grants and policies.

Here: the shape of `sources/*.toml` and `destinations/*.toml`, and every check that one file alone
can fail (B90: a secret is referred to, never written; a financial destination is never granted
PHI). What a connector's own table may say is its own to know (`connector.py`). What files refer to
elsewhere in the estate is checked in `estate.py`; `engine/duties.py` opens doors from these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from suture.catalogue import TRANSLATIONS
from suture.governance.connector import (
    Count,
    DestinationSettings,
    Seconds,
    SecretReference,
    SourceSettings,
    is_reference,
    literal_secrets,
)
from suture.governance.reading import Document, invalid, read_shape, shown, suggestion, unknown
from suture.governance.receivers import Names, Receiver, telling_faults
from suture.model.account import LineNumbers
from suture.model.fault import Fault, fault
from suture.model.translation import AckPolicy, X12Replies

DATA_CLASSES = ("financial", "operational", "phi")
JOURNAL_DATA_CLASSES = ("financial", "operational")
"""What a journal line is made of: amounts and payer classes; facilities and cost centres."""


class Hl7v2Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a source fills what HL7 v2 leaves to it."""

    line_numbers: LineNumbers = "sender"
    """Whether its FT1-2 are unique across its accounts, or in each of them. By default the former:
    of accounts that are merged, two charges taken for one are then shown where they differ, while
    one charge taken for two would be booked twice and nobody would see it."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A system that sends, with its translation: a channel. Its name is its file's."""

    name: str
    connector: str
    translations: tuple[str, ...]
    """What it may send (`catalogue.TRANSLATIONS`); anything else is held."""
    processing: Literal["P", "T"]
    """Whether its messages are of production, or a test's: the others are held (MSH-11, ISA15)."""
    zone: ZoneInfo
    """Time zone of timestamps that carry no offset."""
    authority: str
    """Scope of patient, account and visit numbers; sources that share numbers share it."""
    charset: str
    facility: str
    """Facility code to assume where a message names none."""
    schema: str = ""
    """What its tables look like: a file of `schemas/`; empty where it sends no tables."""
    ack: AckPolicy
    """What a positive acknowledgement says: the message is stored, or nothing in it was held."""
    line_numbers: LineNumbers = "sender"
    """Whether its FT1-2 are unique across its accounts, or in each of them."""
    x12: X12Replies = X12Replies()
    """What the sender of X12 is told back."""
    settings: SourceSettings
    """Of its door: the table named as its connector."""


class BatchPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When waiting entries become a journal: the oldest is so old, or so many have gathered."""

    seconds_max: Seconds = 0.0
    entries_max: Count = 2_000


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How many journals each delivery worker sends in a second; no limit where it is 0."""

    per_second_max: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 0.0


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the wait between attempts."""

    seconds_min: Seconds = 0.2
    seconds_max: Seconds = 60.0


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A system that receives. Its name is its file's."""

    name: str
    connector: str
    token: str
    """Where its bearer token is: `env:NAME` or `file:path`."""
    grants: tuple[str, ...]
    """Classes of data it may receive (`model/data_class.py`)."""
    entities: tuple[str, ...]
    """Legal entities whose journals it takes; all of them where none is named."""
    policies: dict[str, BatchPolicy]
    rate: RateLimit
    retry: RetryPolicy
    settings: DestinationSettings
    """Of its connector: the table named as that."""

    def may_take(self, entity: str) -> bool:
        """Whether it takes journals of this legal entity."""
        return not self.entities or entity in self.entities


class _SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    connector: str
    translation: str | tuple[str, ...]
    processing: Literal["P", "T"] = "P"
    zone: str
    authority: str = ""
    charset: str = "utf-8"
    facility: str = ""
    schema: str = ""
    ack: AckPolicy | None = None
    hl7v2: Hl7v2Settings | None = None
    x12: X12Replies | None = None


class _DestinationFile(msgspec.Struct, frozen=True, kw_only=True):
    connector: str
    token: SecretReference
    grants: tuple[str, ...]
    entities: tuple[str, ...] = ()
    policies: dict[str, BatchPolicy]
    rate: RateLimit = RateLimit()
    retry: RetryPolicy = RetryPolicy()


class _ReceiverFile(msgspec.Struct, frozen=True, kw_only=True):
    connector: str
    tells: tuple[str, ...]
    format: str
    grants: tuple[str, ...]
    same_system_as: tuple[str, ...] = ()
    zone: str = "UTC"
    processing: Literal["P", "T"] = "P"
    names: Names = Names()
    rate: RateLimit = RateLimit()
    retry: RetryPolicy = RetryPolicy()


ConnectionFile = TypeVar("ConnectionFile", _SourceFile, _DestinationFile, _ReceiverFile)
Known = Mapping[str, type[SourceSettings]] | Mapping[str, type[DestinationSettings]]


@cache
def _shape(
    base: type[msgspec.Struct], tables: tuple[tuple[str, type[msgspec.Struct]], ...]
) -> type[msgspec.Struct]:
    """Return the shape of a connection's file: what all have, and each connector's own table."""
    own = [(name, settings | None, None) for name, settings in tables]
    return msgspec.defstruct(base.__name__, own, bases=(base,), frozen=True, kw_only=True)


def _read(
    document: Document, base: type[ConnectionFile], known: Known
) -> tuple[ConnectionFile, Any] | list[Fault]:
    """Read a connection's file and its connector's table; None where its connector has none."""
    content = read_shape(document, _shape(base, tuple(known.items())))
    if isinstance(content, list):
        return content
    assert isinstance(content, base), "its shape stands on it"
    is_known = content.connector in known
    return content, getattr(content, content.connector) if is_known else None


def _table_faults(
    document: Document, content: _SourceFile | _DestinationFile | _ReceiverFile, known: Known
) -> Iterator[Fault]:
    """Yield a connector that nobody knows, a table of another one, and none of its own."""
    connector = content.connector
    if connector not in known:
        explanation = f"No connector is named {shown(connector)}{suggestion(connector, known)}"
        yield fault("estate.connector.unknown", document.where(("connector",)), explanation)
    for name in known:
        table = getattr(content, name)
        if table is not None and name != connector:
            reason = f"connector {shown(connector)} does not read it"
            yield invalid(document, (name,), reason)
        elif table is None and name == connector:
            where = document.where((name,))
            yield fault("estate.key.missing", where, f"Table `[{name}]` is required.")
        elif table is not None:
            yield from literal_secrets(document, table, (name,))
            yield from table.faults(document, (name,))


def read_source(
    name: str, document: Document, connectors: Mapping[str, type[SourceSettings]]
) -> Source | list[Fault]:
    """Read `sources/<name>.toml`, or return everything that is wrong with it."""
    read = _read(document, _SourceFile, connectors)
    if isinstance(read, list):
        return read
    content, settings = read
    faults = list(_source_faults(document, content, connectors))
    if faults:
        return faults
    fields = {field: getattr(content, field) for field in _SourceFile.__struct_fields__}
    del fields["translation"], fields["hl7v2"]
    fields |= {
        "name": name,
        "translations": _translations(content),
        "zone": ZoneInfo(content.zone),
        "ack": content.ack or "stored",
        "x12": content.x12 or X12Replies(),
        "line_numbers": (content.hl7v2 or Hl7v2Settings()).line_numbers,
        "settings": settings,
    }
    return Source(**fields)


def _translations(content: _SourceFile) -> tuple[str, ...]:
    told = content.translation
    return (told,) if isinstance(told, str) else told


def _source_faults(
    document: Document, content: _SourceFile, connectors: Mapping[str, type[SourceSettings]]
) -> Iterator[Fault]:
    yield from _table_faults(document, content, connectors)
    if not content.translation:
        yield invalid(document, ("translation",), "it names nothing, and everything would be held")
    for translation in _translations(content):
        if translation and translation not in TRANSLATIONS:
            yield unknown(document, ("translation",), translation, TRANSLATIONS)
    connector = connectors.get(content.connector)
    if content.ack and connector is not None and not connector.is_acknowledging:
        reason = f"connector {shown(content.connector)} acknowledges no message"
        yield invalid(document, ("ack",), reason)
    if content.hl7v2 and not any(each.startswith("hl7v2") for each in _translations(content)):
        yield invalid(document, ("hl7v2",), "no translation of this source reads HL7 v2")
    if content.x12 and not any(each.startswith("x12") for each in _translations(content)):
        yield invalid(document, ("x12",), "no translation of this source reads X12")
    if not is_zone(content.zone):
        yield invalid(document, ("zone",), f"{shown(content.zone)} is not an IANA time zone")
    try:
        "".encode(content.charset)
    except LookupError:
        yield invalid(document, ("charset",), f"{shown(content.charset)} is not a charset")


def read_destination(
    name: str, document: Document, connectors: Mapping[str, type[DestinationSettings]]
) -> Destination | Receiver | list[Fault]:
    """Read `destinations/<name>.toml`, or return everything that is wrong with it."""
    connector = connectors.get(str(document.content.get("connector")))
    if connector is not None and connector.kind == "message":
        return _read_receiver(name, document, connectors)
    read = _read(document, _DestinationFile, connectors)
    if isinstance(read, list):
        return read
    content, settings = read
    faults = list(_destination_faults(document, content, connectors))
    if faults:
        return faults
    fields = {field: getattr(content, field) for field in _DestinationFile.__struct_fields__}
    return Destination(**fields, name=name, settings=settings)


def _read_receiver(
    name: str, document: Document, connectors: Mapping[str, type[DestinationSettings]]
) -> Receiver | list[Fault]:
    read = _read(document, _ReceiverFile, connectors)
    if isinstance(read, list):
        return read
    content, settings = read
    faults = list(_table_faults(document, content, connectors))
    faults += [
        unknown(document, ("grants",), grant, DATA_CLASSES)
        for grant in content.grants
        if grant not in DATA_CLASSES
    ]
    if not is_zone(content.zone):
        reason = f"{shown(content.zone)} is not an IANA time zone"
        faults.append(invalid(document, ("zone",), reason))
    faults += telling_faults(
        document,
        tells=content.tells,
        format=content.format,
        grants=content.grants,
        settings=settings,
    )
    if faults:
        return faults
    return Receiver(
        name=name,
        connector=content.connector,
        tells=content.tells,
        format=content.format,
        grants=content.grants,
        same_system_as=content.same_system_as,
        zone=ZoneInfo(content.zone),
        processing=content.processing,
        names=content.names,
        per_second_max=content.rate.per_second_max,
        retry_seconds_min=content.retry.seconds_min,
        retry_seconds_max=content.retry.seconds_max,
        settings=settings,
    )


def _destination_faults(
    document: Document,
    content: _DestinationFile,
    connectors: Mapping[str, type[DestinationSettings]],
) -> Iterator[Fault]:
    yield from _table_faults(document, content, connectors)
    where = document.where(("grants",))
    for grant in content.grants:
        if grant not in DATA_CLASSES:
            yield unknown(document, ("grants",), grant, DATA_CLASSES)
    if "phi" in content.grants:
        yield fault("estate.grant.phi", where)
    for needed in JOURNAL_DATA_CLASSES:
        if needed not in content.grants:
            yield fault("estate.grant.missing", where, f"Journals hold `{needed}` data.")
    if not is_reference(content.token):
        # Never repeat the value: it may be the secret itself.
        yield fault("estate.secret.literal", document.where(("token",)))


def is_zone(name: str) -> bool:
    """Return whether this is the IANA name of a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
