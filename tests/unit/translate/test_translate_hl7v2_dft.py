"""Charges, credits, payments and adjustments line by line (translate/hl7v2_dft.py, DFT FT1)."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model.account import (
    AccountAdjusted,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    PaymentReceived,
)
from suture.model.event import Fact, fact_type
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.money import format_amount
from suture.model.translation import Channel, ControlTotal, Routed, Translation
from suture.translate import hl7v2_dft
from suture.wire.hl7v2 import parse

TOKENIZER = Tokenizer(b"a key for tests, of 32 bytes....")
CHANNEL = Channel(
    source="charges", zone=ZoneInfo("America/Chicago"), tokenizer=TOKENIZER, authority="riverbend"
)


def line(name: str, fields: dict[int, str]) -> str:
    """Return a segment of these fields, by HL7 field number."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


PATIENT = line("PID", {3: "600123^^^RVH^MR", 18: "A5001"})
ACCOUNT = TOKENIZER.token("account", "riverbend", "A5001")
CHARGE = {1: "1", 2: "T1", 4: "20260105", 6: "CG", 7: "80053", 10: "1", 11: "120.00", 13: "LAB"}


def raw(*segments: str, trigger: str = "P03", control_id: str = "M1") -> bytes:
    """Return a DFT message of these segments."""
    header = rf"MSH|^~\&|BILLING|RGH|SUTURE|RVH|20260105083000||DFT^{trigger}|{control_id}|P|2.5.1"
    return "\r".join((header, *segments)).encode()


def heard(*segments: str, trigger: str = "P03", control_id: str = "M1") -> Translation:
    """Return what a DFT message of these segments means."""
    message = parse(raw(*segments, trigger=trigger, control_id=control_id))
    assert not isinstance(message, Fault)
    return hl7v2_dft.translate(message, CHANNEL)


def fact(told: dict[int, str], patient: str = PATIENT) -> Fact:
    """Return what an accepted message of one FT1 says."""
    translation = heard(patient, line("FT1", CHARGE | told))
    assert (translation.status, translation.faults) == ("accepted", ())
    (routed,) = translation.routed
    return routed.fact


def faults(*told: dict[int, str]) -> list[tuple[str, str]]:
    """Return why a message of these FT1 is held."""
    translation = heard(PATIENT, *(line("FT1", CHARGE | each) for each in told))
    assert (translation.status, translation.routed, translation.secrets) == ("held", (), ())
    return [(fault.code, fault.where) for fault in translation.faults]


def test_a_charge_tells_its_price_its_dates_and_who_performed_it() -> None:
    told = CHARGE | {5: "20260107", 10: "3", 11: "360.00&USD^UP", 12: "120.00", 25: "80053^CMP^C4"}
    translation = heard(PATIENT, line("PV1", {3: "MEDSURG^1^A^RNH"}), line("FT1", told))
    expected = ChargePosted(
        account=ACCOUNT,
        charge=TOKENIZER.token("charge", "riverbend", f"BILLING|{ACCOUNT}|T1|CG"),
        line=TOKENIZER.token("charge", "riverbend", "BILLING||T1|CG"),
        amount_minor=36_000,
        quantity="3",
        service_on=date(2026, 1, 5),
        posted_on=date(2026, 1, 7),
        facility="RNH",
        department="LAB",
        transaction_code="80053",
        procedure_code="80053",
    )
    assert translation.routed == (Routed(f"patient_account/{ACCOUNT}", expected, "FT1"),)


def test_a_line_of_a_sender_that_numbers_them_in_each_account_says_so_under_the_same_name() -> None:
    """Were its name another, a line told both ways would be two that know nothing of each other."""
    message = parse(raw(PATIENT, line("FT1", CHARGE)))
    assert not isinstance(message, Fault)
    channel = msgspec.structs.replace(CHANNEL, line_numbers="account")
    (routed,) = hl7v2_dft.translate(message, channel).routed
    across = fact({})
    assert isinstance(across, ChargePosted)
    assert msgspec.structs.replace(across, line_numbers="account") == routed.fact


@pytest.mark.parametrize("line_type", ["CG", "CD", "PY", "CO", "AJ"])
def test_every_kind_of_line_says_whose_its_number_is(line_type: str) -> None:
    message = parse(raw(PATIENT, line("FT1", CHARGE | {6: line_type})))
    assert not isinstance(message, Fault)
    channel = msgspec.structs.replace(CHANNEL, line_numbers="account")
    (routed,) = hl7v2_dft.translate(message, channel).routed
    assert "account" == getattr(routed.fact, "line_numbers", "")


