"""The landed cost of a parcel: what a buyer abroad pays in the end. Pure; see docs/algorithms/landed-cost.md."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec

from fairday.goods.duties.table import Country, DutyTable, Regime, Territory, by_prefix, on_day
from fairday.goods.rates import Rates, half_up
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import split
from fairday.kernel.trace import Step


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a parcel.

    Attributes:
        value: what all its units cost the buyer after discounts, without tax; minor units of the parcel's currency.
        code: digits of the Harmonized System, at least four for an exact rate; "" where nobody said.
        banned: countries this article may not be sent to, by the merchant's word.
    """

    line: str
    value: int
    qty: int = 1
    code: str = ""
    banned: frozenset[str] = frozenset()


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: from and to are ISO country codes, ``carriage`` is shipping and insurance.

    ``spent``: what the buyer has spent in this calendar year under a regime with a yearly limit, minor units of the
    destination's currency.
    """

    lines: tuple[Goods, ...]
    currency: str
    sent_from: str
    sent_to: str
    day: int
    carriage: int = 0
    spent: int = 0


class LandedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line's duty and tax, minor units; ``guessed``: its code is unknown, the territory's general rate was taken."""

    line: str
    duty: int
    tax: int
    duty_rate: Fraction | None
    tax_rate: Fraction
    guessed: bool


class Landed(msgspec.Struct, frozen=True, kw_only=True):
    """What crossing costs, in the parcel's currency.

    Attributes:
        regime: which rules it comes under; "domestic", "inside" (one customs territory), "unknown" (no such country in
            the table: nothing is said of its duty).
        collected: "checkout": part of what is paid now; "delivery": the carrier asks for it, unless the shop pays.
        carriage_duty, carriage_tax: the carriage's part of ``duty`` and ``tax``; the rest is the lines'.
        refused: (line or "", why) for what may not be sent; nothing may be sold while there is one.
        steps: how it came about, with sources.
    """

    regime: str
    collected: str
    duty: int
    tax: int
    lines: tuple[LandedLine, ...]
    refused: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    version: str
    carriage_duty: int = 0
    carriage_tax: int = 0

    @property
    def certain(self) -> bool:
        """Whether every line's code was known."""
        return self.regime != "unknown" and not any(line.guessed for line in self.lines)


def landed(parcel: Parcel, table: DutyTable, rates: Rates) -> Landed:
    """Duty and tax of a parcel: each line's and the carriage's rounded half up by itself, so that a thing bears what
    its page says whatever lies beside it.

    Raises:
        FairdayError: a parcel without lines, a negative value, a quantity below 1, or a currency without a rate.
    """
    _check(parcel)
    country = table.countries.get(parcel.sent_to)
    refused = [(g.line, "shop") for g in parcel.lines if parcel.sent_to in g.banned]
    if parcel.sent_from == parcel.sent_to or country is None:
        regime = "domestic" if parcel.sent_from == parcel.sent_to else "unknown"
        nothing = tuple(
            LandedLine(line=g.line, duty=0, tax=0, duty_rate=None, tax_rate=Fraction(0), guessed=False)
            for g in parcel.lines
        )
        step = Step(f"duty.{regime}", {"country": parcel.sent_to})
        return Landed(
            regime=regime, collected="checkout" if regime == "domestic" else "delivery", duty=0, tax=0, lines=nothing,
            refused=tuple(refused), steps=(step,), version=table.version,
        )  # fmt: skip
    territory = table.territories[country.customs]
    sender = table.countries.get(parcel.sent_from)
    if sender is not None and sender.customs == country.customs:
        rules = Regime(name="inside", source="", base="carriage", collected="checkout")
        return _levied(parcel, country, territory, rules, rates, refused, table.version)
    for g in parcel.lines:
        why = next((w for prefix, w in territory.refuses.items() if prefix and g.code.startswith(prefix)), None)
        if why is not None:
            refused.append((g.line, why))
    rules = next(r for r in (*territory.regimes, _NONE) if _holds(r, parcel, territory, rates))
    if rules.refused:
        refused.append(("", rules.name))
    return _levied(parcel, country, territory, rules, rates, refused, table.version)


_NONE = Regime(name="none", source="", refused=True)
"""After all others: a parcel that no regime takes may not be sent."""


def _check(parcel: Parcel) -> None:
    usable = all(type(g.value) is int and g.value >= 0 and type(g.qty) is int and g.qty >= 1 for g in parcel.lines)
    if not parcel.lines or not usable or parcel.carriage < 0 or parcel.spent < 0:
        raise FairdayError(
            "A parcel has lines with a value of 0 or more and a quantity of 1 or more.",
            code="bad_parcel",
            where=parcel.sent_to,
        )


