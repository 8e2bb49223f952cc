"""Selling between people: ``shop.market``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import select

from fairday.goods.photos import keep_until
from fairday.kernel.clock import DAY_MS, Clock, local_day
from fairday.kernel.decider import Answer, Command, State
from fairday.kernel.errors import Conflict, NotFound
from fairday.kernel.ids import digest, new_id
from fairday.kernel.settings import Settings
from fairday.people.accounts import accounts_in
from fairday.storage.database import Database
from fairday.storage.runner import Runner, stream_state
from fairday.trade.c2c import records
from fairday.trade.c2c.dispute import MODES, DisputeDecider, Disputes
from fairday.trade.c2c.listing import ListingClaim, ListingDecider, written
from fairday.trade.c2c.mode import C2C, MODE, party, seller_stream
from fairday.trade.c2c.rating import RATE, RatingDecider
from fairday.trade.c2c.records import Ids, Listing
from fairday.trade.c2c.saying import KEPT_DAYS, LISTING_ID, done, photo_kept, text_of
from fairday.trade.c2c.seller import FORWARD, EarningsClaim, SellerDecider, writing
from fairday.trade.records import Contact, orders, parcel_row
from fairday.trade.service import Orders
from fairday.trade.shipping.carriers import read_number


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a seller writes; amounts in minor units of the shop's currency, ``photo`` an id of a kept one."""

    title: str
    text: str
    price: int
    shipping: int
    photo: str


