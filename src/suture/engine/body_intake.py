"""Intake of bodies: what a door took in one piece, a message or several, in any format.

One HL7 v2 message goes the way of all of them (`intake.py`, the group commit) and gets its
acknowledgement. Anything else (an X12 interchange, a FHIR resource or Bundle, a batch) is taken as
a small file is: in one transaction, all of it or nothing (`transmissions.py`). The same body again
gets the same verdict. How a verdict is worded is its door's business.
"""

from __future__ import annotations

import re
from hashlib import sha256

from suture.connectors.ports import (
    MESSAGES_TOLD_MAX,
    BodyVerdict,
    MessageVerdict,
    NotStoredError,
    Reason,
)
from suture.engine.clock import now_ms
from suture.engine.intake import Answer, Intake
from suture.engine.transmissions import (
    Taken,
    Transmission,
    Transmissions,
    reasons_of,
    transmission_of,
)
from suture.model.translation import Channel, Status
from suture.store.database import WORK, StoreUnavailableError
from suture.store.transmission import FileAppend, ToldMessage

_MESSAGE = re.compile(rb"\s*MSH[^0-9A-Za-z\s]")
_SECOND = re.compile(rb"[\r\n](?:MSH|FHS|BHS|BTS|FTS)[^0-9A-Za-z\s]")


class BodyIntake:
    """Takes bodies of all sources."""

    def __init__(self, intake: Intake, transmissions: Transmissions) -> None:
        """Take what single messages go through, and what everything else does."""
        self._intake = intake
        self._transmissions = transmissions

    async def receive_body(self, raw: bytes, channel: Channel) -> BodyVerdict:
        """Make a body durable and return what became of it.

        Raises NotStoredError when nothing was stored: no positive reply may be given.
        """
        if is_one_message(raw):
            return _of_message(await self._intake.take(raw, channel))
        digest = sha256(raw).digest()
        told = transmission_of(channel.source, "", digest, len(raw), now_ms())
        try:
            taken = await self._transmissions.take(told, lambda: (raw,), channel, deadlines=WORK)
            if not taken.verdicts.is_repeat:
                return _of_taken(told, taken)
            async with FileAppend(
                self._transmissions.database, self._transmissions.partitions_count, WORK
            ) as append:
                first = await append.verdict(channel.source, digest)
        except StoreUnavailableError as error:
            raise NotStoredError(type(error).__name__) from error
        return _of_repeat(first, taken)


def is_one_message(raw: bytes) -> bool:
    """Return whether a body is one HL7 v2 message, and no batch of several."""
    return _MESSAGE.match(raw) is not None and _SECOND.search(raw) is None


def _of_message(answer: Answer) -> BodyVerdict:
    arrival = answer.arrival
    told = MessageVerdict(
        id=answer.message_id,
        format=arrival.format,
        type=arrival.type,
        control_id=arrival.control_id,
        status=answer.status,
        reasons=() if answer.is_repeat else reasons_of(arrival.faults),
        is_repeat=answer.is_repeat,
    )
    return BodyVerdict(
        id=answer.message_id,
        format=arrival.format,
        is_repeat=answer.is_repeat,
        messages_count=1,
        status=answer.status,
        messages=(told,),
        reply=answer.reply,
    )


def _of_taken(told: Transmission, taken: Taken) -> BodyVerdict:
    verdicts = taken.verdicts
    worst: Status = "rejected" if verdicts.rejected else "held" if verdicts.held else "accepted"
    return BodyVerdict(
        id=told.id,
        format=taken.format,
        messages_count=(verdicts.accepted + verdicts.held + verdicts.rejected + verdicts.repeated),
        status=worst,
        messages=tuple(taken.messages),
        reply=taken.reply.content,
    )


def _of_repeat(first: list[ToldMessage], taken: Taken) -> BodyVerdict:
    """Return what became of a body that came before, as it stands today."""
    statuses = {message.status for message in first}
    worst: Status = (
        "rejected" if "rejected" in statuses else "held" if "held" in statuses else "accepted"
    )
    return BodyVerdict(
        id=taken.transmission_id,
        format=first[0].format if first else "unknown",
        is_repeat=True,
        messages_count=len(first),
        status=worst,
        messages=tuple(map(_told, first[:MESSAGES_TOLD_MAX])),
        reply=taken.reply.content,
    )


def _told(message: ToldMessage) -> MessageVerdict:
    return MessageVerdict(
        id=message.id,
        format=message.format,
        type=message.type,
        control_id=message.control_id,
        status=message.status,
        reasons=tuple(Reason(*reason) for reason in message.reasons),
    )
