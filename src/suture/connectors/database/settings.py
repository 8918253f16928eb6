"""What `[database]` of a source may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, ClassVar

import msgspec

from suture.connectors.ports import PULLED_MESSAGES_MAX
from suture.governance.connector import (
    Count,
    Seconds,
    SecretReference,
    SourceKind,
    SourceSettings,
)
from suture.governance.reading import Document, Keys, invalid, shown
from suture.model.fault import Fault

WATERMARK = "watermark"
"""What a query calls the place to read from: `:watermark`."""

_QUERY = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_BOUND = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""A name bound to a value, as SQLAlchemy reads it: `:name`, and not `::type`."""


class DatabaseSettings(SourceSettings, frozen=True, kw_only=True):
    """Which rows of which database are read, in which order, and what of them is a message."""

    kind: ClassVar[SourceKind] = "pull"

    url: SecretReference
    """It holds a password, so it is referred to: `postgresql://...` or `sqlite:///...`."""
    table: str = ""
    columns: tuple[str, ...] = ()
    """Of the table; a row is told with them in this order."""
    query: str = ""
    """Instead of a table: one SELECT."""
    order_column: str
    """Grows whenever a row is added or changed: a time or a number. It is the watermark."""
    key_column: str
    """Tells rows of one time apart."""
    message_column: str = ""
    """Holds whole messages. Empty: each row is a table of one row, for the source's schema."""
    charset: str = "utf-8"
    """In which text of `message_column` becomes bytes again."""
    begin: int | str = ""
    """Where to begin at the very first; empty: with the first row there is."""
    overlap_seconds: Seconds = 60.0
    """How far behind the watermark rows are looked for again, where it is a time ..."""
    overlap_count: Annotated[int, msgspec.Meta(ge=0)] = 0
    """... and where it is a number."""
    interval_seconds: Annotated[float, msgspec.Meta(ge=0.1, le=24 * 60 * 60)] = 10.0
    rows_max: Annotated[int, msgspec.Meta(ge=1, le=PULLED_MESSAGES_MAX)] = PULLED_MESSAGES_MAX
    """Read and stored together."""
    row_bytes_max: Count = 16 * 1024 * 1024
    connect_seconds_max: Annotated[float, msgspec.Meta(ge=1, le=600)] = 10.0
    statement_seconds_max: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 30.0

    def address(self, home: PurePath) -> str:  # noqa: ARG002 - of all connectors
        """Return what is read and where its address stands: the address holds a password."""
        return f"{self.table or 'a query'} of {self.url}"

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with the query, its columns and its address."""
        if not self.url:
            yield invalid(document, (*keys, "url"), "it must be `env:NAME` or `file:path`")
        if bool(self.query) == bool(self.table):
            yield invalid(document, keys, "it must name either a `table` or a `query`")
        if self.table:
            yield from self._table_faults(document, keys)
        else:
            yield from self._query_faults(document, keys)
        for name in ("order_column", "key_column"):
            if not getattr(self, name):
                yield invalid(document, (*keys, name), "it must name a column")
        try:
            codecs.lookup(self.charset)
        except LookupError:
            yield invalid(document, (*keys, "charset"), f"{shown(self.charset)} is no charset")

    def _table_faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        needed = {self.order_column, self.key_column, self.message_column} - {""}
        missing = ", ".join(sorted(needed - set(self.columns)))
        if missing:
            yield invalid(document, (*keys, "columns"), f"they must hold {shown(missing)}")

    def _query_faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield why a query may not be asked (B74). That it writes nothing, the database holds."""
        here = (*keys, "query")
        if self.columns:
            yield invalid(document, (*keys, "columns"), "they belong to a `table`")
        if not _QUERY.match(self.query):
            yield invalid(document, here, "it must be a SELECT")
        if ";" in self.query:
            yield invalid(document, here, "it must be one statement, without `;`")
        others = {name for name in _BOUND.findall(self.query) if name != WATERMARK}
        if others:
            reason = f"{shown(':' + min(others))} has no value; only `:{WATERMARK}` has one"
            yield invalid(document, here, reason)
        if self.is_bounded and self.begin == "":
            reason = f"a query that names `:{WATERMARK}` needs a first one"
            yield invalid(document, (*keys, "begin"), reason)

    @property
    def is_bounded(self) -> bool:
        """Whether the query says itself where to read from."""
        return WATERMARK in _BOUND.findall(self.query)
