"""Checkout: a cart priced for somebody now, and placed as an order at exactly what they saw.

Prices come from the goods' price lists and the book of offers, never from a client. What the buyer saw travels with the
form as ``seen``; it is compared, never believed: where prices or stock have moved, nothing is placed and the new quote
says what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from sqlalchemy import Connection

from fairday.goods.offering import Goods, Offer, Wanted
from fairday.goods.stock import Short, Source, Stock, Supply, Want, allocate
from fairday.goods.stock.rules import stock_holds
from fairday.kernel import jsons
from fairday.kernel.claims import Hold
from fairday.kernel.clock import Clock
from fairday.kernel.decider import Answer
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.ids import new_id
from fairday.kernel.settings import Settings
from fairday.offers import model
from fairday.offers.coupons import Coupons
from fairday.storage.database import Database
from fairday.stores.places import Destination, Pickup, pickups, sources
from fairday.stores.records import all_places
from fairday.trade.border import CrossBorder, Crossing, Sent, crossed, crosses
from fairday.trade.cart import Cart, CartLine
from fairday.trade.delivery import Delivery, deliveries
from fairday.trade.order import SHIPPING
from fairday.trade.plain import PlainPrices
from fairday.trade.records import Contact
from fairday.trade.rewards import Rewards
from fairday.trade.service import Orders

Way = Literal["ship", "pickup"]


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """Who buys.

    Attributes:
        account: their member account's stream, None for a guest.
        ids: (type, value) that the order is told of by: proved ones, and what a guest wrote.
        person: their number, None where nothing is known.
    """

    account: str | None = None
    ids: tuple[tuple[str, str], ...] = ()
    person: int | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer has said so far.

    Attributes:
        service: of ``Quote.deliveries``; the cheapest where it is not said or not to be had.
        store: where it is collected.
        coupons: coupons of theirs to use, by id; None: whatever is best.
        points: points of theirs to pay with, at most what they have and what the offers let them.
        mode: of trade.
        company: the company that buys, whose price lists count; "" for a person.
        agreed: minor units a piece by sku, where prices were agreed on: they stand, and no offer changes them. From the
            shop's own records, never from a client.
    """

    way: Way = "ship"
    service: str = ""
    store: str = ""
    country: str = ""
    postcode: str = ""
    payment: str = ""
    coupons: tuple[str, ...] | None = None
    points: int = 0
    channel: str = "online"
    mode: str = "b2c"
    company: str = ""
    agreed: Mapping[str, int] = {}


class QuotedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the cart as it would be ordered now.

    Attributes:
        line: its id; gifts have one of their own ("g1").
        offer: the goods and their price, None where they cannot be had.
        gross, paid: before and after discounts, minor units.
        discounts: (rule, amount).
        problem: why it cannot be ordered, or None.
        duty: how much of the tax is duty.
        gift: the rule it is a gift of, or None.
    """

    line: str
    sku: str
    qty: int
    offer: Offer | None
    gross: int = 0
    tax: int = 0
    paid: int = 0
    discounts: tuple[tuple[str, int], ...] = ()
    problem: FairdayError | None = None
    duty: int = 0
    gift: str | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A cart priced.

    Attributes:
        savings: (rule, its title by language, minor units) over lines and delivery.
        deliveries: the ways it can be sent; ``delivery`` is the chosen one, None for a pickup.
        reachable: whether it can be sent there, or collected in the store that was chosen.
        stores: where it can be collected.
        coupons: (coupon, rule) of those used.
        crossing: what crossing a border adds, or None.
        seen: what to compare at placing; not for people.
        earns: points the order will earn.
    """

    lines: tuple[QuotedLine, ...]
    priced: model.Priced
    currency: str
    savings: tuple[tuple[str, Mapping[str, str], int], ...]
    deliveries: tuple[Delivery, ...]
    delivery: Delivery | None
    stores: tuple[Pickup, ...]
    coupons: tuple[tuple[str, str], ...]
    seen: str
    reachable: bool
    earns: int = 0
    crossing: Crossing | None = None

    @property
    def total(self) -> int:
        return self.priced.total + (self.crossing.now if self.crossing is not None else 0)

    @property
    def saved(self) -> int:
        """What offers took off, minor units."""
        return self.priced.discount + (self.priced.shipping or 0) - _carriage(self.priced)

    @property
    def tax_inside(self) -> bool:
        """Whether the tax is in the prices; otherwise it comes on top of them."""
        return bool(self.priced.goods + _carriage(self.priced) == self.priced.total)

    @property
    def ready(self) -> bool:
        """Whether it can be placed."""
        barred = self.crossing is not None and self.crossing.problem is not None
        return self.reachable and bool(self.lines) and not barred and all(line.problem is None for line in self.lines)


