"""What promotions give, and which goods they look at."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec


class Goods(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which lines: all that stands here must hold of a line; nothing here means every line.

    ``unit_from``..``unit_to`` (both included) are minor units of the unit price. ``condition`` is in the audience
    language over
    product, title, category, department, brand, price, tags, new_since.
    """

    skus: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    any_tag: frozenset[str] = frozenset()
    no_tag: frozenset[str] = frozenset()
    unit_from: int | None = None
    unit_to: int | None = None
    condition: str = ""


ALL = Goods()

Prefer = Literal["cheapest", "dearest"]
Round = Literal["", "unit price", "unit discount", "line"]
"""When a rule's own result is rounded half up before the end: never, the new unit price, the discount of a unit, of a
line."""


class PercentOff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="percent_off"):
    """Percent off what is left of each selected line; or (``per`` "all", or a ``cap``) off all together, at most the
    cap."""

    percent: Decimal
    goods: Goods = ALL
    per: Literal["line", "all"] = "line"
    cap: int | None = None
    round: Round = ""


class AmountOff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="amount_off"):
    """An amount off the selection together (spread over its lines by what is left of them), each line or each unit.

    Of units at most ``max_units`` get it: of each line, or with ``prefer`` of all together, the cheapest or dearest
    first.
    """

    amount: int
    goods: Goods = ALL
    per: Literal["all", "line", "unit"] = "all"
    max_units: int | None = None
    prefer: Prefer | None = None


class FixedPrice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="fixed_price"):
    """Each selected unit costs ``price``, never more than before."""

    price: int
    goods: Goods = ALL


class TotalBecomes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="total_becomes"):
    """The selected lines together cost ``amount``, never more than before."""

    amount: int
    goods: Goods = ALL


class BuyGet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="buy_get"):
    """For every ``buy_qty`` units of ``buy``, ``get_qty`` units of ``get`` at ``percent`` off; a unit never serves
    twice.

    The dearest units buy; of those that may be got ``prefer`` go first. At most ``max_get`` units are got, in at most
    ``max_times`` rounds.
    """

    buy_qty: int
    get_qty: int
    buy: Goods = ALL
    get: Goods = ALL
    percent: Decimal = Decimal(100)
    max_get: int | None = None
    max_times: int | None = None
    prefer: Prefer = "cheapest"


class SetOff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="set_off"):
    """Of every full set of ``qty`` units the cheapest ``off`` at ``percent`` off: three for two, the second at half
    price."""

    qty: int
    off: int = 1
    percent: Decimal = Decimal(100)
    goods: Goods = ALL
    max_times: int | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some units of a selection that belong to a bundle."""

    qty: int
    goods: Goods = ALL


class BundlePrice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="bundle_price"):
    """Every full set of ``parts`` costs ``price``, never more than its parts; of each part ``prefer`` go first."""

    price: int
    parts: tuple[Part, ...]
    max_times: int | None = None
    prefer: Prefer = "cheapest"


class GroupOff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="group_off"):
    """Units fill groups of ``qty`` in line order; each unit of a full group gets the amount or the percent off."""

    qty: int
    goods: Goods = ALL
    amount: int = 0
    percent: Decimal = Decimal(0)


class Tier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds from ``at`` (minor units, or units) on. ``amount`` is off the selection together, ``each`` off each
    unit."""

    at: int
    amount: int = 0
    each: int = 0
    percent: Decimal = Decimal(0)
    points: int = 0
    free_shipping: bool = False


class Tiers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="tiers"):
    """Steps by the selection's amount or number of units.

    Whole: the highest step reached holds for all of it. Marginal: each step's percent (or ``each``) only for what lies
    between it and the next, the dearest units first. ``repeat``: the highest step's amount once for every time it is
    reached
    (30 off every 200).
    """

    by: Literal["amount", "units"]
    tiers: tuple[Tier, ...]
    goods: Goods = ALL
    marginal: bool = False
    repeat: bool = False


class ShippingOff(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="shipping_off"):
    """Percent or an amount off shipping; left alone: free shipping."""

    percent: Decimal = Decimal(100)
    amount: int | None = None


class Gift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="gift"):
    """Units added for nothing. ``value`` is what one is worth to the buyer, ``cost`` to the merchant; minor units."""

    sku: str
    qty: int = 1
    value: int = 0
    cost: int = 0


class MorePoints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="more_points"):
    """Points earned times ``factor``, plus ``extra`` points."""

    factor: Decimal = Decimal(1)
    extra: int = 0


class PayPoints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="pay_points"):
    """The buyer's points pay at ``unit_value`` minor units each, at most ``max_points``, spread as a discount."""

    unit_value: Decimal
    max_points: int | None = None
    goods: Goods = ALL


Benefit: TypeAlias = (
    PercentOff | AmountOff | FixedPrice | TotalBecomes | BuyGet | SetOff | BundlePrice | GroupOff | Tiers
    | ShippingOff | Gift | MorePoints | PayPoints
)  # fmt: skip
