"""Guests who never sign in: what they order counts in a scene's effect, in both arms, once, and to the cent."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

import fairday
from fairday.goods.catalogue import ProductRow, save_products
from fairday.insight.effects import SceneEffect
from fairday.kernel.clock import DAY_MS
from fairday.people import identity, privacy
from fairday.scenes import arms
from fairday.storage.log import Happening
from paying import ready, served
from shopping import Shopper
from webdesk import Client

SCENE = """\
scene: guest-tea
title: {zh: 客人也算, en: Guests too, es: También invitados}
when: always
what:
  floors:
    - title: {zh: 客人也算, en: Guests too, es: También invitados}
      goods: "category = 'tea'"
offer: {off: 5}
where: [page]
guard: {holdout: 50%}
goal: {metric: revenue, within: 7d}
"""
ARMS = ("treated", "holdout")


@pytest.fixture
def tea(shop: fairday.Shop) -> fairday.Shop:
    with shop.db.write() as conn:
        rows = [ProductRow(product=p, title=p.title(), category="tea", price=n, currency="CNY")
                for p, n in (("oolong", 6817), ("puer", 12803))]  # fmt: skip
        save_products(conn, rows, 1)
    shop.save_scene(SCENE)
    shop.move_scene("start", "guest-tea")
    return ready(shop)


class Guest(Shopper):
    """A guest whose browser may be remembered; nobody ever signs in on it."""

    def __init__(self, shop: fairday.Shop, base: str, n: int, path: str = "/") -> None:
        super().__init__(shop, base)
        self.email = f"guest-{n}@example.com"
        assert self.post("/consent", {"answer": "yes"}).status_code == 303
        self.device = str(self.web.cookies["fairday_id"])
        now = shop.clock.now()
        shop.append([Happening(message_id=self.device, kind="page", at=now, received=now, source="browser:storefront",
                               ids=(("anonymous_id", self.device),))])  # fmt: skip
        shop.append([]).result()
        shop.catch_up()
        self.met = self.get(path).text
        shop.append([]).result()
        self.arm = self.recorded()

    def recorded(self) -> str:
        """The arm that is recorded for the device, or ""."""
        query = text("SELECT a.arm FROM scene_arms a JOIN identifiers i ON i.id = a.identifier WHERE i.value = :v")
        with self.shop.db.read() as conn:
            return str(conn.execute(query, {"v": self.device}).scalar() or "")

    def orders(self, *skus: str) -> str:
        """Buy, pay by phone, and give the order's stream."""
        for sku in skus:
            self.add(sku)
        self.shop.clock.move(60_000)
        self.pay(self.buy(email=self.email))
        with self.shop.db.read() as conn:
            return "order:" + str(conn.execute(text("SELECT id FROM orders ORDER BY placed_at DESC LIMIT 1")).scalar())


def effect(shop: fairday.Shop) -> SceneEffect:
    shop.append([]).result()
    shop.catch_up()
    shop.catch_up()
    (found,) = shop.report().scenes
    return found


def nets(shop: fairday.Shop) -> tuple[int, int]:
    found = effect(shop)
    return found.treated.net, found.holdout.net


def kept(shop: fairday.Shop, *orders: str) -> int:
    """What orders say was paid and has not gone back."""
    states = [shop.orders.state(order) for order in orders]
    return sum(s["total"] - s["refunded"] for s in states if s is not None)


def revenue(shop: fairday.Shop) -> int:
    return int(shop.report().figures.of("revenue").now)


def owner(shop: fairday.Shop, kind: str, value: str) -> int | None:
    with shop.db.read() as conn:
        return identity.person_of(conn, kind, value)


