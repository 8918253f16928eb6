"""Events: every fact survives the log, stamps order what was said, streams find their partition."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.catalogue import PROCESSES
from suture.model.account import ChargePosted, PaymentReceived
from suture.model.event import (
    Event,
    Fact,
    Reconsidered,
    cloud_event,
    decode_fact,
    encode_fact,
    fact_type,
    make_stamp,
    partition_of,
    process_of,
)

KINDS: tuple[type[msgspec.Struct], ...] = get_args(Fact)
CHARGE = ChargePosted(
    account="acc_1", charge="chg_1", amount_minor=1_250, service_on=date(2026, 3, 10)
)
EVENT = Event(
    id="evt_1",
    stream="patient_account/acc_1",
    fact=CHARGE,
    source="charges",
    message_id="msg_1",
    where="FT1",
    stamp="1",
    received_at_ms=0,
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type; whole numbers of 64 bits, as the log and the store hold."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        fields = get_type_hints(hint)
        return st.builds(hint, **{name: values(each) for name, each in fields.items()})
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_args(hint):
        return st.one_of([values(each) for each in get_args(hint)])
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(-(2**63), 2**63 - 1),
        str: st.text(max_size=8),
        bool: st.booleans(),
        date: st.dates(),
        type(None): st.none(),
    }
    return simple[hint]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_kind_of_fact_survives_the_log(
    kind: type[msgspec.Struct], data: st.DataObject
) -> None:
    fact = data.draw(values(kind))
    decoded = decode_fact(encode_fact(fact))
    assert (type(fact), fact) == (type(decoded), decoded)


def test_every_kind_of_fact_has_a_type_of_its_own_in_the_past_tense() -> None:
    types = [str(kind.__struct_config__.tag) for kind in KINDS]
    assert len(types) == len(set(types))
    nouns = {each.partition(".")[0] for each in types}
    assert {
        "account",
        "appointment",
        "authorization",
        "batch",
        "charge",
        "charge_item",
        "claim",
        "coverage",
        "deposit",
        "encounter",
        "group",
        "interchange",
        "item",
        "location",
        "organization",
        "patient",
        "payment",
        "provider",
        "purchase",
        "release",
        "remittance",
        "schedule",
        "supply",
    } == nouns


def test_a_fact_this_code_does_not_know_is_refused() -> None:
    unknown = msgspec.msgpack.encode({"type": "claim.forgiven", "claim": "clm_1"})
    with pytest.raises(msgspec.ValidationError):
        decode_fact(unknown)


def test_an_older_fact_without_a_newer_field_is_read() -> None:
    """Fields are added with a default; what the log holds is never rewritten."""
    older = msgspec.msgpack.encode(
        {
            "type": "payment.received",
            "account": "acc_1",
            "payment": "pay_1",
            "amount_minor": 5,
            "received_on": "2026-03-10",
            "kind": "PY",
        }
    )
    fact = decode_fact(older)
    assert isinstance(fact, PaymentReceived)
    assert "" == fact.medium


def test_what_is_not_told_takes_no_room_in_the_log() -> None:
    assert b"facility" not in encode_fact(CHARGE)


# Stamps -----------------------------------------------------------------------------------------

moments = st.integers(0, 10**15 - 1)
digests = st.text("0123456789abcdef", min_size=12, max_size=64)
ordinals = st.integers(1, 999_999)


@given(moments, moments, digests, digests, ordinals, ordinals)
def test_what_was_recorded_later_has_the_later_stamp(
    first: int, second: int, one: str, other: str, ordinal: int, another: int
) -> None:
    if first != second:
        earlier, later = sorted((first, second))
        assert make_stamp(earlier, one, ordinal) < make_stamp(later, other, another)


@given(moments, digests, ordinals, ordinals)
def test_in_one_message_the_later_place_has_the_later_stamp(
    at_ms: int, digest: str, first: int, second: int
) -> None:
    stamps = [make_stamp(at_ms, digest, ordinal) for ordinal in sorted((first, second))]
    assert stamps == sorted(stamps)
    assert (first == second) == (stamps[0] == stamps[1])


def test_two_messages_of_one_instant_are_ordered_by_their_bytes() -> None:
    assert make_stamp(7, "a" * 64, 1) < make_stamp(7, "b" * 64, 1)
    stamp = "000000000000007-000000000000000000-aaaaaaaaaaaa-000000000001"
    assert stamp == make_stamp(7, "a" * 64, 1)


@given(digests, digests, st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_of_one_instant_the_senders_own_sequence_comes_before_the_bytes(
    one: str, other: str, first: int, second: int
) -> None:
    if first != second:
        earlier, later = sorted((first, second))
        assert make_stamp(7, one, 9, sequence=earlier) < make_stamp(7, other, 1, sequence=later)


# Streams ----------------------------------------------------------------------------------------


def test_a_stream_names_its_process_whatever_its_key_holds() -> None:
    assert "remittance" == process_of("remittance/PAYER/WITH/SLASHES:T1")
    assert set(PROCESSES) == {process_of(f"{name}/key") for name in PROCESSES}


def test_a_stream_is_always_in_the_same_partition() -> None:
    """CRC-32, not Python's hash: that differs from process to process."""
    assert 14 == partition_of("claim/clm_1", 16)
    assert 0 == partition_of("claim/clm_1", 1)


def test_streams_are_spread_over_all_partitions() -> None:
    counts = Counter(partition_of(f"claim/clm_{number}", 16) for number in range(16_000))
    assert 16 == len(counts)
    assert 800 < min(counts.values()) <= max(counts.values()) < 1_200


# CloudEvents ------------------------------------------------------------------------------------


def test_an_event_is_a_cloud_event_with_the_required_attributes() -> None:
    told = cloud_event(EVENT)
    assert {"specversion", "id", "source", "type", "subject", "datacontenttype", "data"} == set(
        told
    )
    assert ("1.0", "evt_1", "charge.posted", "patient_account/acc_1") == (
        told["specversion"],
        told["id"],
        told["type"],
        told["subject"],
    )
    assert {"type": "charge.posted", "amount_minor": 1_250}.items() <= told["data"].items()
    assert EVENT.type == told["type"] == fact_type(CHARGE)


def test_a_release_asks_again_without_changing_anything() -> None:
    assert Reconsidered(release="rel_1") == decode_fact(encode_fact(Reconsidered(release="rel_1")))
