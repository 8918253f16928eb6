"""What renderers of X12 share: what is missing is named, what cannot be written is refused."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from suture.model.fault import Fault
from suture.model.person import Address as PostalAddress
from suture.model.person import Person
from suture.translate.x12_write import (
    Party,
    Sending,
    SetDraft,
    amount,
    composite,
    shown,
    written,
)
from suture.wire.x12 import Address

SENDING = Sending(
    address=Address(sender_id="RIVERBEND", receiver_id="PAYER"),
    control_number=7,
    made_at=datetime(2026, 11, 3, 8, 0),  # noqa: DTZ001 - an envelope names local time
    usage="T",
)
PAYER = Party(id="PHP01", id_kind="PI", name="Prairie Health Plan")


def draft() -> SetDraft:
    """Return an acknowledgement of a batch, the smallest set that has levels."""
    return SetDraft("999", "005010X231A1", "FA")


def segments(told: SetDraft) -> list[str]:
    return ["*".join(each).rstrip("*") for each in told.segments]


@pytest.mark.parametrize(
    ("minor", "told"),
    [
        (25_000, "250"),
        (4_050, "40.5"),
        (5, "0.05"),
        (0, "0"),
        (-1_234, "-12.34"),
        (100_000, "1000"),
    ],
)
def test_an_amount_has_no_zeros_that_say_nothing(minor: int, told: str) -> None:
    assert told == amount(minor)


def test_a_name_loses_its_separators_and_keeps_its_letters() -> None:
    assert "A B C" == shown("A*B:\nC~")
    assert "Žižek" == shown("Žižek").encode("latin-1").decode("utf-8")


def test_a_composite_ends_with_its_last_value() -> None:
    assert "HC:99213::25" == composite("HC", "99213", "", "25", "")


def test_levels_are_numbered_one_after_the_other_and_name_their_parent() -> None:
    told = draft()
    source = told.level("20")
    told.level("21", source, has_children=False)
    assert ["HL*1**20*1", "HL*2*1*21*0"] == segments(told)


def test_a_clinician_is_written_as_a_person_and_a_payer_as_an_organisation() -> None:
    told = draft()
    clinician = Party(id="1999999984", person=Person(family="Okafor", given="Ada"))
    told.party("82", clinician, "2310B")
    told.party("PR", PAYER, "2010BB")
    assert [
        "NM1*82*1*Okafor*Ada****XX*1999999984",
        "NM1*PR*2*Prairie Health Plan*****PI*PHP01",
    ] == segments(told)


def test_a_person_is_written_with_address_and_birth_date() -> None:
    told = draft()
    home = PostalAddress(lines=("5 Elm Street",), city="Springdale", state="IL", postcode="62703-1")
    someone = Person(family="Example", given="Ava", born_on=date(1980, 3, 14), sex="F")
    told.person("IL", someone, "2010BA", "M1")
    told.address(home, "2010BA")
    told.demographics(someone, "2010BA")
    assert [
        "NM1*IL*1*Example*Ava****MI*M1",
        "N3*5 Elm Street",
        "N4*Springdale*IL*627031",
        "DMG*D8*19800314*F",
    ] == segments(told)


def test_a_period_of_one_day_is_that_day() -> None:
    told = draft()
    told.date("472", date(2026, 10, 15), date(2026, 10, 15))
    told.date("434", date(2026, 10, 15), date(2026, 10, 17))
    told.date("096", None)
    assert ["DTP*472*D8*20261015", "DTP*434*RD8*20261015-20261017"] == segments(told)


def test_what_is_missing_is_named_by_its_place_in_the_guide() -> None:
    told = draft()
    told.party("85", Party(id=""), "2010AA")
    refused = written(SENDING, [told])
    assert isinstance(refused, Fault)
    assert ("x12.write.incomplete", "2010AA/NM1-09") == (refused.code, refused.where)
    assert "2010AA/NM1-03" in refused.explanation


@pytest.mark.parametrize("number", ["A*1", "A:1", "A^1", "A~1", "A\n1"])
def test_a_number_with_a_separator_is_refused_and_never_changed(number: str) -> None:
    told = draft()
    told.identifier(number, "2300/CLM-01")
    refused = written(SENDING, [told])
    assert isinstance(refused, Fault)
    assert ("x12.write.unwritable", "2300/CLM-01") == (refused.code, refused.where)
    assert number not in refused.explanation


def test_what_suture_would_refuse_to_take_it_does_not_send() -> None:
    told = draft()
    told.add("AK1", "HC", "417", "005010X222A1")
    refused = written(SENDING, [told])
    assert isinstance(refused, Fault)
    assert "x12.write.incomplete" == refused.code
    assert "999 would be refused: x12.segment.missing" == refused.explanation


def test_sets_are_numbered_and_enclosed() -> None:
    told = draft()
    told.add("AK1", "HC", "417", "005010X222A1")
    told.add("AK9", "A", "1", "1", "1")
    data = written(SENDING, [told, told])
    assert isinstance(data, bytes)
    assert 2 == data.count(b"ST*999*000")
    assert data.endswith(b"GE*2*7~IEA*1*000000007~")
    assert b"*T*:~GS*FA*RIVERBEND*PAYER*20261103*0800*7*X*005010X231A1~" in data


def test_an_address_that_does_not_fit_the_envelope_is_refused() -> None:
    told = draft()
    told.add("AK1", "HC", "417", "005010X222A1")
    told.add("AK9", "A", "1", "1", "1")
    address = Address(sender_id="RIVERBEND", receiver_id="A-RECEIVER-OF-A-LONG-NAME")
    refused = written(Sending(address=address, control_number=7, made_at=SENDING.made_at), [told])
    assert isinstance(refused, Fault)
    assert "x12.write.unwritable" == refused.code
