"""The playbook ``c2c-second-hand`` through its doors: a mail invites, one member sells, another buys and pays on the
phone, disputes or not; the shop looks at listings, decides and pays out. Every cent is followed."""

from __future__ import annotations

import re

import httpx

import fairday
from fairday.kernel.clock import DAY_MS, ManualClock
from fairday.playbooks import rows as capability_rows
from fairday.reach import outbox
from paying import do, ready, served
from playing import Play, customer, order
from selling import held, jpeg, revenue
from webdesk import Client

NOW = 1_812_592_800_000  # 2027-06-10 10:00 in Shanghai
TEST = "tests/playbooks/test_c2c_second_hand.py"
PHONE = "Mozilla/5.0 (iPhone) Mobile"
TO = {"name": "Ben Li", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
      "street": "南京路 1 号"}  # fmt: skip


class Member:
    """A member with a phone: signed in by a link that was mailed to them."""

    def __init__(self, play: Play, base: str, name: str) -> None:
        self.play, self.base, self.mail = play, base, f"{name}@example.com"
        self.web = httpx.Client(base_url=base, headers={"user-agent": PHONE}, timeout=30)
        Client(play.shop).post("/me/link", {"email": self.mail})
        with play.shop.db.read() as conn:
            sent = [m for m in outbox.page(conn, scene=outbox.SERVICE) if m.address == self.mail]
        link = re.search(r"/me/confirm/[\w.\-]+", sent[0].text)
        assert link is not None
        assert self.web.post(link[0]).status_code == 303

    def see(self, path: str) -> str:
        answer = self.web.get(path, params={"lang": "en"})
        assert answer.status_code == 200, (path, answer.status_code, answer.text[-2000:])
        assert len(answer.content) < 30_000
        return answer.text

    def sell(self, title: str, price: str, shipping: str = "15") -> str:
        """Offer something, with a photo; its page."""
        form = {"id": hidden(self.see("/sell/item"), "id"), "title": title, "text": "Little used.", "price": price,
                "shipping": shipping, "photo": "", "go": "send"}  # fmt: skip
        answer = self.web.post("/sell/item", data=form, files={"file": ("x.jpg", jpeg(), "image/jpeg")})
        assert answer.status_code == 303, answer.text[-2000:]
        return answer.headers["location"].partition("?")[0]

    def buy(self, listing: str, method: str = "wechat", **more: str) -> httpx.Response:
        page = self.see(listing)
        form = {name: hidden(page, name) for name in ("order", "price", "shipping")} | TO | {"payment": method}
        return self.web.post(listing, data=form | more)

    def act(self, number: str, act: str, **more: str) -> httpx.Response:
        return self.web.post("/deal", data={"number": number, "act": act, **more})


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def set_up(shop: fairday.Shop, clock: ManualClock, opened: bool = True) -> Play:
    play = Play(ready(shop), clock, NOW)
    shop.change_settings(country="CN")
    play.stock({"Tea": ["Oolong"], "Cups": ["Gaiwan"]})
    play.tell(*[c for n in ("anna", "ben", "eve") for c in (*customer(n), order(n, f"o-{n}", 30, ("Tea", "Oolong")))])
    if opened:
        play.owner.get("/console/market")
        rules = {"open": "yes", "review": "yes", "commission": "5", "hold_days": "7"}
        assert play.owner.post("/console/market/settings", rules).status_code == 303
    return play


