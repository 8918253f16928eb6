"""What `[webhook]` of a destination may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

from collections.abc import Iterator

from suture.connectors.sending import HttpPosting
from suture.governance.connector import SecretReference
from suture.governance.reading import Document, Keys, invalid
from suture.model.fault import Fault
from suture.wire.cloudevents import CloudEvent, fault_of


class WebhookSettings(HttpPosting, frozen=True, kw_only=True):
    """Where a receiver's webhook is, and how it knows that it is we who post."""

    signing_secret: SecretReference
    """`whsec_` and base64; it may hold two, one on each line, and each signs."""
    event_source: str = ""
    event_type: str = ""
    """Of CloudEvents, where both are said: messages are then events in binary mode."""

    def faults(self, document: Document, keys: Keys) -> Iterator[Fault]:
        """Yield what is wrong with where it leads, or with its events."""
        yield from super().faults(document, keys)
        if not self.signing_secret:
            reason = "a receiver must be able to know that it is we who post"
            yield invalid(document, (*keys, "signing_secret"), reason)
        if not (self.event_source or self.event_type):
            return
        wrong = fault_of(CloudEvent(id="1", source=self.event_source, type=self.event_type))
        if wrong is not None:
            key = "event_type" if wrong.where == "type" else "event_source"
            yield invalid(document, (*keys, key), wrong.explanation)
