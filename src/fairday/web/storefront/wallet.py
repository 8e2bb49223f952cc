"""A shopper's wallet: coupons by code and by link; packs stand in ``packs``. What is held hangs on their account.

Only a device that is known to be the shopper's own sees a wallet or claims into one. A stranger is asked whether this
device may be remembered; a link of a mail that was passed on shows nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.decider import Command
from fairday.kernel.errors import FairdayError
from fairday.kernel.ids import new_id
from fairday.offers.coupons import Claimed, TooMany, records
from fairday.people import accounts
from fairday.people.identity import person_of
from fairday.shop import Shop
from fairday.storage.log import OURS, Happening
from fairday.web.auth import address_of
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront import buying
from fairday.web.storefront.agreeing import agree
from fairday.web.storefront.front import by_link, posted, router, shown, visitor_of

READY = ("claimed", "locked")
PARTS_SHOWN = 20
SOON_MS = 3 * 86_400_000
"""A coupon that ends within so long is said to."""


def holder(request: Request) -> str | None:
    """The account of the member who is signed in, or of a device that is somebody's own."""
    member = buying.account_of(request)
    return None if member is None else member[0]


def _opened(shop: Shop, id_: tuple[str, str]) -> str:
    """An account for an id that has none. It is this very id's: others of the same person may be a stranger's claim."""
    with shop.db.read() as conn:
        met = person_of(conn, *id_) is not None
    if not met:
        now = shop.clock.now()
        said = Happening(
            message_id=f"shop-wallet-{secrets.token_hex(12)}", kind="track", name="Wallet Opened", at=now, received=now,
            source=OURS, ids=(id_,), body={"properties": {}},
        )  # fmt: skip
        shop.append([said]).result()
        shop.followers.catch_up("identity")
    account = f"account:{new_id()}"
    shop.runner.submit(Command("open", account, {}, "storefront"))
    with shop.db.write() as conn:
        return accounts.attach_first(conn, account, *id_)


@router.get("/wallet")
def wallet(request: Request) -> Response:
    came = by_link(request)
    return came if came is not None else _wallet(request)


def _wallet(request: Request, error: FairdayError | None = None, typed: str = "", got: str = "") -> Response:
    shop, visitor, member = shop_of(request), visitor_of(request), buying.account_of(request)
    with shop.db.read() as conn:
        account = holder(request)
        held = records.held_by(conn, account) if account else []
        packs = (
            [records.get_pack(conn, p, shop.clock.now()) for p in records.packs_of(conn, account)] if account else []
        )
    tongue = tongue_of(request)
    gives = {rule: tongue.pick(shop.offers.title(rule)) for rule in {h.rule for h in held}}
    response = shown(
        request, "shop_wallet.html", visitor, status_of(error) if error else 200,
        here="me", member=member, gives=gives, error=say(tongue, error) if error else None, typed=typed[:40],
        got=got or request.query_params.get("got", ""), packs=packs, mailed=request.query_params.get("mailed", ""),
        soon=shop.clock.now() + SOON_MS,
        held=[h for h in held if h.status in READY], past=[h for h in held if h.status not in READY][-PARTS_SHOWN:],
    )  # fmt: skip
    if isinstance(error, TooMany):
        response.status_code = 429
        response.headers["Retry-After"] = str(-(-error.after // 1000))
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/wallet", dependencies=[Depends(posted)])
def enter(request: Request) -> Response:
    """A code or a word that was typed, or that a link carried."""
    typed = request.state.form.get("code")
    if not isinstance(typed, str) or not 0 < len(typed) <= 200 or "\0" in typed:
        raise HTTPException(422)
    return having(request, lambda shop, account: shop.coupons.enter(typed, account, address=address_of(request)), typed)


def having(request: Request, claim: Callable[[Shop, str], Claimed], typed: str = "") -> Response:
    """Claim into the wallet of whoever asks, whose device is remembered first where it is not."""
    shop, visitor = shop_of(request), visitor_of(request)
    response = RedirectResponse("/wallet?got=yes", 303)
    member = buying.account_of(request)
    if member is None and visitor.id is not None and not visitor.own:
        return RedirectResponse("/wallet", 303)  # which asks them to prove the address
    if member is not None:
        account = member[0]
    elif visitor.id is None:
        if request.state.form.get("remember") != "yes":
            return RedirectResponse(f"/c/{quote(typed)}" if typed else str(request.url.path), 303)
        id_ = agree(response, request, yes=True)
        assert id_ is not None
        account = _opened(shop, id_)
    else:
        account = _opened(shop, visitor.id)
    try:
        had = claim(shop, account)
    except FairdayError as error:
        refused = _wallet(request, error, typed)
        for name, value in response.raw_headers:
            if name == b"set-cookie":
                refused.raw_headers.append((name, value))
        return refused
    shop.followers.wake()
    response.headers["location"] = f"/wallet?got={had.claim}"
    return response


@router.get("/c/{code}")
def link(request: Request, code: str) -> Response:
    """A link to a coupon asks first: whoever only looks at it (a mail scanner) must not use it up."""
    came = by_link(request)
    if came is not None:
        return came
    if len(code) > 60:
        raise HTTPException(404)
    response = shown(
        request, "shop_coupon.html", visitor_of(request), here="me", code=code, member=buying.account_of(request)
    )
    response.headers["cache-control"] = "no-store"
    return response
