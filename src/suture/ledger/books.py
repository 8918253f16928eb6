"""The books: an estate's tables compiled for posting, under one release.

Here: who the legal entities, facilities, accounts and payer classes are, and the two resolutions
every line needs, each remembered once found: a booking's codes to a `Place` (entity, facility,
payer class, cost centre), and an account role at that place to a `Side` (account and dimensions).
Not here: choosing the rule (`rules.py`), making the entry (`post.py`), reading the tables
(`governance/estate.py`).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Protocol

import msgspec

from suture.ledger.chart import Account, Entity, Facility, PayerClass
from suture.ledger.determination import Circumstances, Determination, DeterminationRow
from suture.ledger.period import Period, Periods
from suture.ledger.rules import CLAIM_BOOKINGS, Rule, Rules
from suture.model.decision import Booking
from suture.model.fault import Fault, fault

ALLOWANCE = "allowance_contractual"
ALLOWANCE_ESTIMATED = "allowance_estimated"
"""Takes the place of `allowance_contractual` for payer classes whose allowance is estimated at
charge."""

ANY_CODE = "*"
"""The code of the row in `crosswalks/facility.csv` that takes whatever its source sends and no
other row maps."""

_PLACES_MAX = 50_000
_CODE = re.compile(r"[A-Za-z0-9._/-]{1,20}")
"""What a code looks like. Anything else in its place may be anything, a name too, and stays out of
explanations."""


class LookUp(Protocol):
    """A look-up from codes as sent; `masterdata.crosswalk.Crosswalk` fills it."""

    def resolve(self, source: str, key: tuple[str, ...], on: date) -> tuple[str, ...] | None:
        """Return what `key` from `source` means on a day, or None."""
        ...


class LookUps(msgspec.Struct, frozen=True, kw_only=True):
    """The look-ups posting needs; each named as its file in `crosswalks/`."""

    facility: LookUp
    """(code,) -> (facility,). Payee ids of remittances (N104) are facility codes too. A row with
    code `*` takes what no other row maps."""
    department: LookUp
    """(facility, code) -> (cost centre, service line)."""
    service: LookUp
    """(charge or procedure code,) -> (service line,), where it differs from the department's."""
    payer: LookUp
    """(payer id,) -> (payer class,)."""
    financial_class: LookUp
    """(PV1-20,) -> (payer class,)."""
    filing_indicator: LookUp
    """(CLP06,) -> (payer class,)."""


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an estate says about booking, parsed and checked."""

    entities: tuple[Entity, ...]
    facilities: tuple[Facility, ...]
    accounts: tuple[Account, ...]
    payer_classes: tuple[PayerClass, ...]
    rules: tuple[Rule, ...]
    determination: tuple[DeterminationRow, ...]
    periods: tuple[Period, ...]
    look_ups: LookUps
    facilities_unnamed: dict[str, str] = {}
    """By source: the facility code of bookings whose message named none."""


class Side(msgspec.Struct, frozen=True):
    """Where one side of an amount goes: the account and its dimensions."""

    account: str
    cost_centre: str
    service_line: str
    payer_class: str


class Place(msgspec.Struct):
    """What a booking's codes mean: the circumstances its accounts depend on."""

    circumstances: Circumstances
    entity: Entity
    default_cost_centre: str
    cost_centre: str
    """The performing department's; empty when none is named or none is mapped."""
    is_assumed: bool
    """Whether the facility is only the wildcard row's: no row maps the code itself."""
    sides: dict[str, Side]
    """Sides already resolved, by role."""


