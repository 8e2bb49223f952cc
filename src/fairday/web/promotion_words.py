"""A promotion in the reader's words: what it gives, from when on, for whom, how often, with which others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fairday.kernel.clock import local_day, local_minute
from fairday.offers.model import (
    ALL,
    AmountOff,
    Benefit,
    BundlePrice,
    BuyGet,
    FixedPrice,
    Gift,
    Goods,
    GroupOff,
    MorePoints,
    Need,
    PayPoints,
    PercentOff,
    Rule,
    SetOff,
    ShippingOff,
    Tier,
    Tiers,
    TotalBecomes,
)
from fairday.web.i18n import Tongue


def _percent(value: Decimal) -> str:
    return f"{value.normalize():f}"


def title(tongue: Tongue, rule: Rule) -> str:
    """What a promotion is called; where it has no title, what it gives."""
    return tongue.pick(rule.title) or gives(tongue, rule)


def gives(tongue: Tongue, rule: Rule) -> str:
    """What it gives, from when on: "From ¥199 of tea: ¥30 off"."""
    what = _and(tongue, [benefit(tongue, b) for b in rule.benefits])
    needs = [need(tongue, n) for n in rule.when.needs if n != Need(goods=n.goods)]
    if needs:
        return tongue.plain("promo_say.from", needs=_and(tongue, needs), what=what)
    about = next((g for b in rule.benefits if (g := getattr(b, "goods", getattr(b, "buy", None))) is not None), ALL)
    return what if about == ALL else tongue.plain("promo_say.of", goods=goods(tongue, about), what=what)


def need(tongue: Tongue, n: Need) -> str:
    """What must be reached."""
    about = goods(tongue, n.goods)
    found = []
    if n.spend or n.spend_after:
        amount = tongue.money(n.spend or n.spend_after)
        found.append(
            tongue.plain("promo_say.spend_all", amount=amount)
            if n.goods == ALL
            else tongue.plain("promo_say.spend", amount=amount, goods=about)
        )
    if n.units or n.line_units:
        pieces = n.units or n.line_units
        found.append(
            tongue.plain("promo_say.at_items", n=pieces)
            if n.goods == ALL
            else tongue.plain("promo_say.items", n=pieces, goods=about)
        )
    return _and(tongue, found)


def goods(tongue: Tongue, g: Goods) -> str:
    """Which goods."""
    if g == ALL:
        return tongue.plain("promo_say.all")
    words = [*sorted(g.categories), *sorted(g.departments), *sorted(g.brands), *sorted(g.skus), *sorted(g.products),
             *sorted(g.any_tag)]  # fmt: skip
    if g.unit_from is not None or g.unit_to is not None:
        ends = (tongue.money(e) if e is not None else "" for e in (g.unit_from, g.unit_to))
        words.append("–".join(ends))
    if g.condition:
        words.append(g.condition)
    shown = "、".join(words[:6]) if tongue.language == "zh" else ", ".join(words[:6])
    return shown + (" …" if len(words) > 6 else "")


def benefit(tongue: Tongue, b: Benefit) -> str:
    """What one benefit gives."""

    def say(name: str, **values: Any) -> str:
        return tongue.plain(f"promo_say.{name}", **values)

    money = tongue.money
    match b:
        case PercentOff():
            at_most = "" if b.cap is None else say("cap", amount=money(b.cap))
            return say("percent", percent=_percent(b.percent)) + at_most
        case AmountOff():
            return say("each" if b.per == "unit" else "amount", amount=money(b.amount))
        case FixedPrice():
            return say("price", amount=money(b.price))
        case TotalBecomes():
            return say("total", amount=money(b.amount))
        case BuyGet():
            if b.percent == 100:
                return say("buy_get", buy=b.buy_qty, get=b.get_qty)
            return say("buy_get_percent", buy=b.buy_qty, get=b.get_qty, percent=_percent(b.percent))
        case SetOff():
            if b.percent == 100:
                return say("cheapest", n=b.qty, off=b.off)
            return say("cheapest_percent", n=b.qty, off=b.off, percent=_percent(b.percent))
        case BundlePrice():
            return say("bundle", amount=money(b.price), n=sum(p.qty for p in b.parts))
        case GroupOff():
            what = say("each", amount=money(b.amount)) if b.amount else say("percent", percent=_percent(b.percent))
            return say("groups", n=b.qty, what=what)
        case Tiers():
            if b.repeat and len(b.tiers) == 1:
                (t,) = b.tiers
                at = money(t.at) if b.by == "amount" else say("pieces", n=t.at)
                return say("every", at=at, what=_step_gives(tongue, t))
            steps = [_step(tongue, b, t) for t in b.tiers]
            return (" · " if tongue.language != "zh" else "；").join(steps) + (say("marginal") if b.marginal else "")
        case ShippingOff():
            if b.amount is not None:
                return say("shipping_off", amount=money(b.amount))
            return say("free_shipping") if b.percent == 100 else say("shipping_percent", percent=_percent(b.percent))
        case Gift():
            return say("gift", sku=b.sku, n=b.qty)
        case MorePoints():
            return say("points", n=b.extra) if b.extra else say("points_times", n=_percent(b.factor))
        case PayPoints():
            return _worth(tongue, b) + ("" if b.max_points is None else say("points_most", n=b.max_points))


def _worth(tongue: Tongue, b: PayPoints) -> str:
    """What points pay: the fewest of 1, 10, 100, … that come to whole minor units."""
    for n in (1, 10, 100, 1_000, 10_000):
        if (paid := b.unit_value * n) == paid.to_integral_value() and paid:
            return tongue.plain("promo_say.points_worth", n=n, amount=tongue.money(int(paid)))
    return tongue.plain("promo_say.pay_points")


def _step(tongue: Tongue, b: Tiers, t: Tier) -> str:
    at = (
        tongue.plain("promo_say.at_amount", amount=tongue.money(t.at))
        if b.by == "amount"
        else tongue.plain("promo_say.at_items", n=t.at)
    )
    return tongue.plain("promo_say.step", at=at, what=_step_gives(tongue, t))


def _step_gives(tongue: Tongue, t: Tier) -> str:
    def say(name: str, **values: Any) -> str:
        return tongue.plain(f"promo_say.{name}", **values)

    what = []
    if t.amount:
        what.append(say("amount", amount=tongue.money(t.amount)))
    if t.each:
        what.append(say("each", amount=tongue.money(t.each)))
    if t.percent:
        what.append(say("percent", percent=_percent(t.percent)))
    if t.points:
        what.append(say("points", n=t.points))
    if t.free_shipping:
        what.append(say("free_shipping"))
    return _and(tongue, what)


def facts(tongue: Tongue, rule: Rule, zone: str) -> list[tuple[str, str]]:
    """Under which conditions: (word of the label, text), in the order people ask."""
    when, limits = rule.when, rule.limits
    found: list[tuple[str, str]] = [("when", days(tongue, rule, zone))]
    if when.weekdays:
        found.append(("weekdays", _listed(tongue, [tongue.plain(f"promo.day.{d}") for d in sorted(when.weekdays)])))
    if when.hours:
        hours = [f"{a // 60:02d}:{a % 60:02d}–{b // 60:02d}:{b % 60:02d}" for a, b in when.hours]
        found.append(("hours", _listed(tongue, hours)))
    for name, text in (("who", when.who), ("unless", when.unless), ("scene", when.scene), ("group", rule.group)):
        if text:
            found.append((name, text))
    for name, words in (("channel", when.channels), ("store", when.stores), ("country", when.countries),
                        ("pay_with", when.payment_methods)):  # fmt: skip
        if words:
            found.append((name, _listed(tongue, sorted(words))))
    for name, holds in (("first_order", when.first_order), ("by_coupon", when.coupon)):
        if holds:
            found.append((name, tongue.plain("value.yes")))
    found.append(("together", together(tongue, rule)))
    if rule.tags:
        found.append(("tags", _listed(tongue, sorted(rule.tags))))
    if limits.purse:
        found.append(("purse", limits.purse))
    if limits.uses is not None:
        found.append(("uses", tongue.plain("promo_say.uses", n=limits.uses)))
    if limits.amount is not None:
        found.append(("budget", tongue.money(limits.amount)))
    if limits.day_uses is not None:
        found.append(("day_uses", tongue.plain("promo_say.uses", n=limits.day_uses)))
    if limits.day_amount is not None:
        found.append(("day_budget", tongue.money(limits.day_amount)))
    if limits.person_uses is not None:
        found.append(("person_uses", tongue.plain("promo_say.uses", n=limits.person_uses)))
    return found


def together(tongue: Tongue, rule: Rule) -> str:
    """Whether it adds up with others."""
    if rule.alone or rule.combines == frozenset():
        return tongue.plain("promo.together.alone")
    if rule.combines is None:
        return tongue.plain("promo.together.any")
    return tongue.plain("promo.together.tags", words=_listed(tongue, sorted(rule.combines)))


def days(tongue: Tongue, rule: Rule, zone: str) -> str:
    """From when to when; the last day where it ends with one."""
    start, end = rule.when.start, rule.when.end
    if start is None and end is None:
        return tongue.plain("promo.always")
    first = "" if start is None else _instant(tongue, start, zone)
    last = "" if end is None else _instant(tongue, end - 1 if local_minute(end, zone) == 0 else end, zone)
    if start is not None and end is not None:
        return first if first == last else f"{first} – {last}"
    return tongue.plain("promo.since", day=first) if end is None else tongue.plain("promo.till", day=last)


def _instant(tongue: Tongue, at: int, zone: str) -> str:
    minute = local_minute(at, zone)
    day = tongue.day(local_day(at, zone))
    return day if minute in (0, 1439) else f"{day} {minute // 60:02d}:{minute % 60:02d}"


def _listed(tongue: Tongue, words: list[str]) -> str:
    return ("、" if tongue.language == "zh" else ", ").join(words)


def _and(tongue: Tongue, words: list[str]) -> str:
    return ("，" if tongue.language == "zh" else " + ").join(w for w in words if w)
