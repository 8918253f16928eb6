"""Authorization facts: may this service be given, and how much of it (X12 278).

Requested and decided. Keyed by the payer and the requester's trace number, which the answer
echoes. The certification number it yields is what a claim carries in REF G1.
"""

from __future__ import annotations

from datetime import date

import msgspec

from suture.model.data_class import Financial, Operational, Phi


class AuthorizedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One service of a review (loop 2000F), as asked for or as decided."""

    procedure: Financial[str] = ""
    """SV101-2, SV202-2 or SV301-2."""
    revenue_code: Financial[str] = ""
    quantity: Operational[str] = ""
    """SV104, SV205 or HSD02, as sent."""
    unit: Operational[str] = ""
    action: Operational[str] = ""
    """HCR01 of the service itself, where it has one of its own."""
    where: Operational[str] = ""


class AuthorizationFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every fact about one authorization."""

    authorization: Phi[str]
    """Surrogate of payer and TRN02."""
    payer: Financial[str] = ""
    """NM109 of loop 2010A: the utilization management organization."""
    provider: Operational[str] = ""
    """National provider id of the requester, loop 2010B."""
    member: Phi[str] = ""
    """Surrogate of NM109 of loop 2010C."""
    patient: Phi[str] = ""
    """Surrogate of the patient's own number (REF EJ), where it is sent."""
    category: Operational[str] = ""
    """UM01: AR admission review, HS health services review, SC specialty care."""
    kind: Operational[str] = ""
    """UM02: I initial, R renewal, S revised, 3 cancel, 4 extension."""
    service_type: Financial[str] = ""
    """UM03."""
    services: Financial[tuple[AuthorizedItem, ...]] = ()
    starts_on: Operational[date | None] = None
    """First day of the service: DTP 472 or 435."""
    ends_on: Operational[date | None] = None
    where: Operational[str] = ""


class AuthorizationRequested(
    AuthorizationFact, frozen=True, kw_only=True, omit_defaults=True, tag="authorization.requested"
):
    """A 278 request (BHT02 = 13)."""

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
    """Surrogate of HCR02, the certification number."""
    reason: Operational[str] = ""
    """HCR03, why not: X12 code source 886."""
    refusals: Operational[tuple[str, ...]] = ()
    """AAA03 of each: why the request could not be looked at."""
    valid_from: Operational[date | None] = None
    """DTP 007 or AAH, first day."""
    valid_until: Operational[date | None] = None
    decided_on: Operational[date]
    """BHT04."""
