"""The rule book as kept: every promotion of the shop with its version, compiled once for each version of the whole."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Integer, String, Table, Text, func, select, update

from fairday.kernel.claims import Hold
from fairday.kernel.clock import local_day, local_minute
from fairday.kernel.decider import State
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.settings import Settings
from fairday.offers import budgets, history
from fairday.offers.families import NO_TREE, Families, Tree, names_categories, tree_of
from fairday.offers.history import Kept
from fairday.offers.model import Cart, Facts, Limits, Policy, Priced, Rule
from fairday.offers.pricing import Book, price
from fairday.people.traits import vocabulary
from fairday.storage.database import Database, col, insert, metadata
from fairday.storage.runner import stream_states

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
_NO_LIMITS = Limits()
_NO_RULES: Mapping[str, str] = {}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")


class Beyond(Protocol):
    """What rooms above this one tell the book: offers that stand elsewhere (of live scenes), and who buys."""

    def version(self, conn: Connection) -> Hashable:
        """Another one whenever ``rules`` are others."""
        ...

    def rules(self, conn: Connection) -> list[Rule]:
        """Rules that are in the book as long as they are told here; each of them can be compiled."""
        ...

    def facts(
        self, conn: Connection, account: str | None, person: int | None, scenes: Collection[str], now: int
    ) -> Facts:
        """What is known of a buyer: traits, whether this is their first order, their arms.

        Args:
            account: the member account's stream, None for a guest.
            person: their number, None where nothing is known.
            scenes: those whose offers are looked at.
        """
        ...


class Offers:
    """The shop's promotions: kept, published, withdrawn, and asked what a cart costs. A ``checkout.Pricer``.

    Args:
        settings: the shop's settings of now.
        beyond: offers of scenes, and what is known of a buyer.
    """

    def __init__(self, db: Database, settings: Callable[[], Settings], beyond: Beyond) -> None:
        self._db, self._settings, self._beyond = db, settings, beyond
        self._lock = threading.Lock()
        self._compiled: tuple[tuple[object, ...], Tree | None, Book] | None = None

    def save(self, conn: Connection, rule: Rule, now: int, *, live: bool = True, actor: str = "system") -> int:
        """Put a rule into the book, or its next version; the book's new version.

        Args:
            live: in force; else it is kept beside the book, as a draft or stopped.
            actor: who does it, for its history.

        Raises:
            FairdayError: the rule cannot be, or the book is full.
        """
        self._compile([rule])
        if not _ID.fullmatch(rule.id) or rule.id.startswith("scene/"):
            raise FairdayError(
                f"{rule.id!r} is no id of a rule.", code="bad_rule", where="id",
                remedy="Write up to 80 letters, digits, dots, slashes and hyphens: spring-tea. Scenes own scene/…",
            )  # fmt: skip
        if len(rule.source) > 120:
            raise FairdayError("A rule's source is too long.", code="bad_rule", where="source", remedy="Shorten it.")
        version, place, lives = self._next(conn)
        known = conn.execute(select(rules.c.place, rules.c.live).where(rules.c.rule == rule.id)).one_or_none()
        if live and lives >= MOST and (known is None or not known.live):
            raise FairdayError(f"{MOST} rules are live.", code="book_full", remedy="Withdraw some first.")
        spec = msgspec.json.encode(rule).decode()
        row = {"rule": rule.id, "version": version, "place": place if known is None else known.place, "live": live,
               "source": rule.source, "spec": spec, "saved_at": now}  # fmt: skip
        if known is None:
            conn.execute(insert(conn, rules).values(row))
        else:
            conn.execute(update(rules).where(rules.c.rule == rule.id).values(row))
        history.note(conn, rule.id, version, live, spec, actor, now)
        return version

    def withdraw(
        self,
        conn: Connection,
        *,
        rule: str | None = None,
        source: str | None = None,
        now: int,
        actor: str = "system",
    ) -> int:
        """Take a rule, or all rules of a source, out of the book; how many went. They stay readable by id."""
        version, _, _ = self._next(conn)
        which = rules.c.rule == rule if rule is not None else rules.c.source == (source or "")
        gone = conn.execute(select(rules.c.rule, rules.c.spec).where(which, rules.c.live)).all()
        conn.execute(update(rules).where(which, rules.c.live).values(live=False, version=version, saved_at=now))
        for row in gone:
            history.note(conn, row.rule, version, False, row.spec, actor, now)
        return len(gone)

    def all(self, conn: Connection, now: int) -> list[Kept]:
        """Every rule of the book's own, drafts and those that are over too, the latest changed first."""
        rows = conn.execute(select(rules).order_by(rules.c.version.desc(), rules.c.rule)).all()
        once = history.once_live(conn, [row.rule for row in rows])
        return [self._kept(row, row.rule in once, now) for row in rows]

    def kept(self, conn: Connection, rule: str, now: int) -> Kept:
        """One of them.

        Raises:
            NotFound: there is none.
        """
        row = conn.execute(select(rules).where(rules.c.rule == rule)).one_or_none()
        if row is None:
            raise self._unknown(rule)
        return self._kept(row, rule in history.once_live(conn, [rule]), now)

    @staticmethod
    def _kept(row: Any, once: bool, now: int) -> Kept:
        rule = _decoder.decode(row.spec)
        return Kept(rule=rule, standing=history.standing(rule, row.live, once, now), version=row.version,
                    saved_at=row.saved_at)  # fmt: skip

    @staticmethod
    def _unknown(rule: str) -> NotFound:
        return NotFound(f"There is no rule {rule!r}.", code="unknown_rule", remedy="Look for it in the rule book.")

    def live(self, conn: Connection) -> list[Rule]:
        """The rules in the book, in its order; the offers of live scenes (``source`` "scene:NAME") after its own."""
        found = conn.execute(select(rules.c.spec).where(rules.c.live).order_by(rules.c.place, rules.c.rule)).scalars()
        return [*(_decoder.decode(spec) for spec in found), *self._beyond.rules(conn)]

    def asking(self, conn: Connection) -> dict[str, bool]:
        """The promotions in the book by id, and whether they ask for a coupon."""
        return {rule.id: rule.when.coupon for rule in self.live(conn)}

    def get(self, conn: Connection, rule: str) -> Rule:
        """A rule by id, withdrawn ones too.

        Raises:
            NotFound: there is none.
        """
        spec = conn.execute(select(rules.c.spec).where(rules.c.rule == rule)).scalar()
        if spec is None:
            raise self._unknown(rule)
        return _decoder.decode(spec)

    @property
    def policy(self) -> Policy:
        """How the book is read now: as the shop's settings say."""
        said = self._settings().pricing
        return Policy(
            objective=said.objective, remainder=said.remainder, rounding=said.rounding, half=said.half,
            tax_by=said.tax_by,
        )  # fmt: skip

    def check(self, some: Sequence[Rule]) -> None:
        """Raise a FairdayError where rules cannot be in a book together; nothing is kept."""
        self._compile(list(some))

    def book(self, conn: Connection) -> Book:
        """The compiled book of now; compiled again only when a rule, the policy or what it speaks of changed."""
        version = conn.execute(select(func.max(rules.c.version))).scalar() or 0
        key = (version, self.policy, self._settings().currency, self._beyond.version(conn))
        with self._lock:
            known = self._compiled
        if known is not None and known[0] == key and (known[1] is None or known[1] == tree_of(conn)):
            return known[2]
        live = self.live(conn)
        tree = tree_of(conn) if names_categories(live) else None  # else nobody asks it again
        book = self._compile(Families(tree or NO_TREE).rules(live))
        with self._lock:
            self._compiled = (key, tree, book)
        return book

    def spread(self, conn: Connection, some: Iterable[Rule]) -> list[Rule]:
        """Rules as the book reads them: what is about a category is about those below it, too."""
        return Families(tree_of(conn)).rules(some)

    def taken(self, conn: Connection, some: Iterable[Rule]) -> Mapping[str, tuple[int, int]]:
        """What stands taken of rules' counters of their whole lives, by id: (minor units, uses); those without a limit
        are left out."""
        asked = list(some)
        states = self._counted(conn, asked, None, 0)
        streams = {r.id: stream for r in asked for what, stream, *_ in budgets.counters(r, None, 0) if what == "all"}
        return {
            rule: (int(states[stream]["amount"]), int(states[stream]["uses"])) if stream in states else (0, 0)
            for rule, stream in streams.items()
        }

    # ---- what a checkout asks ----------------------------------------------------------------------------------------

    def price(
        self, cart: Cart, account: str | None, person: int | None, now: int, without: Mapping[str, str] = _NO_RULES
    ) -> Priced:
        """What a cart costs a buyer under the book of now; nothing that is used up is given.

        Args:
            account: the member account's stream, None for a guest.
            person: their number, None where nothing is known.
            without: rules that may not be used, by id with why ("gift": what it gives has run out).

        Raises:
            FairdayError: the cart cannot be.
        """
        with self._db.read() as conn:
            return self.price_for(conn, cart, account, person, now, without)

    def price_for(
        self, conn: Connection, cart: Cart, account: str | None, person: int | None, now: int,
        without: Mapping[str, str] = _NO_RULES,
    ) -> Priced:  # fmt: skip
        """As ``price``, within a transaction."""
        facts = self.facts(conn, account, person, now)
        book, day = self.book(conn), local_day(now, self._settings().zone)
        limited = [r for r in book.by_id.values() if r.when.first_order or r.limits != _NO_LIMITS]
        states = self._counted(conn, limited, account, day)
        out = {**without, **budgets.barred(limited, states, account, day)}
        while True:
            priced = price(cart, book, msgspec.structs.replace(facts, barred=out), now, day)
            # A budget that still has something may have too little for what this cart would get: then it gives nothing,
            # and what comes in its place is looked at again.
            more = budgets.barred(limited, states, account, day, priced)
            if more.keys() <= out.keys():
                return priced
            out |= more

    def title(self, rule: str) -> Mapping[str, str]:
        """What a rule is called, by language; nothing for one that there is not."""
        try:
            with self._db.read() as conn:
                return self._rule(conn, rule).title
        except NotFound:
            return {}

    def holds(self, priced: Priced, account: str | None, now: int) -> list[Hold]:
        """What an order at these prices holds of its rules' counters.

        Raises:
            Conflict: one of the rules has left the book since.
        """
        with self._db.read() as conn:
            known = self.book(conn).by_id
        used = [known[told.rule] for told in priced.applied if told.rule in known]
        if len(used) < len(priced.applied):
            raise Conflict("An offer has ended meanwhile.", code="changed", remedy="Look at the cart again.")
        return budgets.holds(priced, used, account, local_day(now, self._settings().zone))

    def facts(self, conn: Connection, account: str | None, person: int | None, now: int) -> Facts:
        """What is known of a buyer (None: a guest; a stranger) and the moment."""
        scenes = {rule.when.scene for rule in self.book(conn).by_id.values() if rule.when.scene}
        known = self._beyond.facts(conn, account, person, scenes, now)
        return msgspec.structs.replace(known, minute=local_minute(now, self._settings().zone))

    def _rule(self, conn: Connection, rule: str) -> Rule:
        return self.book(conn).by_id.get(rule) or self.get(conn, rule)

    def _counted(self, conn: Connection, limited: Iterable[Rule], account: str | None, day: int) -> Mapping[str, State]:
        streams = [c[1] for rule in limited for c in budgets.counters(rule, account, day)]
        return stream_states(conn, streams) if streams else {}

    def _compile(self, some: list[Rule]) -> Book:
        settings = self._settings()
        return Book(some, self.policy, people=vocabulary(settings), currency=settings.currency)

    def _next(self, conn: Connection) -> tuple[int, int, int]:
        version, place, live = conn.execute(
            select(func.max(rules.c.version), func.max(rules.c.place), func.count().filter(rules.c.live))
        ).one()
        return (version or 0) + 1, (place or 0) + 1, live
