"""Which translation reads what, and which process answers for a stream: the tables of the chain.

A new translation is a module in `translate/` and a line here, under what its messages are told by
(MSH-9.1, ST01, resourceType, the `fact` of a schema); a new process likewise, under the first word
of its streams. Nothing else names them one by one. What the chain does with them is `pipeline.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast, get_args

import msgspec

from suture.model.account import AccountRegistered, ChargeCredited, ChargePosted
from suture.model.appointment import SlotRecorded
from suture.model.claim import ClaimAdjudicated, ClaimSubmitted
from suture.model.coverage import CoverageReported
from suture.model.disclosure import Disclosure
from suture.model.envelope import ContentType, Envelope
from suture.model.fault import Fault
from suture.model.master_data import LocationRecorded, OrganizationRecorded, ProviderRecorded
from suture.model.party import PatientRecorded
from suture.model.supply import SupplyCancelled, SupplyDispensed, SupplyRequested
from suture.model.translation import Channel, Translation
from suture.processes import (
    appointment,
    claim,
    encounter,
    known,
    patient,
    patient_account,
    remittance,
)
from suture.processes.process import Process
from suture.translate import (
    fhir_account,
    fhir_adjudication,
    fhir_appointment,
    fhir_claim,
    fhir_coverage,
    fhir_encounter,
    fhir_party,
    fhir_payment,
    fhir_supply,
    hl7v2_adt,
    hl7v2_bar,
    hl7v2_dft,
    hl7v2_mfn,
    hl7v2_orm,
    hl7v2_rds,
    hl7v2_siu,
    hl7v2_write,
    hl7v2_write_adt,
    hl7v2_write_dft,
    hl7v2_write_mfn,
    hl7v2_write_siu,
    tabular_account,
    tabular_deposit,
    tabular_master,
    x12_270,
    x12_271,
    x12_276,
    x12_277,
    x12_277ca,
    x12_278,
    x12_810,
    x12_820,
    x12_832,
    x12_834,
    x12_835,
    x12_837,
    x12_850,
    x12_855,
    x12_856,
    x12_860,
    x12_999,
)
from suture.translate.fhir_common import Translator
from suture.translate.tabular_common import RowTranslator
from suture.translate.x12_common import Translator as SetTranslator
from suture.translate.x12_units import by_guide
from suture.wire import fhir, hl7v2

PROCESSES: dict[str, Process[Any]] = {
    "appointment": appointment,
    "encounter": encounter,
    "patient": patient,
    "patient_account": patient_account,
    "claim": claim,
    "remittance": remittance,
    **dict.fromkeys(known.STREAMS, known),
}

MESSAGE_TRANSLATORS: dict[str, Callable[[hl7v2.Message, Channel], Translation]] = {
    "SIU": hl7v2_siu.translate,
    "ADT": hl7v2_adt.translate,
    "DFT": hl7v2_dft.translate,
    "BAR": hl7v2_bar.translate,
    "ORM": hl7v2_orm.translate,
    "OMP": hl7v2_orm.translate,
    "OMS": hl7v2_orm.translate,
    "OMN": hl7v2_orm.translate,
    "RDS": hl7v2_rds.translate,
    "RAS": hl7v2_rds.translate,
    "MFN": hl7v2_mfn.translate,
}
"""By MSH-9.1."""

SET_TRANSLATORS: dict[str, SetTranslator] = {
    "270": x12_270.translate,
    "271": x12_271.translate,
    "276": x12_276.translate,
    "277": by_guide(
        {"277CA": x12_277ca.ClaimAcknowledgements, "277": x12_277.StatusReports},
    ),
    "278": x12_278.translate,
    "810": x12_810.translate,
    "820": x12_820.translate,
    "832": x12_832.translate,
    "834": x12_834.translate,
    "835": x12_835.translate,
    "837": x12_837.translate,
    "850": x12_850.translate,
    "855": x12_855.translate,
    "856": x12_856.translate,
    "860": x12_860.translate,
    "997": x12_999.translate,
    "999": x12_999.translate,
}
"""By ST01."""

RESOURCE_TRANSLATORS: dict[str, Translator] = {
    **fhir_account.TRANSLATORS,
    **fhir_appointment.TRANSLATORS,
    **fhir_claim.TRANSLATORS,
    **fhir_coverage.TRANSLATORS,
    **fhir_encounter.TRANSLATORS,
    **fhir_party.TRANSLATORS,
    **fhir_payment.TRANSLATORS,
    **fhir_supply.TRANSLATORS,
}
"""By resourceType."""

ROW_TRANSLATORS: dict[str, RowTranslator] = {
    **tabular_account.TRANSLATORS,
    **tabular_deposit.TRANSLATORS,
    **tabular_master.TRANSLATORS,
}
"""By the `fact` of a schema."""

TRANSLATIONS = (
    "hl7v2",
    *(f"hl7v2_{kind.lower()}" for kind in MESSAGE_TRANSLATORS),
    "x12",
    *(f"x12_{kind}" for kind in SET_TRANSLATORS),
    "x12_TA1",
    "fhir",
    "tabular",
    *(f"tabular_{fact}" for fact in ROW_TRANSLATORS),
    "bank",
    "bank_nacha",
    "bank_bai2",
)
"""What a source may be said to send: a format, or one translation of it, by its module's name."""


