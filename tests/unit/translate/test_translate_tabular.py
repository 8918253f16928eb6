"""Tables to messages (translate/tabular_rows.py): the file, its header, its rows, its totals.

Bad inputs B17, B66, B68, B69 (drift), B73, B76. Cells are test_translate_tabular_values.py, facts
and the other layouts test_translate_tabular_facts.py. All tables are ours.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import date

import pytest
from tests.unit.translate.tables import (
    DEPOSITS,
    HEADER,
    ROW,
    TOTALS,
    channel,
    faults,
    only_fault,
    pieces,
    readings,
)

from suture.model.deposit import DepositReceived
from suture.model.translation import Closed, Reading
from suture.pipeline import read_file
from suture.translate.tabular_rows import ROWS_PER_CLOSE

# The file, its header, its rows ----------------------------------------------------------------


def test_a_row_is_a_message_with_the_fact_its_schema_declares() -> None:
    (reading,) = readings(HEADER + ROW)
    translation = reading.translation
    (routed,) = translation.routed
    assert ("tabular", "deposit", "table/2", "accepted") == (
        translation.format,
        translation.type,
        translation.control_id,
        translation.status,
    )
    assert "deposit/1512345678:T1" == routed.stream
    assert routed.fact == DepositReceived(
        deposit="1512345678:T1",
        bank_account="6789",
        payer="1512345678",
        trace="T1",
        bank_reference="R1",
        amount_minor=123_450,
        deposited_on=date(2026, 3, 1),
        where="row 2",
    )
    assert [("deposits", 1, 123_450)] == [
        (each.name, each.count, each.amount_minor) for each in translation.totals
    ]
    assert ROW.encode() == (HEADER + ROW).encode()[reading.offset :][: reading.bytes_count]


def test_a_row_that_cannot_be_read_is_held_and_the_rest_goes_on() -> None:
    table = HEADER + ROW + "03/02/2026,1,R2,,,x\n" + "03/02/2026,1,R3,,,(1.00)\n"
    assert [[], ["table.cell.invalid"], []] == faults(table)
    told = readings(table)[1].translation.faults[0]
    assert "row 3/Amount" == told.where
    assert "column 6, `Amount` (money): it is no amount as the schema writes them" == (
        told.explanation
    )


def test_a_row_lacks_what_its_fact_must_tell() -> None:
    table = HEADER + ",1,R2,,,5\n" + "03/02/2026,1,,T9,,5\n"
    told = [each.translation.faults for each in readings(table)]
    assert [["row 2/As of"], ["row 3/Bank reference"]] == [
        [fault.where for fault in each] for each in told
    ]
    assert {"table.cell.missing"} == {fault.code for each in told for fault in each}


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("As of,Account,Reference,Trace,Payer,Amount", "As of | Account | Reference | Trace"),
        ("Account,As of,Bank reference,Trace,Payer,Amount", "Account | As of | Bank reference"),
        ("As of,Account,Bank reference,Trace,Payer,Amount,Memo", "Payer | Amount | Memo"),
        ("As of,Account,Bank reference,Trace,Payer", "Trace | Payer"),
        ("As of,Account,Bank reference,Trace,Amount,Amount", "Trace | Amount | Amount"),
        ("As of,Account,Bank reference,Trace,Payer,amount", "Payer | amount"),
        ("As of,Account,,Trace,Payer,Amount", "Account | (empty) | Trace"),
    ],
)
def test_b69_a_header_that_differs_in_anything_holds_the_file_with_both_side_by_side(
    header: str, found: str
) -> None:
    told = only_fault(f"{header}\n{ROW}")
    assert "table.header.drift" == told.code
    expected = "expected: As of | Account | Bank reference | Trace | Payer | Amount; found: "
    assert told.explanation.startswith(expected)
    assert found in told.explanation


def test_b69_b92_a_file_without_a_header_shows_none_of_its_data() -> None:
    told = only_fault("SMITH,JOHN,4421,R1,T1,12.50\n" + ROW)
    assert "table.header.drift" == told.code
    found = told.explanation.partition("found: ")[2]
    assert "(not shown: 5 characters) | (not shown: 4 characters)" in found
    assert not {"SMITH", "JOHN", "4421"} & set(found.replace("|", " ").split())


def test_b69_b92_a_cell_with_a_number_in_it_is_no_name() -> None:
    header = HEADER.replace("Payer", "MRN 004421")
    assert "Trace | (not shown: 10 characters) | Amount" in only_fault(header).explanation


def test_a_ragged_row_is_held_and_blank_cells_at_its_end_are_not_minded() -> None:
    table = HEADER + ROW.strip() + ",,\n" + "03/01/2026,1,R2,T2,9,1,234\n" + "03/01/2026,1,R3\n"
    assert [[], ["table.row.ragged"], ["table.row.ragged"]] == faults(table)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (b"", "file.empty"),
        (b"\xef\xbb\xbf", "file.empty"),
        (b"\r\n", "file.empty"),
        (HEADER.encode(), "file.no_message"),
        (b"\xef\xbb\xbf" + HEADER.encode(), "file.no_message"),
    ],
)
def test_b66_a_file_without_rows_is_held_and_told_of(table: bytes, code: str) -> None:
    assert code == only_fault(table).code


def test_b68_rows_before_an_open_quote_stand_and_the_rest_is_held_as_one() -> None:
    table = HEADER + ROW + '"' + "03/01/2026,1,R2,T2,9,1\n" * 3
    whole = readings(table)
    assert [[], ["table.file.unreadable"]] == faults(table)
    assert len(table.encode()) == whole[1].offset + whole[1].bytes_count
    assert "unreadable" == whole[1].translation.type


def test_b17_a_row_in_another_charset_is_held_and_read_where_it_is_declared() -> None:
    table = HEADER.encode() + "03/01/2026,1,Ré,T2,9,1\n".encode("cp1252") + ROW.encode()
    assert [["table.row.unreadable"], []] == faults(table)
    assert [[], []] == faults(table, charset="cp1252")


@pytest.mark.parametrize("cell", ["R\x00", "R\x1b[31m", "R\u202eX", "R\u200b1"])
def test_b76_b91_a_control_character_holds_its_row_alone(cell: str) -> None:
    table = HEADER + f"03/01/2026,1,{cell},T2,9,1\n" + ROW
    assert [["table.cell.invalid"], []] == faults(table)


def test_b73_a_value_is_a_value_whatever_it_spells() -> None:
    table = HEADER + "03/01/2026,1,'; DROP TABLE event; --,,,1\n"
    (routed,) = readings(table)[0].translation.routed
    assert isinstance(routed.fact, DepositReceived)
    assert "'; DROP TABLE event; --" == routed.fact.bank_reference


def test_rows_without_totals_are_final_a_few_hundred_at_a_time() -> None:
    rows = "".join(f"03/01/2026,1,R{n},,,1\n" for n in range(ROWS_PER_CLOSE + 1))
    closed = [each for each in pieces(HEADER + rows) if isinstance(each, Closed)]
    assert [(), ()] == [each.faults for each in closed]


def test_memory_is_flat_however_many_rows_a_table_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.model.identity.MEMO_ENTRIES_MAX", 100)

    def table(blocks: int) -> Iterator[bytes]:
        yield HEADER.encode()
        for block in range(blocks):
            yield b"".join(b"03/01/2026,1,R%d-%d,,,1\n" % (block, n) for n in range(500))

    def peak(blocks: int) -> int:
        opened = channel()
        list(read_file(table(1), opened))  # what is made once
        tracemalloc.start()
        count = sum(isinstance(each, Reading) for each in read_file(table(blocks), opened))
        assert blocks * 500 == count
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    assert peak(12) < peak(2) + 512 * 1024


# Identity --------------------------------------------------------------------------------------


def test_the_same_row_again_is_the_same_identity_and_content() -> None:
    first, second = readings(HEADER + ROW + ROW.replace('"1,234.50"', " 1234.50 "))
    assert first.translation.identities == second.translation.identities
    assert first.content_sha256 != second.content_sha256, "it is written otherwise: a person looks"
    (again,) = readings(HEADER.replace("\n", "\r\n") + ROW)
    assert (first.translation.identities, first.content_sha256) == (
        again.translation.identities,
        again.content_sha256,
    )


def test_an_identity_tells_nothing_of_the_key() -> None:
    (reading,) = readings(HEADER + ROW)
    (identity,) = reading.translation.identities
    assert identity.startswith("row:bank:table:ctl_")


def test_a_corrected_row_supersedes_where_the_table_tells_when_it_was_recorded() -> None:
    written = DEPOSITS.replace("key = ", 'recorded = "As of"\nkey = ')
    later = ROW.replace("03/01/2026", "03/02/2026").replace("1,234.50", "1,234.60")
    first, second = readings(HEADER + ROW + later, written)
    assert first.translation.identities != second.translation.identities
    assert first.translation.recorded_at_ms + 86_400_000 == second.translation.recorded_at_ms
    assert first.translation.routed[0].stream == second.translation.routed[0].stream


# Totals ----------------------------------------------------------------------------------------


def closing(table: str) -> Closed:
    closed = [each for each in pieces(table, DEPOSITS + TOTALS) if isinstance(each, Closed)]
    assert 1 == len(closed)
    return closed[0]


def test_rows_that_add_up_stand() -> None:
    table = HEADER + ROW + "03/01/2026,1,R2,,,(234.50)\n" + 'TOTAL,,,2,,"1,000.00"\n'
    assert () == closing(table).faults
    assert [[], []] == faults(table, DEPOSITS + TOTALS)


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (
            "TOTAL,,,1,,1234.49\n",
            "table.totals.mismatched",
            "it says 1234.49, the rows come to 1234.50: -0.01",
        ),
        ("TOTAL,,,2,,1234.50\n", "table.totals.mismatched", "it says 2 rows, and there are 1"),
        ("TOTAL,,,,,1234.50\n", "table.totals.mismatched", "the number of rows cannot be read"),
        ("TOTAL,,,1,,\n", "table.totals.mismatched", "the total cannot be read"),
        ("", "table.totals.absent", "lacks the totals row"),
        (
            "TOTAL,,,1,,1234.50\n03/01/2026,1,R2,,,1\n",
            "table.totals.misplaced",
            "follow the totals row",
        ),
        (
            "TOTAL,,,1,,1234.50\nTOTAL,,,1,,1234.50\n",
            "table.totals.misplaced",
            "follow the totals row",
        ),
        ("03/01/2026,1,R2,,,x\nTOTAL,,,2,,1234.50\n", "table.totals.mismatched", "in 1 of 2 rows"),
        ("03/01/2026,1\nTOTAL,,,2,,1234.50\n", "table.totals.mismatched", "in 1 of 2 rows"),
    ],
)
def test_a_totals_row_that_does_not_add_up_holds_every_row(end: str, code: str, words: str) -> None:
    closed = closing(HEADER + ROW + end)
    assert code == closed.faults[0].code
    assert "held" == closed.status
    assert words in closed.faults[0].explanation


def test_a_row_held_by_itself_still_counts_into_the_total() -> None:
    table = HEADER + ROW + "13/45/2026,1,R2,,,0.50\n" + "TOTAL,,,2,,1235.00\n"
    assert [[], ["table.cell.invalid"]] == faults(table, DEPOSITS + TOTALS)
    assert () == closing(table).faults