class Change(msgspec.Struct, frozen=True):
    """What is not as it was seen: ``line`` (or "shipping", "total"), minor units before and now; None: not there."""

    line: str
    before: int | None
    now: int | None


class Placed(msgspec.Struct, frozen=True):
    """An order stands: ``order`` is its stream. ``again``: it had been placed before."""

    order: str
    total: int
    again: bool = False


class Moved(msgspec.Struct, frozen=True):
    """Nothing was placed: the cart is not what was seen. ``quote`` is how it stands."""

    quote: Quote
    changes: tuple[Change, ...]
    why: str


Holding = Callable[[Quote], tuple[Mapping[str, Any], Sequence[Hold]]]
"""(quote) → the mode's data of the order, and what more it holds."""


class Pricer(Protocol):
    """The book of offers, as a checkout asks it."""

    def price(self, cart: model.Cart, account: str | None, person: int | None, now: int) -> model.Priced:
        """The cart priced under the book of now."""
        ...

    def title(self, rule: str) -> Mapping[str, str]:
        """What a rule is called, by language."""
        ...

    def holds(self, priced: model.Priced, account: str | None, now: int) -> list[Hold]:
        """What an order at these prices holds of the rules' counters."""
        ...


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
    ) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._orders = orders
        self._goods = goods
        self._stock = stock
        self._coupons = coupons
        self._pricer = pricer
        self._rewards = rewards or Rewards(clock, settings)

    def quote(self, cart: Cart, choice: Choice, buyer: Buyer) -> Quote:
        """Price a cart for somebody now."""
        now, settings = self._clock.now(), self._settings()
        country = choice.country or settings.country
        where = self._goods.where(choice.channel, choice.store or None, country or None, choice.company or None)
        with self._db.read() as conn:
            wanted = [Wanted(sku=x.sku, qty=x.qty, options=x.options) for x in cart.lines]
            found = self._goods.offers(conn, wanted, where, now)
            supply = self._stock.available(conn, [x.sku for x in cart.lines])
            lines = [_line(x, _agreed(offer, choice)) for x, offer in zip(cart.lines, found, strict=True)]
            lines = _checked(lines, supply, choice)
            grams = sum((x.offer.weight_g or 0) * x.qty for x in lines if x.offer is not None)
            worth = sum(_rough(x.offer, x.qty) for x in lines if x.offer is not None)
            places = all_places(conn)
            offered = deliveries(conn, country, choice.postcode, grams, worth, settings.currency)
            wants = {x.sku: sum(y.qty for y in lines if y.sku == x.sku) for x in lines}
            stores = pickups(places, supply, wants, now, settings.zone)
        delivery = _chosen(offered, choice) if choice.way == "ship" else None
        usable = self._coupons.usable(buyer.account, now) if buyer.account else []
        held = [(c, r) for c, r in usable if choice.coupons is None or c in choice.coupons]
        asked = _priced_cart(lines, choice, country, settings, delivery, held)
        if choice.points > 0 and buyer.account is not None:
            with self._db.read() as conn:
                asked = msgspec.structs.replace(
                    asked, points=min(choice.points, self._rewards.points(conn, buyer.account))
                )
        pricer = PlainPrices() if choice.agreed else self._pricer
        priced = pricer.price(asked, buyer.account, buyer.person, now)
        by_line = {x.line: x for x in priced.lines}
        lines = [_with(x, by_line.get(x.line)) for x in lines]
        lines += self._gifts(priced, where, now)
        crossing = None
        if choice.mode == "b2c" and choice.way == "ship" and priced.lines and crosses(settings, country):
            # Companies clear goods themselves; people who sell to people are no importers.
            with self._db.read() as conn:
                sent = [_sent(x, x.offer) for x in lines if x.offer is not None]
                crossing = crossed(conn, settings, sent, country, _carriage(priced), buyer.account, now)
            lines = [_levied(x, crossing) for x in lines]
        used = {rule for x in priced.lines for rule, n in x.discounts if n} | {
            r for r, n in priced.shipping_discounts if n
        }
        used |= {told.rule for told in priced.applied}
        taken: dict[str, str] = {}
        for coupon, rule in held:
            if rule in used and rule not in taken.values():
                taken[coupon] = rule
        return Quote(
            lines=tuple(lines), priced=priced, currency=settings.currency, savings=self._savings(priced),
            deliveries=tuple(offered), delivery=delivery, stores=tuple(stores), coupons=tuple(taken.items()),
            seen=_seen(lines, priced, crossing), crossing=crossing, earns=self._earns(priced, buyer),
            reachable=delivery is not None or any(s.place.store == choice.store and not s.missing for s in stores),
        )  # fmt: skip

    def _earns(self, priced: model.Priced, buyer: Buyer) -> int:
        return sum(int(h.data["amount"]) for h in self._rewarded(priced, buyer) if h.claim == "earning")

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

    def _gifts(self, priced: model.Priced, where: Any, now: int) -> list[QuotedLine]:
        made = []
        with self._db.read() as conn:
            for n, (rule, sku, qty) in enumerate(priced.gifts, 1):
                (offer,) = self._goods.offers(conn, [Wanted(sku=sku, qty=qty)], where, now)
                left = self._stock.available(conn, [sku])
                if isinstance(offer, Offer) and (sku not in left or left[sku].available >= qty):
                    made.append(QuotedLine(line=f"g{n}", sku=sku, qty=qty, offer=offer, gift=rule))
        return made

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
                held = self._holds(quote, choice, buyer)
                more, holds = holding(quote) if holding is not None else ({}, [])
            except Conflict as error:
                after = self.quote(cart, choice, buyer)
                return Moved(after, changes(quote.seen, after), error.code)
            placing = _placing(quote, choice, buyer, [*held, *holds], self._settings().country, source)
            placing["data"] = {**placing["data"], **more}
            # A key for each try: a refusal is an answer too, and would be given again when the goods are back. That an
            # order is placed once is held by its own stream.
            key = f"place:{cart.cart}:{new_id()}"
            contact = _with_options(contact, quote)
            answer = self._orders.place(cart.order, placing, contact, buyer.ids, actor=actor, key=key[:200])
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

    def _holds(self, quote: Quote, choice: Choice, buyer: Buyer) -> list[Hold]:
        """What the order takes: stock by places, coupons, counters."""
        with self._db.read() as conn:
            found = self._stock_holds(conn, quote, choice)
        for coupon, rule in quote.coupons:
            worth = sum(n for r, _, n in quote.savings if r == rule)
            assert buyer.account is not None
            found.append(self._coupons.hold(coupon, buyer.account, worth))
        found += quote.crossing.holds if quote.crossing is not None else ()
        if choice.agreed:
            return found
        found += self._rewarded(quote.priced, buyer)
        return [*found, *self._pricer.holds(quote.priced, buyer.account, self._clock.now())]

    def _stock_holds(self, conn: Connection, quote: Quote, choice: Choice) -> list[Hold]:
        supply = self._stock.available(conn, [x.sku for x in quote.lines])
        wants = [
            Want(x.line, x.sku, x.qty, (x.offer.weight_g or 0) if x.offer is not None else 0)
            for x in quote.lines
            if x.sku in supply
        ]
        if not wants:
            return []
        places = all_places(conn)
        country = choice.country or self._settings().country
        if choice.way == "pickup":
            allowed = [Source(choice.store)]
        else:
            allowed = sources(places, Destination(country=country), self._settings().country)
        levels = {sku: dict(s.by_place) for sku, s in supply.items()}
        chosen = allocate(wants, levels, allowed, "keep_whole")
        if isinstance(chosen, Short):
            raise Conflict("Too few are left.", code="sold_out", where=next(iter(chosen.missing)))
        return stock_holds((part.line, part.sku, part.place, part.qty) for part in chosen.parts)


