"""What a checkout asks of designs: which lines of a cart are pre-orders, and what such an order holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from fairday.goods.stock.rules import MAIN, stock_hold
from fairday.kernel.claims import Hold
from fairday.kernel.errors import Conflict
from fairday.trade.c2b.tables import Design, design_of, designs_of
from fairday.trade.c2c.mode import seller_stream


class Pre(msgspec.Struct, frozen=True):
    """A design that a cart orders before it is made. ``problem``: why it cannot, or None."""

    design: Design
    problem: Conflict | None

    def holds(self, lines: Iterable[tuple[str, str, int]], currency: str) -> list[Hold]:
        """What an order of these lines (line, sku, units) holds of it."""
        one, given = self.design, list(lines)
        told = {
            "units": sum(n for _, _, n in given),
            "price": one.price,
            "designer": one.account,
            "royalty": one.royalty,
        }
        made = [stock_hold(sku, MAIN, line, n) for line, sku, n in given]
        return [
            Hold("preorder", f"design:{one.id}", told),
            Hold("royalty", seller_stream(one.account), {"currency": currency}),
            *(Hold("made", hold.stream, hold.data) for hold in made),
        ]

    def told(self) -> Mapping[str, Any]:
        """What stands in the order of it."""
        return {"design": self.design.id, "designer": self.design.account, "royalty": self.design.royalty}


def preordered(
    conn: Connection, lines: Sequence[tuple[str, int]], now: int, *, home: bool, people: bool
) -> dict[str, Pre]:
    """By product, the designs of a cart that take pre-orders; made ones are goods like any others.

    Args:
        lines: (product, units).
        home: whether it is sent within the shop's country.
        people: whether a person buys (not a company).
    """
    asked = {design: product for product, _ in lines if (design := design_of(product))}
    if not asked:
        return {}
    found = {d.product: d for d in designs_of(conn, ids=asked) if d.life != "made"}
    units = {product: sum(n for p, n in lines if p == product) for product in found}
    alone = len({product for product, _ in lines}) == 1 and people
    return {
        product: Pre(one, _problem(one, units[product], now, alone=alone, home=home)) for product, one in found.items()
    }


def _problem(one: Design, units: int, now: int, *, alone: bool, home: bool) -> Conflict | None:
    left = one.most - one.placed
    if one.life != "open" or now >= one.until_at:
        return Conflict("Pre-orders for this are over.", code="preorder_over")
    if not alone:
        return Conflict("A pre-order is ordered by itself.", code="preorder_alone")
    if not home:
        return Conflict("Pre-orders are sent within the country.", code="preorder_home")
    if units > left:
        return Conflict("Too few are left.", code="sold_out" if left <= 0 else "too_few", where=str(max(0, left)))
    return None
