"""What translations about claims share (837, 276, 277, 277CA): who, which claim, when, which set.

Claims are told to `claim/<token>`, the surrogate of the number that billing gave them (CLM01), as
the 835 tells them by CLP01. Here: that number and the other identifiers of a unit as surrogates,
persons' details, status codes, identities of sets that begin with a BHT. Not here: what one kind of
set means (`x12_837.py` and its siblings).
"""

from __future__ import annotations

from datetime import date
from hashlib import blake2b

from suture.model.claim import StatusInformation
from suture.model.interchange import BatchAcknowledged
from suture.model.person import Address, Person, sealed
from suture.model.translation import Channel, Routed, Secret
from suture.translate.x12_common import partners, recorded_on
from suture.wire.x12.claim import parse_amount
from suture.wire.x12.envelope import TransactionSet
from suture.wire.x12.loops import Loop
from suture.wire.x12.segment import Segment, read_date
from suture.wire.x12.units import LoopNode, Unit

_SURROGATE_BYTES = 13
"""26 hex digits: a surrogate as long as every other."""
_DATE_LENGTH = 8
_SOCIAL_SECURITY_NUMBER = "34"
_NO_NUMBER = "0 "
"""What a claim number without a number is made of."""
_STATUS_ELEMENTS = (1, 10, 11)
_REFUSED = "U"
_REFUSALS = frozenset(("A3", "A4", "A6", "A7", "A8", "E0", "E1", "E2", "E3", "E4"))
"""X12 code source 507: returned, not found, rejected for what is missing, invalid or for its
relation to something else; errors of the request or of the answering system."""


