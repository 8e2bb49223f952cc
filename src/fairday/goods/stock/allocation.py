"""Where an order's units come from: places chosen by a named policy, searched with a proof where it is found. Pure.

Each policy is an order of the same three measures (docs/algorithms/stock.md). For a set of places the best sharing out
is known at once, good by good; what is searched is the set, by branch and bound, and a result says whether nothing
better can exist (``proven``) or the search was cut at its limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Policy = Literal["nearest", "cheapest", "keep_whole"]

POLICIES: tuple[Policy, ...] = ("nearest", "cheapest", "keep_whole")

NODES = 1_000
"""The most sets looked into: some milliseconds, since it may happen inside the write."""

CANDIDATES = 12
"""The most places of which sets are made."""


class Want(msgspec.Struct, frozen=True):
    """A line of a cart: ``qty`` units of a good of ``grams`` each."""

    line: str
    sku: str
    qty: int
    grams: int = 0


class Source(msgspec.Struct, frozen=True):
    """A place that may serve the order.

    Attributes:
        place: its number.
        metres: how far it is from where the order goes.
        parcel: what a parcel from there costs, in minor units.
        per_kg: what each kilogram of it costs more, in minor units.
    """

    place: str
    metres: int = 0
    parcel: int = 0
    per_kg: int = 0


class Part(msgspec.Struct, frozen=True):
    """Units of a line that come from a place."""

    line: str
    sku: str
    place: str
    qty: int


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen.

    Attributes:
        parts: by line as wanted, then place.
        parcels: how many places serve.
        cost: of the parcels, in thousandths of a minor unit (grams times a price per kilogram).
        travel: units times metres.
        proven: nothing better by the policy exists.
    """

    parts: tuple[Part, ...]
    parcels: int
    cost: int
    travel: int
    proven: bool = True


class Short(msgspec.Struct, frozen=True):
    """Not enough anywhere: by SKU, how many are missing."""

    missing: Mapping[str, int]


Levels = Mapping[str, Mapping[str, int]]
"""What is free: SKU → place → units."""

_Measure = tuple[int, int, int]


def allocate(
    wants: Sequence[Want], levels: Levels, sources: Sequence[Source], policy: Policy, nodes: int = NODES
) -> Allocation | Short:
    """Choose where the units of an order come from.

    Args:
        wants: lines with at least one unit each; several lines may want the same good.
        levels: what is free; a place that is no source is not used.
        sources: the places allowed, each once.
        policy: "nearest": the fewest unit-metres, then parcels, then cost. "cheapest": the least cost, then parcels,
            then unit-metres. "keep_whole": the fewest parcels, then the least cost, then unit-metres.
        nodes: the most sets to look into.
    """
    needed: dict[str, int] = {}
    grams: dict[str, int] = {}
    for want in wants:
        needed[want.sku] = needed.get(want.sku, 0) + want.qty
        # Goods of one SKU weigh the same; where lines say otherwise the heaviest is believed.
        grams[want.sku] = max(grams.get(want.sku, 0), want.grams)
    useful = [s for s in sources if any(levels.get(sku, {}).get(s.place, 0) > 0 for sku in needed)]
    held = {sku: {s.place: max(0, levels.get(sku, {}).get(s.place, 0)) for s in useful} for sku in needed}
    missing = {sku: qty - sum(held[sku].values()) for sku, qty in needed.items() if sum(held[sku].values()) < qty}
    if missing:
        return Short(missing)
    search = _Search(needed, grams, held, policy, nodes)
    chosen = search.run(sorted(useful, key=lambda s: (search.unit_order(s), s.parcel, s.place)))
    return _told(wants, search.share(chosen) or {}, search, chosen)


def _way(source: Source) -> tuple[int, str]:
    return source.metres, source.place


