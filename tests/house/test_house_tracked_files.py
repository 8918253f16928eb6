"""What is under version control belongs to the project alone: no machine's place, address or key.

A path of somebody's home, the address of a package index or a private key would each make the
project work on one machine only, or worse, elsewhere. Some patterns spell a letter as a class of
one (`[y]`), so that this file may be checked like any other.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

_FILE_BYTES_MAX = 1_000_000

_STARTS_A_PATH = r"(?<![\w.~)}-])"
_HOMES = _STARTS_A_PATH + r"/(?:roo[t]|home/[a-z_][\w-]*|Users/[A-Za-z][\w-]*)/"
_REGISTRIES = r"p[y]pi\.org|p[y]thonhosted\.org|n[p]mjs\.org|inde[x]-url|fin[d]-links"
_KEYS = r"-----BEGIN [A-Z ]*PRIVAT[E] KEY-----|\bAKI[A][0-9A-Z]{16}\b"

_ORDINARY_FOLDERS = {"/", "/app", "/build", "/home", "/opt", "/src", "/srv", "/usr/src"}
_ORDINARY_FOLDERS |= {tempfile.gettempdir()}
"""Where a checkout may stand without its folder's name meaning that one machine."""


def _lines_matching(files: list[Path], root: Path, pattern: str) -> list[str]:
    """Return `path:line` for each line of a text file that the pattern is found in."""
    expression = re.compile(pattern)
    return [
        f"{path.relative_to(root)}:{number}"
        for path in files
        if b"\0" not in (content := path.read_bytes())
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1)
        if expression.search(line)
    ]


def test_no_file_names_the_place_of_this_checkout(project_files: list[Path], root: Path) -> None:
    """Whoever clones the project works in another folder than whoever wrote it."""
    places = {str(root), str(root.parent)} - _ORDINARY_FOLDERS
    pattern = _STARTS_A_PATH + f"(?:{'|'.join(map(re.escape, places))})/"
    found = _lines_matching(project_files, root, pattern)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(_HOMES, id="a path of somebody's home"),
        pytest.param(_REGISTRIES, id="the address of a package index"),
        pytest.param(_KEYS, id="a private key"),
    ],
)
def test_no_file_holds(pattern: str, project_files: list[Path], root: Path) -> None:
    """Such a line is fixed by a setting of the machine, never by a line of the project."""
    found = _lines_matching(project_files, root, pattern)
    assert found == [], "\n".join(found)


def test_no_file_is_too_large_to_review(project_files: list[Path], root: Path) -> None:
    """What is kept is written by hand or vendored; build results and others' data are not."""
    too_large = {
        str(path.relative_to(root)): path.stat().st_size
        for path in project_files
        if path.stat().st_size > _FILE_BYTES_MAX
    }
    assert too_large == {}
