"""What is fuzzed: each reader of bytes from outside, as a function that must never raise.

One table for two drivers: Hypothesis in the suite (`test_fuzz.py`), coverage-guided atheris as a
command (`guided.py`, `make fuzz`). A target reads its input to the end and holds what it gives
against what must always be true; a raised exception is a finding.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from tests.unit.translate import tables
from tests.unit.wire import bank_files, workbooks

from suture.config import read_folder
from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, check, load
from suture.memory import Rehearsal
from suture.model.fault import Fault
from suture.model.identity import Tokenizer
from suture.model.translation import Channel
from suture.pipeline import read_file
from suture.wire import hl7v2, x12
from suture.wire.fhir import decode
from suture.wire.mllp import FrameReader

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
ESTATE = ROOT / "estates" / "riverbend"
TOKENIZER = Tokenizer(b"an index key of the tests, 32 bytes")
WHOLE_BYTES_MAX = 1 << 20


class Target(msgspec.Struct, frozen=True):
    """One reader."""

    name: str
    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    """Good inputs, from which bad ones are made."""
    words: tuple[bytes, ...] = ()
    """What its grammar is made of."""


_HL7_WORDS = (
    b"\r", b"\n", b"\r\n", b"|", b"^", b"~", b"&", b"\\", b"\\T\\", b"\\X0D\\", b"\\.br\\", b'""',
    b"MSH|", b"FHS|^~\\&\r", b"BHS|^~\\&\r", b"BTS|1\r", b"PID|", b"FT1|1|||20260301|", b"ZZZ|x\r",
    b"20260301", b"2026030112", b"99999999", b"-1", b"1e9", b"\x0b", b"\x1c\r", b"\0", b"\xff",
)  # fmt: skip
_X12_WORDS = (
    b"~", b"*", b":", b"^", b"\n", b"ISA*", b"GS*HP*", b"ST*835*0001~", b"SE*3*0001~", b"GE*1*1~",
    b"IEA*1*000000001~", b"HL*1**20*1~", b"HL*2*9*22*0~", b"CLP*", b"CAS*CO*45*1~", b"CLM*A*1~",
    b"PLB*1*20261231*WO*1~", b"LX*1~", b"-0.01", b"1E5", b"999999999999999999", b"", b"\x1c", b"\0",
)  # fmt: skip
_JSON_WORDS = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b"1e999", b"-0", b"12.345", b'"\\ud800"',
    b'{"resourceType":"Bundle"}', b'"2026-13-45"', b'"reference":"#x"', b"\n", b"true",
)  # fmt: skip
_TABLE_WORDS = (
    b",", b'"', b'""', b"\r\n", b"\r", b"TOTAL", b"03/01/2026", b"1,234.50", b"(5.00)", b"-0",
    b"1E+12", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xff", b"Amount", b"\x1f",
)  # fmt: skip
_BANK_WORDS = (
    b"\n", b"/", b",", b"5200", b"622", b"705", b"8200", b"9000001", b"16,142,1,", b"88,", b"03,",
    b"02,", b"49,1,2/", b"V,260301,", b"S,1,2,3,", b"D,9,", b"TRN*1*A*B~", b"-1", b" ", b"\xff",
    b"9" * 94,
)  # fmt: skip
_SHEET_WORDS = (
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\0\0\0\0", b"\xff\xff\xff\xff", b"<row>",
    b'<c t="s"><v>9</v></c>', b"<v>1e9</v>", b"<!DOCTYPE x>", b"&x;", b"\x08\0", b"../",
    b"xl/workbook.xml",
)  # fmt: skip
_TOML_WORDS = (b"[", b"]", b"=", b'"', b"'", b"\n", b"#", b"-1", b"1e9", b"true", b"inf", b"nan")


def channel(source: str = "fuzz") -> Channel:
    """Return a channel that takes everything."""
    return Channel(
        source=source,
        zone=ZoneInfo("America/Chicago"),
        tokenizer=TOKENIZER,
        authority="riverbend",
        facility="RGH",
    )


@cache
def estate() -> Estate:
    """Return the sample estate."""
    read = load(read_folder(ESTATE), CONNECTORS)
    assert isinstance(read, Estate)
    return read


def read_hl7v2(data: bytes) -> None:
    """Read one message, find all that is wrong with it, answer it, and put it back."""
    message = hl7v2.parse(data)
    if isinstance(message, Fault):
        readable = hl7v2.parse_header(data)
        if readable is not None:
            hl7v2.acknowledge(readable, "AR", control_id="1", at="20260301", faults=(message,))
        return
    assert message.faults is not None
    assert message.notes is not None
    for segment in message.segments:
        for number in range(len(segment.fields)):
            segment.value(number)
    assert hl7v2.render(message) == data
    hl7v2.acknowledge(message, "AA", control_id="1", at="20260301", faults=message.faults)


def read_frames(data: bytes) -> None:
    """Take a stream from a connection in two pieces."""
    reader = FrameReader()
    half = len(data) // 2
    for piece in (data[:half], data[half:]):
        list(reader.receive(piece))


def read_x12(data: bytes) -> None:
    """Cut interchanges into items and put them back."""
    x12.render(list(x12.read([data])))


def read_fhir(data: bytes) -> None:
    """Decode one resource."""
    decode.read_resource(data)


def read_any(data: bytes) -> None:
    """Translate a file of whatever format."""
    for _ in read_file([data], channel(), whole_bytes_max=WHOLE_BYTES_MAX):
        pass


def book_any(data: bytes) -> None:
    """Translate a file, run its events and post its entries: the whole chain, from memory."""
    rehearsal = Rehearsal(estate().books, lambda _: channel(), whole_bytes_max=WHOLE_BYTES_MAX)
    rehearsal.judge([data])
    for told in rehearsal.tell([data]):
        for entry in getattr(told, "entries", ()):
            assert sum(line.debit_minor - line.credit_minor for line in entry.lines) == 0


def read_table(data: bytes) -> None:
    """Read a table as one source's schema declares it, its totals included."""
    for written in (tables.DEPOSITS + tables.TOTALS, tables.SHEET):
        for _ in read_file([data], tables.channel(written)):
            pass


