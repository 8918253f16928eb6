"""The estate: what a provider configures, read from its files and checked as a whole.

    estate.toml                                 legal entities, facilities, payer classes
    sources/*.toml  destinations/*.toml         connections (`connections.py`)
    maps/*.toml  maps/*.csv                     how sources differ (`maps.py`)
    schemas/*.toml                              what their tables look like (`schemas.py`)
    crosswalks/*.csv  ledger/*.csv              tables (`tables.py`, `completeness.py`)

`load` gives an `Estate` with its compiled `Books`, or every fault with file and line; nothing is
half in force. The files come as a mapping of relative path to bytes: from a folder
(`config.read_folder`) or from a release in the store (`release.unpack`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, TypeVar

import msgspec

from suture.governance.completeness import (
    crosswalk_faults,
    determination_faults,
    period_faults,
    roles_of,
    rule_faults,
)
from suture.governance.connections import (
    Destination,
    Source,
    is_zone,
    read_destination,
    read_source,
)
from suture.governance.connector import Connectors
from suture.governance.maps import FOLDER as MAPS_FOLDER
from suture.governance.maps import read_map
from suture.governance.reading import (
    Document,
    invalid,
    parse_toml,
    read_shape,
    shown,
    suggestion,
    unknown,
)
from suture.governance.receivers import Receiver
from suture.governance.release import release_id
from suture.governance.routes import route_faults
from suture.governance.schemas import FOLDER as SCHEMAS_FOLDER
from suture.governance.schemas import read_schema, source_faults
from suture.governance.tables import (
    ACCOUNTS,
    CROSSWALKS,
    JOURNAL_RULES,
    TABLE_FILES,
    CrosswalkName,
    Names,
    TableReader,
)
from suture.ledger.books import Books, LookUps, Tables
from suture.ledger.chart import Account, Entity, Facility, PayerClass
from suture.ledger.determination import DeterminationRow
from suture.ledger.rules import Rule
from suture.masterdata.crosswalk import ANY_SOURCE, Crosswalk, CrosswalkRow
from suture.model.fault import Fault, fault
from suture.model.overlay import Overlay
from suture.model.schema import Schema

ESTATE_FILE = "estate.toml"

_CONNECTION_FILES = (
    "sources/*.toml",
    "destinations/*.toml",
    "maps/*.toml",
    "maps/*.csv",
    "schemas/*.toml",
)
_IGNORED_FILES = ("*.md", "*/*.md")
"""Notes for people."""

Code = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_-]{1,20}\Z",
        description="letters, digits, _ and -, 20 of them at most",
    ),
]
_CURRENCY = msgspec.Meta(
    pattern=r"^[A-Z]{3}\Z", description="three capital letters, such as USD (ISO 4217)"
)
_CONNECTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Connection = TypeVar("Connection", bound=Source | Destination | Receiver | Overlay | Schema)


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """A checked estate under its release id; everything in it refers to something in it."""

    name: str
    note: str
    """What changed, in the words of whoever changed it."""
    release_id: str
    entities: dict[str, Entity]
    facilities: dict[str, Facility]
    payer_classes: dict[str, PayerClass]
    sources: dict[str, Source]
    destinations: dict[str, Destination]
    """Those that take journals."""
    receivers: dict[str, Receiver]
    """Those that are told facts as messages."""
    overlays: dict[str, Overlay]
    """By source: how it fills its messages otherwise."""
    schemas: dict[str, Schema]
    """By name: what the tables of the sources that name it look like."""
    cost_centres: tuple[str, ...]
    """Every cost centre a line may carry, sorted."""
    books: Books


class _EntityTable(msgspec.Struct, frozen=True):
    name: Text


class _FacilityTable(msgspec.Struct, frozen=True):
    name: Text
    entity: Code
    zone: str
    default_cost_centre: Code


class _PayerClassTable(msgspec.Struct, frozen=True):
    name: Text
    estimate_at_charge: bool = False


class _EstateFile(msgspec.Struct, frozen=True, kw_only=True):
    name: Text
    currency: Annotated[str, _CURRENCY]
    note: str = ""
    entities: dict[str, _EntityTable]
    facilities: dict[str, _FacilityTable]
    payer_classes: dict[str, _PayerClassTable]


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """What `estate.toml` says, in the nouns of the ledger."""

    name: str
    note: str
    entities: tuple[Entity, ...]
    facilities: tuple[Facility, ...]
    payer_classes: tuple[PayerClass, ...]


def check(files: Mapping[str, bytes], connectors: Connectors) -> tuple[Fault, ...]:
    """Return everything that is wrong with an estate, by file and line; nothing is run."""
    estate = load(files, connectors)
    return () if isinstance(estate, Estate) else estate


def load(files: Mapping[str, bytes], connectors: Connectors) -> Estate | tuple[Fault, ...]:
    """Read and check an estate: it comes back whole, or as every fault found.

    `connectors` are those it may name (`connectors/registry.py`).
    Tables are read once the files they refer to are right, and held against each other once each
    of their rows is right by itself: a second look after mending may find more.
    """
    faults = list(_misplaced(files))
    head = _read_head(files, faults)
    source = partial(read_source, connectors=connectors.sources)
    sources = dict(_read_folder(files, "sources/", source, faults))
    destination = partial(read_destination, connectors=connectors.destinations)
    both = dict(_read_folder(files, "destinations/", destination, faults))
    destinations = {name: each for name, each in both.items() if isinstance(each, Destination)}
    receivers = {name: each for name, each in both.items() if isinstance(each, Receiver)}
    if not any(fnmatchcase(path, "destinations/*.toml") for path in files):
        faults.append(fault("estate.file.missing", "destinations/"))
    faults += _same_places(sources)
    faults += _unknown_systems(receivers, sources)
    overlays = _read_overlays(files, sources, faults)
    schemas = dict(_read_folder(files, SCHEMAS_FOLDER, read_schema, faults))
    if not faults:
        faults += source_faults(_documents(files, sources), sources, schemas)
    if head is None or faults:
        return _in_order(faults)
    read = _read_tables(files, head, sources, destinations, faults)
    if read is None or faults:
        return _in_order(faults)
    tables, cost_centres = read
    identity = release_id(files)
    return Estate(
        name=head.name,
        note=head.note,
        release_id=identity,
        entities={entity.id: entity for entity in head.entities},
        facilities={facility.id: facility for facility in head.facilities},
        payer_classes={payer_class.id: payer_class for payer_class in head.payer_classes},
        sources=sources,
        destinations=destinations,
        receivers=receivers,
        overlays=overlays,
        schemas=schemas,
        cost_centres=cost_centres,
        books=Books(tables, identity),
    )


def _in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    def place(each: Fault) -> tuple[str, int]:
        path, _, line = each.where.partition(":")
        return path, int(line or 0)

    return tuple(sorted(faults, key=place))


def _misplaced(files: Mapping[str, bytes]) -> Iterator[Fault]:
    """Yield files that nothing reads: a table under a misspelt name would be silently absent."""
    known = {ESTATE_FILE, *TABLE_FILES}
    for path in files:
        patterns = (*_CONNECTION_FILES, *_IGNORED_FILES)
        if path not in known and not any(fnmatchcase(path, pattern) for pattern in patterns):
            explanation = f"Nothing reads {shown(path)}{suggestion(path, known)}"
            yield fault("estate.file.unknown", path, explanation)


def _read_document(files: Mapping[str, bytes], path: str, faults: list[Fault]) -> Document | None:
    if path not in files:
        faults.append(fault("estate.file.missing", path))
        return None
    document = parse_toml(path, files[path])
    if isinstance(document, Fault):
        faults.append(document)
        return None
    return document


def _read_head(files: Mapping[str, bytes], faults: list[Fault]) -> _Head | None:
    document = _read_document(files, ESTATE_FILE, faults)
    if document is None:
        return None
    content = read_shape(document, _EstateFile)
    if not isinstance(content, _EstateFile):
        faults += content
        return None
    entities = tuple(content.entities)
    for name, table in content.facilities.items():
        if table.entity not in entities:
            faults.append(unknown(document, ("facilities", name, "entity"), table.entity, entities))
        if not is_zone(table.zone):
            keys = ("facilities", name, "zone")
            faults.append(invalid(document, keys, f"{shown(table.zone)} is not an IANA time zone"))
    return _Head(
        name=content.name,
        note=content.note,
        entities=tuple(
            Entity(id=name, name=table.name, currency=content.currency)
            for name, table in content.entities.items()
        ),
        facilities=tuple(
            Facility(id=name, **msgspec.structs.asdict(table))
            for name, table in content.facilities.items()
        ),
        payer_classes=tuple(
            PayerClass(id=name, **msgspec.structs.asdict(table))
            for name, table in content.payer_classes.items()
        ),
    )


def _read_folder(
    files: Mapping[str, bytes],
    folder: str,
    read: Callable[[str, Document], Connection | list[Fault]],
    faults: list[Fault],
) -> Iterator[tuple[str, Connection]]:
    """Yield what the files of a folder say, by name: each file's own, without its ending."""
    for path in sorted(files):
        if not (path.startswith(folder) and path.endswith(".toml")):
            continue
        name = path.removeprefix(folder).removesuffix(".toml")
        if not _CONNECTION_NAME.fullmatch(name):
            faults.append(fault("estate.file.misnamed", path, f"{shown(name)} cannot be a name."))
            continue
        document = _read_document(files, path, faults)
        if document is None:
            continue
        connection = read(name, document)
        if isinstance(connection, list):
            faults += connection
        else:
            yield name, connection


