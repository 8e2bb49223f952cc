"""What pricing takes and gives: carts, rules, facts about the moment, and the priced cart. Values only.

Amounts are integers in minor units of the cart's currency, instants in ms UTC, days since 1970-01-01 in the shop's
zone.
What each word means to the cent stands in docs/algorithms/pricing.md; ``fairday.offers.pricing.price`` does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

from fairday.kernel import audience

# ---- the cart --------------------------------------------------------------------------------------------------------


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some units of one variant.

    Attributes:
        line: its id within the cart ("1").
        sku: the variant; product: what it is a variant of ("" means the same as ``sku``).
        unit: the price of one, minor units with ``unit_digits`` more decimals (unit 12345, digits 2: 123.45 minor
            units).
        qty: how many, at least 1.
        floor: a unit may not be sold below this, minor units; None: not below 0.
        tax: the rate in thousandths of a percent (20 % is 20000).
        new_since: since when it has been on sale (a day), for rules on what is new.
    """

    line: str
    sku: str
    unit: int
    qty: int
    product: str = ""
    unit_digits: int = 0
    title: str = ""
    category: str = ""
    department: str = ""
    brand: str = ""
    tags: tuple[str, ...] = ()
    floor: int | None = None
    tax: int = 0
    new_since: int | None = None


class Cart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be priced.

    Attributes:
        shipping: what shipping costs before offers; None: not known yet.
        shipping_tax: its rate in thousandths of a percent.
        prices_include_tax: True: prices are gross; False: tax comes on top; None: no tax is asked.
        coupons: ids of the rules whose coupons the buyer puts in.
        points: how many points the buyer wants to pay with.
    """

    currency: str
    lines: tuple[Line, ...]
    shipping: int | None = None
    shipping_tax: int = 0
    channel: str = ""
    store: str = ""
    country: str = ""
    payment_method: str = ""
    coupons: tuple[str, ...] = ()
    points: int = 0
    prices_include_tax: bool | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the person and the moment.

    Attributes:
        person: traits, for audience conditions; None: a stranger, in no audience.
        first_order: the person has not bought yet.
        minute: minutes since local midnight, for rules by the hour.
        arms: the person's arm ("treated", "holdout", "mixed") by scene, or "not_now" where it is not on for them; only
            the treated get its offers.
        barred: rules that may not be used now, with why ("budget", "uses", "day", "person"): what the edge has read of
            counters. The write checks them again.
    """

    person: audience.Facts | None = None
    first_order: bool = False
    minute: int = 0
    arms: Mapping[str, str] = {}
    barred: Mapping[str, str] = {}


# ---- rules -----------------------------------------------------------------------------------------------------------


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


