"""What a happening adds to its person's day buckets: measures with a count and an amount. Pure.

Addition is all there is: buckets of any slices, days and ownership intervals sum up in any order. The measures and the
policies of orders, refunds, currencies and claims are told in docs/algorithms/traits.md.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from fairday.kernel.clock import local_minute
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits, minor
from fairday.storage.log import OURS, Happening

ENTERED, LEFT = "Audience Entered", "Audience Left"
OWN = frozenset({ENTERED, LEFT})
"""What Fairday itself says of a person's audiences: no behaviour, so it is counted nowhere and no audience can loop."""

ORDERED, UPDATED, REFUNDED, CANCELLED = "Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"
_ORDERS = frozenset({ORDERED, UPDATED, REFUNDED, CANCELLED})

SIMULATED = "simulated"
"""The source of happenings that nobody did: a demo or a rehearsal wrote them, and reports say so."""

MAX_AMOUNT = 10**12
"""Minor units; an amount beyond it is a mistake: the happening is counted, its amount is not."""
MAX_QUANTITY = 10**9
COUPON_USED = "Coupon Redeemed: "
"""The measure of coupons used of one batch of ours begins so; its name follows. What was refunded whole counts back."""
RESERVED = (
    "bought:", "viewed:", "active:", COUPON_USED.strip().lower(), *(f"{name.lower()}:" for name in sorted(_ORDERS)),
)  # fmt: skip
"""What the names of our own measures begin with, in small letters: a happening of such a name is counted nowhere."""
MAX_MEASURE = 256

Bucket = tuple[str, int, int]
"""A measure, a count, an amount in minor units."""


def buckets(h: Happening, currency: str, zone: str) -> list[Bucket]:
    """What a happening adds, a measure possibly more than once.

    Args:
        currency: the shop's; amounts in another one are not added up.
        zone: the shop's, for the hour of day.
    """
    kind = h.kind
    if kind == "track":
        if h.name in OWN:
            return []
        added = _order(h, currency) if h.name in _ORDERS else _tracked(h, currency)
    elif kind == "page":
        added = [("Page Viewed", 1, 0)]
    elif kind == "screen":
        added = [("Screen Viewed", 1, 0)]
    else:
        return []
    if h.source != OURS:
        added.append((f"active:hour={local_minute(h.at, zone) // 60}", 1, 0))
        _place(h, added)
    return added


def _place(h: Happening, added: list[Bucket]) -> None:
    properties = h.properties
    store = _word(properties.get("store_id")) or _word(properties.get("store"))
    if store:
        added.append((_measure("active:store=", store), 1, 0))
    channel = _word(properties.get("channel"))
    if not channel:
        if store:
            channel = "store"
        elif h.kind == "screen":
            channel = "app"
        elif h.source.startswith("browser:"):
            channel = "web"
        else:
            return
    added.append((_measure("active:channel=", channel), 1, 0))


def _tracked(h: Happening, currency: str) -> list[Bucket]:
    properties = h.properties
    name = clean(h.name)
    if name.lower().startswith(RESERVED):
        return []
    amount = 0
    if properties:
        stated = _stated(properties)
        if stated is not None and _paid_in(properties, currency) == currency:
            amount = amount_of(stated, currency) or 0
    added = [(name, 1, amount)]
    if name == "Product Viewed":
        _line(properties, "viewed:", 1, 0, added)
    elif h.source == OURS and name in ("Coupon Redeemed", "Coupon Restored"):
        batch = _word(properties.get("batch"))
        if batch and name == "Coupon Redeemed":
            added.append((_measure(COUPON_USED, batch), 1, 0))
        elif batch and properties.get("was") == "redeemed":
            added.append((_measure(COUPON_USED, batch), -1, 0))
    return added


