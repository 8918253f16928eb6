"""What every FHIR translation shares: who, where, when, how much, and the verdict on a resource.

Here: references (contained, bundle-local by `fullUrl`, or with a number of their own), identifiers
by type (`MR`, `AN`, `VN`), surrogates, FHIR's partial dates, money in whole cents, and
`unsupported` for types nobody translates. Not here: what a resource means (`fhir_*.py`, next),
bundles and files (`fhir_bundle.py`).

A resource is known by its own number (`identifier`), never by the id its server gave it: only the
number is what HL7 v2 and X12 call it too. A resource that has no number is known as `Type/id`. A
reference that leads to neither is not guessed at: where it names what a fact is about, the resource
is held (`fhir.reference.unresolved`), else the reference is left out and noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b, sha256
from typing import TypeAlias

import msgspec

from suture.model.fault import Fault, fault
from suture.model.money import AMOUNT_MINOR_MAX, format_amount
from suture.model.translation import Channel, ControlTotal, Routed, Secret, Translation
from suture.wire.fhir import Resource, Unread, read_part
from suture.wire.fhir.elements import (
    CodeableConcept,
    Coding,
    Identifier,
    Money,
    Period,
    Quantity,
    Reference,
)

CURRENCY = "USD"
PATIENT_TYPES = ("MR", "PI")
ACCOUNT_TYPES = ("AN", "AC")
VISIT_TYPES = ("VN",)
NATIONAL_TYPES = ("NPI", "NIIP", "PAYERID")
"""HL7 table 0203, the types of number that name each kind of thing, in order of preference."""
NUMBER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
NATIONAL_PROVIDER = "http://hl7.org/fhir/sid/us-npi"

_TYPES_BY_RESOURCE = {
    "Patient": PATIENT_TYPES,
    "Account": ACCOUNT_TYPES,
    "Encounter": VISIT_TYPES,
    "Organization": NATIONAL_TYPES,
    "Practitioner": NATIONAL_TYPES,
}
_MOMENT = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?",
    re.ASCII,
)
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SURROGATE_BYTES = 13


class Moment(msgspec.Struct, frozen=True):
    """A date, and the time of day where one is told."""

    on: date
    """In the channel's own zone."""
    at_ms: int = 0
    """Milliseconds since the epoch; 0 where only the day is told."""


class Neighbours:
    """The other resources of a bundle, by `fullUrl` and by `Type/id`."""

    def __init__(self, entries: Iterable[tuple[str, Resource]] = ()) -> None:
        """Take each resource with its `fullUrl`; the first of each name is the one meant."""
        self._by_name: dict[str, Resource] = {}
        for full_url, resource in entries:
            for name in (full_url, f"{type_of(resource)}/{resource.id}" if resource.id else ""):
                if name:
                    self._by_name.setdefault(name, resource)

    def find(self, name: str) -> Resource | None:
        """Return the resource of that name, its version left aside."""
        return self._by_name.get(name.partition("/_history/")[0])


