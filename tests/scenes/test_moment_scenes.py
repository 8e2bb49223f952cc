"""Scenes that wait for a moment, and looks by crowd, from the log to the page and the mail."""

from __future__ import annotations

import pytest

from conftest import NOON
from fairday.goods.catalogue import ProductRow, save_products
from fairday.kernel.clock import DAY_MS
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
