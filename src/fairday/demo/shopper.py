"""One simulated shopper: a browser that meets the shop's pages, claims coupons, buys, pays, regrets and shares."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Sequence

import httpx

import fairday
from fairday.kernel.errors import FairdayError
from fairday.reach import outbox

LEAVE, REGRET = 0.1, 0.08
"""The shares of orders that are never paid, and that are cancelled after they were paid."""
FRIENDS, WORDS, SHARES = 0.35, 0.3, 0.6
"""The shares of shoppers who draw from a friend's pack, who type the word for all, and who share theirs."""
WORD, SHARE = "XINCHA26", "friends-pack"
"""The word for all, and the batch of packs."""
HOW = ("pay", "pay", "pay", "double", "delay", "lose")
"""How payments go on the sandbox's page: as they should, told twice, told late, never told."""
_PHONE = "Mozilla/5.0 (iPhone) Mobile (simulated shopper)"


def visit(shop: fairday.Shop, base: str, rng: random.Random, n: int, articles: Sequence[str], packs: list[str]) -> bool:
    """One shopper's visit; whether an order was placed.

    Args:
        articles: what the shop sells.
        packs: the packs that earlier shoppers share; this one's is added.
    """
    with httpx.Client(base_url=base, headers={"user-agent": _PHONE, "accept-language": "zh"}, timeout=30) as web:
        _post(web, "/consent", {"answer": "yes"})
        web.get("/")
        _coupon(shop, web, rng, n, packs)
        for product in rng.sample(articles, rng.choice((1, 1, 2, 3))):
            _post(web, "/cart/add", {"sku": product, "qty": str(rng.choice((1, 1, 1, 2)))})
        page = web.get("/checkout").text
        form = {
            "name": f"模拟顾客 {n + 1}", "phone": f"138{n:08}", "country": "CN", "region": "上海市", "city": "上海市",
            "street": f"模拟路 {n + 1} 号", "seen": _hidden(page, "seen"), "cart": _hidden(page, "cart"),
            "way": "ship", "go": "order", "payment": rng.choice(("wechat", "alipay")),
        }  # fmt: skip
        placed = web.post("/checkout", data=form)
        number = re.search(r"/pay/(\w+)/go", placed.headers.get("location", ""))
        if number is None:
            return False
        luck = rng.random()
        if luck >= LEAVE:
            _pay(web, base, number[1], rng.choice(HOW))
            shop.payments.sandbox.deliver_due()
            if luck < LEAVE + REGRET:
                order = re.search(r'href="(/order/[^"]+)"', web.get("/orders").text)
                assert order is not None
                _post(web, f"{order[1]}/cancel", {"why": "changed_mind"})
            elif rng.random() < SHARES:
                _share(web, packs)
        return True


def _coupon(shop: fairday.Shop, web: httpx.Client, rng: random.Random, n: int, packs: list[str]) -> None:
    """A coupon before buying: of a friend's pack, whose mail they open, or by the word for all."""
    luck = rng.random()
    if luck < FRIENDS and packs:
        email = f"simulated-{n + 1}@example.com"
        if web.post(rng.choice(packs), data={"email": email, "agree": "yes"}).status_code != 303:
            return  # all of it was drawn
        with shop.db.read() as conn:
            mails = [m for m in outbox.page(conn, scene=outbox.SERVICE, limit=5) if m.address == email]
        link = re.search(r"/keep/[^\s]+", mails[0].text) if mails else None
        if link is not None:
            _post(web, link[0], {})
    elif luck < FRIENDS + WORDS:
        _post(web, "/wallet", {"code": WORD})


def _share(web: httpx.Client, packs: list[str]) -> None:
    """Open the order's pack, where there is one, for those who come after."""
    order = re.search(r'href="(/order/[^"]+)"', web.get("/orders").text)
    if order is not None and "/share/" in web.get(order[1]).text:
        opened = web.post(order[1].replace("/order/", "/share/"))
        if opened.status_code == 303:
            packs.append(opened.headers["location"])


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return html.unescape(found[1]) if found else ""


def _pay(web: httpx.Client, base: str, number: str, how: str) -> None:
    page = f"/pay/{number}/go"
    while not page.startswith("/sandbox/pay/"):  # the shop sends on to the provider, which sends on to its page
        page = web.get(page).headers["location"].removeprefix(base)
    _post(web, page.partition("?")[0], {"how": how})


def _post(web: httpx.Client, path: str, form: dict[str, str]) -> None:
    """Send a form that the shop must take.

    Raises:
        FairdayError: it did not.
    """
    answer = web.post(path, data=form)
    if answer.status_code != 303:
        raise FairdayError(f"The shop answered {answer.status_code} to {path}.", code="demo_refused", where=path)