class Market:
    """Members sell to members; the shop holds the money and decides disputes.

    Everything here is asked for an *account* that the caller has made sure of; what is not that account's is answered
    as if it did not exist.
    """

    def __init__(
        self, db: Database, runner: Runner, clock: Clock, settings: Callable[[], Settings], orders: Orders
    ) -> None:
        self.db = db
        self.runner = runner
        self.clock = clock
        self.settings = settings
        self.orders = orders
        orders.register_mode(C2C())
        orders.register_claim(ListingClaim())
        orders.register_claim(EarningsClaim())
        for decider in (ListingDecider(), SellerDecider(), DisputeDecider(), RatingDecider()):
            runner.register(decider)
        for spanning in (
            *Disputes(orders.steps, runner.evolve).spanning(),
            RATE,
            FORWARD,
            writing("listing.write", "seller", written, self._day),
        ):
            runner.register_spanning(spanning)

    # ---- listings ----------------------------------------------------------------------------------------------------

    def _day(self, now: int) -> int:
        return local_day(now, self.settings().zone)

    def write(self, id_: str, account: str, ids: Ids, draft: Draft, *, send: bool = True) -> Listing:
        """Write a listing, new or again; sent, it is looked at and then shown (at once where the shop does not look).

        Raises:
            FairdayError: something of it cannot be; ``where`` says what.
            Conflict: it is being bought, the day's listings are used up, or the market is closed.
            NotFound: it is somebody else's.
        """
        settings, now = self.settings(), self.clock.now()
        if not settings.market.open:
            raise Conflict("Nothing can be listed here.", code="market_closed")
        if not LISTING_ID.fullmatch(id_):
            raise NotFound("There is no such listing.", code="no_such_listing")
        title, text = text_of(draft.title, "title", least=2 if send else 1), text_of(draft.text, "text")
        with self.db.read() as conn:
            photo_kept(conn, draft.photo, now, must=send)
            before = records.get(conn, id_)
        if before is not None and before.seller != account:
            raise NotFound("There is no such listing.", code="no_such_listing")
        life = "draft" if not send else "review" if settings.market.review else "live"
        data = {"seller": account, "price": draft.price, "shipping": draft.shipping, "currency": settings.currency,
                "life": life}  # fmt: skip
        # What was looked at is what is shown: a version of the listing and its words are written together.
        words = [records.text_row(id_, title, text, draft.photo, ids, now)]
        done(self.runner.submit(Command("listing.write", f"listing:{id_}", data, account, rows=words)))
        with self.db.write() as conn:
            keep_until(conn, [draft.photo] if draft.photo else [], now + KEPT_DAYS * DAY_MS)
            found = records.get(conn, id_)
        assert found is not None
        return found

    def withdraw(self, id_: str, account: str) -> None:
        """Take a listing back."""
        done(self.runner.submit(Command("listing.withdraw", f"listing:{id_}", {"seller": account}, account)))

    def moderate(self, id_: str, version: int, *, actor: str, why: str = "") -> None:
        """Let a listing be shown, or refuse it for a reason; ``version`` of what was looked at.

        Raises:
            Conflict: it changed meanwhile.
        """
        name = "listing.refuse" if why else "listing.approve"
        done(self.runner.submit(Command(name, f"listing:{id_}", {"version": version, "why": why}, actor)))

    def version(self, id_: str) -> int:
        """The version of a listing that a moderator looks at."""
        state = self.state(f"listing:{id_}")
        return 0 if state is None else int(state["n"])

    # ---- deals -------------------------------------------------------------------------------------------------------

    def buy(
        self, id_: str, order: str, account: str, ids: Ids, contact: Contact, *, method: str, seen: tuple[int, int]
    ) -> Answer:
        """Buy a listing as the order of that number; ``seen`` is (price, delivery) as the buyer saw them.

        Raises:
            NotFound: no such listing.
        """
        with self.db.read() as conn:
            found = records.get(conn, id_)
        if found is None:
            raise NotFound("There is no such listing.", code="no_such_listing")
        market = self.settings().market
        price, shipping = seen
        line = {
            "line": "1", "sku": f"listing:{id_}", "product": f"listing:{id_}", "title": found.title, "qty": 1,
            "form": {}, "unit": price, "unit_digits": 0, "gross": price, "discounts": [], "net": price, "tax": 0,
            "paid": price, "gift": None, "value": price, "made": False, "days": 0,
        }  # fmt: skip
        post = {"method": "seller", "gross": shipping, "discounts": [], "net": shipping, "tax": 0, "paid": shipping}
        placing = {
            "mode": MODE, "account": account, "currency": found.currency, "country": contact.country or None,
            "channel": "market", "store": None, "way": "ship", "method": method, "lines": [line],
            "shipping": post if shipping else None, "total": price + shipping, "savings": [],
            "holds": [["listing", f"listing:{id_}", {"price": price, "shipping": shipping}],
                      ["earnings", seller_stream(found.seller),
                       {"commission": market.commission, "currency": found.currency}]],
            "credit": None, "source": "fairday",
            "data": {"seller": found.seller, "listing": id_, "commission": market.commission,
                     "hold_ms": market.hold_days * DAY_MS},
        }  # fmt: skip
        return self.orders.place(f"order:{order}", placing, contact, ids, actor=account)

    def deal(self, number: str, account: str, modes: tuple[str, ...] = (MODE,)) -> tuple[str, State]:
        """An order between people and which side of it an account is: ("buyer" or "seller", the order's state).

        Raises:
            NotFound: no such order, or neither side.
        """
        state = self.orders.state(f"order:{number}") if len(number) <= 40 else None
        if state is not None and state["mode"] in modes:
            with self.db.read() as conn:
                mine = accounts_in(conn, account)  # an account that was merged into this one may have made the deal
            for side in ("buyer", "seller"):
                if party(state, side) in mine:
                    return side, state
        raise NotFound("There is no such order.", code="no_such_order")

    def deals_of(self, account: str, limit: int = 50) -> list[dict[str, Any]]:
        """Orders for an account's listings, the last first: rows of orders with the listing's title."""
        o, one, words = orders.c, records.listings.c, records.texts.c
        query = (
            select(o.id, o.status, o.total, o.currency, o.placed_at, words.title, words.photo)
            .join(records.listings, one.order_id == o.id)
            .outerjoin(records.texts, words.id == one.id)
            .where(one.seller == account, o.mode == MODE)
            .order_by(o.placed_at.desc())
            .limit(limit)
        )
        with self.db.read() as conn:
            return [dict(row) for row in conn.execute(query).mappings()]

    def send(self, number: str, account: str, carrier: str, tracking: str) -> None:
        """The seller sent the thing.

        Raises:
            Conflict: it cannot be sent now.
            FairdayError: as ``read_number``.
        """
        side, _ = self.deal(number, account)
        if side != "seller":
            raise NotFound("There is no such order.", code="no_such_order")
        parcel = digest("parcel", number)[:20]
        row = parcel_row(parcel, number, carrier, read_number(tracking), self.clock.now())
        done(self.orders.act("order.ship", f"order:{number}", {"parcel": parcel}, actor=account, rows=[row]))

    def received(self, number: str, account: str) -> None:
        """The buyer has it and all is well: the money is the seller's now."""
        side, _ = self.deal(number, account)
        if side != "buyer":
            raise NotFound("There is no such order.", code="no_such_order")
        done(self.orders.act("order.receive", f"order:{number}", actor=account))
        done(self.orders.act("order.complete", f"order:{number}", actor=account))

    def rate(self, number: str, account: str, ids: Ids, stars: int, text: str = "") -> None:
        """Say how the other side was, once, in stars and words."""
        side, state = self.deal(number, account)
        said, told = text_of(text, "words"), {"by": party(state, side), "stars": stars}
        about = f"rating:{number}"
        words = [records.words_row(f"{about}:{side}", about, side, said, ids, self.clock.now())] if said else []
        done(self.runner.submit(Command("rating.give", about, told, account, rows=words)))

    # ---- disputes ----------------------------------------------------------------------------------------------------

    def dispute(self, number: str, account: str, ids: Ids, why: str, text: str, photo: str = "") -> None:
        """The buyer says what is wrong; the money stays held until it is decided."""
        text_of(text, "words", least=2)
        with self.db.read() as conn:
            photo_kept(conn, photo, self.clock.now())
        side, state = self.deal(number, account, MODES)
        told = {"by": party(state, side), "why": why}
        done(self.runner.submit(Command("dispute.open", f"dispute:{number}", told, account)))
        self.say(number, account, ids, text, photo)

    def say(self, number: str, account: str, ids: Ids, text: str, photo: str = "") -> None:
        """A side's statement or evidence in an open dispute."""
        side, state = self.deal(number, account, MODES)
        said, key, now = text_of(text, "words", least=0 if photo else 2), new_id(self.clock.now()), self.clock.now()
        with self.db.read() as conn:
            photo_kept(conn, photo, now)
        told = {"by": party(state, side), "key": key}
        words = [records.words_row(key, f"dispute:{number}", side, said, ids, now, photo)]
        done(self.runner.submit(Command("dispute.say", f"dispute:{number}", told, account, rows=words)))
        with self.db.write() as conn:
            keep_until(conn, [photo] if photo else [], now + KEPT_DAYS * DAY_MS)

    def decide(self, number: str, back: int | None, *, by: str, actor: str) -> None:
        """End a dispute: ``back`` minor units go to the buyer (None: all), the rest to the seller.

        Args:
            by: "shop", or the account of a side: the buyer may give up (0), the seller may give all back (None).

        Raises:
            Conflict: it is not open, the amount is more than was paid, or it is not theirs to decide.
        """
        if by != "shop":
            side, state = self.deal(number, by, MODES)
            by = party(state, side)
        done(self.runner.submit(Command("dispute.decide", f"dispute:{number}", {"back": back, "by": by}, actor)))

    # ---- payouts -----------------------------------------------------------------------------------------------------

    def earned(self, account: str) -> dict[str, int]:
        """What an account may have paid out, by currency."""
        state = self.state(seller_stream(account))
        return {} if state is None else dict(state["balances"])

    def ask_payout(self, account: str, ids: Ids, payout: str, amount: int, destination: str) -> None:
        """Ask for a part of what was earned, to be sent where the seller says.

        Raises:
            Conflict: more than is theirs, or too many wait.
        """
        where = text_of(destination, "destination", least=4)
        seller, currency = seller_stream(account), self.settings().currency
        data = {"payout": payout, "currency": currency, "amount": amount}
        payee = [records.payee_row(seller, where, ids, self.clock.now())]
        done(self.runner.submit(Command("payout.ask", seller, data, account, f"payout:{payout}"[:200], payee)))

    def confirm_payout(self, payout: str, reference: str, *, actor: str) -> None:
        """The shop's bank has sent it."""
        data = {"payout": payout, "reference": reference}
        done(self.runner.submit(Command("payout.confirm", self._seller(payout), data, actor)))

    def refuse_payout(self, payout: str, why: str, *, actor: str) -> None:
        """It cannot be sent; it is the seller's again."""
        done(self.runner.submit(Command("payout.refuse", self._seller(payout), {"payout": payout, "why": why}, actor)))

    def _seller(self, payout: str) -> str:
        with self.db.read() as conn:
            found = conn.execute(select(records.payouts.c.seller).where(records.payouts.c.id == payout)).scalar()
        if found is None:
            raise NotFound("There is no such payout.", code="no_such_payout")
        return str(found)

    def state(self, stream: str) -> State | None:
        """A stream's state, None where it has no event."""
        with self.db.read() as conn:
            found = stream_state(conn, stream)
        return None if found is None else found[1]


__all__ = ["Draft", "Market"]
