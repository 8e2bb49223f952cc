"""People: found by any id, and one page for each with everything known of them and why."""

from __future__ import annotations

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fairday.kernel import jsons
from fairday.kernel.errors import FairdayError
from fairday.kernel.ids import new_id
from fairday.people import identity, privacy
from fairday.people.audiences import memberships_of
from fairday.people.consent import ADDRESS, MARKETING, all_consents
from fairday.storage.log import OURS, Happening
from fairday.web import desk, queries
from fairday.web.auth import Number, field, inside, may
from fairday.web.console.data import number
from fairday.web.render import go, page, say, shop_of, status_of, tongue_of

PAGE = 40


@inside.get("/people")
def people(request: Request) -> Response:
    shop = shop_of(request)
    asked = request.query_params.get("q", "").strip()[:320]
    before = number(request.query_params.get("before"))
    with shop.db.read() as conn:
        if asked:
            whole = not may(request, "people.list")
            found = queries.find_people(conn, asked, shop.settings.identity, 2 if whole else PAGE + 1, whole=whole)
        elif not may(request, "people.list"):
            found = []
        else:
            found = queries.latest_people(conn, before, PAGE + 1)
        rows = queries.people_rows(conn, found[:PAGE])
        names = desk.names(conn, found[:PAGE], tongue_of(request))
        total = queries.people_count(conn)
    older = found[PAGE - 1] if len(found) > PAGE and not asked else None
    return page(request, "people.html", rows=rows, names=names, total=total, asked=asked, older=older)


@inside.get("/people/{person}")
def person_page(request: Request, person: Number) -> Response:
    return _show(request, person)


def _show(request: Request, person: int, error: FairdayError | None = None) -> Response:
    shop, tongue = shop_of(request), tongue_of(request)
    before = number(request.query_params.get("before"))
    with shop.db.read() as conn:
        row = queries.people_rows(conn, [person])
        if not row:
            raise HTTPException(404)
        ids = identity.ids_of(conn, person)
        why = identity.why(conn, person)
        happenings = queries.timeline(conn, person, before, 31)
        known = queries.profile(conn, person)
        consents = all_consents(conn, person)
        audiences = memberships_of(conn, person)
        name = desk.names(conn, [person], tongue_of(request)).get(person, "")
    traits = desk.vocabulary(shop).traits
    told = [
        (tongue.pick(traits[r["trait"]].titles) or r["trait"], desk.shown(traits[r["trait"]], r, tongue), r)
        for r in known
        if r["trait"] in traits
    ]
    return page(
        request,
        "person.html",
        200 if error is None else status_of(error),
        person=row[0],
        name=name,
        ids=ids,
        addresses=[(c, i) for i in ids if i.current for c, kind in ADDRESS.items() if i.type == kind and c != "phone"],
        why=why,
        happenings=happenings[:30],
        older=happenings[29].at if len(happenings) > 30 else None,
        traits=told,
        consents=consents,
        audiences=audiences,
        error=say(tongue, error) if error else None,
    )


@inside.post("/people/{person}/consent")
def consent(request: Request, person: Number) -> Response:
    """What a customer said to somebody of the shop: kept with who wrote it down and how it was said."""
    shop = shop_of(request)
    about, said, how = field(request, "about", 400), field(request, "said", 3), field(request, "how", 200)
    channel, _, id_ = about.partition(" ")
    kind, _, value = id_.partition(":")
    with shop.db.read() as conn:
        own = {(i.type, i.value) for i in identity.ids_of(conn, person) if i.current}
    if (kind, value) not in own or ADDRESS.get(channel) != kind:
        raise HTTPException(404)
    try:
        if said not in ("yes", "no") or not how:
            raise FairdayError("Say what they said, and how.", code="missing_field", where="how")
    except FairdayError as error:
        return _show(request, person, error)
    now = shop.clock.now()
    words = {"channel": channel, "purpose": MARKETING, "how": how, "recorded_by": request.state.operator.id}
    told = Happening(
        message_id=f"fairday:consent:{new_id(now)}",
        kind="track",
        name="Consent Given" if said == "yes" else "Consent Withdrawn",
        at=now,
        received=now,
        source=OURS,
        ids=((kind, value),),
        body={"properties": words},
    )
    shop.append([told]).result()
    for follower in ("identity", "consent"):
        shop.followers.catch_up(follower)
    return go(f"/console/people/{person}?done=consent")


@inside.post("/people/{person}/merge")
def merge(request: Request, person: Number) -> Response:
    return _operate(request, person, "merge")


@inside.post("/people/{person}/split")
def split(request: Request, person: Number) -> Response:
    return _operate(request, person, "split")


def _operate(request: Request, person: int, what: str) -> Response:
    shop = shop_of(request)
    a, b = field(request, "a", 400), field(request, "b", 400)
    try:
        with shop.db.read() as conn:
            call = identity.merge if what == "merge" else identity.split
            made = call(conn, a, b, shop.settings.identity, shop.clock.now())
        shop.append([made]).result()
        shop.followers.catch_up("identity")
    except FairdayError as error:
        return _show(request, person, error)
    kind, value = identity.parse_id(a, shop.settings.identity)
    with shop.db.read() as conn:
        now = identity.person_of(conn, kind, value)
    return go(f"/console/people/{now or person}?done={what}")


@inside.get("/people/{person}/export.json")
def export(request: Request, person: Number) -> Response:
    with shop_of(request).db.read() as conn:
        everything = privacy.export(conn, person)
    name = f'attachment; filename="person-{person}.json"'
    return Response(jsons.dumps(everything), media_type="application/json", headers={"Content-Disposition": name})


@inside.post("/people/{person}/erase")
def erase(request: Request, person: Number) -> Response:
    shop = shop_of(request)
    with shop.db.read() as conn:
        ids = [i for i in identity.ids_of(conn, person) if i.current]
    if not ids:
        raise HTTPException(404)
    try:
        if request.state.form.get("sure") != "yes":
            raise FairdayError("Tick the box first.", code="not_sure", where="sure")
        privacy.erase(shop, f"{ids[0].type}:{ids[0].value}")
    except FairdayError as error:
        return _show(request, person, error)
    return go("/console/people?done=erased")