class Draft:
    """A translation in the making: what is wrong so far, and which identifiers were replaced.

    Every fault is collected before the verdict, so that an exception lists all there is to mend.
    """

    def __init__(
        self,
        resource: Resource,
        raw: bytes,
        channel: Channel,
        neighbours: Neighbours | None = None,
        bundled_at: str = "",
    ) -> None:
        """Take a resource, its bytes, and the bundle it came in with that bundle's own time."""
        self.channel = channel
        self.type = type_of(resource)
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []
        self._resource = resource
        self._digest = sha256(raw).hexdigest()
        self._neighbours = neighbours or Neighbours()
        self._contained: dict[str, Resource] = {}
        self._secrets: dict[str, Secret] = {}
        for part in resource.contained:
            inner = read_part(bytes(part))
            if not isinstance(inner, Unread | Fault) and inner.id:
                self._contained[f"#{inner.id}"] = inner
        meta = resource.meta
        self.version = (meta.version_id or meta.last_updated) if meta is not None else ""
        self._updated_at = (meta.last_updated if meta is not None else "") or bundled_at
        self._recorded = self.moment(self._updated_at, "meta.lastUpdated")

    def blame(self, code: str, where: str, explanation: str = "") -> None:
        """Add a fault that holds the resource; its explanation repeats no value of the resource."""
        self.faults.append(fault(code, f"{self.type}.{where}", explanation))

    def note(self, code: str, where: str, explanation: str = "") -> None:
        """Add a finding that holds nothing."""
        self.notes.append(fault(code, f"{self.type}.{where}", explanation))

    def token(self, kind: str, value: str, authority: str | None = None) -> str:
        """Return the surrogate of an identifier and remember the secret behind it; "" for none."""
        if not value:
            return ""
        scope = self.channel.authority if authority is None else authority
        token = self.channel.tokenizer.token(kind, scope, value)
        self._secrets[token] = Secret(token, kind, value)
        return token

    def surrogate(self, prefix: str, *parts: str) -> str:
        """Name a thing by surrogates and public codes alone: no key is needed."""
        digest = blake2b("|".join(parts).encode(), digest_size=_SURROGATE_BYTES)
        return f"{prefix}_{digest.hexdigest()}"

    # Who -------------------------------------------------------------------------------------

    def resolve(self, reference: Reference | None) -> Resource | None:
        """Return the resource a reference leads to, where it came along."""
        if reference is None or not reference.reference:
            return None
        name = reference.reference
        return self._contained.get(name) if name[0] == "#" else self._neighbours.find(name)

    def own_number(self, types: Sequence[str] = ()) -> str:
        """Return the number of the resource itself; `Type/id` where it has none."""
        return _number_or_name(self._resource, types)

    def number(self, reference: Reference | None, where: str, *, is_key: bool = False) -> str:
        """Return the number of what a reference names: its own, or that of the resource it is of.

        With `is_key`, a fact hangs on it: then what names nothing is a fault.
        """
        if reference is not None:
            if reference.identifier is not None and reference.identifier.value.strip():
                return reference.identifier.value.strip()
            found = self.resolve(reference)
            if found is not None and (number := _number_or_name(found)):
                return number
        if is_key:
            missing = reference is None or not reference.reference
            code = "fhir.element.missing" if missing else "fhir.reference.unresolved"
            self.blame(code, where)
        elif reference is not None and reference.reference:
            self.note("fhir.reference.unresolved", where)
        return ""

    def patient(self, reference: Reference | None, where: str) -> str:
        """Return the surrogate of a patient; "" where no number of theirs is told."""
        if reference is not None and reference.type not in {"", "Patient"}:
            return ""
        if reference is not None and "/" in reference.reference:
            named = reference.reference.rsplit("/", 2)[-2]
            if named not in {"Patient", "_history"}:
                return ""
        return self.token("patient", self.number(reference, where))

    # When ------------------------------------------------------------------------------------

    def moment(self, text: str, where: str) -> Moment | None:
        """Return a FHIR date, dateTime or instant; None where it is silent or, a fault, unreadable.

        A time without an offset is in the channel's zone. A year or month alone is unreadable: no
        business date follows from it.
        """
        if not text:
            return None
        match = _MOMENT.fullmatch(text)
        if match is None:
            self.blame("fhir.date.invalid", where)
            return None
        year, month, day, clock, offset = match.groups()
        if day is None:
            self.blame("fhir.date.invalid", where, "a year or a month alone is no business date")
            return None
        try:
            if clock is None:
                return Moment(date(int(year), int(month), int(day)))
            told = f"{year}-{month}-{day}T{clock}"
            at = datetime.fromisoformat(_micro(told) + (offset or "").replace("Z", "+00:00"))
            if at.tzinfo is None:
                at = at.replace(tzinfo=self.channel.zone)
            return Moment(at.astimezone(self.channel.zone).date(), (at - _EPOCH) // _MILLISECOND)
        except (ValueError, OverflowError):
            self.blame("fhir.date.invalid", where)
            return None

    def day(self, text: str, where: str, *, is_key: bool = False) -> date | None:
        """Return the business date told at a place; with `is_key`, silence is a fault."""
        moment = self.moment(text, where)
        if moment is None and not text and is_key:
            self.blame("fhir.element.missing", where, "a business date is needed here")
        return None if moment is None else moment.on

    def days(self, period: Period | None, where: str) -> tuple[date | None, date | None]:
        """Return the first and the last day of a period."""
        if period is None:
            return None, None
        return self.day(period.start, f"{where}.start"), self.day(period.end, f"{where}.end")

    def recorded_on(self, *others: str) -> date | None:
        """Return the day this was said: `meta.lastUpdated`, else the first of `others` told."""
        if self._recorded is not None:
            return self._recorded.on
        text = next((each for each in others if each), "")
        return self.day(text, "meta.lastUpdated", is_key=True)

    # How much --------------------------------------------------------------------------------

    def money(self, money: Money | None, where: str, *, is_key: bool = False) -> int | None:
        """Return an amount in minor units; None where silent or, a fault, no amount in dollars.

        FHIR's decimal may have an exponent and any number of places: money has two at most.
        """
        if money is None or money.value is None:
            if is_key:
                self.blame("fhir.amount.missing", where)
            return None
        if (money.currency or CURRENCY) != CURRENCY:
            self.blame("fhir.currency.unsupported", f"{where}.currency")
            return None
        _, digits, exponent = money.value.as_tuple()
        if not isinstance(exponent, int) or not -2 <= exponent <= 0 or len(digits) > 20:
            self.blame("fhir.amount.invalid", f"{where}.value")
            return None
        minor = int(money.value.scaleb(2))
        if abs(minor) >= AMOUNT_MINOR_MAX:
            self.blame("fhir.amount.invalid", f"{where}.value")
            return None
        return minor

    # The verdict -----------------------------------------------------------------------------

    def verdict(
        self,
        routed: Sequence[Routed] = (),
        totals: Iterable[ControlTotal] = (),
        *,
        identities: Sequence[str] = (),
        recorded: str = "",
    ) -> Translation:
        """Return the translation: accepted with its facts, or held with its faults and no fact.

        `recorded` is when it was said where no server tells (`Claim.created`, ...).
        """
        at_ms = self._recorded_at_ms(recorded)
        named = self._shown_id()
        is_held = bool(self.faults)
        own = f"fhir:{self.channel.source}:{self.type}/{named}/{self.version or self._digest}"
        return Translation(
            format="fhir",
            type=self.type,
            control_id=named,
            status="held" if is_held else "accepted",
            identities=(own, *identities),
            recorded_at_ms=at_ms,
            faults=tuple(self.faults),
            notes=tuple(self.notes),
            routed=() if is_held else tuple(routed),
            secrets=() if is_held else tuple(self._secrets.values()),
            totals=tuple(totals),
        )

    def _recorded_at_ms(self, otherwise: str) -> int:
        moment = self._recorded
        if moment is None and otherwise and not self._updated_at:
            known = len(self.faults)
            moment = self.moment(otherwise, "meta.lastUpdated")
            del self.faults[known:]  # whoever reads the element itself has blamed it already
        if moment is None:
            return 0
        midnight = datetime.combine(moment.on, datetime.min.time(), self.channel.zone)
        at_ms = moment.at_ms or (midnight - _EPOCH) // _MILLISECOND
        if at_ms < 0:
            self.blame("fhir.date.invalid", "meta.lastUpdated", "recorded before 1970")
            return 0
        return at_ms

    def _shown_id(self) -> str:
        """Return the id as it may be stored and shown; a surrogate where it tells a number.

        Some servers make the id of a resource from the patient's or claim's own number
        (docs/adr/0008).
        """
        shown = self._resource.id
        numbers = [each.value for each in identifiers_of(self._resource) if each.value.strip()]
        told = any(number.strip().lower() in shown.lower() for number in numbers)
        named = self.type == "Patient"
        if not shown or (_ID.fullmatch(shown) and not told and not named):
            return shown
        digest = sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()
        return self.channel.tokenizer.token("control", "", digest)


Translator: TypeAlias = Callable[[Draft, Resource], Translation]
"""Says what a resource of its own type means."""


def type_of(resource: Resource) -> str:
    """Return the `resourceType` of a resource."""
    return str(type(resource).__struct_config__.tag)


def identifiers_of(resource: Resource) -> tuple[Identifier, ...]:
    """Return every number a resource has."""
    found = getattr(resource, "identifier", ())
    if isinstance(found, Identifier):
        return (found,)
    return found if isinstance(found, tuple) else ()


def number_of(identifiers: Iterable[Identifier], types: Sequence[str] = ()) -> str:
    """Return the number of the first type in `types` that is there, else the first in use."""
    told = [each for each in identifiers if each.value.strip() and each.use != "old"]
    for wanted in types:
        for each in told:
            if wanted in type_codes(each):
                return each.value.strip()
    return told[0].value.strip() if told else ""


def type_codes(identifier: Identifier) -> tuple[str, ...]:
    """Return which types of number this is; one of the US provider system is an NPI."""
    codes = tuple(each.code.upper() for each in identifier.type.coding) if identifier.type else ()
    return (*codes, "NPI") if identifier.system == NATIONAL_PROVIDER else codes


def _number_or_name(resource: Resource, types: Sequence[str] = ()) -> str:
    name = type_of(resource)
    wanted = types or _TYPES_BY_RESOURCE.get(name, ())
    number = number_of(identifiers_of(resource), wanted)
    return number or (f"{name}/{resource.id}" if resource.id else "")


def code_of(concept: CodeableConcept | None, *systems: str) -> str:
    """Return a code of the systems named, in that order; of any where none is named. No words."""
    if concept is None:
        return ""
    if not systems:
        return next((each.code.strip() for each in concept.coding if each.code.strip()), "")
    return next(
        (
            each.code.strip()
            for system in systems
            for each in concept.coding
            if each.system == system and each.code.strip()
        ),
        "",
    )


def quantity_of(quantity: Quantity | None) -> tuple[str, str]:
    """Return a quantity as text, exact, and its unit."""
    if quantity is None or quantity.value is None:
        return "", ""
    return f"{quantity.value:f}", quantity.code or quantity.unit


def unsupported(type_name: str, count: int, raw: bytes, channel: Channel) -> Translation:
    """Hold resources of a type that nobody translates: one message for all of a bundle's."""
    things = "one resource" if count == 1 else f"{count:,} resources"
    explanation = f"{type_name} is not translated: {things} of it"
    digest = sha256(raw).hexdigest()
    return Translation(
        format="fhir",
        type=type_name,
        control_id="",
        status="held",
        identities=(f"fhir:{channel.source}:{type_name}//{digest}",),
        faults=(fault("fhir.type.unsupported", "resourceType", explanation),),
    )


# And back out ---------------------------------------------------------------------------------

Numbers = Mapping[str, str]
"""Surrogate -> the number behind it, for a destination that may have it; others get surrogates."""


def identifier(value: str, type_code: str = "", system: str = "") -> Identifier:
    """Return a number with its type (HL7 table 0203)."""
    kind = concept(NUMBER_TYPES, type_code) if type_code else None
    return Identifier(type=kind, system=system, value=value)


def reference(value: str, type_name: str, type_code: str = "") -> Reference | None:
    """Return a reference by number alone; None for none."""
    if not value:
        return None
    return Reference(type=type_name, identifier=identifier(value, type_code))


def concept(system: str, code: str) -> CodeableConcept:
    """Return one code of one system."""
    return CodeableConcept(coding=(Coding(system=system, code=code),))


def dollars(minor: int) -> Money:
    """Return an amount with its two places."""
    return msgspec.convert({"value": format_amount(minor), "currency": CURRENCY}, Money)


def instant(at_ms: int) -> str:
    """Return a moment as FHIR writes it; "" for none."""
    if not at_ms:
        return ""
    at = _EPOCH + at_ms * _MILLISECOND
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def isoday(on: date | None) -> str:
    """Return a date as FHIR writes it; "" for none."""
    return "" if on is None else on.isoformat()


def _micro(told: str) -> str:
    """Cut a fraction of a second to what a clock keeps."""
    head, point, fraction = told.partition(".")
    return f"{head}.{fraction[:6].ljust(6, '0')}" if point else head
