"""Who may do what on the console, decided in one place, and the pages of signing in and out.

``admit`` stands before every console route. It asks for a session, for the session's CSRF token where something is
posted, and for the permission that ``roles`` declares for the route.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday import operators
from fairday.kernel.errors import FairdayError
from fairday.operators import Operator
from fairday.web import roles
from fairday.web.guard import UPLOADS, place_of
from fairday.web.render import go, page, say, shop_of, tongue_of

SESSION_COOKIE = "fairday_session"
DOOR_COOKIE = "fairday_door"
BEFORE_PASSWORD = frozenset({"/console/password", "/console/sign-out"})
"""All that is open while a one-time password has not been changed."""
Number = Annotated[int, Path(ge=-(2**63), lt=2**63)]
"""A row's number in an address: one that a database can hold."""
_NEXT = re.compile(r"/console(/[\w\-./~%]*)?(\?[\w\-./~%=&+]*)?")


class Redirect(Exception):
    """Leave the handling of a request and see another page of ours."""

    def __init__(self, path: str) -> None:
        self.path = path


def csrf_token(secret: str) -> str:
    """The token that forms carry, derived from the cookie's secret: whoever cannot read that cannot make it."""
    return hmac.new(secret.encode(), b"fairday-csrf", hashlib.sha256).hexdigest()


def safe_next(path: str | None) -> str:
    """Where to go after signing in: a page of the console, never an address of somebody else's."""
    return path if path and _NEXT.fullmatch(path) and "//" not in path and ".." not in path else "/console"


async def at_home(request: Request) -> None:
    """Refuse to serve the console under a name that is not this shop's (see ``guard``)."""
    if request.state.misdirected:
        raise HTTPException(421)


async def admit(request: Request) -> None:
    """Let a request in or raise: the one gate of the console."""
    await at_home(request)
    shop = shop_of(request)
    token = request.cookies.get(SESSION_COOKIE, "")
    operator: Operator | None = None
    if token:
        operator = await run_in_threadpool(operators.signed_in, shop.db, token, shop.clock.now())
    path = request.url.path
    if request.method not in ("GET", "HEAD"):
        if operator is None:
            raise HTTPException(403)
        await check_csrf(request, token)
    if operator is None:
        asked = path + (f"?{request.url.query}" if request.url.query else "")
        kept = safe_next(asked)
        raise Redirect("/console/sign-in" + (f"?next={kept}" if kept != "/console" else ""))
    if operator.must_change and path not in BEFORE_PASSWORD:
        raise Redirect("/console/password")
    request.state.operator, request.state.token, request.state.csrf = operator, token, csrf_token(token)
    permission = roles.needed(request.method, route_of(request))
    if operator.role not in roles.who_may(permission):
        if request.method == "GET" and path == "/console":
            raise Redirect(roles.home(operator.role))
        raise Refused(permission)


class Refused(HTTPException):
    """The operator's role does not have the permission; ``who`` are the roles that do."""

    def __init__(self, permission: roles.Permission | None) -> None:
        super().__init__(403)
        self.who = roles.who_may(permission)


def route_of(request: Request) -> str:
    """The path of the request's route as it is declared, with its parameters' names."""
    return str(getattr(request.scope.get("route"), "path", request.url.path))


def may(request: Request, permission: roles.Permission) -> bool:
    """Whether the operator has a permission: for what a page leaves out rather than refuses."""
    return roles.may(request.state.operator.role, permission)


async def check_csrf(request: Request, secret: str) -> FormData:
    """Refuse a post that does not come from a page of ours; gives its form.

    Raises:
        HTTPException: 403.
    """
    origin = request.headers.get("origin")
    if origin is not None and place_of(origin) not in {
        request.headers.get("host", ""),
        place_of(shop_of(request).settings.public_url),
    }:
        raise HTTPException(403)
    files = 20 if request.url.path in UPLOADS else 0
    form = await request.form(max_files=files, max_fields=600, max_part_size=262_144)
    sent = request.headers.get("x-csrf-token") or form.get("csrf")
    if not secret or not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), csrf_token(secret).encode()):
        raise HTTPException(403)
    request.state.form = form
    return form


