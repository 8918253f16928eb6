"""Limits that several connectors share, as settings say them. Bounds are in the types."""

from __future__ import annotations

import msgspec

from suture.governance.connector import Count, Seconds


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may cost; `connect` covers waiting for a free connection, DNS, TCP, TLS."""

    connect_seconds_max: Seconds = 5.0
    total_seconds_max: Seconds = 30.0
    reply_bytes_max: Count = 1024 * 1024
    connections_max: Count = 8