# ---- the parts -------------------------------------------------------------------------------------------------------


def _agreed(offer: Offer | FairdayError, choice: Choice) -> Offer | FairdayError:
    """The offer at the price agreed on, where there is one."""
    if isinstance(offer, FairdayError) or offer.sku not in choice.agreed:
        return offer
    return msgspec.structs.replace(offer, unit=choice.agreed[offer.sku], unit_digits=0, list=None, tiers=(), why=())


def _line(one: CartLine, offer: Offer | FairdayError) -> QuotedLine:
    if isinstance(offer, FairdayError):
        return QuotedLine(line=str(one.line), sku=one.sku, qty=one.qty, offer=None, problem=offer)
    return QuotedLine(line=str(one.line), sku=one.sku, qty=one.qty, offer=offer)


def _checked(lines: Sequence[QuotedLine], supply: Mapping[str, Supply], choice: Choice) -> list[QuotedLine]:
    """Lines of which too few are left say so; several lines of one good share what is left."""
    left = {
        sku: s.by_place.get(choice.store, 0) if choice.way == "pickup" and choice.store else s.available
        for sku, s in supply.items()
    }
    made = []
    for line in lines:
        if line.problem is None and line.sku in left:
            has = left[line.sku]
            if has < line.qty:
                error = Conflict(
                    "Too few are left.", code="sold_out" if has <= 0 else "too_few", where=str(max(has, 0))
                )
                line = msgspec.structs.replace(line, problem=error)
            left[line.sku] = has - line.qty
        made.append(line)
    return made


