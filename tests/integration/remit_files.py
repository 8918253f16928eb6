"""Remittance files in a folder: how a test makes them, drops them, and sees where they went.

What is in an 835 is `tests/specs/riverbend_messages.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.riverbend_store import Riverbend
from tests.specs.riverbend_messages import Claim, interchange, remittance


def paid(number: str, charge: int = 20_000) -> Claim:
    """Return a claim of which the contract takes a quarter."""
    return Claim(number, charge, (("CO", "45", charge // 4),), payer_number=f"ICN{number}")


def remit(trace: str = "T1", *claims: Claim, number: int = 1, **told: Any) -> bytes:
    """Return a file with one remittance."""
    return interchange(remittance(trace, *(claims or (paid("C1"),)), **told), number=number)


def put(folder: Path, content: bytes, name: str = "a.835") -> Path:
    """Drop a file."""
    path = folder / name
    path.write_bytes(content)
    return path


def filed(folder: Path, into: str) -> list[str]:
    """Return the names of files in a sub-folder, without the ids before them."""
    return sorted(path.name.partition("-")[2] for path in (folder / into).iterdir())


async def statuses(riverbend: Riverbend) -> list[tuple[str, str]]:
    """Return type and verdict of every message, in the order of the file."""
    rows = await riverbend.rows("select type, status from message order by received_at, id")
    return sorted((row["type"], row["status"]) for row in rows)
