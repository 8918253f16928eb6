"""`suture trace PATH|ID...`: what a file would come to, or where an id leads.

The name of a file that was dropped into an inbox is an id too: it is no path here any more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from suture.catalogue import PROCESSES
from suture.cli.ending import WELL

_IDENTITY = re.compile(
    r"(msg|evt|ent|exc|trn|rel)_[0-9a-v.]+|exc_delivery\.[0-9.]+|SUT[0-9A-Z]{13}",
    re.ASCII | re.IGNORECASE,
)


def run(
    targets: Sequence[str],
    *,
    estate: Path | None,
    events_max: int,
    home: Path | None,
    as_json: bool,
    source: str = "",
) -> int:
    """Trace each target in its order; files touch nothing, ids are looked up in the store."""
    code = WELL
    for is_of_files, group in groupby(targets, key=lambda each: is_path(each, home)):
        if is_of_files:
            from suture.cli.trace_file import index_key_at, run_files

            found = run_files(
                [Path(each) for each in group],
                estate,
                index_key=index_key_at(home, os.environ),
                events_max=events_max,
                as_json=as_json,
                source=source,
            )
        else:
            from suture.cli.trace_identity import run_identities

            found = run_identities(list(group), home=home, as_json=as_json)
        code = max(code, found)
    return code


def is_path(target: str, home: Path | None = None) -> bool:
    """Whether a target means a file: it exists, or it looks like one and like no id.

    What is no file here may be the name of one that an inbox took, or an X12 control id
    (`000000001/1/0001`), where there is an installation to ask.
    """
    path = Path(target)
    if path.exists():
        return True
    if _IDENTITY.fullmatch(target) or target.partition("/")[0] in PROCESSES:
        return False
    if target.startswith(("/", ".", "~")) or ("/" in target and path.suffix):
        return True
    return bool("/" in target or path.suffix) and not _is_installed(home)


def _is_installed(home: Path | None) -> bool:
    from suture.app import InstallationError, existing_installation

    try:
        existing_installation(home)
    except InstallationError:
        return False
    return True
