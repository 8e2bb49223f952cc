"""Somebody else's order, list, quote, statement, deal, brief, design, listing, photo, wallet: asked for by another
member, a buyer of another company, a guest with another's cookies, and nobody; read and pressed, each address of each.

What stands under an address with a name in it is in a table here: a new page must be put into it, or said to be public.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2b.designs import Drawn
from fairday.trade.c2c.service import Draft
from fairday.trade.checkout import Buyer
from fairday.trade.records import Contact
from fairday.web.app import create
from paying import ready, served
from selling import photo
from shopping import Shopper
from webdesk import shop_routes

OPEN = {
    "/", "/feed", "/search", "/search/suggest", "/goods/{number:path}", "/market", "/briefs", "/designs", "/compare",
    "/place", "/cart", "/checkout", "/openapi.json", "/stores",
}  # fmt: skip
"""What anybody sees, each their own: nothing of others stands in them."""
LINKS = {
    "/unsubscribe/{token}", "/company/join/{invitation}", "/go/{token}", "/me/confirm/{token}", "/keep/{token}",
    "/c/{code}", "/p/{pack}", "/photos/{photo}", "/pay/{number}", "/pay/{number}/go", "/pay/{number}/state.json",
    "/order/{token}", "/order/{token}/{paper}", "/order/{token}/{paper}.pdf",
}  # fmt: skip
"""What an unguessable address leads to, by itself: tried with other things' names instead of theirs."""
HOME = Contact(name="Wei Quillfeather", phone="+8613912345678", country="CN", city="上海", street="Rosmarinweg 7")
SECRETS = ("Wei Quillfeather", "Rosmarinweg", "13912345678", "wei@example.com", "zanzibarwords", "Acme Ltd")


@dataclass
class World:
    """What Wei has, and those who want it."""

    shop: fairday.Shop
    base: str
    wei: Shopper
    account: str
    order: str
    link: str
    payment: str
    quote: str
    listed: str
    thieves: dict[str, Shopper]

    def addresses(self) -> dict[str, list[str]]:
        """Wei's own pages, by the route that draws them."""
        return {
            "/me": ["/me"], "/me/export.json": ["/me/export.json"], "/me/card": ["/me/card"],
            "/me/card/code": ["/me/card/code?n=1"], "/wallet": ["/wallet"], "/wishes": ["/wishes"],
            "/orders": ["/orders"], "/sell": ["/sell"], "/sell/item": ["/sell/item?id=draft1"],
            "/market/{listing}": ["/market/draft1"], "/designs/{design}": ["/designs/crane1"],
            "/designs/new": ["/designs/new?id=crane1"], "/deal/{number}": [f"/deal/{1:026x}"],
            "/briefs/{brief}": ["/briefs/acmes1", "/briefs/poster"], "/briefs/write": ["/briefs/write?id=acmes1"],
            "/company": ["/company"], "/company/statement": ["/company/statement"],
            "/company/statement.{kind}": ["/company/statement.csv", "/company/statement.pdf"],
            "/company/needs": ["/company/needs"], "/company/lists/{number}": [f"/company/lists/{self.listed}"],
            "/company/quotes/{number}": [f"/company/quotes/{self.quote}"],
        }  # fmt: skip


def companies(shop: fairday.Shop, account: str, other: str) -> tuple[str, str]:
    """Wei is Acme's admin, and has a list and a quote; the other is a mere buyer of Rival's."""
    for name, title in (("acme", "Acme Ltd"), ("rival", "Rival Ltd")):
        shop.companies.open(name, title, "9131", actor="operator:1")
        shop.companies.terms(name, 1_000_000, 30, actor="operator:1")
    admin = shop.companies.join(shop.companies.invite("acme", "admin", None, actor="operator:1"), account)
    shop.companies.join(shop.companies.invite("rival", "buyer", 100, actor="operator:1"), other)
    listed = shop.companies.draft(admin, [("tea", 2)])
    seen = shop.companies.look(listed, admin, "CN").quote.seen
    buyer = Buyer(account=account, ids=(("email", "wei@example.com"),))
    shop.companies.order(listed, admin, HOME, seen, on_account=True, buyer=buyer)
    return shop.companies.draft(admin, [("tea", 3)]), shop.companies.ask_quote(admin, [("tea", 5, None)])


def account_of(shop: fairday.Shop, email: str) -> str:
    with shop.db.read() as conn:
        query = ("SELECT m.account FROM member_accounts m JOIN identifiers i ON i.id = m.identifier"
                 f" WHERE i.value = '{email}'")  # fmt: skip
        return str(conn.exec_driver_sql(query).scalar_one())


