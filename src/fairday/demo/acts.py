"""The other ways to trade, a few simulated acts each: stars, a company's quote, second-hand, an order abroad.

Nobody real trades and no money moves. Shoppers act through the shop's pages; what the merchant does is done as the
console does it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from PIL import Image, ImageDraw

import fairday
from fairday.demo.shopper import Member
from fairday.goods.rates import read_rates, save_rates
from fairday.kernel.clock import DAY_MS, ManualClock, local_day, to_date
from fairday.kernel.ids import new_id
from fairday.playbooks import all_playbooks, playbook
from fairday.trade.c2b.brief import SHOP
from fairday.trade.c2b.briefs import Asked
from fairday.trade.c2b.designs import Terms
from fairday.trade.shipping.kept import read_rate, save_rate
from fairday.trade.tills import Line, Sale

ACTOR = "simulated"
A_MINUTE_MS = 60_000
TO = {"name": "模拟顾客", "phone": "13800138000", "country": "CN", "region": "上海市", "city": "上海市",
      "street": "模拟路 1 号"}  # fmt: skip
ABROAD = {"name": "Simulated Eva", "phone": "030 123456", "country": "DE", "region": "", "city": "Berlin",
          "street": "Torstr. 1", "postcode": "10119"}  # fmt: skip
TRADES = ("b2b-contract", "c2c-second-hand", "c2b-crowd-design", "cross-border-direct", "spend-and-save",
          "starbucks-rewards")  # fmt: skip
"""The playbooks of trade beside those that shoppers buy under."""


def play(shop: fairday.Shop, base: str, clock: ManualClock) -> list[str]:
    """Start the other playbooks of trade and let simulated people act in them; what happened, a line each."""
    known = {one.name for one in all_playbooks()}
    for name in TRADES:
        if name in known:
            shop.save_scene(_dated(shop, playbook(name)), file=f"{name}.yaml")
            shop.move_scene("start", name)
    acts: tuple[Callable[[fairday.Shop, str], str], ...] = (stars, quote, second_hand, crowd, saving, abroad)
    told = []
    for act in acts:
        clock.move(A_MINUTE_MS)  # all of them ask from one network address
        told.append(act(shop, base))
    return told


def _dated(shop: fairday.Shop, text: str) -> str:
    first = local_day(shop.clock.now(), shop.settings.zone)
    text = re.sub(r'dates: "[^"]+"', f'dates: "{to_date(first)}..{to_date(first + 27)}"', text)
    return re.sub(r'goods: "[^"]+"', 'goods: "true"', text)


def stars(shop: fairday.Shop, base: str) -> str:
    """A member tops up, pays at a till by the code on the phone, and earns stars."""
    shop.change_settings(rewards={
        "on": True, "unit": "stars", "per": 1000, "months": 12, "top_ups": [10_000, 20_000],
        "levels": [{"name": "Green", "at": 20}, {"name": "Gold", "at": 60}],
    })  # fmt: skip
    member = Member(shop, base, "star")
    member.pay(member.send("/me/top-up", {"amount": "20000", "method": "wechat"}))
    code = re.search(r'class="digits" data-raw>([\d ]+)<', member.web.post("/me/card").text)
    assert code is not None
    lines = (Line(sku="oolong", amount=6800), Line(sku="jasmine", amount=4500))
    sale = Sale(code=code[1].replace(" ", ""), amount=11_300, currency="CNY", receipt="1", lines=lines)
    sold = shop.tills.pay("front", sale)
    return (
        f"stars: paid ¥{sold.paid / 100:.2f} at the till by phone, {sold.earned} stars, ¥{sold.balance / 100:.2f} left"
    )


def quote(shop: fairday.Shop, base: str) -> str:
    """A company asks for a price, gets an offer, accepts it and orders on account."""
    shop.companies.open("teahouse", "模拟茶馆 · Simulated Teahouse", "91310000", actor=ACTOR)
    shop.companies.terms("teahouse", 1_000_000, 30, actor=ACTOR)
    buyer = Member(shop, base, "teahouse")
    buyer.send(f"/company/join/{shop.companies.invite('teahouse', 'buyer', None, actor=ACTOR)}", {})
    asked = buyer.send("/company/lists", {"goods": "oolong,20", "go": "quote"})
    shop.companies.offer(asked.rpartition("/")[2], 1, [6100], shop.clock.now() + 7 * DAY_MS, actor=ACTOR)
    wanted = buyer.send(f"{asked}/accept", {"version": "2"})
    seen = buyer.found(wanted, r'name="seen" value="([^"]*)"')
    buyer.send(f"{wanted}/order", {**TO, "seen": seen, "pay": "account"})
    return "quote: 20 oolong at ¥61.00 instead of ¥68.00, accepted and ordered on account"


def second_hand(shop: fairday.Shop, base: str) -> str:
    """A member sells a teapot, another buys it, and says that it came."""
    shop.change_settings(market={"open": True, "commission": 500, "hold_days": 7, "review": True})
    seller, buyer = Member(shop, base, "anna"), Member(shop, base, "ben")
    form = {"id": seller.found("/sell/item", r'name="id" value="([^"]*)"'), "title": "宜兴紫砂壶（用过）", "photo": "",
            "text": "用了两年，完好。", "price": "300", "shipping": "15", "go": "send"}  # fmt: skip
    listing = seller.web.post("/sell/item", data=form, files=_photo()).headers["location"].partition("?")[0]
    id_ = listing.rpartition("/")[2]
    shop.market.moderate(id_, shop.market.version(id_), actor=ACTOR)
    page = buyer.see(listing)
    seen = {name: found[1] for name in ("order", "price", "shipping")
            if (found := re.search(rf'name="{name}" value="([^"]*)"', page))}  # fmt: skip
    buyer.pay(buyer.send(listing, {**TO, **seen, "payment": "alipay"}))
    number = seller.found("/sell", r'href="/deal/(\w+)"')
    seller.send("/deal", {"number": number, "act": "send", "carrier": "sf", "tracking": "SF1234567890123"})
    buyer.send("/deal", {"number": number, "act": "received"})
    buyer.send("/deal", {"number": number, "act": "rate", "stars": "5", "text": "包得很仔细。"})
    return "second-hand: a teapot for ¥300.00, sent, received, rated; the seller has ¥299.25, the shop its 5 %"


def crowd(shop: fairday.Shop, base: str) -> str:
    """A brief of the shop's is answered; a design is put to pre-order, and one is ordered."""
    shop.change_settings(crowd={"open": True})
    drawer, fan = Member(shop, base, "drawer"), Member(shop, base, "fan")
    until = shop.clock.now() + 9 * DAY_MS
    asked = Asked(title="春茶海报 · A poster for spring tea", text="A2，两色，有一只燕子。", winners=1, least=50_000,
                  most=80_000, until=until, deliver_days=10)  # fmt: skip
    shop.briefs.write(brief := new_id(shop.clock.now()), SHOP, (), asked, actor=ACTOR)
    said = {"brief": brief, "act": "answer", "text": "我画燕子。", "price": "600", "photos": ""}
    drawer.web.post("/briefs/act", data=said, files=_photo())
    form = {"id": drawer.found("/designs/new", r'name="id" value="([^"]*)"'), "title": "鹤与盖碗 · A crane on a gaiwan",
            "text": "水墨。", "price": "98", "photo": "", "go": "send"}  # fmt: skip
    design = drawer.web.post("/designs/new", data=form, files=_photo()).headers["location"].rpartition("/")[2]
    made_day = local_day(until, shop.settings.zone) + 20
    terms = Terms(price=8800, goal=2, most=20, until=until, royalty=1000, made_day=made_day)
    shop.designs.accept(design, shop.designs.version(design), terms, actor=ACTOR)
    fan.pay(_order(fan, f"design-{design}", 1, TO, "wechat"))
    return "crowd: a brief answered; a design in pre-order at ¥88.00, 1 of 2 ordered"


