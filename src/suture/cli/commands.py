"""Every command with its arguments, options and help; what each does is in the module it imports.

Names, options, exit codes and JSON keys are a contract with the scripts that call them. Exit codes:
0 well, 1 something was found, 2 wrong usage, 3 the installation cannot be opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="suture",
    help="Keeps a health provider's systems in agreement, from the message to the general ledger.",
    epilog="Exit codes: 0 well, 1 something was found, 2 wrong usage, 3 nothing to open.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
exceptions_app = typer.Typer(rich_markup_mode=None)
app.add_typer(exceptions_app, name="exceptions")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="The installation's folder; .suture, or what suture.toml says, unless given.",
    ),
]
EstateFolder = Annotated[Path, typer.Argument(metavar="ESTATE", help="The estate's folder.")]


def _version(is_asked: bool) -> None:  # noqa: FBT001 - typer's signature of a callback
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"suture {version('suture')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that come before any command."""


@app.command(short_help="Run an estate until it is told to stop.")
def serve(
    *,
    estate: Annotated[
        Path | None,
        typer.Argument(metavar="[ESTATE]", help="The estate to bring into force first."),
    ] = None,
    home: Home = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="Only this role, repeatable: intake, files, runner, delivery."),
    ] = None,
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="The workers' log; else standard error."),
    ] = None,
) -> None:
    """Run an estate until it is told to stop (SIGTERM or Control-C)."""
    from suture.cli.serve import run

    raise typer.Exit(run(estate, home=home, roles=role or [], log_file=log_file))


@app.command(hidden=True)
def worker(role: str, *, home: Home = None) -> None:
    """Be one worker; `suture serve` starts them."""
    from suture.cli.serve import run_worker

    raise typer.Exit(run_worker(role, home=home))


@app.command(short_help="Check an estate: every fault with its file, line and remedy.")
def check(estate: EstateFolder, *, as_json: Json = False) -> None:
    """Check an estate without running anything: every fault with its file, line and remedy."""
    from suture.cli.check import run

    raise typer.Exit(run(estate, as_json=as_json))


@app.command(short_help="Show what is alive, what is in force and what waits.")
def status(*, home: Home = None, as_json: Json = False) -> None:
    """Show what is alive, what is in force and what waits. Starts nothing."""
    from suture.cli.status import run

    raise typer.Exit(run(home=home, as_json=as_json))


