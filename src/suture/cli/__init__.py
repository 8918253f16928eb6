"""The `suture` command: what people and scripts call. Every command is declared in `commands.py`.

Each has a module of its own, imported only when it runs, so that `suture --help` is quick. Data go
to standard output, progress and errors to standard error. How a command ends is `ending.py`, how
things look is `screen.py`; nothing here decides anything about messages or money.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

INTERRUPTED = 130
"""What a shell says of a command that Control-C ended."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (those of this process unless told otherwise) and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal of few characters shows `?` and never an error
            reconfigure(errors="replace")
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        from suture.cli.commands import app

        # What was wrong with the command line itself is printed by its parser, or here as JSON.
        code = app(arguments, prog_name="suture", standalone_mode=not as_json)
        sys.exit(code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last place where an error can become a sentence
        from suture.cli.ending import explain

        sys.exit(explain(error, as_json=as_json))
