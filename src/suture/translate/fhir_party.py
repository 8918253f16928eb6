"""Who is who: FHIR Practitioner, PractitionerRole, Organization, Location, and Patient's merges.

Here: each as what one system says of a clinician, an organization or a place. Of a Patient only the
numbers are read, by those who refer to it, and whether it was merged (`link`), as an ADT A40 says.
Not here: which system is believed, and who is the same as whom (`masterdata/`). A clinician's name
is no patient's. Next: `processes/known.py` keeps it. FHIR R4, 8.4, 8.5, 8.6, 8.8.
"""

from __future__ import annotations

from suture.model.master_data import (
    LocationRecorded,
    OrganizationRecorded,
    ProviderRecorded,
)
from suture.model.party import PatientMerged
from suture.model.translation import Routed, Translation
from suture.translate.fhir_common import (
    NATIONAL_PROVIDER,
    NATIONAL_TYPES,
    PATIENT_TYPES,
    Draft,
    Translator,
    code_of,
    concept,
    identifier,
    isoday,
    reference,
    type_codes,
)
from suture.wire.fhir import Resource
from suture.wire.fhir.elements import HumanName, Identifier, Period
from suture.wire.fhir.resources import (
    Location,
    Organization,
    Patient,
    Practitioner,
    PractitionerRole,
)

_TAX_TYPES = frozenset({"TAX", "EN"})
_CODE_TYPES = ("EI", "XX", "RI", "FI", "PRN")
_UNUSED = frozenset({"inactive", "suspended"})


def translate_patient(draft: Draft, resource: Resource) -> Translation:
    """Return which patient numbers turned out to be one, told to both; mostly nothing."""
    assert isinstance(resource, Patient), "pipeline.py chooses the translator by the type"
    routed = []
    for place, link in enumerate(resource.link):
        if link.type not in {"replaced-by", "replaces"}:
            continue
        where = f"link[{place}].other"
        own = draft.token("patient", draft.own_number(PATIENT_TYPES))
        other = draft.token("patient", draft.number(link.other, where, is_key=True))
        retired, survivor = (own, other) if link.type == "replaced-by" else (other, own)
        if not own:
            draft.blame("fhir.element.missing", "identifier")
        for told in (retired, survivor):
            fact = PatientMerged(patient=told, retired=retired, survivor=survivor)
            routed.append(Routed(f"patient/{told}", fact, f"Patient.{where}"))
    return draft.verdict(routed)


def translate_practitioner(draft: Draft, resource: Resource) -> Translation:
    """Return one record of a clinician, told to the stream of their own number."""
    assert isinstance(resource, Practitioner), "pipeline.py chooses the translator by the type"
    fact = ProviderRecorded(
        code=_code(draft, _CODE_TYPES),
        system=draft.channel.source,
        name=_name(resource.name),
        national_id=_of_types(resource.identifier, frozenset(NATIONAL_TYPES)),
        specialty=code_of(resource.qualification[0].code) if resource.qualification else "",
        is_active=resource.active,
        where="Practitioner",
    )
    return draft.verdict([Routed(f"provider/{fact.code}", fact, "Practitioner")])


def translate_role(draft: Draft, resource: Resource) -> Translation:
    """Return what a clinician does, and where, told to the stream of that clinician."""
    assert isinstance(resource, PractitionerRole), "pipeline.py chooses the translator by the type"
    starts_on, ends_on = draft.days(resource.period, "period")
    place = resource.location[0] if resource.location else None
    fact = ProviderRecorded(
        code=draft.number(resource.practitioner, "practitioner", is_key=True),
        system=draft.channel.source,
        specialty=code_of(resource.specialty[0]) if resource.specialty else "",
        department=draft.number(place, "location[0]"),
        organization=draft.number(resource.organization, "organization"),
        valid_from=starts_on,
        valid_until=ends_on,
        is_active=resource.active,
        where="PractitionerRole",
    )
    return draft.verdict([Routed(f"provider/{fact.code}", fact, "PractitionerRole")])


