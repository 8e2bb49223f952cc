"""Visits, paths and credits from the log, on both databases; the rules stand in docs/algorithms/attribution.md."""

from __future__ import annotations

import pytest

from fairday.demo import simulate
from fairday.insight.asked import Asked
from fairday.insight.sources import GROUPS, MODELS, lines, sources
from fairday.kernel.clock import DAY_MS, local_day
from fairday.people import identity
from fairday.storage.log import Happening, append_happenings

HOUR = 3_600_000
WEIBO, BAIDU = "https://weibo.com/", "https://www.baidu.com/"


class Teller:
    """Writes what people did into a shop's log, by days before its clock."""

    def __init__(self, shop):
        self.shop = shop
        self.made = []

    def _tell(self, who, days, kind, name="", source="server:till", **body):
        at = self.shop.clock.now() - round(days * DAY_MS)
        self.made.append(Happening(message_id=f"m{len(self.made)}", kind=kind, name=name, at=at, received=at,
                                   source=source, ids=(("user_id", who),), body=body))  # fmt: skip

    def visit(self, who, days, referrer="", source="browser:shop", **context):
        self._tell(who, days, "page", source=source,
                   context={"page": {"url": "https://shop.example/", "referrer": referrer}, **context})  # fmt: skip

    def mail(self, who, days):
        self._tell(who, days, "track", "Email Link Clicked", properties={"scene": "spring"})

    def order(self, who, days, total, name="Order Completed", **properties):
        self._tell(
            who, days, "track", name, properties={"total": total, "order_id": f"o{len(self.made)}", **properties}
        )

    def asked(self, days=28, back=0):
        with self.shop.db.write() as conn:
            append_happenings(conn, self.made)
        self.shop.catch_up()
        today = local_day(self.shop.clock.now(), self.shop.settings.zone)
        with self.shop.db.read() as conn:
            question = Asked("revenue", today - back - days + 1, today - back)
            return sources(conn, self.shop.settings, question, self.shop.clock.now())


@pytest.fixture
def tell(shop):
    return Teller(shop)


def by_channel(found, model, what="revenue"):
    (one,) = [m for m in found.models if m.model == model]
    credits = zip(found.rows, getattr(one, what), strict=True)
    return {row.channel: credit for row, credit in credits if credit}


def test_an_order_is_shared_by_the_visits_before_it(tell):
    tell.visit("li", 9, WEIBO)
    tell.visit("li", 5, BAIDU)
    tell.mail("li", 2)
    tell.visit("li", 1)
    tell.order("li", 0.5, 100.01)
    found = tell.asked()
    assert (found.orders, found.revenue, found.unknown_orders, found.nulls) == (1, 10_001, 0, 0)
    assert [row.channel for row in found.rows] == ["email", "search", "social", "direct"]
    assert by_channel(found, "first") == {"social": 10_001}
    assert by_channel(found, "last") == {"direct": 10_001}
    assert by_channel(found, "last_non_direct") == {"email": 10_001}
    assert by_channel(found, "linear") == {"email": 2501, "search": 2500, "social": 2500, "direct": 2500}
    assert by_channel(found, "position") == {"social": 4001, "search": 1000, "email": 1000, "direct": 4000}
    assert set(by_channel(found, "markov1").values()) == {2500, 2501}
    decay = by_channel(found, "time_decay", "orders")
    assert decay["direct"] / decay["search"] == pytest.approx(2 ** (4 / 7))
    assert [one.model for one in found.models] == list(MODELS)


