"""`suture send FILE... --port PORT`: hands HL7 v2 messages to a listener over MLLP, one by one.

For a first message, and for trying a source: what a sending system does, as it would do it. Any
MLLP listener will do, Suture's or another's. Framing and replies are `connectors/mllp/sender.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from suture.cli.ending import FOUND, WELL, UsageError
from suture.cli.screen import count, line, open_console, plain, print_json
from suture.connectors.mllp.sender import ConnectionLostError, Sender
from suture.wire import hl7v2
from suture.wire.hl7v2.batch import split

ACCEPTED = frozenset({"AA", "CA"})
_MEANINGS = {
    "AA": "accepted: it is stored",
    "CA": "accepted: it is stored",
    "AE": "not accepted as it is",
    "CE": "not accepted as it is",
    "AR": "rejected",
    "CR": "rejected",
}


class SendError(Exception):
    """The listener cannot be reached, or went away; the message says what became of the rest."""


class Reply(msgspec.Struct, frozen=True):
    """What a listener said to one message; the keys of `suture send --json`."""

    control_id: str
    """MSA-2: of the message it answers."""
    code: str
    """MSA-1."""
    text: str
    """MSA-3, or ERR-8: why."""


def run(paths: Sequence[Path], *, host: str, port: int, as_json: bool) -> int:
    """Send every message of every file; 1 when one of them was not accepted."""
    messages = [message for path in paths for message in _messages(path)]
    replies = asyncio.run(_send(messages, host, port))
    if as_json:
        print_json({"sent": len(replies), "replies": replies})
    else:
        _print(replies)
    return WELL if all(each.code in ACCEPTED for each in replies) else FOUND


def _messages(path: Path) -> tuple[bytes, ...]:
    messages = split(path.read_bytes()).messages
    if not messages:
        raise UsageError(
            f"{path} holds no HL7 v2 message. A file of another kind (an 835) is dropped into the "
            "folder of its source: `suture status` names it."
        )
    return messages


async def _send(messages: Sequence[bytes], host: str, port: int) -> list[Reply]:
    replies: list[Reply] = []
    sender = Sender(host, port)
    try:
        await sender.connect()
    except ConnectionLostError as error:
        raise SendError(
            f"Nobody listens at {host}:{port}: nothing was sent. `suture serve` says where each "
            "source listens, `suture status` whether it does."
        ) from error
    try:
        for message in messages:
            reply = await sender.send(message)
            replies.append(_read(reply))
    except ConnectionLostError as error:
        sent = count(len(replies), "message")
        raise SendError(
            f"{host}:{port} hung up without a reply, after {sent} of {len(messages):,}. Send the "
            "same again: what is stored already is recognised."
        ) from error
    finally:
        await sender.close()
    return replies


def _read(raw: bytes) -> Reply:
    reply = hl7v2.parse(raw)
    if not isinstance(reply, hl7v2.Message):
        return Reply("", "", "the reply is no HL7 v2 message")
    told = {path: str(reply.get(path) or "") for path in ("MSA-1", "MSA-2", "MSA-3", "ERR-8")}
    return Reply(told["MSA-2"], told["MSA-1"], told["MSA-3"] or told["ERR-8"])


def _print(replies: Sequence[Reply]) -> None:
    console = open_console()
    for each in replies:
        style = "bold green" if each.code in ACCEPTED else "bold red"
        meaning = _MEANINGS.get(each.code, "an answer that HL7 does not define")
        why = f" ({plain(each.text)})" if each.text else ""
        console.print(
            line(
                (f"{plain(each.code) or '??'}  ", style),
                f"{plain(each.control_id)}  ",
                meaning,
                why,
            )
        )
