"""Supply facts: what care asks for and uses up (HL7 v2 OMP, ORM, RDS, RAS; FHIR Supply*).

Requested (ORM O01, OMP O09, OMS O05 and OMN O07 of supplies and drugs, FHIR SupplyRequest),
dispensed (RDS O13, FHIR SupplyDelivery), administered (RAS O17). Keyed by the order's number,
placer's or filler's. What is bought from suppliers is `purchase.py`; what an item is,
`master_data.py`.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class SupplyFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one supply order."""

    supply: Phi[str]
    """Surrogate of ORC-2, the placer's order number; of ORC-3 where that is empty."""
    patient: Phi[str] = ""
    account: Phi[str] = ""
    visit: Phi[str] = ""
    item: Operational[str] = ""
    """Item or drug code as sent: RXO-1, RXD-2, RXA-5, RQD-2 (else RQD-4, RQD-3)."""
    coding: Operational[str] = ""
    """Its system: NDC, RxNorm, or the item master's name."""
    quantity: Operational[str] = ""
    """As sent."""
    unit: Operational[str] = ""
    facility: Operational[str] = ""
    department: Operational[str] = ""
    """The department that asks or consumes."""
    occurred_at_ms: Operational[int] = 0
    occurred_on: Operational[date | None] = None
    where: Operational[str] = ""


class SupplyRequested(
    SupplyFact, frozen=True, kw_only=True, omit_defaults=True, tag="supply.requested"
):
    """ORC-1 = NW (XO, XX a change, RO a replacement): an item or drug is asked for."""

    status: Operational[str] = ""
    """ORC-1 as sent, or SupplyRequest.status."""
    priority: Operational[str] = ""


class SupplyCancelled(
    SupplyFact, frozen=True, kw_only=True, omit_defaults=True, tag="supply.cancelled"
):
    """ORC-1 = CA, OC, DC (RP, RU, RQ replaced): no longer asked for."""


class SupplyDispensed(
    SupplyFact, frozen=True, kw_only=True, omit_defaults=True, tag="supply.dispensed"
):
    """RDS, FHIR SupplyDelivery: handed out of stock."""

    dispense: Operational[str]
    """Business identity: the order with RXD-7 and RXD-1, surrogate; of a FHIR delivery its own."""
    lot: Operational[str] = ""
    """RXD-18."""
    serial: Operational[str] = ""
    cost_minor: Financial[int | None] = None
    """What the item cost us, where the message tells: FT1-22 times FT1-10."""


class SupplyAdministered(
    SupplyFact, frozen=True, kw_only=True, omit_defaults=True, tag="supply.administered"
):
    """RAS: given to the patient, or wasted."""

    administration: Operational[str]
    """Business identity: the order with RXA-1, RXA-2 and RXA-3."""
    action: Operational[str] = ""
    """RXA-21, HL7 table 0323: A added, U updated, D deleted (it was told in error)."""
    completion: Operational[str] = ""
    """RXA-20: CP complete, PA partial, NA not administered, RE refused."""
    lot: Operational[str] = ""
    """RXA-15."""
