"""A book of rules, compiled once: their order, whom and what they look at, and which exclude each other."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fairday.kernel.audience import Audience, Vocabulary, parse
from fairday.kernel.errors import FairdayError
from fairday.offers.model import (
    LAYERS,
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
    Policy,
    Rule,
    SetOff,
    ShippingOff,
    Tiers,
    Told,
)
from fairday.offers.pricing.matching import Matching

HUGE = 10**13
"""No amount in a rule is larger, minor units."""


class Compiled:
    """A rule made ready.

    Attributes:
        at: its place in the order; rank: its place when going by priority.
        benefits: each with the numbers of its selections; needs: each with its selection's.
        wants: selections that must hold something; one_of: where benefits differ, those of each, of which one must.
        asks_after: a need looks at what is left at its turn.
        shares: percents of benefits and tiers as (numerator, denominator), by ``id`` of what holds them.
        told: benefits and tiers as words need them, by ``id``.
        simple: nothing but needs has to hold.
        untouched: what is said when the cart holds nothing of its goods.
    """

    __slots__ = (
        "alone", "asks_after", "at", "benefits", "line_group", "needs", "one_of", "rank", "rule", "selects", "shares",
        "simple", "told", "unless", "untouched", "wants", "who",
    )  # fmt: skip

    def __init__(self, rule: Rule, matching: Matching, people: Vocabulary | None) -> None:
        self.rule = rule
        self.at = self.rank = 0
        self.alone = rule.alone
        self.line_group = rule.group if rule.per == "line" else ""
        self.benefits = [(benefit, [matching.add(g) for g in selections(benefit)]) for benefit in rule.benefits]
        self.shares = _shares(rule)
        self.told = _told(rule)
        self.needs: list[tuple[int, Need]] = [(matching.add(need.goods), need) for need in rule.when.needs]
        self.asks_after = any(need.spend_after for _, need in self.needs)
        self.selects = sorted({n for _, numbers in self.benefits for n in numbers})
        wanted = [frozenset(numbers) - {0} for _, numbers in self.benefits if numbers] or [frozenset[int]()]
        self.wants = frozenset.intersection(*wanted)
        self.one_of = wanted if any(one != self.wants for one in wanted) else []
        when = rule.when
        self.who = _condition(when.who, "who", people)
        self.unless = _condition(when.unless, "unless", people)
        self.simple = not (
            when.who or when.unless or when.channels or when.stores or when.countries or when.payment_methods
            or when.hours or when.weekdays or when.first_order or when.coupon or when.scene
            or when.start is not None or when.end is not None
        )  # fmt: skip
        self.untouched = Told(rule=rule.id, code="goods")


class Book:
    """Rules in their order, with the policy they are read by. Compiling takes a while; pricing with it does not.

    Args:
        rules: in the book's order.
        policy: objective, rounding, tax.
        people: what ``who`` and ``unless`` may speak of.
        goods: what conditions over goods may speak of; the usual traits of goods when left out.
        currency: of the amounts in conditions over goods.

    Raises:
        FairdayError: a rule that cannot be; ``where`` names it.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        policy: Policy | None = None,
        *,
        people: Vocabulary | None = None,
        goods: Vocabulary | None = None,
        currency: str = "CNY",
    ) -> None:
        self.policy = policy or Policy()
        self.currency = currency
        self.matching = Matching(currency, goods)
        seen: set[str] = set()
        compiled = []
        for rule in rules:
            try:
                _check(rule)
                if rule.id in seen:
                    raise FairdayError(f"Two rules are called {rule.id!r}.", code="doubled_rule", remedy="Rename one.")
                compiled.append(Compiled(rule, self.matching, people))
            except FairdayError as error:
                where = f"{rule.id}.{error.where}" if error.where else rule.id
                raise FairdayError(error.message, code=error.code, where=where, remedy=error.remedy) from error
            seen.add(rule.id)
        compiled.sort(key=lambda c: (LAYERS.index(c.rule.layer), -c.rule.priority))
        self.catalogue = [c for c in compiled if c.rule.layer == "catalogue"]
        self.rules = _line_groups_together([c for c in compiled if c.rule.layer != "catalogue"])
        self.by_id = {c.rule.id: c.rule for c in (*self.catalogue, *self.rules)}
        """Its rules: catalogue prices first, else in their order."""
        for at, c in enumerate(self.rules):
            c.at = at
        for rank, c in enumerate(sorted(self.rules, key=lambda c: (-c.rule.priority, c.at))):
            c.rank = rank
        self.conflicts = [_excluded(c, self.rules) for c in self.rules]
        """Of each rule the rules it excludes, as bits by place; rules that stand alone left out."""
        self.only_groups = all(c.rule.combines is None and c.rule.per == "order" for c in self.rules)
        """Whether rules exclude each other in groups only."""
        names = sorted({c.rule.group for c in self.rules if c.rule.group})
        self.group_of = [names.index(c.rule.group) if c.rule.group else -1 for c in self.rules]
        """The number of each rule's group, or -1."""

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its rules."""
        return frozenset(self.by_id)


def _shares(rule: Rule) -> dict[int, tuple[int, int]]:
    found = {}
    for benefit in rule.benefits:
        for holder in (benefit, *(benefit.tiers if isinstance(benefit, Tiers) else ())):
            percent = getattr(holder, "percent", None)
            if percent is not None:
                share = Fraction(percent) / 100
                found[id(holder)] = (share.numerator, share.denominator)
    return found


def _told(rule: Rule) -> dict[int, dict[str, Any]]:
    found = {}
    for benefit in rule.benefits:
        told: dict[str, Any] = {"kind": str(benefit.__struct_config__.tag)}
        for tier in benefit.tiers if isinstance(benefit, Tiers) else ():
            gives = {name: getattr(tier, name) for name in ("amount", "each", "percent", "points", "free_shipping")}
            found[id(tier)] = told | {name: value for name, value in gives.items() if value}
        if isinstance(benefit, Tiers):
            found[id(benefit)] = found[id(benefit.tiers[0])]
            continue
        for name in ("percent", "amount", "price", "sku", "qty", "factor", "extra", "off", "buy_qty", "get_qty"):
            value = getattr(benefit, name, None)
            if value is not None:
                told[name] = value
        found[id(benefit)] = told
    return found


def selections(benefit: Benefit) -> list[Goods]:
    """The selections a benefit speaks of."""
    match benefit:
        case BuyGet():
            return [benefit.buy, benefit.get]
        case BundlePrice():
            return [part.goods for part in benefit.parts]
        case ShippingOff() | Gift() | MorePoints():
            return []
        case _:
            return [benefit.goods]


def excludes(one: Rule, other: Rule) -> bool:
    """Whether two rules may not be taken together."""
    if one.group and one.group == other.group and (one.per == "order" or other.per == "order"):
        return True
    return (one.combines is not None and one.combines.isdisjoint(other.tags)) or (
        other.combines is not None and other.combines.isdisjoint(one.tags)
    )


def _excluded(c: Compiled, rules: Sequence[Compiled]) -> int:
    bits = 0
    for other in rules:
        if other is not c and not other.alone and not c.alone and excludes(c.rule, other.rule):
            bits |= 1 << other.at
    return bits


def _line_groups_together(rules: list[Compiled]) -> list[Compiled]:
    """Rules of a group by line stand at the turn of the first of them."""
    placed: list[Compiled] = []
    done: set[str] = set()
    for c in rules:
        group = c.rule.group if c.rule.per == "line" else ""
        if not group:
            placed.append(c)
        elif group not in done:
            done.add(group)
            placed += [m for m in rules if m.rule.group == group and m.rule.per == "line"]
    return placed


def _condition(text: str, where: str, people: Vocabulary | None) -> Audience | None:
    if not text:
        return None
    if people is None:
        raise FairdayError(
            "This book knows nothing of people.", code="no_vocabulary", where=where, remedy="Give it a vocabulary."
        )
    try:
        return parse(text, people)
    except FairdayError as error:
        raise FairdayError(error.message, code=error.code, where=where, remedy=error.remedy) from error


# ---- what a rule may not be ------------------------------------------------------------------------------------------


def _check(rule: Rule) -> None:
    if not rule.id:
        raise FairdayError("A rule needs an id.", code="bad_rule", where="id", remedy="Write one.")
    _need(bool(rule.benefits), "benefits", "A rule gives something.", "Add a benefit.")
    _need(0 <= rule.borne <= 100, "borne", "The merchant bears 0 to 100 percent.", "Write 100.")
    for benefit in rule.benefits:
        _check_benefit(benefit)
    for name in ("amount", "uses", "day_amount", "day_uses", "person_uses"):
        limit = getattr(rule.limits, name)
        _need(limit is None or 0 <= limit <= HUGE, f"limits.{name}", "A limit is a whole number of 0 or more.",
              "Write 100, or leave it out.")  # fmt: skip
    if rule.layer == "catalogue":
        _need(
            all(isinstance(b, PercentOff | AmountOff | FixedPrice) and _by_line(b) for b in rule.benefits), "layer",
            "A catalogue rule changes prices of units: percent off, an amount off each unit, or a fixed price.",
            "Put it on another layer.",
        )  # fmt: skip
        _need(not rule.alone and rule.combines is None, "layer", "Catalogue prices go with everything.",
              "Leave alone and combines out.")  # fmt: skip
        _need(not any(n.spend_after for n in rule.when.needs), "when", "Nothing comes before catalogue prices.",
              "Write spend instead of spend_after.")  # fmt: skip
    if rule.group and rule.per == "line":
        _need(
            len(rule.benefits) == 1 and _by_line(rule.benefits[0]), "per",
            "A group by line is for percent off, an amount off each unit or line, or a fixed price.",
            "Write per: order.",
        )  # fmt: skip
    for need in rule.when.needs:
        for name in ("units", "line_units", "spend", "spend_after"):
            _need(0 <= getattr(need, name) <= HUGE, f"when.{name}", "A need is 0 or more.", "Write 1 or more.")
    for first, until in rule.when.hours:
        _need(0 <= first < 1440 and 0 <= until <= 1440, "when.hours", "Hours lie within a day.", "Write 10:00..14:00.")


def _by_line(benefit: Benefit) -> bool:
    if isinstance(benefit, PercentOff):
        return benefit.cap is None and benefit.per == "line"
    if isinstance(benefit, AmountOff):
        return benefit.per != "all"
    return isinstance(benefit, FixedPrice)


def _check_benefit(benefit: Benefit) -> None:
    value = getattr(benefit, "percent", None)
    if isinstance(value, Decimal):
        places = value.as_tuple().exponent
        fine = value.is_finite() and 0 <= value <= 100 and isinstance(places, int) and places >= -6
        _need(fine, "percent", "A percent is from 0 to 100, with at most six decimals.", "Write 15.")
    for name in ("amount", "price", "cap", "max_units", "max_get", "max_times", "max_points", "value", "cost", "extra"):
        value = getattr(benefit, name, None)
        _need(value is None or 0 <= value <= HUGE, name, f"{name} is a whole number of 0 or more.", "Write 1 or more.")
    match benefit:
        case BuyGet():
            _need(benefit.buy_qty >= 0 and benefit.get_qty >= 1, "get_qty", "At least one unit is got.", "Write 1.")
        case SetOff():
            _need(1 <= benefit.off <= benefit.qty, "off", "Of a set at least one and at most all units cost less.",
                  "Write off: 1.")  # fmt: skip
        case BundlePrice():
            _need(bool(benefit.parts) and all(p.qty >= 1 for p in benefit.parts), "parts", "A bundle has parts.",
                  "Write at least one part with a qty of 1 or more.")  # fmt: skip
        case GroupOff():
            _need(benefit.qty >= 1, "qty", "A group has at least one unit.", "Write 2.")
        case Gift():
            _need(benefit.qty >= 1 and bool(benefit.sku), "sku", "A gift is so many of something.", "Write a sku.")
        case PayPoints():
            _need(
                benefit.unit_value > 0 and benefit.unit_value.is_finite(), "unit_value", "A point is worth something.",
                "Write 1.",
            )  # fmt: skip
        case MorePoints():
            _need(benefit.factor.is_finite() and 0 <= benefit.factor <= 1000, "factor", "A factor is from 0 to 1000.",
                  "Write 2.")  # fmt: skip
        case Tiers():
            _check_tiers(benefit)
        case _:
            pass


def _check_tiers(benefit: Tiers) -> None:
    _need(bool(benefit.tiers), "tiers", "Tiers have steps.", "Write at least one.")
    steps = [tier.at for tier in benefit.tiers]
    _need(
        steps == sorted(set(steps)) and steps[0] >= 0, "tiers", "Steps go up, each higher than the one before.",
        "Order them.",
    )  # fmt: skip
    for tier in benefit.tiers:
        _need(min(tier.amount, tier.each, tier.points) >= 0 and tier.percent.is_finite() and 0 <= tier.percent <= 100,
              "tiers", "A step gives something of 0 or more.", "Write 10.")  # fmt: skip
        _need(not benefit.marginal or not tier.amount, "tiers", "A marginal step gives a percent, or so much each.",
              "Write percent or each.")  # fmt: skip
        _need(not (benefit.marginal and tier.each and benefit.by == "amount"), "tiers",
              "By amount a marginal step gives a percent.", "Write percent.")  # fmt: skip
    repeats = not (benefit.repeat and steps[-1] == 0)
    _need(repeats, "tiers", "What repeats needs an amount to reach.", "Write at: 20000.")


def _need(holds: bool, where: str, message: str, remedy: str) -> None:
    if not holds:
        raise FairdayError(message, code="bad_rule", where=where, remedy=remedy)
