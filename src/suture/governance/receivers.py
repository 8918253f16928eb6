"""Receivers: destinations that are told facts as messages, of `destinations/*.toml`.

Here: what a receiver is told (`tells`), as what (`format`), of whom (`grants`), and what one file
alone can get wrong. A destination that takes journals is `connections.py`; the queue is
`engine/telling.py`. docs/reference/telling.md tells it to whoever fills it in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from suture.catalogue import RENDERERS
from suture.governance.connector import DestinationSettings
from suture.governance.reading import Document, invalid, shown, unknown
from suture.model.data_class import data_classes
from suture.model.fault import Fault, fault


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Who tells whom, as messages say it: MSH-3 to MSH-6, and of X12 what stands for them."""

    sending_application: str = "SUTURE"
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A system that is told facts. Its name is its file's."""

    name: str
    connector: str
    tells: tuple[str, ...]
    """Kinds of facts, or single types of them: `encounter`, `charge.posted`."""
    format: str
    """Of `catalogue.RENDERERS`."""
    grants: tuple[str, ...]
    same_system_as: tuple[str, ...]
    """Sources that are this system: it is never told what it said itself."""
    zone: ZoneInfo
    processing: Literal["P", "T"]
    names: Names
    per_second_max: float
    retry_seconds_min: float
    retry_seconds_max: float
    settings: DestinationSettings
    token: str = ""

    @property
    def types(self) -> tuple[str, ...]:
        """The types of facts that it is told."""
        return tuple(sorted(RENDERERS[self.format].types(self.tells)))

    @property
    def may_know_who(self) -> bool:
        """Whether identifiers are told, or their surrogates."""
        return "phi" in self.grants

    @property
    def unheard_sources(self) -> tuple[str, ...]:
        """Whose facts it is not told: its own."""
        return tuple({self.name, *self.same_system_as})


def telling_faults(
    document: Document,
    *,
    tells: tuple[str, ...],
    format: str,  # noqa: A002 - the key's own name
    grants: tuple[str, ...],
    settings: DestinationSettings | None,
) -> Iterator[Fault]:
    """Yield what is wrong with what a receiver is told, and as what."""
    told = RENDERERS.get(format)
    if told is None:
        yield unknown(document, ("format",), format, tuple(RENDERERS))
        return
    if settings is not None and told.content_type not in settings.content_types:
        yield invalid(document, ("format",), f"the connector does not carry {shown(format)}")
    if not tells:
        yield invalid(document, ("tells",), "it names nothing, and nothing would be told")
    names = {name for each in told.renderers if (name := str(each.__struct_config__.tag))}
    kinds = {name.partition(".")[0] for name in names}
    for tell in tells:
        if not told.types((tell,)):
            yield unknown(document, ("tells",), tell, tuple(sorted(kinds | names)))
    needed = {
        each
        for kind in told.types(tells).values()
        for each in data_classes(kind).values()
        if each not in ("", "phi", *grants)
    }
    for each in sorted(needed):
        explanation = f"What it is told holds `{each}` data."
        yield fault("estate.grant.missing", document.where(("grants",)), explanation)
