"""The cart's page: what was picked, what it costs now, and every saving with its reason."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from fairday.goods.offering import Offer
from fairday.goods.photos import of_others
from fairday.kernel.errors import FairdayError
from fairday.kernel.ids import digest
from fairday.kernel.money import major
from fairday.offers import telling
from fairday.people.identity import ids_of
from fairday.trade import cart as carts
from fairday.trade.cart import Cart
from fairday.trade.charging import Part
from fairday.trade.checkout import Choice, Quote, QuotedLine
from fairday.trade.checkout.lines import ONLY_COLLECTED
from fairday.trade.order import SHIPPING
from fairday.web.called import Called, called_of
from fairday.web.goods import safe
from fairday.web.render import say, shop_of, status_of, tongue_of, wants_json
from fairday.web.storefront.buying import buyer_of, cart_for, cart_of, deal, keep_cart, text_in, whole_in
from fairday.web.storefront.front import posted_long, router, shown, told, visitor_of
from fairday.web.storefront.landing import landed_drawn, why_not
from fairday.web.storefront.prefer import countries, country_of, preference, purse_of
from fairday.web.storefront.store import collecting

NOTHING = Part(gross=0, paid=0)
"""What a line costs that cannot be had."""


def priced(request: Request, cart: Cart | None, choice: Choice) -> Quote | None:
    """A cart as it stands for whoever asks; None where nothing is in it."""
    if cart is None or not cart.lines:
        return None
    buyer = buyer_of(request)
    with shop_of(request).db.read() as conn:
        deal(request, conn, buyer.person)
    return shop_of(request).checkout.quote(cart, choice, buyer)


def lines_drawn(request: Request, cart: Cart, quote: Quote) -> list[dict[str, Any]]:
    """A cart's lines for a template, in what is charged and in the words of whoever asks."""
    with shop_of(request).db.read() as conn:
        called = called_of(request).read_offers(conn, [line.offer for line in quote.lines])
    return [_line(request, cart, line, quote, called) for line in quote.lines]


def _line(request: Request, cart: Cart, line: QuotedLine, quote: Quote, called: Called) -> dict[str, Any]:
    tongue = tongue_of(request)
    offer = line.offer
    part = quote.parts.get(line.line, NOTHING)
    gross = part.gross + part.paid - part.net  # beside what is paid, with the same duty and tax
    picked = next((x for x in cart.lines if str(x.line) == line.line), None)
    drawn: dict[str, Any] = {
        "line": line.line, "sku": line.sku, "qty": line.qty, "gift": line.gift is not None,
        "gross": tongue.money(gross, quote.currency), "paid": tongue.money(part.paid, quote.currency),
        "saved": bool(part.discounts),
        "problem": problem_of(request, line),
    }  # fmt: skip
    if offer is None:
        said = list((picked.options if picked else {}).items())
        return drawn | {"title": line.sku, "product": line.sku, "form": "", "image": None, "options": said, "days": 0}
    photo = tongue.plain("goods.made.photo")
    said = [
        (tongue.pick(m.titles) or m.name, photo if m.kind == "photo" else tongue.pick(m.value_titles) or m.value)
        for m in offer.made.lines
    ]
    drawn |= {"title": called.offer(offer, line.sku), "product": offer.product, "form": called.form(offer)}
    drawn |= {"image": safe(offer.image), "options": said, "days": offer.made.days}
    return drawn


def problem_of(request: Request, line: QuotedLine) -> str | None:
    """Why a line cannot be ordered, in the shopper's words."""
    if line.problem is None:
        return None
    if line.problem.code.startswith("border_"):
        return why_not(tongue_of(request), line.problem)
    tongue, key = tongue_of(request), f"buy.problem.{line.problem.code}"
    return tongue.plain(key, n=line.problem.where) if tongue.has(key) else tongue.plain("buy.problem.other")


