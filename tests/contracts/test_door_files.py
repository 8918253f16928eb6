"""A watched folder passes the contract of doors that hold files; its details are in tests/unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contracts.door_contract import SMALL_BYTES, FileDoorContract, SettingsContract

from suture.connectors.files.folder import ERROR, REPLIES
from suture.connectors.files.settings import FilesSettings
from suture.governance.connector import SourceSettings


class TestFilesSettings(SettingsContract):
    """Settings of a watched folder."""

    connector = "files"
    settings_type = FilesSettings

    def valid(self) -> Any:
        return FilesSettings(folder="inbox/remits")


class TestFolderDoor(FileDoorContract):
    """A folder of this machine."""

    def settings(self) -> SourceSettings:
        return FilesSettings(folder="inbox", stable_seconds=0.0, bytes_max=SMALL_BYTES)

    def unusable_settings(self) -> SourceSettings:
        (self.home / "in-the-way").write_text("a file where a folder should be")
        return FilesSettings(folder="in-the-way/inbox")

    async def put(self, name: str, content: bytes) -> None:
        partial = self._folder / f".{name}"
        partial.write_bytes(content)
        partial.replace(self._folder / name)

    async def inbox(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in self._folder.iterdir() if each.is_file()}

    async def aside(self) -> list[str]:
        return [each.name for each in (self._folder / ERROR).iterdir()]

    async def replies(self) -> dict[str, bytes]:
        return {each.name: each.read_bytes() for each in (self._folder / REPLIES).iterdir()}

    @property
    def _folder(self) -> Path:
        return self.home / "inbox"
