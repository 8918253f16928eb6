"""The 835 as revenue cycle reads it: payment, parties, claims, lines, adjustments, PLB, paths.

The equations are in test_x12_balance.py.
"""

from __future__ import annotations

from datetime import date

import pytest

from suture.wire.x12 import Item, Segment, SetEnd, SetStart, read
from suture.wire.x12.remittance import (
    ClaimLoop,
    ProviderAdjustment,
    RemittanceEnd,
    RemittanceHeader,
    RemittanceItem,
    RemittanceLimits,
    read_remittance,
    read_remittances,
)

ISA = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*PROVIDER       "
    "*250115*1200*^*{1}*000000905*1*P*:~GS*HP*PAYER*PROVIDER*20250115*1200*7*X*{0}~"
)
HEADER = """\
BPR*I*151.5*C*ACH*CCP*01*999999999*DA*123*1512345678**01*999988880*DA*98765*20250116
TRN*1*EFT0001*1512345678
DTM*405*20250114
N1*PR*A PAYER*XV*PLAN7
N3*1 MAIN
REF*2U*PAYER ID
PER*BL*DESK*TE*8005551212
N1*PE*A HOSPITAL*XX*1234567893
N4*TOWN*OH*44444
REF*TJ*512345679
LX*1
"""
CLAIM = """\
CLP*ACCT-1*1*210*151.5*28.5*MC*ICN-9*11*1
CAS*OA*23*10
NM1*QC*1*DOE*JANE*Q***MI*M1
NM1*IL*1*DOE*JOHN****MI*M0
NM1*74*1*DOE*JANNE
NM1*82*1*WELBY*MARCUS****XX*1111111112
MIA*1***MA01******************MA02
MOA***MA18*N45
REF*EA*MRN-1
DTM*232*20250101
DTM*233*20250102
DTM*050*20250105
AMT*AU*150
SVC*HC:99213:25*120*100*0510*2
DTM*472*20250102
CAS*CO*45*10**253*.5
CAS*PR*1*9.50
REF*6R*LINE-1
AMT*B6*110
LQ*HE*N130
SVC*HC:80053*80*51.5
DTM*150*20241230
CAS*PR*2*19.00*1*3*0
CAS*CO*45*9.5
"""


def interchange(body: str, version: str = "005010X221A1", isa_version: str = "00501") -> bytes:
    segments = body.strip().splitlines()
    text = ISA.format(version, isa_version) + "ST*835*0001~" + "~".join(segments)
    return f"{text}~SE*{len(segments) + 2}*0001~GE*1*7~IEA*1*000000905~".encode()


def read_835(
    body: str, version: str = "005010X221A1", limits: RemittanceLimits | None = None
) -> list[Item | RemittanceItem]:
    return list(read_remittances(read([interchange(body, version)]), limits))


def header_of(body: str) -> RemittanceHeader:
    return next(item for item in read_835(body) if isinstance(item, RemittanceHeader))


def claims_of(body: str) -> list[ClaimLoop]:
    return [item for item in read_835(body) if isinstance(item, ClaimLoop)]


def end_of(items: list[Item | RemittanceItem]) -> RemittanceEnd:
    return next(item for item in items if isinstance(item, RemittanceEnd))


def test_the_items_of_a_file_come_with_remittances_in_the_place_of_segments() -> None:
    assert [
        "InterchangeStart",
        "GroupStart",
        "SetStart",
        "RemittanceHeader",
        "ClaimLoop",
        "ProviderAdjustment",
        "RemittanceEnd",
        "SetEnd",
        "GroupEnd",
        "InterchangeEnd",
    ] == [type(item).__name__ for item in read_835(HEADER + CLAIM + "PLB*P*20251231*L6*0")]


def test_segments_of_one_set_are_read_alike() -> None:
    items = list(read([interchange(HEADER + CLAIM)]))
    segments = [item for item in items if isinstance(item, Segment)]
    expected = [
        item
        for item in read_835(HEADER + CLAIM)
        if isinstance(item, RemittanceHeader | ClaimLoop | RemittanceEnd)
    ]
    assert expected == list(read_remittance(segments))


