"""Faults on demand strike as arranged: how often, how likely, whom, and alike for a seed."""

from __future__ import annotations

import pytest

from suture.simulator.faults import FaultPlan, Faults, Mode


def arranged(*plans: FaultPlan) -> Faults:
    faults = Faults()
    faults.arrange(list(plans))
    return faults


def strikes(faults: Faults, times: int, *, is_send: bool = True) -> list[Mode | None]:
    struck = (faults.strike(is_send=is_send) for _ in range(times))
    return [plan.mode if plan else None for plan in struck]


def test_nothing_strikes_until_arranged() -> None:
    assert strikes(Faults(), 3) == [None, None, None]
    assert strikes(arranged(FaultPlan("none")), 3) == [None, None, None]


def test_a_count_is_used_up() -> None:
    faults = arranged(FaultPlan("500", count=2))
    assert strikes(faults, 4) == ["500", "500", None, None]
    assert [report.struck for report in faults.report()] == [2]


def test_a_count_of_zero_never_strikes() -> None:
    assert strikes(arranged(FaultPlan("500", count=0)), 2) == [None, None]


def test_a_probability_strikes_about_so_often_and_alike_for_the_same_seed() -> None:
    plan = FaultPlan("commit_then_500", probability=0.25, seed=7)
    first = strikes(arranged(plan), 1_000)
    assert first == strikes(arranged(plan), 1_000)
    assert first != strikes(arranged(FaultPlan(plan.mode, probability=0.25, seed=8)), 1_000)
    assert 200 < first.count("commit_then_500") < 300


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("down", "down"),
        ("slow", "slow"),
        ("429", "429"),
        ("503", "503"),
        ("gateway_404", "gateway_404"),
        ("500", None),
    ],
)
def test_troubles_of_the_whole_erp_strike_questions_too(mode: Mode, expected: Mode | None) -> None:
    assert strikes(arranged(FaultPlan(mode)), 1, is_send=False) == [expected]
    assert strikes(arranged(FaultPlan(mode)), 1, is_send=True) == [mode]


def test_a_scope_overrides_whom_a_mode_strikes() -> None:
    assert strikes(arranged(FaultPlan("down", scope="sends")), 1, is_send=False) == [None]
    assert strikes(arranged(FaultPlan("500", scope="every")), 1, is_send=False) == ["500"]


def test_of_several_plans_the_first_that_strikes_decides() -> None:
    faults = arranged(FaultPlan("429", count=1), FaultPlan("500", count=1))
    assert strikes(faults, 3) == ["429", "500", None]


def test_arranging_anew_forgets_the_old_plans() -> None:
    faults = arranged(FaultPlan("500"))
    strikes(faults, 1)
    faults.arrange([FaultPlan("429")])
    assert [(report.plan.mode, report.struck) for report in faults.report()] == [("429", 0)]
