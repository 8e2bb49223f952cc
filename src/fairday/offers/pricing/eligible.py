"""Whether a rule may be used now: everything in its ``when`` holds. If not, why, and what is missing to it."""

from __future__ import annotations

from typing import Any

from fairday.kernel.audience import Facts as Traits
from fairday.offers.model import Missing, Need, Tiers, Told, When
from fairday.offers.pricing.book import Compiled
from fairday.offers.pricing.ground import Ground

NOBODY = Traits()


def why_not(c: Compiled, ground: Ground, missing: list[Missing]) -> Told | None:
    """Why a rule may not be used, or None if it may. What is short of a need or of the next tier is added to
    ``missing``."""
    selected = ground.selected
    if not c.wants <= selected or (c.one_of and not any([one <= selected for one in c.one_of])):
        return c.untouched
    rule = c.rule
    barred = ground.facts.barred
    if barred and rule.id in barred:
        return Told(rule=rule.id, code="barred", values={"by": barred[rule.id]})
    if not c.simple:
        code = _outside(c, ground)
        if code:
            return Told(rule=rule.id, code=code)
    for number, need in c.needs:
        values = _short(number, need, ground)
        if values is not None:
            code = values.pop("code")
            if len(c.needs) == 1 or all(n is need or _short(k, n, ground) is None for k, n in c.needs):
                amount, units = (values["missing"], 0) if code == "spend" else (0, values["missing"])
                told = c.told[id(rule.benefits[0])]
                missing.append(Missing(rule=rule.id, amount=amount, units=units, benefit=told))
            return Told(rule=rule.id, code=code, values=values)
    return None


def _outside(c: Compiled, ground: Ground) -> str:
    """The first condition on person and moment that does not hold, or ""."""
    when, cart, facts = c.rule.when, ground.cart, ground.facts
    if when.start is not None and ground.now < when.start:
        return "not_yet"
    if when.end is not None and ground.now >= when.end:
        return "over"
    if when.coupon and c.rule.id not in cart.coupons:
        return "coupon"
    if when.scene and (arm := facts.arms.get(when.scene, "treated")) != "treated":
        return arm
    for name, wanted, have in (
        ("channel", when.channels, cart.channel), ("store", when.stores, cart.store),
        ("country", when.countries, cart.country), ("payment_method", when.payment_methods, cart.payment_method),
    ):  # fmt: skip
        if wanted and have not in wanted:
            return name
    if when.first_order and not facts.first_order:
        return "first_order"
    if not _at_hours(when, facts.minute, ground.today):
        return "hours"
    person = facts.person if facts.person is not None else NOBODY
    if c.who is not None and not c.who.test(person, ground.today):
        return "who"
    if c.unless is not None and c.unless.holds(person, ground.today) is True:
        return "unless"
    return ""


def _at_hours(when: When, minute: int, today: int) -> bool:
    """Hours over midnight belong to the day they began on."""
    weekday = (today + 3) % 7
    if not when.hours:
        return not when.weekdays or weekday in when.weekdays
    for first, until in when.hours:
        if first < until:
            inside, day = first <= minute < until, weekday
        elif minute >= first:
            inside, day = True, weekday
        else:
            inside, day = minute < until, (weekday - 1) % 7
        if inside and (not when.weekdays or day in when.weekdays):
            return True
    return False


def _short(number: int, need: Need, ground: Ground) -> dict[str, Any] | None:
    """What a need lacks: a code, what it wants, what is there, what is missing; None when it is met."""
    if need.units and (have := ground.units(number)) < need.units:
        return {"code": "units", "wanted": need.units, "have": have, "missing": need.units - have}
    if need.line_units:
        have = max([ground.qty[i] for i in ground.lines_of.get(number, ())], default=0)
        if have < need.line_units:
            return {"code": "line_units", "wanted": need.line_units, "have": have, "missing": need.line_units - have}
    if need.spend:
        spent, d = ground.spend(number), ground.d
        if spent < need.spend * d:
            return {
                "code": "spend",
                "wanted": need.spend,
                "have": spent // d,
                "missing": -((spent - need.spend * d) // d),
            }
    return None


def next_tier(c: Compiled, benefit: Tiers, have: int, d: int, missing: list[Missing]) -> None:
    """Say what is missing to the next step of a rule that may be used; it has ``have / d``."""
    for tier in benefit.tiers:
        if tier.at * d > have:
            short = -((have - tier.at * d) // d)
            amount, units = (short, 0) if benefit.by == "amount" else (0, short)
            missing.append(Missing(rule=c.rule.id, amount=amount, units=units, benefit=c.told[id(tier)]))
            return
