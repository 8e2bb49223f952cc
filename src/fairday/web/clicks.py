"""Clicks on the links of our mails, counted once a message and day.

Programs that guard mailboxes open every link of a mail before its reader does. So a link only hands out a short-lived
signed cookie, and the click counts when a browser comes back with it on the next page, which those programs do not do.
"""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from fairday.insight.channels import EMAIL_CLICKED
from fairday.kernel.clock import local_day
from fairday.reach import outbox
from fairday.shop import Shop
from fairday.storage.log import OURS, Happening
from fairday.web.render import shop_of
from fairday.web.signing import sign, signed

COOKIE = "fairday_click"
HOLDS_MS = 10 * 60_000
_APART = b"click"
"""Keeps this cookie from being taken for the one that says who looks."""


def mark(response: Response, request: Request, secret: bytes, token: str) -> None:
    """Have the next page count a click on the link with that token."""
    until = shop_of(request).clock.now() + HOLDS_MS
    https = request.url.scheme == "https"
    value = sign(secret + _APART, token, until)
    response.set_cookie(COOKIE, value, max_age=HOLDS_MS // 1000, httponly=True, samesite="lax", secure=https)


def count(response: Response, request: Request, secret: bytes) -> None:
    """Write the click that the request's cookie tells of, if it does, and take the cookie away."""
    said = request.cookies.get(COOKIE)
    if said is None:
        return
    response.delete_cookie(COOKIE)
    shop = shop_of(request)
    now = shop.clock.now()
    token = signed(secret + _APART, said, now)
    if token is None:
        return
    with shop.db.read() as conn:
        message = outbox.by_token(conn, token)
    if message is not None:
        shop.append([clicked(shop, message, now)])


def clicked(shop: Shop, message: outbox.Message, now: int) -> Happening:
    """The click as a happening of the address it was sent to; a second one of that day is the same happening."""
    return Happening(
        message_id=f"fairday:click:{message.token}:{local_day(now, shop.settings.zone)}",
        kind="track",
        name=EMAIL_CLICKED,
        at=now,
        received=now,
        source=OURS,
        ids=(("email", message.address),),
        body={"properties": {"channel": "email", "scene": message.scene, "phase": message.phase}},
    )
