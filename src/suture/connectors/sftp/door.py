"""SFTP sources (`folder.py`) and destinations (`destination.py`), as the engine opens them.

The library that speaks SSH is an extra of the installation, so it is imported only here and only
when it is there.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from suture.connectors.ports import FileDoor, MessageDestination, Surroundings
from suture.connectors.sftp.settings import SftpDestinationSettings, SftpSettings
from suture.model.fault import Fault, fault

_LIBRARY = "asyncssh"


async def open_door(settings: SftpSettings, surroundings: Surroundings) -> FileDoor[Any] | Fault:
    """Connect and make the folders that are missing, or say why not."""
    if find_spec(_LIBRARY) is None:
        return fault("sftp.library.absent", settings.place)
    folder = import_module("suture.connectors.sftp.folder")
    opened: FileDoor[Any] | Fault = await folder.open_folder(settings, surroundings)
    return opened


async def open_messages(
    settings: SftpDestinationSettings, surroundings: Surroundings
) -> MessageDestination | Fault:
    """Make ready to send; nothing is connected before the first message."""
    if find_spec(_LIBRARY) is None:
        return fault("sftp.library.absent", settings.place)
    destination = import_module("suture.connectors.sftp.destination")
    session = import_module("suture.connectors.sftp.session")
    opened: MessageDestination = destination.SftpDestination(
        settings, session.Session(settings, surroundings.secret)
    )
    return opened
