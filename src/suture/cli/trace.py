"""`suture trace PATH|ID...`: what a file would come to, or where an id leads."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from suture.cli.ending import WELL
from suture.pipeline import PROCESSES

_IDENTITY = re.compile(
    r"(msg|evt|ent|exc)_[0-9a-v.]+|exc_delivery\.[0-9.]+|SUT[0-9A-Z]{4}[0-9]{9}", re.ASCII
)


def run(
    targets: Sequence[str],
    *,
    estate: Path | None,
    events_max: int,
    home: Path | None,
    as_json: bool,
) -> int:
    """Trace each target in its order; files touch nothing, ids are looked up in the store."""
    code = WELL
    for is_of_files, group in groupby(targets, key=is_path):
        if is_of_files:
            from suture.cli.trace_file import index_key_at, run_files

            found = run_files(
                [Path(each) for each in group],
                estate,
                index_key=index_key_at(home, os.environ),
                events_max=events_max,
                as_json=as_json,
            )
        else:
            from suture.cli.trace_identity import run_identities

            found = run_identities(list(group), home=home, as_json=as_json)
        code = max(code, found)
    return code


def is_path(target: str) -> bool:
    """Whether a target means a file: it exists, or it looks like one and like no id."""
    if Path(target).exists():
        return True
    if _IDENTITY.fullmatch(target) or target.partition("/")[0] in PROCESSES:
        return False
    return bool(Path(target).suffix) or "/" in target
