"""What the shopper decides: to be remembered or not, to leave the mails."""

from __future__ import annotations

import uuid

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.reach import outbox
from fairday.storage.log import OURS, Happening
from fairday.web.render import shop_of
from fairday.web.storefront.front import (
    ANSWER,
    VISITOR,
    YEAR,
    Visitor,
    back,
    posted,
    remember,
    router,
    shown,
    visitor_of,
)


@router.post("/consent", dependencies=[Depends(posted)])
def consent(request: Request) -> Response:
    """The answer of the banner: agreed to be remembered, or not. Works without script."""
    answer = request.state.form.get("answer")
    if answer not in ("yes", "no"):
        raise HTTPException(422)
    response = RedirectResponse(back(request), 303)
    agree(response, request, answer == "yes")
    return response


def agree(response: Response, request: Request, yes: bool) -> tuple[str, str] | None:
    """Keep the answer of the banner in cookies; gives the id of a device that is remembered from now on."""
    https = request.url.scheme == "https"
    response.set_cookie(ANSWER, "yes" if yes else "no", max_age=YEAR, samesite="lax", secure=https)
    if not yes:
        response.delete_cookie(VISITOR)
        response.delete_cookie("fairday_id")
    elif visitor_of(request).id is None:
        anonymous = str(uuid.uuid4())
        remember(response, request, ("anonymous_id", anonymous))
        # The page's script takes its id from here, so that what it reports and who is recognised are one visitor.
        response.set_cookie("fairday_id", anonymous, max_age=YEAR, samesite="lax", secure=https)
        return "anonymous_id", anonymous
    return None


@router.get("/unsubscribe/{token}")
def unsubscribe_page(request: Request, token: str) -> Response:
    """Asks first: mail scanners open every link, and must not unsubscribe anyone."""
    return shown(request, "shop_unsubscribe.html", Visitor(), message=_message(request, token), over=False)


@router.post("/unsubscribe/{token}")
def unsubscribe(request: Request, token: str) -> Response:
    """One click, from the page or from the mail program (RFC 8058); a repeat changes nothing."""
    shop = shop_of(request)
    message = _message(request, token)
    now = shop.clock.now()
    said = Happening(
        # Not the token alone: who agreed again meanwhile can leave again by an old mail.
        message_id=f"fairday:unsubscribe:{token}:{now // 60_000}",
        kind="track",
        name="Email Unsubscribed",
        at=now,
        received=now,
        source=OURS,
        ids=(("email", message.address),),
        body={"properties": {"channel": "email", "purpose": "marketing", "scene": message.scene}},
    )
    shop.append([said]).result()
    return shown(request, "shop_unsubscribe.html", Visitor(), message=message, over=True)


def _message(request: Request, token: str) -> outbox.Message:
    with shop_of(request).db.read() as conn:
        found = outbox.by_token(conn, token[:64])
    if found is None:
        raise HTTPException(404)
    return found
