"""Markup and formulas in everything that people write: shown as they were typed, run by nobody."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.customs import read_customs, written
from fairday.goods.made import Box, MadeOption
from fairday.goods.records import Details, Medium, Variant, save_details, save_media, save_variants
from fairday.insight.sheets import as_csv
from fairday.intake.rejections import keep_rejected, rejection
from fairday.kernel.sheets import inert
from fairday.storage.log import Happening
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2b.designs import Drawn
from fairday.trade.c2c.service import Draft
from fairday.trade.checkout import Buyer
from fairday.trade.records import Contact
from paying import ready
from selling import photo
from shopping import Shopper
from webdesk import Client, read, serving

EVIL = "\"'><evil-tag onx=1>{{7*7}}${7*7}"
KEPT = "evil-tag"
STARTS = ["/console", "/console/goods", "/console/orders", "/console/members", "/console/people", "/console/market",
          "/console/briefs", "/console/designs", "/console/companies", "/console/making", "/console/data/rejected",
          "/console/payments", "/console/mailbox", "/console/stock", "/console/prices", "/console/settings",
          "/", "/feed", "/market", "/briefs", "/designs", "/orders", "/me", "/wallet", "/cart", "/sell", "/company",
          "/search?q=%3Cevil-tag%3E", "/goods/bad%22%3E%3Cevil-tag%3E", "/checkout", "/company/statement"]  # fmt: skip


class Tags(HTMLParser):
    """What a browser would make of a page: is any of it what somebody typed?"""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.shown = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.wrong += [f"<{tag}>"] if tag == KEPT else []
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}")
            elif name in ("href", "src", "action", "formaction") and value is not None:
                scheme = urlsplit(value.strip().replace("\t", "").replace("\n", "")).scheme.lower()
                if scheme not in ("", "https", "http", "data", "tel", "mailto") or value.startswith("//"):
                    self.wrong.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        self.shown = self.shown or KEPT in data
        if "49" in data and KEPT in data and "{{7*7}}" not in data:
            self.wrong.append("a template ran")


def looked_at(html: str) -> Tags:
    found = Tags()
    found.feed(html)
    return found


def poisoned(shop: fairday.Shop, base: str) -> Shopper:
    """A shop whose goods, people, companies, listings and words are all written by an attacker."""
    now = shop.clock.now()
    shop.change_settings(market={"open": True, "review": False}, crowd={"open": True}, currency="CNY", country="CN",
                         name=EVIL)  # fmt: skip
    words = dict.fromkeys(("title", "category", "brand", "department"), EVIL)
    poison = ProductRow(product="tea", price=1990, currency="CNY", image="javascript:alert(1)//https://", **words)
    options = (MadeOption(name="name", kind="text", titles={"en": EVIL}, price=1, longest=60, box=Box()),)
    with shop.db.write() as conn:
        save_products(conn, [poison], now)
        told = Details(product="tea", description=EVIL, attributes={EVIL: EVIL}, tags=(EVIL,), made=options)
        save_details(conn, [told], now)
        save_media(conn, "tea", [Medium(url="https://x.example/a.png", alt=EVIL)])
        save_variants(conn, "tea", [Variant(sku="tea-evil", product="tea", options={"size": EVIL})], now, "CNY")
        keep_rejected(conn, [rejection(now, "web", "no_id", EVIL, EVIL.encode())], shop.settings.zone)
    shop.append([
        Happening(message_id="evil-1", kind="identify", at=now, received=now, source="server:x",
                  ids=(("email", "eve@example.com"), ("user_id", EVIL)), body={"traits": {"name": EVIL, "city": EVIL}}),
        Happening(message_id="evil-2", kind="track", name=EVIL, at=now, received=now, source="server:x",
                  ids=(("email", "eve@example.com"),), body={"properties": {EVIL: EVIL}}),
        Happening(message_id="evil-3", kind="page", name="Home", at=now, received=now, source="server:x",
                  ids=(("email", "eve@example.com"),),
                  body={"context": {"campaign": {"source": EVIL, "name": EVIL, "medium": "email"}}}),
    ]).result()  # fmt: skip
    shop.catch_up()
    eve = Shopper(shop, base).sign_in("eve@example.com")
    to = {"name": EVIL, "street": EVIL, "city": EVIL, "note": EVIL, "region": EVIL}
    assert eve.post("/cart/add", {"sku": "tea-evil", "made.name": EVIL}).headers.get("location") == "/cart"
    eve.pay(eve.buy(**to))
    eve.post("/cart/add", {"sku": "tea-evil", "made.name": EVIL})
    with shop.db.read() as conn:
        account = str(conn.execute(text("SELECT account FROM member_accounts")).scalar_one())
        order = str(conn.execute(text("SELECT id FROM orders")).scalar_one())
    ids, until = (("email", "eve@example.com"),), now + 10 * 86_400_000
    assert eve.post(f"{eve.order()}/return", {"units.1": "1", "why": EVIL}).status_code in (303, 409)
    assert shop.orders.state(f"order:{order}") is not None
    picture = photo(shop)
    shop.market.write("bike01", account, ids, Draft(title=EVIL, text=EVIL, price=30_000, shipping=0, photo=picture))
    eve.post("/sell/payout", {"payout": "p1", "amount": "1", "destination": EVIL})
    shop.designs.write("crane1", account, ids, Drawn(title=EVIL, text=EVIL, price=9_000, photo=picture))
    asked = Asked(title=EVIL, text=EVIL * 2, least=50_000, most=80_000, winners=1, until=until, deliver_days=10)
    shop.briefs.write("poster", SHOP, (), asked, actor="operator:1")
    shop.briefs.answer("poster", account, ids, EVIL, 60_000, [picture])
    shop.companies.open("acme", EVIL, "9131", actor="operator:1")
    shop.companies.terms("acme", 1_000_000, 30, actor="operator:1")
    member = shop.companies.join(shop.companies.invite("acme", "admin", None, actor="operator:1"), account)
    listed = shop.companies.draft(member, [("tea-evil", 2)])
    seen = shop.companies.look(listed, member, "CN").quote.seen
    contact = Contact(name=EVIL, phone="+8613912345678", country="CN", city=EVIL, street=EVIL, note=EVIL)
    shop.companies.order(listed, member, contact, seen, on_account=True, buyer=Buyer(account=account, ids=ids))
    shop.companies.ask_quote(member, [("tea-evil", 5, None)])
    shop.catch_up()
    return eve


def test_markup_that_anybody_typed_is_shown_on_no_page_as_markup(full_lite: fairday.Shop) -> None:
    shop = full_lite
    with serving(ready(shop)) as base:
        eve, owner = poisoned(shop, base), Client(shop).sign_in()
        waiting, seen, shapes, shown = list(STARTS), 0, set(), 0
        while waiting:
            path = waiting.pop(0)
            parts = urlsplit(path)
            names = tuple(sorted(p.split("=")[0] for p in parts.query.split("&")))
            shape = (re.sub(r"\d+", "1", re.sub(r"[0-9a-f]{20,}", "x", parts.path))[:60], names)
            if shape in shapes or parts.netloc or parts.scheme or not path.startswith("/") or ".json" in path:
                continue
            shapes.add(shape)
            shop.clock.move(300)  # type: ignore[attr-defined]
            answer = owner.get(path) if path.startswith("/console") else eve.get(path)
            assert answer.status_code < 500, path
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self';" in policy or "sandbox" in policy, path
            if "text/html" not in answer.headers.get("content-type", ""):
                continue
            found = looked_at(answer.text)
            assert found.wrong == [], (path, found.wrong)
            seen, shown = seen + 1, shown + found.shown
            waiting += [x for x in read(answer.text).links if not x.startswith("/follow")]
        assert seen >= 60, seen
        assert shown >= 20, "the words are shown, as words"
        with shop.db.read() as conn:
            mails = conn.execute(text("SELECT html, subject FROM messages WHERE scene <> 'tea-season'")).all()
    assert len(mails) >= 2
    for html, subject in mails:
        assert f"<{KEPT}" not in html
        assert "\n" not in subject


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|x", "\t=1", "\r=1", "＝1+1",
                                  "＠SUM(A1)"])  # fmt: skip
def test_formulas_go_into_no_table_program(cell: str) -> None:
    assert inert(cell) == f"'{cell}"
    assert next(csv.reader(io.StringIO(as_csv([[cell, "fine"]]).decode("utf-8-sig"), newline="")))[0] == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "tea", "-5", "+86 139-1234 5678", "-1.50", "+34 (612) 345 678", "a=b"])
def test_numbers_and_words_stay_as_they_are(cell: str) -> None:
    assert inert(cell) == cell


def test_goods_called_like_a_formula_go_out_and_come_back_as_they_are() -> None:
    sent = written([("=HYPERLINK(1)", "0902.10", "CN"), ("tea", None, None)], {"US": ["=HYPERLINK(1)"]})
    assert "\n'=HYPERLINK(1)," in sent
    back = read_customs(sent)
    assert [c.product for c in back] == ["=HYPERLINK(1)", "tea"]
