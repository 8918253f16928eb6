"""A peer that misbehaves a thousand times writes a few lines into the log, and hides no other."""

from __future__ import annotations

from structlog.testing import capture_logs

from suture.engine.complaints import KINDS_MAX, QUIET_SECONDS, Complaints

MANY = "mllp.connections.too_many"


def test_b4_a_flood_of_connections_is_a_few_lines_and_their_count() -> None:
    now = 100.0
    complaints = Complaints(lambda: now)
    with capture_logs() as logged:
        for _ in range(5_000):
            complaints.observe(MANY, "10.0.0.1")
        complaints.observe(MANY, "10.0.0.2")
        complaints.observe("mllp.frame.overdue", "10.0.0.1")
        now += QUIET_SECONDS
        complaints.observe(MANY, "10.0.0.1")
    assert [
        (MANY, "10.0.0.1", 1),
        (MANY, "10.0.0.2", 1),
        ("mllp.frame.overdue", "10.0.0.1", 1),
        (MANY, "10.0.0.1", 5_000),
    ] == [(line["code"], line["peer"], line["times"]) for line in logged]


def test_what_is_remembered_of_peers_is_bounded() -> None:
    complaints = Complaints(lambda: 1.0)
    with capture_logs() as logged:
        for number in range(3 * KINDS_MAX):
            complaints.observe(MANY, str(number))
    assert 3 * KINDS_MAX == len(logged)
    assert len(complaints._told_at) + len(complaints._untold) <= 2 * KINDS_MAX
