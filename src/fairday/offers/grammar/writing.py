"""Rules written as promotions: the shortest text that reads back to an equal rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fairday.kernel import money
from fairday.kernel.clock import day_start, iso, local_day, to_date
from fairday.kernel.clock import zone as zone_of
from fairday.kernel.yamlvalues import LANGUAGES, NAME
from fairday.offers.grammar.keys import KEYS, WEEKDAYS, not_written, usual_layer
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
    Limits,
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
    When,
)

Plain = dict[str, Any]


class Writing:
    """Rules as plain values of a currency and a zone; see ``rule_plain``."""

    def __init__(self, currency: str, zone: str, scene: bool) -> None:
        self.currency, self.zone, self.scene = currency, zone, scene

    def rule(self, rule: Rule) -> Plain:
        goods = _spoken_of(rule)
        gives, taken = self._gives(rule.benefits, goods)
        plain: Plain = {
            "promotion": rule.id,
            "title": _title(rule.title),
            "goods": self._goods(goods) if goods != ALL else None,
            **self._needs(rule.when.needs, goods, taken),
            **gives,
            **self._when(rule.when),
            **self._together(rule),
            **self._limits(rule.limits),
            "layer": rule.layer if rule.layer != usual_layer(rule, goods) else None,
            "priority": rule.priority or None,
            "group": rule.group,
            "group_by": rule.per if rule.per != "order" else None,
            "alone": rule.alone or None,
            "borne": rule.borne if rule.borne != 100 else None,
            "source": rule.source,
        }
        return {key: plain[key] for key in KEYS if plain.get(key) not in (None, "", {})}

    # ---- goods and needs ---------------------------------------------------------------------------------------------

    def _goods(self, goods: Goods) -> Any:
        if goods == ALL:
            return "all"
        if goods == Goods(condition=goods.condition):
            return goods.condition
        ends = [None if end is None else self._money(end) for end in (goods.unit_from, goods.unit_to)]
        prices = "..".join("" if end is None else _digits(end) for end in ends)
        return {
            key: value
            for key, value in {
                "sku": _listed(goods.skus), "product": _listed(goods.products), "category": _listed(goods.categories),
                "department": _listed(goods.departments), "brand": _listed(goods.brands),
                "tag": _listed(goods.any_tag), "no_tag": _listed(goods.no_tag),
                "price": prices if ends != [None, None] else None, "where": goods.condition,
            }.items()
            if value not in (None, "", [])
        }  # fmt: skip

    def _own(self, goods: Goods, spoken_of: Goods) -> Plain:
        return {} if goods == spoken_of else {"goods": self._goods(goods)}

    def _need(self, need: Need) -> Plain:
        return _said(spend=self._some(need.spend), items=need.units, spend_after=self._some(need.spend_after),
                     items_of_one=need.line_units)  # fmt: skip

    def _needs(self, needs: tuple[Need, ...], goods: Goods, taken: bool) -> Plain:
        """Needs; the first stands in the open where it is of the goods the promotion speaks of.

        Args:
            taken: ``spend`` and ``items`` say already what repeats.
        """
        open_ = bool(needs) and not taken and needs[0].goods == goods and needs[0] != Need(goods=goods)
        rest = [{**self._own(need.goods, goods), **self._need(need)} for need in needs[open_:]]
        return {**(self._need(needs[0]) if open_ else {}), **({"needs": rest} if rest else {})}

    # ---- benefits ----------------------------------------------------------------------------------------------------

    def _gives(self, benefits: tuple[Benefit, ...], goods: Goods) -> tuple[Plain, bool]:
        """What it gives, and whether ``spend`` or ``items`` are part of that."""
        places = [next((n for n, kinds in enumerate(_BESIDE) if isinstance(b, kinds)), -1) for b in benefits]
        if places == sorted(set(places)):
            again = next((self._again(b) for b in benefits if isinstance(b, Tiers)), None)
            found: Plain = {}
            for benefit in benefits:
                found |= again if again is not None and isinstance(benefit, Tiers) else self._benefit(benefit)
            return found, again is not None
        return {"benefits": [{**self._own(_goods_of(b) or goods, goods), **self._benefit(b)} for b in benefits]}, False

    def _again(self, benefit: Tiers) -> Plain | None:
        """``{spend: 200, off: 30, repeat: true}`` where it is that."""
        if not benefit.repeat or benefit.marginal or len(benefit.tiers) != 1:
            return None
        (tier,) = benefit.tiers
        if not tier.amount or not tier.at or tier != Tier(at=tier.at, amount=tier.amount):
            return None
        first = {"spend": self._money(tier.at)} if benefit.by == "amount" else {"items": tier.at}
        return {**first, "off": self._money(tier.amount), "repeat": True}

    def _benefit(self, benefit: Benefit) -> Plain:
        made = _WRITE.get(type(benefit))
        if made is None:
            raise not_written(type(benefit).__name__)
        return made(self, benefit)

    def _buy_get(self, b: BuyGet) -> Plain:
        return {"buy": b.buy_qty, "get": b.get_qty, **_said(
            percent_off=b.percent if b.percent != 100 else None,
            get_goods=self._goods(b.get) if b.get != b.buy else None,
            max_get=b.max_get, max_times=b.max_times, prefer=b.prefer if b.prefer != "cheapest" else None,
        )}  # fmt: skip

    def _set_off(self, b: SetOff) -> Plain:
        return {"cheapest_of": b.qty, **_said(cheapest=b.off if b.off != 1 else None, max_times=b.max_times,
                                              percent_off=b.percent if b.percent != 100 else None)}  # fmt: skip

    def _bundle(self, b: BundlePrice) -> Plain:
        parts: list[Any] = []
        for part in b.parts:
            written = self._goods(part.goods)
            parts.append(
                written
                if part.qty == 1 and isinstance(written, str)
                else {**({"qty": part.qty} if part.qty != 1 else {}), "goods": written}
            )
        return {"bundle": parts, "price": self._money(b.price),
                **_said(max_times=b.max_times, prefer=b.prefer if b.prefer != "cheapest" else None)}  # fmt: skip

    def _groups(self, b: GroupOff) -> Plain:
        return {"groups_of": b.qty, **_said(off=self._some(b.amount), percent_off=b.percent or None)}

    def _tiers(self, b: Tiers) -> Plain:
        steps = [
            {**({"spend": self._money(t.at)} if b.by == "amount" else {"items": t.at}),
             **_said(off=self._some(t.amount), off_each=self._some(t.each), percent_off=t.percent or None,
                     points=t.points or None, free_shipping=t.free_shipping or None)}
            for t in b.tiers
        ]  # fmt: skip
        return {"tiers": steps, **_said(marginal=b.marginal or None, repeat=b.repeat or None)}

    def _pay_points(self, b: PayPoints) -> Plain:
        worth = b.unit_value.scaleb(-money.digits(self.currency))
        return {"pay_points": worth, **_said(max_points=b.max_points)}

    def _amount(self, b: AmountOff) -> Plain:
        return {"off": self._money(b.amount),
                **_said(per=b.per if b.per != "all" else None, max_units=b.max_units, prefer=b.prefer)}  # fmt: skip

    def _percent(self, b: PercentOff) -> Plain:
        return {"percent_off": b.percent, **_said(per=b.per if b.per != "line" else None, round=b.round,
                                                  at_most=None if b.cap is None else self._money(b.cap))}  # fmt: skip

    def _shipping(self, b: ShippingOff) -> Plain:
        if b.amount is not None:
            return {"shipping_off": self._money(b.amount)}
        return {"free_shipping": True} if b.percent == 100 else {"shipping_percent_off": b.percent}

    def _gift(self, b: Gift) -> Plain:
        if b == Gift(sku=b.sku):
            return {"gift": b.sku}
        return {"gift": {"sku": b.sku, **_said(qty=b.qty if b.qty != 1 else None, value=self._some(b.value),
                                               cost=self._some(b.cost))}}  # fmt: skip

    def _points(self, b: MorePoints) -> Plain:
        times = {"points_factor": b.factor} if b.factor != 1 else {}
        return {"points": b.extra, **times} if b.extra or not times else times

    # ---- when, how they go together, limits --------------------------------------------------------------------------

    def _when(self, when: When) -> Plain:
        hours = [f"{a // 60:02d}:{a % 60:02d}..{b // 60:02d}:{b % 60:02d}" for a, b in when.hours]
        return _said(
            who=when.who, unless=when.unless, first_order=when.first_order or None, by_coupon=when.coupon or None,
            channel=_listed(when.channels), store=_listed(when.stores), country=_listed(when.countries),
            pay_with=_listed(when.payment_methods), hours=hours[0] if len(hours) == 1 else hours,
            weekdays=[WEEKDAYS[day] for day in sorted(when.weekdays)], scene=when.scene,
            **{"from": self._instant(when.start, 0), "until": self._instant(when.end, 1)},
        )  # fmt: skip

    def _instant(self, at: int | None, before: int) -> str | None:
        """A day where it begins (``before`` 1: where the next one begins), else a local minute, else UTC."""
        if at is None:
            return None
        day = local_day(at, self.zone)
        if day_start(day, self.zone) == at:
            return to_date(day - before).isoformat()
        local = datetime.fromtimestamp(at // 1000, UTC).astimezone(zone_of(self.zone)).replace(tzinfo=None, fold=0)
        if at % 60_000 == 0 and round(local.replace(tzinfo=zone_of(self.zone)).timestamp()) * 1000 == at:
            return local.isoformat(" ", "minutes")
        return iso(at)

    def _together(self, rule: Rule) -> Plain:
        tags, combines = rule.tags, rule.combines
        if tags == combines and len(tags) == 1 and NAME.fullmatch(next(iter(tags))):
            return {"stack": next(iter(tags))}
        usual: frozenset[str] | None = frozenset() if self.scene else None
        said: Any = None
        if combines != usual:
            said = "anything" if combines is None else "nothing" if not combines else sorted(combines)
        return _said(tags=_listed(tags), combines=said)

    def _limits(self, limits: Limits) -> Plain:
        plain = {"budget": limits.amount, "uses": limits.uses, "day_budget": limits.day_amount,
                 "day_uses": limits.day_uses, "person_uses": limits.person_uses}  # fmt: skip
        found = {k: v if "uses" in k else self._money(v) for k, v in plain.items() if v is not None}
        return {**found, **({"purse": limits.purse} if limits.purse else {})}

    def _money(self, amount: int) -> Decimal:
        return money.major(amount, self.currency)

    def _some(self, amount: int) -> Decimal | None:
        return self._money(amount) if amount else None


_BESIDE: tuple[tuple[type, ...], ...] = (
    (PercentOff, AmountOff, FixedPrice, TotalBecomes, BuyGet, SetOff, BundlePrice, GroupOff, Tiers, PayPoints),
    (ShippingOff,), (Gift,), (MorePoints,),
)  # fmt: skip
"""What may stand in the open, in this order, each once."""

_WRITE: Mapping[type, Callable[[Writing, Any], Plain]] = {
    BuyGet: Writing._buy_get, SetOff: Writing._set_off, BundlePrice: Writing._bundle, GroupOff: Writing._groups,
    Tiers: Writing._tiers, PayPoints: Writing._pay_points, AmountOff: Writing._amount, PercentOff: Writing._percent,
    ShippingOff: Writing._shipping, Gift: Writing._gift, MorePoints: Writing._points,
    FixedPrice: lambda self, b: {"price": self._money(b.price)},
    TotalBecomes: lambda self, b: {"total": self._money(b.amount)},
}  # fmt: skip


def _goods_of(benefit: Benefit) -> Goods | None:
    return benefit.buy if isinstance(benefit, BuyGet) else getattr(benefit, "goods", None)


def _spoken_of(rule: Rule) -> Goods:
    """The goods a promotion speaks of: those its first benefit looks at, else those of its first need."""
    found = next((g for g in map(_goods_of, rule.benefits) if g is not None), None)
    if found is None and rule.when.needs:
        found = rule.when.needs[0].goods
    return found or ALL


def _title(title: Mapping[str, str]) -> Any:
    if not set(title) <= set(LANGUAGES):
        raise not_written(f"A title in {', '.join(sorted(set(title) - set(LANGUAGES)))}")
    texts = {language: title[language] for language in LANGUAGES if title.get(language)}
    return texts["en"] if len(texts) == 3 and len(set(texts.values())) == 1 else texts


def _listed(words: frozenset[str]) -> Any:
    found = sorted(words)
    return found[0] if len(found) == 1 and found[0] not in ("anything", "nothing") else found


def _digits(value: Decimal) -> str:
    return f"{value:.0f}" if value == value.to_integral_value() else f"{value.normalize():f}"


def _said(**values: Any) -> Plain:
    return {key: value for key, value in values.items() if value not in (None, "", [], 0) or value is True}
