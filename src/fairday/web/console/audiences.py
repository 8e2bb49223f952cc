"""Audiences: a condition with its live count and a sample, what it may speak of, the saved ones."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from fairday.kernel.audience import FUNCTIONS, AudienceError
from fairday.kernel.errors import FairdayError
from fairday.people import audiences as kept
from fairday.web import desk, queries
from fairday.web.auth import field, inside, may
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

EXAMPLES = (
    "orders(90d) >= 1",
    "known(age) and age < 30",
    "rfm_segment in ('champions', 'loyal')",
    "spend(365d) >= 1000 and orders(60d) = 0",
    "days_until(birthday) <= 14",
)
"""Conditions to start from; each is tested to be understood."""


def looked_at(request: Request, expression: str) -> dict[str, Any]:
    """What a page or its live part shows of an expression: count and sample, or the mistake with its word marked."""
    shop = shop_of(request)
    if not expression:
        return {"expression": "", "found": None, "mistake": None}
    mistake = kept.validate(expression, shop.settings)
    if mistake is not None:
        shown = marked(mistake, desk.meant(mistake, desk.vocabulary(shop)))
        return {"expression": expression, "found": None, "mistake": shown}
    now = shop.clock.now()
    with shop.db.read() as conn:
        total = queries.people_count(conn)
        n = kept.count(conn, expression, shop.settings, now)
        sample = kept.sample(conn, expression, shop.settings, now) if may(request, "people.list") else []
        names = desk.names(conn, sample, tongue_of(request))
    moves = kept.parsed(expression, shop.settings).moves_with_time
    found = {"n": n, "of": total, "sample": [(p, names.get(p, f"#{p}")) for p in sample], "moves": moves}
    return {"expression": expression, "found": found, "mistake": None}


def marked(error: AudienceError, meant: str) -> dict[str, str]:
    """A mistake as the template draws it: the text before, the word, the text after, and what to say."""
    end = max(error.end, error.start)
    return {
        "before": error.text[: error.start],
        "word": error.text[error.start : end] or " ",
        "after": error.text[end:],
        "code": error.code,
        "meant": meant,
        "message": error.message,
        "remedy": error.remedy,
    }


def builder(request: Request, expression: str, status: int = 200, **values: Any) -> Response:
    """The page where an audience is written."""
    shop, tongue = shop_of(request), tongue_of(request)
    known = desk.vocabulary(shop)
    traits = [(t.name, tongue.pick(t.titles), t.type, t.values) for t in known.traits.values()]
    measures = [(m.name, tongue.pick(m.titles)) for m in known.measures.values()]
    shown = {"traits": traits, "measures": measures, "functions": list(FUNCTIONS.items()), "examples": EXAMPLES}
    return page(request, "audience_new.html", status, **(shown | looked_at(request, expression) | values))


@inside.get("/audiences")
def audiences(request: Request) -> Response:
    with shop_of(request).db.read() as conn:
        rows = kept.kept(conn)
        sizes = kept.sizes(conn)
        total = queries.people_count(conn)
    return page(request, "audiences.html", rows=rows, sizes=sizes, total=total)


@inside.get("/audiences/new")
def new(request: Request) -> Response:
    return builder(request, request.query_params.get("expression", "").strip()[:4000], name="", error=None)


@inside.post("/audiences/count")
def count(request: Request) -> Response:
    """The live part alone, for the script; the page around it for a browser without."""
    expression = field(request, "expression", 4000)
    if request.headers.get("x-part"):
        return page(request, "audience_live.html", **looked_at(request, expression))
    return builder(request, expression, name=field(request, "name", 200), error=None)


@inside.post("/audiences")
def save(request: Request) -> Response:
    shop = shop_of(request)
    expression, name = field(request, "expression", 4000), field(request, "name", 200)
    try:
        with shop.db.write() as conn:
            kept.save(conn, name, expression, shop.settings, shop.clock.now())
    except AudienceError:
        return builder(request, expression, 422, name=name, error=None)
    except FairdayError as error:
        return builder(request, expression, status_of(error), name=name, error=said(request, error))
    shop.followers.wake()
    return go(f"/console/audiences/{name}?done=audience")


def said(request: Request, error: FairdayError) -> Any:
    """An error in the reader's words; a bad name of an audience has other rules than other names."""
    tongue = tongue_of(request)
    return tongue("audience.bad_name") if error.code == "bad_name" else say(tongue, error)


@inside.get("/audiences/{name}")
def audience(request: Request, name: str) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        row = kept.get(conn, name)
        members = kept.members(conn, name, 50) if may(request, "people.list") else []
        size = kept.sizes(conn)[name]
        names = desk.names(conn, [p for p, _ in members], tongue_of(request))
    return page(request, "audience.html", row=row, members=members, size=size, names=names)


@inside.get("/audiences/{name}/edit")
def edit(request: Request, name: str) -> Response:
    with shop_of(request).db.read() as conn:
        row = kept.get(conn, name)
    return builder(request, row.expression, name=row.name, error=None)


@inside.post("/audiences/{name}/remove")
def remove(request: Request, name: str) -> Response:
    with shop_of(request).db.write() as conn:
        kept.remove(conn, name)
    return go("/console/audiences?done=audience_removed")
