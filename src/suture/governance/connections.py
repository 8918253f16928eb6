"""Sources and destinations of an estate: which connector, with which settings, grants and policies.

Here: the shape of `sources/*.toml` and `destinations/*.toml`, and every check that one file alone
can fail (B90: a secret is referred to, never written; a financial destination is never granted
PHI). What they refer to elsewhere in the estate is checked in `estate.py`. `app.py` opens
connectors from these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from suture.catalogue import TRANSLATIONS
from suture.governance.reading import Document, Keys, read_shape, shown, suggestion
from suture.model.fault import Fault, fault
from suture.model.translation import AckPolicy

Seconds = Annotated[float, msgspec.Meta(ge=0, le=7 * 24 * 60 * 60)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]

SOURCE_CONNECTORS = ("files", "mllp")
ACKNOWLEDGING_CONNECTORS = ("mllp",)
DESTINATION_CONNECTORS = ("journal_api",)
DATA_CLASSES = ("financial", "operational", "phi")
JOURNAL_DATA_CLASSES = ("financial", "operational")
"""What a journal line is made of: amounts and payer classes; facilities and cost centres."""

_SECRET_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0\r\n]+")
_URL = re.compile(r"(https?)://([^/?#\s]+)(?:/[^?#\s]*)?")


class MllpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one listener bears; named and meant as in `connectors/mllp/README.md`."""

    frame_bytes_max: Count = 16 * 1024 * 1024
    frame_seconds_max: Seconds = 30.0
    idle_seconds_max: Seconds = 0.0
    reply_seconds_max: Seconds = 10.0
    connections_max: Count = 512
    connections_per_peer_max: Count = 64
    pipeline_messages_max: Count = 64
    pipeline_bytes_max: Count = 4 * 1024 * 1024
    listener_bytes_max: Count = 128 * 1024 * 1024


class MllpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where an MLLP source listens; port 0 takes any that is free."""

    host: str = "127.0.0.1"
    port: Port
    limits: MllpLimits = MllpLimits()


class FilesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A watched folder, relative to the data folder, and when a file in it is whole."""

    folder: str
    pattern: str = "*"
    stable_seconds: Seconds = 2.0
    """A file is whole when it stood still for so long ..."""
    done_suffix: str = ""
    """... or, where this is set, only when `<name><suffix>` lies beside it."""
    bytes_max: Count = 4 * 1024**3
    keep_files: bool = False
    """Keep settled files, in clear, in `archive/`; else only the sealed copy in the store stays."""


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
    ack: AckPolicy
    """What a positive acknowledgement says: the message is stored, or nothing in it was held."""
    mllp: MllpSettings | None
    files: FilesSettings | None


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


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may cost; named and meant as in `connectors/egress.py`."""

    connect_seconds_max: Seconds = 5.0
    total_seconds_max: Seconds = 30.0
    reply_bytes_max: Count = 1024 * 1024
    connections_max: Count = 8


class JournalApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a journal API is; named and meant as in `connectors/erp/journal_api`."""

    url: str
    allow: tuple[str, ...]
    is_plaintext_accepted: bool = False
    limits: HttpLimits = HttpLimits()


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
    journal_api: JournalApiSettings

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
    ack: AckPolicy | None = None
    mllp: MllpSettings | None = None
    files: FilesSettings | None = None


class _DestinationFile(msgspec.Struct, frozen=True, kw_only=True):
    connector: str
    token: str
    grants: tuple[str, ...]
    entities: tuple[str, ...] = ()
    policies: dict[str, BatchPolicy]
    rate: RateLimit = RateLimit()
    retry: RetryPolicy = RetryPolicy()
    journal_api: JournalApiSettings


def read_source(name: str, document: Document) -> Source | list[Fault]:
    """Read `sources/<name>.toml`, or return everything that is wrong with it."""
    content = read_shape(document, _SourceFile)
    if not isinstance(content, _SourceFile):
        return content
    faults = list(_source_faults(document, content))
    if faults:
        return faults
    fields = msgspec.structs.asdict(content)
    del fields["translation"]
    fields |= {
        "name": name,
        "translations": _translations(content),
        "zone": ZoneInfo(content.zone),
        "ack": content.ack or "stored",
    }
    return Source(**fields)


def _translations(content: _SourceFile) -> tuple[str, ...]:
    told = content.translation
    return (told,) if isinstance(told, str) else told


