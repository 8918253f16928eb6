"""The key directory: made once, for us alone, refused when it is not as it was."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from suture.security.keys import (
    KEY_BYTES,
    KeyFileError,
    KeyRing,
    UnknownKeyError,
    open_key_ring,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_makes_keys_that_nobody_else_can_read(tmp_path: Path) -> None:
    ring = open_key_ring(tmp_path / "home" / "keys")
    files = {path.name: mode_of(path) for path in (tmp_path / "home" / "keys").iterdir()}
    assert files == {"kek-1.key": 0o600, "index.key": 0o600}
    assert mode_of(tmp_path / "home" / "keys") == 0o700
    assert ring.current == 1
    assert len({ring.kek(1), ring.index_key, bytes(KEY_BYTES)}) == 3


def test_later_starts_read_the_same_keys(tmp_path: Path) -> None:
    first = open_key_ring(tmp_path / "keys")
    for again in (open_key_ring(tmp_path / "keys"), KeyRing.load(tmp_path / "keys")):
        assert (first.kek(1), first.index_key) == (again.kek(1), again.index_key)


def test_workers_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(open_key_ring, [tmp_path / "keys"] * 16))
    assert len({(ring.kek(1), ring.index_key) for ring in rings}) == 1


def test_no_key_is_ever_written_over(tmp_path: Path) -> None:
    before = KeyRing.create(tmp_path / "keys")
    with pytest.raises(KeyFileError, match="already"):
        KeyRing.create(tmp_path / "keys")
    assert before.kek(1) == KeyRing.load(tmp_path / "keys").kek(1)


def test_the_highest_key_seals_and_the_older_ones_stay_readable(tmp_path: Path) -> None:
    old = open_key_ring(tmp_path / "keys")
    newer = tmp_path / "keys" / "kek-12.key"
    newer.write_bytes(b"n" * KEY_BYTES)
    newer.chmod(0o600)
    ring = KeyRing.load(tmp_path / "keys")
    assert (ring.current, ring.kek(12), ring.kek(1)) == (12, b"n" * KEY_BYTES, old.kek(1))
    with pytest.raises(UnknownKeyError, match=r"put kek-3\.key back"):
        ring.kek(3)


@pytest.mark.parametrize("name", ["kek-1.key", "index.key", "."])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700 | 0o010])
def test_keys_that_others_could_have_read_are_refused(tmp_path: Path, name: str, mode: int) -> None:
    open_key_ring(tmp_path / "keys")
    (tmp_path / "keys" / name).chmod(mode | 0o500)
    with pytest.raises(KeyFileError, match="replace the keys"):
        open_key_ring(tmp_path / "keys")


@pytest.mark.parametrize("name", ["kek-1.key", "index.key"])
def test_a_lost_key_is_reported_and_not_made_anew(tmp_path: Path, name: str) -> None:
    open_key_ring(tmp_path / "keys")
    (tmp_path / "keys" / name).unlink()
    with pytest.raises(KeyFileError, match=f"{name} is missing: restore"):
        open_key_ring(tmp_path / "keys")
    assert not (tmp_path / "keys" / name).exists()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * (KEY_BYTES + 1)])
def test_a_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    open_key_ring(tmp_path / "keys")
    (tmp_path / "keys" / "index.key").write_bytes(content)
    with pytest.raises(KeyFileError, match="does not hold 32 bytes"):
        open_key_ring(tmp_path / "keys")


@pytest.mark.parametrize("name", ["kek-01.key", "kek-0.key", "kek-65536.key", "other.key"])
def test_a_file_that_is_no_key_of_ours_is_named(tmp_path: Path, name: str) -> None:
    open_key_ring(tmp_path / "keys")
    (tmp_path / "keys" / name).write_bytes(b"n" * KEY_BYTES)
    with pytest.raises(KeyFileError, match=f"{name} is no key of ours"):
        open_key_ring(tmp_path / "keys")


def test_a_link_in_the_place_of_a_key_is_refused(tmp_path: Path) -> None:
    open_key_ring(tmp_path / "keys")
    (tmp_path / "keys" / "index.key").rename(tmp_path / "elsewhere")
    (tmp_path / "keys" / "index.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="cannot be opened"):
        open_key_ring(tmp_path / "keys")


def test_loading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="restore it from its backup"):
        KeyRing.load(tmp_path / "keys")
    assert list(tmp_path.iterdir()) == []


def test_no_representation_shows_a_key(tmp_path: Path) -> None:
    ring = open_key_ring(tmp_path / "keys")
    for shown in (repr(ring), str(ring), f"{ring}"):
        assert repr(ring.kek(1))[2:-1] not in shown
        assert ring.index_key.hex() not in shown
        assert "KeyRing(<1 key-encryption keys" in shown


@pytest.mark.parametrize(
    ("keks", "index_key"),
    [
        ({}, bytes(32)),
        ({0: bytes(32)}, bytes(32)),
        ({1: bytes(31)}, bytes(32)),
        ({1: bytes(32)}, b""),
    ],
)
def test_a_ring_of_wrong_keys_is_a_bug(keks: dict[int, bytes], index_key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyRing(keks, index_key)