def test_segments_of_one_set_are_cut_alike() -> None:
    body = HEADER + CLAIM + "REF*X*1\n" * 100
    limits = RemittanceLimits(claim_segments_max=30)
    items = list(read([interchange(body)]))
    alone = list(read_remittance([each for each in items if isinstance(each, Segment)], limits))
    end = alone[-1]
    assert isinstance(end, RemittanceEnd)
    assert ["x12.835.loop.too_long"] == [each.code for each in end.faults]
    assert end == end_of(read_835(body, limits=limits))


def test_other_transaction_sets_pass_unchanged() -> None:
    data = interchange("BHT*0019*00*1").replace(b"ST*835", b"ST*837")
    assert list(read([data])) == list(read_remittances(read([data])))


def test_the_header_tells_the_payment_and_what_joins_it_to_the_bank() -> None:
    header = header_of(HEADER + CLAIM)
    assert ("I", 15150, "C", "ACH", date(2025, 1, 16), "EFT0001", "1512345678", ()) == (
        header.handling,
        header.amount_minor,
        header.credit_debit,
        header.method,
        header.paid_on,
        header.trace,
        header.payer_id,
        header.faults,
    )
    assert date(2025, 1, 14) == header.produced_on


def test_the_header_tells_payer_and_payee_with_their_own_references() -> None:
    header = header_of(HEADER + CLAIM)
    payer, payee = header.payer, header.payee
    assert ("A PAYER", "XV", "PLAN7", "PAYER ID", "") == (
        payer.name,
        payer.id_qualifier,
        payer.id,
        payer.reference("2U"),
        payer.reference("TJ"),
    )
    contact = payer.first("PER", "BL")
    assert contact is not None
    assert "8005551212" == contact.get(4)
    assert ("A HOSPITAL", "XX", "1234567893", "512345679") == (
        payee.name,
        payee.id_qualifier,
        payee.id,
        header.payee_tax_id,
    )


def test_the_tax_id_may_be_the_payees_own_id() -> None:
    body = HEADER.replace("REF*TJ*512345679\n", "").replace("XX*1234567893", "FI*999999999")
    assert "999999999" == header_of(body).payee_tax_id
    assert "" == header_of(HEADER.replace("REF*TJ*512345679\n", "")).payee_tax_id


@pytest.mark.parametrize("told", ["", "20253101", "00010101", "2025"])
def test_the_production_date_stands_in_for_a_missing_payment_date(told: str) -> None:
    items = read_835(HEADER.replace("20250116", told) + CLAIM)
    header = next(item for item in items if isinstance(item, RemittanceHeader))
    assert date(2025, 1, 14) == header.paid_on
    assert ["x12.835.payment.date"] == [each.code for each in end_of(items).notes]
    assert () == end_of(items).faults


@pytest.mark.parametrize(
    ("damaged", "where"),
    [
        (HEADER.replace("TRN*", "XRN*"), "TRN"),
        (HEADER.replace("TRN*1*EFT0001", "TRN*1*"), "TRN-02"),
        (HEADER.replace("DTM*405", "TRN*1*EFT0002*1512345678\nDTM*405"), "TRN"),
    ],
)
def test_a_remittance_without_one_trace_is_held(damaged: str, where: str) -> None:
    end = end_of(read_835(damaged + CLAIM))
    assert [("x12.835.header.incomplete", where)] == [(e.code, e.where) for e in end.faults]


def test_a_remittance_without_a_payment_is_held() -> None:
    end = end_of(read_835(HEADER.replace("BPR*", "XPR*") + CLAIM))
    assert [("x12.835.header.incomplete", "BPR")] == [(e.code, e.where) for e in end.faults]
    assert not end.balance.is_balanced


def test_a_claim_tells_what_was_charged_paid_and_left_to_the_patient() -> None:
    (claim,) = claims_of(HEADER + CLAIM)
    assert (1, "CLP[1]", "ACCT-1", "1", 21000, 15150, 2850, "MC", "ICN-9", "11", "1") == (
        claim.ordinal,
        claim.where,
        claim.claim_id,
        claim.status,
        claim.charge_minor,
        claim.paid_minor,
        claim.patient_responsibility_minor,
        claim.filing_indicator,
        claim.payer_claim_id,
        claim.facility_type,
        claim.frequency,
    )
    assert (False, False, ()) == (claim.is_reversal, claim.is_predetermination, claim.faults)


