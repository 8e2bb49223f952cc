"""What was in people's carts: the orders of some days of the past, as carts at the prices that were paid.

They come from the lake where the shop keeps one, else from the log, in the order in which they happened, in slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from fairday.goods.catalogue import ProductRow, products_named
from fairday.goods.floors import NO_FLOORS, category_floors
from fairday.goods.records import Details, details_of
from fairday.kernel import jsons, money
from fairday.kernel.clock import day_start, local_day
from fairday.kernel.settings import Settings
from fairday.offers.model import Cart, Line
from fairday.people.traits.folding import MAX_AMOUNT, ORDERED
from fairday.people.traits.records import among
from fairday.storage.database import Database
from fairday.storage.lake import Lake, named_between
from fairday.trade.modes import BY_PEOPLE

SLICE = 1_000
"""Orders read at once."""
MOST_LINES = 1_000
"""Lines of one order that are looked at."""
FINER = 4
"""Decimals beyond the currency's that a paid price may have: what a line cost is then met to the minor unit."""


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the past as a cart.

    Attributes:
        at: when (ms), and ``day`` its local day.
        person: whose it was, None where nobody knows.
        cart: its goods at the prices that were paid.
        titles: what its lines are called, by line.
    """

    pos: int
    at: int
    day: int
    person: int | None
    cart: Cart
    titles: Mapping[str, str]


class Skipped(msgspec.Struct):
    """Orders that are no carts: without goods of the shop's, in another currency, told twice."""

    bare: int = 0
    foreign: int = 0
    doubled: int = 0


class Baskets:
    """The orders of local days ``first`` to ``last`` (both included).

    Args:
        lake: where they are read from; None: from the log.
        newest: only so many, the latest of them, and these first.
    """

    def __init__(
        self, db: Database, settings: Settings, lake: Lake | None, first: int, last: int, newest: int | None = None
    ) -> None:
        self._db, self._settings, self._lake = db, settings, lake
        self._start, self._end = day_start(first, settings.zone), day_start(last + 1, settings.zone)
        self._newest = newest
        self._known: dict[str, tuple[ProductRow | None, Details]] = {}
        self._floors = NO_FLOORS
        self._orders: set[str] = set()
        self.skipped = Skipped()
        self.read = 0
        """Orders read so far, carts or not."""
        self.total = 0
        """Orders there are in those days; known once reading began."""

    def __iter__(self) -> Iterator[list[Basket]]:
        for rows in self._slices():
            self.read += len(rows)
            with self._db.read() as conn:
                yield self._carts(conn, rows)

    # ---- reading ---------------------------------------------------------------------------------------------------

    def _slices(self) -> Iterator[Sequence[tuple[int, int, Any]]]:
        """(pos, at, body) of orders, in the order in which they happened."""
        if self._lake is not None and self._newest is None:
            found = named_between(self._lake, ORDERED, self._start, self._end, SLICE)
            self.total = next(found)[0][0]
            yield from found
            return
        with self._db.read() as conn:
            places = self._latest(conn) if self._newest is not None else self._places(conn)
        self.total = len(places)
        for start in range(0, len(places), SLICE):
            part = places[start : start + SLICE]
            with self._db.read() as conn:
                listed = among([pos for _, pos in part])
                bodies = {
                    pos: body
                    for pos, body in conn.exec_driver_sql(f"SELECT pos, body FROM happenings WHERE pos IN ({listed})")
                }
            # Who was erased meanwhile is gone.
            yield [(pos, at, bodies[pos]) for at, pos in part if pos in bodies]

    def _places(self, conn: Connection) -> list[tuple[int, int]]:
        query = text("SELECT at, pos FROM happenings WHERE name = :n AND kind = 'track' AND at >= :a AND at < :b")
        found = conn.execute(query, {"n": ORDERED, "a": self._start, "b": self._end})
        return sorted((at, pos) for at, pos in found)

    def _latest(self, conn: Connection) -> list[tuple[int, int]]:
        query = text(
            "SELECT at, pos FROM happenings WHERE name = :n AND kind = 'track' AND at >= :a AND at < :b"
            " ORDER BY pos DESC LIMIT :most"
        )
        given = {"n": ORDERED, "a": self._start, "b": self._end, "most": self._newest}
        return [(at, pos) for at, pos in conn.execute(query, given)]

    # ---- carts -----------------------------------------------------------------------------------------------------

    def _carts(self, conn: Connection, rows: Sequence[tuple[int, int, Any]]) -> list[Basket]:
        told: list[tuple[int, int, dict[str, Any], dict[str, Any]]] = []
        for pos, at, raw in rows:
            body = jsons.loads(raw)
            properties = body.get("properties")
            if not isinstance(properties, dict) or not isinstance(properties.get("products"), list):
                self.skipped.bare += 1
            elif str(properties.get("currency") or self._settings.currency).upper() != self._settings.currency:
                self.skipped.foreign += 1
            elif self._again(properties):
                self.skipped.doubled += 1
            else:
                told.append((pos, at, properties, body))
        self._learn(conn, [_number(x) for _, _, p, _ in told for x in p["products"][:MOST_LINES]])
        persons = _persons(conn, [pos for pos, *_ in told])
        made = []
        for pos, at, properties, body in told:
            lines, titles = self._lines(properties["products"])
            if not lines:
                self.skipped.bare += 1
                continue
            made.append(
                Basket(
                    pos=pos, at=at, day=local_day(at, self._settings.zone), person=persons.get(pos),
                    cart=self._cart(lines, properties, body), titles=titles,
                )
            )  # fmt: skip
        return made

    def _again(self, properties: dict[str, Any]) -> bool:
        """Whether an order of that number was read before."""
        order = properties.get("order_id")
        if order is None or order == "":
            return False
        known = str(order) in self._orders
        self._orders.add(str(order))
        return known

    def _learn(self, conn: Connection, numbers: Sequence[str]) -> None:
        new = [n for n in dict.fromkeys(numbers) if n and n not in self._known]
        if not new:
            return
        rows, details = products_named(conn, new), details_of(conn, new)
        self._floors = category_floors(conn, self._settings.pricing.floors)
        for number in new:
            self._known[number] = (rows.get(number), details.get(number) or Details(product=number))

    def _lines(self, products: Sequence[Any]) -> tuple[tuple[Line, ...], dict[str, str]]:
        lines, titles = [], {}
        for n, said in enumerate(products[:MOST_LINES], 1):
            bought = _bought(said, self._settings.currency) if isinstance(said, dict) else None
            if bought is None:
                continue
            unit, finer, qty = bought
            number = _number(said)
            if number.startswith(BY_PEOPLE):
                continue
            row, details = self._known.get(number, (None, Details(product=number)))
            category = _word(said.get("category")) or (row.category or "" if row is not None else "")
            line = str(n)
            titles[line] = _word(said.get("name")) or (row.title if row is not None else "") or number
            lines.append(
                Line(
                    line=line, sku=_word(said.get("sku")) or number, product=number, unit=unit, unit_digits=finer,
                    qty=qty, title=titles[line], tags=details.tags, category=category,
                    floor=self._floors.floor(details.floor, category or None, unit, finer),
                    brand=_word(said.get("brand")) or (row.brand or "" if row is not None else ""),
                    department=row.department or "" if row is not None else "",
                    new_since=row.first_day if row is not None else None,
                )
            )  # fmt: skip
        return tuple(lines), titles

    def _cart(self, lines: tuple[Line, ...], properties: dict[str, Any], body: dict[str, Any]) -> Cart:
        store = _word(properties.get("store_id")) or _word(properties.get("store"))
        context = body.get("context")
        location = context.get("location") if isinstance(context, dict) else None
        country = _word(location.get("country")) if isinstance(location, dict) else ""
        carriage = _amount(properties.get("shipping"), self._settings.currency)
        return Cart(
            currency=self._settings.currency, lines=lines, shipping=carriage, store=store,
            channel=_word(properties.get("channel")) or ("store" if store else "online"),
            country=country or self._settings.country,
        )  # fmt: skip


