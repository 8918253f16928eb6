"""The reply that the sender of an HL7 v2 message is owed: none, or one of AA, AE, AR, CA, CR.

Here: which code, by the verdict on the message, the mode its sender asks for (MSH-15, MSH-16) and
the policy of its source (`ack`). Not here: what an `ACK` looks like (`wire/hl7v2/acknowledge.py`),
that it goes out after the commit only (`engine/intake.py`). HL7 v2 chapter 2, 2.9.
"""

from __future__ import annotations

from collections.abc import Sequence

from suture.model.fault import Fault
from suture.model.translation import Channel, Status
from suture.wire import hl7v2


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
    return hl7v2.acknowledge(message, code, control_id=control_id, at=at, faults=faults)


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
