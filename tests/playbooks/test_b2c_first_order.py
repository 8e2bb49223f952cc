"""The playbook ``b2c-first-order`` through its doors: met on the page, found and compared, bought in three taps, paid
by phone, sent."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from tantivy import Index

import fairday
from fairday.goods.search import SearchIndex
from fairday.goods.search.documents import schema
from fairday.kernel.clock import ManualClock
from fairday.kernel.settings import PaymentSettings
from fairday.playbooks import rows as capability_rows
from fairday.storage.ledger import balance
from fairday.trade import order as rules
from paying import ready, served
from playing import Play, customer, order
from shopping import Shopper

NOW = 1_790_593_200_000  # 2026-09-28 19:00 in Shanghai
TEST = "tests/playbooks/test_b2c_first_order.py"
GOODS = {"Tea": ["Oolong tea"], "Cups": ["Blue cup"]}
MORE = {"Cups": ["Blue glass cup", "Blue tea cup", "Blue travel cup", "Red cup", "White cup"], "Pots": ["Tea pot"]}
SEEN = "sku,place,price,date\nblue glass cup,El Bazar,18.50,2026-09-27\n"
PRICE = 2000
CUPS = 3


@dataclass
class Outcome:
    met: str = ""
    walk: list[list[str]] = field(default_factory=list)
    beside: str = ""
    elsewhere: str = ""
    stands: list[str] = field(default_factory=list)
    papers: bytes = b""
    late: int = 0
    short: str = ""
    left: int | None = None
    sales: int = 0
    told: int = 0
    wallets: list[int] = field(default_factory=list)
    buyers: int = 0
    shown: int = 0


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    """Two who never bought meet the scene and buy, one by each wallet; a third comes too late for the last cups."""
    play = Play(shop, clock, NOW)
    play.stock(GOODS)
    if without != "G3":
        shop.stock.count("blue cup", "main", CUPS)
    play.tell(*customer("old"), *[order("old", f"a{n}", 20, ("Tea", "Oolong tea"), ("Cups", "Blue cup"))
                                  for n in range(3)])  # fmt: skip
    play.stock(MORE)
    assert play.owner.get("/console/goods").status_code == 200
    assert play.owner.post("/console/goods/elsewhere", {"csv": SEEN}).status_code == 303
    scene = play.start("b2c-first-order", lambda text: text.replace("guard: {holdout: 20%}\n", ""))
    found = Outcome()
    ready(shop)
    if without == "G1":  # a shop whose goods nothing looks through
        nothing = SearchIndex(Index(schema()).searcher(), schema())
        vars(shop.search)["index"] = lambda: nothing
    if without == "T6":
        shop.change_settings(payments=PaymentSettings(sandbox="off"))
    with served(shop) as base:
        one, two, three = (Shopper(shop, base).sign_in(f"{n}@example.com") for n in ("li", "wang", "zhao"))
        found.met = one.get("/").text
        two.get("/")
        compared(two, found)
        if without == "T1":
            shop.orders.steps.modes.pop("b2c")
        for who, wallet, how in ((one, "wechat", "double"), (two, "alipay", "pay")):
            who.add("oolong tea").add("blue cup")
            if who.get("/checkout").status_code != 200:  # nothing here sells to people: there is no form to send
                return found
            placed = who.checkout(payment=wallet)
            number = re.search(r"/pay/(\w+)/go", placed.headers.get("location", ""))
            if number is not None and wallet in shop.payments.methods("CNY"):
                who.pay(number[1], how)
        three.add("blue cup", 2)
        late = three.checkout()
        found.late, found.short = late.status_code, late.text
        shop.append([]).result()
        with shop.db.read() as conn:
            numbers = list(conn.exec_driver_sql("SELECT id FROM orders ORDER BY placed_at, id").scalars())
        for number in numbers[:2]:
            page = play.owner.get(f"/console/orders/{number}").text
            parcel = re.search(r'name="parcel" value="(\w+)"', page)
            if parcel is not None:
                sent = {"units.1": "1", "units.2": "1", "carrier": "sf", "tracking": "SF1234567890123"}
                play.owner.post(f"/console/orders/{number}/ship", sent | {"parcel": parcel[1]})
        for who in (one, two) if numbers else ():
            who.post(f"{who.order()}/receive")
        for number in numbers[:2]:
            state = shop.orders.state(f"order:{number}")
            assert state is not None
            found.stands.append("received" if state["received_at"] is not None else rules.status(state))
        if numbers:
            found.papers = one.get(f"{one.order()}/receipt.pdf").content
    shop.catch_up()
    shop.catch_up()
    with shop.db.read() as conn:
        supply = shop.stock.available(conn, ["blue cup"]).get("blue cup")
        found.left = None if supply is None else supply.available
        found.sales = balance(conn, "sales", "CNY") + balance(conn, "sales:shipping", "CNY")
        found.wallets = [-balance(conn, f"receivable:{w}", "CNY") for w in ("wechat", "alipay")]
    report = shop.report()
    today = {f.metric: f.days[-1] for f in report.figures.figures}
    found.told = today["revenue"]
    found.buyers = today["new-buyers"]
    found.shown = next(s.shown for s in report.scenes if s.scene == scene)
    return found


def compared(who: Shopper, found: Outcome) -> None:
    """Search, narrow by a word and by a filter, put four side by side, and look at one that was seen elsewhere."""

    def goods(page: str) -> list[str]:
        wall = page.partition('class="wall"')[2].partition("</main>")[0]
        return sorted({unquote(n) for n in re.findall(r'href="/goods/([^"?]+)"', wall)})

    def follow(page: str, wanted: str) -> str:
        links = [html.unescape(x) for x in re.findall(r'href="(/search\?[^"]+)"', page)]
        link = next((x for x in links if wanted in x), None)
        return who.get(link).text if link is not None else ""

    cups = who.get("/search?q=cup").text
    blue = follow(cups, "q=cup+blue")
    tea = who.get("/search?q=tea").text
    found.walk = [goods(cups), goods(blue), goods(tea), goods(follow(tea, "c=Cups"))]
    for number in goods(blue):
        assert who.post("/compare", {"product": number, "keep": "yes"}).status_code == 303
    found.beside = who.get("/compare").text
    found.elsewhere = who.get("/goods/blue%20glass%20cup").text


BLUE = ["blue cup", "blue glass cup", "blue tea cup", "blue travel cup"]
PROMISES = {
    # A word and a filter narrow what is found; four stand side by side, and against what one costs elsewhere.
    "G1": lambda o: (
        o.walk == [[*BLUE, "red cup", "white cup"], BLUE, ["blue tea cup", "oolong tea", "tea pot"], ["blue tea cup"]]
        and o.beside.count('scope="col"') == 4 and all("El Bazar" in page and "18.50" in page
                                                       for page in (o.beside, o.elsewhere))
    ),
    # Met on the page, ordered, paid, sent and received; the report adds up to what the ledger holds, to the cent.
    "T1": lambda o: (
        "A good first order" in o.met and o.stands == ["received"] * 2 and o.papers.startswith(b"%PDF")
        and o.told == o.sales == 4 * PRICE and (o.buyers, o.shown) == (2, 2)
    ),
    # One stock: what two bought the third cannot, and is told what is left.
    "G3": lambda o: o.late == 409 and o.left == CUPS - 2,
    # Each wallet has brought its order once, the notice that came twice too.
    "T6": lambda o: o.wallets == [2 * PRICE, 2 * PRICE],
}  # fmt: skip


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == [], found


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "b2c-first-order" in r.playbooks}
    assert named == set(PROMISES)
    assert all(TEST in capability_rows()[i].tests for i in named)
