"""Which servers are refused, and which are only warned of: by what they report of themselves."""

from __future__ import annotations

import msgspec
import pytest

from suture.store.address import unusable
from suture.store.server import ServerSettings, durability_faults, version_fault


def settings(
    number: int = 160_004, version: str = "16.4", off: tuple[str, ...] = ()
) -> ServerSettings:
    """Return what a server reports; all is on but what is named."""
    names = ("fsync", "full_page_writes", "synchronous_commit")
    told = {name: "off" if name in off else "on" for name in names}
    return ServerSettings(version_number=number, version=version, **told)


@pytest.mark.parametrize(("number", "version"), [(160_000, "16.0"), (180_001, "18.1")])
def test_a_server_of_our_version_or_newer_will_do(number: int, version: str) -> None:
    assert version_fault(settings(number, version)) is None


@pytest.mark.parametrize(("number", "version"), [(150_018, "15.18"), (90_624, "9.6.24")])
def test_an_older_server_is_refused_with_its_version_and_what_to_do(
    number: int, version: str
) -> None:
    why = version_fault(settings(number, version))
    assert why is not None
    assert "store.version.unsupported" == why.code
    told = str(unusable("postgresql://suture:wren-finch@db.example.org/books", why))
    assert f"PostgreSQL {version}, and Suture needs 16 or newer" in told
    assert "Upgrade it" in told
    assert "wren-finch" not in told


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_what_makes_a_commit_forgettable_is_warned_of_by_its_name(name: str) -> None:
    (warned,) = durability_faults(settings(off=(name,)))
    assert ("store.not_durable", name) == (warned.code, warned.where)
    assert f"`{name}` is off" in warned.explanation


@pytest.mark.parametrize("how", ["on", "local", "remote_write", "remote_apply"])
def test_a_commit_that_waits_for_the_server_s_own_disk_is_durable(how: str) -> None:
    told = msgspec.structs.replace(settings(), synchronous_commit=how)
    assert () == durability_faults(told)


def test_all_that_is_off_is_told_at_once() -> None:
    names = ("fsync", "full_page_writes", "synchronous_commit")
    assert list(names) == [each.where for each in durability_faults(settings(off=names))]
