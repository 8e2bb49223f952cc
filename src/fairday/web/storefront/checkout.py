"""Checkout in three taps: where to, how to pay, done. One page; nothing is placed at another price than it showed."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fairday.kernel.errors import Conflict, FairdayError, Unavailable
from fairday.people.identity import normalise
from fairday.trade.cart import Cart
from fairday.trade.checkout import COUPON, EARNS, POINTS, Change, Choice, Moved, Quote
from fairday.trade.order import MAX_QTY, SHIPPING, due
from fairday.trade.payment.model import BALANCE
from fairday.trade.records import Contact, last_contact
from fairday.trade.shipping.addresses import fields_of, known_country, read_address, read_phone
from fairday.web.auth import address_of
from fairday.web.called import called_of
from fairday.web.i18n import Tongue
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import (
    account_of,
    buyer_of,
    cart_of,
    keep_order,
    kept_orders,
    text_in,
    token_of,
)
from fairday.web.storefront.cart import gifts_gone, lines_drawn, priced, sums_drawn
from fairday.web.storefront.front import front_of, posted_long, router, shown, spend, told, visitor_of
from fairday.web.storefront.landing import landed_drawn
from fairday.web.storefront.prefer import address_lines, countries, country_of, preference, purse_of
from fairday.web.storefront.store import collecting

FIELDS = ("name", "phone", "email", "country", "region", "city", "district", "street", "postcode", "note")


@router.get("/checkout")
def checkout_page(request: Request) -> Response:
    with shop_of(request).db.read() as conn:
        cart = cart_of(request, conn)
        member = account_of(request)
        given = last_contact(conn, member[0]) if member is not None else Contact()
        store = collecting(request, conn, cart) if cart is not None else ""
    if cart is None or not cart.lines:
        return RedirectResponse("/cart", 303)
    fields = {name: getattr(given, name) for name in FIELDS} | {"note": ""}
    if member is not None and member[1][0] in ("email", "phone") and not fields[member[1][0]]:
        fields[member[1][0]] = member[1][1]
    fields["country"] = fields["country"] or country_of(request) or "CN"
    asked = {**({"way": "pickup", "store": store} if store else {}), **request.query_params}
    choice = _choice(request, {**asked, **({} if "country" in request.query_params else fields)})
    told(request, "Checkout Started", {"order_id": cart.order.partition(":")[2]}, cart.cart, str(cart.units))
    return _drawn(request, cart, choice, fields)


def _choice(request: Request, form: Any) -> Choice:
    payment = text_in(form, "payment", 32)
    currency = preference(request).paid_in
    offered = methods(request, currency=currency)
    country = text_in(form, "country", 2).upper()
    return Choice(
        way="pickup" if text_in(form, "way", 16) == "pickup" else "ship",
        service=text_in(form, "service", 64),
        store=text_in(form, "store", 64) if text_in(form, "way", 16) == "pickup" else "",
        country=country if known_country(country) else "",
        currency=currency,
        postcode=text_in(form, "postcode", 16),
        payment=payment if payment in offered else (offered[0] if offered else ""),
        coupons=tuple(text_in(form, "use", 2000).split(",")) if form.get("choose") == "coupons" else None,
        points=MAX_QTY if text_in(form, "points", 3) == "yes" else 0,
    )


def methods(request: Request, amount: int = 1, currency: str = "") -> list[str]:
    """How a shopper may pay so much of a currency, the shop's own by default; a member by balance where it is enough:
    a balance is of the shop's currency."""
    shop, member = shop_of(request), account_of(request)
    enough, currency = False, currency or shop.settings.currency
    if member is not None and currency == shop.settings.currency:
        with shop.db.read() as conn:
            enough = shop.rewards.money(conn, member[0]) >= amount
    return shop.payments.methods(currency, balance=enough)


def part_of(request: Request, amount: int, currency: str) -> int:
    """What a member's balance could pay of an amount where it is not enough for all of it; 0 without."""
    shop, member = shop_of(request), account_of(request)
    if member is None or currency != shop.settings.currency or BALANCE not in shop.settings.payments.methods:
        return 0
    with shop.db.read() as conn:
        has = shop.rewards.money(conn, member[0])
    return has if 0 < has < amount and methods(request, amount, currency) else 0