def _read_overlays(
    files: Mapping[str, bytes], sources: Mapping[str, Source], faults: list[Fault]
) -> dict[str, Overlay]:
    """Read `maps/<source>.toml`, each for the source of its name."""

    def read(name: str, document: Document) -> Overlay | list[Fault]:
        if name in sources:
            return read_map(name, document, files)
        hint = suggestion(name, sources)
        explanation = f"No source is named {shown(name)}: a map bears its source's name{hint}"
        return [fault("estate.reference.unknown", f"{document.path}:1", explanation)]

    return dict(_read_folder(files, MAPS_FOLDER, read, faults))


def _documents(files: Mapping[str, bytes], sources: Iterable[str]) -> dict[str, Document]:
    """Return the files of sources that were read without a fault, to point into them."""
    paths = {name: f"sources/{name}.toml" for name in sources}
    read = {name: parse_toml(path, files[path]) for name, path in paths.items()}
    return {name: each for name, each in read.items() if isinstance(each, Document)}


def _same_places(sources: Mapping[str, Source]) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for source in sources.values():
        for claim in source.settings.claims():
            if taken.setdefault(claim, source.name) != source.name:
                explanation = f"{claim} is source `{taken[claim]}`'s."
                yield fault("estate.row.duplicate", f"sources/{source.name}.toml", explanation)


