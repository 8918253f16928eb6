"""Routes: the one destination that an entry's journal goes to, by its legal entity and its policy.

A destination takes the entities it names (all of them where it names none) under the policies it
has a table for. Each entity under each policy has exactly one destination: none would leave entries
behind, and two would share one queue by chance. What a journal holds is `ledger/batch.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from suture.governance.connections import Destination
from suture.governance.reading import shown, suggestion
from suture.ledger.rules import Rule
from suture.model.fault import Fault, fault


def destination_of(destinations: Mapping[str, Destination], entity: str, policy: str) -> str:
    """Return the destination of an entry.

    Every entry has one: what an earlier release booked under a policy or for an entity that nobody
    names any more goes where most of its like goes, and never stays behind.
    """

    def distance(name: str) -> tuple[int, str]:
        named = destinations[name]
        return 2 * (not named.may_take(entity)) + (policy not in named.policies), name

    return min(destinations, key=distance)


def route_faults(
    destinations: Mapping[str, Destination], entities: Collection[str], rules: Iterable[Rule]
) -> Iterator[Fault]:
    """Yield entities that no destination, or more than one, takes under a policy of the rules.

    And entities that a destination names and nobody defines, before anything else.
    """
    unknown = [
        (name, entity)
        for name, named in destinations.items()
        for entity in named.entities
        if entity not in entities
    ]
    for name, entity in unknown:
        hint = suggestion(entity, entities)
        explanation = f"`entities`: no legal entity is named {shown(entity)}{hint}"
        yield fault("estate.reference.unknown", f"destinations/{name}.toml", explanation)
    if unknown:
        return
    for policy in sorted({rule.policy for rule in rules}):
        takers = {
            entity: [
                name
                for name, named in sorted(destinations.items())
                if named.may_take(entity) and policy in named.policies
            ]
            for entity in sorted(entities)
        }
        for entity, names in takers.items():
            told = f"journals of entity `{entity}` under policy `{policy}`"
            if not names:
                explanation = f"No destination takes {told}."
                yield fault("estate.route.absent", "destinations/", explanation)
            for name in names[1:]:
                explanation = f"Destination `{names[0]}` takes {told} already."
                yield fault("estate.route.twice", f"destinations/{name}.toml", explanation)
