"""Companies in the console: accounts, members, credit, statements with transfers that came, and quotes to answer."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.goods.offering import Wanted
from fairday.kernel.clock import DAY_MS
from fairday.kernel.decider import State
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.money import typed
from fairday.trade.b2b import company as rules
from fairday.trade.b2b import credit
from fairday.trade.b2b.quotes import total_of
from fairday.trade.links import order_number as number_of
from fairday.web.auth import field, inside
from fairday.web.auth import may as allowed
from fairday.web.companies import needed, statement_file
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of
from fairday.web.storefront.company import people_of, written

OPEN = ("requested", "countered", "offered")


def _actor(request: Request) -> str:
    return f"operator:{request.state.operator.id}"


def _money(request: Request, name: str) -> int | None:
    said = field(request, name, 20)
    return typed(said, shop_of(request).settings.currency) if said else None


@inside.get("/companies")
def companies(request: Request) -> Response:
    return _listed(request)


def _listed(request: Request, error: FairdayError | None = None, given: dict[str, str] | None = None) -> Response:
    shop = shop_of(request)
    rows = shop.companies.listed("companies", limit=200)
    for row in rows:
        owed = shop.companies.credit(row["id"])
        row |= {"used": credit.used(owed), "limit": owed["limit"],
                "overdue": credit.overdue(owed, shop.clock.now())}  # fmt: skip
    named = {row["id"]: row["name"] for row in rows}
    quotes = [x for x in shop.companies.listed("quotes", limit=100) if x["status"] in OPEN]
    return page(
        request, "companies.html", status_of(error) if error else 200, rows=rows, quotes=quotes, named=named,
        given=given or dict.fromkeys(("company", "name", "tax_number"), ""),
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.post("/companies")
def open_company(request: Request) -> Response:
    given = {name: field(request, name, 120) for name in ("company", "name", "tax_number")}
    try:
        shop_of(request).companies.open(given["company"], given["name"], given["tax_number"], actor=_actor(request))
    except FairdayError as error:
        return _listed(request, error, given)
    return go(f"/console/companies/{given['company']}")


@inside.get("/companies/{company}")
def one(request: Request, company: str) -> Response:
    return _drawn(request, company)


def _drawn(request: Request, company: str, error: FairdayError | None = None, invitation: str = "") -> Response:
    shop = shop_of(request)
    state = _known(request, company)
    people: dict[str, str] = {}
    if allowed(request, "people.list"):
        with shop.db.read() as conn:
            people = people_of(conn, list(state["members"]))
    owed, told = shop.companies.credit(company), shop.companies.statement(company)
    quotes = shop.companies.listed("quotes", company)
    return page(
        request, "company.html", status_of(error) if error else 200, id=company, company=state, people=people,
        credit=owed, used=credit.used(owed), free=credit.free(owed), told=told, quotes=quotes, roles=rules.ROLES,
        limit_typed=written(owed["limit"], shop.settings.currency), number_of=number_of, invitation=invitation,
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.get("/companies/{company}/statement.{kind}")
def statement(request: Request, company: str, kind: str) -> Response:
    """The statement as PDF or CSV."""
    _known(request, company)
    return statement_file(request, company, kind)


@inside.get("/companies/{company}/needs")
def needs(request: Request, company: str) -> Response:
    """What the company will likely need, as its own people see it."""
    state = _known(request, company)
    return page(request, "company_needs.html", id=company, company=state, **needed(request, company))


def _known(request: Request, company: str) -> State:
    try:
        return shop_of(request).companies.company(company[:60])
    except NotFound:
        raise HTTPException(404) from None


@inside.post("/companies/{company}/transfer")
def transfer(request: Request, company: str) -> Response:
    """A transfer came that pays an invoice."""
    shop, order = shop_of(request), field(request, "order", 80)
    try:
        if order not in {x.order for x in shop.companies.statement(company).open}:
            raise NotFound("There is no such invoice.", code="no_such_order")
        shop.companies.transferred(order, field(request, "reference", 64), actor=_actor(request))
    except FairdayError as error:
        return _drawn(request, company, error)
    return go(f"/console/companies/{company}?done=company_paid")


@inside.post("/companies/{company}/{act}")
def act(request: Request, company: str, act: str) -> Response:
    """Set its name, credit and members right; invite somebody."""
    shop, actor = shop_of(request), _actor(request)
    try:
        if act == "rename":
            shop.companies.rename(company, field(request, "name", 120), field(request, "tax_number", 40), actor=actor)
        elif act == "terms":
            days = field(request, "days", 4)
            limit = _money(request, "limit") or 0
            shop.companies.terms(company, limit, int(days) if days.isdecimal() else 0, actor=actor)
        elif act == "invite":
            token = shop.companies.invite(company, field(request, "role", 16), _money(request, "limit"), actor=actor)
            return _drawn(request, company, invitation=f"{shop.settings.public_url}/company/join/{token}")
        elif act == "remove":
            shop.companies.remove(company, field(request, "account", 200), actor=actor)
        else:
            raise HTTPException(404)
    except FairdayError as error:
        return _drawn(request, company, error)
    return go(f"/console/companies/{company}?done=company_saved")


@inside.get("/quotes/{number}")
def quote(request: Request, number: str) -> Response:
    return _quote(request, number)


def _quote(request: Request, number: str, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    try:
        state = shop.companies.quote(number[:64], None)
    except NotFound:
        raise HTTPException(404) from None
    with shop.db.read() as conn:
        wanted = [Wanted(sku=sku, qty=qty) for sku, qty, _ in state["lines"]]
        offers = shop.goods.offers(conn, wanted, shop.goods.where(company=state["company"]), shop.clock.now())
    lines: list[dict[str, Any]] = []
    for (sku, qty, unit), offer in zip(state["lines"], offers, strict=True):
        known = None if isinstance(offer, FairdayError) else offer
        ours = None if known is None else round(known.unit / 10**known.unit_digits)
        typed = unit if unit is not None else ours
        lines.append({
            "sku": sku, "qty": qty, "unit": unit, "title": sku if known is None else known.title, "ours": ours,
            "floor": None if known is None else known.floor,
            "typed": "" if typed is None else written(typed, state["currency"]),
        })  # fmt: skip
    return page(
        request, "quote.html", status_of(error) if error else 200, number=number, quote=state, lines=lines,
        total=total_of(state["lines"]), name=shop.companies.company(state["company"])["name"],
        error=say(tongue_of(request), error) if error else None, open=state["status"] in OPEN,
    )  # fmt: skip


@inside.post("/quotes/{number}/{act}")
def answer(request: Request, number: str, act: str) -> Response:
    """Offer prices that stand for some days, or decline."""
    shop, actor = shop_of(request), _actor(request)
    try:
        said = field(request, "version", 6)
        version = int(said) if said.isdecimal() else -1
        if act == "offer":
            state = shop.companies.quote(number[:64], None)
            units = [typed(field(request, f"unit.{n}", 20), state["currency"]) for n in range(len(state["lines"]))]
            days = field(request, "days", 3)
            until = shop.clock.now() + (int(days) if days.isdecimal() else 0) * DAY_MS
            shop.companies.offer(number, version, units, until, actor=actor)
        elif act == "decline":
            shop.companies.decline(number[:64], version, member=None, actor=actor)
        else:
            raise HTTPException(404)
    except FairdayError as error:
        return _quote(request, number, error)
    return go(f"/console/quotes/{number}?done=quote_{'offered' if act == 'offer' else 'declined'}")