Renderer = Callable[[Any, Disclosure, Envelope], bytes | Fault]
"""Writes one fact: what may be told of whom, and what stands around it. Pure."""


class Format(msgspec.Struct, frozen=True):
    """What facts are written as for a receiver: their content type, and who writes which."""

    content_type: ContentType
    renderers: Mapping[type[msgspec.Struct], Renderer]

    def types(self, tells: tuple[str, ...]) -> dict[str, type[msgspec.Struct]]:
        """Return the facts it writes of those named, by type: `encounter`, `charge.posted`."""
        known = {str(kind.__struct_config__.tag): kind for kind in self.renderers}
        return {
            name: kind
            for name, kind in known.items()
            if any(name == tell or name.startswith(f"{tell}.") for tell in tells)
        }


def _resource(render: Callable[[Any, Mapping[str, str]], fhir.Resource]) -> Renderer:
    """Return a renderer of one resource, which takes numbers by their surrogates."""
    return lambda fact, disclosure, _: fhir.render(render(fact, disclosure.values))


def _party(render: Callable[[Any], fhir.Resource]) -> Renderer:
    """Return a renderer of master data, which names no patient."""
    return lambda fact, _, __: fhir.render(render(fact))


def _message(
    render: Callable[[Any, hl7v2_write.Envelope, Disclosure], bytes], *facts: object
) -> dict[type[msgspec.Struct], Renderer]:
    """Return a renderer of HL7 v2 messages for each of some facts, single or as unions."""

    def rendered(fact: Any, disclosure: Disclosure, envelope: Envelope) -> bytes:
        told = msgspec.structs.asdict(envelope)
        del told["control_number"]
        return render(fact, hl7v2_write.Envelope(**told), disclosure)

    return {kind: rendered for each in facts for kind in get_args(each) or (cast("Any", each),)}


_MESSAGES = {
    "hl7v2_siu": {
        **_message(hl7v2_write_siu.render_appointment, hl7v2_write_siu.AnyAppointment),
        **_message(lambda fact, at, _: hl7v2_write_siu.render_slot(fact, at), SlotRecorded),
    },
    "hl7v2_adt": {
        **_message(hl7v2_write_adt.render_encounter, hl7v2_write_adt.AnyEncounter),
        **_message(hl7v2_write_adt.render_person, PatientRecorded),
        **_message(hl7v2_write_adt.render_merge, hl7v2_write_adt.AnyMerge),
    },
    "hl7v2_dft": _message(
        lambda fact, at, told: hl7v2_write_dft.render_lines((fact,), at, told),
        hl7v2_write_dft.AnyLine,
    ),
    "hl7v2_mfn": _message(
        lambda fact, at, _: hl7v2_write_mfn.render_records((fact,), at), hl7v2_write_mfn.AnyRecord
    ),
}

RENDERERS: dict[str, Format] = {
    **{name: Format("application/hl7-v2+er7", each) for name, each in _MESSAGES.items()},
    "hl7v2": Format(
        "application/hl7-v2+er7",
        {kind: render for each in _MESSAGES.values() for kind, render in each.items()},
    ),
    "fhir": Format(
        "application/fhir+json",
        {
            **dict.fromkeys(
                cast("tuple[type[msgspec.Struct], ...]", get_args(fhir_appointment.AnyAppointment)),
                _resource(fhir_appointment.render_appointment),
            ),
            **dict.fromkeys(
                cast(
                    "tuple[type[msgspec.Struct], ...]", get_args(fhir_encounter.RenderedEncounter)
                ),
                _resource(fhir_encounter.render_encounter),
            ),
            AccountRegistered: _resource(fhir_account.render_account),
            ChargePosted: _resource(fhir_account.render_charge),
            ChargeCredited: _resource(fhir_account.render_charge),
            ClaimSubmitted: _resource(fhir_claim.render_claim),
            ClaimAdjudicated: _resource(fhir_adjudication.render_response),
            CoverageReported: _resource(fhir_coverage.render_coverage),
            SupplyRequested: _resource(fhir_supply.render_request),
            SupplyCancelled: _resource(fhir_supply.render_request),
            SupplyDispensed: _resource(fhir_supply.render_delivery),
            ProviderRecorded: _party(fhir_party.render_practitioner),
            OrganizationRecorded: _party(fhir_party.render_organization),
            LocationRecorded: _party(fhir_party.render_location),
        },
    ),
}
"""What a receiver may be told, by the name that `format` gives it."""
