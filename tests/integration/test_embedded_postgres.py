"""The embedded PostgreSQL lives as promised: private, durable, adopted, recovered; as root or not.

As root, what an unprivileged user would see is tried in a forked child that has become one, so
that one run shows both. Started without root, the tests run as who we are.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from suture.store import embedded_place as place
from suture.store.embedded import SOCKET, EmbeddedPostgres
from suture.store.embedded_place import Account, EmbeddedPostgresError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

IS_ROOT = os.geteuid() == 0


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder that any user may pass through: pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="suture-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def stopped_at_the_end(server: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    try:
        yield server
    finally:
        asyncio.run(server.stop("immediate"))
        shutil.rmtree(server.socket_directory, ignore_errors=True)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """Return a server that is up, and is up again after whatever a test does to it."""
    with open_folder() as folder, stopped_at_the_end(EmbeddedPostgres(folder / "pg")) as up:
        asyncio.run(up.start())
        yield up


def ask(server: EmbeddedPostgres, query: str) -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(await server.start(), timeout=20)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(answer())


def as_user(account: Account, work: Callable[[], None]) -> str:
    """Do some work as another user, in a child; return what failed, or "" when nothing did."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(readable)
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
            work()
        except BaseException:  # noqa: BLE001 - the parent reports it
            os.write(writable, traceback.format_exc()[-60_000:].encode())
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable, encoding="utf-8") as file:
        told = file.read()
    os.waitpid(child, 0)
    return told


def unprivileged() -> Account:
    """Return a user who is neither root nor the one who runs root's servers."""
    taken = place.server_account(Path("/nonexistent")).name
    entry = next(each for each in map(pwd.getpwnam, ("nobody", "daemon")) if each.pw_name != taken)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def killed(server: EmbeddedPostgres) -> int:
    pid = server.server_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.server_pid() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    return pid


def test_the_server_is_private_durable_and_checked(server: EmbeddedPostgres) -> None:
    promised = {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "server_encoding": "UTF8",
        "log_error_verbosity": "terse",
    }
    assert promised == {name: ask(server, f"show {name}") for name in promised}
    assert ask(server, "select datlocale from pg_database where datname = 'suture'") == "C.UTF-8"
    rules = "select string_agg(concat_ws(' ', type, database, user_name, auth_method), ';')"
    assert ask(server, f"{rules} from pg_hba_file_rules") == "local {all} {all} peer"
    mapped = "select string_agg(concat_ws(' ', sys_name, pg_username), ';')"
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert ask(server, f"{mapped} from pg_ident_file_mappings") == f"{me} suture"


def test_nobody_else_gets_to_the_data_or_the_socket(server: EmbeddedPostgres) -> None:
    for directory in (server.data_directory, server.socket_directory):
        found = directory.lstat()
        assert (0o700, stat.S_IFDIR) == (
            stat.S_IMODE(found.st_mode),
            stat.S_IFMT(found.st_mode),
        )
        assert found.st_uid != 0, "PostgreSQL and its files are never root's"


def test_a_user_who_is_not_mapped_is_refused_even_at_the_open_socket(
    server: EmbeddedPostgres,
) -> None:
    """The directory keeps others out; should it ever stand open, the kernel's word still does."""
    address = asyncio.run(server.start())
    # What is tested is the second wall, so the first is taken down for the moment.
    socket = server.socket_directory / SOCKET
    if not IS_ROOT:
        (server.data_directory / "pg_ident.conf").write_text('suture "root" suture\n')
        assert server.server_pid() is not None
        os.kill(server.server_pid() or 0, signal.SIGHUP)
        time.sleep(0.5)

    def knock() -> None:
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match=r"[Pp]eer"):
            asyncio.run(asyncpg.connect(address, timeout=20))

    try:
        server.socket_directory.chmod(0o755)
        socket.chmod(0o777)
        told = ""
        if IS_ROOT:
            told = as_user(unprivileged(), knock)
        else:
            knock()
        assert told == ""
    finally:
        socket.chmod(0o700)
        server.socket_directory.chmod(0o700)
        if not IS_ROOT:
            asyncio.run(server.stop())
            asyncio.run(server.start())


@pytest.mark.crash
def test_committed_rows_outlive_a_killed_server(server: EmbeddedPostgres) -> None:
    ask(server, "create table kept as select generate_series(1, 1000) as id")
    pid = killed(server)
    assert (server.is_running, server.server_pid()) == (False, None)
    assert ask(server, "select count(*) from kept") == 1000
    assert server.server_pid() not in {None, pid}


@pytest.mark.crash
def test_a_process_that_got_a_dead_servers_id_is_not_taken_for_it(
    server: EmbeddedPostgres,
) -> None:
    killed(server)
    account = place.server_account(server.data_directory)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        try:
            told = place.read_tail(server.data_directory / "postmaster.pid", 2000).decode()
            borrowed = "\n".join([str(other.pid), *told.splitlines()[1:], ""])
            place.replace_file(server.data_directory / "postmaster.pid", borrowed, account)
            assert server.server_pid() is None
            assert ask(server, "select 1") == 1
            assert server.server_pid() not in {None, other.pid}
        finally:
            other.kill()


