"""Every connector of the registry is whole: settings, a door, a README, a contract test."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from suture.connectors.registry import CONNECTORS
from suture.governance.connector import DestinationSettings, SourceSettings

HERE = Path(__file__).parent
ALL = [*CONNECTORS.sources.items(), *CONNECTORS.destinations.items()]


@pytest.mark.parametrize(("name", "settings"), ALL)
def test_a_connector_is_a_whole_folder(
    name: str, settings: type[SourceSettings | DestinationSettings]
) -> None:
    folder = Path(inspect.getfile(settings)).parent
    assert "settings" == settings.__module__.rpartition(".")[2]
    assert (folder / "README.md").is_file()
    door = import_module(f"{settings.__module__.rpartition('.')[0]}.door")
    openers = {"journal": "open_journals", "message": "open_messages"}
    is_destination = issubclass(settings, DestinationSettings)
    assert callable(getattr(door, openers[settings.kind] if is_destination else "open_door"))
    said = f'connector = "{name}"\n    settings_type = {settings.__name__}\n'
    assert any(said in test.read_text(encoding="utf-8") for test in HERE.glob("test_door_*.py")), (
        "its test inherits `SettingsContract`"
    )
