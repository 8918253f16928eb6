"""No bytes make a reader raise: what is nearly good is worse than noise (trust section 1.7)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import Target, targets

TARGETS = targets()
EXAMPLES = {"estate": 40, "books": 120, "file": 150}


@st.composite
def damaged(draw: st.DrawFn, target: Target) -> bytes:
    """Draw a good input that something happened to: pieces lost, doubled, moved, put in."""
    data = draw(st.sampled_from(target.seeds))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + draw(st.sampled_from([1, 8, 200])))))
        piece = data[start:stop]
        match draw(st.sampled_from(["cut", "lose", "double", "word", "noise", "splice", "swap"])):
            case "cut":
                data = data[:start]
            case "lose":
                data = data[:start] + data[stop:]
            case "double":
                data = data[:stop] + piece + data[stop:]
            case "word":
                data = data[:start] + draw(st.sampled_from(target.words)) + data[stop:]
            case "noise":
                data = data[:start] + draw(st.binary(max_size=6)) + data[stop:]
            case "splice":
                other = draw(st.sampled_from(target.seeds))
                at = draw(st.integers(0, len(other)))
                data = data[:start] + other[at:]
            case _:
                data = data[:start] + data[stop:] + piece
    return data


@pytest.mark.parametrize("name", list(TARGETS))
def test_nothing_that_is_nearly_good_raises(name: str) -> None:
    target = TARGETS[name]

    @settings(
        deadline=None,
        max_examples=EXAMPLES.get(name, 300),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(damaged(target))
    def never_raises(data: bytes) -> None:
        target.read(data)

    never_raises()


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_seed_is_read(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].read(seed)
