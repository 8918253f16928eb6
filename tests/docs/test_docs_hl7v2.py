"""The page of HL7 v2 lists every message that is read, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

from suture.catalogue import MESSAGE_TRANSLATORS
from suture.model.identity import Tokenizer
from suture.model.translation import Channel
from suture.pipeline import read_message

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "hl7v2.md"
LISTED = re.compile(r"^\| `([A-Z]{3}\^[A-Z][0-9]{2})` \|", re.MULTILINE)
CHANNEL = Channel(
    source="docs", zone=ZoneInfo("UTC"), tokenizer=Tokenizer(b"a key for tests, of 32 bytes....")
)
EVENTS = [f"{letter}{number:02d}" for letter in "AMOPS" for number in range(100)]


def is_read(kind: str) -> bool:
    raw = f"MSH|^~\\&|A|B|C|D|20260105083000||{kind}|M1|P|2.5.1\r".encode()
    faults = read_message(raw, CHANNEL).faults
    return "hl7.type.unsupported" not in {each.code for each in faults}


def test_the_page_lists_each_message_that_is_read_once() -> None:
    listed = LISTED.findall(PAGE.read_text("utf-8"))
    kinds = [f"{kind}^{event}" for kind in MESSAGE_TRANSLATORS for event in EVENTS]
    assert [kind for kind in kinds if is_read(kind)] == sorted(listed, key=kinds.index)
