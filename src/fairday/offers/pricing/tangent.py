"""The search where competing rules take fractions and amounts: tangent bounds on lines, then the whole cart as one sum.

Needs: rules exclude each other only as members of groups, every step is monotone, nothing is rounded on the way, no groups by
line. ``Branching`` does the rest. Both are exact; docs/algorithms/pricing.md says why the bounds hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, inf, log1p

from fairday.offers.pricing.building import Entry
from fairday.offers.pricing.search import EPSILON, Found
from fairday.offers.pricing.steps import Floats, Scale, Spread, Step
from fairday.offers.pricing.walking import Walk

STEEP = 0.9
"""A larger fraction of a line enters its tangent as an amount: the logarithm of what is left runs away."""


class Option:
    """A competing rule as the tangent sees it: ``cells`` (line, -log of what it keeps, what it keeps), and an amount beside
    them. ``k`` -1: none of the group."""

    __slots__ = ("add", "bit", "cells", "k")

    def __init__(self, k: int) -> None:
        self.k = k
        self.bit = 1 << k if k >= 0 else 0
        self.cells: list[tuple[int, float, float]] = []
        self.add = 0.0

    def score(self, point: list[float]) -> float:
        """What it takes at most by the tangent at a point."""
        return self.add + sum([point[i] * x for i, x, _ in self.cells])


class Tangent:
    """Best for the buyer.

    Args:
        walk: eligible rules.
        groups: of each rule the number of its group, or -1.
        limit: nodes after which no proof is looked for.
    """

    def __init__(self, walk: Walk, groups: Sequence[int], limit: int) -> None:
        self.walk, self.groups, self.limit = walk, groups, limit
        ground = walk.ground
        self.ship = float(ground.cart.shipping or 0)
        self.margin = EPSILON * (1.0 + sum(ground.gross) + self.ship)
        self.nodes = 0
        self.best, self.chosen, self.open = -1, 0, -1
        self.whole = 0.0
        self.tails: dict[tuple[float, int], tuple[float, int]] = {}

    def run(self) -> Found:
        """The best combination for the buyer."""
        self._split()
        self._prepare()
        self._node(0, list(self.options.items()), self.kept, 0.0)
        return Found(self.chosen, self.best, max(self.best, self.open), self.nodes)

    # ---- the two parts ---------------------------------------------------------------------------------------------

    def _split(self) -> None:
        """Where the whole cart begins: from there on steps depend on the sum alone, whatever was chosen before.

        Everything is taken at once, though rules exclude each other: no combination leaves a line less than that.
        """
        walk, entries = self.walk, self.walk.entries
        state = walk.floats()
        self.whole = sum(state.r)
        first = 0
        for k, entry in enumerate(entries):
            for step in entry.steps:
                if not _on_the_sum(step, state.r):
                    first = k + 1
                step.floats(state)
        groups = self.groups
        self.lines = [k for k in range(first) if entries[k].steps]
        tail = [k for k in range(len(entries)) if k >= first or not entries[k].steps]
        self.tail = [(k, groups[k], _sums(entries[k]), _ships(entries[k]), entries[k].given) for k in tail]
        self.spanning = ({groups[k] for k in self.lines} & {groups[k] for k in tail}) - {-1}

    # ---- lines -----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Walk the rules that stand in no group, and see what each of the others could take at its turn, then backwards
        what of it the rules after it let through."""
        entries, groups, state = self.walk.entries, self.groups, self.walk.floats()
        r = state.r
        kept = r[:]
        seen: list[tuple[int, Step, list[tuple[int, float]], bool]] = []
        for k in self.lines:
            target = state if groups[k] < 0 else Floats(r[:], 0.0)
            for step in entries[k].steps:
                parts = step.parts() if isinstance(step, Scale) else []
                if parts and max([share for _, share in parts]) <= STEEP:
                    step.floats(target)
                    if groups[k] < 0:
                        for i, share in parts:
                            kept[i] *= 1.0 - share
                    seen.append((k, step, parts, True))
                else:
                    before = target.r[:]
                    step.floats(target)
                    lost = [(i, b - a) for i, (b, a) in enumerate(zip(before, target.r, strict=True)) if b != a]
                    seen.append((k, step, lost, False))
        self.kept = kept
        self.amounts = 0.0
        later = [1.0] * len(kept)
        options = {k: Option(k) for k in self.lines if groups[k] >= 0}
        for k, step, cells, fractions in reversed(seen):
            if fractions:
                if groups[k] < 0:
                    for i, share in cells:
                        later[i] *= 1.0 - share
                else:
                    options[k].cells += [(i, -log1p(-share), 1.0 - share) for i, share in cells]
                continue
            if isinstance(step, Spread):
                # What is taken before it may show on any of its lines.
                most = max([later[i] for i in step.lines], default=0.0)
                for i in step.lines:
                    later[i] = most
            add = sum([lost * later[i] for i, lost in cells])
            if groups[k] < 0:
                self.amounts += add
            else:
                options[k].add += add
        self.options: dict[int, list[Option]] = {}
        for option in options.values():
            self.options.setdefault(groups[option.k], []).append(option)
        for group in self.spanning:
            self.options[group].append(Option(-1))

    def _node(self, chosen: int, open_: list[tuple[int, list[Option]]], kept: list[float], add: float) -> None:
        """Some groups are decided (``chosen``, with what they keep of each line), the others are open."""
        self.nodes += 1
        picks = [max(options, key=lambda o: o.score(kept)) for _, options in open_]
        whole, saved = self._try(chosen, picks)
        if not open_:
            return
        low, scored = self._below(open_, picks, kept, add)
        if self.spanning:
            saved = self._tail(whole, self._blocked(chosen))[0]
        limit = self._most(self.whole - low + saved)
        if limit <= self.best:
            return
        if self.nodes >= self.limit:
            self.open = max(self.open, limit)
            return
        fair = []
        for (group, options), scores in zip(open_, scored, strict=True):
            top = max(scores)
            some = [
                (score, option) for option, score in zip(options, scores, strict=True)
                if self._most(self.whole - low - (top - score) + saved) > self.best
            ]  # fmt: skip
            some.sort(key=lambda pair: -pair[0])
            fair.append((len(some) > 1, top, group, some))
        at = max(range(len(fair)), key=lambda place: fair[place][:2])
        _, _, _, some = fair.pop(at)
        rest = [(group, [option for _, option in options]) for _, _, group, options in fair]
        for _, option in some:
            after = kept
            if option.cells:
                after = kept[:]
                for i, _, keep in option.cells:
                    after[i] *= keep
            self._node(chosen | option.bit, rest, after, add + option.add)

    def _below(
        self, open_: list[tuple[int, list[Option]]], picks: list[Option], kept: list[float], add: float
    ) -> tuple[float, list[list[float]]]:
        """The least that any choice of the open groups may leave of all lines, and each option's part in it."""
        low, scored = -inf, []
        for _ in range(3):
            point, slope = kept[:], 0.0
            for option in picks:
                for i, _, keep in option.cells:
                    point[i] *= keep
            for option in picks:
                for i, x, _ in option.cells:
                    slope += point[i] * x
            base = sum(point) + slope - add - self.amounts
            scores = [[option.score(point) for option in options] for _, options in open_]
            base -= sum([max(s) for s in scores])
            if base > low:
                low, scored = base, scores
            better = [options[s.index(max(s))] for (_, options), s in zip(open_, scores, strict=True)]
            if better == picks:
                break
            picks = better
        return low, scored

    def _try(self, chosen: int, picks: list[Option]) -> tuple[float, float]:
        """Walk the lines with a full choice, then take the best of the whole cart; remember the best found.

        Returns:
            What is left of the lines, and what the whole cart saves of it.
        """
        bits = chosen
        for option in picks:
            bits |= option.bit
        entries, groups, state = self.walk.entries, self.groups, self.walk.floats()
        for k in self.lines:
            if groups[k] < 0 or bits >> k & 1:
                bits |= 1 << k
                for step in entries[k].steps:
                    step.floats(state)
        whole = sum(state.r)
        saved, tail = self._tail(whole, self._blocked(bits))
        if self._most(self.whole - whole + saved) > self.best:
            value = self._settled(bits | tail)
            if value > self.best:
                self.best, self.chosen = value, bits | tail
        return whole, saved

    def _settled(self, bits: int) -> int:
        """What a combination saves, whole minor units; exactly computed where floats could mislead."""
        walk = self.walk
        state = walk.floats()
        for k in range(len(walk.entries)):
            if bits >> k & 1:
                walk.take(k, state)
        total = state.given
        for part in (state.taken, state.shipped):
            low, high = floor(part - self.margin + 0.5), floor(part + self.margin + 0.5)
            if low != high:
                return walk.worth(walk.exactly(bits))
            total += low
        return total

    def _most(self, saved: float) -> int:
        """The most whole minor units a saving may be after goods and shipping are rounded."""
        return floor(saved + (1.0 if self.ship else 0.5) + self.margin)

    def _blocked(self, bits: int) -> int:
        blocked = 0
        for group in self.spanning:
            for option in self.options[group]:
                if option.k >= 0 and bits >> option.k & 1:
                    blocked |= 1 << group
        return blocked

    # ---- the whole cart --------------------------------------------------------------------------------------------

    def _tail(self, whole: float, blocked: int) -> tuple[float, int]:
        """What the rest may save of a sum, and its rules as bits."""
        key = (whole, blocked)
        known = self.tails.get(key)
        if known is None:
            known = self.tails[key] = _Tail(self.tail, self.ship).best_of(whole, blocked)
        return known


