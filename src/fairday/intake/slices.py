"""Slices: writes into the log in short transactions, so that a server on the same database is never held up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from fairday.kernel import jsons
from fairday.kernel.ids import digest
from fairday.kernel.money import major, minor
from fairday.storage.database import Database, current_xid
from fairday.storage.log import append_rows, happenings

ORDER = "(order)"
RUNNING = {"(shipping)": "shipping", "(discount)": "discount", "(tax)": "tax", "(difference)": "difference",
           "(refund)": "refund", ORDER: "order"}  # fmt: skip
"""Lines that stand for a sum told once an order, and their kind. They are running totals: see ``totals``."""
MAX_ROWS = 1000
MAX_BYTES = 1_500_000
_TRIES = 20


class Row(msgspec.Struct, frozen=True):
    """A happening as an import makes it, encoded. ``lines``: how many lines of an order its body carries."""

    message_id: str
    kind: str
    name: str
    at: int
    ids: str
    body: str
    lines: int = 0


class Tally(msgspec.Struct):
    """What became of the rows. ``lines`` counts the lines that are new."""

    new: Counter[str]
    lines: int = 0
    updated: int = 0
    unchanged: int = 0


class _Raced(Exception):
    """Another import wrote one of our rows between our look and our write."""


def message_id(source: str, sort: str, *parts: str) -> str:
    """The message id of something imported: the same whenever it is read again, within the log's 128 characters."""
    plain = ":".join(("import", source, sort, *parts))
    # An id holding a colon could be read two ways ("a:b","c" and "a","b:c"); those and the long ones are hashed.
    if len(plain) <= 110 and not any(":" in p or "#" in p for p in parts):
        return plain
    return f"import:{source}:{sort}:={digest(*parts)}"


