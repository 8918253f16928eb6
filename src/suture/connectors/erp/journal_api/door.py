"""The destination of an estate that speaks the journal API, as the engine opens it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from suture.connectors.egress import Limits
from suture.connectors.erp import ErpDestination
from suture.connectors.erp.journal_api.connector import JournalSettings, open_destination
from suture.connectors.erp.journal_api.settings import JournalApiSettings
from suture.model.fault import Fault


def open_journals(settings: JournalApiSettings, token: Callable[[], str]) -> ErpDestination | Fault:
    """Open it; its token is asked for before every request."""
    told = JournalSettings(
        url=settings.url,
        allow=settings.allow,
        is_plaintext_accepted=settings.is_plaintext_accepted,
        limits=Limits(**msgspec.structs.asdict(settings.limits)),
    )
    return open_destination(told, token)
