"""Authorization facts: may this service be given, and how much of it (X12 278).

Requested and decided (also by a FHIR ClaimResponse with use `preauthorization`). Keyed by the
requester's trace number, which the answer echoes. The certification number it yields is what a
claim carries in REF G1.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often and for how long a service is given (HSD), all as sent."""

    unit: Operational[str] = ""
    """HSD01: VS visits, DY days, UN units, HS hours."""
    quantity: Operational[str] = ""
    """HSD02: how many of them; 3 visits of 3 visits a week for 2 months."""
    interval: Operational[str] = ""
    """HSD03: DA day, WK week, MO month."""
    modulus: Operational[str] = ""
    """HSD04: every so many intervals."""
    period: Operational[str] = ""
    """HSD05: 34 month, 35 week, 29 remaining ..."""
    periods: Operational[str] = ""
    """HSD06: for how many of them."""


ONCE = Delivery()
"""No HSD at all."""


class AuthorizedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One service of a review (loop 2000F), as asked for or as decided."""

    kind: Financial[str] = ""
    """professional (SV1), institutional (SV2) or dental (SV3); empty where no procedure is told."""
    procedure: Financial[str] = ""
    """SV101-2, SV202-2 or SV301-2."""
    modifiers: Financial[tuple[str, ...]] = ()
    revenue_code: Financial[str] = ""
    """SV201."""
    charge_minor: Financial[int | None] = None
    """SV102, SV203 or SV302."""
    quantity: Operational[str] = ""
    """SV104, SV205 or SV306, as sent."""
    unit: Operational[str] = ""
    """SV103 or SV204: UN units, DA days, MJ minutes; empty for dental."""
    delivery: Operational[Delivery] = ONCE
    starts_on: Operational[date | None] = None
    """DTP 472."""
    ends_on: Operational[date | None] = None
    action: Operational[str] = ""
    """HCR01 of the service itself, where it has one of its own."""
    number: Phi[str] = ""
    """Surrogate of HCR02 of the service itself."""
    reason: Operational[str] = ""
    """HCR03 of the service itself."""
    refusals: Operational[tuple[str, ...]] = ()
    """AAA03 of each of the service itself."""
    valid_from: Operational[date | None] = None
    """DTP 007 of the service itself, first day."""
    valid_until: Operational[date | None] = None
    """Its last day, or DTP 036."""
    where: Operational[str] = ""


class AuthorizationFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one authorization."""

    authorization: Phi[str]
    """Surrogate of TRN02 within TRN03; without a trace, of the certification number."""
    asker: Operational[str] = ""
    """TRN03, who gave the trace: 1 and a tax number, 9 and a number of their own."""
    payer: Financial[str] = ""
    """NM109 of loop 2010A: the utilization management organization."""
    provider: Operational[str] = ""
    """National provider id of the requester, loop 2010B."""
    member: Phi[str] = ""
    """Surrogate of NM109 of loop 2010C."""
    patient: Phi[str] = ""
    """Surrogate of the patient's own number (REF EA or EJ), where it is sent."""
    person: Phi[str] = ""
    """Surrogate of the details of the patient (`person.py`): NM1, N3, N4 and DMG."""
    subscriber: Phi[str] = ""
    """Surrogate of the subscriber's details, where that is somebody else."""
    is_subscriber: Operational[bool] = True
    """False where the patient is a dependent (2000D)."""
    relationship: Operational[str] = ""
    """INS02: 18 self, 01 spouse, 19 child ..."""
    category: Operational[str] = ""
    """UM01: AR admission review, HS health services review, SC specialty care."""
    kind: Operational[str] = ""
    """UM02: I initial, R renewal, S revised, 3 cancel, 4 extension."""
    service_type: Financial[str] = ""
    """UM03."""
    place: Operational[str] = ""
    """UM04 as sent: a place of service and its list, `11:B`, or a type of bill, `13:A`."""
    urgency: Operational[str] = ""
    """UM06: 03 emergency, U urgent, E elective."""
    diagnoses: Phi[tuple[str, ...]] = ()
    """HI: list and code of each, `ABK:M1711`."""
    earlier: Phi[str] = ""
    """Surrogate of REF BB: the certification number that is to be renewed or changed."""
    review: Phi[str] = ""
    """Surrogate of REF NT: the payer's number of a review that is pending."""
    delivery: Operational[Delivery] = ONCE
    services: Financial[tuple[AuthorizedItem, ...]] = ()
    starts_on: Operational[date | None] = None
    """First day of the event: DTP 435 of an admission, else AAH."""
    ends_on: Operational[date | None] = None
    """Its last day, or DTP 096."""
    where: Operational[str] = ""


class AuthorizationRequested(
    AuthorizationFact, frozen=True, kw_only=True, omit_defaults=True, tag="authorization.requested"
):
    """A 278 request (BHT02 = 13), or its cancellation (01)."""

    requested_on: Operational[date]
    """BHT04."""


class AuthorizationDecided(
    AuthorizationFact, frozen=True, kw_only=True, omit_defaults=True, tag="authorization.decided"
):
    """A 278 response (BHT02 = 11): certified, modified, pended or refused."""

    decision: Operational[str]
    """Business identity: BHT03 and place, hashed."""
    action: Operational[str] = ""
    """HCR01: A1 certified in total, A2 partly, A3 not certified, A4 pended, A6 modified, CT contact
    payer, NA no action required."""
    number: Phi[str] = ""
    """Surrogate of payer and HCR02, the certification number: as REF G1 of a claim."""
    reason: Operational[str] = ""
    """HCR03, why not: X12 code source 886."""
    refusals: Operational[tuple[str, ...]] = ()
    """AAA03 of each: why the request could not be looked at."""
    valid_from: Operational[date | None] = None
    """DTP 007, first day."""
    valid_until: Operational[date | None] = None
    """Its last day, or DTP 036."""
    decided_on: Operational[date]
    """BHT04."""
