"""NACHA and BAI2 records (wire/bank): what they say, and whether they add up."""

from __future__ import annotations

import pytest
from tests.unit.wire.bank_files import addenda, bai2, batch, entry, nacha

from suture.wire.bank import Trace, find_trace, read_bai2, read_nacha

TRN = "TRN*1*T-1001*1512345678~"


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_nacha_file_is_read_with_its_entries_and_addenda(end: str) -> None:
    one = batch([entry(addenda=1), addenda(TRN), entry(7_00, "27", "091000010000002")])
    file = read_nacha(nacha(one, batch([entry(1_00)], number=2), end=end))
    assert ((), "2603010730") == (file.faults, file.created)
    first, second = file.batches
    assert ((), 123_450, 7_00) == (first.faults, first.credits_minor, first.debits_minor)
    assert ("1512345678", "CCD", "260302", "0000001") == (
        first.company,
        first.entry_class,
        first.effective_on,
        first.number,
    )
    assert [(123_450, True), (7_00, False)] == [
        (each.amount_minor, each.is_credit) for each in first.entries
    ]
    assert Trace("T-1001", "1512345678") == find_trace("".join(first.entries[0].addenda))
    assert ("4412345678", "091000010000001") == (
        first.entries[0].account,
        first.entries[0].trace_number,
    )
    assert [1_00] == [each.amount_minor for each in second.entries]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"8200000001", b"8200000002", "entries and addenda: it says 2"),
        (b"8200000001000", b"8200000001001", "the entry hash"),
        (b"000000123450151234", b"000000123451151234", "credits: it says 1234.51"),
    ],
)
def test_a_batch_that_does_not_add_up_says_by_how_much(old: bytes, new: bytes, words: str) -> None:
    file = read_nacha(nacha(batch([entry()])).replace(old, new, 1))
    (found,) = file.batches[0].faults
    assert "bank.control.mismatched" == found.code
    assert words in found.explanation


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"\n9000001", b"\n9000002", "batches: it says 2"),
        (b"\n9000001000001", b"\n9000001000002", "blocks"),
        (b"\n900000100000100000001", b"\n900000100000100000003", "entries and addenda"),
    ],
)
def test_a_file_that_does_not_add_up_says_by_how_much(old: bytes, new: bytes, words: str) -> None:
    (found,) = read_nacha(nacha(batch([entry()])).replace(old, new, 1)).faults
    assert "bank.control.mismatched" == found.code
    assert words in found.explanation


def test_a_file_that_breaks_off_says_so() -> None:
    whole = nacha(batch([entry()]))
    for at in (95, 190, 285):
        assert {"bank.record.unreadable"} == {each.code for each in read_nacha(whole[:at]).faults}


@pytest.mark.parametrize("data", [b"", b"101", b"\xff", b"x" * 94, b"9" * 94, b"101 \n\n6"])
def test_b66_what_is_no_nacha_file_is_a_fault(data: bytes) -> None:
    assert "bank.record.unreadable" == read_nacha(data).faults[0].code


def test_a_trace_is_found_in_a_remittance_cut_into_addenda() -> None:
    text = "ISA*00*          *00*~ST*820*0001~BPR*C*100*C*ACH~TRN*1*EFT 77*1999999999~REF*EV*X~"
    pieces = [text[:50].ljust(50), text[50:]]
    assert Trace("EFT 77", "1999999999") == find_trace("".join(pieces))
    assert Trace("12345", "") == find_trace("TRN*1*12345\\")
    assert Trace("A1", "1512345678") == find_trace("RMT TRN|1|A1|1512345678")
    assert find_trace("STRN*1*2") is None
    assert find_trace("TRN*2*A1~") is None
    assert find_trace("TRN*1*~") is None


def test_a_bai2_file_is_read_with_its_transactions() -> None:
    file = read_bai2(
        bai2(
            "16,142,123450,Z,B-1,C-1,PAYER TRN*1*T-10",
            "88,01*1512345678\\ more, text",
            "16,475,700,V,260303,1200,B-2,,CHECK PAID",
            "16,195,100,S,50,25,25,B-3,C-3/",
            "16,115,200,D,2,0,100,1,100,B-4,C-4,LOCKBOX",
            "16,698,,,,,FEE",
        )
    )
    assert () == file.faults
    (account,) = file.accounts
    assert ((), "4412345678", "USD", "260301") == (
        account.faults,
        account.account,
        account.currency,
        account.as_of,
    )
    assert [
        ("142", 123_450, "B-1", "C-1"),
        ("475", 700, "B-2", ""),
        ("195", 100, "B-3", "C-3"),
        ("115", 200, "B-4", "C-4"),
        ("698", 0, "", ""),
    ] == [
        (each.type_code, each.amount_minor, each.bank_reference, each.customer_reference)
        for each in account.transactions
    ]
    assert Trace("T-1001", "1512345678") == find_trace(account.transactions[0].text)
    assert "260303" == account.transactions[1].value_on


@pytest.mark.parametrize(
    ("old", "new", "is_of_account", "words"),
    [
        (b"49,500100,", b"49,500101,", True, "the control total: it says 500101"),
        (b"49,500100,3", b"49,500100,4", True, "records: it says 4"),
        (b"98,500100,1", b"98,500100,2", False, "accounts: it says 2"),
        (b"99,500100,1,7", b"99,500100,1,8", False, "records: it says 8"),
    ],
)
def test_a_report_that_does_not_add_up_says_by_how_much(
    old: bytes,
    new: bytes,
    is_of_account: bool,  # noqa: FBT001 - a row of the table
    words: str,
) -> None:
    file = read_bai2(bai2("16,142,100,,B-1,,").replace(old, new))
    (found,) = file.accounts[0].faults if is_of_account else file.faults
    assert "bank.control.mismatched" == found.code
    assert words in found.explanation


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"01,A,B,260301,0000,1,,,2/",
        b"02,A/",
        b"01,A,B,260301,0000,1,,,2/\n77,x/",
        b"88,x",
        b"01,A,B,260301,0000,1,,,2/\n16,142,1/\n99,0,0,3/",
    ],
)
def test_b66_what_is_no_bai2_file_is_a_fault(data: bytes) -> None:
    assert "bank.record.unreadable" == read_bai2(data).faults[0].code


def test_an_amount_that_is_none_holds_its_account() -> None:
    file = read_bai2(bai2("16,142,100,,B-1,,").replace(b"16,142,100", b"16,142,1.00"))
    assert ["bank.record.unreadable"] == [each.code for each in file.accounts[0].faults]