def _source_faults(document: Document, content: _SourceFile) -> Iterator[Fault]:
    yield from _unknown_connector(document, content.connector, SOURCE_CONNECTORS)
    if not content.translation:
        yield invalid(document, ("translation",), "it names nothing, and everything would be held")
    for translation in _translations(content):
        if translation and translation not in TRANSLATIONS:
            yield unknown(document, ("translation",), translation, TRANSLATIONS)
    if content.ack and content.connector not in ACKNOWLEDGING_CONNECTORS:
        reason = f"connector {shown(content.connector)} acknowledges no message"
        yield invalid(document, ("ack",), reason)
    if not is_zone(content.zone):
        yield invalid(document, ("zone",), f"{shown(content.zone)} is not an IANA time zone")
    for connector in SOURCE_CONNECTORS:
        is_told = getattr(content, connector) is not None
        if is_told and connector != content.connector:
            reason = f"connector {shown(content.connector)} does not read it"
            yield invalid(document, (connector,), reason)
        elif not is_told and connector == content.connector:
            where = document.where((connector,))
            yield fault("estate.key.missing", where, f"Table `[{connector}]` is required.")
    try:
        "".encode(content.charset)
    except LookupError:
        yield invalid(document, ("charset",), f"{shown(content.charset)} is not a charset")


def read_destination(name: str, document: Document) -> Destination | list[Fault]:
    """Read `destinations/<name>.toml`, or return everything that is wrong with it."""
    content = read_shape(document, _DestinationFile)
    if not isinstance(content, _DestinationFile):
        return content
    faults = list(_destination_faults(document, content))
    if faults:
        return faults
    return Destination(**msgspec.structs.asdict(content), name=name)


def _destination_faults(document: Document, content: _DestinationFile) -> Iterator[Fault]:
    yield from _unknown_connector(document, content.connector, DESTINATION_CONNECTORS)
    where = document.where(("grants",))
    for grant in content.grants:
        if grant not in DATA_CLASSES:
            yield unknown(document, ("grants",), grant, DATA_CLASSES)
    if "phi" in content.grants:
        yield fault("estate.grant.phi", where)
    for needed in JOURNAL_DATA_CLASSES:
        if needed not in content.grants:
            yield fault("estate.grant.missing", where, f"Journals hold `{needed}` data.")
    if not _SECRET_REFERENCE.fullmatch(content.token):
        # Never repeat the value: it may be the secret itself.
        yield fault("estate.secret.literal", document.where(("token",)))
    yield from _url_faults(document, content.journal_api)


def _url_faults(document: Document, settings: JournalApiSettings) -> Iterator[Fault]:
    keys = ("journal_api", "url")
    url = _URL.fullmatch(settings.url)
    if url is None:
        yield invalid(document, keys, "it is not an http: or https: address")
    elif "@" in url[2]:
        yield fault("estate.secret.literal", document.where(keys))
    elif url[1] == "http" and not settings.is_plaintext_accepted:
        reason = (
            "over http: the token crosses the wire in clear; say `is_plaintext_accepted = true`"
        )
        yield invalid(document, keys, reason)
    if url is not None and _host_port(url) not in {each.lower() for each in settings.allow}:
        reason = f"it does not list {shown(_host_port(url))}, where `url` leads"
        yield invalid(document, ("journal_api", "allow"), reason)


def _host_port(url: re.Match[str]) -> str:
    """Return where an address leads, as an allow-list says it."""
    place = url[2].rpartition("@")[2].lower()
    has_port = re.search(r":\d+\Z", place)
    return place if has_port else f"{place}:{443 if url[1] == 'https' else 80}"


def _unknown_connector(
    document: Document, connector: str, known: tuple[str, ...]
) -> Iterator[Fault]:
    if connector not in known:
        explanation = f"No connector is named {shown(connector)}{suggestion(connector, known)}"
        yield fault("estate.connector.unknown", document.where(("connector",)), explanation)


def is_zone(name: str) -> bool:
    """Return whether this is the IANA name of a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def invalid(document: Document, keys: Keys, reason: str) -> Fault:
    """Return the fault of a value that does not do."""
    return fault("estate.value.invalid", document.where(keys), f"`{'.'.join(keys)}`: {reason}.")


def unknown(document: Document, keys: Keys, name: str, known: tuple[str, ...]) -> Fault:
    """Return the fault of a value that names nothing, with what was probably meant."""
    explanation = f"`{'.'.join(keys)}`: nothing is named {shown(name)}{suggestion(name, known)}"
    return fault("estate.reference.unknown", document.where(keys), explanation)
