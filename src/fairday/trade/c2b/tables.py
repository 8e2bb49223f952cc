"""Lists of briefs, answers, designs and pre-orders, written with the events of their streams.

What people wrote stands with the words of listings and deals (``trade.c2c.records``), with the ids of who wrote it,
under the name of its stream: people choose ids, and a design with a listing's id must not be that listing's words.
Here are account ids alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Connection, Index, Integer, String, Table, func, or_, select

from fairday.storage.database import col, metadata
from fairday.trade.c2c.records import texts

briefs = Table(
    "briefs",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("by", String(80), index=True, personal=False),
    col("life", String(16), nullable=False, personal=False),
    col("least", BigInteger, personal=False),
    col("most", BigInteger, personal=False),
    col("currency", String(3), personal=False),
    col("winners", Integer, personal=False),
    col("until_at", BigInteger, personal=False),
    col("answers", Integer, personal=False),
    col("chosen", Integer, personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("briefs_life", "life", "until_at"),
)
"""``by``: "shop" or ``company:ID``. ``least`` and ``most``: the reward, the same where it is fixed."""

answers = Table(
    "brief_answers",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("brief", String(64), index=True, personal=False),
    col("account", String(200), index=True, personal=False),
    col("life", String(16), nullable=False, personal=False),
    col("price", BigInteger, personal=False),
    col("order_id", String(64), personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
)
"""``order_id``: the order of the work, "" until it is chosen."""

designs = Table(
    "designs",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("account", String(200), index=True, personal=False),
    col("life", String(16), nullable=False, personal=False),
    col("asked", BigInteger, personal=False),
    col("price", BigInteger, personal=False),
    col("currency", String(3), personal=False),
    col("goal", Integer, personal=False),
    col("most", Integer, personal=False),
    col("royalty", Integer, personal=False),
    col("until_at", BigInteger, personal=False),
    col("made_day", Integer, personal=False),
    col("placed", Integer, personal=False),
    col("paid", Integer, personal=False),
    col("why", String(40), personal=False),
    col("updated_at", BigInteger, nullable=False, personal=False),
    Index("designs_life", "life", "until_at"),
)
"""``placed`` and ``paid``: units ordered, and of those paid; ``made_day`` days since 1970 in the shop's zone."""

preorders = Table(
    "preorders",
    metadata,
    col("id", String(64), primary_key=True, personal=False),
    col("design", String(64), nullable=False, personal=False),
    col("life", String(16), nullable=False, personal=False),
    Index("preorders_design", "design", "life"),
)
"""One row an order (its number) of a design: placed, paid, or over (given back, expired)."""