def translate_organization(draft: Draft, resource: Resource) -> Translation:
    """Return one record of an organization, told to the stream of its own number."""
    assert isinstance(resource, Organization), "pipeline.py chooses the translator by the type"
    fact = OrganizationRecorded(
        code=_code(draft, _CODE_TYPES),
        system=draft.channel.source,
        name=resource.name.strip(),
        kind=code_of(resource.type[0]) if resource.type else "",
        national_id=_of_types(resource.identifier, frozenset(NATIONAL_TYPES)),
        tax_id=_of_types(resource.identifier, _TAX_TYPES),
        part_of=draft.number(resource.part_of, "partOf"),
        is_active=resource.active,
        where="Organization",
    )
    return draft.verdict([Routed(f"organization/{fact.code}", fact, "Organization")])


def translate_location(draft: Draft, resource: Resource) -> Translation:
    """Return one record of a place, told to the stream of its own number."""
    assert isinstance(resource, Location), "pipeline.py chooses the translator by the type"
    is_active = resource.status not in _UNUSED if resource.status else None
    fact = LocationRecorded(
        code=_code(draft, _CODE_TYPES),
        system=draft.channel.source,
        name=resource.name.strip(),
        facility=draft.number(resource.managing_organization, "managingOrganization"),
        kind=code_of(resource.physical_type)
        or (code_of(resource.type[0]) if resource.type else ""),
        part_of=draft.number(resource.part_of, "partOf"),
        is_active=is_active,
        where="Location",
    )
    return draft.verdict([Routed(f"location/{fact.code}", fact, "Location")])


def _code(draft: Draft, types: tuple[str, ...]) -> str:
    code = draft.own_number(types)
    if not code:
        draft.blame("fhir.element.missing", "identifier")
    return code


def _of_types(identifiers: tuple[Identifier, ...], types: frozenset[str]) -> str:
    told = (each for each in identifiers if not types.isdisjoint(type_codes(each)))
    return next((each.value.strip() for each in told), "")


def _name(names: tuple[HumanName, ...]) -> str:
    """Return the first name as people read it: its text, else given and family."""
    if not names:
        return ""
    first = names[0]
    return (first.text or " ".join((*first.given, first.family))).strip()


TRANSLATORS: dict[str, Translator] = {
    "Location": translate_location,
    "Organization": translate_organization,
    "Patient": translate_patient,
    "Practitioner": translate_practitioner,
    "PractitionerRole": translate_role,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_practitioner(fact: ProviderRecorded) -> Practitioner:
    """Return a clinician as FHIR; where they work is `render_role`'s to say."""
    return Practitioner(
        identifier=(identifier(fact.code, _CODE_TYPES[0]), *_national(fact.national_id)),
        active=fact.is_active,
        name=(HumanName(text=fact.name),) if fact.name else (),
    )


def render_role(fact: ProviderRecorded) -> PractitionerRole:
    """Return what a clinician does, where and for whom, as FHIR."""
    place = reference(fact.department, "Location")
    period = Period(start=isoday(fact.valid_from), end=isoday(fact.valid_until))
    return PractitionerRole(
        active=fact.is_active,
        period=period if period.start or period.end else None,
        practitioner=reference(fact.code, "Practitioner", _CODE_TYPES[0]),
        organization=reference(fact.organization, "Organization"),
        specialty=(concept("urn:suture:specialty", fact.specialty),) if fact.specialty else (),
        location=() if place is None else (place,),
    )


def render_organization(fact: OrganizationRecorded) -> Organization:
    """Return an organization as FHIR."""
    tax = (identifier(fact.tax_id, "TAX"),) if fact.tax_id else ()
    return Organization(
        identifier=(identifier(fact.code, _CODE_TYPES[1]), *_national(fact.national_id), *tax),
        active=fact.is_active,
        type=(concept("urn:suture:organization-kind", fact.kind),) if fact.kind else (),
        name=fact.name,
        part_of=reference(fact.part_of, "Organization"),
    )


def render_location(fact: LocationRecorded) -> Location:
    """Return a place as FHIR."""
    status = {True: "active", False: "inactive", None: ""}[fact.is_active]
    return Location(
        identifier=(identifier(fact.code, _CODE_TYPES[3]),),
        status=status,
        name=fact.name,
        physical_type=concept("urn:suture:location-kind", fact.kind) if fact.kind else None,
        managing_organization=reference(fact.facility, "Organization"),
        part_of=reference(fact.part_of, "Location"),
    )


def _national(number: str) -> tuple[Identifier, ...]:
    return (identifier(number, "NPI", NATIONAL_PROVIDER),) if number else ()
