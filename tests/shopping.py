"""A shopper with a phone before a shop that is really served: every step is a request, payments are the sandbox's."""

from __future__ import annotations

import html
import re
import secrets
from typing import Any

import httpx

import fairday
from fairday.storage.log import Happening
from fairday.web.signing import secret_of, sign

PHONE = "Mozilla/5.0 (iPhone) Mobile"
ADDRESS = {"name": "Li Wei", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
           "street": "南京路 1 号"}  # fmt: skip


def hidden(page: str, name: str) -> str:
    """The value of a form's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found[1])


class Shopper:
    """One browser."""

    def __init__(self, shop: fairday.Shop, base: str) -> None:
        self.shop = shop
        self.base = base
        self.web = httpx.Client(base_url=base, headers={"user-agent": PHONE, "accept-language": "en"}, timeout=30)

    def get(self, path: str) -> httpx.Response:
        return self.web.get(path)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        return self.web.post(path, data=data or {}, **more)

    def sign_in(self, email: str) -> Shopper:
        """Follow the link that a mail to the address would carry."""
        now = self.shop.clock.now()
        self.shop.append([Happening(message_id=f"met-{email}", kind="identify", at=now, received=now, source="shop",
                                    ids=(("email", email),))]).result()  # fmt: skip
        self.shop.catch_up()
        token = sign(secret_of(self.shop), f"confirm|{secrets.token_hex(8)}|{email}", now + 60_000)
        assert self.post(f"/me/confirm/{token}").status_code == 303
        return self

    def add(self, sku: str, qty: int = 1) -> Shopper:
        assert self.post("/cart/add", {"sku": sku, "qty": str(qty)}).headers["location"] == "/cart"
        return self

    def form(self, **more: str) -> dict[str, str]:
        """The checkout's form as it stands now."""
        page = self.get("/checkout")
        assert page.status_code == 200, page.headers.get("location")
        return {**ADDRESS, "seen": hidden(page.text, "seen"), "cart": hidden(page.text, "cart"), "go": "order",
                "way": "ship", "payment": "wechat", **more}  # fmt: skip

    def checkout(self, **more: str) -> httpx.Response:
        """Look at the checkout and send it as it stands."""
        return self.post("/checkout", self.form(**more))

    def buy(self, **more: str) -> str:
        """Check out; gives the payment's number."""
        placed = self.checkout(**more)
        found = re.search(r"/pay/(\w+)", placed.headers.get("location", ""))
        assert found, placed.text[-2000:]
        return found[1]

    def pay(self, number: str, how: str = "pay") -> None:
        """Go on to the provider, and do something on its page; what it then tells the shop has arrived."""
        begun = self.get(f"/pay/{number}/go")
        # WeChat opens its own page on a phone; Alipay's gateway sends on to one.
        page = begun.headers["location"].removeprefix(self.base)
        for _ in range(3):
            if page.startswith("/sandbox/pay/"):
                break
            page = self.get(page).headers["location"].removeprefix(self.base)
        assert self.post(page.partition("?")[0], {"how": how}).status_code == 303
        self.shop.payments.sandbox.deliver_due()

    def order(self) -> str:
        """The address of the last order's page."""
        found = re.search(r'href="(/order/[^"]+)"', self.get("/orders").text)
        assert found
        return found[1]
