"""What web tests share: a signed-in client over ASGI, a page's readable text, a server with a browser."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import argon2
import httpx
import uvicorn
from fastapi.routing import APIRoute

import fairday
from fairday import operators
from fairday.operators import Role
from fairday.web.app import create
from fairday.web.storefront.front import limited

BASE = "http://127.0.0.1:8000"
PASSWORD = "a long enough password"
HASH = argon2.PasswordHasher().hash(PASSWORD)


class Client:
    """A browser without pictures: keeps cookies, knows the CSRF token of the last page, does not follow by itself."""

    def __init__(self, shop: fairday.Shop, *, pseudo: bool = False) -> None:
        self.shop = shop
        self.app = create(shop, pseudo=pseudo)
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("203.0.113.9", 1))
            async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=self.cookies) as client:
                return await client.request(method, path, **kwargs)

        answer = asyncio.run(ask())
        for cookie in answer.cookies.jar:
            self.cookies[cookie.name] = cookie.value or ""
        for header in answer.headers.get_list("set-cookie"):
            if "Max-Age=0" in header:
                self.cookies.pop(header.split("=", 1)[0], None)
        found = re.search(r'name="csrf" value="(\w+)"', answer.text)
        if found:
            self.csrf = found[1]
        return answer

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> httpx.Response:
        return self.request("POST", path, data={"csrf": self.csrf, **(data or {})}, **kwargs)

    def sign_in(self, role: Role = "owner", email: str = "") -> Client:
        """Make an operator of that role, whose password is ``PASSWORD``, and sign in."""
        email = email or f"{role}@example.com"
        row = {"email": email, "hash": HASH, "role": role, "must_change": False, "active": True}
        with self.shop.db.write() as conn:
            conn.execute(operators.operators.insert(), row | {"created": 0, "seen": 0})
        self.get("/console/sign-in")
        assert self.post("/console/sign-in", {"email": email, "password": PASSWORD}).status_code == 303
        self.get("/console/password")
        return self


class Reader(HTMLParser):
    """Collects what a person reads on a page: texts and read-aloud attributes, outside what is marked as data."""

    VOID = {"meta", "link", "input", "br", "img", "hr", "path", "rect", "circle", "polygon", "polyline"}
    SPOKEN = ("placeholder", "aria-label", "title", "alt", "data-confirm", "data-copied")

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.open: list[tuple[str, bool]] = []

    @property
    def raw(self) -> bool:
        return any(raw for _, raw in self.open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        silent = "data-raw" in given or "aria-hidden" in given or tag in ("script", "style", "textarea")
        if tag not in self.VOID:
            self.open.append((tag, silent))
        if not (self.raw or silent):
            self.texts += [value for name in self.SPOKEN if (value := given.get(name))]
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at][0] == tag:
                del self.open[at:]
                return

    def handle_data(self, data: str) -> None:
        if not self.raw and data.strip():
            self.texts.append(data.strip())


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def hard_coded(html: str) -> list[str]:
    """Texts of a page in the pseudo-locale that are not messages: they have letters outside ⟦ ⟧."""
    found = read(html).texts
    return [t for t in found if any(c.isalpha() for c in re.sub(r"⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧", "", t))]


def walk(app: object) -> list[APIRoute]:
    """Every route of an application, those of its parts too."""
    found: list[APIRoute] = []
    for route in getattr(app, "routes", []):
        if isinstance(route, APIRoute):
            found.append(route)
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "app", None)
            found += walk(inner) if inner is not None else []
    return found


def dependencies(route: APIRoute) -> set[str]:
    """The names of everything that runs before a route."""
    found, waiting = set(), [route.dependant]
    while waiting:
        one = waiting.pop()
        found.add(getattr(one.call, "__name__", ""))
        waiting += one.dependencies
    return found


def shop_routes(app: Any) -> list[APIRoute]:
    """Every route of the storefront: those that are counted by address."""
    return [r for r in walk(app) if limited.__name__ in dependencies(r)]


@contextmanager
def serving(shop: fairday.Shop) -> Iterator[str]:
    """The shop behind a real server on a free port; gives its address."""
    from parts import free_port

    port = free_port()
    shop.change_settings(public_url=f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(create(shop), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