def test_a_claim_tells_who_when_and_why() -> None:
    (claim,) = claims_of(HEADER + CLAIM)
    people = (
        claim.patient,
        claim.subscriber,
        claim.corrected_patient,
        claim.rendering_provider,
    )
    assert ["JANE", "JOHN", "JANNE", "MARCUS"] == [each.get(4) for each in people if each]
    assert (date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 5)) == (
        claim.service_on,
        claim.date("233"),
        claim.received_on,
    )
    assert ("MRN-1", ["MA02", "MA18", "N45"]) == (claim.reference("EA"), claim.remarks)
    amount = claim.first("AMT")
    assert amount is not None
    assert ("AU", None) == (amount.get(1), claim.first("NM1", "TT"))


def test_a_service_line_tells_procedure_units_dates_and_remarks() -> None:
    (claim,) = claims_of(HEADER + CLAIM)
    first, second = claim.lines
    assert (1, ["HC", "99213", "25"], 12000, 10000, "0510", "2", "LINE-1", ["N130"]) == (
        first.ordinal,
        first.procedure,
        first.charge_minor,
        first.paid_minor,
        first.revenue_code,
        first.units,
        first.control_number,
        first.remarks,
    )
    assert (date(2025, 1, 2), date(2024, 12, 30), "", "") == (
        first.service_on,
        second.service_on,
        second.units,
        second.control_number,
    )


def test_the_service_date_falls_back_to_the_earliest_line() -> None:
    (claim,) = claims_of(HEADER + CLAIM.replace("DTM*232*20250101\n", ""))
    assert date(2024, 12, 30) == claim.service_on


def test_every_adjustment_tells_group_reason_amount_and_path() -> None:
    (claim,) = claims_of(HEADER + CLAIM)
    assert [
        ("OA", "23", 1000, "", 0, "CLP[1]/CAS[1]-03"),
        ("CO", "45", 1000, "", 1, "CLP[1]/SVC[1]/CAS[1]-03"),
        ("CO", "253", 50, "", 1, "CLP[1]/SVC[1]/CAS[1]-06"),
        ("PR", "1", 950, "", 1, "CLP[1]/SVC[1]/CAS[2]-03"),
        ("PR", "2", 1900, "1", 2, "CLP[1]/SVC[2]/CAS[1]-03"),
        ("PR", "3", 0, "", 2, "CLP[1]/SVC[2]/CAS[1]-06"),
        ("CO", "45", 950, "", 2, "CLP[1]/SVC[2]/CAS[2]-03"),
    ] == [
        (each.group, each.reason, each.amount_minor, each.quantity, each.line, each.where)
        for each in claim.adjustments
    ]
    assert [3, 3] == [len(line.adjustments) for line in claim.lines]


def test_claims_are_counted_over_all_header_numbers() -> None:
    claim = "CLP*A*1*0*0\nCAS*CO*45*0\n"
    claims = claims_of(HEADER + claim + claim + "LX*2\nTS3*P*11*20251231*1*0\n" + claim)
    assert ["CLP[1]", "CLP[2]", "CLP[3]"] == [each.where for each in claims]
    assert "CLP[3]/CAS[1]-03" == claims[2].adjustments[0].where


@pytest.mark.parametrize("group", ["CO", "PR", "OA", "PI", "CR"])
def test_every_adjustment_group_counts(group: str) -> None:
    items = read_835(f"{HEADER}CLP*A*1*251.5*151.5\nCAS*{group}*45*100\n", "004010X091A1")
    assert ((), ()) == (end_of(items).faults, end_of(items).notes)


def test_an_unknown_adjustment_group_counts_and_is_noted() -> None:
    end = end_of(read_835(f"{HEADER}CLP*A*1*251.5*151.5\nCAS*ZZ*45*100\n"))
    assert ((), [("x12.835.adjustment.group", "CLP[1]/CAS[1]-01")]) == (
        end.faults,
        [(each.code, each.where) for each in end.notes],
    )


def test_b32_more_than_six_adjustments_in_a_cas_all_count_and_are_noted() -> None:
    triplets = "*".join(f"{reason}*10*" for reason in range(1, 8))
    items = read_835(f"{HEADER}CLP*A*1*221.5*151.5\nCAS*CO*{triplets}\n")
    claim = next(item for item in items if isinstance(item, ClaimLoop))
    assert (7, "CLP[1]/CAS[1]-21") == (len(claim.adjustments), claim.adjustments[6].where)
    assert ((), [("x12.835.adjustment.too_many", "CLP[1]/CAS[1]-20")]) == (
        end_of(items).faults,
        [(each.code, each.where) for each in end_of(items).notes],
    )


