"""People's designs as a service: ``shop.designs``."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, and_, or_, select

from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.photos import keep_until
from fairday.goods.records import Details, details_of, save_details
from fairday.goods.tables import details
from fairday.kernel.clock import DAY_MS, Clock, local_day
from fairday.kernel.decider import Command, State
from fairday.kernel.errors import Conflict, NotFound
from fairday.kernel.settings import Settings
from fairday.people.accounts import accounts_in
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state
from fairday.trade.c2b import tables
from fairday.trade.c2b.design import ENDING, DesignDecider, MadeClaim, PreOrderClaim, RoyaltyClaim, written
from fairday.trade.c2b.mode import PreOrder
from fairday.trade.c2b.tables import Design
from fairday.trade.c2c import records
from fairday.trade.c2c.records import Ids
from fairday.trade.c2c.saying import KEPT_DAYS, LISTING_ID, done, photo_kept, text_of
from fairday.trade.c2c.seller import writing
from fairday.trade.service import Orders

log = logging.getLogger("fairday")

CATEGORY = "designs"
"""The category and the tag of goods that people designed."""
BACK_AT_ONCE = 200
"""Orders given back in one round."""
MISSED = "goal_missed"


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What a designer writes; ``price`` in minor units of the shop's currency, ``photo`` an id of a kept one."""

    title: str
    text: str
    price: int
    photo: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms a design is put to pre-order: minor units, units, ms, hundredths of a percent, a day since 1970."""

    price: int
    goal: int
    most: int
    until: int
    royalty: int
    made_day: int


class Designs:
    """Members send designs; the shop puts some to pre-order, and gives all money back where the goal is missed.

    Everything is asked for an *account* that the caller has made sure of; what is not that account's is answered as if
    it did not exist.
    """

    def __init__(
        self, db: Database, runner: Runner, clock: Clock, settings: Callable[[], Settings], orders: Orders
    ) -> None:
        self._db, self._runner, self._clock, self._settings, self._orders = db, runner, clock, settings, orders
        self._refused: set[str] = set()
        orders.register_mode(PreOrder())
        for claim in (PreOrderClaim(), RoyaltyClaim(), MadeClaim()):
            orders.register_claim(claim)
        runner.register(DesignDecider())
        for spanning in (ENDING, writing("design.write", "account", written, self._day)):
            runner.register_spanning(spanning)

    # ---- one's own -------------------------------------------------------------------------------------------------

    def _day(self, now: int) -> int:
        return local_day(now, self._settings().zone)

    def write(self, id_: str, account: str, ids: Ids, drawn: Drawn, *, send: bool = True) -> Design:
        """Write a design, new or again; sent, the shop looks at it.

        Raises:
            FairdayError: something of it cannot be; ``where`` says what.
            Conflict: it was accepted, the day's are used up, or nothing is taken here.
            NotFound: it is somebody else's.
        """
        settings, now = self._settings(), self._clock.now()
        if not settings.crowd.open:
            raise Conflict("No designs are taken here.", code="crowd_closed")
        if not LISTING_ID.fullmatch(id_):
            raise NotFound("There is no such design.", code="no_such_design")
        title, text = text_of(drawn.title, "title", least=2 if send else 1), text_of(drawn.text, "text")
        with self._db.read() as conn:
            photo_kept(conn, drawn.photo, now, must=send)
        account = self._designer(id_, account)
        data = {"account": account, "asked": drawn.price, "currency": settings.currency,
                "life": "review" if send else "draft"}  # fmt: skip
        # What was looked at is what is shown: a version of the design and its words are written together.
        words = [records.text_row(f"design:{id_}", title, text, drawn.photo, ids, now)]
        done(self._runner.submit(Command("design.write", f"design:{id_}", data, account, rows=words)))
        with self._db.write() as conn:
            keep_until(conn, [drawn.photo] if drawn.photo else [], now + KEPT_DAYS * DAY_MS)
        found = self.named(id_)
        assert found is not None
        return found

    def withdraw(self, id_: str, account: str) -> None:
        """Take a design back before it is accepted."""
        account = self._designer(id_, account)
        done(self._runner.submit(Command("design.withdraw", f"design:{id_}", {"account": account}, account)))

    def _designer(self, id_: str, account: str) -> str:
        """The account that sent a design, where that one was merged into this; else this one."""
        state = self.state(id_)
        with self._db.read() as conn:
            mine = state is not None and state["account"] in accounts_in(conn, account)
        return str(state["account"]) if state is not None and mine else account

    # ---- the shop's ------------------------------------------------------------------------------------------------

    def accept(self, id_: str, version: int, terms: Terms, *, actor: str) -> None:
        """Put a design to pre-order; ``version`` of what was looked at.

        Raises:
            Conflict: it changed meanwhile, or the terms cannot be; the code says which.
        """
        found = self.named(id_)
        if found is None:
            raise NotFound("There is no such design.", code="no_such_design")
        with self._db.write() as conn:
            # The product is there first, hidden: an accepted design can be ordered at once.
            self._product(conn, found, terms.price, hidden=True)
            keep_until(conn, [found.photo] if found.photo else [], terms.until + 2 * KEPT_DAYS * DAY_MS)
        data = msgspec.structs.asdict(terms)
        done(self._runner.submit(Command("design.accept", f"design:{id_}", {**data, "version": version}, actor)))
        self._tidy()

    def _product(self, conn: Connection, one: Design, price: int, *, hidden: bool) -> None:
        now = self._clock.now()
        row = ProductRow(
            product=one.product, title=one.title, category=CATEGORY, price=price, currency=one.currency,
            image=f"/photos/{one.photo}" if one.photo else None,
        )  # fmt: skip
        save_products(conn, [row], now)
        told = Details(product=one.product, description=one.text, tags=(CATEGORY,), hidden=hidden)
        save_details(conn, [told], now)

    def refuse(self, id_: str, version: int, why: str, *, actor: str) -> None:
        """Refuse a design for a reason of listings."""
        data = {"version": version, "why": why}
        done(self._runner.submit(Command("design.refuse", f"design:{id_}", data, actor)))

    def stop(self, id_: str, why: str, *, actor: str) -> None:
        """End pre-orders before their day; everything that was paid goes back."""
        done(self._runner.submit(Command("design.stop", f"design:{id_}", {"why": why}, actor)))
        self.settle()

    def version(self, id_: str) -> int:
        """The version of a design that somebody looks at."""
        state = self.state(id_)
        return 0 if state is None else int(state["n"])

    # ---- what happens by itself ------------------------------------------------------------------------------------

    def settle(self) -> int:
        """Give back what was paid for designs that are not made, and show or hide products as their designs stand.

        Each order is cancelled in one transaction with its refund, and refuses to be cancelled again; which are left is
        read anew each time, so it may be called by any process as often as it likes.

        Returns:
            How many orders were given back here.
        """
        with self._db.read() as conn:
            left = [x for x in tables.to_give_back(conn, BACK_AT_ONCE + len(self._refused)) if x not in self._refused]
        given = 0
        if left:
            asked = [Command("order.cancel", f"order:{x}", {"why": MISSED}, "designs") for x in left[:BACK_AT_ONCE]]
            for number, answer in zip(left, self._runner.gather(asked), strict=False):
                if isinstance(answer, BaseException):
                    log.error("order %s of a design is not given back yet: %s", number, answer)
                elif answer.refusal is None:
                    given += 1
                else:
                    # Somebody has sent or ended it by hand; it is theirs to settle.
                    self._refused.add(number)
                    log.error("order %s of a design is not given back: %s", number, answer.refusal.message)
        self._tidy()
        return given

    def _tidy(self) -> None:
        d, p = tables.designs.c, details.c
        asked = select(p.product).join(tables.designs, p.product == tables.PREFIX + d.id)
        unshown = and_(d.life == "open", p.hidden.is_(True))
        with self._db.read() as conn:
            over = and_(d.life.in_(("missed", "stopped")), p.hidden.is_(False))
            wrong = list(conn.execute(asked.where(or_(unshown, over))).scalars())
        if wrong:
            with self._db.write() as conn:
                told = details_of(conn, wrong)
                now_hidden = [msgspec.structs.replace(x, hidden=not x.hidden) for x in told.values()]
                save_details(conn, now_hidden, self._clock.now())

    # ---- reading ---------------------------------------------------------------------------------------------------

    def named(self, id_: str) -> Design | None:
        """A design by its id, None where there is none or its words were erased."""
        with self._db.read() as conn:
            return next(iter(tables.designs_of(conn, ids=[id_[:64]])), None)

    def state(self, id_: str) -> State | None:
        """A design's state."""
        with self._db.read() as conn:
            found = stream_state(conn, f"design:{id_}")
        return None if found is None else found[1]

    def sent(self, account: str) -> list[Design]:
        """An account's designs, the last first."""
        with self._db.read() as conn:
            return tables.designs_of(conn, accounts=accounts_in(conn, account))


__all__ = ["CATEGORY", "Designs", "Drawn", "Terms"]
