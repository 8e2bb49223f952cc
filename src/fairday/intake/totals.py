"""What an order's lines do not say: shipping, tax, discount and refund told once an order, its status, how they came.

Each sum becomes a line of its own kind beside the goods ("charges"), so that an order's lines always add up to the
total the shop's own export states, to the last minor unit. Such a line is a running total: when a later export tells
another sum, the log gets the difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from fairday.intake.columns import number_of, text_of, time_of
from fairday.intake.files import Loaded
from fairday.intake.mapping import Mapping
from fairday.intake.shape import ORDER_WORDS, TOTALS
from fairday.intake.slices import ORDER, RUNNING


def stage_facts(
    conn: duckdb.DuckDBPyConnection, loaded: Loaded, typed: str, mapping: Mapping, factor: str, zone: str
) -> None:
    """Put what a file says once an order into table ``facts``.

    Args:
        typed: the table of the file's checked rows, with ``line``, ``order_id`` and ``currency``.
        factor: SQL of minor units in a major unit of the row's currency.
        zone: SQL of the row's zone number.
    """
    words = {w: text_of(loaded, w) for w in ORDER_WORDS}
    status = f"lower({words['status']})"
    cases = " ".join(f"WHEN '{_text(k)}' THEN '{v}'" for k, v in loaded.table.statuses.items())
    words["status"] = f"CASE {status} {cases} ELSE 'completed' END" if cases else "'completed'"
    sums = {
        s: f"CAST(round({number_of(loaded, s, mapping.decimal)} * CAST({factor} AS DECIMAL(5,0)), 0) AS BIGINT)"
        for s in TOTALS
    }
    back, back_utc = time_of(loaded, "refunded_at")
    picked = ", ".join(f"max({sql}) AS {name}" for name, sql in (words | sums).items())
    conn.execute(
        f"INSERT INTO facts BY NAME SELECT order_id, {picked}, max({back}) AS back_at, "
        f"max(CASE WHEN {back_utc} THEN -1 ELSE {zone} END) AS back_z FROM {typed} g JOIN {loaded.name} USING (line) "
        "GROUP BY order_id"
    )


def create_facts(conn: duckdb.DuckDBPyConnection) -> None:
    """Make the empty table ``facts``."""
    words = ", ".join(f"{w} VARCHAR" for w in ORDER_WORDS)
    sums = ", ".join(f"{s} BIGINT" for s in TOTALS)
    conn.execute(f"CREATE TABLE facts (order_id VARCHAR, {words}, {sums}, back_at BIGINT, back_z SMALLINT)")


def add_up(conn: duckdb.DuckDBPyConnection, id_types: Sequence[str], factor: str) -> None:
    """Add to ``counted`` the lines that make orders add up, and to ``heads`` the refunds.

    Args:
        factor: SQL of minor units in a major unit of ``heads.currency``.

    The tax is a line only where it comes on top: where the total is reached with it. What is left between the told
    total and everything known (a rounding, a fee, a gift card) is a line called difference.
    """
    named = ", ".join(f"max({n}) AS {n}" for n in (*ORDER_WORDS, *TOTALS, "back_at"))
    conn.execute(
        f"CREATE TABLE orders AS SELECT order_id, {named}, arg_max(back_z, back_at) AS back_z FROM facts "
        "GROUP BY order_id"
    )
    if not conn.execute("SELECT 1 FROM orders LIMIT 1").fetchall():
        return
    conn.executemany("INSERT INTO charges VALUES (?, ?)", [[code.upper(), kind] for code, kind in RUNNING.items()])
    conn.execute(
        """
        CREATE TABLE sums AS
        SELECT order_id, goods, ship, cut, tax, told,
            CASE WHEN told IS NULL OR told - (goods + ship - cut) <> 0 THEN tax ELSE 0 END AS duty
        FROM (
            SELECT o.order_id, c.goods, coalesce(shipping, 0) AS ship, abs(coalesce(discount, 0)) AS cut,
                coalesce(tax, 0) AS tax, total AS told
            FROM orders o JOIN (
                SELECT order_id, CAST(sum(amount * n) AS BIGINT) AS goods FROM counted WHERE qty >= 0 GROUP BY order_id
            ) c USING (order_id)
        )
        """
    )
    # A tax that does not help the total is inside the prices (or the export rounds it by line): then it is no line.
    conn.execute(
        "UPDATE sums SET duty = 0 WHERE told IS NOT NULL AND "
        "abs(told - (goods + ship - cut + duty)) >= abs(told - (goods + ship - cut))"
    )
    bare = f"product <> '{ORDER}'"
    for code, money in (
        ("(shipping)", "ship"),
        ("(discount)", "-cut"),
        ("(tax)", "duty"),
        ("(difference)", "told - (goods + ship - cut + duty)"),
    ):
        conn.execute(
            "INSERT INTO counted BY NAME SELECT s.order_id, ? AS product, 1 AS qty, money / CAST(f AS DOUBLE) AS "
            "price, money AS amount, NULL AS title, 1 AS n FROM (SELECT order_id, "
            f"CAST({money} AS BIGINT) AS money FROM sums) s "
            f"JOIN (SELECT order_id, {factor} AS f FROM heads WHERE NOT back) USING (order_id) "
            f"WHERE money <> 0 AND order_id IN (SELECT order_id FROM counted WHERE {bare})",
            [code],
        )
    # Given back: what the shop states, or all of it where the status says so.
    conn.execute(
        """
        CREATE TABLE back AS
        SELECT o.order_id, CASE WHEN coalesce(refunded, 0) <> 0 THEN abs(refunded)
            WHEN status = 'refunded' THEN coalesce(total, goods) ELSE 0 END AS money, back_at, back_z
        FROM orders o JOIN sums USING (order_id)
        """
    )
    conn.execute(
        "INSERT INTO counted BY NAME SELECT order_id, '(refund)' AS product, -1 AS qty, money / CAST(f AS DOUBLE) AS "
        "price, -money AS amount, NULL AS title, 1 AS n FROM back JOIN "
        f"(SELECT order_id, {factor} AS f FROM heads WHERE NOT back) USING (order_id) WHERE money > 0"
    )
    ids = "".join(f", i{n}" for n in range(len(id_types)))
    conn.execute(
        "INSERT INTO heads BY NAME SELECT h.order_id, true AS back, greatest(coalesce(b.back_at, h.t), h.t) AS t, "
        "CASE WHEN b.back_at > h.t THEN b.back_z ELSE h.z END AS z, "
        f"country, currency, store, channel{ids} FROM heads h JOIN back b USING (order_id) WHERE NOT h.back AND "
        "b.money > 0 AND order_id NOT IN (SELECT order_id FROM heads WHERE back)"
    )


def _text(word: str) -> str:
    return word.replace("'", "''")
