"""The report: the one sentence that matters, then pictures, then tables; and each of them to take away."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response

from fairday.insight import charts, sheets
from fairday.insight.asked import LASTS, METRICS, Asked, ask
from fairday.insight.effects import SceneEffect
from fairday.insight.headline import Saying
from fairday.insight.report import Report
from fairday.kernel import jsons
from fairday.kernel.clock import day_start, to_date
from fairday.kernel.errors import FairdayError, NotFound
from fairday.models.experiments import Effect
from fairday.trade.given import Given, given_between
from fairday.web import plots
from fairday.web.auth import inside
from fairday.web.desk import today
from fairday.web.i18n import Tongue
from fairday.web.promotion_words import title
from fairday.web.render import FOLDER, page, say, shop_of, text_of, tongue_of


@inside.get("/report")
def report(request: Request) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    given, problem = dict(request.query_params), None
    try:
        asked = ask(given, today(shop))
    except FairdayError as error:
        asked, problem = ask({}, today(shop)), say(tongue, error)
    found = shop.report(asked)
    return page(
        request, "report.html", 422 if problem else 200, problem=problem, period=_period(given),
        promoted=promoted(request, asked), metrics=METRICS, lasts=LASTS, taken=_query(asked),
        sheets=list(sheets.SHEETS), charts=list(charts.CHARTS),
        first_date=to_date(asked.first), last_date=to_date(asked.last), **shown(tongue, found),
    )  # fmt: skip


def promoted(request: Request, asked: Asked) -> list[tuple[str, str, str, Given]]:
    """What promotions gave in the orders of the days asked for: (id, title, scene or "", given), the most first."""
    shop, tongue = shop_of(request), tongue_of(request)
    start, end = (day_start(day, shop.settings.zone) for day in (asked.first, asked.last + 1))
    with shop.db.read() as conn:
        given = given_between(conn, start, end)
        book = shop.offers.book(conn).by_id
        kept = {k.rule.id: k.rule for k in shop.offers.all(conn, shop.clock.now())} | dict(book)
    return [
        (rule, title(tongue, kept[rule]) if rule in kept else rule, _scene_of(rule), one) for rule, one in given
    ]  # fmt: skip


def _scene_of(rule: str) -> str:
    return rule.split("/")[1] if rule.startswith("scene/") else ""


@inside.get("/report.json")
def report_json(request: Request) -> Response:
    return Response(as_json(_asked(request)), media_type="application/json")


@inside.get("/report.html")
def report_alone(request: Request) -> Response:
    html = alone(_asked(request), tongue_of(request))
    return _file(html.encode(), "text/html; charset=utf-8", f"report-{_asked_days(request)}.html")


@inside.get("/report/{name}.{kind}")
def report_part(request: Request, name: str, kind: str) -> Response:
    """A table as CSV, or a picture as PNG or SVG."""
    if kind == "csv":
        found = _asked(request)
        return _file(sheets.as_csv(sheets.sheet(found, name)), "text/csv; charset=utf-8", f"{name}.csv")
    if kind not in charts.FORMATS or name not in charts.CHARTS:
        raise NotFound("The report has no such part.", code="no_table")
    found, tongue = _asked(request), tongue_of(request)
    drawn = charts.draw(found, name, kind, tongue.plain, titles(tongue, found))
    return Response(drawn, media_type={"png": "image/png", "svg": "image/svg+xml"}[kind])


def _asked(request: Request) -> Report:
    shop = shop_of(request)
    return shop.report(ask(dict(request.query_params), today(shop)))


def _asked_days(request: Request) -> str:
    asked = ask(dict(request.query_params), today(shop_of(request)))
    return f"{to_date(asked.first)}-{to_date(asked.last)}"


def _file(body: bytes, kind: str, name: str) -> Response:
    return Response(body, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


def _period(given: dict[str, str]) -> str:
    return given.get("period") or ("custom" if given.get("from") or given.get("to") else f"{LASTS[1]}d")


def _query(asked: Asked) -> str:
    first, last = to_date(asked.first), to_date(asked.last)
    return f"metric={asked.metric}&period=custom&from={first}&to={last}&compare={asked.compare}"


def as_json(found: Report) -> bytes:
    """The report as JSON; amounts in minor units of its currency, days since 1970-01-01."""
    return jsons.dumps(msgspec.to_builtins(found)).encode()


def alone(found: Report, tongue: Tongue) -> str:
    """The report as one HTML page that needs no other file, no script and no network."""
    style = (FOLDER / "static" / "console.css").read_text("utf-8")
    return text_of("report_alone.html", tongue, style=style, **shown(tongue, found))


def every_part(found: Report, tongue: Tongue, format_: charts.Format) -> dict[str, bytes]:
    """Every picture by file name."""
    names = titles(tongue, found)
    return {f"{c}.{format_}": charts.draw(found, c, format_, tongue.plain, names) for c in charts.CHARTS}


# ---- for the template ------------------------------------------------------------------------------------------------


def shown(tongue: Tongue, found: Report) -> dict[str, Any]:
    """What the report's templates need besides the reader's language."""
    asked, names = found.asked, titles(tongue, found)
    figure = found.figures.of(asked.metric)
    write = tongue.money if asked.metric == "revenue" else tongue.number
    told = [e for s in found.scenes if (e := s.best) is not None]
    return {
        "report": found,
        "names": names,
        "sayings": [sentence(tongue, s, names) for s in found.sayings],
        "figure": figure,
        "write": write,
        "most": max([*figure.days, *figure.days_before, 0]),
        "day_titles": [f"{tongue.day(asked.first + i)}: {write(v)}" for i, v in enumerate(figure.days)],
        "bands": [(first - asked.first, last - asked.first, names[s.scene]) for s, first, last in found.ran],
        "span": (min((e.low for e in told), default=0.0), max((e.high for e in told), default=0.0)),
        "rows": {s.scene: rows(tongue, s, asked) for s in found.scenes},
        "columns_of_cohorts": max((len(c.cells) for c in found.cohorts.cohorts), default=0),
        "biggest": {
            unit: max((abs(v) for c in found.changes.changes if c.unit == unit for v in (c.now, c.before)), default=1)
            for unit in ("money", "pieces", "visits", "meetings")
        },
        "kinds": [found.campaigns.total, *found.campaigns.by_kind] if found.campaigns.total.targeted else [],
        "amount": lambda v: tongue.money(round(v)),
        "plots": plots,
    }  # fmt: skip


def titles(tongue: Tongue, found: Report) -> dict[str, str]:
    """What scenes are called."""
    return {s.scene: tongue.pick(s.titles) or s.scene for s in found.scenes}


def sentence(tongue: Tongue, saying: Saying, names: dict[str, str]) -> str:
    """A saying in the reader's words."""
    given = dict(saying.values)
    metric = given.get("metric")
    write = tongue.money if metric == "revenue" else tongue.number
    values: dict[str, Any] = {k: tongue.money(round(given[k])) for k in ("estimate", "low", "high") if k in given}
    if metric:
        change = given["change"]
        values["metric"] = tongue.plain("report.metric." + metric)
        values["now"] = write(given["now"])
        if change is not None:
            signed = saying.code in ("same", "few_days")
            values["change"] = ("+" if signed and change > 0 else "") + tongue.percent(
                change if signed else abs(change)
            )
    if "n" in given:
        values["n"] = given["n"]
    if "scene" in given:
        values["scene"] = names.get(given["scene"], given["scene"])
    return tongue.plain("report.say." + saying.code, **values)


