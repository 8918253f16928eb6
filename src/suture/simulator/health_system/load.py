"""Bulk for measuring: HL7 v2 messages by the hundred thousand, and one 835 of any size.

`generate_load` fills in templates made by the builders the story uses, so it costs far less than
what it measures. `write_835` repeats decided claims under numbers of their own; what it holds is a
few templates, however long the file. Neither plants a fault. The realistic plan is `plan.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from suture.model.money import format_amount
from suture.simulator.health_system.adjudication import adjudicate
from suture.simulator.health_system.course import Numbers
from suture.simulator.health_system.messages import Door
from suture.simulator.health_system.people import Person, Town
from suture.simulator.health_system.places import (
    CHARGE_MASTER,
    HOSPITALS,
    MEDICARE,
    SELF_PAY_CLASS,
    ServiceItem,
)
from suture.simulator.health_system.plan import START_ON
from suture.simulator.health_system.remittance import (
    Adjudication,
    claim_segments,
    head,
    write_interchange,
)
from suture.simulator.health_system.story import Story
from suture.simulator.health_system.visit import Calendar, Claim
from suture.wire.hl7v2 import Field, build, segment

MIX: Mapping[Door, int] = {"charges": 60, "adt": 25, "scheduling": 15}
"""How many of a hundred messages go to each door."""

_LINES_MAX = 3
_PEOPLE = 500
_ACCOUNTS_OPEN = 200
_MESSAGES_PER_SECOND = 20
_DRAWN_AT_ONCE = 1024
_NUMBER = "@NUMBER@"
_CLAIMS_PER_WRITE = 2_000
_TEMPLATES = 61
_ITEMS = tuple(
    item
    for department in ("ED", "LAB", "RAD", "PHARM", "CARD")
    for item in CHARGE_MASTER[department]
)


class LoadMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message to measure with."""

    door: Door
    key: str
    """The patient account or appointment: keep messages of one key on one connection."""
    control_id: str
    raw: bytes
    charges_count: int = 0
    charges_minor: int = 0


class BulkRemittance(msgspec.Struct, frozen=True, kw_only=True):
    """What `write_835` wrote."""

    path: Path
    bytes_count: int
    claims_count: int
    segments_count: int
    """SE01."""
    trace: str
    paid_minor: int
    """BPR02."""


def generate_load(
    seed: int, count: int, mix: Mapping[Door, int] | None = None
) -> Iterator[LoadMessage]:
    """Yield messages with unique control ids, each new to whoever receives it.

    Registrations (ADT A04) open accounts, charges (DFT P03 of one to three FT1) go to accounts
    opened shortly before, bookings (SIU S12) stand alone. `mix` weighs the doors, as `MIX` does;
    without registrations every charge waits for its account. Numbers hold the seed: the messages
    of two seeds are different charges.
    """
    dice = random.Random(f"{seed}:load")
    writer = _LoadWriter(dice, seed)
    weights = mix or MIX
    doors = list(weights)
    for start in range(0, count, _DRAWN_AT_ONCE):
        drawn_count = min(_DRAWN_AT_ONCE, count - start)
        drawn = dice.choices(doors, [weights[door] for door in doors], k=drawn_count)
        for ordinal, door in enumerate(drawn, start + 1):
            yield writer.write(door, ordinal)


