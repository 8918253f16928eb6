"""Master data facts: what one system says of a provider, place, item or price (HL7 v2 MFN; FHIR).

Staff (MFN M02, FHIR Practitioner and PractitionerRole), charge master (M04), locations (M05, FHIR
Location), items (M13 to M16, X12 832), organizations (FHIR Organization). Each is told to the
stream of its own kind and code. Which system is believed is the estate's to say
(`authoritative`), and who is the same as whom `masterdata/`'s.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational


class MasterFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one record of reference data."""

    code: Operational[str]
    """MFE-4, the record's key in its own system."""
    system: Operational[str] = ""
    """Which system's code it is: MFI-1 with MSH-3, an identifier's system, an 832's supplier."""
    action: Operational[str] = "MUP"
    """MFE-1: MAD add, MUP update, MDC deactivate, MAC reactivate, MDL delete."""
    name: Operational[str] = ""
    """As shown to people: a department's or an item's name. A provider is no patient."""
    valid_from: Operational[date | None] = None
    """MFE-3."""
    valid_until: Operational[date | None] = None
    where: Operational[str] = ""


class ProviderRecorded(
    MasterFact, frozen=True, kw_only=True, omit_defaults=True, tag="provider.recorded"
):
    """A clinician: STF and PRA (M02), FHIR Practitioner, PractitionerRole."""

    national_id: Operational[str] = ""
    """NPI."""
    specialty: Operational[str] = ""
    """PRA-5.1, taxonomy or local code."""
    department: Operational[str] = ""
    organization: Operational[str] = ""
    is_active: Operational[bool | None] = None


class LocationRecorded(
    MasterFact, frozen=True, kw_only=True, omit_defaults=True, tag="location.recorded"
):
    """A place: LOC and LDP (M05), FHIR Location."""

    facility: Operational[str] = ""
    department: Operational[str] = ""
    """LDP-2."""
    kind: Operational[str] = ""
    """LOC-3: N nursing unit, R room, B bed, C clinic, D department, E exam room, L other ..."""
    part_of: Operational[str] = ""
    """LRL-6 where LRL-4 is PAR."""
    cost_centre: Financial[str] = ""
    """LDP-12."""
    is_active: Operational[bool | None] = None


class OrganizationRecorded(
    MasterFact, frozen=True, kw_only=True, omit_defaults=True, tag="organization.recorded"
):
    """A payer, supplier, facility or legal entity: FHIR Organization; an 832's supplier."""

    kind: Operational[str] = ""
    """prov, pay, dept ..., Organization.type."""
    national_id: Operational[str] = ""
    """NPI or payer id."""
    tax_id: Financial[str] = ""
    part_of: Operational[str] = ""
    is_active: Operational[bool | None] = None


class ItemRecorded(MasterFact, frozen=True, kw_only=True, omit_defaults=True, tag="item.recorded"):
    """An item of stock: ITM (M16), IIM (M15), 832 `LIN`."""

    kind: Operational[str] = ""
    """ITM-4: IMP implant, MED medication, SUP supply ..."""
    supplier: Operational[str] = ""
    supplier_item: Operational[str] = ""
    manufacturer_item: Operational[str] = ""
    unit: Operational[str] = ""
    price: Financial[str] = ""
    """As sent: CTP03 of an 832, IIM-10, ITM-21: prices have more than two decimals."""
    contract: Financial[str] = ""
    location: Operational[str] = ""
    """IIM-6 or IVT-2, where it is stocked."""
    quantity: Operational[str] = ""
    """IIM-12, on hand."""
    is_active: Operational[bool | None] = None


class ChargeItemRecorded(
    MasterFact, frozen=True, kw_only=True, omit_defaults=True, tag="charge_item.recorded"
):
    """A row of the charge description master: CDM and PRC (M04)."""

    price_minor: Financial[int | None] = None
    """PRC-5, the gross price."""
    procedure: Financial[str] = ""
    """CDM-7."""
    revenue_code: Financial[str] = ""
    facility: Operational[str] = ""
    """PRC-2: a price may differ by facility, and each has a stream of its own then."""
    department: Operational[str] = ""
    """PRC-3."""
    is_active: Operational[bool | None] = None
    """PRC-16, else CDM-8 (A active, I inactive)."""
