"""The server behind the store: whether our SQL runs on it, and whether it keeps what it commits.

The embedded server is ours (`embedded.py`); a server of DATABASE_URL is somebody else's, and may be
an old one, or one that was made fast by being made forgetful. A message is acknowledged when its
commit is answered, so what a commit means is what an acknowledgement means.

**An older server is refused; a forgetful one is warned of.** The version decides whether our SQL
means anything there, and nobody can want it otherwise. The three settings do not decide: full-page
writes are rightly off on file systems that never tear a page, managed servers keep their log by
other means and report what they like, and a test server may forget. Refusing would lock out sound
installations for what only their owners know, so they are told, wherever they look: in the log of
`suture serve`, and by `suture status` for as long as it is so.

What a role or database says of `synchronous_commit` does not count: our own connections ask for it
(`database.py`). It is looked at all the same, on such a connection, for a pooler in between may
drop what is asked.
"""

from __future__ import annotations

import msgspec

from suture.model.fault import Fault, fault
from suture.store.database import WORK, Database, connected
from suture.store.embedded import VERSION_MIN
from suture.store.queries import QUERIES

_LOST_WITHOUT = {
    "fsync": "what was acknowledged may be lost, and the database with it, when the machine fails",
    "full_page_writes": "a page that was half written when the machine failed cannot be mended, "
    "unless the file system never tears one",
    "synchronous_commit": "what was acknowledged in the last moments is lost when the server fails",
}


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a server reports of itself, on a connection of ours."""

    version_number: int
    """160004 is 16.4."""
    version: str
    """As people say it."""
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    """`on`, `remote_apply`, `remote_write` and `local` all wait for the server's own disk."""


def version_fault(settings: ServerSettings) -> Fault | None:
    """Return why this server cannot be used at all; None where it can."""
    if settings.version_number >= VERSION_MIN * 10_000:
        return None
    told = f"The server is PostgreSQL {settings.version}, and Suture needs {VERSION_MIN} or newer."
    return fault("store.version.unsupported", "server_version", told)


def durability_faults(settings: ServerSettings) -> tuple[Fault, ...]:
    """Return what keeps "acknowledged" from meaning "durable" on this server."""
    return tuple(
        fault("store.not_durable", name, f"`{name}` is off at the server: {lost}.")
        for name, lost in _LOST_WITHOUT.items()
        if getattr(settings, name) == "off"
    )


async def read_server(database: Database) -> ServerSettings:
    """Return what the server reports. Raises StoreUnavailableError."""
    (row,) = await database.fetch("server_settings")
    return ServerSettings(**dict(row))


async def ask_server(dsn: str) -> ServerSettings:
    """Return the same before the store is opened. Raises what the driver raises."""
    async with connected(dsn, WORK) as connection:
        row = await connection.fetchrow(QUERIES["server_settings"])
        assert row is not None, "settings are one row"
        return ServerSettings(**dict(row))
