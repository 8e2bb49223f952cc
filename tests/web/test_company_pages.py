"""The company area and its console: who sees what, quick order, approval, quotes; small pages in three languages."""

from __future__ import annotations

import re

import pytest

import fairday
from companydesk import TO, invitation, joined, opened, order_list, shelf, signed_in
from fairday.kernel.clock import ManualClock
from fairday.offers.model import Rule, ShippingOff
from fairday.reach import outbox
from fairday.storage.runner import stream_state
from fairday.trade.shipping.kept import save_rate
from fairday.trade.shipping.rates import Rate, Step
from webdesk import Client, hard_coded


@pytest.fixture
def owner(shop: fairday.Shop) -> Client:
    shelf(shop)
    client = Client(shop).sign_in()
    opened(shop, client)
    return client


def test_a_list_with_mistakes_is_told_line_by_line(shop: fairday.Shop, owner: Client) -> None:
    buyer = joined(shop, owner, "buyer@acme.example", "buyer", "100.00")
    page = buyer.post("/company/lists?lang=en", {"goods": "MUG 2\nNOPE 1\nCUP x", "go": "list"})
    assert page.status_code == 422
    assert "Line 2" in page.text
    assert "Line 3" in page.text
    answer = buyer.request("POST", "/company/lists", data={"go": "list"},
                           files={"file": ("goods.csv", "sku,qty\nMUG,50\nCUP,1\n")})  # fmt: skip
    page = buyer.get(answer.headers["location"] + "?lang=en")
    assert "¥410.00" in page.text
    assert "above your limit" in page.text
    assert len(page.content) < 30_000


def test_a_colleague_the_shop_never_met_joins_by_the_invitation(shop: fairday.Shop, owner: Client) -> None:
    admin, new = joined(shop, owner, "admin@acme.example", "admin"), Client(shop)
    join = invitation(admin.post("/company/members/invite", {"role": "buyer", "limit": ""}).text)
    asks = re.search(r'href="(/me\?to=[^"]+)"', new.get(join).text)
    assert asks is not None
    to = re.search(r'name="to" value="([^"]+)"', new.get(asks[1]).text)
    assert to is not None
    new.post("/me/link", {"email": "colleague@acme.example", "to": to[1]})
    with shop.db.read() as conn:
        texts = [m.text for m in outbox.page(conn, scene=outbox.SERVICE) if m.address == "colleague@acme.example"]
    link = re.search(r"/me/confirm/[\w.\-]+", texts[0])
    assert link is not None
    assert new.post(link[0]).headers["location"] == join
    assert new.post(join).headers["location"] == "/company"
    assert "Acme" in new.get("/company").text


def test_a_limit_finer_than_the_currency_is_refused_and_told(shop: fairday.Shop, owner: Client) -> None:
    admin = joined(shop, owner, "admin@acme.example", "admin")
    page = admin.post("/company/members/invite?lang=en", {"role": "buyer", "limit": "100.005"})
    assert page.status_code == 422
    assert "fewer decimals" in page.text
    assert admin.post("/company/members/invite", {"role": "buyer", "limit": "100.500"}).status_code == 200


def test_a_company_s_pages_are_nobody_else_s(shop: fairday.Shop, owner: Client) -> None:
    buyer = joined(shop, owner, "buyer@acme.example", "buyer")
    made = buyer.post("/company/lists", {"goods": "MUG 2", "go": "list"}).headers["location"]
    asked = buyer.post("/company/lists", {"goods": "MUG 2", "go": "quote"}).headers["location"]
    stranger = signed_in(shop, "other@example.com")
    for client in (stranger, Client(shop)):
        assert "Acme" not in client.get("/company").text
        for path in (made, asked, "/company/statement"):
            assert client.get(path).status_code == 404
        for path in (
            f"{made}/order",
            f"{made}/approve",
            f"{asked}/accept",
            "/company/lists",
            "/company/members/invite",
        ):
            assert client.post(path, {"goods": "MUG 1", "role": "admin", "total": "1"}).status_code == 404
    assert stranger.post("/company/join/acme.guess").status_code == 409
    assert buyer.post("/company/members/invite", {"role": "admin"}).status_code == 409
    other = buyer.request("POST", "/company/lists", data={"goods": "MUG 1"}, headers={"origin": "http://evil.example"})
    assert other.status_code == 403


