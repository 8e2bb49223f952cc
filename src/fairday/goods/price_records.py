"""Price lists as kept: terms, prices by goods and quantity, and every price as it stood at any time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from babel.numbers import is_currency
from sqlalchemy import Connection, RowMapping, delete, func, literal, null, or_, select

from fairday.goods.prices import Amount, ListPrice, PriceList
from fairday.goods.prior import BASE, Kept
from fairday.goods.tables import list_history, list_prices, price_history, price_lists, variants
from fairday.goods.touching import touch
from fairday.kernel import jsons
from fairday.kernel.errors import FairdayError, NotFound
from fairday.storage.database import insert

MOST_DIGITS, DEAREST = 4, 10**13
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_CHUNK = 500


def _bad(message: str, where: str, remedy: str) -> FairdayError:
    return FairdayError(message, code="bad_price_list", where=where, remedy=remedy)


# ---- terms -----------------------------------------------------------------------------------------------------------


def check_list(one: PriceList) -> None:
    """Whether a list's terms can be.

    Raises:
        FairdayError: ``where`` names the field.
    """
    if not _ID.fullmatch(one.list):
        raise _bad(f"{one.list[:60]!r} is not a list's name.", "list", "Write letters, digits, - _ or .")
    if not one.title.strip() or len(one.title) > 120:
        raise _bad("The list has no title.", "title", "Write what you call it, up to 120 signs.")
    if not is_currency(one.currency):
        raise _bad(f"{one.currency[:10]!r} is not a currency.", "currency", "Write an ISO 4217 code such as CNY.")
    if one.country is not None and not re.fullmatch("[A-Z]{2}", one.country):
        raise _bad(f"{one.country[:10]!r} is not a country.", "country", "Write two capital letters such as ES.")
    for field, most in (("channel", 40), ("store", 60), ("company", 60), ("crowd", 60)):
        value = getattr(one, field)
        if value is not None and not 0 < len(value) <= most:
            raise _bad(f"The {field} cannot be kept.", field, f"Write 1 to {most} signs, or leave it empty.")
    if one.starts_at is not None and one.ends_at is not None and one.starts_at >= one.ends_at:
        raise _bad("It ends before it begins.", "ends_at", "Write a later end.")
    if not -1000 <= one.priority <= 1000:
        raise _bad(f"A priority of {one.priority} cannot be.", "priority", "Write a number from -1000 to 1000.")
    if one.factor is not None and not 0 <= one.factor <= 100_000:
        raise _bad("That share of the base price cannot be.", "factor", "Write 0 to 1000 percent.")


def save_list(conn: Connection, one: PriceList, now: int) -> None:
    """Keep a list's terms, from now on.

    Raises:
        FairdayError: terms that cannot be, or another currency for a list that has prices.
    """
    check_list(one)
    before = find_list(conn, one.list)
    if before is not None and before.currency != one.currency:
        priced = conn.execute(select(list_prices.c.goods).where(list_prices.c.list == one.list).limit(1)).first()
        if priced is not None:
            raise _bad(f"Its prices are in {before.currency}.", "currency", "Make another list for this currency.")
    if before == one:
        return
    row = msgspec.structs.asdict(one)
    statement = insert(conn, price_lists)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["list"],
            set_={c.name: statement.excluded[c.name] for c in price_lists.c if c.name != "list"},
        ),
        [row | {"changed_at": now}],
    )
    _keep_terms(conn, one.list, now, jsons.dumps(row))


def delete_list(conn: Connection, name: str, now: int) -> None:
    """Take a list and its prices away; what they were stays in the history.

    Raises:
        NotFound: no such list.
    """
    one = find_list(conn, name)
    if one is None:
        raise NotFound(f"There is no price list {name[:60]}.", code="unknown_price_list", where=name[:60])
    touch(conn, goods_in(conn, [name]))
    c = list_prices.c
    gone = select(c.goods, c.list, c.min_qty, literal(now), null(), literal(0), literal(one.currency))
    statement = insert(conn, price_history)
    conn.execute(
        statement.from_select([h.name for h in price_history.c], gone.where(c.list == name)).on_conflict_do_update(
            index_elements=[h.name for h in price_history.primary_key], set_={"amount": statement.excluded.amount}
        )
    )
    conn.execute(delete(list_prices).where(list_prices.c.list == name))
    conn.execute(delete(price_lists).where(price_lists.c.list == name))
    _keep_terms(conn, name, now, None)


def _keep_terms(conn: Connection, name: str, now: int, body: str | None) -> None:
    statement = insert(conn, list_history)
    conn.execute(
        statement.on_conflict_do_update(index_elements=["list", "at"], set_={"body": statement.excluded.body}),
        [{"list": name, "at": now, "body": body}],
    )


def find_list(conn: Connection, name: str) -> PriceList | None:
    """The list of that name, or None."""
    row = conn.execute(select(price_lists).where(price_lists.c.list == name)).mappings().first()
    return None if row is None else _list(row)


def all_lists(conn: Connection) -> list[PriceList]:
    """Every list, by name."""
    return [_list(r) for r in conn.execute(select(price_lists).order_by(price_lists.c.list)).mappings()]


def lists_for(conn: Connection, company: str | None, now: int) -> list[PriceList]:
    """The lists that somebody of that company (None: a consumer) may meet now; those that are over are left out."""
    c = price_lists.c
    of = c.company.is_(None) if company is None else or_(c.company.is_(None), c.company == company)
    query = select(price_lists).where(of, or_(c.ends_at.is_(None), c.ends_at > now)).order_by(c.list)
    return [_list(r) for r in conn.execute(query).mappings()]


def _list(row: RowMapping) -> PriceList:
    return msgspec.convert({f: row[f] for f in PriceList.__struct_fields__}, PriceList)


# ---- prices ----------------------------------------------------------------------------------------------------------


def set_prices(conn: Connection, name: str, told: Sequence[ListPrice], now: int) -> int:
    """Set prices of a list; others stay. How many were new or changed.

    Raises:
        NotFound: no such list.
        FairdayError: a quantity or an amount that cannot be.
    """
    one = find_list(conn, name)
    if one is None:
        raise NotFound(f"There is no price list {name[:60]}.", code="unknown_price_list", where=name[:60])
    for p in told:
        if not 1 <= p.min_qty <= 10_000_000:
            raise _bad(f"{p.min_qty} pieces cannot be.", p.goods, "Write a whole number from 1.")
        if not 0 <= p.digits <= MOST_DIGITS or not 0 <= p.amount <= DEAREST:
            raise _bad("That price cannot be.", p.goods, f"Write 0 or more, with at most {MOST_DIGITS} more decimals.")
    before = {(p.goods, p.min_qty): p for p in prices_for(conn, [p.goods for p in told], [name])}
    changed = [
        msgspec.structs.asdict(msgspec.structs.replace(p, list=name))
        for p in {(p.goods, p.min_qty): p for p in told}.values()
        if (b := before.get((p.goods, p.min_qty))) is None or (b.amount, b.digits) != (p.amount, p.digits)
    ]
    if changed:
        statement = insert(conn, list_prices)
        keys = ["goods", "list", "min_qty"]
        new = {c: statement.excluded[c] for c in ("amount", "digits")}
        conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=new), changed)
        _record(conn, [row | {"at": now, "currency": one.currency} for row in changed])
        touch(conn, _products_of(conn, {str(row["goods"]) for row in changed}))
    return len(changed)


def drop_prices(conn: Connection, name: str, goods: str, now: int, min_qty: int | None = None) -> int:
    """Take a list's prices of some goods away (only from one quantity on, where said); how many."""
    c = list_prices.c
    which = [c.list == name, c.goods == goods] + ([] if min_qty is None else [c.min_qty == min_qty])
    gone = conn.execute(select(c.min_qty, price_lists.c.currency).where(*which, price_lists.c.list == c.list)).all()
    conn.execute(delete(list_prices).where(*which))
    _record(
        conn,
        [
            {"goods": goods, "list": name, "min_qty": q, "at": now, "amount": None, "digits": 0, "currency": currency}
            for q, currency in gone
        ],
    )
    touch(conn, _products_of(conn, [goods]) if gone else ())
    return len(gone)