@pytest.mark.parametrize(
    ("line_type", "expected", "total"),
    [
        ("CG", ChargePosted, "charges"),
        ("CD", ChargeCredited, "credits"),
        ("PY", PaymentReceived, "patient_payments"),
        ("CO", PaymentReceived, "patient_payments"),
        ("AJ", AccountAdjusted, "adjustments"),
    ],
)
def test_the_type_of_a_line_says_which_way_the_money_goes(
    line_type: str, expected: type[Fact], total: str
) -> None:
    translation = heard(PATIENT, line("FT1", CHARGE | {6: line_type}))
    assert isinstance(translation.routed[0].fact, expected)
    assert translation.totals == (ControlTotal(total, 1, 12_000),)


def test_a_co_payment_names_its_kind_and_its_medium() -> None:
    paid = fact({6: "CO", 7: "CARD", 10: "", 11: "20"})
    assert isinstance(paid, PaymentReceived)
    assert paid.payment == TOKENIZER.token("payment", "riverbend", f"BILLING|{ACCOUNT}|T1|CO")
    assert (paid.amount_minor, paid.received_on) == (2_000, date(2026, 1, 5))
    assert (paid.kind, paid.medium, paid.facility, paid.department) == ("CO", "CARD", "RGH", "LAB")


def test_an_adjustment_names_the_code_that_chooses_its_account() -> None:
    adjusted = fact({6: "AJ", 7: "CHARITY", 10: "", 11: "-75.50"})
    assert isinstance(adjusted, AccountAdjusted)
    assert (adjusted.code, adjusted.amount_minor) == ("CHARITY", -7_550)
    assert adjusted.adjusted_on == date(2026, 1, 5)


def test_a_department_left_out_is_the_location_s() -> None:
    charged = fact({13: "", 16: "RAD^2"})
    assert isinstance(charged, ChargePosted)
    assert charged.department == "RAD"


def test_a_service_across_days_is_booked_on_the_day_it_began() -> None:
    charged = fact({4: "20260105^20260109"})
    assert isinstance(charged, ChargePosted)
    assert charged.service_on == date(2026, 1, 5)


def test_every_line_is_told_to_the_account_and_counted_in_its_total() -> None:
    lines = [
        CHARGE,
        CHARGE | {1: "2", 2: "T2", 11: "80.00"},
        CHARGE | {1: "3", 2: "T3", 6: "CD", 11: "80.00"},
        CHARGE | {1: "4", 2: "T4", 6: "PY", 11: "15.00"},
        CHARGE | {1: "5", 2: "T5", 6: "CO", 11: "20.00"},
    ]
    translation = heard(PATIENT, *(line("FT1", each) for each in lines))
    assert [(fact_type(each.fact), each.where) for each in translation.routed] == [
        ("charge.posted", "FT1"),
        ("charge.posted", "FT1[2]"),
        ("charge.credited", "FT1[3]"),
        ("payment.received", "FT1[4]"),
        ("payment.received", "FT1[5]"),
    ]
    assert translation.totals == (
        ControlTotal("charges", 2, 20_000),
        ControlTotal("credits", 1, 8_000),
        ControlTotal("patient_payments", 2, 3_500),
    )
    assert {each.stream for each in translation.routed} == {f"patient_account/{ACCOUNT}"}


@pytest.mark.parametrize(
    ("visit", "insurance", "expected"),
    [
        ("PV1|1|I" + "|" * 18 + "MA", "IN1|1|GOLD|MCR", [("MA", "MCR", "PV1")]),
        ("PV1|1|I", "IN1|1|GOLD|MCR", [("", "MCR", "IN1")]),
        ("PV1|1|I" + "|" * 18 + "SP", "ZIN|1", [("SP", "", "PV1")]),
        ("PV1|1|I", "IN1|1|GOLD", []),
    ],
)
def test_a_charge_message_that_knows_who_pays_tells_it_first(
    visit: str, insurance: str, expected: list[tuple[str, str, str]]
) -> None:
    told = heard(PATIENT, visit, line("FT1", CHARGE), insurance).routed[:-1]
    registered = [
        (each.fact.financial_class, each.fact.payer, each.where)
        for each in told
        if isinstance(each.fact, AccountRegistered)
    ]
    assert (registered, len(told)) == (expected, len(expected))


def test_a_charge_told_again_by_another_message_is_the_same_charge() -> None:
    first = heard(PATIENT, line("FT1", CHARGE), control_id="M1")
    again = heard(PATIENT, line("FT1", CHARGE | {1: "7"}), control_id="M2")
    assert first.routed == again.routed


def test_a_credit_of_the_same_number_is_another_line() -> None:
    lines = line("FT1", CHARGE), line("FT1", CHARGE | {6: "CD"})
    identities = {getattr(each.fact, "charge", "") for each in heard(PATIENT, *lines).routed}
    assert len(identities) == len(lines)


