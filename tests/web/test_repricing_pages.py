"""Had this run last year, on the pages: of a promotion, of a batch of coupons."""

from __future__ import annotations

import pytest

import fairday
from couponing import open_batch, terms
from fairday.kernel.clock import to_date
from fairday.offers.model import AmountOff, Rule, When
from fairday.storage.log import Happening
from fairday.web import desk
from webdesk import Client

TEA = {"product_id": "oolong", "name": "Oolong <b>", "price": 68, "quantity": 1}


def sell(shop: fairday.Shop, orders: int = 20) -> None:
    now = shop.clock.now()
    rows = [
        Happening(
            message_id=f"sold{n}", kind="track", name="Order Completed", at=now - (n + 2) * 86_400_000, received=now,
            source="server:till", ids=(("user_id", f"buyer{n % 5}"),),
            body={"properties": {"order_id": f"sold{n}", "products": [TEA]}},
        )
        for n in range(orders)
    ]  # fmt: skip
    shop.append(rows).result()
    shop.catch_up()
    with shop.db.write() as conn:
        for rule, coupon in (("five", False), ("ten-off", True)):
            when, off = When(coupon=coupon), (AmountOff(amount=500),)
            made = Rule(id=rule, title={"en": "Some off", "zh": "立减"}, benefits=off, layer="order", when=when)
            shop.offers.save(conn, made, now)


def asked(shop: fairday.Shop, **changes: str) -> dict[str, str]:
    today = desk.today(shop)
    days = {"first": to_date(today - 30).isoformat(), "last": to_date(today - 1).isoformat()}
    return {**days, "margin": "40", "rule": "five", **changes}


def test_a_promotion_is_asked_of_last_years_carts(shop: fairday.Shop) -> None:
    sell(shop)
    owner = Client(shop).sign_in()
    assert "Price those carts" in owner.get("/console/reprice?rule=five&lang=en").text
    assert owner.post("/console/reprice", asked(shop)).headers["location"] == "/console/reprice?rule=five#repriced"
    shop.repricings.wait()
    page = owner.get("/console/reprice?rule=five&lang=en").text
    for said in ("of 20, 100%", "CN¥1,360.00", "CN¥100.00", "Oolong &lt;b&gt;", "The same people buy the same goods"):
        assert said in page, said
    with shop.db.write() as conn:
        shop.offers.save(conn, Rule(id="five", benefits=(AmountOff(amount=600),)), shop.clock.now())
    assert "It was changed since" in owner.get("/console/reprice?rule=five&lang=en").text
    for language in ("zh", "es"):
        assert owner.get(f"/console/reprice?rule=five&lang={language}").status_code == 200


def test_a_batch_of_coupons_is_asked_as_if_every_buyer_had_held_one(shop: fairday.Shop) -> None:
    sell(shop)
    open_batch(shop, "spring", terms(shop.clock.now(), size=4))
    owner = Client(shop).sign_in()
    assert "/console/reprice?batch=spring" in owner.get("/console/coupons/spring").text
    owner.post("/console/reprice", asked(shop, batch="spring", beside="yes"))
    shop.repricings.wait()
    page = owner.get("/console/reprice?batch=spring&lang=en").text
    assert "as if every buyer had held the coupon".casefold() in page.casefold()
    assert "of 20, 20%" in page, "there are four"
    assert "1 promotion of today" in page


@pytest.mark.parametrize(
    "changes", [{"margin": "101"}, {"margin": "x"}, {"first": "x"}, {"first": "2000-01-01"}, {"last": "1999-01-01"}]
)
def test_days_and_margins_that_make_no_sense_are_refused(shop: fairday.Shop, changes: dict[str, str]) -> None:
    sell(shop, 1)
    owner = Client(shop).sign_in()
    owner.get("/console/reprice?rule=five")
    refused = owner.post("/console/reprice?lang=en", asked(shop, **changes))
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text


def test_unknown_promotions_are_not_found_and_lookers_start_nothing(shop: fairday.Shop) -> None:
    sell(shop, 1)
    owner = Client(shop).sign_in()
    assert owner.get("/console/reprice?rule=nothing").status_code == 404
    assert owner.get("/console/reprice?batch=nothing").status_code == 404
    assert owner.get("/console/reprice").status_code == 404
    analyst = Client(shop).sign_in("analyst")
    analyst.get("/console/reprice?rule=five")
    assert analyst.post("/console/reprice", asked(shop)).status_code == 403