def _drawn(
    request: Request,
    cart: Cart,
    choice: Choice,
    fields: dict[str, str],
    *,
    error: FairdayError | None = None,
    moved: Moved | None = None,
) -> Response:
    tongue = tongue_of(request)
    quote = moved.quote if moved is not None else priced(request, cart, choice)
    assert quote is not None
    stores = [s for s in quote.stores if not s.missing]
    response = shown(
        request, "shop_checkout.html", visitor_of(request),
        status_of(error) if error else 409 if moved is not None else 200,
        here="cart", cart=cart, quote=quote, choice=choice, given=fields,
        lines=lines_drawn(request, cart, quote), sums=sums_drawn(request, quote),
        purse=purse_of(request), address_fields=fields_of(fields["country"]),
        countries=countries(request, fields["country"]), landed=landed_drawn(request, quote.crossing),
        known=_known(tongue, fields, choice) if error is None else [],
        stores=stores, methods=methods(request, quote.total, quote.currency),
        points=_points(request, cart, choice, quote), part=part_of(request, quote.total, quote.currency),
        where=error.where if error else "",
        error=say(tongue, error) if error else None,
        changes=[_change(request, x, quote) for x in moved.changes] if moved is not None else [],
        moved=moved.why if moved is not None else "", member=account_of(request) is not None,
        gone=gifts_gone(request, quote),
        paid_off=quote.priced.discount + sum(n for _, n in quote.priced.shipping_discounts),
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def _known(tongue: Tongue, fields: dict[str, str], choice: Choice) -> list[str]:
    """Whom it goes to, in lines, where nothing must be asked any more; the form then keeps its fields folded."""
    must = {f.name for f in fields_of(fields["country"]) if f.must} if choice.way == "ship" else set()
    if not all(fields[name] for name in ("name", "phone", *must)):
        return []
    sent = {name: fields[name] for name in FIELDS if name in Contact.__struct_fields__}
    where = address_lines(tongue, msgspec.convert(sent, Contact)) if choice.way == "ship" else []
    return list(dict.fromkeys([fields["name"], *where, fields["phone"]]))


def _points(request: Request, cart: Cart, choice: Choice, quote: Quote) -> int:
    """How many points would pay here, whether or not they are asked to; 0 where the offers let none."""
    member, shop = account_of(request), shop_of(request)
    if member is None or choice.points:
        return quote.priced.points_paid
    with shop.db.read() as conn:
        if not shop.rewards.points(conn, member[0]):
            return 0
    tried = shop.checkout.quote(cart, msgspec.structs.replace(choice, points=MAX_QTY), buyer_of(request))
    return tried.priced.points_paid


def _change(request: Request, change: Change, quote: Quote) -> tuple[str, str, str]:
    tongue = tongue_of(request)
    if change.line in (COUPON, POINTS, EARNS):
        return _use_changed(request, change, quote)
    called = called_of(request)  # read for the lines, which are drawn before
    titles = {x.line: called.offer(x.offer, x.sku) for x in quote.lines}
    gift = change.line.startswith("g")
    other = f"buy.{change.line}" if change.line in (SHIPPING, "total") else "buy.gift" if gift else "buy.line"
    name = titles.get(change.line) or tongue.plain(other)
    before, now = ("–" if n is None else tongue.money(n, quote.currency) for n in (change.before, change.now))
    return name, before, now


def _use_changed(request: Request, change: Change, quote: Quote) -> tuple[str, str, str]:
    """Coupons or points that are used up, or points that are earned, where they are not as they were seen."""
    tongue, shop = tongue_of(request), shop_of(request)
    before, now = (tongue.number(n) if n else "–" for n in (change.before, change.now))
    if change.line == COUPON:
        now = ", ".join(tongue.pick(shop.offers.title(rule)) or tongue.plain("buy.offer") for _, rule in quote.coupons)
    unit = tongue.plain(f"card.unit.{shop.settings.rewards.unit}")
    return tongue.plain(f"buy.moved.{change.line}", unit=unit), before, now or "–"


@router.post("/checkout", dependencies=[Depends(posted_long)])
async def place(request: Request) -> Response:
    """Place the order at what was shown, and go on to pay."""
    return await run_in_threadpool(_place, request)


def _place(request: Request) -> Response:
    shop, form = shop_of(request), request.state.form
    fields = {name: text_in(form, name, 400) for name in FIELDS}
    choice = _choice(request, form)
    with shop.db.read() as conn:
        cart = cart_of(request, conn)
    if cart is None or not cart.lines:
        return _again(request, text_in(form, "cart", 64))
    if form.get("go") != "order":  # another country, way or coupon: priced again, nothing placed
        return _drawn(request, cart, choice, fields)
    spend(request, front_of(request).posts)
    try:
        contact = _contact(request, fields, choice)
    except FairdayError as error:
        return _drawn(request, cart, choice, fields, error=error)
    placed = shop.checkout.place(
        cart, choice, contact, buyer_of(request, contact), text_in(form, "seen", 20_000), actor=f"cart:{cart.cart}"
    )
    if isinstance(placed, Moved):
        return _drawn(request, cart, choice, fields, moved=placed)
    return pay(request, placed.order, choice.payment, first=form.get("balance_first") == "yes")


def _again(request: Request, order: str) -> Response:
    """A checkout sent again after it was placed: on to that order, where this device placed it."""
    state = shop_of(request).orders.state(f"order:{order}") if order in kept_orders(request) else None
    if state is None:
        return RedirectResponse("/cart", 303)
    return RedirectResponse(f"/order/{token_of(front_of(request).secret, order, state['placed_at'])}", 303)


def _contact(request: Request, fields: dict[str, str], choice: Choice) -> Contact:
    """Whom the order goes to, checked by the rules of the country.

    Raises:
        FairdayError: what is missing or cannot be; ``where`` is the field.
    """
    language = tongue_of(request).language
    email = fields["email"]
    if email:
        normal, _ = normalise("email", email, shop_of(request).settings.identity)
        email = normal or ""
        if not email:
            raise FairdayError("That is no mail address.", code="bad_email", where="email")
    if choice.way == "ship":
        found = read_address(fields)
        return Contact(
            name=found.name, phone=found.phone, email=email, country=found.country, region=found.region,
            city=found.city, district=found.district, street=found.street, postcode=found.postcode,
            note=fields["note"], language=language,
        )  # fmt: skip
    if not fields["name"]:
        raise FairdayError("The name is missing.", code="missing_name", where="name")
    country = fields["country"] or shop_of(request).settings.country or "CN"
    return Contact(
        name=fields["name"][:80], phone=read_phone(fields["phone"], country), email=email, note=fields["note"],
        language=language,
    )  # fmt: skip


def pay(request: Request, order: str, method: str, *, first: bool = False) -> Response:
    """On to the payment of what is due, or to the order where nothing is.

    Args:
        first: the member's balance pays what it has, and ``method`` the rest.
    """
    shop = shop_of(request)
    state = shop.orders.state(order)
    assert state is not None
    path = f"/order/{token_of(front_of(request).secret, order, state['placed_at'])}"
    response = RedirectResponse(path, 303)
    amount = due(state)
    member = account_of(request)
    if first and member is not None and part_of(request, amount, state["currency"]):
        amount -= shop.payments.spend_part(order, amount, state["currency"], account=member[0], actor=order)
    if amount and method == BALANCE and member is not None and method in methods(request, amount, state["currency"]):
        try:
            shop.payments.spend(order, amount, state["currency"], account=member[0], actor=order)
        except Conflict:  # spent or paid meanwhile, in another window
            response = RedirectResponse(f"{path}?say=try_again", 303)
    elif amount and method in methods(request, amount, state["currency"]):
        try:
            begun = shop.payments.begin(
                order, method, channel_of(request, method), amount, state["currency"],
                subject=shop.settings.name, actor=order, account=state["account"], return_path=path,
                address=address_of(request),
            )  # fmt: skip
            response = RedirectResponse(f"/pay/{begun.number}/go", 303)
        except Unavailable:
            response = RedirectResponse(f"{path}?say=try_again", 303)
    keep_order(response, request, order)
    return response


def channel_of(request: Request, method: str) -> str:
    """Where the shopper is, as the provider of a method asks."""
    agent = request.headers.get("user-agent", "")
    phone = "Mobile" in agent or "Android" in agent
    if method == "wechat":
        return "jsapi" if "MicroMessenger" in agent else "h5" if phone else "native"
    return ("wap" if phone else "page") if method == "alipay" else ""
