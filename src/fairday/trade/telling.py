"""Orders told as happenings in Segment's words, so that people, scenes and reports see trade like any other source.

| the order's event | the happening | counts as revenue |
|---|---|---|
| Order Paid (on account: Order Placed) | Order Completed: all it costs, its lines at what was paid for them | + total |
| Order Refunded, Order Exchanged | Order Refunded: what was given back, the lines' units and amounts | - amount |
| Order Cancelled, Order Expired after Order Completed | Order Cancelled: what it had cost | - amount |
| the same before it | Order Cancelled without lines, total 0 | nothing |
| Order Shipped, Order Ready, Order Picked Up, Order Received, Return Asked | the same name, no amounts | nothing |

What counts is the shop's own. Of an order whose money goes on to people (a seller's, a designer's share) it is what
the shop keeps of it (``own``), as planned while it is open: total, shipping, and ``own`` of each product, beside its
price; ``charged`` is what the buyer was charged, or got back. Whether it is told so stands in its placing: an order
from before that is told whole, to its end.

An order charged in another currency is told in the shop's own, part by part as it was priced; what goes back of it in
steps adds up to that.

A message's id comes from the event's stream and number, so a follower that reads an event again says nothing new. Whose
an order is stands with its contact, not in its events; it is told of one id, so that telling joins nobody to anybody,
and after an erasure not at all. Where it was priced for somebody else (``placers``) it says in which happening.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec
from sqlalchemy import Connection, Table

from fairday.goods.catalogue import ProductRow, products_named
from fairday.goods.rates import half_up
from fairday.kernel import jsons
from fairday.kernel.ids import digest
from fairday.kernel.money import major, split
from fairday.people.identity.records import run
from fairday.storage.followers import Source
from fairday.storage.log import Happening, StoredEvent, append_happenings
from fairday.trade.charging import Exchange, at_home, exchange_of
from fairday.trade.modes import Mode
from fairday.trade.order import SHIPPING
from fairday.trade.own import own, standing
from fairday.trade.placers import PLACED_IN
from fairday.trade.records import contact_of

ORDERED, REFUNDED, CANCELLED = "Order Completed", "Order Refunded", "Order Cancelled"
_PLAIN = {"Order Shipped", "Order Ready", "Order Picked Up", "Order Received", "Return Asked"}


class OrderTelling:
    """The follower of orders.

    Args:
        mode: the mode of trade of a name.
    """

    name = "orders"
    source: Source = "events"
    after: tuple[str, ...] = ()

    def __init__(self, mode: Callable[[str], Mode]) -> None:
        self._mode = mode

    @property
    def tables(self) -> Sequence[Table]:
        return ()

    def handle(self, conn: Connection, rows: Sequence[StoredEvent], now: int) -> None:
        told = []
        for event in rows:
            if event.stream.startswith("order:"):
                told += self._told(conn, event, now)
        if told:
            append_happenings(conn, told)

    def _told(self, conn: Connection, event: StoredEvent, now: int) -> list[Happening]:
        placed = _placed(conn, event.stream)
        shops = None
        if "own" in placed or "exchange" in placed["data"]:
            before = _given_before(conn, event)
            if "own" in placed:
                shops = shops_own(self._mode(placed["mode"]), event, placed, before)
            if "exchange" in placed["data"]:
                event, placed = home(event, placed, before)
        made = properties(event, placed, lambda numbers: products_named(conn, numbers), shops)
        if made is None:
            return []
        _, ids = contact_of(conn, event.stream.partition(":")[2])
        if not ids:
            return []
        name, said = made
        said["order_id"] = event.stream.partition(":")[2]
        if name == ORDERED and PLACED_IN in placed["data"]:
            said[PLACED_IN] = placed["data"][PLACED_IN]
        return [
            Happening(
                message_id=message_id(event.stream, event.seq), kind="track", name=name, at=event.at,
                received=now, source=placed["source"], ids=tuple(ids[:1]), body={"properties": said},
            )
        ]  # fmt: skip


def message_id(stream: str, seq: int) -> str:
    """The id under which an event of an order is told."""
    return f"order-{digest(stream, str(seq))}"


def _placed(conn: Connection, stream: str) -> dict[str, Any]:
    found = run(conn, "SELECT data FROM events WHERE stream = ? AND seq = 1", (stream,))
    data: dict[str, Any] = jsons.loads(found[0][0])
    return data


def _given_before(conn: Connection, event: StoredEvent) -> dict[str, int]:
    """What was given back of an order's parts before an event of it, minor units of its currency."""
    found = run(conn, "SELECT data FROM events WHERE stream = ? AND seq < ? AND seq > 1", (event.stream, event.seq))
    before: dict[str, int] = {}
    for (data,) in found:
        for part, amount in jsons.loads(data).get("parts", {}).items():
            before[part] = before.get(part, 0) + amount
    return before


