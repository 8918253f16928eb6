"""What `[files]` of a source may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

from pathlib import PurePath
from typing import ClassVar

from suture.governance.connector import Count, Seconds, SourceKind, SourceSettings


class FilesSettings(SourceSettings, frozen=True, kw_only=True):
    """A watched folder, relative to the data folder, and when a file in it is whole."""

    kind: ClassVar[SourceKind] = "file"

    folder: str
    pattern: str = "*"
    stable_seconds: Seconds = 2.0
    """A file is whole when it stood still for so long ..."""
    done_suffix: str = ""
    """... or, where this is set, only when `<name><suffix>` lies beside it."""
    bytes_max: Count = 4 * 1024**3
    keep_files: bool = False
    """Keep settled files, in clear, in `archive/`; else only the sealed copy in the store stays."""

    def address(self, home: PurePath) -> str:
        """Return the folder with the pattern of names that are taken."""
        return str(home / self.folder / self.pattern)