@pytest.mark.parametrize(
    "gaps", ["CAS*CO*45*95*****97*5", "CAS*CO****45*95**97*5", "CAS*CO*45*95**97*5***"]
)
def test_places_left_empty_among_adjustments_are_no_adjustments(gaps: str) -> None:
    items = read_835(f"{HEADER}CLP*A*1*251.5*151.5\n{gaps}\n")
    claim = next(item for item in items if isinstance(item, ClaimLoop))
    assert [("45", 9_500), ("97", 500)] == [(e.reason, e.amount_minor) for e in claim.adjustments]
    assert () == end_of(items).faults


def test_a_place_left_empty_among_provider_adjustments_is_none() -> None:
    items = read_835(HEADER + CLAIM + "PLB*P*20251231***L6*0\n")
    found = [item for item in items if isinstance(item, ProviderAdjustment)]
    assert [("L6", 0, "PLB[1]-06")] == [(e.reason, e.amount_minor, e.where) for e in found]
    assert () == end_of(items).faults


def test_b32_an_unknown_reason_code_counts_like_any_other() -> None:
    items = read_835(f"{HEADER}CLP*A*1*251.5*151.5\nCAS*CO*X99*100\n")
    claim = next(item for item in items if isinstance(item, ClaimLoop))
    assert (["X99"], True) == (
        [each.reason for each in claim.adjustments],
        end_of(items).balance.is_balanced,
    )


@pytest.mark.parametrize(
    ("said", "says", "where"),
    [
        ("BPR*I*151.5", "BPR*I*1,515", "BPR-02"),
        ("BPR*I*151.5", "BPR*I*", "BPR-02"),
        ("ACCT-1*1*210*", "ACCT-1*1*2e2*", "CLP[1]-03"),
        ("ACCT-1*1*210*151.5", "ACCT-1*1*210*NaN", "CLP[1]-04"),
        ("151.5*28.5*", "151.5*$28.5*", "CLP[1]-05"),
        ("CAS*OA*23*10", "CAS*OA*23*1O", "CLP[1]/CAS[1]-03"),
        ("CAS*OA*23*10", "CAS*OA*23", "CLP[1]/CAS[1]-03"),
        ("99213:25*120*100", "99213:25*120.001*100", "CLP[1]/SVC[1]-02"),
        ("99213:25*120*100", "99213:25*120*", "CLP[1]/SVC[1]-03"),
        ("253*.5", "253*+.5", "CLP[1]/SVC[1]/CAS[1]-06"),
        ("PLB*P*20251231*L6*0", "PLB*P*20251231*L6*", "PLB[1]-04"),
        ("PLB*P*20251231*L6*0", "PLB*P*20251231*L6*0*WO:X*--1", "PLB[1]-06"),
    ],
)
def test_b23_an_unreadable_amount_holds_the_remittance_and_reading_goes_on(
    said: str, says: str, where: str
) -> None:
    body = HEADER + CLAIM + "CLP*A*1*0*0\nPLB*P*20251231*L6*0\n"
    items = read_835(body.replace(said, says))
    end = end_of(items)
    assert [("x12.835.amount.unreadable", where)] == [(e.code, e.where) for e in end.faults]
    assert (2, False) == (end.balance.claims_count, end.balance.is_balanced)
    assert int(where[-2:]) == end.errors[0].element


def test_a_claim_carries_its_own_faults() -> None:
    claims = claims_of(HEADER + CLAIM.replace("*210*", "*2l0*") + "CLP*A*1*0*0\n")
    assert [["x12.835.amount.unreadable"], []] == [[f.code for f in c.faults] for c in claims]


def test_provider_adjustments_tell_reason_reference_amount_and_path() -> None:
    body = (
        HEADER + CLAIM + "PLB*1234567893*20251231*WO:ACCT-9*-20.25**5*FB:EFT1*.25\nPLB*X**L6*20\n"
    )
    found = [item for item in read_835(body) if isinstance(item, ProviderAdjustment)]
    assert [
        ("1234567893", date(2025, 12, 31), "WO", "ACCT-9", -2025, "PLB[1]-04"),
        ("1234567893", date(2025, 12, 31), "", "", 500, "PLB[1]-06"),
        ("1234567893", date(2025, 12, 31), "FB", "EFT1", 25, "PLB[1]-08"),
        ("X", None, "L6", "", 2000, "PLB[2]-04"),
    ] == [
        (e.payee_id, e.fiscal_period_on, e.reason, e.reference, e.amount_minor, e.where)
        for e in found
    ]


