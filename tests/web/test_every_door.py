"""Every route of the app, found in its router: a new one without protection fails here.

The console's routes by role stand in ``test_roles`` and ``test_console_gate``; here each unsafe route must be of a kind
whose protection is tried, and everything of the storefront is asked by strangers, by other sites and too often.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

import fairday
from fairday.web import roles
from fairday.web.storefront.front import limited
from webdesk import Client, dependencies, shop_routes, walk

HOOKS = {"/pay/notice/{provider}", "/v1/till/pay"}
"""What machines post to: told apart by signature and key."""
ANYBODY = {
    "/place", "/country", "/consent", "/cart/add", "/cart/{line}", "/compare", "/sign-out", "/made", "/me/link",
    "/wallet", "/p/{pack}", "/wishes", "/checkout", "/stores",
}  # fmt: skip
"""What a stranger may post to, and changes for himself alone."""
ONE_CLICK = "/unsubscribe/{token}"
"""Mail programs post here from anywhere (RFC 8058): who has the mail's unguessable token may leave its list."""


def unsafe(app: Any) -> list[APIRoute]:
    return [r for r in walk(app) if set(r.methods or ()) - {"GET", "HEAD", "OPTIONS"}]


def filled(path: str, value: str = "1") -> str:
    return re.sub(r"\{[^}]+\}", value, path)


def test_every_route_is_of_a_kind_whose_protection_is_tried(lite: fairday.Shop) -> None:
    client = Client(lite)
    sandbox = {r.path for m in client.app.routes if isinstance(m, Mount) and m.path == "/sandbox" for r in walk(m.app)}
    for route in unsafe(client.app):
        told = dependencies(route)
        if route.path.startswith("/console"):
            gate = "_from_door" if route.path == "/console/sign-in" else "admit"
            assert gate in told, route.path
            assert gate == "_from_door" or all(roles.needed(m, route.path) for m in route.methods or ()), route.path
        elif route.path in HOOKS | sandbox:
            continue
        else:
            assert limited.__name__ in told, f"{route.path} is not throttled"
    mounts = {m.path for m in client.app.routes if isinstance(m, Mount)}
    assert mounts == {"/static", "/sandbox"}
    kinds = {type(r).__name__ for r in client.app.routes}
    assert kinds <= {"Mount", "_IncludedRouter", "APIRoute"}, "nothing else answers: no web socket, no bare route"


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"origin": "null"},
                                     {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}])  # fmt: skip
def test_nothing_of_the_shop_is_posted_to_from_another_site(lite: fairday.Shop, headers: dict[str, str]) -> None:
    client = Client(lite)
    for route in unsafe(client.app):
        if route.path in HOOKS or route.path == ONE_CLICK or route not in shop_routes(client.app):
            continue
        client.app.state.front.posts._left.clear()
        answer = client.post(filled(route.path), headers=headers)
        assert answer.status_code == 403, (route.path, answer.status_code)


def test_a_stranger_gets_no_further_than_the_door(lite: fairday.Shop) -> None:
    client = Client(lite)
    lite.change_settings(market={"open": True}, crowd={"open": True})
    paths = [r.path for r in unsafe(client.app) if r in shop_routes(client.app)]
    assert set(paths) >= ANYBODY | {ONE_CLICK}, "a route that is gone is still listed"
    before = _streams(lite)
    for path in paths:
        for value in ("1", "x" * 26, "account:1", "%2e%2e%2fx", "0" * 300):
            stranger = Client.__new__(Client)
            stranger.shop, stranger.app, stranger.cookies, stranger.csrf = lite, client.app, {}, ""
            client.app.state.front.posts._left.clear()
            client.app.state.front.heavy._left.clear()
            answer = stranger.post(filled(path, value), {"id": value, "number": value, "act": "send", "sku": value})
            assert answer.status_code < 500, (path, value)
            if path not in ANYBODY:
                to_sign_in = answer.headers.get("location", "").partition("?to=/")[0] == "/me"
                turned = answer.status_code in (403, 404, 405, 422) or to_sign_in
                assert turned, (path, value, answer.status_code, answer.headers.get("location"))
    assert _streams(lite) == before


def test_everything_of_the_shop_is_throttled_by_address(lite: fairday.Shop) -> None:
    client = Client(lite)
    front = client.app.state.front
    for route in shop_routes(client.app):
        if route.path == "/":
            continue
        for bucket, method in ((front.posts, "POST"), (front.pages, "GET")):
            if method in (route.methods or ()):
                bucket._left.clear()
                for _ in range(bucket.size):
                    bucket.take("203.0.113.9", lite.clock.now())
                answer = client.request(method, filled(route.path))
                assert answer.status_code == 429, (method, route.path)
                assert int(answer.headers["retry-after"]) > 0


def test_machines_doors_open_to_nobody_without_a_key_or_a_signature(lite: fairday.Shop) -> None:
    client = Client(lite)
    for path in ("/pay/notice/wechat", "/pay/notice/alipay"):
        for body in (b"", b"{}", b"[]", b"[" * 5000, b"\xff", b"a=b&sign=x&sign_type=RSA2", b'{"resource":{}}'):
            answer = client.request("POST", path, content=body)
            assert 400 <= answer.status_code < 500, (path, body[:20], answer.status_code)
    assert client.request("POST", "/pay/notice/cash", content=b"x").status_code == 404
    for key in ("", "Basic eDo=", "Bearer x", "Basic ??"):
        assert client.request("POST", "/v1/till/pay", content=b"{}", headers={"authorization": key}).status_code == 401
    for path in ("track", "identify", "page", "screen", "group", "alias", "batch", "import", "t", "p", "../console"):
        answer = client.request("POST", f"/v1/{path}", json={"type": "track", "event": "x", "userId": "u"})
        assert answer.status_code in (401, 403, 404, 405), (path, answer.status_code)
    assert _streams(lite) == []


def test_the_sandbox_takes_nothing_of_strangers_and_is_gone_where_payment_is_real(
    lite: fairday.Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(lite)
    sandbox = next(m for m in client.app.routes if isinstance(m, Mount) and m.path == "/sandbox")
    for route in walk(sandbox.app):
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            for value in ("1", "x" * 32, "..%2f..%2fconsole"):
                answer = client.request(method, f"/sandbox{filled(route.path, value)}", content=b"how=pay")
                told = "sub_code" in answer.text and "SUCCESS" not in answer.text  # Alipay says no with a 200
                assert 400 <= answer.status_code < 500 or told, (method, route.path, answer.status_code)
    assert _streams(lite) == []
    monkeypatch.setattr(type(lite.payments.providers), "sandboxed", property(lambda self: False))
    for route in walk(sandbox.app):
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            assert client.request(method, f"/sandbox{filled(route.path)}").status_code == 404


def _streams(shop: fairday.Shop) -> list[Any]:
    with shop.db.read() as conn:
        return [tuple(r) for r in conn.exec_driver_sql("SELECT stream, state FROM streams ORDER BY stream")]