def goods_in(conn: Connection, lists: Iterable[str]) -> set[str]:
    """The products of which some lists say a price, of themselves or of a variant."""
    named = list(lists)
    found: set[str] = set()
    for start in range(0, len(named), _CHUNK):
        which = list_prices.c.list.in_(named[start : start + _CHUNK])
        of = select(func.coalesce(variants.c.product, list_prices.c.goods)).distinct()
        joined = list_prices.outerjoin(variants, variants.c.sku == list_prices.c.goods)
        found |= set(conn.execute(of.select_from(joined).where(which)).scalars())
    return found


def _products_of(conn: Connection, goods: Iterable[str]) -> set[str]:
    """The products that goods are, or are variants of."""
    named = sorted(goods)
    found = set(named)
    for start in range(0, len(named), _CHUNK):
        own = select(variants.c.sku, variants.c.product).where(variants.c.sku.in_(named[start : start + _CHUNK]))
        for sku, product in conn.execute(own):
            found = (found - {sku}) | {product}
    return found


def prices_for(conn: Connection, goods: Iterable[str], lists: Iterable[str] | None = None) -> list[ListPrice]:
    """The list prices of some goods, of all lists or of some."""
    found, listed = [], list(dict.fromkeys(goods))
    named = None if lists is None else list(lists)
    for start in range(0, len(listed), _CHUNK):
        query = select(list_prices).where(list_prices.c.goods.in_(listed[start : start + _CHUNK]))
        if named is not None:
            query = query.where(list_prices.c.list.in_(named))
        found += [
            ListPrice(r.list, r.goods, r.min_qty, r.amount, r.digits)
            for r in conn.execute(query.order_by(list_prices.c.list, list_prices.c.goods, list_prices.c.min_qty))
        ]
    return found


