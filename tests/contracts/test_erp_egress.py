"""The way out over HTTP keeps its promises: who is reached, what a reply costs, what is known.

Bad inputs B79 to B85 of the reference, on a real loopback socket; whom it may reach at all is in
test_erp_addresses.py.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from suture.connectors.egress import (
    REQUEST_BYTES_MAX,
    Allowed,
    Egress,
    Limits,
    Lost,
    Reply,
    open_egress,
)
from suture.connectors.erp.journal_api.connector import JournalDestination
from suture.connectors.outcome import Delivered, Finding, Outcome, Refused, Transient, Unknown

QUICK = Limits(connect_seconds_max=2, total_seconds_max=2, reply_bytes_max=10_000)


@asynccontextmanager
async def peer(
    answer: bytes, *, then_hold: bool = False, is_hasty: bool = False
) -> AsyncIterator[int]:
    """Serve one canned answer to every request on a loopback port; a hasty peer does not wait."""
    talks: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(converse(reader, writer)))

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_hasty:
            await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if then_hold:
            await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*talks, return_exceptions=True)


def loopback(port: int, limits: Limits = QUICK, resolver: AbstractResolver | None = None) -> Egress:
    allowed = (Allowed("127.0.0.1", port), Allowed("erp.example", port))
    host = "127.0.0.1" if resolver is None else "erp.example"
    egress = open_egress(
        f"http://{host}:{port}", allowed, limits, schemes=("http",), resolver=resolver
    )
    assert isinstance(egress, Egress)
    return egress


def get(answer: bytes, limits: Limits = QUICK, *, then_hold: bool = False) -> Reply | Lost:
    async def run() -> Reply | Lost:
        async with peer(answer, then_hold=then_hold) as port:
            egress = loopback(port, limits)
            try:
                return await egress.request("GET", "v1/health", headers={})
            finally:
                await egress.close()

    return asyncio.run(run())


Told = TypeVar("Told")


def connected(
    answer: bytes, work: Callable[[JournalDestination], Coroutine[None, None, Told]]
) -> Told:
    """Work with the connector to a peer that answers everything with these bytes."""

    async def run() -> Told:
        async with peer(answer) as port:
            destination = JournalDestination(loopback(port), lambda: "token")
            try:
                return await work(destination)
            finally:
                await destination.close()

    return asyncio.run(run())


def send(answer: bytes) -> Outcome:
    return connected(answer, lambda destination: destination.send(b"{}", key="SJ-1"))


COMMAND = (
    b'{"reference": "SJ-1", "entity": "RB01", "currency": "USD", "accounting_date": "2026-10-15",'
    b' "description": "charges digest:0123456789abcdef", "source": "suture",'
    b' "lines": [{"account": "1100", "debit_minor": 5, "credit_minor": 0},'
    b' {"account": "4010", "debit_minor": 0, "credit_minor": 5}]}'
)


def held(**other: object) -> bytes:
    """Return what an ERP that holds COMMAND says of it, told otherwise in these fields."""
    told = {
        "document": "JE-1",
        "reference": "SJ-1",
        "entity": "RB01",
        "period": "2026-10",
        "currency": "USD",
        "accounting_date": "2026-10-15",
        "description": "charges digest:0123456789abcdef",
        "source": "suture",
        "line_count": 2,
        "total_minor": 5,
        "status": "posted",
    }
    return msgspec.json.encode(told | other)


def find(answer: bytes) -> Finding:
    return connected(answer, lambda destination: destination.find("SJ-1", command=COMMAND))


def http(status: str, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class TableResolver(AbstractResolver):
    """Answers every name with the next address of a list, as a rebinding name server would."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._addresses[self.asked]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is held open."""


def test_b82_a_name_that_resolves_to_loopback_is_not_dialled() -> None:
    async def run() -> Reply | Lost:
        async with peer(http("200 OK")) as port:
            egress = loopback(port, resolver=TableResolver("127.0.0.1"))
            try:
                return await egress.request("POST", "v1/journals", headers={}, body=b"{}")
            finally:
                await egress.close()

    lost = asyncio.run(run())
    assert isinstance(lost, Lost)
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.address.denied", False)


def test_b82_the_address_that_was_checked_is_the_one_that_is_dialled() -> None:
    resolver = TableResolver("127.0.0.1", "10.0.0.1")

    async def run() -> Reply | Lost:
        async with peer(http("200 OK")) as port:
            allowed = (Allowed("localhost", port),)
            url = f"http://localhost:{port}"
            egress = open_egress(url, allowed, QUICK, schemes=("http",), resolver=resolver)
            assert isinstance(egress, Egress)
            reply = await egress.request("GET", "v1/health", headers={})
            assert resolver.asked == 1
            await egress.close()
            return reply

    assert isinstance(asyncio.run(run()), Reply)


