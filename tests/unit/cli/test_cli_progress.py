"""Progress is for people at a terminal, once something takes longer than a moment."""

from __future__ import annotations

import pytest

from suture.cli import progress


def test_what_is_done_is_counted_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    with progress.counted("Reprocessing", total=1_000) as advance:
        advance(250)
        advance(250)
    printed = capsys.readouterr()
    assert "Reprocessing" in printed.err
    assert "500/1000" in printed.err
    assert printed.out == ""


def test_nothing_is_shown_of_what_is_quick_nor_to_a_script(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for is_terminal in (False, True):
        if is_terminal:
            monkeypatch.setenv("FORCE_COLOR", "1")
        with progress.counted("Reprocessing", total=2) as advance:
            advance(2)
        assert "Reprocessing" not in capsys.readouterr().err