class _LoadWriter:
    """Templates, and the accounts opened so far."""

    def __init__(self, dice: random.Random, seed: int) -> None:
        town = Town(dice)
        self._dice = dice
        self._seed = seed
        self._calendar = Calendar(START_ON)
        self._people = [town.arrive() for _ in range(_PEOPLE)]
        self._accounts_count = 0
        self._templates = {
            "adt": _template(
                "ADT", "A04", "ADT_A01", [["EVN", "A04", "{at}"], _PATIENT, _VISIT_REGISTERED]
            ),
            "scheduling": _template("SIU", "S12", "SIU_S12", [_SCHEDULE, _PATIENT, _PLACE_BOOKED]),
        }
        for lines in range(1, _LINES_MAX + 1):
            body: list[list[Field]] = [["EVN", "P03", "{at}"], _PATIENT, _VISIT]
            body += _charges(lines)
            self._templates[f"charges{lines}"] = _template("DFT", "P03", "DFT_P03", body)

    def write(self, door: Door, ordinal: int) -> LoadMessage:
        """Return the message with this number (from 1)."""
        match door:
            case "adt":
                self._accounts_count += 1
                return self._message("adt", "adt", ordinal, self._accounts_count)
            case "scheduling":
                return self._message("scheduling", "scheduling", ordinal, ordinal)
            case "charges":
                open_count = min(self._accounts_count, _ACCOUNTS_OPEN) or 1
                account = max(self._accounts_count, 1) - self._dice.randrange(open_count)
                lines = self._dice.randrange(1, _LINES_MAX + 1)
                return self._message("charges", f"charges{lines}", ordinal, account, lines)
        raise ValueError(f"no such door for load: {door}")

    def _message(
        self, door: Door, template: str, ordinal: int, number: int, lines: int = 0
    ) -> LoadMessage:
        person = self._people[number % _PEOPLE]
        control_id = f"L{self._seed}-{ordinal}"
        values: dict[str, str] = {
            "control": control_id,
            "at": self._calendar.stamp(ordinal // _MESSAGES_PER_SECOND),
            "number": f"L{self._seed}-{number}",
            "facility": HOSPITALS[number % len(HOSPITALS)].code,
            "mrn": person.mrn,
            "family": person.family,
            "given": person.given,
            "class": person.payer.financial_class if person.payer else SELF_PAY_CLASS,
        }
        charges_minor = 0
        for line in range(1, lines + 1):
            item = self._dice.choice(_ITEMS)
            charges_minor += item.price_minor
            values |= _item_values(line, item)
        return LoadMessage(
            door=door,
            key=values["number"],
            control_id=control_id,
            raw=self._templates[template].format_map(values).encode(),
            charges_count=lines,
            charges_minor=charges_minor,
        )


def _item_values(line: int, item: ServiceItem) -> dict[str, str]:
    return {
        f"code{line}": item.code,
        f"price{line}": format_amount(item.price_minor),
        f"department{line}": item.department,
        f"procedure{line}": item.procedure,
    }


_PATIENT = segment(
    "PID",
    {
        1: "1",
        3: ("{mrn}", "", "", "RVH", "MR"),
        5: ("{family}", "{given}"),
        7: "19700101",
        8: "F",
        11: ("1 River Rd", "", "Riverbend", "IL", "60990"),
        18: ("A{number}", "", "", "RVH", "AN"),
    },
)
_PLACE = ("ED", "01", "A", "{facility}")
_VISIT = segment("PV1", {1: "1", 2: "E", 3: _PLACE, 10: "EMR", 19: "V{number}"})
_VISIT_REGISTERED = segment(
    "PV1", {1: "1", 2: "E", 3: _PLACE, 10: "EMR", 19: "V{number}", 20: "{class}", 44: "{at}"}
)
_SCHEDULE = segment(
    "SCH", {2: "B{number}", 9: "30", 10: "MIN", 11: ("", "", "", "{at}"), 25: "Booked"}
)
_PLACE_BOOKED: list[Field] = ["AIL", "1", "A", ("RAD", "", "", "{facility}")]


def _charges(lines: int) -> list[list[Field]]:
    return [
        segment(
            "FT1",
            {
                1: str(line),
                2: f"{{control}}-{line}",
                4: "{at}",
                5: "{at}",
                6: "CG",
                7: f"{{code{line}}}",
                10: "1",
                11: f"{{price{line}}}",
                12: f"{{price{line}}}",
                13: f"{{department{line}}}",
                25: f"{{procedure{line}}}",
            },
        )
        for line in range(1, lines + 1)
    ]


def _template(message_type: str, trigger: str, structure: str, body: list[list[Field]]) -> str:
    """Return a message with `str.format` fields where its values go."""
    header = segment(
        "MSH",
        {
            3: "RIVLOAD",
            4: "{facility}",
            5: "SUTURE",
            6: "RIVERBEND",
            7: "{at}",
            9: (message_type, trigger, structure),
            10: "{control}",
            11: "P",
            12: "2.5.1",
            18: "UNICODE UTF-8",
        },
    )
    return build([header, *body]).decode()


def write_835(path: Path, claims_count: int, seed: int) -> BulkRemittance:
    """Write one balanced 835 with that many claims, as one line, and say what it holds.

    Written beside itself under a hidden name and renamed when whole, so it may be written straight
    into a watched folder. One transaction set, claim numbers and trace different for each seed and
    count. Memory does not grow with the file. Raises OSError when the disk does not take it.
    """
    calendar = Calendar(START_ON)
    templates = list(islice(_bulk_claims(seed), _TEMPLATES))
    texts = ["".join(f"{each}~" for each in claim_segments(told, calendar)) for told in templates]
    uses = [len(range(ordinal, claims_count, len(texts))) for ordinal in range(len(texts))]
    paid_minor = sum(told.paid_minor * times for told, times in zip(templates, uses, strict=True))
    trace = f"BULK{seed}-{claims_count}"
    opening = [
        *head(MEDICARE, HOSPITALS[0], trace, paid_minor, calendar.day_text(0)),
        "LX*1",
    ]
    body_count = sum(text.count("~") * times for text, times in zip(texts, uses, strict=True))
    segments_count = len(opening) + body_count + 2
    control_number = seed % 10**9
    whole = write_interchange(MEDICARE, [opening], control_number, calendar.moment(0))
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(whole[: whole.rindex(b"SE*")])
        for chunk in _bulk_chunks(texts, claims_count, f"K{seed}-"):
            file.write(chunk)
        trailer = f"SE*{segments_count}*0001~GE*1*{control_number}~IEA*1*{control_number:09d}~"
        file.write(trailer.encode("ascii"))
        bytes_count = file.tell()
    partial.rename(path)
    return BulkRemittance(
        path=path,
        bytes_count=bytes_count,
        claims_count=claims_count,
        segments_count=segments_count,
        trace=trace,
        paid_minor=paid_minor,
    )


def _bulk_chunks(texts: list[str], claims_count: int, prefix: str) -> Iterator[bytes]:
    """Yield the claims in order, thousands at a time: template after template, numbered from 1."""
    pieces = [text.split(_NUMBER) for text in texts]
    for start in range(0, claims_count, _CLAIMS_PER_WRITE):
        stop = min(start + _CLAIMS_PER_WRITE, claims_count)
        yield "".join(
            f"{prefix}{ordinal + 1}".join(pieces[ordinal % len(pieces)])
            for ordinal in range(start, stop)
        ).encode("ascii")


def _bulk_claims(seed: int) -> Iterator[Adjudication]:
    """Yield decided claims whose every number is a place-holder, as many as are asked for."""
    dice = random.Random(f"{seed}:bulk")
    story = Story(dice, Numbers(), _TEMPLATES)
    while True:
        for course in story.begin(1):
            claim = course.bill()
            if claim is not None and claim.visit.patient_class != "I":
                yield adjudicate(dice, _numbered(claim), MEDICARE, f"M{_NUMBER}")


def _numbered(claim: Claim) -> Claim:
    visit = claim.visit
    person: Person = msgspec.structs.replace(visit.person, mrn=f"M{_NUMBER}")
    return msgspec.structs.replace(
        claim,
        number=_NUMBER,
        visit=msgspec.structs.replace(visit, person=person),
        lines=tuple(
            msgspec.structs.replace(line, number=f"{_NUMBER}.{ordinal}")
            for ordinal, line in enumerate(claim.lines, 1)
        ),
    )
