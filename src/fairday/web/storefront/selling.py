"""Members sell to members: what is offered, one's own listings and deals, payouts. For members only but for looking."""

from __future__ import annotations

from typing import Any

from babel import Locale
from fastapi import Depends, Request
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.photos import keep_photo, redraw
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.kernel.money import digits, major, typed
from fairday.people.identity import ids_of, person_of
from fairday.trade.c2c import records
from fairday.trade.c2c.records import Listing
from fairday.trade.c2c.saying import LISTING_ID
from fairday.trade.c2c.seller import A_DAY
from fairday.trade.c2c.service import Draft
from fairday.trade.records import Contact, last_contact
from fairday.trade.shipping.addresses import read_address
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import account_of, text_in
from fairday.web.storefront.checkout import methods, pay
from fairday.web.storefront.front import front_of, posted_long, router, same_site, shown, spend, visitor_of
from fairday.web.storefront.prefer import COUNTRIES

PAGE = 48
BY_HAND = ("cash", "card_present")
"""Ways to pay that need both sides at a counter."""
FIELDS = ("name", "phone", "country", "region", "city", "district", "street", "postcode")
Member = tuple[str, tuple[str, str]]


def member_of(request: Request) -> Member:
    """The member who asks; a guest is told to sign in (401 would make browsers ask for a password)."""
    found = account_of(request)
    if found is None:
        raise HTTPException(403)
    return found


async def uploaded(request: Request) -> None:
    """Read a form that may carry one photo, refusing one that another site sends."""
    same_site(request)
    request.state.form = await request.form(max_files=1, max_fields=30, max_part_size=8192)
    sent = request.state.form.get("file")
    request.state.photo = b"" if sent is None or isinstance(sent, str) else await sent.read()


def photo_in(request: Request, member: Member) -> str:
    """The photo of a form: one just sent, redrawn and kept, else one kept before; "" for none."""
    if not request.state.photo:
        return text_in(request.state.form, "photo", 40)
    spend(request, front_of(request).photos)
    drawn = redraw(request.state.photo)
    with shop_of(request).db.write() as conn:
        person = person_of(conn, *member[1])
        own = ids_of(conn, person) if person is not None else []
        owner = next((i.number for i in own if (i.type, i.value) == member[1]), None)
        return keep_photo(conn, drawn, shop_of(request).clock.now(), owner).photo


