"""Settings: the shop's name, zone, currency and language; who may sign in; how mail leaves."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.responses import Response

from fairday import operators
from fairday.kernel.errors import FairdayError
from fairday.kernel.money import major, typed
from fairday.operators import ROLES, Role
from fairday.reach.smtp import from_environment
from fairday.web.auth import Number, field, inside
from fairday.web.render import go, page, say, shop_of, tongue_of

NAMES = ("name", "zone", "currency", "language", "public_url", "seller", "bank")
LINES = ("seller", "bank")
"""Those of several lines."""
_ADDRESS = re.compile(r"https?://([\w.\-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[\w.~%/\-]*)?", re.ASCII)


def _show(request: Request, status: int = 200, error: FairdayError | None = None, **values: object) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        found = operators.everyone(conn)
    said = say(tongue_of(request), error) if error else None
    smtp = from_environment()
    given = {n: str(getattr(shop.settings, n)) for n in NAMES}
    shown = {
        "given": given,
        "fresh": None,
        "operators": found,
        "roles": ROLES,
        "error": said,
        "mail_cost": major(shop.settings.mail_cost, shop.settings.currency),
        "smtp": f"{smtp.host}:{smtp.port}" if smtp else "",
    }
    return page(request, "settings.html", status, **(shown | values))


@inside.get("/settings")
def settings(request: Request) -> Response:
    return _show(request)


@inside.post("/settings")
def save(request: Request) -> Response:
    form, kept = request.state.form, shop_of(request).settings
    given = {
        n: field(request, n, 500 if n in LINES else 200) if n in form else str(getattr(kept, n)) for n in NAMES
    }  # what is not sent stays as it was
    try:
        if not given["name"]:
            raise FairdayError("A shop has a name.", code="missing_field", where="name")
        given["currency"] = given["currency"].upper()
        if not re.fullmatch("[A-Z]{3}", given["currency"]):
            raise FairdayError("Not a currency.", code="bad_currency", where="currency")
        given["public_url"] = given["public_url"].rstrip("/")
        if not _ADDRESS.fullmatch(given["public_url"]):
            raise FairdayError("Not an address.", code="bad_url", where="public_url")
        shop_of(request).change_settings(**given)
    except FairdayError as error:
        return _show(request, 422, error, given=given)
    return go("/console/settings?done=settings")


@inside.post("/settings/mail")
def save_mail(request: Request) -> Response:
    """What a thousand mails cost; written in the shop's currency, kept in its minor units."""
    shop = shop_of(request)
    try:
        shop.change_settings(mail_cost=typed(field(request, "mail_cost", 20), shop.settings.currency))
    except FairdayError as error:
        return _show(request, 422, error)
    return go("/console/settings?done=settings")


@inside.post("/settings/operators")
def add(request: Request) -> Response:
    shop = shop_of(request)
    email = field(request, "email", 254)
    try:
        password = operators.create(shop.db, email, _role(request), shop.clock.now())
    except FairdayError as error:
        return _show(request, 422, error)
    return _show(request, fresh=(email.lower(), password))


@inside.post("/settings/operators/{number}/reset")
def reset(request: Request, number: Number) -> Response:
    shop = shop_of(request)
    password = operators.reset(shop.db, number)
    with shop.db.read() as conn:
        email = next(o.email for o in operators.everyone(conn) if o.id == number)
    return _show(request, fresh=(email, password))


@inside.post("/settings/operators/{number}")
def change(request: Request, number: Number) -> Response:
    try:
        active = field(request, "active", 5) == "yes"
        operators.change(shop_of(request).db, number, role=_role(request), active=active)
    except FairdayError as error:
        return _show(request, 409, error)
    return go("/console/settings?done=operator")


def _role(request: Request) -> Role:
    role = field(request, "role", 20)
    if role not in ROLES:
        raise FairdayError("Not a role.", code="bad_role", where="role")
    return role
