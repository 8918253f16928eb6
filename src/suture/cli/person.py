"""Who runs a command, as the operating system knows them: what acts are noted under."""

from __future__ import annotations

import os
import pwd
import socket

from suture.store.acts import Person

REASON_LENGTH_MAX = 2_000


def this_person(reason: str = "") -> Person:
    """Return who runs this process, and for what reason.

    By the user id of the process, never by the environment, which anybody may set.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"uid {number}"
    return Person(name, socket.gethostname(), reason.strip()[:REASON_LENGTH_MAX])
