"""Sealed bytes open only where and as they were sealed: any change or move shows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.security.keys import KeyRing, UnknownKeyError
from suture.security.phi import (
    OVERHEAD_BYTES,
    OpenedPiece,
    SealBrokenError,
    Sealer,
    open_piece,
    open_pieces,
    open_sealed,
    seal,
)

RING = KeyRing({1: b"k" * 32}, b"i" * 32)
ROTATED = KeyRing({1: b"k" * 32, 2: b"l" * 32}, b"i" * 32)
CONTEXT = b"msg_1|raw|1"


def sealed_file(*pieces: bytes, context: bytes = CONTEXT) -> list[bytes]:
    sealer = Sealer(RING, context=context)
    return [*(sealer.seal(piece) for piece in pieces), sealer.finish()]


def opened_file(pieces: Sequence[bytes], context: bytes = CONTEXT) -> bytes:
    return b"".join(open_pieces(pieces, key_ring=RING, context=context))


@given(plaintext=st.binary(max_size=300), context=st.binary(max_size=40))
@settings(deadline=None, max_examples=100)
def test_what_is_sealed_opens_in_its_place(plaintext: bytes, context: bytes) -> None:
    sealed = seal(plaintext, key_ring=RING, context=context)
    assert plaintext == open_sealed(sealed, key_ring=RING, context=context)
    assert len(plaintext) + OVERHEAD_BYTES == len(sealed)


def test_sealed_bytes_show_nothing_of_what_they_hold() -> None:
    plaintext = b"PID|1||CANARY-4711^^^RIVERBEND"
    first, second = (seal(plaintext, key_ring=RING, context=CONTEXT) for _ in range(2))
    assert b"CANARY" not in first + second
    assert first[3:] != second[3:], "the same message twice must not look alike"


@given(flipped=st.data())
@settings(deadline=None, max_examples=200)
def test_a_changed_bit_anywhere_is_noticed(flipped: st.DataObject) -> None:
    sealed = bytearray(seal(b"a message", key_ring=RING, context=CONTEXT))
    position = flipped.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[position // 8] ^= 1 << position % 8
    with pytest.raises((SealBrokenError, UnknownKeyError)):
        open_sealed(bytes(sealed), key_ring=RING, context=CONTEXT)


@pytest.mark.parametrize("length", [0, 1, 3, 43, 55, OVERHEAD_BYTES - 1, OVERHEAD_BYTES + 3])
def test_cut_bytes_are_noticed(length: int) -> None:
    sealed = seal(b"a message", key_ring=RING, context=CONTEXT)
    with pytest.raises(SealBrokenError):
        open_sealed(sealed[:length], key_ring=RING, context=CONTEXT)


def test_a_row_moved_to_another_message_does_not_open() -> None:
    sealed = seal(b"a message", key_ring=RING, context=b"msg_1")
    with pytest.raises(SealBrokenError, match="place"):
        open_sealed(sealed, key_ring=RING, context=b"msg_2")


def test_a_new_key_seals_and_the_old_rows_still_open() -> None:
    old = seal(b"before", key_ring=RING, context=CONTEXT)
    new = seal(b"after", key_ring=ROTATED, context=CONTEXT)
    assert b"before" == open_sealed(old, key_ring=ROTATED, context=CONTEXT)
    assert b"after" == open_sealed(new, key_ring=ROTATED, context=CONTEXT)
    with pytest.raises(UnknownKeyError, match=r"put kek-2\.key back"):
        open_sealed(new, key_ring=RING, context=CONTEXT)


def test_another_installations_keys_open_nothing() -> None:
    sealed = seal(b"a message", key_ring=RING, context=CONTEXT)
    with pytest.raises(SealBrokenError, match="unwrap"):
        open_sealed(sealed, key_ring=KeyRing({1: b"x" * 32}, b"i" * 32), context=CONTEXT)


@given(pieces=st.lists(st.binary(max_size=50), max_size=6))
@settings(deadline=None, max_examples=50)
def test_a_file_sealed_in_pieces_opens_whole(pieces: list[bytes]) -> None:
    assert b"".join(pieces) == opened_file(sealed_file(*pieces))


@given(
    ordinals=st.lists(st.integers(0, 3), max_size=6).filter(lambda each: each != [0, 1, 2, 3]),
)
@settings(deadline=None, max_examples=200)
def test_pieces_left_out_repeated_or_reordered_are_noticed(ordinals: list[int]) -> None:
    pieces = sealed_file(b"one", b"two", b"three")
    with pytest.raises(SealBrokenError):
        opened_file([pieces[ordinal] for ordinal in ordinals])


def test_a_file_cut_short_is_noticed_at_its_end() -> None:
    pieces = open_pieces(sealed_file(b"one", b"two")[:-1], key_ring=RING, context=CONTEXT)
    assert [b"one", b"two"] == [next(pieces), next(pieces)]
    with pytest.raises(SealBrokenError, match="cut short"):
        next(pieces)


def test_pieces_of_two_sealings_of_one_file_do_not_mix() -> None:
    first, second = sealed_file(b"one", b"two"), sealed_file(b"one", b"two")
    with pytest.raises(SealBrokenError, match="another sealing"):
        opened_file([first[0], second[1], second[2]])


def test_a_file_moved_to_another_id_does_not_open() -> None:
    with pytest.raises(SealBrokenError):
        opened_file(sealed_file(b"one"), context=b"trn_2")


def test_a_span_of_a_file_is_read_from_one_piece() -> None:
    pieces = sealed_file(b"one", b"two")
    assert OpenedPiece(1, last=False, content=b"two") == open_piece(
        pieces[1], key_ring=RING, context=CONTEXT
    )
    assert open_piece(pieces[2], key_ring=RING, context=CONTEXT).last


def test_a_piece_is_no_message_and_a_message_no_piece() -> None:
    with pytest.raises(SealBrokenError, match="version"):
        open_sealed(sealed_file(b"one")[0], key_ring=RING, context=CONTEXT)
    with pytest.raises(SealBrokenError, match="version"):
        opened_file([seal(b"one", key_ring=RING, context=CONTEXT)])


def test_nothing_is_sealed_after_the_end_of_a_file() -> None:
    sealer = Sealer(RING, context=CONTEXT)
    sealer.finish(b"the whole file")
    with pytest.raises(ValueError, match="last piece"):
        sealer.seal(b"more")
