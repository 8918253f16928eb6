"""Third-party FHIR resources: none raises, what is read is written back as it was.

The corpus stands beside the checkout; without it these tests are skipped. Its files are read where
they are, never copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from suture.model.fault import Fault
from suture.wire.fhir import Resource, Unread, read_part, read_resource, render
from suture.wire.fhir.resources import Bundle

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "fhir"
FILES = sorted(path for path in CORPUS.glob("**/*") if path.is_file())

pytestmark = pytest.mark.skipif(not FILES, reason="corpus absent: it is not beside this checkout")


def resources(path: Path) -> Iterator[Resource | Unread | Fault]:
    """Yield what a file holds: one resource, or one to a line; a bundle's entries after it."""
    whole = read_resource(path.read_bytes())
    found = [whole]
    if isinstance(whole, Fault) and whole.code == "fhir.json.invalid":
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
        if all(line.startswith(b"{") for line in lines):
            found = [read_resource(line) for line in lines]
    for each in found:
        yield each
        if isinstance(each, Bundle):
            yield from (read_part(bytes(entry.resource)) for entry in each.entry if entry.resource)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_resource_is_read_or_refused_and_written_back_as_it_was(path: Path) -> None:
    for resource in resources(path):
        if isinstance(resource, Resource) and not isinstance(resource, Bundle):
            again = read_resource(render(resource))
            assert isinstance(again, Resource)
            assert render(again) == render(resource)


def test_nearly_all_of_what_the_standard_publishes_is_read() -> None:
    counted: Counter[str] = Counter()
    for path in FILES:
        for each in resources(path):
            counted[type(each).__name__ if not isinstance(each, Fault) else each.code] += 1
    refused = {name: counted[name] for name in counted if name.startswith("fhir.")}
    assert {
        "fhir.json.invalid": 3,
        "fhir.json.duplicate_key": 1,
        "fhir.resource.invalid": 15,
    } == refused
    assert (1_552, 34, 21, 17) == tuple(
        counted[name] for name in ("Location", "Claim", "ClaimResponse", "ChargeItem")
    )
