"""A shopper's orders: the list, each one's page behind a link that cannot be guessed, what they may do, the papers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Depends, Request
from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.called import calm
from fairday.goods.records import variants_of
from fairday.kernel.decider import State
from fairday.kernel.errors import Conflict, FairdayError
from fairday.people.accounts import accounts_in
from fairday.shop import Shop
from fairday.stores.records import all_places
from fairday.trade import cart as carts
from fairday.trade import order as rules
from fairday.trade.c2b.mode import BRIEF, PREORDER
from fairday.trade.c2c.dispute import MODES as PEOPLE
from fairday.trade.documents import Paper, drawn, sums_of
from fairday.trade.links import order_number as number_of
from fairday.trade.links import pickup_code
from fairday.trade.making import due_day
from fairday.trade.payment.model import BALANCE
from fairday.trade.records import contact_of, orders, parcels_of
from fairday.trade.shipping.carriers import carrier_name, tracking_link
from fairday.web.i18n import Tongue
from fairday.web.making import Pieces
from fairday.web.render import say, shop_of, tongue_of
from fairday.web.storefront.buying import (
    MEMBER,
    account_of,
    cart_for,
    keep_cart,
    kept_orders,
    order_of,
    sign_out,
    text_in,
    token_of,
    whole_in,
)
from fairday.web.storefront.checkout import methods, part_of, pay
from fairday.web.storefront.front import front_of, posted_long, router, shown, visitor_of
from fairday.web.storefront.landing import abroad_drawn
from fairday.web.storefront.packs import shareable
from fairday.web.storefront.prefer import address_lines

REASONS = ("changed_mind", "damaged", "wrong_item", "not_as_told", "late", "other")
MOST = 50


@router.get("/orders")
def mine(request: Request) -> Response:
    """The orders of the member, and those placed from this device."""
    shop, member = shop_of(request), account_of(request)
    with shop.db.read() as conn:
        found = _listed(conn, member[0] if member else None, kept_orders(request))
    secret = front_of(request).secret
    for one in found:
        one["token"] = token_of(secret, one["id"], one["placed_at"])
        one["number"] = number_of(one["id"])
    response = shown(request, "shop_orders.html", visitor_of(request), here="me", orders=found, member=member)
    response.headers["cache-control"] = "no-store"
    return response


def _listed(conn: Connection, account: str | None, kept: list[str]) -> list[dict[str, Any]]:
    # A member's list is the account's alone: a device may have had another owner.
    mine = (orders.c.account.in_(accounts_in(conn, account)) if account
            else orders.c.id.in_(kept) & orders.c.account.is_(None))  # fmt: skip
    query = select(orders).where(mine).order_by(orders.c.placed_at.desc()).limit(MOST)
    return [dict(row) for row in conn.execute(query).mappings()]


@router.get("/order/{token}")
def order_page(request: Request, token: str) -> Response:
    order, state = order_of(request, token)
    return page(request, token, order, state)


def page(request: Request, token: str, order: str, state: State, error: Any = None, status: int = 200) -> Response:
    """An order's page."""
    shop, tongue = shop_of(request), tongue_of(request)
    number = order.partition(":")[2]
    with shop.db.read() as conn:
        contact, _ = contact_of(conn, number)
        sent = [p | {"carrier_name": carrier_name(p["carrier"]), "link": tracking_link(p["carrier"], p["tracking"])}
                for p in parcels_of(conn, number)]  # fmt: skip
        store = next((p for p in all_places(conn) if p.store == state["store"]), None)
        shared = shareable(request, conn, state)
        several = variants_of(conn, {x["product"] for x in state["lines"].values()})
        said = {part: contact.options.get(part, {}) for part in state["lines"]}
        pieces = Pieces(conn, tongue, [(x["product"], x["sku"], said[p]) for p, x in state["lines"].items()],
                        shop.clock.now())  # fmt: skip
    where = rules.status(state)
    address = address_lines(tongue, contact)
    lines = [
        x
        | {
            "line": part,
            "out": x["shipped"] - x["returned"],
            "title": calm(x["title"]),
            "called": [
                (v.sku, " · ".join([calm(x["title"]), *v.options.values()])) for v in several.get(x["product"], ())
            ]
            or [(x["sku"], calm(x["title"]))],
            "instead": [(v.sku, " · ".join(v.options.values())) for v in several.get(x["product"], ()) if not v.hidden]
            or [(x["sku"], calm(x["title"]))],
            "options": pieces.said(x["product"], said[part]),
            "said": said[part],
            "due": due_day(state, x["days"], shop.settings.zone) if said[part] and rules.waiting(x) else None,
        }
        for part, x in state["lines"].items()
    ]
    response = shown(
        request, "shop_order.html", visitor_of(request), status, here="me", token=token, order=state, id=number,
        stands=where,
        number=number_of(order), lines=lines, sums=sums_of(state), due=rules.due(state), contact=contact,
        address=address, parcels=sent, store=store, error=error,
        methods=methods(request, max(1, rules.due(state)), state["currency"]),
        part=0 if any(p["method"] == BALANCE for p in state["payments"])
        else part_of(request, rules.due(state), state["currency"]),
        reasons=REASONS,
        shares=shared.terms.title if shared is not None else None,
        settling=_settling(shop, order, state), called={sku: name for x in lines for sku, name in x["called"]},
        code=pickup_code(front_of(request).secret, order) if state["way"] == "pickup" and where == "paid" else "",
        may={
            "cancel": _may_cancel(request, state),
            "receive": state["life"] == "open" and where in ("shipped", "picked_up") and state["received_at"] is None
            and state["mode"] not in PEOPLE,
            "return": state["life"] == "open" and state["shipped_at"] is not None and any(x["out"] for x in lines),
            "papers": rules.is_paid(state),
            "exchange": state["mode"] == "b2c" and "exchange" not in state["data"],
        },
        about=_about(state, number), things={x["line"]: _thing(state, x) for x in lines},
        steps=_steps(state, where), say=request.query_params.get("say", ""),
        money=lambda n: tongue.money(n, state["currency"]), rate=(abroad_drawn(tongue, state) or {}).get("rate", ""),
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


def _settling(shop: Shop, order: str, state: State) -> dict[str, tuple[int, int]]:
    """What each open wish to exchange would cost now: by its number, what is left to pay and what goes back."""
    found = {}
    for number, asked in state["returns"].items():
        if asked["state"] in ("asked", "accepted") and asked.get("wants"):
            with contextlib.suppress(FairdayError):
                swap = shop.exchanges.look(order, asked["units"], [(sku, n) for sku, n in asked["wants"]])
                found[number] = (swap.due, swap.rest)
    return found


def _about(state: State, number: str) -> tuple[str, str] | None:
    """The page on which the two sides of an order between people go on, and what the way there is called."""
    if state["mode"] == "c2c":
        return f"/deal/{number}", "deal.open"
    return (f"/briefs/{state['data']['brief']}", "brief.open") if state["mode"] == BRIEF else None


def _thing(state: State, line: Mapping[str, Any]) -> str:
    """The page of what a line is of."""
    told = state["data"]
    if state["mode"] == "c2c":
        return f"/market/{told['listing']}"
    if state["mode"] == BRIEF:
        return f"/briefs/{told['brief']}"
    if state["mode"] == PREORDER and not line["gift"]:
        return f"/designs/{told['design']}"
    return f"/goods/{quote(line['product'], safe='')}"


def _may_cancel(request: Request, state: State) -> bool:
    """Whether the buyer may give it up: nothing has left, nobody works on it, and nothing is being made for it."""
    if state["life"] != "open" or any(x["shipped"] for x in state["lines"].values()):
        return False
    if state["mode"] == BRIEF:
        return not rules.is_paid(state) and not state["on_account"]
    if state["mode"] == PREORDER:
        design = shop_of(request).designs.state(state["data"]["design"])
        return design is not None and design["life"] == "open"
    return True


def _steps(state: State, where: str) -> list[tuple[str, bool]]:
    """The way of an order, and how far it is: for the line of dots."""
    if where in ("cancelled", "expired", "returned", "refunded", "exchanged"):
        return [("placed", True), (where, True)]
    last = "picked_up" if state["way"] == "pickup" else "shipped"
    reached = {"placed": True, "paid": rules.is_paid(state), last: where in (last, "completed"),
               "completed": where == "completed" or state["received_at"] is not None}  # fmt: skip
    return list(reached.items())


@router.post("/order/{token}/{act}", dependencies=[Depends(posted_long)])
async def act(request: Request, token: str, act: str) -> Response:
    """What a shopper may do with their order: pay, cancel, say it came, ask to send back, buy again."""
    return await run_in_threadpool(_act, request, token, act)


def _act(request: Request, token: str, act: str) -> Response:
    shop, form = shop_of(request), request.state.form
    order, state = order_of(request, token)
    if act == "pay":
        return pay(request, order, text_in(form, "payment", 32), first=form.get("balance_first") == "yes")
    if state["mode"] in PEOPLE and act in ("again", "return", "receive"):
        raise HTTPException(404)  # one of a kind; what is wrong with it is said on the deal's or the brief's page
    if act == "again":
        with shop.db.write() as conn:
            cart = cart_for(request, conn)
            contact, _ = contact_of(conn, order.partition(":")[2])
            cart = carts.refill(conn, cart, _bought(state, contact.options), shop.clock.now())
        response = RedirectResponse("/cart", 303)
        keep_cart(response, request, cart)
        return response
    why = text_in(form, "why", 40)
    data: dict[str, Any] = {"why": why if why in REASONS else "other"}
    if act == "return":
        units = data["units"] = {part: n for part in state["lines"] if (n := whole_in(form, f"units.{part}", 0))}
        if form.get("instead") == "exchange":
            data["wants"] = _wants(form, units)
            try:
                shop.exchanges.look(order, units, data["wants"])
            except FairdayError as wrong:
                return page(request, token, order, state, say(tongue_of(request), wrong), 409)
    name = {"cancel": "order.cancel", "receive": "order.receive", "return": "order.ask_return"}.get(act)
    if name is None:
        raise HTTPException(404)
    if act == "cancel" and not _may_cancel(request, state):
        raise HTTPException(409)
    answer = shop.orders.act(name, order, {} if act == "receive" else data, actor=order)
    if not answer.ok:
        assert answer.refusal is not None
        error = Conflict(answer.refusal.message, code=f"order_{answer.refusal.code}")
        return page(request, token, order, state, say(tongue_of(request), error), 409)
    return RedirectResponse(f"/order/{token}", 303)


def _wants(form: Any, units: dict[str, int]) -> list[tuple[str, int]]:
    """What a shopper would rather have: for each line an article, as many units as come back of it."""
    wanted: dict[str, int] = {}
    for part, n in units.items():
        sku = text_in(form, f"other.{part}", 200) or text_in(form, f"want.{part}", 200)
        if sku:
            wanted[sku] = wanted.get(sku, 0) + n
    return list(wanted.items())


def _bought(state: State, options: Any) -> list[dict[str, Any]]:
    return [x | {"options": options.get(part, {})} for part, x in state["lines"].items() if x["gift"] is None]


@router.post("/sign-out", dependencies=[Depends(posted_long)])
def leave(request: Request) -> Response:
    """Sign out on this device."""
    response = RedirectResponse("/", 303)
    if MEMBER in request.cookies:
        sign_out(response)
    return response


@router.get("/order/{token}/{paper}.pdf")
def papers(request: Request, token: str, paper: str) -> Response:
    """The invoice or the receipt."""
    order, state = order_of(request, token)
    if paper not in ("invoice", "receipt") or (paper == "receipt" and not rules.is_paid(state)):
        raise HTTPException(404)
    with shop_of(request).db.read() as conn:
        contact, _ = contact_of(conn, order.partition(":")[2])
    made = paper_of(tongue_of(request), shop_of(request).settings.name, paper, order, state, contact)
    name = re.sub(r"[^A-Z0-9-]", "", number_of(order))
    headers = {"content-disposition": f'inline; filename="{paper}-{name}.pdf"', "cache-control": "no-store"}
    return Response(drawn(made), media_type="application/pdf", headers=headers)


def paper_of(tongue: Tongue, shop: str, kind: str, order: str, state: State, contact: Any) -> Paper:
    """An order's paper in a reader's language."""

    def money(n: int) -> str:
        return tongue.money(n, state["currency"]).replace("\u00a0", " ").replace("\u202f", " ")

    plain = tongue.plain
    facts = [(plain("order.number"), number_of(order)), (plain("order.date"), tongue.date(state["placed_at"]))]
    if state["paid_at"] is not None:
        facts.append((plain("order.paid_on"), tongue.date(state["paid_at"])))
    abroad = abroad_drawn(tongue, state) or {}
    if abroad.get("number"):
        facts.append((abroad["regime"], abroad["number"]))
    rows: list[tuple[str, str, str, str]] = []
    for x in state["lines"].values():
        title = " · ".join([calm(x["title"]), *dict(x.get("form") or {}).values()])
        unit = money(round(x["unit"] / 10 ** x["unit_digits"])) if x["gift"] is None else plain("buy.gift")
        rows.append((title, str(x["qty"]), unit, money(x["gross"])))
        off = sum(n for _, n in x["discounts"])
        if off:
            rows.append((plain("order.discount"), "", "", money(-off)))
    sums = sums_of(state)
    listed = [
        (
            plain("order.goods"),
            money(sums["goods"] - sum(n for x in state["lines"].values() for _, n in x["discounts"])),
            False,
        )
    ]
    if state["shipping"] is not None:
        listed.append((plain("buy.shipping"), money(state["shipping"]["net"]), False))
    if sums["duty"]:
        listed.append((plain("border.duty"), money(sums["duty"]), False))
    if sums["tax"]:
        label = plain("border.tax", country=abroad["country"]) if abroad.get("country") else plain("order.tax")
        listed.append((label, money(sums["tax"]), False))
    listed.append((plain("buy.total"), money(sums["total"]), True))
    if sums["tax_inside"]:
        listed.append((plain("order.tax_inside"), money(sums["tax_inside"]), False))
    if sums["refunded"]:
        listed.append((plain("order.refunded"), money(-sums["refunded"]), False))
    buyer = [contact.name, *address_lines(tongue, contact)]
    return Paper(
        title=plain(f"order.{kind}"), shop=shop, facts=facts, buyer=list(dict.fromkeys(b for b in buyer if b)),
        head=(plain("order.col.goods"), plain("order.col.qty"), plain("order.col.unit"), plain("order.col.amount")),
        rows=rows, sums=listed,
        note=" ".join([plain("order.note", shop=shop), *_notes(tongue, abroad)]),
    )  # fmt: skip


def _notes(tongue: Tongue, abroad: Mapping[str, str]) -> list[str]:
    """What a paper says of a border: what the carrier will ask for, and the rate an order was charged by."""
    found = []
    if abroad.get("later"):
        later = abroad["later"].replace("\u00a0", " ").replace("\u202f", " ")
        found.append(tongue.plain("border.order_later", amount=later))
    if abroad.get("rate"):
        found.append(f"{abroad['rate']}.")
    return found
