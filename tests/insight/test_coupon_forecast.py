from __future__ import annotations

import pytest

import fairday
from couponing import account, open_batch, register, step, terms
from fairday.insight.coupon_forecast import Asked, asked_of, ended, kept
from fairday.kernel.audience import AudienceError
from fairday.kernel.clock import DAY_MS, iso, local_day
from fairday.kernel.errors import FairdayError
from fairday.people import accounts
from fairday.storage.log import Happening

N = 60


def said(id_: str, name: str, at: int, who: int, **properties) -> Happening:
    return Happening(message_id=id_, kind="track", name=name, at=at, received=at, source="till",
                     ids=(("user_id", f"u{who}"),), body={"properties": properties})  # fmt: skip


@pytest.fixture
def grocer(shop, clock) -> fairday.Shop:
    """Sixty people who buy tea or milk each week; three past campaigns that every third of them answered."""
    now, rows = clock.now(), []
    for who in range(N):
        for week in range(30):
            at = now - week * 7 * DAY_MS - who * 60_000
            line = {"product_id": "t", "category": ("tea", "milk")[who % 2], "price": 20, "quantity": 1}
            rows.append(said(f"o{who}-{week}", "Order Completed", at, who, order_id=f"{who}-{week}", total=20,
                             products=[line]))  # fmt: skip
        for n in range(3):
            began = now - (100 - 30 * n) * DAY_MS
            day, end = iso(began)[:10], iso(began + 20 * DAY_MS)[:10]
            rows.append(said(f"t{who}-{n}", "Campaign Targeted", began, who, campaign_id=str(n), campaign_type="flyer",
                             starts=day, ends=end))  # fmt: skip
            if who % 3 == 0:
                rows.append(said(f"r{who}-{n}", "Coupon Redeemed", began + DAY_MS, who, campaign_id=str(n)))
    shop.append(sorted(rows, key=lambda h: h.at)).result()
    shop.catch_up()
    return shop


def test_a_forecast_stands_on_what_past_campaigns_brought(grocer):
    found = grocer.coupon_forecasts.foresee(Asked(days=20, kind="flyer", discount=500, margin=30, size=1000))
    assert (found.forecast.people, found.forecast.campaigns, found.kinds) == (N, 3, {"flyer": 3})
    r = found.forecast.redemptions
    assert r.low80 <= 20 <= r.high80
    assert 10 <= r.expected <= 32
    assert found.forecast.revenue.expected > found.forecast.anyway.expected > 0
    # Nobody bought more because of the coupons: most of it would have come anyway.
    assert found.forecast.anyway.expected > 0.5 * found.forecast.revenue.expected
    assert grocer.coupon_forecasts.kinds() == {"flyer": 3}


def test_it_knows_limits_audiences_and_goods(grocer):
    ask = grocer.coupon_forecasts.foresee
    few = ask(Asked(days=20, kind="flyer", discount=500, margin=30, size=5)).forecast
    assert few.redemptions.high95 <= 5
    nobody = ask(Asked(who="orders(90d) >= 1000", days=20, discount=500, margin=30, size=5)).forecast
    assert (nobody.people, nobody.redemptions.high95) == (0, 0)
    tea = ask(Asked(who="bought('category', 'tea', 90d) >= 1", days=20, categories=("tea",), kind="flyer",
                    discount=500, margin=30, size=1000)).forecast  # fmt: skip
    milk = ask(Asked(who="bought('category', 'tea', 90d) >= 1", days=20, categories=("milk",), kind="flyer",
                     discount=500, margin=30, size=1000)).forecast  # fmt: skip
    assert tea.people == milk.people == N // 2
    assert tea.anyway.expected > 5 * milk.anyway.expected


@pytest.mark.parametrize(
    "changes",
    [{"days": 0}, {"discount": -1}, {"margin": 101}, {"size": 0}, {"per_person": 99}, {"categories": ("x",) * 51}],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(shop, changes):
    asked = {"days": 20, "discount": 500, "margin": 30, "size": 10} | changes
    with pytest.raises(FairdayError) as error:
        shop.coupon_forecasts.foresee(Asked(**asked))
    assert error.value.code == f"bad_coupon_{next(iter(changes))}"


def test_a_condition_that_is_none_is_refused_and_an_empty_shop_gets_a_wide_answer(shop):
    with pytest.raises(AudienceError):
        shop.coupon_forecasts.foresee(Asked(who="nonsense >", days=20, discount=500, margin=30, size=10))
    found = shop.coupon_forecasts.foresee(Asked(days=20, discount=500, margin=30, size=10))
    assert (found.forecast.campaigns, found.forecast.people) == (0, 0)


def test_our_own_batches_are_the_past_of_the_next(shop, clock):
    register(shop.runner)
    said_ = [said(f"i{n}", "Order Completed", clock.now(), n, order_id=f"o{n}", total=30) for n in range(4)]
    shop.append(said_).result()
    shop.catch_up()
    open_batch(shop, "spring", terms(clock.now(), closes=clock.now() + DAY_MS, until=clock.now() + 5 * DAY_MS))
    for n in range(4):
        held_by = account(shop, f"a{n}")
        with shop.db.write() as conn:
            accounts.attach(conn, held_by, "user_id", f"u{n}")
        claim = shop.coupons.enter("SPRING20", held_by).claim
        if n < 2:
            hold = shop.coupons.hold(claim, held_by, 100)
            for turn in ("place", "pay"):
                assert step(shop, str(n), turn, hold).ok
        if n == 1:
            assert step(shop, str(n), "refund", hold, final=True).ok
    shop.catch_up()
    shop.catch_up()
    clock.move(6 * DAY_MS)
    with shop.db.read() as conn:
        past = ended(conn, shop.settings.zone, local_day(clock.now(), shop.settings.zone))
        rows = conn.exec_driver_sql("SELECT reached, used FROM coupon_reached ORDER BY identifier").fetchall()
    assert [(name, kind) for name, kind, _, _ in past] == [("batch:spring", "claimed")]
    assert [tuple(r) for r in rows] == [(1, 1), (1, 0), (1, 0), (1, 0)]


def test_what_was_foreseen_is_kept_beside_the_batch(grocer, clock):
    given = terms(clock.now())
    asked = asked_of(given, clock.now(), who="", kind="flyer", categories=["tea"], discount=500, margin=30)
    assert (asked.days, asked.size, asked.per_person) == (20, 100, 1)
    found = grocer.coupon_forecasts.foresee(asked)
    with grocer.db.write() as conn:
        grocer.coupon_forecasts.keep(conn, "spring", found)
    with grocer.db.read() as conn:
        assert kept(conn, "spring") == (found.asked, found.forecast)
        assert kept(conn, "other") is None
    pack = terms(clock.now(), kind="share", deck=(("a", 3), ("b", 7)), size=5)
    assert asked_of(pack, clock.now(), who="", kind="", categories=[], discount=1, margin=1).size == 50