_WORDS = [func.coalesce(texts.c[f], "").label(f) for f in ("title", "text", "photo")]
"""What somebody wrote, "" once it was erased."""


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A brief as it is listed; amounts in minor units."""

    id: str
    by: str
    life: str
    least: int
    most: int
    currency: str
    winners: int
    until_at: int
    answers: int
    chosen: int
    updated_at: int
    title: str
    text: str
    photo: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it is listed; ``order`` the number of its order or ""."""

    id: str
    brief: str
    account: str
    life: str
    price: int
    order: str
    updated_at: int


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """A design as it is listed; what the shop says of it is 0 until it is accepted."""

    id: str
    account: str
    life: str
    asked: int
    price: int
    currency: str
    goal: int
    most: int
    royalty: int
    until_at: int
    made_day: int
    placed: int
    paid: int
    why: str
    updated_at: int
    title: str
    text: str
    photo: str

    @property
    def product(self) -> str:
        return product_of(self.id)

    @property
    def share(self) -> int:
        """How much of the goal is paid for, whole percent, at most 100."""
        return min(100, 100 * self.paid // self.goal) if self.goal else 0


PREFIX = "design-"


def product_of(design: str) -> str:
    """The product's number of a design."""
    return PREFIX + design


def design_of(product: str) -> str:
    """The design of a product's number, "" for other goods."""
    return product.removeprefix(PREFIX) if product.startswith(PREFIX) else ""


def briefs_of(
    conn: Connection, *, lives: Sequence[str] = (), by: str = "", id_: str = "", limit: int = 100
) -> list[Brief]:
    """Briefs: those that close last first. One without words (erased) is not there, unless somebody works for it."""
    c = briefs.c
    wanted: list[ColumnElement[bool]] = [c.life.in_(list(lives))] if lives else []
    wanted += [c.by == by] if by else []
    wanted += [c.id == id_] if id_ else []
    names = [c[f] for f in Brief.__struct_fields__ if f in c]
    query = (
        select(*names, *_WORDS).outerjoin(texts, texts.c.id == "brief:" + c.id)
        .where(*wanted, or_(texts.c.id.is_not(None), c.chosen > 0))
        .order_by(c.until_at.desc(), c.id).limit(limit)
    )  # fmt: skip
    return [Brief(**row) for row in conn.execute(query).mappings()]


def answers_of(conn: Connection, *, brief: str = "", accounts: Sequence[str] = (), limit: int = 200) -> list[Answer]:
    """Answers to a brief or by some accounts, the last first; without those taken back."""
    c = answers.c
    wanted = [c.life != "withdrawn"]
    wanted += [c.brief == brief] if brief else []
    wanted += [c.account.in_(list(accounts))] if accounts else []
    names = [c[f] for f in Answer.__struct_fields__ if f in c]
    query = select(*names, c.order_id.label("order")).where(*wanted).order_by(c.updated_at.desc(), c.id).limit(limit)
    return [Answer(**row) for row in conn.execute(query).mappings()]


def answer_named(conn: Connection, id_: str) -> Answer | None:
    """An answer by its id."""
    c = answers.c
    names = [c[f] for f in Answer.__struct_fields__ if f in c]
    found = conn.execute(select(*names, c.order_id.label("order")).where(c.id == id_)).mappings().one_or_none()
    return None if found is None else Answer(**found)


def designs_of(
    conn: Connection,
    *,
    lives: Sequence[str] = (),
    accounts: Sequence[str] = (),
    ids: Iterable[str] | None = None,
    limit: int = 100,
) -> list[Design]:
    """Designs, those that close next first, then those that are over, the last first."""
    c = designs.c
    wanted: list[ColumnElement[bool]] = [c.life.in_(list(lives))] if lives else []
    wanted += [c.account.in_(list(accounts))] if accounts else []
    wanted += [c.id.in_(list(ids))] if ids is not None else []
    names = [c[f] for f in Design.__struct_fields__ if f in c and f not in _UNKNOWN]
    unknown = [func.coalesce(c[f], 0).label(f) for f in _UNKNOWN]
    query = (
        select(*names, *unknown, *_WORDS).outerjoin(texts, texts.c.id == "design:" + c.id)
        # Somebody's words that were erased: what was ordered of it goes on, but there is nothing to look at.
        .where(*wanted, or_(texts.c.id.is_not(None), c.life.in_(("open", "made"))))
        .order_by((c.life == "open").desc(), c.updated_at.desc(), c.id).limit(limit)
    )  # fmt: skip
    return [Design(**row) for row in conn.execute(query).mappings()]


_UNKNOWN = ("price", "goal", "most", "royalty", "until_at", "made_day", "placed", "paid")


def to_give_back(conn: Connection, limit: int) -> list[str]:
    """Orders (numbers) of designs that are not made, which still stand."""
    query = (
        select(preorders.c.id)
        .join(designs, designs.c.id == preorders.c.design)
        .where(designs.c.life.in_(("missed", "stopped")), preorders.c.life != "over")
        .order_by(preorders.c.id)
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def counts(conn: Connection) -> dict[str, int]:
    """What waits for people of the shop: designs to look at, briefs of the shop to choose from."""
    asked: tuple[tuple[str, Any], ...] = (
        ("designs", select(func.count()).select_from(designs).where(designs.c.life == "review")),
        ("briefs", select(func.count()).select_from(briefs).where(briefs.c.life == "choosing", briefs.c.by == "shop")),
    )
    return {name: int(conn.execute(query).scalar_one()) for name, query in asked}
