from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from fairday.kernel.audience import MOMENT_FUNCTIONS, STANDARD_TRAITS, AudienceError, Vocabulary, parse
from fairday.people.lately import NOTHING, Lately, Place
from fairday.scenes.moment import (
    PLACE_MS,
    WEATHER_MS,
    Around,
    moment_condition,
    moment_facts,
    moment_vocabulary,
    near_you,
)
from fairday.stores.near import WEATHERS, Store, Weather, city_key, distance, nearest, weather_word

SHANGHAI = "Asia/Shanghai"
XUHUI = Store(store="xuhui", name="徐汇店", city="上海", latitude=31.1956, longitude=121.4365)
HANGZHOU = Store(store="west-lake", name="西湖店", city="杭州", latitude=30.2590, longitude=120.1300)


def at(text: str, zone: str = SHANGHAI) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def holds(condition: str, now: int, lately: Lately = NOTHING, **known: object) -> bool:
    around = Around(known.get("stores", ()), known.get("weather", {}))  # type: ignore[arg-type]
    facts = moment_facts(now, SHANGHAI, lately, home=known.get("home"), around=around)  # type: ignore[arg-type]
    return moment_condition(condition).test(facts, 0)


@pytest.mark.parametrize(
    ("condition", "true_at", "false_at"),
    [
        ("hour between 18 and 22", "2026-06-01 22:59", "2026-06-01 23:00"),
        ("minute_of_day >= 1110", "2026-06-01 18:30", "2026-06-01 18:29"),
        ("weekday in ('saturday', 'sunday')", "2026-06-06 00:00", "2026-06-05 23:59"),
        ("day_of_month = 10", "2026-06-10 12:00", "2026-06-11 12:00"),
        ("days_to_month_end <= 2", "2028-02-27 12:00", "2028-02-26 12:00"),
        ("month = 12 and days_to_month_end = 0", "2026-12-31 23:59", "2027-01-01 00:00"),
    ],
)
def test_the_clock_is_read_where_the_shop_is(condition, true_at, false_at):
    assert holds(condition, at(true_at))
    assert not holds(condition, at(false_at))


def test_the_clock_is_read_where_the_person_is_when_their_device_told():
    evening = at("2026-06-01 20:00", "Europe/Madrid")
    assert not holds("hour = 20", evening)
    assert holds("hour = 20", evening, Lately(zone="Europe/Madrid"))


def test_the_place_counts_for_two_hours_and_distances_are_rounded_up():
    now = at("2026-06-01 12:00")
    near = Lately(place=Place(now - PLACE_MS, 31.2000, 121.4365))
    assert holds(
        "km_to_store <= 1 and km_to_store > 0 and nearest_store = 'xuhui'", now, near, stores=[HANGZHOU, XUHUI]
    )
    assert holds("city = '上海'", now, near, stores=[XUHUI], home="北京")
    assert not holds("known(km_to_store)", now + 1, near, stores=[XUHUI])
    assert holds("city = '北京'", now + 1, near, stores=[XUHUI], home="北京")
    assert not holds("known(km_to_store) or known(city)", now, near)
    assert holds("city = '苏州' and not known(km_to_store)", now, Lately(place=Place(now, city="苏州")), stores=[XUHUI])


def test_the_weather_is_that_of_the_persons_city_and_grows_old():
    now = at("2026-06-01 12:00")
    known = {"home": "上海市", "weather": {city_key("上海"): Weather("rain", -3, now - WEATHER_MS)}}
    assert holds("weather = 'rain' and temperature <= -3", now, **known)
    assert not holds("known(weather) or known(temperature)", now + 1, **known)
    assert not holds("known(weather)", now, home="北京", weather=known["weather"])
    assert not holds("known(weather)", now, weather=known["weather"])