def deal(play: Play, base: str, anna: Member, ben: Member) -> str:
    """Anna sells, the shop lets it be shown, Ben pays with WeChat, Anna sends it; the deal's number."""
    listing = anna.sell("Yixing teapot", "300")
    assert ben.web.get(listing).status_code == 404, "nobody sees it before it was looked at"
    console = play.owner.get("/console/market?lang=en").text
    assert "Yixing teapot" in console
    id_ = listing.rpartition("/")[2]
    shown = {"version": hidden(console, "version"), "why": ""}
    assert play.owner.post(f"/console/market/listings/{id_}", shown).status_code == 303
    assert "Yixing teapot" in ben.see("/market")
    went = ben.buy(listing)
    assert went.status_code == 303, went.text[-2000:]
    payment = re.fullmatch(r"/pay/(\w+)/go", went.headers["location"])
    assert payment is not None
    ben.web.get(went.headers["location"])
    do(base, play.shop, payment[1], "pay")
    number = re.search(r'href="/deal/(\w+)"', anna.see("/sell"))
    assert number is not None
    page = anna.see(f"/deal/{number[1]}")
    assert "南京路 1 号" in page
    mistyped = anna.act(number[1], "send", carrier="sf", tracking="??")
    assert mistyped.status_code == 422, "a number that cannot be one could never be mended afterwards"
    sent = anna.act(number[1], "send", carrier="sf", tracking="SF1234567890")
    assert sent.status_code == 303, sent.text[-1500:]
    return number[1]


