"""What is to be priced, and what is known of whom it is priced for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from fairday.kernel import audience


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
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