# ---- history ---------------------------------------------------------------------------------------------------------

Told = tuple[int | None, str]
"""A base price as kept: minor units or None, and its currency."""


def set_base_prices(conn: Connection, after: Mapping[str, Told], before: Mapping[str, Told], now: int) -> None:
    """Keep in the history what base prices change: by goods, what they are from now on and what they were.

    A price that stood before there was a history is taken to have stood since ever (``at`` 0).
    """
    rows = []
    changed = {g: told for g, told in after.items() if before.get(g, (None, told[1])) != told}
    known = _recorded(conn, list(changed))
    for goods, (amount, currency) in changed.items():
        old = before.get(goods, (None, currency))
        if old[0] is not None and goods not in known:
            rows.append((goods, 0, *old))
        if old[0] is not None and old[1] != currency and amount is not None:
            rows.append((goods, now - 1, None, old[1]))  # the same goods from now on in another currency
        rows.append((goods, now, amount, currency if amount is not None else old[1]))
    _record(
        conn,
        [
            {"goods": g, "list": BASE, "min_qty": 1, "at": at, "amount": a, "digits": 0, "currency": c}
            for g, at, a, c in rows
        ],
    )


def _recorded(conn: Connection, goods: Sequence[str]) -> set[str]:
    found: set[str] = set()
    c = price_history.c
    for start in range(0, len(goods), _CHUNK):
        part = goods[start : start + _CHUNK]
        found |= set(conn.execute(select(c.goods).distinct().where(c.goods.in_(part), c.list == BASE)).scalars())
    return found


def _record(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        statement = insert(conn, price_history)
        keys = [c.name for c in price_history.primary_key]
        new = {c: statement.excluded[c] for c in ("amount", "digits", "currency")}
        conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=new), rows)


def history_of(conn: Connection, goods: Iterable[str]) -> Kept:
    """Everything written of some goods' prices, and of the lists that stand over all goods or over these."""
    c = price_history.c
    rows = conn.execute(
        select(price_history).where(c.goods.in_(list(goods))).order_by(c.at, c.list, c.goods, c.min_qty)
    ).all()
    prices = [
        (r.at, r.list, r.goods, r.min_qty, None if r.amount is None else Amount(r.amount, r.currency, r.digits))
        for r in rows
    ]
    terms = [
        (r.at, r.list, None if r.body is None else msgspec.json.decode(r.body, type=PriceList))
        for r in conn.execute(select(list_history).order_by(list_history.c.at, list_history.c.list))
    ]
    return Kept(prices, terms)
