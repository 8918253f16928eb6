"""FHIR files into messages: one resource, a Bundle, or NDJSON (one resource to a line).

Here: which bytes are a message, each entry's neighbours, and what an unread type gets. Not here:
what a resource means: `pipeline.py` hands in a translator for each type (`fhir_*.py`, next). A
transaction, batch, searchset or collection is one message for each entry whose type is read; a
type that is not read is held once, however many entries are of it. Bundles of other types say more
than their entries do (a message's header, a history's order) and are held whole. Ids do not say who
may be told what: each entry stands or falls alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from suture.model.fault import Fault, fault
from suture.model.translation import (
    UNREADABLE_TYPE,
    Begun,
    Channel,
    Closed,
    Piece,
    Reading,
    Translation,
    misdirected,
)
from suture.translate.fhir_common import Draft, Neighbours, Translator, type_of, unsupported
from suture.wire.fhir import Resource, Unread, content_digest, read_part, read_resource
from suture.wire.fhir.resources import Bundle, BundleEntry

ENTRIES_MAX = 10_000
"""Entries of one bundle (B50)."""

_READ_BUNDLES = frozenset({"transaction", "batch", "searchset", "collection"})


def translate_resource(
    raw: bytes, channel: Channel, translators: Mapping[str, Translator]
) -> Translation:
    """Return what one resource by itself means; a Bundle is a file, read by `read_resources`."""
    resource = read_resource(raw)
    if isinstance(resource, Fault):
        return _unreadable(resource)
    return _translated(resource, raw, channel, translators, Neighbours(), "")


def read_resources(
    data: bytes, channel: Channel, translators: Mapping[str, Translator]
) -> Iterator[Piece]:
    """Read a whole FHIR file into its messages: every file is at least one."""
    whole = read_resource(data)
    lines = _lines(data) if isinstance(whole, Fault) and whole.code == "fhir.json.invalid" else []
    if len(lines) > 1:
        for offset, line in lines:
            yield from _message(offset, line, translate_resource(line, channel, translators))
    elif isinstance(whole, Bundle):
        yield from _read_bundle(whole, data, channel, translators)
    elif isinstance(whole, Fault):
        yield from _message(0, data, _unreadable(whole))
    else:
        translation = _translated(whole, data, channel, translators, Neighbours(), "")
        yield from _message(0, data, translation)
    yield Closed()


def _lines(data: bytes) -> list[tuple[int, bytes]]:
    """Return each line with its place where every one begins as a resource does; else none."""
    lines, offset = [], 0
    for line in data.splitlines(keepends=True):
        body = line.strip()
        if body:
            if not body.removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
                return []
            lines.append((offset + line.index(body), body))
        offset += len(line)
    return lines


def _read_bundle(
    bundle: Bundle, data: bytes, channel: Channel, translators: Mapping[str, Translator]
) -> Iterator[Piece]:
    refusal = _refusal(bundle)
    if refusal is not None or not bundle.entry:
        yield from _message(0, data, _whole(bundle, data, channel, refusal))
        return
    parts = [_part(entry) for entry in bundle.entry]
    neighbours = Neighbours(
        (entry.full_url, part)
        for entry, part in zip(bundle.entry, parts, strict=True)
        if isinstance(part, Resource)
    )
    bundled_at = bundle.timestamp or (bundle.meta.last_updated if bundle.meta else "")
    unread: dict[str, int] = {}
    for part in parts:
        if isinstance(part, Unread):
            unread[part.type] = unread.get(part.type, 0) + 1
    offset, is_silent = 0, True
    for entry, part in zip(bundle.entry, parts, strict=True):
        raw = bytes(entry.resource)
        if not raw and part is None:
            continue
        at = data.index(raw, offset)
        offset = at + len(raw)
        if isinstance(part, Unread):
            count = unread.pop(part.type, 0)
            if not count:
                continue
            translation = unsupported(part.type, count, raw, channel)
        elif isinstance(part, Fault):
            translation = _unreadable(part)
        else:
            assert part is not None, "an entry without a resource is passed over"
            translation = _translated(part, raw, channel, translators, neighbours, bundled_at)
        is_silent = False
        yield from _message(at, raw, translation)
    if is_silent:
        yield from _message(0, data, _whole(bundle, data, channel, None))


def _refusal(bundle: Bundle) -> Fault | None:
    if len(bundle.entry) > ENTRIES_MAX:
        explanation = f"it has {len(bundle.entry):,} entries, and {ENTRIES_MAX:,} is the most"
        return fault("fhir.bundle.too_many", "Bundle.entry", explanation)
    if bundle.type not in _READ_BUNDLES:
        return fault("fhir.bundle.unsupported", "Bundle.type")
    return None


def _part(entry: BundleEntry) -> Resource | Unread | Fault | None:
    """Return an entry's resource; None where it asks for something only, or tells how it went."""
    if bytes(entry.resource):
        return read_part(bytes(entry.resource))
    if entry.request is not None and entry.request.method == "DELETE":
        return fault("fhir.entry.deleted", "Bundle.entry.request")
    return None


def _whole(bundle: Bundle, data: bytes, channel: Channel, refusal: Fault | None) -> Translation:
    """Tell of a bundle as one message: it is refused, or has nothing to say."""
    draft = Draft(bundle, data, channel)
    if refusal is not None:
        draft.faults.append(refusal)
    verdict = draft.verdict(recorded=bundle.timestamp)
    if refusal is not None and refusal.code == "fhir.bundle.too_many":
        return msgspec.structs.replace(verdict, status="rejected", identities=())
    return verdict


def _translated(
    resource: Resource | Unread,
    raw: bytes,
    channel: Channel,
    translators: Mapping[str, Translator],
    neighbours: Neighbours,
    bundled_at: str,
) -> Translation:
    """Translate a resource, unless its source is not to send FHIR; a rehearsal notes that."""
    if isinstance(resource, Unread):
        return unsupported(resource.type, 1, raw, channel)
    translator = translators.get(type_of(resource))
    if translator is None:
        return unsupported(type_of(resource), 1, raw, channel)
    draft = Draft(resource, raw, channel, neighbours, bundled_at)
    reason = misdirected(channel, "fhir", "", type_at="resourceType", processing_at="")
    if reason is None:
        return translator(draft, resource)
    if channel.is_rehearsal:
        draft.notes.append(reason)
        return translator(draft, resource)
    draft.faults.insert(0, reason)
    return msgspec.structs.replace(draft.verdict(), identities=())


def _unreadable(wrong: Fault) -> Translation:
    return Translation(
        format="fhir", type=UNREADABLE_TYPE, control_id="", status="rejected", faults=(wrong,)
    )


def _message(offset: int, raw: bytes, translation: Translation) -> Iterator[Piece]:
    yield Begun(recorded_at_ms=translation.recorded_at_ms)
    yield Reading(
        translation=translation,
        offset=offset,
        bytes_count=len(raw),
        content_sha256=content_digest(raw) if translation.identities else b"",
    )
