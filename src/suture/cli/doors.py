"""How a source's door is told: where it is, what may come in, and what an acknowledgement says.

For `suture check`, `suture serve` and `suture status`. What a source says for itself is
`governance/connections.py`; how its door is opened and kept, `engine/doors.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from suture.cli.screen import age, line
from suture.governance.connections import Source
from suture.model.fault import catalogue
from suture.store.releases import Door, Worker

_PROCESSINGS = {"P": "production", "T": "tests only"}
_ACKS = {"stored": "acknowledges what is stored", "understood": "answers AE to what is held"}


def address(source: Source, home: Path = Path()) -> str:
    """Return where a source's messages come in; `home` is the folder its inbox lies in."""
    return f"{source.connector} {source.settings.address(home)}"


def policy(source: Source) -> str:
    """Return what a source may send and what becomes of it, in a few words."""
    words = [", ".join(source.translations), _PROCESSINGS[source.processing]]
    if source.settings.is_acknowledging:
        words.append(_ACKS[source.ack])
    if source.line_numbers == "account":
        words.append("lines numbered in each account")
    return "; ".join(words)


def of(source: Source, workers: Sequence[Worker]) -> list[Door]:
    """Return the doors of a source at the workers that are alive."""
    return [door for each in workers for door in each.doors if door.source == source.name]


def state(source: Source, workers: Sequence[Worker]) -> dict[str, object]:
    """Return whether a source's door is open, by the keys of `suture status --json`.

    `open` at one worker at least, at the port that it got; `waiting` for what its code says;
    `closed` where no worker is alive to open it.
    """
    found = of(source, workers)
    reasons = [each for each in found if each.code]
    is_open = len(found) > len(reasons)
    is_heard = source.settings.kind == "message"
    actual = [each.address for each in found if not each.code and is_heard]
    return {
        **({"address": actual[0]} if actual else {}),
        "state": "open" if is_open else "waiting" if found else "closed",
        "code": reasons[0].code if reasons else "",
        "explanation": reasons[0].explanation if reasons else "",
        "remedy": catalogue()[reasons[0].code].remedy if reasons else "",
        "faults": faults(found),
        "unframed_bytes": sum(each.unframed_bytes for each in found),
    }


def faults(found: Iterable[Door]) -> dict[str, int]:
    """Return what went wrong on the connections of these doors, the most frequent first."""
    total: Counter[str] = Counter()
    for each in found:
        total.update(each.faults)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def print_faults(
    console: Console, sources: Iterable[Source], workers: Sequence[Worker], at: datetime
) -> None:
    """Print what went wrong on connections since the doors opened, and in which time."""
    for source in sources:
        found = of(source, workers)
        met = faults(found)
        unframed = sum(each.unframed_bytes for each in found)
        known = catalogue()
        told = [
            f"{known[code].title if code in known else code}: {times:,}"
            for code, times in met.items()
        ]
        if unframed:
            told.append(f"Bytes outside of any frame: {unframed:,}")
        for words in told:
            since = age((at - min(each.since for each in found)).total_seconds())
            console.print(line((f"{source.name} met  ", "bold yellow"), f"{words} (in {since})"))


def print_waiting(
    console: Console, sources: Iterable[Source], workers: Sequence[Worker], at: datetime
) -> None:
    """Print the doors that are not open, why, since when, and what to do."""
    for source in sources:
        for door in of(source, workers):
            if door.code:
                reason = f"{door.explanation}, for {age((at - door.since).total_seconds())}"
                console.print(line((f"{source.name} is not open  ", "bold red"), reason))
                console.print(line(("→ ", "bold"), catalogue()[door.code].remedy, indent=6))


def told(source: Source, home: Path = Path()) -> dict[str, object]:
    """Return the same by the keys of `suture check --json` and `suture status --json`."""
    return {
        "source": source.name,
        "connector": source.connector,
        "address": address(source, home).removeprefix(f"{source.connector} "),
        "translation": source.translations,
        "processing": source.processing,
        "line_numbers": source.line_numbers,
        "ack": source.ack if source.settings.is_acknowledging else None,
    }
