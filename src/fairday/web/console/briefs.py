"""Briefs: the shop's own to write, choose from and accept; those of companies to look at; the rules of both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.goods.photos import keep_photo, redraw
from fairday.kernel.errors import FairdayError, NotFound
from fairday.kernel.ids import new_id
from fairday.kernel.money import minor
from fairday.shop import Shop
from fairday.trade.c2b import tables
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2c.dispute import REASONS
from fairday.web.auth import field, inside
from fairday.web.crowding import FIELDS, asked_of, brief_form, work_told
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of


@inside.get("/briefs")
def briefs(request: Request) -> Response:
    return _page(request)


def _page(request: Request, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        found = tables.briefs_of(conn)
        counts = tables.counts(conn)
    crowd = shop.settings.crowd
    return page(
        request, "briefs.html", status_of(error) if error else 200, briefs=found, counts=counts,
        names=_names(shop, found), error=say(tongue_of(request), error) if error else None,
        fee=f"{Decimal(crowd.commission) / 100:f}", royalty=f"{Decimal(crowd.royalty) / 100:f}",
    )  # fmt: skip


def _names(shop: Shop, found: list[tables.Brief]) -> dict[str, str]:
    asked = {x.by for x in found if x.by != SHOP}
    return {SHOP: shop.settings.name} | {c: shop.companies.company(c.partition(":")[2])["name"] for c in asked}


def _actor(request: Request) -> str:
    return f"operator:{request.state.operator.id}"


@inside.post("/briefs/settings")
def save(request: Request) -> Response:
    """Whether people may answer and send, and on what terms."""
    shop, form = shop_of(request), request.state.form

    def whole(name: str) -> int | str:
        said = field(request, name, 3)
        return int(said) if said.isascii() and said.isdigit() else said

    try:
        shop.change_settings(crowd={
            "open": form.get("open") == "yes", "commission": minor(field(request, "commission", 8), "EUR"),
            "royalty": minor(field(request, "royalty", 8), "EUR"), "accept_days": whole("accept_days"),
            "rounds": whole("rounds"),
        })  # fmt: skip
    except FairdayError as error:
        return _page(request, error)
    return go("/console/briefs?done=crowd.settings")


# ---- writing one -----------------------------------------------------------------------------------------------------


@inside.get("/briefs/write")
def write_page(request: Request) -> Response:
    """The form of a brief of the shop, new or not answered yet."""
    shop, id_ = shop_of(request), request.query_params.get("id", "")
    found = shop.briefs.named(id_) if id_ else None
    if id_ and (found is None or found.by != SHOP):
        raise HTTPException(404)
    given = brief_form(shop, found, shop.briefs.state(id_) if id_ else None)
    return _form(request, given | {"id": id_ or new_id(shop.clock.now())})


def _form(request: Request, given: dict[str, str], error: FairdayError | None = None) -> Response:
    return page(
        request, "brief_write.html", status_of(error) if error else 200, given=given,
        error=say(tongue_of(request), error) if error else None, where=error.where if error else "",
    )  # fmt: skip


@inside.post("/briefs/write")
def write(request: Request) -> Response:
    """Keep or open a brief of the shop."""
    shop = shop_of(request)
    given = dict.fromkeys((*FIELDS, "id"), "")
    try:
        given = {name: field(request, name, 4000) for name in (*FIELDS, "id")}
        given["photo"] = _photo(request) or given["photo"]
        open_ = request.state.form.get("go") != "draft"
        found = shop.briefs.write(given["id"], SHOP, (), asked_of(shop, given), actor=_actor(request), open_=open_)
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _form(request, given, error)
    return go(f"/console/briefs/{found.id}?done=brief.{'opened' if open_ else 'kept'}")


def _photo(request: Request) -> str:
    sent = request.state.form.get("file")
    upload = sent.file.read() if isinstance(sent, UploadFile) else b""
    if not upload:
        return ""
    drawn = redraw(upload)
    shop = shop_of(request)
    with shop.db.write() as conn:
        return keep_photo(conn, drawn, shop.clock.now()).photo


# ---- one brief -------------------------------------------------------------------------------------------------------


@inside.get("/briefs/{brief}")
def brief(request: Request, brief: str) -> Response:
    return _one(request, brief)


def _one(request: Request, id_: str, error: FairdayError | None = None) -> Response:
    shop = shop_of(request)
    found, state = shop.briefs.named(id_), shop.briefs.state(id_[:64])
    if found is None or state is None:
        raise HTTPException(404)
    own = found.by == SHOP
    # What people offer a company is the company's to read.
    works = [work_told(shop, a, found, said) for a, said in shop.briefs.answers(found.id, SHOP)] if own else []
    return page(
        request, "brief.html", status_of(error) if error else 200, brief=found, terms=state, own=own, works=works,
        asks=_names(shop, [found])[found.by], reasons=REASONS,
        error=say(tongue_of(request), error) if error else None,
    )  # fmt: skip


@inside.post("/briefs/{brief}/choose")
def choose(request: Request, brief: str) -> Response:
    """Choose an answer: its price is set aside as an expense of the shop."""
    seen = field(request, "seen", 15)
    if not (seen.isascii() and seen.isdigit()):
        raise HTTPException(422)
    return _done(
        request, brief,
        lambda shop: shop.briefs.choose(field(request, "answer", 64), SHOP, None, (), int(seen), actor=_actor(request)),
        "chosen",
    )  # fmt: skip


@inside.post("/briefs/{brief}/work")
def work(request: Request, brief: str) -> Response:
    """Accept what was delivered, ask for another round, or say what is wrong: ``act``."""
    act, answer, actor = field(request, "act", 16), field(request, "answer", 64), _actor(request)

    def order(shop: Shop) -> str:
        return shop.briefs.read(answer, by=SHOP)[0].order

    def text() -> str:
        return field(request, "text", 4000)

    acts: dict[str, tuple[Any, str]] = {
        "accept": (lambda shop: shop.briefs.accept(answer, SHOP, actor=actor), "accepted"),
        "again": (lambda shop: shop.briefs.again(answer, SHOP, (), text(), actor=actor), "asked"),
        "dispute": (
            lambda shop: shop.market.dispute(order(shop), SHOP, (), field(request, "why", 40), text()), "disputed"
        ),
        "say": (lambda shop: shop.market.say(order(shop), SHOP, (), text()), "disputed"),
    }  # fmt: skip
    if act not in acts:
        raise HTTPException(422)
    return _done(request, brief, *acts[act])


@inside.post("/briefs/{brief}/end")
def end(request: Request, brief: str) -> Response:
    """Nobody else is chosen; or nobody at all."""
    actor = _actor(request)

    def act(shop: Shop) -> None:
        state = shop.briefs.state(brief[:64])
        if state is not None and state["life"] == "choosing":
            shop.briefs.end(brief[:64], SHOP, actor=actor)
        else:
            shop.briefs.withdraw(brief[:64], SHOP, actor=actor)

    return _done(request, brief, act, "ended")


def _done(request: Request, brief: str, act: Any, done: str) -> Response:
    try:
        act(shop_of(request))
    except NotFound:
        raise HTTPException(404) from None
    except FairdayError as error:
        return _one(request, brief, error)
    return go(f"/console/briefs/{brief[:64]}?done=brief.{done}")
