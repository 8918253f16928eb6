"""Supplies: FHIR SupplyRequest and SupplyDelivery.

Here: what care asks for (as an OMP or ORM does) and what was handed out (as an RDS does). Not here:
what is bought (`x12_850`). Next: `processes/known.py` keeps it. FHIR R4, 12.14, 12.15.
"""

from __future__ import annotations

from typing import Any

import msgspec

from suture.model.supply import SupplyCancelled, SupplyDispensed, SupplyRequested
from suture.model.translation import Routed, Translation
from suture.translate.fhir_common import (
    PATIENT_TYPES,
    Draft,
    Moment,
    Numbers,
    Translator,
    identifier,
    instant,
    isoday,
    quantity_of,
    reference,
)
from suture.wire.fhir import Resource
from suture.wire.fhir.elements import CodeableConcept, Coding, Quantity, Reference
from suture.wire.fhir.resources import SuppliedItem, SupplyDelivery, SupplyRequest

_CANCELLED = frozenset({"cancelled", "entered-in-error"})
_REQUEST_STATUSES = frozenset({"draft", "active", "suspended", "completed", "unknown", ""})
_UNDELIVERED = frozenset({"in-progress", "abandoned"})


def translate_request(draft: Draft, resource: Resource) -> Translation:
    """Return that an item is asked for, or no longer is, told to the order's stream."""
    assert isinstance(resource, SupplyRequest), "pipeline.py chooses the translator by the type"
    supply = draft.token("supply", draft.own_number(("PLAC", "FILL")))
    if not supply:
        draft.blame("fhir.element.missing", "identifier")
    if resource.status not in _REQUEST_STATUSES | _CANCELLED:
        draft.blame("fhir.status.unsupported", "status")
    text = resource.occurrence_date_time or resource.authored_on
    moment = draft.moment(text, "authoredOn")
    item, coding = _item(draft, resource.item_codeable_concept, resource.item_reference)
    quantity, unit = quantity_of(resource.quantity)
    told = _Told(item, coding, quantity, unit, moment)
    department = draft.number(resource.deliver_to, "deliverTo")
    fact: SupplyCancelled | SupplyRequested
    if resource.status in _CANCELLED:
        fact = SupplyCancelled(
            supply=supply, department=department, where="SupplyRequest", **told.fields(draft)
        )
    else:
        fact = SupplyRequested(
            supply=supply,
            department=department,
            status=resource.status,
            priority=resource.priority,
            where="SupplyRequest",
            **told.fields(draft),
        )
    routed = [Routed(f"supply/{supply}", fact, "SupplyRequest")]
    return draft.verdict(routed, recorded=resource.authored_on)


def translate_delivery(draft: Draft, resource: Resource) -> Translation:
    """Return that an item was handed out, told to its order's stream, else to its own.

    What is not completed moved nothing yet, and becomes no fact; what was entered in error is held.
    """
    assert isinstance(resource, SupplyDelivery), "pipeline.py chooses the translator by the type"
    recorded = resource.occurrence_date_time
    if resource.status in _UNDELIVERED:
        return draft.verdict(recorded=recorded)
    if resource.status not in {"completed", ""}:
        draft.blame("fhir.status.unsupported", "status")
    own = draft.own_number()
    order = draft.number(resource.based_on[0], "basedOn[0]") if resource.based_on else ""
    if not (order or own):
        draft.blame("fhir.element.missing", "identifier")
    supply = draft.token("supply", order or own)
    supplied = resource.supplied_item or SuppliedItem()
    item, coding = _item(draft, supplied.item_codeable_concept, supplied.item_reference)
    quantity, unit = quantity_of(supplied.quantity)
    told = _Told(item, coding, quantity, unit, draft.moment(recorded, "occurrenceDateTime"))
    fact = SupplyDispensed(
        supply=supply,
        dispense=draft.surrogate("dsp", supply, own),
        patient=draft.patient(resource.patient, "patient"),
        department=draft.number(resource.destination, "destination"),
        where="SupplyDelivery",
        **told.fields(draft),
    )
    routed = [Routed(f"supply/{supply}", fact, "SupplyDelivery")]
    return draft.verdict(routed, recorded=recorded)


class _Told(msgspec.Struct, frozen=True):
    """What requests and deliveries tell alike."""

    item: str
    coding: str
    quantity: str
    unit: str
    moment: Moment | None

    def fields(self, draft: Draft) -> dict[str, Any]:
        """Return them by the names a fact has for them."""
        return {
            "item": self.item,
            "coding": self.coding,
            "quantity": self.quantity,
            "unit": self.unit,
            "facility": draft.channel.facility,
            "occurred_at_ms": 0 if self.moment is None else self.moment.at_ms,
            "occurred_on": None if self.moment is None else self.moment.on,
        }


def _item(draft: Draft, told: CodeableConcept | None, named: Reference | None) -> tuple[str, str]:
    """Return an item's code and its coding system; of a reference, the number it has."""
    first = next((each for each in told.coding if each.code), None) if told else None
    if first is not None:
        return first.code.strip(), first.system
    return draft.number(named, "itemReference"), ""


TRANSLATORS: dict[str, Translator] = {
    "SupplyDelivery": translate_delivery,
    "SupplyRequest": translate_request,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_request(fact: SupplyRequested | SupplyCancelled, numbers: Numbers) -> SupplyRequest:
    """Return what is asked for, or no longer is, as FHIR."""
    status, priority = "cancelled", ""
    if isinstance(fact, SupplyRequested):
        status, priority = fact.status or "active", fact.priority
    return SupplyRequest(
        identifier=(identifier(numbers.get(fact.supply, fact.supply), "PLAC"),),
        status=status,
        priority=priority,
        item_codeable_concept=_concept(fact.item, fact.coding),
        quantity=_quantity(fact.quantity or "0", fact.unit),
        occurrence_date_time=instant(fact.occurred_at_ms) or isoday(fact.occurred_on),
        deliver_to=reference(fact.department, "Location"),
    )


def render_delivery(fact: SupplyDispensed, numbers: Numbers) -> SupplyDelivery:
    """Return what was handed out, as FHIR; its number is its business identity."""
    order = reference(numbers.get(fact.supply, fact.supply), "SupplyRequest", "PLAC")
    assert order is not None, "a dispense has an order"
    return SupplyDelivery(
        identifier=(identifier(fact.dispense),),
        based_on=(order,),
        status="completed",
        patient=reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0]),
        supplied_item=SuppliedItem(
            quantity=_quantity(fact.quantity, fact.unit) if fact.quantity else None,
            item_codeable_concept=_concept(fact.item, fact.coding) if fact.item else None,
        ),
        occurrence_date_time=instant(fact.occurred_at_ms) or isoday(fact.occurred_on),
        destination=reference(fact.department, "Location"),
    )


def _concept(code: str, system: str) -> CodeableConcept:
    if not code:
        return CodeableConcept(text="not told")
    return CodeableConcept(coding=(Coding(system=system, code=code),))


def _quantity(value: str, unit: str) -> Quantity:
    return msgspec.convert({"value": value, "unit": unit}, Quantity)
