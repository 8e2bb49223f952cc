"""Payment's doors: where providers tell the shop, and the page on which a shopper sees how far a payment is."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from fairday.kernel.errors import Conflict, FairdayError, NotFound, Unavailable
from fairday.people.identity import ids_of
from fairday.trade.payment.model import NUMBER, PROVIDERS, Forged, Go
from fairday.trade.payment.service import NOTICE_BYTES
from fairday.web.auth import address_of
from fairday.web.render import shop_of
from fairday.web.storefront.front import front_of, router, shown, spend, visitor_of
from fairday.web.storefront.phone import drawn

log = logging.getLogger("fairday.payments")

notices = APIRouter()

GO_KEPT_MS = 60_000
"""How long the provider's answer to "how does the shopper go on" is shown again without asking."""
MOST_KEPT = 1_000


@notices.post("/pay/notice/{provider}")
async def notice(request: Request, provider: str) -> Response:
    """A provider tells of a payment or refund: its signature is checked, then it is one command.

    Answered as each provider wants it: taken only when it is kept, so that whatever goes wrong is told again.
    """
    if provider not in PROVIDERS:
        raise HTTPException(404)
    try:
        body = await _bounded(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = await shop_of(request).payments.receive(provider, headers, body)
    except Forged as error:
        log.warning("a notice of %s was not believed: %s", provider, error.message)
        return _not_taken(provider, 401, error.message)
    except NotFound as error:
        return _not_taken(provider, 404, error.message)
    except Unavailable as error:
        return _not_taken(provider, 503, error.message)
    except FairdayError as error:
        return _not_taken(provider, 422, error.message)
    if answer.refusal is not None:
        return _not_taken(provider, 404 if answer.refusal.code.endswith("_unknown") else 409, answer.refusal.message)
    return PlainTextResponse("success") if provider == "alipay" else Response(status_code=204)


async def _bounded(request: Request) -> bytes:
    """The body, read no further than a notice can be long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > NOTICE_BYTES:
            raise Forged("it is too long")
        parts.append(part)
    return b"".join(parts)


def _not_taken(provider: str, status: int, message: str) -> Response:
    if provider == "alipay":
        return PlainTextResponse("fail", status)
    return JSONResponse({"code": "FAIL", "message": message}, status)


# ---- the shopper's page ----------------------------------------------------------------------------------------------


class Goes:
    """How shoppers go on with payments, kept for a minute: a page that refreshes itself need not ask the provider."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Go, int]] = OrderedDict()

    def get(self, number: str, now: int) -> Go | None:
        go, until = self._kept.get(number, (None, 0))
        return go if now < until else None

    def keep(self, number: str, go: Go, now: int) -> None:
        self._kept[number] = (go, now + GO_KEPT_MS)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


@router.get("/pay/{number}")
def payment(request: Request, number: str) -> Response:
    """How far a payment is. Whoever knows its unguessable id sees its amount and state, and nothing of anybody."""
    state = _state(request, number)
    shop = shop_of(request)
    over = shop.clock.now() >= state["expires"] and state["status"] in ("requested", "pending", "failed")
    waits = not over and state["status"] in ("requested", "pending") and state["method"] in PROVIDERS
    status = "late" if over else "back" if state.get("for") == "refund" else state["status"]
    return _shown(
        request,
        "pay.html",
        number=number,
        payment=state,
        state=status,
        waits=waits,
        sandboxed=_sandboxed(request, state),
        bank=shop.settings.bank.splitlines() if state["method"] == "bank_transfer" else [],
    )


@router.get("/pay/{number}/go")
async def go(request: Request, number: str) -> Response:
    """On to the provider: a redirect, a code to scan, or WeChat's bridge."""
    state = await run_in_threadpool(_state, request, number)
    shop, goes = shop_of(request), request.app.state.goes
    if state["status"] not in ("requested", "pending", "failed"):
        return RedirectResponse(f"/pay/{number}", 303)
    found = goes.get(number, shop.clock.now())
    if found is None:
        spend(request, front_of(request).posts)
        payer = await run_in_threadpool(_openid, request, state) if state["channel"] == "jsapi" else ""
        try:
            found = await run_in_threadpool(
                shop.payments.go_on, number, subject=shop.settings.name, payer=payer, address=address_of(request)
            )
        except Conflict:
            return RedirectResponse(f"/pay/{number}", 303)
        goes.keep(number, found, shop.clock.now())
    if found.kind == "redirect":
        return RedirectResponse(found.url, 303)
    if found.kind == "manual":
        return RedirectResponse(f"/pay/{number}", 303)
    code = drawn(found.url) if found.kind == "qr" else None
    link = found.url if urlsplit(found.url).scheme in ("http", "https") else ""
    return await run_in_threadpool(
        _shown, request, "pay_go.html", number=number, payment=state, code=code, link=link,
        params=found.params, sandboxed=_sandboxed(request, state),
    )  # fmt: skip


@router.get("/pay/{number}/state.json")
def state_json(request: Request, number: str) -> Response:
    """The state alone, for pages that wait."""
    state = _state(request, number)
    return JSONResponse({"status": state["status"]}, headers={"cache-control": "no-store"})


def _state(request: Request, number: str) -> dict[str, Any]:
    found = shop_of(request).payments.state(number) if NUMBER.fullmatch(number) else None
    if found is None:
        raise HTTPException(404)
    return found


def _openid(request: Request, state: dict[str, Any]) -> str:
    """Who WeChat knows the shopper as, where this device has been shown to be theirs; the sandbox takes anybody."""
    visitor = visitor_of(request)
    if visitor.own and visitor.person is not None:
        with shop_of(request).db.read() as conn:
            found = [i.value for i in ids_of(conn, visitor.person) if i.type == "wechat_openid"]
        if found:
            return found[0]
    return "sandbox-openid" if _sandboxed(request, state) else ""


def _sandboxed(request: Request, state: dict[str, Any]) -> bool:
    providers = shop_of(request).payments.providers
    return state["method"] in PROVIDERS and state["method"] not in providers.live


def _shown(request: Request, template: str, **values: Any) -> Response:
    response = shown(request, template, visitor_of(request), here="pay", **values)
    response.headers["cache-control"] = "no-store"
    return response
