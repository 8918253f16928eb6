"""Riverbend as its own systems know it: facilities, charge master, payers, one new department.

Constant tables (`facilities.csv`, `charge_master.csv`, `payers.csv`) of the simulated health
system, held here and not read from any estate: the world outside does not know how Suture is
configured. What happens to patients is `story.py`; what payers decide is `payer.py`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib import resources

import msgspec

UNMAPPED_FACILITY = "RGH"
UNMAPPED_DEPARTMENT = "ROBO"
"""A robotic surgery suite that opened last week: billing charges to it, no crosswalk knows it."""
UNMAPPED_HEALED_BY = ("*", UNMAPPED_FACILITY, UNMAPPED_DEPARTMENT, "RGH-7210", "surgery")
"""The row that heals it: source, facility, department, cost centre, service line."""


class Facility(msgspec.Struct, frozen=True):
    """A hospital or clinic."""

    code: str
    """As sent in PV1-3.4 and MSH-4."""
    name: str
    kind: str
    """hospital or clinic."""
    entity: str
    npi: str
    """The payee (1000B N104, qualifier XX) of payers that pay each facility."""
    tax_id: str
    """The payee (N104, qualifier FI) of payers that pay each legal entity."""


class ServiceItem(msgspec.Struct, frozen=True):
    """One row of the charge master (CDM)."""

    code: str
    """FT1-7."""
    department: str
    procedure: str
    """CPT or HCPCS, FT1-25 and SVC01-2; empty for rooms, supplies and oral drugs."""
    revenue_code: str
    price_minor: int
    quantity_max: int


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """An insurance as registration and remittances name it, and how generous it is."""

    code: str
    """IN1-3."""
    name: str
    company: str
    """TRN03, BPR10."""
    financial_class: str
    """PV1-20."""
    filing_inpatient: str
    filing_outpatient: str
    """CLP06."""
    allowed_basis_points: tuple[int, int]
    """Between which parts of the charge its contract allows, in 1/10,000."""
    share: str
    """How the patient takes part: deductible, coinsurance or copay (PR 1, 2, 3)."""
    pays_facilities: bool
    """Pays each facility by NPI; else each legal entity by tax id."""
    line_end: str
    """What its files have after each segment terminator."""
    patients_weight: int


SELF_PAY_WEIGHT = 10
SELF_PAY_CLASS = "SP"
"""PV1-20 of whoever has no insurance."""

_LINE_ENDS = {"none": "", "LF": "\n", "CRLF": "\r\n"}


def read_rows(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of one of this package's tables, by column."""
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return csv.DictReader(text.splitlines())


def _charge_master() -> dict[str, tuple[ServiceItem, ...]]:
    items: dict[str, list[ServiceItem]] = {}
    for row in read_rows("charge_master.csv"):
        item = ServiceItem(
            row["code"],
            row["department"],
            row["procedure"],
            row["revenue_code"],
            int(row["price_minor"]),
            int(row["quantity_max"]),
        )
        items.setdefault(item.department, []).append(item)
    return {department: tuple(found) for department, found in items.items()}


def _payer(row: dict[str, str]) -> Payer:
    return Payer(
        code=row["code"],
        name=row["name"],
        company=row["company"],
        financial_class=row["financial_class"],
        filing_inpatient=row["filing_inpatient"],
        filing_outpatient=row["filing_outpatient"],
        allowed_basis_points=(
            int(row["allowed_basis_points_min"]),
            int(row["allowed_basis_points_max"]),
        ),
        share=row["share"],
        pays_facilities=row["pays"] == "facility",
        line_end=_LINE_ENDS[row["line_end"]],
        patients_weight=int(row["patients_weight"]),
    )


PAYERS = tuple(map(_payer, read_rows("payers.csv")))
MEDICARE, MEDICAID, BLUECREST = PAYERS[:3]

FACILITIES = tuple(Facility(**row) for row in read_rows("facilities.csv"))
HOSPITALS = tuple(each for each in FACILITIES if each.kind == "hospital")
CLINICS = tuple(each for each in FACILITIES if each.kind == "clinic")
FACILITY_BY_CODE = {each.code: each for each in FACILITIES}

CHARGE_MASTER = _charge_master()
"""Items by performing department. Clinics know PRIM, PROC and LAB; hospitals the others and LAB."""

ROOMS = {"ICU": "ICU-ROOM", "MEDSURG": "MS-ROOM", "OB": "OB-ROOM"}
"""What a night in a ward is charged as."""
ITEM_BY_CODE = {item.code: item for items in CHARGE_MASTER.values() for item in items}
