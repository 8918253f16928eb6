"""The journal API passes the contract of settings; what it does is `test_erp_journal_api.py`."""

from __future__ import annotations

from typing import Any

from tests.contracts.door_contract import SettingsContract

from suture.connectors.erp.journal_api.settings import JournalApiSettings


class TestJournalApiSettings(SettingsContract):
    """Settings of a journal API."""

    connector = "journal_api"
    settings_type = JournalApiSettings

    def valid(self) -> Any:
        return JournalApiSettings(url="https://erp.example", allow=("erp.example:443",))