def field(request: Request, name: str, most: int = 2000) -> str:
    """A text field of the posted form, trimmed.

    Raises:
        FairdayError: missing, longer than ``most``, or with control characters.
    """
    value = request.state.form.get(name)
    if not isinstance(value, str):
        raise FairdayError(f"The field {name} is missing.", code="missing_field", where=name)
    value = value.replace("\r\n", "\n").strip()
    if len(value) > most:
        raise FairdayError(f"The field {name} is longer than {most}.", code="too_long", where=name)
    if any(ord(c) < 32 and c not in "\n\t" for c in value):
        raise FairdayError(f"The field {name} has control characters.", code="control_characters", where=name)
    return value


def secret_field(request: Request, name: str) -> str:
    """A password field, exactly as typed; "" where missing."""
    value = request.state.form.get(name)
    return value if isinstance(value, str) else ""


def remember(response: Response, request: Request, name: str, value: str, age: int | None = None) -> None:
    """Set a cookie no script reads and no other site sends along, for encrypted connections only where there is one."""
    response.set_cookie(
        name, value, max_age=age, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )


def address_of(request: Request) -> str:
    """The network address that asks; behind a proxy the server (uvicorn) has put the caller's in its place."""
    return request.client.host if request.client else "unknown"


door = APIRouter(prefix="/console", dependencies=[Depends(at_home)])
inside = APIRouter(prefix="/console", dependencies=[Depends(admit)])


def _door_page(request: Request, status: int = 200, error: FairdayError | None = None, email: str = "") -> Response:
    secret = request.cookies.get(DOOR_COOKIE) or secrets.token_urlsafe(24)
    request.state.csrf = csrf_token(secret)
    said = say(tongue_of(request), error) if error else None
    next_ = safe_next(request.query_params.get("next"))
    response = page(request, "sign_in.html", status, error=said, email=email, next=next_)
    remember(response, request, DOOR_COOKIE, secret)
    return response


@door.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    return _door_page(request)


async def _from_door(request: Request) -> None:
    await check_csrf(request, request.cookies.get(DOOR_COOKIE, ""))


@door.post("/sign-in", dependencies=[Depends(_from_door)])
def sign_in(request: Request) -> Response:
    shop = shop_of(request)
    email = secret_field(request, "email")[:254]
    try:
        token = operators.sign_in(
            shop.db, email, secret_field(request, "password"), address_of(request), shop.clock.now()
        )
    except operators.TooMany as error:
        response = _door_page(request, 429, error, email)
        response.headers["Retry-After"] = str(-(-error.after // 1000))
        return response
    except FairdayError as error:
        return _door_page(request, 401, error, email)
    response = go(safe_next(secret_field(request, "next")))
    remember(response, request, SESSION_COOKIE, token, operators.ABSOLUTE_MS // 1000)
    response.delete_cookie(DOOR_COOKIE)
    return response


@inside.post("/sign-out")
def sign_out(request: Request) -> Response:
    operators.sign_out(shop_of(request).db, request.state.token)
    response = go("/console/sign-in")
    response.delete_cookie(SESSION_COOKIE)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@inside.get("/password")
def password_page(request: Request) -> Response:
    return page(request, "password.html", error=None)


@inside.post("/password")
def password(request: Request) -> Response:
    try:
        new = secret_field(request, "new")
        if new != secret_field(request, "again"):
            raise FairdayError("The two new passwords differ.", code="passwords_differ", where="again")
        old = secret_field(request, "old")
        operators.set_password(shop_of(request).db, request.state.operator.id, old, new, request.state.token)
    except FairdayError as error:
        return page(request, "password.html", 422, error=say(tongue_of(request), error))
    return go("/console?done=password")