def test_a_line_without_a_number_of_its_own_goes_by_its_message_and_set_id() -> None:
    unnumbered = [line("FT1", CHARGE | {1: set_id, 2: ""}) for set_id in ("1", "2", "")]
    first = heard(PATIENT, *unnumbered)
    resent = heard(PATIENT, *unnumbered)
    another = heard(PATIENT, *unnumbered, control_id="M2")
    assert first.routed == resent.routed
    identities = [getattr(each.fact, "charge", "") for each in (*first.routed, *another.routed)]
    assert len(set(identities)) == len(identities)


def test_two_lines_of_one_identity_are_held_lest_one_replace_the_other() -> None:
    assert faults({}, {1: "2", 11: "55.00"}) == [("hl7.ft1.repeated", "FT1[2]-2")]


@pytest.mark.parametrize(
    ("told", "amount_minor"),
    [
        pytest.param({10: "", 11: "0.07"}, 7, id="FT1-11 alone"),
        pytest.param({10: "3", 11: "10.00", 12: "3.33"}, None, id="a cent off"),
        pytest.param({10: "3", 11: "9.99", 12: "3.33"}, 999, id="all three agree"),
        pytest.param({10: "1.5", 11: "5.00", 12: "3.33"}, 500, id="rounded up"),
        pytest.param({10: "1.5", 11: "4.99", 12: "3.33"}, 499, id="rounded down"),
        pytest.param({10: "1.5", 11: "5.01", 12: "3.33"}, None, id="beyond rounding"),
        pytest.param({10: "3", 11: "", 12: "3.33&USD"}, 999, id="computed"),
        pytest.param({10: "0.5", 11: "", 12: "3.34"}, 167, id="computed from a fraction"),
        pytest.param({10: "-2", 11: "", 12: "10.00"}, -2_000, id="a negative charge is kept"),
        pytest.param({10: "-2", 11: "20.00", 12: "10.00"}, None, id="signs disagree"),
        pytest.param({10: "0", 11: "0", 12: "10.00"}, 0, id="nothing"),
        pytest.param({6: "CD", 10: "-2", 11: "20.00", 12: "10.00"}, 2_000, id="credit"),
        pytest.param({6: "CD", 10: "-2", 11: "", 12: "10.00"}, 2_000, id="computed credit"),
    ],
)
def test_the_amount_is_checked_against_quantity_times_unit_amount(
    told: dict[int, str], amount_minor: int | None
) -> None:
    if amount_minor is None:
        assert faults(told) == [("hl7.ft1.amount_mismatch", "FT1-11.1")]
    else:
        assert getattr(fact(told), "amount_minor", None) == amount_minor


@given(
    unit_minor=st.integers(-(10**9), 10**9),
    count=st.integers(-999, 999),
    scale=st.sampled_from("012"),
)
@settings(deadline=None, max_examples=60)
def test_a_product_of_whole_cents_is_computed_exactly(
    unit_minor: int, count: int, scale: str
) -> None:
    decimals = int(scale)
    quantity = f"{'-' if count < 0 else ''}{abs(count) // 10**decimals}"
    if decimals:
        quantity += f".{abs(count) % 10**decimals:0{decimals}d}"
    price = format_amount(unit_minor * 10**decimals)
    charged = fact({10: quantity, 11: "", 12: price})
    assert getattr(charged, "amount_minor", None) == unit_minor * count


@pytest.mark.parametrize(
    "told", [{10: "", 11: "", 12: "5.00"}, {11: ""}, {10: "0.333", 11: "", 12: "1.00"}]
)
def test_no_amount_is_guessed(told: dict[int, str]) -> None:
    assert faults(told) == [("hl7.ft1.amount_missing", "FT1-11.1")]


def test_a_negative_credit_is_held_for_it_could_mean_a_charge() -> None:
    assert faults({6: "CD", 11: "-20.00"}) == [("hl7.ft1.sign_ambiguous", "FT1-11.1")]


@pytest.mark.parametrize(
    "amount",
    [
        "1,234.56",
        "1e9",
        "NaN",
        "\uff10\uff11",
        "1_000",
        "-0",
        "-0.00",
        "+5",
        "5.",
        ".5",
        "1.234",
        " 5",
        '""',
    ],
)
@pytest.mark.parametrize("field", [11, 12])
def test_b23_an_amount_that_is_no_plain_decimal_holds_the_message_at_its_field(
    amount: str, field: int
) -> None:
    assert faults({}, {2: "T2", 10: "", field: amount}) == [
        ("hl7.amount.invalid", f"FT1[2]-{field}.1")
    ]


