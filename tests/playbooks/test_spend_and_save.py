"""The playbook ``spend-and-save`` through its doors: started in the console, ¥20 short, bought, given back."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import ManualClock
from fairday.playbooks import rows as capability_rows
from fairday.trade.plain import PlainPrices
from fairday.trade.shipping.kept import save_rate
from fairday.trade.shipping.rates import Rate, Step
from paying import ready, served
from playing import Play, customer, order
from shopping import Shopper

NOW = 1_790_593_200_000  # 2026-09-28 19:00 in Shanghai
TEST = "tests/playbooks/test_spend_and_save.py"
TEA, CUP = 8_950, 12_345
POSTAGE = 800
TIN = {
    "tab": "form", "kind": "gift", "spend": "199", "gift": "tin", "title.en": "A tin for you", "title.zh": "送茶叶罐",
    "when": "always", "together": "stack", "stack": "spend-and-save", "uses": "500", "do": "start",
}  # fmt: skip


@dataclass
class Outcome:
    """What the shopper and the merchant saw."""

    short: dict[str, str] = field(default_factory=dict)
    cart: str = ""
    placed: dict[str, Any] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    gifts: list[tuple[str, str]] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    before: str = ""
    after: str = ""
    page: str = ""
    report: str = ""


def read(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def stock(play: Play) -> None:
    rows = [("oolong", "Oolong tea", TEA), ("cup", "Blue cup", CUP), ("tin", "Tea tin", 3_900)]
    with play.shop.db.write() as conn:
        save_products(conn, [ProductRow(product=p, title=t, category="tea", price=n, currency="CNY")
                             for p, t, n in rows], NOW)  # fmt: skip
        save_rate(conn, Rate(rate="all", service="standard", steps=(Step(0, POSTAGE),), currency="CNY"))
    play.shop.staging.forget()


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Somebody is ¥20 short, takes a cup more, pays, and gives the cup back; ``without`` the row that is off."""
    play = Play(shop, clock, NOW)
    stock(play)
    play.tell(*customer("old"), order("old", "a1", 20, ("tea", "Oolong tea")))
    found = Outcome()
    ready(shop)
    play.start("spend-and-save", lambda text: text.replace("guard: {holdout: 10%}\n", ""))
    play.owner.get("/console/promotions/new")
    assert play.owner.post("/console/promotions", TIN).status_code == 303
    if without == "O1":
        shop.checkout._pricer = PlainPrices()
    with served(shop) as base:
        who = Shopper(shop, base).sign_in("li@example.com")
        who.add("oolong", 2)
        found.short = {tongue: read(who.get(f"/cart?lang={tongue}").text) for tongue in ("zh", "es", "en")}
        who.add("cup")
        found.cart = read(who.get("/cart?lang=en").text)
        who.pay(who.buy())
        shop.append([]).result()
    shop.catch_up()
    with shop.db.read() as conn:
        number = conn.exec_driver_sql("SELECT id FROM orders").scalar()
    state = shop.orders.state(f"order:{number}")
    assert state is not None
    found.placed = {"total": state["total"], "shipping": state["shipping"]["paid"]}
    for line in (*state["lines"].values(), state["shipping"]):
        for rule, amount in line["discounts"]:
            found.shares[rule] = found.shares.get(rule, 0) + amount
    found.gifts = [(x["sku"], x["gift"]) for x in state["lines"].values() if x.get("gift")]
    found.before = read(play.owner.get("/console/promotions?lang=en").text)
    for units in ({"unshipped.2": "1", "gifts": "leave"}, {"unshipped.1": "2", "shipping": "yes", "gifts": "leave"}):
        path = f"/console/orders/{number}"
        asked = {"why": "changed_mind", **units}
        looked = play.owner.post(f"{path}/refund", asked).text
        most = re.search(r'name="most" value="(\d+)"', looked)
        assert most is not None, read(looked)
        given = play.owner.post(f"{path}/refund", asked | {"sure": "yes", "most": most[1]})
        assert given.status_code == 303, read(given.text)
        after = shop.orders.state(f"order:{number}")
        assert after is not None
        found.back.append(after["refunded"] - sum(found.back))
    shop.catch_up()
    found.after = read(play.owner.get("/console/promotions?lang=en").text)
    tin = re.search(r"/console/promotions/one\?rule=([\w-]*tin[\w-]*)", play.owner.get("/console/promotions").text)
    assert tin is not None
    found.page = read(play.owner.get(f"/console/promotions/one?rule={tin[1]}&lang=en").text)
    found.report = play.owner.get("/console/report?period=7d&lang=en").text
    return found


GOODS = 2 * TEA + CUP
CUPS_SHARE = round(3_000 * CUP / GOODS)


def kept(o: Outcome) -> bool:
    """What was short, what was saved, and what went back, to the cent."""
    return (
        "再买 ¥20.00 就减¥30.00" in o.short["zh"]
        and "CN¥20.00 more for CN¥30.00 off" in o.short["en"]
        and "20,00 CNY más y 30,00 CNY menos" in o.short["es"].replace("\xa0", " ")
        and "30 off 199 −CN¥30.00" in o.cart
        and "Tea tin" in o.cart
        and o.placed == {"total": GOODS - 3_000, "shipping": 0}
        and o.shares == {"scene/spend-and-save/1": 3_000, "scene/spend-and-save/2": POSTAGE}
        and o.gifts == [("tin", "spend-199-gift-tin")]
        and o.back == [CUP - CUPS_SHARE, GOODS - 3_000 - CUP + CUPS_SHARE]
        and figures(o.before) == ["30.00", "8.00"]
        and figures(o.after) == ["0.00", "0.00"]
        and "Orders with it 1 of 500" in o.page
        and "A tin for you" in read(o.report)
        and o.report.count('<a href="#scene-spend-and-save"') >= 2
    )


def figures(page: str) -> list[str]:
    """What the scene's two offers have given, each in one order, as the list of promotions says."""
    return re.findall(r"live Sep 28, 2026 – Oct 4, 2026 1 CN¥([\d.]+)", page.split("Offers of scenes")[1])


PROMISES = {"O1": kept}


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == [], found


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "spend-and-save" in r.playbooks}
    assert named == set(PROMISES)
    assert all(TEST in capability_rows()[i].tests for i in named)
