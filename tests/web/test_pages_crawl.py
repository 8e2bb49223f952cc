from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

import fairday
from fairday.web.i18n import LANGUAGES
from webdesk import Client, hard_coded, read

STARTS = ["/console", "/console/sign-in", "/nowhere", "/console/nowhere", "/console/settings", "/"]


def crawl(client: Client, language: str) -> dict[str, str]:
    """Every page that links lead to, one for each shape of address: path → HTML."""
    waiting, seen, shapes = list(STARTS), {}, set()
    while waiting:
        path = waiting.pop(0)
        # Two people, two goods, two days: the same page. One of each shape is enough, and "?" parameters by name.
        parts = urlsplit(path)
        shape = (re.sub(r"\d+", "1", parts.path), tuple(sorted(p.split("=")[0] for p in parts.query.split("&"))))
        if shape in shapes or parts.netloc or parts.scheme or path.startswith(("?", "#")) or ".json" in path:
            continue
        shapes.add(shape)
        answer = client.get(f"{path}{'&' if parts.query else '?'}lang={language}")
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status_code < 500, (path, answer.text[:400])
        assert answer.status_code in (200, 303) or "nowhere" in path, (path, answer.status_code)
        seen[path] = answer.text
        waiting += read(answer.text).links
    return seen


def test_no_page_has_text_that_nobody_can_translate(full: fairday.Shop) -> None:
    pages = crawl(Client(full, pseudo=True).sign_in(), "xx")
    assert len(pages) >= 15, list(pages)
    found = {path: bad for path, html in pages.items() if (bad := hard_coded(html))}
    assert found == {}


def test_an_empty_shop_has_every_page_too_and_says_what_to_do(shop: fairday.Shop) -> None:
    pages = crawl(Client(shop, pseudo=True).sign_in(), "xx")
    found = {path: bad for path, html in pages.items() if (bad := hard_coded(html))}
    assert found == {}
    assert 'class="empty"' in pages["/console/data"]


def test_errors_are_said_in_the_readers_language(lite: fairday.Shop) -> None:
    owner = Client(lite, pseudo=True).sign_in()
    answers = [
        owner.get("/nowhere?lang=xx"),
        owner.request("POST", "/console/settings?lang=xx", data={"csrf": "wrong"}),
        owner.request("DELETE", "/console/sign-in?lang=xx"),
        owner.post("/console/settings/operators?lang=xx", {"email": "x", "role": "owner"}),
        owner.post("/console/settings/operators/99/reset?lang=xx"),
        owner.post("/console/settings/operators/no-number/reset?lang=xx"),
        owner.post("/console/settings?lang=xx", {"name": ""}),
        owner.post("/console/data/followers/none/rebuild?lang=xx"),
        owner.post("/console/password?lang=xx", {"old": "x", "new": "y", "again": "y"}),
        owner.post("/console/sign-in?lang=xx", {"email": "x", "password": "y"}),
        owner.get("/console/sign-in?lang=xx", headers={"Host": "evil.example"}),
    ]
    assert [a.status_code for a in answers] == [404, 403, 405, 422, 404, 422, 422, 422, 422, 403, 421]
    for answer in answers:
        assert hard_coded(answer.text) == [], answer.request.url
        assert "⟦" in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_there_in_every_language(lite: fairday.Shop, language: str) -> None:
    pages = crawl(Client(lite).sign_in(), language)
    assert all(f'<html lang="{language}"' in html for html in pages.values() if html)
