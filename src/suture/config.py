"""Settings of the product itself, read once at start; and an estate's folder, read as bytes.

Here: `suture.toml`, the few environment variables that override it, and the secrets that
configuration refers to (`env:NAME`, `file:path`). Below the composition root (`app.py`) no other
module reads the environment. What a provider configures, its sources, destinations, crosswalks and
rules, is the estate: `governance/estate.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from suture.governance.reading import Document, parse_toml, read_shape
from suture.model.fault import Fault, fault

SETTINGS_FILE = "suture.toml"
FILES_MAX = 1_000
FILE_BYTES_MAX = 8 * 1024 * 1024
SECRET_BYTES_MAX = 16 * 1024

_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@|[?&]password=", re.ASCII)

Count = Annotated[int, msgspec.Meta(ge=1, le=4_096)]


class EstateTooLargeError(ValueError):
    """The folder holds more than any estate: it is probably not one."""


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which PostgreSQL keeps everything."""

    url: str = ""
    """Address of a server; empty for the embedded one. DATABASE_URL overrides it."""
    binaries_folder: str = ""
    """PostgreSQL binaries for the embedded server; empty for the installed ones.
    SUTURE_POSTGRES_BIN overrides it."""
    connections_max: Count = 8
    """Of each worker and each command."""


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the work is divided."""

    partitions_count: Count = 16
    """Fixed when an installation is made: later values are ignored."""
    runners_count: Count = 2
    """Workers that handle events, each on its share of the partitions."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `suture.toml` may say; every setting has a default."""

    data_folder: str = ".suture"
    """Keys, archived files and the embedded database. SUTURE_DATA_FOLDER overrides it."""
    estate_folder: str = ""
    """The estate to bring into force at first start."""
    database: DatabaseSettings = DatabaseSettings()
    engine: EngineSettings = EngineSettings()


def load_settings(
    path: Path | None, environment: Mapping[str, str]
) -> Settings | tuple[Fault, ...]:
    """Read the settings: defaults, then the file (when there is one), then the environment.

    A password belongs into DATABASE_URL or a password file, never into the settings file (B90).
    Raises OSError when the file cannot be read.
    """
    document = parse_toml(path.name, path.read_bytes()) if path else Document("", "", {})
    if isinstance(document, Fault):
        return (document,)
    settings = read_shape(document, Settings)
    if not isinstance(settings, Settings):
        return tuple(settings)
    if _PASSWORD_IN_URL.search(settings.database.url):
        return (fault("estate.secret.literal", document.where(("database", "url"))),)
    database = msgspec.structs.replace(
        settings.database,
        url=environment.get("DATABASE_URL") or settings.database.url,
        binaries_folder=(
            environment.get("SUTURE_POSTGRES_BIN") or settings.database.binaries_folder
        ),
    )
    data_folder = environment.get("SUTURE_DATA_FOLDER") or settings.data_folder
    return msgspec.structs.replace(settings, database=database, data_folder=data_folder)


def read_folder(path: Path) -> dict[str, bytes]:
    """Return the files of an estate's folder by relative path, with `/` on every system.

    Links and names that begin with a point are left out: an estate is what its folder holds, the
    same on every machine. Raises OSError, EstateTooLargeError.
    """
    files: dict[str, bytes] = {}
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if file.is_symlink() or not file.is_file():
            continue
        if any(part.startswith(".") for part in relative.parts):
            continue
        if len(files) >= FILES_MAX or file.stat().st_size > FILE_BYTES_MAX:
            raise EstateTooLargeError(f"{path} is too large to be an estate, at {relative}")
        files[relative.as_posix()] = file.read_bytes()
    return files


def read_secret(reference: str, environment: Mapping[str, str]) -> str | Fault:
    """Return the secret that `env:NAME` or `file:path` refers to, without its last line end.

    Fault, which never holds the secret: `estate.secret.absent`.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        secret = environment.get(name, "")
    elif kind == "file":
        try:
            with Path(name).open("rb") as file:
                secret = file.read(SECRET_BYTES_MAX).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            explanation = f"`{reference}` cannot be read: {type(error).__name__}."
            return fault("estate.secret.absent", name, explanation)
    else:
        return fault("estate.secret.literal", "")
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret:
        return fault("estate.secret.absent", name, f"`{reference}` is empty.")
    return secret