def saving(shop: fairday.Shop, base: str) -> str:
    """A member fills the cart up to the step, and pays less."""
    member = Member(shop, base, "saver")
    member.send("/cart/add", {"sku": "puer", "qty": "1"})
    member.pay(_order(member, "puer", 1, TO, "wechat"))
    off = member.found(member.found("/orders", r'href="(/order/[^"]+)"'), r'class="off" data-raw>−([^<]+)<')
    return f"spend and save: two pu'er reach the step, {off} less"


def _order(who: Member, sku: str, qty: int, to: dict[str, str], payment: str) -> str:
    """Put something into the cart and order what is in it; where that leads to."""
    who.send("/cart/add", {"sku": sku, "qty": str(qty)})
    seen = {name: who.found("/checkout", rf'name="{name}" value="([^"]*)"') for name in ("seen", "cart")}
    return who.send("/checkout", {**to, **seen, "go": "order", "way": "ship", "payment": payment})


def _photo() -> dict[str, tuple[str, bytes, str]]:
    """A picture that a simulated member drew: a sun, a hill and a bird."""
    drawn, picture = Image.new("RGB", (640, 480), "#f3eadb"), io.BytesIO()
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((410, 60, 540, 190), fill="#c8553d")
    pen.polygon([(0, 480), (210, 280), (360, 400), (470, 330), (640, 480)], fill="#3f6b63")
    pen.arc((110, 130, 230, 230), 200, 340, fill="#2b2b2b", width=9)
    pen.arc((220, 130, 340, 230), 200, 340, fill="#2b2b2b", width=9)
    drawn.save(picture, "JPEG")
    return {"file": ("simulated.jpg", picture.getvalue(), "image/jpeg")}


def abroad(shop: fairday.Shop, base: str) -> str:
    """Somebody in Berlin orders, duty and tax in the price."""
    told = f"Date,CNY,USD,GBP\n{to_date(local_day(shop.clock.now(), shop.settings.zone) - 1)},7.8,1.16,0.86\n"
    rates = dict.fromkeys(("carrier", "postcodes", "places", "more_each", "more_price", "free_from"), "")
    rates |= {"service": "standard", "by": "flat"}
    home = rates | {"rate": "home", "countries": "CN", "steps": "8.00", "free_from": "99", "days": "2-4"}
    away = rates | {"rate": "germany", "countries": "DE", "steps": "60.00", "days": "5-12"}
    with shop.db.write() as conn:
        save_rates(conn, read_rates(told), "SIMULATED")
        for rate in (home, away):
            save_rate(conn, read_rate(rate, shop.settings.currency))
    shop.change_settings(border={"countries": ["DE"], "takes": ["EUR"], "prepaid": True})
    eva = Member(shop, base, "eva")
    eva.send("/place", {"country": "DE", "currency": "EUR", "language": "en", "to": "/"})
    _order(eva, "jasmine", 2, ABROAD, "bank_transfer")
    total = re.search(r'<dd class="all" data-raw>([^<]+)</dd>', eva.see(eva.found("/orders", r'href="(/order/[^"]+)"')))
    return (
        f"abroad: two tins of jasmine to Berlin, {total[1] if total else ''} with duty and tax, waits for the transfer"
    )


__all__ = ["play"]