def test_prices_and_versions_of_a_form_are_never_believed(shop: fairday.Shop, owner: Client) -> None:
    buyer = joined(shop, owner, "buyer@acme.example", "buyer")
    made = buyer.post("/company/lists", {"goods": "MUG 2", "go": "list"}).headers["location"]
    seen = '{"lines":{"1":["MUG",2,2]},"shipping":null,"total":2}'
    assert order_list(buyer, made, seen=seen).status_code == 409
    asked = buyer.post("/company/lists", {"goods": "MUG 2", "go": "quote"}).headers["location"]
    number = asked.rpartition("/")[2]
    assert buyer.post(f"{asked}/accept").status_code == 409
    for said in ({"version": "1", "unit.0": "1"}, {"version": "9", "unit.0": "1"}, {"version": "x", "unit.0": "-1"}):
        assert buyer.post(f"{asked}/counter", said).status_code == 409
    assert (
        owner.post(f"/console/quotes/{number}/offer", {"version": "1", "unit.0": "0", "days": "3"}).status_code == 409
    )
    assert (
        owner.post(f"/console/quotes/{number}/offer", {"version": "1", "unit.0": "5", "days": "0"}).status_code == 409
    )
    assert (
        owner.post(f"/console/quotes/{number}/offer", {"version": "1", "unit.0": "5", "days": "3"}).status_code == 303
    )
    assert buyer.post(f"{asked}/counter", {"version": "2", "unit.0": "much"}).status_code == 422


def test_an_admin_invites_colleagues_and_lets_them_go(shop: fairday.Shop, owner: Client) -> None:
    admin = joined(shop, owner, "admin@acme.example", "admin")
    page = admin.post("/company/members/invite", {"role": "buyer", "limit": "50"})
    path = invitation(page.text)
    new = signed_in(shop, "new@acme.example")
    assert new.get(path).status_code == 200
    assert new.post(path).headers["location"] == "/company"
    assert signed_in(shop, "late@acme.example").post(path).status_code == 409
    page = admin.get("/company").text
    assert "new@acme.example" in page
    account = re.search(r'name="account" value="([^"]+)"', page)
    assert account is not None
    assert admin.post("/company/members/remove", {"account": account[1]}).status_code == 303
    assert "Acme" not in new.get("/company").text


def test_every_page_speaks_every_language_and_stays_small(shop: fairday.Shop, owner: Client) -> None:
    buyer = joined(shop, owner, "buyer@acme.example", "admin")
    made = buyer.post("/company/lists", {"goods": "MUG 2\nCUP 3", "go": "list"}).headers["location"]
    asked = buyer.post("/company/lists", {"goods": "MUG 2", "go": "quote"}).headers["location"]
    again = buyer.post("/company/lists", {"goods": "CUP 3", "go": "list"}).headers["location"]
    assert order_list(buyer, again).headers["location"].startswith("/order/")
    pseudo = Client(shop, pseudo=True)
    pseudo.cookies = dict(buyer.cookies)
    join = invitation(buyer.post("/company/members/invite", {"role": "buyer", "limit": ""}).text)
    for path in ("/company", made, asked, "/company/statement", join):
        page = pseudo.get(f"{path}?lang=xx")
        assert page.status_code == 200
        assert len(page.content) < 30_000
        assert hard_coded(page.text) == [], path
    desk = Client(shop, pseudo=True)
    desk.cookies = dict(owner.cookies)
    quote = f"/console/quotes/{asked.rpartition('/')[2]}"
    for path in ("/console/companies", "/console/companies/acme", quote):
        page = desk.get(f"{path}?lang=xx")
        assert page.status_code == 200
        assert hard_coded(page.text) == [], path
    assert owner.get("/console/companies/none").status_code == 404
    assert owner.get("/console/quotes/none").status_code == 404
    assert owner.post("/console/companies/acme/transfer", {"order": "order:x", "reference": "1"}).status_code == 404
    bad = owner.post("/console/companies", {"company": "acme", "name": "x", "tax_number": ""})
    assert bad.status_code == 409
    assert TO["street"] in buyer.get(order_list(buyer, made).headers["location"]).text


def test_a_companys_buyer_sees_its_price_beside_everybodys_and_puts_goods_on_its_list(
    shop: fairday.Shop, owner: Client
) -> None:
    buyer, stranger = joined(shop, owner, "buyer@acme.example", "buyer"), Client(shop)
    shop.search.refresh()
    for path in ("/search?q=mug&lang=en", "/goods/MUG?lang=en", "/feed?lang=en"):
        assert "Company price CN¥9.00" in buyer.get(path).text, path
        assert "Company price" not in stranger.get(path).text, path
    page = buyer.get("/goods/MUG?lang=en").text
    assert "CN¥8.00" in page  # from 50 pieces
    assert "CN¥10.00" in page  # what a person pays, in their own cart
    assert "Company price" not in buyer.get("/search?q=cup&lang=en").text  # the same for everybody
    lists = [buyer.post("/company/put", {"sku": sku, "qty": "2"}).headers["location"] for sku in ("MUG", "CUP", "MUG")]
    assert len(set(lists)) == 1
    number = lists[0].rpartition("/")[2]
    with shop.db.read() as conn:
        found = stream_state(conn, f"requisition:{number}")
    assert found is not None
    assert found[1]["lines"] == [["MUG", 4], ["CUP", 2]]
    assert buyer.post("/company/put", {"sku": "MUG", "qty": "-1"}).status_code in (409, 422)
    assert stranger.post("/company/put", {"sku": "MUG", "qty": "1"}).status_code == 404


