"""A pytest plug-in for `.ci/run`: a skipped test fails the run.

A test may skip where an optional part is absent, so that a developer without it can still work.
On the machine that decides what lands, a skip would be a check nobody runs. The one exception is
the corpus of third-party messages, which is not part of the checkout: the reason of such a skip
says "corpus absent".

Loaded by `make test` under `SUTURE_NO_SKIPS=1`; it stands outside conftest.py so that nothing else
ever loads it.
"""

from __future__ import annotations

import re

import pytest

_EXCUSED = re.compile(r"\bcorpus\b.*\babsent\b", re.IGNORECASE)
_skips: list[str] = []


def _remember(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure is reported as skipped too, but it ran.
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    # The longrepr of a skip is (file, line, reason).
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not _EXCUSED.search(reason):
        _skips.append(f"{report.nodeid}: {reason}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember a test that skipped itself or was marked."""
    _remember(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember a whole file that was skipped as it was imported."""
    _remember(report)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run that would have passed into a failed one when anything was skipped."""
    if _skips and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every skip that was not excused."""
    if _skips:
        terminalreporter.section("skipped, and nothing may be skipped here", red=True)
        for skip in _skips:
            terminalreporter.write_line(skip)