def home(event: StoredEvent, placed: dict[str, Any], before: dict[str, int]) -> tuple[StoredEvent, dict[str, Any]]:
    """An event of an order that is charged in another currency, and its placing, in the shop's currency.

    Args:
        before: what was given back of each part before the event.
    """
    told, by = placed["data"]["exchange"], exchange_of(placed)
    assert by is not None
    paid = {x["line"]: x["paid"] for x in placed["lines"]}
    shipping = placed["shipping"]
    if shipping is not None:
        paid[SHIPPING] = shipping["paid"]
        shipping = shipping | {k: at_home(told, SHIPPING, paid[SHIPPING], 0, shipping[k]) for k in ("paid", "tax")}
        shipping |= {"discounts": _home_discounts(told, SHIPPING, paid, placed["shipping"], by)}
    lines = [
        x | {k: at_home(told, x["line"], paid[x["line"]], 0, x[k]) for k in ("paid", "tax")}
        | {"discounts": _home_discounts(told, x["line"], paid, x, by)}
        for x in placed["lines"]
    ]  # fmt: skip
    after = placed | {"currency": told["home"], "total": told["total"], "lines": lines, "shipping": shipping}
    if "parts" not in event.data:
        return event, after
    parts = {
        part: at_home(told, part, paid.get(part, 0), before.get(part, 0), before.get(part, 0) + amount)
        for part, amount in event.data["parts"].items()
    }
    return msgspec.structs.replace(event, data={**event.data, "parts": parts}), after


def _home_discounts(
    told: dict[str, Any], part: str, paid: dict[str, int], line: dict[str, Any], by: Exchange
) -> list[list[Any]]:
    """What took something off a part, as it was priced.

    Of an order from before that was kept it is worked out: of a part that cost nothing in the end nothing but the rate
    tells how much."""
    if "off" in told:
        return [list(d) for d in told["off"].get(part, ())]
    if not paid[part]:
        return [[rule, by.back(n)] for rule, n in line["discounts"]]
    return [[rule, at_home(told, part, paid[part], 0, n)] for rule, n in line["discounts"]]


def shops_own(mode: Mode, event: StoredEvent, placed: dict[str, Any], before: Mapping[str, int]) -> dict[str, int]:
    """By part, what of an order is the shop's own (as it is told complete), or what an event gives back of that.

    Minor units of the shop's currency. What is given back is what the shop keeps less from then on, so that all that
    is told of an order adds up to what the ledger books, whatever goes back in whichever steps.

    Args:
        before: what was given back of each part before the event, in the order's currency.
    """
    whole = _counted(mode, placed, before)
    if "parts" not in event.data:
        return whole
    after = _counted(mode, placed, Counter(before) + Counter(event.data["parts"]))
    return {part: amount - after[part] for part, amount in whole.items()}


def _counted(mode: Mode, placed: dict[str, Any], back: Mapping[str, int]) -> dict[str, int]:
    found, told = own(mode, standing(placed, back)), placed["data"].get("exchange")
    if told is None:
        return found
    # All of it is turned at once, so that it never grows while something goes back.
    amount = half_up(Fraction(told["total"] * sum(found.values()), placed["total"]))
    return dict(zip(found, split(amount, list(found.values())), strict=True))


Known = Callable[[list[str]], dict[str, ProductRow]]