@pytest.fixture
def world(lite: fairday.Shop) -> Iterator[World]:
    shop = lite
    shop.change_settings(market={"open": True, "review": False}, crowd={"open": True}, currency="CNY", country="CN")
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="tea", title="Tea", price=1990, currency="CNY")], 1)
    with served(ready(shop)) as base:
        wei = Shopper(shop, base).sign_in("wei@example.com").add("tea")
        payment = wei.buy(name="Wei Quillfeather", phone="13912345678", street="Rosmarinweg 7", note="zanzibarwords")
        wei.pay(payment)
        link, account, ids = wei.order(), account_of(shop, "wei@example.com"), (("email", "wei@example.com"),)
        with shop.db.read() as conn:
            order = str(conn.exec_driver_sql("SELECT id FROM orders").scalar_one())
        member = Shopper(shop, base).sign_in("eve@example.com")
        rival = Shopper(shop, base).sign_in("rob@example.com")
        listed, quote = companies(shop, account, account_of(shop, "rob@example.com"))
        picture, until = photo(shop), shop.clock.now() + 10 * 86_400_000
        for thing, send in (("draft1", False), ("bike01", True)):
            draft = Draft(title="Old bicycle", text="zanzibarwords", price=30_000, shipping=0, photo=picture)
            shop.market.write(thing, account, ids, draft, send=send)
        ben = Shopper(shop, base).sign_in("ben@example.com")
        deal, by = f"{1:026x}", account_of(shop, "ben@example.com")
        assert shop.market.buy("bike01", deal, by, (("email", "ben@example.com"),), HOME, method="bank_transfer",
                               seen=(30_000, 0)).ok  # fmt: skip
        begun = shop.payments.begin(f"order:{deal}", "bank_transfer", "", 30_000, "CNY", subject="S", actor=by)
        shop.payments.confirm(begun.number, "bank-1", "operator:1")
        shop.market.send(deal, account, "sf", "SF12345678")
        shop.market.dispute(deal, by, (("email", "ben@example.com"),), "damaged", "zanzibarwords", picture)
        shop.designs.write(
            "crane1", account, ids, Drawn(title="Crane", text="zanzibarwords", price=9_000, photo=picture)
        )
        asked = Asked(title="Poster", text="For spring, in two colours.", least=50_000, most=80_000, winners=1,
                      until=until, deliver_days=10)  # fmt: skip
        shop.briefs.write("poster", SHOP, (), asked, actor="operator:1")
        shop.briefs.answer("poster", account, ids, "zanzibarwords", 60_000, [picture])
        shop.briefs.write("acmes1", "company:acme", ids, asked, actor=account, open_=False)
        assert ben.get(f"/deal/{deal}").status_code == 200, "a side of the deal reads it"
        guest, borrowed = Shopper(shop, base), Shopper(shop, base)
        # What is not signed as who one is, of Wei's: as if it had been seen over their shoulder.
        for name in ("fairday_id", "fairday_consent", "fairday_cart", "fairday_acted"):
            if name in wei.web.cookies:
                borrowed.web.cookies.set(name, wei.web.cookies[name])
        for name in ("fairday_visitor", "fairday_member", "fairday_own", "fairday_proof", "fairday_orders"):
            seen = wei.web.cookies.get(name, "x", path="/me" if name == "fairday_proof" else "/")
            # Another last digit than the signature's own, which may be any: else one in sixteen is hers as it is.
            borrowed.web.cookies.set(name, seen[:-1] + ("0" if seen[-1] != "0" else "1"))
        thieves = {"member": member, "rival": rival, "guest": guest, "borrowed": borrowed}
        yield World(shop, base, wei, account, order, link, payment, quote, listed, thieves)


def told(answer: httpx.Response) -> list[str]:
    return [s for s in SECRETS if s.encode() in answer.content]


def test_every_page_with_something_of_somebodys_is_in_the_table(lite: fairday.Shop, world: World) -> None:
    reads = {r.path for r in shop_routes(create(lite)) if "GET" in (r.methods or ())}
    assert reads == OPEN | LINKS | set(world.addresses()), "say whose a new page is"


def test_others_pages_are_not_found_by_anybody_else(world: World) -> None:
    for route, paths in world.addresses().items():
        for path in paths:
            own = world.wei.get(path)
            assert own.status_code == 200, (path, own.status_code, own.headers.get("location"))
            for who, thief in world.thieves.items():
                later(world)
                answer = thief.get(path)
                assert answer.status_code != 429, path
                assert answer.status_code in (200, 303, 403, 404), (who, path)
                assert not told(answer), (who, path, told(answer))
                named = "{" in route or "?id=" in path
                if named and route not in ("/briefs/{brief}", "/company/statement.{kind}"):
                    assert answer.status_code in (403, 404), (who, path, answer.status_code)


