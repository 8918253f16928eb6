"""Who a person is, as a value that only the vault keeps: name, birth date, sex, address, telephone.

No fact holds any of it. A fact holds the surrogate that `sealed` makes of all of it together, so
that it says which version of a person's details was told; whoever may tell them on opens them again
(`disclosure.py`). Read from HL7 v2 PID and NK1, X12 NM1, N3, N4 and DMG, FHIR Patient.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.identity import Tokenizer
from suture.model.translation import Secret

KIND = "person"
"""Of the secret that a person's details are."""


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A postal address: PID-11, N3 and N4."""

    lines: tuple[str, ...] = ()
    city: str = ""
    state: str = ""
    """Two letters (USPS) within the United States and Canada."""
    postcode: str = ""
    country: str = ""
    """As sent; empty for the sender's own."""


NOWHERE = Address()


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's details as one message told them; what it did not tell is empty."""

    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""
    born_on: date | None = None
    sex: str = ""
    """F, M or U, as X12 (DMG03) and HL7 v2 (table 0001) both have them; other codes as sent."""
    address: Address = NOWHERE
    telephone: str = ""


NOBODY = Person()


def sealed(person: Person, tokenizer: Tokenizer) -> Secret | None:
    """Return a person's details as a secret under their surrogate; None where nothing was told."""
    if person == NOBODY:
        return None
    if person.address == NOWHERE:
        # A struct is left out as a default only where it is the default itself.
        person = msgspec.structs.replace(person, address=NOWHERE)
    value = msgspec.json.encode(person, order="deterministic").decode()
    return Secret(tokenizer.token(KIND, "", value), KIND, value)


def opened(value: str) -> Person:
    """Return the details that a secret holds. Raises msgspec.ValidationError for any other text."""
    return msgspec.json.decode(value, type=Person)
