"""One booking posted by the tables of the sample estate, and its lines as an accountant reads them.

For the chapters on journal rules (`test_ledger_*.py`); whole messages are `riverbend_books.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.ledger.entry import Line, Posting
from suture.ledger.post import post
from suture.model.decision import Booking
from suture.model.money import format_amount

Post = Callable[[Booking], Posting]


def poster(files: Mapping[str, bytes], *, source: str, stream: str) -> Post:
    """Return a function that posts what a source's stream decides; nothing of it may be parked."""
    estate = load(files, CONNECTORS)
    assert isinstance(estate, Estate)

    def posted(booking: Booking) -> Posting:
        posting = post(
            booking,
            books=estate.books,
            source=source,
            entry_id="ent_1",
            stream=stream,
            revision=1,
            event_id="evt_1",
            received_at_ms=0,
        )
        assert isinstance(posting, Posting)
        return posting

    return posted


def side_of(line: Line) -> str:
    """Render a line's side, account and amount: `Dr 1100 250.00`."""
    side = "Dr" if line.debit_minor else "Cr"
    return f"{side} {line.account} {format_amount(line.debit_minor or line.credit_minor)}"
