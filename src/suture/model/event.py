"""Events: canonical facts in the log, each bound to one stream.

A stream is one business process of one business key, `patient_account/acc_...`; its events are
handled one after the other by the owner of its partition. The attributes follow CloudEvents 1.0
(`cloud_event`).
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec

from suture.model.account import (
    AccountAdjusted,
    AccountEnded,
    AccountMerged,
    AccountOpened,
    AccountPurged,
    AccountRegistered,
    ChargeCredited,
    ChargePosted,
    LinesTold,
    PaymentReceived,
    SurvivorsTold,
)
from suture.model.appointment import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentDeleted,
    AppointmentDiscontinued,
    AppointmentMissed,
    AppointmentModified,
    AppointmentRescheduled,
    AppointmentResourcesChanged,
    ScheduleRecorded,
    SlotRecorded,
)
from suture.model.authorization import AuthorizationDecided, AuthorizationRequested
from suture.model.claim import (
    ClaimAcknowledged,
    ClaimAdjudicated,
    ClaimStatusAsked,
    ClaimStatusReported,
    ClaimSubmitted,
)
from suture.model.coverage import CoverageAsked, CoverageEnrolled, CoverageReported
from suture.model.deposit import DepositReceived
from suture.model.encounter import (
    EncounterAdmitted,
    EncounterArrived,
    EncounterCancelled,
    EncounterCoded,
    EncounterDeparted,
    EncounterDischargeCancelled,
    EncounterDischarged,
    EncounterMadeInpatient,
    EncounterMadeOutpatient,
    EncounterMerged,
    EncounterPreadmissionCancelled,
    EncounterPreadmitted,
    EncounterRegistered,
    EncounterTransferCancelled,
    EncounterTransferred,
    EncounterUpdated,
)
from suture.model.interchange import (
    BatchAcknowledged,
    GroupAcknowledged,
    InterchangeAcknowledged,
)
from suture.model.master_data import (
    ChargeItemRecorded,
    ItemRecorded,
    LocationRecorded,
    OrganizationRecorded,
    ProviderRecorded,
)
from suture.model.party import PatientAbsorbed, PatientMerged, PatientRecorded
from suture.model.purchase import (
    PaymentAdvised,
    PurchaseAcknowledged,
    PurchaseChanged,
    PurchaseInvoiced,
    PurchaseOrdered,
    PurchaseShipped,
)
from suture.model.remittance import RemittanceReceived
from suture.model.supply import (
    SupplyAdministered,
    SupplyCancelled,
    SupplyDispensed,
    SupplyRequested,
)


class Reconsidered(msgspec.Struct, frozen=True, tag="release.reconsidered"):
    """A new release is in force: decide this stream's parked work again under it."""

    release: str
    number: int = 0
    """The release's place in the history, as people call it."""


Fact = (
    AppointmentBooked
    | AppointmentRescheduled
    | AppointmentModified
    | AppointmentCancelled
    | AppointmentDiscontinued
    | AppointmentDeleted
    | AppointmentMissed
    | AppointmentResourcesChanged
    | SlotRecorded
    | ScheduleRecorded
    | EncounterAdmitted
    | EncounterRegistered
    | EncounterPreadmitted
    | EncounterMadeInpatient
    | EncounterMadeOutpatient
    | EncounterUpdated
    | EncounterDischarged
    | EncounterCancelled
    | EncounterTransferCancelled
    | EncounterDischargeCancelled
    | EncounterPreadmissionCancelled
    | EncounterTransferred
    | EncounterDeparted
    | EncounterArrived
    | EncounterMerged
    | EncounterCoded
    | AccountRegistered
    | AccountOpened
    | AccountEnded
    | AccountPurged
    | ChargePosted
    | ChargeCredited
    | PaymentReceived
    | AccountAdjusted
    | AccountMerged
    | SurvivorsTold
    | LinesTold
    | PatientMerged
    | PatientRecorded
    | PatientAbsorbed
    | ClaimSubmitted
    | ClaimAcknowledged
    | ClaimStatusAsked
    | ClaimStatusReported
    | ClaimAdjudicated
    | RemittanceReceived
    | DepositReceived
    | CoverageAsked
    | CoverageReported
    | CoverageEnrolled
    | AuthorizationRequested
    | AuthorizationDecided
    | PurchaseOrdered
    | PurchaseChanged
    | PurchaseAcknowledged
    | PurchaseShipped
    | PurchaseInvoiced
    | PaymentAdvised
    | SupplyRequested
    | SupplyCancelled
    | SupplyDispensed
    | SupplyAdministered
    | ProviderRecorded
    | LocationRecorded
    | OrganizationRecorded
    | ItemRecorded
    | ChargeItemRecorded
    | InterchangeAcknowledged
    | GroupAcknowledged
    | BatchAcknowledged
    | Reconsidered
)

