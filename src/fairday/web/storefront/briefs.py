"""Briefs: what companies ask people for. Reading and answering one; choosing and accepting, for whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from fairday.goods.photos import keep_photo, redraw
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.people.accounts import accounts_in
from fairday.people.identity import ids_of, person_of
from fairday.trade.b2b import credit as credit_rules
from fairday.trade.c2b.briefs import MOST_PHOTOS
from fairday.trade.c2b.tables import Brief, answers_of, briefs_of
from fairday.trade.c2c.dispute import REASONS
from fairday.trade.c2c.mode import divided, party
from fairday.trade.shipping.carriers import CARRIERS
from fairday.web.crowding import FIELDS, OVER, amount_in, asked_of, brief_form, standing, work_told, written
from fairday.web.render import say, shop_of, status_of, tongue_of
from fairday.web.storefront.buying import account_of, text_in
from fairday.web.storefront.checkout import methods, pay
from fairday.web.storefront.front import front_of, router, same_site, shown, spend, visitor_of
from fairday.web.storefront.selling import BY_HAND, Member, member_of, no_store, photo_in, uploaded

PUBLIC = ("open", "choosing", "over")


async def uploaded_some(request: Request) -> None:
    """Read a form that may carry a few photos, refusing one that another site sends."""
    same_site(request)
    request.state.form = await request.form(max_files=MOST_PHOTOS, max_fields=30, max_part_size=8192)
    sent = [x for x in request.state.form.getlist("file") if not isinstance(x, str)]
    request.state.photos = [found for x in sent if (found := await x.read())]


def photos_in(request: Request, member: Member) -> list[str]:
    """The photos of a form: those just sent, redrawn and kept, else those kept before."""
    if not request.state.photos:
        return [x for x in text_in(request.state.form, "photos", 200).split(",") if x]
    kept = []
    for upload in request.state.photos:
        spend(request, front_of(request).photos)
        drawn = redraw(upload)
        with shop_of(request).db.write() as conn:
            person = person_of(conn, *member[1])
            own = ids_of(conn, person) if person is not None else []
            owner = next((i.number for i in own if (i.type, i.value) == member[1]), None)
            kept.append(keep_photo(conn, drawn, shop_of(request).clock.now(), owner).photo)
    return kept


@router.get("/briefs")
def briefs(request: Request) -> Response:
    """Briefs that are open, one's own answers, and those of one's company."""
    shop, member = shop_of(request), account_of(request)
    by = shop.briefs.by(member[0]) if member is not None else ""
    with shop.db.read() as conn:
        open_ = briefs_of(conn, lives=["open"])
        ours = briefs_of(conn, by=by) if by else []
        found = answers_of(conn, accounts=accounts_in(conn, member[0]), limit=40) if member is not None else []
        about = {x.brief: next(iter(briefs_of(conn, id_=x.brief)), None) for x in found}
    mine = [(x, about[x.brief], standing(x, about[x.brief])) for x in found]
    response = shown(
        request, "shop_briefs.html", visitor_of(request), here="briefs", briefs=open_, ours=ours, mine=mine, by=by,
        member=member is not None, names=_names(request, [*open_, *ours]),
    )  # fmt: skip
    return no_store(response)


def _names(request: Request, found: list[Brief]) -> dict[str, str]:
    """By who asks, their name."""
    shop = shop_of(request)
    companies = {x.by for x in found if x.by.startswith("company:")}
    return {"shop": shop.settings.name} | {c: shop.companies.company(c.partition(":")[2])["name"] for c in companies}


# ---- writing one -----------------------------------------------------------------------------------------------------


def company_of(request: Request) -> tuple[str, Member]:
    """The company for which the member who asks may write briefs, or 404: for others there is no such page."""
    member = member_of(request)
    by = shop_of(request).briefs.by(member[0])
    if not by:
        raise HTTPException(404)
    return by, member


@router.get("/briefs/write")
def write_page(request: Request) -> Response:
    """The form of a brief of one's company, new or not answered yet."""
    shop, (by, _), id_ = shop_of(request), company_of(request), request.query_params.get("id", "")
    found = shop.briefs.named(id_) if id_ else None
    if id_ and (found is None or found.by != by):
        raise HTTPException(404)
    given = brief_form(shop, found, shop.briefs.state(id_) if id_ else None)
    return _form(request, given | {"id": id_ or new_id(shop.clock.now())})