def _rough(offer: Offer, qty: int) -> int:
    """A line's money before offers, minor units rounded half up."""
    scale: int = 10**offer.unit_digits
    return (2 * offer.unit * qty + scale) // (2 * scale)


def _chosen(offered: Sequence[Delivery], choice: Choice) -> Delivery | None:
    return next((d for d in offered if d.service == choice.service), offered[0] if offered else None)


def _priced_cart(
    lines: Sequence[QuotedLine],
    choice: Choice,
    country: str,
    settings: Settings,
    delivery: Delivery | None,
    coupons: Sequence[tuple[str, str]],
) -> model.Cart:
    # What is collected is sold where the shop is, whatever address the buyer has.
    sold_in = settings.country if choice.way == "pickup" else country
    taxes = None if crosses(settings, sold_in) else settings.taxes.get(sold_in)
    given = tuple(
        model.Line(
            line=x.line, sku=x.sku, unit=x.offer.unit, qty=x.qty, product=x.offer.product,
            unit_digits=x.offer.unit_digits, title=x.offer.title, category=x.offer.category or "",
            department=x.offer.department or "", brand=x.offer.brand or "", tags=x.offer.tags, floor=x.offer.floor,
            tax=taxes.rate(x.offer.tax_class) if taxes is not None else 0,
        )
        for x in lines
        if x.offer is not None
    )  # fmt: skip
    return model.Cart(
        currency=settings.currency, lines=given, shipping=delivery.price if delivery is not None else None,
        channel=choice.channel, store=choice.store, country=country, payment_method=choice.payment,
        coupons=tuple(dict.fromkeys(rule for _, rule in coupons)),
        shipping_tax=taxes.rate(taxes.shipping) if taxes is not None else 0,
        prices_include_tax=taxes.included if taxes is not None else None,
    )  # fmt: skip


def _with(line: QuotedLine, priced: model.PricedLine | None) -> QuotedLine:
    if priced is None:
        return line
    return msgspec.structs.replace(
        line, gross=priced.gross, tax=priced.tax, paid=priced.total, discounts=priced.discounts
    )


def _sent(line: QuotedLine, offer: Offer) -> Sent:
    return Sent(
        line=line.line, qty=line.qty, value=line.paid, code=offer.hs_code or "", names=(offer.product, *offer.tags)
    )


