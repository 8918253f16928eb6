"""PHI canaries (B92): a patient made of canaries goes through everything, and none is left behind.

Names, numbers, addresses, notes and free text all hold the same mark, and so do the places that
should hold a code and may hold anything: message types, control ids, control numbers, file names.
Then every row of the store is read, the server is stopped, and every byte of its files, what was
logged, what was replied, the folder the files came in and what the ERP holds is searched for it.
The same search is shown to find a mark that is there. The one text of a sender's that stays as it
is, the bank's trace of a payment (TRN02), has a mark of its own: finance sees it, the ERP does not.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.operator_desk import message_ids, outcomes, reprocessed
from tests.integration.riverbend_store import Riverbend, changed, open_riverbend
from tests.integration.sandbox_erp import destination_at, serving

from suture.connectors.mllp.sender import Sender
from suture.engine.batching import Batching
from suture.engine.delivery import Delivery, Retry
from suture.engine.duties import RunnerDuty
from suture.engine.proof import read_proof
from suture.engine.telemetry import log
from suture.store.embedded import EmbeddedPostgres
from suture.store.lineage import trace
from suture.store.migrate import migrate
from suture.store.releases import active_release
from suture.store.worklist import open_work_items
from suture.translate.hl7v2_common import shown_control_id
from suture.wire.mllp import frame

pytestmark = [pytest.mark.integration, pytest.mark.crash]

CANARY = "ZZPHI-"
MARK = "ZZPROBE-7"
TRACE = "ZZBANK-7 (DEP 0320)"
"""A trace as banks write them (TRN02)."""
AT = "20260310120000"


def hl7(kind: str, control: str, *segments: str) -> bytes:
    """Return a message; its header holds no canary unless its type or control id is one."""
    applications = {"ADT": "RIVREG", "DFT": "RIVBILL", "SIU": "RIVSCHED"}
    application = applications.get(kind[:3], "RIVREG")
    header = rf"MSH|^~\&|{application}|RGH|||{AT}||{kind}|{control}|P|2.5.1"
    return "\r".join((header, *segments)).encode()


PERSON = (
    f"PID|1||{CANARY}MRN^^^RVH^MR~{CANARY}SSN^^^USSSA^SS||{CANARY}FAMILY^{CANARY}GIVEN^{CANARY}M"
    f"|{CANARY}MOTHER|19700101|F|||{CANARY}STREET^^{CANARY}TOWN^IL^60601||{CANARY}PHONE"
    f"|{CANARY}WORK||||{CANARY}ACCOUNT^^^RVH^AN|{CANARY}SSN"
)
VISIT = (
    f"PV1|1|O|ED^{CANARY}ROOM^{CANARY}BED^RGH||||{CANARY}NPI^{CANARY}DOCTOR|||MED|||||||||"
    f"{CANARY}VISIT|MA"
)
EVERYBODY = (
    f"NK1|1|{CANARY}KIN^{CANARY}MOTHER|MTH|{CANARY}KINSTREET|{CANARY}KINPHONE",
    f"IN1|1|PLAN|MCR|PAYER|||||||||||{CANARY}INSURED||||||||||||||||||||{CANARY}MEMBER",
    f"GT1|1|{CANARY}GUARANTOR|{CANARY}NAME|||{CANARY}GTPHONE",
    f"NTE|1|L|{CANARY}free text of a nurse about the patient",
    f"OBX|1|TX|{CANARY}CODE||{CANARY}result||||||F",
    f"ZPV|1|{CANARY}PARKING",
)


def money(minor: str = "125.00", department: str = "LAB", number: str = "TX") -> str:
    return (
        f"FT1|1|{CANARY}{number}||{AT}||CG|80053|{CANARY}DESCRIPTION||1|{minor}||{department}"
        f"||||||{CANARY}DX|{CANARY}NPI^{CANARY}PERFORMER"
    )


MESSAGES = {
    "adt": (
        hl7("ADT^A01", "R1", f"EVN|A01|{AT}", PERSON, VISIT, *EVERYBODY),
        hl7("ADT^A08", "R2", f"EVN|A08|{AT}|||{CANARY}OPERATOR", PERSON, VISIT, *EVERYBODY),
        hl7("ADT^A40", "R3", f"EVN|A40|{AT}", PERSON, f"MRG|{CANARY}OLD^^^RVH^MR||{CANARY}OLDACC"),
        hl7("ADT^A01", "R4", f"EVN|A01|{CANARY}DATE", PERSON, VISIT),
        hl7("ADT^A28", "R5", f"EVN|A28|{AT}", PERSON),
        hl7("ADT^A01", "R1", f"EVN|A01|{AT}", PERSON, VISIT, f"NTE|1||{CANARY}another content"),
        hl7("ADT^A01", f"{CANARY}JANE DOE", f"EVN|A01|{AT}", PERSON, VISIT),
        hl7("ADT^A08", f"{CANARY}JANE DOE", f"EVN|A08|{AT}", PERSON, VISIT),
        hl7(f"{CANARY}JANE^{CANARY}DOE", "R6", PERSON),
        hl7(f"ADT^{CANARY}DOE", f"{CANARY}^DOE", PERSON),
    ),
    "scheduling": (
        hl7(
            "SIU^S12",
            "S1",
            f"SCH|{CANARY}PLACER|{CANARY}FILLER|||||^{CANARY}reason||30|MIN|^^^{AT}|||||"
            f"{CANARY}CONTACT|||||{CANARY}ENTERER|||||Booked",
            f"NTE|1|L|{CANARY}why she comes",
            PERSON,
            VISIT,
            "RGS|1|A",
            f"AIL|1|A|CARD^{CANARY}ROOM^^RGH",
        ),
    ),
    "charges": (
        hl7("DFT^P03", "B1", f"EVN|P03|{AT}", PERSON, VISIT, money()),
        hl7("DFT^P03", "B2", f"EVN|P03|{AT}", PERSON, VISIT, money("130.00")),
        hl7(
            "DFT^P03", "B3", f"EVN|P03|{AT}", PERSON, VISIT, money(department="NOWHERE", number="N")
        ),
        hl7("DFT^P03", "B4", f"EVN|P03|{AT}", PERSON, VISIT, money(f"{CANARY}12")),
        hl7("DFT^P03", "B5", PERSON.replace("|ZZPHI-ACCOUNT^^^RVH^AN", "|"), money()),
        f"{CANARY} is no message at all".encode(),
        hl7("DFT^P03", "B6", PERSON, VISIT, money()).replace(b"MSH|", b"MSH"),
        hl7("DFT^P03", "B7", PERSON, VISIT, f"FT1|1|{CANARY}\xff".replace("\xff", "\x00")),
        hl7("DFT^P03", f"{CANARY}CONTROL ID", PERSON, VISIT, money(number="TX2")),
    ),
}
CLAIM = (
    f"CLP*{CANARY}CLM{{0}}*1*200*150**MA*{CANARY}ICN*11~CAS*CO*45*50~"
    f"NM1*QC*1*{CANARY}LAST*{CANARY}FIRST****MI*{CANARY}MEMBER~NM1*IL*1*{CANARY}INSURED~"
    f"REF*EA*{CANARY}MRN~DTM*232*20260301~"
)


def remittance(number: int, paid: str, trace_number: str) -> bytes:
    """Return an 835 about the patient; it balances when it pays 150."""
    body = (
        f"ST*835*0001~BPR*I*{paid}*C*ACH************20260320~TRN*1*{trace_number}*1990000011~"
        f"N1*PR*PAYER~PER*BL*{CANARY}CLERK*TE*{CANARY}PHONE~N1*PE*RIVERBEND*XX*9990000101~LX*1~"
        + CLAIM.format(number)
        + f"PLB*9990000101*20261231*WO>{CANARY}REFERENCE*0~"
    )
    head = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'PAYER':15}*ZZ*{'RIVERBEND':15}*260320*0600*^*00501"
        f"*{number:09d}*1*P*>~GS*HP*PAYER*RIVERBEND*20260320*0600*{number}*X*005010X221A1~"
    )
    count = body.count("~") + 1
    assert TRACE not in head
    return f"{head}{body}SE*{count}*0001~GE*1*{number}~IEA*1*{number:09d}~".encode()


def numbered(old: bytes, new: str, number: int) -> bytes:
    """Return a remittance with a canary in the place of one of its control numbers."""
    whole = remittance(number, "150", f"T{number}")
    assert old in whole
    return whole.replace(old, new.encode())


FILES = {
    "trace.835": remittance(10, "150", TRACE),
    "st02.835": numbered(b"*0001~", f"*{CANARY}JANE DOE~", 11),
    "gs06.835": numbered(b"*12*X*", f"*{CANARY}GROUP*X*", 12).replace(
        b"~GE*1*12~", f"~GE*1*{CANARY}GROUP~".encode()
    ),
    "isa13.835": numbered(b"*000000013*1*P", f"*{CANARY}013*1*P", 13),
    "st01.835": numbered(b"ST*835*", f"ST*{CANARY}*", 14),
    f"{CANARY}JANE.835": remittance(1, "150", "T1"),
    f"{CANARY}JANE again.835": remittance(2, "150", "T1"),
    f"{CANARY}held.835": remittance(3, "151", "T3"),
    f"{CANARY}rejected.835": remittance(4, "150", "T4").replace(b"~IEA*1*", b"~IEA*2*"),
    f"{CANARY}cut.835": remittance(5, "150", "T5")[:-90],
    f"{CANARY}list.csv": f"name,mrn\n{CANARY}JANE,{CANARY}MRN\n".encode(),
}


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """Return a server whose files can be read as they are: nothing in them is compressed."""
    folder = Path(tempfile.mkdtemp(prefix="suture-test-"))
    folder.chmod(0o755)
    up = EmbeddedPostgres(folder / "pg", settings={"wal_compression": "off", "fsync": "off"})
    try:
        yield up
    finally:
        asyncio.run(up.stop("immediate"))
        shutil.rmtree(up.socket_directory, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


async def send_everything(riverbend: Riverbend) -> list[bytes]:
    """Send every message by its own door, and some that break off; return what was replied."""
    replies: list[bytes] = []
    for source, messages in MESSAGES.items():
        port = await riverbend.listen(source)
        async with Sender("127.0.0.1", port) as sender:
            replies += [await sender.send(raw) for raw in (*messages, messages[0])]
        for broken in (
            b"\x0b" + messages[0][:200] + frame(messages[0]),
            b"\x0b" + messages[0] + CANARY.encode() * 20_000,
            f"{CANARY}junk".encode() * 200,
            b"\x0b" + messages[0] + b"\x1c" + CANARY.encode(),
            b"\x0b" + messages[0][:100],
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(broken)
            writer.write_eof()
            try:
                replies.append(await reader.read())
            except ConnectionResetError:
                continue
            finally:
                writer.close()
    return replies


async def live_through(riverbend: Riverbend, folder: Path) -> list[bytes]:
    """Let everything happen to the patient that can; return what anybody was told of it."""
    answers: list[bytes] = []
    inbox = folder / "inbox"
    watching = riverbend.watch(inbox, keep_files=False, bytes_max=100_000)
    for name, content in FILES.items():
        (inbox / name).write_bytes(content)
    # What cannot be stored has only a name to give away.
    (inbox / f"{CANARY}link.835").symlink_to(folder / "nowhere")
    (inbox / f"{CANARY}large.835").write_bytes(b"~" * 100_001)
    assert await watching.turn() == len(FILES) + 2
    assert 2 == len(list((inbox / "error").iterdir()))
    assert [] == [path.name for path in inbox.iterdir() if not path.is_dir()]
    assert [] == files_with(inbox, CANARY)
    await riverbend.settle()
    await riverbend.change(
        changed("crosswalks/department.csv", "*,RGH,NOWHERE,RGH-7500,laboratory,,")
    )
    duty = RunnerDuty(riverbend.database, "runner-1", 4)
    duty._runner = riverbend.runner
    release = await active_release(riverbend.database)
    assert release is not None
    await duty.change(riverbend.estate, release)
    await riverbend.settle()
    answers += [path.read_bytes() for path in (inbox / "replies").iterdir()]
    answers += [path.name.encode() for path in inbox.rglob("*")]
    async with (
        serving(folder / "erp.sqlite", riverbend.estate) as erp,
        destination_at(erp.port) as destination,
    ):
        await Batching(riverbend.database, "erp", {}).turn(everything=True)
        sender = Delivery(riverbend.database, "erp", destination, "delivery-1", Retry())
        while await sender.turn():
            pass
        proof = await read_proof(riverbend.database, destination)
        assert proof.proven, proof
        assert (await erp.summary())["journal_count"] > 0
    answers.append((folder / "erp.sqlite").read_bytes())
    held = await message_ids(riverbend) + await message_ids(riverbend, "rejected")
    results = await reprocessed(riverbend, *held)
    assert {"held", "refused"} == set(outcomes(results))
    answers.append(repr(results).encode())
    for row in await riverbend.rows("select id from message"):
        lineage = await trace(riverbend.database, row["id"])
        answers.append(repr(lineage).encode())
    items = await open_work_items(riverbend.database)
    assert len(items) > 8
    answers.append(repr(items).encode())
    return answers


def assert_only_its_sender_is_told(replies: list[bytes]) -> None:
    """MSA-2 gives a sender its own control id back, and MSH-9.2 its trigger; no more comes back."""
    texts = [reply.strip(b"\x0b\x1c\r") for reply in replies]
    lines = [line.split(b"|") for text in texts for line in text.split(b"\r")]
    told = {
        (line[0], number, field)
        for line in lines
        for number, field in enumerate(line)
        if CANARY.encode() in field.upper()
    }
    header = (b"MSH", 8, f"ACK^{CANARY}DOE^ACK".encode())
    assert header in told
    assert {(b"MSA", 2)} == {(name, number) for name, number, _ in told - {header}}
    assert f"{CANARY}JANE DOE".encode() in {field for _, _, field in told}


async def every_row(riverbend: Riverbend) -> dict[str, str]:
    """Return every table as text; bytes as the letters they would be."""
    tables = await riverbend.rows(
        "select table_name from information_schema.tables where table_schema = 'public'"
    )
    return {
        table["table_name"]: repr(
            [tuple(row) for row in await riverbend.rows(f'select * from "{table[0]}"')]  # noqa: S608
        )
        for table in tables
    }


def files_with(folder: Path, text: str) -> list[str]:
    """Return the files below a folder that hold a text, in any of the usual encodings and cases."""
    wanted = [text.encode(), text.lower().encode(), text.encode("utf-16-le")]
    wanted.append(text.encode().hex().encode())
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(each in path.read_bytes() for each in wanted)
    ]


@asynccontextmanager
async def lived(server: EmbeddedPostgres) -> AsyncIterator[Riverbend]:
    dsn = await server.start()
    await migrate(dsn)
    async with open_riverbend(dsn) as riverbend:
        yield riverbend


async def assert_the_bank_finds_its_trace(riverbend: Riverbend) -> None:
    """TRN02 stays as it is where finance looks for a payment, and is in nothing that is sent."""
    identity = f"remittance:1990000011:{TRACE}"
    assert 1 == await riverbend.number(
        "select count(*) from message_identity where identity = $1", identity
    )
    holding = {name for name, text in (await every_row(riverbend)).items() if TRACE in text}
    assert holding <= {"message_identity", "event", "state", "entry", "work_item"}
    assert {"message_identity", "event", "state"} <= holding
    items = await riverbend.rows("select path, explanation, remedy from work_item")
    assert not any(TRACE in text for item in items for text in item)


@pytest.mark.timeout(120)
async def test_b92_nothing_that_names_a_person_is_left_anywhere(
    server: EmbeddedPostgres, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with lived(server) as riverbend:
        replies = await send_everything(riverbend)
        answers = await live_through(riverbend, tmp_path)
        # The canaries did come in, and their owner may see them again.
        (message,) = await riverbend.rows("select id from message where control_id = 'R2'")
        assert await riverbend.message_bytes(message["id"]) == MESSAGES["adt"][1]
        assert await riverbend.number("select count(*) from vault") >= 5
        assert await riverbend.number("select count(*) from entry") >= 3
        header = f"{CANARY}JANE DOE"
        shown = shown_control_id(header, riverbend.tokenizer)
        (named, other) = await riverbend.rows(
            "select status from message where control_id = $1 order by received_at", shown
        )
        assert ("accepted", "held") == (named["status"], other["status"])
        await assert_the_bank_finds_its_trace(riverbend)
        statuses = await riverbend.rows("select distinct status from message")
        assert {"accepted", "held", "rejected"} == {row["status"] for row in statuses}
        tables = await every_row(riverbend)
        assert [] == [name for name, text in tables.items() if CANARY in text.upper()]
        log.warning("probe", mark=MARK)
        await riverbend.rows("insert into setting (name, value) values ('probe', $1)", MARK)
        assert [name for name, text in (await every_row(riverbend)).items() if MARK in text] == [
            "setting"
        ]
        await riverbend.rows("checkpoint")
    await server.stop()
    assert_only_its_sender_is_told(replies)
    assert [] == [answer for answer in answers if CANARY.encode() in answer.upper()]
    told = "".join(capfd.readouterr())
    assert TRACE not in told
    assert MARK in told
    assert CANARY not in told.upper()
    data = server.data_directory.resolve()
    assert len(files_with(data, MARK)) >= 2, "in the table and in the log of writes"
    assert files_with(data, CANARY) == []
    assert CANARY not in (data / "server.log").read_text("utf-8").upper()
