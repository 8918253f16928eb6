"""The door of an MLLP source, as the engine opens it; the listener itself is `listener.py`."""

from __future__ import annotations

from suture.connectors.mllp.listener import Listener, unopened
from suture.connectors.mllp.settings import MllpSettings
from suture.connectors.ports import MessageDoor, Surroundings, Taker
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
    settings: MllpSettings,
    taker: Taker,
    surroundings: Surroundings,  # noqa: ARG001 - of all connectors
) -> MessageDoor | Fault:
    """Begin to listen, or say why not."""
    listener = Listener(
        taker.receive,
        settings.limits,
        taker.observe,
        taker.refuse,
        lenient_end_seconds=LENIENT_END_SECONDS if settings.lenient_end else None,
    )
    try:
        port = await listener.start(settings.host, settings.port)
    except OSError as error:
        return unopened(error, settings.host, settings.port)
    return MllpDoor(listener, f"{settings.host}:{port}")
