"""Stock as the shop asks of it: levels for reading, movements as commands, the history of a good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, String, Table, case, func, or_, select

from fairday.goods.stock.allocation import Allocation, Policy, Short, Source, Want, allocate
from fairday.goods.stock.rules import StockDecider, available_in, stock_stream
from fairday.goods.tables import variants
from fairday.kernel import jsons
from fairday.kernel.decider import Command, Refusal, State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.storage.database import Database, col, metadata
from fairday.storage.log import StoredEvent, events
from fairday.storage.runner import Runner, stream_state

stock_levels = Table(
    "stock_levels",
    metadata,
    col("sku", String(190), primary_key=True, personal=False),
    col("place", String(60), primary_key=True, personal=False),
    col("on_hand", BigInteger, nullable=False, personal=False),
    col("reserved", BigInteger, nullable=False, personal=False),
    col("incoming", BigInteger, nullable=False, personal=False),
    col("changed_at", BigInteger, nullable=False, personal=False),
    Index("stock_levels_place", "place"),
)
"""One row a good and place, written in the transaction of the stream's event. A good with no row is not counted."""

MOST_ROWS = 50_000
"""Rows of one count brought in as a file."""


class Level(msgspec.Struct, frozen=True):
    """How many of a good are at a place: there, promised to orders, on their way to it; ``changed_at`` in ms."""

    sku: str
    place: str
    on_hand: int
    reserved: int
    incoming: int
    changed_at: int = 0

    @property
    def available(self) -> int:
        """How many can be promised there now."""
        return max(0, self.on_hand - self.reserved)


class Supply(msgspec.Struct, frozen=True):
    """A counted good over all places: what can be sold, where, and what is on its way."""

    available: int
    by_place: Mapping[str, int]
    incoming: int


class Counted(msgspec.Struct, frozen=True):
    """A line of a count: how many of a good are at a place."""

    sku: str
    place: str
    on_hand: int