def test_a_running_server_is_adopted_and_a_stopped_one_started_again(
    server: EmbeddedPostgres,
) -> None:
    asyncio.run(server.start())
    pid = server.server_pid()
    other = EmbeddedPostgres(server.directory)
    assert asyncio.run(other.start()) == asyncio.run(server.start())
    assert (pid, pid) == (other.server_pid(), server.server_pid())
    asyncio.run(other.stop())
    asyncio.run(other.stop())
    assert (None, False) == (server.server_pid(), server.is_running)
    asyncio.run(server.start())
    assert server.server_pid() not in {None, pid}


def test_a_socket_that_was_swept_away_is_made_again(server: EmbeddedPostgres) -> None:
    asyncio.run(server.start())
    shutil.rmtree(server.socket_directory)
    assert ask(server, "select 1") == 1


def test_starters_that_race_end_with_one_server(server: EmbeddedPostgres) -> None:
    asyncio.run(server.stop())

    async def race() -> set[str]:
        starts = (EmbeddedPostgres(server.directory).start() for _ in range(4))
        return set(await asyncio.gather(*starts))

    assert asyncio.run(race()) == {asyncio.run(server.start())}


def test_data_of_another_version_are_refused_and_left_alone(server: EmbeddedPostgres) -> None:
    asyncio.run(server.stop())
    account = place.server_account(server.data_directory)
    version = server.data_directory / "PG_VERSION"
    kept = version.read_text()
    try:
        place.replace_file(version, "15\n", account)
        with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 15 made it.*pg_dump"):
            asyncio.run(server.start())
    finally:
        place.replace_file(version, kept, account)
    asyncio.run(server.start())


def test_a_server_that_cannot_start_says_why(server: EmbeddedPostgres) -> None:
    asyncio.run(server.stop())
    wrong = EmbeddedPostgres(server.directory, settings={"shared_buffers": "a lot"})
    with pytest.raises(EmbeddedPostgresError, match=r'(?s)invalid value for parameter "shared_buf'):
        asyncio.run(wrong.start())
    asyncio.run(server.start())


def test_nothing_is_written_to_our_own_output(
    server: EmbeddedPostgres, capfd: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(server.stop())
    asyncio.run(server.start())
    assert ("", "") == tuple(capfd.readouterr())


def copied_wheel(folder: Path) -> Path:
    """Copy the installed binaries with the libraries beside them; return the copy's bin."""
    package = place.wheel_binaries().parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name)
    return folder / package.name / "pginstall" / "bin"


def lives(directory: Path, binaries: Path | None) -> None:
    """Start, kill, start again and stop a server, as whoever runs this."""
    with stopped_at_the_end(EmbeddedPostgres(directory, binaries=binaries)) as server:
        assert ask(server, "create table kept (id integer)") is None
        killed(server)
        assert ask(server, "select count(*) from kept") == 0
        assert server.data_directory.stat().st_uid == os.geteuid() or IS_ROOT
        assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700


def test_it_runs_for_an_unprivileged_user_on_a_very_long_path() -> None:
    with open_folder() as folder:
        home = folder / "home"
        home.mkdir(mode=0o700)
        directory = home / ("long" * 30) / "pg"
        if not IS_ROOT:
            lives(directory, None)
            return
        account = unprivileged()
        os.chown(home, account.uid, account.gid)
        binaries = copied_wheel(folder)  # A checkout under root's home is closed to the user.
        assert as_user(account, lambda: lives(directory, binaries)) == ""


if IS_ROOT:  # What only root meets: elsewhere there is nobody to drop to.

    def test_root_starts_it_where_the_servers_user_can_reach_nothing(
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with open_folder() as folder:
            monkeypatch.setattr(place, "ROOT_HOME", folder / "var")
            closed = folder / "closed"
            closed.mkdir(mode=0o700)
            binaries = copied_wheel(closed)
            for path in (binaries / "postgres", binaries.parent / "share"):
                path.chmod(0o700)  # As a strict umask would have installed it.
            lives(closed / "pg", binaries)
            assert stat.S_IMODE(closed.stat().st_mode) == 0o700, "nobody's directory is opened up"
            assert (closed / "pg" / "data").resolve().parent == folder / "var"
            copies = [each for each in (folder / "var").iterdir() if each.name.startswith("post")]
            assert len(copies) == 1
            assert copies[0].stat().st_uid == 0

    def test_root_follows_no_link_that_the_servers_user_planted(server: EmbeddedPostgres) -> None:
        asyncio.run(server.stop())
        with open_folder() as folder:
            precious = folder / "precious"
            precious.write_text("root's")
            for name in ("pg_hba.conf", "pg_ident.conf", "postgresql.conf"):
                (server.data_directory / name).unlink()
                (server.data_directory / name).symlink_to(precious)
            asyncio.run(server.start())
            assert ("root's", 0) == (precious.read_text(), precious.stat().st_uid)