def test_pages_of_one_visit_are_one_touch(tell):
    tell.mail("li", 2)
    tell.visit("li", 2 - 10 / 1440)  # direct, ten minutes on: the page behind the mail
    tell.visit("li", 2 - 35 / 1440)
    tell.visit("li", 1, WEIBO)
    tell.visit("li", 1 - 20 / 1440, WEIBO)
    tell.visit("li", 1 - 25 / 1440, BAIDU)  # another channel is another visit
    tell.visit("li", 1 - 60 / 1440, BAIDU)  # and so is the same after half an hour
    tell.order("li", 0.5, 80)
    found = tell.asked()
    assert {row.channel: row.visits for row in found.rows} == {"email": 1, "social": 1, "search": 2}
    assert by_channel(found, "linear") == {"email": 2000, "social": 2000, "search": 4000}


def test_a_visit_counts_for_one_order_and_not_beyond_the_lookback(tell):
    tell.visit("li", 50, WEIBO)
    tell.visit("li", 20, BAIDU)
    tell.order("li", 15, 10)
    tell.order("li", 10, 20)  # nobody came for it
    tell.mail("li", 5)
    tell.order("li", 1, 40)
    tell.order("wang", 1, 80)  # nor for this one
    found = tell.asked(60)
    assert by_channel(found, "linear") == {"search": 1000, "email": 4000}
    assert (found.orders, found.unknown_orders, found.unknown_revenue) == (2, 2, 10_000)
    tell.shop.change_settings(lookback=45)
    assert by_channel(tell.asked(60), "first") == {"social": 1000, "email": 4000}


def test_the_period_holds_its_orders_and_those_who_came_and_did_not_order(tell):
    tell.visit("li", 35, WEIBO)
    tell.order("li", 34, 10)  # before the period: it ends that path
    tell.visit("li", 30, BAIDU)
    tell.order("li", 25, 20)
    tell.visit("wang", 3, WEIBO)
    tell.visit("zhao", 60, WEIBO)  # long ago
    tell.visit("sun", 20, BAIDU)
    tell.order("sun", 19, 5)
    tell.mail("sun", 2)
    found = tell.asked(28)
    assert by_channel(found, "linear") == {"search": 2500}
    assert (found.orders, found.nulls, found.p_conv) == (2, 2, 0.5)
    assert {row.channel: (row.visits, row.people) for row in found.rows} == {
        "social": (1, 1), "search": (1, 1), "email": (1, 1),
    }  # fmt: skip
    earlier = tell.asked(28, back=28)
    assert by_channel(earlier, "first") == {"social": 1000}


def test_totals_are_the_same_to_the_cent_under_every_model(tell):
    for i in range(40):
        for j in range(i % 5):
            tell.visit(f"p{i}", 9 - j, (WEIBO, BAIDU, "", "https://blog.example/")[(i * j + j) % 4])
        tell.order(f"p{i}", 0.5, 7.77 + i)
    found = tell.asked()
    assert found.orders == 32
    assert not found.few
    for one in found.models:
        assert sum(one.revenue) == found.revenue
        assert sum(one.orders) == pytest.approx(found.orders)
    for _, shares in found.picture():
        assert len(shares) == len(GROUPS)
        assert sum(shares) == pytest.approx(1)
    told = "\n".join(lines(found))
    assert "32 orders" in told
    assert "8 orders" in told


def test_what_is_added_to_an_order_belongs_to_it(tell):
    tell.visit("li", 3, WEIBO)
    tell.order("li", 2, 10, order_id="A")
    tell.order("li", 2, 5, name="Order Updated", order_id="A")
    tell.made[-1] = Happening(**{**{f: getattr(tell.made[-1], f) for f in tell.made[-1].__struct_fields__},
                                 "source": "import:x"})  # fmt: skip
    tell.order("li", 1, 99, currency="USD")  # not the shop's currency: an order whose money is not added up
    tell.order("li", 1, 7, name="Order Refunded", order_id="A")
    found = tell.asked()
    assert by_channel(found, "first") == {"social": 1500}
    assert (found.unknown_orders, found.unknown_revenue) == (1, 0)