def sums_drawn(request: Request, quote: Quote) -> dict[str, Any]:
    """What a cart comes to, line by line of its sum, in what is charged; each sum is of the parts as they are paid."""
    tongue, purse, parts = tongue_of(request), purse_of(request), quote.parts
    titles = {rule: tongue.pick(title) or tongue.plain("buy.offer") for rule, title, _ in quote.savings}
    saved: dict[str, int] = {}
    for rule, amount in (d for part in parts.values() for d in part.discounts):
        saved[rule] = saved.get(rule, 0) + amount
    on_top = [p for p in parts.values() if p.paid > p.net]
    duty = sum(p.duty for p in on_top)
    tax = sum(p.tax - p.duty for p in on_top)
    inside = sum(p.tax for p in parts.values() if p.paid == p.net)
    abroad = quote.crossing is not None

    def money(amount: int) -> str:
        return str(tongue.money(amount, quote.currency))

    def some(amount: int) -> str:
        return money(amount) if amount else ""

    home = sum(quote.charged.home.values()) if quote.charged is not None else quote.total
    shipping = parts.get(SHIPPING)
    return {
        "goods": money(sum(p.gross for name, p in parts.items() if name != SHIPPING)),
        "savings": [(titles.get(rule, tongue.plain("buy.offer")), money(n)) for rule, n in saved.items() if n],
        "saved": money(sum(saved.values())), "sent": shipping is not None,
        "shipping": some(shipping.gross) if shipping is not None else "",
        "duty": some(duty), "import_tax": some(tax) if abroad else "", "tax": "" if abroad else some(tax),
        "tax_inside": some(inside), "total": money(quote.total),
        "about": purse.about(home) if quote.charged is None else "",
        "rate": purse.rate(), "charged": quote.charged is not None, "home": tongue.money(home),
    }  # fmt: skip


NEAREST, MOST_REASONS = 2, 8
"""Steps within reach that a cart tells of, and offers of which it says why they do not apply."""


def gifts_gone(request: Request, quote: Quote) -> list[str]:
    """What the gifts are called that offers would give and that have run out."""
    tongue, offers = tongue_of(request), shop_of(request).offers

    def called(x: QuotedLine) -> str:
        if x.offer is not None:
            return called_of(request).offer(x.offer, x.sku)
        return tongue.pick(offers.title(x.gift or "")) or tongue.plain("buy.offer")

    return list(dict.fromkeys(called(x) for x in quote.gone))


def offers_told(request: Request, quote: Quote) -> tuple[list[str], list[tuple[str, str]]]:
    """What is missing to the next steps, the nearest first, and why offers that are for this buyer do not apply."""
    tongue, offers = tongue_of(request), shop_of(request).offers
    told = quote.priced

    def title(rule: str) -> str:
        return tongue.pick(offers.title(rule)) or tongue.plain("buy.offer")

    purse = purse_of(request)
    written = purse.money if quote.charged is not None else tongue.money

    near = sorted(told.missing, key=lambda m: (m.amount == 0, m.amount or m.units))[:NEAREST]
    steps = [telling.missing(m, tongue.language, written, title) for m in near]
    short = {m.rule for m in told.missing}
    reasons = [
        (title(t.rule), telling.refused(t, tongue.language, written, title))
        for t in told.refused
        if t.code not in telling.HUSHED and t.rule not in short
    ]
    return steps, reasons[:MOST_REASONS]


@router.get("/cart")
def cart_page(request: Request) -> Response:
    with shop_of(request).db.read() as conn:
        cart = cart_of(request, conn)
    return drawn_cart(request, cart)


