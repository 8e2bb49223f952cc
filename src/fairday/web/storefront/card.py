"""A member's card: where they stand, their balance and how to top it up, and the code they pay with in the store."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.errors import Conflict, FairdayError, Unavailable
from fairday.trade.payment.model import PROVIDERS
from fairday.trade.rewards import Standing
from fairday.web.auth import address_of
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import account_of, text_in, whole_in
from fairday.web.storefront.checkout import channel_of
from fairday.web.storefront.front import by_link, posted, router, shown, visitor_of
from fairday.web.storefront.phone import drawn

FRESH_S = 45
"""After how many seconds the page of a code shows another; the code itself is good for a minute."""
MOST_FRESH = 20
"""How often it does so by itself: a page left open must not draw codes for ever."""


def standing_of(request: Request) -> Standing | None:
    """Where the signed-in member stands, None for a guest."""
    member, shop = account_of(request), shop_of(request)
    if member is None:
        return None
    with shop.db.read() as conn:
        return shop.rewards.standing(conn, member[0])


def ways_in(request: Request) -> list[str]:
    """How money can be paid in from here: by a provider, at once."""
    shop = shop_of(request)
    offered = shop.payments.methods(shop.settings.currency)
    return [m for m in offered if m in PROVIDERS] if shop.settings.rewards.top_ups else []


@router.get("/me/card")
def card(request: Request) -> Response:
    """The card, and how far the member has come."""
    came = by_link(request)
    return came if came is not None else _card(request)


def _card(request: Request, error: FairdayError | None = None, **values: Any) -> Response:
    shop = shop_of(request)
    response = shown(
        request, "shop_card.html", visitor_of(request), status_of(error) if error else 200, here="me",
        stands=standing_of(request), program=shop.settings.rewards, ways=ways_in(request),
        error=say(tongue_of(request), error) if error else None, **({"code": None} | values),
    )  # fmt: skip
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/me/card", dependencies=[Depends(posted)])
def show_code(request: Request) -> Response:
    """Show a code to pay with. It is drawn on a post, so that no page loaded ahead of time uses one up."""
    return _code(request, 0)


@router.get("/me/card/code")
def next_code(request: Request) -> Response:
    """The next code of a page that stays open."""
    n = whole_in(request.query_params, "n", 0)
    if account_of(request) is None or not 0 < n <= MOST_FRESH:
        return RedirectResponse("/me/card", 303)
    return _code(request, n)


def _code(request: Request, n: int) -> Response:
    shop, member = shop_of(request), account_of(request)
    if member is None:
        raise HTTPException(403)
    waits = request.app.state.tills.codes.take(member[0], shop.clock.now())
    if waits:
        raise HTTPException(429, headers={"Retry-After": str(-(-waits // 1000))})
    try:
        digits, until = shop.tills.issue(member[0])
    except FairdayError as error:
        return _card(request, error)
    spaced = " ".join((digits[:6], digits[6:12], digits[12:]))
    return _card(
        request, code=drawn(digits), digits=spaced, until=until, again=n + 1 if n < MOST_FRESH else 0, fresh=FRESH_S
    )


@router.post("/me/top-up", dependencies=[Depends(posted)])
def top_up(request: Request) -> Response:
    """Pay into the balance: one of the amounts that are offered, by a provider."""
    shop, member, form = shop_of(request), account_of(request), request.state.form
    if member is None:
        raise HTTPException(403)
    amount, method = whole_in(form, "amount", -1), text_in(form, "method", 32)
    try:
        if amount not in shop.settings.rewards.top_ups:
            raise FairdayError("Choose one of the amounts.", code="bad_top_up", where="amount")
        if method not in ways_in(request):
            raise FairdayError("Choose how to pay.", code="bad_method", where="method")
        begun = shop.payments.begin(
            member[0], method, channel_of(request, method), amount, shop.settings.currency, subject=shop.settings.name,
            actor=member[0], account=member[0], return_path="/me/card", address=address_of(request),
        )  # fmt: skip
    except (Unavailable, Conflict, FairdayError) as error:
        return _card(request, error)
    return RedirectResponse(f"/pay/{begun.number}/go", 303)
