"""What may be told of whom: the values behind surrogates, opened for one destination.

Facts hold surrogates. A renderer (`translate/*_write*.py`) that must tell an identifier asks a
`Disclosure` for it: the engine fills one from the vault for a destination that is granted `phi`,
and hands every other `WITHHELD`. So a renderer stays pure, and cannot tell what it was not given.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from suture.model.person import NOBODY, Person, opened


class Disclosure(msgspec.Struct, frozen=True):
    """Values by surrogate."""

    values: Mapping[str, str]

    def told(self, token: str) -> str:
        """Return the value behind a surrogate; the surrogate itself where it is withheld."""
        return self.values.get(token, token)

    def person(self, token: str) -> Person:
        """Return a person's details; `NOBODY` where they are withheld or were never told."""
        value = self.values.get(token)
        return NOBODY if value is None else opened(value)


WITHHELD = Disclosure({})
"""Nothing may be told but surrogates."""