def check_estate(data: bytes) -> None:
    """Check the sample estate with one of its files replaced."""
    files = read_folder(ESTATE)
    for path in ("estate.toml", "sources/adt.toml", "ledger/journal_rules.csv", "maps/adt.toml"):
        check({**files, path: data}, CONNECTORS)
    check({**files, "schemas/table.toml": data}, CONNECTORS)


def _files(*patterns: str) -> Iterator[bytes]:
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield path.read_bytes()


def _framed(messages: Iterable[bytes]) -> Iterator[bytes]:
    for each in messages:
        yield b"\x0b" + each + b"\x1c\r"


def _tables() -> tuple[bytes, ...]:
    rows = tables.HEADER + tables.ROW + "03/02/2026,12,R2,,,(234.50)\n"
    return (
        rows.encode(),
        (rows + 'TOTAL,,,2,,"1,000.00"\n').encode(),
        b"\xef\xbb\xbf" + rows.encode(),
    )


def _workbooks() -> tuple[bytes, ...]:
    cells = "".join(
        f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in tables.HEADER.strip().split(",")
    )
    good = '<c s="0"><v>46112</v></c><c t="s"><v>0</v></c><c t="s"><v>0</v></c>'
    rows = f'<row r="1">{cells}</row><row r="2">{good}<c/><c/><c><v>1.5</v></c></row>'
    parts = workbooks.parts(rows, strings="<si><t>R1</t></si>", formats="14")
    return (workbooks.pack(parts), workbooks.pack(parts, is_compressed=False))


def _banks() -> tuple[bytes, ...]:
    paid = bank_files.entry(addenda=1), bank_files.addenda("TRN*1*T1*1512345678~")
    batches = bank_files.batch(paid), bank_files.batch([bank_files.entry(5, "27")], number=2)
    report = (
        "16,142,100,V,260301,,B-1,C-1,TEXT",
        "88,TRN*1*T1*1512345678",
        "16,115,5,D,1,0,5,B,C,/",
    )
    return (
        bank_files.nacha(*batches),
        bank_files.nacha(*batches, end=""),
        bank_files.bai2(*report),
    )


def targets() -> dict[str, Target]:
    """Return every target by name."""
    hl7 = tuple(_files("tests/golden/hl7v2/*.hl7"))
    edi = tuple(_files("tests/golden/x12/*.835", "tests/golden/x12_guides/*.edi"))
    fhir = tuple(_files("tests/fuzz/seeds/*.json"))
    settings = tuple(_files("estates/riverbend/*.toml", "estates/riverbend/sources/*.toml"))
    schemas = tuple(each.encode() for each in (tables.DEPOSITS + tables.TOTALS, tables.SHEET))
    assert tomllib.loads(settings[0].decode())
    every = (*_HL7_WORDS, *_X12_WORDS, *_JSON_WORDS)
    found = (
        Target("hl7v2", read_hl7v2, hl7, _HL7_WORDS),
        Target("mllp", read_frames, tuple(_framed(hl7)), _HL7_WORDS),
        Target("x12", read_x12, edi, _X12_WORDS),
        Target("fhir", read_fhir, fhir, _JSON_WORDS),
        Target("table", read_table, _tables(), _TABLE_WORDS),
        Target("workbook", read_table, _workbooks(), _SHEET_WORDS),
        Target("bank", read_any, _banks(), _BANK_WORDS),
        Target("file", read_any, (*hl7, *edi, *fhir), every),
        Target("books", book_any, (*hl7, *edi, *fhir), every),
        Target("estate", check_estate, (*settings, *schemas), _TOML_WORDS),
    )
    return {each.name: each for each in found}
