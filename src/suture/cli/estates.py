"""Where the sample estate is: in the checkout, or packaged with Suture."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from suture.config import read_folder

SAMPLE = Path("estates") / "riverbend"


def sample_estate_folder() -> Path:
    """Return the folder of the sample estate. Raises InstallationError where it is missing."""
    packaged = Path(str(resources.files("suture"))) / "_estates" / "riverbend"
    beside = Path(str(resources.files("suture"))).parent.parent / SAMPLE
    for folder in (SAMPLE, beside, packaged):
        if (folder / "estate.toml").exists():
            return folder
    from suture.app import InstallationError  # with every worker behind it: not for every trace

    raise InstallationError("the sample estate is not installed: name an estate's folder")


def sample_estate() -> dict[str, bytes]:
    """Return the files of the sample estate."""
    return read_folder(sample_estate_folder())