def drawn_cart(request: Request, cart: Cart | None, error: FairdayError | None = None) -> Response:
    """The cart's page, with what could not be done."""
    tongue = tongue_of(request)
    country = country_of(request)
    with shop_of(request).db.read() as conn:
        store = collecting(request, conn, cart) if cart is not None else ""
    choice = Choice(way="pickup" if store else "ship", store=store, country=country,
                    currency=preference(request).paid_in)  # fmt: skip
    quote = priced(request, cart, choice)
    steps, reasons = offers_told(request, quote) if quote is not None else ([], [])
    response = shown(
        request, "shop_cart.html", visitor_of(request), status_of(error) if error else 200, here="cart",
        lines=lines_drawn(request, cart, quote) if cart and quote is not None else [],
        quote=quote, sums=sums_drawn(request, quote) if quote is not None else {},
        purse=purse_of(request),
        landed=landed_drawn(request, quote.crossing) if quote is not None else None,
        country=country, countries=countries(request, country),
        error=say(tongue, error) if error else None, most=carts.MOST_OF_ONE,
        steps=steps, reasons=reasons, gone=gifts_gone(request, quote) if quote is not None else [],
        collected=bool(store),
        stuck=any(x.problem is not None and x.problem.code != ONLY_COLLECTED for x in quote.lines) if quote else False,
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def _own_photos(request: Request, conn: Connection, offer: Offer) -> None:
    """Raises FairdayError where a piece would carry another shopper's photo."""
    named = {line.value: line.name for line in offer.made.lines if line.kind == "photo"}
    if not named:
        return
    person = visitor_of(request).person
    own = [i.number for i in ids_of(conn, person)] if person is not None else []
    if foreign := of_others(conn, named, own):
        raise FairdayError(
            "That photo is not here.", code="unknown_photo", where=named[min(foreign)], remedy="Upload it again."
        )


@router.post("/cart/add", dependencies=[Depends(posted_long)])
def add(request: Request) -> Response:
    """Put goods into the cart: ``sku``, ``qty`` (1), and ``made.NAME`` for what is made for one."""
    form, shop = request.state.form, shop_of(request)
    sku, qty = text_in(form, "sku", 200), whole_in(form, "qty", 1)
    options = {k.removeprefix("made."): text_in(form, k, 400) for k in form if k.startswith("made.")}
    options = {k: v for k, v in options.items() if v}
    with shop.db.write() as conn:
        try:
            offer = shop.goods.offer(sku, qty=max(qty, 1), options=options, conn=conn)
            _own_photos(request, conn, offer)
            cart = carts.add_line(
                conn, cart_for(request, conn), sku, offer.product, qty, offer.made.said, shop.clock.now()
            )
        except FairdayError as found:
            error: FairdayError | None = found
        else:
            error = None
    if error is not None:
        if wants_json(request):
            raise error
        with shop.db.read() as conn:
            return drawn_cart(request, cart_of(request, conn), error)
    told(
        request, "Product Added",
        {"cart_id": digest(cart.cart)[:16], "product_id": offer.product, "sku": sku, "name": offer.title,
         "category": offer.category, "brand": offer.brand, "quantity": qty, "currency": offer.currency,
         "price": float(major(offer.unit, offer.currency)) / 10**offer.unit_digits},
        sku, str(cart.units),
    )  # fmt: skip
    response: Response = JSONResponse({"units": cart.units}) if wants_json(request) else RedirectResponse("/cart", 303)
    keep_cart(response, request, cart)
    return response


@router.post("/cart/{line}", dependencies=[Depends(posted_long)])
def change(request: Request, line: int) -> Response:
    """How many of a line; 0 takes it out."""
    shop = shop_of(request)
    qty = whole_in(request.state.form, "qty", -1)
    with shop.db.write() as conn:
        cart = cart_of(request, conn)
        if cart is None:
            raise HTTPException(404)
        gone = next((x for x in cart.lines if x.line == line), None)
        error: FairdayError | None = None
        try:
            cart = carts.set_qty(conn, cart, line, qty, shop.clock.now())
        except FairdayError as found:
            error = found
    if error is not None:
        return drawn_cart(request, cart, error)
    if qty == 0 and gone is not None:
        told(request, "Product Removed", {"cart_id": digest(cart.cart)[:16], "product_id": gone.product,
                                          "sku": gone.sku, "quantity": gone.qty}, gone.sku, str(line))  # fmt: skip
    return RedirectResponse("/cart", 303)
