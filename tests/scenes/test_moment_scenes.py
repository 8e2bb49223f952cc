"""Scenes that wait for a moment, and looks by crowd, from the log to the page and the mail."""

from __future__ import annotations

from datetime import date

import pytest

from conftest import NOON
from fairday.goods.catalogue import ProductRow, save_products
from fairday.goods.records import Variant, save_variants
from fairday.goods.stock import goods_on_hand
from fairday.kernel.clock import DAY_MS, to_day
from fairday.kernel.errors import FairdayError
from fairday.scenes.spec import Words, to_yaml
from fairday.storage.log import Happening
from fairday.stores.near import Store
from fairday.stores.records import save_stores

MINUTE, HOUR = 60_000, 3_600_000
EIGHT = NOON  # 20:00 in Shanghai

SCENE = """\
scene: {name}
title: Tea
when: {when}
what:
  look:
    - {{who: "age < 30", theme: young, greeting: {{en: "Hi!"}}}}
    - {{unless: "age >= 60", theme: warm}}
  floors:
    - {{title: Tea, goods: "category = 'tea'"}}
where: [page, email]
"""


def scene(shop, when: str, name: str = "rainy") -> None:
    shop.save_scene(SCENE.format(name=name, when=when))
    shop.move_scene("start", name)


@pytest.fixture
def tea(shop):
    """A shop with tea, a store, and three people of 25, 40 and 65 in Shanghai who take mail."""
    with shop.db.write() as conn:
        save_products(conn, [ProductRow(product="t1", title="Tea", category="tea", price=100, currency="CNY")], NOON)
        save_stores(conn, [Store(store="s1", name="Xuhui", city="上海", latitude=31.2, longitude=121.44)])
    rows = []
    for age in (25, 40, 65):
        who = (("user_id", f"u{age}"), ("email", f"u{age}@example.com"))
        crm = {"received": NOON, "source": "server:crm", "ids": who, "at": NOON - DAY_MS}
        said = {"traits": {"age": age, "address": {"city": "上海"}}}
        agreed = {"properties": {"channel": "email"}}
        rows.append(Happening(message_id=f"i{age}", kind="identify", body=said, **crm))
        rows.append(Happening(message_id=f"c{age}", kind="track", name="Consent Given", body=agreed, **crm))
    shop.append(rows).result()
    shop.catch_up()
    return shop


def tell(shop, name: str, at: int, source: str = "browser:web", ids=(), **body: object) -> None:
    shop.append([Happening(message_id=f"{name}-{at}-{ids}", kind="track", name=name, at=at, received=at, source=source,
                           ids=ids, body=body)]).result()  # fmt: skip
    shop.catch_up()
    shop.staging.forget()


def shown(shop, who: str = "user_id:u40", touchpoint: str = "page") -> list[str]:
    return [met.spec.scene for met in shop.choose(who, touchpoint).shown]


def test_a_scene_waits_for_rain_in_the_evening_where_the_person_is(tea):
    scene(tea, "{moment: \"hour >= 18 and weather = 'rain'\"}")
    assert shown(tea) == []
    tell(tea, "Weather Observed", NOON, "server:weather", properties={"city": "上海", "weather": "小雨"})
    assert shown(tea) == ["rainy"]
    assert shown(tea, None) == []
    tea.clock.at = NOON - 3 * HOUR  # 17:00, and the weather lies ahead
    assert shown(tea) == []
    tea.clock.at = NOON + 3 * HOUR + MINUTE
    assert shown(tea) == [], "the weather has grown old"


def test_what_somebody_just_did_counts_from_the_next_request_on(tea):
    scene(tea, "{moment: \"minutes_since('Product Viewed') <= 30 and viewed_category = 'tea'\"}")
    assert shown(tea) == []
    tell(tea, "Product Viewed", NOON - 30 * MINUTE, ids=(("user_id", "u40"),), properties={"category": "tea"})
    assert shown(tea) == ["rainy"]
    assert shown(tea, "user_id:u25") == []
    tea.clock.move(MINUTE)
    assert shown(tea) == []


