"""Surrogates and derived ids: the same for the same, different for anything else, sorted by time.

The code is in `model/identity.py`; it stands with the tests of the keys that it is used with.
"""

from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from suture.model.identity import (
    PREFIXES,
    TEXT_CHARACTERS_MAX,
    Tokenizer,
    bounded_identity,
    derive_id,
    reuse_code,
    shown_text,
)

TOKENIZER = Tokenizer(b"k" * 32)
TEXTS = st.text(max_size=20)
NAMES = st.tuples(st.sampled_from(sorted(PREFIXES)), TEXTS, TEXTS)


def normalised(name: tuple[str, str, str]) -> tuple[str, str, str]:
    kind, authority, value = name
    return kind, authority, value.strip().upper()


@given(first=NAMES, second=NAMES)
@settings(deadline=None, max_examples=200)
def test_two_identifiers_share_a_surrogate_only_when_they_are_one(
    first: tuple[str, str, str], second: tuple[str, str, str]
) -> None:
    is_same = normalised(first) == normalised(second)
    assert is_same == (TOKENIZER.token(*first) == TOKENIZER.token(*second))


def test_every_worker_makes_the_same_surrogate() -> None:
    assert TOKENIZER.token("account", "RIVERBEND", "a-17") == Tokenizer(b"k" * 32).token(
        "account", "RIVERBEND", "a-17"
    )


def test_blanks_and_case_do_not_make_another_patient() -> None:
    assert TOKENIZER.token("patient", "R", "mrn7") == TOKENIZER.token("patient", "R", " MRN7 ")


def test_authority_and_value_are_not_run_together() -> None:
    assert TOKENIZER.token("visit", "A1", "2") != TOKENIZER.token("visit", "A", "12")


def test_another_key_makes_another_surrogate() -> None:
    other = Tokenizer(b"l" * 32)
    assert TOKENIZER.token("claim", "", "C1") != other.token("claim", "", "C1")


def test_a_surrogate_is_its_kind_and_128_bits_of_the_keyed_hash() -> None:
    digest = hmac.digest(b"k" * 32, b"7:account1:R3:A17", "sha256")
    expected = base64.b32hexencode(digest[:16]).decode().rstrip("=").lower()
    assert f"acc_{expected}" == TOKENIZER.token("account", "R", "a17")


def test_no_representation_shows_the_key() -> None:
    assert "kkk" not in repr(TOKENIZER)


def test_an_unknown_kind_and_a_short_key_are_bugs() -> None:
    with pytest.raises(KeyError):
        TOKENIZER.token("soul", "", "1")
    with pytest.raises(ValueError, match="32 bytes"):
        Tokenizer(b"short")


@given(first_ms=st.integers(0, 2**48 - 1), second_ms=st.integers(0, 2**48 - 1), part=TEXTS)
@settings(deadline=None, max_examples=200)
def test_derived_ids_sort_by_time(first_ms: int, second_ms: int, part: str) -> None:
    assume(first_ms != second_ms)
    first, second = (derive_id("msg", at_ms, part) for at_ms in (first_ms, second_ms))
    assert (first_ms < second_ms) == (first < second)


@given(first=st.lists(TEXTS, max_size=3), second=st.lists(TEXTS, max_size=3))
@settings(deadline=None, max_examples=200)
def test_ids_are_alike_only_for_the_same_parts(first: list[str], second: list[str]) -> None:
    assert (first == second) == (derive_id("msg", 7, *first) == derive_id("msg", 7, *second))


def test_an_id_is_made_of_characters_that_pass_anywhere() -> None:
    name = derive_id("msg", 1_700_000_000_000, "riverbend", "\udc80")
    prefix, _, body = name.partition("_")
    assert (prefix, len(body)) == ("msg", 26)
    assert set(body) <= set("0123456789abcdefghijklmnopqrstuv")


@pytest.mark.parametrize("at_ms", [-1, 2**48])
def test_a_time_outside_the_range_is_a_bug(at_ms: int) -> None:
    with pytest.raises(OverflowError):
        derive_id("msg", at_ms)


NASTY = st.text("\0:aé\udc80", max_size=2 * TEXT_CHARACTERS_MAX)


@given(first=NASTY, second=NASTY)
@settings(deadline=None, max_examples=200)
def test_b76_bounded_identities_differ_as_the_identities_do(first: str, second: str) -> None:
    bounded = bounded_identity(first)
    assert (first == second) == (bounded == bounded_identity(second))
    assert len(bounded) <= TEXT_CHARACTERS_MAX
    assert "\0" not in bounded
    assert bounded_identity(bounded) == bounded


def test_b76_an_identity_known_by_its_digest_still_says_its_kind() -> None:
    assert bounded_identity("remittance:PAYER:T1") == "remittance:PAYER:T1"
    assert bounded_identity(f"remittance:{'9' * 500}").startswith("remittance:sha256:")
    assert shown_text(f"N\0{'9' * 500}") == f"N\u2400{'9' * 198}"


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ("remittance:PAYER:1", "intake.trace.reused"),
        ("payment:PAYER:1", "intake.trace.reused"),
        ("document:850:BUYER:SUPPLIER:PO1", "intake.document.reused"),
        ("control:1", "intake.control_id.reused"),
    ],
)
def test_b31_what_is_said_of_a_second_holder_is_by_the_kind_of_identity(
    identity: str, code: str
) -> None:
    assert code == reuse_code(identity)
