"""Named queries: every SQL statement of the house has a name and one line of intent.

They stand in `sql/*.sql`, written so:

    -- name: lease_partitions
    -- Take up to $3 partitions whose lease is free.
    update ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)\n-- (\S.*)\n", re.MULTILINE)


class QueryFileError(Exception):
    """A query file is malformed: a nameless statement, no line of intent, or a name used twice."""


def load_queries() -> Mapping[str, str]:
    """Return every named query. Raises QueryFileError."""
    queries: dict[str, str] = {}
    for file in sorted(
        resources.files(__package__).joinpath("sql").iterdir(), key=lambda each: each.name
    ):
        if not file.name.endswith(".sql"):
            continue
        text = file.read_text("utf-8")
        heads = list(_NAME.finditer(text))
        if len(heads) != text.count("-- name:"):
            raise QueryFileError(f"{file.name}: every `-- name:` needs a line of intent below it")
        for head, following in zip(heads, [*heads[1:], None], strict=True):
            name, end = head[1], following.start() if following else len(text)
            if name in queries:
                raise QueryFileError(f"{file.name}: the name {name} is used twice")
            queries[name] = text[head.end() : end].strip()
    return MappingProxyType(queries)


QUERIES = load_queries()
