"""How a source's door is told: where it is, what may come in, and what an acknowledgement says.

For `suture check`, `suture serve` and `suture status`. What a source says for itself is
`governance/connections.py`; whether its door is open, `engine/doors.py`.
"""

from __future__ import annotations

from pathlib import Path

from suture.governance.connections import ACKNOWLEDGING_CONNECTORS, Source

_PROCESSINGS = {"P": "production", "T": "tests only"}
_ACKS = {"stored": "acknowledges what is stored", "understood": "answers AE to what is held"}


def address(source: Source, home: Path = Path()) -> str:
    """Return where a source's messages come in; `home` is the folder its inbox lies in."""
    if source.mllp is not None:
        return f"mllp {source.mllp.host}:{source.mllp.port or 'any free port'}"
    assert source.files is not None, "a source has one of the two"
    return f"files {home / source.files.folder / source.files.pattern}"


def policy(source: Source) -> str:
    """Return what a source may send and what becomes of it, in a few words."""
    words = [", ".join(source.translations), _PROCESSINGS[source.processing]]
    if source.connector in ACKNOWLEDGING_CONNECTORS:
        words.append(_ACKS[source.ack])
    return "; ".join(words)


def told(source: Source, home: Path = Path()) -> dict[str, object]:
    """Return the same by the keys of `suture check --json` and `suture status --json`."""
    return {
        "source": source.name,
        "connector": source.connector,
        "address": address(source, home).removeprefix(f"{source.connector} "),
        "translation": source.translations,
        "processing": source.processing,
        "ack": source.ack if source.connector in ACKNOWLEDGING_CONNECTORS else None,
    }
