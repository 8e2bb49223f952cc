"""The search where competing rules take fractions and amounts: tangent bounds on lines, then the whole cart as one sum.

Needs: rules exclude each other only as members of groups, every step is monotone, nothing is rounded on the way, no
groups by
line. ``Branching`` does the rest. Both are exact; docs/algorithms/pricing.md says why the bounds hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from math import floor, inf, log1p, prod

from fairday.offers.pricing.building import Entry
from fairday.offers.pricing.search import EPSILON, Found
from fairday.offers.pricing.state import Floats
from fairday.offers.pricing.steps import Spread, Step
from fairday.offers.pricing.tail import Tail
from fairday.offers.pricing.units import Served
from fairday.offers.pricing.walking import Walk

STEEP = 0.9
"""A larger fraction of a line enters its tangent as an amount: the logarithm of what is left runs away."""

MANY = 200
"""More ways for rules to share units than this are left to ``Branching``."""


class Option:
    """A competing rule as the tangent sees it: ``cells`` (line, -log of what it keeps, what it keeps), and an amount
    beside
    them. ``bits`` are its rules; 0: none of the group."""

    __slots__ = ("add", "bits", "cells")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.cells: list[tuple[int, float, float]] = []
        self.add = 0.0


class Tangent:
    """Best for the buyer.

    Args:
        walk: eligible rules.
        groups: of each rule the number of its group, or -1.
        limit: nodes after which no proof is looked for.
    """

    def __init__(self, walk: Walk, groups: list[int], limit: int) -> None:
        self.walk, self.groups, self.limit = walk, groups, limit
        ground = walk.ground
        self.ship = float(ground.cart.shipping or 0)
        self.margin = EPSILON * (1.0 + sum(ground.gross) + self.ship)
        self.nodes = 0
        self.best, self.chosen, self.open = -1, 0, -1
        self.whole = 0.0
        self.tried: dict[int, tuple[float, float]] = {}
        self.units = dict(enumerate(ground.qty))
        self.fits = True
        """False where too many rules compete for units, or one that competes does more than one kind of thing; then it
        must not run."""
        self._split()
        if self.fits:
            self._prepare()

    def run(self) -> Found:
        """The best combination for the buyer."""
        self._node(0, self.open_groups, self.kept, 0.0)
        return Found(self.chosen, self.best, max(self.best, self.open), self.nodes)

    # ---- the two parts ---------------------------------------------------------------------------------------------

    def _split(self) -> None:
        """Where the whole cart begins: from there on steps depend on the sum alone, whatever was chosen before."""
        entries, groups, contested = self.walk.entries, self.groups, self.walk.contested
        state = self.walk.floats()
        least = state.r
        self.whole = sum(least, 0.0)
        sure = _on_the_sum(entries, [0.0] * len(least))
        first = _on_the_sum(entries[:sure], [inf] * len(least))
        strongest: dict[int, dict[int, float]] = {}
        for k, entry in enumerate(entries[:sure]):
            before = least[:] if groups[k] >= 0 else least
            for step in entry.steps:
                if k >= first and not step.on_the_sum(least):
                    first = k + 1
                if k in contested and isinstance(step, Served):
                    _at_most(step, state, self.walk.ground.qty)
                else:
                    step.floats(state)
            if groups[k] < 0:
                continue
            # Of a group only what takes most of a line counts: no combination leaves the line less.
            kept = strongest.setdefault(groups[k], {})
            for i in {i for step in entry.steps for i in step.lines}:
                old = before[i]
                keep, most = (least[i] / old if old else 1.0), kept.get(i, 1.0)
                if keep < most:
                    kept[i] = keep
                    least[i] /= most
                else:
                    least[i] = old
        self.lines = [k for k in range(first) if entries[k].steps]
        self.always = sum([1 << k for k in self.lines if groups[k] < 0 and k not in contested])
        # What a rule on lines gives beside them comes with it always, or the two parts cannot be chosen apart.
        beside = [k for k in self.lines if entries[k].ship or entries[k].given]
        self.fits = all([self.always >> k & 1 for k in beside]) and all(
            [isinstance(step, Served) for k in contested for step in entries[k].steps]
        )
        after = {k for k in range(len(entries)) if k >= first or not entries[k].steps}
        tail = [(k, groups[k], entries[k], entries[k].steps if k in after else []) for k in sorted(after.union(beside))]
        self.spanning = ({groups[k] for k in self.lines} & {group for _, group, _, _ in tail}) - {-1}
        self.tail = Tail(tail, self.whole, self.ship)

    # ---- lines -----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Walk the rules that stand in no group, and see what each of the others could take at its turn, then backwards
        what of it the rules after it let through."""
        entries, groups, state = self.walk.entries, self.groups, self.walk.floats()
        contested = set(self.walk.contested)
        r = state.r
        kept = r[:]
        moved: set[int] = set()
        """Lines of which what is left already depends on the choice."""
        self.start = r[:]
        """What each line has before anything that depends on the choice; steps that do, and what comes after them."""
        self.steps: list[tuple[int, Step]] = []
        waiting: set[int] = set()
        seen: list[tuple[int, Step, list[tuple[int, float]], bool]] = []
        for k in self.lines:
            if k in contested:
                self.steps += [(k, step) for step in entries[k].steps]
                waiting.update([i for step in entries[k].steps for i in step.lines])
                seen.append((k, entries[k].steps[0], list(enumerate(r)), False))
                moved.update(i for step in entries[k].served for i in step.lines)
                continue
            fixed = groups[k] < 0
            target = state if fixed else Floats(r[:], 0.0)
            for step in entries[k].steps:
                settled = fixed and waiting.isdisjoint(step.lines)
                if not settled:
                    self.steps.append((k, step))
                    waiting.update(step.lines)
                before = target.r[:]
                step.floats(target)
                if settled:
                    for i in step.lines:
                        self.start[i] = r[i]
                if step.steepest <= STEEP:
                    parts = step.parts()
                    if fixed:
                        for i, share in parts:
                            kept[i] *= 1.0 - share
                    else:
                        moved.update([i for i, _ in parts])
                    seen.append((k, step, parts, True))
                    continue
                lost = [(i, before[i] - target.r[i]) for i in step.lines if before[i] != target.r[i]]
                if fixed and (
                    moved.isdisjoint(step.lines) if isinstance(step, Spread) else moved.isdisjoint([i for i, _ in lost])
                ):
                    for i, _ in lost:
                        kept[i] = r[i]
                else:
                    moved.update(step.lines if isinstance(step, Spread) else [i for i, _ in lost])
                    seen.append((k, step, lost, False))
        self.kept = kept
        self.amounts = 0.0
        later = [1.0] * len(kept)
        options = {k: Option(1 << k) for k in self.lines if groups[k] >= 0 or k in contested}
        turns: dict[int, list[float]] = {}
        """Of rules that compete for units what a line could lose at their turn and show at the end."""
        for k, step, cells, fractions in reversed(seen):
            if k in contested:
                turns[k] = [left * later[i] for i, left in cells]
                continue
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
            add = sum([lost * later[i] for i, lost in cells], 0.0)
            if groups[k] < 0:
                self.amounts += add
            else:
                options[k].add += add
        by_group: dict[int, list[int]] = {}
        for k in self.lines:
            if groups[k] >= 0:
                by_group.setdefault(groups[k], []).append(k)
        self.open_groups: list[list[Option]] = []
        for together in _clusters(self.walk, groups):
            inside = {groups[k] for k in together} - {-1}
            ways: list[list[int]] = [[*by_group.pop(g, []), -1] for g in sorted(inside)]
            ways += [[k, -1] for k in together if groups[k] < 0]
            if prod(len(way) for way in ways) > MANY:
                self.fits = False
                return
            self.open_groups.append([self._joined(some, options, turns, contested) for some in product(*ways)])
        for group, members in by_group.items():
            found = [options[k] for k in members]
            self.open_groups.append([*found, Option(0)] if group in self.spanning else found)
        self.spans = [(1 << g, sum(1 << k for k in self.lines if groups[k] == g)) for g in sorted(self.spanning)]

    def _joined(
        self, some: Iterable[int], options: dict[int, Option], turns: dict[int, list[float]], contested: set[int]
    ) -> Option:
        """Rules that compete for units, and others of their groups, as one option: each serves what is left to it."""
        one = Option(0)
        qty = self.walk.ground.qty
        free = self.units.copy()
        shares: dict[int, float] = {}
        worth: dict[int, float] = {}
        for k in sorted(k for k in some if k >= 0):
            one.bits |= 1 << k
            if k not in contested:
                one.add += options[k].add
                one.cells += options[k].cells
                continue
            for served in self.walk.entries[k].served:
                got, used = served.assigned(free)
                for i, n in used.items():
                    free[i] -= n
                for i, n in got[0].items():
                    share = n * served.share / qty[i]
                    shares[i] = shares.get(i, 0.0) + share
                    worth[i] = worth.get(i, 0.0) + share * turns[k][i]
        for i, share in shares.items():
            if share <= STEEP:
                one.cells.append((i, -log1p(-share), 1.0 - share))
            else:
                one.add += worth[i]
        return one

    def _node(self, chosen: int, open_: list[list[Option]], kept: list[float], add: float) -> None:
        """Some groups are decided (``chosen``, with what they keep of each line), the others are open."""
        self.nodes += 1
        picks = [_top(options, _scores(options, kept)) for options in open_]
        whole, saved = self._try(chosen, picks)
        if not open_:
            return
        low, scored = self._below(open_, picks, kept, add)
        limit = self._reach(low, chosen, whole, saved)
        if limit <= self.best:
            return
        if self.nodes >= self.limit:
            self.open = max(self.open, limit)
            return
        several: list[tuple[float, list[tuple[float, Option]]]] = []
        for group, options in enumerate(open_):
            scores = scored[group]
            top = max(scores)
            some = [
                (score, options[place]) for place, score in enumerate(scores)
                if self._reach(low + top - score, chosen | options[place].bits, whole, saved) > self.best
            ]  # fmt: skip
            if not some:
                return
            if len(some) > 1:
                several.append((top, sorted(some, key=lambda pair: -pair[0])))
                continue
            # What has one way left is decided.
            option = some[0][1]
            chosen, kept, add = chosen | option.bits, _beside([option], kept), add + option.add
        if not several:
            self._try(chosen, [])
            return
        at = max(range(len(several)), key=lambda place: several[place][0])
        _, first = several.pop(at)
        rest = [[option for _, option in pairs] for _, pairs in several]
        for _, option in first:
            self._node(chosen | option.bits, rest, _beside([option], kept), add + option.add)

    def _reach(self, least: float, chosen: int, whole: float, saved: float) -> int:
        """What may be saved at most where lines are left no less than ``least``, knowing that the whole cart saves
        ``saved``
        of ``whole``. From less it saves no more, and from more at most as much more."""
        if self.spanning:
            saved = self.tail.best_of(max(least, 0.0), self._blocked(chosen))[0]
            return self._most(self.whole - least + saved)
        return self._most(self.whole - least + saved + max(0.0, least - whole))

    def _below(
        self, open_: list[list[Option]], picks: list[Option], kept: list[float], add: float
    ) -> tuple[float, list[list[float]]]:
        """The least that any choice of the open groups may leave of all lines, and each option's part in it."""
        low, scored = -inf, []
        for _ in range(3):
            point = _beside(picks, kept)
            scores = [_scores(options, point) for options in open_]
            base = sum(point, 0.0) - add - self.amounts
            for option in picks:
                base += _slope(option, point)
            for some in scores:
                base -= max(some)
            if base > low:
                low, scored = base, scores
            better = [_top(options, scores[group]) for group, options in enumerate(open_)]
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
            bits |= option.bits
        known = self.tried.get(bits)
        if known is not None:
            return known
        picked = bits
        bits |= self.always
        state = Floats(self.start[:], 0.0)
        for k, step in self.steps:
            if bits >> k & 1:
                step.floats(state)
        whole = sum(state.r, 0.0)
        saved, tail, left, ship, given = self.tail.best_of(whole, self._blocked(bits))
        if self._most(self.whole - whole + saved) > self.best:
            bits |= tail
            value = self._settled(bits, self.whole - left, self.ship - ship, given)
            if value > self.best:
                self.best, self.chosen = value, bits
        self.tried[picked] = whole, saved
        return whole, saved

    def _settled(self, bits: int, items: float, shipped: float, total: int) -> int:
        """What a combination saves, whole minor units; exactly computed where floats could mislead."""
        for part in (items, shipped):
            low, high = floor(part - self.margin + 0.5), floor(part + self.margin + 0.5)
            if low != high:
                return self.walk.worth(self.walk.exactly(bits))
            total += low
        return total

    def _most(self, saved: float) -> int:
        """The most whole minor units a saving may be after goods and shipping are rounded."""
        return floor(saved + (1.0 if self.ship else 0.5) + self.margin)

    def _blocked(self, bits: int) -> int:
        """Groups of which one is taken on lines, as bits by number."""
        blocked = 0
        for group, members in self.spans:
            if bits & members:
                blocked |= group
        return blocked