def _order(h: Happening, currency: str) -> list[Bucket]:
    properties = h.properties
    paid_in = _paid_in(properties, currency)
    ours = paid_in == currency
    back = h.name in (REFUNDED, CANCELLED)
    # On the Segment wire an updated order is told whole, and what it was before is not known here; only Fairday's own
    # doors tell what was added.
    whole = h.name == UPDATED and h.source.startswith(("browser:", "server:"))
    lines: list[Bucket] = []
    total = 0
    listed = properties.get("products")
    if isinstance(listed, list) and not whole:
        for product in listed:
            if isinstance(product, dict):
                units, money = _units(product.get("quantity"))
                # What people sell through the shop counts by what of its price is the shop's own.
                own = product.get("own") if h.source == OURS else None
                value = line_amount(product.get("price") if own is None else own, money, paid_in)
                total += value
                kept = value if ours else 0
                _line(product, "bought:", -units if back else units, -kept if back else kept, lines)
    stated = _stated(properties)
    said = None if stated is None else amount_of(stated, paid_in)
    amount = total if said is None else said
    if back:
        amount = abs(amount)
    if not -MAX_AMOUNT <= amount <= MAX_AMOUNT:
        amount = 0
    own = amount if ours else 0
    added = [(h.name, 1, own)]
    if h.name == UPDATED and not whole:
        added.append((ORDERED, 0, own))
    elif h.name == CANCELLED:
        added.append((REFUNDED, 0, own))
    if not ours:
        added.append((_measure(f"{h.name}:currency=", paid_in), 1, amount))
    if h.source.startswith("browser:"):
        added.append((f"{h.name}:claimed", 1, own))
    elif h.source == SIMULATED:
        added.append((f"{h.name}:simulated", 1, own))
    added += lines
    return added


def _line(product: dict[str, Any], verb: str, n: int, amount: int, into: list[Bucket]) -> None:
    if not n and not amount:
        return
    number = product.get("product_id")
    if number is None:
        number = product.get("sku")
    for part, value in (("product=", number), ("category=", product.get("category")), ("brand=", product.get("brand"))):
        # Texts come from a cache, since lines repeat them.
        if type(value) is str:
            measure = _text_measure(verb, part, value)
        else:
            word = _word(value)
            measure = _measure(verb + part, word) if word else ""
        if measure:
            into.append((measure, n, amount))


@lru_cache(maxsize=50_000)
def _text_measure(verb: str, part: str, text: str) -> str:
    word = clean(text)
    return _measure(verb + part, word) if word else ""


def _measure(prefix: str, word: str) -> str:
    return (prefix + word)[:MAX_MEASURE]


def _word(value: Any) -> str:
    if type(value) is str:
        return clean(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def clean(text: str) -> str:
    """A text as a measure holds it: trimmed, without the NUL that PostgreSQL refuses."""
    text = text.strip()
    return text.replace("\0", "") if "\0" in text else text


def _paid_in(properties: dict[str, Any], currency: str) -> str:
    stated = properties.get("currency")
    if not isinstance(stated, str) or not stated.strip():
        return currency
    return clean(stated).upper()[:8]


def _stated(properties: dict[str, Any]) -> Any:
    for name in ("total", "revenue", "value"):
        found = properties.get(name)
        if found is not None:
            return found
    return None


def amount_of(value: Any, currency: str) -> int | None:
    """An amount in major units as minor units, or None where it is no amount in its bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = minor(value, currency)
    except (FairdayError, ValueError, ArithmeticError):
        return None
    return found if -MAX_AMOUNT <= found <= MAX_AMOUNT else None


def _units(quantity: Any) -> tuple[int, int | float | str]:
    """Units sold, and the quantity the price is multiplied by; what is sold by measure (0.35 kg) is one unit."""
    if quantity is None or quantity == 1:
        return 1, 1
    if isinstance(quantity, bool) or not isinstance(quantity, int | float | str):
        return 1, 1
    try:
        exact = float(quantity)
    except ValueError:
        return 1, 1
    if not -MAX_QUANTITY <= exact <= MAX_QUANTITY:
        return 1, 1
    if exact.is_integer():
        return abs(int(exact)), abs(int(exact))
    return 1, abs(exact)


def line_amount(price: Any, quantity: int | float | str, currency: str) -> int:
    """Unit price (major units) times quantity in minor units, rounded half up once; 0 where the price is none."""
    if isinstance(price, bool) or not isinstance(price, int | float | str):
        return 0
    if type(price) is not str and type(quantity) is int:
        # Far from a half, the float says which whole number it is; the decimals below need not be asked.
        raw = float(price * quantity * 10 ** digits(currency))
        if -1e9 < raw < 1e9:
            near: int = round(raw)
            if abs(raw - near) < 0.499:
                return near
    try:
        exact = Decimal(str(price).strip()) * Decimal(str(quantity))
        value = int(exact.scaleb(digits(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except (ArithmeticError, ValueError):
        return 0
    return value if -MAX_AMOUNT <= value <= MAX_AMOUNT else 0


def is_trigger(h: Happening) -> bool:
    """Whether a happening may change what is known of its person: all but Fairday's own word on audiences."""
    return not (h.kind == "track" and h.name in OWN)
