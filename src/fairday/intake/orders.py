"""Orders: lines of tables grouped into one happening an order, by DuckDB; docs/merchants/import.md tells the policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache

import duckdb

from fairday.intake.columns import id_of, number_of, text_of, time_of
from fairday.intake.files import Loaded
from fairday.intake.mapping import Mapping
from fairday.intake.setaside import set_aside
from fairday.intake.shape import ORDER_WORDS, TOTALS
from fairday.intake.slices import ORDER, Row, message_id
from fairday.intake.totals import add_up, create_facts, stage_facts
from fairday.kernel.clock import zone as time_zone
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import digits

_UTC = -1
_SORTS = {"Order Placed": "placed", "Order Cancelled": "cancelled"}


class Zones:
    """The zones times may stand in, by number; an unknown one is an error only when a time needs it."""

    def __init__(self, default: str) -> None:
        self.default = default
        self.names: list[str] = []

    def number(self, loaded: Loaded, field: str) -> int:
        """The number of the zone in which the field's times stand."""
        name = loaded.table.fields()[field].zone or self.default
        if not name:
            raise FairdayError(
                "The times in this file carry no zone, and none was given.",
                code="no_zone",
                where=str(loaded.path),
                remedy="Say where the shop stands: --zone Europe/London, or `zone:` in the mapping.",
            )
        time_zone(name)
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def instant(self, local: int, number: int) -> int:
        """Milliseconds UTC of local milliseconds (or of UTC ones, number -1)."""
        return local if number == _UTC else local - _ahead(self.names[number], local // 900_000)


@lru_cache(maxsize=200_000)
def _ahead(name: str, quarter: int) -> int:
    # How far the zone's clocks are ahead (ms) in a quarter of an hour of local time. Of an hour that comes twice in
    # autumn the first is meant; an hour that spring leaves out is read by the clock before the change.
    local = datetime.fromtimestamp(quarter * 900, UTC).replace(tzinfo=time_zone(name))
    offset = local.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * 1000


def stage_orders(
    conn: duckdb.DuckDBPyConnection, files: Sequence[Loaded], mapping: Mapping, zones: Zones, currency: str
) -> list[str]:
    """Put the lines of all order files, checked and typed, into table ``lines``.

    Returns:
        The types of customer ids, in order; column ``i<n>`` of ``lines`` holds the n-th.
    """
    id_types = list(dict.fromkeys(t for loaded in files for t in loaded.table.ids))
    ids = "".join(f", i{n} VARCHAR" for n in range(len(id_types)))
    conn.execute(
        "CREATE TABLE lines (sheet VARCHAR, order_id VARCHAR, product VARCHAR, title VARCHAR, category VARCHAR, "
        "department VARCHAR, brand VARCHAR, qty DECIMAL(18,3), price DOUBLE, amount BIGINT, t BIGINT, z SMALLINT, "
        f"country VARCHAR, currency VARCHAR, store VARCHAR, channel VARCHAR{ids})"
    )
    create_facts(conn)
    for loaded in files:
        _stage(conn, loaded, mapping, zones, currency, id_types)
    return id_types


def _stage(
    conn: duckdb.DuckDBPyConnection, loaded: Loaded, mapping: Mapping, zones: Zones, currency: str, id_types: list[str]
) -> None:
    table = loaded.table
    t, utc = time_of(loaded, "time")
    if "currency" in loaded.fields:
        paid_in = f"coalesce(upper({text_of(loaded, 'currency')}), '{currency}')"
    else:
        paid_in = f"'{currency}'"
    qty = f"CAST({number_of(loaded, 'quantity', mapping.decimal)} AS DECIMAL(18,3))"
    # A table that tells orders and no goods: each row is its order's total.
    bare = "product" not in loaded.fields
    of_money = "total" if bare else "amount" if "amount" in loaded.fields else "price"
    money = number_of(loaded, of_money, mapping.decimal)
    product = text_of(loaded, "product")
    if bare:
        product, qty = f"'{ORDER}'", "CAST(1 AS DECIMAL(18,3))"
    others = {
        f: text_of(loaded, f) for f in ("title", "category", "department", "brand", "country", "store", "channel")
    }
    others |= {f"i{n}": id_of(loaded, f"id:{kind}") for n, kind in enumerate(id_types)}
    others["sheet"] = f"'{loaded.name} ' || coalesce({text_of(loaded, 'sheet')}, '')"
    name = f"typed_{loaded.name}"
    conn.execute(
        f"CREATE TABLE {name} AS SELECT line, {text_of(loaded, 'order')} AS order_id, {product} AS "
        f"product, {qty} AS qty, {money} AS money, {t} AS t, {utc} AS utc, {paid_in} AS currency"
        f"{''.join(f', {sql} AS {f}' for f, sql in others.items())} FROM {loaded.name}"
    )
    checks = [
        ("order_id IS NULL", "order", "The order's number is missing.", "Fill it in; lines of one order share it."),
        ("product IS NULL", "product", "The product's number is missing.", "Fill in the product's number or SKU."),
        ("qty IS NULL", "quantity", "The quantity {quantity} is not a number.", "Write a number such as 2 or 0.5."),
        ("money IS NULL OR abs(money) > 1e10", of_money, "The amount {" + of_money + "} is not a number.",
         "Write a number such as 12.50; name `decimal: \",\"` in the mapping if commas mark decimals."),
        ("abs(qty) > 1e9 OR abs(qty) * abs(money) > 1e12", "quantity", "Quantity times price is beyond any shop.",
         "Check the quantity and the price."),
        ("t IS NULL", "time", "The time {time} is not in the expected format" + _formats(loaded) + ".",
         "Write it so, or name its format in the mapping: `time: {column: …, format: \"%d/%m/%Y %H:%M\"}`."),
        ("NOT regexp_full_match(currency, '[A-Z]{3}')", "currency", "The currency {currency} is not known.",
         "Write three letters such as EUR."),
    ]  # fmt: skip
    good = set_aside(conn, loaded, name, checks)
    zone = f"CASE WHEN utc THEN {_UTC} ELSE {{}} END"
    if conn.execute(f"SELECT 1 FROM {name} WHERE NOT utc LIMIT 1").fetchall():
        zone = zone.format(zones.number(loaded, "time"))
    else:
        zone = str(_UTC)
    # Prices may carry more decimals than the money has; the line is rounded, once, halves away from zero.
    factor = f"CAST({_factor(conn, name)} AS DECIMAL(5,0))"
    if "amount" in loaded.fields:
        # Goods sold by measure come as thousandths of a gallon and the like: such a line is one unit at its amount.
        # An amount without a quantity was sold once, too.
        above = f"OR abs(qty) > {table.measure_above}" if table.measure_above else ""
        units = f"CASE WHEN money <> 0 AND (qty = 0 {above}) THEN CASE WHEN money < 0 THEN -1 ELSE 1 END ELSE qty END"
        amount = f"CAST(round(money * {factor}, 0) AS BIGINT)"
        price = "CASE WHEN units = 0 THEN 0.0 ELSE round(CAST(money AS DOUBLE) / CAST(units AS DOUBLE), 10) END"
        # A return may carry its sign on the amount alone; then the quantity follows it.
        units = f"CASE WHEN money < 0 THEN -abs({units}) ELSE {units} END"
        price = f"abs({price})"
        amount = f"CASE WHEN units < 0 THEN -abs({amount}) ELSE {amount} END"
    else:
        units = "qty"
        amount = f"CAST(round(CAST(money * units AS DECIMAL(28,9)) * {factor}, 0) AS BIGINT)"
        price = "CAST(money AS DOUBLE)"
    conn.execute(
        f"INSERT INTO lines BY NAME SELECT * EXCLUDE (money, units), {price} AS price, {amount} AS amount FROM ("
        f"SELECT {units} AS qty, {units} AS units, money, order_id, product, t, {zone} AS z, currency, "
        f"{', '.join(others)} FROM {name}{good})"
    )
    if (not bare and any(f in loaded.fields for f in (*TOTALS, *ORDER_WORDS))) or (bare and "status" in loaded.fields):
        conn.execute(f"CREATE TABLE good_{name} AS SELECT line, order_id, currency, utc FROM {name}{good}")
        stage_facts(conn, loaded, f"good_{name}", mapping, _factor(conn, name), zone.replace("utc", "g.utc"))
        conn.execute(f"DROP TABLE good_{name}")
    conn.execute(f"DROP TABLE {name}")
    conn.execute(f"DROP TABLE {loaded.name}")


def _factor(conn: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL of how many minor units one major unit of a row's currency has."""
    found = [str(r[0]) for r in conn.execute(f"SELECT DISTINCT currency FROM {table}").fetchall()]
    odd = [(c, 10 ** digits(c)) for c in found if digits(c) != 2]
    cases = " ".join(f"WHEN '{currency}' THEN {units}" for currency, units in odd)
    return f"CASE currency {cases} ELSE 100 END" if odd else "100"


def _formats(loaded: Loaded) -> str:
    formats = loaded.table.fields()["time"].formats
    return f" ({' or '.join(formats)})" if formats else " (such as 2026-06-01 12:30)"


def group_orders(conn: duckdb.DuckDBPyConnection, mapping: Mapping, id_types: Sequence[str]) -> tuple[int, int]:
    """Group table ``lines`` into table ``sold``: an order's lines that were bought, and those that came back.

    A line that stands several times in one sheet is several lines; an order that stands in several sheets is one, and
    of each of its lines the sheet with most of them counts.

    Returns:
        (how many orders, how many lines).
    """
    charges = {code: what for table in mapping.tables for code, what in table.charges.items()}
    conn.execute("CREATE TABLE charges (product VARCHAR, what VARCHAR)")
    if charges:
        conn.executemany("INSERT INTO charges VALUES (?, ?)", [list(item) for item in charges.items()])
    conn.execute(
        "CREATE TABLE counted AS SELECT order_id, product, qty, price, amount, max(title) AS title, max(n) AS n FROM ("
        "SELECT sheet, order_id, product, qty, price, amount, max(title) AS title, count(*) AS n FROM lines "
        "GROUP BY sheet, order_id, product, qty, price, amount) GROUP BY order_id, product, qty, price, amount"
    )
    ids = "".join(f", max(i{n}) AS i{n}" for n in range(len(id_types)))
    nobody = " AND ".join(f"i{n} IS NULL" for n in range(len(id_types))) or "true"
    conn.execute(
        "CREATE TABLE heads AS SELECT order_id, qty < 0 AS back, min(t) AS t, arg_min(z, t) AS z, "
        "max(country) AS country, max(currency) AS currency, max(store) AS store, max(channel) AS channel"
        f"{ids} FROM lines GROUP BY ALL"
    )
    add_up(conn, id_types, _factor(conn, "heads"))
    conn.execute(
        f"""
        CREATE TABLE kinds AS
        SELECT heads.*, {_context()} AS context, to_json(coupon) AS coupon,
            CASE WHEN status = 'cancelled' AND NOT back THEN 'Order Cancelled'
                 WHEN status = 'placed' AND NOT back THEN 'Order Placed'
                 WHEN adjusted THEN 'Account Adjusted'
                 WHEN moved = 0 AND {nobody} THEN 'Stock Adjusted'
                 WHEN back THEN 'Order Refunded' ELSE 'Order Completed' END AS name
        FROM heads JOIN (
            SELECT order_id, qty < 0 AS back, sum(abs(amount)) AS moved,
                bool_and(coalesce(what, '') = 'adjustment') AS adjusted
            FROM counted LEFT JOIN charges ON upper(counted.product) = charges.product GROUP BY ALL
        ) USING (order_id, back) LEFT JOIN orders USING (order_id)
        """
    )
    conn.execute("DROP TABLE heads")
    orders = conn.execute("SELECT count(*) FROM kinds").fetchall()[0][0]
    lines = conn.execute("SELECT coalesce(sum(n), 0) FROM counted").fetchall()[0][0]
    return int(orders), int(lines)


def _context() -> str:
    """SQL of an order's context as JSON, or NULL: where it was, and what is told of how its buyer came."""

    def fields(**columns: str) -> str:
        pairs = ", ".join(f"'\"{k}\":' || to_json({c})" for k, c in columns.items())
        return f"'{{' || nullif(concat_ws(',', {pairs}), '') || '}}'"

    parts = {
        "location": fields(country="country"),
        "page": fields(url="landing", referrer="referrer"),
        "campaign": fields(source="utm_source", medium="utm_medium", name="utm_campaign"),
    }
    listed = ", ".join(f"'\"{k}\":' || {sql}" for k, sql in parts.items())
    return f"'{{' || nullif(concat_ws(',', {listed}), '') || '}}'"


def order_rows(conn: duckdb.DuckDBPyConnection, source: str, zones: Zones, id_types: Sequence[str]) -> Iterator[Row]:
    """The happenings of the grouped orders, oldest first. Table ``goods`` gives category and brand of a product."""
    # concat_ws leaves out what is NULL: the ids a customer lacks.
    pairs = ", ".join(f"'[\"{kind}\",' || to_json(i{n}) || ']'" for n, kind in enumerate(id_types))
    ids = f"'[' || concat_ws(',', {pairs}) || ']'" if id_types else "'[]'"
    units = "CASE WHEN k.name = 'Order Refunded' THEN -c.qty ELSE c.qty END"
    each = (
        "coalesce(g.start, '{\"product_id\":' || to_json(c.product)) || CASE WHEN c.title IS NOT NULL AND c.title IS "
        "DISTINCT FROM g.title THEN ',\"name\":' || to_json(c.title) ELSE '' END || coalesce(',\"kind\":' || "
        "to_json(x.what), '') || ',\"price\":' || CAST(c.price AS VARCHAR) || ',\"quantity\":' || CASE WHEN c.qty = "
        f"trunc(c.qty) THEN CAST(CAST({units} AS BIGINT) AS VARCHAR) ELSE CAST(CAST({units} AS DOUBLE) AS VARCHAR) END "
        "|| '}'"
    )
    several = "CASE WHEN n = 1 THEN one ELSE rtrim(repeat(one || ',', n), ',') END"
    order = "ORDER BY product, qty, price"
    major = _factor(conn, "kinds")
    result = conn.execute(
        f"""
        SELECT order_id, back, name, t, z, {ids}, '{{"properties":{{"order_id":' || to_json(order_id) || ',"total":'
            || CAST(CASE WHEN name = 'Order Refunded' THEN -total ELSE total END / CAST({major} AS DOUBLE) AS VARCHAR)
            || ',"currency":"' || currency || '"' || coalesce(',"store_id":' || to_json(store), '')
            || coalesce(',"channel":' || to_json(channel), '') || ',"products":[' || coalesce(bought, '') || ']'
            || coalesce(',"charges":[' || charged || ']', '') || coalesce(',"coupon":' || coupon, '') || '}}'
            || coalesce(',"context":' || context, '') || '}}', lines
        FROM kinds JOIN (
            SELECT order_id, back, CAST(sum(amount * n) AS BIGINT) AS total, CAST(sum(n) AS BIGINT) AS lines,
                string_agg({several}, ',' {order}) FILTER (what IS NULL) AS bought,
                string_agg({several}, ',' {order}) FILTER (what IS NOT NULL) AS charged
            FROM (
                SELECT k.order_id, k.back, c.product, c.qty, c.price, c.amount, c.n, x.what,
                    {each} AS one
                FROM counted c JOIN kinds k ON k.order_id = c.order_id AND k.back = (c.qty < 0)
                LEFT JOIN goods g ON g.product = c.product LEFT JOIN charges x ON x.product = upper(c.product)
            ) GROUP BY order_id, back
        ) USING (order_id, back) ORDER BY t, order_id, back
        """
    )
    while part := result.fetchmany(2000):
        for order_id, back, name, t, z, ids_json, body, lines in part:
            yield Row(
                message_id(source, "refund" if back else _SORTS.get(name, "order"), order_id),
                "track",
                name,
                zones.instant(t, z),
                ids_json,
                body,
                lines,
            )
