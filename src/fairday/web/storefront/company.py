"""The company area: quick order, lists waiting for approval, quotes, the statement, and who belongs to the company."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from babel import Locale
from fastapi import Depends, Request
from sqlalchemy import Connection, select
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.offering import Wanted
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.money import digits, major, typed
from fairday.people.accounts.records import member_accounts
from fairday.people.tables import identifiers
from fairday.trade.b2b import company as rules
from fairday.trade.b2b import credit
from fairday.trade.b2b.lists import ReadList, checked, read_list
from fairday.trade.b2b.service import Looked, Member
from fairday.trade.checkout import Moved
from fairday.trade.links import order_number as number_of
from fairday.trade.records import Contact, last_contact
from fairday.trade.shipping.addresses import read_address
from fairday.web.called import called_of
from fairday.web.companies import needed, statement_file
from fairday.web.goods import safe
from fairday.web.i18n import LANGUAGES
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import account_of, buyer_of, keep_order, text_in, token_of
from fairday.web.storefront.cart import problem_of, sums_drawn
from fairday.web.storefront.front import front_of, router, same_site, shown, spend, visitor_of
from fairday.web.storefront.prefer import COUNTRIES

FIELDS = ("name", "phone", "country", "region", "city", "district", "street", "postcode", "note")
MOST_FILE = 200_000


async def posted_company(request: Request) -> None:
    """Read the form of a post of the company area: prices of a hundred lines, a file of goods."""
    same_site(request)
    request.state.form = await request.form(max_files=1, max_fields=150, max_part_size=MOST_FILE)


def member_of(request: Request) -> Member:
    """The member of a company who asks, or 404: to others there is no such page."""
    signed = account_of(request)
    found = None if signed is None else shop_of(request).companies.member(signed[0])
    if found is None:
        raise HTTPException(404)
    return found


def people_of(conn: Connection, accounts: list[str]) -> dict[str, str]:
    """By account, the id that signs in to it; a mail address where there is one."""
    query = (
        select(member_accounts.c.account, identifiers.c.type, identifiers.c.value)
        .join(identifiers, identifiers.c.id == member_accounts.c.identifier)
        .where(member_accounts.c.account.in_(accounts))
        .order_by(identifiers.c.type.desc())
    )
    return {account: value for account, _, value in conn.execute(query)}


def written(amount: int, currency: str) -> str:
    """An amount as a form has it."""
    return f"{major(amount, currency):.{digits(currency)}f}"


# ---- the overview ----------------------------------------------------------------------------------------------------


@router.get("/company")
def company_page(request: Request) -> Response:
    return overview(request)


def overview(
    request: Request,
    error: FairdayError | None = None,
    read: ReadList | None = None,
    text: str = "",
    invitation: str = "",
) -> Response:
    """The company's page, with what went wrong on it."""
    shop, signed = shop_of(request), account_of(request)
    member = None if signed is None else shop.companies.member(signed[0])
    given: dict[str, Any] = {"member": member, "signed": signed is not None}
    if member is not None:
        state, owed = shop.companies.company(member.company), shop.companies.credit(member.company)
        with shop.db.read() as conn:
            given["people"] = people_of(conn, list(state["members"]))
        lists = shop.companies.listed("requisitions", member.company)
        orders = shop.companies.listed("company_orders", member.company, 20)
        secret = front_of(request).secret
        given |= {
            "members": state["members"], "lists": [x for x in lists if x["status"] != "ordered"][:20],
            "waiting": [x for x in lists if x["status"] == "submitted" and x["account"] != member.account]
            if member.role != "buyer" else [],
            "quotes": shop.companies.listed("quotes", member.company, 20), "credit": owed, "used": credit.used(owed),
            "free": credit.free(owed), "roles": rules.ROLES, "number_of": number_of,
            "orders": [x | {"token": token_of(secret, x["id"], x["placed_at"])} for x in orders],
        }  # fmt: skip
    status = status_of(error) if error else 422 if read is not None else 200
    return _shown(request, "shop_company.html", status, error, read=read, text=text, invitation=invitation, **given)


