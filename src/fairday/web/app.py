"""The web application of a shop: collect door, console and storefront behind one ASGI app."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from fairday.kernel.errors import FairdayError
from fairday.shop import Shop
from fairday.web import auth, console, openapi, payments, sandbox, slim, storefront, till
from fairday.web.collect import CollectDoor
from fairday.web.following import Following, Follows
from fairday.web.guard import Guard
from fairday.web.i18n import LANGUAGES, PSEUDO
from fairday.web.render import FOLDER, failure, say, status_of, tongue_of

log = logging.getLogger("fairday.web")


def _slim() -> dict[str, str]:
    folder = FOLDER / "static"
    sheets = {file.name: slim.css(file.read_text("utf-8")) for file in folder.glob("*.css")}
    return sheets | {file.name: slim.script(file.read_text("utf-8")) for file in folder.glob("*.js")}


_SLIM = _slim()


class Assets(StaticFiles):
    """Our own style sheets and scripts; what is asked for with its digest may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if "\0" in path:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        if response.status_code == 200 and isinstance(response, FileResponse) and path in _SLIM:
            # Every byte of these stands before a page is drawn on a slow line.
            response = Response(_SLIM[path], media_type=response.media_type)
        if scope["query_string"].startswith(b"v="):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


class Squeeze:
    """ASGI middleware: what shoppers load goes out compressed.

    The console does not: its pages hold a secret (the CSRF token) beside what an address can put into them, and their
    size would tell about it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.squeezed = GZipMiddleware(app, minimum_size=600, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        open_ = scope["type"] == "http" and not scope["path"].startswith("/console")
        await (self.squeezed if open_ else self.app)(scope, receive, send)


class Door:
    """ASGI middleware: what is the collect door's goes straight to it, past everything that pages need."""

    def __init__(self, app: ASGIApp, door: CollectDoor) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and self.door.handles(scope["path"])
        await (self.door if mine else self.app)(scope, receive, send)


def create(shop: Shop, *, pseudo: bool = False) -> FastAPI:
    """The ASGI application that serves a shop.

    Args:
        shop: an open shop; who serves it starts and closes it.
        pseudo: lets ``?lang=xx`` show every message in brackets, for tests.
    """
    app = FastAPI(title="Fairday", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.shop = shop
    app.state.front = storefront.Front(shop)
    app.state.languages = (*LANGUAGES, PSEUDO) if pseudo else LANGUAGES
    app.add_middleware(Squeeze)
    app.add_middleware(Guard, public_url=lambda: shop.settings.public_url)
    app.add_middleware(Door, door=CollectDoor(shop))
    app.state.follows = Follows()
    app.add_middleware(Following, shop=shop, front=app.state.front, follows=app.state.follows)
    app.mount("/static", Assets(directory=FOLDER / "static"), name="static")
    app.state.goes = payments.Goes()
    app.include_router(payments.notices)
    app.include_router(openapi.router)
    app.state.tills = till.Limits()
    app.include_router(till.tills)
    app.mount("/sandbox", sandbox.create(shop, app.state.languages), name="sandbox")
    app.include_router(storefront.router)
    app.include_router(auth.door)
    for router in console.routers:
        app.include_router(router)
    _errors(app)
    return app


def _errors(app: FastAPI) -> None:
    @app.exception_handler(auth.Redirect)
    async def redirect(request: Request, error: auth.Redirect) -> Response:
        return RedirectResponse(error.path, 303)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        response = failure(request, error.status_code, _who_may(request, error))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(FairdayError)
    async def mendable(request: Request, error: FairdayError) -> Response:
        return failure(request, status_of(error), say(tongue_of(request), error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return failure(request, 422)

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        log.exception("while answering %s", request.url.path, exc_info=error)
        return failure(request, 500)


def _who_may(request: Request, error: HTTPException) -> Markup | None:
    """What a refused operator is told: whom to ask."""
    if not isinstance(error, auth.Refused):
        return None
    tongue = tongue_of(request)
    mine = tongue(f"role.{request.state.operator.role}")
    return tongue("status.403.role", role=mine, who=Markup(", ").join(tongue(f"role.{r}") for r in error.who))