def test_a_market_day_from_the_mail_to_the_payout(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    scene = play.start("c2c-second-hand", lambda text: text.replace(", holdout: 20%", ""))
    play.mail()
    mails = play.mails(scene)
    assert "Selling" in mails["anna@example.com"].text
    with served(shop) as base:
        anna, ben, eve = (Member(play, base, name) for name in ("anna", "ben", "eve"))
        number = deal(play, base, anna, ben)
        (seller,) = {r[0] for r in _rows(shop, "SELECT seller FROM listings")}
        assert held(shop, f"held:{seller}") == 31_500
        assert eve.web.get(f"/deal/{number}").status_code == 404
        assert eve.act(number, "received").status_code == 404
        assert ben.act(number, "received").status_code == 303
        assert (held(shop, f"held:{seller}"), held(shop, "sales:commission")) == (0, 1_575)
        assert revenue(shop) == 1_575, "the report says what the shop keeps, not what the buyer paid"
        assert "¥299.25" in anna.see("/sell")
        assert ben.act(number, "rate", stars="5", text="Well packed.").status_code == 303
        assert anna.act(number, "rate", stars="4").status_code == 303
        assert "Well packed." in anna.see(f"/deal/{number}")
        form = {"payout": hidden(anna.see("/sell"), "payout"), "amount": "299.25", "destination": "ICBC 6222 0000"}
        assert anna.web.post("/sell/payout", data=form | {"amount": "299.26"}).status_code == 409
        form["payout"] = hidden(anna.see("/sell"), "payout")
        for _ in range(2):  # sent twice it is asked for once
            assert anna.web.post("/sell/payout", data=form).status_code == 303
        console = play.owner.get("/console/market").text
        assert "ICBC 6222 0000" in console
        paid = {"reference": "BANK-1", "why": ""}
        assert play.owner.post(f"/console/market/payouts/{form['payout']}", paid).status_code == 303
        assert "Paid out" in anna.see("/sell")
        assert held(shop, "payouts:paid") == 29_925
    play.shop.catch_up()
    assert "Yixing teapot" in anna_export(shop)


def anna_export(shop: fairday.Shop) -> str:
    return str(shop.export("email:anna@example.com")["tables"]["listing_texts"])


def test_a_dispute_with_photos_is_decided_and_the_money_divided(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, ben = (Member(play, base, name) for name in ("anna", "ben"))
        number = deal(play, base, anna, ben)
        clock.at += DAY_MS
        said = {"number": number, "act": "dispute", "why": "damaged", "text": "The lid is cracked."}
        answer = ben.web.post("/deal", data=said, files={"file": ("lid.jpg", jpeg(), "image/jpeg")})
        assert answer.status_code == 303, answer.text[-1500:]
        assert anna.act(number, "say", text="It was whole when I packed it.").status_code == 303
        clock.at += 20 * DAY_MS
        shop.fire_due()
        owner = Client(shop).sign_in("owner", "later@example.com")
        console = owner.get(f"/console/market/disputes/{number}?lang=en").text
        for text in ("The lid is cracked.", "It was whole when I packed it.", "/photos/"):
            assert text in console
        url = f"/console/market/disputes/{number}"
        for wrong in ("100.005", "-1", "400", "x"):
            assert owner.post(url, {"how": "part", "back": wrong}).status_code in (409, 422)
        clerk = Client(shop).sign_in("clerk")
        clerk.get(url)
        assert clerk.post(url, {"how": "all", "back": "0"}).status_code == 403
        assert owner.post(url, {"how": "part", "back": "100"}).status_code == 303
        (seller,) = {r[0] for r in _rows(shop, "SELECT seller FROM listings")}
        assert held(shop, f"held:{seller}") == 0
        assert held(shop, "sales:commission") == 1_075 == revenue(shop)
        assert held(shop, f"seller:{seller.partition(':')[2]}") == 20_425
        assert "¥100.00" in ben.see(f"/deal/{number}")


def test_what_strangers_and_forms_say_is_not_believed(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock)
    with served(shop) as base:
        anna, ben = (Member(play, base, name) for name in ("anna", "ben"))
        guest = httpx.Client(base_url=base)
        listing = anna.sell("Gaiwan", "88", "0")
        assert ben.web.post("/sell/withdraw", data={"id": listing.rpartition("/")[2]}).status_code == 404
        assert guest.get("/sell/item").status_code == 403
        assert guest.post("/deal", data={"number": "x", "act": "received"}).status_code == 403
        assert guest.get("/sell").status_code == 200
        console = play.owner.get("/console/market").text
        play.owner.post(f"/console/market/listings/{listing.rpartition('/')[2]}",
                        {"version": hidden(console, "version"), "why": ""})  # fmt: skip
        assert guest.post(listing, data=TO | {"order": "a" * 26, "price": "1", "shipping": "0"}).status_code == 403
        assert ben.buy(listing, price="1").status_code == 409
        assert ben.buy(listing, price="-8800").status_code == 422
        assert ben.buy(listing, order="../x").status_code == 422
        assert ben.buy(listing, street="").status_code == 422
        assert (
            anna.web.post(listing, data=TO | {"order": "a" * 26, "price": "8800", "shipping": "0"}).status_code == 409
        )
        evil = {"origin": "http://evil.example"}
        assert ben.web.post(listing, data=TO, headers=evil).status_code == 403
        assert ben.web.post("/deal", data={"number": "x"}, headers=evil).status_code == 403
        for wrong in ({"price": "-5"}, {"price": "1e99"}, {"price": "x"}, {"title": ""}, {"shipping": "-1"}):
            form = {"id": "a" * 26, "title": "Cup", "text": "", "price": "5", "shipping": "0", "photo": ""} | wrong
            answer = anna.web.post("/sell/item", data=form, files={"file": ("x.jpg", jpeg(), "image/jpeg")})
            assert answer.status_code in (409, 422), wrong
        bad = anna.web.post("/sell/item", data=form | {"title": "Cup", "shipping": "0"},
                            files={"file": ("x.jpg", b"<svg onload=alert(1)>", "image/jpeg")})  # fmt: skip
        assert bad.status_code == 422


def test_while_it_is_closed_nobody_sells(shop: fairday.Shop, clock: ManualClock) -> None:
    play = set_up(shop, clock, opened=False)
    with served(shop) as base:
        anna = Member(play, base, "anna")
        assert "/sell" not in anna.see("/me")
        form = {"id": "a" * 26, "title": "Gaiwan", "text": "", "price": "88", "shipping": "0", "photo": ""}
        answer = anna.web.post("/sell/item", data=form, files={"file": ("x.jpg", jpeg(), "image/jpeg")})
        assert answer.status_code == 409
        assert shop.market.state("listing:" + "a" * 26) is None


def _rows(shop: fairday.Shop, query: str) -> list:  # type: ignore[type-arg]
    with shop.db.read() as conn:
        return list(conn.exec_driver_sql(query))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "c2c-second-hand" in r.playbooks}
    assert named == {"T3"}
    assert TEST in capability_rows()["T3"].tests
