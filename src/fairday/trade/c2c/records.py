"""What selling between people keeps beside its streams: lists, and people's own words, which are no part of events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Index, Integer, String, Table, Text, func, or_, select

from fairday.kernel import jsons
from fairday.kernel.decider import Row
from fairday.people.accounts import accounts_in
from fairday.storage.database import col, metadata

listings = Table(
    "listings",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("seller", String(200), index=True, personal=False),
    col("life", String(16), personal=False),
    col("price", BigInteger, personal=False),
    col("shipping", BigInteger, personal=False),
    col("currency", String(3), personal=False),
    col("order_id", String(64), personal=False),
    col("why", String(40), personal=False),
    col("at", BigInteger, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("listings_life", "life", "updated_at"),
)
"""One row a listing, written with its events."""

texts = Table(
    "listing_texts",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("ids", Text, nullable=False, personal="ids"),
    col("title", Text, nullable=False, personal=True),
    col("text", Text, nullable=False, personal=True),
    col("photo", String(64), nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)
"""What a listing says; ``ids``: its seller's, a JSON list of [type, value]. After an erasure the listing is gone."""

payouts = Table(
    "payouts",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("seller", String(200), index=True, personal=False),
    col("currency", String(3), personal=False),
    col("amount", BigInteger, personal=False),
    col("status", String(16), nullable=False, personal=False),
    col("reference", String(64), personal=False),
    col("why", String(40), personal=False),
    col("asked_at", BigInteger, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("payouts_status", "status", "updated_at"),
)
"""One row a payout, written with its events; ``seller`` is the stream."""

payees = Table(
    "payees",
    metadata,
    col("seller", String(200), primary_key=True, personal=False),
    col("ids", Text, nullable=False, personal="ids"),
    col("destination", Text, nullable=False, personal=True),
    col("at", BigInteger, nullable=False, personal=False),
)
"""Where a seller's payouts go, in their own words: a bank account, a wallet."""

disputes = Table(
    "disputes",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("status", String(16), personal=False),
    col("buyer", String(200), personal=False),
    col("seller", String(200), personal=False),
    col("why", String(40), personal=False),
    col("currency", String(3), personal=False),
    col("amount", BigInteger, personal=False),
    col("back", BigInteger, personal=False),
    col("decided_by", String(16), personal=False),
    col("opened_at", BigInteger, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("disputes_status", "status", "opened_at"),
)
"""One row a dispute, by its order's number."""

ratings = Table(
    "ratings",
    metadata,
    col("id", String(80), primary_key=True, personal=False),
    col("about", String(200), index=True, personal=False),
    col("stars", Integer, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)
"""What one side of a deal gave the other: ``id`` is ``ORDER:buyer`` or ``ORDER:seller``, by who gave it."""

words = Table(
    "deal_words",
    metadata,
    col("key", String(80), primary_key=True, personal=False),
    col("about", String(80), nullable=False, index=True, personal=False),
    col("by", String(16), nullable=False, personal=False),
    col("ids", Text, nullable=False, personal="ids"),
    col("text", Text, nullable=False, personal=True),
    col("photo", String(64), nullable=False, personal=False),
    col("at", BigInteger, nullable=False, personal=False),
)
"""What people wrote of a deal: statements in a dispute (``about`` = ``dispute:ORDER``), words of a rating."""

_SAID = or_(words.c.text != "", words.c.photo != "")

Ids = Sequence[tuple[str, str]]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A listing as it is shown; amounts in minor units, ``order`` the number of the order that has it or ""."""

    id: str
    seller: str
    life: str
    price: int
    shipping: int
    currency: str
    order: str
    why: str
    title: str
    text: str
    photo: str
    updated_at: int


def text_row(id_: str, title: str, text: str, photo: str, ids: Ids, now: int) -> Row:
    """What a listing says, to be written with the command that says it; again: as it is now."""
    row = {"id": id_, "title": title, "text": text, "photo": photo, "ids": _ids(ids), "at": now}
    return Row(texts.name, row)


def get(conn: Connection, id_: str) -> Listing | None:
    """A listing with its words; None where there is none, or its words were erased."""
    return next(iter(_listings(conn, [listings.c.id == id_], 1)), None)


def page(
    conn: Connection, *, life: str = "", seller: str = "", before: int | None = None, limit: int = 50
) -> list[Listing]:
    """Listings of a state or a seller, those changed last first."""
    wanted = [listings.c.life == life] if life else []
    wanted += [listings.c.seller == seller] if seller else []
    wanted += [listings.c.updated_at < before] if before is not None else []
    return _listings(conn, wanted, limit)


def _listings(conn: Connection, wanted: Iterable[Any], limit: int) -> list[Listing]:
    c, w = listings.c, texts.c
    query = (
        select(c.id, c.seller, c.life, c.price, c.shipping, c.currency, c.order_id.label("order"), c.why, w.title,
               w.text, w.photo, c.updated_at)
        .join(texts, w.id == c.id).where(*wanted).order_by(c.updated_at.desc(), c.id).limit(limit)
    )  # fmt: skip
    return [Listing(**row) for row in conn.execute(query).mappings()]


def payee_row(seller: str, destination: str, ids: Ids, now: int) -> Row:
    """Where a seller's money goes, to be written with the command that asks for it."""
    return Row(payees.name, {"seller": seller, "destination": destination, "ids": _ids(ids), "at": now})


def payee_of(conn: Connection, seller: str) -> str:
    """Where a seller's money goes, "" where they have not said it."""
    return str(conn.execute(select(payees.c.destination).where(payees.c.seller == seller)).scalar() or "")


def payouts_of(conn: Connection, *, seller: str = "", status: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Payouts, the last first."""
    query = select(payouts, payees.c.destination).outerjoin(payees, payees.c.seller == payouts.c.seller)
    if seller:
        mine = accounts_in(conn, f"account:{seller.partition(':')[2]}")
        query = query.where(payouts.c.seller.in_([f"seller:{account.partition(':')[2]}" for account in mine]))
    if status:
        query = query.where(payouts.c.status == status)
    query = query.order_by(payouts.c.updated_at.desc(), payouts.c.id).limit(limit)
    return [dict(row) for row in conn.execute(query).mappings()]


def dispute_of(conn: Connection, order: str) -> dict[str, Any] | None:
    """The dispute over an order (its number)."""
    found = conn.execute(select(disputes).where(disputes.c.id == order)).mappings().one_or_none()
    return None if found is None else dict(found)


def all_disputes(conn: Connection, status: str, limit: int = 100) -> list[dict[str, Any]]:
    """Disputes by status; of open ones those that wait longest first."""
    at = disputes.c.opened_at.asc() if status == "open" else disputes.c.updated_at.desc()
    query = select(disputes).where(disputes.c.status == status).order_by(at, disputes.c.id).limit(limit)
    return [dict(row) for row in conn.execute(query).mappings()]


def words_row(key: str, about: str, by: str, text: str, ids: Ids, now: int, photo: str = "") -> Row:
    """What somebody wrote, to be written with the command that says it; of nothing written nothing is shown."""
    ids = ids if text or photo else ()
    row = {"key": key, "about": about, "by": by, "ids": _ids(ids), "text": text, "photo": photo, "at": now}
    return Row(words.name, row)


def words_of(conn: Connection, about: str) -> list[dict[str, Any]]:
    """What was written of a deal, in order."""
    query = select(words).where(words.c.about == about, _SAID).order_by(words.c.at, words.c.key)
    return [dict(row) for row in conn.execute(query).mappings()]


def words_among(conn: Connection, abouts: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """What was written of several things, each in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    query = select(words).where(words.c.about.in_(list(abouts)), _SAID).order_by(words.c.at, words.c.key)
    for row in conn.execute(query).mappings():
        found.setdefault(row["about"], []).append(dict(row))
    return found


def stars_of(conn: Connection, accounts: Iterable[str]) -> dict[str, tuple[float, int]]:
    """What accounts, and those merged into them, were given: (mean of stars, how many gave them)."""
    found = {}
    for account in accounts:
        given = select(func.avg(ratings.c.stars), func.count()).where(ratings.c.about.in_(accounts_in(conn, account)))
        mean, n = conn.execute(given).one()
        if n:
            found[account] = (float(mean), int(n))
    return found


def stars_given(conn: Connection, order: str) -> dict[str, int]:
    """By side ("buyer", "seller"), what they gave in an order (its number)."""
    found = conn.execute(select(ratings).where(ratings.c.id.in_([f"{order}:buyer", f"{order}:seller"])))
    return {row["id"].rpartition(":")[2]: row["stars"] for row in found.mappings()}


def counts(conn: Connection) -> dict[str, int]:
    """What waits for people of the shop: listings to look at, open disputes, payouts to make."""
    asked = ((listings, listings.c.life, "review"), (disputes, disputes.c.status, "open"),
             (payouts, payouts.c.status, "waiting"))  # fmt: skip
    return {
        table.name: int(conn.execute(select(func.count()).select_from(table).where(column == value)).scalar_one())
        for table, column, value in asked
    }


def _ids(ids: Ids) -> str:
    return jsons.dumps([list(i) for i in ids])
