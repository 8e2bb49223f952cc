"""Which live promotions get into each other's way: on the same goods at the same time, and which wins by example. Pure.

Two promotions are looked at for somebody both are for: audiences, hours, channels and coupons are taken as met. The
example is the good both look at, as many units as both need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fairday.offers.model import Cart, Facts, Limits, Line, Need, Policy, Rule, Tiers, When
from fairday.offers.pricing import Book, price
from fairday.offers.pricing.book import excludes, selections

MOST_UNITS = 500
Relation = Literal["alone", "group", "tags", "together"]
"""Why two cannot both be taken: one goes with nothing, they share a group, their tags do not agree; or they add up."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """So many units of a line, what each promotion takes off them by itself and both together, minor units."""

    line: Line
    gross: int
    mine: int
    theirs: int
    both: int


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """Another promotion on the same goods at the same time.

    Attributes:
        goods: of those looked at, how many both are about.
        wins: the one that is taken in the example where they cannot both be: its id, or "" where neither is left out.
    """

    other: Rule
    relation: Relation
    goods: int
    wins: str
    example: Example | None


def overlaps(
    rule: Rule, others: Sequence[Rule], goods: Sequence[Line], now: int, today: int, *, currency: str, policy: Policy
) -> list[Overlap]:
    """Those of other promotions that meet a rule on some goods at some time, exclusive ones first.

    Args:
        goods: what the shop sells, one unit of each; the first that fits is the example.
        now: ms UTC; today: the shop's local day.
    """
    found = []
    for other in others:
        if other.id == rule.id or not _meet_in_time(rule.when, other.when):
            continue
        book = Book([_bare(rule), _bare(other)], policy, currency=currency)
        mine, theirs = (_about(book, one, goods, today) for one in (rule, other))
        both = [line for line in goods if line.line in mine and line.line in theirs]
        if not both:
            continue
        example = _example(rule, other, both[0], now, today, currency, policy)
        relation = _relation(rule, other)
        wins = ""
        if relation != "together" and example is not None and example.both:
            wins = rule.id if example.both == example.mine and example.mine >= example.theirs else other.id
        found.append(Overlap(other=other, relation=relation, goods=len(both), wins=wins, example=example))
    return sorted(found, key=lambda o: (o.relation == "together", -o.goods, o.other.id))


def _meet_in_time(one: When, other: When) -> bool:
    starts_in_time = one.start is None or other.end is None or one.start < other.end
    return starts_in_time and (other.start is None or one.end is None or other.start < one.end)


def _relation(one: Rule, other: Rule) -> Relation:
    if one.alone or other.alone:
        return "alone"
    if not excludes(one, other):
        return "together"
    return "group" if one.group and one.group == other.group else "tags"


def _bare(rule: Rule) -> Rule:
    """A rule for somebody it is for, at a moment it holds."""
    return msgspec.structs.replace(rule, when=When(needs=rule.when.needs), limits=Limits())


def _about(book: Book, rule: Rule, goods: Sequence[Line], today: int) -> set[str]:
    """The lines a rule looks at: with a benefit, or where that looks at none, with a need; all where neither does."""
    looked_at = [g for benefit in rule.benefits for g in selections(benefit)] or [n.goods for n in rule.when.needs]
    numbers = {book.matching.add(g) for g in looked_at}
    if not numbers or 0 in numbers:
        return {line.line for line in goods}
    return {x.line for x in goods if not numbers.isdisjoint(book.matching.of(x, x.unit, 10**x.unit_digits, today))}


def _example(
    rule: Rule, other: Rule, line: Line, now: int, today: int, currency: str, policy: Policy
) -> Example | None:
    units = max(_units(rule, line), _units(other, line))
    if units > MOST_UNITS:
        return None
    cart = Cart(currency=currency, lines=(msgspec.structs.replace(line, qty=units),), shipping=0)

    def off(*some: Rule) -> int:
        book = Book([_bare(one) for one in some], policy, currency=currency)
        return price(cart, book, Facts(), now, today).discount

    gross = price(cart, Book([], policy, currency=currency), Facts(), now, today).gross
    return Example(line=cart.lines[0], gross=gross, mine=off(rule), theirs=off(other), both=off(rule, other))


def _units(rule: Rule, line: Line) -> int:
    """How many units of one line reach what a promotion asks for and show what it gives."""
    one = max(1, line.unit // 10**line.unit_digits)
    needed = [_needed(need, one) for need in rule.when.needs]
    for benefit in rule.benefits:
        if isinstance(benefit, Tiers):
            at = benefit.tiers[0].at
            needed.append(-(-at // one) if benefit.by == "amount" else at)
        needed.append(getattr(benefit, "qty", 1))
        needed.append(getattr(benefit, "buy_qty", 0) + getattr(benefit, "get_qty", 0))
    return max([1, *needed])


def _needed(need: Need, one: int) -> int:
    return max(need.units, need.line_units, -(-max(need.spend, need.spend_after) // one))
