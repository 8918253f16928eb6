"""FHIR R4 data types, thin: the elements of each that Suture reads or writes (FHIR R4, 2.24).

A struct names what is read; everything else in a resource is skipped, and stays in the bytes as
received. Decimals are exact (`12.10` stays `12.10`). Dates and times stay text here: a FHIR date
may be a year, and its zone is the source's to assume (`translate/fhir_common.py`).
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Element(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Base of every data type and component."""


class Period(Element, frozen=True, kw_only=True):
    """From `start` to `end`, both included."""

    start: str = ""
    end: str = ""


class Coding(Element, frozen=True, kw_only=True):
    """A code and the system it is of."""

    system: str = ""
    code: str = ""
    display: str = ""


class CodeableConcept(Element, frozen=True, kw_only=True):
    """The same thing in several systems' codes, or in words."""

    coding: tuple[Coding, ...] = ()
    text: str = ""


class Identifier(Element, frozen=True, kw_only=True):
    """A number by which others know a thing."""

    use: str = ""
    type: CodeableConcept | None = None
    system: str = ""
    value: str = ""
    period: Period | None = None


class Reference(Element, frozen=True, kw_only=True):
    """Another resource: `Patient/123`, a URN of the same bundle, `#contained`, or its number."""

    reference: str = ""
    type: str = ""
    identifier: Identifier | None = None
    display: str = ""


class Money(Element, frozen=True, kw_only=True):
    """An amount and its currency."""

    value: Decimal | None = None
    currency: str = ""


class Quantity(Element, frozen=True, kw_only=True):
    """A measured amount."""

    value: Decimal | None = None
    unit: str = ""
    system: str = ""
    code: str = ""


class HumanName(Element, frozen=True, kw_only=True):
    """A name; only read of those who are no patients."""

    text: str = ""
    family: str = ""
    given: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()


class Meta(Element, frozen=True, kw_only=True):
    """When and in which version a server holds a resource."""

    version_id: str = ""
    last_updated: str = ""
    profile: tuple[str, ...] = ()
