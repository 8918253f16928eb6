"""A translator made of what units mean: what is kept, what is held, who hears of refused units."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from tests.unit.translate.x12_files import CHANNEL, changed, example

from suture.model.interchange import GroupAcknowledged
from suture.model.translation import Channel, Reading, Routed
from suture.translate.x12_common import read_interchanges
from suture.translate.x12_units import Ending, Opener, by_guide, by_units
from suture.wire.x12 import TransactionSet, Unit, UnitsEnd

CLAIMS = example("01_837p")
BROKEN = changed(CLAIMS, "CLM*RB-0001*250*", "CLM*RB-0001*251*")


class Plain:
    """Tells a fact for each unit, named by its place."""

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        self.name = f"{transaction_set.set_id} {channel.source}"

    def unit(self, unit: Unit) -> Iterator[Routed]:
        fact = GroupAcknowledged(
            group=self.name, kind="", verdict="", told_on=date(2026, 11, 3), where=unit.loop.where
        )
        yield Routed("group/x", fact, unit.loop.where)

    def end(self, end: UnitsEnd) -> Ending:
        return Ending(identities=(f"x:{len(end.root.segments)}",))


class Refusing(Plain):
    """Takes note of what it is not told."""

    refused: list[int]

    def __init__(self, transaction_set: TransactionSet, channel: Channel) -> None:
        super().__init__(transaction_set, channel)
        self.refused = []

    def refuse(self, unit: Unit) -> None:
        self.refused.append(unit.ordinal)

    def end(self, end: UnitsEnd) -> Ending:
        del end
        return Ending(identities=tuple(f"refused:{each}" for each in self.refused))


def told(raw: str, opener: Opener) -> tuple[list[str], Reading]:
    """Return the places of the facts of the one set of a file, and its verdict."""
    pieces = list(read_interchanges([raw.encode()], CHANNEL, {"837": by_units(opener)}))
    (verdict,) = (each for each in pieces if isinstance(each, Reading))
    return [each.where for each in pieces if isinstance(each, Routed)], verdict


def test_each_unit_is_made_into_facts_as_it_comes() -> None:
    places, verdict = told(CLAIMS, Plain)
    assert ["2000A[1]/2000B[1]/2300[1]", "2000A[1]/2000B[2]/2000C[1]/2300[1]"] == places
    assert ("accepted", ("x:1",)) == (verdict.translation.status, verdict.translation.identities)


def test_a_unit_with_a_fault_tells_nothing_and_holds_its_set() -> None:
    places, verdict = told(BROKEN, Plain)
    assert ["2000A[1]/2000B[2]/2000C[1]/2300[1]"] == places
    assert "held" == verdict.translation.status
    assert "ST02=0001/2000A[1]/2000B[1]/2300[1]/CLM-02" == verdict.translation.faults[0].where


def test_a_reading_that_answers_for_refused_units_is_told_of_them() -> None:
    assert ("refused:1",) == told(BROKEN, Refusing)[1].translation.identities
    assert () == told(CLAIMS, Refusing)[1].translation.identities


def test_one_set_number_means_one_thing_or_another_by_its_guide() -> None:
    named: list[str] = []

    def opening(name: str) -> Opener:
        def opened(transaction_set: TransactionSet, channel: Channel) -> Plain:
            named.append(name)
            return Plain(transaction_set, channel)

        return opened

    translators = {"277": by_guide({"277": opening("status"), "277CA": opening("claims")})}
    for name in ("07_277", "08_277ca"):
        list(read_interchanges([example(name).encode()], CHANNEL, translators))
    assert ["status", "claims"] == named


def test_a_guide_that_nobody_opens_is_a_mistake_of_the_table() -> None:
    translators = {"277": by_guide({"999": Plain})}
    with pytest.raises(ValueError, match="empty"):
        list(read_interchanges([example("07_277").encode()], CHANNEL, translators))
