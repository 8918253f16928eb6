"""What the estate must know of a connector: the shape of its settings, and how they are checked.

A connector says this of itself in `settings.py` of its own folder, by a subclass of
`SourceSettings` or `DestinationSettings`; `connectors/registry.py` names them all, and whoever
loads an estate hands that table in (`estate.load`), so that nothing here knows any connector by
name (docs/adr/0012). How a door is opened is `connectors/ports.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import msgspec

from suture.governance.reading import Document, Keys, invalid, shown
from suture.model.envelope import ContentType
from suture.model.fault import Fault, fault

Seconds = Annotated[float, msgspec.Meta(ge=0, le=7 * 24 * 60 * 60)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
SecretReference = Annotated[str, msgspec.Meta(extra={"is_secret": True})]
"""Where a secret is, `env:NAME` or `file:path`; the secret itself is a fault, wherever it stands
in the settings (B90). Empty where none is needed."""

SourceKind = Literal["message", "file", "pull"]
"""How messages come: told to a door that listens, found as files, or asked for again and again."""
DestinationKind = Literal["journal", "message"]

_SECRET_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0\r\n]+")
_URL = re.compile(r"(https?)://([^/?#\s]+)(?:/[^?#\s]*)?")


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a source's door: the table of `sources/*.toml` that bears its connector's name.

    A subclass adds its fields, with their bounds in their types, and says what they cannot.
    """

    kind: ClassVar[SourceKind]
    is_acknowledging: ClassVar[bool] = False
    """Whether each message is answered, so that `ack` has a meaning."""

    def address(self, home: PurePath) -> str:
        """Return where messages come in, for people; `home` is the installation's folder."""
        raise NotImplementedError

    def claims(self) -> tuple[str, ...]:
        """Return what no other source may use as well, in words that begin a sentence."""
        return ()

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:  # noqa: ARG002 - a hook
        """Yield what is wrong beyond the types; `keys` leads to this table in its document."""
        yield from ()


class DestinationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a destination: the table of `destinations/*.toml` named as its connector."""

    kind: ClassVar[DestinationKind]
    content_types: ClassVar[frozenset[ContentType]] = frozenset(get_args(ContentType))
    """Of messages: what its protocol carries; a format of another kind is a fault."""

    @property
    def address(self) -> str:
        """Where it is, for people."""
        raise NotImplementedError

    @property
    def attempt_seconds_max(self) -> float:
        """After how long one attempt to send has ended in any case: leases last longer."""
        raise NotImplementedError

    @property
    def at_once_max(self) -> int:
        """How many messages it is sent side by side; one more waits here, not on the wire."""
        return 1

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:  # noqa: ARG002 - a hook
        """Yield what is wrong beyond the types; `keys` leads to this table in its document."""
        yield from ()


class Connectors(msgspec.Struct, frozen=True):
    """Every connector there is, by the name that `connector = "..."` gives it."""

    sources: Mapping[str, type[SourceSettings]]
    destinations: Mapping[str, type[DestinationSettings]]


def literal_secrets(document: Document, settings: msgspec.Struct, keys: Keys) -> Iterator[Fault]:
    """Yield secrets that stand in settings in clear. No value is repeated: it may be one."""
    for field in msgspec.structs.fields(type(settings)):
        value = getattr(settings, field.name)
        here = (*keys, field.encode_name)
        if isinstance(value, msgspec.Struct):
            yield from literal_secrets(document, value, here)
        elif is_secret(field.type) and value and not is_reference(value):
            yield fault("estate.secret.literal", document.where(here))


def is_secret(kind: Any) -> bool:
    """Return whether a field of this type refers to a secret."""
    if isinstance(kind, msgspec.Meta):
        return bool((kind.extra or {}).get("is_secret"))
    parts = (*get_args(kind), *getattr(kind, "__metadata__", ())) if get_origin(kind) else ()
    return any(is_secret(part) for part in parts)


def is_reference(text: str) -> bool:
    """Return whether this refers to a secret (`config.read_secret`), and is none itself."""
    return _SECRET_REFERENCE.fullmatch(text) is not None


def url_faults(
    document: Document,
    keys: Keys,
    url: str,
    *,
    allow: tuple[str, ...],
    is_plaintext_accepted: bool,
) -> Iterator[Fault]:
    """Yield what is wrong with where requests go: `url`, `allow` and `is_plaintext_accepted`."""
    told = _URL.fullmatch(url)
    if told is None:
        yield invalid(document, (*keys, "url"), "it is not an http: or https: address")
        return
    if "@" in told[2]:
        yield fault("estate.secret.literal", document.where((*keys, "url")))
    elif told[1] == "http" and not is_plaintext_accepted:
        reason = (
            "over http: the token crosses the wire in clear; say `is_plaintext_accepted = true`"
        )
        yield invalid(document, (*keys, "url"), reason)
    if _host_port(told) not in {each.lower() for each in allow}:
        reason = f"it does not list {shown(_host_port(told))}, where `url` leads"
        yield invalid(document, (*keys, "allow"), reason)


def _host_port(url: re.Match[str]) -> str:
    """Return where an address leads, as an allow-list says it."""
    place = url[2].rpartition("@")[2].lower()
    has_port = re.search(r":\d+\Z", place)
    return place if has_port else f"{place}:{443 if url[1] == 'https' else 80}"
