"""Encounter facts: what a registration system said about one visit (HL7 v2 ADT, BAR).

`processes/encounter.py` folds them into the visit's state: its course, where the patient was (A02,
A09, A10), which visit it lives on in (A42), and how it was coded (BAR P12). What an ADT message
says about the patient account (financial class, payer) is a separate fact in `account.py`, sent to
the account's own stream.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


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


class EncounterMove(EncounterFact, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what tells that a patient went from one place to another: when, and from where."""

    department_before: Operational[str] = ""
    """PV1-6.1, the place left."""
    moved_at_ms: Operational[int] = 0
    """EVN-6, when it happened, else EVN-2, when it was recorded; 0 where neither tells the time."""
    moved_on: Operational[date | None] = None
    """The same moment as a day in the facility's own time zone."""


class EncounterTransferred(EncounterMove, frozen=True, tag="encounter.transferred"):
    """A02: the patient has a new place, and its department bears the cost from now on."""


class EncounterDeparted(EncounterMove, frozen=True, tag="encounter.departed"):
    """A09: the patient is on the way; `department` is where to.

    Tracking only: the bed is kept.
    """


class EncounterArrived(EncounterMove, frozen=True, tag="encounter.arrived"):
    """A10: the patient is at `department` now. Tracking only, as A09."""


class EncounterMerged(msgspec.Struct, frozen=True, kw_only=True, tag="encounter.merged"):
    """A42, or A18 with MRG-5: `retired` was a second number of `survivor`. Told to both visits."""

    visit: Phi[str]
    """The one being told."""
    retired: Phi[str]
    survivor: Phi[str]


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One DG1."""

    code: Financial[str]
    """DG1-3.1."""
    coding: Financial[str] = ""
    """DG1-3.3, else DG1-2: I10, I9 ..."""
    kind: Financial[str] = ""
    """DG1-6, HL7 table 0052: A admitting, W working, F final."""
    rank: Financial[str] = ""
    """DG1-15: 1 is the principal one."""
    present_on_admission: Financial[str] = ""
    """DG1-26: Y, N, U, W."""
    number: Phi[str] = ""
    """Surrogate of DG1-20, by which it is changed or taken back."""
    action: Operational[str] = ""
    """DG1-21, HL7 table 0206: A added, U updated, D deleted."""


class Procedure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One PR1."""

    code: Financial[str]
    """PR1-3.1."""
    coding: Financial[str] = ""
    """PR1-3.3, else PR1-2: C4, HCPCS, I10P ..."""
    performed_on: Operational[date | None] = None
    """PR1-5."""
    rank: Financial[str] = ""
    """PR1-14: 1 is the principal one."""
    number: Phi[str] = ""
    """Surrogate of PR1-19, by which it is changed or taken back."""
    action: Operational[str] = ""
    """PR1-20, HL7 table 0206: A added, U updated, D deleted."""


class EncounterCoded(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="encounter.coded"
):
    """BAR P12, or the DG1, PR1 and DRG of P01 and P05: how the visit is coded."""

    visit: Phi[str]
    patient: Phi[str] = ""
    account: Phi[str] = ""
    diagnoses: Financial[tuple[Diagnosis, ...]] = ()
    procedures: Financial[tuple[Procedure, ...]] = ()
    drg: Financial[str] = ""
    """DRG-1.1."""
    is_whole: Operational[bool] = True
    """It replaces every coding before it: no DG1 or PR1 of it says what it does to an earlier one.
    Else it adds to, changes or takes from what was told before."""
