"""Promotions: conditions, limits, how they go together; and how a book of them is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from fairday.offers.model.benefits import ALL, Benefit, Goods


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