class Books:
    """An estate's tables, compiled. Its content never changes: a change is another release."""

    __slots__ = (
        "_facilities_unnamed",
        "_look_ups",
        "_places",
        "accounts",
        "determination",
        "entities",
        "facilities",
        "payer_classes",
        "periods",
        "release",
        "rules",
    )

    def __init__(self, tables: Tables, release: str) -> None:
        """Compile the tables of the release with this id."""
        self.release = release
        self.entities = {entity.id: entity for entity in tables.entities}
        self.facilities = {facility.id: facility for facility in tables.facilities}
        self.accounts = {account.number: account for account in tables.accounts}
        self.payer_classes = {each.id: each for each in tables.payer_classes}
        self.rules = Rules(tables.rules)
        self.determination = Determination(tables.determination)
        self.periods = Periods(tables.periods)
        self._look_ups = tables.look_ups
        self._facilities_unnamed = dict(tables.facilities_unnamed)
        self._places: dict[tuple[object, ...], Place] = {}

    def place(self, booking: Booking, source: str, where: str) -> Place | Fault:
        """Resolve a booking's facility, payer class, department and service by the crosswalks.

        Faults: `ledger.facility.unmapped`, `ledger.payer_class.unmapped`. A department that is
        not mapped is a fault only where a side needs its cost centre (`side`).
        """
        key = (
            source,
            booking.facility,
            booking.department,
            booking.payer,
            booking.financial_class,
            booking.patient_class,
            booking.service_code,
            booking.effective_on,
            booking.kind,
            booking.needs_payer_class,
        )
        place = self._places.get(key)
        if place is None:
            found = self._find_place(booking, source, where)
            if isinstance(found, Fault):
                return found
            if len(self._places) >= _PLACES_MAX:
                self._places.clear()
            place = self._places[key] = found
        return place

    def _find_place(self, booking: Booking, source: str, where: str) -> Place | Fault:
        found_facility = self._facility(booking, source)
        if found_facility is None:
            return _unmapped_facility(booking, source, where)
        facility, is_assumed = found_facility
        payer_class = self._payer_class(booking, source)
        if payer_class is None and booking.needs_payer_class:
            return _unmapped_payer_class(booking, source, where)
        cost_centre, service_line = "", ""
        on = booking.effective_on
        if booking.department:
            department = (facility.id, booking.department)
            found = self._look_ups.department.resolve(source, department, on)
            cost_centre, service_line = found or ("", "")
        if booking.service_code:
            found = self._look_ups.service.resolve(source, (booking.service_code,), on)
            service_line = found[0] if found else service_line
        return Place(
            circumstances=Circumstances(
                facility.entity,
                facility.id,
                payer_class or "",
                booking.patient_class,
                service_line,
                booking.department,
            ),
            entity=self.entities[facility.entity],
            default_cost_centre=facility.default_cost_centre,
            cost_centre=cost_centre,
            is_assumed=is_assumed,
            sides={},
        )

    def _facility(self, booking: Booking, source: str) -> tuple[Facility, bool] | None:
        """Return the facility, and whether only the wildcard row names it.

        A message that names none is of the facility its source assumes. A code is looked up by
        itself, then under the wildcard; the wildcard's own letters, as sent, are no code.
        """
        on = booking.effective_on
        code = booking.facility or self._facilities_unnamed.get(source, "")
        resolve = self._look_ups.facility.resolve
        found = resolve(source, (code,), on) if code != ANY_CODE else None
        is_assumed = found is None and bool(booking.facility)
        if is_assumed:
            found = resolve(source, (ANY_CODE,), on)
        facility = self.facilities.get(found[0]) if found else None
        return None if facility is None else (facility, is_assumed)

    def _payer_class(self, booking: Booking, source: str) -> str | None:
        """Return the payer class: the payer's own, else that of the financial class or CLP06."""
        on = booking.effective_on
        found = None
        if booking.payer:
            found = self._look_ups.payer.resolve(source, (booking.payer,), on)
        if found is None and booking.financial_class:
            table = (
                self._look_ups.filing_indicator
                if booking.kind in CLAIM_BOOKINGS
                else self._look_ups.financial_class
            )
            found = table.resolve(source, (booking.financial_class,), on)
        return found[0] if found else None

    def side(self, role: str, place: Place, source: str, where: str) -> Side | Fault:
        """Resolve an account role at a place to its account and dimensions.

        Lines on accounts that take a cost centre carry the service line too; all others carry
        facility and payer class only. Faults: `ledger.account.undetermined`,
        `ledger.department.unmapped`.
        """
        circumstances = place.circumstances
        number = self.determination.account(self._role(role, circumstances), circumstances)
        account = self.accounts.get(number or "")
        if account is None:
            return _undetermined(role, circumstances, where)
        cost_centre = ""
        if account.cost_centre:
            is_named = account.cost_centre == "department" or circumstances.department
            cost_centre = place.cost_centre if is_named else place.default_cost_centre
            if not cost_centre:
                return _unmapped_department(circumstances, source, where)
        side = Side(
            account=account.number,
            cost_centre=cost_centre,
            service_line=circumstances.service_line if cost_centre else "",
            payer_class=account.payer_class or circumstances.payer_class,
        )
        place.sides[role] = side
        return side

    def _role(self, role: str, circumstances: Circumstances) -> str:
        if role != ALLOWANCE:
            return role
        payer_class = self.payer_classes.get(circumstances.payer_class)
        is_estimated = payer_class is not None and payer_class.estimate_at_charge
        return ALLOWANCE_ESTIMATED if is_estimated else ALLOWANCE


def shown(code: str) -> str:
    """Return a code from a message fit for an explanation: quoted where it looks like a code."""
    return f"`{code}`" if not code or _CODE.fullmatch(code) else "a value that is no code"


def _told(noun: str, code: str) -> str:
    return f"{noun} {shown(code)}" if code else f"no {noun}"


def _unmapped_facility(booking: Booking, source: str, where: str) -> Fault:
    explanation = (
        f"Source `{source}` sent facility code {shown(booking.facility)}, which no row of "
        f"crosswalks/facility.csv maps on {booking.effective_on}."
        if booking.facility
        else f"The message names no facility and source `{source}` assumes none: give "
        f"sources/{source}.toml a `facility`."
    )
    return fault("ledger.facility.unmapped", where, explanation)


def _unmapped_payer_class(booking: Booking, source: str, where: str) -> Fault:
    table = "filing_indicator" if booking.kind in CLAIM_BOOKINGS else "financial_class"
    explanation = (
        f"Source `{source}` sent {_told('payer', booking.payer)} and "
        f"{_told(table.replace('_', ' '), booking.financial_class)}: no row of "
        f"crosswalks/payer.csv or crosswalks/{table}.csv maps either on {booking.effective_on}."
    )
    return fault("ledger.payer_class.unmapped", where, explanation)


def _unmapped_department(circumstances: Circumstances, source: str, where: str) -> Fault:
    explanation = (
        f"Source `{source}` sent department {shown(circumstances.department)} of facility "
        f"`{circumstances.facility}`, which no row of crosswalks/department.csv maps on that date."
        if circumstances.department
        else f"Revenue of facility `{circumstances.facility}` needs the performing department, and "
        f"source `{source}` named none."
    )
    return fault("ledger.department.unmapped", where, explanation)


def _undetermined(role: str, circumstances: Circumstances, where: str) -> Fault:
    told = ", ".join(
        f"{name} {shown(value)}" for name, value in circumstances._asdict().items() if value
    )
    return fault(
        "ledger.account.undetermined",
        where,
        f"No row of ledger/account_determination.csv gives role `{role}` an account for {told}.",
    )