def rows(tongue: Tongue, scene: SceneEffect, asked: Asked) -> list[dict[str, Any]]:
    """A scene's figures: name, both arms where they have one, and the difference with its interval."""

    def money(value: float) -> str:
        return tongue.money(round(value))

    def share(value: float) -> str:
        return tongue.percent(value)

    def plain(value: float) -> str:
        return tongue.number(round(value, 2))

    t, h = scene.treated, scene.holdout
    found = [
        _row("money", scene.money, money, (t.net, t.people), (h.net, h.people)),
        _row("adjusted", scene.adjusted, money),
        _row("buying", scene.buying, share, (t.buyers, t.people), (h.buyers, h.people)),
        _row("order_value", scene.order_value, money, (t.net, t.orders), (h.net, h.orders)),
    ]
    if asked.metric in ("orders", "visits", "new-buyers"):
        found.append(_row(asked.metric, scene.chosen, share if asked.metric == "new-buyers" else plain))
    for name, b in (
        ("categories", scene.categories), ("views", scene.views), ("meetings", scene.meetings), ("days", scene.days)
    ):  # fmt: skip
        if b is not None and (b.treated or b.held):
            found.append(_row(name, b.effect, plain) | {"treated": plain(b.treated), "held": plain(b.held)})
    return [r for r in found if r["estimate"] or r["treated"]]


def _row(
    name: str, effect: Effect | None, write: Any, treated: tuple[int, int] = (0, 0), held: tuple[int, int] = (0, 0)
) -> dict[str, Any]:
    values = [write(v) for v in (effect.estimate, effect.low, effect.high)] if effect else ["", "", ""]
    arms = [write(a / b) if b else "" for a, b in (treated, held)]
    return {
        "name": name, "treated": arms[0], "held": arms[1], "estimate": values[0], "low": values[1], "high": values[2],
        "sure": effect is not None and effect.sure,
    }  # fmt: skip