def test_what_guests_order_counts_in_both_arms_and_what_goes_back_is_taken_off(tea):
    of: dict[str, list[str]] = {arm: [] for arm in ARMS}
    with served(tea) as base:
        guests = [Guest(tea, base, n) for n in range(4)]
        for guest in guests:
            guest.add("oolong")
            assert ("Guests too" in guest.met) == ("¥5.00" in guest.get("/cart").text) == (guest.arm == "treated")
            of[guest.arm].append(guest.orders("puer"))
    assert [len(of[arm]) for arm in ARMS] == [2, 2]
    desk = Client(tea).sign_in()
    for arm, orders in of.items():
        for order in orders:
            state = tea.orders.state(order)
            assert state is not None
            assert state["data"]["scenes"] == {"guest-tea": arm}
            page = desk.get(f"/console/orders/{order.partition(':')[2]}?lang=en").text
            assert 'href="/console/scenes/guest-tea"' in page
            assert ("held out, no offer" in page) == (arm == "holdout")
    found = effect(tea)
    for told, orders in ((found.treated, of["treated"]), (found.holdout, of["holdout"])):
        assert (told.people, told.buyers, told.orders, told.net) == (*[len(orders)] * 3, kept(tea, *orders))
    assert found.treated.net == found.holdout.net - 2 * 500
    assert found.treated.net + found.holdout.net == revenue(tea)
    assert found.categories is not None
    assert (found.categories.treated, found.categories.held) == (1, 1)
    assert found.views is not None

    one, three = of["treated"]
    two, four = of["holdout"]
    act = tea.orders.act
    assert act("order.refund", one, {"unshipped": {"1": 1}, "extra": 77, "why": "late"}, actor="x").ok
    assert act("order.cancel", two, {"why": "changed_mind"}, actor="x").ok
    assert act("order.ship", three, actor="x").ok
    seen = tea.exchanges.look(three, {"2": 1}, [("oolong", 1)]).seen
    into = tea.exchanges.make(three, f"{three}x", {"2": 1}, [("oolong", 1)], seen=seen, actor="x")
    tea.clock.move(DAY_MS)
    assert act("order.refund", four, {"extra": 1313, "why": "goodwill"}, actor="x").ok
    assert nets(tea) == (kept(tea, one, three, into), kept(tea, two, four))
    assert sum(nets(tea)) == revenue(tea)


def test_who_sees_an_offer_in_the_cart_alone_is_measured_from_then_on_in_both_arms(tea):
    """They came by a link to the goods and never saw the scene's page."""
    of: dict[str, list[str]] = {arm: [] for arm in ARMS}
    with served(tea) as base:
        for n in range(4):
            guest = Guest(tea, base, n, path="/goods/oolong")
            assert guest.recorded() == ""
            guest.add("oolong")
            cart = guest.get("/cart").text
            tea.append([]).result()
            guest.arm = guest.recorded()
            assert ("¥5.00" in cart) == (guest.arm == "treated")
            of[guest.arm].append(guest.orders())
    assert all(of.values()), of
    found = effect(tea)
    assert (found.treated.people, found.holdout.people) == tuple(len(of[arm]) for arm in ARMS)
    assert nets(tea) == tuple(kept(tea, *of[arm]) for arm in ARMS)
    assert sum(nets(tea)) == revenue(tea)
    assert (found.shown, found.withheld) == (0, 0)


def test_a_guest_who_signs_in_afterwards_counts_once(tea):
    with served(tea) as base:
        guest = Guest(tea, base, 1)
        order = guest.orders("oolong")
        before = nets(tea)
        assert before == (kept(tea, order), 0)
        guest.sign_in(guest.email)
        guest.get("/me")
    assert nets(tea) == before
    assert owner(tea, "email", guest.email) != owner(tea, "anonymous_id", guest.device), "a typed address joins nobody"
    # The merchant's own app says that the browser and the proved address are one person's.
    now = tea.clock.now()
    tea.append([Happening(message_id="login", kind="identify", at=now, received=now, source="server:app",
                          ids=(("user_id", "u1"), ("email", guest.email), ("anonymous_id", guest.device)),
                          body={"context": {"verified": ["email"]}})]).result()  # fmt: skip
    tea.catch_up()
    assert owner(tea, "email", guest.email) == owner(tea, "anonymous_id", guest.device)
    found = effect(tea)
    assert (found.treated.people, found.treated.orders, found.treated.net) == (1, 1, before[0])


