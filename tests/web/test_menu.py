"""The console's menu: every page under a line, nothing that somebody may not open, the page one looks at marked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import fairday
from fairday.web import menu, roles
from fairday.web.i18n import LANGUAGES, Tongue
from fairday.web.render import FOLDER
from webdesk import Client, read

PAGES = [page for _, pages in menu.GROUPS for page in pages]


def test_every_page_of_the_console_stands_under_one_line_of_the_menu() -> None:
    shown = [r.removeprefix("GET ") for r, may in roles.ROUTES.items() if r.startswith("GET ") and may != "own"]
    shown = [path for path in shown if "." not in path]  # a file is no page
    under = {path: [page.name for page in PAGES if menu.holds(page, path)] for path in shown}
    assert {path: names for path, names in under.items() if len(names) != 1} == {}


def test_lines_and_groups_have_words_in_every_language_and_a_picture() -> None:
    pictures = (FOLDER / "templates" / "parts.html").read_text()
    for language in LANGUAGES:
        tongue = Tongue(language, "UTC", "CNY")
        assert [p.name for p in PAGES if not tongue.has(f"nav.{p.name}")] == []
        assert [name for name, _ in menu.GROUPS if name and not tongue.has(f"menu.{name}")] == []
    assert [p.name for p in PAGES if f'"{p.name}": "M' not in pictures] == []


def test_a_role_sees_its_own_lines_and_a_group_without_any_is_not_drawn() -> None:
    found = {group.name: [line.name for line in group.lines] for group in menu.groups(_of("clerk"), "/console/people")}
    assert found["customers"] == ["people", "members", "companies"]
    assert "results" not in found
    assert "shop" not in found
    assert "" not in found


def test_a_line_leads_where_its_role_may_go() -> None:
    assert menu.groups(_of("owner"), "/")[-1].lines[0].href == "/console/data"
    assert menu.groups(lambda href: href == "/console/data/imports", "/")[0].lines[0].href == "/console/data/imports"


@pytest.mark.parametrize(
    ("path", "name", "group"),
    [
        ("/console", "overview", ""),
        ("/console/goods/good", "goods", "goods"),
        ("/console/prices", "goods", "goods"),
        ("/console/quotes/7", "companies", "customers"),
        ("/console/reconciliation/wechat/20000", "payments", "trade"),
        ("/console/data/imports/new", "data", "shop"),
    ],
)
def test_the_page_one_looks_at_is_marked_and_its_group_open(path: str, name: str, group: str) -> None:
    found = menu.groups(_of("owner"), path)
    assert [line.name for g in found for line in g.lines if line.here] == [name]
    assert [g.name for g in found if g.here] == [group]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_menu_is_drawn_with_one_current_page(shop: fairday.Shop, language: str) -> None:
    html = Client(shop).sign_in("owner").get(f"/console/rewards?lang={language}").text
    nav = html[html.index("<nav") : html.index("</nav>")]
    assert nav.count('aria-current="page"') == 1
    assert '/console/members" aria-current="page"' in nav
    assert nav.count("<details") == 6
    assert nav.count("open>") == 1
    assert Tongue(language, "UTC", "CNY").plain("menu.trade") in read(nav).texts


def _of(role: str) -> Callable[[str], bool]:
    return lambda href: roles.opens(role, href)
