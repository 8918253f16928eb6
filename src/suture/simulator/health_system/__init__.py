"""The simulated health system: Riverbend's registration, scheduling, billing and payers, by seed.

    python -m suture.simulator.health_system --days 5 --seed 1 --adt 127.0.0.1:2575 ...

`plan.py` says what is sent (`story.py` who falls ill, `messages.py` HL7 v2, `payer.py` and
`remittance.py` the 835, `planted.py` what goes wrong), `player.py` sends it over MLLP and into a
folder and keeps a tally, `load.py` makes bulk for measuring. Of Suture it knows only the wire.
"""

from suture.simulator.health_system.people import CANARY_MARKER, canary_strings
from suture.simulator.health_system.places import (
    UNMAPPED_DEPARTMENT,
    UNMAPPED_FACILITY,
    UNMAPPED_HEALED_BY,
)
from suture.simulator.health_system.plan import (
    PATIENTS_PER_DAY,
    START_ON,
    TOTALS,
    Planned,
    Planting,
    Total,
    generate,
    manifest,
)
from suture.simulator.health_system.planted import FAULTS, HEALED_BY_SENDER

__all__ = [
    "CANARY_MARKER",
    "FAULTS",
    "HEALED_BY_SENDER",
    "PATIENTS_PER_DAY",
    "START_ON",
    "TOTALS",
    "UNMAPPED_DEPARTMENT",
    "UNMAPPED_FACILITY",
    "UNMAPPED_HEALED_BY",
    "Planned",
    "Planting",
    "Total",
    "canary_strings",
    "generate",
    "manifest",
]
