"""Every form of the console, mistyped by somebody who may use it: told in their language, nothing lost."""

from __future__ import annotations

import html
import re

import pytest
from markupsafe import Markup

import couponing
import fairday
from fairday.web import roles
from fairday.web.typed import Wrong, given_back
from formwork import Form, alerts, console_forms, patterns
from webdesk import Client

GARBAGE = "«¿?» ☃ x"
LAST = ("sign-out", "password", "remove", "revoke", "erase", "drop", "merge", "split", "void", "stop", "rebuild")
"""What ends something is tried after everything else; one's own way in is not."""


@pytest.fixture
def desk(full_lite: fairday.Shop) -> Client:
    couponing.open_batch(full_lite, "spring", couponing.terms(full_lite.clock.now()))
    client = Client(full_lite).sign_in()
    client.get("/console?lang=zh")
    assert client.post("/console/companies", {"company": "acme", "name": "ACME", "tax_number": ""}).status_code == 303
    told = {"list": "b2b", "title": "B2B", "currency": "CNY", "factor": "90"}
    told |= dict.fromkeys(("channel", "store", "country", "company", "crowd", "starts_at", "ends_at", "priority"), "")
    assert client.post("/console/prices", told).status_code == 303
    return client


def order_of(form: tuple[str, Form]) -> tuple[bool, str]:
    return any(word in form[0] for word in LAST), form[0]


def wrongs(client: Client, route: str, form: Form, known: set[tuple[str, str]]) -> list[str]:
    """What is wrong with how a form answers garbage, field by field and with nothing in any.

    A field whose like was tried on the same route is not tried again (``known``), nor more than eight of one form.
    """
    found = []
    fresh = {re.sub(r"\d+", "1", c.name): c for c in form.typed if (route, re.sub(r"\d+", "1", c.name)) not in known}
    known |= {(route, name) for name in list(fresh)[:8]}
    tries = [("", "")] + [(c.name, GARBAGE) for c in list(fresh.values())[:8]]
    for name, words in tries:
        data = form.kept | ({name: words} if name else {c.name: "" for c in form.typed})
        answer = client.post(form.action, data)
        at = f"{route} {name or 'empty'}: {answer.status_code}"
        if answer.status_code >= 500:
            found.append(f"{at} {answer.text[:200]}")
        if not 400 <= answer.status_code < 500 or answer.status_code in (403, 404):
            continue
        if not [said for said in alerts(answer) if said]:
            found.append(f"{at} tells nothing")
        if 'data-raw lang="en"' in answer.text:
            found.append(f"{at} tells in English: {alerts(answer)}")
        if words and words not in html.unescape(answer.text):
            found.append(f"{at} loses what was typed")
    return found


def test_every_form_tells_what_is_wrong_in_the_readers_language_and_keeps_what_was_typed(desk: Client) -> None:
    forms = sorted(((route, form) for (route, _), form in console_forms(desk).items()), key=order_of)
    tried = {route for route, _ in forms}
    assert len(tried) > 45, sorted({route for route, _ in patterns()} - tried)
    found: list[str] = []
    known: set[tuple[str, str]] = set()
    for route, form in forms:
        if not route.endswith(("/sign-out", "/password")):
            found += wrongs(desk, route, form, known)
    assert found == []


def test_every_post_route_without_its_fields_or_for_nothing_that_is_there_is_no_fault_of_ours(desk: Client) -> None:
    """Also forms that this shop does not show: whatever stands in an address, nothing breaks."""
    for route in sorted(r[5:] for r in roles.ROUTES if r.startswith("POST ")):
        if route.endswith(("/sign-out", "/password")):
            continue
        for address in {re.sub(r"\{\w+\}", word, route) for word in ("none", "7", "«¿?»")}:
            for data in ({}, {"name": GARBAGE, "text": GARBAGE, "why": GARBAGE, "key": "k"}):
                answer = desk.post(address, data)
                assert answer.status_code < 500, (address, data, answer.text[:300])


def test_a_form_shown_again_holds_what_was_typed_and_the_error_stands_at_its_field() -> None:
    page = (
        '<form method="post" action="/x"><input type="hidden" name="csrf" value="t">'
        '<label>A<input name="a" value="old" maxlength="9"></label><input type="checkbox" name="b" value="yes" checked>'
        '<select name="c"><option value="1" selected>1</option><option value="2">2</option></select>'
        '<textarea name="d" class="code">old</textarea><input type="password" name="e"></form>'
    )
    typed = {"a": ['5"<'], "c": ["2"], "d": ["</textarea><b>"], "e": ["secret"]}
    shown = given_back(page, "/x", typed, Wrong("a", Markup("Too <i>much</i>")))
    assert 'value="5&#34;&lt;"' in shown
    assert 'aria-invalid="true" aria-describedby="wrong-here" autofocus>' in shown
    assert '<span class="wrong" id="wrong-here">Too <i>much</i></span></label>' in shown
    assert "checked" not in shown
    assert '<option value="2" selected>' in shown
    assert '<option value="1">' in shown
    assert '<textarea name="d" class="code">&lt;/textarea&gt;&lt;b&gt;</textarea>' in shown
    assert "secret" not in shown
    assert "old" not in shown
    assert given_back(page, "/y", typed, None) == page, "another address is another form"


def test_of_several_forms_to_one_address_the_one_that_was_posted_holds_the_words() -> None:
    one = '<form method="post" action="/x"><input type="hidden" name="order" value="{}"><input name="a"></form>'
    shown = given_back(one.format("1") + one.format("2"), "/x", {"order": ["2"], "a": ["typed"]})
    assert shown == one.format("1") + one.format("2").replace('<input name="a">', '<input name="a" value="typed">')


FINDS = [("b", "", "b"), ("when.b", "", "b"), ("9.9", "", "a"), ("line 3", "9.9", "a"), ("", "", "")]


@pytest.mark.parametrize(("where", "quotes", "at"), FINDS)
def test_an_error_finds_its_field_by_name_or_by_the_words_it_quotes(where: str, quotes: str, at: str) -> None:
    page = '<form method="post" action="/x"><input name="a"><input name="b"></form>'
    shown = given_back(page, "/x", {"a": ["9.9"], "b": ["1"]}, Wrong(where, Markup("no"), quotes))
    assert re.findall(r'name="(\w)"[^>]*aria-invalid', shown) == ([at] if at else [])
