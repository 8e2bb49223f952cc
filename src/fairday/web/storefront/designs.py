"""People's designs: those that can be pre-ordered, one's own, and the form to send one."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.people.accounts import accounts_in
from fairday.trade.c2b.designs import Drawn
from fairday.trade.c2b.tables import Design, designs_of
from fairday.web.crowding import amount_in, written
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import account_of, text_in
from fairday.web.storefront.front import posted_long, router, shown, visitor_of
from fairday.web.storefront.selling import Member, member_of, no_store, photo_in, uploaded

PUBLIC = ("open", "made", "missed", "stopped")


@router.get("/designs")
def designs(request: Request) -> Response:
    """Designs that take pre-orders, and those that were made; a member's own above."""
    shop, member = shop_of(request), account_of(request)
    with shop.db.read() as conn:
        open_, made = (designs_of(conn, lives=[life], limit=48) for life in ("open", "made"))
    return no_store(
        shown(
            request, "shop_designs.html", visitor_of(request), here="designs", designs=open_, made=made, member=member,
            mine=shop.designs.sent(member[0]) if member is not None else [],
        )
    )  # fmt: skip


@router.get("/designs/new")
def new(request: Request) -> Response:
    """The form of a design, new or one's own."""
    shop, _ = shop_of(request), member_of(request)
    asked = request.query_params.get("id", "")
    found = shop.designs.named(asked) if asked else None
    if asked and (found is None or not _own(request, found)):
        raise HTTPException(404)
    given = {"id": new_id(shop.clock.now()), "title": "", "text": "", "price": "", "photo": ""}
    if found is not None:
        given = {"id": found.id, "title": found.title, "text": found.text, "photo": found.photo,
                 "price": written(found.asked, found.currency)}  # fmt: skip
    return _form(request, given)


def _form(request: Request, given: Any, error: FairdayError | None = None) -> Response:
    tongue, crowd = tongue_of(request), shop_of(request).settings.crowd
    response = shown(
        request, "shop_design_new.html", visitor_of(request), status_of(error) if error else 200, here="designs",
        given=given, error=say(tongue, error) if error else None, where=error.where if error else "",
        royalty=tongue.percent(crowd.royalty / 10_000, 2),
    )  # fmt: skip
    return no_store(response)


@router.post("/designs/new", dependencies=[Depends(uploaded)])
async def write(request: Request) -> Response:
    """Keep or send a design."""
    return await run_in_threadpool(_write, request)


def _write(request: Request) -> Response:
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    given = {name: text_in(form, name, 4000) for name in ("id", "title", "text", "price", "photo")}
    try:
        given["photo"] = photo_in(request, member)
        price = amount_in(given["price"], shop.settings.currency, "price")
        drawn = Drawn(title=given["title"], text=given["text"], price=price, photo=given["photo"])
        found = shop.designs.write(given["id"], member[0], (member[1],), drawn, send=form.get("go") != "draft")
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _form(request, given, error)
    return RedirectResponse(f"/designs/{found.id}", 303)


@router.post("/designs/withdraw", dependencies=[Depends(posted_long)])
def withdraw(request: Request) -> Response:
    """Take a design back before it is accepted."""
    member, id_ = member_of(request), text_in(request.state.form, "id", 40)
    try:
        shop_of(request).designs.withdraw(id_, member[0])
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _one(request, id_, error)
    return RedirectResponse("/designs", 303)


@router.get("/designs/{design}")
def design(request: Request, design: str) -> Response:
    return _one(request, design)


def _one(request: Request, id_: str, error: FairdayError | None = None) -> Response:
    shop, member = shop_of(request), account_of(request)
    found: Design | None = shop.designs.named(id_)
    mine = found is not None and _own(request, found)
    if found is None or (found.life not in PUBLIC and not mine):
        raise HTTPException(404)
    now = shop.clock.now()
    with shop.db.read() as conn:
        left = shop.stock.available(conn, [found.product]).get(found.product)
    response = shown(
        request, "shop_design.html", visitor_of(request), status_of(error) if error else 200, here="designs",
        design=found, mine=mine, member=member is not None, error=say(tongue_of(request), error) if error else None,
        orderable=found.life == "open" and now < found.until_at and found.placed < found.most,
        left=max(0, found.until_at - now), more=min(999, found.most - found.placed),
        extra=found.life == "made" and left is not None and left.available > 0,
        royalty=tongue_of(request).percent(found.royalty / 10_000, 2),
        earned=_earned(shop_of(request), member) if mine else "",
    )  # fmt: skip
    return no_store(response)


def _own(request: Request, found: Design) -> bool:
    """Whether a design is of who asks."""
    member = account_of(request)
    with shop_of(request).db.read() as conn:
        return member is not None and found.account in accounts_in(conn, member[0])


def _earned(shop: Any, member: Member | None) -> int:
    return int(shop.market.earned(member[0]).get(shop.settings.currency, 0)) if member is not None else 0