def test_names_of_things_open_no_link(world: World) -> None:
    token = world.link.removeprefix("/order/")
    guesses = [world.order, world.account, f"order:{world.order}", token[:-1] + ("0" if token[-1] != "0" else "1"),
               token.upper(), token + "0", f"order|{world.order}", world.listed, "1", "..", "%2e%2e"]  # fmt: skip
    for route in LINKS:
        for guess in guesses:
            path = re.sub(r"\{paper\}", "invoice", re.sub(r"\{(?!paper)\w+\}", guess, route))
            for who, thief in world.thieves.items():
                later(world)
                answer = thief.get(path)
                assert answer.status_code != 429, path
                assert not told(answer), (who, path)
                assert answer.status_code < 500, (who, path)
                assert b"%PDF" not in answer.content, (who, path)
    assert not told(world.thieves["guest"].get(f"/pay/{world.payment}")), "who knows a payment sees its amount alone"
    whole = world.thieves["guest"].get(world.link)
    assert whole.status_code == 200, "an order's own link is what its mail carries"


def test_others_things_are_moved_by_nobody_else(world: World) -> None:
    shop, deal, token = world.shop, f"{1:026x}", world.link.removeprefix("/order/")
    before = _all(shop)
    lists, quotes = f"/company/lists/{world.listed}", f"/company/quotes/{world.quote}"
    line = {"goods": "tea 1", "version": "1", "total": "5970", "unit.0": "0.01", "seen": "{}", "pay": "account"}
    pressed: list[tuple[str, dict[str, Any]]] = [
        *((f"{lists}/{act}", line) for act in ("change", "submit", "approve", "refuse", "withdraw", "order", "look")),
        *((f"{quotes}/{act}", line) for act in ("accept", "counter", "decline")),
        *((f"/company/members/{act}", {"account": world.account, "role": "admin", "limit": "9999"})
          for act in ("invite", "appoint", "remove")),
        *(("/deal", {"number": deal, "act": act, "why": "damaged", "text": "mine", "stars": "1", "carrier": "sf",
                     "tracking": "X1"}) for act in ("send", "received", "dispute", "say", "give_in", "rate")),
        *(("/briefs/act", {"brief": b, "act": act, "answer": f"poster:{world.account}", "text": "something else",
                           "seen": "60000", "payment": "credit", "why": "damaged", "price": "1"})
          for b in ("acmes1", "poster")
          for act in ("choose", "accept", "again", "withdraw", "end", "dispute", "reply", "give_up", "take_back",
                      "deliver", "say", "give_in")),
        ("/designs/withdraw", {"id": "crane1"}), ("/sell/withdraw", {"id": "draft1"}),
        ("/designs/new", {"id": "crane1", "title": "Mine", "text": "x", "price": "1", "go": "send"}),
        ("/sell/item", {"id": "draft1", "title": "Mine", "text": "x", "price": "1", "shipping": "0", "go": "send"}),
        ("/sell/payout", {"payout": "p1", "amount": "100", "destination": "my bank"}),
        ("/briefs/write", {"id": "acmes1", "title": "Mine now", "text": "x" * 20, "kind": "fixed", "reward": "1",
                           "winners": "1", "until": "2026-06-30", "deliver_days": "1", "least": "", "most": "",
                           "photo": ""}),
        ("/market/draft1", {"order": world.order, "price": "30000", "shipping": "0", "payment": "wechat"}),
        *((f"/order/{guess}/{act}", {"payment": "balance"}) for act in ("pay", "cancel", "receive", "return", "again")
          for guess in (world.order, token[:-1] + ("0" if token[-1] != "0" else "1"))),
        (f"/share/{world.order}", {}), ("/checkout", {"cart": world.order, "go": "order"}),
        ("/me/top-up", {"amount": "-100", "method": "wechat"}), ("/me/erase", {}),
    ]  # fmt: skip
    for who, thief in world.thieves.items():
        for path, form in pressed:
            later(world, 3_000)
            answer = thief.post(path, form)
            assert answer.status_code != 429, path
            assert answer.status_code < 500, (who, path, form)
            assert answer.status_code >= 400 or "/order/" not in answer.headers.get("location", ""), (who, path)
            assert not told(answer), (who, path, form)
    after = _all(shop)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set(), {n: set(after[n]) ^ set(before[n]) for n in changed}


def later(world: World, ms: int = 300) -> None:
    """So much later that no limit is met: what is tried here is not how often one may try."""
    assert isinstance(world.shop.clock, ManualClock)
    world.shop.clock.move(ms)


def _all(shop: fairday.Shop) -> dict[str, list[Any]]:
    names = ("streams", "transfers", "listing_texts", "deal_words", "payees", "order_contacts", "company_members",
             "requisitions", "quotes", "listings", "designs", "briefs", "brief_answers", "orders",
             "payments")  # fmt: skip
    with shop.db.read() as conn:
        return {n: sorted(str(tuple(r)) for r in conn.exec_driver_sql(f"SELECT * FROM {n}")) for n in names}