def _levied(line: QuotedLine, crossing: Crossing) -> QuotedLine:
    """A line with what it pays to cross, or why it may not."""
    duty, tax = crossing.levied(line.line)
    return msgspec.structs.replace(
        line, duty=duty, tax=line.tax + duty + tax, paid=line.paid + duty + tax,
        problem=line.problem or crossing.problems.get(line.line),
    )  # fmt: skip


def _carriage(priced: model.Priced) -> int:
    """What delivery costs after offers, without tax that comes on top."""
    return (priced.shipping or 0) - sum(n for _, n in priced.shipping_discounts)


def _seen(lines: Sequence[QuotedLine], priced: model.Priced, crossing: Crossing | None) -> str:
    shown = {x.line: [x.sku, x.qty, x.paid] for x in lines}
    ship = None if priced.shipping is None else _carriage(priced)
    return jsons.dumps(
        {"lines": shown, "shipping": ship, "total": priced.total + (crossing.now if crossing is not None else 0)}
    )


def changes(seen: str, quote: Quote) -> tuple[Change, ...]:
    """What differs between what was seen and how it stands; what cannot be read was nothing."""
    before, after = _read(seen), _read(quote.seen)
    made = []
    for line in dict.fromkeys([*before, *after]):
        if before.get(line) != after.get(line):
            made.append(Change(line, before.get(line), after.get(line)))
    return tuple(made)


def _read(seen: str) -> dict[str, int]:
    try:
        told = jsons.loads(seen[:20_000])
        found = {str(line): int(x[2]) for line, x in told["lines"].items()}
        if told["shipping"] is not None:
            found[SHIPPING] = int(told["shipping"])
        return {**found, "total": int(told["total"])}
    except (msgspec.DecodeError, RecursionError, OverflowError, TypeError, KeyError, ValueError, AttributeError,
            IndexError):  # fmt: skip
        return {}


def _with_options(contact: Contact, quote: Quote) -> Contact:
    options = {x.line: dict(x.offer.made.said) for x in quote.lines if x.offer is not None and x.offer.made.said}
    return msgspec.structs.replace(contact, options=options) if options else contact


def _placing(
    quote: Quote, choice: Choice, buyer: Buyer, holds: Sequence[Hold], home: str, source: str
) -> dict[str, Any]:
    lines = []
    for x in quote.lines:
        assert x.offer is not None
        off = sum(n for _, n in x.discounts)
        lines.append({
            "line": x.line, "sku": x.sku, "product": x.offer.product, "title": x.offer.title[:200], "qty": x.qty,
            "form": dict(x.offer.form), "unit": x.offer.unit, "unit_digits": x.offer.unit_digits, "gross": x.gross,
            "discounts": [list(d) for d in x.discounts if d[1]], "net": x.gross - off, "tax": x.tax, "paid": x.paid,
            "duty": x.duty, "gift": x.gift, "value": _rough(x.offer, 1), "made": bool(x.offer.made.said),
            "days": x.offer.made.days,
        })  # fmt: skip
    shipping = None
    if quote.delivery is not None:
        gross, discounts = quote.priced.shipping or 0, [list(d) for d in quote.priced.shipping_discounts if d[1]]
        net, tax = _carriage(quote.priced), quote.priced.shipping_tax
        shipping = {"method": quote.delivery.service, "gross": gross, "discounts": discounts, "net": net,
                    "tax": tax, "paid": net if quote.tax_inside else net + tax}  # fmt: skip
    mode = CrossBorder.name if quote.crossing is not None else choice.mode
    return {
        "mode": mode, "account": buyer.account, "currency": quote.currency,
        "country": choice.country or home or None, "channel": choice.channel, "store": choice.store or None,
        "way": choice.way, "method": choice.payment, "lines": lines, "shipping": shipping, "total": quote.total,
        "savings": [[rule, dict(title), amount] for rule, title, amount in quote.savings],
        "holds": [[h.claim, h.stream, dict(h.data)] for h in holds], "credit": None, "source": source,
        "data": {"border": quote.crossing.told()} if quote.crossing is not None else {},
    }  # fmt: skip


__all__ = [
    "Buyer",
    "Change",
    "Checkout",
    "Choice",
    "Moved",
    "Placed",
    "Pricer",
    "Quote",
    "QuotedLine",
    "changes",
]