def test_joining_and_splitting_people_moves_their_visits(shop, tell):
    tell.visit("li", 3, WEIBO)
    tell.order("wang", 1, 10)
    assert tell.asked().orders == 0
    made = []
    with shop.db.read() as conn:
        made.append(identity.merge(conn, "user_id:li", "user_id:wang", shop.settings.identity, shop.clock.now(), "j"))
    shop.append(made).result()
    assert by_channel(tell.asked(), "last") == {"social": 1000}
    with shop.db.read() as conn:
        made.append(identity.undo_merge(conn, "j", shop.clock.now(), "u"))
    shop.append(made[1:]).result()
    assert tell.asked().orders == 0


def test_an_erased_person_leaves_no_visit_and_a_rebuild_gives_the_same(shop, tell):
    for who in ("li", "wang"):
        tell.visit(who, 3, WEIBO)
        tell.order(who, 1, 10)
    assert tell.asked().orders == 2
    if shop.db.is_sqlite:  # the marks of the columns are the same on both; a whole erasure on PostgreSQL takes a while
        shop.erase("user_id:li")
        assert (tell.asked().orders, tell.asked().rows[0].visits) == (1, 1)
    before = tell.asked()
    shop.followers.rebuild("touches")
    assert tell.asked() == before


def test_nothing_known_is_said_plainly(tell):
    found = tell.asked()
    assert (found.orders, found.models, found.rows, found.p_conv) == (0, [], [], None)
    assert found.picture() == []
    assert "No order" in lines(found)[1]
    tell.visit("li", 1, WEIBO)
    assert tell.asked().p_conv == 0
    tell.order("li", 0.5, 0)
    free = tell.asked()
    assert (free.orders, free.revenue) == (1, 0)
    assert by_channel(free, "first") == {}
    assert dict(free.picture())["first"][GROUPS.index("social")] == 1.0


def test_simulated_visits_are_counted_as_such_and_bring_every_group(shop, tell):
    for i in range(60):
        tell.order(f"p{i}", 2, 10)
    tell.asked()
    with shop.db.read() as conn:
        made = list(simulate.visits(conn, shop.settings, shop.clock.now()))
    assert {h.source for h in made} == {"simulated"}
    shop.append(made).result()
    found = tell.asked(90)
    assert found.simulated == sum(row.visits for row in found.rows) > 40
    assert found.orders >= 20
    assert {"email", "search", "social", "direct"} <= {row.channel for row in found.rows}
    assert "SIMULATED" in "\n".join(lines(found))


def test_a_guests_order_follows_the_visits_of_the_device_that_placed_it(tell):
    shop, device, address = tell.shop, ("anonymous_id", "d1"), ("email", "li@example.com")
    tell.visit("wang", 2, BAIDU)
    now = shop.clock.now()
    seen = {"context": {"page": {"url": "https://shop.example/", "referrer": WEIBO}}}
    tell.made += [
        Happening(message_id="seen", kind="page", name="", at=now - DAY_MS, received=now, source="browser:shop",
                  ids=(device,), body=seen),
        Happening(message_id="placed-1", kind="track", name="Payment Info Entered", at=now - HOUR, received=now,
                  source="fairday", ids=(device,), body={"properties": {"order_id": "o1"}}),
        Happening(message_id="told", kind="track", name="Order Completed", at=now - HOUR, received=now,
                  source="fairday", ids=(address,),
                  body={"properties": {"order_id": "o1", "total": 88.01, "placed_in": "placed-1"}}),
        Happening(message_id="back", kind="track", name="Order Refunded", at=now, received=now, source="fairday",
                  ids=(address,), body={"properties": {"order_id": "o1", "total": 8}}),
    ]  # fmt: skip
    found = tell.asked()
    assert (found.orders, found.revenue, found.unknown_orders, found.unknown_revenue) == (1, 8801, 0, 0)
    assert by_channel(found, "last") == {"social": 8801}
    assert found.nulls == 1, "who came and did not order"
    with shop.db.read() as conn:
        assert identity.person_of(conn, *device) != identity.person_of(conn, *address)
