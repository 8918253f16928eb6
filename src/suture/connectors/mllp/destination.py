"""An MLLP receiver that is told messages: what its acknowledgements, and their absence, mean.

Connections are kept and made again when they break; each carries one message at a time, whose reply
is known by its `MSA-2`. What is certain before a message is on its way is `Transient`, afterwards
`Unknown`: it is sent again, unchanged, and the receiver knows it by its control id (`MSH-10`). When
to try again is the engine's (`engine/telling.py`). HL7 v2 chapter 2, 2.9; MLLP release 2.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.connectors.mllp.settings import MllpDestinationSettings
from suture.connectors.outcome import (
    Delivered,
    Healthy,
    Outcome,
    Refused,
    Transient,
    Unknown,
)
from suture.connectors.tls import Contexts
from suture.model.envelope import ContentType
from suture.model.fault import Fault, fault
from suture.wire import hl7v2
from suture.wire.mllp import COMMIT_ACK, COMMIT_NAK, END, START

_CONDITION = re.compile(r"[0-9]{1,3}", re.ASCII)
_ACCEPT_ACKNOWLEDGEMENTS = frozenset(("CA", "CE", "CR"))


class MllpDestination:
    """One receiver, with a few connections to it; fills the port `MessageDestination`."""

    def __init__(self, settings: MllpDestinationSettings, contexts: Contexts | None) -> None:
        """Take where it is, and the contexts of its TLS; nothing is connected yet."""
        self._settings = settings
        self._contexts = contexts
        self._idle: asyncio.LifoQueue[Sender] = asyncio.LifoQueue()
        self._senders = [
            Sender(settings.host, settings.port) for _ in range(settings.connections_max)
        ]
        for sender in self._senders:
            self._idle.put_nowait(sender)

    async def send(
        self,
        body: bytes,
        *,
        key: str,
        content_type: ContentType,  # noqa: ARG002 - MLLP has no place for it
    ) -> Outcome:
        """Send one message once and say what its acknowledgement means."""
        message = hl7v2.parse_header(body)
        if message is None or START in body or END in body:
            return Refused(fault("mllp.message.unsendable", "MSH"))
        control_id = message.header.value(10)
        async with self._sender() as sender:
            if (trouble := await self._connect(sender)) is not None:
                return trouble
            try:
                async with asyncio.timeout(self._settings.reply_seconds_max):
                    await sender.write(body)
                    outcome = await self._reply(sender, control_id, key)
            except TimeoutError:
                waited = f"no reply within {self._settings.reply_seconds_max:g} s"
                outcome = Unknown(fault("mllp.reply.absent", self._settings.address, waited))
            except OSError as error:
                broke = f"the connection broke before the reply: {type(error).__name__}"
                outcome = Unknown(fault("mllp.reply.absent", self._settings.address, broke))
            if isinstance(outcome, Unknown):
                await sender.close()  # a reply that comes late must not answer the next message
            return outcome

    async def health(self) -> Healthy | Transient | Refused:
        """Connect, where that is not done already: MLLP has no other question."""
        async with self._sender() as sender:
            trouble = await self._connect(sender)
            return Healthy() if trouble is None else trouble

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(sender.close() for sender in self._senders))

    @asynccontextmanager
    async def _sender(self) -> AsyncIterator[Sender]:
        """Have a connection to oneself; one that is left in the middle of a message is closed."""
        sender = await self._idle.get()
        try:
            yield sender
        except BaseException:
            await sender.close()
            raise
        finally:
            self._idle.put_nowait(sender)

    async def _connect(self, sender: Sender) -> Transient | None:
        """Have a connection open; what hinders it has certainly let nothing out."""
        if sender.is_open:
            return None
        context = None if self._contexts is None else self._contexts.current()
        if isinstance(context, Fault):
            return Transient(context)
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_seconds_max):
                await sender.connect(context, server_name=settings.tls.server_name)
        except TimeoutError:
            waited = f"nobody answered within {settings.connect_seconds_max:g} s"
            return Transient(fault("mllp.peer.away", settings.address, waited))
        except ConnectionLostError as error:
            return Transient(_unconnected(error.__cause__, settings.address))
        return None

    async def _reply(self, sender: Sender, control_id: str, key: str) -> Outcome:
        """Return what the acknowledgement that counts says. Raises OSError, TimeoutError."""
        is_release_2 = self._settings.is_release_2
        where = self._settings.address
        if is_release_2:
            match await sender.read():
                case b if b == COMMIT_ACK:
                    pass
                case b if b == COMMIT_NAK:
                    return Transient(fault("mllp.message.not_taken", where))
                case _:
                    return Unknown(fault("mllp.reply.unreadable", where, "no commit came first"))
        while True:
            raw = await sender.read()
            reply = hl7v2.parse(raw)
            if isinstance(reply, Fault) or (told := reply.first("MSA")) is None:
                return Unknown(fault("mllp.reply.unreadable", where, "it has no MSH or no MSA"))
            if is_release_2:
                await sender.write(COMMIT_ACK)
            if told.value(2) != control_id:
                return Unknown(fault("mllp.reply.mismatched", where))
            code = told.value(1)
            is_accept = code in _ACCEPT_ACKNOWLEDGEMENTS
            if code == "CA" and self._settings.awaits == "application":
                continue
            return self._meaning(code, reply, key, is_accept=is_accept)

    def _meaning(self, code: str, reply: hl7v2.Message, key: str, *, is_accept: bool) -> Outcome:
        """Return what MSA-1 means; nothing of the receiver's own text is repeated (PHI)."""
        where = "MSA-1"
        said = f"the receiver answered {code}{_condition(reply)}"
        match code:
            case "AA" | "CA":
                return Delivered(key, "created")
            case "AE" | "CE" if self._settings.error_means == "transient":
                return Transient(fault("mllp.message.failed", where, said))
            case "AE" | "CE" | "AR" | "CR":
                at = "on accepting it" if is_accept else "on applying it"
                return Refused(fault("mllp.message.refused", where, f"{said} {at}"))
            case _:
                return Unknown(fault("mllp.reply.unreadable", where, "MSA-1 is no code of 0008"))


def _condition(reply: hl7v2.Message) -> str:
    """Return the error condition (ERR-3, HL7 table 0357) where it is a number, and only that."""
    error = reply.first("ERR")
    number = "" if error is None else error.value(3)
    return f", condition {number}" if _CONDITION.fullmatch(number) else ""


def _unconnected(error: BaseException | None, where: str) -> Fault:
    if isinstance(error, ssl.SSLError):
        return fault("mllp.peer.untrusted", where, f"TLS was not agreed on: {error.reason}")
    number = getattr(error, "errno", None)
    return fault("mllp.peer.away", where, f"no connection ({type(error).__name__} {number})")