@exceptions_app.callback(
    invoke_without_command=True, short_help="List what waits for a person, and what is next."
)
def exceptions(
    context: typer.Context,
    *,
    grouped: Annotated[
        bool, typer.Option("--group/--all", help="What is alike as one group, or one by one.")
    ] = True,
    code: Annotated[
        str, typer.Option("--code", metavar="CODE", help="Only this fault: why, and what is next.")
    ] = "",
    resolved: Annotated[
        bool, typer.Option("--resolved", help="What was resolved last, and how, instead.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List what waits for a person: how much is at stake, whose it is, what to do next."""
    if context.invoked_subcommand is None:
        from suture.cli.exceptions import run

        raise typer.Exit(
            run(home=home, is_grouped=grouped, code=code, is_resolved=resolved, as_json=as_json)
        )


Group = Annotated[
    str,
    typer.Option(
        "--all-of",
        metavar="GROUP",
        help="Everything open that is alike: by a fault's code, or the id of one exception of it.",
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; noted with who did it, for ever.")
]
Named = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        help="Exceptions, exc_...; or what they are about: messages, msg_..., or journals, SUT...",
    ),
]


@exceptions_app.command(short_help="Show one exception: what differs, what it may mean.")
def show(
    item_id: Annotated[str, typer.Argument(metavar="ID", help="The exception, exc_...")],
    *,
    reason: Reason = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show one exception, and what its message says where that is the question.

    Of a control id used twice, where the two messages differ; of bytes in another character set,
    which sets they fit. With --reason also what stands there, which is noted with who looked.
    """
    from suture.cli.exceptions_show import run

    raise typer.Exit(run(item_id, reason=reason, home=home, as_json=as_json))


@exceptions_app.command(short_help="Resolve exceptions that need no booking, with a reason.")
def dismiss(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of exceptions, exc_...")],
    *,
    reason: Reason,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Resolve exceptions that need no booking, with a reason. Parked money is out of reach."""
    from suture.cli.exceptions import run_dismiss

    raise typer.Exit(run_dismiss(ids, reason=reason, home=home, as_json=as_json))


@exceptions_app.command(short_help="Send refused journals again, under the same key.")
def resend(
    named: Named = None,
    *,
    all_of: Group = "",
    new_reference: Annotated[
        bool,
        typer.Option(
            "--new-reference", help="Make anew what another document's reference keeps out."
        ),
    ] = False,
    reason: Reason = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send refused journals again as they are, once their cause is mended; the ERP is asked first.

    Each keeps its idempotency key, and its exception closes when it is delivered. Where the ERP
    holds a stranger's document under our reference, --new-reference gives the journal another one.
    """
    from suture.cli.resend import run

    raise typer.Exit(
        run(
            named or [],
            all_of=all_of,
            is_renewed=new_reference,
            reason=reason,
            home=home,
            as_json=as_json,
        )
    )


@exceptions_app.command(short_help="Read messages that were not accepted again, from their bytes.")
def reprocess(
    named: Named = None,
    *,
    all_of: Group = "",
    reason: Reason = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Read messages that were not accepted again, under today's code and the release in force.

    What is accepted now books exactly once, and its exceptions close. An event that failed is told
    again.
    """
    from suture.cli.reprocess import run

    raise typer.Exit(run(named or [], all_of=all_of, reason=reason, home=home, as_json=as_json))


@app.command(short_help="Check an estate and bring it into force.")
def apply(
    estate: EstateFolder,
    *,
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="What changed, and why.")
    ] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Check an estate and bring it into force; parked work is then decided again."""
    from suture.cli.apply import run

    raise typer.Exit(run(estate, note=note, home=home, as_json=as_json))


@app.command(short_help="Prove that everything is booked or explained, and the ERP agrees.")
def reconcile(*, home: Home = None, as_json: Json = False) -> None:
    """Prove that everything received is booked or explained, and that the ERP agrees."""
    from suture.cli.reconcile import run

    raise typer.Exit(run(home=home, as_json=as_json))


@app.command(short_help="Show what Suture makes of a file, or where an id leads.")
def trace(  # noqa: PLR0913 - the options of a command
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|ID...",
            help="Files or folders; or ids: msg_ trn_ evt_ ent_ exc_ rel_, a journal, a document, "
            "a control id; a check, account, visit or claim number; a taken file's name.",
        ),
    ],
    *,
    estate: Annotated[
        Path | None,
        typer.Option("--estate", metavar="DIR", help="The estate to read files by; the sample's."),
    ] = None,
    source: Annotated[
        str,
        typer.Option("--source", metavar="NAME", help="Read files as of this source."),
    ] = "",
    events_max: Annotated[
        int, typer.Option("--events-max", min=0, help="Events shown of each message of a file.")
    ] = 50,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="Show the bytes of the one message an id leads to; needs --reason."
        ),
    ] = False,
    reason: Reason = "",
    charset: Annotated[
        str, typer.Option("--charset", metavar="NAME", help="Read the bytes of --raw as this.")
    ] = "utf-8",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what Suture would make of a file, touching nothing; or where an id leads, both ways.

    No patient's data is shown but with --raw, which is noted with who looked and why.
    """
    if raw:
        from suture.cli.reveal import run as reveal

        raise typer.Exit(
            reveal(targets, reason=reason, charset=charset, home=home, as_json=as_json)
        )
    if reason:
        raise typer.BadParameter("it goes with --raw", param_hint="--reason")
    from suture.cli.trace import run

    raise typer.Exit(
        run(
            targets,
            estate=estate,
            events_max=events_max,
            home=home,
            as_json=as_json,
            source=source,
        )
    )


@app.command(short_help="Run the sample estate against a simulated world, and prove it.")
def demo(
    *,
    days: Annotated[int, typer.Option("--days", min=1, help="Days to simulate.")] = 3,
    seed: Annotated[int, typer.Option("--seed", help="The same seed sends the same messages.")] = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Run the sample estate against a simulated world with planted faults, and prove the end."""
    from suture.cli.demo import run

    raise typer.Exit(run(days=days, seed=seed, as_json=as_json, home=home))


@app.command(short_help="Run a sandbox ERP where the estate says its ERP is.")
def sandbox(estate: EstateFolder, *, home: Home = None) -> None:
    """Run a sandbox ERP where the estate says its ERP is, until it is told to stop.

    It knows the estate's entities and accounts, and asks for the token that the estate names.
    """
    from suture.cli.sandbox import run

    raise typer.Exit(run(estate, home=home))


@app.command(short_help="Send HL7 v2 messages to a listener over MLLP.")
def send(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of HL7 v2 messages.")
    ],
    *,
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="The listener's port.")],
    host: Annotated[str, typer.Option("--host", help="The listener's host.")] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Send HL7 v2 messages to a listener over MLLP, one by one, and print its replies."""
    from suture.cli.send import run

    raise typer.Exit(run(files, host=host, port=port, as_json=as_json))


@app.command(short_help="Measure throughput and latency on this machine.")
def bench(
    *,
    stage: Annotated[
        str | None, typer.Argument(metavar="[STAGE]", help="One stage; all of them unless given.")
    ] = None,
    messages: Annotated[
        int, typer.Option("--messages", min=1, help="Messages of generated traffic.")
    ] = 20_000,
    as_json: Json = False,
) -> None:
    """Measure throughput and latency on this machine."""
    from suture.cli.bench import run

    raise typer.Exit(run(stage=stage, messages=messages, as_json=as_json))
