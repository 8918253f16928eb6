"""Encounters: what a registration system says about a visit, in FHIR.

Here: which Encounter.status is which facts. An ADT tells what happened, an Encounter how things
stand: a finished one says that the visit began and that it ended. Not here: who pays for it
(`fhir_account.py`). Next: `processes/encounter.py`. FHIR R4, 8.11.
"""

from __future__ import annotations

from suture.model.encounter import (
    EncounterAdmitted,
    EncounterCancelled,
    EncounterDischarged,
    EncounterFact,
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
)
from suture.model.translation import Routed, Translation
from suture.translate.fhir_common import (
    ACCOUNT_TYPES,
    PATIENT_TYPES,
    VISIT_TYPES,
    Draft,
    Moment,
    Numbers,
    Translator,
    code_of,
    concept,
    identifier,
    instant,
    isoday,
    reference,
)
from suture.wire.fhir import Resource
from suture.wire.fhir.elements import Coding, Period
from suture.wire.fhir.resources import Encounter, EncounterLocation

RenderedEncounter = (
    EncounterAdmitted
    | EncounterRegistered
    | EncounterPreadmitted
    | EncounterDischarged
    | EncounterCancelled
    | EncounterPreadmissionCancelled
)

_CLASSES = {
    "IMP": "I",
    "ACUTE": "I",
    "NONAC": "I",
    "EMER": "E",
    "PRENC": "P",
    "AMB": "O",
    "OBSENC": "O",
    "SS": "O",
    "HH": "O",
    "FLD": "O",
    "VR": "O",
}
"""ActCode -> HL7 table 0004, as PV1-2 has it."""
_CLASSES_BACK = {"I": "IMP", "E": "EMER", "P": "PRENC"}
_ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_UNDER_WAY = frozenset({"arrived", "triaged", "in-progress", "onleave"})
_TAKEN_BACK = frozenset({"cancelled", "entered-in-error"})


def translate_encounter(draft: Draft, resource: Resource) -> Translation:
    """Return what an Encounter means: that it is announced, has begun, has ended, or never was."""
    assert isinstance(resource, Encounter), "pipeline.py chooses the translator by the type"
    visit = draft.token("visit", draft.own_number(VISIT_TYPES))
    if not visit:
        draft.blame("fhir.element.missing", "identifier")
    began, ended = _moments(draft, resource)
    patient_class = _CLASSES.get(resource.class_.code, "")
    account = resource.account[0] if resource.account else None
    place = _place(resource)
    base = EncounterFact(
        visit=visit,
        patient=draft.patient(resource.subject, "subject"),
        account=draft.token("account", draft.number(account, "account[0]")),
        patient_class=patient_class,
        facility=draft.number(resource.service_provider, "serviceProvider")
        or draft.channel.facility,
        department="" if place is None else draft.number(place.location, "location"),
        hospital_service=code_of(resource.service_type),
        began_at_ms=0 if began is None else began.at_ms,
        began_on=None if began is None else began.on,
    )
    stream = f"encounter/{visit}"
    routed = [
        Routed(stream, fact, "Encounter") for fact in _facts(draft, resource.status, base, ended)
    ]
    return draft.verdict(routed, recorded=_recorded(resource))


def _facts(
    draft: Draft, status: str, base: EncounterFact, ended: Moment | None
) -> list[RenderedEncounter]:
    told = {name: getattr(base, name) for name in base.__struct_fields__}
    opened = EncounterAdmitted(**told) if base.patient_class == "I" else EncounterRegistered(**told)
    if status == "planned":
        return [EncounterPreadmitted(**told)]
    if status in _UNDER_WAY:
        return [opened]
    if status == "finished":
        end = {} if ended is None else {"ended_at_ms": ended.at_ms, "ended_on": ended.on}
        return [opened, EncounterDischarged(**told | end)]
    if status in _TAKEN_BACK:
        # It may have been announced, or under way, and whichever it was is over. With its opening
        # told beside it nobody looks for one.
        return [opened, EncounterCancelled(**told), EncounterPreadmissionCancelled(**told)]
    draft.blame("fhir.status.unsupported", "status")
    return []


def _moments(draft: Draft, resource: Encounter) -> tuple[Moment | None, Moment | None]:
    period = resource.period or Period()
    return draft.moment(period.start, "period.start"), draft.moment(period.end, "period.end")


def _recorded(resource: Encounter) -> str:
    period = resource.period or Period()
    return period.end or period.start


def _place(resource: Encounter) -> EncounterLocation | None:
    """Return where the patient is: the active place, else the last one told."""
    active = [each for each in resource.location if each.status == "active"]
    places = active or [*resource.location]
    return places[-1] if places else None


TRANSLATORS: dict[str, Translator] = {
    "Encounter": translate_encounter,
}
"""By resourceType."""


# And back out ---------------------------------------------------------------------------------


def render_encounter(fact: RenderedEncounter, numbers: Numbers) -> Encounter:
    """Return how a visit stands after a fact, as FHIR."""
    account = reference(numbers.get(fact.account, fact.account), "Account", ACCOUNT_TYPES[0])
    place = reference(fact.department, "Location")
    period = Period(
        start=instant(fact.began_at_ms) or isoday(fact.began_on),
        end=instant(fact.ended_at_ms) or isoday(fact.ended_on),
    )
    code = _CLASSES_BACK.get(fact.patient_class, "AMB")
    return Encounter(
        identifier=(identifier(numbers.get(fact.visit, fact.visit), VISIT_TYPES[0]),),
        status=_status(fact),
        class_=Coding(system=_ACT_CODES, code=code),
        service_type=concept("urn:suture:hospital-service", fact.hospital_service)
        if fact.hospital_service
        else None,
        subject=reference(numbers.get(fact.patient, fact.patient), "Patient", PATIENT_TYPES[0]),
        period=period if period.start or period.end else None,
        account=() if account is None else (account,),
        location=() if place is None else (EncounterLocation(location=place),),
        service_provider=reference(fact.facility, "Organization"),
    )


def _status(fact: RenderedEncounter) -> str:
    match fact:
        case EncounterPreadmitted():
            return "planned"
        case EncounterDischarged():
            return "finished"
        case EncounterCancelled() | EncounterPreadmissionCancelled():
            return "cancelled"
        case _:
            return "in-progress"