class Stock:
    """The shop's stock. Writes are commands of the runner, each with its own transaction; reads take a connection."""

    def __init__(self, db: Database, runner: Runner) -> None:
        self._db = db
        self._runner = runner
        runner.register(StockDecider())

    # ---- what is there ---------------------------------------------------------------------------------------------

    def available(
        self, conn: Connection, skus: Iterable[str], places: Iterable[str] | None = None
    ) -> dict[str, Supply]:
        """What can be sold of goods now, over all places or some; a good that nobody counts is not in the answer.

        For showing: by the time of an order it may have gone, which the claim finds out in the order's own write.
        """
        only = None if places is None else set(places)
        return {
            sku: _supply(level for level in levels if only is None or level.place in only)
            for sku, levels in self.levels(conn, skus).items()
        }

    def skus(
        self,
        conn: Connection,
        *,
        place: str = "",
        among: Iterable[str] | None = None,
        beginning: str = "",
        sold_out: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> list[str]:
        """The SKUs that are counted, in order.

        Args:
            place: only those kept there.
            among, beginning: only these, or those that begin so.
            sold_out: only those of which nothing can be sold (there, or anywhere).
        """
        c = stock_levels.c
        query = select(c.sku).group_by(c.sku).order_by(c.sku).limit(limit).offset(offset)
        if place:
            query = query.where(c.place == place)
        named = []
        if beginning:
            named.append(func.lower(c.sku).startswith(beginning.lower(), autoescape=True))
        if among is not None:
            named.append(c.sku.in_(list(among)[:500]))
        if named:
            query = query.where(or_(*named))
        if sold_out:
            query = query.having(func.sum(case((c.on_hand > c.reserved, 1), else_=0)) == 0)
        return list(conn.execute(query).scalars())

    def levels(self, conn: Connection, skus: Iterable[str]) -> dict[str, list[Level]]:
        """The levels of goods by SKU, each by place."""
        asked = sorted(set(skus))
        found: dict[str, list[Level]] = {}
        for start in range(0, len(asked), 500):
            query = select(stock_levels).where(stock_levels.c.sku.in_(asked[start : start + 500]))
            for row in conn.execute(query.order_by(stock_levels.c.sku, stock_levels.c.place)).mappings():
                found.setdefault(row["sku"], []).append(Level(**row))
        return found

    def counts(self, conn: Connection) -> tuple[int, int]:
        """How many goods are counted, and of how many nothing can be sold anywhere."""
        c = stock_levels.c
        free = func.sum(case((c.on_hand > c.reserved, 1), else_=0)).label("free")
        each = select(c.sku, free).group_by(c.sku).subquery()
        query = select(func.count(), func.sum(case((each.c.free == 0, 1), else_=0)))
        counted, gone = conn.execute(query.select_from(each)).one()
        return int(counted), int(gone or 0)

    def places_used(self, conn: Connection) -> dict[str, tuple[int, int, int, int]]:
        """By place: how many goods are kept there, and their units on hand, reserved and incoming."""
        c = stock_levels.c
        sums = (func.sum(c.on_hand), func.sum(c.reserved), func.sum(c.incoming))
        query = select(c.place, func.count(), *sums).group_by(c.place).order_by(c.place)
        return {place: (int(n), int(a), int(b), int(i)) for place, n, a, b, i in conn.execute(query)}

    def history(self, conn: Connection, sku: str, limit: int = 50, before: int | None = None) -> list[StoredEvent]:
        """What happened to a good's stock, newest first; ``before`` is the number of the event to go on from."""
        query = select(events).where(events.c.stream == stock_stream(sku)).order_by(events.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(events.c.seq < before)
        found = conn.execute(query).mappings()
        return [StoredEvent(**{**row, "data": jsons.loads(row["data"])}) for row in found]

    def state(self, conn: Connection, sku: str) -> State:
        """A good's stream as saved."""
        found = stream_state(conn, stock_stream(sku))
        return StockDecider().initial() if found is None else found[1]

    # ---- what moves ------------------------------------------------------------------------------------------------

    def count(self, sku: str, place: str, on_hand: int, **how: str) -> None:
        """Somebody counted: that many are there. ``how`` are actor, key and note, here and below.

        Raises:
            FairdayError: no such numbers, place or SKU.
            Conflict: the rules refuse it; the code and message say why.
        """
        self._ask("count", sku, {"place": place, "on_hand": on_hand}, **how)

    def adjust(self, sku: str, place: str, change: int, reason: str, **how: str) -> None:
        """Units came or went for one of ``REASONS``."""
        self._ask("adjust", sku, {"place": place, "change": change, "reason": reason}, **how)

    def expect(self, sku: str, place: str, qty: int, **how: str) -> None:
        """Units are on their way to a place; a negative number takes that back."""
        self._ask("expect", sku, {"place": place, "qty": qty}, **how)

    def receive(self, sku: str, place: str, qty: int, **how: str) -> None:
        """Units arrived at a place."""
        self._ask("receive", sku, {"place": place, "qty": qty}, **how)

    def move(self, sku: str, place: str, to: str, qty: int, *, arrived: bool = True, **how: str) -> None:
        """Units go from one place to another; not ``arrived`` yet, they are incoming there until received."""
        self._ask("move", sku, {"place": place, "to": to, "qty": qty, "arrived": arrived}, **how)

    def count_all(self, counted: Sequence[Counted], actor: str = "system", note: str = "") -> int:
        """Set many levels at once, as a file of a count tells them; what already stands so is left alone.

        Returns:
            How many levels changed.

        Raises:
            FairdayError: a row cannot be; nothing is written then. Rows are written in batches: a crash in between
                leaves the earlier ones written, and bringing the file again finishes it.
        """
        if len(counted) > MOST_ROWS:
            raise FairdayError(f"A count has at most {MOST_ROWS} rows.", code="too_many", remedy="Split the file.")
        with self._db.read() as conn:
            levels = self.levels(conn, {row.sku for row in counted})
        known = {(level.sku, level.place): level.on_hand for found in levels.values() for level in found}
        rules, commands = StockDecider(), []
        for number, row in enumerate(counted):
            if known.get((row.sku, row.place)) != row.on_hand:
                data = {"place": row.place, "on_hand": row.on_hand, "note": note}
                command = Command("count", stock_stream(row.sku), data, actor)
                said = rules.decide(rules.initial(), command, 0)
                if isinstance(said, Refusal):
                    raise _refused(said, f"row {number + 1}")
                commands.append(command)
        for start in range(0, len(commands), 2_000):
            for answer in self._runner.gather(commands[start : start + 2_000]):
                if isinstance(answer, BaseException):
                    raise answer
        return len(commands)

    def _ask(
        self, name: str, sku: str, data: Mapping[str, Any], *, actor: str = "system", key: str = "", note: str = ""
    ) -> None:
        given = {**data, **({"note": note} if note else {})}
        answer = self._runner.submit(Command(name, stock_stream(sku), given, actor, key or None))
        if answer.refusal is not None:
            raise _refused(answer.refusal, sku)


def _refused(refusal: Refusal, where: str) -> Conflict:
    return Conflict(refusal.message, code=refusal.code, where=where)


def _supply(levels: Iterable[Level]) -> Supply:
    kept = list(levels)
    by_place = {level.place: level.available for level in kept if level.available}
    return Supply(sum(by_place.values()), by_place, sum(level.incoming for level in kept))


def goods_on_hand(conn: Connection, places: Iterable[str]) -> dict[str, frozenset[str]]:
    """The products of which something can be sold at each of some places."""
    asked = sorted(set(places))
    c = stock_levels.c
    found: dict[str, set[str]] = {place: set() for place in asked}
    joined = stock_levels.outerjoin(variants, variants.c.sku == c.sku)
    query = select(c.place, func.coalesce(variants.c.product, c.sku)).select_from(joined).distinct()
    for start in range(0, len(asked), 500):
        there = query.where(c.place.in_(asked[start : start + 500]), c.on_hand > c.reserved)
        for place, product in conn.execute(there):
            found[place].add(product)
    return {place: frozenset(goods) for place, goods in found.items()}


def allocate_from(
    states: Mapping[str, State], wants: Sequence[Want], sources: Sequence[Source], policy: Policy
) -> Allocation | Short:
    """``allocate`` over the states of stock streams (by SKU), for a decision inside the write: nothing is stale there.

    A good that nobody counts (its stream has no place) is in nobody's way: ask for goods that are counted.
    """
    levels = {sku: {s.place: available_in(state, s.place) for s in sources} for sku, state in states.items()}
    return allocate(wants, levels, sources, policy)
