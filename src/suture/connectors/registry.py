"""Every connector there is, one line each; and how one is opened.

A connector is a folder: `settings.py` (what its table in the estate may say), `door.py` (how it is
opened), `README.md` (for whoever fills it in). A new one is such a folder and its line here.
`door.py` is imported only where a door is opened, so that checking an estate loads no library of
any protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec

from suture.connectors.broker.settings import BrokerDestinationSettings, BrokerSettings
from suture.connectors.database.settings import DatabaseSettings
from suture.connectors.erp import ErpDestination
from suture.connectors.erp.journal_api.settings import JournalApiSettings
from suture.connectors.fhir_rest.settings import FhirRestSettings
from suture.connectors.files.settings import FilesSettings
from suture.connectors.http.settings import HttpSettings
from suture.connectors.mllp.settings import MllpDestinationSettings, MllpSettings
from suture.connectors.ports import (
    FileDoor,
    MessageDestination,
    MessageDoor,
    PullDoor,
    Surroundings,
    Taker,
)
from suture.connectors.sftp.settings import SftpDestinationSettings, SftpSettings
from suture.connectors.webhook.settings import WebhookSettings
from suture.governance.connector import Connectors, DestinationSettings, SourceSettings
from suture.model.fault import Fault

CONNECTORS = Connectors(
    sources={
        "broker": BrokerSettings,
        "database": DatabaseSettings,
        "fhir_rest": FhirRestSettings,
        "files": FilesSettings,
        "http": HttpSettings,
        "mllp": MllpSettings,
        "sftp": SftpSettings,
    },
    destinations={
        "broker": BrokerDestinationSettings,
        "journal_api": JournalApiSettings,
        "mllp": MllpDestinationSettings,
        "sftp": SftpDestinationSettings,
        "webhook": WebhookSettings,
    },
)


async def open_message_door(
    settings: SourceSettings, taker: Taker, surroundings: Surroundings
) -> MessageDoor | Fault:
    """Open the door of a source that listens."""
    opened: MessageDoor | Fault = await _opener(settings)(settings, taker, surroundings)
    return opened


async def open_file_door(
    settings: SourceSettings, surroundings: Surroundings
) -> FileDoor[Any] | Fault:
    """Open the door of a source that brings files."""
    opened: FileDoor[Any] | Fault = await _opener(settings)(settings, surroundings)
    return opened


async def open_pull_door(settings: SourceSettings, surroundings: Surroundings) -> PullDoor | Fault:
    """Open the door of a source that is asked."""
    opened: PullDoor | Fault = await _opener(settings)(settings, surroundings)
    return opened


def open_journals(
    settings: DestinationSettings, token: Callable[[], str]
) -> ErpDestination | Fault:
    """Open a destination that takes journals; its token is asked for whenever it is needed."""
    opened: ErpDestination | Fault = _opener(settings, "open_journals")(settings, token)
    return opened


async def open_messages(
    settings: DestinationSettings, surroundings: Surroundings
) -> MessageDestination | Fault:
    """Open a destination that takes messages; nothing is connected before the first of them."""
    opened: MessageDestination | Fault = await _opener(settings, "open_messages")(
        settings, surroundings
    )
    return opened


def _opener(settings: msgspec.Struct, name: str = "open_door") -> Callable[..., Any]:
    """Return what opens a connector: a function of `door.py`, beside its settings."""
    folder = type(settings).__module__.rpartition(".")[0]
    opener: Callable[..., Any] = getattr(import_module(f"{folder}.door"), name)
    return opener
