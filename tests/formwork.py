"""What tests of forms share: the forms of a page as a browser would post them, and every form a shop's console has."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from fairday.web import roles
from webdesk import Client

TEXTS = ("text", "search", "number", "email", "tel", "url", "date", "datetime-local", "month", "time", "area")


class Control(NamedTuple):
    name: str
    kind: str
    value: str
    """What it posts when nobody touches it; "" for a box that is not ticked."""


class Form(NamedTuple):
    page: str
    action: str
    controls: tuple[Control, ...]

    @property
    def kept(self) -> dict[str, str]:
        """What it posts when nobody touches it."""
        return {c.name: c.value for c in self.controls if c.value or c.kind not in ("checkbox", "radio")}

    @property
    def typed(self) -> list[Control]:
        """What somebody types into."""
        return [c for c in self.controls if c.kind in TEXTS]


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[Form] = []
        self.links: list[str] = []
        self.open: tuple[str, list[Control], list[str]] | None = None
        self.area: str | None = None
        self.choice: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "form" and given.get("method") == "post":
            self.open = (given.get("action", self.page), [], [])
        if self.open is None:
            return
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "button" and given.get("formaction"):
            self.open[2].append(given["formaction"])
        if tag == "button" and name:
            self.open[1].append(Control(name, "button", given.get("value", "")))
        elif tag == "input" and name and kind != "file":
            ticked = "checked" in given or kind not in ("checkbox", "radio")
            self.open[1].append(Control(name, kind, given.get("value", "") if ticked else ""))
        elif tag == "select" and name:
            self.choice = name
            self.open[1].append(Control(name, "select", ""))
        elif tag == "option" and self.choice and ("selected" in given or not self.open[1][-1].value):
            self.open[1][-1] = Control(self.choice, "select", given.get("value", ""))
        elif tag == "textarea" and name:
            self.area = name
            self.open[1].append(Control(name, "area", ""))

    def handle_data(self, data: str) -> None:
        if self.area and self.open:
            self.open[1][-1] = Control(self.area, "area", self.open[1][-1].value + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.area = None
        elif tag == "select":
            self.choice = None
        elif tag == "form" and self.open is not None:
            action, controls, others = self.open
            for one in (action, *others):
                self.found.append(Form(self.page, one, tuple(c for c in controls if c.name != "csrf")))
            self.open = None


def forms_of(page: str, html: str) -> tuple[list[Form], list[str]]:
    """The forms of a page that post, and its links."""
    reader = _Forms(page)
    reader.feed(html)
    return reader.found, reader.links


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The routes of the console that take posts, those without parameters first."""
    posts = sorted((r[5:] for r in roles.ROUTES if r.startswith("POST ")), key=lambda r: r.count("{"))
    return [(r, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(r)))) for r in posts]


def route_of(action: str) -> str:
    """The route a form posts to; "" for one that is not the console's."""
    path = action.partition("?")[0]
    return next((route for route, found in patterns() if found.fullmatch(path)), "")


def console_forms(client: Client, each: int = 2) -> dict[tuple[str, tuple[str, ...]], Form]:
    """One form of every kind that links of the console lead to: by its route and the names of its fields."""
    waiting = [r[4:] for r in roles.ROUTES if r.startswith("GET ") and "{" not in r and ".json" not in r]
    shapes: Counter[tuple[str, tuple[str, ...]]] = Counter()
    found: dict[tuple[str, tuple[str, ...]], Form] = {}
    while waiting:
        address = waiting.pop(0)
        parts = urlsplit(address)
        if parts.netloc or not parts.path.startswith("/console") or "lang=" in address or "." in parts.path:
            continue
        asked = tuple(sorted(p.split("=")[0] for p in parts.query.split("&")))
        shape = (re.sub(r"[0-9a-f]{20,}|\d+", "1", parts.path), asked)
        shapes[shape] += 1
        if shapes[shape] > each:
            continue
        answer = client.get(address)
        if answer.status_code != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        forms, links = forms_of(address, answer.text)
        waiting += links
        for form in forms:
            if route := route_of(form.action):
                found.setdefault((route, tuple(sorted({c.name for c in form.controls if c.kind != "hidden"}))), form)
    return found


def alerts(answer: httpx.Response) -> list[str]:
    """What a page says went wrong."""
    said = re.findall(r'<(\w+)[^>]*(?:role="alert"|class="wrong")[^>]*>(.*?)</\1>', answer.text, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", text).strip() for _, text in said]
