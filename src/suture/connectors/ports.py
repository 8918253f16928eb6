"""The ports: what a connector fills so that the engine can drive it, and what the engine gives it.

Four ways in and out, of which a connector fills one (its settings say which, `kind`):
`MessageDoor` listens and is told one message after the other; `FileDoor` finds whole files;
`PullDoor` is asked for what came since a watermark; `MessageDestination` takes messages. Journals
go to an `ErpDestination` (`erp/`). The engine opens them by `registry.py`, keeps them open
(`engine/doors.py`) and stores what they bring; a connector never does, and reads no meaning. The
contract each must pass is `tests/contracts/door_contract.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, runtime_checkable

import msgspec

from suture.connectors.outcome import Healthy, Outcome, Refused, Transient
from suture.model.envelope import ContentType
from suture.model.fault import Fault
from suture.model.translation import Status

CHUNK_BYTES = 1 << 20
PULLED_MESSAGES_MAX = 500
"""Of one batch: they are kept in one transaction."""


class Surroundings(msgspec.Struct, frozen=True):
    """What any door may need to know of where it is opened."""

    name: str
    """The name of the source or destination it belongs to."""
    home: Path
    """The installation's folder, in which relative paths lie."""
    secret: Callable[[str], str]
    """Resolves a reference (`env:NAME`, `file:path`) whenever the secret is needed, so that one
    that changes counts at the next connection; empty where there is none."""


# What came of it ---------------------------------------------------------------------------------


class Reason(msgspec.Struct, frozen=True):
    """Why a message was not accepted, as its sender may be told: no value of the message."""

    code: str
    where: str
    explanation: str


class MessageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one message of a body. Its bytes are kept, whatever the verdict."""

    id: str
    format: str
    type: str
    control_id: str
    """Its sender's own number for it; safe to show (`model/identity.py`)."""
    status: Status
    reasons: tuple[Reason, ...] = ()
    is_repeat: bool = False
    """`id` is the message that said the same before; nothing was done again."""


class BodyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a body: a message, or an interchange, Bundle or batch of several.

    It is durable when this is given. The door words it: `reply` as it is where that is not empty
    (an ACK, a TA1 with 999s), else in the words of its protocol (JSON, an OperationOutcome).
    """

    id: str
    """Of the transmission, or of the message that came by itself."""
    format: str
    is_repeat: bool = False
    """These bytes came before from this source: the verdict is theirs, as it stands now."""
    messages_count: int
    status: Status
    """The worst of them: everything was accepted, something is held, or something is refused."""
    messages: tuple[MessageVerdict, ...] = ()
    """The first of them, up to `MESSAGES_TOLD_MAX`."""
    reply: bytes = b""
    """What the standard of its format has for an answer; empty where it has none."""


MESSAGES_TOLD_MAX = 100
"""A reply that names every message of a body of many thousand is read by nobody."""


class NotStoredError(Exception):
    """Nothing could be made durable: no positive reply may be given, the sender must send again."""


# Messages come to a door -------------------------------------------------------------------------


class Taker(Protocol):
    """What the engine gives a `MessageDoor`: where messages go, and whom to tell of trouble.

    Calls of several connections may overlap; each returns when its message is durable. Memory is
    the door's to bound: it takes no more at once than its limits allow.
    """

    async def receive(self, raw: bytes) -> bytes:
        """Take one HL7 v2 message; return the acknowledgement it is owed, empty where none is.

        Raises NotStoredError.
        """

    async def refuse(self, remains: bytes, reason: Fault) -> bytes:
        """Hold what arrived of a message that broke off; return the reply as `receive` does."""

    async def receive_body(self, raw: bytes) -> BodyVerdict:
        """Take a body of any format, all of it or nothing, and return what became of it.

        Which format it is, its first bytes tell. Raises NotStoredError.
        """

    def observe(self, code: str, peer: str) -> None:
        """Note what went wrong on a connection: a fault's code and the peer's address."""


class MessageDoor(Protocol):
    """Something that listens. Opened by `open_door(settings, taker, surroundings)` of its folder.

    It replies after `Taker` has returned and never before; when that raises, it gives no positive
    reply. It has limits on the size of a message, on time (a message that never ends, a silent
    peer, a reply nobody reads) and on connections, all of them settings. A place it cannot listen
    on is a Fault, whose remedy says what to do; the engine tries again.
    """

    @property
    def address(self) -> str:
        """Where it listens, as it came out: the port that it got."""

    async def drain(self) -> None:
        """Accept nothing more, answer what is complete, close.

        What is half there is its sender's to send again.
        """


@runtime_checkable
class FramedDoor(Protocol):
    """What a `MessageDoor` may fill beside it, whose protocol frames messages in a byte stream."""

    @property
    def unframed_bytes(self) -> int:
        """How many bytes stood outside of any frame, and were dropped, since it opened (B1)."""


# Files are found ---------------------------------------------------------------------------------


class FoundFile(Protocol):
    """A whole file, ready to be taken; a connector adds what it needs to find it again."""

    @property
    def name(self) -> str:
        """Its name made safe to show: no control characters, no direction marks, bounded (B61)."""

    @property
    def mark(self) -> tuple[int, ...]:
        """What tells it from another file, or from itself when it has changed (B65)."""

    @property
    def refusal(self) -> str:
        """Why it may not be read (a link, a device, too large; B62); empty when it may."""


File = TypeVar("File", bound=FoundFile)


class FileDoor(Protocol[File]):
    """Something that holds files. Opened by `open_door(settings, surroundings)` of its folder.

    One call at a time. A server that went away is a Fault of `find` (the engine waits longer from
    one to the next and shows it) and an OSError of the others: the file is left and found again.
    """

    @property
    def address(self) -> str:
        """Where it looks."""

    async def find(self, at_seconds: float) -> Sequence[File] | Fault:
        """Return files that are whole at this (monotonic) moment, oldest first.

        Each is found again until it is settled; one that is still written is left out (B65).
        """

    async def open(self, file: File) -> BinaryIO:
        """Open a file as local bytes that can be read three times over; whoever asked closes it.

        A remote file is fetched into an unnamed temporary file first: it is read once to know it,
        once to seal it and once to judge it, with flat memory. Raises OSError, also where another
        file took its place.
        """

    async def settle(self, file: File, *, identity: str) -> None:
        """Take a stored file away (its sealed copy is the file), or archive it under `identity`.

        One that its sender has replaced meanwhile stays: it has not been read.
        """

    async def put_aside(self, file: File, *, identity: str) -> None:
        """Move what may not be read out of the way, under `identity` for a name."""

    async def reply(self, name: str, content: bytes) -> None:
        """Leave a reply for the sender, whole or not at all."""

    async def close(self) -> None:
        """Give connections back."""


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Read an open file in pieces of bounded size."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


# Messages are asked for --------------------------------------------------------------------------


class Pulled(msgspec.Struct, frozen=True):
    """A body that a system was asked for, and the watermark after it."""

    raw: bytes
    watermark: str
    """Where to go on once this is stored: the door's own words, without any patient's value."""
    name: str = ""
    """What it is called there (a place in a topic), kept sealed as a file's name is."""
    refusal: Fault | None = None
    """Why it cannot be taken out of its wrapper: `raw` is kept as it came, and held."""


class PullDoor(Protocol):
    """Something that is asked again and again. Opened as a `FileDoor` is.

    The engine keeps the watermark in the transaction of the messages, so nothing is lost and
    nothing skipped; after a crash the same comes again and is known by its content and its
    identities. So watermarks may overlap (a database's clock is not its commit order), and must
    never run ahead of what was returned.
    """

    @property
    def address(self) -> str:
        """Whom it asks."""

    @property
    def interval_seconds(self) -> float:
        """How long to wait after an answer that brought nothing."""

    async def poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        """Return what came after a watermark (empty: from the start), oldest first.

        At most `PULLED_MESSAGES_MAX`; nothing where there is nothing more. A system that does not
        answer, or refuses us, is a Fault: the engine asks again, less and less often.
        """

    async def settled(self, watermark: str) -> None:
        """Note that all up to a watermark is durable: the moment to acknowledge it to a broker."""

    async def close(self) -> None:
        """Give connections back."""


# Messages go out ---------------------------------------------------------------------------------


class MessageDestination(Protocol):
    """A system that is told things. Expected failures are outcomes; only cancellation is raised.

    Opened by `open_messages(settings, surroundings)` of its folder. At most `at_once_max` of its
    settings are sent side by side.

    As for journals (`outcome.py`): `Unknown` wherever it is not certain that nothing was done.
    Messages have no question to ask after it (`find`), so the same `key` and bytes are sent again,
    and the receiver knows them by the key: MSH-10, ISA13, an idempotency header, a file's name.
    `Delivered.document` is what the receiver calls it, else the key.
    """

    async def send(self, body: bytes, *, key: str, content_type: ContentType) -> Outcome:
        """Send one message under `key` once, without retrying, and say what is known of it."""

    async def health(self) -> Healthy | Transient | Refused:
        """Ask whether it is there and takes our credentials; changes nothing there."""

    async def close(self) -> None:
        """Close the connections; the destination is not used afterwards."""