def test_b80_a_listed_number_that_means_loopback_is_not_dialled() -> None:
    async def run() -> Reply | Lost:
        egress = open_egress(
            "http://2130706433:80", (Allowed("2130706433", 80),), QUICK, schemes=("http",)
        )
        assert isinstance(egress, Egress)
        try:
            return await egress.request("GET", "v1/health", headers={})
        finally:
            await egress.close()

    lost = asyncio.run(run())
    assert isinstance(lost, Lost)
    assert not lost.may_have_arrived


def test_b83_a_redirect_is_not_followed_and_leaves_the_outcome_unknown() -> None:
    outcome = send(http("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/"))
    assert isinstance(outcome, Unknown)
    assert outcome.fault.code == "erp.redirected"


def test_b85_a_reply_beyond_the_cap_is_cut_off() -> None:
    lost = get(http("200 OK", b"x" * 10_001))
    assert isinstance(lost, Lost)
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.reply.too_large", True)


def test_b85_a_reply_of_exactly_the_cap_is_read() -> None:
    reply = get(http("200 OK", b"x" * 10_000))
    assert isinstance(reply, Reply)
    assert len(reply.body) == 10_000


def test_b85_an_endless_reply_ends_at_the_deadline() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
    lost = get(head, Limits(total_seconds_max=0.2), then_hold=True)
    assert isinstance(lost, Lost)
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.deadline.total", True)


def test_b85_a_compressed_reply_is_never_inflated() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    lost = get(http("200 OK", bomb, "Content-Encoding: gzip"))
    assert isinstance(lost, Lost)
    assert lost.fault.code == "egress.reply.encoded"


def test_b85_a_reply_cut_short_leaves_the_outcome_unknown() -> None:
    outcome = send(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
    assert isinstance(outcome, Unknown)
    assert outcome.fault.code == "egress.connection.lost"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"document": "", "reference": "SJ-1"}',
        b'{"document": 7, "reference": "SJ-1"}',
        b"\xff\xfe",
        b"[" * 9_000,
    ],
)
def test_b46_f16_a_success_that_does_not_say_so_is_unknown(body: bytes) -> None:
    outcome = send(http("201 Created", body))
    assert isinstance(outcome, Unknown)
    assert outcome.fault.code == "erp.reply.unreadable"


def test_an_answer_for_another_reference_is_unknown() -> None:
    outcome = send(http("201 Created", b'{"document": "JE-1", "reference": "SJ-2"}'))
    assert isinstance(outcome, Unknown)
    assert outcome.fault.code == "erp.reply.mismatched"


def test_an_answer_with_fields_we_do_not_know_is_still_an_answer() -> None:
    body = b'{"document": "JE-1", "reference": "SJ-1", "added_in": "v2"}'
    assert send(http("201 Created", body)) == Delivered("JE-1", "created")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (("Retry-After: 30",), 30),
        (("Retry-After: 999999999999",), 86_400),
        (
            (
                "Date: Sat, 21 Nov 2026 10:00:00 GMT",
                "Retry-After: Sat, 21 Nov 2026 10:02:00 GMT",
            ),
            120,
        ),
        (
            (
                "Date: Sat, 21 Nov 2026 10:00:00 GMT",
                "Retry-After: Sat, 21 Nov 2026 09:00:00 GMT",
            ),
            0,
        ),
        (("Retry-After: soon",), None),
        (("Retry-After: -5",), None),
        ((), None),
    ],
)
def test_f14_retry_after_is_read_as_seconds_or_as_a_date(
    headers: tuple[str, ...], expected: int | None
) -> None:
    outcome = send(http("429 Too Many Requests", b"", *headers))
    assert isinstance(outcome, Transient)
    assert outcome.retry_after_seconds == expected


FOREIGN_BODIES = [
    b"",
    b"<html>nothing here</html>",
    b'{"message": "no Route matched with those values"}',
    b'{"error": "not found"}',
    b'{"error": {"code": 404, "message": "Not Found"}}',
    b"[" * 9_000,
]
"""What gateways, proxies and firewalls say; none of it is the ERP's word."""


@pytest.mark.parametrize("body", FOREIGN_BODIES)
@pytest.mark.parametrize("status", [404, 405, 407, 410, 413, 415, 421, 431])
def test_a_request_that_reached_no_erp_is_sent_again(status: int, body: bytes) -> None:
    outcome = send(http(f"{status} Whatever", body, "Retry-After: 9"))
    assert isinstance(outcome, Transient)
    assert (outcome.fault.code, outcome.fault.permanent) == ("erp.reply.foreign", False)
    assert outcome.retry_after_seconds == 9


