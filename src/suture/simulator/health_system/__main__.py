"""Play the simulated health system: `python -m suture.simulator.health_system`.

Prints one JSON line at the end of each day, `{"day":1,"sent":208,...}`, so that a progress bar can
follow. Ends with 0 when everything was acknowledged, with 1 when the deadline passed before. What
is sent is `plan.py`, how `player.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import date
from pathlib import Path

import msgspec

from suture.simulator.health_system.plan import PATIENTS_PER_DAY, START_ON, generate
from suture.simulator.health_system.player import Address, GaveUpError, Player, Route
from suture.simulator.health_system.tally import Tally, read_tally

GAVE_UP = 1


def main(arguments: list[str] | None = None) -> int:
    """Play the days asked for and return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    to_day = options.to_day or options.days
    if not 1 <= options.from_day <= to_day <= options.days:
        parser.error("days must be 1 <= --from-day <= --to-day <= --days")
    tally = _tally(parser, options)
    route = Route(
        doors={
            "adt": options.adt,
            "scheduling": options.scheduling,
            "charges": options.charges,
        },
        remits=options.remits,
        connections=options.connections,
        rate_max=options.rate_max,
        deadline_seconds=options.deadline_seconds,
    )
    plan = generate(
        options.seed,
        options.days,
        start_on=options.start_on,
        patients_per_day=options.patients_per_day,
        canary=options.canary,
    )
    wanted = (each for each in plan if options.from_day <= each.day <= to_day)
    options.remits.mkdir(parents=True, exist_ok=True)

    def end_day(tally: Tally) -> None:
        tally.write(options.tally)
        _print_day(tally)

    try:
        asyncio.run(Player(route, tally).play(wanted, on_day=end_day))
        tally.is_complete = True
    except GaveUpError:
        sys.stderr.write("The deadline passed before everything was acknowledged.\n")
        return GAVE_UP
    finally:
        tally.write(options.tally)
    return 0


def _tally(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Tally:
    """Return a new tally, or the one of the days before when the first day asked for is later."""
    if options.from_day == 1 or not options.tally.exists():
        return Tally(seed=options.seed)
    tally = read_tally(options.tally)
    if (tally.seed, tally.day) != (options.seed, options.from_day - 1):
        parser.error(f"{options.tally.name} does not end with the day before --from-day")
    tally.is_complete = False
    return tally


def _print_day(tally: Tally) -> None:
    line = {
        "day": tally.day,
        "sent": tally.sent,
        "files": tally.files_written,
        "resends": tally.resends,
    }
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise argparse.ArgumentTypeError(f"not host:port: {text}")
    return Address(host.strip("[]"), int(port))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 9 and int(text)):
        raise argparse.ArgumentTypeError(f"not a number from 1 on: {text}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suture.simulator.health_system",
        description="Riverbend Health and its payers, sending days of messages.",
    )
    add = parser.add_argument
    add("--days", type=_count, required=True, help="days of the plan")
    add("--seed", type=int, default=1, help="another seed, another story")
    for door in ("adt", "scheduling", "charges"):
        add(f"--{door}", type=_address, required=True, metavar="HOST:PORT", help="MLLP listener")
    add("--remits", type=Path, required=True, metavar="FOLDER", help="where 835 files are put")
    add("--tally", type=Path, required=True, metavar="FILE", help="what was sent, as JSON")
    add("--connections", type=_count, default=4, help="MLLP connections to each door")
    add("--rate-max", type=float, default=0.0, metavar="N", help="messages a second; 0 unlimited")
    add("--from-day", type=_count, default=1, help="first day to play; continues the tally")
    add("--to-day", type=_count, default=0, help="last day to play")
    add("--deadline-seconds", type=float, default=0.0, help="give up after this long; 0 never")
    add("--patients-per-day", type=_count, default=PATIENTS_PER_DAY, help="visits begun a day")
    add("--start-on", type=date.fromisoformat, default=START_ON, help="date of the first day")
    add("--canary", action="store_true", help="add the patient whose every value is marked")
    return parser


if __name__ == "__main__":
    sys.exit(main())
