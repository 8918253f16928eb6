"""`suture check ESTATE`: every fault of an estate by file and line, or what it holds when sound."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from suture.cli import doors
from suture.cli.ending import FOUND, WELL, UsageError
from suture.cli.screen import chip, count, line, open_console, plain, plain_table, print_json
from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.connections import Destination
from suture.governance.estate import Estate, load
from suture.model.fault import Fault


def run(folder: Path, *, as_json: bool) -> int:
    """Check the estate in a folder and print what was found."""
    files = read_estate_files(folder)
    estate = load(files, CONNECTORS)
    faults = () if isinstance(estate, Estate) else estate
    if as_json:
        print_json(
            {
                "estate": str(folder),
                "sound": not faults,
                "release": estate.release_id if isinstance(estate, Estate) else "",
                "faults": [_told(each) for each in faults],
                "counts": _counts(estate, files) if isinstance(estate, Estate) else {},
                "sources": [doors.told(each) for each in estate.sources.values()]
                if isinstance(estate, Estate)
                else [],
                "destinations": [_destination(each) for each in estate.destinations.values()]
                if isinstance(estate, Estate)
                else [],
            }
        )
    elif isinstance(estate, Estate):
        _print_sound(folder, estate, files)
    else:
        print_faults(faults)
    return FOUND if faults else WELL


def read_estate_files(folder: Path) -> dict[str, bytes]:
    """Return the files of an estate's folder. Raises UsageError where there is no such folder."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}: name one that holds an estate.toml")
    return read_folder(folder)


def print_faults(faults: Sequence[Fault]) -> None:
    """Print the faults of an estate, file by file, with what to do about each."""
    console = open_console()
    path = ""
    for each in faults:
        file, number = _place(each)
        if file != path:
            console.print(line((plain(file), "bold"), indent=0))
            path = file
        place = f"line {number}" if number else "file"
        console.print(line((f"{place:>9}  ", "cyan"), (each.code, "bold yellow"), indent=0))
        console.print(line(plain(each.explanation), indent=11))
        console.print(line(("→ ", "bold"), each.remedy, indent=11))
    files_count = len({_place(each)[0] for each in faults})
    console.print()
    console.print(
        line(
            ("NOT SOUND  ", "bold red"),
            f"{count(len(faults), 'fault')} in {count(files_count, 'file')}",
        )
    )


def _place(each: Fault) -> tuple[str, int]:
    file, _, number = each.where.partition(":")
    return file, int(number) if number.isdigit() else 0


def _told(each: Fault) -> dict[str, object]:
    file, number = _place(each)
    return {
        "code": each.code,
        "file": file,
        "line": number,
        "explanation": each.explanation,
        "remedy": each.remedy,
    }


def _counts(estate: Estate, files: Mapping[str, bytes]) -> dict[str, int]:
    return {
        "entities": len(estate.entities),
        "facilities": len(estate.facilities),
        "payer_classes": len(estate.payer_classes),
        "sources": len(estate.sources),
        "destinations": len(estate.destinations),
        "cost_centres": len(estate.cost_centres),
        "accounts": len(estate.books.accounts),
        "journal_rules": _rows(files["ledger/journal_rules.csv"]),
        "account_determinations": _rows(files["ledger/account_determination.csv"]),
        "periods": _rows(files["ledger/periods.csv"]),
        "crosswalk_rows": sum(
            _rows(content) for path, content in files.items() if path.startswith("crosswalks/")
        ),
    }


def _destination(destination: Destination) -> dict[str, object]:
    return {
        "destination": destination.name,
        "connector": destination.connector,
        "address": destination.settings.address,
        "entities": destination.entities,
        "policies": list(destination.policies),
    }


def _rows(table: bytes) -> int:
    """Return how many rows a CSV table has below its header."""
    return sum(1 for row in csv.reader(table.decode("utf-8-sig").splitlines()) if row) - 1


def _print_sound(folder: Path, estate: Estate, files: Mapping[str, bytes]) -> None:
    console = open_console()
    console.print(
        line(
            chip("sound"), "  ", (estate.name, "bold"), f"  {folder}  ", (estate.release_id, "dim")
        )
    )
    table = plain_table("", " ", right=[""], is_headed=False)
    for name, number in _counts(estate, files).items():
        table.add_row(f"{number:,}", name.replace("_", " "))
    console.print(table)
    for source in estate.sources.values():
        console.print(line("from  ", (source.name, "bold"), f"  {doors.address(source)}"))
        console.print(line((doors.policy(source), "dim"), indent=8))
    for destination in estate.destinations.values():
        console.print(
            line(
                "to    ",
                (destination.name, "bold"),
                f"  {destination.connector} at {destination.settings.address}",
            )
        )
        entities = ", ".join(destination.entities) or "every entity"
        console.print(line((f"{entities}; {', '.join(destination.policies)}", "dim"), indent=8))
