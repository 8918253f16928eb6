"""A release is addressed by its content (governance/release.py)."""

from __future__ import annotations

import re

import msgspec
import pytest

from suture.governance.release import pack, release_id, unpack

FILES = {"estate.toml": b"name = 'x'\n", "ledger/accounts.csv": b"account\n1100\n"}


def test_the_same_content_has_the_same_id_in_any_order() -> None:
    assert release_id(FILES) == release_id(dict(reversed(FILES.items())))
    assert re.fullmatch(r"rel_[0-9a-f]{20}", release_id(FILES))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(FILES | {"estate.toml": b"name = 'y'\n"}, id="another byte"),
        pytest.param(FILES | {"notes.md": b""}, id="another file"),
        pytest.param({"estate.toml": FILES["estate.toml"]}, id="a file less"),
        pytest.param(
            {"estate.tom": b"lname = 'x'\n", "ledger/accounts.csv": b"account\n1100\n"},
            id="the same bytes, divided elsewhere",
        ),
    ],
)
def test_any_change_of_content_is_another_release(files: dict[str, bytes]) -> None:
    assert release_id(FILES) != release_id(files)


def test_what_was_packed_comes_back_as_it_was() -> None:
    assert FILES == unpack(pack(FILES))
    assert release_id(FILES) == release_id(unpack(pack(FILES)))


def test_damaged_content_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack(pack(FILES)[:-1])
