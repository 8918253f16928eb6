r"""The trace that ties a bank's payment to its 835: `TRN` in addenda and BAI2 text.

CAQH CORE 370: a health plan's CCD+ addenda carries the TRN of its 835 as it stands there, `TRN*1*`
the trace (TRN02) `*` the payer (TRN03), ended by `~` or `\`. A CTX carries a whole 820 or 835, cut
into addenda of 80 characters, with a TRN in it.
"""

from __future__ import annotations

import re

import msgspec

_TRN = re.compile(
    r"(?<![A-Za-z0-9])TRN([*|^:])[13]\1\s*(?P<trace>[^*|^:~\\\r\n]{1,50}?)\s*"
    r"(?:\1\s*(?P<payer>[^*|^:~\\\r\n]{0,30}?)\s*)?(?=[*|^:~\\\r\n]|$)"
)


class Trace(msgspec.Struct, frozen=True):
    """What TRN says: the payment's trace, and the payer it is one of."""

    trace: str
    payer: str = ""


def find_trace(text: str) -> Trace | None:
    """Return the first TRN of a text; None where there is none."""
    found = _TRN.search(text)
    if found is None or not found["trace"]:
        return None
    return Trace(found["trace"], found["payer"] or "")