def in_slices(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in lists small enough for one short transaction."""
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row.body)
        if len(part) >= MAX_ROWS or size >= MAX_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


class Turns:
    """Short write transactions with room between them.

    After each the database is left free for at least as long as it was held: a writer in another process asks for
    its turn only now and then (SQLite's busy handler), and has to find it free when it asks.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._free_until = 0.0
        self.count = 0
        self.longest_ms = 0.0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, as ``Database.write``."""
        time.sleep(max(0.0, self._free_until - time.perf_counter()))
        with self._db.write() as conn:
            began = time.perf_counter()
            yield conn
        ended = time.perf_counter()
        self._free_until = 2 * ended - began
        self.count += 1
        self.longest_ms = max(self.longest_ms, (ended - began) * 1000)


class Slices:
    """Writes an import's rows; what the log holds already stays as it is."""

    def __init__(self, db: Database, turns: Turns, source: str, received: int, dry_run: bool) -> None:
        self.db = db
        self.turns = turns
        self.source = f"import:{source}"
        self.received = received
        self.dry_run = dry_run
        self.tally = Tally(Counter())

    def write(self, rows: Sequence[Row]) -> None:
        """Write one slice. An order that is known gets the lines it lacks, as a happening of their own."""
        for _ in range(_TRIES):
            try:
                self._write(rows)
                return
            except _Raced:
                continue
            except DBAPIError as error:
                # Two imports that wait for each other's rows: PostgreSQL ends one of them, which then looks again.
                if getattr(error.orig, "sqlstate", "") not in ("40P01", "40001"):
                    raise
        raise RuntimeError("another import keeps writing the same orders")

    def _write(self, rows: Sequence[Row]) -> None:
        with self.db.read() as conn:
            wanted, unchanged, updated = self._lacking(conn, rows)
        if wanted and not self.dry_run:
            with self.turns.write() as conn:
                xid = current_xid(conn)
                new = append_rows(
                    conn,
                    [
                        (xid, r.message_id, r.kind, r.name, r.at, self.received, self.source, r.ids, r.body)
                        for r in wanted
                    ],
                )
                if new != len(wanted):
                    raise _Raced
        for row in wanted:
            self.tally.new[row.name or row.kind] += 1
            self.tally.lines += row.lines
        self.tally.unchanged += unchanged
        self.tally.updated += updated

    def _lacking(self, conn: Connection, rows: Sequence[Row]) -> tuple[list[Row], int, int]:
        known = _found(conn, [r.message_id for r in rows])
        if not known:
            return list(rows), 0, 0
        held: dict[str, list[tuple[str, str]]] = {i: [found] for i, found in known.items()}
        ordered = {r.message_id for r in rows if r.lines and r.message_id in known}
        step = 0
        while ordered:
            step += 1
            more = _found(conn, [f"{i}#{step}" for i in ordered])
            ordered = {i.rpartition("#")[0] for i in more}
            for numbered, found in more.items():
                held[numbered.rpartition("#")[0]].append(found)
        result: list[Row] = []
        unchanged = updated = 0
        for row in rows:
            if row.message_id not in held:
                result.append(row)
                continue
            extra = _addition(row, held[row.message_id]) if row.lines else None
            if extra is None:
                unchanged += 1
            else:
                updated += 1
                result.append(extra)
        return result, unchanged, updated


def _found(conn: Connection, message_ids: list[str]) -> dict[str, tuple[str, str]]:
    c = happenings.c
    rows = conn.execute(select(c.message_id, c.name, c.body).where(c.message_id.in_(message_ids)))
    return {m: (n, b) for m, n, b in rows}


def line_key(line: dict[str, Any]) -> tuple[str, float, float]:
    """What makes two lines of one order the same line: goods, quantity without its sign, unit price."""
    return line.get("sku") or line["product_id"], abs(line["quantity"]), line["price"]


def _addition(row: Row, held: list[tuple[str, str]]) -> Row | None:
    """The lines of an order that the log does not hold yet, as one more happening of that order; None without any."""
    if any(body == row.body for _, body in held):
        return None
    have: Counter[tuple[str, float, float]] = Counter()
    sums: Counter[str] = Counter()
    for _, body in held:
        for line in _lines(before := jsons.loads(body)["properties"]):
            if line["product_id"] in RUNNING:
                sums[line["product_id"]] += line_money(line, before["currency"])
            else:
                have[line_key(line)] += 1
    body = jsons.loads(row.body)
    properties = body["properties"]
    count, money = 0, 0
    for field in ("products", "charges"):
        extra = []
        for line in properties.get(field, ()):
            key = line_key(line)
            if line["product_id"] in RUNNING:
                if more := line_money(line, properties["currency"]) - sums.pop(line["product_id"], 0):
                    extra.append(line | {"price": as_major(more, properties["currency"]), "quantity": 1})
            elif have[key] > 0:
                have[key] -= 1
            else:
                extra.append(line)
        if field in properties:
            properties[field] = extra
        count += len(extra)
        money += sum(line_money(line, properties["currency"]) for line in extra)
    if not count:
        return None
    if not properties.get("charges", True):
        del properties["charges"]
    properties["total"] = as_major(money, properties["currency"])
    # More of a refund is one more refund; more of an order that stands is an addition to it, not another order.
    completed = row.name == "Order Completed" and any(n == "Order Completed" for n, _ in held)
    return msgspec.structs.replace(
        row,
        message_id=f"{row.message_id}#{len(held)}",
        name="Order Updated" if completed else row.name,
        body=jsons.dumps(body),
        lines=count,
    )


def _lines(properties: dict[str, Any]) -> list[dict[str, Any]]:
    return [*properties.get("products", ()), *properties.get("charges", ())]


def line_money(line: dict[str, Any], currency: str) -> int:
    """A line's amount in minor units: unit price times quantity, rounded once."""
    return minor(str(_decimal(line["price"]) * _decimal(line["quantity"])), currency)


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))


def as_major(amount: int, currency: str) -> float:
    """Minor units as the number in major units that JSON carries."""
    return float(major(amount, currency))
