"""The end of pricing: one rounding, shares by rule, tax, and everything told."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import lcm

from fairday.offers.model import Certificate, Missing, Policy, Priced, PricedLine, Told
from fairday.offers.pricing.ground import Ground
from fairday.offers.pricing.rounding import Column, by_rule, rounded, share_out
from fairday.offers.pricing.search import Found
from fairday.offers.pricing.state import Exact, Log
from fairday.offers.pricing.walking import Walk

RATE = 100_000
"""A tax rate of 100 percent."""


def finish(
    ground: Ground,
    policy: Policy,
    before: tuple[Walk, Exact] | None,
    walk: Walk,
    state: Exact,
    found: Found,
    refused: list[Told],
    missing: list[Missing],
) -> Priced:
    """The priced cart of a finished walk; ``before`` is the catalogue's."""
    cart = ground.cart
    n, d = state.n, state.d
    caps = [g - f for g, f in zip(ground.gross, ground.floors, strict=True)]
    whole = [g * d - left for g, left in zip(ground.gross, n, strict=True)]
    discounts = share_out(whole, d, caps, policy.remainder, policy.half)
    offset = len(before[0].entries) if before else 0
    names = [e.c.rule.id for e in (*(before[0].entries if before else ()), *walk.entries)]
    logs = [(0, before[1].log or [])] if before else []
    parts, amounts = by_rule(_columns([*logs, (offset, state.log or [])]), discounts, names)
    prices = [g - x for g, x in zip(ground.gross, discounts, strict=True)]
    taxes = _taxes(ground, policy, prices)
    priced = []
    for i, line in enumerate(cart.lines):
        net, total = _net_and_total(cart.prices_include_tax, prices[i], taxes[i])
        priced.append(
            PricedLine(line=line.line, gross=ground.gross[i], discounts=parts[i], price=prices[i], net=net,
                       tax=taxes[i], total=total)
        )  # fmt: skip
    chosen = [k for k in range(len(walk.entries)) if found.chosen >> k & 1]
    shipping = _shipping(walk, state, policy)
    left = (cart.shipping or 0) - sum(amount for _, amount in shipping)
    shipping_tax = 0 if cart.prices_include_tax is None else _tax(left, cart.shipping_tax, cart.prices_include_tax)
    tax = sum(taxes) + shipping_tax
    goods = sum(prices)
    ships = dict(shipping)
    applied, nothing = [], []
    for k in range(offset):
        if amounts.get(k):
            applied.append(Told(rule=names[k], code="applied", values={"amount": amounts[k]}))
        else:
            nothing.append(Told(rule=names[k], code="nothing"))
    gifts: list[tuple[str, str, int]] = []
    factors: list[Decimal] = []
    extra, points_paid = 0, 0
    for k in chosen:
        entry, name = walk.entries[k], names[offset + k]
        amount = amounts.get(offset + k)
        values = {"amount": amount} if amount else {}
        if entry.gives:
            if ships.get(name):
                values["shipping"] = ships[name]
            if entry.gifts:
                gifts += [(name, gift.sku, gift.qty) for gift in entry.gifts]
                values["gifts"] = sum(gift.qty for gift in entry.gifts)
            for times, more in entry.points:
                if times != 1:
                    factors.append(times)
                extra += more
                values["points"] = values.get("points", 0) + more
            if entry.points_step is not None and amount:
                points_paid += -int(-Fraction(amount) // Fraction(entry.points_step.unit_value))
                values["points_paid"] = points_paid
        if values:
            applied.append(Told(rule=name, code="applied", values=values))
        else:
            code = "spend_after" if entry.after and not _enough(walk, found.chosen, k) else "nothing"
            nothing.append(Told(rule=name, code=code))
    total = goods + left
    if cart.prices_include_tax is False:
        total += tax
    return Priced(
        currency=cart.currency, lines=tuple(priced), gross=sum(ground.gross), discount=sum(discounts), goods=goods,
        shipping=cart.shipping, shipping_discounts=shipping, shipping_tax=shipping_tax, tax=tax,
        net=total - tax, total=total,
        gifts=tuple(gifts), points_factor=max(factors, default=Decimal(1)), points_extra=extra, points_paid=points_paid,
        applied=tuple(applied), refused=tuple(refused + nothing), missing=tuple(missing),
        unplaced=tuple(
            (names[offset + k], rounded(amount.numerator, amount.denominator))
            for k, amount in sorted(state.unplaced.items()) if amount > 0
        ),
        certificate=Certificate(
            objective=policy.objective, value=found.value, bound=found.bound, gap=abs(found.bound - found.value),
            nodes=found.nodes,
        ),
    )  # fmt: skip


def _columns(logs: list[tuple[int, Log]]) -> list[Column]:
    """What each rule takes, by rules' places; what one takes in several steps made one."""
    found: dict[int, Column] = {}
    for first, log in logs:
        for k, takes, times, d in log:
            rule = first + k
            if rule in found:
                _, others, more, scale = found[rule]
                both = lcm(scale, d)
                sums = {i: take * more * (both // scale) for i, take in others}
                for i, take in takes:
                    sums[i] = sums.get(i, 0) + take * times * (both // d)
                takes, times, d = list(sums.items()), 1, both
            found[rule] = (rule, takes, times, d)
    return list(found.values())


def _shipping(walk: Walk, state: Exact, policy: Policy) -> tuple[tuple[str, int], ...]:
    """What each rule takes off shipping, whole minor units that sum to the rounded whole."""
    gone, over, told = 0, 1, 0
    found: dict[str, int] = {}
    for k, less, d in state.shipping:
        gone, over = gone * (d // over) + less, d
        upto = rounded(gone, over, policy.half)
        if upto > told:
            name = walk.entries[k].c.rule.id
            found[name] = found.get(name, 0) + upto - told
        told = upto
    return tuple(found.items())


def _enough(walk: Walk, chosen: int, k: int) -> bool:
    """Whether what a rule asks to be left was left at its turn."""
    state = walk.exact()
    for j in range(k):
        if chosen >> j & 1:
            walk.take(j, state)
    return all(sum(state.left(i) for i in lines) >= amount for lines, amount in walk.entries[k].after)


def _tax(price: int, rate: int, inside: bool) -> int:
    return rounded(price * rate, RATE + rate if inside else RATE)


def _taxes(ground: Ground, policy: Policy, prices: list[int]) -> list[int]:
    """Tax by line: of each, or of each rate's sum divided by largest remainder."""
    inside = ground.cart.prices_include_tax
    if inside is None:
        return [0] * len(prices)
    rates = [line.tax for line in ground.cart.lines]
    if policy.tax_by == "line":
        return [_tax(p, r, inside) for p, r in zip(prices, rates, strict=True)]
    taxes = [0] * len(prices)
    for rate in dict.fromkeys(rates):
        group = [i for i, r in enumerate(rates) if r == rate]
        bottom = RATE + rate if inside else RATE
        exact = [prices[i] * rate for i in group]
        for i, part in zip(group, share_out(exact, bottom, [prices[i] + 1 for i in group]), strict=True):
            taxes[i] = part
    return taxes


def _net_and_total(inside: bool | None, price: int, tax: int) -> tuple[int, int]:
    if inside is None:
        return price, price
    return (price - tax, price) if inside else (price, price + tax)