def test_what_they_just_did_is_counted_in_whole_minutes():
    now = at("2026-06-01 12:00")
    lately = Lately(
        events={"Product Viewed": now - 30 * 60_000 - 59_999, "Later": now + 1}, category="tea", product="t1"
    )
    assert holds(
        "minutes_since('Product Viewed') <= 30 and viewed_category = 'tea' and viewed_product = 't1'", now, lately
    )
    assert not holds("minutes_since('Product Viewed') <= 30", now + 1, lately)
    assert not holds("known(minutes_since('Order Completed')) or known(minutes_since('Later'))", now, lately)
    assert holds("not known(minutes_since('Order Completed'))", now, lately)


def test_an_unknown_moment_is_no_moment_and_its_opposite_neither():
    assert not holds("weather = 'rain'", 0)
    assert not holds("not weather = 'rain'", 0)


@pytest.mark.parametrize(
    "name", ["count", "total", "bought", "spent_on", "viewed", "days_since", "days_until", "likely"]
)
def test_what_people_did_over_days_is_not_asked_of_a_moment(name):
    example = {"count": "count('A', 7d) > 1", "likely": "likely(hour < 3, 0.5)"}.get(name, f"{name}('A') > 1")
    with pytest.raises(AudienceError) as told:
        parse(example, moment_vocabulary())
    assert told.value.code == "not_of_a_moment"
    assert all(function in told.value.remedy for function in MOMENT_FUNCTIONS)


@pytest.mark.parametrize("text", ["minutes_since('A') < 3", "known(minutes_since('A'))"])
def test_minutes_are_asked_of_a_moment_alone(text):
    with pytest.raises(AudienceError) as told:
        parse(text, Vocabulary(STANDARD_TRAITS, "CNY"))
    assert told.value.code == "only_of_a_moment"
    assert (told.value.start, told.value.end) == (text.index("minutes"), text.index("minutes") + 13)


def test_every_example_of_a_moments_function_is_understood():
    assert parse(f"{MOMENT_FUNCTIONS['minutes_since']} < 9", moment_vocabulary())
    for text in (
        "minutes_since() < 3",
        "minutes_since(hour) < 3",
        "minutes_since('') < 3",
        "minutes_since('A', 7d) < 3",
    ):
        with pytest.raises(AudienceError):
            parse(text, moment_vocabulary())


def test_distances_are_those_of_the_great_circle():
    assert distance(31.2304, 121.4737, HANGZHOU) == pytest.approx(167.6, abs=1.0)  # Shanghai to the West Lake
    assert distance(XUHUI.latitude, XUHUI.longitude, XUHUI) == 0
    assert distance(0, 179.5, Store(store="a", name="a", latitude=0, longitude=-179.5)) == pytest.approx(111.2, abs=0.1)
    assert [s.store for _, s in nearest(31.2, 121.4, [HANGZHOU, XUHUI], 2)] == ["xuhui", "west-lake"]


@pytest.mark.parametrize(
    ("said", "word"),
    [("Light rain", "rain"), ("Thunderstorm with rain", "storm"), ("小雨", "rain"), ("雷阵雨", "storm"),
     ("多云", "clouds"),
     ("Overcast clouds", "clouds"), ("Despejado", "clear"), ("Sunny", "clear"), ("Haze", "fog"), ("雨夹雪", "snow"),
     ("Moderate breeze", None), ("", None), *[(w, w) for w in WEATHERS]],
)  # fmt: skip
def test_weather_services_words_are_read(said, word):
    assert weather_word(said) == word


def test_near_you_are_the_nearest_stores_of_the_last_two_hours():
    now, around = at("2026-06-01 12:00"), Around([HANGZHOU, XUHUI])
    here = Lately(place=Place(now, 31.2, 121.4365))
    assert [store.store for _, store in near_you(here, around, now)] == ["xuhui"]
    assert near_you(here, around, now + PLACE_MS + 1) == []
    assert near_you(here, around, now - 1) == []
    assert near_you(Lately(place=Place(now, city="上海")), around, now) == []
    assert near_you(NOTHING, around, now) == []