def _shown(
    request: Request, template: str, status: int = 200, error: FairdayError | None = None, **values: Any
) -> Response:
    said = say(tongue_of(request), error) if error else None
    response = shown(request, template, visitor_of(request), status, here="me", error=said, **values)
    response.headers["cache-control"] = "no-store"
    return response


@router.get("/company/join/{invitation}")
def invited(request: Request, invitation: str) -> Response:
    """An invitation: joined by a press of a button, so that no mail scanner joins."""
    return _shown(request, "shop_company_join.html", invitation=invitation, signed=account_of(request) is not None)


@router.post("/company/join/{invitation}", dependencies=[Depends(posted_company)])
def join(request: Request, invitation: str) -> Response:
    signed = account_of(request)
    spend(request, front_of(request).posts)
    if signed is None:
        return RedirectResponse(f"/me?to=/company/join/{quote(invitation[:100], safe='')}", 303)
    try:
        shop_of(request).companies.join(invitation[:100], signed[0])
    except FairdayError as error:
        return _shown(request, "shop_company_join.html", status_of(error), error, invitation=invitation, signed=True)
    return RedirectResponse("/company", 303)


@router.post("/company/members/{act}", dependencies=[Depends(posted_company)])
def members(request: Request, act: str) -> Response:
    """An admin invites somebody, gives them another role or limit, or lets them go."""
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    told = {"by": member.account, "actor": member.account}
    try:
        account, role, said = text_in(form, "account", 200), text_in(form, "role", 16), text_in(form, "limit", 20)
        limit = typed(said, shop.settings.currency) if said else None
        if act == "invite":
            token = shop.companies.invite(member.company, role, limit, **told)
            return overview(request, invitation=f"{shop.settings.public_url}/company/join/{token}")
        if act == "appoint":
            shop.companies.appoint(member.company, account, role, limit, **told)
        elif act == "remove":
            shop.companies.remove(member.company, account, **told)
        else:
            raise HTTPException(404)
    except FairdayError as error:
        return overview(request, error)
    return RedirectResponse("/company", 303)


# ---- lists -----------------------------------------------------------------------------------------------------------


def _read(request: Request, member: Member) -> tuple[ReadList, str]:
    """The goods of the posted form: written, or of a file; those that cannot be had among what is wrong."""
    shop, form = shop_of(request), request.state.form
    file = form.get("file")
    text = text_in(form, "goods", 20_000)
    if isinstance(file, UploadFile) and file.filename:
        raw = file.file.read(MOST_FILE + 1)
        try:
            text = raw[:MOST_FILE].decode()
        except UnicodeDecodeError:
            text = raw[:MOST_FILE].decode("gb18030", "replace")
    read = read_list(text.replace("\0", ""))
    where = shop.goods.where(company=member.company)
    wanted = [Wanted(sku=sku, qty=qty) for sku, qty in read.lines]
    with shop.db.read() as conn:
        offers = shop.goods.offers(conn, wanted, where, shop.clock.now())
    known = {w.sku for w, offer in zip(wanted, offers, strict=True) if not isinstance(offer, FairdayError)}
    return checked(read, known, text), text[:20_000]


@router.post("/company/lists", dependencies=[Depends(posted_company)])
def quick_order(request: Request) -> Response:
    """Goods by their numbers, written or of a file, become a list to order or a request for a quote."""
    shop, member = shop_of(request), member_of(request)
    spend(request, front_of(request).posts)
    read, text = _read(request, member)
    if read.wrong or not read.lines:
        return overview(request, read=read, text=text)
    try:
        if request.state.form.get("go") == "quote":
            number = shop.companies.ask_quote(member, [(sku, qty, None) for sku, qty in read.lines])
            return RedirectResponse(f"/company/quotes/{number}", 303)
        number = shop.companies.draft(member, read.lines)
    except FairdayError as error:
        return overview(request, error, text=text)
    return RedirectResponse(f"/company/lists/{number}", 303)