def _form(request: Request, given: dict[str, str], error: FairdayError | None = None) -> Response:
    tongue, crowd = tongue_of(request), shop_of(request).settings.crowd
    response = shown(
        request, "shop_brief_write.html", visitor_of(request), status_of(error) if error else 200, here="briefs",
        given=given, error=say(tongue, error) if error else None, where=error.where if error else "",
        fee=tongue.percent(crowd.commission / 10_000, 2),
    )  # fmt: skip
    return no_store(response)


@router.post("/briefs/write", dependencies=[Depends(uploaded)])
async def write(request: Request) -> Response:
    """Keep or open a brief."""
    return await run_in_threadpool(_write, request)


def _write(request: Request) -> Response:
    shop, form, (by, member) = shop_of(request), request.state.form, company_of(request)
    given = {name: text_in(form, name, 4000) for name in (*FIELDS, "id")}
    try:
        given["photo"] = photo_in(request, member)
        asked, open_ = asked_of(shop, given), form.get("go") != "draft"
        found = shop.briefs.write(given["id"], by, (member[1],), asked, actor=member[0], open_=open_)
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _form(request, given, error)
    return RedirectResponse(f"/briefs/{found.id}", 303)


# ---- one brief -------------------------------------------------------------------------------------------------------


@router.get("/briefs/{brief}")
def brief(request: Request, brief: str) -> Response:
    return _one(request, brief)


def _one(request: Request, id_: str, error: FairdayError | None = None, given: Any = None) -> Response:
    shop, member = shop_of(request), account_of(request)
    found, state = shop.briefs.named(id_), shop.briefs.state(id_)
    by = shop.briefs.by(member[0]) if member is not None else ""
    ours = found is not None and bool(by) and found.by == by
    if found is None or state is None or (found.life not in PUBLIC and not ours):
        raise HTTPException(404)
    mine, works, credit = None, [], None
    if member is not None and not ours:
        try:
            answer, said = shop.briefs.read(shop.briefs.own(id_, member[0])[0], account=member[0])
            mine = work_told(shop, answer, found, said) if answer.life != "withdrawn" else None
        except NotFound:
            mine = None
    if ours:
        works = [work_told(shop, answer, found, said) for answer, said in shop.briefs.answers(id_, by)]
        owed = shop.companies.credit(by.partition(":")[2])
        credit = owed if owed["limit"] else None
    now = shop.clock.now()
    takes = found.life == "open" and now < found.until_at and shop.settings.crowd.open
    response = shown(
        request, "shop_brief.html", visitor_of(request), status_of(error) if error else 200, here="briefs",
        brief=found, terms=state, asks=_names(request, [found])[found.by], ours=ours, mine=mine, works=works,
        member=member is not None, takes=takes, given=_given(request, mine, given), over=found.life in OVER,
        left=max(0, found.until_at - now), most=MOST_PHOTOS, carriers=CARRIERS, reasons=REASONS,
        methods=[m for m in methods(request) if m not in BY_HAND],
        error=say(tongue_of(request), error) if error else None,
        credit=None if credit is None else credit_rules.free(credit), fixed=found.least == found.most,
        rest=divided(mine["answer"].price, state["commission"])[1] if mine else 0,
        fee=tongue_of(request).percent(state["commission"] / 10_000, 2),
    )  # fmt: skip
    return no_store(response)


def _given(request: Request, mine: Any, given: Any) -> dict[str, str]:
    """The answer's form as it stands."""
    if given is not None or mine is None:
        return given or {"text": "", "price": "", "photos": ""}
    first = mine["first"]
    price = written(mine["answer"].price, shop_of(request).settings.currency)
    return {"text": first[0]["text"] if first else "", "price": price,
            "photos": ",".join(w["photo"] for w in first if w["photo"])}  # fmt: skip


@router.post("/briefs/act", dependencies=[Depends(uploaded_some)])
async def act(request: Request) -> Response:
    """What somebody does with a ``brief`` or an answer to it: ``act`` says what."""
    return await run_in_threadpool(_act, request)


