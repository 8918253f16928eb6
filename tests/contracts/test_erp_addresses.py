"""Whom the way out over HTTP may reach: allow-lists, URLs and the addresses that names lead to.

Bad inputs B79 to B84 of the reference, without a socket; with one in test_erp_egress.py.
"""

from __future__ import annotations

import pytest

from suture.connectors.egress import Allowed, check_url, is_address_permitted, parse_allowed
from suture.model.fault import Fault

ERP = (Allowed("erp.example", 8443),)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("erp.example:8443", "erp.example", 8443),
        ("ERP.Example:8443", "erp.example", 8443),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]:443", "::1", 443),
    ],
)
def test_an_allowed_address_is_host_and_port(text: str, host: str, port: int) -> None:
    assert parse_allowed(text) == Allowed(host, port)


@pytest.mark.parametrize(
    "text", ["", "erp.example", "erp.example:0x50", "a:1/b", "me@erp.example:443", "a b:1", "a:\n1"]
)
def test_anything_else_is_no_allowed_address(text: str) -> None:
    refused = parse_allowed(text)
    assert isinstance(refused, Fault)
    assert refused.code == "egress.allow.invalid"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://other.example:8443", "egress.destination.not_allowed"),
        ("https://erp.example:9443", "egress.destination.not_allowed"),
        ("https://erp.example", "egress.destination.not_allowed"),
        ("https://erp.example.:8443", "egress.destination.not_allowed"),
        ("https://169.254.169.254:8443", "egress.destination.not_allowed"),
        ("https://[fd00:ec2::254]:8443", "egress.destination.not_allowed"),
        ("https://2130706433:8443", "egress.destination.not_allowed"),
        ("http://erp.example:8443", "egress.scheme.refused"),
        ("file:///etc/passwd", "egress.url.invalid"),
        ("gopher://erp.example:8443", "egress.scheme.refused"),
        ("https://erp@evil.example:8443", "egress.url.invalid"),
        ("https://erp:pw@erp.example:8443", "egress.url.invalid"),
        ("https://erp.example:8443\\@evil.example", "egress.url.invalid"),
        ("https://erp.example:8443/\r\nX: 1", "egress.url.invalid"),
        ("https://erp.example:8443/?a=1", "egress.url.invalid"),
        ("https://erp.example:8443/#a", "egress.url.invalid"),
        ("https://erp.example:99999", "egress.url.invalid"),
        ("erp.example:8443", "egress.url.invalid"),
        ("", "egress.url.invalid"),
    ],
)
def test_b79_b80_b83_b84_only_the_listed_origin_is_reached(text: str, code: str) -> None:
    refused = check_url(text, ERP, ("https",))
    assert isinstance(refused, Fault)
    assert refused.code == code
    assert refused.permanent


def test_a_listed_origin_with_a_base_path_is_accepted() -> None:
    url = check_url("https://ERP.example:8443/ledger", ERP, ("https",))
    assert not isinstance(url, Fault)
    assert str(url / "v1/journals") == "https://erp.example:8443/ledger/v1/journals"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "169.254.169.254",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104 - an address to refuse, not to bind
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:53aa:64c:0:0:80ff:fffe",
        "not-an-address",
    ],
)
def test_b79_b81_a_listed_name_may_not_lead_to_a_special_address(address: str) -> None:
    assert not is_address_permitted(address, "erp.example")


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "172.31.0.9", "192.168.7.7", "8.8.8.8", "2606:4700::1111"]
)
def test_b79_a_listed_name_may_lead_into_the_hospital_or_to_the_world(address: str) -> None:
    assert is_address_permitted(address, "erp.example")


def test_b79_loopback_is_reached_when_it_is_what_was_listed() -> None:
    assert is_address_permitted("127.0.0.1", "localhost")
    assert is_address_permitted("::1", "localhost")
    assert is_address_permitted("169.254.1.1", "169.254.1.1")
    assert not is_address_permitted("169.254.1.1", "localhost")