@router.get("/company/lists/{number}")
def list_page(request: Request, number: str) -> Response:
    member = member_of(request)
    with shop_of(request).db.read() as conn:
        kept = last_contact(conn, member.account)
    fields = {name: getattr(kept, name) for name in FIELDS} | {"note": ""}
    fields["country"] = request.query_params.get("country", "")[:2].upper() or fields["country"]
    fields["country"] = fields["country"] or shop_of(request).settings.country or "CN"
    return _list(request, number, member, fields)


def _looked(request: Request, number: str, member: Member, fields: dict[str, str]) -> Looked:
    try:
        country = fields["country"] if fields["country"] in COUNTRIES else ""
        return shop_of(request).companies.look(number[:64], member, country, fields["postcode"])
    except NotFound:
        raise HTTPException(404) from None


def _list(
    request: Request,
    number: str,
    member: Member,
    fields: dict[str, str],
    error: FairdayError | None = None,
    moved: Moved | None = None,
) -> Response:
    shop, looked = shop_of(request), _looked(request, number, member, fields)
    with shop.db.read() as conn:
        called = called_of(request).read_offers(conn, [x.offer for x in looked.quote.lines])
    lines = [
        {"sku": x.sku, "qty": x.qty, "title": called.offer(x.offer, x.sku), "paid": x.paid,
         "form": called.form(x.offer), "image": safe(x.offer.image) if x.offer else None,
         "problem": problem_of(request, x),
         "unit": tongue_of(request).money(round(x.offer.unit / 10**x.offer.unit_digits)) if x.offer else "",
         "more": next(((t.min_qty, t.price) for t in x.offer.tiers if t.min_qty > x.qty), None) if x.offer else None}
        for x in looked.quote.lines
    ]  # fmt: skip
    own = looked.state["account"] == member.account
    open_ = looked.state["status"] in ("draft", "submitted", "approved")
    with shop.db.read() as conn:
        who = people_of(conn, [looked.state["account"]]).get(looked.state["account"], "")
    owed = shop.companies.credit(member.company)
    why = "" if moved is None else moved.why
    names = Locale(tongue_of(request).language if tongue_of(request).language in LANGUAGES else "en").territories
    return _shown(
        request, "shop_company_list.html", 409 if moved else status_of(error) if error else 200, error,
        member=member, looked=looked, sums=sums_drawn(request, looked.quote), lines=lines,
        number=number, own=own, who=who, given=fields, moved=why,
        countries=sorted(((c, names.get(c, c)) for c in COUNTRIES), key=lambda c: c[1]),
        may_answer=member.role != "buyer" and not own and looked.state["status"] == "submitted",
        may_order=own and open_, free=credit.free(owed), days=owed["days"], limit=owed["limit"],
        text="\n".join(f"{sku} {qty}" for sku, qty in looked.state["lines"]),
    )  # fmt: skip


@router.post("/company/lists/{number}/{act}", dependencies=[Depends(posted_company)])
def list_act(request: Request, number: str, act: str) -> Response:
    """Order a list, or ask for approval; change it, give it up; approve or refuse a colleague's."""
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    fields = {name: text_in(form, name, 200) for name in FIELDS}
    looked = _looked(request, number, member, fields)
    try:
        if act == "change":
            read, text = _read(request, member)
            if read.wrong or not read.lines:
                return overview(request, read=read, text=text)
            shop.companies.change(number, member, read.lines)
        elif act == "submit":
            shop.companies.submit(number, member, fields["country"], fields["postcode"])
        elif act in ("approve", "refuse"):
            seen = text_in(form, "total", 20)
            shop.companies.answer(number, member, act == "approve", int(seen) if seen.isdecimal() else -1)
        elif act == "withdraw":
            shop.companies.withdraw(number, member)
            return RedirectResponse("/company", 303)
        elif act == "order":
            spend(request, front_of(request).posts)
            return _ordered(request, number, member, fields)
        elif act != "look":
            raise HTTPException(404)
    except FairdayError as error:
        return _list(request, number, member, fields, error)
    if act == "look" or looked.state["account"] == member.account:
        return _list(request, number, member, fields)
    return RedirectResponse("/company", 303)


