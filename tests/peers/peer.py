"""Real servers that connectors are tested against, run for one test: OpenSSH, Kafka, HAPI FHIR.

`make peers` brings them. Where one is absent, the test that asks for it skips and says so;
`.ci/run` lets none of them skip.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest

PEERS = Path(__file__).resolve().parents[2] / ".peers"
START_SECONDS_MAX = 120.0


class SshServer(msgspec.Struct, frozen=True):
    """An OpenSSH server on loopback, with SFTP, and what a client needs to be let in."""

    port: int
    user: str
    host_key: str
    """The server's public key, as a line of known_hosts holds it after the host."""
    client_key: Path
    """A private key that the server takes."""
    kill: Callable[[], None]
    """Kill it with all its sessions, as a machine that loses its power does."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


@contextmanager
def openssh(folder: Path, port: int = 0) -> Iterator[SshServer]:
    """Run an OpenSSH server whose keys and settings lie in `folder`; SFTP sees what we may see.

    Keys that lie there are kept: with the same port it is the same server again.
    """
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).exists() or shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH's server is absent: make peers")
    port = port or free_port()
    for name in {"host", "client"} - {each.name for each in folder.iterdir()}:
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    keys = folder / "authorized_keys"
    shutil.copy(folder / "client.pub", keys)
    settings = folder / "sshd_config"
    settings.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
        f"AuthorizedKeysFile {keys}\nPidFile none\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    if getpass.getuser() == "root":
        # The folder it separates privileges in is made by its service, which may never have run.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with _process([program, "-D", "-e", "-f", str(settings)], folder / "sshd.log") as process:
        _await_port(port, folder / "sshd.log")
        public = " ".join((folder / "host.pub").read_text().split()[:2])
        kill = partial(_kill, process)
        yield SshServer(port, getpass.getuser(), public, folder / "client", kill)


@contextmanager
def kafka(folder: Path, port: int = 0) -> Iterator[str]:
    """Run a Kafka of one node that keeps its log in `folder`; yields its bootstrap address.

    With the same folder and port it is the same one again.
    """
    _need("kafka")
    port, controller = port or free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(
        "process.roles=broker,controller\nnode.id=1\n"
        f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
        f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
        "controller.listener.names=CONTROLLER\n"
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
        f"log.dirs={folder / 'log'}\noffsets.topic.replication.factor=1\n"
        "offsets.topic.num.partitions=1\nnum.partitions=2\ngroup.initial.rebalance.delay.ms=0\n"
        "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
    )
    java = ["java", "-Xmx320m", "-cp", f"{PEERS / 'kafka'}/*"]
    _run(
        *java,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        "c3V0dXJlLXRlc3RzLWthZg",
        "-c",
        str(settings),
        "--ignore-formatted",
    )
    with _process([*java, "kafka.Kafka", str(settings)], folder / "kafka.log"):
        _await_port(port, folder / "kafka.log")
        yield f"127.0.0.1:{port}"


@contextmanager
def fhir_server(folder: Path, token: str = "") -> Iterator[str]:
    """Run a HAPI FHIR server that forgets all at its end; yields its base address.

    With a `token` it takes no request that does not bear it.
    """
    _need("fhir")
    port = free_port()
    classes = f"{PEERS / 'fhir'}:{PEERS / 'fhir'}/*"
    command = [
        "java",
        "-Xmx320m",
        "-cp",
        classes,
        "FhirServer",
        str(port),
        *([token] if token else []),
    ]
    with _process(command, folder / "fhir.log"):
        _await_port(port, folder / "fhir.log")
        yield f"http://127.0.0.1:{port}/fhir"


def _need(name: str) -> None:
    if shutil.which("java") is None or not any((PEERS / name).glob("*.done")):
        pytest.skip(f"the real peer `{name}` is absent: make peers")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


@contextmanager
def _process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        # Its input is a pipe of ours: a server that ends with its input ends when we are killed.
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and all it made to serve its connections, each by its own number."""
    family = [process.pid]
    for parent in family:
        with suppress(OSError):
            told = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii")
            family += [int(each) for each in told.split()]
    for each in family:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    process.wait(10)


def _await_port(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"it does not listen: {log.read_text('utf-8', 'replace')[-2000:]}")