def no_store(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    return response


# ---- what is offered -------------------------------------------------------------------------------------------------


@router.get("/market")
def market(request: Request) -> Response:
    """What people offer now, the newest first."""
    shop = shop_of(request)
    before = request.query_params.get("before", "")
    with shop.db.read() as conn:
        found = records.page(
            conn, life="live", before=int(before[:15]) if before.isascii() and before.isdigit() else None, limit=PAGE
        )
    return shown(
        request, "shop_market.html", visitor_of(request), here="market", listings=found, member=account_of(request),
        older=found[-1].updated_at if len(found) == PAGE else None,
    )  # fmt: skip


@router.get("/market/{listing}")
def one(request: Request, listing: str) -> Response:
    return _one(request, listing)


def _one(request: Request, id_: str, error: FairdayError | None = None, given: Any = None) -> Response:
    shop, member = shop_of(request), account_of(request)
    locale = Locale.parse(tongue_of(request).locale)
    with shop.db.read() as conn:
        found = records.get(conn, id_) if LISTING_ID.fullmatch(id_) else None
        mine = found is not None and member is not None and found.seller == member[0]
        if found is None or (not mine and found.life not in ("live", "reserved", "sold")):
            raise HTTPException(404)
        stars = records.stars_of(conn, [found.seller]).get(found.seller)
        last = last_contact(conn, member[0]) if member is not None else Contact()
    fields = given or {name: getattr(last, name) for name in FIELDS}
    fields["country"] = fields["country"] or shop.settings.country or "CN"
    response = shown(
        request, "shop_listing.html", visitor_of(request), status_of(error) if error else 200, here="market",
        item=found, mine=mine, member=member, stars=stars, given=fields, order=new_id(shop.clock.now()),
        error=say(tongue_of(request), error) if error else None, where=error.where if error else "",
        methods=[m for m in methods(request) if m not in BY_HAND], hold=shop.settings.market.hold_days,
        countries=sorted(((c, locale.territories.get(c, c)) for c in {*COUNTRIES, fields["country"]}),
                         key=lambda c: c[1]),
    )  # fmt: skip
    return no_store(response)


@router.post("/market/{listing}", dependencies=[Depends(posted_long)])
async def buy(request: Request, listing: str) -> Response:
    """Buy it, and go on to pay."""
    return await run_in_threadpool(_buy, request, listing)


def _buy(request: Request, id_: str) -> Response:
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    spend(request, front_of(request).posts)
    fields = {name: text_in(form, name, 400) for name in FIELDS}
    order, method = text_in(form, "order", 40), text_in(form, "payment", 32)
    seen = [text_in(form, name, 12) for name in ("price", "shipping")]
    if not LISTING_ID.fullmatch(order) or not all(s.isascii() and s.isdigit() for s in seen):
        raise HTTPException(422)
    try:
        to = read_address(fields)
        contact = Contact(
            name=to.name, phone=to.phone, country=to.country, region=to.region, city=to.city, district=to.district,
            street=to.street, postcode=to.postcode, language=tongue_of(request).language,
            email=member[1][1] if member[1][0] == "email" else "",
        )  # fmt: skip
        answer = shop.market.buy(
            id_, order, member[0], (member[1],), contact, method=method, seen=(int(seen[0]), int(seen[1]))
        )
        if answer.refusal is not None:
            before = shop.orders.state(f"order:{order}")
            if answer.refusal.code != "already_placed" or before is None or before["account"] != member[0]:
                raise Conflict(answer.refusal.message, code=answer.refusal.code)
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _one(request, id_, error, fields)
    return pay(request, f"order:{order}", method if method not in BY_HAND else "")


# ---- one's own -------------------------------------------------------------------------------------------------------


@router.get("/sell")
def selling(request: Request) -> Response:
    """A member's listings, deals and earnings."""
    return _selling(request)


def _selling(request: Request, error: FairdayError | None = None) -> Response:
    shop, member = shop_of(request), account_of(request)
    given: dict[str, Any] = {"listings": [], "deals": [], "earned": {}, "payouts": [], "payee": "", "stars": None}
    if member is not None:
        seller = f"seller:{member[0].partition(':')[2]}"
        with shop.db.read() as conn:
            given["listings"] = records.page(conn, seller=member[0], limit=100)
            given["payouts"] = records.payouts_of(conn, seller=seller, limit=20)
            given["payee"] = records.payee_of(conn, seller)
            given["stars"] = records.stars_of(conn, [member[0]]).get(member[0])
        given |= {"deals": shop.market.deals_of(member[0]), "earned": shop.market.earned(member[0])}
    response = shown(
        request, "shop_sell.html", visitor_of(request), status_of(error) if error else 200, here="market",
        member=member, error=say(tongue_of(request), error) if error else None, payout=new_id(shop.clock.now()),
        fee=tongue_of(request).percent(shop.settings.market.commission / 10_000, 2), **given,
    )  # fmt: skip
    return no_store(response)


@router.get("/sell/item")
def item(request: Request) -> Response:
    """The form of a listing, new or one's own."""
    shop, member = shop_of(request), member_of(request)
    asked = request.query_params.get("id", "")
    with shop.db.read() as conn:
        found = _mine(conn, asked, member) if asked else None
    if asked and found is None:
        raise HTTPException(404)
    fields = {"id": new_id(shop.clock.now()), "title": "", "text": "", "price": "", "shipping": "", "photo": ""}
    if found is not None:
        fields = {"id": found.id, "title": found.title, "text": found.text, "photo": found.photo,
                  "price": _written(found.price, found.currency),
                  "shipping": _written(found.shipping, found.currency)}  # fmt: skip
    return _form(request, fields, found)


def _mine(conn: Connection, id_: str, member: Member) -> Listing | None:
    found = records.get(conn, id_) if LISTING_ID.fullmatch(id_) else None
    return found if found is not None and found.seller == member[0] else None


def _written(amount: int, currency: str) -> str:
    return f"{major(amount, currency):.{digits(currency)}f}"


def _form(request: Request, fields: Any, found: Listing | None, error: FairdayError | None = None) -> Response:
    tongue, market = tongue_of(request), shop_of(request).settings.market
    response = shown(
        request, "shop_sell_item.html", visitor_of(request), status_of(error) if error else 200, here="market",
        given=fields, item=found, error=say(tongue, error) if error else None, where=error.where if error else "",
        review=market.review, fee=tongue.percent(market.commission / 10_000, 2), a_day=A_DAY, days=market.hold_days,
    )  # fmt: skip
    return no_store(response)


@router.post("/sell/item", dependencies=[Depends(uploaded)])
async def write(request: Request) -> Response:
    """Keep or send a listing."""
    return await run_in_threadpool(_write, request)


def _write(request: Request) -> Response:
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    fields = {name: text_in(form, name, 4000) for name in ("id", "title", "text", "price", "shipping", "photo")}
    currency = shop.settings.currency
    try:
        fields["photo"] = photo_in(request, member)
        draft = Draft(
            title=fields["title"], text=fields["text"], photo=fields["photo"], price=_amount(fields, "price", currency),
            shipping=_amount(fields, "shipping", currency),
        )  # fmt: skip
        found = shop.market.write(fields["id"], member[0], (member[1],), draft, send=form.get("go") != "draft")
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        with shop.db.read() as conn:
            return _form(request, fields, _mine(conn, fields["id"], member), error)
    return RedirectResponse(f"/market/{found.id}?say={found.life}", 303)


def _amount(fields: Any, name: str, currency: str) -> int:
    try:
        return typed(fields[name] or "0", currency)
    except FairdayError as error:
        code = error.code if error.code == "too_many_decimals" else "bad_price"
        raise FairdayError(error.message, code=code, where=name) from None


@router.post("/sell/withdraw", dependencies=[Depends(posted_long)])
def withdraw(request: Request) -> Response:
    """Take a listing back."""
    member, id_ = member_of(request), text_in(request.state.form, "id", 40)
    try:
        shop_of(request).market.withdraw(id_, member[0])
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _selling(request, error)
    return RedirectResponse("/sell", 303)


@router.post("/sell/payout", dependencies=[Depends(posted_long)])
def payout(request: Request) -> Response:
    """Ask for what was earned."""
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    spend(request, front_of(request).posts)
    try:
        shop.market.ask_payout(
            member[0], (member[1],), text_in(form, "payout", 40),
            typed(text_in(form, "amount", 20), shop.settings.currency), text_in(form, "destination", 400),
        )  # fmt: skip
    except FairdayError as error:
        return _selling(request, error)
    return RedirectResponse("/sell?say=payout", 303)
