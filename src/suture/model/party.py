"""Party facts: who is who. In this house's first rooms, patients and their merges (HL7 v2 ADT A40).

A merge never moves a posted line; it records which identity survives. Kept by
`processes/patient.py`.
"""

from __future__ import annotations

import msgspec

from suture.model.data_class import Phi


class PatientMerged(msgspec.Struct, frozen=True, kw_only=True, tag="patient.merged"):
    """A40: MRG-1 (`retired`) turned out to be PID-3 (`survivor`). Told to both patients."""

    patient: Phi[str]
    """The one being told."""
    retired: Phi[str]
    survivor: Phi[str]


class PatientAbsorbed(msgspec.Struct, frozen=True, kw_only=True, tag="patient.absorbed"):
    """Sent on by a retired patient's process.

    It names everyone who, through that patient, now lives on in `patient`.
    """

    patient: Phi[str]
    absorbed: Phi[tuple[str, ...]]
