"""Tables beside the orders: products for the catalogue, customers' traits."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Mapping_
from pathlib import Path
from typing import Any

import duckdb

from fairday.goods.catalogue import ProductRow
from fairday.intake.columns import text_of, time_of
from fairday.intake.files import Loaded
from fairday.intake.goods import spooled
from fairday.intake.identifying import key_of, no_ids, stage_ids
from fairday.intake.orders import Zones
from fairday.intake.setaside import set_aside
from fairday.intake.shape import TraitColumn
from fairday.intake.slices import Row, message_id
from fairday.kernel import jsons
from fairday.kernel.ids import digest
from fairday.people.consent import ADDRESS

# ---- products ------------------------------------------------------------------------------------------------------


def stage_goods(
    conn: duckdb.DuckDBPyConnection,
    folder: Path,
    spool: Path | None,
    known: Iterable[ProductRow],
    homes: Iterable[tuple[str, str]],
) -> None:
    """Make table ``told``: each product as the product files say, or else as the order lines do (the commonest words).

    And table ``goods``: what an order's line repeats of a product, from ``told`` or else from the catalogue as known. A
    line that names a variant is its product's, and says the variant beside.

    Args:
        spool: the products that files tell, None where there is no such file.
        homes: the variants as known, with their products.
    """
    conn.execute(
        "CREATE TABLE told (product VARCHAR, title VARCHAR, category VARCHAR, department VARCHAR, brand VARCHAR, "
        "price BIGINT, currency VARCHAR)"
    )
    _stage_known(conn, folder, known)
    conn.execute("CREATE TABLE homes (sku VARCHAR, product VARCHAR)")
    listed = list(homes)
    for start in range(0, len(listed), 10_000):
        part = listed[start : start + 10_000]
        conn.execute("INSERT INTO homes SELECT unnest(?), unnest(?)", [[s for s, _ in part], [p for _, p in part]])
    if spool is not None:
        _stage_told(conn, folder, spool)
    else:
        _tell_from_lines(conn)
    # Where nobody tells a price it is the usual one: the median of what one unit was sold for. What is worked out from
    # lines fills gaps only, so that a few more lines never rename or reprice what stands in the catalogue.
    conn.execute(
        "UPDATE told SET price = s.price, currency = s.currency FROM (SELECT product, any_value(currency) AS currency, "
        "CAST(round(median(CAST(amount AS DOUBLE) / CAST(qty AS DOUBLE))) AS BIGINT) AS price FROM lines "
        "WHERE qty > 0 AND amount > 0 AND product NOT IN (SELECT product FROM known WHERE priced) "
        "AND product NOT IN (SELECT sku FROM homes) GROUP BY product) s "
        "WHERE told.product = s.product AND told.price IS NULL"
    )
    conn.execute(
        "CREATE TABLE goods AS SELECT coalesce(h.sku, w.product) AS product, w.title, '{\"product_id\":' || "
        "to_json(w.product) || coalesce(',\"sku\":' || to_json(h.sku), '') || coalesce(',\"category\":' || "
        "to_json(category), '') || coalesce(',\"brand\":' || to_json(brand), '') AS start "
        "FROM (SELECT product, coalesce(t.title, k.title) AS title, coalesce(t.category, k.category) AS category, "
        "coalesce(t.brand, k.brand) AS brand FROM told t FULL JOIN known k USING (product)) w "
        "LEFT JOIN (SELECT * FROM homes UNION ALL SELECT NULL, product FROM homes GROUP BY product) h USING (product) "
        "WHERE h.sku IS NOT NULL OR w.product NOT IN (SELECT sku FROM homes)"
    )


def _stage_known(conn: duckdb.DuckDBPyConnection, folder: Path, known: Iterable[ProductRow]) -> None:
    # By way of a file, since DuckDB takes single rows slowly.
    listed = folder / "catalogue.csv"
    with listed.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["product", "title", "category", "department", "brand", "priced"])
        writer.writerows(
            (p.product, p.title, p.category, p.department, p.brand, "false" if p.price is None else "true")
            for p in known
        )
    conn.execute(
        "CREATE TABLE known AS SELECT product, nullif(title, '') AS title, nullif(category, '') AS category, "
        "nullif(department, '') AS department, nullif(brand, '') AS brand, priced FROM read_csv(?, header = true, "
        "delim = ',', quote = '\"', escape = '\"', auto_detect = false, max_line_size = 4194304, columns = {"
        "'product': 'VARCHAR', 'title': 'VARCHAR', 'category': 'VARCHAR', 'department': 'VARCHAR', 'brand': 'VARCHAR', "
        "'priced': 'BOOLEAN'})",
        [str(listed)],
    )


def _stage_told(conn: duckdb.DuckDBPyConnection, folder: Path, spool: Path) -> None:
    """Table ``told`` of the products that files tell, and their variants in table ``homes``."""
    listed, forms = folder / "told.csv", folder / "forms.csv"
    number = 0
    with listed.open("w", encoding="utf-8", newline="") as f, forms.open("w", encoding="utf-8", newline="") as g:
        rows, variants = csv.writer(f), csv.writer(g)
        rows.writerow(["n", "product", "title", "category", "department", "brand", "price"])
        variants.writerow(["sku", "product"])
        for part in spooled(spool):
            for told in part:
                number += 1
                p = told.product
                rows.writerow([number, p.product, p.title, p.category, p.department, p.brand, p.price])
                variants.writerows([form.sku, p.product] for form in told.forms)
    words = "title", "category", "department", "brand"
    kinds = ", ".join(f"'{c}': 'VARCHAR'" for c in ("product", *words))
    products = _csv(f"{{'n': 'BIGINT', {kinds}, 'price': 'BIGINT'}}")
    homes = _csv("{'sku': 'VARCHAR', 'product': 'VARCHAR'}")
    # A product that stands in several files is as the last says; one without a title goes by its category or number.
    last = ", ".join(f"nullif(arg_max({f}, n) FILTER ({f} <> ''), '') AS {f}" for f in words)
    conn.execute(
        "INSERT INTO told BY NAME SELECT r.* EXCLUDE (title), CASE WHEN r.title IS NULL AND k.title IS NULL THEN "
        f"coalesce(r.category, r.product) ELSE r.title END AS title FROM (SELECT product, {last}, "
        f"arg_max(price, n) AS price FROM {products} "
        "GROUP BY product) r LEFT JOIN known k USING (product)",
        [str(listed)],
    )
    conn.execute(
        f"INSERT INTO homes SELECT sku, any_value(product) FROM {homes} WHERE sku NOT IN (SELECT sku FROM homes) "
        "GROUP BY sku",
        [str(forms)],
    )


def _csv(columns: str) -> str:
    return (
        "read_csv(?, header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = false, "
        f"columns = {columns})"
    )


def _tell_from_lines(conn: duckdb.DuckDBPyConnection) -> None:
    words = ("title", "category", "department", "brand")
    for word in words:
        conn.execute(
            f"CREATE TABLE said_{word} AS SELECT product, arg_max({word}, (n, {word})) AS {word} FROM ("
            f"SELECT product, {word}, count(*) AS n FROM lines WHERE {word} IS NOT NULL GROUP BY product, {word}) "
            "GROUP BY product"
        )
    picked = ", ".join(f"CASE WHEN k.{w} IS NULL THEN s{w}.{w} END AS {w}" for w in words)
    joined = " ".join(f"LEFT JOIN said_{w} s{w} USING (product)" for w in words)
    conn.execute(
        f"INSERT INTO told BY NAME SELECT product, {picked} FROM (SELECT DISTINCT product FROM lines) p {joined} "
        "LEFT JOIN known k USING (product) WHERE upper(product) NOT IN (SELECT product FROM charges) "
        "AND product NOT IN (SELECT sku FROM homes) "
        "AND coalesce(stitle.title, k.title) IS NOT NULL"
    )


def product_rows(conn: duckdb.DuckDBPyConnection) -> Iterator[ProductRow]:
    """The products of table ``told``, for the catalogue: what order lines tell of them."""
    result = conn.execute(
        "SELECT product, title, category, department, brand, price, currency FROM told "
        "WHERE coalesce(title, category, department, brand) IS NOT NULL OR price IS NOT NULL ORDER BY product"
    )
    while part := result.fetchmany(2000):
        for product, title, category, department, brand, price, currency in part:
            yield ProductRow(
                product=product,
                title=title or "",
                category=category,
                department=department,
                brand=brand,
                price=price,
                currency=currency if price is not None else None,
            )


# ---- customers -----------------------------------------------------------------------------------------------------


def customer_rows(
    conn: duckdb.DuckDBPyConnection, loaded: Loaded, source: str, zones: Zones, now: int, held: Held
) -> list[Row]:
    """An identify happening for each row of a customers table; the same words again are the same happening.

    Args:
        held: what is known of consent already; a file never goes over what was said to the shop itself.
    """
    t, utc = time_of(loaded, "time")
    stage_ids(conn, loaded, f"{t} AS t, {utc} AS utc")
    checks = [no_ids(loaded)]
    if "time" in loaded.fields:
        checks.append(("t IS NULL", "time", "The time {time} cannot be read.", "Write it as 2026-06-01 12:30."))
    good = set_aside(conn, loaded, f"typed_{loaded.name}", checks)
    traits = list(loaded.table.traits.items())
    channels = [c for c in loaded.table.consent if f"consent:{c}" in loaded.fields]
    asked = [f"trait:{name}" for name, _ in traits] + [f"consent:{c}" for c in channels]
    cells = "".join(f", {text_of(loaded, field)}" for field in asked)
    rows = []
    for found in conn.execute(
        f"SELECT ids, t, utc{cells} FROM (SELECT * FROM typed_{loaded.name}{good}) JOIN {loaded.name} USING (line) "
        "ORDER BY line"
    ).fetchall():
        ids, local, is_utc, *values = found
        told = {
            n: v for (n, trait), cell in zip(traits, values, strict=False) if (v := _trait(trait, cell)) is not None
        }
        at = now if local is None else zones.instant(local, -1 if is_utc else zones.number(loaded, "time"))
        mark = digest(jsons.canonical([told, None if local is None else at]))
        body = jsons.dumps({"traits": told})
        rows.append(Row(message_id(source, "customer", key_of(ids), mark), "identify", "", at, ids, body))
        for channel, said in zip(channels, values[len(traits) :], strict=True):
            rows += _consent(source, ids, channel, said, now, held)
    return rows


Held = Mapping_[tuple[str, str], tuple[bool, str]]
"""Statements of consent to marketing by (channel, address): given or not, and the source that says so."""

_YES = frozenset({"yes", "true", "1", "y", "subscribed", "sí", "si", "是"})
_NO = frozenset({"no", "false", "0", "n", "unsubscribed", "not_subscribed", "否"})


def _consent(source: str, ids: str, channel: str, said: str | None, now: int, held: Held) -> list[Row]:
    """A statement of consent that another system kept: an agreement where nothing is known of the address, and a
    withdrawal of what the same source told before; never a word against what was said to the shop itself."""
    word = (said or "").casefold()
    address = next((v for t, v in jsons.loads(ids) if t == ADDRESS[channel]), None)
    if address is None or word not in _YES | _NO:
        return []
    known = held.get((channel, address.casefold()))
    given = word in _YES
    if known is not None and (known[0] == given or known[1] != f"import:{source}"):
        return []
    if known is None and not given:
        return []
    name = "Consent Given" if given else "Consent Withdrawn"
    body = jsons.dumps({"properties": {"channel": channel, "purpose": "marketing", "kept_by": source}})
    about = jsons.dumps([[ADDRESS[channel], address]])
    # A day may see one change of mind; the same file twice on a day is the same statement.
    mid = message_id(source, "consent", channel, address, word, str(now // 86_400_000))
    return [Row(mid, "track", name, now, about, body)]


def _trait(trait: TraitColumn, cell: str | None) -> Any:
    if cell is None:
        return None
    if trait.values is not None:
        return trait.values.get(cell.casefold())
    if trait.as_ == "text":
        return cell
    if trait.as_ == "number":
        try:
            number = float(cell.replace(",", ""))
        except ValueError:
            return None
        return int(number) if number.is_integer() else number
    return band(cell, 1000 if trait.as_ == "thousands" else 1)


def band(text: str, unit: int = 1) -> str | int | None:
    """A band in one writing: "19-24", "65+"; a single number is that number; None where the text is neither.

    Args:
        unit: what the text counts in; with 1000, "50-74K" is "50000-74999" and "Under 15K" is "0-14999".
    """
    bare = re.sub(r"(?<=\d)\s*[kK]\b", "", text.strip()).replace(",", "").replace("–", "-")
    if match := re.fullmatch(r"(\d+)\s*(?:-|to)\s*(\d+)", bare):
        low, high = int(match[1]) * unit, (int(match[2]) + 1) * unit - 1
        return f"{low}-{high}" if low <= high else None
    if match := re.fullmatch(r"(\d+)\s*\+|(?:over|above)\s+(\d+)", bare, re.IGNORECASE):
        return f"{int(match[1] or match[2]) * unit}+"
    if match := re.fullmatch(r"(?:under|below)\s+(\d+)|<\s*(\d+)", bare, re.IGNORECASE):
        return f"0-{int(match[1] or match[2]) * unit - 1}"
    return int(bare) * unit if bare.isdecimal() else None


__all__ = ["band", "customer_rows", "product_rows", "stage_goods"]
