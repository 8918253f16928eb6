"""Rows of reference data: items, suppliers, employees, departments and charge items.

Here: the fact each row makes, told to the stream of its own kind and code, as HL7 v2 MFN and FHIR
do. Not here: which system is believed (`masterdata/`). Next: `processes/known.py` keeps it.
"""

from __future__ import annotations

from typing import Any

from suture.model.master_data import (
    ChargeItemRecorded,
    ItemRecorded,
    LocationRecorded,
    OrganizationRecorded,
    ProviderRecorded,
)
from suture.model.schema import ColumnType
from suture.model.translation import Routed
from suture.translate.tabular_common import (
    DATES,
    MONEY,
    NUMBERS,
    TEXTS,
    Made,
    RowDraft,
    RowTranslator,
)

_SHARED: dict[str, tuple[ColumnType, ...]] = {
    "code": ("code",),
    "name": TEXTS,
    "valid_from": DATES,
    "valid_until": DATES,
    "status": TEXTS,
}
_REQUIRED = ("code", "name")
_ACTIVE = frozenset({"A", "ACTIVE", "Y", "YES", "TRUE", "1"})
_INACTIVE = frozenset({"I", "INACTIVE", "N", "NO", "FALSE", "0"})
_UPDATED, _DEACTIVATED = "MUP", "MDC"
"""MFE-1."""
_DEPARTMENT_KIND = "D"
"""LOC-3."""
_Recorded = (
    ProviderRecorded | LocationRecorded | OrganizationRecorded | ItemRecorded | ChargeItemRecorded
)


def _is_active(draft: RowDraft) -> bool | None:
    told = draft.text("status").upper()
    return True if told in _ACTIVE else False if told in _INACTIVE else None


_ITEM = (
    "kind",
    "supplier",
    "supplier_item",
    "manufacturer_item",
    "unit",
    "price",
    "contract",
    "location",
    "quantity",
)
_SUPPLIER = ("kind", "national_id", "tax_id", "part_of")
_EMPLOYEE = ("national_id", "specialty", "department", "organization")
_DEPARTMENT = ("facility", "part_of", "cost_centre")
_CHARGE_ITEM = ("procedure", "revenue_code", "facility", "department")


def _told(draft: RowDraft, *fields: str) -> dict[str, Any]:
    """Return what every record tells, and these texts: a code, its system, since when it holds."""
    is_active = _is_active(draft)
    return {
        **{field: draft.text(field) for field in ("code", "name", *fields)},
        "system": draft.channel.source,
        "action": _DEACTIVATED if is_active is False else _UPDATED,
        "valid_from": draft.day("valid_from"),
        "valid_until": draft.day("valid_until"),
        "is_active": is_active,
        "where": draft.where,
    }


def _routed(draft: RowDraft, stream: str, fact: _Recorded) -> Made:
    return [Routed(f"{stream}/{fact.code}", fact, draft.where)], []


def _item(draft: RowDraft) -> Made:
    return _routed(draft, "item", ItemRecorded(**_told(draft, *_ITEM)))


def _supplier(draft: RowDraft) -> Made:
    told = _told(draft, *_SUPPLIER)
    return _routed(draft, "organization", OrganizationRecorded(**told | _kind(told, "supplier")))


def _employee(draft: RowDraft) -> Made:
    return _routed(draft, "provider", ProviderRecorded(**_told(draft, *_EMPLOYEE)))


def _department(draft: RowDraft) -> Made:
    told = _told(draft, *_DEPARTMENT)
    told |= {"kind": _DEPARTMENT_KIND, "department": told["code"]}
    return _routed(draft, "location", LocationRecorded(**told))


def _charge_item(draft: RowDraft) -> Made:
    told = _told(draft, *_CHARGE_ITEM) | {"price_minor": draft.number("price")}
    return _routed(draft, "charge_item", ChargeItemRecorded(**told))


def _kind(told: dict[str, Any], otherwise: str) -> dict[str, str]:
    return {"kind": told["kind"] or otherwise}


TRANSLATORS: dict[str, RowTranslator] = {
    "item": RowTranslator(
        fields=_SHARED | dict.fromkeys(_ITEM, TEXTS) | {"price": NUMBERS, "quantity": NUMBERS},
        required=_REQUIRED,
        make=_item,
    ),
    "supplier": RowTranslator(
        fields=_SHARED | dict.fromkeys(_SUPPLIER, TEXTS),
        required=_REQUIRED,
        make=_supplier,
    ),
    "employee": RowTranslator(
        fields=_SHARED | dict.fromkeys(_EMPLOYEE, TEXTS), required=_REQUIRED, make=_employee
    ),
    "department": RowTranslator(
        fields=_SHARED | dict.fromkeys(_DEPARTMENT, TEXTS), required=_REQUIRED, make=_department
    ),
    "charge_item": RowTranslator(
        fields=_SHARED | dict.fromkeys(_CHARGE_ITEM, TEXTS) | {"price": MONEY},
        required=_REQUIRED,
        make=_charge_item,
    ),
}
"""By the `fact` of a schema."""