def test_a_reversal_is_a_claim_with_negated_amounts() -> None:
    body = HEADER + "CLP*A*22*-50*-40\nCAS*CO*45*-10\n" + CLAIM.replace("151.5*28", "191.5*28")
    body = body.replace("SVC*HC:99213:25*120*100", "SVC*HC:99213:25*160*140")
    items = read_835(body.replace("ACCT-1*1*210", "ACCT-1*1*250"))
    claim = next(item for item in items if isinstance(item, ClaimLoop))
    assert (True, -5000, -4000, -1000) == (
        claim.is_reversal,
        claim.charge_minor,
        claim.paid_minor,
        claim.adjustments[0].amount_minor,
    )
    assert () == end_of(items).faults


def test_a_bare_claim_does_not_stop_the_file() -> None:
    items = read_835(HEADER + "CLP\n" + CLAIM)
    assert [
        ("x12.835.amount.unreadable", "CLP[1]-03"),
        ("x12.835.amount.unreadable", "CLP[1]-04"),
    ] == [(each.code, each.where) for each in end_of(items).faults]


def test_lines_and_adjustments_outside_any_claim_are_noted() -> None:
    end = end_of(read_835(HEADER + "SVC*HC:1*5*5\nCAS*CO*45*5\n" + CLAIM))
    assert [
        ("x12.835.loop.misplaced", "segment[13]"),
        ("x12.835.loop.misplaced", "segment[14]"),
    ] == [(each.code, each.where) for each in end.notes]


def test_a_claim_without_end_is_cut_and_holds_the_remittance() -> None:
    body = HEADER + CLAIM + "REF*X*1\n" * 100 + "CAS*CO*45*1\n" * 100
    items = read_835(body, limits=RemittanceLimits(claim_segments_max=30))
    claim = next(item for item in items if isinstance(item, ClaimLoop))
    assert [("x12.835.loop.too_long", "CLP[1]")] == [
        (e.code, e.where) for e in end_of(items).faults
    ]
    assert len(claim.segments) + sum(len(line.segments) for line in claim.lines) <= 30


def test_a_header_without_end_is_cut_and_holds_the_remittance() -> None:
    items = read_835(
        HEADER.replace("LX*1", "REF*X*1\n" * 100) + CLAIM,
        limits=RemittanceLimits(claim_segments_max=50),
    )
    assert [("x12.835.loop.too_long", "header")] == [
        (e.code, e.where) for e in end_of(items).faults
    ]


def test_findings_of_a_remittance_are_capped_and_counted() -> None:
    items = read_835(HEADER + "CLP*A*1*x*x\n" * 100, limits=RemittanceLimits(findings_max=10))
    assert (10, 190) == (len(end_of(items).faults), end_of(items).findings_dropped)


def test_b33_a_remittance_that_breaks_off_ends_with_its_set() -> None:
    data = interchange(HEADER + CLAIM)
    items = list(read_remittances(read([data[: data.index(b"SVC*HC:80053")]])))
    kinds = [type(item).__name__ for item in items]
    assert kinds.index("RemittanceEnd") + 1 == kinds.index("SetEnd")
    end = next(item for item in items if isinstance(item, SetEnd))
    assert ["x12.set.truncated"] == [each.code for each in end.faults]


def test_b32_two_remittances_in_a_file_do_not_mix() -> None:
    one = "ST*835*0001~BPR*I*5~TRN*1*A*P~LX*1~CLP*C*1*5*5~SE*6*0001~"
    two = "ST*835*0002~BPR*I*7~TRN*1*B*P~LX*1~CLP*D*1*7*6~SE*6*0002~"
    data = (ISA.format("005010X221A1", "00501") + one + two + "GE*2*7~IEA*1*000000905~").encode()
    items = list(read_remittances(read([data])))
    ends = [item for item in items if isinstance(item, RemittanceEnd)]
    assert [("0001", 1), ("0002", 1)] == [
        (start.transaction_set.control_number, end.balance.claims_count)
        for start, end in zip(
            (item for item in items if isinstance(item, SetStart)), ends, strict=True
        )
    ]
    assert [True, False] == [not end.faults for end in ends]
