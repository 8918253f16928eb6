"""Our tables beside an independent reading of the same guides: the maps of the `pyx12` package.

Each segment of a guide that pyx12 has is compared: position, usage, repeat, the loop's repeat and
the qualifiers that tell it from others. The tables were written from the published guides, not from
these maps; where the two differ, the reason stands below, one by one. How both judge whole files is
in tests/corpus/test_x12_pyx12_corpus.py.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, NamedTuple

import pytest
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from suture.wire.x12.guide import LoopRule, SegmentRule, read_guide

MAPS = {
    "277CA_005010X214": "277.5010.X214.xml",
    "277_005010X212": "277.5010.X212.xml",
    "820_005010X218": "820.5010.X218.xml",
    "834_005010X220A1": "834.5010.X220.A1.xml",
    "835_005010X221A1": "835.5010.X221.A1.xml",
    "837I_005010X223A2": "837Q3.I.5010.X223.A1.xml",
    "837P_005010X222A1": "837.5010.X222.A1.xml",
    "997_004010": "997.4010.xml",
    "999_005010X231A1": "999.5010X231.A1.xml",
}

DIFFERENCES = {
    ("837P_005010X222A1", "2000C/2300/CLM", "usage"): (
        "one table row serves both 2300: a patient without a claim is no reason to refuse a set"
    ),
    ("837I_005010X223A2", "2000C/2300/CLM", "usage"): (
        "one table row serves both 2300: a patient without a claim is no reason to refuse a set"
    ),
    ("277CA_005010X214", "2000A/HL", "loop_repeat"): "a 277CA has one source (TR3: repeat 1)",
    ("277CA_005010X214", "2000A/2200A/TRN", "loop_repeat"): "one batch trace of the source",
    (
        "277CA_005010X214",
        "2000B/2000C/HL",
        "usage",
    ): "absent when the batch itself was refused (2200B)",
    ("277CA_005010X214", "2000C/2100C/NM1", "loop_repeat"): "a level names one provider",
    ("277CA_005010X214", "2000C/2200C/TRN", "usage"): (
        "X12's own example of an acceptance has no status at this level"
    ),
    ("277CA_005010X214", "2000C/2200C/STC", "usage"): (
        "X12's own example of an acceptance has no status at this level"
    ),
    ("277CA_005010X214", "2000C/2200C/REF", "repeat"): "up to three numbers of the provider",
    (
        "277CA_005010X214",
        "2000C/2000D/HL",
        "usage",
    ): "absent when 2200C refused it",
    ("277CA_005010X214", "2200D/2220D/STC", "repeat"): "a line may have several statuses",
    **{
        ("277_005010X212", place, what): "there the levels stand side by side, not in each other"
        for place, what in (
            ("2000B/2000C/HL", "absent"),
            ("2000C/2000D/HL", "absent"),
            ("2000D/2000E/HL", "absent"),
            ("2000C/HL", "theirs"),
            ("2000D/HL", "theirs"),
            ("2000E/HL", "theirs"),
        )
    },
    ("820_005010X218", "1000C/N1", "loop_repeat"): (
        "the guide's number of banks is not worth a finding"
    ),
    ("834_005010X220A1", "2000/LS", "absent"): "there LS and LE bound a loop of their own",
    ("834_005010X220A1", "2000/2700/LX", "absent"): "there LS and LE bound a loop of their own",
    ("834_005010X220A1", "2000/LE", "absent"): "there LS and LE bound a loop of their own",
    ("834_005010X220A1", "2000/LS_LOOP/LS", "theirs"): "there LS and LE bound a loop of their own",
    ("834_005010X220A1", "LS_LOOP/2700/LX", "theirs"): "there LS and LE bound a loop of their own",
    ("834_005010X220A1", "2000/LS_LOOP/LE", "theirs"): "there LS and LE bound a loop of their own",
}
"""Guide, place and what differs: why. Places are told by the last two loops."""


_LIMIT_MAX = 9_999
"""A larger number stands for none there."""


class Row(NamedTuple):
    """One segment of a guide, as either side has it."""

    place: str
    position: str
    usage: str
    repeat: str
    loop_repeat: str
    """"" for a segment that begins no loop."""
    qualifiers: dict[str, frozenset[str]]
    """Values by element: ours are the conditions, theirs every code list of the segment."""


def ours(name: str) -> list[Row]:
    """Return the rows of our table, loops opened by their first segment."""

    def rows(members: tuple[SegmentRule | LoopRule, ...], path: str) -> list[Row]:
        found = []
        for member in members:
            rule = member if isinstance(member, SegmentRule) else member.opening
            loop_repeat = str(member.repeat_max) if isinstance(member, LoopRule) else ""
            inner = f"{path}/{member.id}" if isinstance(member, LoopRule) else path
            told = {
                f"{each.number:02d}" + (f"-{each.component}" if each.component else ""): each.values
                for each in rule.conditions
            }
            found.append(
                Row(
                    _place(inner, rule.id),
                    rule.position.lstrip("0"),
                    "R" if rule.is_required else "S",
                    str(rule.repeat_max),
                    loop_repeat,
                    told,
                )
            )
            if isinstance(member, LoopRule):
                found += rows(member.members, inner)
        return found

    return rows(read_guide(name).members, "")


def theirs(map_name: str) -> list[Row]:
    """Return the rows of a map of pyx12, without the envelope."""
    text = resources.files("pyx12").joinpath("map", map_name).read_text("utf-8")
    wrappers = {"ISA_LOOP", "GS_LOOP", "ST_LOOP", "HEADER", "DETAIL", "FOOTER"}

    def rows(node: Any, path: str) -> list[Row]:
        found: list[Row] = []
        for child in node:
            if child.tag == "segment":
                found.append(_their_segment(child, path))
            elif child.tag == "loop":
                name = child.get("xid")
                is_wrapper = name in wrappers or child.get("type") == "wrapper"
                inner = rows(child, path if is_wrapper else f"{path}/{name}")
                if inner and not is_wrapper:
                    inner[0] = inner[0]._replace(
                        usage=_told(child, "usage"), loop_repeat=_repeat(_told(child, "repeat"))
                    )
                found += inner
        return found

    envelope = {"ISA", "TA1", "GS", "ST", "SE", "GE", "IEA"}
    found = rows(fromstring(text), "")
    return [row for row in found if row.place.rpartition("/")[2] not in envelope]


def _their_segment(node: Any, path: str) -> Row:
    codes: dict[str, frozenset[str]] = {}
    for index, element in enumerate(each for each in node if each.tag in ("element", "composite")):
        number = f"{int(_told(element, 'seq') or index + 1):02d}"
        parts = [element] if element.tag == "element" else element.findall("element")
        for component, part in enumerate(parts, 1):
            values = frozenset(code.text for code in part.findall("valid_codes/code") if code.text)
            if values:
                codes[number if element.tag == "element" else f"{number}-{component}"] = values
    return Row(
        _place(path, node.get("xid")),
        _told(node, "pos").lstrip("0"),
        _told(node, "usage"),
        _repeat(_told(node, "max_use")),
        "",
        codes,
    )


def _told(node: Any, name: str) -> str:
    return str(node.get(name) or node.findtext(name) or "")


def _repeat(text: str) -> str:
    is_unlimited = text.startswith(">") or (text.isdigit() and int(text) > _LIMIT_MAX)
    return "0" if is_unlimited else text or "1"


def _place(path: str, segment_id: str) -> str:
    return "/".join([*path.split("/")[-2:], segment_id]).lstrip("/")


def differences(name: str) -> set[tuple[str, str]]:
    """Return place and what differs, for each segment that the two sides have otherwise."""
    found: set[tuple[str, str]] = set()
    left = theirs(MAPS[name])
    for row in ours(name):
        fitting = [each for each in left if each.place == row.place and _fits(row, each)]
        match = min(fitting, key=lambda each: len(_unlike(row, each)), default=None)
        if match is None:
            found.add((row.place, "absent"))
            continue
        left.remove(match)
        found |= {(row.place, what) for what in _unlike(row, match)}
    return found | {(each.place, "theirs") for each in left}


def _fits(row: Row, other: Row) -> bool:
    return all(
        not other.qualifiers.get(place) or values & other.qualifiers[place]
        for place, values in row.qualifiers.items()
    )


def _unlike(row: Row, other: Row) -> list[str]:
    unlike = [
        what
        for what in ("position", "usage", "loop_repeat")
        if getattr(row, what) != getattr(other, what)
    ]
    if row.repeat != other.repeat and not row.loop_repeat:
        unlike.append("repeat")
    if any(
        values != other.qualifiers.get(place, values) for place, values in row.qualifiers.items()
    ):
        unlike.append("qualifiers")
    return unlike


@pytest.mark.parametrize("name", MAPS)
def test_each_table_agrees_with_the_independent_map(name: str) -> None:
    explained = {(place, what) for guide, place, what in DIFFERENCES if guide == name}
    assert explained == differences(name)


def test_the_comparison_sees_a_difference() -> None:
    """The judge is not asleep: the claims of one guide are not those of another."""
    rows = ours("837P_005010X222A1")
    assert {row.place for row in rows} - {row.place for row in ours("837I_005010X223A2")}
    assert len(rows) > 300
