"""A source's map makes bookable what would be held without it, by message and by file."""

from __future__ import annotations

import msgspec
from tests.specs.riverbend_books import channel, estate_files
from tests.specs.riverbend_messages import Claim, Line, dft, interchange, remittance

from suture.connectors.registry import CONNECTORS
from suture.governance.estate import Estate, load
from suture.model.claim import ClaimAdjudicated
from suture.model.translation import Channel, Reading, Routed
from suture.pipeline import read_file, read_message

CHARGES = """
[[set]]
message = "DFT^P03"
target = "PID-18"
value = 'first(PID-18, ZAC-1)'
"""
REMITS = """
[lookups]
payee = "maps/payee.csv"

[[set]]
message = "835"
target = "N1[PE]04"
value = 'lookup(payee, N1[PE]04, N1[PE]04)'
"""
PAYEES = "source,code,value,valid_from,valid_to\n*,9990000101,9990000201,2026-01-01,\n"


def mapped(source: str) -> Channel:
    files = estate_files() | {
        "maps/charges.toml": CHARGES.encode(),
        "maps/remits.toml": REMITS.encode(),
        "maps/payee.csv": PAYEES.encode(),
    }
    estate = load(files, CONNECTORS)
    assert isinstance(estate, Estate)
    return msgspec.structs.replace(channel(source), overlay=estate.overlays[source])


def test_a_charge_whose_account_stands_in_a_z_segment_is_booked() -> None:
    raw = dft("A1", Line("T1", "CG", 12_000), at="20260310083000", control="M1")
    lines = raw.decode().rstrip("\r").split("\r")
    lines[1] = "|".join([*lines[1].split("|")[:18], ""])
    message = "\r".join([*lines, "ZAC|A1", ""]).encode()
    unmapped = read_message(message, channel("charges"))
    assert ["hl7.account.missing"] == [each.code for each in unmapped.faults]
    (stream,) = {routed.stream for routed in read_message(message, mapped("charges")).routed}
    assert {stream} == {routed.stream for routed in read_message(raw, mapped("charges")).routed}


def test_a_remittance_is_read_as_its_map_fills_it_in_force_on_its_day() -> None:
    claim = Claim("C1", 10_000, (("CO", "45", 2_000),))
    told = list(read_file([interchange(remittance("EFT1", claim))], mapped("remits")))
    claims = [
        piece.fact
        for piece in told
        if isinstance(piece, Routed) and isinstance(piece.fact, ClaimAdjudicated)
    ]
    assert ["9990000201"] == [claim.facility for claim in claims]
    assert ["accepted"] == [
        piece.translation.status for piece in told if isinstance(piece, Reading)
    ]
