"""A scene's editor: a form and its text, two tabs of one page that write the same; errors stand at the field."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel.audience import MOMENT_FUNCTIONS, TraitDef
from fairday.kernel.errors import Conflict, FairdayError
from fairday.kernel.festivals import all_festivals, next_occurrence
from fairday.kernel.yamltree import Problem
from fairday.kernel.yamlvalues import NAME
from fairday.playbooks import playbook
from fairday.scenes import form as forms
from fairday.scenes import life
from fairday.scenes.conditions import GOODS_TRAITS
from fairday.scenes.form import Form
from fairday.scenes.grammar import parse_scene
from fairday.scenes.moment import MOMENT_TRAITS
from fairday.scenes.spec import METRICS, RANKS, THEMES, TOUCHPOINTS, SceneSpec, to_yaml
from fairday.web import desk, queries
from fairday.web.auth import field, inside
from fairday.web.remedies import explained
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

MEASURES = ("orders(90d)", "spend(90d)", "count('Product Viewed', 7d)", "bought('category', 'tea', 90d)",
            "viewed('category', 'tea', 7d)", "days_since('Order Completed')")  # fmt: skip
"""What people did, as the helper offers it beside what is known of them."""


def checked(request: Request, text: str) -> dict[str, Any]:
    """What the live part shows of a text: its problems in the reader's words, or what it will do and for how many."""
    shop, tongue = shop_of(request), tongue_of(request)
    if not text:
        return {"problems": [], "spec": None, "meets": None, "today": desk.today(shop), "fields": None}
    spec, problems = parse_scene(text, desk.vocabulary(shop))
    shown = [(p, *explained(p, tongue)) for p in problems]
    return {"problems": shown, "spec": spec, "meets": meets(request, spec) if spec else None,
            "today": desk.today(shop), "fields": None}  # fmt: skip


def meets(request: Request, spec: SceneSpec) -> tuple[int, int]:
    """How many people a scene is for, and how many there are."""
    shop = shop_of(request)
    with shop.db.read() as conn:
        total = queries.people_count(conn)
        if spec.who is None:
            return total, total
        read = desk.understood(spec.who, desk.vocabulary(shop))
        return (0 if isinstance(read, FairdayError) else desk.count(conn, read, desk.today(shop))), total


# ---- the page ------------------------------------------------------------------------------------------------------


def _text_page(
    request: Request, scene: str, text: str, error: FairdayError | None = None, version: str = ""
) -> Response:
    said = say(tongue_of(request), error) if error else None
    return page(request, "scene_edit.html", status_of(error) if error else 200, tab="yaml", scene=scene, text=text,
                error=said, version=version, comments=forms.comments(text), **checked(request, text))  # fmt: skip


def _form_page(
    request: Request,
    scene: str,
    form: Form,
    error: FairdayError | None = None,
    version: str = "",
    problems: list[Problem] | None = None,
    comments: bool = False,
) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    said = say(tongue, error) if error else None
    at = forms.named(problems or [], form)
    wrong = {name: [explained(p, tongue) for p in found] for name, found in at.items()}
    today = desk.today(shop)
    shown = _live(request, form)
    return page(
        request,
        "scene_edit.html",
        status_of(error) if error else 422 if problems else 200,
        tab="form",
        scene=scene,
        form=form,
        wrong=wrong,
        error=said,
        version=version,
        comments=comments,
        festivals=_festivals(request, today),
        words=_words(request),
        options={
            "theme": [(w, tongue.plain(f"theme.{w}")) for w in THEMES],
            "rank": [(w, tongue.plain(f"rank.{w}")) for w in RANKS],
            "metric": [(w, tongue.plain(f"metric.{w}")) for w in METRICS],
            "benefit": [(w, tongue.plain(f"benefit.{w}")) for w in (*forms.BENEFITS, forms.WRITTEN)],
            "price": [(w, tongue.plain(f"price.{w}")) for w in ("percent_off", "off", "becomes")],
            "per": [(w, tongue.plain(f"per.{w}")) for w in ("week", "day")],
        },
        touchpoints=_touchpoints(form),
        **shown,
    )


def _touchpoints(form: Form) -> list[str]:
    """All touchpoints, those of the scene first and in its order, so that saving keeps it."""
    chosen = [t for t, _ in form.places]
    return [*chosen, *(t for t in TOUCHPOINTS if t not in chosen)]


def _festivals(request: Request, today: int) -> list[tuple[str, str, int | None]]:
    """Festivals by their next day: (name, title, next day); a person's own dates first."""
    tongue = tongue_of(request)
    found = [(f.name, tongue.pick(f.titles), next_occurrence(f.name, today)) for f in all_festivals()]
    known = {n for n, t in desk.vocabulary(shop_of(request)).traits.items() if t.type in ("day", "yearly")}
    found = [f for f in found if not f[0].startswith("own.") or f[0].removeprefix("own.") in known | {"first_order"}]
    return sorted(found, key=lambda f: (f[2] is not None, f[2] or 0, f[0]))


def _words(request: Request) -> dict[str, list[tuple[str, str, str, tuple[str, ...]]]]:
    """What the helpers offer for each kind of condition: (word, title, type, values)."""
    tongue, shop = tongue_of(request), shop_of(request)

    def listed(traits: dict[str, TraitDef]) -> list[tuple[str, str, str, tuple[str, ...]]]:
        return [(t.name, tongue.pick(t.titles), t.type, t.values) for t in traits.values()]

    measures = [(m, tongue.plain(f"measure.{m.partition('(')[0]}"), "int", ()) for m in MEASURES]
    since = MOMENT_FUNCTIONS["minutes_since"]
    return {
        "people": [*measures, *listed(dict(desk.vocabulary(shop).traits))],
        "moment": [*listed(dict(MOMENT_TRAITS)), (since, tongue.plain("measure.minutes_since"), "int", ())],
        "goods": listed(dict(GOODS_TRAITS)),
    }