def test_an_order_counts_by_the_arm_it_was_priced_by_and_a_mixed_guests_for_nobody(tea):
    with served(tea) as base:
        treated, held = Guest(tea, base, 1), Guest(tea, base, 2)
        assert (treated.arm, held.arm) == ARMS
        # Both addresses are people's whom the scene knows from elsewhere, and in the other arm.
        known = [Happening(message_id=g.email, kind="identify", at=1, received=1, source="server:till",
                           ids=(("email", g.email),)) for g in (treated, held)]  # fmt: skip
        tea.append(known).result()
        tea.catch_up()
        with tea.db.write() as conn:
            rows = conn.execute(text("SELECT value, id FROM identifiers WHERE type = 'email'")).all()
            number = {value: id_ for value, id_ in rows}
            arms.record(conn, [("guest-tea", number[treated.email], "holdout")], tea.clock.now())
            arms.record(conn, [("guest-tea", number[held.email], "treated")], tea.clock.now())
        mine, theirs = treated.orders("oolong"), held.orders("puer")
    found = effect(tea)
    assert (found.treated.people, found.holdout.people) == (2, 2)
    assert (found.treated.orders, found.holdout.orders) == (1, 1)
    assert nets(tea) == (kept(tea, mine), kept(tea, theirs))
    # Both browsers turn out to be one person's.
    now = tea.clock.now()
    ids = (("user_id", "u1"), ("anonymous_id", treated.device)), (("user_id", "u1"), ("anonymous_id", held.device))
    tea.append([Happening(message_id=f"app-{n}", kind="identify", at=now, received=now, source="server:app", ids=pair)
                for n, pair in enumerate(ids)]).result()  # fmt: skip
    found = effect(tea)
    assert (found.mixed, found.treated.people, found.holdout.people) == (1, 1, 1)
    assert nets(tea) == (0, 0), "left out, and not counted for whoever's address they typed"


def test_what_is_noted_of_a_device_is_given_out_and_erased_with_it_and_shows_nobodys_address(tea):
    with served(tea) as base:
        guest = Guest(tea, base, 1)
        order = guest.orders("oolong")
    assert nets(tea) == (kept(tea, order), 0)
    device, buyer = owner(tea, "anonymous_id", guest.device), owner(tea, "email", guest.email)
    assert device is not None
    assert buyer is not None
    with tea.db.read() as conn:
        of_device, of_buyer = (json.dumps(privacy.export(conn, p), ensure_ascii=False) for p in (device, buyer))
        event = conn.execute(text("SELECT data FROM events WHERE stream = :s AND seq = 1"), {"s": order}).scalar_one()
    assert "Payment Info Entered" in of_device
    for secret in (guest.email, "138001", "Li Wei", "南京路"):
        assert secret not in of_device
        assert secret in of_buyer or secret == "138001"
    assert guest.device not in of_buyer
    assert guest.device not in event
    tea.erase(f"anonymous_id:{guest.device}")
    found = effect(tea)
    assert (found.treated.people, found.treated.net, revenue(tea)) == (0, 0, kept(tea, order))
    with tea.db.read() as conn:
        for table, column in (("happenings", "ids"), ("order_contacts", "ids"), ("events", "data")):
            found_in = text(f"SELECT count(*) FROM {table} WHERE {column} LIKE :v")
            assert conn.execute(found_in, {"v": f"%{guest.device}%"}).scalar_one() == 0
        left = conn.execute(text("SELECT count(*) FROM purchases WHERE n = 2")).scalar_one()
        assert left == 0
        assert conn.execute(text("SELECT count(*) FROM order_contacts")).scalar_one() == 1, "it is still to be sent"


def test_no_browser_says_who_placed_an_order(tea):
    with served(tea) as base:
        guest, other = Guest(tea, base, 1), Guest(tea, base, 2)
        order = guest.orders("oolong")
    before = nets(tea)
    with tea.db.read() as conn:
        noted = conn.execute(text("SELECT message_id FROM happenings WHERE name = 'Payment Info Entered'")).scalar_one()
    number = order.partition(":")[2]
    now = tea.clock.now()
    claims = [("Payment Info Entered", {"order_id": number}),
              ("Order Completed", {"order_id": "x", "placed_in": noted}),
              ("Order Completed", {"order_id": "y", "placed_in": "claim-0", "total": 5}),
              ("Order Updated", {"order_id": number, "placed_in": "claim-0"}),
              ("Order Completed", {"order_id": "z", "placed_in": ["a"]})]  # fmt: skip
    tea.append([Happening(message_id=f"claim-{n}", kind="track", name=name, at=now, received=now, source="browser:shop",
                          ids=(("anonymous_id", other.device),), body={"properties": said})
                for n, (name, said) in enumerate(claims)]).result()  # fmt: skip
    assert nets(tea) == (before[0], 500), "what a browser says that it paid counts for itself alone"