def _on_the_sum(entries: list[Entry], least: list[float]) -> int:
    """From where on all steps depend on the sum alone, if no line has less than ``least``."""
    first = len(entries)
    while first and all([step.on_the_sum(least) for step in entries[first - 1].steps]):
        first -= 1
    return first


def _scores(options: list[Option], point: list[float]) -> list[float]:
    """What each option takes at most by the tangent at a point."""
    return [option.add + _slope(option, point) for option in options]


def _slope(option: Option, point: list[float]) -> float:
    total = 0.0
    for i, x, _ in option.cells:
        total += point[i] * x
    return total


def _top(options: list[Option], scores: list[float]) -> Option:
    return options[scores.index(max(scores))]


def _beside(options: list[Option], kept: list[float]) -> list[float]:
    """What options keep of what is kept of each line."""
    after = kept[:]
    for option in options:
        for i, _, keep in option.cells:
            after[i] *= keep
    return after


def _at_most(step: Served, state: Floats, qty: list[int]) -> None:
    """Take the most that a rule that competes for units could take of each line, whatever others leave it."""
    got, _ = step.assigned(dict(enumerate(qty)))
    count = sum(got[0].values())
    for i in step.choices[-1]:
        state.r[i] *= 1.0 - step.share * min(1.0, count / qty[i])


def _clusters(walk: Walk, groups: list[int]) -> list[list[int]]:
    """Rules that compete for units, put together by the lines and groups they share."""
    clusters: list[tuple[set[int], set[int], list[int]]] = []
    for k in walk.contested:
        lines = {i for served in walk.entries[k].served for i in served.lines}
        inside = {groups[k]} - {-1}
        members = [k]
        rest = []
        for cluster in clusters:
            if cluster[0].isdisjoint(lines) and cluster[1].isdisjoint(inside):
                rest.append(cluster)
            else:
                lines |= cluster[0]
                inside |= cluster[1]
                members += cluster[2]
        clusters = [*rest, (lines, inside, sorted(members))]
    return [members for _, _, members in clusters]
