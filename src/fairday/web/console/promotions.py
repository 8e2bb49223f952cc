"""Promotions: what each gives and has given, made in a form or as text, tried on real carts, started and stopped."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday import operators
from fairday.goods.catalogue import sold_products
from fairday.kernel.clock import local_day, to_date
from fairday.kernel.errors import Conflict, FairdayError, NotFound
from fairday.kernel.yamltree import Problem, dump
from fairday.offers import form as forms
from fairday.offers import history
from fairday.offers.coupons import records
from fairday.offers.grammar import read_rule, rule_plain, rule_text
from fairday.offers.history import Kept
from fairday.offers.model import Rule
from fairday.trade.given import Given, given_by, orders_with
from fairday.web import desk
from fairday.web.auth import field, inside, may
from fairday.web.console.promotion_trial import in_the_way, last_carts, tried, written
from fairday.web.promotion_words import days, facts, gives, title
from fairday.web.remedies import explained
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

MOST_TEXT = 60_000
ORDERS_SHOWN = 12
NONE = Given()


@inside.get("/promotions")
def listed(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    now, zone = shop.clock.now(), shop.settings.zone
    with shop.db.read() as conn:
        own = shop.offers.all(conn, now)
        scenes = [rule for rule in shop.offers.live(conn) if rule.when.scene and rule.id.startswith("scene/")]
        ids = [k.rule.id for k in own] + [r.id for r in scenes]
        given = given_by(conn, ids)
        taken = shop.offers.taken(conn, [k.rule for k in own] + scenes)
    order = {"live": 0, "scheduled": 1, "draft": 2, "stopped": 3, "ended": 4}

    def row(rule: Rule, standing: str) -> dict[str, Any]:
        return {
            "rule": rule, "title": title(tongue, rule), "gives": gives(tongue, rule), "standing": standing,
            "days": days(tongue, rule, zone), "given": given.get(rule.id, NONE), "taken": taken.get(rule.id, (0, 0)),
        }  # fmt: skip

    rows = [row(k.rule, k.standing) for k in sorted(own, key=lambda k: order[k.standing])]
    return page(request, "promotions.html", rows=rows, scenes=[row(r, "live") for r in scenes])


# ---- one promotion ---------------------------------------------------------------------------------------------------


def _kept(request: Request, conn: Connection, rule: str) -> Kept:
    shop = shop_of(request)
    try:
        return shop.offers.kept(conn, rule, shop.clock.now())
    except NotFound:
        raise HTTPException(404)


@inside.get("/promotions/one")
def one(request: Request) -> Response:
    return _one(request, request.query_params.get("rule", "")[:80])


def _one(request: Request, name: str, error: FairdayError | None = None, ask: str = "") -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    zone, now = shop.settings.zone, shop.clock.now()
    asked, typed = request.query_params.get("cart", "")[:80], request.query_params.get("lines", "")[:4000]
    with shop.db.read() as conn:
        kept = _kept(request, conn, name)
        rule = kept.rule
        given = given_by(conn, [name]).get(name, NONE)
        taken = shop.offers.taken(conn, [rule]).get(name, (0, 0))
        told = history.versions(conn, name, 30)
        names = {f"operator:{o.id}": o.email for o in operators.everyone(conn)}
        with_it = orders_with(conn, name, ORDERS_SHOWN) if may(request, "orders.read") else []
        picks = last_carts(conn, shop)
        chosen = next((p for p in picks if p.name == asked), None)
        lines = written(typed) if typed.strip() else list((chosen or picks[0]).lines) if picks else []
        trial = tried(request, conn, rule, lines) if lines else None
        worthless = _worthless(request, conn, rule, now)
        meets = in_the_way(request, conn, rule) if kept.standing != "ended" else []
    return page(
        request, "promotion.html", status_of(error) if error else 409 if ask else 200, ask=ask, worthless=worthless,
        kept=kept, rule=rule, title=title(tongue, rule), gives=gives(tongue, rule), facts=facts(tongue, rule, zone),
        given=given, taken=taken, history=_changes(told), names=names, orders=with_it, picks=picks, typed=typed,
        chosen=chosen.name if chosen else "" if typed or not picks else picks[0].name, trial=trial, asked=bool(lines),
        meets=meets, title_of=lambda r: title(tongue, r), text=_text(request, rule), now_at=now,
        error=say(tongue, error) if error else None,
    )  # fmt: skip


def _worthless(request: Request, conn: Connection, rule: Rule, now: int) -> dict[str, Any] | None:
    """The coupons that ending or stopping a promotion makes worthless: how many are held, until when, and the open
    batches that hand out more; None where there are none."""
    if not rule.when.coupon:
        return None
    n, last = records.held_of(conn, rule.id, now)
    batches = [(b.batch, b.terms.title) for b in records.handing_out(conn, rule.id, now)]
    day = tongue_of(request).day(local_day(last - 1, shop_of(request).settings.zone)) if n else ""
    return {"n": n, "last": day, "batches": batches} if n or batches else None


def _text(request: Request, rule: Rule) -> str:
    settings = shop_of(request).settings
    try:
        return rule_text(rule, settings.currency, settings.zone)
    except FairdayError as error:
        return str(error)


def _changes(told: list[history.Version]) -> list[tuple[str, history.Version]]:
    """Versions with what happened at each: made, changed, started, stopped; the latest first."""
    found = []
    for at, version in enumerate(told):
        before = told[at + 1] if at + 1 < len(told) else None
        if before is None:
            word = "started" if version.live else "made"
        elif version.live != before.live:
            word = "started" if version.live else "stopped"
        else:
            word = "changed"
        found.append((word, version))
    return found


@inside.post("/promotions/move")
def move(request: Request) -> Response:
    """``start``, ``stop``, or ``end``: over from now on, for good."""
    shop = shop_of(request)
    name, to = field(request, "rule", 80), field(request, "move", 10)
    now, actor = shop.clock.now(), f"operator:{request.state.operator.id}"
    sure = request.state.form.get("sure") == "yes"
    try:
        with shop.db.write() as conn:
            kept = _kept(request, conn, name)
            ask = to in ("stop", "end") and not sure and _worthless(request, conn, kept.rule, now) is not None
            if ask:
                pass
            elif to == "start":
                if kept.standing == "ended":
                    raise Conflict("It is over.", code="promotion_over", where="until")
                shop.offers.save(conn, kept.rule, now, actor=actor)
            elif to == "stop":
                shop.offers.withdraw(conn, rule=name, now=now, actor=actor)
            elif to == "end" and kept.standing not in ("ended", "draft"):
                when = kept.rule.when
                start = when.start if when.start is None or when.start < now else now - 1
                over = msgspec.structs.replace(when, start=start, end=now)
                shop.offers.save(conn, msgspec.structs.replace(kept.rule, when=over), now, live=False, actor=actor)
    except FairdayError as error:
        return _one(request, name, error)
    if ask:
        return _one(request, name, ask=to)
    return go(f"/console/promotions/one?rule={name}&done=promotion_{to if to in ('start', 'stop', 'end') else 'saved'}")


# ---- the editor ------------------------------------------------------------------------------------------------------


@inside.get("/promotions/new")
def new(request: Request) -> Response:
    fields = forms.read({"kind": "off", "together": "any", "when": "always"}.items())
    return _form_page(request, "", fields)


@inside.get("/promotions/edit")
def edit(request: Request) -> Response:
    settings = shop_of(request).settings
    with shop_of(request).db.read() as conn:
        kept = _kept(request, conn, request.query_params.get("rule", "")[:80])
    version = str(kept.version)
    try:
        fields = forms.of(rule_plain(kept.rule, settings.currency, settings.zone))
    except FairdayError as error:
        return _text_page(request, kept.rule.id, "", error=error, version=version)
    if fields is None or request.query_params.get("tab") == "yaml":
        return _text_page(request, kept.rule.id, _text(request, kept.rule), version=version, only=fields is None)
    return _form_page(request, kept.rule.id, fields, version=version)


def _posted(request: Request) -> tuple[str, str, forms.Fields | None, str]:
    """(name it was saved under, its version, fields or None, text)."""
    form = request.state.form
    was, version = str(form.get("was", ""))[:80], str(form.get("version", ""))[:18]
    if form.get("tab") == "form":
        return was, version, forms.read((n, _clean(v)) for n, v in form.multi_items() if isinstance(v, str)), ""
    return was, version, None, field(request, "text", MOST_TEXT)


def _clean(value: str) -> str:
    """A field without characters that no text may hold."""
    return "".join(c for c in value if c >= " " or c in "\n\t\r")


def _today(request: Request) -> date:
    return to_date(desk.today(shop_of(request)))


def _read(
    request: Request, source: str | dict[str, Any], fields: forms.Fields | None
) -> tuple[Rule | None, list[Problem]]:
    shop = shop_of(request)
    rule, wrong = read_rule(source, people=desk.vocabulary(shop), zone=shop.settings.zone)
    own = [] if fields is None else forms.problems(fields)
    if not own or fields is None:
        return rule, wrong
    said = {p.key.partition("[")[0] for p in own}
    return None, [*own, *(p for p in wrong if p.key.partition("[")[0] not in said)]


def _plain(request: Request, was: str, fields: forms.Fields) -> dict[str, Any]:
    """What the fields say; a promotion that is there keeps its name, a new one gets one that is free."""
    plain = forms.plain_of(fields, _today(request))
    if was:
        plain["promotion"] = was
    elif not fields["promotion"]:
        with shop_of(request).db.read() as conn:
            taken = {k.rule.id for k in shop_of(request).offers.all(conn, 0)}
        name, n = plain["promotion"], 2
        while plain["promotion"] in taken:
            plain["promotion"], n = f"{name}-{n}", n + 1
    return plain


def _live(request: Request, source: str | dict[str, Any], fields: forms.Fields | None) -> dict[str, Any]:
    """What stands beside the editor: every problem, or the promotion in words, on a last cart, and what it meets."""
    shop, tongue = shop_of(request), tongue_of(request)
    rule, problems = _read(request, source, fields) if source else (None, [])
    shown: dict[str, Any] = {
        "problems": [(p, *explained(p, tongue)) for p in problems], "rule": rule, "trial": None, "meets": [],
        "fields_at": None if fields is None else [forms.field_of(p.key, fields) for p in problems],
        "title_of": lambda r: title(tongue, r),
    }  # fmt: skip
    if rule is not None:
        with shop.db.read() as conn:
            picks = last_carts(conn, shop)[:4]
            trials = [t for p in picks if (t := tried(request, conn, rule, p.lines)) is not None]
            shown["trial"] = next((t for t in trials if t["got"]), trials[0] if trials else None)
            shown["meets"] = [m for m in in_the_way(request, conn, rule) if m.relation != "together"]
        shown |= {"says": gives(tongue, rule), "facts": facts(tongue, rule, shop.settings.zone)}
    return shown


def _form_page(
    request: Request,
    was: str,
    fields: forms.Fields,
    error: FairdayError | None = None,
    version: str = "",
    problems: list[Problem] | None = None,
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    wrong: dict[str, list[Any]] = {}
    for problem in problems or []:
        wrong.setdefault(forms.field_of(problem.key, fields), []).append(explained(problem, tongue))
    with shop.db.read() as conn:
        goods = _goods(request, conn)
    first = ("off", "percent_off", "price", "gift", "points", "pay_points", "tiers[1].at", "buy", "nth")
    fresh = not any(fields[n] for n in first)
    source = {} if fresh and not problems and not was else _plain(request, was, fields)
    return page(
        request, "promotion_edit.html", status_of(error) if error else 422 if problems else 200,
        tab="form", was=was, version=version, f=fields, wrong=wrong, kinds=forms.KINDS, tiers=range(1, forms.TIERS + 1),
        error=say(tongue, error) if error else None, known=goods, only=False, week=forms.DAYS,
        **_live(request, source, fields),
    )  # fmt: skip


def _text_page(
    request: Request, was: str, text: str, error: FairdayError | None = None, version: str = "", only: bool = False
) -> Response:
    said = say(tongue_of(request), error) if error else None
    return page(request, "promotion_edit.html", status_of(error) if error else 200, tab="yaml", was=was, text=text,
                error=said, version=version, only=only, **_live(request, text, None))  # fmt: skip


def _goods(request: Request, conn: Connection) -> dict[str, list[tuple[str, str]]]:
    """What the shop sells, for the fields' suggestions: (word, title) by field."""
    found: dict[str, dict[str, str]] = {"category": {}, "brand": {}, "sku": {}}
    for p in sold_products(conn)[:2000]:
        for name, word in (("category", p.category), ("brand", p.brand)):
            if word:
                found[name][word] = ""
        if len(found["sku"]) < 200:
            found["sku"][p.product] = p.title
    return {name: sorted(words.items())[:200] for name, words in found.items()}


