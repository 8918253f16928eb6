"""PHI canaries (B92): a patient made of canaries goes through everything, and none is left behind.

Names, numbers, addresses, notes and free text all hold the same mark. Then every row of the store
is read, the server is stopped, and every byte of its files, what was logged, what was replied and
what the ERP holds is searched for it. The same search is shown to find a mark that is there.
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
from suture.wire.mllp import frame

pytestmark = [pytest.mark.integration, pytest.mark.crash]

CANARY = "ZZPHI-"
MARK = "ZZPROBE-7"
AT = "20260310120000"


def hl7(kind: str, control: str, *segments: str) -> bytes:
    """Return a message whose header holds no canary."""
    application = {"ADT": "RIVREG", "DFT": "RIVBILL", "SIU": "RIVSCHED"}[kind[:3]]
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
    return f"{head}{body}SE*{count}*0001~GE*1*{number}~IEA*1*{number:09d}~".encode()


FILES = {
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
    """Let everything happen to the patient that can; return what was sent back to anybody."""
    answers = await send_everything(riverbend)
    inbox = folder / "inbox"
    watching = riverbend.watch(inbox, keep_files=False)
    for name, content in FILES.items():
        (inbox / name).write_bytes(content)
    assert await watching.turn() == len(FILES)
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
    answers += [path.name.encode() for path in (inbox / "archive").iterdir()]
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


@pytest.mark.timeout(120)
async def test_b92_nothing_that_names_a_person_is_left_anywhere(
    server: EmbeddedPostgres, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with lived(server) as riverbend:
        answers = await live_through(riverbend, tmp_path)
        # The canaries did come in, and their owner may see them again.
        (message,) = await riverbend.rows("select id from message where control_id = 'R2'")
        assert await riverbend.message_bytes(message["id"]) == MESSAGES["adt"][1]
        assert await riverbend.number("select count(*) from vault") >= 5
        assert await riverbend.number("select count(*) from entry") >= 3
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
    assert [] == [answer for answer in answers if CANARY.encode() in answer.upper()]
    told = "".join(capfd.readouterr())
    assert MARK in told
    assert CANARY not in told.upper()
    data = server.data_directory.resolve()
    assert len(files_with(data, MARK)) >= 2, "in the table and in the log of writes"
    assert files_with(data, CANARY) == []
    assert CANARY not in (data / "server.log").read_text("utf-8").upper()