def _unknown_systems(
    receivers: Mapping[str, Receiver], sources: Mapping[str, Source]
) -> Iterator[Fault]:
    """Yield receivers that are said to be a source which nobody defines."""
    for name, receiver in receivers.items():
        for system in receiver.same_system_as:
            if system not in sources:
                hint = suggestion(system, sources)
                explanation = f"`same_system_as`: no source is named {shown(system)}{hint}"
                yield fault("estate.reference.unknown", f"destinations/{name}.toml", explanation)


def _read_tables(
    files: Mapping[str, bytes],
    head: _Head,
    sources: Mapping[str, Source],
    destinations: Mapping[str, Destination],
    faults: list[Fault],
) -> tuple[Tables, tuple[str, ...]] | None:
    """Read the tables; with them, every cost centre a line may carry."""
    reader = TableReader(files, _names(head, sources, destinations))
    accounts = reader.accounts()
    rules = reader.rules()
    rows = {name: reader.crosswalk(name) for name in CROSSWALKS}
    determination = _read_determination(reader, accounts, rules, rows)
    periods = reader.periods()
    faults += reader.faults
    if reader.faults:
        return None
    for table in rows.values():
        faults += crosswalk_faults(table)
    faults += rule_faults(rules)
    faults += route_faults(destinations, {entity.id for entity in head.entities}, rules)
    faults += determination_faults(determination, rules, head.facilities, head.payer_classes)
    faults += period_faults(periods, head.entities)
    faults += _unnamed_facilities(sources, rows["facility"])
    tables = Tables(
        entities=head.entities,
        facilities=head.facilities,
        accounts=accounts,
        payer_classes=head.payer_classes,
        rules=rules,
        determination=determination,
        periods=periods,
        look_ups=LookUps(**{name: Crosswalk(name, table) for name, table in rows.items()}),
        facilities_unnamed={name: source.facility for name, source in sources.items()},
    )
    cost_centres = {facility.default_cost_centre for facility in head.facilities}
    cost_centres |= {row.value[0] for row in rows["department"]}
    return tables, tuple(sorted(cost_centres))


def _read_determination(
    reader: TableReader,
    accounts: tuple[Account, ...],
    rules: tuple[Rule, ...],
    rows: Mapping[CrosswalkName, tuple[CrosswalkRow, ...]],
) -> tuple[DeterminationRow, ...]:
    """Read the account determination, whose columns name rows of other tables."""
    service_lines = {row.value[-1] for name in ("department", "service") for row in rows[name]}
    department, service = "crosswalks/department.csv", "crosswalks/service.csv"
    return reader.determination(
        accounts=None if ACCOUNTS in reader.unread else {each.number for each in accounts},
        roles=None if JOURNAL_RULES in reader.unread else roles_of(rules),
        service_lines=None if reader.unread & {department, service} else service_lines,
        departments=None
        if department in reader.unread
        else {row.key[-1] for row in rows["department"]},
    )


def _names(
    head: _Head, sources: Mapping[str, Source], destinations: Mapping[str, Destination]
) -> Names:
    return Names(
        sources=frozenset(sources),
        policies=frozenset(
            policy for destination in destinations.values() for policy in destination.policies
        ),
        entities=frozenset(entity.id for entity in head.entities),
        facilities=frozenset(facility.id for facility in head.facilities),
        payer_classes=frozenset(payer_class.id for payer_class in head.payer_classes),
    )


def _unnamed_facilities(
    sources: Mapping[str, Source], rows: tuple[CrosswalkRow, ...]
) -> Iterator[Fault]:
    """Yield sources that assume a facility code which the crosswalk does not know."""
    for name, source in sources.items():
        known = {row.key[0] for row in rows if row.source in {name, ANY_SOURCE}}
        if source.facility and source.facility not in known:
            explanation = (
                f"`facility`: no row of crosswalks/facility.csv maps {shown(source.facility)}"
            )
            hint = suggestion(source.facility, known)
            yield fault("estate.reference.unknown", f"sources/{name}.toml", explanation + hint)