def _act(request: Request) -> Response:
    form, member = request.state.form, member_of(request)
    id_ = text_in(form, "brief", 40)
    name = text_in(form, "act", 16)
    try:
        if name == "choose":
            return _choose(request, id_, member)
        acts = {**_person(request, id_, member), **_company(request, id_, member)}
        if name not in acts:
            raise HTTPException(422)
        acts[name]()
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        given = {n: text_in(form, n, 4000) for n in ("text", "price", "photos")} if name == "answer" else None
        return _one(request, id_, error, given)
    return RedirectResponse(f"/briefs/{id_}#work", 303)


def _person(request: Request, id_: str, member: Member) -> dict[str, Callable[[], Any]]:
    """What the person does who answers."""
    shop, form = shop_of(request), request.state.form
    account, ids = member[0], (member[1],)
    mine, _ = shop.briefs.own(id_, account)

    def answer() -> None:
        found = shop.briefs.state(id_)
        fixed = found is not None and found.get("least") == found.get("most")
        price = found["least"] if found is not None and fixed else amount_in(
            text_in(form, "price", 20), shop.settings.currency, "price"
        )  # fmt: skip
        shop.briefs.answer(id_, account, ids, text_in(form, "text", 4000), price, photos_in(request, member))

    def deliver() -> None:
        parcel = (text_in(form, "carrier", 60), text_in(form, "tracking", 60))
        photos = photos_in(request, member) if request.state.photos else []
        shop.briefs.deliver(mine, account, ids, text_in(form, "text", 4000), photos, parcel)

    def speak() -> None:
        found, _ = shop.briefs.read(mine, account=account)
        photo = next(iter(photos_in(request, member)), "") if request.state.photos else ""
        shop.market.say(found.order, account, ids, text_in(form, "text", 4000), photo)

    def give_in() -> None:
        found, _ = shop.briefs.read(mine, account=account)
        shop.market.decide(found.order, None, by=account, actor=account)

    return {
        "answer": answer, "take_back": lambda: shop.briefs.take_back(mine, account), "deliver": deliver, "say": speak,
        "give_in": give_in,
    }  # fmt: skip


def _company(request: Request, id_: str, member: Member) -> dict[str, Callable[[], Any]]:
    """What a company does with its brief; ``answer`` in the form is the answer's id."""
    shop, form = shop_of(request), request.state.form
    by, ids, account = shop.briefs.by(member[0]), (member[1],), member[0]
    id_answer = text_in(form, "answer", 64)

    def theirs(act: Callable[[str, str], Any]) -> Callable[[], Any]:
        def done() -> Any:
            if not by:
                raise NotFound("There is no such brief.", code="no_such_brief")
            found, _ = shop.briefs.read(id_answer, by=by)
            order = shop.orders.state(f"order:{found.order}")
            return act(found.order, party(order, "buyer") if order is not None else "")

        return done

    def words() -> tuple[str, str]:
        photo = next(iter(photos_in(request, member)), "") if request.state.photos else ""
        return text_in(form, "text", 4000), photo

    return {
        "accept": lambda: shop.briefs.accept(id_answer, by, actor=account),
        "again": lambda: shop.briefs.again(id_answer, by, ids, text_in(form, "text", 4000), actor=account),
        "withdraw": lambda: shop.briefs.withdraw(id_, by, actor=account),
        "end": lambda: shop.briefs.end(id_, by, actor=account),
        "dispute": theirs(lambda order, buyer: shop.market.dispute(
            order, buyer, ids, text_in(form, "why", 40), *words()
        )),
        "reply": theirs(lambda order, buyer: shop.market.say(order, buyer, ids, *words())),
        "give_up": theirs(lambda order, buyer: shop.market.decide(order, 0, by=buyer, actor=account)),
    }  # fmt: skip


def _choose(request: Request, id_: str, member: Member) -> Response:
    """Choose an answer, and go on to pay for it."""
    shop, form = shop_of(request), request.state.form
    by, method, seen = shop.briefs.by(member[0]), text_in(form, "payment", 32), text_in(form, "seen", 15)
    if not by:
        raise HTTPException(404)
    if not (seen.isascii() and seen.isdigit()):
        raise HTTPException(422)
    credit = method == "credit"
    order = shop.briefs.choose(
        text_in(form, "answer", 64), by, member[0], (member[1],), int(seen), actor=member[0], on_account=credit
    )
    if credit:
        return RedirectResponse(f"/briefs/{id_}#work", 303)
    return pay(request, f"order:{order}", method if method not in BY_HAND else "")
