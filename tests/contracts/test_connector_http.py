"""What HTTP sources promise of their own: who is let in, what is taken, how it is answered."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import hashlib
import hmac
import json
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from tests.contracts.certificates import Authority
from tests.contracts.door_contract import Taking, surroundings_at
from tests.contracts.http_peer import Telling, answered, opened

from suture.connectors import ingress, registry
from suture.connectors.http.settings import HttpSettings
from suture.connectors.listening import Access, ServerLimits
from suture.connectors.ports import BodyVerdict, MessageVerdict, Reason
from suture.connectors.tls import ServerTls
from suture.governance.reading import Document
from suture.model.fault import Fault
from suture.model.translation import Status

X12 = "application/edi-x12"
ANYBODY = Access(is_anonymous_accepted=True)
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def settings(access: Access = ANYBODY, **limits: Any) -> HttpSettings:
    return HttpSettings(port=0, access=access, limits=ServerLimits(**limits))


async def post(
    address: str, body: bytes, content_type: str = X12, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    told = {"Content-Type": content_type} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, data=body, headers=told) as response,
    ):
        return response.status, dict(response.headers), await response.read()


def fault_of(body: bytes) -> str:
    return str(json.loads(body)["fault"]["code"])


def verdict(status: Status, kind: str = "x12", reply: bytes = b"") -> BodyVerdict:
    reasons = () if status == "accepted" else (Reason("x12.x", "ST02=1", "why"),)
    message = MessageVerdict(
        id="msg_1", format=kind, type="835", control_id="1", status=status, reasons=reasons
    )
    return BodyVerdict(
        id="trn_1", format=kind, messages_count=1, status=status, messages=(message,), reply=reply
    )


# Who is let in -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer wrong", 401),
        ("Bearer t1", 200),
        ("bearer t2", 200),
        ("Bearer t3", 401),
        ("Basic " + base64.b64encode(b"u:p").decode(), 200),
        ("Basic " + base64.b64encode(b"u:q").decode(), 401),
        ("Basic " + base64.b64encode(b"v:p").decode(), 401),
        ("Basic \xff", 401),
    ],
)
async def test_a_sender_proves_who_it_is_by_any_token_or_password_there_is(
    tmp_path: Path, authorization: str, status: int
) -> None:
    access = Access(token="env:TOKEN", username="u", password="env:PASSWORD")
    taking = Taking()
    async with opened(
        settings(access), taking, tmp_path, TOKEN="t1\nt2\nt3\n", PASSWORD="p"
    ) as door:
        told, headers, body = await post(door.address, b"ISA", Authorization=authorization)
    assert status == told
    assert (status == 200) == bool(taking.taken)
    if status == 401:
        assert "http.access.refused" == fault_of(body)
        assert "WWW-Authenticate" in headers
        assert ["http.access.refused"] == taking.observed


def signed(body: bytes, *, at: int, key: bytes = b"k" * 24, identity: str = "evt_1") -> str:
    """Return a signature, made by nothing of ours."""
    message = f"{identity}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("drift", "key", "is_let_in"),
    [
        (0, b"k" * 24, True),
        (0, b"x" * 24, False),
        (-400, b"k" * 24, False),
        (400, b"k" * 24, False),
    ],
)
async def test_a_body_is_taken_when_its_signature_is_right_and_of_now(
    tmp_path: Path, drift: int, key: bytes, *, is_let_in: bool
) -> None:
    at = int(time.time()) + drift
    packed = gzip.compress(b"ISA*")
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1a,other {signed(packed, at=at, key=key)}",
        "Content-Encoding": "gzip",
    }
    taking = Taking()
    source = settings(Access(signing_secret="env:SIGNING"))
    async with opened(source, taking, tmp_path, SIGNING=SECRET) as door:
        status, _, _ = await post(door.address, packed, **headers)
        unsigned, _, _ = await post(door.address, b"ISA*")
    assert (200 if is_let_in else 401, 401) == (status, unsigned)
    assert ([b"ISA*"] if is_let_in else []) == taking.taken


@pytest.mark.parametrize("secret", ["", "whsec_short", "whsec_!!"])
async def test_a_secret_that_is_absent_or_none_keeps_the_door_closed(
    tmp_path: Path, secret: str
) -> None:
    source = settings(Access(signing_secret="env:SIGNING"))
    told = await registry.open_message_door(
        source, Taking(), surroundings_at(tmp_path, SIGNING=secret)
    )
    assert isinstance(told, Fault)
    assert ("http.secret.absent", "env:SIGNING") == (told.code, told.where)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (HttpSettings(port=1), "access"),
        (HttpSettings(port=1, access=Access(username="u", is_anonymous_accepted=True)), "username"),
        (HttpSettings(port=1, host="0.0.0.0", access=ANYBODY), "host"),  # noqa: S104
    ],
)
def test_what_lets_anybody_in_or_speaks_in_clear_must_be_said(
    source: HttpSettings, key: str
) -> None:
    told = list(source.faults(Document("sources/x.toml", "", {}), ("http",)))
    assert 1 == len(told), key


async def test_a_sender_shows_a_certificate_where_one_is_asked_for(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    ours.sign("door")
    tls = ServerTls(
        certificate="file:door.pem", private_key="file:door.key", client_authority="file:theirs.pem"
    )
    source = HttpSettings(port=0, host="0.0.0.0", tls=tls)  # noqa: S104
    assert [] == list(source.faults(Document("sources/x.toml", "", {}), ("http",)))
    context = ssl.create_default_context(cafile=ours.file)
    taking = Taking()
    async with opened(source, taking, tmp_path) as door, aiohttp.ClientSession() as session:
        address = door.address.replace("0.0.0.0", "localhost")  # noqa: S104
        headers = {"Content-Type": X12}
        with pytest.raises(aiohttp.ClientError):
            await session.post(address, data=b"ISA", headers=headers, ssl=context)
        context.load_cert_chain(*theirs.sign("sender"))
        async with session.post(address, data=b"ISA", headers=headers, ssl=context) as response:
            assert 200 == response.status
    assert [b"ISA"] == taking.taken
    assert {"http.tls.handshake"} >= set(taking.observed)


async def test_b57_a_page_of_the_web_may_not_post(tmp_path: Path) -> None:
    taking = Taking()
    async with opened(settings(), taking, tmp_path) as door:
        status, _, body = await post(door.address, b"ISA", Origin="https://evil.example")
    assert (403, "http.origin.refused", []) == (status, fault_of(body), taking.taken)


# What is no request, or too much -----------------------------------------------------------------

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/edi-x12\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nISA*", b"400"),
        (HEAD + b"A: b\r\n folded\r\nContent-Length: 4\r\n\r\nISA*", b"400"),
        (HEAD + b"A: " + b"x" * 100_000 + b"\r\nContent-Length: 4\r\n\r\nISA*", b"431"),
        (HEAD + b"A: b\r\n" * 100 + b"Content-Length: 4\r\n\r\nISA*", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
    ],
)
async def test_b44_what_could_be_read_in_two_ways_is_not_read(
    tmp_path: Path, raw: bytes, status: bytes
) -> None:
    taking = Taking()
    async with opened(settings(), taking, tmp_path) as door:
        told = await answered(door.address, raw)
    assert told.startswith((b"HTTP/1.1 " + status, b"HTTP/1.0 " + status)), told[:80]
    assert ([], ["http.request.malformed"]) == (taking.taken, taking.observed)
    assert b"folded" not in told


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        (b"/..%2fetc", b"x", b"400"),
        (b"/%00", b"x", b"400"),
        (b"/%c0%af", b"x", b"400"),
        (b"/../a", b"x", b"400"),
        (b"/", b"a b", b"400"),
        (b"/", b"a\r\nHost: b", b"400"),
        (b"/other", b"x", b"404"),
        (b"/?patient=1", b"[::1]:80", b"200"),
    ],
)
async def test_b55_a_target_or_host_that_is_none_is_refused(
    tmp_path: Path, target: bytes, host: bytes, status: bytes
) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/csv\r\n" % (target, host)
    async with opened(settings(), Taking(), tmp_path) as door:
        told = await answered(
            door.address, head + b"Connection: close\r\nContent-Length: 1\r\n\r\nx"
        )
    assert status == told.split(b" ", 2)[1], told[:80]


async def test_b45_a_body_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    taking = Taking()
    bomb = gzip.compress(b"\0" * 64 * 1024 * 1024)
    async with opened(settings(ratio_max=1000), taking, tmp_path) as door:
        by_size = await post(door.address, bomb, Content_Encoding="gzip")
    async with opened(settings(), taking, tmp_path) as door:
        by_ratio = await post(door.address, bomb, Content_Encoding="gzip")
        sound = await post(door.address, gzip.compress(b"ISA*"), Content_Encoding="gzip")
        cut = await post(door.address, gzip.compress(b"ISA*")[:-4], Content_Encoding="gzip")
        none = await post(door.address, b"ISA*", Content_Encoding="gzip")
        other = await post(door.address, b"ISA*", Content_Encoding="br")
    assert (413, 413, 200, 400, 400, 415) == tuple(
        each[0] for each in (by_size, by_ratio, sound, cut, none, other)
    )
    assert "http.encoding.unsupported" == fault_of(other[2])
    assert "http.request.too_large" == fault_of(by_size[2])
    assert [b"ISA*"] == taking.taken


async def test_a_sender_that_asks_first_is_told_before_it_sends(tmp_path: Path) -> None:
    head = HEAD + b"Content-Length: %d\r\nExpect: %s\r\n\r\n"
    async with opened(settings(body_bytes_max=100), Taking(), tmp_path) as door:
        taken = await answered(door.address, head % (4, b"100-continue"), b"ISA*")
        large = await answered(door.address, head % (101, b"100-continue"))
        other = await answered(door.address, head % (4, b"a-miracle"), b"ISA*")
    assert taken.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert large.startswith(b"HTTP/1.1 413 ")
    assert other.startswith(b"HTTP/1.1 417 ")
    assert b"http.expectation.unknown" in other


@pytest.mark.parametrize("is_packed", [False, True])
async def test_b3_b4_what_goes_wrong_on_connections_is_told_by_its_code(
    tmp_path: Path, *, is_packed: bool
) -> None:
    taking = Taking()
    encoding = b"Content-Encoding: gzip\r\n" if is_packed else b""
    async with opened(
        settings(connections_max=1, request_seconds_max=0.2), taking, tmp_path
    ) as door:
        late = asyncio.create_task(
            answered(door.address, HEAD + encoding + b"Content-Length: 40\r\n\r\n\x1f\x8b")
        )
        await asyncio.sleep(0.05)
        assert b"" == await answered(door.address)
        assert b"" == await late
    assert ["http.connections.too_many", "http.request.overdue"] == taking.observed


async def test_another_path_is_not_there_and_a_store_that_is_away_is_asked_again(
    tmp_path: Path,
) -> None:
    taking = Taking()
    taking.is_storing = False
    async with opened(settings(), taking, tmp_path) as door:
        away = await post(door.address, b"ISA*")
        other = await post(door.address + "other", b"ISA*")
    assert (503, "http.message.not_stored", "5") == (
        away[0],
        fault_of(away[2]),
        away[1]["Retry-After"],
    )
    assert (404, "http.path.unknown") == (other[0], fault_of(other[2]))


async def test_more_than_a_source_may_hold_is_sent_again_later(tmp_path: Path) -> None:
    taking = Taking()
    async with opened(settings(listener_bytes_max=100), taking, tmp_path) as door:
        status, headers, body = await post(door.address, b"x" * 101)
        again, _, _ = await post(door.address, b"x" * 100)
    assert (503, "http.door.busy", "5", 200) == (
        status,
        fault_of(body),
        headers["Retry-After"],
        again,
    )


async def test_b9_a_peer_that_reads_no_answer_is_cut_off(tmp_path: Path) -> None:
    reply = b"ISA" + b"x" * 32 * 1024 * 1024
    taking = Telling(verdict("accepted", reply=reply))
    async with opened(settings(reply_seconds_max=0.3), taking, tmp_path) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(door.address[17:-1]))
        writer.write(HEAD + b"Content-Length: 4\r\n\r\nISA*")
        for _ in range(500):
            if taking.observed:
                break
            await asyncio.sleep(0.02)
        assert ["http.reply.unread"] == taking.observed
        del reader
        writer.transport.abort()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EADDRINUSE, "http.port.taken"),
        (errno.EACCES, "http.port.refused"),
        (errno.EADDRNOTAVAIL, "http.address.unusable"),
    ],
)
def test_a_port_that_cannot_be_had_is_named(number: int, code: str) -> None:
    assert code == ingress._unopened(OSError(number, "x"), "127.0.0.1", 80).code


# What is taken, and how it is answered -----------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("text/html", "http.type.unsupported"),
        ("application/cloudevents-batch+json", "http.type.unsupported"),
        ("application/json; charset=utf-16", "http.type.unsupported"),
    ],
)
async def test_what_nobody_sends_on_purpose_is_not_taken(
    tmp_path: Path, content_type: str, code: str
) -> None:
    taking = Taking()
    async with opened(settings(), taking, tmp_path) as door:
        status, _, body = await post(door.address, b"{}", content_type)
        empty, _, _ = await post(door.address, b"")
    assert (415, code, 400, []) == (status, fault_of(body), empty, taking.taken)


async def test_only_posting_is_possible(tmp_path: Path) -> None:
    async with (
        opened(settings(), Taking(), tmp_path) as door,
        aiohttp.ClientSession() as session,
        session.get(door.address) as response,
    ):
        told = fault_of(await response.read())
        allowed = response.headers["Allow"]
        assert (405, "http.method.refused", "POST") == (response.status, told, allowed)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (verdict("accepted"), 200),
        (verdict("held"), 202),
        (verdict("rejected"), 422),
        (verdict("rejected", "unknown"), 400),
    ],
)
async def test_the_status_says_whether_to_send_again_and_json_why(
    tmp_path: Path, told: BodyVerdict, status: int
) -> None:
    async with opened(settings(), Telling(told), tmp_path) as door:
        answer, headers, body = await post(door.address, b"ISA*")
    assert (status, "trn_1") == (answer, headers["Suture-Message"])
    assert (told.status, told.format) == (json.loads(body)["status"], json.loads(body)["format"])


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("hl7v2", "application/hl7-v2+er7"), ("x12", "application/edi-x12")],
)
async def test_the_reply_of_a_standard_is_the_answer(
    tmp_path: Path, kind: str, content_type: str
) -> None:
    taking = Telling(verdict("held", kind, b"the reply"))
    async with opened(settings(), taking, tmp_path) as door:
        status, headers, body = await post(door.address, b"ISA*")
    assert (202, content_type, b"the reply") == (status, headers["Content-Type"], body)


async def test_fhir_is_answered_by_an_operation_outcome(tmp_path: Path) -> None:
    bodies = []
    for status in ("accepted", "held", "rejected"):
        async with opened(settings(), Telling(verdict(status, "fhir")), tmp_path) as door:
            _, headers, body = await post(door.address, b"{}", "application/fhir+json")
            assert "application/fhir+json" == headers["Content-Type"]
            bodies.append(body)
            _, _, refused = await post(door.address, b"", "application/fhir+json")
            bodies.append(refused)
    told = [OperationOutcome.model_validate_json(body).issue[0] for body in bodies]
    assert ["information", "error", "warning", "error", "error", "error"] == [
        each.severity for each in told
    ]
    assert "msg_1: x12.x at ST02=1" == told[2].diagnostics


EVENT = {"specversion": "1.0", "id": "e1", "source": "/portal", "type": "claim.sent"}


async def test_a_cloud_event_is_unwrapped_in_either_mode(tmp_path: Path) -> None:
    data = {"resourceType": "Invoice", "amount": 1.10}
    whole = EVENT | {"datacontenttype": "application/fhir+json", "data": data}
    taking = Telling(verdict("accepted", "fhir"))
    async with opened(settings(), taking, tmp_path) as door:
        structured = await post(
            door.address, json.dumps(whole).encode(), "application/cloudevents+json; charset=utf-8"
        )
        binary = await post(
            door.address, b"ISA*", X12, **{f"ce-{name}": told for name, told in EVENT.items()}
        )
    assert (200, 200) == (structured[0], binary[0])
    assert [json.dumps(data).encode(), b"ISA*"] == taking.taken


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({**EVENT, "specversion": "0.3"}, 400, "cloudevents.version.unsupported"),
        (EVENT, 400, "http.request.malformed"),
        ({**EVENT, "data": "x", "datacontenttype": "text/html"}, 415, "http.type.unsupported"),
        ("[" * 100_000, 400, "cloudevents.event.invalid"),
        ('{"id": 1, "id": 2}', 400, "cloudevents.event.invalid"),
        ('{"id": NaN}', 400, "cloudevents.event.invalid"),
    ],
)
async def test_b46_b47_an_event_that_is_none_is_refused(
    tmp_path: Path, event: Any, status: int, code: str
) -> None:
    raw = event if isinstance(event, str) else json.dumps(event)
    taking = Taking()
    async with opened(settings(), taking, tmp_path) as door:
        told, _, body = await post(door.address, raw.encode(), "application/cloudevents+json")
    assert (status, code, []) == (told, fault_of(body), taking.taken)


async def test_curl_posts_and_is_answered(tmp_path: Path) -> None:
    body = tmp_path / "large.edi"
    body.write_bytes(b"ISA*" + b"x" * 2_000_000)
    taking = Taking()
    async with opened(settings(Access(token="env:TOKEN")), taking, tmp_path, TOKEN="t") as door:
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "-w", "%{http_code}", "-o", "-", "--oauth2-bearer", "t"),
            *("-H", "Content-Type: application/edi-x12", "--data-binary", f"@{body}", door.address),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await asyncio.wait_for(curl.communicate(), 20)
    assert told.endswith(b"200")
    assert [body.read_bytes()] == taking.taken
