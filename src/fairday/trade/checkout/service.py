"""``shop.checkout``: a cart priced for somebody now, and placed as an order at exactly what they saw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from fairday.goods.offering import Goods, Wanted
from fairday.goods.prices import Turned, Where
from fairday.goods.rates import rates_on
from fairday.goods.stock import Short, Source, Stock, Want, allocate
from fairday.goods.stock.rules import stock_holds
from fairday.kernel.claims import Hold
from fairday.kernel.clock import Clock, local_day
from fairday.kernel.decider import Answer
from fairday.kernel.errors import Conflict
from fairday.kernel.ids import new_id
from fairday.kernel.settings import Settings
from fairday.offers import model
from fairday.offers.coupons import Coupons
from fairday.storage.database import Database
from fairday.stores.places import Destination, pickups, shipping_places, sources
from fairday.stores.points import point_of
from fairday.stores.records import all_places
from fairday.trade.border import crossed, crosses
from fairday.trade.c2b.preorder import preordered
from fairday.trade.cart import Cart
from fairday.trade.charging import Exchange, Part, charged, exchange
from fairday.trade.checkout.lines import (
    agreed,
    as_sent,
    checked,
    chosen_delivery,
    in_hand,
    levied,
    only_gifts,
    parts_of,
    priced_cart,
    quoted,
    rough,
    said_there,
    with_preorders,
    with_price,
    within_reach,
    wrapped,
)
from fairday.trade.checkout.model import Buyer, Choice, Holding, Moved, Placed, Pricer, Quote, QuotedLine, carriage
from fairday.trade.checkout.placing import placing_of, with_options
from fairday.trade.checkout.seen import changes, seen_text
from fairday.trade.delivery import deliveries
from fairday.trade.plain import PlainPrices, nothing
from fairday.trade.records import Contact
from fairday.trade.rewards import Rewards
from fairday.trade.service import Orders

TRIES = 5
"""How often an order looks for its goods again when others were first at a place."""


class Checkout:
    """``shop.checkout``."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        settings: Callable[[], Settings],
        orders: Orders,
        goods: Goods,
        stock: Stock,
        coupons: Coupons,
        pricer: Pricer,
        rewards: Rewards | None = None,
        arms: Callable[[Connection, int, int], Mapping[str, str]] = lambda conn, person, now: {},
    ) -> None:
        """
        Args:
            arms: (connection, person, ms) → by which arms of scenes their cart is priced then, for the order to say.
        """
        self._db = db
        self._clock = clock
        self._settings = settings
        self._orders = orders
        self._goods = goods
        self._stock = stock
        self._coupons = coupons
        self._pricer = pricer
        self._rewards = rewards or Rewards(clock, settings)
        self._arms = arms

    def quote(self, cart: Cart, choice: Choice, buyer: Buyer) -> Quote:
        """Price a cart for somebody now."""
        now, settings, retail = self._clock.now(), self._settings(), self._retail(choice)
        country = choice.country or settings.country
        where = self._goods.where(
            choice.channel, choice.store or None, country or None, choice.company or None, buyer.crowds
        )
        by = self._exchange(choice, now)
        if by is not None:
            where = msgspec.structs.replace(where, turned=Turned(by.currency, by.exact(1)))
        with self._db.read() as conn:
            wanted = [Wanted(sku=x.sku, qty=x.qty, options=x.options) for x in cart.lines]
            found = self._goods.offers(conn, wanted, where, now)
            pres = preordered(
                conn, [(x.product, x.qty) for x in cart.lines], now, home=not crosses(settings, country),
                people=retail,
            )  # fmt: skip
            # What is still to be made is in nobody's stock.
            supply = self._stock.available(conn, [x.sku for x in cart.lines if x.product not in pres])
            lines = [quoted(x, agreed(offer, choice)) for x, offer in zip(cart.lines, found, strict=True)]
            places = all_places(conn)
            senders = shipping_places(places)
            reach, hand = within_reach(supply, choice, senders), in_hand(supply, choice, places)
            lines = with_preorders(checked(lines, reach, hand), pres)
            grams = sum((x.offer.weight_g or 0) * x.qty for x in lines if x.offer is not None)
            worth = sum(rough(x.offer, x.qty) for x in lines if x.offer is not None)
            offered = deliveries(conn, country, choice.postcode, grams, worth, settings.currency)
            wants = {x.sku: sum(y.qty for y in lines if y.sku == x.sku) for x in lines}
            stores = [] if pres else pickups(places, supply, wants, now, settings.zone)
        delivery = chosen_delivery(offered, choice) if choice.way == "ship" else None
        usable = self._coupons.usable(buyer.account, now) if buyer.account else []
        held = [(c, r) for c, r in usable if choice.coupons is None or c in choice.coupons]
        asked = priced_cart(lines, choice, country, settings, delivery, held)
        if choice.points > 0 and buyer.account is not None:
            with self._db.read() as conn:
                asked = msgspec.structs.replace(
                    asked, points=min(choice.points, self._rewards.points(conn, buyer.account))
                )
        pricer = PlainPrices() if choice.agreed or choice.plain else self._pricer
        priced = nothing(settings.currency)
        gifts: list[QuotedLine] = []
        out: list[QuotedLine] = []
        without: dict[str, str] = {}
        while asked.lines:
            priced = pricer.price(asked, buyer.account, buyer.person, now, without)
            gifts, gone = self._gifts(priced, where, now, lines, choice, senders)
            out += gone
            # An offer whose gift has run out stands in no other's way and uses nothing up.
            empty = only_gifts(priced, {str(x.gift) for x in gone})
            if not empty:
                break
            without |= empty
        by_line = {x.line: x for x in priced.lines}
        lines = [*(with_price(x, by_line.get(x.line)) for x in lines), *gifts]
        crossing = None
        if retail and choice.way == "ship" and priced.lines and crosses(settings, country):
            with self._db.read() as conn:
                sent = [as_sent(x, x.offer) for x in lines if x.offer is not None]
                crossing = crossed(conn, settings, sent, country, carriage(priced), buyer.account, now)
            lines = [levied(x, crossing) for x in lines]
        parts: Mapping[str, Part] = parts_of(lines, priced, delivery, crossing)
        # A design is measured by its goal in one currency.
        turned = None if pres or by is None else charged(parts, by, said_there(lines, by.currency))
        currency = settings.currency
        if turned is not None:
            parts, currency = turned.parts, turned.exchange.currency
        used = {rule for x in priced.lines for rule, n in x.discounts if n} | {
            r for r, n in priced.shipping_discounts if n
        }
        used |= {told.rule for told in priced.applied}
        taken: dict[str, str] = {}
        for coupon, rule in held:
            if rule in used and rule not in taken.values():
                taken[coupon] = rule
        earns = self._earns(priced, buyer)
        return Quote(
            lines=tuple(lines), priced=priced, savings=self._savings(priced), currency=currency, parts=parts,
            charged=turned,
            deliveries=tuple(offered), delivery=delivery, stores=tuple(stores), coupons=tuple(taken.items()),
            seen=seen_text(lines, parts, currency, list(taken), priced.points_paid, earns), crossing=crossing,
            earns=earns,
            preorder=next(iter(pres.values()), None), gone=tuple({(x.gift, x.sku): x for x in out}.values()),
            reachable=delivery is not None or any(s.place.store == choice.store and not s.missing for s in stores),
        )  # fmt: skip

    def _exchange(self, choice: Choice, now: int) -> Exchange | None:
        """The rate of the currency the buyer would rather be charged in, where the shop takes it and has one."""
        settings = self._settings()
        wanted = choice.currency
        if not self._retail(choice) or wanted == settings.currency or wanted not in settings.border.takes:
            return None
        day = local_day(now, settings.zone)
        with self._db.read() as conn:
            return exchange(rates_on(conn, day), settings.currency, wanted, day)

    def _earns(self, priced: model.Priced, buyer: Buyer) -> int:
        return sum(int(h.data["amount"]) for h in self._rewarded(priced, buyer) if h.claim == "earning")

    def _retail(self, choice: Choice) -> bool:
        return self._orders.steps.mode(choice.mode).retail

    def _rewarded(self, priced: model.Priced, buyer: Buyer) -> list[Hold]:
        """What the order holds of a member's points, paid with and to be earned."""
        with self._db.read() as conn:
            return self._rewards.holds(
                conn, buyer.account, buyer.person, priced.goods, times=priced.points_factor, extra=priced.points_extra,
                spent=priced.points_paid,
            )  # fmt: skip

    def _savings(self, priced: model.Priced) -> tuple[tuple[str, Mapping[str, str], int], ...]:
        sums: dict[str, int] = {}
        for found in (*(x.discounts for x in priced.lines), priced.shipping_discounts):
            for rule, amount in found:
                sums[rule] = sums.get(rule, 0) + amount
        return tuple((rule, self._pricer.title(rule), amount) for rule, amount in sums.items() if amount)

    def _gifts(
        self, priced: model.Priced, where: Where, now: int, lines: Sequence[QuotedLine], choice: Choice,
        senders: Collection[str],
    ) -> tuple[list[QuotedLine], list[QuotedLine]]:  # fmt: skip
        """The gifts of a priced cart that come along, and those that are not to be had."""
        if not priced.gifts:
            return [], []
        skus = list(dict.fromkeys(sku for _, sku, _ in priced.gifts))
        with self._db.read() as conn:
            found = self._goods.offers(conn, [Wanted(sku=sku) for sku in skus], where, now)
            supply = self._stock.available(conn, skus)
        offers = dict(zip(skus, found, strict=True))
        return wrapped(priced.gifts, offers, within_reach(supply, choice, senders), lines)

    # ---- placing ---------------------------------------------------------------------------------------------------

    def place(
        self,
        cart: Cart,
        choice: Choice,
        contact: Contact,
        buyer: Buyer,
        seen: str,
        *,
        actor: str,
        source: str = "fairday",
        holding: Holding | None = None,
    ) -> Placed | Moved:
        """Place a cart as an order at what was seen; a cart that was placed before gives that order.

        Args:
            holding: what the mode adds to the order once its amounts are known: its ``data``, and more holds.

        Raises:
            Conflict: it cannot be placed, for a reason that is no price's or stock's.
        """
        state = self._orders.state(cart.order)
        if state is not None:
            return Placed(cart.order, state["total"], again=True)
        quote = self.quote(cart, choice, buyer)
        if not quote.ready or quote.seen != seen:
            return Moved(quote, changes(seen, quote), "problem" if not quote.ready else "changed")
        for _ in range(TRIES):
            try:
                placing = self.placing(quote, choice, buyer, contact, source)
                more, holds = holding(quote) if holding is not None else ({}, [])
            except Conflict as error:
                after = self.quote(cart, choice, buyer)
                return Moved(after, changes(quote.seen, after), error.code)
            placing["data"] = {**placing["data"], **more}
            placing["holds"] += [[h.claim, h.stream, dict(h.data)] for h in holds]
            # A key for each try: a refusal is an answer too, and would be given again when the goods are back. That an
            # order is placed once is held by its own stream.
            key = f"place:{cart.cart}:{new_id()}"
            contact = with_options(contact, quote)
            answer = self._orders.place(
                cart.order, placing, contact, buyer.ids, actor=actor, key=key[:200], by=buyer.by
            )
            if answer.refusal is None or answer.refusal.code != "sold_out":
                break
            # Others took what was there at one place: another may have it still.
        return self._placed(cart, choice, buyer, answer, quote)

    def _placed(self, cart: Cart, choice: Choice, buyer: Buyer, answer: Answer, quote: Quote) -> Placed | Moved:
        if answer.ok:
            return Placed(cart.order, quote.total)
        assert answer.refusal is not None
        if answer.refusal.code == "already_placed":
            return Placed(cart.order, quote.total, again=True)
        if answer.refusal.code in ("bad_order", "unknown_mode"):
            raise Conflict(answer.refusal.message, code=answer.refusal.code)
        # Gone between looking and taking: said as it stands now.
        after = self.quote(cart, choice, buyer)
        return Moved(after, changes(quote.seen, after), answer.refusal.code)

    def placing(
        self, quote: Quote, choice: Choice, buyer: Buyer, contact: Contact, source: str = "fairday"
    ) -> dict[str, Any]:
        """The data of ``order.place`` for a quote that is ready: its amounts, and all that it holds.

        Raises:
            Conflict: too few are left anywhere it could be sent from.
        """
        held, scenes = self._holds(quote, choice, buyer, contact), dict[str, str]()
        if buyer.person is not None and not choice.plain and not choice.agreed:
            with self._db.read() as conn:
                scenes = dict(self._arms(conn, buyer.person, self._clock.now()))
        return placing_of(quote, choice, buyer, held, self._settings().country, source, scenes)

    def _holds(self, quote: Quote, choice: Choice, buyer: Buyer, contact: Contact) -> list[Hold]:
        """What the order takes: stock by places, coupons, counters."""
        with self._db.read() as conn:
            found = self._stock_holds(conn, quote, choice, contact)
        for coupon, rule in quote.coupons:
            worth = sum(n for r, _, n in quote.savings if r == rule)
            assert buyer.account is not None
            found.append(self._coupons.hold(coupon, buyer.account, worth))
        if quote.preorder is not None:
            bought = [(x.line, x.sku, x.qty) for x in quote.lines if x.gift is None]
            found += quote.preorder.holds(bought, quote.currency)
        found += quote.crossing.holds if quote.crossing is not None else ()
        if choice.agreed:
            return found
        found += self._rewarded(quote.priced, buyer)
        if choice.plain:
            return found
        return [*found, *self._pricer.holds(quote.priced, buyer.account, self._clock.now())]

    def _stock_holds(self, conn: Connection, quote: Quote, choice: Choice, contact: Contact) -> list[Hold]:
        counted = [x.sku for x in quote.lines if quote.preorder is None or x.gift is not None]
        supply = self._stock.available(conn, counted)
        wants = [
            Want(x.line, x.sku, x.qty, (x.offer.weight_g or 0) if x.offer is not None else 0)
            for x in quote.lines
            if x.sku in supply
        ]
        if not wants:
            return []
        places, settings = all_places(conn), self._settings()
        country = choice.country or settings.country
        if choice.way == "pickup":
            allowed = [Source(choice.store)]
        else:
            point = point_of(country, contact.region, contact.city, places, settings.country)
            to = Destination(country=country, latitude=point and point[0], longitude=point and point[1])
            allowed = sources(places, to, settings.country, settings.sending.prices)
        levels = {sku: dict(s.by_place) for sku, s in supply.items()}
        chosen = allocate(wants, levels, allowed, settings.sending.policy)
        if isinstance(chosen, Short):
            raise Conflict("Too few are left.", code="sold_out", where=next(iter(chosen.missing)))
        return stock_holds((part.line, part.sku, part.place, part.qty) for part in chosen.parts)
