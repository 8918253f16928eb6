"""Bank files to deposits (translate/bank_deposits): whose payment, which side, and what is held."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec import structs
from tests.specs.riverbend_books import channel
from tests.unit.wire.bank_files import addenda, bai2, batch, entry, nacha

from suture.model.deposit import DepositReceived
from suture.model.translation import Closed, Reading
from suture.pipeline import read_file
from suture.translate.file_format import detect_format

TRN = addenda("TRN*1*T-1001*1999999999~")


def readings(data: bytes, **told: object) -> list[Reading]:
    fields = {"translations": frozenset({"bank"})} | told
    opened = structs.replace(channel("remits"), **fields)
    return [each for each in read_file([data], opened) if isinstance(each, Reading)]


def deposits(data: bytes) -> list[DepositReceived]:
    return [
        routed.fact
        for each in readings(data)
        for routed in each.translation.routed
        if isinstance(routed.fact, DepositReceived)
    ]


def faults(data: bytes) -> list[list[str]]:
    return [[fault.code for fault in each.translation.faults] for each in readings(data)]


def test_bank_files_are_known_by_their_first_record() -> None:
    assert ["bank", "bank"] == [detect_format(nacha(batch([entry()]))), detect_format(bai2())]
    for other in (b"101 MAIN STREET", b"01,2", b"1,2,3\n", b"MSH|^~\\&|01,A,B,260301,0000,1"):
        assert "bank" != detect_format(other)


def test_an_ach_credit_is_a_deposit_of_the_payment_its_addenda_names() -> None:
    (fact,) = deposits(nacha(batch([entry(addenda=1), TRN])))
    assert fact == DepositReceived(
        deposit="1999999999:T-1001",
        bank_account="5678",
        payer="1999999999",
        trace="T-1001",
        bank_reference="091000010000001",
        amount_minor=123_450,
        kind="22",
        deposited_on=date(2026, 3, 2),
        where="record 3",
    )


def test_a_remittance_in_ctx_addenda_names_its_payment() -> None:
    text = "ST*820*0001~BPR*C*1234.5*C*ACH*CTX~TRN*1*EFT-77*1512345678~RMR*IV*1~"
    pieces = [addenda(text[at : at + 80], n) for n, at in enumerate(range(0, len(text), 80), 1)]
    (fact,) = deposits(nacha(batch([entry(addenda=1), *pieces], entry_class="CTX")))
    assert ("1512345678:EFT-77", "EFT-77") == (fact.deposit, fact.trace)


def test_a_debit_takes_money_out_and_a_prenote_moves_none() -> None:
    facts = deposits(nacha(batch([entry(7_00, "27"), entry(0, "23"), entry(5_00, "32", "X2")])))
    assert [-7_00, 5_00] == [each.amount_minor for each in facts]
    assert "5678:20260302:091000010000001" == facts[0].deposit
    assert "1512345678" == facts[0].payer, "of the batch's company"


def test_two_entries_of_one_trace_are_two_deposits() -> None:
    facts = deposits(nacha(batch([entry(addenda=1), TRN, entry(5_00, addenda=1), TRN])))
    assert ["1999999999:T-1001", "1999999999:T-1001:2"] == [each.deposit for each in facts]


def test_control_totals_are_those_of_the_deposits() -> None:
    (reading,) = readings(nacha(batch([entry(10_00), entry(3_00, "27", "X2")])))
    assert [("deposits", 2, 7_00)] == [
        (each.name, each.count, each.amount_minor) for each in reading.translation.totals
    ]


def test_a_batch_that_does_not_add_up_is_held_and_its_neighbour_is_read() -> None:
    data = nacha(batch([entry()]), batch([entry()], number=2))
    wrong = data.replace(b"8200000001", b"8200000009", 1)
    assert [["bank.control.mismatched"], []] == faults(wrong)


def test_a_file_that_does_not_add_up_holds_every_batch() -> None:
    data = nacha(batch([entry()])).replace(b"\n9000001", b"\n9000002")
    opened = channel("remits")
    closed = [each for each in read_file([data], opened) if isinstance(each, Closed)]
    assert [("held", ["bank.control.mismatched"])] == [
        (each.status, [fault.code for fault in each.faults]) for each in closed
    ]


@pytest.mark.parametrize(
    "records",
    [
        batch([entry(code="21", addenda=1), addenda("R01", kind="99")]),
        batch([entry(code="21", addenda=1), addenda("C01", kind="98")], entry_class="COR"),
        batch([entry()], entry_class="IAT"),
        batch([entry(code="26")]),
    ],
)
def test_returns_changes_and_international_entries_are_held(records: list[str]) -> None:
    assert [["bank.entry.unsupported"]] == faults(nacha(records))


def test_a_batch_without_a_day_is_held() -> None:
    assert [["bank.record.unreadable"]] == faults(nacha(batch([entry()], on="261399")))


def test_the_same_batch_again_is_the_same_message_and_another_is_not() -> None:
    first, second = readings(nacha(batch([entry()]), batch([entry()], number=2)))
    (again,) = readings(nacha(batch([entry()]), end="\r\n"))
    assert (first.translation.identities, first.content_sha256) == (
        again.translation.identities,
        again.content_sha256,
    )
    assert first.translation.identities != second.translation.identities
    assert 95 == first.offset


@pytest.mark.parametrize("data", [nacha(), bai2()[:43] + b"99,0,0,2/\r\n"])
def test_b66_a_bank_file_without_entries_is_held_and_told_of(data: bytes) -> None:
    assert [["file.no_message"]] == faults(data)


def test_a_bank_file_comes_through_the_door_that_is_meant_for_it() -> None:
    (reading,) = readings(nacha(batch([entry()])), translations=frozenset({"bank_bai2"}))
    assert ["intake.type.unexpected"] == [each.code for each in reading.translation.faults]
    (noted,) = readings(
        bai2("16,142,100,,B-1,,"), translations=frozenset({"x12_835"}), is_rehearsal=True
    )
    assert ("accepted", ["intake.type.unexpected"]) == (
        noted.translation.status,
        [each.code for each in noted.translation.notes],
    )


def test_bai2_credits_and_debits_are_deposits_of_their_account() -> None:
    facts = deposits(
        bai2(
            "16,142,123450,,B-1,C-1,PAYER TRN*1*T-1001*1999999999~",
            "16,115,5000,V,260303,,B-2,,LOCKBOX",
            "16,555,700,,B-3,,RETURNED",
            "16,890,0,,,,MESSAGE",
        )
    )
    assert [
        ("1999999999:T-1001", 123_450, "142", date(2026, 3, 1)),
        ("5678:20260301:B-2", 5_000, "115", date(2026, 3, 3)),
        ("5678:20260301:B-3", -700, "555", date(2026, 3, 1)),
    ] == [(each.deposit, each.amount_minor, each.kind, each.deposited_on) for each in facts]
    assert {"5678"} == {each.bank_account for each in facts}


def test_an_interim_report_and_the_final_one_tell_of_one_deposit() -> None:
    interim = deposits(bai2("16,165,100,,,,A", "16,165,100,,,,B"))
    final = deposits(bai2("16,195,900,,,,C", "16,165,100,,,,A", "16,165,100,,,,B"))
    assert {each.deposit for each in interim} < {each.deposit for each in final}
    assert 3 == len({each.deposit for each in final})


@pytest.mark.parametrize(
    ("old", "new"),
    [(b",1,260301,", b",2,260301,"), (b",1,260301,", b",4,260301,"), (b",USD,015", b",CAD,015")],
)
def test_deletions_tests_and_other_currencies_are_held(old: bytes, new: bytes) -> None:
    data = bai2("16,142,100,,B-1,,").replace(old, new)
    assert [["bank.entry.unsupported"]] == faults(data)


def test_a_report_whose_account_does_not_add_up_is_held() -> None:
    data = bai2("16,142,100,,B-1,,").replace(b"16,142,100", b"16,142,101")
    assert [["bank.control.mismatched"]] == faults(data)


def test_b92_free_text_in_the_place_of_a_reference_is_told_nowhere() -> None:
    data = bai2("16,142,100,,JOHN Q SMITH,SMITH JOHN,MEMO", "16,142,100,,B-2,C-2,MEMO")
    told = repr([each.translation for each in readings(data)])
    assert "SMITH" not in told
    assert ["", "B-2"] == [each.bank_reference for each in deposits(data)]


def test_b92_no_name_and_no_whole_account_is_told() -> None:
    data = nacha(batch([entry(addenda=1), TRN]))
    told = repr([each.translation for each in readings(data)])
    assert not [word for word in ("4412345678", "RIVERBEND HEALTH", "ID-1") if word in told]
