"""The least a piece may be sold for: its product's own floor, or its category's share of the price."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import Connection

from fairday.goods.naming import all_groups


def category_floors(conn: Connection, floors: Mapping[str, Decimal]) -> Floors:
    """The floors of categories as they hold for those below them, too; asks nothing where there are none."""
    parents = {g.name: g.parent for g in all_groups(conn) if g.kind == "category"} if floors else {}
    return Floors(floors, parents)


class Floors:
    """Shares of the price in percent, by category.

    Args:
        floors: as the merchant says them.
        parents: the category above each.
    """

    def __init__(self, floors: Mapping[str, Decimal], parents: Mapping[str, str | None]) -> None:
        self._floors, self._parents = floors, parents

    def floor(self, own: int | None, category: str | None, unit: int, digits: int) -> int | None:
        """What a piece may not be sold below, minor units rounded up; None: no floor.

        Args:
            own: the product's own floor, which counts before its category's.
            unit, digits: what a piece costs before promotions, ``unit`` / 10**``digits`` minor units.
        """
        if own is not None or not self._floors:
            return own
        seen: set[str] = set()
        while category is not None and category not in seen:
            share = self._floors.get(category)
            if share is not None:
                return int((share / 100 * Decimal(unit).scaleb(-digits)).to_integral_value(ROUND_CEILING))
            seen.add(category)
            category = self._parents.get(category)
        return None


NO_FLOORS = Floors({}, {})