class Identifiers:
    """The identifiers of one unit: each becomes a surrogate, and a secret for the vault."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.secrets: list[Secret] = []

    def token(self, kind: str, authority: str, value: str) -> str:
        """Return the surrogate of an identifier; "" where there is none."""
        if not value.strip():
            return ""
        token = self._channel.tokenizer.token(kind, authority, value)
        self.secrets.append(Secret(token, kind, value))
        return token

    def claim(self, number: str, place: str) -> str:
        """Return the key of a claim by the number billing gave it.

        Claims without a number have nothing in common: each stands alone, by its place.
        """
        if number.strip(_NO_NUMBER):
            return self.token("claim", "", number)
        return self._channel.tokenizer.token("claim", place, "")

    def patient(self, number: str) -> str:
        """Return the surrogate of a medical record number."""
        return self.token("patient", self._channel.authority, number)

    def charge(self, number: str) -> str:
        """Return the surrogate of a charge's own number: it often begins with the claim's."""
        return self.token("charge", self._channel.authority, number)

    def person(self, loop: LoopNode | None, level: Loop | None = None) -> str:
        """Return the surrogate of the details of a loop's person; "" where none are told.

        `level` is where their DMG stands, if not in the loop itself (276).
        """
        details = read_person(loop, level)
        secret = None if details is None else sealed(details, self._channel.tokenizer)
        if secret is None:
            return ""
        self.secrets.append(secret)
        return secret.token


def read_person(loop: LoopNode | None, level: Loop | None = None) -> Person | None:
    """Return the details in NM1, N3, N4, DMG and PER."""
    name = None if loop is None else loop.first("NM1")
    if loop is None or name is None:
        return None
    born = (level or loop).first("DMG")
    contact = loop.first("PER")
    return Person(
        family=name.text(3),
        given=name.text(4),
        middle=name.text(5),
        suffix=name.text(7),
        born_on=read_date(born.get(2)) if born else None,
        sex=born.get(3) if born else "",
        address=_address(loop),
        telephone=contact.get(4) if contact and contact.get(3) == "TE" else "",
    )


def _address(loop: LoopNode) -> Address:
    street, city = loop.first("N3"), loop.first("N4")
    return Address(
        lines=tuple(each for each in (street.text(1), street.text(2)) if each) if street else (),
        city=city.text(1) if city else "",
        state=city.get(2) if city else "",
        postcode=city.get(3) if city else "",
        country=city.get(4) if city else "",
    )


def party_id(loop: Loop | None) -> str:
    """Return the identifier of a provider or payer (NM109); never a social security number."""
    name = None if loop is None else loop.first("NM1")
    if name is None or name.get(8) == _SOCIAL_SECURITY_NUMBER:
        return ""
    return name.get(9).strip()


def member_id(loop: Loop | None) -> str:
    """Return the member id of a subscriber or patient (NM109)."""
    name = None if loop is None else loop.first("NM1")
    return "" if name is None else name.get(9).strip()


def period(segment: Segment | None) -> tuple[date | None, date | None]:
    """Return the first day of a DTP, and its last where that is another (D8, RD8, DT)."""
    if segment is None:
        return None, None
    first, _, last = segment.get(3).partition("-")
    begins = read_date(first[:_DATE_LENGTH])
    ends = read_date(last[:_DATE_LENGTH])
    return begins, None if ends == begins else ends


def amount(loop: Loop, qualifier: str) -> int:
    """Return AMT02 with this qualifier; 0 where there is none."""
    segment = loop.first("AMT", qualifier)
    return (parse_amount(segment.get(2)) or 0) if segment else 0


def statuses(segments: list[Segment]) -> tuple[StatusInformation, ...]:
    """Return each status of these STC: category, status and whom it is about."""
    return tuple(
        StatusInformation(
            category=segment.get(number, 1),
            status=segment.get(number, 2),
            entity=segment.get(number, 3),
        )
        for segment in segments
        for number in _STATUS_ELEMENTS
        if segment.get(number, 1)
    )


def is_refusal(segments: list[Segment]) -> bool:
    """Tell whether these STC refuse what they are about: STC03 is U, or a category says so."""
    return any(
        segment.get(3) == _REFUSED or not _REFUSALS.isdisjoint(_categories(segment))
        for segment in segments
    )


def _categories(segment: Segment) -> list[str]:
    return [segment.get(number, 1) for number in _STATUS_ELEMENTS]


def identity(transaction_set: TransactionSet, root: Loop) -> str:
    """Return what makes a set that begins with a BHT the same again, in whatever file it comes.

    Its sender, BHT03 with the date and time of BHT04 and BHT05, and ST02: senders number the sets
    of one file alike, and some give every batch one BHT03. Hashed, for a BHT03 may be any text.
    """
    begins = root.first("BHT")
    told = [] if begins is None else [begins.get(each).strip() for each in (3, 4, 5)]
    sender, receiver = partners(transaction_set)
    parts = (sender, receiver, *told, transaction_set.control_number)
    return f"{transaction_set.set_id}:{surrogate('set', *parts)}"


def begun_on(transaction_set: TransactionSet, root: Loop) -> date:
    """Return the date the set was made: BHT04, else that of its envelope."""
    begins = root.first("BHT")
    return (read_date(begins.get(4)) if begins else None) or recorded_on(transaction_set)


def batch_acknowledged(unit: Unit, transaction_set: TransactionSet) -> Routed:
    """Make the fact of what a 277CA or 277 says of a batch (2200B) or of a provider (2200C)."""
    loop, root = unit.loop, unit.around[0]
    told = loop.all("STC")
    sender, receiver = partners(transaction_set)
    batch = surrogate("bat", receiver, sender, _traced(loop))
    provider = party_id(unit.find("2100C")) if loop.id == "2200C" else ""
    where = f"{transaction_set.where}/{loop.where}"
    accepted, rejected = ("QA", "QC") if provider else ("90", "AA")
    fact = BatchAcknowledged(
        batch=batch,
        acknowledgement=surrogate("ack", sender, batch_of(root), str(unit.ordinal), batch),
        provider=provider,
        payer=party_id(unit.find("2100A")),
        is_accepted=not is_refusal(told),
        statuses=statuses(told),
        accepted_count=_quantity(loop, accepted),
        rejected_count=_quantity(loop, rejected),
        accepted_minor=amount(loop, "YU"),
        rejected_minor=amount(loop, "YY"),
        decided_on=decided_on(told) or begun_on(transaction_set, root),
        where=where,
    )
    return Routed(f"group/{batch}", fact, where)


def _traced(loop: Loop) -> str:
    trace = loop.first("TRN")
    return "" if trace is None else trace.get(2).strip()


def _quantity(loop: Loop, qualifier: str) -> int:
    segment = loop.first("QTY", qualifier)
    text = "" if segment is None else segment.get(2)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def decided_on(told: list[Segment]) -> date | None:
    """Return the latest day of these STC (STC02)."""
    return max((day for each in told if (day := read_date(each.get(2)))), default=None)


def batch_of(root: Loop) -> str:
    """Return BHT03, the sender's own number of a set."""
    begins = root.first("BHT")
    return "" if begins is None else begins.get(3).strip()


def surrogate(prefix: str, *parts: str) -> str:
    """Name a thing by surrogates and public codes alone: no key is needed."""
    digest = blake2b("|".join(parts).encode(), digest_size=_SURROGATE_BYTES)
    return f"{prefix}_{digest.hexdigest()}"
