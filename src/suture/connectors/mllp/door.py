"""MLLP sources (`listener.py`) and destinations (`destination.py`) as the engine opens them."""

from __future__ import annotations

from suture.connectors.mllp.destination import MllpDestination
from suture.connectors.mllp.listener import Listener, unopened
from suture.connectors.mllp.settings import MllpDestinationSettings, MllpSettings
from suture.connectors.ports import MessageDestination, MessageDoor, Surroundings, Taker
from suture.connectors.tls import client_contexts, server_contexts
from suture.model.fault import Fault
from suture.wire.mllp import LENIENT_END_SECONDS


class MllpDoor:
    """A port that listens; fills the ports `MessageDoor` and `FramedDoor`."""

    def __init__(self, listener: Listener, address: str) -> None:
        self._listener = listener
        self.address = address

    @property
    def unframed_bytes(self) -> int:
        return self._listener.unframed_bytes

    async def drain(self) -> None:
        await self._listener.drain()


async def open_door(
    settings: MllpSettings, taker: Taker, surroundings: Surroundings
) -> MessageDoor | Fault:
    """Begin to listen, or say why not."""
    contexts = server_contexts(settings.tls, surroundings.home) if settings.tls.is_on else None
    if contexts is not None and isinstance(unusable := contexts.current(), Fault):
        return unusable
    listener = Listener(
        taker.receive,
        settings.limits,
        taker.observe,
        taker.refuse,
        lenient_end_seconds=LENIENT_END_SECONDS if settings.lenient_end else None,
        contexts=contexts,
        is_release_2=settings.is_release_2,
    )
    try:
        port = await listener.start(settings.host, settings.port)
    except OSError as error:
        return unopened(error, settings.host, settings.port)
    return MllpDoor(listener, f"{settings.host}:{port}")


async def open_messages(
    settings: MllpDestinationSettings, surroundings: Surroundings
) -> MessageDestination | Fault:
    """Make ready to send; certificates that cannot be used are told with the first message."""
    is_secured = settings.tls.is_on
    contexts = client_contexts(settings.tls, surroundings.home) if is_secured else None
    return MllpDestination(settings, contexts)
