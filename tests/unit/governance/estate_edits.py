"""The sample estate with something else in it, and where in its files that stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from suture.config import read_folder

FILES = read_folder(Path(__file__).parents[3] / "estates" / "riverbend")


def edited(path: str, old: str, new: str) -> dict[str, bytes]:
    """Return the sample estate with one text of one file replaced, which stands there once."""
    text = FILES[path].decode()
    assert 1 == text.count(old)
    return FILES | {path: text.replace(old, new).encode()}


def added(path: str, *lines: str) -> dict[str, bytes]:
    """Return the sample estate with lines added at the end of one file."""
    return FILES | {path: FILES[path] + "".join(f"{line}\n" for line in lines).encode()}


def line_of(path: str, text: str, files: Mapping[str, bytes] = FILES) -> str:
    """Return the place of the line that holds this text."""
    lines = files[path].decode().splitlines()
    return f"{path}:{next(number for number, line in enumerate(lines, 1) if text in line)}"
