"""What comes out of pricing: lines to the minor unit, why each rule did or did not apply, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fairday.offers.model.rules import Objective


class PricedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line's money, minor units: ``gross`` at list price - the ``discounts`` by rule = ``price``. With tax asked,
    ``net`` + ``tax`` = ``total`` (the price with tax inside or on top); without, net = total = price."""

    line: str
    gross: int
    discounts: tuple[tuple[str, int], ...]
    price: int
    net: int
    tax: int
    total: int


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why a rule did or did not apply: a code and its values; ``fairday.offers.telling`` makes the words."""

    rule: str
    code: str
    values: Mapping[str, Any] = {}


class Missing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is missing to a rule's next step: so many ``units`` or so much ``amount`` more for its ``benefit``."""

    rule: str
    amount: int
    units: int
    benefit: Mapping[str, Any]


class Certificate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