@inside.post("/promotions/check")
def check(request: Request) -> Response:
    """The live part alone, for the script; the editor around it for a browser without."""
    was, version, fields, text = _posted(request)
    if request.headers.get("x-part"):
        source: str | dict[str, Any] = text if fields is None else _plain(request, was, fields)
        return page(request, "promotion_live.html", **_live(request, source, fields))
    if fields is None:
        return _text_page(request, was, text, version=version)
    problems = _read(request, _plain(request, was, fields), fields)[1]
    return _form_page(request, was, fields, version=version, problems=problems)


@inside.post("/promotions/form")
def switch(request: Request) -> Response:
    """The other tab (``to``), with what was typed; nothing is saved."""
    settings = shop_of(request).settings
    was, version, fields, text = _posted(request)
    to = request.state.form.get("to")
    if fields is not None and to == "yaml":
        plain = _plain(request, was, fields)
        rule, _ = _read(request, plain, None)
        return _text_page(request, was, _text(request, rule) if rule else dump(plain), version=version)
    if fields is not None:
        return _form_page(request, was, fields, version=version)
    rule, _ = _read(request, text, None)
    shown = None if rule is None or to != "form" else forms.of(rule_plain(rule, settings.currency, settings.zone))
    if shown is None:
        return _text_page(request, was, text, version=version, only=rule is not None and to == "form")
    return _form_page(request, was, shown, version=version)


