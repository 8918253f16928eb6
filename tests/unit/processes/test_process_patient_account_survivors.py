"""Whom a merged account asks, and in which order (processes/patient_account_survivors.py, A40)."""

from __future__ import annotations

import pytest

from suture.model.account import AccountRegister, AccountSurvivor
from suture.processes.patient_account_survivors import (
    NO_LINK,
    Survivor,
    asked_in_order,
    is_looped,
    joined,
    told_by,
)

CHAIN = {"acc_b": Survivor(link=("20", "acc_c")), "acc_c": Survivor()}
"""acc_a was merged into acc_b at 10, acc_b into acc_c at 20."""
LINK = ("10", "acc_b")


@pytest.mark.parametrize(
    ("stamp", "order"),
    [
        ("05", ["acc_a", "acc_b", "acc_c"]),
        ("10", ["acc_a", "acc_b", "acc_c"]),
        ("15", ["acc_b", "acc_c", "acc_a"]),
        ("25", ["acc_c", "acc_b", "acc_a"]),
    ],
)
def test_the_account_alive_at_the_time_is_asked_first_then_those_it_lives_on_in(
    stamp: str, order: list[str]
) -> None:
    assert order == asked_in_order("acc_a", LINK, CHAIN, stamp)


def test_a_survivor_that_has_told_nothing_yet_is_asked_all_the_same() -> None:
    assert ["acc_b", "acc_a"] == asked_in_order("acc_a", LINK, {}, "15")


@pytest.mark.parametrize("stamp", ["05", "15", "25"])
def test_b21_in_a_circle_everybody_is_asked_once(stamp: str) -> None:
    circle = {"acc_b": Survivor(link=("20", "acc_a"))}
    assert ["acc_a", "acc_b"] == sorted(asked_in_order("acc_a", LINK, circle, stamp))


@pytest.mark.parametrize(
    ("after", "expected"), [("acc_a", True), ("acc_b", False), ("acc_c", False), ("", False)]
)
def test_b21_only_an_account_whose_way_leads_back_to_it_is_in_a_circle(
    after: str, *, expected: bool
) -> None:
    known = {"acc_b": Survivor(link=("20", after))}
    assert expected == is_looped("acc_a", LINK, known)


def test_an_account_never_merged_is_in_no_circle() -> None:
    assert not is_looped("acc_a", NO_LINK, {})


def register(stamp: str, value: str) -> AccountSurvivor:
    payer = AccountRegister(field="payer", stamp=stamp, value=value)
    return AccountSurvivor(account="acc_b", registered=(payer,))


def test_the_later_word_of_a_survivor_holds_in_whatever_order_it_comes() -> None:
    early, late = register("1", "P1"), register("2", "P2")
    expected = {"acc_b": Survivor({"payer": ("2", "P2")})}
    assert expected == joined(joined({}, [early], "acc_a"), [late], "acc_a")
    assert expected == joined(joined({}, [late], "acc_a"), [early], "acc_a")


def test_the_same_word_again_tells_nothing_new() -> None:
    known = joined({}, [register("2", "P2")], "acc_a")
    for each in (register("2", "P2"), register("1", "P1"), AccountSurvivor(account="acc_b")):
        assert joined(known, [each], "acc_a") is known


def test_an_account_needs_no_telling_of_itself() -> None:
    known: dict[str, Survivor] = {}
    assert joined(known, [register("1", "P1")], "acc_b") is known


def test_what_an_account_tells_is_what_the_other_then_knows() -> None:
    own = Survivor({"payer": ("2", "P2"), "facility": ("1", "RGH")}, ("20", "acc_c"))
    known = {"acc_c": Survivor({"payer": ("3", "P3")})}
    assert {"acc_b": own, **known} == joined({}, told_by("acc_b", own, known), "acc_a")
