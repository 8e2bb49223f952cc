"""The playbook ``b2b-contract`` through its doors: contract prices, prices that clash and are mended, an
approval, a quote, credit, a statement."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

import fairday
from companydesk import joined, opened, order_list, shelf
from fairday.kernel.clock import ManualClock
from fairday.playbooks import rows as capability_rows
from fairday.web.console.prices import TERMS
from playing import Play
from webdesk import Client

NOW = 1_812_592_800_000
TEST = "tests/playbooks/test_b2b_contract.py"


@dataclass
class Outcome:
    stopped: str = ""
    approved: bool = False
    contract: str = ""
    quoted: str = ""
    owed: str = ""
    settled: str = ""
    sent_unpaid: bool = False
    meets: bool = False
    clash: list[bool] = field(default_factory=list)


def _price(page: str) -> str:
    found = re.search(r'<dd class="all" data-raw>([^<]+)</dd>', page)
    return found[1] if found else ""


def _order(client: Client, made: str) -> str:
    """Order a list; the number of the order, or what the page says."""
    answer = order_list(client, made)
    return answer.headers.get("location", answer.text)


def mended(owner: Client) -> list[bool]:
    """The tills' list asks twice what the shop does online: told in Today, and mended from there. The contract's lower
    price is meant so, and clashes with nothing."""
    owner.get("/console/prices")
    terms = {"list": "tills", "title": "At the tills", "currency": "CNY", "channel": "store", "priority": "0"}
    assert owner.post("/console/prices", dict.fromkeys(TERMS, "") | terms).status_code == 303
    assert owner.post("/console/prices/tills/set", {"csv": "sku,min_qty,price\nCUP,1,20.00\n"}).status_code == 303
    today = owner.get("/console/morning?lang=en").text
    page = owner.get("/console/prices/clashes?lang=en").text
    link = "/console/prices?list=tills"
    told = [
        "1 price clashes" in today and link in today,
        "our own prices differ" in page and "100%" in page and "CN¥20.00" in page and "Acme 2026" not in page,
    ]
    owner.get(link)
    assert owner.post("/console/prices/tills/set", {"csv": "sku,min_qty,price\nCUP,1,10.20\n"}).status_code == 303
    after = owner.get("/console/prices/clashes?lang=en").text
    return [*told, "No prices clash" in after, link not in owner.get("/console/morning?lang=en").text]


def run(shop: fairday.Shop, clock: ManualClock, without: str = "") -> Outcome:
    play, found = Play(shop, clock, NOW), Outcome()
    shelf(shop, contract=without != "G2")
    shop.staging.forget()
    owner = play.owner
    opened(shop, owner)
    if without == "T2":
        # As in a shop for people alone: nobody has a company's account, limit or credit.
        def nobody(account: str) -> None:
            return None

        shop.companies.member = nobody  # type: ignore[method-assign,assignment]
        client = Client(shop)
        found.stopped = client.get("/company?lang=en").text
        return found
    if without != "G2":
        found.clash = mended(owner)
    buyer = joined(shop, owner, "buyer@acme.example", "buyer", "300.00")
    boss = joined(shop, owner, "boss@acme.example", "approver")
    play.start("b2b-contract")
    found.meets = bool(shop.choose("email:buyer@acme.example", "page").shown)

    # Fifty mugs at the contract's price of fifty, above the buyer's limit: the boss approves it, the buyer orders.
    made = buyer.post("/company/lists", {"goods": "MUG,50", "go": "list"}).headers["location"]
    found.contract = _price(buyer.get(f"{made}?lang=en").text)
    found.stopped = order_list(buyer, f"{made}").text
    assert buyer.post(f"{made}/submit", {"country": "CN"}).status_code == 200
    page = boss.get("/company").text
    assert made in page
    total = re.search(r'name="total" value="(\d+)"', boss.get(made).text)
    assert total is not None
    assert boss.post(f"{made}/approve", {"total": total[1]}).headers["location"] == "/company"
    first = _order(buyer, made)
    found.approved = first.startswith("/order/")

    # A quote: asked for, offered in the console, countered, offered again, accepted and ordered at its price.
    asked = buyer.post("/company/lists", {"goods": "CUP 20", "go": "quote"}).headers["location"]
    desk = f"/console/quotes/{asked.rpartition('/')[2]}"
    owner.get(desk)
    assert owner.post(f"{desk}/offer", {"version": "1", "unit.0": "9.50", "days": "7"}).status_code == 303
    assert buyer.post(f"{asked}/counter", {"version": "2", "unit.0": "8.80"}).status_code == 303
    assert owner.post(f"{desk}/offer", {"version": "3", "unit.0": "9.00", "days": "7"}).status_code == 303
    wanted = buyer.post(f"{asked}/accept", {"version": "4"}).headers["location"]
    found.quoted = _price(buyer.get(f"{wanted}?lang=en").text)
    assert _order(buyer, wanted).startswith("/order/")

    # Both are sent on account; the first is paid by a transfer, and the statement says what is left.
    found.owed = _price(buyer.get("/company/statement?lang=en").text)
    orders = [x["id"] for x in shop.companies.listed("company_orders", "acme")]
    for order in orders:
        state = shop.orders.state(f"order:{order}")
        assert state is not None
        sent = owner.post(f"/console/orders/{order}/ship", {"carrier": "sf", "tracking": "", "parcel": order,
                                                           "units.1": str(state["lines"]["1"]["qty"])})  # fmt: skip
        found.sent_unpaid = sent.status_code == 303 and state["paid_at"] is None
    owner.get("/console/companies/acme")
    paid = {"order": f"order:{made.rpartition('/')[2]}", "reference": "BANK-77"}
    assert owner.post("/console/companies/acme/transfer", paid).status_code == 303
    found.settled = _price(buyer.get("/company/statement?lang=en").text)
    return found


PROMISES = {
    # What is above a limit is approved; a quote is ordered at its price; on account, within credit, to the cent.
    "T2": lambda o: (
        "above your limit" in o.stopped and o.approved and o.quoted == "CN¥180.00" and o.sent_unpaid
        and o.settled == "CN¥180.00"
    ),
    # A company pays its contract's price for fifty, which nobody else pays; prices for everybody that lie apart are
    # told and mended.
    "G2": lambda o: o.contract == "CN¥400.00" and o.owed == "CN¥580.00" and o.clash == [True] * 4,
}  # fmt: skip


def test_it_runs_from_end_to_end(shop: fairday.Shop, clock: ManualClock) -> None:
    found = run(shop, clock)
    assert [row for row, promise in PROMISES.items() if not promise(found)] == [], found
    assert found.meets


@pytest.mark.parametrize("row", sorted(PROMISES))
def test_without_its_capability_a_row_breaks(row: str, lite: fairday.Shop, clock: ManualClock) -> None:
    assert not PROMISES[row](run(lite, clock, without=row))


def test_the_list_of_rows_names_this_test() -> None:
    named = {i for i, r in capability_rows().items() if "b2b-contract" in r.playbooks}
    assert named == set(PROMISES)
    assert all(TEST in capability_rows()[i].tests for i in named)