@inside.post("/promotions")
def save(request: Request) -> Response:
    """Save: a new one as a draft or started at once (``do``), one that is there as its next version."""
    shop = shop_of(request)
    was, version, fields, text = _posted(request)
    source: str | dict[str, Any] = text if fields is None else _plain(request, was, fields)
    rule, problems = _read(request, source, fields)
    if rule is None:
        if fields is None:
            return _text_page(request, was, text, version=version)
        return _form_page(request, was, fields, version=version, problems=problems)
    now, actor = shop.clock.now(), f"operator:{request.state.operator.id}"
    start = request.state.form.get("do") == "start"
    try:
        with shop.db.write() as conn:
            live = start
            if was or version:
                kept = _kept(request, conn, was)
                if rule.id != was:
                    raise Conflict(f"It is called {was}.", code="promotion_renamed", where="promotion")
                if str(kept.version) != version:
                    raise Conflict("Somebody else changed it meanwhile.", code="promotion_changed")
                live = start or kept.on
            elif any(k.rule.id == rule.id for k in shop.offers.all(conn, now)):
                raise Conflict(f"There is a promotion {rule.id!r}.", code="promotion_exists", where="promotion")
            shop.offers.save(conn, rule, now, live=live, actor=actor)
    except FairdayError as error:
        if fields is None:
            return _text_page(request, was, text, error, version)
        return _form_page(request, was, fields, error, version)
    return go(f"/console/promotions/one?rule={rule.id}&done=promotion_{'start' if start else 'saved'}")
