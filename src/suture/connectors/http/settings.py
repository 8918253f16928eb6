"""What `[http]` of a source may say; README.md tells it to whoever fills it in."""

from __future__ import annotations

from suture.connectors.listening import HttpListening


class HttpSettings(HttpListening, frozen=True, kw_only=True):
    """Where an HTTP source listens, and whom it lets in."""
