"""The reply that the sender of an HL7 v2 message is owed: none, or one of AA, AE, AR, CA, CR.

Here: which code, by the verdict on the message, the mode its sender asks for (MSH-15, MSH-16) and
the policy of its source (`ack`); to a master file (MFN) the MFK, which answers for each record as
MFI-6 asks. Not here: what an `ACK` looks like (`wire/hl7v2/acknowledge.py`),
that it goes out after the commit only (`engine/intake.py`). HL7 v2 chapter 2, 2.9.
"""

from __future__ import annotations

from collections.abc import Sequence

from suture.model.fault import Fault
from suture.model.translation import Channel, Status
from suture.translate.hl7v2_common import told
from suture.translate.hl7v2_records_common import Record, records
from suture.wire import hl7v2

_MASTER_FILE = "MFN"
_APPLICATION = frozenset({"AA", "AE", "AR"})
"""An accept acknowledgement (CA, CR) is an ACK, whatever it accepts."""
_KEY_COMPONENTS_MAX = 20


def reply(
    message: hl7v2.Message | None,
    channel: Channel,
    status: Status,
    faults: Sequence[Fault],
    *,
    control_id: str,
    at: str,
) -> bytes:
    """Return the reply to a message under its verdict; empty where none is due.

    None stands for a message of which not even the header can be read. `control_id` and `at` are
    MSH-10 and MSH-7 of the reply.
    """
    code = _code(message, status, channel)
    if not code:
        return b""
    if message is None or message.type != _MASTER_FILE or code not in _APPLICATION:
        return hl7v2.acknowledge(message, code, control_id=control_id, at=at, faults=faults)
    content = _answers(message, at, is_accepted=status == "accepted")
    return hl7v2.acknowledge(
        message,
        code,
        control_id=control_id,
        at=at,
        faults=faults,
        response=("MFK", "MFK_M01"),
        content=content,
    )


def _answers(message: hl7v2.Message, at: str, *, is_accepted: bool) -> list[list[hl7v2.Field]]:
    """Return MFI, and an MFA for each record as MFI-6 asks: S kept, U not (HL7 table 0181).

    A message is kept or held as a whole: of one that is held no record is successful, whichever of
    them is to blame; nor is one of a file that nobody keeps. Without an MFI-6 all are answered for.
    """
    header = message.first("MFI")
    wanted = told(header, 6) or "AL"
    answers = [
        _answer(record, at, is_kept=is_accepted and bool(record.kind))
        for record in records(message)
        if hl7v2.is_due(wanted, is_success=is_accepted and bool(record.kind))
    ]
    copied = {field: told(header, field) for field in (1, 2, 3, 4, 5, 6) if told(header, field)}
    return [hl7v2.segment("MFI", copied), *answers]


def _answer(record: Record, at: str, *, is_kept: bool) -> list[hl7v2.Field]:
    entry = record.entry
    key = [told(entry, 4, number) for number in range(1, _KEY_COMPONENTS_MAX + 1)]
    while key and not key[-1]:
        key.pop()
    return hl7v2.segment(
        "MFA",
        {
            1: told(entry, 1),
            2: told(entry, 2),
            3: at if is_kept else "",
            4: ("S" if is_kept else "U", "", "HL70181"),
            5: key,
            6: told(entry, 5),
        },
    )


def reply_to_held(
    raw: bytes, channel: Channel, reason: Fault, *, control_id: str, at: str
) -> bytes:
    """Return the reply to a message that is held for what intake alone knows; empty where none is.

    A control id used before, or a failure of ours.
    """
    message = hl7v2.parse(raw, charset=channel.charset)
    if isinstance(message, Fault):
        return b""
    return reply(message, channel, "held", (reason,), control_id=control_id, at=at)


def _code(message: hl7v2.Message | None, status: Status, channel: Channel) -> str:
    """Return MSA-1 of the reply, "" where none is due.

    Held content is acknowledged, for we have the bytes; under the policy "understood" AE tells of
    it. In enhanced mode the accept acknowledgement (CA, CR) is the reply where MSH-15 asks for one:
    it says that the bytes are safe, whatever is in them. Else, as most products expect, it is the
    application acknowledgement where MSH-16 asks.
    """
    is_refused = status == "rejected"
    is_blamed = is_refused or (status == "held" and channel.ack == "understood")
    if message is not None and hl7v2.is_enhanced(message):
        if hl7v2.is_due(message.accept_acknowledgement, is_success=not is_refused):
            return "CR" if is_refused else "CA"
        if not hl7v2.is_due(message.application_acknowledgement, is_success=not is_blamed):
            return ""
    return "AR" if is_refused else "AE" if is_blamed else "AA"
