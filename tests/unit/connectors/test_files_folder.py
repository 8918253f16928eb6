"""A watched folder takes whole files only, opens nothing but files, and loses none (B61 to B70).

What is in the files is tested in `tests/integration/test_intake_files.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suture.connectors.files.folder import (
    ARCHIVE,
    ERROR,
    REPLIES,
    Folder,
    FolderSettings,
    FoundFile,
    count_unmatched,
)
from suture.connectors.names import NAME_BYTES_MAX, safe_name
from suture.connectors.ports import CHUNK_BYTES, read_chunks

RIGHT_TO_LEFT = "\u202e"


def watched(folder: Path, **settings: object) -> Folder:
    """Return a folder that takes a file as soon as it sees it, unless told otherwise."""
    told = {"stable_seconds": 0.0} | settings
    return Folder(FolderSettings(keep_files=True, folder=folder, **told))  # type: ignore[arg-type]


def names(files: list[FoundFile]) -> list[str]:
    return [file.path.name for file in files]


def test_b65_a_file_is_taken_when_it_has_stood_still(tmp_path: Path) -> None:
    folder = watched(tmp_path, stable_seconds=2.0)
    path = tmp_path / "a.835"
    path.write_bytes(b"ISA")
    assert [] == folder.find(100.0)
    assert [] == folder.find(101.9)
    path.write_bytes(b"ISA and more")
    assert [] == folder.find(102.1)
    assert [] == folder.find(104.0)
    assert ["a.835"] == names(folder.find(104.2))


def test_b65_a_file_rewritten_to_the_same_size_is_waited_for_again(tmp_path: Path) -> None:
    folder = watched(tmp_path, stable_seconds=2.0)
    path = tmp_path / "a.835"
    path.write_bytes(b"one")
    folder.find(100.0)
    other = tmp_path / ".b"
    other.write_bytes(b"two")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)
    assert [] == folder.find(102.5), "another file of the same size and time is another file"


def test_b65_a_done_file_says_when_where_one_is_agreed(tmp_path: Path) -> None:
    folder = watched(tmp_path, done_suffix=".done", stable_seconds=99.0)
    (tmp_path / "a.835").write_bytes(b"ISA")
    assert [] == folder.find(0.0)
    (tmp_path / "a.835.done").touch()
    (tmp_path / "orphan.done").touch()
    (found,) = folder.find(0.0)
    assert found.path.name == "a.835"
    assert folder.settle(found, identity="trn_1") is not None
    assert ["orphan.done"] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def test_the_oldest_file_is_taken_first(tmp_path: Path) -> None:
    for number, name in enumerate(["z", "a", "m"]):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (number, number))
    assert ["z", "a", "m"] == names(watched(tmp_path).find(0.0))


def test_files_that_nobody_will_ever_take_are_counted(tmp_path: Path) -> None:
    watched(tmp_path, pattern="*.835", done_suffix=".done")
    for name in ("a.835", "a.835.done", "b.txt", "c.835.part", ".hidden"):
        (tmp_path / name).touch()
    assert 2 == count_unmatched(tmp_path, "*.835", ".done")
    assert 0 == count_unmatched(tmp_path, "*", ".done")


def test_only_what_the_pattern_names_is_taken_and_nothing_hidden(tmp_path: Path) -> None:
    for name in ("a.835", "b.txt", ".c.835", "d.835.part"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "e.835").mkdir()
    assert ["a.835"] == names(watched(tmp_path, pattern="*.835").find(0.0))


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo"])
def test_b62_what_is_no_file_is_refused_unopened(tmp_path: Path, kind: str) -> None:
    secret = tmp_path.with_name(f"{tmp_path.name}-secret")
    secret.write_bytes(b"/etc/shadow")
    folder = watched(tmp_path)
    path = tmp_path / "a.835"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(secret if kind == "link" else tmp_path / "nowhere")
    (found,) = folder.find(0.0)
    assert "not a file" in found.refusal
    assert folder.put_aside(found, identity="trn_1") == tmp_path / ERROR / "trn_1"
    assert ["trn_1"] == [each.name for each in (tmp_path / ERROR).iterdir()]
    assert not path.is_symlink()
    assert not path.exists()
    assert secret.read_bytes() == b"/etc/shadow"


@pytest.mark.parametrize("kind", ["link", "fifo", "other file", "grown", "gone"])
def test_b62_what_takes_a_files_place_after_it_was_found_is_not_opened(
    tmp_path: Path, kind: str
) -> None:
    folder = watched(tmp_path)
    path = tmp_path / "a.835"
    path.write_bytes(b"ISA")
    (found,) = folder.find(0.0)
    if kind == "grown":
        path.write_bytes(b"ISA and more")
    else:
        path.unlink()
    match kind:
        case "link":
            path.symlink_to("/etc/hostname")
        case "fifo":
            os.mkfifo(path)
        case "other file":
            path.write_bytes(b"GS*")
    with pytest.raises(OSError, match=r".+"):
        folder.open(found)


def test_b65_a_file_put_in_the_place_of_the_one_that_was_read_stays(tmp_path: Path) -> None:
    """Its sender replaced it while we read: what we have not read must not go to the archive."""
    folder = watched(tmp_path)
    path = tmp_path / "a.835"
    path.write_bytes(b"the first")
    (found,) = folder.find(0.0)
    with folder.open(found) as stream:
        newer = tmp_path / ".a"
        newer.write_bytes(b"the next!")
        newer.rename(path)
        assert b"".join(read_chunks(stream)) == b"the first"
    assert folder.settle(found, identity="trn_1") is None
    assert path.read_bytes() == b"the next!"
    assert [] == list((tmp_path / ARCHIVE).iterdir())
    path.unlink()
    assert folder.settle(found, identity="trn_1") is None


def test_a_file_larger_than_allowed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.835").write_bytes(b"x" * 11)
    (found,) = watched(tmp_path, bytes_max=10).find(0.0)
    assert found.refusal == "it is larger than 10 bytes"


def test_b70_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    folder = watched(tmp_path)
    for number in (1, 2):
        (tmp_path / "a.835").write_bytes(b"%d" % number)
        (found,) = folder.find(0.0)
        folder.settle(found, identity=f"trn_{number}")
    assert ["trn_1-a.835", "trn_2-a.835"] == sorted(
        path.name for path in (tmp_path / ARCHIVE).iterdir()
    )


def test_b66_an_empty_file_is_found_and_read_as_nothing(tmp_path: Path) -> None:
    folder = watched(tmp_path)
    (tmp_path / "a.835").touch()
    (found,) = folder.find(0.0)
    with folder.open(found) as stream:
        assert [] == list(read_chunks(stream))


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    folder = watched(tmp_path)
    (tmp_path / "a.835").write_bytes(b"x" * (2 * CHUNK_BYTES + 1))
    (found,) = folder.find(0.0)
    with folder.open(found) as stream:
        assert [CHUNK_BYTES, CHUNK_BYTES, 1] == [len(chunk) for chunk in read_chunks(stream)]


def test_a_reply_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = watched(tmp_path)
    folder.reply("trn_1-999.x12", b"ISA*00*")
    assert ["trn_1-999.x12"] == [path.name for path in (tmp_path / REPLIES).iterdir()]
    assert (tmp_path / REPLIES / "trn_1-999.x12").read_bytes() == b"ISA*00*"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../x", "....x"),
        ("/etc/x", "etcx"),
        ("C:\\x", "C:x"),
        ("a\0b", "ab"),
        ("a\nb\r\tc\x1b[31m", "abc[31m"),
        (f"invoice{RIGHT_TO_LEFT}fdp.exe", "invoicefdp.exe"),
        ("\u200bzero\ufeffwidth", "zerowidth"),
        ("\udcff\udcfe.835", "??.835"),
        ("\x00\x01", "unnamed"),
        ("remit 2026-03 (é).835", "remit 2026-03 (é).835"),
    ],
)
def test_b61_a_name_is_shown_without_what_could_mislead(name: str, shown: str) -> None:
    assert safe_name(name) == shown


@pytest.mark.parametrize("name", ["x" * 4096 + ".835", "\u6c34" * 4096 + ".835", "\U0001f489" * 99])
def test_b61_a_long_name_keeps_its_end_and_fits_a_file_system(name: str) -> None:
    shown = safe_name(name)
    assert len(shown.encode()) <= NAME_BYTES_MAX
    assert name.endswith(shown)


@pytest.mark.parametrize("name", ["\u6c34" * 85, "\U0001f489" * 63, "x" * 255, "y\n" * 100])
def test_b61_a_file_whose_name_is_as_long_as_any_is_filed_away(tmp_path: Path, name: str) -> None:
    folder = watched(tmp_path)
    (tmp_path / name).write_bytes(b"ISA")
    (found,) = folder.find(0.0)
    assert folder.settle(found, identity="trn_" + "0" * 26) is not None
    assert 1 == len(list((tmp_path / ARCHIVE).iterdir()))


def test_a_file_that_goes_while_the_folder_is_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.835").write_bytes(b"x")
    (tmp_path / "b.835").write_bytes(b"x")
    folder = watched(tmp_path)
    look = Path.lstat

    def gone(self: Path) -> os.stat_result:
        if self.name == "a.835":
            raise FileNotFoundError
        return look(self)

    monkeypatch.setattr(Path, "lstat", gone)
    assert ["b.835"] == names(folder.find(0.0))


def test_b92_a_settled_file_does_not_stay_in_clear_unless_its_source_keeps_files(
    tmp_path: Path,
) -> None:
    folder = Folder(FolderSettings(folder=tmp_path, stable_seconds=0))
    (tmp_path / "a.835").write_bytes(b"ISA")
    (found,) = folder.find(0.0)
    assert folder.settle(found, identity="trn_1") is not None
    assert [] == [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {0o700} == {(tmp_path / name).stat().st_mode & 0o777 for name in (ARCHIVE, ERROR)}


def test_b92_what_is_put_aside_does_not_bear_the_name_it_came_under(tmp_path: Path) -> None:
    folder = Folder(FolderSettings(folder=tmp_path, stable_seconds=0, bytes_max=2))
    (tmp_path / "DOE JANE 1970.835").write_bytes(b"ISA")
    (found,) = folder.find(0.0)
    assert found.refusal
    assert folder.put_aside(found, identity="trn_1") == tmp_path / ERROR / "trn_1"
    assert ["trn_1"] == [each.name for each in tmp_path.rglob("*") if each.is_file()]


def test_b65_what_took_the_place_of_a_refused_file_is_not_put_aside(tmp_path: Path) -> None:
    folder = watched(tmp_path, bytes_max=2)
    path = tmp_path / "a.835"
    path.write_bytes(b"too long")
    (found,) = folder.find(0.0)
    path.write_bytes(b"ok")
    assert folder.put_aside(found, identity="trn_1") is None
    assert path.read_bytes() == b"ok"