def properties(
    event: StoredEvent, placed: dict[str, Any], known: Known, shops: Mapping[str, int] | None = None
) -> tuple[str, dict[str, Any]] | None:
    """What an event of an order is told as: a name and properties; None where it is not told.

    Args:
        placed: the data of its first event.
        known: what the catalogue says of products, by number.
        shops: what of the event's amounts is the shop's own, by part; None: all.
    """
    data, currency = event.data, placed["currency"]
    about = {"currency": currency, "channel": placed["channel"]}
    if placed["store"]:
        about["store_id"] = placed["store"]
    if event.name in _PLAIN:
        return event.name, about
    if event.name == ("Order Placed" if placed["on_account"] else "Order Paid"):
        lines = [(x, x["qty"], x["paid"]) for x in placed["lines"]]
        off = sum(n for x in _priced(placed) for _, n in x["discounts"])
        tax = sum(x["tax"] for x in _priced(placed))
        counts = {x.get("line", SHIPPING): x["paid"] for x in _priced(placed)} if shops is None else shops
        total, shipping = sum(counts.values()), counts.get(SHIPPING, 0)
        sums = {"total": total, "revenue": total - shipping - tax, "shipping": shipping, "tax": tax, "discount": off}
        if shops is not None:
            sums["charged"] = placed["total"]
        coupon = ", ".join(sorted({s.partition(":")[2] for c, s, _ in placed["holds"] if c == "coupon"}))
        said = {**about, **{name: _money(n, currency) for name, n in sums.items()}}
        if coupon:
            said["coupon"] = coupon
        # Segment's "revenue" leaves shipping and tax out; reports count "total".
        return ORDERED, {**said, "products": _products(lines, currency, known, shops)}
    if event.name in ("Order Refunded", "Order Exchanged"):
        return REFUNDED, {**about, **_given_back(data, placed, currency, known, shops), "reason": data["why"]}
    if event.name in ("Order Cancelled", "Order Expired"):
        return CANCELLED, {**about, **_given_back(data, placed, currency, known, shops), "reason": data["why"]}
    return None


def _priced(placed: dict[str, Any]) -> list[dict[str, Any]]:
    return [*placed["lines"], *([placed["shipping"]] if placed["shipping"] is not None else [])]


def _given_back(
    data: dict[str, Any], placed: dict[str, Any], currency: str, known: Known, shops: Mapping[str, int] | None
) -> dict[str, Any]:
    """What went back, and of which lines. A cancelled order that was never completed gave nothing back."""
    parts = data["parts"]
    counts = parts if shops is None else shops
    counted = data.get("counted", True)
    units = {x["line"]: data["units"].get(x["line"], 0) + data["unshipped"].get(x["line"], 0) for x in placed["lines"]}
    lines = [(x, units[x["line"]], parts.get(x["line"], 0)) for x in placed["lines"] if counted and units[x["line"]]]
    said: dict[str, Any] = {"total": _money(sum(counts.values()), currency)}
    if shops is not None:
        said["charged"] = _money(sum(parts.values()), currency)
    if counts.get(SHIPPING):
        said["shipping"] = _money(counts[SHIPPING], currency)
    if lines:
        said["products"] = _products(lines, currency, known, shops)
    return said


def _products(
    lines: Sequence[tuple[dict[str, Any], int, int]], currency: str, known: Known, shops: Mapping[str, int] | None
) -> list[dict[str, Any]]:
    """Lines as Segment tells products; a price is what was paid for one, so that price times quantity is the line."""
    goods = known([x["product"] for x, _, _ in lines])
    made = []
    for n, (x, units, amount) in enumerate(lines, 1):
        product = goods.get(x["product"])
        said: dict[str, Any] = {
            "product_id": x["product"], "sku": x["sku"], "name": x["title"], "position": n, "quantity": units,
            "price": float(major(amount, currency) / units),
        }  # fmt: skip
        if shops is not None:
            said["own"] = float(major(shops[x["line"]], currency) / units)
        if product is not None:
            said |= {k: v for k, v in (("category", product.category), ("brand", product.brand)) if v}
        made.append(said)
    return made


def _money(amount: int, currency: str) -> float:
    return float(major(amount, currency))