def _persons(conn: Connection, positions: Sequence[int]) -> dict[int, int]:
    """Whose happenings at some positions are, by position."""
    if not positions:
        return {}
    rows = conn.exec_driver_sql(
        "SELECT t.pos, o.person FROM timeline t JOIN ownership o ON o.identifier = t.identifier"
        f" AND o.from_at <= t.at AND o.until_at > t.at WHERE t.pos IN ({among(positions)})"
    )
    return {pos: person for pos, person in rows}


def _number(said: Any) -> str:
    if not isinstance(said, dict):
        return ""
    found = said.get("product_id")
    return _word(said.get("sku") if found is None else found)


def _bought(said: dict[str, Any], currency: str) -> tuple[int, int, int] | None:
    """(price of a unit, its further decimals, units) of a line; None where nothing was bought.

    What is sold by measure, half a pound, is one unit at what it cost.
    """
    qty, price = _decimal(said.get("quantity", 1)), _decimal(said.get("price"))
    if qty is None or price is None or qty <= 0 or price < 0:
        return None
    if qty != qty.to_integral_value() or qty > 1_000_000:
        qty, price = Decimal(1), qty * price
    whole = price.scaleb(money.digits(currency))
    if not whole * qty <= MAX_AMOUNT:
        return None
    near = whole.to_integral_value(ROUND_HALF_UP)
    if abs(whole - near) * qty < Decimal("0.005"):
        return int(near), 0, int(qty)
    return int(whole.scaleb(FINER).to_integral_value(ROUND_HALF_UP)), FINER, int(qty)


def _amount(value: Any, currency: str) -> int | None:
    found = _decimal(value)
    if found is None or found < 0 or found > MAX_AMOUNT:
        return None
    return int(found.scaleb(money.digits(currency)).to_integral_value(ROUND_HALF_UP))


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(value if isinstance(value, str) else repr(value))
    except ArithmeticError:
        return None
    return found if found.is_finite() and abs(found) < 10**13 else None


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()[:200]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
