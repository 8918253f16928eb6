"""Encounter facts: what a registration system said about one visit (HL7 v2 ADT).

`processes/encounter.py` folds them into the visit's state. What an ADT message says about the
patient account (financial class, payer) is a separate fact in `account.py`, sent to the account's
own stream.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Operational, Phi


class EncounterFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every ADT message tells of its visit. Empty text means the message was silent."""

    visit: Phi[str]
    """Surrogate of PV1-19, or of PID-18 where the sender keeps one visit to an account."""
    patient: Phi[str] = ""
    account: Phi[str] = ""
    patient_class: Operational[str] = ""
    """PV1-2, HL7 table 0004: I inpatient, O outpatient, E emergency, P pre-admit, R recurring, B
    obstetrics."""
    facility: Operational[str] = ""
    department: Operational[str] = ""
    """Point of care: PV1-3.1."""
    hospital_service: Operational[str] = ""
    """PV1-10."""
    began_at_ms: Operational[int] = 0
    """PV1-44; 0 when not told."""
    began_on: Operational[date | None] = None
    ended_at_ms: Operational[int] = 0
    """PV1-45; 0 when not told."""
    ended_on: Operational[date | None] = None


class EncounterAdmitted(EncounterFact, frozen=True, tag="encounter.admitted"):
    """A01: an inpatient stay begins."""


class EncounterRegistered(EncounterFact, frozen=True, tag="encounter.registered"):
    """A04: an outpatient or emergency visit begins."""


class EncounterPreadmitted(EncounterFact, frozen=True, tag="encounter.preadmitted"):
    """A05: a visit is announced; nothing has begun."""


class EncounterMadeInpatient(EncounterFact, frozen=True, tag="encounter.made_inpatient"):
    """A06: an outpatient becomes an inpatient."""


class EncounterMadeOutpatient(EncounterFact, frozen=True, tag="encounter.made_outpatient"):
    """A07: an inpatient becomes an outpatient."""


class EncounterUpdated(EncounterFact, frozen=True, tag="encounter.updated"):
    """A08: details changed that no other event covers."""


class EncounterDischarged(EncounterFact, frozen=True, tag="encounter.discharged"):
    """A03: the visit ends."""


class EncounterCancelled(EncounterFact, frozen=True, tag="encounter.cancelled"):
    """A11: the admission (A01) or registration (A04) is taken back."""


class EncounterTransferCancelled(EncounterFact, frozen=True, tag="encounter.transfer_cancelled"):
    """A12: a transfer is taken back; the message carries the place the patient is really in."""


class EncounterDischargeCancelled(EncounterFact, frozen=True, tag="encounter.discharge_cancelled"):
    """A13: the discharge (A03) is taken back; the visit is open again."""


class EncounterPreadmissionCancelled(
    EncounterFact, frozen=True, tag="encounter.preadmission_cancelled"
):
    """A38: the pre-admission (A05) is taken back."""
