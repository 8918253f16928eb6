"""FHIR R4 in its wire form (JSON): resources in and out as thin typed structs, decimals exact.

`decode` reads and writes, strictly; `resources` and `financial` say which resources, `elements` the
data types. Not here: transport (`connectors/`), what a resource means (`translate/fhir_*.py`,
next).
"""

from suture.wire.fhir.decode import (
    READ_TYPES,
    Unread,
    content_digest,
    read_part,
    read_resource,
    render,
)
from suture.wire.fhir.resources import Resource

__all__ = [
    "READ_TYPES",
    "Resource",
    "Unread",
    "content_digest",
    "read_part",
    "read_resource",
    "render",
]