def _live(request: Request, form: Form) -> dict[str, Any]:
    """What the live part shows of a form; problems are named by field."""
    form = forms.without_blanks(form)
    shown = checked(request, forms.text(form, shop_of(request).settings.currency))
    tongue = tongue_of(request)
    shown["problems"] += [(p, *explained(p, tongue)) for p in forms.doubled(form)]
    shown["fields"] = [forms.field_of(p.key, form) for p, _, _ in shown["problems"]]
    return shown


# ---- what is asked -------------------------------------------------------------------------------------------------


@inside.get("/scenes/new")
def new(request: Request) -> Response:
    """A new scene, begun from a playbook (``?from=NAME``)."""
    name = request.query_params.get("from", "")
    try:
        text = playbook(name or "valentines-day") if NAME.fullmatch(name or "valentines-day") else ""
    except FileNotFoundError:
        raise HTTPException(404)
    return _begin(request, "", text, "")


def _begin(request: Request, scene: str, text: str, version: str) -> Response:
    """The form, or the text where that is asked for or the form cannot show it."""
    spec, problems = parse_scene(text, desk.vocabulary(shop_of(request)))
    if request.query_params.get("tab") == "yaml" or spec is None:
        return _text_page(request, scene, text, version=version)
    noted = bool(scene) and forms.comments(text)
    return _form_page(request, scene, forms.of(spec), version=version, problems=problems, comments=noted)


@inside.get("/scenes/{scene}/edit")
def edit(request: Request, scene: str) -> Response:
    with shop_of(request).db.read() as conn:
        row = life.get_scene(conn, scene)
    return _begin(request, scene, row.text, str(row.version))


def _posted(request: Request) -> tuple[str, str, str, Form | None]:
    """(text, scene, version, form) of a post; the form is None where the text's own tab was sent."""
    scene = str(request.state.form.get("was", ""))[:100]
    version = str(request.state.form.get("version", ""))[:10]
    if request.state.form.get("tab") == "form":
        pairs = [(n, v) for n, v in request.state.form.multi_items() if isinstance(v, str)]
        form = forms.read((n, _clean(v)) for n, v in pairs)
        return "", scene, version, form
    return field(request, "text", life.MAX_TEXT), scene, version, None


def _clean(value: str) -> str:
    """A field without characters that no file may hold."""
    return "".join(c for c in value[: life.MAX_TEXT] if c >= " " or c in "\n\t\r")


@inside.post("/scenes/check")
def check(request: Request) -> Response:
    """The live part alone, for the script; the editor around it for a browser without."""
    text, scene, version, form = _posted(request)
    if form is None:
        if request.headers.get("x-part"):
            return page(request, "scene_live.html", **checked(request, text))
        return _text_page(request, scene, text, version=version)
    if request.headers.get("x-part"):
        return page(request, "scene_live.html", **_live(request, form))
    form = forms.without_blanks(form)
    return _form_page(request, scene, form, version=version, problems=_problems(request, form))


def _problems(request: Request, form: Form) -> list[Problem]:
    text = forms.text(form, shop_of(request).settings.currency)
    return [*forms.doubled(form), *parse_scene(text, desk.vocabulary(shop_of(request)))[1]]


@inside.post("/scenes/form")
def rows(request: Request) -> Response:
    """The form with a row more, less or moved (``do``), or the other tab (``to``); nothing is saved."""
    text, scene, version, form = _posted(request)
    to = request.state.form.get("to")
    known, currency = desk.vocabulary(shop_of(request)), shop_of(request).settings.currency
    if form is None:
        spec, _ = parse_scene(text, known)
        if to != "form" or spec is None:
            return _text_page(request, scene, text, version=version)
        return _form_page(request, scene, forms.of(spec), version=version, comments=forms.comments(text))
    if to == "yaml":
        text = forms.text(forms.without_blanks(form), currency)
        spec, _ = parse_scene(text, known)
        return _text_page(request, scene, to_yaml(spec) if spec else text, version=version)
    order = request.state.form.get("do")
    return _form_page(request, scene, forms.changed(form, order if isinstance(order, str) else ""), version=version)


def _not_taken(request: Request, text: str) -> None:
    """Refuse a new scene under the name of another, which would become that one's next version."""
    spec, _ = parse_scene(text, desk.vocabulary(shop_of(request)))
    with shop_of(request).db.read() as conn:
        if spec is not None and any(row.scene == spec.scene for row in life.all_scenes(conn)):
            raise Conflict(f"There is a scene {spec.scene!r} already.", code="scene_exists", where="scene")


@inside.post("/scenes")
def save(request: Request) -> Response:
    shop = shop_of(request)
    text, scene, version, form = _posted(request)
    if form is not None:
        form = forms.without_blanks(form)
        problems = _problems(request, form)
        text = forms.text(form, shop.settings.currency)
        spec, _ = parse_scene(text, desk.vocabulary(shop))
        if problems or spec is None:
            return _form_page(request, scene, form, version=version, problems=problems)
        text = to_yaml(spec)
    try:
        if not version:
            _not_taken(request, text)
        saved = shop.save_scene(
            text.rstrip("\n") + "\n",
            actor=f"operator:{request.state.operator.id}",
            version=int(version) if version.isascii() and version.isdigit() else None,
        )
    except life.SceneError:
        return _text_page(request, scene, text)
    except FairdayError as error:
        if form is not None:
            return _form_page(request, scene, form, error, version)
        return _text_page(request, scene, text, error, version)
    return go(f"/console/scenes/{saved.scene}?done=scene_saved")
