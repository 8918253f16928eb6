"""The people of Riverbend's towns: invented names, numbers that belong to nobody, and the canary.

Social security numbers start with 9 (never issued), telephone numbers with 555-01 (reserved for
stories). The canary is one patient whose every identifying value carries a marker: whoever finds
that marker where no patient may be found has found a leak (B92). Who falls ill is `story.py`.
"""

from __future__ import annotations

import hashlib
import random

import msgspec

from suture.simulator.health_system.places import (
    BLUECREST,
    MEDICARE,
    PAYERS,
    SELF_PAY_WEIGHT,
    Payer,
    read_rows,
)

_NAMES = {
    kind: [(row["name"], row["detail"]) for row in read_rows("names.csv") if row["kind"] == kind]
    for kind in ("family", "given", "street", "town", "reason")
}
"""What people, streets and towns are called, with a town's postal code, and why people come."""

_KNOWN_MAX = 4000
_RETURNS = 0.25
_SECONDARY = 0.35
CANARY_MARKER = "ZZPHI-"


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One patient as registration knows them."""

    key: str
    """Ties everything sent about this person together, across a merge of numbers; never sent."""
    mrn: str
    family: str
    given: str
    middle: str
    birth: str
    """YYYYMMDD."""
    sex: str
    street: str
    town: str
    zip_code: str
    phone: str
    ssn: str
    member: str
    """The insurance's number for them."""
    reason: str
    """Why they come: free text."""
    payer: Payer | None
    """None for self-pay."""
    secondary: Payer | None = None


class Town:
    """Everybody who may fall ill; remembers who has been here before."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._known: list[Person] = []
        self._count = 0

    def arrive(self) -> Person:
        """Return the next patient: one in four has been here before."""
        dice = self._dice
        if self._known and dice.random() < _RETURNS:
            return self._known[dice.randrange(len(self._known))]
        person = self._new()
        if len(self._known) < _KNOWN_MAX:
            self._known.append(person)
        else:
            self._known[dice.randrange(_KNOWN_MAX)] = person
        return person

    def stranger(self, person: Person) -> Person:
        """Return the same person as registered in haste: a new number, no name, no insurance."""
        self._count += 1
        return msgspec.structs.replace(
            person,
            mrn=f"M{self._count:08d}",
            family="Doe",
            given="Jane" if person.sex == "F" else "John",
            middle="",
            ssn="",
            street="",
            phone="",
            member="",
            payer=None,
            secondary=None,
        )

    def _new(self) -> Person:
        dice = self._dice
        self._count += 1
        number = self._count
        town, zip_code = dice.choice(_NAMES["town"])
        payer = _draw_payer(dice)
        has_second = payer is MEDICARE and dice.random() < _SECONDARY
        secondary = PAYERS[1 + dice.randrange(3)] if has_second else None
        return Person(
            key=f"P{number}",
            mrn=f"M{number:08d}",
            family=dice.choice(_NAMES["family"])[0],
            given=dice.choice(_NAMES["given"])[0],
            middle=dice.choice("ABCDEJKLMRST"),
            birth=_draw_birth(dice),
            sex=dice.choice("FM"),
            street=f"{dice.randrange(1, 990)} {dice.choice(_NAMES['street'])[0]}",
            town=town,
            zip_code=zip_code,
            phone=f"555-01{number % 100:02d}",
            ssn=f"9{number % 100:02d}-{dice.randrange(10, 99)}-{number % 10000:04d}",
            member=f"W{dice.randrange(10**8, 10**9)}" if payer else "",
            reason=dice.choice(_NAMES["reason"])[0],
            payer=payer,
            secondary=secondary,
        )


def _draw_birth(dice: random.Random) -> str:
    year, month, day = dice.randrange(1935, 2024), dice.randrange(1, 13), dice.randrange(1, 29)
    return f"{year}{month:02d}{day:02d}"


def _draw_payer(dice: random.Random) -> Payer | None:
    ticket = dice.randrange(SELF_PAY_WEIGHT + sum(each.patients_weight for each in PAYERS))
    for payer in PAYERS:
        ticket -= payer.patients_weight
        if ticket < 0:
            return payer
    return None


def canary_person(seed: int) -> Person:
    """Return the canary patient of a seed, insured by a payer that pays fast."""
    strings = canary_strings(seed)
    return Person(
        key="canary",
        mrn=strings["mrn"],
        family=strings["family_name"],
        given=strings["given_name"],
        middle="Z",
        birth="19700101",
        sex="F",
        street=strings["street"],
        town="Riverbend",
        zip_code="60990",
        phone=strings["phone"],
        ssn=strings["ssn"],
        member=strings["member"],
        reason=strings["note"],
        payer=BLUECREST,
    )


def canary_strings(seed: int) -> dict[str, str]:
    """Return what the canary's values read like, by what they are; each holds `ZZPHI-<hex>`.

    Every value differs, so a hit tells what leaked; `CANARY_MARKER` finds all of them at once.
    """
    names = (
        "family_name",
        "given_name",
        "mrn",
        "ssn",
        "street",
        "phone",
        "member",
        "note",
    )
    return {
        name: CANARY_MARKER + hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()[:12].upper()
        for name in names
    }
