"""The page of one order: what was bought, how far it is, what its buyer may do. What they do is in ``orders``."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from sqlalchemy import Connection, select
from starlette.responses import Response

from fairday.goods.catalogue import products_named
from fairday.goods.records import Variant, variants_of
from fairday.kernel.decider import State
from fairday.kernel.errors import FairdayError
from fairday.shop import Shop
from fairday.stores.records import all_places
from fairday.trade import order as rules
from fairday.trade.b2b.tables import company_orders
from fairday.trade.documents import sums_of
from fairday.trade.links import order_number as number_of
from fairday.trade.links import pickup_code
from fairday.trade.making import due_day
from fairday.trade.modes import Mode, Thing
from fairday.trade.payment.model import BALANCE
from fairday.trade.records import Contact, contact_of, parcels_of
from fairday.trade.shipping.carriers import carrier_name, tracking_link
from fairday.web.called import Called, called_of
from fairday.web.goods import safe
from fairday.web.making import Pieces
from fairday.web.render import shop_of, tongue_of
from fairday.web.storefront.checkout import methods, part_of
from fairday.web.storefront.front import front_of, shown, visitor_of
from fairday.web.storefront.landing import abroad_drawn
from fairday.web.storefront.packs import shareable
from fairday.web.storefront.prefer import address_lines

REASONS = ("changed_mind", "damaged", "wrong_item", "not_as_told", "late", "other")
PLACES = {"goods": "/goods/", "listing": "/market/", "deal": "/deal/", "brief": "/briefs/", "design": "/designs/"}
OVER = ("cancelled", "expired", "returned", "refunded", "exchanged")


def page(request: Request, token: str, order: str, state: State, error: Any = None, status: int = 200) -> Response:
    """An order's page."""
    shop, tongue = shop_of(request), tongue_of(request)
    number, mode = order.partition(":")[2], shop.orders.mode(state)
    with shop.db.read() as conn:
        contact, _ = contact_of(conn, number)
        sent = [p | {"carrier_name": carrier_name(p["carrier"], tongue.language),
                     "link": tracking_link(p["carrier"], p["tracking"])} for p in parcels_of(conn, number)]  # fmt: skip
        store = next((p for p in all_places(conn) if p.store == state["store"]), None)
        shared = shareable(request, conn, state)
        lines = _lines(request, conn, mode, state, contact)
        account_due = conn.execute(select(company_orders.c.due_at).where(company_orders.c.id == number)).scalar()
    stands, due = rules.status(state), rules.due(state)
    response = shown(
        request, "shop_order.html", visitor_of(request), status, here="me", token=token, order=state, id=number,
        stands=stands, number=number_of(order), lines=lines, sums=sums_of(state), saved=_saved(request, state), due=due,
        account_due=account_due,
        contact=contact, address=address_lines(tongue, contact), parcels=sent, store=store, error=error,
        methods=methods(request, max(1, due), state["currency"]),
        part=0 if any(p["method"] == BALANCE for p in state["payments"])
        else part_of(request, due, state["currency"]),
        reasons=REASONS, shares=shared.terms.title if shared is not None else None,
        settling=_settling(shop, order, state), called={sku: name for x in lines for sku, name in x["called"]},
        code=pickup_code(front_of(request).secret, order) if state["way"] == "pickup" and stands == "paid" else "",
        may=_may(shop, mode, state, stands), gathered=mode.ways.gathered and state["life"] == "open",
        about=_about(mode.goes_on(number, state)), steps=_steps(state, stands), now=_now(mode, state, stands),
        say=request.query_params.get("say", ""), money=lambda n: tongue.money(n, state["currency"]),
        rate=(abroad_drawn(tongue, state) or {}).get("rate", ""),
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


# ---- what was bought -------------------------------------------------------------------------------------------------


def _lines(request: Request, conn: Connection, mode: Mode, state: State, contact: Contact) -> list[dict[str, Any]]:
    """The lines in the reader's words, each with its picture and what it may be exchanged for."""
    shop, tongue = shop_of(request), tongue_of(request)
    products = {x["product"] for x in state["lines"].values()}
    several, rows = variants_of(conn, products), products_named(conn, products)
    words = {v for many in several.values() for one in many for v in one.options.values()}
    words |= {v for x in state["lines"].values() for v in (x.get("form") or {}).values()}
    called = called_of(request).read(conn, products, words)
    said = {part: contact.options.get(part, {}) for part in state["lines"]}
    pieces = Pieces(conn, tongue, [(x["product"], x["sku"], said[p]) for p, x in state["lines"].items()],
                    shop.clock.now())  # fmt: skip
    drawn = []
    for part, x in state["lines"].items():
        forms = several.get(x["product"], [])
        row, form = rows.get(x["product"]), next((v for v in forms if v.sku == x["sku"]), None)
        title = called.goods(x["product"], x["title"])
        drawn.append(
            x
            | {
                "line": part, "title": title, "out": x["shipped"] - x["returned"],
                "to": _path(mode.thing(state, x)),
                "image": safe(form.image if form else None) or safe(row.image if row else None),
                "form": [called.word(v) for v in (x.get("form") or {}).values()],
                # What the goods cost without offers, with the same duty and tax as what is paid.
                "before": x["gross"] + x["paid"] - x["net"],
                "called": _forms(called, title, forms) or [(x["sku"], title)],
                "instead": _forms(called, "", [v for v in forms if not v.hidden]) or [(x["sku"], title)],
                "options": pieces.said(x["product"], said[part]),
                "piece": f"/goods/{quote(x['product'], safe='')}?"
                + urlencode({"v": x["sku"], **{f"made.{name}": value for name, value in said[part].items()}}),
                "due": due_day(state, x["days"], shop.settings.zone) if said[part] and rules.waiting(x) else None,
            }
        )  # fmt: skip
    return drawn


def _forms(called: Called, title: str, forms: list[Variant]) -> list[tuple[str, str]]:
    """Articles by SKU as shoppers call them."""
    return [(v.sku, " · ".join([*([title] if title else []), *map(called.word, v.options.values())])) for v in forms]


def _saved(request: Request, state: State) -> list[tuple[str, int]]:
    """What each offer took off, by what it is called."""
    tongue, offers = tongue_of(request), shop_of(request).offers
    sums: dict[str, int] = {}
    for part in (*state["lines"].values(), *([state["shipping"]] if state["shipping"] is not None else [])):
        for rule, amount in part["discounts"]:
            sums[rule] = sums.get(rule, 0) + amount
    return [(tongue.pick(offers.title(r)) or tongue.plain("order.discount"), n) for r, n in sums.items() if n]


def _path(thing: Thing) -> str:
    return PLACES[thing.kind] + quote(thing.number, safe="")


def _about(thing: Thing | None) -> tuple[str, str] | None:
    """The page on which the two sides of an order go on, and what the way there is called."""
    return None if thing is None else (_path(thing), f"{thing.kind}.open")


def _settling(shop: Shop, order: str, state: State) -> dict[str, tuple[int, int]]:
    """What each open wish to exchange would cost now: by its number, what is left to pay and what goes back."""
    found = {}
    for number, asked in state["returns"].items():
        if asked["state"] in ("asked", "accepted") and asked.get("wants"):
            with contextlib.suppress(FairdayError):
                swap = shop.exchanges.look(order, asked["units"], [(sku, n) for sku, n in asked["wants"]])
                found[number] = (swap.due, swap.rest)
    return found


# ---- what may be done ------------------------------------------------------------------------------------------------


def _may(shop: Shop, mode: Mode, state: State, stands: str) -> dict[str, bool]:
    """What the buyer may do now."""
    ways, is_open = mode.ways, state["life"] == "open"
    left = any(x["shipped"] > x["returned"] for x in state["lines"].values())
    return {
        "cancel": may_cancel(shop, mode, state),
        "receive": ways.back and is_open and stands in ("shipped", "picked_up") and state["received_at"] is None,
        "return": ways.back and is_open and state["shipped_at"] is not None and left,
        "exchange": shop.exchanges.takes(state),
        "again": ways.again,
        "papers": rules.is_paid(state),
    }


def may_cancel(shop: Shop, mode: Mode, state: State) -> bool:
    """Whether the buyer may give it up: nothing has left, and the mode lets go of it."""
    unsent = state["life"] == "open" and not any(x["shipped"] for x in state["lines"].values())
    return unsent and mode.lets_go(state, shop.orders.state)


def _steps(state: State, stands: str) -> list[tuple[str, bool]]:
    """The way of an order, and how far it is: for the line of dots."""
    if stands in OVER:
        return [("placed", True), (stands, True)]
    last = "picked_up" if state["way"] == "pickup" else "shipped"
    reached = {"placed": True, "paid": rules.is_paid(state), last: stands in (last, "completed"),
               "completed": stands == "completed" or state["received_at"] is not None}  # fmt: skip
    return list(reached.items())


def _now(mode: Mode, state: State, stands: str) -> str:
    """The key of a sentence on what happens next; "" where another says it."""
    if mode.ways.gathered or not mode.ways.back:
        return ""
    if stands == "paid" and state["way"] == "pickup":
        return "ready" if state["ready_at"] else "packing"
    if stands in ("shipped", "picked_up") and state["received_at"] is not None:
        return "received"
    return {"paid": "paid", "part_shipped": "part_shipped", "shipped": "shipped", "cancelled": "cancelled",
            "expired": "expired"}.get(stands, "")  # fmt: skip
