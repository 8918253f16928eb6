"""Money: an integer count of minor units (cents) and the strict grammar that reads it.

Amounts are plain `int` everywhere; the currency stands beside them on entries and commands.
`Decimal()` and `float()` are never used on a wire amount: they accept `NaN`, `1e3`, `1_000`,
full-width digits and padding (bad input B23).
"""

from __future__ import annotations

import re

MINOR_PER_MAJOR = 100
AMOUNT_MINOR_MAX = 10**17
"""No single amount may reach this (10^15 major units): beyond it a bigint sum could overflow."""

_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,2}))?", re.ASCII)
_AMOUNT_X12 = re.compile(r"(-?)([0-9]{0,15})(?:\.([0-9]{0,2})0*)?", re.ASCII)


def parse_amount(text: str) -> int | None:
    """Read a decimal amount as minor units, or None when it is not one.

    Grammar (HL7 v2 NM/MO as Suture accepts it, B23): `-?[0-9]{1,15}(.[0-9]{1,2})?`, ASCII digits
    only, no sign but minus, no negative zero.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    amount = _minor(match[2], match[3])
    if match[1]:
        return -amount if amount else None
    return amount


def parse_amount_x12(text: str) -> int | None:
    """Read an X12 R (decimal) element as minor units, or None when it is not one.

    X12 data type R suppresses leading zeros and allows a bare point, so `.5`, `5.` and `-.50` are
    legal; more than two significant decimals are not money.
    """
    match = _AMOUNT_X12.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    amount = _minor(match[2], match[3])
    return -amount if match[1] else amount


def _minor(major: str, minor: str | None) -> int:
    return int(major or "0") * MINOR_PER_MAJOR + int((minor or "").ljust(2, "0"))


def format_amount(minor: int) -> str:
    """Render minor units as a plain decimal with two places: 123456 -> `1234.56`."""
    sign = "-" if minor < 0 else ""
    major, cents = divmod(abs(minor), MINOR_PER_MAJOR)
    return f"{sign}{major}.{cents:02d}"
