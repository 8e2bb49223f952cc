"""Benefits made steps for one cart: which lines, which units, which tier."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from fairday.offers.model import (
    AmountOff,
    BundlePrice,
    BuyGet,
    FixedPrice,
    Gift,
    GroupOff,
    Missing,
    MorePoints,
    PayPoints,
    PercentOff,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    TotalBecomes,
)
from fairday.offers.pricing.book import Compiled
from fairday.offers.pricing.eligible import next_tier
from fairday.offers.pricing.ground import Ground
from fairday.offers.pricing.steps import Least, Percent, Scale, Spread, Step, Sub
from fairday.offers.pricing.units import Counts, Served


class Entry:
    """An eligible rule in a cart.

    Attributes:
        steps: what it takes from lines; after: (lines, amount) that must be left when its turn comes.
        ship: fractions (numerator, denominator) or amounts off shipping, in order.
        gives: something beside amounts off lines; given, cost: value of its gifts to the buyer, and what they cost.
        wobbly: a step is not monotone; rounded: one rounds; served: it takes units out of the common pool.
        line_group: the group by line it belongs to, or "".
    """

    after: tuple[tuple[list[int], int], ...] = ()
    ship: tuple[tuple[int, int] | int, ...] = ()
    given = 0
    cost = 0
    gifts: tuple[Gift, ...] = ()
    points: tuple[tuple[Decimal, int], ...] = ()
    points_step: PayPoints | None = None
    served: tuple[Served, ...] = ()
    gives = False
    wobbly = False
    rounded = False
    line_group = ""

    def __init__(self, c: Compiled) -> None:
        self.c = c
        self.steps: list[Step] = []
        if c.line_group:
            self.line_group = c.line_group

    @property
    def borne(self) -> int:
        """Percent of what it takes that the merchant bears."""
        return self.c.rule.borne


def build(c: Compiled, ground: Ground, missing: list[Missing]) -> Entry:
    """The entry of an eligible rule; what is missing to its next tier is said. A benefit that selects nothing is left
    out."""
    entry = Entry(c)
    if c.asks_after:
        entry.after = tuple(
            [(ground.lines_of.get(number, []), need.spend_after) for number, need in c.needs if need.spend_after]
        )
        entry.wobbly = True
    for benefit, numbers in c.benefits:
        if not c.one_of or all([number in ground.selected for number in numbers if number]):
            _ADD[type(benefit)](entry, benefit, numbers, ground, missing)
    return entry


def _percent(entry: Entry, benefit: PercentOff, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    lines = ground.lines_of.get(numbers[0], [])
    top, bottom = entry.c.shares[id(benefit)]
    if benefit.cap is None and benefit.per == "line":
        _scale(entry, ground, lines, top, bottom, benefit.round)
    else:
        entry.steps.append(Spread(lines, ground.floored, share=(top, bottom), cap=benefit.cap))


def _amount(entry: Entry, benefit: AmountOff, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    lines, qty, floors = ground.lines_of.get(numbers[0], []), ground.qty, ground.floors
    most = benefit.max_units
    if benefit.per == "all":
        entry.steps.append(Spread(lines, ground.floored, amount=benefit.amount))
    elif benefit.per == "line":
        entry.steps.append(Sub([(i, benefit.amount, 1, 1, floors[i]) for i in lines]))
    elif most is None or benefit.prefer is None:
        entry.steps.append(
            Sub([(i, benefit.amount, qty[i] if most is None else min(most, qty[i]), qty[i], floors[i]) for i in lines])
        )
    else:
        cells = []
        order = ground.ranked(numbers[0])
        for i in order if benefit.prefer == "cheapest" else ground.dearest(order):
            k = min(most, qty[i])
            most -= k
            if k:
                cells.append((i, benefit.amount, k, qty[i], floors[i]))
        entry.steps.append(Sub(cells))


def _fixed(entry: Entry, benefit: FixedPrice, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    lines = ground.lines_of.get(numbers[0], [])
    entry.steps.append(Least([(i, max(benefit.price * ground.qty[i], ground.floors[i])) for i in lines]))


def _becomes(entry: Entry, benefit: TotalBecomes, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    lines = ground.lines_of.get(numbers[0], [])
    entry.steps.append(Spread(lines, ground.floored, becomes=benefit.amount))
    entry.wobbly = entry.wobbly or len(lines) > 1


def _units(
    entry: Entry, benefit: SetOff | BuyGet | BundlePrice, numbers: list[int], ground: Ground, missing: list[Missing]
) -> None:
    choices = [ground.ranked(n) for n in numbers]
    percent = (0, 1) if isinstance(benefit, BundlePrice) else entry.c.shares[id(benefit)]
    dearest = [ground.dearest(lines) for lines in choices]
    served = Served(benefit, percent, choices, dearest, ground.qty, ground.floors)
    entry.steps.append(served)
    entry.served += (served,)
    entry.wobbly = entry.wobbly or isinstance(benefit, BundlePrice)


def _ship(entry: Entry, benefit: ShippingOff, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    entry.gives = True
    entry.ship += (benefit.amount if benefit.amount is not None else entry.c.shares[id(benefit)],)


def _gift(entry: Entry, benefit: Gift, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    entry.gives = True
    entry.given += benefit.value * benefit.qty
    entry.cost += benefit.cost * benefit.qty
    entry.gifts += (benefit,)


def _points(entry: Entry, benefit: MorePoints, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    entry.gives = True
    entry.points += ((benefit.factor, benefit.extra),)


def _pay_points(entry: Entry, benefit: PayPoints, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    points = ground.cart.points if benefit.max_points is None else min(ground.cart.points, benefit.max_points)
    entry.gives = True
    entry.points_step = benefit
    amount = Fraction(benefit.unit_value) * points
    entry.steps.append(Spread(ground.lines_of.get(numbers[0], []), ground.floored, amount=amount))


def _scale(entry: Entry, ground: Ground, lines: list[int], top: int, bottom: int, round_: str = "") -> None:
    floors = ground.floors
    if not round_ and not ground.floored:
        entry.steps.append(Percent(lines, top, bottom))
    else:
        entry.steps.append(Scale([(i, top, bottom, floors[i], 1, 1) for i in lines], ground.qty, round_))
        entry.rounded = entry.rounded or bool(round_)


def shares(got: Counts, ground: Ground, top: int, bottom: int) -> Scale:
    """Percents off some units of lines, as fractions of the lines."""
    cells = []
    for i, k in sorted(got.items()):
        part = Fraction(k * top, ground.qty[i] * bottom)
        cells.append((i, part.numerator, part.denominator, ground.floors[i], k, ground.qty[i]))
    return Scale(cells, ground.qty)


def _groups(entry: Entry, benefit: GroupOff, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    lines = ground.lines_of.get(numbers[0], [])
    left = sum(ground.qty[i] for i in lines) // benefit.qty * benefit.qty
    got: Counts = {}
    for i in lines:
        k = min(left, ground.qty[i])
        left -= k
        if k:
            got[i] = k
    if benefit.percent:
        entry.steps.append(shares(got, ground, *entry.c.shares[id(benefit)]))
    if benefit.amount:
        entry.steps.append(Sub([(i, benefit.amount, k, ground.qty[i], ground.floors[i]) for i, k in got.items()]))


def _tiers(entry: Entry, benefit: Tiers, numbers: list[int], ground: Ground, missing: list[Missing]) -> None:
    number = numbers[0]
    d = ground.d
    have = ground.spend(number) if benefit.by == "amount" else ground.units(number) * d
    next_tier(entry.c, benefit, have, d, missing)
    reached = [tier for tier in benefit.tiers if tier.at * d <= have]
    if not reached:
        return
    lines = ground.lines_of.get(number, [])
    highest = reached[-1]
    if benefit.marginal:
        _marginal(entry, benefit, reached, number, ground)
    else:
        times = have // (highest.at * d) if benefit.repeat else 1
        if highest.amount:
            entry.steps.append(Spread(lines, ground.floored, amount=highest.amount * times))
        if highest.each:
            entry.steps.append(Sub([(i, highest.each, ground.qty[i], ground.qty[i], ground.floors[i]) for i in lines]))
        if highest.percent:
            _scale(entry, ground, lines, *entry.c.shares[id(highest)])
    entry.gives = highest.free_shipping or bool(highest.points) or entry.gives
    if highest.free_shipping:
        entry.ship += ((1, 1),)
    if highest.points:
        entry.points += ((Decimal(1), highest.points),)


def _marginal(entry: Entry, benefit: Tiers, reached: list[Tier], number: int, ground: Ground) -> None:
    """What lies between a step and the next gets that step's benefit, the dearest units first."""
    order = ground.ranked(number)[::-1]
    got: dict[int, Fraction] = {}
    each: dict[int, int] = {}
    place = Fraction(0)
    for i in order:
        size = Fraction(ground.n[i], ground.d) if benefit.by == "amount" else Fraction(ground.qty[i])
        upto = place + size
        for at, tier in enumerate(reached):
            end = Fraction(reached[at + 1].at) if at + 1 < len(reached) else upto
            part = min(upto, end) - max(place, Fraction(tier.at))
            if part > 0 and size:
                got[i] = got.get(i, Fraction(0)) + part / size * Fraction(tier.percent) / 100
                if tier.each:
                    each[i] = each.get(i, 0) + int(part) * tier.each
        place = upto
    cells = [(i, p.numerator, p.denominator, ground.floors[i], 1, 1) for i, p in sorted(got.items()) if p]
    if cells:
        entry.steps.append(Scale(cells, ground.qty))
    if each:
        entry.steps.append(Sub([(i, amount, 1, 1, ground.floors[i]) for i, amount in sorted(each.items())]))


_ADD: dict[type, Callable[..., None]] = {
    PercentOff: _percent,
    AmountOff: _amount,
    FixedPrice: _fixed,
    TotalBecomes: _becomes,
    SetOff: _units,
    BuyGet: _units,
    BundlePrice: _units,
    GroupOff: _groups,
    Tiers: _tiers,
    ShippingOff: _ship,
    Gift: _gift,
    MorePoints: _points,
    PayPoints: _pay_points,
}