class _Search:
    """Branch and bound over the set of places that serve."""

    def __init__(
        self,
        needed: Mapping[str, int],
        grams: Mapping[str, int],
        held: Mapping[str, Mapping[str, int]],
        policy: Policy,
        nodes: int,
    ) -> None:
        self.needed, self.grams, self.held, self.policy, self.nodes = needed, grams, held, policy, nodes
        self.best: tuple[_Measure, tuple[str, ...]] | None = None
        self.chosen: tuple[Source, ...] = ()
        self.cut = False

    def unit_order(self, source: Source) -> tuple[int, int]:
        """What a unit from there costs first and second, by the policy; the same order for every good with weight."""
        first, second = source.per_kg, source.metres
        return (second, first) if self.policy == "nearest" else (first, second)

    def share(self, places: Sequence[Source]) -> dict[str, dict[str, int]] | None:
        """The best sharing out among places (sorted by ``unit_order``), by SKU; None where they have too few."""
        shared: dict[str, dict[str, int]] = {}
        for sku, qty in self.needed.items():
            held, taken = self.held[sku], {}
            # What weighs nothing costs nothing more from anywhere: then the way counts.
            for source in places if self.grams[sku] else sorted(places, key=_way):
                if qty and held[source.place]:
                    taken[source.place] = min(qty, held[source.place])
                    qty -= taken[source.place]
            if qty:
                return None
            shared[sku] = taken
        return shared

    def measure(self, shared: Mapping[str, Mapping[str, int]], places: Sequence[Source], parcels: bool) -> _Measure:
        """cost, parcels, travel of a sharing out, in the policy's order; ``parcels``: those that serve are paid."""
        cost = travel = 0
        by_place = {s.place: s for s in places}
        used: set[str] = set()
        for sku, taken in shared.items():
            for place, qty in taken.items():
                source = by_place[place]
                used.add(place)
                cost += qty * self.grams[sku] * source.per_kg
                travel += qty * source.metres
        count = 0
        if parcels:
            count = len(used)
            cost += 1000 * sum(by_place[place].parcel for place in used)
        return self.ordered(cost, count, travel)

    def ordered(self, cost: int, count: int, travel: int) -> _Measure:
        if self.policy == "nearest":
            return travel, count, cost
        return (cost, count, travel) if self.policy == "cheapest" else (count, cost, travel)

    def run(self, sources: Sequence[Source]) -> tuple[Source, ...]:
        """The best set found, of sources sorted by ``unit_order``; ``cut`` says whether the search was cut."""
        if self.policy == "nearest":
            sources = self._within_reach(sources)
        self._offer(sources)
        for source in sources:
            self._offer([source])
        if self.policy == "keep_whole" and len(self.chosen) == 1:
            return self.chosen  # all that have everything have been looked at
        by_gain = self._greedy(sources)
        self._offer(by_gain)
        few = list(dict.fromkeys([*self.chosen, *by_gain, *sources]))[:CANDIDATES]
        self.cut = len(few) < len(sources)
        self._branch([s for s in sources if s in few], (), 0)
        return self.chosen

    def _within_reach(self, sources: Sequence[Source]) -> list[Source]:
        """Without places farther than any unit has to travel: the fewest unit-metres never use one."""
        shared = self.share(sources) or {}
        metres = {s.place: s.metres for s in sources}
        farthest = {sku: max(metres[place] for place in taken) for sku, taken in shared.items() if taken}
        return [s for s in sources if any(self.held[sku][s.place] and s.metres <= m for sku, m in farthest.items())]

    def _offer(self, places: Sequence[Source]) -> None:
        shared = self.share(places)
        if shared is None:
            return
        used = {place for taken in shared.values() for place in taken}
        serving = tuple(s for s in places if s.place in used)
        found = (self.measure(shared, serving, True), tuple(sorted(used)))
        if self.best is None or found < self.best:
            self.best, self.chosen = found, serving

    def _greedy(self, sources: Sequence[Source]) -> list[Source]:
        """Place after place, the one that has the most of what is still missing: few parcels, quickly."""
        missing, left, taken = dict(self.needed), list(sources), []

        def gain(source: Source) -> int:
            return sum(min(qty, self.held[sku][source.place]) for sku, qty in missing.items())

        while any(missing.values()):
            most = max(left, key=gain)  # the earlier of equals: cheaper or nearer
            taken.append(most)
            left.remove(most)
            missing = {sku: max(0, qty - self.held[sku][most.place]) for sku, qty in missing.items()}
        return [s for s in sources if s in taken]

    def _branch(self, sources: Sequence[Source], inside: tuple[Source, ...], at: int) -> None:
        """Every set that holds ``inside`` and any of ``sources[at:]``, unless its bound says it cannot win."""
        self.nodes -= 1
        if self.nodes < 0:
            self.cut = True
            return
        open_ = [*inside, *sources[at:]]
        shared = self.share(open_)
        if shared is None or self.best is None:
            return
        if self._bound(shared, open_, inside) >= self.best[0]:
            return
        self._offer(open_)
        if at == len(sources):
            return
        self._branch(sources, (*inside, sources[at]), at + 1)
        self._branch(sources, inside, at + 1)

    def _bound(
        self, shared: Mapping[str, Mapping[str, int]], open_: Sequence[Source], inside: Sequence[Source]
    ) -> _Measure:
        """Nothing in this branch is better: units at their best among all that is open, and parcels of those inside.

        A place inside is one that serves: sets in which it does not are met in the branch without it.
        """
        first, second, _ = self.measure(shared, open_, False)
        enough = len(inside) if self.share(inside) is not None else len(inside) + 1
        paid = 1000 * sum(s.parcel for s in inside)
        if self.policy == "nearest":
            return first, enough, 0
        if self.policy == "cheapest":
            return first + paid, enough, 0
        return enough, second + paid, 0


def _told(
    wants: Sequence[Want], shared: dict[str, dict[str, int]], search: _Search, chosen: Sequence[Source]
) -> Allocation:
    parts: list[Part] = []
    cost = travel = 0
    by_place = {s.place: s for s in chosen}
    left = {sku: dict(taken) for sku, taken in shared.items()}
    for want in wants:
        qty = want.qty
        for source in chosen:
            take = min(qty, left[want.sku].get(source.place, 0))
            if take:
                parts.append(Part(want.line, want.sku, source.place, take))
                left[want.sku][source.place] -= take
                qty -= take
                cost += take * search.grams[want.sku] * by_place[source.place].per_kg
                travel += take * source.metres
    cost += 1000 * sum(s.parcel for s in chosen)
    return Allocation(parts=tuple(parts), parcels=len(chosen), cost=cost, travel=travel, proven=not search.cut)
