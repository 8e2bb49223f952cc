"""Roles: every route is declared and walked with every role; pages leave out what a role may not see."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from fastapi.routing import APIRoute

import fairday
from fairday.operators import Role
from fairday.people.consent import all_consents
from fairday.web import roles
from webdesk import Client, read, walk

ROLES: tuple[Role, ...] = get_args(Role)
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


def declared(client: Client) -> list[tuple[str, str]]:
    """Every console route behind the gate as (method, path as declared)."""
    return [
        (method, route.path)
        for route in walk(client.app)
        if route.path.startswith("/console") and route.path != "/console/sign-in"
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]


def test_a_route_without_a_declared_permission_fails_here(lite: fairday.Shop) -> None:
    undeclared = [f"{m} {p}" for m, p in declared(Client(lite)) if roles.needed(m, p) is None]
    assert undeclared == [], "Declare these in fairday/web/roles.py"


def test_every_route_answers_each_role_as_the_table_says(full: fairday.Shop) -> None:
    clients = {role: Client(full).sign_in(role) for role in ROLES}
    for method, path in declared(clients["owner"]):
        permission = roles.needed(method, path)
        filled = re.sub(r"\{[^}]+\}", "1", path.replace("{number}", "99"))
        for role, client in clients.items():
            if path == "/console/sign-out":
                continue
            answer = client.get(filled) if method == "GET" else client.post(filled)
            if role in roles.who_may(permission):
                assert answer.status_code in (200, 303, 404, 409, 422), (role, method, path, answer.status_code)
                assert "/sign-in" not in answer.headers.get("location", "")
            elif (method, path) == ("GET", "/console"):
                assert answer.headers["location"] == roles.home(role)
            else:
                assert answer.status_code == 403, (role, method, path)
            other = "DELETE" if method != "DELETE" else "PUT"
            assert client.request(other, filled).status_code == 405, path
            client.get("/console/password")


def test_a_route_that_nobody_declared_is_the_owners_alone(lite: fairday.Shop) -> None:
    owner, clerk = Client(lite).sign_in("owner"), Client(lite).sign_in("clerk")
    for client in (owner, clerk):
        from fairday.web.auth import inside

        route = APIRoute(
            "/console/undeclared", lambda: {"fine": True}, methods=["GET"], dependencies=inside.dependencies
        )
        client.app.router.routes.insert(0, route)
    assert owner.get("/console/undeclared").status_code == 200
    assert clerk.get("/console/undeclared").status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_pages_offer_no_link_that_the_role_may_not_follow(full_lite: fairday.Shop, role: Role) -> None:
    client = Client(full_lite).sign_in(role)
    waiting, seen = [roles.home(role)], set()
    while waiting:
        path = waiting.pop()
        shape = re.sub(r"\d+", "1", path.partition("?")[0])
        if shape in seen or not path.startswith("/console") or re.search(r"\.\w+$", shape):
            continue
        seen.add(shape)
        answer = client.get(path)
        assert answer.status_code in (200, 303), (role, path, answer.status_code)
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"|formaction="([^"]+)"', answer.text)
        for target in filter(None, (a or b for a, b in forms)):
            known = next(p for m, p in declared(client) if m == "POST"
                         and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(p)), target))  # fmt: skip
            assert role in roles.who_may(roles.needed("POST", known)), (role, path, target)
        waiting += read(answer.text).links
    assert len(seen) >= (2 if role == "clerk" else 8), seen


def test_an_analyst_meets_nobodys_name_or_address(full: fairday.Shop) -> None:
    with full.db.read() as conn:
        from sqlalchemy import select

        from fairday.people.tables import identifiers

        known = {v for t, v in conn.execute(select(identifiers.c.type, identifiers.c.value)) if t in ("email", "phone")}
    assert known
    client = Client(full).sign_in("analyst", "looker@example.net")
    waiting, seen = ["/console", "/console/scenes/new", "/console/report"], set()
    while waiting:
        path = waiting.pop()
        shape = re.sub(r"\d+", "1", path)
        if shape in seen or not path.startswith("/console"):
            continue
        seen.add(shape)
        html = client.get(path).text
        assert not [v for v in known if v in html], path
        assert {a for a in ADDRESS.findall(html)} <= {"looker@example.net", "li@example.com"}, path
        waiting += read(html).links
    everyone = client.post("/console/audiences/count", {"expression": "orders(9999d) >= 0", "name": ""})
    assert everyone.status_code == 200
    assert "/console/people/" not in everyone.text


def test_a_refused_page_says_who_may_in_three_languages(lite: fairday.Shop) -> None:
    clerk = Client(lite).sign_in("clerk")
    for language, words in {"en": ("Clerk", "Owner, Marketer"), "zh": ("店员", "店主, 运营"),
                            "es": ("Dependiente", "Propietario, Marketing")}.items():  # fmt: skip
        answer = clerk.get(f"/console/mailbox?lang={language}")
        assert answer.status_code == 403
        assert all(w in answer.text for w in words), answer.text
    told = clerk.get("/console/settings", headers={"Accept": "application/json"}).json()
    assert "Propietario" in told["message"]


def test_a_clerk_finds_one_customer_by_a_whole_id_and_records_consent(full: fairday.Shop) -> None:
    clerk = Client(full).sign_in("clerk")
    assert clerk.get("/console").headers["location"] == "/console/people"
    html = clerk.get("/console/people").text
    assert "/console/people/1" not in html
    with full.db.read() as conn:
        from sqlalchemy import select

        from fairday.people.tables import OPEN, identifiers, ownership

        query = (
            select(identifiers.c.value, ownership.c.person)
            .join(ownership, ownership.c.identifier == identifiers.c.id)
            .where(identifiers.c.type == "email", ownership.c.until_at == OPEN)
        )
        email, person = conn.execute(query).first()
    assert f"/console/people/{person}" not in clerk.get(f"/console/people?q={email[:4]}").text
    assert f"/console/people/{person}" in clerk.get(f"/console/people?q={email}").text
    shown = clerk.get(f"/console/people/{person}")
    assert shown.status_code == 200
    assert "export.json" not in shown.text
    assert "/erase" not in shown.text
    for said, given in (("yes", True), ("no", False)):
        answer = clerk.post(
            f"/console/people/{person}/consent", {"about": f"email email:{email}", "said": said, "how": "at the till"}
        )
        assert answer.headers["location"] == f"/console/people/{person}?done=consent"
        with full.db.read() as conn:
            stands = {(c, p): k.given for c, p, k in all_consents(conn, person)}
        assert stands["email", "marketing"] is given
        full.clock.move(1000)
        clerk.get("/console/password")
    bad = clerk.post(
        f"/console/people/{person}/consent", {"about": "email email:other@example.com", "said": "yes", "how": "x"}
    )
    assert bad.status_code == 404


def test_roles_are_given_by_the_owner_and_hold_at_once(lite: fairday.Shop) -> None:
    owner, other = Client(lite).sign_in("owner"), Client(lite).sign_in("analyst")
    assert other.get("/console/people").status_code == 403
    owner.get("/console/settings")
    assert owner.post("/console/settings/operators/2", {"role": "marketer", "active": "yes"}).status_code == 303
    assert other.get("/console/people").status_code == 303, "the session ended with the old role"
    assert owner.post("/console/settings/operators/2", {"role": "boss", "active": "yes"}).status_code == 409
