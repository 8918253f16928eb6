"""Party facts: who is who. Patients, their details and their merges (HL7 v2 ADT A28, A31, A40).

A merge never moves a posted line; it records which identity survives. Kept by
`processes/patient.py`.
"""

from __future__ import annotations

import msgspec

from suture.model.data_class import Phi


class PatientMerged(msgspec.Struct, frozen=True, kw_only=True, tag="patient.merged"):
    """MRG-1 (`retired`) turned out to be PID-3 (`survivor`): A40, A18, A34, A36.

    Told to both patients.
    """

    patient: Phi[str]
    """The one being told."""
    retired: Phi[str]
    survivor: Phi[str]


class PatientRecorded(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="patient.recorded"
):
    """A28 or A31: a person became known to a registration system, or their details changed."""

    patient: Phi[str]
    person: Phi[str] = ""
    """Surrogate of all details together (`person.py`); empty where none was told."""


class PatientAbsorbed(msgspec.Struct, frozen=True, kw_only=True, tag="patient.absorbed"):
    """Sent on by a retired patient's process.

    It names everyone who, through that patient, now lives on in `patient`.
    """

    patient: Phi[str]
    absorbed: Phi[tuple[str, ...]]