@pytest.mark.parametrize("body", FOREIGN_BODIES)
@pytest.mark.parametrize("status", [400, 402, 406, 409, 418, 422, 451, 499])
def test_a_refusal_that_may_hide_the_erps_answer_is_asked_about(status: int, body: bytes) -> None:
    """A firewall that swallows the ERP's answer says 4xx too, after the ERP has booked."""
    outcome = send(http(f"{status} Whatever", body))
    assert isinstance(outcome, Unknown)
    assert (outcome.fault.code, outcome.fault.permanent) == ("erp.reply.foreign", False)


def test_a_refusal_in_the_erps_own_words_is_for_good_whatever_its_code() -> None:
    body = b'{"error": {"code": "brand_new_rule", "message": "No journals on Fridays."}}'
    outcome = send(http("422 Unprocessable Content", body))
    assert isinstance(outcome, Refused)
    assert ("erp.refused", "brand_new_rule: No journals on Fridays.") == (
        outcome.fault.code,
        outcome.fault.explanation,
    )


def test_a_journal_too_large_for_the_erp_is_refused_for_good() -> None:
    outcome = send(
        http("413 Payload Too Large", b'{"error": {"code": "request_entity_too_large"}}')
    )
    assert isinstance(outcome, Refused)
    assert outcome.fault.code == "erp.command.too_large"


def test_two_documents_under_one_reference_are_for_finance_to_resolve() -> None:
    both = b'{"journals": [%s, %s]}' % (held(), held(document="JE-2"))
    finding = find(http("200 OK", both))
    assert isinstance(finding, Refused)
    assert finding.fault.code == "erp.reference.twice"


def test_what_the_erp_holds_is_ours_when_all_it_says_of_it_is() -> None:
    assert find(http("200 OK", b'{"journals": [%s]}' % held())) == Delivered("JE-1", "found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entity", "RB02"),
        ("currency", "CAD"),
        ("accounting_date", "2026-10-16"),
        ("line_count", 3),
        ("total_minor", 6),
    ],
)
def test_f17_a_document_that_differs_in_anything_is_not_what_we_sent(
    field: str, value: object
) -> None:
    """A stranger's where it sums other entries, or says nothing of them; else ours, changed."""
    others = {"description": "charges digest:fedcba9876543210"}, {"description": "charges"}
    for other in others:
        finding = find(http("200 OK", b'{"journals": [%s]}' % held(**other, **{field: value})))
        assert isinstance(finding, Refused)
        assert finding.fault.code == "erp.reference.conflict"
    changed = find(http("200 OK", b'{"journals": [%s]}' % held(**{field: value})))
    assert isinstance(changed, Refused)
    assert changed.fault.code == "erp.reference.altered"
    assert changed.fault.explanation == f"Its document JE-1 differs in {field}."


@pytest.mark.parametrize(
    ("description", "code"),
    [
        ("charges digest:fedcba9876543210", "erp.reference.conflict"),
        ("corrected by finance", "erp.reference.altered"),
    ],
)
def test_f17_equal_sums_of_other_entries_are_a_strangers_and_a_lost_digest_is_ours(
    description: str, code: str
) -> None:
    finding = find(http("200 OK", b'{"journals": [%s]}' % held(description=description)))
    assert isinstance(finding, Refused)
    assert (code, "Its document JE-1 differs in description.") == (
        finding.fault.code,
        finding.fault.explanation,
    )


def test_a_command_that_is_no_journal_is_never_taken_for_one_that_is_held() -> None:
    answer = http("200 OK", b'{"journals": [%s]}' % held())
    finding = connected(answer, lambda destination: destination.find("SJ-1", command=b"<xml/>"))
    assert isinstance(finding, Refused)
    assert finding.fault.code == "erp.command.malformed"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (http("200 OK", b"<html>"), "erp.reply.unreadable"),
        (
            http("200 OK", b'{"journals": [{"document": "JE-1", "reference": "SJ-1"}]}'),
            "erp.reply.unreadable",
        ),
        (http("200 OK", b'{"journals": [%s]}' % held(reference="SJ-9")), "erp.reply.mismatched"),
        (http("302 Found", b""), "erp.redirected"),
        (http("404 Not Found", b"<html>no such page</html>"), "erp.reply.foreign"),
        (
            http("400 Bad Request", b'{"error": {"code": "field_invalid"}}'),
            "erp.question.refused",
        ),
        (http("500 Internal Server Error"), "erp.failed"),
    ],
)
def test_a_question_without_a_usable_answer_is_asked_again(answer: bytes, code: str) -> None:
    finding = find(answer)
    assert isinstance(finding, Transient)
    assert finding.fault.code == code
    assert not finding.fault.permanent