def _ordered(request: Request, number: str, member: Member, fields: dict[str, str]) -> Response:
    shop, form = shop_of(request), request.state.form
    to = read_address(fields)
    contact = Contact(
        name=to.name, phone=to.phone, country=to.country, region=to.region, city=to.city, district=to.district,
        street=to.street, postcode=to.postcode, note=fields["note"], language=tongue_of(request).language,
    )  # fmt: skip
    placed = shop.companies.order(
        number, member, contact, text_in(form, "seen", 20_000), on_account=form.get("pay") == "account",
        buyer=buyer_of(request),
    )  # fmt: skip
    if isinstance(placed, Moved):
        return _list(request, number, member, fields, moved=placed)
    state = shop.orders.state(placed.order)
    assert state is not None
    path = f"/order/{token_of(front_of(request).secret, placed.order, state['placed_at'])}"
    response = RedirectResponse(path, 303)
    keep_order(response, request, placed.order)
    return response


# ---- quotes ----------------------------------------------------------------------------------------------------------


@router.get("/company/quotes/{number}")
def quote_page(request: Request, number: str) -> Response:
    return _quote(request, number, member_of(request))


def _quote(request: Request, number: str, member: Member, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    try:
        state = shop.companies.quote(number[:64], member)
    except NotFound:
        raise HTTPException(404) from None
    with shop.db.read() as conn:
        wanted = [Wanted(sku=sku, qty=qty) for sku, qty, _ in state["lines"]]
        offers = shop.goods.offers(conn, wanted, shop.goods.where(company=member.company), shop.clock.now())
        called = called_of(request).read_offers(conn, offers)
    lines = [
        {"sku": sku, "qty": qty, "unit": unit, "typed": "" if unit is None else written(unit, state["currency"]),
         "title": called.offer(offer, sku), "form": called.form(offer),
         "image": None if isinstance(offer, FairdayError) else safe(offer.image)}
        for (sku, qty, unit), offer in zip(state["lines"], offers, strict=True)
    ]  # fmt: skip
    total = None if any(x["unit"] is None for x in lines) else sum(x["qty"] * x["unit"] for x in lines)
    return _shown(
        request, "shop_company_quote.html", status_of(error) if error else 200, error, number=number, quote=state,
        lines=lines, total=total, own=state["account"] == member.account,
    )  # fmt: skip


@router.post("/company/quotes/{number}/{act}", dependencies=[Depends(posted_company)])
def quote_act(request: Request, number: str, act: str) -> Response:
    """Accept an offer, name other prices, or give it up."""
    shop, form, member = shop_of(request), request.state.form, member_of(request)
    said = text_in(form, "version", 6)
    version = int(said) if said.isdecimal() else -1
    try:
        if act == "accept":
            return RedirectResponse(f"/company/lists/{shop.companies.accept(number[:64], member)}", 303)
        if act == "counter":
            state = shop.companies.quote(number[:64], member)
            units = [typed(text_in(form, f"unit.{n}", 20), state["currency"]) for n in range(len(state["lines"]))]
            shop.companies.counter(number, member, version, units)
        elif act == "decline":
            shop.companies.decline(number[:64], version, member=member, actor=member.account)
        else:
            raise HTTPException(404)
    except FairdayError as error:
        return _quote(request, number, member, error)
    return RedirectResponse(f"/company/quotes/{number}", 303)


@router.get("/company/statement.{kind}")
def statement_taken(request: Request, kind: str) -> Response:
    """The statement as PDF or CSV."""
    return statement_file(request, member_of(request).company, kind)


@router.get("/company/needs")
def needs_page(request: Request) -> Response:
    """What the company will likely need; its seller sees the same."""
    member = member_of(request)
    return _shown(request, "shop_company_needs.html", member=member, **needed(request, member.company))


@router.get("/company/statement")
def statement_page(request: Request) -> Response:
    shop, member = shop_of(request), member_of(request)
    told = shop.companies.statement(member.company)
    return _shown(
        request, "shop_company_statement.html", member=member, told=told, number_of=number_of,
        now=shop.clock.now(), credit=shop.companies.credit(member.company),
    )  # fmt: skip