def test_near_a_store_is_where_the_device_was_within_two_hours(tea):
    scene(tea, '{moment: "km_to_store <= 1"}')
    near = {"location": {"latitude": 31.205, "longitude": 121.44}}
    tell(tea, "Application Opened", NOON - HOUR, ids=(("user_id", "u40"),), context=near)
    assert shown(tea) == ["rainy"]
    tea.clock.move(2 * HOUR)
    assert shown(tea) == []


def test_each_day_of_a_moment_is_a_round_of_its_own_and_presses_first(tea):
    scene(tea, "always", "always")
    scene(tea, "{dates: 2026-05-01..2026-06-05}", "days")
    scene(tea, '{moment: "hour >= 18"}')
    found = tea.choose("user_id:u40", "page").shown
    assert [m.spec.scene for m in found] == ["rainy", "days", "always"]
    assert found[0].occasion == NOON // DAY_MS
    scene(tea, '{dates: 2026-05-01..2026-06-05, moment: "hour >= 18"}', "both")
    both = tea.choose("user_id:u40", "page", scene="both").shown[0]
    assert both.occasion == NOON // DAY_MS
    assert both.placeholders(NOON // DAY_MS, "en", "Tea")["days_left"] == "4"


def test_mail_is_planned_when_the_moment_is_and_once_a_day(tea):
    scene(tea, '{moment: "hour between 19 and 20"}')
    tea.clock.at = NOON - 4 * HOUR
    assert tea.mailing.plan()["queued"] == 0
    tea.clock.at = NOON
    assert tea.mailing.plan()["queued"] == 3
    tea.clock.at = NOON + 10 * MINUTE
    assert tea.mailing.plan()["queued"] == 0
    tea.clock.at = NOON + DAY_MS
    assert tea.mailing.plan()["queued"] == 3


def test_mail_follows_the_clock_of_the_person(tea):
    scene(tea, '{moment: "hour between 13 and 14"}')
    tell(tea, "Application Opened", NOON, ids=(("user_id", "u40"),), context={"timezone": "Europe/Madrid"})
    assert tea.mailing.plan()["queued"] == 1


def test_the_first_look_that_holds_is_the_persons(tea):
    scene(tea, "always")
    young = tea.choose("user_id:u25", "page").look
    assert young is not None
    assert (young.theme, young.greeting) == ("young", Words(en="Hi!"))
    assert tea.choose("user_id:u40", "page").look.theme == "warm"
    assert tea.choose("user_id:u65", "page").look is None
    assert tea.choose(None, "page").look.theme == "warm", "of whom nothing is known, unless keeps nothing back"


def test_a_scene_that_waits_says_why_it_does_not_meet_somebody(tea):
    scene(tea, "{moment: \"weather = 'rain'\"}")
    steps = tea.choose("user_id:u40", "page", scene="rainy").trace.steps
    assert [s.code for s in steps] == ["not_this_moment"]


NEAR_YOU = """
scene: rainy
title: {en: Stores}
when: always
what:
  floors:
    - {title: {en: Near you}, who: "near_store(5km)", goods: "category = 'tea'"}
    - {title: {en: Anywhere}, goods: "category = 'tea'"}
where: [page]
goal: {metric: revenue, within: 7d}
"""


def test_a_floor_is_for_those_near_a_store_now_and_says_so_in_short(tea):
    spec = tea.save_scene(NEAR_YOU)
    assert [(f.who, f.moment) for f in spec.floors] == [(None, "km_to_store <= 5"), (None, None)]
    assert tea.save_scene(to_yaml(spec)) == spec
    tea.move_scene("start", "rainy")
    tea.staging.forget()

    def floors() -> list[str | None]:
        return [f.title.get("en") for _, f in tea.choose("user_id:u40", "page").floors]

    assert floors() == ["Anywhere"], "where somebody is who did not say is not known"
    near = {"location": {"latitude": 31.205, "longitude": 121.44}}
    tell(tea, "Application Opened", NOON - HOUR, ids=(("user_id", "u40"),), context=near)
    assert floors()[0] == "Near you"
    tea.clock.move(2 * HOUR)
    assert floors() == ["Anywhere"]
    assert "floor_not_this_moment" in [s.code for s in tea.choose("user_id:u40", "page").trace.steps]
    with pytest.raises(FairdayError, match="near_store"):
        tea.save_scene(NEAR_YOU.replace("near_store(5km)", "near_store(5km) and orders(9d) > 1"))


EXAMPLE = """
scene: new-year-goods
title: {zh: 年货节, en: New Year goods, es: Productos de Año Nuevo}
when:  {festival: cn.spring_festival, phases: {warm-up: -28d..-15d, burst: -14d..-4d, encore: -3d..+7d}}
who:   "city_tier <= 2 and orders(90d) >= 1"
what:
  floors:
    - {title: {en: Visit with gifts}, unless: "age < 20", goods: "category in ('gifts','tea')", rank: personal}
    - {title: {en: The reunion dinner}, goods: "category in ('snacks','drinks','kitchen')", rank: personal, variety: 0.3}
    - {title: {en: Near you}, who: "near_store(5km)", goods: "in_store(nearest)"}
offer: [{spend: 199, off: 30, stack: new-year}, {coupon: ny-share-pack}]
play:  {group-buy: {size: 3, price: {percent_off: 15}, hours: 24}}
where: [feed, {email: warm-up}, {wechat: burst}, {store-screen: burst}]
guard: {budget: CNY 50000, per_person: 3/week, holdout: 10%}
goal:  {metric: revenue, within: 14d}
"""  # noqa: E501
"""The example of the design, to the letter."""


@pytest.fixture
def new_year(shop):
    """Ten days before the Spring Festival of 2027: gifts, snacks and lamps, a store in Xuhui and one in Pudong. People
    of a large city who bought; only the lamp in Xuhui is on hand."""
    day = to_day(date(2027, 1, 27))
    shop.clock.at = now = day * DAY_MS + 4 * HOUR
    goods = (("g1", "Gift box", "gifts"), ("n1", "Nuts", "snacks"), ("l1", "Lamp", "home"), ("l2", "Lantern", "home"))
    with shop.db.write() as conn:
        rows = [ProductRow(product=p, title=t, category=c, price=9900, currency="CNY") for p, t, c in goods]
        save_products(conn, rows, now)
        forms = [Variant(sku=f"l1-{c}", product="l1", options={"colour": c}) for c in ("red", "gold")]
        save_variants(conn, "l1", forms, now, "CNY")
        stores = (("s1", "Xuhui", 31.2, 121.44), ("s2", "Pudong", 31.22, 121.54))
        save_stores(conn, [Store(store=s, name=n, city="上海", latitude=a, longitude=b) for s, n, a, b in stores])
    shop.stock.count("l1-red", "s1", 3)
    shop.stock.count("l2", "s2", 2)
    told = []
    for n in range(20):
        crm = {"received": now, "source": "server:crm", "ids": (("user_id", f"u{n}"),)}
        traits = {"traits": {"age": 30, "city_tier": 1}}
        bought = {"properties": {"order_id": f"o{n}", "total": 99, "currency": "CNY", "products": [
            {"product_id": "g1", "quantity": 1, "price": 99}]}}  # fmt: skip
        told.append(Happening(message_id=f"i{n}", kind="identify", at=now - DAY_MS, body=traits, **crm))
        told.append(Happening(message_id=f"o{n}", kind="track", name="Order Completed", at=now - DAY_MS, body=bought,
                              **crm))  # fmt: skip
    shop.append(told).result()
    shop.catch_up()
    return shop


def test_the_example_of_the_design_shows_what_the_nearest_store_has_on_hand(new_year):
    shop = new_year
    spec = shop.save_scene(EXAMPLE)
    assert (spec.floors[2].in_store, spec.floors[2].goods_written) == (True, "in_store(nearest)")
    assert shop.save_scene(to_yaml(spec)) == spec
    shop.move_scene("start", "new-year-goods")
    shop.staging.forget()
    who = next(f"u{n}" for n in range(20) if shop.choose(f"user_id:u{n}", "feed").shown)

    def floors() -> dict[str, list[str]]:
        shop.staging.forget()
        met = shop.choose(f"user_id:{who}", "feed").floors
        return {f.title.get("en"): [g.product.product for g in f.goods] for _, f in met}

    def stand(latitude: float, longitude: float) -> None:
        place = {"location": {"latitude": latitude, "longitude": longitude}}
        now = shop.clock.now()
        tell(shop, "Application Opened", now, ids=(("user_id", who),), context=place)

    anywhere = {"Visit with gifts": ["g1"], "The reunion dinner": ["n1"]}
    assert floors() == anywhere
    stand(31.201, 121.44)
    assert floors() == anywhere | {"Near you": ["l1"]}
    shop.stock.adjust("l1-red", "s1", -3, "lost")
    assert floors() == anywhere
    shop.clock.move(MINUTE)
    stand(31.22, 121.541)
    assert floors() == anywhere | {"Near you": ["l2"]}
    stand_far = (39.9, 116.4)
    shop.clock.move(MINUTE)
    stand(*stand_far)
    assert floors() == anywhere, "the nearest store is a thousand kilometres away"


IN_STORE_SCENE = """
scene: shelf
title: Shelf
when: always
what:
  floors:
    - {title: There, goods: "in_store(nearest) and category = 'home'"}
where: [page]
"""


def test_a_store_that_was_chosen_is_theirs_until_they_are_elsewhere(new_year):
    shop = new_year
    shop.save_scene(IN_STORE_SCENE)
    shop.move_scene("start", "shelf")

    def there(who: str = "u1") -> list[str]:
        shop.staging.forget()
        found = shop.choose(f"user_id:{who}", "page", scene="shelf")
        return [g.product.product for _, f in found.floors for g in f.goods]

    def choose(store: str) -> None:
        shop.clock.move(MINUTE)
        tell(shop, "Store Chosen", shop.clock.now(), ids=(("user_id", "u1"),), properties={"store_id": store})

    assert there() == []
    choose("s2")
    assert there() == ["l2"]
    assert there("u2") == []
    shop.clock.move(MINUTE)
    here = {"location": {"latitude": 31.2, "longitude": 121.44}}
    tell(shop, "Application Opened", shop.clock.now(), ids=(("user_id", "u1"),), context=here)
    assert there() == ["l1"]
    why = shop.choose("user_id:u1", "page", scene="shelf")
    assert why.floors
    shop.clock.move(3 * HOUR)
    assert there() == ["l2"], "what was told three hours ago is not where they are"
    choose("gone")
    assert there() == []
    with shop.db.read() as conn:
        assert goods_on_hand(conn, ["s1", "s2", "gone"]) == {
            "s1": frozenset({"l1"}), "s2": frozenset({"l2"}), "gone": frozenset(),
        }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("in_store(nearest) and category = 'a' or category = 'b'", "in_store"),
        ("in_store(nearest) and colour = 'a'", "colour"),
        ("in_store(any)", "in_store"),
        ("in_store(nearest) or price > 1", "in_store"),
    ],
)
def test_goods_of_a_store_that_cannot_be_understood_are_refused(shop, written, said):
    with pytest.raises(FairdayError, match=said):
        shop.save_scene(IN_STORE_SCENE.replace("in_store(nearest) and category = 'home'", written))


def test_goods_of_a_store_with_or_stand_in_brackets(shop):
    written = "in_store(nearest) and (category = 'a' or category = 'b')"
    spec = shop.save_scene(IN_STORE_SCENE.replace("in_store(nearest) and category = 'home'", written))
    assert spec.floors[0].goods_written == written
    assert shop.save_scene(to_yaml(spec)) == spec