def test_balances_of_another_period_are_not_taken_for_the_one_asked() -> None:
    body = (
        b'{"entity": "RB01", "period": "2026-11", "currency": "USD",'
        b' "journal_count": 0, "accounts": []}'
    )
    answer = http("200 OK", body)
    outcome = connected(answer, lambda destination: destination.balances("RB01", "2026-10"))
    assert isinstance(outcome, Transient)
    assert outcome.fault.code == "erp.reply.mismatched"


def test_documents_of_another_entity_are_not_taken_for_those_asked() -> None:
    body = (
        b'{"journals": [{"document": "1", "reference": "SJ-1",'
        b' "entity": "RB02", "period": "2026-10"}]}'
    )
    answer = http("200 OK", body)
    outcome = connected(answer, lambda destination: destination.journals("RB01", "2026-10"))
    assert isinstance(outcome, Transient)
    assert outcome.fault.code == "erp.reply.mismatched"


def test_b91_the_words_of_the_erp_are_made_safe_to_show() -> None:
    body = b'{"error": {"code": "odd", "message": "a\\u001b[31m\\r\\nERROR\\u202e%s"}}' % (
        b"x" * 999
    )
    outcome = send(http("422 Unprocessable", body))
    assert isinstance(outcome, Refused)
    assert outcome.fault.code == "erp.refused"
    assert outcome.fault.explanation.startswith("odd: a[31mERRORx")
    assert len(outcome.fault.explanation) == 200


def test_a_request_timeout_told_by_the_server_is_transient() -> None:
    outcome = send(http("408 Request Timeout"))
    assert isinstance(outcome, Transient)
    assert outcome.fault.code == "erp.request.not_taken"


def ask_alone(work: Callable[[Egress], Awaitable[Reply | Lost]], egress: Egress) -> Lost:
    async def run() -> Reply | Lost:
        try:
            return await work(egress)
        finally:
            await egress.close()

    lost = asyncio.run(run())
    assert isinstance(lost, Lost)
    return lost


def test_a_command_beyond_the_cap_is_not_sent() -> None:
    body = b"x" * (REQUEST_BYTES_MAX + 1)
    lost = ask_alone(lambda out: out.request("POST", "v1", headers={}, body=body), loopback(1))
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.request.too_large", False)
    assert lost.fault.permanent


def test_a_name_nobody_knows_means_nothing_was_sent() -> None:
    class Nowhere(TableResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            raise OSError(None, "no such name")

    egress = loopback(1, resolver=Nowhere())
    lost = ask_alone(lambda out: out.request("POST", "v1", headers={}, body=b"{}"), egress)
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.name.unresolved", False)


def test_f22_a_host_that_never_accepts_means_nothing_was_sent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            egress = loopback(port, Limits(connect_seconds_max=0.2, total_seconds_max=5))
            lost = ask_alone(lambda out: out.request("POST", "v1", headers={}, body=b"{}"), egress)
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.deadline.connect", False)


def test_a_failed_tls_handshake_means_nothing_was_sent() -> None:
    async def run() -> Reply | Lost:
        async with peer(b"this is no TLS at all\r\n", is_hasty=True) as port:
            allowed = (Allowed("127.0.0.1", port),)
            tls = ssl.create_default_context()
            egress = open_egress(f"https://127.0.0.1:{port}", allowed, QUICK, tls=tls)
            assert isinstance(egress, Egress)
            try:
                return await egress.request("POST", "v1", headers={}, body=b"{}")
            finally:
                await egress.close()

    lost = asyncio.run(run())
    assert isinstance(lost, Lost)
    assert (lost.fault.code, lost.may_have_arrived) == ("egress.tls.failed", False)


def test_a_pool_that_stays_full_means_nothing_was_sent() -> None:
    async def run() -> list[Reply | Lost]:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        limits = Limits(connect_seconds_max=0.2, total_seconds_max=0.6, connections_max=1)
        async with peer(head, then_hold=True) as port:
            egress = loopback(port, limits)
            try:
                asked = (egress.request("POST", "v1", headers={}, body=b"{}") for _ in range(2))
                return await asyncio.gather(*asked)
            finally:
                await egress.close()

    known = [lost.may_have_arrived for lost in asyncio.run(run()) if isinstance(lost, Lost)]
    assert known == [True, False]
