"""Where the embedded server may stand: what is not ours or not private is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from suture.store import embedded_place as place
from suture.store.embedded import EmbeddedPostgres
from suture.store.embedded_place import Account, EmbeddedPostgresError

US = place.own_account()
STRANGER = Account("stranger", US.uid + 4711, US.gid + 4711)


def test_the_socket_directory_is_made_for_the_server_alone(tmp_path: Path) -> None:
    place.ready_socket_directory(tmp_path / "sockets", US)
    place.ready_socket_directory(tmp_path / "sockets", US)
    assert stat.S_IMODE((tmp_path / "sockets").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o770, 0o701, 0o777])
def test_a_socket_directory_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "sockets").mkdir()
    (tmp_path / "sockets").chmod(mode)
    with pytest.raises(EmbeddedPostgresError, match="someone else made it"):
        place.ready_socket_directory(tmp_path / "sockets", US)
    assert stat.S_IMODE((tmp_path / "sockets").stat().st_mode) == mode


def test_a_link_in_the_place_of_the_socket_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "sockets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedPostgresError, match="someone else made it"):
        place.ready_socket_directory(tmp_path / "sockets", US)


def test_the_socket_path_is_short_however_long_the_data_path(tmp_path: Path) -> None:
    sockets = place.socket_directory(tmp_path / ("long" * 60), US)
    assert len(os.fsencode(sockets / ".s.PGSQL.5432.lock")) <= place.SOCKET_PATH_BYTES_MAX


def test_a_directory_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="no one else allowed to write"):
        place.ready_directory(tmp_path / "shared")


def test_a_path_that_a_shell_would_misread_is_refused() -> None:
    for name in ('"', "$HOME", "`id`", "a\\b", "a\nb"):
        with pytest.raises(EmbeddedPostgresError, match="misread"):
            place.refuse_path(Path("/srv") / name)
    place.refuse_path(Path("/srv/it's 100% (ours); & more"))


def test_reach_ends_at_the_first_closed_directory(tmp_path: Path) -> None:
    (tmp_path / "closed" / "open").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert place.is_reachable(tmp_path / "closed" / "open", US)
    assert not place.is_reachable(tmp_path / "closed" / "open", STRANGER)


def test_a_file_is_replaced_and_the_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("theirs")
    (tmp_path / "pg_hba.conf").symlink_to(tmp_path / "precious")
    assert place.replace_file(tmp_path / "pg_hba.conf", "ours", US)
    assert ("theirs", "ours") == (
        (tmp_path / "precious").read_text(),
        (tmp_path / "pg_hba.conf").read_text(),
    )
    assert not place.replace_file(tmp_path / "pg_hba.conf", "ours", US)
    assert ["pg_hba.conf", "precious"] == sorted(path.name for path in tmp_path.iterdir())


def test_no_link_and_no_pipe_is_read_as_a_file_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("theirs")
    (tmp_path / "linked").symlink_to(tmp_path / "secret")
    (tmp_path / "hard").hardlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    names = ("linked", "hard", "pipe", "absent")
    assert [b""] * 4 == [place.read_tail(tmp_path / name, 100) for name in names]


def test_a_link_to_data_that_we_did_not_make_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedPostgresError, match="which we did not make"):
        place.place_data(tmp_path, US)


def test_data_out_of_reach_stop_the_start_and_are_not_replaced_by_an_empty_database(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "data").mkdir()
    with pytest.raises(EmbeddedPostgresError, match="Let it pass"):
        place.place_data(tmp_path, STRANGER)


def test_binaries_that_are_not_there_or_do_not_run_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"holds no file named postgres.*SUTURE_POST"):
        place.ready_binaries(tmp_path, US)
    (tmp_path / "postgres").write_text("not for this machine")
    (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match=r"do not run.*DATABASE_URL"):
        place.version_major(place.ready_binaries(tmp_path, US), US)


def test_a_platform_without_binaries_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "find_spec", {}.get)
    with pytest.raises(EmbeddedPostgresError, match=r"no build for this platform.*DATABASE_URL"):
        place.wheel_binaries()


def test_a_program_of_the_server_sees_nothing_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    seen = place.run(["/usr/bin/env"], US, 10, {"EXTRA": "1"}).stdout
    assert sorted(["LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "EXTRA=1"]) == sorted(seen.split())


@pytest.mark.parametrize("name", ["listen_addresses", "HBA_FILE", "unix_socket_permissions"])
def test_no_setting_can_open_the_server_to_others(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=name.lower()):
        EmbeddedPostgres(tmp_path, settings={name: "x"})


def test_a_user_that_the_system_does_not_list_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 2**31 - 7)
    with pytest.raises(EmbeddedPostgresError, match="no entry in the system's list of users"):
        place.own_account()
