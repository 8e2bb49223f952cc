"""The sandbox over HTTP: both providers' gateways and the page on which a shopper pays. Served below ``/sandbox`` of a
shop, or anywhere by itself. No money moves here, and every page says so."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, FastAPI, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.kernel.errors import Conflict, NotFound
from fairday.shop import Shop
from fairday.trade.payment.alipay import wire as alipay
from fairday.trade.payment.model import Forged
from fairday.trade.payment.sandbox.bank import HOW
from fairday.trade.payment.service import Payments
from fairday.web.i18n import LANGUAGES
from fairday.web.render import page, shop_of

MOST = 262_144
MARKS = {"wechat": "WeChat Pay", "alipay": "Alipay"}


router = APIRouter()


def create(shop: Shop, languages: tuple[str, ...] = LANGUAGES) -> FastAPI:
    """The sandbox of a shop as an ASGI application. It answers 404 while the shop's settings do not want it."""
    app = FastAPI(title="Fairday's payment sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.shop, app.state.languages = shop, languages

    @app.exception_handler(NotFound)
    async def unknown(request: Request, error: NotFound) -> Response:
        return _told(request, "unknown", 404)

    @app.exception_handler(Conflict)
    async def over(request: Request, error: Conflict) -> Response:
        return _told(request, "over", 409)

    @app.exception_handler(Forged)
    async def forged(request: Request, error: Forged) -> Response:
        return _told(request, "forged", 403)

    @app.middleware("http")
    async def wanted(request: Request, call_next: Any) -> Response:
        if not shop.payments.providers.sandboxed:
            return _told(request, "unknown", 404)
        answer: Response = await call_next(request)
        answer.headers["cache-control"] = "no-store"
        return answer

    app.include_router(router)
    return app


# ---- the gateways ----------------------------------------------------------------------------------------------------


@router.api_route("/wechat/{path:path}", methods=["GET", "POST"])
async def wechat(request: Request, path: str) -> Response:
    body = await _body(request)
    if path == "bridge":
        return await run_in_threadpool(_bridge, request, body)
    asked = f"/{path}" + (f"?{request.url.query}" if request.url.query else "")
    headers = {name.lower(): value for name, value in request.headers.items()}
    here = _here(request)
    status, said, raw = await run_in_threadpool(
        _payments(request).wechat_side.answer, request.method, asked, headers, body, f"{here}/wechat", here
    )
    return Response(raw, status, said)


def _bridge(request: Request, body: bytes) -> Response:
    """What WeChat's own bridge does with a page's parameters (JSAPI)."""
    payments, form = _payments(request), alipay.read_form(body)
    trade = payments.sandbox.by_token(payments.wechat_side.bridge(form))
    query = _back(request, form.get("return_url", ""))
    return RedirectResponse(f"{_root(request)}/pay/{trade['token']}?{query}", 303)


@router.api_route("/alipay/gateway.do", methods=["GET", "POST"])
async def gateway(request: Request) -> Response:
    side = _payments(request).alipay_side
    raw = request.url.query.encode()
    body = await _body(request)
    params = alipay.read_form(raw) | (alipay.read_form(body) if body else {})
    if params.get("method") in alipay.PAY_METHODS.values():
        token = await run_in_threadpool(side.enter, params)
        return RedirectResponse(f"{_root(request)}/pay/{token}", 303)
    said = await run_in_threadpool(side.answer, params, f"{_here(request)}/alipay/gateway.do")
    return Response(said, media_type="application/json; charset=utf-8")


@router.get("/alipay/bill")
def bill(request: Request) -> Response:
    side = _payments(request).alipay_side
    day, mac = request.query_params.get("day", ""), request.query_params.get("mac", "")
    if not (day.isascii() and day.isdigit() and len(day) < 7) or mac != side.mac(int(day)):
        raise HTTPException(404)
    return Response(side.download(int(day)), media_type="application/zip")


# ---- the page on which a shopper pays --------------------------------------------------------------------------------


@router.get("/pay/{token}")
def pay_page(request: Request, token: str) -> Response:
    sandbox = _payments(request).sandbox
    trade = sandbox.by_token(token)
    return page(
        request, "sandbox.html", trade=trade, notices=sandbox.notices(trade["provider"], trade["number"]), how=HOW,
        back=_to_shop(request, trade), kept=_back(request, request.query_params.get("redirect_url", "")),
        root=_root(request), over=shop_of(request).clock.now() >= trade["expires"], mark=MARKS[trade["provider"]],
    )  # fmt: skip


@router.post("/pay/{token}")
async def act(request: Request, token: str) -> Response:
    payments, form = _payments(request), alipay.read_form(await _body(request))
    how = form.get("how", "")
    if how not in HOW:
        raise HTTPException(422)
    trade = await run_in_threadpool(payments.sandbox.by_token, token)
    side = payments.wechat_side if trade["provider"] == "wechat" else payments.alipay_side
    await run_in_threadpool(payments.sandbox.act, token, how, side.told)
    query = _back(request, form.get("redirect_url", ""))
    told = BackgroundTask(payments.sandbox.deliver_due)
    return RedirectResponse(f"{_root(request)}/pay/{token}" + (f"?{query}" if query else ""), 303, background=told)


@router.post("/notice/{token}/{id_}")
async def tell(request: Request, token: str, id_: str) -> Response:
    """Send a notice by hand, once or twice."""
    sandbox, form = _payments(request).sandbox, alipay.read_form(await _body(request))
    times = 2 if form.get("times") == "2" else 1
    trade = await run_in_threadpool(sandbox.by_token, token)
    known = await run_in_threadpool(sandbox.notices, trade["provider"], trade["number"])
    if id_ not in {n["id"] for n in known}:
        raise HTTPException(404)
    await run_in_threadpool(sandbox.deliver, id_, times)
    return RedirectResponse(f"{_root(request)}/pay/{token}", 303)


# ---- addresses and bodies --------------------------------------------------------------------------------------------


def _payments(request: Request) -> Payments:
    return shop_of(request).payments


def _to_shop(request: Request, trade: dict[str, Any]) -> str:
    """Where the shopper goes back to, on the shop's own address alone."""
    if trade["provider"] == "alipay" and trade["return_url"] and trade["state"] == "paid":
        return _payments(request).alipay_side.back_to(trade)
    kept = request.query_params.get("redirect_url", "") or trade["return_url"]
    return kept if _ours(request, kept) else f"{shop_of(request).settings.public_url}/pay/{trade['number']}"


def _ours(request: Request, url: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(shop_of(request).settings.public_url)[:2]


def _back(request: Request, url: str) -> str:
    return urlencode({"redirect_url": url}) if url and _ours(request, url) else ""


def _here(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{_root(request)}"


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _told(request: Request, what: str, status: int) -> Response:
    return page(request, "sandbox_told.html", status, what=what)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST:
            raise HTTPException(413)
        parts.append(part)
    return b"".join(parts)
