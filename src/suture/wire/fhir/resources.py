"""FHIR R4 resources as thin structs: scheduling, encounters, parties, supply (money: `financial`).

Field names are FHIR's own in snake case. `RESOURCES` is by `resourceType`. Which facts they become
is `translate/fhir_*.py`.
"""

from __future__ import annotations

import msgspec

from suture.wire.fhir.elements import (
    CodeableConcept,
    Coding,
    Element,
    HumanName,
    Identifier,
    Meta,
    Period,
    Quantity,
    Reference,
)


class Resource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename="camel",
    tag_field="resourceType",
):
    """Base of every resource."""

    id: str = ""
    meta: Meta | None = None
    contained: tuple[msgspec.Raw, ...] = ()


class Participant(Element, frozen=True, kw_only=True):
    """Who or what an appointment is with: Appointment.participant."""

    type: tuple[CodeableConcept, ...] = ()
    actor: Reference | None = None
    required: str = ""
    status: str


class Appointment(Resource, frozen=True, kw_only=True, tag="Appointment"):
    """A booking of people, places and things for a time."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    cancelation_reason: CodeableConcept | None = None
    service_category: tuple[CodeableConcept, ...] = ()
    service_type: tuple[CodeableConcept, ...] = ()
    appointment_type: CodeableConcept | None = None
    start: str = ""
    end: str = ""
    minutes_duration: int = 0
    slot: tuple[Reference, ...] = ()
    created: str = ""
    participant: tuple[Participant, ...]


class Slot(Resource, frozen=True, kw_only=True, tag="Slot"):
    """A time that may be booked."""

    identifier: tuple[Identifier, ...] = ()
    service_type: tuple[CodeableConcept, ...] = ()
    schedule: Reference
    status: str
    start: str
    end: str
    overbooked: bool = False


class Schedule(Resource, frozen=True, kw_only=True, tag="Schedule"):
    """Whose or what's slots they are."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    service_type: tuple[CodeableConcept, ...] = ()
    actor: tuple[Reference, ...]
    planning_horizon: Period | None = None


class EncounterLocation(Element, frozen=True, kw_only=True):
    """Where a visit takes place: Encounter.location."""

    location: Reference
    status: str = ""
    period: Period | None = None


class Encounter(Resource, frozen=True, kw_only=True, tag="Encounter"):
    """A visit or stay."""

    identifier: tuple[Identifier, ...] = ()
    status: str
    class_: Coding = msgspec.field(name="class")
    type: tuple[CodeableConcept, ...] = ()
    service_type: CodeableConcept | None = None
    subject: Reference | None = None
    appointment: tuple[Reference, ...] = ()
    period: Period | None = None
    account: tuple[Reference, ...] = ()
    location: tuple[EncounterLocation, ...] = ()
    service_provider: Reference | None = None
    part_of: Reference | None = None


class PatientLink(Element, frozen=True, kw_only=True):
    """Another resource about the same person: Patient.link."""

    other: Reference
    type: str
    """replaced-by, replaces, refer, seealso."""


class Patient(Resource, frozen=True, kw_only=True, tag="Patient"):
    """A patient: only the numbers and links are read."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    link: tuple[PatientLink, ...] = ()


class Qualification(Element, frozen=True, kw_only=True):
    """A certificate: Practitioner.qualification."""

    identifier: tuple[Identifier, ...] = ()
    code: CodeableConcept
    period: Period | None = None


class Practitioner(Resource, frozen=True, kw_only=True, tag="Practitioner"):
    """A clinician."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    name: tuple[HumanName, ...] = ()
    qualification: tuple[Qualification, ...] = ()


class PractitionerRole(Resource, frozen=True, kw_only=True, tag="PractitionerRole"):
    """What a clinician does, where and for whom."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    period: Period | None = None
    practitioner: Reference | None = None
    organization: Reference | None = None
    code: tuple[CodeableConcept, ...] = ()
    specialty: tuple[CodeableConcept, ...] = ()
    location: tuple[Reference, ...] = ()


class Organization(Resource, frozen=True, kw_only=True, tag="Organization"):
    """A payer, supplier, facility or department."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    type: tuple[CodeableConcept, ...] = ()
    name: str = ""
    part_of: Reference | None = None


class Location(Resource, frozen=True, kw_only=True, tag="Location"):
    """A place."""

    identifier: tuple[Identifier, ...] = ()
    status: str = ""
    name: str = ""
    mode: str = ""
    type: tuple[CodeableConcept, ...] = ()
    physical_type: CodeableConcept | None = None
    managing_organization: Reference | None = None
    part_of: Reference | None = None


class SupplyRequest(Resource, frozen=True, kw_only=True, tag="SupplyRequest"):
    """A request for items."""

    identifier: tuple[Identifier, ...] = ()
    status: str = ""
    category: CodeableConcept | None = None
    priority: str = ""
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None
    quantity: Quantity
    occurrence_date_time: str = ""
    authored_on: str = ""
    requester: Reference | None = None
    deliver_from: Reference | None = None
    deliver_to: Reference | None = None


class SuppliedItem(Element, frozen=True, kw_only=True):
    """What was delivered: SupplyDelivery.suppliedItem."""

    quantity: Quantity | None = None
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None


class SupplyDelivery(Resource, frozen=True, kw_only=True, tag="SupplyDelivery"):
    """Items handed over."""

    identifier: tuple[Identifier, ...] = ()
    based_on: tuple[Reference, ...] = ()
    status: str = ""
    patient: Reference | None = None
    type: CodeableConcept | None = None
    supplied_item: SuppliedItem | None = None
    occurrence_date_time: str = ""
    supplier: Reference | None = None
    destination: Reference | None = None


class BundleRequest(Element, frozen=True, kw_only=True):
    """What to do with an entry: Bundle.entry.request."""

    method: str
    url: str
    if_match: str = ""
    if_none_exist: str = ""


class BundleLink(Element, frozen=True, kw_only=True):
    """A page of a search: Bundle.link."""

    relation: str
    url: str


class BundleEntry(Element, frozen=True, kw_only=True):
    """One entry; its resource is read by its own type."""

    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()
    request: BundleRequest | None = None


class Bundle(Resource, frozen=True, kw_only=True, tag="Bundle"):
    """Several resources: transaction, batch, searchset, collection, message, history."""

    identifier: Identifier | None = None
    type: str
    timestamp: str = ""
    total: int | None = None
    link: tuple[BundleLink, ...] = ()
    entry: tuple[BundleEntry, ...] = ()


RESOURCES: dict[str, type[Resource]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Appointment,
        Slot,
        Schedule,
        Encounter,
        Patient,
        Practitioner,
        PractitionerRole,
        Organization,
        Location,
        SupplyRequest,
        SupplyDelivery,
        Bundle,
    )
}
