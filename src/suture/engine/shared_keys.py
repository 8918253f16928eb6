"""The keys of a database: every home that works on it has the same, or does not start.

Sealed messages open only under the keys they were sealed with, and surrogates meet only where they
were made with one index key. Other keys would not fail: they would seal on, unreadable to everybody
else, and give every patient's account a second name. So the database keeps a fingerprint of each
key (`setting`), and whoever starts compares. The keys are `security/keys.py`; how homes share and
keep them is docs/operating/keys.md.
"""

from __future__ import annotations

from pathlib import Path

from suture.security.keys import KeyFileError, KeyRing, holds_keys, open_key_ring
from suture.store.database import Database
from suture.store.releases import fixed_setting, holds_messages, read_settings

SETTING_PREFIX = "key:"
_ADVICE = (
    "Copy the key directory of the home that filled it (HOME/keys) to this one, or restore it from "
    "its backup: homes that share one DATABASE_URL share their keys (docs/operating/keys.md)."
)


async def shared_key_ring(database: Database, directory: Path, *, may_make: bool = True) -> KeyRing:
    """Return the keys in a directory once they are known to be those of the database.

    Keys are made only for a database that was never filled: its first home's first start. Raises
    KeyFileError where they are missing, incomplete or others; nothing is made or written then.
    """
    known = await _known(database)
    is_filled = bool(known) or await holds_messages(database)
    if is_filled and not holds_keys(directory):
        raise KeyFileError(
            f"{directory} holds no keys, but the database was filled under some. {_ADVICE}"
        )
    makes = may_make and not is_filled
    key_ring = open_key_ring(directory) if makes else KeyRing.load(directory)
    fingerprints = key_ring.fingerprints()
    _compare(directory, fingerprints, known)
    agreed = {
        name: await fixed_setting(database, f"{SETTING_PREFIX}{name}", fingerprint)
        for name, fingerprint in fingerprints.items()
        if name not in known
    }
    _compare(directory, fingerprints, agreed)  # another home may have started at this moment
    return key_ring


async def _known(database: Database) -> dict[str, str]:
    settings = await read_settings(database, SETTING_PREFIX)
    return {name.removeprefix(SETTING_PREFIX): value for name, value in settings.items()}


def _compare(directory: Path, fingerprints: dict[str, str], known: dict[str, str]) -> None:
    for name, fingerprint in known.items():
        if name not in fingerprints:
            raise KeyFileError(
                f"{directory / name} is missing: what it sealed would not open. {_ADVICE}"
            )
        if fingerprints[name] != fingerprint:
            raise KeyFileError(
                f"{directory / name} is not the key the database was filled under. {_ADVICE}"
            )
