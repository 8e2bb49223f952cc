"""Go on on the phone: a link as a QR code, which works once and for a few minutes, makes another device the same
visitor's."""

from __future__ import annotations

import secrets

from fastapi import Depends, Request
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.storage.answers import once
from fairday.web.render import shop_of
from fairday.web.signing import sign, signed
from fairday.web.storefront.front import ANSWER, YEAR, front_of, own, posted, remember, router, shown, visitor_of

LASTS = 5 * 60_000


def drawn(link: str) -> Markup:
    """A link as a QR code in SVG: dark on light whatever the page's colours, one path."""
    import segno

    rows = [bytes(row) for row in segno.make(link, error="m", micro=False).matrix]
    size = len(rows) + 8
    path = "".join(f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return Markup(
        f'<svg class="qr" viewBox="0 0 {size} {size}" aria-hidden="true">'
        f'<path class="light" d="M0 0h{size}v{size}H0z"/>'
        f'<path class="dark" d="{path}"/></svg>'
    )


@router.post("/me/phone", dependencies=[Depends(posted)])
def phone(request: Request) -> Response:
    """A link for another device of the same shopper."""
    shop, visitor = shop_of(request), visitor_of(request)
    if visitor.id is None or not visitor.own:
        raise HTTPException(403)
    token = sign(front_of(request).secret, f"go|{secrets.token_hex(8)}|{visitor.key}", shop.clock.now() + LASTS)
    link = f"{shop.settings.public_url}/go/{token}"
    response = shown(request, "shop_phone.html", visitor, here="me", code=drawn(link), link=link)
    response.headers["cache-control"] = "no-store"
    return response


def _going(request: Request, token: str) -> tuple[str, tuple[str, str]]:
    said = (signed(front_of(request).secret, token, shop_of(request).clock.now()) or "").split("|", 2)
    kind, colon, value = said[-1].partition(":")
    if len(said) != 3 or said[0] != "go" or not colon:
        raise HTTPException(404)
    return said[1], (kind, value)


@router.get("/go/{token}")
def go_page(request: Request, token: str) -> Response:
    """Asks first: whoever is sent such a link by somebody else must not become them unawares."""
    _going(request, token)
    response = shown(request, "shop_confirm.html", visitor_of(request), here="me", kind="go")
    response.headers["cache-control"] = "no-store"
    return response


@router.post("/go/{token}", dependencies=[Depends(posted)])
def go(request: Request, token: str) -> Response:
    """Use the link up: this device is the visitor's too."""
    nonce, id_ = _going(request, token)
    with shop_of(request).db.write() as conn:
        if not once(conn, "go", nonce, shop_of(request).clock.now()):
            raise HTTPException(404)
    response = RedirectResponse("/", 303)
    https = request.url.scheme == "https"
    response.set_cookie(ANSWER, "yes", max_age=YEAR, samesite="lax", secure=https)
    remember(response, request, id_)
    if id_[0] == "anonymous_id":
        response.set_cookie("fairday_id", id_[1], max_age=YEAR, samesite="lax", secure=https)
    else:
        own(response, request, id_)
    return response
