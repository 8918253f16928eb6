"""The `suture` command: what people and scripts call. Every command is declared in `commands.py`.

Each has a module of its own, imported only when it runs, so that `suture --help` is quick. Data go
to standard output, progress and errors to standard error. How a command ends is `ending.py`, how
things look is `screen.py`; nothing here decides anything about messages or money.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (those of this process unless told otherwise) and exit with its code."""
    from suture.cli.commands import app

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if (
            reconfigure is not None
        ):  # a terminal that knows few characters shows `?`, never an error
            reconfigure(errors="replace")
    try:
        app(arguments)
    except Exception as error:  # noqa: BLE001 - the last place where an error can become a sentence
        from suture.cli.ending import explain

        sys.exit(explain(error))