EVENTS_PER_MESSAGE_MAX = 100_000_000
"""Only for the order of stamps."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Fact] = msgspec.msgpack.Decoder(Fact)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact, told to one stream."""

    id: str
    stream: str
    """`<process>/<business key>`."""
    fact: Fact
    source: str
    """The source it came from; it selects the crosswalk rows of that source."""
    message_id: str
    where: str
    """Path of the segment that said it."""
    stamp: str
    """Orders what one system said about one thing: see `make_stamp`. Compare as text."""
    received_at_ms: int

    @property
    def type(self) -> str:
        """The event type, e.g. `claim.adjudicated`."""
        return fact_type(self.fact)


def make_stamp(
    recorded_at_ms: int, digest: str, ordinal: int, *, sequence: int = 0, message_ordinal: int = 0
) -> str:
    """Make a fact's stamp: when its sender recorded it, the sender's own sequence, bytes, place.

    `digest` is of the bytes that came as one, a message or a file; `message_ordinal` is the
    message's place in its file: of two messages of one instant, the later in the file is the later
    told. Only what was sent goes in, never the time or order of arrival, so that any order and any
    duplication of the same messages compares alike (convergence).
    """
    place = message_ordinal * EVENTS_PER_MESSAGE_MAX + ordinal
    return f"{recorded_at_ms:015d}-{sequence:018d}-{digest[:12]}-{place:012d}"


def told_at(stamp: str) -> str:
    """Return when a stamp's sender says it was told: the instant and the sequence in it."""
    return stamp.rsplit("-", 2)[0]


def told_in(stamp: str) -> str:
    """Return which bytes a stamp's fact came in: those of one file order what is told at once."""
    return stamp.rsplit("-", 2)[1] if stamp.count("-") > 1 else ""


def make_event(  # noqa: PLR0913 - the parts of an event
    stream: str,
    fact: Fact,
    where: str,
    ordinal: int,
    *,
    message_id: str,
    digest: str,
    recorded_at_ms: int,
    sequence: int,
    source: str,
    received_at_ms: int,
    message_ordinal: int = 0,
) -> Event:
    """Make the event `ordinal` of a message; its id and stamp follow from what was sent alone.

    Every driver makes its events here (engine, files, `suture trace`, specs), so that none of them
    can let another telling of one thing win. `message_ordinal` is 0 for a message that came alone.
    """
    return Event(
        id=f"evt_{message_id[4:]}.{ordinal:04d}",
        stream=stream,
        fact=fact,
        source=source,
        message_id=message_id,
        where=where,
        stamp=make_stamp(
            recorded_at_ms, digest, ordinal, sequence=sequence, message_ordinal=message_ordinal
        ),
        received_at_ms=received_at_ms,
    )


def fact_type(fact: Fact) -> str:
    """Return the type a fact is known by in the log, e.g. `charge.posted`."""
    return str(type(fact).__struct_config__.tag)


def process_of(stream: str) -> str:
    """Return the process a stream belongs to: `claim/clm_x` -> `claim`."""
    return stream.partition("/")[0]


def partition_of(stream: str, partitions_count: int) -> int:
    """Return the partition of a stream: CRC-32 of its name, so it is the same in every process."""
    return crc32(stream.encode()) % partitions_count


def encode_fact(fact: Fact) -> bytes:
    """Encode a fact for the log (MessagePack with its type tag)."""
    return _encoder.encode(fact)


def decode_fact(payload: bytes) -> Fact:
    """Decode what `encode_fact` wrote.

    Raises msgspec.ValidationError for an event this code does not know.
    """
    return _decoder.decode(payload)


def cloud_event(event: Event) -> dict[str, Any]:
    """Return the event as a CloudEvents 1.0 structure (JSON format attributes)."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"suture:source:{event.source}",
        "type": event.type,
        "subject": event.stream,
        "datacontenttype": "application/json",
        "data": msgspec.to_builtins(event.fact),
    }