def _holds(rules: Regime, parcel: Parcel, territory: Territory, rates: Rates) -> bool:
    """Whether a parcel comes under a regime."""
    if not rules.first <= parcel.day <= rules.last:
        return False
    if any(g.code.startswith(prefix) for g in parcel.lines for prefix in rules.excepted):
        return False
    if rules.one_unit and (len(parcel.lines) != 1 or parcel.lines[0].qty != 1):
        return False
    value = sum(g.value for g in parcel.lines)
    if rules.at_most is not None:
        limit = rates.exact(rules.at_most, rules.at_most_in, parcel.currency, parcel.day)
        if rules.each:
            if any(Fraction(g.value, g.qty) > limit for g in parcel.lines):
                return False
        elif value > limit:
            return False
    if rules.yearly is not None:
        whole = rates.exact(value + parcel.carriage, parcel.currency, territory.currency, parcel.day)
        return parcel.spent + whole <= rules.yearly
    return True


def _levied(
    parcel: Parcel, country: Country, territory: Territory, rules: Regime, rates: Rates,
    refused: list[tuple[str, str]], version: str,
) -> Landed:  # fmt: skip
    day, lines = parcel.day, parcel.lines
    carriage = split(parcel.carriage, [g.value for g in lines])
    duties: list[Fraction] = []
    carried: list[Fraction] = []
    duty_rates: list[Fraction | None] = []
    counted: set[str] = set()
    for g, share in zip(lines, carriage, strict=True):
        rate: Fraction | None = None
        one = Fraction(0)
        if rules.duty == "tariff":
            found = by_prefix(territory.tariff, g.code, day)
            rate = found[1] if found is not None else Fraction(0)
            one = rate * g.value
        elif isinstance(rules.duty, int) and g.code[:6] not in counted:
            counted.add(g.code[:6])
            one = rates.exact(rules.duty, territory.currency, parcel.currency, day)
        duties.append(one)
        carried.append((rate or Fraction(0)) * share)
        duty_rates.append(rate)
    duty, carriage_duty = [half_up(one) for one in duties], half_up(sum(carried, Fraction(0)))
    taxes, carried_taxes, tax_rates = [], [], []
    for n, g in enumerate(lines):
        found = by_prefix(country.reduced, g.code, day)
        vat = found[1] if found is not None else on_day(country.tax, day)
        excised = by_prefix(territory.excise, g.code, day)
        excise = excised[1] if excised is not None and rules.name not in ("inside", "standard") else Fraction(0)
        # An excise inside the price is a part of its own base: hence the division.
        rate = (vat + excise) / (1 - excise) * rules.share if rules.base != "none" else Fraction(0)
        base, share_base = Fraction(g.value), Fraction(0)
        if rules.base in ("carriage", "duty"):
            share_base += carriage[n]
        if rules.base == "duty":
            base += duty[n]
            share_base += carried[n]
        taxes.append(rate * base)
        carried_taxes.append(rate * share_base)
        tax_rates.append(rate)
    waived = rates.exact(rules.waived, territory.currency, parcel.currency, day) if rules.waived else Fraction(0)
    if rules.waived and sum(taxes) + sum(carried_taxes) <= waived:
        tax, carriage_tax = [0] * len(lines), 0
    else:
        tax, carriage_tax = [half_up(one) for one in taxes], half_up(sum(carried_taxes, Fraction(0)))
    told: dict[str, Any] = {"country": country.code, "customs": territory.name, "regime": rules.name}
    steps = [Step("duty.regime", told | {"source": rules.source})]
    if rules.duty == "tariff":
        steps.append(Step("duty.tariff", {"source": territory.tariff_source}))
    return Landed(
        regime=rules.name,
        collected=rules.collected,
        duty=sum(duty) + carriage_duty,
        tax=sum(tax) + carriage_tax,
        carriage_duty=carriage_duty,
        carriage_tax=carriage_tax,
        lines=tuple(
            LandedLine(
                line=g.line, duty=duty[n], tax=tax[n], duty_rate=duty_rates[n], tax_rate=tax_rates[n],
                guessed=len(g.code) < 4 and rules.name != "inside",
            )
            for n, g in enumerate(lines)
        ),
        refused=tuple(refused),
        steps=tuple(steps),
        version=version,
    )  # fmt: skip
