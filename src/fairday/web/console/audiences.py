"""Audiences: a condition with its live count and a sample, what it may speak of, the saved ones."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from fairday.kernel.audience import FUNCTIONS, Audience, AudienceError
from fairday.web import desk, queries
from fairday.web.auth import field, inside
from fairday.web.render import page, shop_of, tongue_of

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
    known = desk.vocabulary(shop)
    if not expression:
        return {"expression": "", "found": None, "mistake": None}
    read = desk.understood(expression, known)
    if isinstance(read, AudienceError):
        return {"expression": expression, "found": None, "mistake": marked(read, desk.meant(read, known))}
    day = desk.today(shop)
    with shop.db.read() as conn:
        total = queries.people_count(conn)
        n = desk.count(conn, read, day)
        sample = desk.members(conn, read, day)
        names = desk.names(conn, sample)
    found = {"n": n, "of": total, "sample": [(p, names.get(p, f"#{p}")) for p in sample], "moves": moves(read)}
    return {"expression": expression, "found": found, "mistake": None}


def moves(audience: Audience) -> bool:
    """Whether time alone takes people in and out."""
    return audience.moves_with_time


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
