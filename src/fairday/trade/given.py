"""What each promotion has given: by order, what it took off and what of that went back with goods. A follower.

Amounts are minor units of the shop's currency. An order that was cancelled, or expired unpaid, no longer counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, String, Table, func, select, update

from fairday.kernel import jsons
from fairday.kernel.money import split
from fairday.people.identity.records import run
from fairday.storage.database import col, insert, metadata
from fairday.storage.followers import Source
from fairday.storage.log import StoredEvent
from fairday.trade.order import EVEN, SHIPPING
from fairday.trade.telling import home

promotion_orders = Table(
    "promotion_orders",
    metadata,
    col("rule", String(80), primary_key=True, personal=False),
    col("id", String(64), primary_key=True, personal=False),
    col("amount", BigInteger, nullable=False, personal=False),
    col("back", BigInteger, nullable=False, personal=False),
    col("gone", Boolean, nullable=False, personal=False),
    col("placed_at", BigInteger, nullable=False, index=True, personal=False),
)

_BACK = ("Order Refunded", "Order Exchanged")
_STANDS = {"Order Cancelled": False, "Order Expired": False, "Order Retaken": True}
"""Whether an order counts after such a step: money that came late takes an expired one up again."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a promotion has given.

    Attributes:
        orders: with it, that stand; amount: what it took off them; back: what of that went back with goods.
    """

    orders: int = 0
    amount: int = 0
    back: int = 0

    @property
    def kept(self) -> int:
        """What it has cost in discounts, all in all."""
        return self.amount - self.back


class PromotionGiven:
    """The follower of orders that keeps it."""

    name = "promotions"
    source: Source = "events"
    after: tuple[str, ...] = ()
    tables: Sequence[Table] = (promotion_orders,)

    def handle(self, conn: Connection, rows: Sequence[StoredEvent], now: int) -> None:
        for event in rows:
            if not event.stream.startswith("order:"):
                continue
            order = event.stream.partition(":")[2]
            if event.seq == 1:
                self._placed(conn, event, order)
            elif event.name in _STANDS:
                gone = not _STANDS[event.name]
                conn.execute(update(promotion_orders).where(promotion_orders.c.id == order).values(gone=gone))
            elif event.name in _BACK:
                self._back(conn, event, order)

    def _placed(self, conn: Connection, event: StoredEvent, order: str) -> None:
        sums: dict[str, int] = {}
        for part, off in _discounts(event, event.data).items():
            for rule, amount in off:
                sums[rule] = sums.get(rule, 0) + amount
            gift = next((x.get("gift") for x in event.data["lines"] if x["line"] == part), None)
            if gift:
                sums.setdefault(gift, 0)
        for rule, amount in sums.items():
            row = {"rule": rule, "id": order, "amount": amount, "back": 0, "gone": False, "placed_at": event.at}
            statement = insert(conn, promotion_orders).values(row)
            conn.execute(statement.on_conflict_do_nothing(index_elements=["rule", "id"]))

    def _back(self, conn: Connection, event: StoredEvent, order: str) -> None:
        """Every unit that came back takes its share of the line's discounts with it, so that all take all."""
        query = "SELECT seq, name, data FROM events WHERE stream = ? AND seq <= ?"
        found = [(seq, name, jsons.loads(data)) for seq, name, data in run(conn, query, (event.stream, event.seq))]
        placed = next(data for seq, _, data in found if seq == 1)
        units: dict[str, int] = {}
        shipping = 0
        for data in (data for _, name, data in found if name in _BACK):
            for line, n in (*data["units"].items(), *data["unshipped"].items()):
                units[line] = units.get(line, 0) + n
            shipping += data["parts"].get(SHIPPING, 0)
        back: dict[str, int] = {}
        qty = {x["line"]: x["qty"] for x in placed["lines"]}
        paid = (placed["shipping"] or {}).get("paid", 0)
        # Delivery that cost nothing after discounts goes back with the last unit that was bought.
        bought = [x["line"] for x in placed["lines"] if not x.get("gift")]
        post = (paid, shipping) if paid else (1, int(all(units.get(line, 0) >= qty[line] for line in bought)))
        for part, off in _discounts(event, placed).items():
            whole, gone = post if part == SHIPPING else (qty[part], units.get(part, 0))
            for rule, amount in off:
                if whole and gone:
                    share = split(amount, (min(gone, whole), whole - min(gone, whole)))[0]
                    back[rule] = back.get(rule, 0) + share
        c = promotion_orders.c
        for rule, amount in back.items():
            conn.execute(update(promotion_orders).where(c.rule == rule, c.id == order).values(back=amount))


def _discounts(event: StoredEvent, placed: dict[str, Any]) -> dict[str, list[tuple[str, int]]]:
    """The discounts of an order's parts, in the shop's currency."""
    if "exchange" in placed["data"]:  # as it was priced; of an order of before that was kept, by its rate
        bare = msgspec.structs.replace(event, data={})
        placed = home(bare, placed, {})[1]
    parts = {x["line"]: x["discounts"] for x in placed["lines"]}
    if placed["shipping"] is not None:
        parts[SHIPPING] = placed["shipping"]["discounts"]
    return {part: [(str(rule), int(n)) for rule, n in off if rule != EVEN] for part, off in parts.items()}


def given_by(conn: Connection, rules: Collection[str]) -> Mapping[str, Given]:
    """What promotions have given, by id; those that gave nothing are left out."""
    c = promotion_orders.c
    query = (
        select(c.rule, func.count(), func.sum(c.amount), func.sum(c.back))
        .where(c.rule.in_(list(rules)), c.gone.is_(False))
        .group_by(c.rule)
    )
    return {rule: Given(orders=n, amount=int(amount), back=int(back)) for rule, n, amount, back in conn.execute(query)}


def given_between(conn: Connection, start: int, end: int) -> list[tuple[str, Given]]:
    """What each promotion has given in orders placed from ``start`` to before ``end`` (ms UTC), the most first."""
    c = promotion_orders.c
    query = (
        select(c.rule, func.count(), func.sum(c.amount), func.sum(c.back))
        .where(c.placed_at >= start, c.placed_at < end, c.gone.is_(False))
        .group_by(c.rule)
    )
    found = [(rule, Given(orders=n, amount=int(a), back=int(b))) for rule, n, a, b in conn.execute(query)]
    return sorted(found, key=lambda one: (-one[1].kept, -one[1].orders, one[0]))


def orders_with(conn: Connection, rule: str, most: int) -> list[tuple[str, int, int, int]]:
    """The latest orders with a promotion: (order, amount, back, placed at)."""
    c = promotion_orders.c
    query = (
        select(c.id, c.amount, c.back, c.placed_at)
        .where(c.rule == rule, c.gone.is_(False))
        .order_by(c.placed_at.desc(), c.id)
        .limit(most)
    )
    return [(row[0], row[1], row[2], row[3]) for row in conn.execute(query)]
