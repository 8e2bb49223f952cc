"""Pages from templates: the reader's language, safe defaults, errors in words a merchant reads."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from fairday.kernel import jsons
from fairday.kernel.errors import Conflict, FairdayError, NotFound, Unavailable
from fairday.kernel.festivals import festival, next_occurrence
from fairday.shop import Shop
from fairday.trade.links import order_number
from fairday.web import drawing, menu, roles, sentences
from fairday.web.i18n import LANGUAGES, NAMES, Tongue, pick
from fairday.web.typed import Typed, Wrong, given_back

FOLDER = Path(__file__).parent
LANGUAGE_COOKIE = "fairday_language"


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        asset=asset,
        number_of=order_number,
        languages=NAMES,
        spark=drawing.sparkline,
        columns=drawing.columns,
        stacked=drawing.stacked,
        meter=drawing.meter,
        titles_of_days=_titles_of_days,
        festival_words=_festival_words,
    )
    env.filters["pretty"] = _pretty
    return env


def _pretty(value: Any) -> str:
    import msgspec

    return msgspec.json.format(jsons.dumps(value), indent=2)


def _festival_words(tongue: Tongue, name: str, today: int) -> str:
    """A festival as the reader calls it, with its next day where it has one for everybody."""
    found = next_occurrence(name, today)
    title = tongue.pick(festival(name).titles)
    return title if found is None else f"{title}, {tongue.day(found)}"


def _titles_of_days(tongue: Tongue, first: int, values: list[int]) -> list[str]:
    return [f"{tongue.day(first + i)}: {tongue.number(v)}" for i, v in enumerate(values)]


@cache
def asset(name: str) -> str:
    """The address of a static file, with a digest of its content so that it may be cached for ever."""
    digest = hashlib.sha256((FOLDER / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def shop_of(request: Request) -> Shop:
    """The shop the application serves."""
    shop: Shop = request.app.state.shop
    return shop


def tongue_of(request: Request) -> Tongue:
    """The reader's language: ``?lang=``, cookie, browser, then the shop's own."""
    kept: Tongue | None = getattr(request.state, "tongue", None)
    if kept is None:
        settings = shop_of(request).settings
        language = pick(
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            request.headers.get("accept-language", ""),
            settings.language,
            request.app.state.languages,
        )
        kept = request.state.tongue = Tongue(language, settings.zone, settings.currency)
    return kept


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from a template, which always knows the reader's language, the operator and the CSRF token."""
    tongue = tongue_of(request)
    shop = shop_of(request)
    done = request.query_params.get("done", "")
    html = _environment().get_template(template).render(
        {
            "_": tongue,
            "t": tongue,
            "shop": shop.settings,
            "now": shop.clock.now(),
            "path": request.url.path,
            "query": request.query_params,
            "operator": getattr(request.state, "operator", None),
            "csrf": getattr(request.state, "csrf", ""),
            "may": lambda permission: roles.may(_role(request), permission),
            "opens": lambda href: roles.opens(_role(request), href),
            "menu": lambda: menu.groups(lambda href: roles.opens(_role(request), href), request.url.path),
            "done": f"done.{done}" if tongue.has(f"done.{done}") else None,
        }
        | values
    )  # fmt: skip
    if status >= 400 and (typed := _typed(request)):
        html = given_back(html, request.url.path, typed, _wrong(values))
    response = HTMLResponse(html, status)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, tongue.language, max_age=31_536_000, httponly=True, samesite="lax")
    return response


class Said(Markup):
    """What an error says on a page, which knows the field it is about."""

    where: str = ""
    quotes: str = ""
    """The words it is about, as they were typed."""
    code: str = ""


def _wrong(values: dict[str, Any]) -> Wrong | None:
    """The error that a page is drawn with, if it is drawn with one."""
    told = next((v for v in values.values() if isinstance(v, Said)), None)
    return None if told is None else Wrong(told.where, told, told.quotes, told.code)


def _typed(request: Request) -> Typed:
    """The texts of the form that a request posted; files and the token are left out."""
    form = getattr(request.state, "form", None)
    if form is None:
        return {}
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and name != "csrf":
            found.setdefault(name, []).append(value)
    return found


def _words_of(request: Request, status: int) -> list[str]:
    """What an operator typed into a form that could not be shown again: no secrets, and nothing short."""
    if status < 400 or getattr(request.state, "operator", None) is None:
        return []
    secret = ("old", "new", "again", "password")
    found = [v for name, words in _typed(request).items() if name not in secret for v in words]
    return [v[:20_000] for v in found if len(v.strip()) > 2]


def text_of(template: str, tongue: Tongue, **values: Any) -> str:
    """A template in a reader's language outside of any request: no operator, no forms."""
    return _environment().get_template(template).render({"_": tongue, "t": tongue} | values)


def _role(request: Request) -> str:
    operator = getattr(request.state, "operator", None)
    return operator.role if operator is not None else ""


def go(path: str) -> RedirectResponse:
    """After a POST: see the page at ``path`` (ours, never one that came from outside)."""
    return RedirectResponse(path, 303)


def say(tongue: Tongue, error: FairdayError) -> Said:
    """What an error says to a merchant: its message by code, with the library's own words where there is none."""
    key = f"error.{error.code}"
    known = tongue(key, where=error.where) if tongue.has(key) else None
    known = sentences.told(error.message, error.remedy, error.where, tongue) if known is None else known
    if known is None:
        known = Markup('{} <span data-raw lang="en">{}</span>').format(tongue("error.other"), str(error))
    said = Said(known)
    said.where, said.code, said.quotes = error.where, error.code, sentences.quoted(error.message)
    return said


def status_of(error: FairdayError) -> int:
    """The HTTP status that says the same."""
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Conflict):
        return 409
    return 503 if isinstance(error, Unavailable) else 422


def wants_json(request: Request) -> bool:
    """Whether the caller is a script of ours (or anyone) who asked for JSON."""
    return "application/json" in request.headers.get("accept", "")


_NOT_THE_SHOP = ("/console", "/sandbox", "/v1")


def _bare(request: Request) -> dict[str, Any]:
    """What the frame of the storefront shows where something failed: nothing that must be read from the database."""
    place = {"strip": False, "country": "", "currency": shop_of(request).settings.currency, "path": "/"}
    return {"place": place, "visitor": None, "answered": "no", "write_key": "", "here": "", "asked": "",
            "theme": "plain", "collects": False, "my_store": None}  # fmt: skip


def failure(request: Request, status: int, text: Markup | None = None, after: int | None = None) -> Response:
    """An error page, or the same as JSON; ``after`` is in seconds."""
    tongue = tongue_of(request)
    known = status if status in (400, 403, 404, 405, 409, 413, 421, 422, 429, 503) else 500
    title = tongue(f"status.{known}.title")
    said = text if text is not None else tongue(f"status.{known}.text")
    headers = {"Retry-After": str(after)} if after else {}
    if wants_json(request):
        return JSONResponse({"error": str(title), "message": said.striptags()}, status, headers)
    inside = request.url.path.startswith(_NOT_THE_SHOP) or not hasattr(request.app.state, "front")
    shown = {"title": title, "text": said, "number": status}
    shown |= {"typed": _words_of(request, status)} if inside else _bare(request)
    response = page(request, "failure.html" if inside else "shop_failure.html", status, **shown)
    response.headers.update(headers)
    return response