def test_both_sides_take_the_statement_home_and_see_what_will_likely_be_needed(
    shop: fairday.Shop, owner: Client, clock: ManualClock
) -> None:
    buyer = joined(shop, owner, "buyer@acme.example", "buyer", "900.00")
    for _ in range(2):
        path = buyer.post("/company/lists", {"goods": "MUG 2", "go": "list"}).headers["location"]
        assert order_list(buyer, path).status_code == 303
        clock.at += 4 * 3_600_000  # the second is ordered on the day after
    for client, path in ((buyer, "/company"), (owner, "/console/companies/acme")):
        sheet = client.get(f"{path}/statement.csv?lang=en")
        assert sheet.headers["content-type"].startswith("text/csv")
        lines = sheet.content.decode("utf-8-sig").splitlines()
        assert lines[0] == "date,entry,number,order,due,amount,balance,currency"
        assert len(lines) == 3
        assert lines[2].endswith("18.00,36.00,CNY")
        for language in ("zh", "es"):
            paper = client.get(f"{path}/statement.pdf?lang={language}")
            assert paper.content.startswith(b"%PDF")
            assert "attachment" in paper.headers["content-disposition"]
        assert client.get(f"{path}/statement.xls").status_code == 404
        for days in ("30", "90", "x"):
            page = client.get(f"{path}/needs?days={days}&lang=en")
            assert page.status_code == 200
            assert "2 orders, 4 pieces" in page.text
    stranger = signed_in(shop, "eve@example.com")
    for path in ("/company/statement.csv", "/company/needs"):
        assert stranger.get(path).status_code == 404
    assert owner.get("/console/companies/none/statement.csv").status_code == 404
    assert Client(shop).get("/company/statement.pdf").status_code == 404


def test_approvers_are_written_once_that_a_list_waits_and_its_buyer_once_how_it_was_answered(
    shop: fairday.Shop, owner: Client
) -> None:
    shop.change_settings(language="en")
    buyer = joined(shop, owner, "buyer@acme.example", "buyer", "10.00")
    approver = joined(shop, owner, "boss@acme.example", "approver")
    joined(shop, owner, "other@acme.example", "buyer", "10.00")

    def mails() -> list[tuple[str, str]]:
        shop.catch_up()
        shop.catch_up()
        with shop.db.read() as conn:
            return [(m.address, m.subject) for m in outbox.page(conn, scene=outbox.ORDER)][::-1]

    path = buyer.post("/company/lists", {"goods": "MUG 2", "go": "list"}).headers["location"]
    assert mails() == []
    assert buyer.post(f"{path}/submit", TO).status_code == 200
    waits = ("boss@acme.example", "Acme Ltd: a list of CN¥18.00 waits for you")
    assert mails() == [waits]
    assert mails() == [waits]
    shop.followers.rebuild("approval-mails")
    assert mails() == [waits]
    with shop.db.read() as conn:
        message = outbox.page(conn, scene=outbox.ORDER)[0]
    assert path in message.text
    assert "buyer@acme.example" in message.text
    assert approver.post(f"{path}/approve", {"total": "1800"}).status_code == 303
    told = mails()
    assert told == [waits, ("buyer@acme.example", "Your list of CN¥18.00 is approved")]
    shop.clock.move(3 * 86_400_000)
    assert mails() == told


def test_a_lists_sum_adds_up_and_a_bad_phone_is_said_in_the_readers_language(shop: fairday.Shop, owner: Client) -> None:
    free = Rule(id="free", title={"en": "Free delivery"}, layer="shipping", benefits=(ShippingOff(),))
    with shop.db.write() as conn:
        shop.offers.save(conn, free, shop.clock.now())
        save_rate(conn, Rate(rate="home", service="standard", currency="CNY", steps=(Step(upto=0, price=1000),)))
    buyer = joined(shop, owner, "buyer@acme.example", "buyer")
    made = buyer.post("/company/lists", {"goods": "CUP 2", "go": "list"}).headers["location"]
    page = buyer.get(made + "?lang=en").text
    total = page.split('class="sum"')[1].split("</dl>")[0]
    assert re.findall(r"−?¥[\d.]+", total.replace("CN¥", "¥")) == ["¥20.00", "−¥10.00", "¥10.00", "¥20.00"]
    buyer.get("/company?lang=zh")
    answer = order_list(buyer, made, phone="12345")
    assert answer.status_code == 422
    assert "电话号码不对" in answer.text
    placed = order_list(buyer, made)
    order = buyer.get(placed.headers["location"] + "?lang=en").text
    assert re.search(r"On account · due \w+ \d+, \d+", order)
