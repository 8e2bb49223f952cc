"""The morning page's suggestions: from the calendar and the shop's own patterns, the same for a day."""

from __future__ import annotations

import fairday
import patterned
from fairday.insight import patterns
from fairday.insight.morning import PRIOR, morning, next_festival, own_lifts, pooled, suggestions
from fairday.kernel.clock import DAY_MS, ManualClock, local_day
from fairday.kernel.jsons import dumps
from fairday.scenes.grammar import parse_scene


def test_a_shop_with_patterns_gets_its_own_scenes(shop: fairday.Shop, clock: ManualClock) -> None:
    patterned.fill(shop)
    today = local_day(clock.now(), shop.settings.zone)
    with shop.db.read() as conn:
        found = {s.playbook: s for s in suggestions(conn, shop.settings, clock.now())}
        again = suggestions(conn, shop.settings, clock.now())
        known = patterns.known(conn, shop.settings, today)
        up = patterns.rising(conn, today, known.categories)
        due = patterns.again(conn, today, known.categories)
    assert dumps(list(found.values())) == dumps(again)
    assert known.categories[0] == "cookies"
    assert up is not None
    assert (up.category, up.before) == ("candles", 0)
    assert due is not None
    assert due.category == "tea"
    assert 28 <= due.usual <= 40
    assert {"win-back", "second-order", "buy-again", "young-parents", "festival", "pay-day"} <= set(found)
    assert found["second-order"].audience == len(patterned.FIRST_TIMERS)
    assert len(patterned.GONE) <= found["win-back"].audience <= len(patterned.GONE) + 3
    assert 12 <= found["win-back"].values["days"] <= 20
    # Who stayed away spent nothing lately: nothing is promised of them.
    for one in found.values():
        spec, problems = parse_scene(one.text, shop.vocabulary)
        assert problems == []
        assert spec is not None
        assert one.prior
        assert (one.low, one.high) == (0, round(one.anyway * PRIOR[1]))
    # 2026-06-01: the Dragon Boat Festival is on the 19th, Father's Day on the 21st, pay day on the 10th.
    assert found["festival"].values["festival"] in ("cn.dragon_boat", "cn.618", "cn.fathers_day")
    assert found["pay-day"].values["day"] == today + 9


def test_three_are_shown_one_of_the_calendar_and_what_runs_is_left_out(shop: fairday.Shop, clock: ManualClock) -> None:
    patterned.fill(shop)
    first = morning(shop.db, shop.settings, clock.now())
    assert len(first) == 3
    assert any(s.playbook in ("festival", "pay-day") for s in first)
    assert morning(shop.db, shop.settings, clock.now() + 3_600_000) == first
    shop.save_scene(first[0].text)
    shop.move_scene("start", first[0].scene)
    left = morning(shop.db, shop.settings, clock.now())
    assert first[0].playbook not in {s.playbook for s in left}
    assert [s.playbook for s in left[:2]] == [s.playbook for s in first[1:]]
    # Many more people within the day: looked at again.
    rows = [patterned._said(f"x{n}", "identify", "", clock.now(), 1000 + n, {"traits": {}}) for n in range(30)]
    shop.append(rows).result()
    shop.catch_up()
    assert [s.audience for s in morning(shop.db, shop.settings, clock.now())] != []


def test_an_empty_shop_is_promised_nothing(shop: fairday.Shop, clock: ManualClock) -> None:
    assert morning(shop.db, shop.settings, clock.now()) == []
    with shop.db.read() as conn:
        assert own_lifts(conn, shop.settings, clock.now()) is None


def test_festivals_of_the_country_come_first() -> None:
    june = 20_605
    assert next_festival("cn", june) == ("cn.618", june + 17)
    assert next_festival("us", june - 3) == ("us.fathers_day", 20_625)
    assert next_festival("us", 17_531 + 10) == ("valentines_day", 17_576)


def test_own_lifts_are_pooled_by_how_sure_they_are() -> None:
    assert pooled([]) is None
    one = pooled([(0.10, 0.20)])
    assert one is not None
    assert (round(one.low, 6), round(one.high, 6)) == (0.0, 0.2)
    two = pooled([(0.10, 0.20), (0.30, 2.0)])
    assert two is not None
    assert 0.09 < (two.low + two.high) / 2 < 0.11
    assert two.high - two.low < 0.2


def test_days_pass_and_the_page_follows(tmp_path, clock: ManualClock) -> None:
    with fairday.open(tmp_path / "shop.db", clock=clock) as shop:
        patterned.fill(shop)
        names = {s.scene for s in morning(shop.db, shop.settings, clock.now())}
        clock.move(40 * DAY_MS)
        assert names != {s.scene for s in morning(shop.db, shop.settings, clock.now())}
