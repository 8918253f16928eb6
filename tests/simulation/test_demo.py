"""`suture demo`, for real and as short as can be: every fault is planted, healed, and proven away.

That each figure it ends with can be otherwise: `tests/integration/test_demo_figures.py`; that any
length and seed plants every fault: `tests/unit/simulator/test_health_system_plan.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suture.cli.demo import ERP_FAULTS, ERP_FAULTS_SPOKEN, TALLY, run
from suture.simulator.health_system import FAULTS, HEALED_BY_SENDER


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_day_is_enough_to_plant_every_fault_and_to_prove_that_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "demo"
    assert run(days=1, seed=2, as_json=True, home=home) == 0
    written = capsys.readouterr()
    told, tally = json.loads(written.out), json.loads((home / TALLY).read_text())
    assert set(tally["planted"]) == set(FAULTS)
    assert set(tally["healed"]) == HEALED_BY_SENDER
    spoken = " ".join(written.err.split())
    for fault in ERP_FAULTS:
        assert f"{ERP_FAULTS_SPOKEN[fault['mode']]} ({fault['count']})" in spoken
    for zero in (
        "entries_unbalanced",
        "exceptions_open",
        "journals_posted_twice",
        "conservation_gap",
        "ledger_imbalance_minor",
        "erp_difference_minor",
    ):
        assert told[zero] == 0, zero
    assert told["messages_duplicate"] == 2, "a message, and the file under another name"
    assert told["messages_held"] == 3, "the reused control id and trace, the unbalanced remittance"
    assert told["journals_posted"] > 0
    assert told["entries"] > told["journals_posted"]