class _Tail:
    """Steps on the sum of the cart and on shipping, one of each group."""

    def __init__(
        self,
        steps: list[tuple[int, int, list[tuple[float, float, float]], list[tuple[float, float]], int]],
        ship: float,
    ) -> None:
        self.steps, self.ship = steps, ship

    def best_of(self, whole: float, blocked: int) -> tuple[float, int]:
        steps = self.steps
        most: list[float] = []
        for _, group, sums, ships, given in steps:
            if group >= 0 and blocked >> group & 1:
                most.append(0.0)
                continue
            take = float(given)
            for amount, ratio, cap in sums:
                take += min(amount + min(whole * ratio, cap), whole)
            for amount, ratio in ships:
                take += min(amount + self.ship * ratio, self.ship)
            most.append(take)
        suffix = [0.0] * (len(steps) + 1)
        tops: dict[int, float] = {}
        for at in range(len(steps) - 1, -1, -1):
            group = steps[at][1]
            if group < 0:
                suffix[at] = suffix[at + 1] + most[at]
            else:
                old = tops.get(group, 0.0)
                tops[group] = max(old, most[at])
                suffix[at] = suffix[at + 1] + tops[group] - old
        self.last = {group: at for at, (_, group, *_) in enumerate(steps)}
        self.suffix, self.most = suffix, most
        self.found, self.bits = -1.0, 0
        self._down(0, whole, self.ship, 0.0, blocked, 0)
        return self.found, self.bits

    def _down(self, at: int, whole: float, ship: float, saved: float, blocked: int, bits: int) -> None:
        steps = self.steps
        while at < len(steps):
            k, group, sums, ships, given = steps[at]
            if group >= 0 and blocked >> group & 1:
                at += 1
                continue
            if saved + self.suffix[at] <= self.found:
                return
            if group >= 0 and self.last[group] != at:
                self._one(at, whole, ship, saved, blocked, bits)
            else:
                whole, ship, saved = _taken(sums, ships, given, whole, ship, saved)
                bits |= 1 << k
                at += 1
                continue
            at += 1
        if saved > self.found:
            self.found, self.bits = saved, bits

    def _one(self, at: int, whole: float, ship: float, saved: float, blocked: int, bits: int) -> None:
        k, group, sums, ships, given = self.steps[at]
        whole, ship, saved = _taken(sums, ships, given, whole, ship, saved)
        self._down(at + 1, whole, ship, saved, blocked | 1 << group, bits | 1 << k)


