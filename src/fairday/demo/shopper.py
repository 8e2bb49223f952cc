"""One simulated shopper: a browser that meets the shop's pages, claims coupons, buys, pays, regrets and shares."""

from __future__ import annotations

import html
import random
import re
import time
from collections.abc import Sequence

import httpx

import fairday
from fairday.kernel.errors import FairdayError
from fairday.people.traits.folding import SIMULATED
from fairday.reach import outbox
from fairday.storage.log import Happening

LEAVE, REGRET = 0.1, 0.08
"""The shares of orders that are never paid, and that are cancelled after they were paid."""
FRIENDS, WORDS, SHARES = 0.35, 0.3, 0.6
"""The shares of shoppers who draw from a friend's pack, who type the word for all, and who share theirs."""
WORD, SHARE = "XINCHA26", "friends-pack"
"""The word for all, and the batch of packs."""
TRIES = 500
"""Looks into the mailbox, a fiftieth of a second apart."""
HOW = ("pay", "pay", "pay", "double", "delay", "lose")
"""How payments go on the sandbox's page: as they should, told twice, told late, never told."""
_PHONE = "Mozilla/5.0 (iPhone) Mobile (simulated shopper)"


class Member:
    """A simulated member: signed in by the link of a mail, as everybody is."""

    def __init__(self, shop: fairday.Shop, base: str, name: str) -> None:
        self.shop, self.base, self.email = shop, base, f"simulated-{name}@example.com"
        self.web = httpx.Client(base_url=base, headers={"user-agent": _PHONE, "accept-language": "zh"}, timeout=30)
        now = shop.clock.now()
        said = Happening(
            message_id=f"simulated:{name}", kind="identify", at=now, received=now, source=SIMULATED,
            ids=(("email", self.email),), body={"traits": {"name": f"模拟会员 {name}"}},
        )  # fmt: skip
        shop.append([said]).result()
        shop.catch_up()
        post(self.web, "/consent", {"answer": "yes"})
        post(self.web, "/me/link", {"email": self.email})
        post(self.web, mailed(shop, self.email, "/me/confirm/"), {})

    def see(self, path: str) -> str:
        """A page's text.

        Raises:
            FairdayError: it is not to be seen.
        """
        answer = self.web.get(path)
        if answer.status_code != 200:
            raise FairdayError(f"The shop answered {answer.status_code} to {path}.", code="demo_refused", where=path)
        return answer.text

    def found(self, path: str, pattern: str) -> str:
        """What a pattern's first group finds on a page.

        Raises:
            FairdayError: nothing.
        """
        told = re.search(pattern, self.see(path))
        if told is None:
            raise FairdayError(f"{pattern!r} is not on {path}.", code="demo_lost", where=path)
        return html.unescape(told[1])

    def send(self, path: str, form: dict[str, str]) -> str:
        """Send a form; where it leads to."""
        return post(self.web, path, form)

    def pay(self, location: str) -> None:
        """Pay on the sandbox's page what a checkout leads to."""
        number = re.search(r"/pay/(\w+)", location)
        assert number is not None, location
        pay(self.web, self.base, number[1], "pay")
        self.shop.payments.sandbox.deliver_due()


def mailed(shop: fairday.Shop, email: str, path: str) -> str:
    """The link to a path that was mailed to an address last.

    Raises:
        FairdayError: none was.
    """
    for _ in range(TRIES):
        with shop.db.read() as conn:
            texts = [m.text for m in outbox.page(conn, scene=outbox.SERVICE, limit=50) if m.address == email]
        link = re.search(re.escape(path) + r"\S+", texts[0]) if texts else None
        if link is not None:
            return link[0]
        time.sleep(0.02)  # it goes out after the answer that promised it
    raise FairdayError(f"No mail to {email} leads to {path}.", code="demo_lost", where=path)


def visit(shop: fairday.Shop, base: str, rng: random.Random, n: int, articles: Sequence[str], packs: list[str]) -> bool:
    """One shopper's visit; whether an order was placed.

    Args:
        articles: what the shop sells.
        packs: the packs that earlier shoppers share; this one's is added.
    """
    with httpx.Client(base_url=base, headers={"user-agent": _PHONE, "accept-language": "zh"}, timeout=30) as web:
        post(web, "/consent", {"answer": "yes"})
        web.get("/")
        _coupon(shop, web, rng, n, packs)
        for product in rng.sample(articles, rng.choice((1, 1, 2, 3))):
            post(web, "/cart/add", {"sku": product, "qty": str(rng.choice((1, 1, 1, 2)))})
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
            pay(web, base, number[1], rng.choice(HOW))
            shop.payments.sandbox.deliver_due()
            if luck < LEAVE + REGRET:
                order = re.search(r'href="(/order/[^"]+)"', web.get("/orders").text)
                assert order is not None
                post(web, f"{order[1]}/cancel", {"why": "changed_mind"})
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
        post(web, mailed(shop, email, "/keep/"), {})
    elif luck < FRIENDS + WORDS:
        post(web, "/wallet", {"code": WORD})


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


def pay(web: httpx.Client, base: str, number: str, how: str) -> None:
    page = f"/pay/{number}/go"
    while not page.startswith("/sandbox/pay/"):  # the shop sends on to the provider, which sends on to its page
        page = web.get(page).headers["location"].removeprefix(base)
    post(web, page.partition("?")[0], {"how": how})


def post(web: httpx.Client, path: str, form: dict[str, str]) -> str:
    """Send a form that the shop must take; where it leads to.

    Raises:
        FairdayError: it did not.
    """
    answer = web.post(path, data=form)
    if answer.status_code != 303:
        raise FairdayError(f"The shop answered {answer.status_code} to {path}.", code="demo_refused", where=path)
    return answer.headers["location"]
