"""The door of a file source, as the engine opens it; the folder itself is `folder.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from suture.connectors.files.folder import Folder, FolderSettings, FoundFile, unusable
from suture.connectors.files.settings import FilesSettings
from suture.connectors.ports import FileDoor, Surroundings
from suture.model.fault import Fault


class FolderDoor:
    """A folder of this machine; fills the port `FileDoor`. Its calls are short and never wait."""

    def __init__(self, folder: Folder) -> None:
        """Take the folder."""
        self._folder = folder
        self.address = str(folder.settings.folder)

    async def find(self, at_seconds: float) -> Sequence[FoundFile] | Fault:
        try:
            return self._folder.find(at_seconds)
        except OSError as error:
            return unusable(error, self._folder.settings.folder)

    async def open(self, file: FoundFile) -> BinaryIO:
        return self._folder.open(file)

    async def settle(self, file: FoundFile, *, identity: str) -> None:
        self._folder.settle(file, identity=identity)

    async def put_aside(self, file: FoundFile, *, identity: str) -> None:
        self._folder.put_aside(file, identity=identity)

    async def reply(self, name: str, content: bytes) -> None:
        self._folder.reply(name, content)

    async def close(self) -> None:
        """Do nothing: a folder is not held open."""


async def open_door(
    settings: FilesSettings, surroundings: Surroundings
) -> FileDoor[FoundFile] | Fault:
    """Make the folders that are missing, or say why not."""
    told = msgspec.structs.asdict(settings)
    told["folder"] = surroundings.home / settings.folder
    try:
        return FolderDoor(Folder(FolderSettings(**told)))
    except OSError as error:
        return unusable(error, told["folder"])
