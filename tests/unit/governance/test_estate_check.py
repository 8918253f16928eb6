"""What `suture check` finds wrong with an estate: each mistake by file, line and what was meant.

Each test takes the sample estate and makes one mistake in it. Contradictions and gaps between rows
are test_estate_tables.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.unit.governance.estate_edits import FILES, added, edited, line_of

from suture.connectors.registry import CONNECTORS
from suture.governance.estate import check
from suture.model.fault import Fault, catalogue

ERP = "destinations/erp.toml"
RULES = "ledger/journal_rules.csv"
DETERMINATION = "ledger/account_determination.csv"


def only(files: Mapping[str, bytes]) -> Fault:
    faults = check(files, CONNECTORS)
    assert 1 == len(faults), [(fault.where, fault.code, fault.explanation) for fault in faults]
    return faults[0]


def codes(files: Mapping[str, bytes]) -> set[str]:
    return {fault.code for fault in check(files, CONNECTORS)}


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["estate.toml", "ledger/accounts.csv", "crosswalks/payer.csv"])
def test_a_file_that_is_absent_is_missed(path: str) -> None:
    files = {each: content for each, content in FILES.items() if each != path}
    assert ("estate.file.missing", path) in {
        (each.code, each.where) for each in check(files, CONNECTORS)
    }


def test_an_estate_without_any_destination_is_incomplete() -> None:
    files = {path: content for path, content in FILES.items() if path != ERP}
    assert ("estate.file.missing", "destinations/") == (only(files).code, only(files).where)


def test_a_misspelt_file_is_not_silently_ignored() -> None:
    fault = only(FILES | {"ledger/acounts.csv": b"account\n"})
    assert ("estate.file.unknown", "ledger/acounts.csv") == (fault.code, fault.where)
    assert "did you mean `ledger/accounts.csv`?" in fault.explanation


def test_notes_for_people_may_lie_beside_the_tables() -> None:
    assert () == check(FILES | {"README.md": b"# Riverbend", "ledger/NOTES.md": b"why"}, CONNECTORS)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b'name = "x"\nname = "y"\n', 2, id="a key twice (B86)"),
        pytest.param(b"name = x\n", 1, id="no quotes"),
        pytest.param(b'name = "\xff"\n', 1, id="not UTF-8"),
    ],
)
def test_b86_a_file_that_is_not_toml_is_told_with_its_line(content: bytes, line: int) -> None:
    fault = only(FILES | {"estate.toml": content})
    assert ("estate.file.unreadable", f"estate.toml:{line}") == (fault.code, fault.where)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(b"", 1, id="empty"),
        pytest.param(b"account,name,kind,cost_centre,payer_class\n1010,x,asset,\n", 2, id="short"),
        pytest.param(b'account,name,kind,cost_centre,payer_class\n"1010,x\n', 2, id="open quote"),
        pytest.param(b"account,name,kind,cost_centre,payer_class,name\n", 1, id="column twice"),
        pytest.param(
            b"account,name,kind,cost_centre,payer_class\n1\xff10,x,asset,,\n", 2, id="bytes"
        ),
    ],
)
def test_a_file_that_is_not_csv_is_told_with_its_line(content: bytes, line: int) -> None:
    faults = check(FILES | {"ledger/accounts.csv": content}, CONNECTORS)
    assert ("estate.file.unreadable", f"ledger/accounts.csv:{line}") in {
        (fault.code, fault.where) for fault in faults
    }


@pytest.mark.parametrize(("separator", "named"), [(b";", "semicolons"), (b"\t", "tabs")])
def test_a_table_with_another_separator_is_told_once(separator: bytes, named: str) -> None:
    fault = only(
        FILES | {"crosswalks/payer.csv": FILES["crosswalks/payer.csv"].replace(b",", separator)}
    )
    assert ("estate.file.unreadable", "crosswalks/payer.csv:1") == (fault.code, fault.where)
    assert f"separated by {named}, not by commas" in fault.explanation


def test_blank_cells_that_a_spreadsheet_leaves_after_the_last_column_do_not_count() -> None:
    for path in ("ledger/accounts.csv", "ledger/journal_rules.csv", "crosswalks/payer.csv"):
        padded = b"".join(row + b",,,\n" for row in FILES[path].splitlines())
        assert () == check(FILES | {path: padded}, CONNECTORS)


@pytest.mark.parametrize(
    ("row", "likely"),
    [("9991,Other,asset", "a comma is missing"), ("9991,A,B,asset,,x", "needs quotes around it")],
)
def test_a_row_of_another_length_is_told_what_is_likely(row: str, likely: str) -> None:
    fault = only(added("ledger/accounts.csv", row))
    assert "estate.file.unreadable" == fault.code
    assert likely in fault.explanation


@pytest.mark.parametrize("row", ["#*,X,medicare,,", '"# until May",,,,', " # note"])
def test_a_row_that_begins_like_a_comment_is_a_fault_and_never_in_force(row: str) -> None:
    fault = only(added("crosswalks/payer.csv", row))
    assert ("estate.row.comment", "crosswalks/payer.csv") == (
        fault.code,
        fault.where.partition(":")[0],
    )


def test_a_file_that_is_named_like_a_copy_is_blamed_itself() -> None:
    fault = only(FILES | {"sources/adt copy.toml": FILES["sources/adt.toml"]})
    assert ("estate.file.misnamed", "sources/adt copy.toml") == (fault.code, fault.where)
    assert "`adt copy`" in fault.explanation


def test_no_remedy_speaks_of_what_is_not_there() -> None:
    """A suggestion stands in the explanation where there is one; a remedy cannot rely on it."""
    rows = [each for code, each in catalogue().items() if code.startswith("estate.")]
    assert [] == [each.code for each in rows if "suggested" in each.remedy]
    fault = only(edited("sources/adt.toml", 'ack = "stored"', 'frobnicate = "x"'))
    assert "Nothing reads `frobnicate`." == fault.explanation


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        ("sources/adt.toml", "2575", '"2575"', "a whole number, and is text in quotes"),
        ("sources/adt.toml", "2575", "99999", "at most 65535"),
        (ERP, '["financial", "operational"]', '"financial"', "a list, and is text in quotes"),
        (ERP, "entries_max = 2000", "entries_max = 0", "at least 1"),
        ("estate.toml", '"USD"', '"usd"', "three capital letters, such as USD"),
        ("estate.toml", '"RGH-8610"', '"RGH 8610"', "letters, digits, _ and -"),
        ("estate.toml", 'name = "Riverbend Health"', 'name = ""', "at least 1 character long"),
    ],
)
def test_a_value_of_the_wrong_form_is_told_in_words(
    path: str, old: str, new: str, reason: str
) -> None:
    fault = only(edited(path, old, new))
    assert "estate.value.invalid" == fault.code
    assert reason in fault.explanation
    for jargon in ("Expected", "`int`", "`str`", "regex", "\\Z"):
        assert jargon not in fault.explanation


def test_a_broken_toml_file_is_not_told_of_columns() -> None:
    fault = only(FILES | {"estate.toml": b"name = [1,\n2"})
    assert ("estate.toml:2", "Not TOML: Unclosed array.") == (fault.where, fault.explanation)
    assert "column" not in fault.remedy.lower()


def test_a_connection_that_is_not_toml_is_told_with_its_line() -> None:
    fault = only(added("sources/adt.toml", "[mllp"))
    assert "estate.file.unreadable" == fault.code
    assert fault.where.startswith("sources/adt.toml:")


def test_tables_saved_by_a_spreadsheet_are_read_all_the_same() -> None:
    """A byte order mark, CRLF, spaces around cells, blank lines and columns in another order."""
    path = "crosswalks/payer.csv"
    rows = [line.split(",") for line in FILES[path].decode().splitlines()]
    text = "\r\n\r\n".join(" , ".join(reversed(row)) for row in rows)
    assert () == check(FILES | {path: b"\xef\xbb\xbf" + text.encode()}, CONNECTORS)


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "old", "new", "meant"),
    [
        ("estate.toml", "currency =", "curency =", "currency"),
        ("sources/adt.toml", "authority =", "autority =", "authority"),
        ("sources/adt.toml", "port =", "ports =", "port"),
        (ERP, "entries_max =", "entry_max =", "entries_max"),
        (ERP, "[journal_api]", "[journal_app]", "journal_api"),
        (RULES, "rule,booking", "rules,booking", "rule"),
    ],
)
def test_a_name_that_nothing_reads_is_an_error_with_what_was_meant(
    path: str, old: str, new: str, meant: str
) -> None:
    files = edited(path, old, new)
    faults = [fault for fault in check(files, CONNECTORS) if fault.code == "estate.key.unknown"]
    assert [line_of(path, new, files)] == [fault.where for fault in faults]
    assert f"did you mean `{meant}`?" in faults[0].explanation


def test_a_required_setting_is_missed_at_its_table() -> None:
    text = 'entity = "RVH"\nzone = "America/Chicago"\ndefault_cost_centre = "RGH-8610"\n'
    files = edited("estate.toml", text, 'entity = "RVH"\nzone = "America/Chicago"\n')
    fault = only(files)
    assert ("estate.key.missing", line_of("estate.toml", "[facilities.RGH]")) == (
        fault.code,
        fault.where,
    )
    assert "`facilities.RGH.default_cost_centre`" in fault.explanation


def test_a_required_column_is_missed() -> None:
    files = edited("ledger/periods.csv", "entity,period,starts_on,ends_on,status", "a,b,c,d,e")
    assert {"estate.key.missing", "estate.key.unknown", "estate.period.broken"} >= codes(files)
    assert "estate.key.missing" in codes(files)


@pytest.mark.parametrize(
    ("path", "old", "new", "meant"),
    [
        pytest.param(
            "estate.toml",
            'name = "Mill Creek Hospital"\nentity = "RVH"',
            'name = "Mill Creek Hospital"\nentity = "RVHH"',
            "RVH",
            id="entity of a facility",
        ),
        pytest.param(
            "sources/adt.toml", '"hl7v2_adt"', '"hl7v2_atd"', "hl7v2_adt", id="translation"
        ),
        pytest.param(
            "sources/adt.toml",
            '"hl7v2_adt"',
            '["hl7v2_adt", "hl7v2_dtf"]',
            "hl7v2_dft",
            id="one translation of several",
        ),
        pytest.param(ERP, '"operational"', '"operation"', "operational", id="grant"),
        pytest.param(
            "crosswalks/department.csv", "*,RGH,ED,", "*,RGHH,ED,", "RGH", id="facility of a row"
        ),
        pytest.param(
            "crosswalks/payer.csv",
            "*,ATLAS,commercial",
            "*,ATLAS,comercial",
            "commercial",
            id="payer class of a row",
        ),
        pytest.param(
            "crosswalks/facility.csv",
            "*,RGH,RGH",
            "charge,RGH,RGH",
            "charges",
            id="source of a row",
        ),
        pytest.param(DETERMINATION, "4130", "4131", "4130", id="account"),
        pytest.param(DETERMINATION, "charity_care", "charity_car", "charity_care", id="role"),
        pytest.param(
            DETERMINATION,
            "receivable,,,self_pay",
            "receivable,,,selfpay",
            "self_pay",
            id="payer class of a determination",
        ),
        pytest.param(
            RULES, "charge/gross,charge,gross", "charge/gross,charg,gross", "charge", id="booking"
        ),
        pytest.param(
            RULES,
            "remittance/cash,remittance,cash",
            "remittance/cash,remittance,cashes",
            "cash",
            id="amount",
        ),
        pytest.param(
            RULES,
            "remittance_cash,remittance_clearing,immediate",
            "remittance_cash,remittance_clearing,imediate",
            "immediate",
            id="policy",
        ),
        pytest.param(
            "ledger/accounts.csv",
            "6900,Credit loss expense,expense",
            "6900,Credit loss expense,expenses",
            "expense",
            id="kind of account",
        ),
        pytest.param(
            "ledger/periods.csv",
            "RVH,2026-05,2026-05-01,2026-05-31,open",
            "RVH,2026-05,2026-05-01,2026-05-31,opened",
            "open",
            id="status of a period",
        ),
    ],
)
def test_a_name_that_nothing_defines_is_an_error_with_what_was_meant(
    path: str, old: str, new: str, meant: str
) -> None:
    files = edited(path, old, new)
    faults = [
        fault for fault in check(files, CONNECTORS) if fault.code == "estate.reference.unknown"
    ]
    assert f"did you mean `{meant}`?" in faults[0].explanation
    assert line_of(path, new.splitlines()[-1], files) == faults[0].where


def test_a_source_may_not_assume_a_facility_that_no_crosswalk_knows() -> None:
    fault = only(edited("sources/remits.toml", 'facility = "RGH"', 'facility = "RGX"'))
    assert ("estate.reference.unknown", "sources/remits.toml") == (fault.code, fault.where)


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("sources/adt.toml", "port = 2575", 'port = "2575"', id="text for a number"),
        pytest.param("sources/adt.toml", "port = 2575", "port = 70000", id="no such port"),
        pytest.param("sources/adt.toml", '"America/Chicago"', '"Chicago"', id="no such zone"),
        pytest.param("sources/adt.toml", '"stored"', '"sometimes"', id="no such way"),
        pytest.param("sources/adt.toml", '"hl7v2_adt"', '""', id="no translation named"),
        pytest.param("sources/adt.toml", '"hl7v2_adt"', "[]", id="no translation at all"),
        pytest.param(
            "sources/adt.toml", "ack =", 'processing = "D"\nack =', id="no such processing id"
        ),
        pytest.param(
            "sources/remits.toml", "zone =", 'ack = "stored"\nzone =', id="nobody to acknowledge to"
        ),
        pytest.param(
            "sources/charges.toml", '"sender"', '"patient"', id="no such way to number lines"
        ),
        pytest.param(
            "sources/remits.toml",
            "[files]",
            '[hl7v2]\nline_numbers = "account"\n\n[files]',
            id="no HL7 v2 whose lines are numbered",
        ),
        pytest.param(
            "sources/remits.toml",
            "zone =",
            'x12.acknowledge = "never"\nzone =',
            id="no such policy of replies",
        ),
        pytest.param(
            "sources/adt.toml", "[mllp]", "[x12]\ntells_claims = true\n\n[mllp]", id="no X12"
        ),
        pytest.param("estate.toml", '"USD"', '"Dollar"', id="no currency"),
        pytest.param(
            "sources/adt.toml", "ack =", 'charset = "utf8mb4"\nack =', id="no such charset"
        ),
        pytest.param(
            "ledger/periods.csv",
            "RVM,2026-12,2026-12-01,2026-12-31",
            "RVM,2026-12,2026-12-01,2026-11-30",
            id="a period that ends before it starts",
        ),
        pytest.param(
            ERP, "seconds_max = 60\nentries_max", "seconds_max = -1\nentries_max", id="negative"
        ),
        pytest.param(ERP, '"http://127', '"ftp://127', id="scheme (B83)"),
        pytest.param(
            ERP, '"http://127.0.0.1:8070"', '"http://127.0.0.1:8070/\\r\\nX"', id="line end (B84)"
        ),
        pytest.param(
            "ledger/periods.csv",
            "RVM,2026-02,2026-02-01,2026-02-28",
            "RVM,2026-02,2026-02-01,2026-02-30",
            id="no such day",
        ),
        pytest.param(
            "ledger/periods.csv",
            "RVM,2026-02,2026-02-01",
            "RVM,2026-02,20260201",
            id="not YYYY-MM-DD",
        ),
        pytest.param(
            "ledger/accounts.csv",
            "revenue,facility,\n4120",
            "revenue,,\n4120",
            id="revenue without cost centre",
        ),
        pytest.param(
            "crosswalks/department.csv",
            "RGH-7400,cardiology,,2026-06-30",
            "RGH-7400,cardiology,2026-07-01,2026-06-30",
            id="ends before it starts",
        ),
        pytest.param(
            "crosswalks/department.csv", "*,RGH,LAB,RGH-7500,", "*,RGH,LAB,,", id="no cost centre"
        ),
    ],
)
def test_a_value_of_the_wrong_form_is_told_with_its_line(path: str, old: str, new: str) -> None:
    files = edited(path, old, new)
    faults = [fault for fault in check(files, CONNECTORS) if fault.code == "estate.value.invalid"]
    assert [line_of(path, new.splitlines()[0], files)] == [fault.where for fault in faults]


def test_a_facility_in_no_time_zone_is_told_with_its_line() -> None:
    old = 'name = "Mill Creek Hospital"\nentity = "RVH"\nzone = "America/Indiana/Indianapolis"'
    files = edited("estate.toml", old, old.replace("America/Indiana/", ""))
    fault = only(files)
    assert ("estate.value.invalid", line_of("estate.toml", '"Indianapolis"', files)) == (
        fault.code,
        fault.where,
    )


def test_a_token_is_not_sent_in_clear_unless_somebody_said_so() -> None:
    fault = only(edited(ERP, "is_plaintext_accepted = true", "is_plaintext_accepted = false"))
    assert ("estate.value.invalid", line_of(ERP, "url =")) == (fault.code, fault.where)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('allow = ["127.0.0.1:8070"]', 'allow = ["erp.example.org:8070"]'),
        ('allow = ["127.0.0.1:8070"]', "allow = []"),
        ("http://127.0.0.1:8070", "http://127.0.0.1"),
        ("http://127.0.0.1:8070", "https://erp.example.org/journals"),
    ],
)
def test_an_address_outside_its_own_allow_list_is_refused(old: str, new: str) -> None:
    """Every journal would wait for ever, refused by our own egress."""
    files = edited(ERP, old, new)
    fault = only(files)
    assert ("estate.value.invalid", line_of(ERP, "allow =", files)) == (fault.code, fault.where)
    assert "where `url` leads" in fault.explanation


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://erp.example.org/books", "ERP.example.org:443"),
        ("https://ERP.example.org:8443", "erp.example.org:8443"),
        ("http://[::1]:8070", "[::1]:8070"),
    ],
)
def test_an_address_is_matched_with_its_usual_port_and_in_any_case(url: str, allowed: str) -> None:
    files = edited(ERP, "http://127.0.0.1:8070", url)
    text = files[ERP].decode().replace('"127.0.0.1:8070"', f'"{allowed}"')
    assert () == check(files | {ERP: text.encode()}, CONNECTORS)


def test_settings_for_another_connector_are_refused() -> None:
    files = added("sources/adt.toml", "[files]", 'folder = "inbox"')
    fault = only(files)
    assert ("estate.value.invalid", line_of("sources/adt.toml", "[files]", files)) == (
        fault.code,
        fault.where,
    )


def test_a_connector_needs_its_settings() -> None:
    files = edited("sources/remits.toml", '"files"', '"mllp"')
    assert {"estate.key.missing", "estate.value.invalid"} == codes(files)


@pytest.mark.parametrize(
    ("path", "old", "new", "meant"),
    [
        ("sources/adt.toml", '"mllp"', '"mlp"', "mllp"),
        (ERP, '"journal_api"', '"journal_app"', "journal_api"),
    ],
)
def test_an_unknown_connector_is_refused(path: str, old: str, new: str, meant: str) -> None:
    faults = [
        each
        for each in check(edited(path, old, new), CONNECTORS)
        if each.code == "estate.connector.unknown"
    ]
    assert [line_of(path, "connector =")] == [fault.where for fault in faults]
    assert f"did you mean `{meant}`?" in faults[0].explanation


# Trust ------------------------------------------------------------------------------------------


def test_a_financial_destination_is_never_granted_phi() -> None:
    files = edited(ERP, '"financial", "operational"', '"financial", "operational", "phi"')
    fault = only(files)
    assert ("estate.grant.phi", line_of(ERP, "grants =")) == (fault.code, fault.where)


def test_a_destination_must_be_granted_what_it_would_receive() -> None:
    fault = only(edited(ERP, '"financial", "operational"', '"financial"'))
    assert "estate.grant.missing" == fault.code
    assert "`operational`" in fault.explanation


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"env:SUTURE_ERP_TOKEN"', '"hunter2"'),
        ('"env:SUTURE_ERP_TOKEN"', '""'),
        ('"http://127.0.0.1:8070"', '"http://suture:hunter2@127.0.0.1:8070"'),
    ],
)
def test_b90_a_secret_in_clear_is_refused_and_not_repeated(old: str, new: str) -> None:
    fault = only(edited(ERP, old, new))
    assert "estate.secret.literal" == fault.code
    assert "hunter2" not in repr(fault)


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_files() -> None:
    files = edited("sources/adt.toml", "zone =", "zones =") | {
        ERP: edited(ERP, '"env:SUTURE_ERP_TOKEN"', '"hunter2"')[ERP]
    }
    assert [
        ("estate.secret.literal", ERP),
        ("estate.key.missing", "sources/adt.toml"),
        ("estate.key.unknown", "sources/adt.toml"),
    ] == [(fault.code, fault.where.partition(":")[0]) for fault in check(files, CONNECTORS)]
