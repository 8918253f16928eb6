"""What people call something, turned into ids: numbers on paper, names of files, ids in any case.

A claim (`CLP01`), visit (`PV1-19`), account (`PID-18`) or patient number is kept as a surrogate
only, and a file's name sealed: with the installation's keys at hand a number is turned into its
surrogates, one for each authority of the estate's sources, and the names of recent files are opened
and compared. Nothing that is found repeats what was asked. What hangs on an id is
`store/lineage.py`.
"""

from __future__ import annotations

import re

from suture.catalogue import PROCESSES
from suture.governance.estate import Estate
from suture.model.identity import PREFIXES, Tokenizer
from suture.security.keys import KeyRing, UnknownKeyError
from suture.security.phi import SealBrokenError, name_context, open_sealed
from suture.store.database import Database
from suture.store.lineage import Lineage, trace
from suture.store.search import find_messages_by_trace, find_streams, read_sealed_names
from suture.translate.hl7v2_common import shown_control_id

FILES_OPENED_MAX = 2_000
"""Names of files that are opened to find one: the last ones."""

_IDENTITY = re.compile(r"(msg|evt|ent|exc|trn|rel)_\S+")
_SURROGATE = re.compile(rf"({'|'.join(PREFIXES.values())})_[0-9a-v]{{26}}")
_REFERENCE = re.compile(r"SUT[0-9A-Z]{13}")

WHAT_IDS_LOOK_LIKE = (
    "Ids begin with msg_ (a message), trn_ (a file), evt_, ent_, exc_, rel_ (a release), or with "
    "acc_, clm_, vis_ and their like; a journal is SUT and 13 characters. Or ask for the ERP's "
    "document, a control id (MSH-10), a check or EFT number (TRN02), the name of a file that came "
    "lately, or an account, visit, claim or patient number as it is written."
)


async def find(
    database: Database, asked: str, *, estate: Estate | None, key_ring: KeyRing | None
) -> list[Lineage]:
    """Return the lineage of everything that is called so; nothing when nothing is.

    Without the estate and the keys, what is kept as a surrogate or sealed is not found.
    """
    name = asked.strip()
    lineages = [await trace(database, _spelt(name))]
    if key_ring is not None:
        named = shown_control_id(asked, Tokenizer(key_ring.index_key))
        if named != asked:  # a control id of free text is kept as its surrogate
            lineages.append(await trace(database, named))
    if not _IDENTITY.fullmatch(name.lower()):
        found = [
            *await find_messages_by_trace(database, name),
            *await find_streams(database, _streams(name, estate, key_ring)),
            *(await _files_named(database, name, key_ring) if key_ring is not None else ()),
        ]
        lineages += [await trace(database, each) for each in found]
    return [each for each in lineages if each is not None]


def _spelt(name: str) -> str:
    """Return a name as the store may hold it: ids of ours have one case only."""
    if _IDENTITY.fullmatch(name.lower()):
        return name.lower()
    return name.upper() if _REFERENCE.fullmatch(name.upper()) else name


def _streams(name: str, estate: Estate | None, key_ring: KeyRing | None) -> list[str]:
    """Return every stream that a surrogate, or the surrogates of a number, could be the key of."""
    keys: list[str] = []
    if _SURROGATE.fullmatch(name.lower()):
        keys = [name.lower()]
    elif key_ring is not None:
        tokenizer = Tokenizer(key_ring.index_key)
        sources = estate.sources.values() if estate else ()
        authorities = {"", *(source.authority for source in sources)}
        keys = [
            tokenizer.token(kind, authority, name) for kind in PREFIXES for authority in authorities
        ]
    return [f"{process}/{key}" for process in PROCESSES for key in keys]


async def _files_named(database: Database, name: str, key_ring: KeyRing) -> list[str]:
    found = []
    for transmission_id, sealed in await read_sealed_names(database, files_max=FILES_OPENED_MAX):
        try:
            context = name_context(transmission_id)
            opened = open_sealed(sealed, key_ring=key_ring, context=context).decode()
        except (SealBrokenError, UnknownKeyError, UnicodeDecodeError):
            continue  # another file's damage is `reconcile`'s to tell
        if opened == name:
            found.append(transmission_id)
    return found
