"""A demonstration that is ended from outside leaves nothing behind, and its secret nowhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suture.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]


def processes_of(home: Path) -> dict[int, str]:
    """Return the command lines of the processes that were started for a home."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                told = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(home) in told:
                found[int(folder.name)] = told
    return found


def wait_until_nothing_is_left(home: Path, *, seconds_max: float = 30.0) -> None:
    ends_at = time.monotonic() + seconds_max
    while (left := processes_of(home)) and time.monotonic() < ends_at:
        time.sleep(0.1)
    assert {} == left
    assert None is EmbeddedPostgres(home / "postgres").server_pid()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_demonstration_ended_by_a_signal_leaves_no_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    home = tmp_path / "home"
    command = [sys.executable, "-m", "suture", "demo", "--json", "--home", str(home)]
    # Whoever runs the tests under nohup ignores a hang-up, and so would all that is started here.
    ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    signal.signal(signal.SIGHUP, ignored)
    try:
        ends_at = time.monotonic() + 60
        while not any("health_system" in each for each in processes_of(home).values()):
            assert demo.poll() is None
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        running = processes_of(home)
        (erp,) = [each for each in running.values() if "simulator.erp" in each]
        assert "--token - " in f"{erp} "
        demo.send_signal(number)
        out, _ = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert 128 + number == demo.returncode
    assert "command.ended" == json.loads(out)["fault"]["code"]
    wait_until_nothing_is_left(home)


def test_a_sandbox_erp_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "suture.simulator.erp", "--token", "-"]
    erp = subprocess.Popen(
        [*command, "--state", str(tmp_path / "erp.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with erp:
        assert erp.stdin is not None
        assert erp.stdout is not None
        erp.stdin.write("a token\n")
        erp.stdin.flush()
        assert json.loads(erp.stdout.readline())["listening"]
        erp.stdin.close()
        assert 0 == erp.wait(timeout=10)