def _taken(
    sums: list[tuple[float, float, float]],
    ships: list[tuple[float, float]],
    given: int,
    whole: float,
    ship: float,
    saved: float,
) -> tuple[float, float, float]:
    for amount, ratio, cap in sums:
        take = min(amount + min(whole * ratio, cap), whole)
        whole -= take
        saved += take
    for amount, ratio in ships:
        take = min(amount + ship * ratio, ship)
        ship -= take
        saved += take
    return whole, ship, saved + given


def _on_the_sum(step: Step, least: list[float]) -> bool:
    """Whether a step takes the same of a sum however it lies on the lines, if no line has less than ``least``."""
    if isinstance(step, Scale):
        return step.even is not None and step.count == len(least)
    if not isinstance(step, Spread) or step.becomes is not None or step.floor:
        return False
    if len(step.lines) == len(least):
        return True
    return step.amount is not None and sum([least[i] for i in step.lines]) >= step.amount


def _sums(entry: Entry) -> list[tuple[float, float, float]]:
    """An entry's steps as (amount, ratio, cap) of the sum."""
    found = []
    for step in entry.steps:
        if isinstance(step, Spread):
            cap = inf if step.cap is None else float(step.cap)
            found.append((float(step.amount or 0), step.ratio, cap))
        elif isinstance(step, Scale):
            found.append((0.0, step.even or 0.0, inf))
    return found


def _ships(entry: Entry) -> list[tuple[float, float]]:
    return [(float(off), 0.0) if isinstance(off, int) else (0.0, float(off)) for off in entry.ship]
