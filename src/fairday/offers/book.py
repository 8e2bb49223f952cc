"""The rule book as kept: every promotion of the shop with its version, compiled once for each version of the whole."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Integer, String, Table, Text, func, select, update

from fairday.kernel.clock import local_day, local_minute
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.settings import Settings
from fairday.offers.model import Cart, Facts, Policy, Priced, Rule
from fairday.offers.pricing import Book, price
from fairday.people.facts import load_facts
from fairday.people.traits import vocabulary
from fairday.storage.database import col, insert, metadata

MOST = 2_000
"""Rules that may be live at once."""

rules = Table(
    "rules",
    metadata,
    col("rule", String(80), primary_key=True, personal=False),
    col("version", BigInteger, nullable=False, index=True, personal=False),
    col("place", Integer, nullable=False, personal=False),
    col("live", Boolean, nullable=False, personal=False),
    col("source", String(120), nullable=False, personal=False),
    col("spec", Text, nullable=False, personal=False),
    col("saved_at", BigInteger, nullable=False, personal=False),
)

_decoder = msgspec.json.Decoder(Rule)


class Offers:
    """The shop's promotions: kept, published, withdrawn, and asked what a cart costs.

    Args:
        settings: the shop's settings of now.
        policy: how the book is read.
    """

    def __init__(self, settings: Callable[[], Settings], policy: Callable[[], Policy] = Policy) -> None:
        self._settings, self._policy = settings, policy
        self._lock = threading.Lock()
        self._compiled: tuple[tuple[object, ...], Book] | None = None

    def save(self, conn: Connection, rule: Rule, now: int) -> int:
        """Put a rule into the book, or its next version; the book's new version.

        Raises:
            FairdayError: the rule cannot be, or the book is full.
        """
        self._compile([rule])
        if len(rule.id) > 80 or len(rule.source) > 120:
            raise FairdayError("A rule's id has at most 80 letters.", code="bad_rule", where="id", remedy="Shorten it.")
        version, place, live = self._next(conn)
        known = conn.execute(select(rules.c.place).where(rules.c.rule == rule.id)).scalar()
        if known is None and live >= MOST:
            raise FairdayError(f"{MOST} rules are live.", code="book_full", remedy="Withdraw some first.")
        row = {"rule": rule.id, "version": version, "place": place if known is None else known, "live": True,
               "source": rule.source, "spec": msgspec.json.encode(rule).decode(), "saved_at": now}  # fmt: skip
        if known is None:
            conn.execute(insert(conn, rules).values(row))
        else:
            conn.execute(update(rules).where(rules.c.rule == rule.id).values(row))
        return version

    def withdraw(self, conn: Connection, *, rule: str | None = None, source: str | None = None, now: int) -> int:
        """Take a rule, or all rules of a source, out of the book; how many went. They stay readable by id."""
        version, _, _ = self._next(conn)
        which = rules.c.rule == rule if rule is not None else rules.c.source == (source or "")
        changed = conn.execute(
            update(rules).where(which, rules.c.live).values(live=False, version=version, saved_at=now)
        )  # fmt: skip
        return changed.rowcount

    def live(self, conn: Connection) -> list[Rule]:
        """The rules in the book, in its order."""
        found = conn.execute(select(rules.c.spec).where(rules.c.live).order_by(rules.c.place, rules.c.rule)).scalars()
        return [_decoder.decode(spec) for spec in found]

    def get(self, conn: Connection, rule: str) -> Rule:
        """A rule by id, withdrawn ones too.

        Raises:
            NotFound: there is none.
        """
        spec = conn.execute(select(rules.c.spec).where(rules.c.rule == rule)).scalar()
        if spec is None:
            raise NotFound(f"There is no rule {rule!r}.", code="unknown_rule", remedy="Look for it in the rule book.")
        return _decoder.decode(spec)

    def book(self, conn: Connection) -> Book:
        """The compiled book of now; compiled again only when a rule, the policy or what it speaks of changed."""
        version = conn.execute(select(func.max(rules.c.version))).scalar() or 0
        key = (version, self._policy(), self._settings().currency)
        with self._lock:
            if self._compiled is not None and self._compiled[0] == key:
                return self._compiled[1]
        book = self._compile(self.live(conn))
        with self._lock:
            self._compiled = (key, book)
        return book

    def facts(self, conn: Connection, person: int | None, now: int, *, first_order: bool = False) -> Facts:
        """What is known of a person (None: a stranger) and the moment."""
        minute = local_minute(now, self._settings().zone)
        known = None if person is None else load_facts(conn, [person]).get(person)
        return Facts(person=known, first_order=first_order, minute=minute)

    def price(self, conn: Connection, cart: Cart, facts: Facts, now: int) -> Priced:
        """What a cart costs under the book of now.

        Raises:
            FairdayError: the cart cannot be.
        """
        return price(cart, self.book(conn), facts, now, local_day(now, self._settings().zone))

    def _compile(self, some: list[Rule]) -> Book:
        settings = self._settings()
        return Book(some, self._policy(), people=vocabulary(settings), currency=settings.currency)

    def _next(self, conn: Connection) -> tuple[int, int, int]:
        version, place, live = conn.execute(
            select(func.max(rules.c.version), func.max(rules.c.place), func.count().filter(rules.c.live))
        ).one()
        return (version or 0) + 1, (place or 0) + 1, live