def test_an_amount_too_large_for_the_books_is_held() -> None:
    told = {10: "999999999", 11: "", 12: "999999999999999.00"}
    assert faults(told) == [("hl7.amount.invalid", "FT1-11.1")]


@pytest.mark.parametrize("quantity", ["two", "1e3", "1,5", "--1", "1.", "\uff11"])
def test_b23_a_quantity_that_is_no_plain_decimal_is_held(quantity: str) -> None:
    assert faults({10: quantity}) == [("hl7.quantity.invalid", "FT1-10")]


@pytest.mark.parametrize("amount", ["20.00&EUR", "20.00&CAD^UP", "20.00^EUR"])
def test_money_in_another_currency_is_held(amount: str) -> None:
    assert faults({11: amount}) == [("hl7.currency.unsupported", "FT1-11.1")]


@pytest.mark.parametrize("amount", ["20.00&USD", "20.00&usd^UP", "20.00^UP", "20.00^USD"])
def test_money_in_us_dollars_is_read_whatever_stands_beside_it(amount: str) -> None:
    assert getattr(fact({10: "", 11: amount}), "amount_minor", None) == 2_000


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({6: ""}, ("hl7.ft1.type_missing", "FT1-6")),
        ({6: '""'}, ("hl7.ft1.type_missing", "FT1-6")),
        ({6: "cg"}, ("hl7.ft1.type_unknown", "FT1-6")),
        ({4: ""}, ("hl7.timestamp.invalid", "FT1-4")),
        ({4: "20260230"}, ("hl7.timestamp.invalid", "FT1-4.1")),
        ({5: "202601"}, ("hl7.timestamp.invalid", "FT1-5.1")),
    ],
)
def test_a_line_that_cannot_be_booked_as_it_stands_is_held(
    told: dict[int, str], expected: tuple[str, str]
) -> None:
    assert faults(told) == [expected]


def test_one_bad_line_holds_the_message_and_all_there_is_to_mend_is_told() -> None:
    assert faults({}, {2: "T2", 6: "", 11: "x"}, {2: "T3", 4: ""}) == [
        ("hl7.ft1.type_missing", "FT1[2]-6"),
        ("hl7.amount.invalid", "FT1[2]-11.1"),
        ("hl7.timestamp.invalid", "FT1[3]-4"),
    ]


def test_a_held_message_still_counts_what_could_be_read_of_its_worth() -> None:
    unreadable = CHARGE | {2: "T2", 11: "x"}
    unequal = CHARGE | {2: "T3", 10: "3", 11: "50.00", 12: "10.00"}
    lines = [line("FT1", each) for each in (CHARGE, unreadable, unequal)]
    translation = heard(PATIENT, *lines)
    assert translation.status == "held"
    assert translation.totals == (ControlTotal("charges", 2, 17_000),)


def test_a_charge_for_no_account_is_held() -> None:
    (fault,) = heard("PID|1||600123", line("FT1", CHARGE)).faults
    assert (fault.code, fault.where) == ("hl7.account.missing", "PID-18")


def test_a_charge_message_without_a_charge_is_held() -> None:
    (fault,) = heard(PATIENT).faults
    assert (fault.code, fault.where) == ("hl7.ft1.missing", "FT1")


ONE, TWO = line("FT1", CHARGE), line("FT1", CHARGE | {2: "T2"})


@pytest.mark.parametrize(
    ("segments", "payer"),
    [
        pytest.param(("IN1|1||MCR", ONE, TWO), "MCR", id="before the lines"),
        pytest.param(("IN1|1||MCR", ONE, "IN1|1||MCR", TWO), "MCR", id="said again"),
        pytest.param((ONE, "IN1|2||ATLAS", "IN1|1||MCR", TWO, "IN1|1||MCR"), "MCR", id="lines"),
    ],
)
def test_a_p11_whose_lines_and_account_name_one_payer_registers_it(
    segments: tuple[str, ...], payer: str
) -> None:
    registered = heard(PATIENT, *segments, trigger="P11").routed[0].fact
    assert isinstance(registered, AccountRegistered)
    assert registered.payer == payer


def test_a_p11_line_with_a_payer_of_its_own_is_held() -> None:
    segments = ("IN1|1||MCR", ONE, "IN1|1||ATLAS", TWO)
    (fault,) = heard(PATIENT, *segments, trigger="P11").faults
    assert (fault.code, fault.where) == ("hl7.ft1.insurance_differs", "IN1[2]-3")


def test_a_p03_lists_its_insurances_after_its_lines() -> None:
    registered = heard(PATIENT, ONE, TWO, "IN1|1||MCR", "IN1|2||ATLAS").routed[0].fact
    assert isinstance(registered, AccountRegistered)
    assert registered.payer == "MCR"