class Need(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A selection must reach all that stands here. ``spend`` counts prices before promotions (after catalogue prices),
    ``spend_after`` what is left when the rule's turn comes; ``line_units``: one line alone has so many units."""

    goods: Goods = ALL
    units: int = 0
    line_units: int = 0
    spend: int = 0
    spend_after: int = 0


class When(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that must hold. ``hours`` are (from, until) minutes since midnight, the second not included (22:00..02:00
    goes over
    midnight); ``weekdays`` are 0 (Monday) to 6; instants ``start`` <= now < ``end``. ``scene``: the one it is an
    offer of."""

    needs: tuple[Need, ...] = ()
    who: str = ""
    unless: str = ""
    channels: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    payment_methods: frozenset[str] = frozenset()
    hours: tuple[tuple[int, int], ...] = ()
    weekdays: frozenset[int] = frozenset()
    first_order: bool = False
    coupon: bool = False
    scene: str = ""
    start: int | None = None
    end: int | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much a rule may give, checked when the order is written; what has no limit is not counted.

    ``amount`` (minor units) and ``uses`` over its whole life, ``day_amount`` and ``day_uses`` a local day,
    ``person_uses`` a member account. Rules with the same ``purse`` share one counter of their whole lives.
    """

    amount: int | None = None
    uses: int | None = None
    day_amount: int | None = None
    day_uses: int | None = None
    person_uses: int | None = None
    purse: str = ""


LAYERS = ("catalogue", "goods", "order", "coupon", "payment", "shipping")
Layer: TypeAlias = Literal["catalogue", "goods", "order", "coupon", "payment", "shipping"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One promotion.

    Attributes:
        title: by language.
        layer: promotions are taken layer by layer, inside a layer by ``priority`` (higher first), then in the book's
            order.
            Catalogue rules change prices before anything else and before conditions look.
        group: of rules with the same word one at most is taken ("" : none). ``per`` "line": one at most for each line.
        alone: taken with nothing else but catalogue prices.
        tags, combines: two rules go together only if each agrees: ``combines`` is None (with any) or holds a tag of the
            other.
        borne: percent of the discount that the merchant bears; others (a supplier, a platform) bear the rest.
        source: where it comes from ("scene:spring-tea").
    """

    id: str
    benefits: tuple[Benefit, ...]
    title: Mapping[str, str] = {}
    when: When = When()
    layer: Layer = "goods"
    priority: int = 0
    group: str = ""
    per: Literal["order", "line"] = "order"
    alone: bool = False
    tags: frozenset[str] = frozenset()
    combines: frozenset[str] | None = None
    limits: Limits = Limits()
    borne: int = 100
    source: str = ""


Objective: TypeAlias = Literal["customer", "priority", "merchant"]
Remainder: TypeAlias = Literal[
    "largest", "floor, first", "half down, first", "floor, last", "half up, last"
]  # fmt: skip


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a book is read.

    Attributes:
        objective: which combination: best for the customer, by priority, least cost to the merchant.
        remainder: who gets the minor units that do not divide.
        rounding: once at the "end", or after "each" rule (as many tills do).
        half: a half minor unit of discount goes "up" (to the buyer) or "down".
        tax_by: tax rounded for each "line", or for each rate of the "order".
        nodes: the search gives up looking for a proof after so many.
    """

    objective: Objective = "customer"
    remainder: Remainder = "largest"
    rounding: Literal["end", "each"] = "end"
    half: Literal["up", "down"] = "up"
    tax_by: Literal["line", "order"] = "line"
    nodes: int = 2000


# ---- what comes out --------------------------------------------------------------------------------------------------


class PricedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line's money, minor units: ``gross`` at list price - the ``discounts`` by rule = ``price``. With tax asked,
    ``net`` + ``tax`` = ``total`` (the price with tax inside or on top); without, net = total = price."""

    line: str
    gross: int
    discounts: tuple[tuple[str, int], ...]
    price: int
    net: int
    tax: int
    total: int


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a rule did or did not apply: a code and its values; ``fairday.offers.telling`` makes the words."""

    rule: str
    code: str
    values: Mapping[str, Any] = {}


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing to a rule's next step: so many ``units`` or so much ``amount`` more for its ``benefit``."""

    rule: str
    amount: int
    units: int
    benefit: Mapping[str, Any]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """How good the combination is. ``gap`` 0: no other one saves the buyer (costs the merchant) a minor unit more
    (less);
    otherwise none is better by more than ``gap``. ``nodes``: how many were looked at."""

    objective: Objective
    value: int
    bound: int
    gap: int
    nodes: int


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A priced cart.

    ``goods`` is the lines' price after discounts and ``discount`` what they lost; ``total`` = goods + shipping -
    shipping discounts,
    and the tax where it comes on top. ``points``: (factor, extra) for what is earned. ``points_paid``: points used up.
    ``applied`` in the order they were taken, as ``refused`` says why others were not.
    """

    currency: str
    lines: tuple[PricedLine, ...]
    gross: int
    discount: int
    goods: int
    shipping: int | None
    shipping_discounts: tuple[tuple[str, int], ...]
    shipping_tax: int
    tax: int
    net: int
    total: int
    gifts: tuple[tuple[str, str, int], ...]
    points_factor: Decimal
    points_extra: int
    points_paid: int
    applied: tuple[Told, ...]
    refused: tuple[Told, ...]
    missing: tuple[Missing, ...]
    unplaced: tuple[tuple[str, int], ...]
    certificate: Certificate
